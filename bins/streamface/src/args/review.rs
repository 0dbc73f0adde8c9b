//! Flags of the review.

use std::path::PathBuf;

use clap::Args;

use super::Common;

/// `streamface finalize`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamface finalize news                              annotations_manual.json and people.json, by the decisions so far
  streamface finalize news --folders                    labeled_faces/ by the reviewed labels too")]
pub struct FinalizeArgs {
    /// The dataset directory
    pub dir: PathBuf,
    /// Write labeled_faces/ anew, by these labels
    #[arg(long)]
    pub folders: bool,
    /// People with as many faces in the original's order, not in that of their labels before
    #[arg(long)]
    pub compat: bool,
    /// Two faces of one frame may be one person (a mirror, a picture in the picture)
    #[arg(long)]
    pub same_frame: bool,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}
