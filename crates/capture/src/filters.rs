//! The three filters that keep a frame out of the dataset.

use image::{GrayImage, RgbImage};
use streamface_imgproc::{Thumbnail, canny_empty_fraction, gray};
use streamface_store::DropReason;

use crate::error::{Error, Result};

/// When a frame is dropped. The scores are those of the original StreamFace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilterSettings {
    /// Drop a frame when more than this fraction of its pixels lie on no edge; 0 to 1.
    pub empty_threshold: f64,
    /// Drop a frame when the variance of its Laplacian is below this.
    pub blur_threshold: f64,
    /// Drop a frame when it is more similar than this to the last kept one; 0 to 1.
    pub similarity_threshold: f64,
}

impl Default for FilterSettings {
    fn default() -> Self {
        // The original's blur threshold of 50 never drops anything: sharp frames have some 1e12 with
        // its kernel of 11, pressed to 240 lines and back 2e11, out of focus 1e10.
        Self { empty_threshold: 0.95, blur_threshold: 1e10, similarity_threshold: 0.9 }
    }
}

impl FilterSettings {
    pub(crate) fn check(&self) -> Result<()> {
        let fraction = |name, v: f64| {
            let good = (0.0..=1.0).contains(&v);
            let error = || Error::Setting { name, range: "0 to 1", value: v.to_string() };
            good.then_some(()).ok_or_else(error)
        };
        fraction("empty-threshold", self.empty_threshold)?;
        fraction("similarity-threshold", self.similarity_threshold)?;
        if !(self.blur_threshold >= 0.0 && self.blur_threshold.is_finite()) {
            let value = self.blur_threshold.to_string();
            return Err(Error::Setting { name: "blur-threshold", range: "0 or more", value });
        }
        Ok(())
    }
}

/// What the filters say of a frame. A score is missing where an earlier filter had spoken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Fraction of pixels on no edge of Canny(0, 25), 0 to 1.
    pub empty: f64,
    /// Variance of the Laplacian (kernel 11) of the middle of the frame at 1280 x 720.
    pub blur: Option<f64>,
    /// Similarity with the last kept frame, 0 to 1.
    pub similarity: Option<f64>,
    /// Why the frame is dropped, if it is.
    pub dropped: Option<DropReason>,
}

/// What the filters say of a frame by itself, before it is compared with the last kept one.
#[derive(Debug)]
pub(crate) struct Measured {
    verdict: Verdict,
    /// What it is compared by; none where it is dropped already.
    thumbnail: Option<Thumbnail>,
}

impl Verdict {
    /// The first score alone.
    fn of_emptiness(gray: &GrayImage) -> Self {
        Self { empty: canny_empty_fraction(gray, 0, 25), blur: None, similarity: None, dropped: None }
    }
}

impl FilterSettings {
    /// Looks at a frame by itself.
    pub(crate) fn measure(&self, frame: &RgbImage) -> Measured {
        let gray = gray(frame);
        let mut verdict = Verdict::of_emptiness(&gray);
        if verdict.empty > self.empty_threshold {
            verdict.dropped = Some(DropReason::Empty);
            return Measured { verdict, thumbnail: None };
        }
        let thumbnail = Thumbnail::from_gray(&gray);
        let blur = thumbnail.blur_variance();
        verdict.blur = Some(blur);
        if blur < self.blur_threshold {
            verdict.dropped = Some(DropReason::Blurred);
            return Measured { verdict, thumbnail: None };
        }
        Measured { verdict, thumbnail: Some(thumbnail) }
    }
}

/// The filters in their order, and the last kept frame.
#[derive(Debug, Clone)]
pub struct FrameFilter {
    settings: FilterSettings,
    last_kept: Option<Thumbnail>,
}

impl FrameFilter {
    /// Filters that have seen nothing.
    #[must_use]
    pub fn new(settings: FilterSettings) -> Self {
        Self { settings, last_kept: None }
    }

    /// Forgets the last kept frame, or puts another in its place.
    pub fn set_last_kept(&mut self, frame: Option<&RgbImage>) {
        self.last_kept = frame.map(Thumbnail::new);
    }

    /// The scores of a picture that is no frame of a stream: nothing is dropped, nothing compared.
    #[must_use]
    pub fn scores(frame: &RgbImage) -> Verdict {
        let gray = gray(frame);
        let blur = Thumbnail::from_gray(&gray).blur_variance();
        Verdict { blur: Some(blur), ..Verdict::of_emptiness(&gray) }
    }

    /// Judges a frame; a kept one becomes the last kept.
    pub fn judge(&mut self, frame: &RgbImage) -> Verdict {
        self.decide(self.settings.measure(frame))
    }

    /// Judges a frame that was measured with the same settings; a kept one becomes the last kept.
    pub(crate) fn decide(&mut self, measured: Measured) -> Verdict {
        let Measured { mut verdict, thumbnail: Some(thumbnail) } = measured else { return measured.verdict };
        verdict.similarity = self.last_kept.as_ref().map(|last| thumbnail.similarity(last));
        if verdict.similarity.is_some_and(|s| s > self.settings.similarity_threshold) {
            verdict.dropped = Some(DropReason::Duplicate);
            return verdict;
        }
        self.last_kept = Some(thumbnail);
        verdict
    }
}
