//! Plans beside networks that are computed layer by layer, as their layers are defined.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use streamface_exec::{
    Activation, Error, Function, Graph, Isa, Layer, Options, Order, Plan, Shape, Value, ValueId, Window,
};
use streamface_kernels::SplitMix64;

/// A network, and what each of its pictures is for one input.
struct Both {
    graph: Graph,
    input: Vec<f32>,
    pictures: Vec<(ValueId, Shape, Vec<f64>)>,
    random: SplitMix64,
    outputs: Vec<(ValueId, Vec<f64>)>,
}

impl Both {
    fn new(shape: Shape, order: Order, seed: u64) -> Self {
        let Shape { images, rows, columns, channels } = shape;
        let dimensions = match order {
            Order::ChannelsFirst => [images, channels, rows, columns],
            Order::ChannelsLast => [images, rows, columns, channels],
        };
        let (mut graph, input) = Graph::new(&dimensions).unwrap();
        let picture = graph.add("in", Layer::FromTensor(order), &[input], Value::Picture(shape)).unwrap();
        let mut both = Self {
            graph,
            input: Vec::new(),
            pictures: Vec::new(),
            random: SplitMix64::new(seed),
            outputs: Vec::new(),
        };
        let numbers = both.numbers(images * rows * columns * channels);
        let last = numbers.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        both.input = match order {
            Order::ChannelsLast => numbers,
            Order::ChannelsFirst => first(shape, &numbers),
        };
        both.pictures.push((picture, shape, last));
        both
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.random.next_u64() % 2001) as f32 / 1000.0 - 1.0).collect()
    }

    fn weights(&mut self, count: usize, products: usize) -> Vec<f32> {
        let scale = (products as f32).sqrt();
        self.numbers(count).into_iter().map(|w| w / scale).collect()
    }

    fn push(&mut self, layer: Layer, inputs: &[usize], shape: Shape, numbers: Vec<f64>) -> usize {
        let ids: Vec<ValueId> = inputs.iter().map(|&i| self.pictures[i].0).collect();
        let name = format!("layer {}", self.pictures.len());
        let id = self.graph.add(&name, layer, &ids, Value::Picture(shape)).unwrap();
        self.pictures.push((id, shape, numbers));
        self.pictures.len() - 1
    }

    fn convolution(
        &mut self,
        of: usize,
        channels: usize,
        window: Window,
        rows: usize,
        columns: usize,
    ) -> usize {
        let (_, from, input) = self.pictures[of].clone();
        let depth = window.size[0] * window.size[1] * from.channels;
        let (weights, bias) = (self.weights(depth * channels, depth), self.numbers(channels));
        let to = Shape { rows, columns, channels, ..from };
        let numbers = windows(from, to, window, |out, places| {
            let mut sum = f64::from(bias[out]);
            for (place, at) in places {
                for i in 0..from.channels {
                    sum += input[at + i] * f64::from(weights[(place * from.channels + i) * channels + out]);
                }
            }
            sum
        });
        self.push(Layer::Convolution { weights, bias, window }, &[of], to, numbers)
    }

    fn depthwise(&mut self, of: usize, window: Window, rows: usize, columns: usize) -> usize {
        let (_, from, input) = self.pictures[of].clone();
        let places = window.size[0] * window.size[1];
        let (weights, bias) = (self.weights(places * from.channels, places), self.numbers(from.channels));
        let to = Shape { rows, columns, ..from };
        let numbers = windows(from, to, window, |out, places| {
            let of =
                places.iter().map(|&(p, at)| input[at + out] * f64::from(weights[p * from.channels + out]));
            f64::from(bias[out]) + of.sum::<f64>()
        });
        self.push(Layer::Depthwise { weights, bias, window }, &[of], to, numbers)
    }

    fn pool(&mut self, of: usize, most: bool, window: Window, rows: usize, columns: usize) -> usize {
        let (_, from, input) = self.pictures[of].clone();
        let to = Shape { rows, columns, ..from };
        let numbers = windows(from, to, window, |out, places| {
            let all = places.iter().map(|&(_, at)| input[at + out]);
            if most { all.fold(f64::NEG_INFINITY, f64::max) } else { all.sum::<f64>() * 0.25 }
        });
        let layer = if most { Layer::MaxPool(window) } else { Layer::SumPool(window, 0.25) };
        self.push(layer, &[of], to, numbers)
    }

    fn transposed(&mut self, of: usize, channels: usize, size: [usize; 2]) -> usize {
        let (_, from, input) = self.pictures[of].clone();
        let places = size[0] * size[1];
        let (weights, bias) =
            (self.weights(places * from.channels * channels, from.channels), self.numbers(channels));
        let to = Shape { rows: from.rows * size[0], columns: from.columns * size[1], channels, ..from };
        let mut numbers = Vec::new();
        for g in 0..to.images * to.rows {
            for x in 0..to.columns {
                let place = g % size[0] * size[1] + x % size[1];
                let at = (g / size[0] * from.columns + x / size[1]) * from.channels;
                for out in 0..channels {
                    let sum = (0..from.channels).map(|i| {
                        input[at + i] * f64::from(weights[(place * from.channels + i) * channels + out])
                    });
                    numbers.push(f64::from(bias[out]) + sum.sum::<f64>());
                }
            }
        }
        self.push(Layer::Transposed { weights, bias, size }, &[of], to, numbers)
    }

    fn activation(&mut self, of: usize, activation: Activation) -> usize {
        let (_, shape, mut numbers) = self.pictures[of].clone();
        for (i, v) in numbers.iter_mut().enumerate() {
            *v = f64::from(activation.of(*v as f32, i % shape.channels));
        }
        self.push(Layer::Activation(activation), &[of], shape, numbers)
    }

    fn add(&mut self, a: usize, b: usize) -> usize {
        let shape = self.pictures[a].1;
        let numbers = self.pictures[a].2.iter().zip(&self.pictures[b].2).map(|(a, b)| a + b).collect();
        self.push(Layer::Add, &[a, b], shape, numbers)
    }

    fn gather(&mut self, inputs: &[usize], channels: Vec<(usize, usize)>) -> usize {
        let shape = Shape { channels: channels.len(), ..self.pictures[inputs[0]].1 };
        let pixels = shape.images * shape.rows * shape.columns;
        let number = |p: usize, &(i, c): &(usize, usize)| {
            let (_, from, numbers) = &self.pictures[inputs[i]];
            numbers[p * from.channels + c]
        };
        let numbers = (0..pixels)
            .flat_map(|p| channels.iter().map(move |c| (p, c)))
            .map(|(p, c)| number(p, c))
            .collect();
        self.push(Layer::Gather(channels), inputs, shape, numbers)
    }

    fn widen(&mut self, of: usize, before: usize, channels: usize) -> usize {
        let (_, from, numbers) = self.pictures[of].clone();
        let mut wide = Vec::new();
        for pixel in numbers.chunks(from.channels) {
            wide.resize(wide.len() + before, 0.0);
            wide.extend_from_slice(pixel);
            wide.resize(wide.len() + channels - before - from.channels, 0.0);
        }
        self.push(Layer::Widen(before), &[of], Shape { channels, ..from }, wide)
    }

    fn output(&mut self, of: usize, order: Order) -> ValueId {
        let (id, shape, numbers) = self.pictures[of].clone();
        let Shape { images, rows, columns, channels } = shape;
        let (dimensions, numbers) = match order {
            Order::ChannelsFirst => ([images, channels, rows, columns], first(shape, &numbers)),
            Order::ChannelsLast => ([images, rows, columns, channels], numbers),
        };
        let value = Value::Tensor(dimensions.to_vec());
        let out = self.graph.add("out", Layer::ToTensor(order), &[id], value).unwrap();
        self.outputs.push((out, numbers));
        out
    }

    /// Runs the plan on every instruction set and with several threads, and compares. The parts of the plan come back.
    fn check(mut self) -> Vec<String> {
        let outputs: Vec<ValueId> = self.outputs.iter().map(|o| o.0).collect();
        self.graph.set_outputs(&outputs).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let mut names = Vec::new();
        for isa in Isa::available() {
            let plan = Plan::new(self.graph.clone(), Options { isa, ..Options::default() });
            let found = plan.run(&self.input).unwrap();
            for (found, (_, expected)) in found.iter().zip(&self.outputs) {
                assert_eq!(found.len(), expected.len());
                for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
                    let near = (f64::from(f) - e).abs() <= 1e-3 * e.abs().max(1.0);
                    assert!(near, "{isa:?}: number {i} is {f}, not {e}");
                }
            }
            // Buffers that were used before change nothing, nor do threads.
            assert_eq!(plan.run(&self.input).unwrap(), found);
            for threads in [2, 3] {
                let shared = Plan::new(self.graph.clone(), Options { isa, threads, ..Options::default() });
                assert_eq!(pool.install(|| shared.run(&self.input)).unwrap(), found, "{threads} threads");
            }
            names = plan.profile(&self.input, 1).unwrap().into_iter().map(|job| job.name).collect();
        }
        names
    }
}

