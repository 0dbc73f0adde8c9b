//! Raw outputs beside those of the networks' own runtimes, on a made-up input.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use streamface_model::{Cache, Format, Layout, Manifest, Network};
use streamface_testing::{reference, skip};

/// Compares the outputs of a built-in model with those stored under `stored`: the first values of each and the sum of
/// all. `named` says how an output is called in the file where it is stored under another name.
#[track_caller]
fn compare(model: &str, stored: &str, tolerance: f64, named: impl Fn(&str) -> String) {
    let Some(path) = reference("models/raw_outputs.json") else { return };
    let model = Manifest::builtin(model).unwrap();
    let Ok(weights) = Cache::of_user().read(&model) else {
        skip!("no weights of {}; `streamface models pull` fetches them", model.name);
        return;
    };
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let numbers = |v: &Value| v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    let lengths = |v: &Value| numbers(v).iter().map(|&d| d as usize).collect::<Vec<_>>();
    let shape = lengths(&all[stored]["input_shape"]);
    let input: Vec<f32> = (0..shape.iter().product::<usize>() as u64)
        .map(|k| ((k * 2_654_435_761) % 1000) as f32 / 1000.0)
        .collect();
    let outputs = all[stored]["outputs"].as_object().unwrap();
    let names: Vec<String> = outputs.keys().map(|name| named(name)).collect();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let network =
        Network::load_outputs(&model.name, model.weights[0].format, &weights, &shape, &wanted).unwrap();
    assert_eq!(network.output_names(), names);
    for ((name, want), got) in outputs.iter().zip(network.run(&input).unwrap()) {
        assert_eq!(got.shape(), lengths(&want["shape"]), "{name}");
        let difference = |(got, want): (&f32, f64)| (f64::from(*got) - want).abs();
        let most = got.iter().zip(numbers(&want["values"])).map(difference).fold(0.0, f64::max);
        println!("{} {name}: {most:.1e}", model.name);
        assert!(most <= tolerance, "{name}: {most}");
        let sum: f64 = got.iter().copied().map(f64::from).sum();
        let off = (sum - want["sum"].as_f64().unwrap()).abs() / got.len() as f64;
        assert!(off <= tolerance, "{name}: the mean is off by {off}");
    }
}

// Of halves 5e-3 is asked for; what is left of it is far less.

#[test]
fn gear_in_halves() {
    compare("gear", "gear", 1e-3, str::to_owned);
}

#[test]
fn emotion() {
    compare("emotion", "emotion", 1e-3, str::to_owned);
}

#[test]
fn faceres_in_halves_and_an_inner_output() {
    compare("faceres", "faceres", 1e-3, str::to_owned);
}

#[test]
fn facemesh_in_halves() {
    compare("facemesh", "facemesh", 1e-3, str::to_owned);
}

#[test]
fn face_mask_of_keras() {
    compare("face-mask", "mask", 1e-3, str::to_owned);
}

#[test]
fn mobilefacenet_of_tensorflow_lite() {
    compare("mobilefacenet", "mobilefacenet", 1e-3, |_| "embeddings".to_owned());
}

#[test]
fn every_built_in_network_of_faces_loads_at_the_size_of_its_crop() {
    for model in Manifest::all_builtin().unwrap() {
        // Detectors have no crop, and ensembles the networks of other models.
        let (Ok(crop), Some(file)) = (model.crop(), model.weights.first()) else { continue };
        if model.weights.len() > 1 && file.format != Format::Tfjs {
            continue;
        }
        let Ok(weights) = Cache::of_user().read(&model) else {
            skip!("no weights of {}; `streamface models pull` fetches them", model.name);
            continue;
        };
        let (side, channels) = (crop.size as usize, model.input.channels.count());
        let shape = match model.input.layout {
            Layout::Nchw => [1, channels, side, side],
            Layout::Nhwc => [1, side, side, channels],
        };
        let network = Network::load(&model.name, file.format, &weights, &shape).unwrap();
        let outputs = network.run(&vec![0.25; shape.iter().product()]).unwrap();
        assert_eq!(outputs.len(), network.output_names().len(), "{}", model.name);
    }
}
