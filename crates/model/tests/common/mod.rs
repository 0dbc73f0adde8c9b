//! Small networks that tests write themselves, and how much memory the process has asked for.

#![allow(dead_code, clippy::unwrap_used)]

use serde_json::{Value, json};
use streamface_model::{Error, Format, Network};

/// A TensorFlow.js graph in the making.
#[derive(Default, Clone)]
pub struct Graph {
    pub nodes: Vec<Value>,
    pub weights: Vec<Value>,
    pub bytes: Vec<u8>,
}

pub fn text(text: &str) -> Value {
    use base64::Engine as _;
    json!({ "s": base64::engine::general_purpose::STANDARD.encode(text) })
}

pub fn integers(list: &[i64]) -> Value {
    json!({ "list": { "i": list.iter().map(i64::to_string).collect::<Vec<_>>() } })
}

impl Graph {
    /// With its input `x`.
    pub fn new(shape: &[i64]) -> Self {
        let dims: Vec<Value> = shape.iter().map(|d| json!({ "size": d.to_string() })).collect();
        let mut graph = Self::default();
        graph.node("x", "Placeholder", &[], json!({ "shape": { "shape": { "dim": dims } } }));
        graph
    }

    #[allow(clippy::needless_pass_by_value, reason = "a node is written with json!(…) in place")]
    pub fn node(&mut self, name: &str, op: &str, inputs: &[&str], attr: Value) -> &mut Self {
        self.nodes.push(json!({ "name": name, "op": op, "input": inputs, "attr": attr }));
        self
    }

    fn constant(&mut self, name: &str, shape: &[usize], dtype: &str, bytes: impl Iterator<Item = u8>) {
        self.node(name, "Const", &[], json!({}));
        self.weights.push(json!({ "name": name, "shape": shape, "dtype": dtype }));
        self.bytes.extend(bytes);
    }

    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> &mut Self {
        assert_eq!(shape.iter().product::<usize>(), values.len());
        self.constant(name, shape, "float32", values.iter().flat_map(|v| v.to_le_bytes()));
        self
    }

    pub fn whole(&mut self, name: &str, shape: &[usize], values: &[i32]) -> &mut Self {
        self.constant(name, shape, "int32", values.iter().flat_map(|v| v.to_le_bytes()));
        self
    }

    pub fn json(&self) -> Value {
        json!({
            "format": "graph-model",
            "modelTopology": { "node": self.nodes },
            "weightsManifest": [{ "paths": ["w.bin"], "weights": self.weights }],
        })
    }

    pub fn load(&self, input: &[usize]) -> Result<Network, Error> {
        load(&self.json(), &self.bytes, input)
    }

    /// Its only output.
    pub fn run(&self, input: &[usize], values: &[f32]) -> (Vec<usize>, Vec<f32>) {
        let outputs = self.load(input).unwrap().run(values).unwrap();
        (outputs[0].shape().to_vec(), outputs[0].iter().copied().collect())
    }
}

pub fn load(json: &Value, bytes: &[u8], input: &[usize]) -> Result<Network, Error> {
    Network::load("small", Format::Tfjs, &[json.to_string().as_bytes(), bytes], input)
}

/// A network with many of the operations: two pictures of 8 x 8 x 3 to two rows of 4.
pub fn many_operations() -> Graph {
    let weights = |n: usize| (0..n).map(|i| ((i * 37 % 19) as f32 - 9.0) / 20.0).collect::<Vec<_>>();
    let conv = |strides: i64, fused: &[&str]| {
        use base64::Engine as _;
        let fused: Vec<String> =
            fused.iter().map(|f| base64::engine::general_purpose::STANDARD.encode(f)).collect();
        json!({
            "padding": text("SAME"), "data_format": text("NHWC"), "strides": integers(&[1, strides, strides, 1]),
            "dilations": integers(&[1, 1, 1, 1]), "fused_ops": { "list": { "s": fused } },
        })
    };
    let window = json!({
        "padding": text("VALID"), "strides": integers(&[1, 2, 2, 1]), "ksize": integers(&[1, 2, 2, 1])
    });
    let mut g = Graph::new(&[-1, 8, 8, 3]);
    g.floats("k1", &[3, 3, 3, 4], &weights(108)).floats("b1", &[4], &weights(4)).floats(
        "a1",
        &[4],
        &[0.1, 0.2, 0.3, 0.4],
    );
    g.node("c1", "_FusedConv2D", &["x", "k1", "b1", "a1"], conv(2, &["BiasAdd", "Prelu"]));
    g.floats("k2", &[3, 3, 4, 1], &weights(36));
    g.node("c2", "DepthwiseConv2dNative", &["c1", "k2"], conv(1, &[]));
    g.floats("scale", &[4], &[1.5, 0.5, 1.0, 2.0]).node("mul", "Mul", &["c2", "scale"], json!({}));
    g.node("sum", "AddV2", &["mul", "c1"], json!({})).node("relu", "Relu6", &["sum"], json!({}));
    g.node("pool", "MaxPool", &["relu"], window.clone()).node("mean", "AvgPool", &["relu"], window);
    g.whole("last", &[], &[3]).node("both", "ConcatV2", &["pool", "mean", "last"], json!({}));
    g.whole("pads", &[4, 2], &[0, 0, 1, 0, 0, 1, 0, 0]).node("pad", "Pad", &["both", "pads"], json!({}));
    g.whole("flat", &[2], &[-1, 72]).node("rows", "Reshape", &["pad", "flat"], json!({}));
    g.floats("m", &[72, 4], &weights(288)).floats("b2", &[4], &weights(4));
    g.node("dense", "_FusedMatMul", &["rows", "m", "b2"], conv(1, &["BiasAdd", "Elu"]));
    g.node("y", "Softmax", &["dense"], json!({}));
    g
}