/// Channels first from channels last.
fn first<T: Copy>(shape: Shape, numbers: &[T]) -> Vec<T> {
    let Shape { images, rows, columns, channels } = shape;
    let mut out = Vec::with_capacity(numbers.len());
    for n in 0..images {
        for c in 0..channels {
            out.extend((0..rows * columns).map(|p| numbers[(n * rows * columns + p) * channels + c]));
        }
    }
    out
}

/// Each number of a result from the places of its window that lie in the input: which place, and where its pixel begins.
fn windows(
    from: Shape,
    to: Shape,
    window: Window,
    number: impl Fn(usize, &[(usize, usize)]) -> f64,
) -> Vec<f64> {
    let mut all = Vec::new();
    for n in 0..to.images {
        for (y, x) in (0..to.rows).flat_map(|y| (0..to.columns).map(move |x| (y, x))) {
            let mut places = Vec::new();
            for (r, c) in (0..window.size[0]).flat_map(|r| (0..window.size[1]).map(move |c| (r, c))) {
                let row = (y * window.stride[0] + r).checked_sub(window.before[0]).filter(|&v| v < from.rows);
                let column =
                    (x * window.stride[1] + c).checked_sub(window.before[1]).filter(|&v| v < from.columns);
                if let (Some(row), Some(column)) = (row, column) {
                    let pixel = (n * from.rows + row) * from.columns + column;
                    places.push((r * window.size[1] + c, pixel * from.channels));
                }
            }
            all.extend((0..to.channels).map(|out| number(out, &places)));
        }
    }
    all
}

