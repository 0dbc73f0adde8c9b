//! The preset `accurate` and the quality of faces on 100 photos, one half and then the other degraded in five ways. Prints the table of
//! `benches/results/2026-11-30-ensembles.md`.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use image::{Rgb, RgbImage};
use streamface_cluster::{Constraints, Settings, complete_linkage};
use streamface_detect::{Landmarks, align};
use streamface_embed::{Embedded, FaceCrop, from_manifest};
use streamface_eval::{best_threshold, verification};
use streamface_imgproc::{DecodeLimits, decode_image, encode_jpeg, gray, resize_area, resize_bilinear};
use streamface_model::{Cache, Error, Manifest};
use streamface_testing::{reference, skip};
use streamface_types::{BoundingBox, Embeddings, Metric};

const KINDS: [&str; 5] = ["shrunk to 26", "JPEG 12 at 56", "dark, noise", "lower half", "grey"];

fn shrunk(face: &RgbImage, side: u32) -> RgbImage {
    let all = BoundingBox { x: 0.0, y: 0.0, w: face.width() as f32, h: face.height() as f32 };
    resize_area(face, &all, side, side)
}

/// A face degraded by one of [`KINDS`].
fn degraded(face: &RgbImage, kind: usize, mut seed: u32) -> RgbImage {
    let (w, h) = face.dimensions();
    match kind {
        0 => resize_bilinear(&shrunk(face, 26), w, h),
        1 => {
            let jpeg = encode_jpeg(&shrunk(face, 56), 12).unwrap();
            resize_bilinear(&decode_image(&jpeg, &DecodeLimits::default()).unwrap(), w, h)
        }
        2 => {
            // The sum of four even numbers is nearly normal; this has a deviation of 8.
            let mut even = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(seed >> 8) / f64::from(1 << 24) - 0.5
            };
            let mut noisy = |v: u8| {
                let noise = 8.0 * 3.0_f64.sqrt() * (even() + even() + even() + even());
                (f64::from(v) / 4.0 + noise).round().clamp(0.0, 255.0) as u8
            };
            let mut dark = face.clone();
            dark.pixels_mut().for_each(|p| p.0 = p.0.map(&mut noisy));
            dark
        }
        3 => {
            RgbImage::from_fn(w, h, |x, y| if 5 * y >= 3 * h { Rgb([90; 3]) } else { *face.get_pixel(x, y) })
        }
        _ => {
            let gray = gray(face);
            RgbImage::from_fn(w, h, |x, y| Rgb([gray.get_pixel(x, y).0[0]; 3]))
        }
    }
}

/// The 100 photos' faces by their given landmarks, and who each is.
fn photos(dir: &Path) -> (Vec<RgbImage>, Vec<i64>) {
    let text = std::fs::read_to_string(dir.join("models/mobilefacenet_lfw10_order.csv")).unwrap();
    let mut people: Vec<String> = Vec::new();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let mut landmarks = Landmarks::default();
        for (i, field) in fields[2..].iter().enumerate() {
            landmarks.0[i / 2][i % 2] = field.parse().unwrap();
        }
        let bytes = std::fs::read(dir.join("faces_lfw10").join(fields[0])).unwrap();
        let image = decode_image(&bytes, &DecodeLimits::default()).unwrap();
        let person = people.iter().position(|p| p == fields[1]).unwrap_or_else(|| {
            people.push(fields[1].to_owned());
            people.len() - 1
        });
        (align(&image, &landmarks, 112).unwrap(), person as i64)
    };
    text.lines().skip(1).map(row).unzip()
}

/// Best pairwise F of complete linkage, and the true accept rate at a false accept rate of 0.1 %.
fn scores(faces: &[&Embedded], truth: &[i64]) -> (f64, f64) {
    let dim = faces[0].vector.len();
    let vectors =
        Embeddings::new(faces.iter().flat_map(|f| f.vector.iter().copied()).collect(), dim).unwrap();
    let tar = verification(&vectors, truth, Metric::Cosine, 1e-3).unwrap().tar;
    let best = best_threshold(truth, (30..=110).map(|t| f64::from(t) / 100.0), |t| {
        let settings = Settings::new(Metric::Cosine, t).unwrap();
        let found = complete_linkage(&vectors, &settings, &Constraints::default()).unwrap();
        Ok::<_, streamface_eval::Error>(found.labels.into_iter().map(i64::from).collect())
    });
    (best.unwrap().unwrap().pairwise.f, tar)
}

