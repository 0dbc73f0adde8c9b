//! The coordinates of stage 1: an origin, a scale, orthonormal directions, and quantization steps.

use streamface_kernels::column_blocks::{multiply, pack};
use streamface_kernels::directions::{directions, orthonormality_error};
use streamface_kernels::{Isa, dispatch, dot_f64 as dot};

/// Unit roundoff of `f32`.
const U: f64 = 1.0 / (1 << 24) as f64;
/// Levels are 0 to 15; this is their middle.
pub(super) const MID_LEVEL: f64 = 7.5;
/// The step, in standard deviations, that loses least of a normal variable with 16 levels (Max, *Quantizing for minimum
/// distortion*, 1960).
const NORMAL_STEP: f64 = 0.335;
/// Rounds of the subspace iteration.
const ROUNDS: usize = 3;

/// Orthonormal directions, to the precision of `f32`.
#[derive(Debug, Clone)]
struct Rotation {
    /// The directions as columns, in blocks (see [`streamface_kernels::column_blocks`]).
    blocks: Vec<f32>,
    columns: usize,
    /// An upper bound on |RᵀR − 1|.
    eta: f64,
    /// An upper bound on the error of the products, relative to the length of the vector.
    product_error: f64,
}

/// Maps a vector to coordinates. The map stretches distances by at most [`max_stretch`](Self::max_stretch), up to the error
/// that [`project`](Self::project) returns for each vector.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    dim: usize,
    origin: Vec<f64>,
    origin_length: f64,
    /// Factor of all lengths.
    pub(crate) scale: f64,
    rotation: Option<Rotation>,
    /// Mean and quantization step of each coordinate.
    means: Vec<f64>,
    pub(crate) steps: Vec<f64>,
    pub(super) inverse_steps: Vec<f64>,
    /// α of bound (1): a typical error of a person over the radius of the threshold.
    pub(crate) alpha: f64,
}

/// Buffers for [`Projection::project`] and for quantizing, reused from vector to vector.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    z: Vec<f64>,
    z_f32: Vec<f32>,
    rotated: Vec<f32>,
    pub(super) levels: Vec<u8>,
    /// The coordinates, less their means.
    pub(super) coordinates: Vec<f64>,
}

impl Projection {
    /// Coordinates along the axes.
    pub(crate) fn axis_aligned(origin: Vec<f64>, scale: f64) -> Self {
        let dim = origin.len();
        let coordinates = dim.next_multiple_of(8);
        let origin_length = dot(&origin, &origin).sqrt();
        let (means, steps, inverse_steps) =
            (vec![0.0; coordinates], vec![1.0; coordinates], vec![1.0; coordinates]);
        Self { dim, origin, origin_length, scale, rotation: None, means, steps, inverse_steps, alpha: 1.0 }
    }

    /// The first `coordinates` − 1 of some directions, and the length of the residual.
    pub(crate) fn rotated(&self, directions: &Directions, coordinates: usize) -> Self {
        let (dim, columns) = (self.dim, coordinates - 1);
        let blocks = pack(dim, columns, |row, column| directions.columns[column][row] as f32);
        let product_error = 1.01 * (columns as f64).sqrt() * (dim as f64 + 4.0) * U;
        let rotation = Rotation { blocks, columns, eta: directions.eta, product_error };
        let (means, steps, inverse_steps) =
            (vec![0.0; coordinates], vec![1.0; coordinates], vec![1.0; coordinates]);
        Self { rotation: Some(rotation), means, steps, inverse_steps, ..self.clone() }
    }

    /// Number of coordinates, a multiple of 8.
    pub(crate) fn coordinates(&self) -> usize {
        self.steps.len()
    }

    /// Whether the coordinates are along trained directions, not along the axes.
    pub(crate) fn is_trained(&self) -> bool {
        self.rotation.is_some()
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let rotation = self.rotation.as_ref().map_or(0, |r| r.blocks.len() * 4);
        rotation + (self.origin.len() + 3 * self.means.len()) * 8
    }

    /// The largest factor by which the map stretches a distance.
    pub(crate) fn max_stretch(&self) -> f64 {
        self.rotation.as_ref().map_or(1.0, |r| (1.0 + r.eta + r.eta * r.eta).sqrt()) * (1.0 + 1e-12)
    }