const SAME: Window = Window { size: [3, 3], stride: [1, 1], before: [1, 1] };
const HALF: Window = Window { size: [3, 3], stride: [2, 2], before: [1, 1] };

#[test]
fn a_chain_of_wide_blocks_goes_through_rings_of_rows() {
    let shape = Shape { images: 2, rows: 62, columns: 90, channels: 3 };
    let mut net = Both::new(shape, Order::ChannelsFirst, 1);
    let stem = net.convolution(0, 24, HALF, 31, 45);
    let stem = net.activation(stem, Activation::RELU);
    let mut at = stem;
    for (stride, rows, columns) in [(1, 31, 45), (2, 16, 23)] {
        let wide = net.convolution(at, 130, Window::PIXEL, 31, 45);
        let wide = net.activation(wide, Activation::Clamp(0.0, 6.0));
        let moved = net.depthwise(wide, Window { stride: [stride, stride], ..SAME }, rows, columns);
        let moved = net.activation(moved, Activation::Clamp(0.0, 6.0));
        let narrow = net.convolution(moved, 24, Window::PIXEL, rows, columns);
        at = if stride == 1 { net.add(at, narrow) } else { narrow };
    }
    net.output(at, Order::ChannelsFirst);
    let parts = net.check();
    assert!(parts.iter().any(|p| p.matches(" + ").count() >= 2), "no blocks are fused: {parts:?}");
}

#[test]
fn convolutions_by_tiles_are_what_they_are_defined_as() {
    for (seed, before, rows, columns) in [(5, [1, 1], 62, 90), (6, [0, 0], 61, 83), (7, [2, 0], 30, 37)] {
        let shape = Shape { images: 2, rows, columns, channels: 20 };
        let mut net = Both::new(shape, Order::ChannelsLast, seed);
        let window = Window { before, ..SAME };
        let (rows, columns) = (rows + 2 * before[0] - 2, columns + 2 * before[1] - 2);
        let slopes = net.numbers(70);
        let a = net.convolution(0, 70, window, rows, columns);
        let a = net.activation(a, Activation::Slopes(slopes));
        // Four rows at a time, of which the pool wants two or three; the last ones of an image are fewer.
        let b =
            net.pool(a, true, Window { size: [2, 2], stride: [2, 2], before: [0, 0] }, rows / 2, columns / 2);
        let c = net.convolution(b, 24, SAME, rows / 2, columns / 2);
        let d = net.convolution(c, 24, SAME, rows / 2, columns / 2);
        let d = net.add(d, c);
        let d = net.activation(d, Activation::RELU);
        let e = net.depthwise(d, HALF, (rows / 2).div_ceil(2), (columns / 2).div_ceil(2));
        net.output(e, Order::ChannelsFirst);
        let parts = net.check();
        assert!(seed == 7 || parts.iter().any(|p| p.contains(" + ")), "nothing is fused: {parts:?}");
    }
}

