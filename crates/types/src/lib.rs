//! The types that the crates of StreamFace share. No I/O.
//!
//! | module | what |
//! |---|---|
//! | [`id`] | [`FrameId`], [`FaceId`]: names as the original StreamFace writes them |
//! | [`time`] | [`Timestamp`], [`StreamTime`]: microseconds |
//! | [`geometry`] | [`BoundingBox`], [`Landmarks`]: pixels |
//! | [`detection`] | [`Detection`], [`FaceLink`] |
//! | [`embedding`] | [`Embeddings`] (n × d, `f32`), [`EmbeddingsView`] (borrowed), [`Metric`] |
//! | [`annotations`] | [`Label`], [`Annotations`]: the original's `annotations.json` |
//! | [`attributes`] | [`Attributes`], and the vocabulary of their names |
//! | `csv_text` | [`csv_text()`], [`csv_text_back`]: texts in CSV files that a spreadsheet would take for formulas |
//! | [`text`] | names, whole numbers and columns in one spelling |
//! | [`bounded`] | readers that bound the rows and texts of a file |
//! | `error_chain` | [`error_chain()`]: an error and its causes in one line |
//!
//! Feature `serde` (off by default): `Serialize` and `Deserialize` for face ids, labels, attributes and annotations.
//!
//! ```
//! use streamface_types::{BoundingBox, FaceId, FrameId, Timestamp};
//!
//! let frame = FrameId::new("skynews_frame_20230525100138412614")?;
//! let face = FaceId::new(frame.clone(), 0);
//! assert_eq!(face.to_string(), "skynews_frame_20230525100138412614_face_0");
//! assert_eq!(face.to_string().parse::<FaceId>()?, face);
//! assert_eq!(frame.timestamp().map(Timestamp::micros), Some(1_685_008_898_412_614));
//!
//! let a = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
//! let b = BoundingBox::new(5.0, 0.0, 10.0, 10.0);
//! assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
//! # Ok::<(), streamface_types::Error>(())
//! ```

pub mod annotations;
#[cfg(feature = "serde")]
mod annotations_json;
pub mod attributes;
pub mod bounded;
mod csv_text;
pub mod detection;
pub mod embedding;
pub mod error;
mod error_chain;
pub mod geometry;
pub mod id;
pub mod text;
pub mod time;

pub use annotations::{Annotation, Annotations, Label};
pub use attributes::Attributes;
pub use csv_text::{csv_text, csv_text_back};
pub use detection::{Detection, FaceLink};
pub use embedding::{Embeddings, EmbeddingsView, Metric};
pub use error::Error;
pub use error_chain::error_chain;
pub use geometry::{BoundingBox, Landmarks, Point};
pub use id::{FaceId, FrameId};
pub use time::{StreamTime, Timestamp};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
