//! Small networks that tests make.

#![allow(clippy::unwrap_used, dead_code)]

/// A protobuf field of bytes.
fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![number << 3 | 2];
    let mut left = content.len();
    while left >= 0x80 {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
    out.extend_from_slice(content);
    out
}

/// A protobuf field of a number below 128.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// An ONNX file of nodes, each with its operator, input, output and attributes; N x 3 x 16 x 16 to N x `dim`.
fn model(nodes: &[(&str, &str, &str, Vec<u8>)], dim: u8) -> Vec<u8> {
    let value = |name: &str, shape: &[u8]| {
        let dims = shape.iter().map(|&d| field(1, number(1, d))).collect::<Vec<_>>().concat();
        let tensor = [number(1, 1), field(2, dims)].concat();
        [field(1, name), field(2, field(1, tensor))].concat()
    };
    let mut graph = Vec::new();
    for (op, from, to, attributes) in nodes {
        graph.extend(field(1, [field(1, from), field(2, to), field(4, op), attributes.clone()].concat()));
    }
    graph.extend(
        [field(2, "made"), field(11, value("x", &[1, 3, 16, 16])), field(12, value("y", &[1, dim]))].concat(),
    );
    [number(1, 8), field(7, graph), field(8, number(2, 13))].concat()
}

/// The mean of each colour: global average pooling, then flatten.
pub fn colour_means() -> Vec<u8> {
    model(&[("GlobalAveragePool", "x", "pooled", Vec::new()), ("Flatten", "pooled", "y", Vec::new())], 3)
}

/// The mean of each colour in the left half and in the right one: red left, red right, green left, …
pub fn half_means() -> Vec<u8> {
    // A list of whole numbers; its kind is field 20.
    let ints = |name: &str, values: [u8; 2]| {
        field(5, [field(1, name), values.map(|v| number(8, v)).concat(), vec![0xa0, 0x01, 7]].concat())
    };
    let attributes = [ints("kernel_shape", [16, 8]), ints("strides", [16, 8])].concat();
    model(&[("AveragePool", "x", "pooled", attributes), ("Flatten", "pooled", "y", Vec::new())], 6)
}
