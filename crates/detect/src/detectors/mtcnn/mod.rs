//! MTCNN (Zhang et al. 2016, arXiv:1604.02878): three small networks. The first is laid over the frame at many sizes
//! and proposes boxes, the second drops most of them and moves the rest, the third judges and moves once more and
//! places five landmarks.

mod candidate;
mod stage;

use image::RgbImage;
use streamface_imgproc::resize_area;
use streamface_model::{ChannelOrder, Manifest, ModelId, NetworkOptions};
use streamface_types::{BoundingBox, Detection, Landmarks};

use self::candidate::{Candidate, keep_best_of};
use self::stage::{Form, Outputs, Stage};
use super::nms::{keep_best_faces, within};
use super::sized_networks::SizedNetworks;
use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::settings::DetectSettings;

/// Side of the smallest face that is looked for, in pixels of the frame at [`DetectSettings::size`].
const MIN_FACE: f64 = 20.0;
/// Side of the window of the first network, and the distance between two windows.
const WINDOW: u32 = 12;
const STRIDE: f32 = 2.0;
/// From one size of the frame to the next.
const PYRAMID_FACTOR: f64 = 0.709;
/// Least scores of the first two networks, as in the paper's code.
const PROPOSAL_SCORE: f32 = 0.6;
const REFINEMENT_SCORE: f32 = 0.7;
/// Boxes of one size that are kept, and what the second network sees at most: bounds the time for frames that are
/// made to be slow.
const MAX_PROPOSALS: usize = 4096;
/// Sizes of frames for which the first network is kept ready: some eight for each size of a video.
const READY_SIZES: usize = 64;

/// The detector MTCNN.
#[derive(Debug)]
pub struct Mtcnn {
    id: ModelId,
    form: Form,
    settings: DetectSettings,
    proposal: SizedNetworks,
    refinement: Stage,
    output: Stage,
}

impl Mtcnn {
    /// A detector with the given weights, which [`streamface_model::Cache::read`] gives: of the first, the second and
    /// the third network, in this order.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Model`] where the model is no detector or the weights do not load;
    /// [`Error::Unfit`] where the manifest says what MTCNN is not.
    pub fn new(model: &Manifest, weights: Vec<Vec<u8>>, settings: DetectSettings) -> Result<Self> {
        settings.check()?;
        let transposed = model.detector()?.transposed;
        let unfit = |why: &str| Error::Unfit { model: model.name.clone(), why: why.into() };
        let ([p, r, o], Ok([pnet, rnet, onet])) = (&model.weights[..], <[Vec<u8>; 3]>::try_from(weights))
        else {
            return Err(unfit("it has three weight files: of the first, the second and the third network"));
        };
        if model.input.channels == ChannelOrder::Gray {
            return Err(unfit("it sees colours, not grey"));
        }
        let form = Form { input: model.input, transposed };
        let named = |part: &str| format!("{} ({part})", model.name);
        let layout = model.input.layout;
        let options = NetworkOptions::of(model);
        let proposal =
            SizedNetworks::new(&named(&p.name), p.format, layout, options, pnet).keeping(READY_SIZES);
        let stage = |file: &streamface_model::Weights, weights, side| {
            let networks = SizedNetworks::new(&named(&file.name), file.format, layout, options, weights);
            Ok::<_, Error>(Stage {
                network: networks.get((side, side))?,
                name: named(&file.name),
                side,
                form,
            })
        };
        // A broken file is reported now, not with the first frame.
        proposal.get((WINDOW, WINDOW))?;
        let (refinement, output) = (stage(r, rnet, 24)?, stage(o, onet, 48)?);
        Ok(Self { id: model.id(), form, settings, proposal, refinement, output })
    }

