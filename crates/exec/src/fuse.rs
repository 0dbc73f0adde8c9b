//! From layers to steps: what follows a convolution is done where its sums are stored, and small convolutions of one
//! picture are made one.

use std::collections::HashMap;
use std::sync::Arc;

use streamface_kernels::conv::Activation;

use crate::graph::{Graph, Node};
use crate::layer::{Function, Layer, Order, Shape, Value, ValueId, Window};

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    FromTensor(Order),
    /// Of the channels from `first` on, as many as the tensor has.
    ToTensor {
        order: Order,
        first: usize,
    },
    Convolution {
        weights: Vec<f32>,
        bias: Vec<f32>,
        window: Window,
        after: Activation,
    },
    Depthwise {
        weights: Vec<f32>,
        bias: Vec<f32>,
        window: Window,
    },
    Transposed {
        weights: Vec<f32>,
        bias: Vec<f32>,
        size: [usize; 2],
    },
    MaxPool(Window),
    SumPool(Window, f32),
    Add,
    Widen(usize),
    /// Rows with so many columns of zeros before and after.
    Pad([usize; 2]),
    Activation,
    Gather(Vec<(usize, usize)>),
    Function(Arc<dyn Function>),
}

/// One or more layers that are computed at once.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) output: ValueId,
    /// Of a convolution before what is added, of all others at the end.
    pub(crate) activation: Activation,
    /// Whether its first input may have numbers below 0.
    pub(crate) signed: bool,
}

/// The steps of a network, and its values, of which there are more than before.
pub(crate) struct Steps {
    pub(crate) values: Vec<Value>,
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<ValueId>,
}

pub(crate) fn fuse(graph: Graph) -> Steps {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); graph.values.len()];
    for (n, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|i| users[i.0].push(n));
    }
    // An output is used by someone else, too.
    graph.outputs.iter().for_each(|o| users[o.0].push(usize::MAX));
    let mut done = vec![false; graph.nodes.len()];
    let mut steps = Vec::new();
    for n in 0..graph.nodes.len() {
        if done[n] {
            continue;
        }
        let mut step = plain(&graph.nodes[n], ValueId(n + 1));
        while let [next] = users[step.output.0][..] {
            if next == usize::MAX || done[next] || !absorb(&mut step, &graph.nodes[next]) {
                break;
            }
            step.output = ValueId(next + 1);
            done[next] = true;
        }
        steps.push(step);
    }
    // A step comes where the last of its layers stood: all that it uses is there by then.
    steps.sort_by_key(|step| step.output);
    let mut all = Steps { values: graph.values, steps, outputs: graph.outputs };
    all.join_small_convolutions();
    all.pad_rows();
    all.find_signs();
    all
}

fn plain(node: &Node, output: ValueId) -> Step {
    let mut activation = Activation::None;
    let work = match node.layer.clone() {
        Layer::FromTensor(order) => Work::FromTensor(order),
        Layer::ToTensor(order) => Work::ToTensor { order, first: 0 },
        Layer::Convolution { weights, bias, window } => {
            Work::Convolution { weights, bias, window, after: Activation::None }
        }
        Layer::Depthwise { weights, bias, window } => Work::Depthwise { weights, bias, window },
        Layer::Transposed { weights, bias, size } => Work::Transposed { weights, bias, size },
        Layer::MaxPool(window) => Work::MaxPool(window),
        Layer::SumPool(window, factor) => Work::SumPool(window, factor),
        Layer::Add => Work::Add,
        Layer::Widen(before) => Work::Widen(before),
        Layer::Activation(a) => {
            activation = a;
            Work::Activation
        }
        Layer::Gather(channels) => Work::Gather(channels),
        Layer::Function(function) => Work::Function(function),
    };
    Step { name: node.name.clone(), work, inputs: node.inputs.clone(), output, activation, signed: true }
}

/// Takes the one layer that uses a step's result into the step.
fn absorb(step: &mut Step, node: &Node) -> bool {
    match &node.layer {
        Layer::Activation(next) => absorb_activation(step, next),
        // What is added has been computed where the addition stood.
        Layer::Add => match &step.work {
            Work::Convolution { after: Activation::None, .. } if step.inputs.len() == 1 => {
                let other = node.inputs.iter().copied().find(|&i| i != step.output);
                step.inputs.extend(other);
                other.is_some()
            }
            _ => false,
        },
        _ => false,
    }
}

fn absorb_activation(step: &mut Step, next: &Activation) -> bool {
    let fresh = step.inputs.len() == 1 && step.activation == Activation::None;
    match (&mut step.work, next) {
        (
            Work::Convolution { weights, bias, after: Activation::None, .. }
            | Work::Depthwise { weights, bias, .. }
            | Work::Transposed { weights, bias, .. },
            Activation::Affine(factors, terms),
        ) if fresh => {
            for row in weights.chunks_mut(factors.len()) {
                row.iter_mut().zip(factors).for_each(|(w, f)| *w *= f);
            }
            bias.iter_mut().zip(factors.iter().zip(terms)).for_each(|(b, (f, t))| *b = *b * f + t);
            true
        }
        (Work::Convolution { after, .. }, _) => {
            let slot = if step.inputs.len() == 1 && *after == Activation::None {
                if let Some(both) = one_of(&step.activation, next) {
                    step.activation = both;
                    return true;
                }
                after
            } else {
                after
            };
            one_of(slot, next).map(|both| *slot = both).is_some()
        }
        (
            Work::Depthwise { .. }
            | Work::Transposed { .. }
            | Work::Add
            | Work::Activation
            | Work::SumPool(..)
            | Work::MaxPool(_),
            _,
        ) => one_of(&step.activation, next).map(|both| step.activation = both).is_some(),
        _ => false,
    }
}

