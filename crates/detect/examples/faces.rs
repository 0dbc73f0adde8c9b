//! Finds the faces of an image: `cargo run --release -p streamface-detect --example faces -- IMAGE`

use streamface_detect::{ExtractSettings, Extractor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: faces IMAGE");
        std::process::exit(2);
    };
    let detector = streamface_detect::builtin("centerface")?;
    let extractor = Extractor::new(detector, ExtractSettings::default())?;
    let frame = image::open(path)?.to_rgb8();
    let found = extractor.extract(&frame)?;
    println!("{} found, {} too small, {} blurred", found.detected, found.small, found.blurred);
    for face in found.faces {
        println!("{:?} score {:.3} blur {:.2e}", face.bbox, face.score, face.blur);
    }
    Ok(())
}
