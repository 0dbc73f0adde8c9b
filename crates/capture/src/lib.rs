//! Keyframes out of video files, folders, images and live streams.
//!
//! [`sources`] says what a path or url holds; [`Capture`] goes through it keyframe by keyframe,
//! decoding nothing else, asks the three [`FrameFilter`]s of the original StreamFace, reconnects to
//! live streams for as long as wanted, and takes up where an earlier run stopped.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use streamface_capture::{FilterSettings, FrameFilter};
//! use streamface_store::DropReason;
//!
//! let mut filter = FrameFilter::new(FilterSettings::default());
//! let plain = RgbImage::from_pixel(1280, 720, Rgb([40, 40, 40]));
//! assert_eq!(filter.judge(&plain).dropped, Some(DropReason::Empty));
//! // Stripes one after the other: edges enough, but the second picture shows nothing new.
//! let stripes = RgbImage::from_fn(1280, 720, |x, _| Rgb([if x / 4 % 2 == 0 { 255 } else { 0 }; 3]));
//! assert_eq!(filter.judge(&stripes).dropped, None);
//! assert_eq!(filter.judge(&stripes).dropped, Some(DropReason::Duplicate));
//! ```

mod capture;
mod clock;
mod error;
mod filters;
mod settings;
mod source;
mod video;

pub use capture::{Capture, Captured, Notice};
pub use error::CaptureError;
pub use filters::{FilterSettings, FrameFilter, Verdict};
pub use settings::{Settings, Stop};
pub use source::{Source, shown, sources};
pub use video::{DecodedFrame, VideoReader, ffmpeg_version};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
