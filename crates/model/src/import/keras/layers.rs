//! The layers.

use tract_tflite::internal::tract_core::ops::array::PadMode;
use tract_tflite::internal::tract_core::ops::cnn::PaddingSpec;
use tract_tflite::internal::tract_core::ops::math;
use tract_tflite::internal::tract_core::ops::nn::Reducer;
use tract_tflite::internal::*;

use super::config::Layer;
use super::weights::Weights;
use crate::import::builder::{Activation, Builder, Convolution, Geometry, PoolKind, Wire, axis_of};

/// Wires a layer whose inputs are there, and gives its output.
pub(super) fn wire(b: &mut Builder, layer: &Layer, weights: &Weights, inputs: &[Wire]) -> TractResult<Wire> {
    let x = *inputs.first().context("it has no input")?;
    match layer.kind.as_str() {
        // What has no effect but in training.
        "Dropout" | "SpatialDropout2D" | "GaussianNoise" | "GaussianDropout" | "ActivityRegularization" => {
            Ok(x)
        }
        "ZeroPadding2D" => {
            let [[top, bottom], [left, right]] = padding(layer)?;
            b.pad(x, vec![(0, 0), (top, bottom), (left, right), (0, 0)], PadMode::default())
        }
        "Conv2D" => convolve(b, layer, weights, x, "kernel", Convolution::Full),
        "DepthwiseConv2D" => convolve(b, layer, weights, x, "depthwise_kernel", Convolution::Depthwise),
        "SeparableConv2D" => separable(b, layer, weights, x),
        "BatchNormalization" => normalise(b, layer, weights, x),
        "Dense" => dense(b, layer, weights, x),

        "ReLU" => relu(b, layer, x),
        "LeakyReLU" => {
            let slope = layer.number("negative_slope")?.or(layer.number("alpha")?).unwrap_or(0.3);
            b.activate(Activation::LeakyRelu(slope), x)
        }
        "PReLU" => {
            let alpha = b.constant(weights.get("alpha")?.clone())?;
            b.prelu(x, alpha)
        }
        "Softmax" => b.activate(Activation::Softmax, x),
        "Activation" => activate(b, layer, x),

        "Add" => inputs[1..].iter().try_fold(x, |sum, &other| b.binary(math::add(), sum, other)),
        "Multiply" => inputs[1..].iter().try_fold(x, |product, &other| b.binary(math::mul(), product, other)),
        "Maximum" => inputs[1..].iter().try_fold(x, |most, &other| b.binary(math::max(), most, other)),
        "Subtract" => {
            let &[x, other] = inputs else { bail!("it has {} inputs, not two", inputs.len()) };
            b.binary(math::sub(), x, other)
        }
        "Concatenate" => {
            let axis = layer.integers("axis")?.first().copied().unwrap_or(-1);
            let axis = axis_of(axis, b.rank(x)?)?;
            b.concatenate(inputs, axis)
        }
        "Rescaling" => {
            let x = b.with_number(math::mul(), x, layer.number("scale")?.unwrap_or(1.0))?;
            b.with_number(math::add(), x, layer.number("offset")?.unwrap_or(0.0))
        }

        "MaxPooling2D" => pool(b, layer, x, PoolKind::Max),
        "AveragePooling2D" => pool(b, layer, x, PoolKind::Mean),
        "GlobalAveragePooling2D" => {
            b.picture(x)?;
            b.mean(x, &[1, 2], layer.flag("keepdims", false))
        }
        "GlobalMaxPooling2D" => {
            b.picture(x)?;
            b.reduce(x, Reducer::Max, &[1, 2], layer.flag("keepdims", false))
        }
        "Flatten" => {
            let batch = i64::try_from(b.shape(x)?[0])?;
            b.reshape(x, &[batch, -1])
        }
        "Reshape" => {
            let mut shape = vec![i64::try_from(b.shape(x)?[0])?];
            shape.extend(layer.integers("target_shape")?);
            b.reshape(x, &shape)
        }
        other => bail!("the layer '{other}' is not supported"),
    }
}

fn convolve(
    b: &mut Builder,
    layer: &Layer,
    weights: &Weights,
    x: Wire,
    kernel: &str,
    kind: Convolution,
) -> TractResult<Wire> {
    let groups = layer.integers("groups")?;
    ensure!(matches!(groups[..], [] | [1]), "groups of {groups:?} are not supported");
    let kernel = b.constant(weights.get(kernel)?.clone())?;
    let bias = bias(b, layer, weights)?;
    let x = b.convolve(x, kernel, bias, &geometry(layer, [1, 1])?, kind)?;
    activate(b, layer, x)
}

fn separable(b: &mut Builder, layer: &Layer, weights: &Weights, x: Wire) -> TractResult<Wire> {
    let depthwise = b.constant(weights.get("depthwise_kernel")?.clone())?;
    let x = b.convolve(x, depthwise, None, &geometry(layer, [1, 1])?, Convolution::Depthwise)?;
    let pointwise = b.constant(weights.get("pointwise_kernel")?.clone())?;
    let bias = bias(b, layer, weights)?;
    let still = Geometry { strides: [1, 1], dilations: [1, 1], padding: PaddingSpec::Valid };
    let x = b.convolve(x, pointwise, bias, &still, Convolution::Full)?;
    activate(b, layer, x)
}

