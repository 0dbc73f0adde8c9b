//! How pictures lie in memory, and tensors made of them.

use streamface_kernels::conv::stored_channels;

use crate::fuse::{Step, Work};
use crate::layer::{Order, Value, ValueId};
use crate::stage::Geometry;

/// Numbers from a pixel to the next: whole registers of eight, but as many as there are channels where a dense convolution
/// is all that reads what came from a tensor.
pub(crate) fn stored(values: &[Value], steps: &[Step]) -> Vec<usize> {
    let mut stored: Vec<usize> = values
        .iter()
        .map(|value| match value {
            Value::Picture(shape) => stored_channels(shape.channels),
            Value::Tensor(_) => 0,
        })
        .collect();
    let dense = |id: ValueId| {
        let mut users = steps.iter().filter(|step| step.inputs.contains(&id)).peekable();
        users.peek().is_some()
            && users.all(|step| matches!(step.work, Work::Convolution { .. }) && step.inputs == [id])
    };
    for step in steps {
        let Work::FromTensor(_) = step.work else { continue };
        let Value::Picture(shape) = values[step.output.0] else { continue };
        let padded = steps.iter().find(|s| matches!(s.work, Work::Pad(_)) && s.inputs[0] == step.output);
        let users = steps.iter().filter(|s| s.inputs.contains(&step.output)).count();
        match padded {
            Some(pad) if users == 1 && dense(pad.output) => {
                stored[step.output.0] = shape.channels;
                stored[pad.output.0] = shape.channels;
            }
            None if dense(step.output) => stored[step.output.0] = shape.channels,
            _ => {}
        }
    }
    stored
}

/// Writes `channels` channels of a picture, from `first` on, as a tensor.
pub(crate) fn write_tensor(
    from: Geometry,
    order: Order,
    first: usize,
    channels: usize,
    picture: &[f32],
    out: &mut [f32],
) {
    let pixels = from.shape.rows * from.shape.columns;
    match order {
        Order::ChannelsLast => {
            for (to, from) in out.chunks_exact_mut(channels).zip(picture.chunks_exact(from.stored)) {
                to.copy_from_slice(&from[first..][..channels]);
            }
        }
        Order::ChannelsFirst => {
            for (to, picture) in
                out.chunks_exact_mut(channels * pixels).zip(picture.chunks_exact(pixels * from.stored))
            {
                for (channel, plane) in to.chunks_exact_mut(pixels).enumerate() {
                    let numbers = picture.iter().skip(first + channel).step_by(from.stored);
                    plane.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}
