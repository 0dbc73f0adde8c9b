//! Keyframes out of video files, folders, images and live streams.
//!
//! [`sources`] says what a path or url holds; [`Capture`] is an iterator of its keyframes, which are all that is
//! decoded. Three [`FrameFilter`]s, those of the original StreamFace, decide which frames are kept. A live stream is
//! reconnected for as long as wanted; an earlier run is resumed where it stopped.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use streamface_capture::{FilterSettings, FrameFilter};
//! use streamface_store::DropReason;
//!
//! let mut filter = FrameFilter::new(FilterSettings::default());
//! let plain = RgbImage::from_pixel(1280, 720, Rgb([40, 40, 40]));
//! assert_eq!(filter.judge(&plain).dropped, Some(DropReason::Empty));
//! // Stripes have edges enough; the same picture again is a duplicate.
//! let stripes = RgbImage::from_fn(1280, 720, |x, _| Rgb([if x / 4 % 2 == 0 { 255 } else { 0 }; 3]));
//! assert_eq!(filter.judge(&stripes).dropped, None);
//! assert_eq!(filter.judge(&stripes).dropped, Some(DropReason::Duplicate));
//! ```

mod buffers;
mod capture;
mod clock;
mod deadline;
mod error;
mod filters;
mod frame;
mod hdr;
mod length;
mod open;
mod orientation;
mod picture;
mod run;
mod settings;
mod source;
mod video;

pub use buffers::Buffers;
pub use capture::{Capture, CaptureBuilder};
pub use error::{Error, Result};
pub use filters::{FilterSettings, FrameFilter, Verdict};
pub use frame::{CapturedFrame, Notice};
pub use settings::{Settings, Stop};
pub use source::{Location, Naming, Source, Sources, is_dataset, shown, sources};
pub use video::{DecodedFrame, Keyframe, VideoReader, ffmpeg_version};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