fn dense(b: &mut Builder, layer: &Layer, weights: &Weights, x: Wire) -> TractResult<Wire> {
    let kernel = b.constant(weights.get("kernel")?.clone())?;
    let bias = bias(b, layer, weights)?;
    let x = b.multiply([x, kernel], [false, false], bias)?;
    activate(b, layer, x)
}

fn bias(b: &mut Builder, layer: &Layer, weights: &Weights) -> TractResult<Option<Wire>> {
    if !layer.flag("use_bias", true) {
        return Ok(None);
    }
    Ok(Some(b.constant(weights.get("bias")?.clone())?))
}

fn normalise(b: &mut Builder, layer: &Layer, weights: &Weights, x: Wire) -> TractResult<Wire> {
    let rank = b.rank(x)?;
    let axes =
        layer.integers("axis")?.into_iter().map(|a| axis_of(a, rank)).collect::<TractResult<Vec<_>>>()?;
    ensure!(
        matches!(axes[..], []) || axes == [rank - 1],
        "it is over the axes {axes:?}, not over channels, the last"
    );
    let mean = weights.get("moving_mean")?;
    let or = |flag: &str, name: &str, value: f32| {
        if !layer.flag(flag, true) {
            return Ok(tensor1(&vec![value; mean.len()]));
        }
        weights.get(name).cloned()
    };
    let parameters = [
        or("scale", "gamma", 1.0)?,
        or("center", "beta", 0.0)?,
        mean.clone(),
        weights.get("moving_variance")?.clone(),
    ];
    b.normalise(x, &parameters, layer.number("epsilon")?.unwrap_or(1e-3))
}

fn pool(b: &mut Builder, layer: &Layer, x: Wire, kind: PoolKind) -> TractResult<Wire> {
    let window = two(layer, "pool_size")?.unwrap_or([2, 2]);
    b.pool(x, kind, window, &geometry(layer, window)?)
}

fn relu(b: &mut Builder, layer: &Layer, x: Wire) -> TractResult<Wire> {
    let [slope, threshold] =
        [layer.number("negative_slope")?, layer.number("threshold")?].map(Option::unwrap_or_default);
    ensure!(threshold == 0.0, "a threshold of {threshold} is not supported");
    let x = if slope == 0.0 {
        b.activate(Activation::Relu, x)?
    } else {
        b.activate(Activation::LeakyRelu(slope), x)?
    };
    match layer.number("max_value")? {
        Some(most) => b.with_number(math::min(), x, most),
        None => Ok(x),
    }
}

fn activate(b: &mut Builder, layer: &Layer, x: Wire) -> TractResult<Wire> {
    let Some(written) = layer.get("activation") else { return Ok(x) };
    let activation = match written.as_str() {
        Some("linear") => return Ok(x),
        Some("relu") => Activation::Relu,
        Some("relu6") => Activation::Relu6,
        Some("elu") => Activation::Elu,
        Some("sigmoid") => Activation::Sigmoid,
        Some("tanh") => Activation::Tanh,
        Some("softplus") => Activation::Softplus,
        Some("softmax") => Activation::Softmax,
        Some("swish" | "silu") => Activation::Swish,
        _ => bail!("the activation {written} is not supported"),
    };
    b.activate(activation, x)
}

fn geometry(layer: &Layer, strides: [usize; 2]) -> TractResult<Geometry> {
    let format = layer.text("data_format").unwrap_or("channels_last");
    ensure!(format == "channels_last", "data with {format} are not supported");
    let padding = match layer.text("padding").unwrap_or("valid") {
        "same" => PaddingSpec::SameUpper,
        "valid" => PaddingSpec::Valid,
        other => bail!("a padding '{other}' is not supported"),
    };
    let strides = two(layer, "strides")?.unwrap_or(strides);
    let dilations = two(layer, "dilation_rate")?.unwrap_or([1, 1]);
    Ok(Geometry { strides, dilations, padding })
}

fn two(layer: &Layer, key: &str) -> TractResult<Option<[usize; 2]>> {
    match layer.integers(key)?[..] {
        [] => Ok(None),
        [both] if both > 0 => Ok(Some([usize::try_from(both)?; 2])),
        [height, width] if height > 0 && width > 0 => {
            Ok(Some([usize::try_from(height)?, usize::try_from(width)?]))
        }
        ref other => bail!("its '{key}' is {other:?}"),
    }
}

/// Above and below, left and right: one number for all, one for each axis, or two for each.
fn padding(layer: &Layer) -> TractResult<[[usize; 2]; 2]> {
    let format = layer.text("data_format").unwrap_or("channels_last");
    ensure!(format == "channels_last", "data with {format} are not supported");
    let written = layer.get("padding").cloned().unwrap_or(1.into());
    let number = serde_json::from_value::<usize>(written.clone()).map(|p| [[p; 2]; 2]);
    let one_each = || serde_json::from_value::<[usize; 2]>(written.clone()).map(|p| p.map(|p| [p; 2]));
    let two_each = || serde_json::from_value::<[[usize; 2]; 2]>(written.clone());
    number
        .or_else(|_| one_each())
        .or_else(|_| two_each())
        .with_context(|| format!("its padding is {written}"))
}
