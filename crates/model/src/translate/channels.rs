//! Channels that are put together, shuffled and parted.

use streamface_exec::{Layer, Order, Shape, ValueId};
use tract_onnx::tract_core::ops::array::{Slice, TypedConcat};
use tract_tflite::internal::*;

use super::Translation;

/// Which channels of which pictures an outlet has. What a layer reads of them is gathered then.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    parts: Vec<(ValueId, usize)>,
    /// The shape of a picture with them.
    shape: Shape,
    order: Order,
    /// The axis of the channels as two axes, as it is between the reshapes of a shuffle.
    groups: Option<[usize; 2]>,
}

impl Translation<'_> {
    /// Notes what a node does with channels; `false` where it does something else.
    pub(super) fn channels_of(&mut self, node: &TypedNode) -> TractResult<bool> {
        let outlet = OutletId::new(node.id, 0);
        let channels = if let Some(op) = node.op_as::<TypedConcat>() {
            self.joined(node, op.axis)
        } else if let Some(op) = node.op_as::<Slice>() {
            self.part(node, op)
        } else if let Some(op) = node.op_as::<AxisOp>() {
            self.shuffled(node, op)
        } else {
            None
        };
        let Some(channels) = channels else { return Ok(false) };
        self.channels.insert(outlet, channels);
        Ok(true)
    }

    fn known_channels(&self, outlet: OutletId) -> Option<Channels> {
        if let Some(channels) = self.channels.get(&outlet) {
            return Some(channels.clone());
        }
        let (id, shape, order) = self.known_picture(outlet)?;
        Some(Channels { parts: (0..shape.channels).map(|c| (id, c)).collect(), shape, order, groups: None })
    }

    fn joined(&self, node: &TypedNode, axis: usize) -> Option<Channels> {
        let mut all: Option<Channels> = None;
        for &input in &node.inputs {
            let next = self.known_channels(input).filter(|c| c.groups.is_none() && axis == c.axis())?;
            all = Some(match all {
                None => next,
                Some(mut all) => {
                    let same = Shape { channels: all.shape.channels, ..next.shape } == all.shape
                        && next.order == all.order;
                    if !same {
                        return None;
                    }
                    all.parts.extend(next.parts);
                    all.shape.channels = all.parts.len();
                    all
                }
            });
        }
        all
    }

    fn part(&self, node: &TypedNode, op: &Slice) -> Option<Channels> {
        let mut of =
            self.known_channels(node.inputs[0]).filter(|c| c.groups.is_none() && op.axis == c.axis())?;
        let (start, end) = (op.start.to_usize().ok()?, op.end.to_usize().ok()?);
        of.parts = of.parts.get(start..end).filter(|parts| !parts.is_empty())?.to_vec();
        of.shape.channels = of.parts.len();
        Some(of)
    }

    /// One of the three operations of a shuffle: the channels as groups, the two axes the other way round, one axis again.
    fn shuffled(&self, node: &TypedNode, op: &AxisOp) -> Option<Channels> {
        let mut of = self.known_channels(node.inputs[0])?;
        let axis = of.axis();
        match (op, of.groups) {
            (AxisOp::Reshape(at, from, to), None) if *at == axis && from.len() == 1 && to.len() == 2 => {
                let groups = [to[0].to_usize().ok()?, to[1].to_usize().ok()?];
                (groups[0] * groups[1] == of.parts.len()).then_some(())?;
                of.groups = Some(groups);
            }
            (AxisOp::Move(from, to), Some([a, b]))
                if (*from == axis && *to == axis + 1) || (*from == axis + 1 && *to == axis) =>
            {
                of.parts =
                    (0..b).flat_map(|j| (0..a).map(move |i| i * b + j)).map(|at| of.parts[at]).collect();
                of.groups = Some([b, a]);
            }
            (AxisOp::Reshape(at, from, to), Some(_)) if *at == axis && from.len() == 2 && to.len() == 1 => {
                of.groups = None;
            }
            _ => return None,
        }
        Some(of)
    }

    /// The picture of an outlet that was noted here.
    pub(super) fn gathered(&mut self, outlet: OutletId) -> TractResult<()> {
        if self.pictures.contains_key(&outlet) {
            return Ok(());
        }
        let Some(channels) = self.channels.get(&outlet).filter(|c| c.groups.is_none()) else { return Ok(()) };
        let Channels { parts, shape, order, .. } = channels.clone();
        let mut inputs: Vec<ValueId> = Vec::new();
        let mut places = Vec::with_capacity(parts.len());
        for (id, channel) in parts {
            let input = inputs.iter().position(|&i| i == id).unwrap_or_else(|| {
                inputs.push(id);
                inputs.len() - 1
            });
            places.push((input, channel));
        }
        let name = &self.model.node(outlet.node).name;
        let id =
            self.graph.add(name, Layer::Gather(places), &inputs, streamface_exec::Value::Picture(shape))?;
        self.pictures.insert(outlet, (id, order));
        Ok(())
    }
}

impl Channels {
    fn axis(&self) -> usize {
        super::channel_axis(self.order, 4)
    }
}
