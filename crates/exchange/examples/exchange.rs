//! Exports a dataset directory as tar shards, or says what is wrong:
//! `cargo run --release -p streamface-exchange --example exchange -- DIR OUT`

use std::path::Path;

use streamface_exchange::{ExportSettings, export, formats};
use streamface_store::Dataset;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(out)) = (args.next(), args.next()) else {
        return Err("usage: exchange DIR OUT".into());
    };
    let data = Dataset::open(Path::new(&dir))?;
    let settings = ExportSettings { shard_faces: 1000, ..ExportSettings::default() };
    let done = export(&data, &formats::Webdataset, Path::new(&out), &settings, &|p| {
        if p.done % 1000 == 0 {
            eprintln!("{}: {} of {}", p.what, p.done, p.total);
        }
    })?;
    println!("{} faces of {} people", done.faces, done.people);
    for left in done.left_out {
        println!("without {} {}", left.count, left.why);
    }
    Ok(())
}
