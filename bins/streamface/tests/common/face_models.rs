//! Face models that a test makes: small networks of the means of a face's colours, each with a manifest beside it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use streamface_testing::onnx::{Output, of_means};
use streamface_testing::sha256;

/// A manifest of this name in `dir`, with the network of the outputs: its path. `crop` and `attributes` are TOML; an attribute
/// named `x` is read from the output `x`.
pub fn face_model(dir: &Path, name: &str, crop: &str, outputs: &[Output<'_>], attributes: &str) -> String {
    let network = of_means([1, 3, 16, 16], outputs);
    let file = dir.join(format!("{name}.onnx"));
    fs::write(&file, &network).unwrap();
    let mut text = format!("name = \"{name}\"\nkind = \"face\"\nformat = \"onnx\"\nfile = \"{name}.onnx\"\n");
    writeln!(text, "bytes = {}\nsha256 = \"{}\"", network.len(), sha256(&file)).unwrap();
    text.push_str("source = \"a test\"\nlicence = \"none\"\nlicence_note = \"\"\n");
    text.push_str("[input]\nlayout = \"nchw\"\nchannels = \"rgb\"\nmean = 0.0\nscale = 255.0\n");
    writeln!(text, "[crop]\nsize = 16\n{crop}\n[face]\nhow = \"\"\n{attributes}").unwrap();
    let path = dir.join(format!("{name}.toml"));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A manifest's words for an attribute that is read from the output of its name.
pub fn attribute(name: &str, reading: &str, values: &[&str]) -> String {
    format!(
        "[[face.attributes]]\nname = \"{name}\"\noutput = \"{name}\"\nreading = \"{reading}\"\nvalues = {values:?}\n"
    )
}

/// The pose: three angles of three bins each.
pub fn pose() -> String {
    "[[face.attributes]]\nname = \"pose\"\noutput = [\"yaw\", \"pitch\", \"roll\"]\nreading = \"angles\"\n\
     values = [\"yaw\", \"pitch\", \"roll\"]\nbins = { step = 30.0, first = [-30, -30, -30], count = [3, 3, 3] }\n"
        .to_owned()
}

/// A model of the pose alone. Another `tilt` gives other weights.
pub fn pose_model(dir: &Path, name: &str, tilt: f32) -> String {
    let rows = [[0.0, 0.0, 0.0, 1.0], [tilt, 0.0, 0.0, 0.0], [0.0, 0.0, tilt, 0.0]];
    let outputs = ["yaw", "pitch", "roll"].map(|angle| (angle, &[1, 3][..], &rows[..]));
    face_model(dir, name, "alignment = \"box\"\nmargin = 0.2", &outputs, &pose())
}

/// A model of all attributes that the original has.
pub fn original_model(dir: &Path) -> String {
    let row = |i: usize| [0.3 * i as f32, 0.1, -0.2 * i as f32, 0.05 * i as f32];
    let rows: Vec<[f32; 4]> = (0..9).map(row).collect();
    let age = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"];
    let race =
        ["White", "Black", "Latino Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern"];
    let expression = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
    let attributes = [
        attribute("age", "logits", &age),
        attribute("gender", "logits", &["Male", "Female"]),
        attribute("race", "logits", &race),
        attribute("expression", "logits", &expression),
        attribute("mask", "sigmoid", &["mask", "no mask"]),
        pose(),
    ];
    let outputs = [
        ("age", &[1, 9][..], &rows[..9]),
        ("gender", &[1, 2], &rows[..2]),
        ("race", &[1, 7], &rows[..7]),
        ("expression", &[1, 7], &rows[1..8]),
        ("mask", &[1, 1], &rows[3..4]),
        ("yaw", &[1, 3], &rows[..3]),
        ("pitch", &[1, 3], &rows[3..6]),
        ("roll", &[1, 3], &rows[6..9]),
    ];
    face_model(dir, "original", "alignment = \"arcface-112\"", &outputs, &attributes.concat())
}

/// A model whose output is beyond all numbers for faces that are not dark.
pub fn overflowing_model(dir: &Path) -> String {
    let row = [3e38, 3e38, 3e38, 2.5e38];
    let mask = attribute("mask", "sigmoid", &["mask", "no mask"]);
    face_model(dir, "overflowing", "alignment = \"box\"", &[("mask", &[1, 1], &[row])], &mask)
}
