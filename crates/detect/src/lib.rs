//! Faces out of frames: a [`Detector`] finds them, an [`Extractor`] gates and crops them, [`align`]
//! lays one into an embedder's template, a [`Linker`] ties the faces of neighbouring frames together.
//!
//! What needs no network needs no weights either:
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use streamface_detect::{ARCFACE_112, BoundingBox, Landmarks, Linker, LinkSettings, Thumbnail, align};
//!
//! // The same face in two frames, a step to the right.
//! let frame = |shift: u32| RgbImage::from_fn(640, 360, |x, y| Rgb([((x + shift) / 8 * 16 + y / 8) as u8; 3]));
//! let mut linker = Linker::new(LinkSettings::default());
//! let first = linker.link(Thumbnail::new(&frame(0)), &[BoundingBox::new(100.0, 80.0, 90.0, 110.0)]);
//! assert_eq!(first, [None]);
//! let second = linker.link(Thumbnail::new(&frame(0)), &[BoundingBox::new(104.0, 80.0, 90.0, 110.0)]);
//! assert_eq!(second.len(), 1);
//! assert_eq!(second[0].map(|link| (link.frames_back, link.face)), Some((1, 0)));
//!
//! // Landmarks that lie on the template give the template's own 112 x 112.
//! let face = Landmarks(ARCFACE_112.0.map(|[x, y]| [x + 50.0, y + 20.0]));
//! let aligned = align(&frame(0), &face, 112).unwrap();
//! assert_eq!(aligned.get_pixel(10, 10), frame(0).get_pixel(60, 30));
//! ```

mod align;
mod detector;
mod detectors;
mod error;
mod extract;
mod link;
mod settings;

pub use align::{align, crop};
pub use detector::Detector;
pub use detectors::{CenterFace, builtin, from_manifest};
pub use error::{Error, Result};
pub use extract::{ExtractSettings, ExtractedFace, Extraction, Extractor};
pub use image;
pub use link::{LinkSettings, LinkTo, Linker};
pub use settings::DetectSettings;
pub use streamface_imgproc::{ARCFACE_112, LooseSettings, Thumbnail};
pub use streamface_types::{BoundingBox, Detection, FaceId, FaceLink, FrameId, Landmarks};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
