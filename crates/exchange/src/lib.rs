//! Datasets of faces in other programs' forms, both ways.
//!
//! | module | out | in | what |
//! |---|---|---|---|
//! | [`original`] | ✓ | ✓ | the original StreamFace's output directory: CSV, JSON and the features pickle |
//! | [`fiftyone`] | ✓ | ✓ | FiftyOne's folders: faces with a person each, frames with boxes |
//! | [`imagefolder`] | ✓ | ✓ | a folder for each person |
//! | [`webdataset`] | ✓ | ✓ | tar shards |
//! | [`coco`] | ✓ | ✓ | frames, boxes, keypoints |
//! | [`lfw`] | ✓ | ✓ | Labeled Faces in the Wild, with `pairs.txt` |
//! | [`flat`], [`table`] | ✓ | ✓ | one CSV, a row a face |
//! | [`flat`] | ✓ | | the same as Parquet |
//! | [`pickle`] | ✓ | ✓ | pickles of NumPy arrays, read without running anything |
//! | [`attributes`] | | | what attribute models said, as a table of the dataset |
//!
//! [`export`] reads a dataset directory and writes one of these, [`import`] makes a dataset directory of one. Both are there
//! whole or not at all: they are made beside their place and renamed; where something is already, nothing is
//! written. What an import cannot take (a broken picture, a row that makes no sense, a name that leads out of the
//! folder) is left out, counted and named in [`Summary::problems`]. What a set lacks stays unknown: NaN in the
//! table of faces, null or empty in an export.
//!
//! ```
//! use streamface_exchange::{ExportFormat, ExportSettings, ImportFormat, ImportSettings, export, import};
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
//! let done = import(&photos, ImportFormat::Imagefolder, &out, &ImportSettings::default(), &|_| ())?;
//! assert_eq!((done.faces, done.people, done.problems.count), (3, 2, 0));
//! let data = Dataset::open(&out)?;
//! let labels: Vec<i64> = data.read::<LabelRow>()?.iter().map(|r| r.label.0).collect();
//! assert_eq!(labels, [0, 0, 1], "ada has most faces");
//! // … and tar shards.
//! let shards = dir.path().join("shards");
//! let done = export(&data, ExportFormat::Webdataset, &shards, &ExportSettings::default(), &|_| ())?;
//! assert_eq!(done.faces, 3);
//! assert!(shards.join("shard-000000.tar").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod attributes;
mod boxed;
pub mod coco;
mod error;
pub mod fiftyone;
mod files;
pub mod flat;
mod formats;
pub mod imagefolder;
mod intake;
mod known;
pub mod lfw;
pub mod original;
mod photos;
pub mod pickle;
mod picture;
mod python;
mod report;
mod sidecar;
mod snapshot;
mod staging;
pub mod table;
pub mod webdataset;

pub use attributes::Described;
pub use error::Error;
pub use files::Place;
pub use formats::{
    ExportFormat, ExportSettings, ImportFormat, ImportSettings, export, export_snapshot, import,
};
pub use original::{Feature, read_features, write_features};
pub use pickle::Limits;
pub use report::{LeftOut, Observer, Problems, Progress, Summary};
pub use snapshot::{Labels, Snapshot};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
