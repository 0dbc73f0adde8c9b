//! TensorFlow.js graphs: what is read, and what is wrong with those that are refused.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, integers, load, many_operations, text};
use serde_json::{Value, json};
use streamface_model::{Error, Format, Network};

fn why(loaded: Result<Network, Error>) -> String {
    match loaded {
        Err(e @ Error::Network { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(json: &Value, bytes: &[u8], words: &[&str]) {
    let said = why(load(json, bytes, &[2, 8, 8, 3]));
    assert!(words.iter().all(|w| said.contains(w)), "{said}");
}

#[test]
fn same_padding_is_asymmetric_as_tensorflow_has_it() {
    // A window of 3, stride 2, over 4: nothing before, one after. Over 5: one before, one after.
    for (length, want) in [(4, vec![1. + 2. + 3., 3. + 4.]), (5, vec![1. + 2., 2. + 3. + 4., 4. + 5.])] {
        let mut g = Graph::new(&[-1, 1, -1, 1]);
        g.floats("k", &[1, 3, 1, 1], &[1.0; 3]);
        let attr = json!({ "padding": text("SAME"), "strides": integers(&[1, 1, 2, 1]) });
        g.node("y", "Conv2D", &["x", "k"], attr);
        let x: Vec<f32> = (1..=length).map(|v| v as f32).collect();
        assert_eq!(g.run(&[1, 1, length, 1], &x), (vec![1, 1, want.len(), 1], want));
    }
}

#[test]
fn a_mean_over_a_window_counts_what_lies_within() {
    let mut g = Graph::new(&[-1, 3, 3, 1]);
    let attr = json!({ "padding": text("SAME"), "strides": integers(&[1, 2, 2, 1]), "ksize": integers(&[1, 2, 2, 1]) });
    g.node("y", "AvgPool", &["x"], attr);
    let (shape, y) = g.run(&[1, 3, 3, 1], &[1., 2., 3., 4., 5., 6., 7., 8., 9.]);
    assert_eq!((shape, y), (vec![1, 2, 2, 1], vec![3.0, 4.5, 7.5, 9.0]));
}

#[test]
fn a_depthwise_kernel_gives_several_outputs_of_each_channel() {
    let mut g = Graph::new(&[-1, 1, 1, 2]);
    g.floats("k", &[1, 1, 2, 2], &[1., 10., 100., 1000.]);
    let attr = json!({ "padding": text("VALID"), "strides": integers(&[1, 1, 1, 1]) });
    g.node("y", "DepthwiseConv2dNative", &["x", "k"], attr);
    assert_eq!(g.run(&[1, 1, 1, 2], &[2., 3.]).1, [2., 20., 300., 3000.]);
}

/// One operation on x = 0 … 11 of shape 2 x 6 or 1 x 2 x 2 x 3, beside what TensorFlow says.
#[test]
fn operations_are_tensorflows() {
    let x: Vec<f32> = (0..12).map(|v| v as f32).collect();
    let run = |shape: &[usize], build: &dyn Fn(&mut Graph)| {
        let mut g = Graph::new(&shape.iter().map(|&d| d as i64).collect::<Vec<_>>());
        build(&mut g);
        g.run(shape, &x)
    };
    let (shape, y) = run(&[2, 6], &|g| {
        g.whole("b", &[2], &[0, 1]).whole("e", &[2], &[0, 6]).whole("s", &[2], &[1, 2]);
        g.node(
            "y",
            "StridedSlice",
            &["x", "b", "e", "s"],
            json!({ "begin_mask": { "i": "1" }, "end_mask": { "i": "1" } }),
        );
    });
    assert_eq!((shape, y), (vec![2, 3], vec![1., 3., 5., 7., 9., 11.]));
    let (shape, y) = run(&[2, 6], &|g| {
        g.whole("b", &[2], &[0, -2]).whole("e", &[2], &[0, 0]).whole("s", &[2], &[1, 1]);
        let attr =
            json!({ "begin_mask": { "i": 1 }, "end_mask": { "i": 1 }, "shrink_axis_mask": { "i": 2 } });
        g.node("y", "StridedSlice", &["x", "b", "e", "s"], attr);
    });
    assert_eq!((shape, y), (vec![2], vec![4., 10.]));
    let (shape, y) = run(&[1, 2, 2, 3], &|g| {
        g.whole("p", &[4, 2], &[0, 0, 1, 0, 0, 1, 0, 0]);
        g.node("y", "MirrorPad", &["x", "p"], json!({ "mode": text("REFLECT") }));
    });
    assert_eq!(shape, [1, 3, 3, 3]);
    assert_eq!(y[..9], [6., 7., 8., 9., 10., 11., 6., 7., 8.]);
    let (shape, y) = run(&[1, 2, 2, 3], &|g| {
        g.whole("o", &[4], &[0, 3, 1, 2]).node("y", "Transpose", &["x", "o"], json!({}));
    });
    assert_eq!((shape, &y[..4]), (vec![1, 3, 2, 2], &[0., 3., 6., 9.][..]));
    let (shape, y) = run(&[1, 2, 2, 3], &|g| {
        g.whole("s", &[2], &[4, 4]);
        g.node("y", "ResizeBilinear", &["x", "s"], json!({ "half_pixel_centers": { "b": true } }));
    });
    assert_eq!((shape, &y[..6]), (vec![1, 4, 4, 3], &[0., 1., 2., 0.75, 1.75, 2.75][..]));
    let (shape, y) = run(&[1, 2, 2, 3], &|g| {
        g.whole("a", &[], &[-1]).node("parts", "Split", &["a", "x"], json!({ "num_split": { "i": "3" } }));
        g.node("y", "Sub", &["parts:2", "parts:1"], json!({}));
    });
    assert_eq!((shape, y), (vec![1, 2, 2, 1], vec![1.0; 4]));
    let (shape, y) = run(&[2, 6], &|g| {
        // The shape of a batch, as the converter writes Flatten.
        g.node("shape", "Shape", &["x"], json!({}));
        g.whole("b", &[1], &[0]).whole("e", &[1], &[1]).whole("s", &[1], &[1]);
        g.node("n", "StridedSlice", &["shape", "b", "e", "s"], json!({ "shrink_axis_mask": { "i": "1" } }));
        g.whole("rest", &[], &[-1]).node("to", "Pack", &["n", "rest", "rest2"], json!({}));
        g.whole("rest2", &[], &[3]).node("y", "Reshape", &["x", "to"], json!({}));
    });
    assert_eq!((shape, y), (vec![2, 2, 3], x.clone()));
    let (_, y) = run(&[2, 6], &|g| {
        g.floats("a", &[6], &[0.5; 6]).node("n", "Neg", &["x"], json!({}));
        g.node("y", "Prelu", &["n", "a"], json!({}));
    });
    assert_eq!(y, x.iter().map(|v| -v / 2.0).collect::<Vec<_>>());
}

#[test]
fn weights_may_be_shorter_than_they_are_used() {
    let graph = |dtype: &str, quantization: Value, bytes: &[u8]| {
        let mut g = Graph::new(&[-1, 3]);
        g.node("w", "Const", &[], json!({})).node("y", "Add", &["x", "w"], json!({}));
        g.weights.push(json!({ "name": "w", "shape": [3], "dtype": dtype, "quantization": quantization }));
        g.bytes = bytes.to_vec();
        g.run(&[1, 3], &[0.0; 3]).1
    };
    // 1, −2 and the largest half.
    let halves = [0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b];
    assert_eq!(graph("float32", json!({ "dtype": "float16" }), &halves), [1.0, -2.0, 65504.0]);
    let bytes = json!({ "dtype": "uint8", "scale": 0.5, "min": -3.0 });
    assert_eq!(graph("float32", bytes, &[0, 6, 255]), [-3.0, 0.0, 124.5]);
    let words = json!({ "dtype": "uint16", "scale": 0.25, "min": 1.0 });
    assert_eq!(graph("float32", words, &[0, 0, 4, 0, 255, 255]), [1.0, 2.0, 16384.75]);
}

#[test]
fn outputs_are_called_by_node_or_signature_and_may_lie_inside() {
    let mut json = many_operations().json();
    let bytes = many_operations().bytes;
    json["signature"] =
        json!({ "outputs": { "scores": { "name": "y:0" }, "before": { "name": "dense:0" } } });
    let x = vec![0.25; 2 * 8 * 8 * 3];
    let files = [json.to_string().into_bytes(), bytes];
    let load = |wanted: &[&str]| Network::load_outputs("small", Format::Tfjs, &files, &[2, 8, 8, 3], wanted);
    let declared = load(&[]).unwrap();
    assert_eq!(declared.output_names(), ["y", "dense"]);
    let chosen = load(&["pool", "scores"]).unwrap();
    assert_eq!(chosen.output_names(), ["pool", "scores"]);
    let (declared, chosen) = (declared.run(&x).unwrap(), chosen.run(&x).unwrap());
    assert_eq!(chosen[0].shape(), [2, 2, 2, 4]);
    assert_eq!(chosen[1], declared[0]);
    let sums: Vec<f32> = declared[0].rows().into_iter().map(|r| r.sum()).collect();
    assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-6), "{sums:?}");
    assert!(why(load(&["nothing"])).contains("'nothing'"));
}

#[test]
fn what_the_outputs_do_not_need_is_not_read() {
    let mut g = many_operations();
    g.node("strange", "NonMaxSuppressionV5", &["pool"], json!({}));
    let json = g.json();
    let files = [json.to_string().into_bytes(), g.bytes.clone()];
    assert!(Network::load_outputs("small", Format::Tfjs, &files, &[2, 8, 8, 3], &["y"]).is_ok());
    refused(&json, &g.bytes, &["node 'strange' (NonMaxSuppressionV5)", "not supported"]);
}

#[test]
fn a_graph_that_is_wrong_names_its_node() {
    let good = many_operations();
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut json = good.json();
        let nodes = json["modelTopology"]["node"].as_array_mut().unwrap();
        change(nodes.iter_mut().find(|n| n["name"] == name).unwrap());
        json
    };
    assert!(load(&good.json(), &good.bytes, &[2, 8, 8, 3]).is_ok());
    let cyclic = with("c2", &|n| n["input"][0] = json!("sum"));
    refused(&cyclic, &good.bytes, &["which needs it in turn"]);
    refused(&with("c2", &|n| n["input"][0] = json!("gone")), &good.bytes, &["'c2'", "'gone'"]);
    refused(&with("sum", &|n| n["input"][1] = json!("x")), &good.bytes, &["node 'sum' (AddV2)"]);
    refused(&with("rows", &|n| n["input"][1] = json!("pads")), &good.bytes, &["node 'rows' (Reshape)"]);
    refused(&with("rows", &|n| n["input"][1] = json!("m")), &good.bytes, &["node 'rows'", "whole numbers"]);
    refused(&with("pad", &|n| n["input"][1] = json!("x")), &good.bytes, &["node 'pad' (Pad)", "constant"]);
    refused(&with("c1", &|n| n["input"] = json!(["x"])), &good.bytes, &["node 'c1'"]);
    for strides in [[1, 0, 1, 1], [1, -2, 1, 1], [1, 1 << 40, 1, 1], [2, 1, 1, 1]] {
        let json = with("c1", &|n| n["attr"]["strides"] = integers(&strides));
        refused(&json, &good.bytes, &["node 'c1' (_FusedConv2D)"]);
    }
    let huge = with("pool", &|n| n["attr"]["ksize"] = integers(&[1, 1 << 30, 1 << 30, 1]));
    refused(&huge, &good.bytes, &["node 'pool' (MaxPool)"]);
    let unknown = with("c1", &|n| n["attr"]["padding"] = text("SIDEWAYS"));
    refused(&unknown, &good.bytes, &["node 'c1'", "SIDEWAYS"]);
    let twice = with("k2", &|n| n["name"] = json!("k1"));
    refused(&twice, &good.bytes, &["two nodes are called 'k1'"]);
    let axes = why(good.load(&[2, 8, 8]));
    assert!(axes.contains("'x'") && axes.contains("4 axes"), "{axes}");
    let channels = why(good.load(&[2, 8, 8, 4]));
    assert!(channels.contains("node 'c1'") && channels.contains("3 channels"), "{channels}");
}

#[test]
fn weights_that_are_wrong_are_named() {
    let good = many_operations();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut json = good.json();
        change(&mut json["weightsManifest"][0]);
        json
    };
    let json = good.json();
    refused(&json, &good.bytes[..good.bytes.len() - 1], &["'b2'", "end before"]);
    refused(&json, &[&good.bytes[..], &[0]].concat(), &["1 bytes more"]);
    let shards = Network::load("small", Format::Tfjs, &[json.to_string().as_bytes()], &[2, 8, 8, 3]);
    assert!(why(shards).contains("w.bin"));
    refused(&with(&|w| w["weights"][0]["dtype"] = json!("string")), &good.bytes, &["'k1'", "string"]);
    refused(
        &with(&|w| w["weights"][0]["dtype"] = json!("int32")),
        &good.bytes,
        &["node 'c1'", "whole numbers"],
    );
    refused(
        &with(&|w| w["weights"][0]["name"] = json!("other")),
        &good.bytes,
        &["node 'k1' (Const)", "no weights"],
    );
    refused(&with(&|w| w["weights"][0]["shape"] = json!([3, 3, 4, 3])), &good.bytes, &["node 'c1'"]);
    refused(&with(&|w| w["weights"][0]["shape"] = json!([-3, 3, 3, -4])), &good.bytes, &["'k1'", "no shape"]);
    // Two gigabytes, and more than there are.
    for shape in [json!([1 << 29]), json!([1_u64 << 62, 8, 8]), json!([u64::MAX])] {
        refused(&with(&|w| w["weights"][0]["shape"] = shape.clone()), &good.bytes, &["small"]);
    }
    let mut bytes = good.bytes.clone();
    bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    refused(&json, &bytes, &["'k1'", "no numbers"]);
}

