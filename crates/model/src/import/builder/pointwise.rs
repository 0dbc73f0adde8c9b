//! Operations number by number.

use tract_tflite::internal::tract_core::ops::binary::TypedBinOp;
use tract_tflite::internal::tract_core::ops::{math, nn};
use tract_tflite::internal::*;

use super::{Builder, Wire};

/// Functions that follow a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::import) enum Activation {
    Relu,
    Relu6,
    /// x for x above 0, else eˣ − 1.
    Elu,
    Sigmoid,
    Tanh,
    /// ln(1 + eˣ).
    Softplus,
    /// x · sigmoid(x).
    Swish,
    /// x for x above 0, else so much of it.
    LeakyRelu(f32),
    /// Along the last axis.
    Softmax,
}

impl Builder {
    /// Two tensors, number by number; axes are matched from the last, and one of length 1 is repeated.
    pub(in crate::import) fn binary(&mut self, op: TypedBinOp, a: Wire, b: Wire) -> TractResult<Wire> {
        let (a_type, b_type) = (self.datum_type(a)?, self.datum_type(b)?);
        ensure!(a_type == b_type, "its operands are of types {a_type:?} and {b_type:?}");
        let rank = self.rank(a)?.max(self.rank(b)?);
        let (a, b) = (self.with_rank(a, rank)?, self.with_rank(b, rank)?);
        self.wire(op, &[a, b])
    }

    fn with_rank(&mut self, mut wire: Wire, rank: usize) -> TractResult<Wire> {
        while self.rank(wire)? < rank {
            wire = self.wire(AxisOp::Add(0), &[wire])?;
        }
        Ok(wire)
    }

    /// A tensor with one number, which is taken as of the tensor's type.
    pub(in crate::import) fn with_number(
        &mut self,
        op: TypedBinOp,
        x: Wire,
        number: f32,
    ) -> TractResult<Wire> {
        let number = tensor0(number).cast_to_dt(self.datum_type(x)?)?.into_owned();
        let number = self.constant(number)?;
        self.binary(op, x, number)
    }

    pub(in crate::import) fn activate(&mut self, activation: Activation, x: Wire) -> TractResult<Wire> {
        match activation {
            Activation::Relu => self.with_number(math::max(), x, 0.0),
            Activation::Relu6 => self.clip(x, 0.0, 6.0),
            Activation::Sigmoid => self.wire(nn::sigmoid(), &[x]),
            Activation::Tanh => self.wire(math::tanh(), &[x]),
            Activation::LeakyRelu(alpha) => self.wire(nn::leaky_relu(alpha), &[x]),
            Activation::Softmax => {
                let axes = tvec!(self.rank(x)?.checked_sub(1).context("its input is one number")?);
                self.wire(nn::Softmax { axes, ..nn::Softmax::default() }, &[x])
            }
            Activation::Swish => {
                let gate = self.wire(nn::sigmoid(), &[x])?;
                self.binary(math::mul(), x, gate)
            }
            Activation::Elu => {
                let above = self.with_number(math::max(), x, 0.0)?;
                let below = self.with_number(math::min(), x, 0.0)?;
                let below = self.wire(math::exp(), &[below])?;
                let below = self.with_number(math::sub(), below, 1.0)?;
                self.binary(math::add(), above, below)
            }
            Activation::Softplus => {
                // ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which does not overflow.
                let above = self.with_number(math::max(), x, 0.0)?;
                let x = self.wire(math::abs(), &[x])?;
                let x = self.wire(math::neg(), &[x])?;
                let x = self.wire(math::exp(), &[x])?;
                let x = self.with_number(math::add(), x, 1.0)?;
                let x = self.wire(math::ln(), &[x])?;
                self.binary(math::add(), above, x)
            }
        }
    }

    pub(in crate::import) fn clip(&mut self, x: Wire, low: f32, high: f32) -> TractResult<Wire> {
        let x = self.with_number(math::max(), x, low)?;
        self.with_number(math::min(), x, high)
    }

    /// x where it is above 0, else alpha · x.
    pub(in crate::import) fn prelu(&mut self, x: Wire, alpha: Wire) -> TractResult<Wire> {
        let above = self.with_number(math::max(), x, 0.0)?;
        let below = self.with_number(math::min(), x, 0.0)?;
        let below = self.binary(math::mul(), below, alpha)?;
        self.binary(math::add(), above, below)
    }
}
