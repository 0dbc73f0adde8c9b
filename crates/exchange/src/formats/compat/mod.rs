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

mod export;
mod features;
mod import;

use std::path::Path;

pub use features::{Feature, read_features, write_features};

use crate::Error;
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::report::{Observer, Summary};
use crate::snapshot::Snapshot;

/// The original's output directory.
#[derive(Debug, Clone, Copy)]
pub struct Compat;

impl Format for Compat {
    fn name(&self) -> &'static str {
        "compat"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["original"]
    }

    fn description(&self) -> Description {
        Description {
            export: Some("The original StreamFace's output directory, features pickle and all"),
            import: Some("The original StreamFace's output directory: all of it"),
        }
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        settings: &ExportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        export::export(set, out, settings, observe)
    }

    fn import(
        &self,
        path: &Path,
        out: &Path,
        settings: &ImportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        import::import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        ["metadata/detections.csv", "metadata/annotations.json"].iter().any(|name| path.join(name).is_file())
            || path.join("features").is_dir()
    }
}
