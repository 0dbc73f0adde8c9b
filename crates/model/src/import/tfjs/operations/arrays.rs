//! Operations on axes and shapes.

use tract_tflite::internal::tract_core::ops::array::PadMode;
use tract_tflite::internal::tract_core::ops::nn::{Interpolator, Reducer};
use tract_tflite::internal::*;

use super::super::graph::Node;
use crate::import::builder::{Builder, Wire, axis_of};

fn axes(b: &Builder, x: Wire, axes: Wire) -> TractResult<Vec<usize>> {
    let rank = b.rank(x)?;
    b.integers(axes)?.into_iter().map(|a| axis_of(a, rank)).collect()
}

fn pair(inputs: &[Wire]) -> TractResult<[Wire; 2]> {
    inputs.try_into().map_err(|_| format_err!("it has {} inputs, not two", inputs.len()))
}

pub(super) fn mean(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Wire> {
    let [x, along] = pair(inputs)?;
    let along = axes(b, x, along)?;
    b.mean(x, &along, node.flag("keep_dims"))
}

pub(super) fn reduce(b: &mut Builder, node: &Node, inputs: &[Wire], reducer: Reducer) -> TractResult<Wire> {
    let [x, along] = pair(inputs)?;
    let along = axes(b, x, along)?;
    b.reduce(x, reducer, &along, node.flag("keep_dims"))
}

pub(super) fn squeeze(b: &mut Builder, node: &Node, mut x: Wire) -> TractResult<Wire> {
    let shape = b.shape(x)?;
    let named = node.integers("squeeze_dims")?;
    let mut axes: Vec<usize> = if named.is_empty() {
        (0..shape.len()).filter(|&a| shape[a] == 1).collect()
    } else {
        named.into_iter().map(|a| axis_of(a, shape.len())).collect::<TractResult<_>>()?
    };
    axes.sort_unstable();
    axes.dedup();
    ensure!(axes.iter().all(|&a| shape[a] == 1), "it drops axes that are longer than 1 of {shape:?}");
    for &axis in axes.iter().rev() {
        x = b.wire(AxisOp::Rm(axis), &[x])?;
    }
    Ok(x)
}

pub(super) fn expand(b: &mut Builder, x: Wire, axis: Wire) -> TractResult<Wire> {
    let [axis] = b.integers(axis)?[..] else { bail!("it does not name one axis") };
    let axis = axis_of(axis, b.rank(x)? + 1)?;
    b.wire(AxisOp::Add(axis), &[x])
}

pub(super) fn transpose(b: &mut Builder, x: Wire, order: Wire) -> TractResult<Wire> {
    let order = axes(b, x, order)?;
    b.transpose(x, &order)
}

pub(super) fn concatenate(b: &mut Builder, inputs: &[Wire]) -> TractResult<Wire> {
    let Some((&axis, parts @ [first, ..])) = inputs.split_last() else { bail!("it joins nothing") };
    let [axis] = b.integers(axis)?[..] else { bail!("it does not name one axis") };
    let axis = axis_of(axis, b.rank(*first)?)?;
    b.concatenate(parts, axis)
}

pub(super) fn pack(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Wire> {
    let first = *inputs.first().context("it joins nothing")?;
    let axis = axis_of(node.integer("axis").unwrap_or(0), b.rank(first)? + 1)?;
    let parts = inputs.iter().map(|&i| b.wire(AxisOp::Add(axis), &[i])).collect::<TractResult<Vec<_>>>()?;
    b.concatenate(&parts, axis)
}

pub(super) fn split(b: &mut Builder, node: &Node, axis: Wire, x: Wire) -> TractResult<Vec<Wire>> {
    let [axis] = b.integers(axis)?[..] else { bail!("it does not name one axis") };
    let shape = b.shape(x)?;
    let axis = axis_of(axis, shape.len())?;
    let parts = node.integer("num_split").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    ensure!(parts > 0 && shape[axis] % parts == 0, "it splits {} into {parts} parts", shape[axis]);
    let length = shape[axis] / parts;
    (0..parts).map(|p| b.slice(x, axis, [p * length, (p + 1) * length], 1)).collect()
}

pub(super) fn slice(b: &mut Builder, inputs: &[Wire]) -> TractResult<Wire> {
    let &[mut x, begins, sizes] = inputs else { bail!("it has {} inputs, not three", inputs.len()) };
    let (begins, sizes) = (b.integers(begins)?, b.integers(sizes)?);
    let shape = b.shape(x)?;
    ensure!(
        begins.len() == shape.len() && sizes.len() == shape.len(),
        "it names other axes than {shape:?} has"
    );
    for (axis, (&begin, &size)) in begins.iter().zip(&sizes).enumerate() {
        let begin = usize::try_from(begin)?;
        let end = if size == -1 { Some(shape[axis]) } else { begin.checked_add(usize::try_from(size)?) };
        x = b.slice(x, axis, [begin, end.context("it takes too much")?], 1)?;
    }
    Ok(x)
}

/// x[begin : end : step] on the first axes; bits of masks say which begins and ends are left out, and which axes are
/// dropped.
pub(super) fn strided_slice(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Wire> {
    let &[mut x, begins, ends, steps] = inputs else { bail!("it has {} inputs, not four", inputs.len()) };
    let (begins, ends, steps) = (b.integers(begins)?, b.integers(ends)?, b.integers(steps)?);
    let shape = b.shape(x)?;
    let named = begins.len();
    ensure!(
        named <= shape.len().min(63) && ends.len() == named && steps.len() == named,
        "it names other axes than {shape:?} has"
    );
    let bit = |mask: &str, axis: usize| node.integer(mask).unwrap_or(0) >> axis & 1 == 1;
    let mut dropped = Vec::new();
    for axis in 0..named {
        ensure!(
            !bit("ellipsis_mask", axis) && !bit("new_axis_mask", axis),
            "it adds axes, which is not supported"
        );
        let length = i64::try_from(shape[axis])?;
        let place = |v: i64| if v < 0 { v.saturating_add(length) } else { v };
        let begin = if bit("begin_mask", axis) { 0 } else { place(begins[axis]) };
        let (begin, end, step) = if bit("shrink_axis_mask", axis) {
            ensure!((0..length).contains(&begin), "it takes place {begin} of {length}");
            dropped.push(axis);
            (begin, begin + 1, 1)
        } else {
            let end = if bit("end_mask", axis) { length } else { place(ends[axis]) };
            (begin.clamp(0, length), end.clamp(0, length), steps[axis])
        };
        ensure!(step > 0, "it steps by {step}, which is not supported");
        let bounds = [usize::try_from(begin)?, usize::try_from(end)?];
        x = b.slice(x, axis, bounds, usize::try_from(step)?)?;
    }
    for &axis in dropped.iter().rev() {
        x = b.wire(AxisOp::Rm(axis), &[x])?;
    }
    Ok(x)
}

pub(super) fn pad(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Wire> {
    let &[x, pads, ref value @ ..] = inputs else { bail!("it has {} inputs", inputs.len()) };
    let pads = b.integers(pads)?.iter().map(|&p| usize::try_from(p)).collect::<Result<Vec<_>, _>>()?;
    let pads = pads.as_chunks::<2>().0.iter().map(|&[before, after]| (before, after)).collect();
    let mode = match (node.op.as_str(), value) {
        ("MirrorPad", _) => match node.text("mode").as_deref() {
            Some("REFLECT") => PadMode::Reflect,
            other => bail!("mirrored as {other:?} is not supported"),
        },
        (_, [value]) => {
            let value = b.value(*value)?;
            ensure!(value.len() == 1, "it pads with {} numbers", value.len());
            PadMode::Constant(value.clone().into_tensor().into_shape(&[])?.into_arc_tensor())
        }
        _ => PadMode::default(),
    };
    b.pad(x, pads, mode)
}

pub(super) fn resize(b: &mut Builder, node: &Node, x: Wire, size: Wire) -> TractResult<Wire> {
    let [height, width] = b.integers(size)?[..] else { bail!("its size is not two numbers") };
    let size = [usize::try_from(height)?, usize::try_from(width)?];
    let linear = node.op == "ResizeBilinear";
    let interpolator = if linear { Interpolator::Linear } else { Interpolator::Nearest };
    b.resize(x, size, interpolator, [node.flag("align_corners"), node.flag("half_pixel_centers")])
}
