//! Keras files: what is read, and what is wrong with those that are refused.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Layer, keras_file, keras_layers, layer};
use serde_json::json;
use streamface_model::{Error, Format, Network};

fn load(file: &[u8], input: &[usize]) -> Result<Network, Error> {
    Network::load("small", Format::Keras, &[file], input)
}

#[track_caller]
fn refused(file: &[u8], words: &[&str]) {
    let said = load(file, &[1, 6, 6, 2]).unwrap_err().to_string();
    assert!(words.iter().all(|w| said.contains(w)), "{said}");
}

/// The same network, layer by layer in plain loops.
fn slow(layers: &[Layer], x: &[f32]) -> Vec<f32> {
    let weight = |i: usize, j: usize| &layers[i].weights[j].2;
    let mut conv = [0.0_f32; 27];
    for (at, out) in conv.iter_mut().enumerate() {
        let (row, column, o) = (at / 9, at / 3 % 3, at % 3);
        for (k, w) in weight(2, 0).iter().enumerate().filter(|(k, _)| k % 3 == o) {
            let (r, c, i) = (2 * row + k / 18, 2 * column + k / 6 % 3, k / 3 % 2);
            *out += if r < 6 && c < 6 { w * x[(r * 6 + c) * 2 + i] } else { 0.0 };
        }
        let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|j| weight(3, j)[o]);
        *out = ((*out - mean) / (variance + 0.001).sqrt() * gamma + beta).clamp(0.0, 6.0);
    }
    let mut means = [0.0_f32; 3];
    for at in 0..27 {
        let (row, column, c) = (at / 9, at / 3 % 3, at % 3);
        let mut sum = weight(5, 1)[c];
        for (k, w) in weight(5, 0).iter().enumerate().filter(|(k, _)| k % 3 == c) {
            let (r, q) = ((row + k / 9).wrapping_sub(1), (column + k / 3 % 3).wrapping_sub(1));
            sum += if r < 3 && q < 3 { w * conv[(r * 3 + q) * 3 + c] } else { 0.0 };
        }
        means[c] += sum / 9.0;
    }
    let logits =
        [0, 1].map(|o| (0..3).map(|c| means[c] * weight(9, 0)[c * 2 + o]).sum::<f32>() + weight(9, 1)[o]);
    let sum: f32 = logits.iter().map(|l| l.exp()).sum();
    logits.iter().map(|l| l.exp() / sum).collect()
}

#[test]
fn layers_are_kerass() {
    let layers = keras_layers();
    let network = load(&keras_file(&layers, None), &[1, 6, 6, 2]).unwrap();
    assert_eq!(network.output_names(), ["dense_9"]);
    let x: Vec<f32> = (0..72).map(|i| (i * 29 % 23) as f32 / 11.0 - 1.0).collect();
    let got = network.run(&x).unwrap();
    for (got, want) in got[0].iter().zip(slow(&layers, &x)) {
        assert!((got - want).abs() < 1e-6, "{got} {want}");
    }
}

#[test]
fn a_sequential_model_and_keras_3_references() {
    let layers = keras_layers();
    let x = vec![0.5; 72];
    let want = load(&keras_file(&layers, None), &[1, 6, 6, 2]).unwrap().run(&x).unwrap();
    let described: Vec<_> = (1..layers.len())
        .map(|i| {
            let mut config = layers[i].config.clone();
            config["name"] = json!(format!("{}_{i}", layers[i].class.to_lowercase()));
            json!({ "class_name": layers[i].class, "config": config })
        })
        .collect();
    let sequential = json!({ "class_name": "Sequential", "config": { "layers": described } });
    let got = load(&keras_file(&layers, Some(sequential)), &[1, 6, 6, 2]).unwrap();
    assert_eq!((got.run(&x).unwrap(), got.output_names()), (want.clone(), &["dense_9".to_owned()][..]));

    let mut described = described;
    let source = json!({ "class_name": "InputLayer", "name": "inputlayer_0", "config": { "name": "inputlayer_0" }, "inbound_nodes": [] });
    described.insert(0, source);
    for i in 1..described.len() {
        let history = described[i - 1]["config"]["name"].clone();
        let tensor =
            json!({ "class_name": "__keras_tensor__", "config": { "keras_history": [history, 0, 0] } });
        described[i]["name"] = described[i]["config"]["name"].clone();
        described[i]["inbound_nodes"] = json!([{ "args": [tensor], "kwargs": { "training": false } }]);
    }
    let three = json!({ "class_name": "Functional", "config": { "layers": described, "output_layers": [["dense_9", 0, 0]] } });
    let got = load(&keras_file(&layers, Some(three)), &[1, 6, 6, 2]).unwrap();
    assert_eq!(got.run(&x).unwrap(), want);
}