/// What an embedder makes of the faces, and of each degraded in each way.
struct Seen {
    clean: Vec<Embedded>,
    degraded: Vec<Vec<Embedded>>,
}

impl Seen {
    fn by(name: &str, faces: &[RgbImage]) -> Option<Self> {
        let embedder = match from_manifest(&Manifest::builtin(name).unwrap(), &Cache::of_user()) {
            Err(streamface_embed::Error::Model(Error::Missing(_))) => {
                skip!("no weights of {name}; `streamface models pull` fetches them");
                return None;
            }
            other => other.unwrap(),
        };
        let embed = |faces: &[RgbImage]| {
            embedder.embed(&faces.iter().map(FaceCrop::from).collect::<Vec<_>>()).unwrap()
        };
        let all = |kind| {
            let each = faces.iter().enumerate();
            each.map(|(i, face)| degraded(face, kind, i as u32)).collect::<Vec<_>>()
        };
        Some(Self { clean: embed(faces), degraded: (0..KINDS.len()).map(|kind| embed(&all(kind))).collect() })
    }

    /// The pool with every second face degraded, from number `first` on, in the way that `kind` says of its number.
    fn pool(&self, first: usize, kind: impl Fn(usize) -> usize) -> Vec<&Embedded> {
        let face = |(i, clean)| if i % 2 == first { &self.degraded[kind(i)][i] } else { clean };
        self.clean.iter().enumerate().map(face).collect()
    }
}

/// Mean misses at a false accept rate of 0.1 % of five pools in which all ways of degrading are mixed: of all faces, and without
/// the fifth of the least quality.
fn misses(seen: &Seen, truth: &[i64]) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for mix in 0..KINDS.len() {
        let pool = seen.pool(mix % 2, |i| (i / 2 + mix) % KINDS.len());
        let mut order: Vec<usize> = (0..pool.len()).collect();
        order.sort_by(|&a, &b| pool[b].quality.unwrap().total_cmp(&pool[a].quality.unwrap()));
        for (kept, sum) in [pool.len(), pool.len() * 4 / 5].into_iter().zip(&mut sums) {
            let faces: Vec<&Embedded> = order[..kept].iter().map(|&i| pool[i]).collect();
            let people: Vec<i64> = order[..kept].iter().map(|&i| truth[i]).collect();
            *sum += (1.0 - scores(&faces, &people).1) / KINDS.len() as f64;
        }
    }
    sums
}

#[test]
fn accurate_is_better_on_degraded_photos_and_quality_finds_the_poor_ones() {
    let Some(dir) = reference("") else { return };
    let (faces, truth) = photos(&dir);
    let names = ["mobilefacenet", "fr-feature", "accurate"];
    let seen: Option<Vec<Seen>> = std::thread::scope(|scope| {
        let all = names.map(|name| scope.spawn(|| Seen::by(name, &faces)));
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let Some(seen) = seen else { return };
    let mut rows = vec![(
        "clean",
        seen.iter().map(|s| scores(&s.clean.iter().collect::<Vec<_>>(), &truth)).collect::<Vec<_>>(),
    )];
    for (kind, name) in KINDS.into_iter().enumerate() {
        let mean = |s: &Seen| {
            let [one, other] = [0, 1].map(|first| scores(&s.pool(first, |_| kind), &truth));
            (f64::midpoint(one.0, other.0), f64::midpoint(one.1, other.1))
        };
        rows.push((name, seen.iter().map(mean).collect()));
    }
    println!("{:15} {}", "F, TAR", names.join("  "));
    for (name, row) in &rows {
        let row: Vec<String> = row.iter().map(|(f, tar)| format!("{f:.3} {tar:.3}")).collect();
        println!("{name:15} {}", row.join("  "));
    }
    let [fast, accurate] = [&seen[0], &seen[2]].map(|s| misses(s, &truth));
    println!(
        "misses at 0.1 %, all and without the worst fifth: mobilefacenet {fast:.3?}, accurate {accurate:.3?}"
    );
    for [all, without] in [fast, accurate] {
        assert!(without <= 0.5 * all, "{all} {without}");
    }
    for (name, row) in rows {
        let [one, other, both] = [0, 1, 2].map(|i| row[i].0);
        assert!(both >= one.max(other) || name == "clean", "{name}: {row:?}");
        assert!(name != "clean" || (both >= one && row[2].1 >= row[0].1), "{name}: {row:?}");
    }
}
