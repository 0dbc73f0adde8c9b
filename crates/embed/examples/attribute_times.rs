//! Milliseconds a face that the default face models take, each with its crop, and all together, as JSON:
//! `cargo run --release -p streamface-embed --example attribute_times -- [THREADS] [MODEL…]`

use std::time::Instant;

use image::{Rgb, RgbImage};
use streamface_detect::crop;
use streamface_embed::{FaceModel, face_model_from_manifest};
use streamface_model::{Cache, DEFAULT_FACE_MODELS, Manifest};
use streamface_types::{BoundingBox, Landmarks};

const ROUNDS: usize = 31;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let threads: usize = arguments.next().map_or(Ok(1), |n| n.parse())?;
    let named: Vec<String> = arguments.collect();
    let names: Vec<&str> = if named.is_empty() {
        DEFAULT_FACE_MODELS.to_vec()
    } else {
        named.iter().map(String::as_str).collect()
    };
    let load = |name: &&str| -> Result<_, Failure> {
        Ok(face_model_from_manifest(&Manifest::builtin(name)?, &Cache::of_user())?)
    };
    let models: Vec<Box<dyn FaceModel>> = names.iter().map(load).collect::<Result<_, _>>()?;
    // A made frame: what networks take does not depend on what they see.
    let frame =
        RgbImage::from_fn(1920, 1080, |x, y| Rgb([(x % 251) as u8, (y % 241) as u8, ((x + y) % 239) as u8]));
    let mut parts = Vec::new();
    for (name, model) in names.iter().zip(&models) {
        parts.push(format!("\"{name}\": {:.3}", median(threads, &frame, std::slice::from_ref(model))?));
    }
    parts.push(format!("\"all\": {:.3}", median(threads, &frame, &models)?));
    println!("{{{}}}", parts.join(", "));
    Ok(())
}

/// The median over rounds in which each of `threads` threads does one face: milliseconds of a round for one face.
fn median(threads: usize, frame: &RgbImage, models: &[Box<dyn FaceModel>]) -> Result<f64, Failure> {
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let start = Instant::now();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| look(frame, models))).collect();
            workers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|_| Err("a thread panicked".into())))
        })?;
        // The first round warms up.
        if round > 0 {
            times.push(start.elapsed().as_secs_f64() * 1e3 / threads as f64);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

fn look(frame: &RgbImage, models: &[Box<dyn FaceModel>]) -> Result<(), Failure> {
    let face = BoundingBox::new(800.0, 300.0, 180.0, 240.0);
    let landmarks =
        Landmarks([[850.0, 390.0], [930.0, 392.0], [890.0, 440.0], [858.0, 482.0], [926.0, 484.0]]);
    for model in models {
        let cut = crop(frame, &face, &landmarks, &model.crop()).ok_or("the face has no crop")?;
        model.look(&[&cut])?;
    }
    Ok(())
}