#[test]
fn an_inner_layer_may_be_an_output() {
    let file = keras_file(&keras_layers(), None);
    let network =
        Network::load_outputs("small", Format::Keras, &[&file], &[1, 6, 6, 2], &["flatten_7"]).unwrap();
    assert_eq!(network.run(&[0.5; 72]).unwrap()[0].shape(), [1, 3]);
    let wrong = Network::load_outputs("small", Format::Keras, &[&file], &[1, 6, 6, 2], &["flatten"]);
    assert!(wrong.unwrap_err().to_string().contains("'flatten'"));
}

#[test]
fn a_file_that_is_wrong_names_its_layer() {
    let with = |at: usize, change: &dyn Fn(&mut Layer)| {
        let mut layers = keras_layers();
        change(&mut layers[at]);
        keras_file(&layers, None)
    };
    refused(&with(4, &|l| l.class = "Lambda"), &["node 'lambda_4' (Lambda)", "not supported"]);
    refused(&with(2, &|l| l.weights.clear()), &["node 'conv2d_2'", "no weights 'kernel'"]);
    refused(&with(2, &|l| l.config["strides"] = json!([0, 1])), &["node 'conv2d_2'", "strides"]);
    refused(&with(2, &|l| l.config["strides"] = json!([1_u64 << 40, 1])), &["node 'conv2d_2'"]);
    refused(&with(2, &|l| l.config["dilation_rate"] = json!(-1)), &["node 'conv2d_2'"]);
    refused(&with(2, &|l| l.config["padding"] = json!("causal")), &["node 'conv2d_2'", "causal"]);
    refused(
        &with(2, &|l| l.config["data_format"] = json!("channels_first")),
        &["node 'conv2d_2'", "channels_first"],
    );
    refused(&with(1, &|l| l.config["padding"] = json!([1_u64 << 50, 0])), &["node 'zeropadding2d_1'"]);
    refused(&with(3, &|l| l.weights[2].2 = vec![f32::NAN; 3]), &["batchnormalization_3", "no numbers"]);
    refused(&with(3, &|l| l.config["axis"] = json!(1)), &["node 'batchnormalization_3'"]);
    refused(&with(9, &|l| l.config["activation"] = json!("mine")), &["node 'dense_9'", "mine"]);
    let wide = with(9, &|l| l.weights[0] = ("kernel", vec![4, 2], vec![0.0; 8]));
    refused(&wide, &["node 'dense_9'", "do not fit"]);
    let layers = keras_layers();
    for config in
        [json!(null), json!({ "class_name": "Model" }), json!({ "class_name": "Mine", "config": [] })]
    {
        refused(&keras_file(&layers, Some(config)), &["model_config"]);
    }
    let cyclic = json!({ "class_name": "Model", "config": { "output_layers": [["a", 0, 0]], "layers": [
        { "class_name": "ReLU", "name": "a", "config": {}, "inbound_nodes": [[["b", 0, 0, {}]]] },
        { "class_name": "ReLU", "name": "b", "config": {}, "inbound_nodes": [[["a", 0, 0, {}]]] },
    ] } });
    refused(&keras_file(&layers, Some(cyclic)), &["needs it in turn"]);
    let two = layer("InputLayer", json!({}));
    refused(&keras_file(&[two], Some(json!({ "class_name": "Sequential", "config": [] }))), &["0 layers"]);
}

#[test]
fn a_cut_file_is_refused() {
    let file = keras_file(&keras_layers(), None);
    for length in [0, 1, 8, 100, file.len() / 2, file.len() - 1] {
        assert!(load(&file[..length], &[1, 6, 6, 2]).is_err(), "{length}");
    }
}