#[test]
fn json_that_is_no_graph_is_refused() {
    let deep = [&b"{\"modelTopology\":"[..], &b"[".repeat(1 << 20)].concat();
    let node_deep = format!(
        "{{\"modelTopology\":{{\"node\":[{{\"name\":\"x\",\"op\":\"y\",\"attr\":{}",
        "{\"a\":".repeat(1 << 18)
    );
    let layers = br#"{"format":"layers-model","modelTopology":{},"weightsManifest":[]}"#;
    for json in [
        &deep[..],
        node_deep.as_bytes(),
        layers,
        b"{}",
        b"",
        b"null",
        b"\xff\xfe",
        br#"{"modelTopology":{"node":[]}}"#,
    ] {
        let said = why(Network::load("small", Format::Tfjs, &[json, b""], &[2, 8, 8, 3]));
        assert!(said.len() < 600, "{said}");
    }
    assert!(why(Network::load("small", Format::Tfjs, &[&[0_u8; 0][..]; 0], &[1])).contains("no file"));
}

#[test]
fn tensors_have_a_limit() {
    let mut g = Graph::new(&[-1, 8]);
    g.whole("p", &[2, 2], &[0, 60_000, 0, 60_000]).node("y", "Pad", &["x", "p"], json!({}));
    assert!(why(g.load(&[1, 8])).contains("node 'y' (Pad): a tensor of shape [60001, 60008] is too large"));
    // Each is small, and all together are not.
    let mut g = Graph::new(&[-1, 1 << 20]);
    let mut last = "x".to_owned();
    for i in 0..300 {
        let name = format!("n{i}");
        g.node(&name, "Abs", &[&last], json!({}));
        last = name;
    }
    assert!(why(g.load(&[1, 1 << 20])).contains("too large together"));
}

#[test]
fn an_output_that_is_no_number_is_an_error_that_names_the_model() {
    let mut g = Graph::new(&[-1, 2]);
    g.node("y", "Log", &["x"], json!({}));
    let network = g.load(&[1, 2]).unwrap();
    assert!(network.run(&[1.0, 2.0]).is_ok());
    let said = network.run(&[1.0, -2.0]).unwrap_err().to_string();
    assert!(said.contains("'small'") && said.contains("'y'"), "{said}");
    assert!(network.run(&[1.0]).is_err());
}
