//! Ensembles over small networks that the test makes, against NumPy.

#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use common::{colour_means, half_means};
use image::{Rgb, RgbImage};
use streamface_embed::quality::Signals;
use streamface_embed::{Embedded, Embedder, FaceCrop, from_manifest};
use streamface_model::{Cache, Manifest, Signal};
use streamface_testing::sha256;
use streamface_types::{BoundingBox, Detection, Landmarks};

const SECTION: &str =
    "metric = \"cosine\"\nthreshold = 0.5\nmerging_threshold = 0.5\nmatch_threshold = 0.5\nhow = \"\"\n";

/// The manifest of a member: input = (pixel − `mean`) / 255.
fn member(dir: &Path, name: &str, onnx: &[u8], dim: usize, mean: f32, more: &str) {
    let weights = dir.join(format!("{name}.onnx"));
    std::fs::write(&weights, onnx).unwrap();
    let mut text =
        format!("name = \"{name}\"\nkind = \"embedder\"\nformat = \"onnx\"\nfile = \"{name}.onnx\"\n");
    writeln!(text, "bytes = {}\nsha256 = \"{}\"", onnx.len(), sha256(&weights)).unwrap();
    text.push_str("source = \"a test\"\nlicence = \"none\"\nlicence_note = \"\"\n");
    writeln!(text, "[input]\nlayout = \"nchw\"\nchannels = \"rgb\"\nmean = {mean:?}\nscale = 255.0").unwrap();
    text.push_str("[crop]\nalignment = \"box\"\nsize = 16\nmargin = 0.2\n");
    writeln!(text, "[embedder]\ndim = {dim}\nbatch = 2\n{SECTION}{more}").unwrap();
    std::fs::write(dir.join(format!("{name}.toml")), text).unwrap();
}

/// An ensemble's manifest of `dim` numbers, with `section` after `[embedder.ensemble]`.
fn manifest(dir: &Path, dim: usize, section: &str) -> Result<Manifest, streamface_model::Error> {
    member(dir, "means", &colour_means(), 3, 0.0, "");
    member(dir, "darker", &colour_means(), 3, 51.0, "centre = [0.1, 0.0, -0.1]");
    member(dir, "halves", &half_means(), 6, 0.0, "");
    let text = format!(
        "name = \"both\"\nkind = \"embedder\"\nsource = \"\"\nlicence = \"none\"\nlicence_note = \"\"\n\
         [embedder]\ndim = {dim}\n{SECTION}[embedder.ensemble]\n{section}"
    );
    let path = dir.join("both.toml");
    std::fs::write(&path, text).unwrap();
    Manifest::read(&path)
}

fn ensemble(dim: usize, section: &str) -> Box<dyn Embedder> {
    let dir = tempfile::tempdir().unwrap();
    from_manifest(&manifest(dir.path(), dim, section).unwrap(), &Cache::at(dir.path())).unwrap()
}

/// A picture by a formula, which the NumPy script repeats.
fn picture(seed: u32, times: f32) -> RgbImage {
    RgbImage::from_fn(16, 16, |x, y| {
        Rgb([0, 1, 2].map(|c| (((x * 7 + y * 13 + c * 50 + x * y * seed) % 200) as f32 * times) as u8))
    })
}

fn embed(embedder: &dyn Embedder, faces: &[RgbImage]) -> Vec<Embedded> {
    embedder.embed(&faces.iter().map(FaceCrop::from).collect::<Vec<_>>()).unwrap()
}

// NumPy and OpenCV's values for these pictures.
const CONCAT: [f32; 9] =
    [0.4869937, 0.5140489, 0.4985888, 0.1888382, 0.2085167, 0.2140671, 0.2053631, 0.2109135, 0.1959023];
const SUM: [f32; 3] = [0.3712265, 0.5842583, 0.7216877];
const MIRROR: [f32; 6] = [0.3976287, 0.3976287, 0.4197192, 0.4197192, 0.4070961, 0.4070961];
const RESTORED: [f32; 9] =
    [0.1382565, 0.3871241, 0.5753435, 0.2674733, 0.2821806, 0.2870981, 0.3051593, 0.3031878, 0.2852399];
