//! Resizing: nearest and bilinear as OpenCV computes them, and averages over areas.

mod area;
mod bilinear;
mod nearest;

pub use area::resize_area;
pub use bilinear::{resize_bilinear, resize_bilinear_planar};
pub use nearest::resize_nearest;
