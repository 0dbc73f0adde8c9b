//! A detector: the network at the right size, its first look at a frame and its second at each face.

use std::sync::{Mutex, PoisonError};

use image::RgbImage;
use streamface_imgproc::{resize_area, resize_bilinear_planar};
use streamface_model::{ChannelOrder, DetectorDecoder, Layout, Manifest, Network, SecondLook};
use streamface_types::{BoundingBox, Detection, Landmarks};

use crate::error::in_range;
use crate::{DetectError, centerface};

/// How a detector looks. The model's manifest has recommended values.
#[derive(Debug, Clone, Copy)]
pub struct DetectSettings {
    /// Long side of the frame as the network sees it, pixels; sides are rounded up to multiples of
    /// 32, small frames are not enlarged. 64 to 4096.
    pub size: u32,
    /// Least score, 0 to 1.
    pub score: f32,
    /// Overlap above which the weaker of two boxes is dropped, 0 to 1.
    pub nms_iou: f32,
    /// The second look at each face for its landmarks; none to take those of the first.
    pub second_look: Option<SecondLook>,
}

impl DetectSettings {
    /// What the manifest recommends.
    ///
    /// # Errors
    /// [`DetectError::Model`] where the model is no detector.
    pub fn recommended(model: &Manifest) -> Result<Self, DetectError> {
        let d = model.detector()?;
        Ok(Self { size: d.size, score: d.score, nms_iou: d.nms_iou, second_look: Some(d.second_look) })
    }

    fn check(&self) -> Result<(), DetectError> {
        in_range("detect-size", "64 to 4096", self.size, (64..=4096).contains(&self.size))?;
        in_range("score", "0 to 1", self.score, (0.0..=1.0).contains(&self.score))?;
        in_range("nms-iou", "0 to 1", self.nms_iou, (0.0..=1.0).contains(&self.nms_iou))?;
        let Some(look) = self.second_look else { return Ok(()) };
        let sizes = look.size.is_multiple_of(32) && (32..=512).contains(&look.size);
        in_range("second look size", "a multiple of 32, 32 to 512", look.size, sizes)?;
        in_range("second look context", "1 to 4", look.context, (1.0..=4.0).contains(&look.context))
    }
}

/// Input shapes kept ready; a folder of photos has few, once sides are rounded.
const MAX_NETWORKS: usize = 8;

/// Least score of the second look: that there is a face is known by then.
const SECOND_LOOK_SCORE: f32 = 0.3;

/// A face detector. Threads may share it; a call uses one thread.
#[derive(Debug)]
pub struct Detector {
    model: Manifest,
    weights: Vec<u8>,
    settings: DetectSettings,
    /// By width and height of the input, the one used last first.
    networks: Mutex<Vec<((u32, u32), Network)>>,
}

impl Detector {
    /// A detector with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`DetectError::Setting`]; [`DetectError::Model`] where the weights do not load.
    pub fn new(model: Manifest, weights: Vec<u8>, settings: DetectSettings) -> Result<Self, DetectError> {
        settings.check()?;
        model.detector()?;
        let this = Self { model, weights, settings, networks: Mutex::default() };
        // A broken file is to be told of now, not with the first frame.
        this.network(settings.second_look.map_or((64, 64), |l| (l.size, l.size)))?;
        Ok(this)
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Manifest {
        &self.model
    }

    /// The faces of a frame, best first, in its pixels.
    ///
    /// # Errors
    /// [`DetectError::Model`], [`DetectError::Output`].
    pub fn detect(&self, frame: &RgbImage) -> Result<Vec<Detection>, DetectError> {
        let (w, h) = frame.dimensions();
        if w == 0 || h == 0 {
            return Ok(Vec::new());
        }
        let size = input_size(w, h, self.settings.size);
        let mut found = self.look(frame, size, self.settings.score)?;
        let (sx, sy) = (w as f32 / size.0 as f32, h as f32 / size.1 as f32);
        for face in &mut found {
            let b = &mut face.bbox;
            *b = BoundingBox::new(b.x * sx, b.y * sy, b.w * sx, b.h * sy);
            face.landmarks = Landmarks(face.landmarks.0.map(|[x, y]| [x * sx, y * sy]));
        }
        Ok(found)
    }

    /// The landmarks of a face found by [`Self::detect`], from a second look at its surroundings;
    /// those of the first where the second sees nothing. CenterFace finds large faces well and places
    /// their landmarks badly: seen small and in the middle, they are right.
    ///
    /// # Errors
    /// [`DetectError::Model`], [`DetectError::Output`].
    pub fn refine(&self, frame: &RgbImage, face: &Detection) -> Result<Landmarks, DetectError> {
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

    /// One run of the network over `image`, resized to `size`.
    fn look(&self, image: &RgbImage, size: (u32, u32), score: f32) -> Result<Vec<Detection>, DetectError> {
        let network = self.network(size)?;
        let (w, h) = size;
        let mut input = vec![0.0; 3 * w as usize * h as usize];
        resize_bilinear_planar(image, w, h, &mut input);
        let form = self.model.input;
        if form.channels == ChannelOrder::Bgr {
            let plane = w as usize * h as usize;
            let (red, rest) = input.split_at_mut(plane);
            red.swap_with_slice(&mut rest[plane..]);
        }
        if form.mean != 0.0 || form.scale != 1.0 {
            input.iter_mut().for_each(|v| *v = (*v - form.mean) / form.scale);
        }
        let outputs = network.run(&input)?;
        match self.model.detector()?.decoder {
            DetectorDecoder::Centerface => {
                centerface::decode(&self.model.name, &outputs, size, score, self.settings.nms_iou)
            }
            other => Err(DetectError::Output {
                model: self.model.name.clone(),
                found: format!("a decoder '{other:?}'"),
                expected: "a decoder of this version".into(),
            }),
        }
    }

    fn network(&self, size: (u32, u32)) -> Result<Network, DetectError> {
        let ready = || self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = {
            let mut networks = ready();
            let at = networks.iter().position(|(s, _)| *s == size);
            at.map(|at| {
                networks[..=at].rotate_right(1);
                networks[0].1.clone()
            })
        };
        if let Some(network) = known {
            return Ok(network);
        }
        let (w, h) = (size.0 as usize, size.1 as usize);
        if self.model.input.layout != Layout::Nchw {
            return Err(DetectError::Output {
                model: self.model.name.clone(),
                found: "layout nhwc".into(),
                expected: "layout nchw for a detector".into(),
            });
        }
        // Built outside the lock: other threads go on meanwhile, at worst one builds the same.
        let network = Network::load(&self.model, &self.weights, &[1, 3, h, w])?;
        let mut networks = ready();
        networks.insert(0, (size, network.clone()));
        networks.truncate(MAX_NETWORKS);
        Ok(network)
    }
}

/// Width and height of the network's input for a frame: the long side `size` or the frame's own, both
/// rounded up to a multiple of 32.
fn input_size(w: u32, h: u32, size: u32) -> (u32, u32) {
    let long = w.max(h);
    let scale = f64::from(size.min(long)) / f64::from(long);
    let side = |s: u32| ((f64::from(s) * scale).round() as u32).max(1).next_multiple_of(32);
    (side(w), side(h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_up_and_small_frames_are_not_enlarged() {
        assert_eq!(input_size(1920, 1080, 640), (640, 384));
        assert_eq!(input_size(1920, 1080, 1920), (1920, 1088));
        assert_eq!(input_size(250, 250, 640), (256, 256));
        assert_eq!(input_size(1080, 1920, 640), (384, 640));
        assert_eq!(input_size(8192, 1, 640), (640, 32));
    }
}