const SIGNALS: [(Signal, f64); 8] = [
    (Signal::Sharpness, 9.453_865),
    (Signal::Noise, 3.205_289),
    (Signal::Brightness, 4.667_505),
    (Signal::Contrast, 3.571_900),
    (Signal::Yaw, 0.143_564),
    (Signal::Pitch, 0.097_558),
    (Signal::Score, 0.875),
    (Signal::Size, 4.382_027),
];

fn near(got: &[f32], want: &[f32]) {
    assert!(
        got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() < 2e-5),
        "{got:?} {want:?}"
    );
}

#[test]
fn concat_gives_the_weighted_mean_of_the_cosines() {
    let both =
        ensemble(9, "members = [\"means.toml\", \"halves.toml\"]\nmode = \"concat\"\nweights = [0.75, 0.25]");
    assert_eq!((both.dim(), both.crop().size, both.id().name.as_str()), (9, 16, "both"));
    let faces = [picture(1, 1.0), picture(2, 1.0), picture(3, 0.5)];
    let got = embed(&*both, &faces);
    near(&got[0].vector, &CONCAT);
    let alone = |name: &str, dim| {
        embed(
            &*ensemble(dim, &format!("members = [\"{name}.toml\"]\nmode = \"concat\"\nweights = [1.0]")),
            &faces,
        )
    };
    let (means, halves) = (alone("means", 3), alone("halves", 6));
    let dot = |a: &Embedded, b: &Embedded| a.vector.iter().zip(&b.vector).map(|(x, y)| x * y).sum::<f32>();
    for (i, j) in [(0, 0), (0, 1), (1, 2)] {
        let want = 0.75 * dot(&means[i], &means[j]) + 0.25 * dot(&halves[i], &halves[j]);
        assert!((dot(&got[i], &got[j]) - want).abs() < 1e-6);
    }
    // Without constants for it, nothing is said of quality.
    assert!(got.iter().all(|face| face.quality.is_none()));
}

#[test]
fn sum_mirror_image_centre_and_restoring_are_those_of_numpy() {
    let sum = "members = [\"means.toml\", \"darker.toml\"]\nmode = \"sum\"\nweights = [0.4, 0.6]";
    near(&embed(&*ensemble(3, sum), &[picture(1, 1.0)])[0].vector, &SUM);
    let mirror = "members = [\"halves.toml\"]\nmode = \"concat\"\nweights = [1.0]\nmirror = [true]";
    near(&embed(&*ensemble(6, mirror), &[picture(1, 1.0)])[0].vector, &MIRROR);
    let restored = "members = [\"darker.toml\", \"halves.toml\"]\nmode = \"concat\"\nweights = [0.5, 0.5]\n\
        restored = { below = 0.3, times = 1.0, brightness = 100.0, smoothing = 0.8 }";
    // The second face is so dark that it is restored, beside one that is not and is as if it were alone.
    let got = embed(&*ensemble(9, restored), &[picture(1, 1.0), picture(2, 0.2)]);
    near(
        &got[0].vector,
        &embed(&*ensemble(9, restored.split_once("restored").unwrap().0), &[picture(1, 1.0)])[0].vector,
    );
    near(&got[1].vector, &RESTORED);
    // It is not where the vector must grow longer than it does.
    let never = restored.replace("times = 1.0", "times = 9.0");
    let plain = restored.split_once("restored").unwrap().0;
    assert_eq!(
        embed(&*ensemble(9, &never), &[picture(2, 0.2)]),
        embed(&*ensemble(9, plain), &[picture(2, 0.2)])
    );
}