    /// What the first network proposes, over all sizes of the frame.
    fn propose(&self, frame: &RgbImage) -> Result<Vec<Candidate>> {
        let (w, h) = frame.dimensions();
        let whole = BoundingBox::new(0.0, 0.0, w as f32, h as f32);
        let mut all = Vec::new();
        for (width, height) in pyramid(w, h, self.settings.size) {
            let picture = resize_area(frame, &whole, width, height);
            let size = if self.form.transposed { (height, width) } else { (width, height) };
            let network = self.proposal.get(size)?;
            let mut input = vec![0.0; 3 * (width * height) as usize];
            self.form.write(&picture, &mut input);
            let outputs = network.run(&input)?;
            let outputs = Outputs { model: &self.id.name, form: self.form, outputs: &outputs };
            let scale = [w as f32 / width as f32, h as f32 / height as f32];
            let mut found = outputs.proposals((width, height), |x, y, score, shift| {
                let corner = [x as f32 * STRIDE * scale[0], y as f32 * STRIDE * scale[1]];
                let side = [WINDOW as f32 * scale[0], WINDOW as f32 * scale[1]];
                Candidate { corner, side, score, shift }
            })?;
            keep_best_of(&mut found, MAX_PROPOSALS, 0.5);
            all.append(&mut found);
        }
        keep_best_of(&mut all, MAX_PROPOSALS, 0.7);
        Ok(all.into_iter().filter_map(|c| c.moved().square()).collect())
    }

    /// What the second network leaves of them, moved.
    fn refine_boxes(&self, frame: &RgbImage, proposed: Vec<Candidate>) -> Result<Vec<Candidate>> {
        let mut left = Vec::new();
        for mut candidate in proposed {
            let seen = self.refinement.look(frame, &candidate)?;
            if seen.score > REFINEMENT_SCORE {
                (candidate.score, candidate.shift) = (seen.score, seen.shift);
                left.push(candidate);
            }
        }
        keep_best_of(&mut left, MAX_PROPOSALS, 0.7);
        Ok(left.into_iter().filter_map(|c| c.moved().square()).collect())
    }
}

impl Detector for Mtcnn {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn detect(&self, frame: &RgbImage) -> Result<Vec<Detection>> {
        let proposed = self.propose(frame)?;
        let mut found = Vec::new();
        for mut candidate in self.refine_boxes(frame, proposed)? {
            let seen = self.output.look(frame, &candidate)?;
            if seen.score > self.settings.score {
                // Landmarks are counted from the square that the network saw.
                let points = seen.landmarks;
                let landmarks = std::array::from_fn(|i| candidate.point([points[i], points[i + 5]]));
                (candidate.score, candidate.shift) = (seen.score, seen.shift);
                found.push((candidate.moved(), Landmarks(landmarks)));
            }
        }
        candidate::keep_best_within(&mut found, 0.7);
        let (w, h) = (frame.width() as f32, frame.height() as f32);
        let detection = |(c, landmarks): (Candidate, Landmarks)| {
            within(Detection { bbox: c.bbox(), landmarks, score: c.score }, w, h)
        };
        let mut faces = found.into_iter().filter_map(detection).collect();
        keep_best_faces(&mut faces, self.settings.nms_iou);
        Ok(faces)
    }
}

/// Widths and heights at which the first network sees a frame of `w` x `h` whose long side is to be `size`, the largest
/// first: so that faces of [`MIN_FACE`] pixels, then of ever larger ones, fill its window.
fn pyramid(w: u32, h: u32, size: u32) -> Vec<(u32, u32)> {
    let long = f64::from(w.max(h));
    let mut scale = f64::from(size).min(long) / long * f64::from(WINDOW) / MIN_FACE;
    let mut sizes = Vec::new();
    while f64::from(w.min(h)) * scale >= f64::from(WINDOW) {
        let side = |s: u32| (f64::from(s) * scale).ceil() as u32;
        sizes.push((side(w), side(h)));
        scale *= PYRAMID_FACTOR;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_seen_ever_smaller_down_to_one_window() {
        let sizes = pyramid(1920, 1080, 480);
        assert_eq!(sizes[0], (288, 162));
        assert_eq!(sizes.len(), 8);
        assert!(sizes.windows(2).all(|s| s[1] < s[0]) && sizes[7].1 >= WINDOW);
        // A small picture is not enlarged; one smaller than a window is not looked at.
        assert_eq!(pyramid(100, 100, 480)[0], (60, 60));
        assert_eq!(pyramid(1000, 10, 480), []);
        assert_eq!(pyramid(0, 0, 480), []);
    }
}
