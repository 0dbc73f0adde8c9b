//! The distance of two aligned faces: `cargo run --release -p streamface-embed --example compare -- A B`

use streamface_embed::from_manifest;
use streamface_model::{Cache, Manifest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args_os().skip(1).collect();
    let [a, b] = &paths[..] else {
        eprintln!("usage: compare A B (two images of aligned faces, 112 x 112)");
        std::process::exit(2);
    };
    let model = Manifest::builtin("mobilefacenet")?;
    let threshold = model.embedder()?.threshold;
    let embedder = from_manifest(&model, &Cache::of_user())?;
    let (a, b) = (image::open(a)?.to_rgb8(), image::open(b)?.to_rgb8());
    let [a, b] = &embedder.embed(&[(&a).into(), (&b).into()])?[..] else {
        unreachable!("two faces were given")
    };
    let distance = embedder.metric().distance(&a.vector, &b.vector);
    println!(
        "{distance:.4} ({} {threshold}: one person or two)",
        if distance <= threshold { "<=" } else { ">" }
    );
    Ok(())
}
