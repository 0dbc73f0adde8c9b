//! Temporal links: faces of neighbouring frames that are surely one person.

use streamface_imgproc::Thumbnail;
use streamface_types::BoundingBox;

/// When two faces are linked. Both defaults are the original's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkSettings {
    /// Least similarity of the two frames, 0 to 1. Default .75.
    pub similarity: f64,
    /// Least overlap of the two boxes (pixel-inclusive), 0 to 1. Default .75.
    pub iou: f32,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self { similarity: 0.75, iou: 0.75 }
    }
}

/// Which earlier face a face continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTo {
    /// 1 for the frame before, 2 for the one before that.
    pub frames_back: usize,
    /// The face's place in that frame.
    pub face: usize,
}

#[derive(Debug)]
struct Seen {
    thumbnail: Thumbnail,
    boxes: Vec<BoundingBox>,
    links: Vec<Option<LinkTo>>,
}

/// Links each frame's faces to those of the two frames before it.
///
/// The original asks for equal numbers of faces and links all or none, in order. Here faces are
/// matched one to one by overlap, so one more face in the picture loses no link, and no two faces of
/// a frame ever continue one earlier face, through whichever frame. Pairs are taken best first: where
/// the boxes of a frame overlap by at most `n` (the detector's NMS), overlaps above (1 + n) / 2 cannot
/// compete for a face (1 − IoU is a metric), so best first is the best assignment.
#[derive(Debug)]
pub struct Linker {
    settings: LinkSettings,
    /// The last two frames, newest first.
    seen: Vec<Seen>,
}

impl Linker {
    /// A linker that has seen nothing.
    #[must_use]
    pub fn new(settings: LinkSettings) -> Self {
        Self { settings, seen: Vec::new() }
    }

    /// Forgets what came before: another source begins.
    pub fn reset(&mut self) {
        self.seen.clear();
    }

    /// Links the faces of the next frame: for each box the face it continues, if any.
    pub fn link(&mut self, thumbnail: Thumbnail, boxes: &[BoundingBox]) -> Vec<Option<LinkTo>> {
        let mut links: Vec<Option<LinkTo>> = vec![None; boxes.len()];
        for back in 1..=self.seen.len() {
            let earlier = &self.seen[back - 1];
            let open = links.iter().any(Option::is_none) && !earlier.boxes.is_empty();
            if !open || thumbnail.similarity(&earlier.thumbnail) <= self.settings.similarity {
                continue;
            }
            let mut free = vec![true; earlier.boxes.len()];
            // Faces that a link made before already leads to, one frame on.
            for link in links.iter().flatten() {
                if let Some(LinkTo { frames_back: 1, face }) =
                    self.seen[link.frames_back - 1].links[link.face]
                    && link.frames_back + 1 == back
                {
                    free[face] = false;
                }
            }
            let mut pairs = Vec::new();
            for (i, a) in boxes.iter().enumerate().filter(|(i, _)| links[*i].is_none()) {
                for (j, b) in earlier.boxes.iter().enumerate().filter(|(j, _)| free[*j]) {
                    let iou = a.iou_inclusive(b);
                    if iou > self.settings.iou {
                        pairs.push((iou, i, j));
                    }
                }
            }
            pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            for (_, i, j) in pairs {
                if links[i].is_none() && free[j] {
                    links[i] = Some(LinkTo { frames_back: back, face: j });
                    free[j] = false;
                }
            }
        }
        self.seen.truncate(1);
        self.seen.insert(0, Seen { thumbnail, boxes: boxes.to_vec(), links: links.clone() });
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn picture(seed: u32) -> Thumbnail {
        let pixel = |x: u32, y: u32| (x / 16 * 37 + y / 16 * 101 + seed * (x / 16 * y / 16 * 13 + 7)) as u8;
        Thumbnail::new(&RgbImage::from_fn(320, 180, |x, y| Rgb([pixel(x, y); 3])))
    }
    fn boxed(x: f32) -> BoundingBox {
        BoundingBox::new(x, 50.0, 100.0, 100.0)
    }
    const fn to(frames_back: usize, face: usize) -> Option<LinkTo> {
        Some(LinkTo { frames_back, face })
    }

    #[test]
    fn a_changed_count_loses_no_link() {
        let mut linker = Linker::new(LinkSettings::default());
        linker.link(picture(0), &[boxed(0.0), boxed(300.0)]);
        let links = linker.link(picture(0), &[boxed(600.0), boxed(302.0), boxed(3.0)]);
        assert_eq!(links, [None, to(1, 1), to(1, 0)]);
    }

    #[test]
    fn a_face_gone_for_one_frame_is_found_in_the_one_before() {
        let mut linker = Linker::new(LinkSettings::default());
        linker.link(picture(0), &[boxed(0.0)]);
        linker.link(picture(0), &[]);
        assert_eq!(linker.link(picture(0), &[boxed(1.0)]), [to(2, 0)]);
    }

    #[test]
    fn no_two_faces_continue_one_earlier_face() {
        let mut linker = Linker::new(LinkSettings::default());
        linker.link(picture(0), &[boxed(0.0)]);
        // Moves on by 14; the next frame has a face that fits here, and one that fits two frames back.
        assert_eq!(linker.link(picture(0), &[boxed(13.0)]), [to(1, 0)]);
        let links = linker.link(picture(0), &[boxed(26.0), boxed(-10.0)]);
        assert_eq!(links, [to(1, 0), None]);
    }

    #[test]
    fn another_scene_or_a_reset_links_nothing() {
        let mut linker = Linker::new(LinkSettings::default());
        linker.link(picture(0), &[boxed(0.0)]);
        assert_eq!(linker.link(picture(9), &[boxed(0.0)]), [None]);
        linker.reset();
        assert_eq!(linker.link(picture(9), &[boxed(0.0)]), [None]);
    }
}
