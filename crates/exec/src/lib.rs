//! Runs convolutional networks on the processor: one thread or several, `f32` or whole numbers, buffers planned once.
//!
//! A [`Graph`] is a network as layers; [`Graph::add`] checks each. A [`Plan`] is made once from it:
//!
//! 1. **Layers become steps.** What follows a convolution (factors and terms of a channel, an activation, the sum with
//!    another picture, one more activation) is done where its sums are stored. Convolutions of one pixel of the same
//!    picture whose few channels only leave the network become one. What a dense convolution sees beyond the left and right
//!    edge becomes columns of zeros.
//! 2. **Steps become segments.** Steps that follow each other and that nobody else reads run side by side, a few rows at
//!    a time, where the pictures between them have no room in the second-level cache: expand, depthwise and project of an
//!    inverted residual block, for example. What lies between two steps is then a ring of a few rows.
//! 3. **Values get buffers** that are used again as soon as nobody needs what is in them.
//!
//! | module | what |
//! |---|---|
//! | `layer`, `check`, `graph` | layers, whether they fit, networks of them |
//! | `fuse` | layers to steps |
//! | `stage` | a step: rows from rows, by the kernels of [`streamface_kernels::conv`] |
//! | `segment` | steps side by side |
//! | `layout` | how pictures lie in memory; tensors from them |
//! | `options` | instruction set, threads, precision |
//! | `plan` | buffers, order, threads |
//! | `profile` | the time of each part; the peak of the processor |
//!
//! Pictures have their channels last, a pixel's channels filled up to a multiple of eight. So a convolution of one pixel is a
//! product of the pixels as they lie with the weights, and a dense one of `k` rows is `k` such products: nothing is copied. Those of 3 x 3 on
//! larger pictures are computed by tiles, with a quarter of the products.
//!
//! **Same bits.** Each number is the sum of the same products in the same order, whatever the number of threads, pictures
//! and rows at once. Instruction sets differ in the last bits.
//!
//! **What it does not know.** [`Layer::Function`] is any function from tensors to a tensor: how a network's other nodes
//! are run is the caller's affair.
//!
//! ```
//! use streamface_exec::{Activation, Graph, Layer, Options, Order, Plan, Shape, Value, Window};
//!
//! // The mean of two pixels at each place of a row, where it is positive.
//! let (mut graph, input) = Graph::new(&[1, 1, 4, 1])?;
//! let four = Shape { images: 1, rows: 1, columns: 4, channels: 1 };
//! let three = Shape { columns: 3, ..four };
//! let picture = graph.add("in", Layer::FromTensor(Order::ChannelsLast), &[input], Value::Picture(four))?;
//! let window = Window { size: [1, 2], stride: [1, 1], before: [0, 0] };
//! let mean = Layer::Convolution { weights: vec![0.5, 0.5], bias: vec![0.0], window };
//! let mean = graph.add("mean", mean, &[picture], Value::Picture(three))?;
//! let positive = Layer::Activation(Activation::RELU);
//! let positive = graph.add("positive", positive, &[mean], Value::Picture(three))?;
//! let out = Layer::ToTensor(Order::ChannelsLast);
//! let out = graph.add("out", out, &[positive], Value::Tensor(vec![1, 1, 3, 1]))?;
//! graph.set_outputs(&[out])?;
//!
//! let plan = Plan::new(graph, Options::default());
//! assert_eq!(plan.run(&[1.0, 3.0, -5.0, 7.0])?, [[2.0, 0.0, 1.0]]);
//! # Ok::<(), streamface_exec::Error>(())
//! ```

mod check;
mod error;
mod fuse;
mod graph;
mod layer;
mod layout;
mod options;
mod plan;
mod profile;
mod rows;
mod segment;
mod stage;

pub use error::{Error, Result};
pub use graph::Graph;
pub use layer::{Function, Layer, MOST_ROWS, Order, Shape, Value, ValueId, Window};
pub use options::{Options, Precision};
pub use plan::{JobTime, Plan};
pub use profile::peak;
pub use streamface_kernels::Isa;
pub use streamface_kernels::conv::Activation;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
