//! `cargo run -p streamface-imgproc --example filters -- FRAME.png [NEXT.png …]`: what the frame filters
//! of capture see in some frames. Without an argument, in two frames made up here.

use std::error::Error;

use image::{Rgb, RgbImage};
use streamface_imgproc::{DecodeLimits, Thumbnail, canny_empty_fraction, decode_image, gray};

fn main() -> Result<(), Box<dyn Error>> {
    let mut frames = Vec::new();
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).map_err(|e| format!("{path}: {e}"))?;
        let frame = decode_image(&bytes, &DecodeLimits::default()).map_err(|e| format!("{path}: {e}"))?;
        frames.push((path, frame));
    }
    if frames.is_empty() {
        frames = vec![("tiles".into(), tiles(60)), ("larger tiles".into(), tiles(90))];
    }
    let mut previous: Option<Thumbnail> = None;
    for (name, frame) in &frames {
        let gray = gray(frame);
        let thumbnail = Thumbnail::from_gray(&gray);
        let empty = canny_empty_fraction(&gray, 0, 25);
        let blur = thumbnail.blur_variance();
        print!("{name}: empty {empty:.4}, blur variance {blur:.3e}");
        match &previous {
            Some(previous) => println!(", similarity {:.4}", thumbnail.similarity(previous)),
            None => println!(),
        }
        previous = Some(thumbnail);
    }
    Ok(())
}

fn tiles(side: u32) -> RgbImage {
    RgbImage::from_fn(1920, 1080, |x, y| {
        Rgb([if (x / side + y / side).is_multiple_of(2) { 40 } else { 200 }; 3])
    })
}
