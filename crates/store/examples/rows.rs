//! Counts the rows of a dataset directory: `cargo run -p streamface-store --example rows -- DIR`

use std::path::PathBuf;

use streamface_store::{Dataset, Error, FaceRow, FeatureRow, FrameRow, LabelRow};

fn main() -> Result<(), Error> {
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("out"), PathBuf::from);
    let data = Dataset::open(&dir)?;
    let frames = data.read::<FrameRow>()?;
    let kept = frames.iter().filter(|f| f.dropped.is_none()).count();
    println!("{} keyframes, {kept} kept", frames.len());
    println!("{} faces", data.read::<FaceRow>()?.len());
    println!("{} features", data.read::<FeatureRow>()?.len());
    println!("{} labels", data.read::<LabelRow>()?.len());
    Ok(())
}
