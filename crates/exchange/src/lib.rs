//! Datasets of faces in other programs' formats, both ways.
//!
//! [`export`] reads a dataset directory and writes a format; [`import`] makes a dataset directory from one. A format is a
//! [`Format`]; those there are stand in [`formats`] and in the list [`FORMATS`].
//!
//! ```
//! use streamface_exchange::{ExportSettings, ImportSettings, export, formats, import};
//! use streamface_store::{Dataset, LabelRow};
//!
//! // A folder for each person …
//! let dir = tempfile::tempdir()?;
//! let photos = dir.path().join("photos");
//! for (person, file) in [("ada", "1.png"), ("ada", "2.png"), ("eve", "3.png")] {
//!     std::fs::create_dir_all(photos.join(person))?;
//!     image::RgbImage::new(8, 8).save(photos.join(person).join(file))?;
//! }
//! // … becomes a dataset …
//! let out = dir.path().join("dataset");
//! let done = import(&photos, &formats::Imagefolder, &out, &ImportSettings::default(), &|_| ())?;
//! assert_eq!((done.faces, done.people, done.problems.count), (3, 2, 0));
//! let data = Dataset::open(&out)?;
//! let labels: Vec<i64> = data.read::<LabelRow>()?.iter().map(|r| r.label.0).collect();
//! assert_eq!(labels, [0, 0, 1], "ada has most faces");
//! // … and tar shards.
//! let shards = dir.path().join("shards");
//! let done = export(&data, &formats::Webdataset, &shards, &ExportSettings::default(), &|_| ())?;
//! assert_eq!(done.faces, 3);
//! assert!(shards.join("shard-000000.tar").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An export or import is complete or absent: it is made beside its place and renamed; where something is already, nothing
//! is written. What an import cannot take (a broken picture, an invalid row, a name that leads out of the folder) is
//! skipped, counted and named in [`Summary::problems`]. What a set lacks stays unknown: NaN in the table of faces, null or
//! empty in an export.
//!
//! | module | what |
//! |---|---|
//! | [`formats`] | the formats, a file each |
//! | [`pickle`] | pickles of NumPy arrays, read without running anything |
//! | `dataset_builder` | where every import ends |
//! | `embeddings` | the vectors of a dataset, for formats that hold them |
//! | `loose`, `named_pictures` | JSON of any types, and pictures by the names that a file gives them |
//! | `attribute_models` | which models gave the attributes of a face |
//! | `detections`, `photos`, `sidecar` | what several formats share: frames with boxes, pictures of one face, JSON of a face |
//! | `compat_tables`, `table_writer` | the original's CSV files; one table of faces as CSV or Parquet |

mod any_label;
mod attribute_models;
mod compat_tables;
mod dataset_builder;
mod detections;
mod embeddings;
mod error;
mod files;
mod format;
pub mod formats;
mod loose;
mod named_pictures;
mod optional_fields;
mod person_numbers;
mod photos;
pub mod pickle;
mod picture;
mod python;
mod report;
mod sidecar;
mod snapshot;
mod staging;
mod table_writer;

pub use error::{Error, Result};
pub use files::Place;
pub use format::{Description, ExportSettings, Format, ImportSettings, export, export_snapshot, import};
pub use formats::compat::{Feature, read_features, write_features};
pub use formats::{FORMATS, detect, find};
pub use pickle::Limits;
pub use report::{LeftOut, Observer, Problems, Progress, Summary};
pub use snapshot::{Labels, Snapshot};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