/// Most address space that this process has had at once, in bytes. What is reserved counts, whether used or not.
pub fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// A layer of a Keras model with its weights.
pub struct Layer {
    pub class: &'static str,
    pub config: Value,
    pub weights: Vec<(&'static str, Vec<u64>, Vec<f32>)>,
}

pub fn layer(class: &'static str, config: Value) -> Layer {
    Layer { class, config, weights: Vec::new() }
}

impl Layer {
    pub fn with(mut self, name: &'static str, shape: &[u64], values: &[f32]) -> Self {
        self.weights.push((name, shape.to_vec(), values.to_vec()));
        self
    }
}

/// A Keras file of these layers one after the other, each named by its class and number; with `config` in place of
/// what describes them, if given.
pub fn keras_file(layers: &[Layer], config: Option<Value>) -> Vec<u8> {
    use hdf5_writer::{AttributeBuilder, DatasetBuilder, Hdf5Builder, WriteOptions};
    let name = |i: usize| format!("{}_{i}", layers[i].class.to_lowercase());
    let written: Vec<Value> = (0..layers.len())
        .map(|i| {
            let mut config = layers[i].config.clone();
            config["name"] = json!(name(i));
            let inbound = if i == 0 { json!([]) } else { json!([[[name(i - 1), 0, 0, {}]]]) };
            json!({ "class_name": layers[i].class, "name": name(i), "config": config, "inbound_nodes": inbound })
        })
        .collect();
    let outputs = json!([[name(layers.len() - 1), 0, 0]]);
    let model =
        json!({ "class_name": "Functional", "config": { "layers": written, "output_layers": outputs } });
    let config = config.unwrap_or(model).to_string();
    let mut file =
        Hdf5Builder::new().attribute(AttributeBuilder::vlen_strings("model_config", &[config]).unwrap());
    for (i, layer) in layers.iter().enumerate() {
        let path = |weight: &str| format!("{}/{weight}:0", name(i));
        for (weight, shape, values) in &layer.weights {
            let dataset = format!("model_weights/{}/{}", name(i), path(weight));
            file = file.dataset(DatasetBuilder::typed_data(dataset, shape.clone(), values).unwrap());
        }
        let names: Vec<String> = layer.weights.iter().map(|(w, _, _)| path(w)).collect();
        if !names.is_empty() {
            let group = format!("model_weights/{}", name(i));
            let names = AttributeBuilder::fixed_string_vector("weight_names", &names).unwrap();
            file = file.group_attribute(group, names);
        }
    }
    file.into_plan().unwrap().encode(WriteOptions::default()).unwrap()
}

/// Of all kinds of layers of a MobileNet but sums.
pub fn keras_layers() -> Vec<Layer> {
    let values = |n: usize| (0..n).map(|i| ((i * 31 % 17) as f32 - 8.0) / 10.0).collect::<Vec<_>>();
    vec![
        layer("InputLayer", json!({ "batch_input_shape": [null, 6, 6, 2] })),
        layer("ZeroPadding2D", json!({ "padding": [[0, 1], [0, 1]] })),
        layer("Conv2D", json!({ "strides": [2, 2], "padding": "valid", "use_bias": false })).with(
            "kernel",
            &[3, 3, 2, 3],
            &values(54),
        ),
        layer("BatchNormalization", json!({ "axis": [3], "epsilon": 0.001 }))
            .with("gamma", &[3], &[1.0, 2.0, 0.5])
            .with("beta", &[3], &[0.1, 0.0, -0.1])
            .with("moving_mean", &[3], &[0.2, 0.1, 0.0])
            .with("moving_variance", &[3], &[1.0, 0.5, 2.0]),
        layer("ReLU", json!({ "max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0 })),
        layer("DepthwiseConv2D", json!({ "strides": [1, 1], "padding": "same" }))
            .with("depthwise_kernel", &[3, 3, 3, 1], &values(27))
            .with("bias", &[3], &values(3)),
        layer("AveragePooling2D", json!({ "pool_size": [3, 3], "padding": "valid" })),
        layer("Flatten", json!({})),
        layer("Dropout", json!({ "rate": 0.5 })),
        layer("Dense", json!({ "activation": "softmax" })).with("kernel", &[3, 2], &values(6)).with(
            "bias",
            &[2],
            &[0.5, -0.5],
        ),
    ]
}

/// A protobuf field of bytes.
fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&[number << 3 | 2][..], &varint(content.len() as u64), content].concat()
}

/// A protobuf field of a number.
fn number(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3][..], &varint(value)].concat()
}