#[test]
fn the_shares_follow_the_quality_of_the_face() {
    let section = |base: f64| {
        format!(
            "members = [\"means.toml\", \"halves.toml\"]\nmode = \"concat\"\nweights = [0.5, 0.5]\npoor_weights = [1.0, 0.0]\n\
             [embedder.quality]\nbase = {base:?}\nhow = \"\"\n[embedder.quality.signals]\nbrightness = {{ usual = 4.0, weight = 0.0 }}"
        )
    };
    let second = |base| {
        let face = embed(&*ensemble(9, &section(base)), &[picture(1, 1.0)]).remove(0);
        let length: f32 = face.vector.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-5);
        (face.quality.unwrap(), face.vector[3..].iter().map(|v| v * v).sum::<f32>())
    };
    for (base, quality) in [(-30.0, 0.0), (0.0, 0.5), (30.0, 1.0)] {
        let (q, share) = second(base);
        assert!((q - quality).abs() < 1e-6 && (share - 0.5 * quality).abs() < 1e-5, "{base}: {q} {share}");
    }
}

#[test]
fn signals_are_those_of_numpy() {
    let landmarks = Landmarks([[30.0, 40.0], [70.0, 44.0], [54.0, 60.0], [36.0, 80.0], [66.0, 82.0]]);
    let bbox = BoundingBox { x: 10.0, y: 10.0, w: 80.0, h: 100.0 };
    let picture = picture(1, 1.0);
    let face = FaceCrop { image: &picture, detection: Some(Detection { bbox, landmarks, score: 0.875 }) };
    let signals = Signals::of(&face);
    for (signal, want) in SIGNALS {
        let got = signals.get(signal).unwrap();
        assert!((got - want).abs() < 1e-5, "{signal:?}: {got}, not {want}");
    }
    // What was not seen counts as usual, and a picture without a middle has no signals.
    assert_eq!(Signals::of(&(&picture).into()).get(Signal::Yaw), None);
    assert_eq!(Signals::of(&(&RgbImage::new(2, 2)).into()), Signals::default());
}

#[test]
fn an_ensemble_that_does_not_fit_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let why = |dim, section: &str| manifest(dir.path(), dim, section).unwrap_err().to_string();
    let section = "members = [\"means.toml\", \"halves.toml\"]\nmode = \"concat\"\nweights = [0.5, 0.5]";
    assert!(manifest(dir.path(), 9, section).is_ok());
    assert!(why(8, section).contains("dim must be 9"));
    assert!(why(9, &section.replace("0.5, 0.5", "0.5, 0.6")).contains("together 1"));
    assert!(why(9, &section.replace("0.5, 0.5", "1.0")).contains("together 1"));
    assert!(why(6, &section.replace("concat", "sum")).contains("cannot be summed"));
    assert!(why(9, &section.replace("halves.toml", "both.toml")).contains("cannot be a member"));
    assert!(why(9, &section.replace("halves.toml", "mobilefacenet")).contains("cuts faces otherwise"));
    assert!(why(9, &section.replace("halves.toml", "centerface")).contains("is a detector"));
    assert!(why(9, &section.replace("halves.toml", "nobody.toml")).contains("nobody.toml"));
    assert!(why(9, &format!("{section}\npoor_weights = [1.0, 0.0]")).contains("embedder.quality"));
    assert!(why(9, &format!("{section}\nmirror = [true]")).contains("for each member"));
    assert!(why(9, &format!("{section}\nmirrors = [true, true]")).contains("did you mean 'mirror'?"));
    let quality = "\n[embedder.quality]\nbase = 0.0\nhow = \"\"\n[embedder.quality.signals]\nnose = { usual = 0.0, weight = 1.0 }";
    assert!(why(9, &format!("{section}{quality}")).contains("nose"));
    // Its identity is that of all of its files, and of how each is fed.
    let one = manifest(dir.path(), 9, section).unwrap();
    let other = manifest(dir.path(), 9, &format!("{section}\nmirror = [false, true]")).unwrap();
    assert_eq!(one.weights.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["means", "halves"]);
    assert!(one.id().sha256 == other.id().sha256 && one.id().settings != other.id().settings);
}
