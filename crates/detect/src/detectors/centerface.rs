//! CenterFace (Xu et al. 2019, arXiv:1911.03599): a heat map of face centres at stride 4, and for each place
//! the face's logarithmic size, the centre's offset and five landmarks. It finds large faces well and places
//! their landmarks badly; a second look at the face's surroundings, shrunk, places them right.

use image::RgbImage;
use streamface_imgproc::resize_area;
use streamface_model::{Input, Manifest, ModelId, SecondLook, Tensor};
use streamface_types::{BoundingBox, Detection, Landmarks};

use super::frame_input::{self, in_frame, input_size, planar};
use super::nms::keep_best_faces;
use super::sized_networks::SizedNetworks;
use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::settings::DetectSettings;

/// Least score of the second look: that there is a face is known by then.
const SECOND_LOOK_SCORE: f32 = 0.3;

/// The detector CenterFace, and what else shares its outputs.
#[derive(Debug)]
pub struct CenterFace {
    id: ModelId,
    input: Input,
    settings: DetectSettings,
    networks: SizedNetworks,
}

impl CenterFace {
    /// A detector with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Model`] where the model is no detector or the weights do not load;
    /// [`Error::Unfit`] where the manifest says what CenterFace is not.
    pub fn new(model: &Manifest, weights: Vec<Vec<u8>>, settings: DetectSettings) -> Result<Self> {
        settings.check()?;
        model.detector()?;
        let networks = frame_input::networks(model, weights)?;
        // A broken file is reported now, not with the first frame.
        networks.get(settings.second_look.map_or((64, 64), |l| (l.size, l.size)))?;
        Ok(Self { id: model.id(), input: model.input, settings, networks })
    }

    /// One run of the network over `image`, resized to `size`.
    fn look(&self, image: &RgbImage, size: (u32, u32), score: f32) -> Result<Vec<Detection>> {
        let network = self.networks.get(size)?;
        let outputs = network.run(&planar(image, size, &self.input))?;
        decode(&self.id.name, &outputs, size, score, self.settings.nms_iou)
    }
}

impl Detector for CenterFace {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn detect(&self, frame: &RgbImage) -> Result<Vec<Detection>> {
        let (w, h) = frame.dimensions();
        if w == 0 || h == 0 {
            return Ok(Vec::new());
        }
        let size = input_size(w, h, self.settings.size);
        Ok(in_frame(self.look(frame, size, self.settings.score)?, size, (w, h)))
    }

    /// From a second look at the face's surroundings; the landmarks of the first where the second sees nothing.
    fn refine(&self, frame: &RgbImage, face: &Detection) -> Result<Landmarks> {
        let Some(SecondLook { context, size }) = self.settings.second_look else {
            return Ok(face.landmarks);
        };
        let side = face.bbox.w.max(face.bbox.h) * context;
        let [cx, cy] = face.bbox.centre();
        let (left, top) = (cx - side / 2.0, cy - side / 2.0);
        let crop = resize_area(frame, &BoundingBox::new(left, top, side, side), size, size);
        let middle = size as f32 / 2.0;
        let off = |d: &Detection| {
            let [x, y] = d.bbox.centre();
            (x - middle).powi(2) + (y - middle).powi(2)
        };
        let found = self.look(&crop, (size, size), SECOND_LOOK_SCORE)?;
        let Some(best) = found.iter().min_by(|a, b| off(a).total_cmp(&off(b))) else {
            return Ok(face.landmarks);
        };
        let scale = side / size as f32;
        Ok(Landmarks(best.landmarks.0.map(|[x, y]| [x * scale + left, y * scale + top])))
    }
}

const STRIDE: f32 = 4.0;

