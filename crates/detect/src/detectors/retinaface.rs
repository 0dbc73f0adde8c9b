//! RetinaFace (Deng et al. 2019, arXiv:1905.00641) and SCRFD (Guo et al. 2021, arXiv:2105.04714): for each of a grid
//! of anchors a score, a box and five landmarks, in maps of strides 8, 16 and 32. RetinaFace in the layout of its
//! PyTorch version (three outputs over all strides, anchors of two sizes each), SCRFD in that of InsightFace (three
//! outputs for each stride, distances from two anchors at each place).

use image::RgbImage;
use streamface_model::{Input, Manifest, ModelId, Tensor};
use streamface_types::{BoundingBox, Detection, Landmarks};

use super::frame_input::{self, input_size, planar};
use super::nms::{keep_best_faces, within};
use super::sized_networks::SizedNetworks;
use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::settings::DetectSettings;

/// Pixels of the network's input between two places of a map, and the sides of the two anchors at each place.
const MAPS: [(u32, [f32; 2]); 3] = [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])];
/// What RetinaFace's shifts and logarithmic sizes are multiplied by.
const VARIANCES: [f32; 2] = [0.1, 0.2];
/// Faces looked at before those that overlap are dropped: bounds the time for frames that are made to be slow.
const MAX_FACES: usize = 4096;

/// How the outputs are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outputs {
    /// Boxes, scores and landmarks of all anchors.
    RetinaFace,
    /// Scores, boxes and landmarks of each stride.
    Scrfd,
}

/// The detectors RetinaFace and SCRFD.
#[derive(Debug)]
pub struct RetinaFace {
    id: ModelId,
    input: Input,
    settings: DetectSettings,
    networks: SizedNetworks,
    outputs: Outputs,
}

impl RetinaFace {
    /// RetinaFace with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Model`] where the model is no detector or the weights do not load;
    /// [`Error::Unfit`] where the manifest says what RetinaFace is not.
    pub fn new(model: &Manifest, weights: Vec<Vec<u8>>, settings: DetectSettings) -> Result<Self> {
        Self::of(model, weights, settings, Outputs::RetinaFace)
    }

    /// SCRFD with the given weights.
    ///
    /// # Errors
    /// Those of [`RetinaFace::new`].
    pub fn scrfd(model: &Manifest, weights: Vec<Vec<u8>>, settings: DetectSettings) -> Result<Self> {
        Self::of(model, weights, settings, Outputs::Scrfd)
    }

    fn of(
        model: &Manifest,
        weights: Vec<Vec<u8>>,
        settings: DetectSettings,
        outputs: Outputs,
    ) -> Result<Self> {
        settings.check()?;
        model.detector()?;
        let networks = frame_input::networks(model, weights)?;
        // A broken file is reported now, not with the first frame.
        networks.get((64, 64))?;
        Ok(Self { id: model.id(), input: model.input, settings, networks, outputs })
    }
}

impl Detector for RetinaFace {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn detect(&self, frame: &RgbImage) -> Result<Vec<Detection>> {
        let (w, h) = frame.dimensions();
        if w == 0 || h == 0 {
            return Ok(Vec::new());
        }
        let size = input_size(w, h, self.settings.size);
        let outputs = self.networks.get(size)?.run(&planar(frame, size, &self.input))?;
        let read = Read { model: &self.id.name, outputs: &outputs, size, score: self.settings.score };
        let mut found = match self.outputs {
            Outputs::RetinaFace => read.retinaface()?,
            Outputs::Scrfd => read.scrfd()?,
        };
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(MAX_FACES);
        keep_best_faces(&mut found, self.settings.nms_iou);
        Ok(frame_input::in_frame(found, size, (w, h)))
    }
}

/// The outputs of one run, and what is to be read from them.
struct Read<'a> {
    model: &'a str,
    outputs: &'a [Tensor],
    /// Width and height of the network's input.
    size: (u32, u32),
    score: f32,
}