fn varint(mut left: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
    out
}

/// An ONNX file for pictures of 1 x 3 x 8 x 8: a convolution, its sum with a constant of `shape`, and softmax.
pub fn onnx_file(shape: &[i64]) -> Vec<u8> {
    let node = |op: &str, from: &[&str], to: &str| {
        let inputs: Vec<u8> = from.iter().flat_map(|f| field(1, f)).collect();
        field(1, [inputs, field(2, to), field(3, format!("made_{to}")), field(4, op)].concat())
    };
    let tensor = |name: &str, kind: u64, dims: &[u64], raw: Vec<u8>| {
        let dims: Vec<u8> = dims.iter().flat_map(|&d| number(1, d)).collect();
        field(5, [dims, number(2, kind), field(8, name), field(9, raw)].concat())
    };
    let value = |name: &str, shape: &[u64]| {
        let dims = shape.iter().map(|&d| field(1, number(1, d))).collect::<Vec<_>>().concat();
        let tensor = [number(1, 1), field(2, dims)].concat();
        [field(1, name), field(2, field(1, tensor))].concat()
    };
    let kernel: Vec<u8> = (0..4 * 3 * 9).flat_map(|i| ((i % 7) as f32 / 10.0 - 0.3).to_le_bytes()).collect();
    let shape_bytes: Vec<u8> = shape.iter().flat_map(|d| d.to_le_bytes()).collect();
    let graph = [
        node("Conv", &["x", "kernel"], "conv"),
        node("ConstantOfShape", &["shape"], "zeros"),
        node("Add", &["conv", "zeros"], "sum"),
        node("Flatten", &["sum"], "flat"),
        node("Softmax", &["flat"], "y"),
        field(2, "small"),
        tensor("kernel", 1, &[4, 3, 3, 3], kernel),
        tensor("shape", 7, &[shape.len() as u64], shape_bytes),
        field(11, value("x", &[1, 3, 8, 8])),
        field(12, value("y", &[1, 144])),
    ];
    [number(1, 8), field(7, graph.concat()), field(8, number(2, 13))].concat()
}

/// A TensorFlow Lite file for pictures of 1 x 8 x 8 x 3: a convolution and softmax.
pub fn tflite_file() -> Vec<u8> {
    use tract_tflite::internal::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
    use tract_tflite::internal::tract_core::ops::nn::{DataFormat, Softmax};
    use tract_tflite::internal::*;
    let mut model = TypedModel::default();
    let x = model.add_source("x", f32::fact([1, 8, 8, 3])).unwrap();
    let kernel: Vec<f32> = (0..4 * 27).map(|i| (i % 7) as f32 / 10.0 - 0.3).collect();
    let kernel = Tensor::from_shape(&[4, 3, 3, 3], &kernel).unwrap();
    let kernel = model.add_const("kernel", kernel).unwrap();
    let bias = model.add_const("bias", tensor1(&[0.1_f32, 0.2, 0.3, 0.4])).unwrap();
    let pool_spec = PoolSpec {
        data_format: DataFormat::NHWC,
        kernel_shape: tvec!(3, 3),
        padding: PaddingSpec::SameUpper,
        dilations: Some(tvec!(1, 1)),
        strides: Some(tvec!(2, 2)),
        input_channels: 3,
        output_channels: 4,
    };
    let conv = Conv { pool_spec, kernel_fmt: KernelFormat::OHWI, group: 1, q_params: None };
    let conv = model.wire_node("conv", conv, &[x, kernel, bias]).unwrap();
    let y = model.wire_node("y", Softmax { axes: tvec!(3), ..Softmax::default() }, &conv).unwrap();
    model.select_output_outlets(&y).unwrap();
    let mut file = Vec::new();
    tract_tflite::tflite().write(&model, &mut file).unwrap();
    file
}
