//! Flags of making a dataset smaller.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Common;

/// `streamface prune`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # what would be freed
  streamface prune news --dry-run
  # pictures of frames in which no face was found
  streamface prune news
  # pictures of all frames
  streamface prune news --all-frames

Faces, embeddings, labels, decisions and all tables stay. What needs the pictures of frames: extract with other settings, \
exports of whole frames (coco, detections of fiftyone), the large view of the review. Pictures of frames that extract has \
not searched yet, and of faces that analyze has not embedded yet, stay.")]
pub struct PruneArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// Pictures of frames with faces too
    #[arg(long)]
    pub all_frames: bool,
    /// labeled_faces/ and the cache of the review too: cluster, finalize --folders and review make them anew
    #[arg(long)]
    pub caches: bool,
    /// Remove nothing, and say what would be freed
    #[arg(long)]
    pub dry_run: bool,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
