//! From a frame to its faces: detection, gates, crops.

use std::time::{Duration, Instant};

use image::RgbImage;
use streamface_imgproc::{LooseSettings, aligned_face, face_blur_variance, loose_face};
use streamface_types::{BoundingBox, Landmarks};

use crate::align::align;
use crate::detector::Detector;
use crate::error::{Result, in_range};

/// Which faces are kept, and how they are cut.
#[derive(Debug, Clone, Copy)]
pub struct ExtractSettings {
    /// Least area of a face's box relative to the frame, 0 to 1. Default 0.005.
    pub size_threshold: f32,
    /// Least length of the shorter side of a face's box, pixels of the frame, 0 to 4096. Default 16.
    pub min_face: u32,
    /// Least variance of the Laplacian of the aligned face.
    pub blur_threshold: f64,
    /// How loose faces are cut.
    pub loose: LooseSettings,
    /// Side of an aligned face, pixels, 16 to 1024. Default 128.
    pub aligned_size: u32,
    /// Side of the embedder's input, pixels, 16 to 1024.
    pub embed_size: u32,
}

impl Default for ExtractSettings {
    fn default() -> Self {
        // The original's blur threshold of 25 never drops anything: faces in focus have some 1e11 to
        // 1e12 with its kernel of 11, faces of 16 pixels enlarged 1e10, those out of focus below 5e9.
        Self {
            size_threshold: 0.005,
            // Of faces this small half of the pairs of a person are farther apart than the threshold (docs/disk.md).
            min_face: 16,
            blur_threshold: 5e9,
            loose: LooseSettings::default(),
            aligned_size: 128,
            embed_size: 112,
        }
    }
}

impl ExtractSettings {
    /// Whether a box is too small, in a frame of so many pixels.
    fn is_small(&self, bbox: &BoundingBox, frame_area: f32) -> bool {
        bbox.area() / frame_area <= self.size_threshold || bbox.w.min(bbox.h) < self.min_face as f32
    }

    fn check(&self) -> Result<()> {
        in_range(
            "size-threshold",
            "0 to 1",
            self.size_threshold,
            (0.0..=1.0).contains(&self.size_threshold),
        )?;
        in_range("min-face", "0 to 4096", self.min_face, self.min_face <= 4096)?;
        let blur = self.blur_threshold >= 0.0 && self.blur_threshold.is_finite();
        in_range("face-blur-threshold", "0 or more", self.blur_threshold, blur)?;
        for (name, side) in [("aligned-size", self.aligned_size), ("embed-size", self.embed_size)] {
            in_range(name, "16 to 1024", side, (16..=1024).contains(&side))?;
        }
        let LooseSettings { margin, face_size, padding } = self.loose;
        in_range("margin", "0 to 8", margin, (0.0..=8.0).contains(&margin))?;
        in_range("face-size", "16 to 4096", face_size, (16..=4096).contains(&face_size))?;
        in_range("padding", "0 to 4", padding, (0.0..=4.0).contains(&padding))
    }
}

/// A face that passed the gates, with its crops.
#[derive(Debug, Clone)]
pub struct ExtractedFace {
    /// Its box, pixels of the frame.
    pub bbox: BoundingBox,
    /// Its landmarks, of the second look.
    pub landmarks: Landmarks,
    /// The detector's score.
    pub score: f32,
    /// Variance of the Laplacian of the aligned face.
    pub blur: f64,
    /// The face with its surroundings, as the original cuts it.
    pub loose: RgbImage,
    /// The upright face, as the original cuts it.
    pub aligned: RgbImage,
    /// The face in the embedder's template.
    pub embed_input: RgbImage,
}

/// The faces of a frame, in the order of detection, and what the gates held back.
#[derive(Debug, Clone, Default)]
pub struct Extraction {
    /// Faces that passed.
    pub faces: Vec<ExtractedFace>,
    /// Faces found above the detector's score.
    pub detected: u32,
    /// Of these, too small.
    pub small: u32,
    /// Of these, blurred or without a crop.
    pub blurred: u32,
    /// Time of the first look.
    pub detect_time: Duration,
    /// Time of the second looks and the crops.
    pub crop_time: Duration,
}

/// A detector with gates and crops. Threads may share it; a frame's result depends on the frame alone.
#[derive(Debug)]
pub struct Extractor {
    detector: Box<dyn Detector>,
    settings: ExtractSettings,
}

impl Extractor {
    /// An extractor.
    ///
    /// # Errors
    /// [`crate::Error::Setting`].
    pub fn new(detector: Box<dyn Detector>, settings: ExtractSettings) -> Result<Self> {
        settings.check()?;
        Ok(Self { detector, settings })
    }

    /// The detector.
    #[must_use]
    pub fn detector(&self) -> &dyn Detector {
        &*self.detector
    }

    /// The faces of a frame.
    ///
    /// # Errors
    /// [`crate::Error::Model`], [`crate::Error::Output`].
    pub fn extract(&self, frame: &RgbImage) -> Result<Extraction> {
        let start = Instant::now();
        let found = self.detector.detect(frame)?;
        let detect_time = start.elapsed();
        let frame_area = frame.width() as f32 * frame.height() as f32;
        let s = &self.settings;
        let mut out = Extraction { detected: found.len() as u32, detect_time, ..Extraction::default() };
        for face in found {
            if s.is_small(&face.bbox, frame_area) {
                out.small += 1;
                continue;
            }
            let landmarks = self.detector.refine(frame, &face)?;
            let (left, right) = (landmarks.left_eye(), landmarks.right_eye());
            let crops = aligned_face(frame, &face.bbox, left, right, s.aligned_size)
                .map(|aligned| (face_blur_variance(&aligned), aligned))
                .filter(|(blur, _)| *blur > s.blur_threshold)
                .and_then(|(blur, aligned)| {
                    let loose = loose_face(frame, &face.bbox, &s.loose)?;
                    Some((blur, aligned, loose, align(frame, &landmarks, s.embed_size)?))
                });
            let Some((blur, aligned, loose, embed_input)) = crops else {
                out.blurred += 1;
                continue;
            };
            let (bbox, score) = (face.bbox, face.score);
            out.faces.push(ExtractedFace { bbox, landmarks, score, blur, loose, aligned, embed_input });
        }
        out.crop_time = start.elapsed() - detect_time;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_small_by_its_share_of_the_frame_or_by_its_shorter_side() {
        let gates = ExtractSettings { size_threshold: 0.005, min_face: 20, ..ExtractSettings::default() };
        let small = |w, h, frame_area| gates.is_small(&BoundingBox::new(0.0, 0.0, w, h), frame_area);
        let photo = 250.0 * 250.0;
        assert!(small(18.0, 24.0, photo), "18 pixels wide");
        assert!(small(24.0, 18.0, photo), "18 pixels high");
        assert!(!small(20.0, 20.0, photo));
        assert!(small(60.0, 60.0, 1920.0 * 1080.0), "less than half a percent of the frame");
        let none = ExtractSettings { min_face: 0, ..gates };
        assert!(!none.is_small(&BoundingBox::new(0.0, 0.0, 18.0, 24.0), photo));
        assert!(ExtractSettings { min_face: 4097, ..gates }.check().is_err());
    }
}
