//! Faces out of frames: a [`Detector`] finds them, an [`Extractor`] gates and crops them, [`align`]
//! lays one into an embedder's template, a [`Linker`] ties the faces of neighbouring frames together.
//!
//! ```no_run
//! let image = streamface_detect::image::open("two-people.jpg")?.to_rgb8();
//! let faces = streamface_detect::builtin("centerface")?.detect(&image)?;
//! assert_eq!(faces.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What needs no network needs no weights either:
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use streamface_detect::{ARCFACE_112, BoundingBox, Landmarks, Linker, LinkSettings, Thumbnail, align};
//!
//! let frame = RgbImage::from_fn(640, 360, |x, y| Rgb([(x / 8 * 16 + y / 8) as u8; 3]));
//! // The same face in two frames, a step to the right.
//! let mut linker = Linker::new(LinkSettings::default());
//! linker.link(Thumbnail::new(&frame), &[BoundingBox::new(100.0, 80.0, 90.0, 110.0)]);
//! let links = linker.link(Thumbnail::new(&frame), &[BoundingBox::new(104.0, 80.0, 90.0, 110.0)]);
//! assert_eq!(links[0].map(|link| (link.frames_back, link.face)), Some((1, 0)));
//!
//! // Landmarks that lie on the template give the template's own 112 x 112.
//! let face = Landmarks(ARCFACE_112.0.map(|[x, y]| [x + 50.0, y + 20.0]));
//! let aligned = align(&frame, &face, 112).unwrap();
//! assert_eq!(aligned.get_pixel(10, 10), frame.get_pixel(60, 30));
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
pub use detectors::{CenterFace, Mtcnn, RetinaFace, builtin, from_manifest};
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
