//! Embedders and face models that are described by a manifest alone, over a small network that the test makes:
//! it gives the mean of each colour.

#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use common::colour_means;
use image::{Rgb, RgbImage};
use streamface_embed::{Error, FaceCrop, face_model_from_manifest, from_manifest};
use streamface_model::{Cache, Error as ModelError, Manifest};
use streamface_testing::sha256;
use streamface_types::Attributes;
use streamface_types::attributes::Value;

/// A manifest of the user's own in `dir`, its weights beside it.
fn manifest(dir: &Path, kind: &str, section: &str) -> Manifest {
    let weights = dir.join("means.onnx");
    std::fs::write(&weights, colour_means()).unwrap();
    let mut text = format!("name = \"means\"\nkind = \"{kind}\"\nformat = \"onnx\"\nfile = \"means.onnx\"\n");
    writeln!(text, "bytes = {}\nsha256 = \"{}\"", colour_means().len(), sha256(&weights)).unwrap();
    text.push_str("source = \"a test\"\nlicence = \"none\"\nlicence_note = \"\"\n");
    text.push_str("[input]\nlayout = \"nchw\"\nchannels = \"rgb\"\nmean = 0.0\nscale = 255.0\n");
    text.push_str("[crop]\nalignment = \"box\"\nsize = 16\nmargin = 0.2\n");
    text.push_str(section);
    let path = dir.join("means.toml");
    std::fs::write(&path, text).unwrap();
    Manifest::find(path.to_str().unwrap()).unwrap()
}

const EMBEDDER: &str = "[embedder]\nbatch = 2\ndim = 3\nmetric = \"euclidean\"\nthreshold = 0.5\n\
    merging_threshold = 0.5\nmatch_threshold = 0.5\nhow = \"\"\n";

const FACE: &str = r#"
[face]
batch = 2
how = ""
[[face.attributes]]
name = "colour"
output = 0
reading = "probabilities"
values = ["red", "green", "blue"]
[[face.attributes]]
name = "sure colour"
output = 0
reading = "logits"
values = ["red", "green", "blue"]
[[face.attributes]]
name = "wavelength"
output = 0
reading = "mean"
values = ["700", "550", "450"]
[[face.attributes]]
name = "warm colour"
output = "y"
reading = "probabilities"
values = ["red", "green", "blue"]
temperature = 2
[[face.attributes]]
name = "warmth"
output = 0
reading = "probabilities"
values = ["warm", "cold", "cold"]
[[face.attributes]]
name = "mask"
output = 0
first = 0
reading = "probability"
values = ["mask", "no mask"]
[[face.attributes]]
name = "red"
output = 0
first = 0
reading = "sigmoid"
values = ["red", "other"]
[[face.attributes]]
name = "years"
output = 0
reading = "mean"
values = ["50", "40", "30"]
[[face.attributes]]
name = "pose"
output = [0, 0]
reading = "angles"
values = ["yaw", "pitch"]
bins = { step = 3.0, first = [-99.0, -180.0], count = [2, 3] }
first = 0
"#;

fn plain(colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(16, 16, Rgb(colour))
}

#[test]
fn a_manifest_of_ones_own_makes_an_embedder() {
    let dir = tempfile::tempdir().unwrap();
    let model = manifest(dir.path(), "embedder", EMBEDDER);
    let embedder = from_manifest(&model, &Cache::at(dir.path())).unwrap();
    assert_eq!((embedder.dim(), embedder.crop().size, embedder.id().name.as_str()), (3, 16, "means"));
    // An odd number of faces in batches of two; vectors have length 1.
    let faces = [plain([255, 0, 0]), plain([0, 51, 0]), plain([0, 255, 255])];
    let vectors = embedder.embed(&faces.iter().map(FaceCrop::from).collect::<Vec<_>>()).unwrap();
    let half = 0.5_f32.sqrt();
    for (got, want) in vectors.iter().zip([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, half, half]]) {
        assert!(got.vector.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
    }
    let wrong = embedder.embed(&[(&RgbImage::new(8, 16)).into()]);
    assert!(matches!(wrong, Err(Error::Size { width: 8, height: 16, side: 16 })));
}