/// Detections above `score`, in pixels of the network's input of `width` x `height`, best first,
/// without those that a better one overlaps by more than `nms_iou`.
fn decode(
    model: &str,
    outputs: &[Tensor],
    (width, height): (u32, u32),
    score: f32,
    nms_iou: f32,
) -> Result<Vec<Detection>> {
    let (rows, columns) = (height as usize / 4, width as usize / 4);
    let shapes: Vec<_> = outputs.iter().map(|o| o.shape().to_vec()).collect();
    let expected = [1, 2, 2, 10].map(|channels| vec![1, channels, rows, columns]);
    let wrong = || Error::Output {
        model: model.to_owned(),
        found: format!("{shapes:?}"),
        expected: format!("{expected:?}"),
    };
    if shapes != expected {
        return Err(wrong());
    }
    let planes: Option<Vec<&[f32]>> = outputs.iter().map(|o| o.as_slice()).collect();
    let [heat, sizes, offsets, points] = planes.ok_or_else(wrong)?[..] else { return Err(wrong()) };
    let plane = rows * columns;
    let (w, h) = (width as f32, height as f32);
    let mut found = Vec::new();
    for at in 0..plane {
        if heat[at].is_nan() || heat[at] <= score {
            continue;
        }
        let (row, column) = ((at / columns) as f32, (at % columns) as f32);
        // Sizes and offsets come height first.
        let size = |channel: usize| sizes[channel * plane + at].exp() * STRIDE;
        let (face_h, face_w) = (size(0), size(1));
        let centre = |place: f32, channel: usize| (place + offsets[channel * plane + at] + 0.5) * STRIDE;
        // The corner is cut off at the edge before the landmarks are counted from it.
        let x = (centre(column, 1) - face_w / 2.0).clamp(0.0, w);
        let y = (centre(row, 0) - face_h / 2.0).clamp(0.0, h);
        let mut landmarks = Landmarks::default();
        for (i, point) in landmarks.0.iter_mut().enumerate() {
            let along = |channel: usize| points[(2 * i + channel) * plane + at];
            *point = [along(1) * face_w + x, along(0) * face_h + y];
        }
        let bbox = BoundingBox::from_corners(x, y, (x + face_w).min(w), (y + face_h).min(h));
        let numbers = [bbox.x, bbox.y, bbox.w, bbox.h].into_iter().chain(landmarks.0.into_iter().flatten());
        if numbers.into_iter().all(f32::is_finite) && bbox.area() > 0.0 {
            found.push(Detection { bbox, landmarks, score: heat[at] });
        }
    }
    keep_best_faces(&mut found, nms_iou);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(channels: usize, values: &[(usize, usize, f32)]) -> Tensor {
        let mut t = Tensor::zeros(vec![1, channels, 8, 8]);
        for &(channel, at, v) in values {
            t[[0, channel, at / 8, at % 8]] = v;
        }
        t
    }

    #[test]
    fn one_face_by_hand() {
        // Size 16 x 8 (height x width) at row 3, column 2, offsets (.5, .25).
        let (ln4, ln2) = (4f32.ln(), 2f32.ln());
        let at = 3 * 8 + 2;
        let outputs = [
            map(1, &[(0, at, 0.9)]),
            map(2, &[(0, at, ln4), (1, at, ln2)]),
            map(2, &[(0, at, 0.5), (1, at, 0.25)]),
            map(10, &[(0, at, 0.5), (1, at, 0.25)]),
        ];
        let found = decode("x", &outputs, (32, 32), 0.5, 0.3).unwrap();
        assert_eq!(found.len(), 1);
        let b = found[0].bbox;
        let expected = [11.0 - 4.0, 16.0 - 8.0, 8.0, 16.0];
        for (got, want) in [b.x, b.y, b.w, b.h].into_iter().zip(expected) {
            assert!((got - want).abs() < 1e-4, "{b:?}");
        }
        let [x, y] = found[0].landmarks.0[0];
        assert!((x - 9.0).abs() < 1e-4 && (y - 16.0).abs() < 1e-4);
    }

    #[test]
    fn overlapping_faces_leave_the_better_one_and_rubbish_is_dropped() {
        let size = |at| [(0, at, 2.0), (1, at, 2.0)];
        let outputs = [
            map(1, &[(0, 27, 0.6), (0, 28, 0.8), (0, 0, f32::NAN), (0, 63, 0.9)]),
            map(2, &[size(27), size(28), [(0, 63, f32::INFINITY), (1, 63, 0.0)]].concat()),
            map(2, &[]),
            map(10, &[]),
        ];
        let found = decode("x", &outputs, (32, 32), 0.5, 0.3).unwrap();
        assert_eq!(found.iter().map(|d| d.score).collect::<Vec<_>>(), [0.8]);
        assert!(decode("x", &outputs[..3], (32, 32), 0.5, 0.3).is_err());
        assert!(decode("x", &outputs, (64, 32), 0.5, 0.3).is_err());
    }
}