    /// Writes the coordinates of `v` · `factor`, a vector of length `length`, into `scratch`. Returns an upper bound on
    /// their error.
    pub(crate) fn project(&self, v: &[f64], factor: f64, length: f64, scratch: &mut Scratch) -> f64 {
        let Scratch { z, z_f32, rotated, coordinates, .. } = scratch;
        z.resize(self.dim, 0.0);
        centre(v, factor, &self.origin, self.scale, z);
        let rounding = 4.0 * f64::EPSILON * (length + self.origin_length) * self.scale;
        coordinates.clear();
        let Some(rotation) = &self.rotation else {
            coordinates.extend_from_slice(z);
            coordinates.resize(self.coordinates(), 0.0);
            coordinates.iter_mut().zip(&self.means).for_each(|(x, m)| *x -= m);
            return rounding + 4.0 * f64::EPSILON * dot(z, z).sqrt();
        };
        let square = dot(z, z);
        z_f32.clear();
        z_f32.extend(z.iter().map(|&z| z as f32));
        rotated.resize(rotation.blocks.len() / self.dim, 0.0);
        multiply(Isa::detect(), z_f32, &rotation.blocks, rotated);
        coordinates.extend(rotated[..rotation.columns].iter().map(|&x| f64::from(x)));
        let along = dot(coordinates, coordinates);
        let residual = (square - along).max(0.0).sqrt();
        coordinates.push(residual);
        coordinates.iter_mut().zip(&self.means).for_each(|(x, m)| *x -= m);
        // `relative` bounds |residual² − true residual²| / |z|². Divided by the residual it bounds the difference of the
        // residuals themselves, and its root bounds that difference in any case.
        let error = rotation.product_error;
        let relative = 2e-15 * self.dim as f64 + 2.1 * error + error * error + 1.01 * rotation.eta;
        let by_residual = if residual > 0.0 { relative * square / residual } else { f64::INFINITY };
        let residual_error = (relative * square).sqrt().min(by_residual);
        // Numbers below the range of `f32` are covered by 1e-37 each.
        rounding + error * square.sqrt() + residual_error + 1e-37 * self.dim as f64
    }

    /// Sets means and steps from `count` vectors, each projected by `project`.
    pub(crate) fn fit(&mut self, count: usize, mut project: impl FnMut(&Self, usize, &mut Scratch)) {
        let coordinates = self.coordinates();
        let (mut sums, mut squares) = (vec![0.0; coordinates], vec![0.0; coordinates]);
        let mut scratch = Scratch::default();
        for at in 0..count {
            project(self, at, &mut scratch);
            for (k, &x) in scratch.coordinates.iter().enumerate() {
                let x = x.clamp(-1e6, 1e6);
                sums[k] += x;
                squares[k] += x * x;
            }
        }
        let count = count.max(1) as f64;
        for k in 0..coordinates {
            let mean = sums[k] / count;
            let deviation = (squares[k] / count - mean * mean).max(0.0).sqrt();
            self.means[k] += mean;
            self.steps[k] = (deviation * NORMAL_STEP).max(1e-6);
            self.inverse_steps[k] = 1.0 / self.steps[k];
        }
    }
}

dispatch! {
    /// z = (v · factor − origin) · scale.
    fn centre(v: &[f64], factor: f64, origin: &[f64], scale: f64, z: &mut [f64]) -> () {
        for ((z, &v), &c) in z.iter_mut().zip(v).zip(origin) {
            *z = (v * factor - c) * scale;
        }
    }
}

/// Orthonormal directions that hold most of the energy of a sample, strongest first, rounded to `f32`.
#[derive(Debug, Clone)]
pub(crate) struct Directions {
    columns: Vec<Vec<f64>>,
    /// An upper bound on |RᵀR − 1|.
    eta: f64,
}

impl Directions {
    /// Finds up to `most` directions of rows of `dim` numbers. `None` where they are not orthonormal enough.
    pub(crate) fn find(rows: &[f32], dim: usize, most: usize) -> Option<Self> {
        let mut columns = directions(rows, dim, most, ROUNDS);
        columns.iter_mut().flatten().for_each(|x| *x = f64::from(*x as f32));
        let eta = orthonormality_error(&columns);
        (!rows.is_empty() && eta < 1e-3).then_some(Self { columns, eta })
    }

    /// Number of directions.
    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }
}