#[test]
fn a_manifest_of_ones_own_makes_a_face_model() {
    let dir = tempfile::tempdir().unwrap();
    let model = manifest(dir.path(), "face", FACE);
    let cache = Cache::at(dir.path());
    let means = face_model_from_manifest(&model, &cache).unwrap();
    assert_eq!(
        means.attributes(),
        ["colour", "sure colour", "wavelength", "warm colour", "warmth", "mask", "red", "years", "pose"]
    );
    let faces = [plain([0, 204, 0]), plain([51, 0, 204]), plain([255, 0, 0])];
    let said = means.look(&faces.iter().collect::<Vec<_>>()).unwrap();
    let likeliest = |of: &Attributes| of.likeliest("colour").unwrap().0.to_owned();
    assert_eq!(said.iter().map(likeliest).collect::<Vec<_>>(), ["green", "blue", "red"]);
    let numbers: Vec<&Value> = said.iter().map(|of| of.get("wavelength").unwrap()).collect();
    for (got, want) in numbers.into_iter().zip([550.0, 500.0, 700.0]) {
        assert!(matches!(got, Value::Number(n) if (n - want).abs() < 1e-3), "{got:?}");
    }
    let p = |face: &Attributes, name: &str, label: &str| face.by_name(name).unwrap()[label];
    // Probabilities have sum 1, whatever the network gives: 0.2 and 0.8 do already.
    assert!((p(&said[1], "colour", "blue") - 0.8).abs() < 1e-6);
    let softmax = 0.8_f64.exp() / (0.8_f64.exp() + 2.0);
    assert!((p(&said[0], "sure colour", "green") - softmax).abs() < 1e-6);
    // At temperature 2 the odds are square roots.
    assert!((p(&said[1], "warm colour", "blue") - 2.0 / 3.0).abs() < 1e-6);
    // Green and blue are one group.
    assert_eq!(said[1].by_name("warmth").unwrap().len(), 2);
    assert!((p(&said[1], "warmth", "cold") - 0.8).abs() < 1e-6);
    // Red is 0.2 of the second face; as a logit its sigmoid.
    assert!((said[1].probability("mask").unwrap() - 0.2).abs() < 1e-6);
    assert!((p(&said[1], "red", "red") - 1.0 / (1.0 + (-0.2_f64).exp())).abs() < 1e-6);
    let Some(Value::Numbers(years)) = said[1].get("years") else { panic!("{said:?}") };
    assert!((years["mean"] - 34.0).abs() < 1e-4 && (years["deviation"] - 8.0).abs() < 1e-4, "{years:?}");
    // Two bins of 3 degrees from −99 and three from −180, of one output here.
    let Some(Value::Numbers(pose)) = said[2].get("pose") else { panic!("{said:?}") };
    let yaw = -99.0 + 3.0 / (1.0 + 1.0_f64.exp());
    assert!((pose["yaw"] - yaw).abs() < 1e-6, "{pose:?}");
    // What is no embedder does not become one.
    assert!(matches!(from_manifest(&model, &cache), Err(Error::Model(ModelError::Kind { .. }))));
}

#[test]
fn outputs_that_the_manifest_does_not_promise_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let model = manifest(dir.path(), "embedder", &EMBEDDER.replace("dim = 3", "dim = 4"));
    let embedder = from_manifest(&model, &Cache::at(dir.path())).unwrap();
    assert!(matches!(embedder.embed(&[(&plain([1, 2, 3])).into()]), Err(Error::Output { .. })));
    let model = manifest(dir.path(), "face", &FACE.replace("output = 0", "output = 1"));
    let face_model = face_model_from_manifest(&model, &Cache::at(dir.path())).unwrap();
    assert!(matches!(face_model.look(&[&plain([1, 2, 3])]), Err(Error::Output { .. })));
}
