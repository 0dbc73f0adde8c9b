//! The dataset directory: where every step of StreamFace reads its input and leaves its result.
//!
//! ```text
//! DIR/
//!   frames/ faces/ aligned_faces/   images, named as the original names them
//!   labeled_faces/{person}/         the faces of each person, by name or number
//!   metadata/{frames,faces,extractions,features,attributes,labels}.parquet
//!   metadata/batches/               what a run under way has committed so far
//!   metadata/detections.csv, matches.csv, annotations.json   the original's files
//!   report.html
//! ```
//!
//! One process writes at a time ([`Dataset::open`] takes the lock), any number read ([`Dataset::read_only`] takes none). What
//! is in a directory is not trusted: [`files`] opens it, follows no link and has limits. A [`Batch`] is committed by one
//! rename, whatever tables it has rows in; images are staged beside their place and renamed after that.
//! So a process that is killed leaves no half-written file and no duplicate, and a power cut no image that is damaged and
//! counts ([`Dataset::open`] finishes or undoes the last batch). Rows have keys: of two rows with one key the later one counts.
//!
//! Each table is declared once; [`tables`] lists them with all columns.
//!
//! ```
//! use streamface_store::{Batch, Dataset, FrameRow};
//! use streamface_types::FrameId;
//!
//! let dir = tempfile::tempdir()?;
//! let data = Dataset::open(dir.path())?;
//! let row = FrameRow::new(FrameId::new("a_frame_20230525100138412614")?, "a.mp4");
//! data.commit(Batch { frames: vec![row.clone()], ..Batch::default() })?;
//! data.commit(Batch { frames: vec![row.clone()], ..Batch::default() })?;
//! assert_eq!(data.read::<FrameRow>()?, [row]);
//! assert!(Dataset::open(dir.path()).is_err(), "one process at a time");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod attributes;
mod batch;
mod batches;
mod cache;
mod cells;
mod columns;
mod compat;
mod dataset;
mod declare;
mod docs;
mod drop_reason;
mod error;
mod feature_matrix;
pub mod files;
mod frame_formats;
mod frame_reader;
mod free_space;
mod images;
mod last_frames;
mod lock;
mod memory;
mod names;
mod npy;
mod outputs;
mod pairs;
mod parquet_limits;
mod person_folders;
mod record;
mod recovery;
mod replacement;
mod rows;
mod staged_images;
mod table;
mod vectors;

pub use atomic::{can_be_written, write_atomic};
pub use attributes::{
    AttributeModel, AttributeModels, AttributeRow, MadeBy, annotations, each_attributes, read_attributes,
};
pub use batch::Batch;
pub use batches::{About, Batches};
pub use cache::{CacheKind, CacheMiss};
pub use compat::{DETECTIONS, read_annotations, write_annotations, write_detections, write_matches};
pub use dataset::Dataset;
pub use docs::{tables, tables_page};
pub use drop_reason::DropReason;
pub use error::{Error, Result};
pub use feature_matrix::FeatureMatrix;
pub use frame_formats::FrameFormats;
pub use frame_reader::{FrameReader, MAX_IMAGE_BYTES};
pub use free_space::FreeSpace;
pub use images::{FrameFormat, ImageKind};
pub use lock::FileLock;
pub use names::NamedLabels;
pub use npy::read_npy;
pub use outputs::{check_beside, check_outputs};
pub use pairs::{RowPair, read_pairs, write_pairs};
pub use person_folders::PersonFolders;
pub use record::Record;
pub use recovery::Repaired;
pub use rows::{ExtractionRow, FaceRow, FeatureRow, FrameRow, LabelRow};
pub use table::row_stream::Rows;
pub use table::{Column, Row, Table, parquet_properties};
pub use vectors::{VectorTable, read_vectors, write_npy, write_npy_and_csv, write_vectors};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
