//! What networks are made of: pictures, windows, layers.

use std::fmt;
use std::sync::Arc;

use streamface_kernels::conv::Activation;

/// Rows of a window, at most.
pub const MOST_ROWS: usize = 64;

/// The shape of a picture: rows of pixels, a pixel its channels side by side, one image after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub images: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Pixels of a row.
    pub columns: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

/// Where the channels of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Images, channels, rows, columns.
    ChannelsFirst,
    /// Images, rows, columns, channels.
    ChannelsLast,
}

/// A window that moves over a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of the window.
    pub size: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns by which the first windows reach over the upper and the left edge. By how much the last ones reach
    /// over the other edges follows from the shape of the result.
    pub before: [usize; 2],
}

impl Window {
    /// One pixel.
    pub const PIXEL: Self = Self { size: [1, 1], stride: [1, 1], before: [0, 0] };
}

/// The result of a layer, or the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub(crate) usize);

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A picture, in buffers of the plan.
    Picture(Shape),
    /// Numbers in row-major order.
    Tensor(Vec<usize>),
}

/// What is computed by other means: from tensors to one tensor.
pub trait Function: Send + Sync + fmt::Debug {
    /// Computes `inputs` (shape and numbers of each) into `out`, which has as many numbers as the value's shape.
    ///
    /// # Errors
    /// What went wrong, in words.
    fn call(&self, inputs: &[(&[usize], &[f32])], out: &mut [f32]) -> Result<(), String>;

    /// What it is called in a profile.
    fn name(&self) -> &str;
}

/// A step of a network.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A picture from a tensor of four dimensions, or of two: images and channels.
    FromTensor(Order),
    /// A tensor from a picture.
    ToTensor(Order),
    /// A dense convolution. Number `((row * columns + column) * channels of the input + i) * channels of the output + o`
    /// of the weights belongs to a place of the window, channel i of the input and channel o of the output.
    Convolution {
        /// See above.
        weights: Vec<f32>,
        /// A number for each channel of the output.
        bias: Vec<f32>,
        /// What it sees.
        window: Window,
    },
    /// A convolution of each channel for itself: number `(row * columns + column) * channels + channel` of the weights.
    Depthwise {
        /// See above.
        weights: Vec<f32>,
        /// A number for each channel.
        bias: Vec<f32>,
        /// What it sees.
        window: Window,
    },
    /// A transposed convolution whose windows lie side by side: each pixel of the input makes `size` pixels of the output.
    /// Weights as of a convolution.
    Transposed {
        /// See above.
        weights: Vec<f32>,
        /// A number for each channel of the output.
        bias: Vec<f32>,
        /// Rows and columns that a pixel makes.
        size: [usize; 2],
    },
    /// The largest number of each channel in the window; what lies beyond the edges does not count.
    MaxPool(Window),
    /// The sum of each channel in the window, times a number.
    SumPool(Window, f32),
    /// The sum of two pictures.
    Add,
    /// More channels, which are 0: so many before, and the rest after.
    Widen(usize),
    /// A function of each number.
    Activation(Activation),
    /// Channels of one or more pictures of the same size: for each channel of the result which input has it, and where.
    Gather(Vec<(usize, usize)>),
    /// Anything else, from tensors to a tensor.
    Function(Arc<dyn Function>),
}
