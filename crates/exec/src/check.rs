//! Whether a layer fits what it is given: the kernels rely on it.

use streamface_kernels::conv::Activation;

use crate::layer::{Layer, MOST_ROWS, Order, Shape, Value, Window};

/// Why the layer cannot make `value` of `inputs`.
pub(crate) fn check(layer: &Layer, inputs: &[&Value], value: &Value) -> Result<(), String> {
    size(value)?;
    let count = match layer {
        Layer::Add => 2,
        Layer::Function(_) | Layer::Gather(_) => inputs.len(),
        _ => 1,
    };
    if inputs.len() != count {
        return Err(format!("it has {} inputs, not {count}", inputs.len()));
    }
    let input = || inputs.first().copied();
    match (layer, input(), value) {
        (Layer::Function(_), _, Value::Tensor(_)) => {
            ensure(inputs.iter().all(|i| matches!(i, Value::Tensor(_))), || "it takes tensors".into())
        }
        (Layer::FromTensor(order), Some(Value::Tensor(from)), Value::Picture(to)) => {
            tensor(*order, from, *to)
        }
        (Layer::ToTensor(order), Some(Value::Picture(from)), Value::Tensor(to)) => tensor(*order, to, *from),
        (_, Some(Value::Picture(from)), Value::Picture(to)) => picture(layer, *from, *to, inputs),
        _ => Err("it takes pictures where tensors are given, or the other way round".into()),
    }
}

/// Numbers of a value, at most (8 GiB).
const MOST_NUMBERS: usize = 1 << 31;
/// Rows or columns from a window to the next, at most.
const MOST_STRIDE: usize = 1 << 16;

/// Whether a value is not empty and not so large that its numbers cannot be counted.
pub(crate) fn size(value: &Value) -> Result<(), String> {
    let dimensions = match value {
        Value::Picture(Shape { images, rows, columns, channels }) => {
            &[*images, *rows, *columns, *channels][..]
        }
        Value::Tensor(shape) => shape,
    };
    let numbers =
        dimensions.iter().try_fold(1_usize, |n, &d| n.checked_mul(d).filter(|&n| n <= MOST_NUMBERS));
    ensure(numbers.is_some_and(|n| n > 0), || format!("{dimensions:?} is empty, or too large"))
}

fn ensure(fits: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if fits { Ok(()) } else { Err(why()) }
}

fn tensor(order: Order, shape: &[usize], picture: Shape) -> Result<(), String> {
    let Shape { images, rows, columns, channels } = picture;
    let fits = match (order, shape) {
        (_, &[n, c]) => [n, 1, 1, c] == [images, rows, columns, channels],
        (Order::ChannelsFirst, &[n, c, h, w]) | (Order::ChannelsLast, &[n, h, w, c]) => {
            [n, h, w, c] == [images, rows, columns, channels]
        }
        _ => false,
    };
    ensure(fits && images * rows * columns * channels > 0, || {
        format!("{shape:?} is no tensor of {picture:?}")
    })
}

fn picture(layer: &Layer, from: Shape, to: Shape, inputs: &[&Value]) -> Result<(), String> {
    let unfit = || format!("it cannot make {to:?} of {from:?}");
    ensure(from.images == to.images, unfit)?;
    let same_pixels = (from.rows, from.columns) == (to.rows, to.columns);
    let numbers = |name: &str, numbers: &[f32], wanted: usize| {
        ensure(numbers.len() == wanted, || format!("{} {name}, not {wanted}", numbers.len()))
    };
    match layer {
        Layer::Convolution { weights, bias, window } => {
            fits_window(*window, from, to)?;
            numbers("weights", weights, window.size[0] * window.size[1] * from.channels * to.channels)?;
            numbers("numbers of bias", bias, to.channels)
        }
        Layer::Depthwise { weights, bias, window } => {
            fits_window(*window, from, to)?;
            ensure(from.channels == to.channels, unfit)?;
            numbers("weights", weights, window.size[0] * window.size[1] * to.channels)?;
            numbers("numbers of bias", bias, to.channels)
        }
        Layer::Transposed { weights, bias, size: [rows, columns] } => {
            ensure(from.rows * rows == to.rows && from.columns * columns == to.columns, unfit)?;
            numbers("weights", weights, rows * columns * from.channels * to.channels)?;
            numbers("numbers of bias", bias, to.channels)
        }
        Layer::MaxPool(window) | Layer::SumPool(window, _) => {
            fits_window(*window, from, to)?;
            ensure(from.channels == to.channels, unfit)
        }
        Layer::Add => ensure(from == to && inputs.iter().all(|i| **i == Value::Picture(to)), unfit),
        Layer::Widen(before) => ensure(same_pixels && before + from.channels <= to.channels, unfit),
        Layer::Activation(activation) => {
            ensure(from == to, unfit)?;
            match activation {
                Activation::Slopes(slopes) => numbers("slopes", slopes, to.channels),
                Activation::Affine(factors, terms) => {
                    numbers("factors", factors, to.channels)?;
                    numbers("terms", terms, to.channels)
                }
                _ => Ok(()),
            }
        }
        Layer::Gather(channels) => {
            let pictures: Vec<Shape> = inputs.iter().filter_map(|i| as_picture(i)).collect();
            let fits = pictures.len() == inputs.len()
                && channels.len() == to.channels
                && pictures.iter().all(|p| Shape { channels: to.channels, ..*p } == to)
                && channels.iter().all(|&(i, c)| pictures.get(i).is_some_and(|p| c < p.channels));
            ensure(fits, unfit)
        }
        Layer::FromTensor(_) | Layer::ToTensor(_) | Layer::Function(_) => Err(unfit()),
    }
}

fn as_picture(value: &Value) -> Option<Shape> {
    match value {
        Value::Picture(shape) => Some(*shape),
        Value::Tensor(_) => None,
    }
}

/// Whether the windows of a result of this shape each touch the picture, and none lies wholly beyond it.
fn fits_window(window: Window, from: Shape, to: Shape) -> Result<(), String> {
    let axes = [(from.rows, to.rows), (from.columns, to.columns)];
    for (axis, (from, to)) in axes.into_iter().enumerate() {
        let (size, stride, before) = (window.size[axis], window.stride[axis], window.before[axis]);
        let fits = (1..=MOST_ROWS).contains(&size)
            && (1..=MOST_STRIDE).contains(&stride)
            && to > 0
            && before < size
            && (to - 1) * stride < from + before;
        ensure(fits, || format!("{window:?} cannot make {to} of {from} rows or columns"))?;
    }
    Ok(())
}