/// One function that does what `first` and then `next` do.
fn one_of(first: &Activation, next: &Activation) -> Option<Activation> {
    match (first, next) {
        (Activation::None, a) | (a, Activation::None) => Some(a.clone()),
        (&Activation::Clamp(a, b), &Activation::Clamp(c, d)) if a <= b && c <= d => {
            Some(Activation::Clamp(a.max(c).min(d), b.max(c).min(d)))
        }
        _ => None,
    }
}

impl Steps {
    fn shape(&self, id: ValueId) -> Option<Shape> {
        match &self.values[id.0] {
            Value::Picture(shape) => Some(*shape),
            Value::Tensor(_) => None,
        }
    }

    /// Convolutions of one pixel of the same picture whose results only leave the network become one: their few channels
    /// share a block of the kernel.
    fn join_small_convolutions(&mut self) {
        const SMALL: usize = 16;
        let mut users: HashMap<ValueId, Vec<usize>> = HashMap::new();
        for (s, step) in self.steps.iter().enumerate() {
            step.inputs.iter().for_each(|&i| users.entry(i).or_default().push(s));
        }
        let leaves = |id: ValueId| {
            let of = users.get(&id).map_or(&[][..], Vec::as_slice);
            !of.is_empty() && of.iter().all(|&s| matches!(self.steps[s].work, Work::ToTensor { .. }))
        };
        let mut groups: HashMap<ValueId, Vec<usize>> = HashMap::new();
        for (s, step) in self.steps.iter().enumerate() {
            let Work::Convolution { window: Window::PIXEL, after: Activation::None, .. } = step.work else {
                continue;
            };
            let small = self.shape(step.output).is_some_and(|shape| shape.channels <= SMALL);
            if small && step.inputs.len() == 1 && step.activation == Activation::None && leaves(step.output) {
                groups.entry(step.inputs[0]).or_default().push(s);
            }
        }
        let mut gone = Vec::new();
        let mut groups: Vec<_> = groups.into_iter().filter(|(_, of)| of.len() > 1).collect();
        groups.sort();
        for (_, members) in groups {
            self.join(&members);
            gone.extend(members.into_iter().skip(1));
        }
        let mut s = 0;
        self.steps.retain(|_| {
            s += 1;
            !gone.contains(&(s - 1))
        });
    }

    /// Makes the first of `members` a convolution that does the work of all.
    fn join(&mut self, members: &[usize]) {
        let parts: Vec<(Vec<f32>, Vec<f32>, ValueId)> = members
            .iter()
            .filter_map(|&m| match &self.steps[m].work {
                Work::Convolution { weights, bias, .. } => {
                    Some((weights.clone(), bias.clone(), self.steps[m].output))
                }
                _ => None,
            })
            .collect();
        let bias: Vec<f32> = parts.iter().flat_map(|p| p.1.iter().copied()).collect();
        let depth = parts[0].0.len() / parts[0].1.len();
        let weights = (0..depth)
            .flat_map(|d| parts.iter().flat_map(move |(w, b, _)| w[d * b.len()..][..b.len()].iter().copied()))
            .collect();
        let first = &mut self.steps[members[0]];
        first.work =
            Work::Convolution { weights, bias: bias.clone(), window: Window::PIXEL, after: Activation::None };
        let output = first.output;
        let mut at = 0;
        for (_, bias, part) in &parts {
            for step in &mut self.steps {
                if let (Work::ToTensor { first, .. }, true) = (&mut step.work, step.inputs[0] == *part) {
                    *first = at;
                    step.inputs[0] = output;
                }
            }
            at += bias.len();
        }
        if let Value::Picture(shape) = &mut self.values[output.0] {
            shape.channels = at;
        }
    }

    /// Which inputs have no numbers below 0: what a ReLU ends with, and the largest of such numbers.
    fn find_signs(&mut self) {
        let mut positive = vec![false; self.values.len()];
        for step in &mut self.steps {
            step.signed = !positive[step.inputs[0].0];
            let last = match &step.work {
                Work::Convolution { after, .. } if step.inputs.len() > 1 || *after != Activation::None => {
                    after
                }
                _ => &step.activation,
            };
            positive[step.output.0] = match last {
                Activation::Clamp(low, _) => *low >= 0.0,
                Activation::None => {
                    !step.signed && matches!(step.work, Work::MaxPool(_) | Work::Pad(_) | Work::Widen(_))
                }
                _ => false,
            };
        }
    }

    /// A dense convolution whose windows reach over the left or right edge reads rows with columns of zeros.
    fn pad_rows(&mut self) {
        let mut steps = Vec::with_capacity(self.steps.len());
        for mut step in std::mem::take(&mut self.steps) {
            if let (Work::Convolution { window, .. }, Some(from), Some(to)) =
                (&mut step.work, self.shape(step.inputs[0]), self.shape(step.output))
            {
                let reach = (to.columns - 1) * window.stride[1] + window.size[1];
                let (before, after) =
                    (window.before[1], reach.saturating_sub(window.before[1] + from.columns));
                if before + after > 0 {
                    let columns = before + from.columns + after;
                    self.values.push(Value::Picture(Shape { columns, ..from }));
                    let padded = ValueId(self.values.len() - 1);
                    window.before[1] = 0;
                    steps.push(Step {
                        name: format!("{} (edges)", step.name),
                        work: Work::Pad([before, after]),
                        inputs: vec![step.inputs[0]],
                        output: padded,
                        activation: Activation::None,
                        signed: step.signed,
                    });
                    step.inputs[0] = padded;
                }
            }
            steps.push(step);
        }
        self.steps = steps;
    }
}
