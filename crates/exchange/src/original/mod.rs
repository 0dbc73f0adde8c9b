//! The original StreamFace's output directory, both ways.
//!
//! ```text
//! DIR/
//!   frames/{frame}.png, processed.txt   faces/{face}.png   aligned_faces/{face}.png, processed.txt
//!   metadata/detections.csv             name, confidence, box [x, y, w, h], five points (x, y), three shapes
//!   metadata/matches.csv                Face 1 (the later), Face 2 (the earlier): temporal links
//!   metadata/annotations.json           labels and attributes of the clustering
//!   metadata/annotations_manual.json    the same after the review
//!   features/{first face}.pkl           face → (embedding, {age, gender, race}, expression, mask, pose)
//! ```
//!
//! Source: the original's code and a run of it. Files are written as Python's `json` and `pickle` (protocol 3), NumPy and pandas
//! write them: what was imported is exported byte for byte, as long as no step of ours changed it. Lines end with LF.
//! `cluster_evals.json` and `cluster_scores.pkl` are results of steps that can be done again, and are not taken.

mod detections;
mod export;
mod features;
mod import;

pub(crate) use detections::{write_detections, write_matches};
pub(crate) use export::export;
pub use features::{Feature, read_features, write_features};
pub(crate) use import::import;