impl Read<'_> {
    /// Centre and side of each anchor of a map, row by row.
    fn anchors(&self, (stride, sides): (u32, [f32; 2])) -> impl Iterator<Item = ([f32; 2], f32)> {
        let (columns, rows) = (self.size.0.div_ceil(stride), self.size.1.div_ceil(stride));
        (0..rows * columns).flat_map(move |at| {
            let place = [at % columns, at / columns].map(|p| p as f32 * stride as f32);
            sides.map(|side| (place, side))
        })
    }

    /// Of RetinaFace: which output is which is told by its numbers an anchor, as files differ in their order.
    fn retinaface(&self) -> Result<Vec<Detection>> {
        let anchors: Vec<_> = MAPS
            .into_iter()
            .flat_map(|map| {
                let middle = map.0 as f32 / 2.0;
                self.anchors(map).map(move |(place, side)| (place.map(|p| p + middle), side))
            })
            .collect();
        let count = anchors.len();
        let output =
            |numbers: usize| {
                let fit = |o: &&Tensor| o.shape().last() == Some(&numbers) && o.len() == count * numbers;
                self.outputs.iter().find(fit).and_then(|o| o.as_slice()).ok_or_else(|| {
                    self.wrong(&format!("[1, {count}, 4], [1, {count}, 2] and [1, {count}, 10]"))
                })
            };
        let (boxes, scores, points) = (output(4)?, output(2)?, output(10)?);
        // Some files end before the softmax.
        let is_softmax = |s: &[f32]| (s[0] + s[1] - 1.0).abs() < 1e-3;
        let done = scores.chunks_exact(2).all(is_softmax);
        let mut found = Vec::new();
        for (i, (centre, side)) in anchors.into_iter().enumerate() {
            let of = &scores[2 * i..2 * i + 2];
            let score = if done { of[1] } else { 1.0 / (1.0 + (of[0] - of[1]).exp()) };
            if score.is_nan() || score <= self.score {
                continue;
            }
            let shifted =
                |x: f32, y: f32| [centre[0] + x * VARIANCES[0] * side, centre[1] + y * VARIANCES[0] * side];
            let b = &boxes[4 * i..4 * i + 4];
            let [x, y] = shifted(b[0], b[1]);
            let [w, h] = [b[2], b[3]].map(|log| side * (log * VARIANCES[1]).exp());
            let p = &points[10 * i..10 * i + 10];
            let landmarks = Landmarks(std::array::from_fn(|k| shifted(p[2 * k], p[2 * k + 1])));
            found.extend(self.face(BoundingBox::new(x - w / 2.0, y - h / 2.0, w, h), landmarks, score));
        }
        Ok(found)
    }

    /// Of SCRFD: of outputs with the same numbers an anchor the longest is that of the finest stride.
    fn scrfd(&self) -> Result<Vec<Detection>> {
        let mut found = Vec::new();
        for map in MAPS {
            let anchors: Vec<_> = self.anchors(map).collect();
            let count = anchors.len();
            let output = |numbers: usize| {
                let fit = |o: &&Tensor| o.shape().last() == Some(&numbers) && o.len() == count * numbers;
                self.outputs.iter().find(fit).and_then(|o| o.as_slice()).ok_or_else(|| {
                    self.wrong(&format!("[{count}, 1], [{count}, 4] and [{count}, 10] of stride {}", map.0))
                })
            };
            let (scores, boxes, points) = (output(1)?, output(4)?, output(10)?);
            for (i, ([x, y], _)) in anchors.into_iter().enumerate() {
                let score = scores[i];
                if score.is_nan() || score <= self.score {
                    continue;
                }
                let stride = map.0 as f32;
                let b = &boxes[4 * i..4 * i + 4];
                let [left, top, right, bottom] = std::array::from_fn(|k| b[k] * stride);
                let p = &points[10 * i..10 * i + 10];
                let landmarks =
                    Landmarks(std::array::from_fn(|k| [x + p[2 * k] * stride, y + p[2 * k + 1] * stride]));
                let bbox = BoundingBox::from_corners(x - left, y - top, x + right, y + bottom);
                found.extend(self.face(bbox, landmarks, score));
            }
        }
        Ok(found)
    }

    fn face(&self, bbox: BoundingBox, landmarks: Landmarks, score: f32) -> Option<Detection> {
        within(Detection { bbox, landmarks, score }, self.size.0 as f32, self.size.1 as f32)
    }

    fn wrong(&self, expected: &str) -> Error {
        let shapes: Vec<_> = self.outputs.iter().map(|o| o.shape().to_vec()).collect();
        let expected = format!("{expected} for an input of {} x {}", self.size.0, self.size.1);
        Error::Output { model: self.model.to_owned(), found: format!("{shapes:?}"), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anchors of an input of 64 x 32: 8 x 4, 4 x 2 and 2 x 1 places, two each.
    const SIZE: (u32, u32) = (64, 32);
    const COUNTS: [usize; 3] = [64, 16, 4];

    fn read(outputs: &[Tensor], score: f32) -> Read<'_> {
        Read { model: "x", outputs, size: SIZE, score }
    }

    fn set(tensor: &mut Tensor, row: usize, values: &[f32]) {
        let width = values.len();
        tensor.as_slice_mut().unwrap()[row * width..][..width].copy_from_slice(values);
    }

    fn close(face: &Detection, bbox: [f32; 4], nose: [f32; 2]) {
        let b = face.bbox;
        let off = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-3);
        assert!(!off(&[b.x, b.y, b.w, b.h], &bbox), "{b:?} {bbox:?}");
        assert!(!off(&face.landmarks.nose(), &nose), "{:?}", face.landmarks);
    }

    #[test]
    fn a_retinaface_anchor_by_hand_with_and_without_softmax() {
        let all = COUNTS.iter().sum();
        let mut boxes = Tensor::zeros(vec![1, all, 4]);
        let mut points = Tensor::zeros(vec![1, all, 10]);
        let mut scores = Tensor::zeros(vec![1, all, 2]);
        scores.as_slice_mut().unwrap().chunks_exact_mut(2).for_each(|s| s[0] = 1.0);
        // Stride 8, row 1, column 3, the second anchor: centre (28, 12), side 32.
        let at = (8 + 3) * 2 + 1;
        set(&mut boxes, at, &[1.0, -1.0, 0.5_f32.ln() / 0.2, 0.25_f32.ln() / 0.2]);
        set(&mut points, at, &[0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0]);
        set(&mut scores, at, &[0.25, 0.75]);
        // Files differ in the order of their outputs.
        let outputs = [scores.clone(), points.clone(), boxes.clone()];
        let found = read(&outputs, 0.5).retinaface().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].score, 0.75);
        // Centre (28 + 3.2, 12 − 3.2), sides 16 and 8.
        close(&found[0], [23.2, 4.8, 16.0, 8.0], [29.6, 15.2]);
        // Logits whose softmax is 0.75.
        scores.fill(0.0);
        scores.as_slice_mut().unwrap().chunks_exact_mut(2).for_each(|s| s[0] = 9.0);
        set(&mut scores, at, &[2.0, 2.0 + 3.0_f32.ln()]);
        let logits = read(&[boxes, scores, points], 0.5).retinaface().unwrap();
        assert!(logits.len() == 1 && (logits[0].score - 0.75).abs() < 1e-5, "{logits:?}");
        let wrong = read(&outputs[..2], 0.5).retinaface().unwrap_err().to_string();
        assert!(wrong.contains("[1, 84, 4]") && wrong.contains("64 x 32"), "{wrong}");
    }

    #[test]
    fn a_scrfd_anchor_by_hand() {
        let of = |numbers: usize| COUNTS.map(|n| Tensor::zeros(vec![n, numbers]));
        let (mut scores, mut boxes, mut points) = (of(1), of(4), of(10));
        // Stride 16, row 1, column 2, the first anchor: centre (32, 16).
        let at = (4 + 2) * 2;
        set(&mut scores[1], at, &[0.9]);
        set(&mut boxes[1], at, &[0.5, 0.25, 0.5, 0.75]);
        set(&mut points[1], at, &[0.0, 0.0, 0.0, 0.0, 0.25, -0.25, 0.0, 0.0, 0.0, 0.0]);
        set(&mut scores[0], 3, &[f32::NAN]);
        set(&mut scores[2], 1, &[0.8]);
        set(&mut boxes[2], 1, &[f32::INFINITY, 0.0, 1.0, 1.0]);
        let outputs = [scores, boxes, points].concat();
        let found = read(&outputs, 0.5).scrfd().unwrap();
        assert_eq!(found.len(), 1, "rubbish is dropped: {found:?}");
        close(&found[0], [24.0, 12.0, 16.0, 16.0], [36.0, 12.0]);
        let wrong = read(&outputs[1..], 0.5).scrfd().unwrap_err().to_string();
        assert!(wrong.contains("of stride 8"), "{wrong}");
    }
}