#[test]
fn every_layer_is_what_it_is_defined_as() {
    for (order, images, seed) in [(Order::ChannelsLast, 1, 2), (Order::ChannelsFirst, 3, 3)] {
        let mut net = Both::new(Shape { images, rows: 14, columns: 19, channels: 5 }, order, seed);
        let slopes = net.numbers(20);
        let (factors, terms) = (net.numbers(20), net.numbers(20));
        let a = net.convolution(0, 20, SAME, 14, 19);
        let a = net.activation(a, Activation::Slopes(slopes));
        let a = net.activation(a, Activation::Affine(factors.clone(), terms.clone()));
        let b = net.depthwise(a, Window { size: [5, 5], stride: [1, 1], before: [2, 2] }, 14, 19);
        let b = net.activation(b, Activation::Affine(factors, terms));
        let c = net.convolution(b, 20, Window::PIXEL, 14, 19);
        let c = net.add(c, a);
        let c = net.activation(c, Activation::HardSwish);
        // What is added, and used once more.
        let d = net.add(c, b);
        let e = net.pool(d, true, HALF, 7, 10);
        let e = net.pool(e, false, Window { size: [2, 2], stride: [1, 2], before: [0, 0] }, 6, 5);
        let f = net.transposed(e, 7, [2, 2]);
        let g = net.widen(f, 2, 11);
        let h = net.gather(&[f, g], vec![(0, 6), (1, 2), (0, 5), (1, 4), (1, 5), (0, 0)]);
        let i = net.convolution(h, 3, Window { size: [1, 3], stride: [1, 1], before: [0, 0] }, 12, 8);
        let j = net.convolution(h, 9, Window { size: [4, 2], stride: [3, 2], before: [1, 0] }, 4, 5);
        let k = net.pool(j, false, Window { size: [4, 5], stride: [4, 5], before: [0, 0] }, 1, 1);
        for of in [c, e, i, k] {
            net.output(of, Order::ChannelsLast);
        }
        net.output(h, Order::ChannelsFirst);
        net.check();
    }
}

#[test]
fn small_convolutions_of_one_picture_are_made_one() {
    let mut net = Both::new(Shape { images: 1, rows: 9, columns: 8, channels: 24 }, Order::ChannelsLast, 4);
    let a = net.activation(0, Activation::RELU);
    let heads = [1, 2, 10].map(|channels| net.convolution(a, channels, Window::PIXEL, 9, 8));
    for head in heads {
        net.output(head, Order::ChannelsFirst);
    }
    let parts = net.check();
    // The tensor, the activation, one convolution, three tensors.
    assert_eq!(parts.len(), 6, "{parts:?}");
}

#[test]
fn what_is_random_is_what_it_is_defined_as() {
    for seed in 10..40 {
        let mut random = SplitMix64::new(seed);
        let mut below = |most: usize| (random.next_u64() % most as u64) as usize;
        let shape = Shape {
            images: 1 + below(2),
            rows: 3 + below(40),
            columns: 3 + below(40),
            channels: 1 + below(9),
        };
        let mut net = Both::new(shape, Order::ChannelsLast, seed);
        let mut at = 0;
        for _ in 0..2 + below(6) {
            let (_, from, _) = net.pictures[at];
            let size = [1 + below(3.min(from.rows)), 1 + below(3.min(from.columns))];
            let (stride, before) = ([1 + below(2), 1 + below(2)], [below(size[0]), below(size[1])]);
            let window = Window { size, stride, before };
            let count = |axis: usize, from: usize| (from + before[axis] - 1) / stride[axis] + 1;
            let (rows, columns) = (count(0, from.rows), count(1, from.columns));
            at = match below(6) {
                0 => net.depthwise(at, window, rows, columns),
                1 => net.convolution(at, 1 + below(60), Window::PIXEL, from.rows, from.columns),
                2 => net.convolution(at, 1 + below(40), window, rows, columns),
                3 => net.pool(at, true, window, rows, columns),
                4 => {
                    let wide = net.convolution(at, 200, Window::PIXEL, from.rows, from.columns);
                    let wide = net.activation(wide, Activation::RELU);
                    let moved = net.depthwise(wide, SAME, from.rows, from.columns);
                    let narrow =
                        net.convolution(moved, from.channels, Window::PIXEL, from.rows, from.columns);
                    net.add(narrow, at)
                }
                _ => net.activation(at, Activation::Clamp(-0.5, 0.5)),
            };
        }
        net.output(at, Order::ChannelsLast);
        net.check();
    }
}

#[derive(Debug)]
struct Twice;

impl Function for Twice {
    fn call(&self, inputs: &[(&[usize], &[f32])], out: &mut [f32]) -> Result<(), String> {
        if inputs[0].1[0] < 0.0 {
            return Err("no negative numbers".into());
        }
        out.iter_mut().zip(inputs[0].1).for_each(|(o, i)| *o = 2.0 * i);
        Ok(())
    }

    fn name(&self) -> &str {
        "twice"
    }
}

#[test]
fn other_functions_run_between_and_their_errors_come_back() {
    let (mut graph, input) = Graph::new(&[1, 3]).unwrap();
    let value = Value::Tensor(vec![1, 3]);
    let twice = graph.add("f", Layer::Function(Arc::new(Twice)), &[input], value.clone()).unwrap();
    let shape = Shape { images: 1, rows: 1, columns: 1, channels: 3 };
    let picture =
        graph.add("p", Layer::FromTensor(Order::ChannelsLast), &[twice], Value::Picture(shape)).unwrap();
    let layer = Layer::Activation(Activation::Clamp(0.0, 5.0));
    let clamped = graph.add("c", layer, &[picture], Value::Picture(shape)).unwrap();
    let out = graph.add("t", Layer::ToTensor(Order::ChannelsLast), &[clamped], value).unwrap();
    graph.set_outputs(&[out, input]).unwrap();
    let plan = Plan::new(graph, Options::default());
    assert_eq!(plan.run(&[1.0, 2.0, 3.0]).unwrap(), [[2.0, 4.0, 5.0], [1.0, 2.0, 3.0]]);
    let said = plan.run(&[-1.0, 0.0, 0.0]).unwrap_err().to_string();
    assert_eq!(said, "layer 'twice': no negative numbers");
    let said = plan.run(&[1.0]).unwrap_err();
    assert!(matches!(said, Error::Input { given: 1, wanted: 3 }));
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let (mut graph, input) = Graph::new(&[1, 4, 4, 2]).unwrap();
    let shape = Shape { images: 1, rows: 4, columns: 4, channels: 2 };
    let from = Layer::FromTensor(Order::ChannelsLast);
    assert!(graph.add("x", from.clone(), &[input], Value::Picture(Shape { rows: 5, ..shape })).is_err());
    let picture = graph.add("x", from, &[input], Value::Picture(shape)).unwrap();
    let convolution = |weights: usize, window| Layer::Convolution {
        weights: vec![0.0; weights],
        bias: vec![0.0; 3],
        window,
    };
    let to = Value::Picture(Shape { channels: 3, ..shape });
    let mut add = |layer, to: &Value| graph.add("x", layer, &[picture], to.clone());
    assert!(add(convolution(5, Window::PIXEL), &to).is_err(), "too few weights");
    assert!(add(convolution(6, Window { stride: [0, 1], ..Window::PIXEL }), &to).is_err(), "no stride");
    assert!(
        add(convolution(6, Window { before: [1, 0], ..Window::PIXEL }), &to).is_err(),
        "a window beyond the edge"
    );
    let larger = Value::Picture(Shape { rows: 6, channels: 3, ..shape });
    assert!(add(convolution(6, Window::PIXEL), &larger).is_err(), "rows of nothing");
    let huge = Value::Picture(Shape { rows: usize::MAX, ..shape });
    assert!(add(Layer::Activation(Activation::RELU), &huge).is_err());
    assert!(add(Layer::Add, &Value::Picture(shape)).is_err(), "one input");
    assert!(add(Layer::Gather(vec![(0, 2)]), &Value::Picture(Shape { channels: 1, ..shape })).is_err());
    assert!(add(Layer::Activation(Activation::Slopes(vec![1.0])), &Value::Picture(shape)).is_err());
    assert!(add(convolution(6, Window::PIXEL), &to).is_ok());
    assert!(graph.set_outputs(&[picture]).is_err(), "a picture is no output");
    assert!(Graph::new(&[1, 0]).is_err());
    assert!(Graph::new(&[usize::MAX, 2]).is_err());
}
