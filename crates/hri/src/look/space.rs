//! Where the first look's numbers come from: an origin, directions, and steps.

use super::turn::{BLOCK, multiply};
use crate::random::Random;
use crate::wide::{dot, wide};

/// Half the spacing of `f32` at 1.
const U: f64 = 1.0 / (1 << 24) as f64;
/// Numbers of four bits are 0 to 15; the middle is between 7 and 8.
pub(crate) const HALF: f64 = 7.5;
/// Step in standard deviations that loses least of a normal variable in 16 levels (Max, *Quantizing for minimum
/// distortion*, 1960).
const STEP: f64 = 0.335;

/// Orthonormal directions, as far as `f32` goes.
#[derive(Debug, Clone)]
struct Turn {
    /// Sixteen columns after sixteen, filled up with zeros: `blocks[(block * dim + row) * 16 + column]`.
    blocks: Vec<f32>,
    columns: usize,
    /// No less than |RᵀR − 1|.
    eta: f64,
    /// How far products may be off, relative to the length of what is multiplied.
    off: f64,
}

/// How a vector becomes numbers. A map that brings no two points farther apart than `stretch` times what they were, up
/// to the error it tells for each.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    dim: usize,
    centre: Vec<f64>,
    centre_length: f64,
    /// What lengths are multiplied by.
    pub(crate) scale: f64,
    turn: Option<Turn>,
    /// Origin and step of each number.
    middle: Vec<f64>,
    pub(crate) steps: Vec<f64>,
    /// One over these.
    pub(super) inverses: Vec<f64>,
    /// See `Look`: the error of a usual person over the reach of the threshold.
    pub(crate) alpha: f64,
}

/// Room to work in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    z: Vec<f64>,
    narrow: Vec<f32>,
    turned: Vec<f32>,
    pub(super) levels: Vec<u8>,
    /// The numbers, less their middle.
    pub(crate) numbers: Vec<f64>,
}

impl Space {
    /// Along the axes.
    pub(crate) fn axes(centre: Vec<f64>, scale: f64) -> Self {
        let dim = centre.len();
        let numbers = dim.next_multiple_of(8);
        let centre_length = dot(&centre, &centre).sqrt();
        let (middle, steps, inverses) = (vec![0.0; numbers], vec![1.0; numbers], vec![1.0; numbers]);
        Self { dim, centre, centre_length, scale, turn: None, middle, steps, inverses, alpha: 1.0 }
    }

    /// Along the first `numbers` − 1 of some directions, and the length of what is beside them.
    pub(crate) fn along(&self, directions: &Directions, numbers: usize) -> Self {
        let (dim, columns) = (self.dim, numbers - 1);
        let mut blocks = vec![0.0; columns.div_ceil(BLOCK) * dim * BLOCK];
        for column in 0..columns {
            for row in 0..dim {
                let at = (column / BLOCK * dim + row) * BLOCK + column % BLOCK;
                blocks[at] = directions.columns[column * dim + row] as f32;
            }
        }
        let off = 1.01 * (columns as f64).sqrt() * (dim as f64 + 4.0) * U;
        let turn = Turn { blocks, columns, eta: directions.eta, off };
        let (middle, steps, inverses) = (vec![0.0; numbers], vec![1.0; numbers], vec![1.0; numbers]);
        Self { turn: Some(turn), middle, steps, inverses, ..self.clone() }
    }

    /// Numbers of a vector, a multiple of 8.
    pub(crate) fn numbers(&self) -> usize {
        self.steps.len()
    }

    /// Whether the numbers are along directions that were learnt.
    pub(crate) fn is_turned(&self) -> bool {
        self.turn.is_some()
    }

    pub(crate) fn bytes(&self) -> usize {
        let turn = self.turn.as_ref().map_or(0, |t| t.blocks.len() * 4);
        turn + (self.centre.len() + 3 * self.middle.len()) * 8
    }

    pub(crate) fn stretch(&self) -> f64 {
        self.turn.as_ref().map_or(1.0, |t| (1.0 + t.eta + t.eta * t.eta).sqrt()) * (1.0 + 1e-12)
    }

    /// Puts the numbers of `v` · `factor` into `scratch`; `length` is the length of that. How far they may be from
    /// where the map puts it.
    pub(crate) fn place(&self, v: &[f64], factor: f64, length: f64, scratch: &mut Scratch) -> f64 {
        let Scratch { z, narrow, turned, numbers, .. } = scratch;
        z.resize(self.dim, 0.0);
        shift(v, factor, &self.centre, self.scale, z);
        let rounding = 4.0 * f64::EPSILON * (length + self.centre_length) * self.scale;
        numbers.clear();
        let Some(turn) = &self.turn else {
            numbers.extend_from_slice(z);
            numbers.resize(self.numbers(), 0.0);
            numbers.iter_mut().zip(&self.middle).for_each(|(x, m)| *x -= m);
            return rounding + 4.0 * f64::EPSILON * dot(z, z).sqrt();
        };
        let square = dot(z, z);
        narrow.clear();
        narrow.extend(z.iter().map(|&z| z as f32));
        turned.resize(turn.blocks.len() / self.dim, 0.0);
        multiply(narrow, &turn.blocks, turned);
        numbers.extend(turned[..turn.columns].iter().map(|&x| f64::from(x)));
        let own = dot(numbers, numbers);
        let rest = (square - own).max(0.0).sqrt();
        numbers.push(rest);
        numbers.iter_mut().zip(&self.middle).for_each(|(x, m)| *x -= m);
        // |rest² − true rest²| is no more than this, so |rest − true rest| is no more than that over rest.
        let least = 2e-15 * self.dim as f64 + 2.1 * turn.off + turn.off * turn.off + 1.01 * turn.eta;
        let beside =
            (least * square).sqrt().min(if rest > 0.0 { least * square / rest } else { f64::INFINITY });
        // Beneath all that `f32` holds are 1e-37.
        rounding + turn.off * square.sqrt() + beside + 1e-37 * self.dim as f64
    }

    /// Takes middle and steps from some vectors as they lie; `count` of them, placed by `put`.
    pub(crate) fn fit(&mut self, count: usize, mut put: impl FnMut(&Self, usize, &mut Scratch)) {
        let numbers = self.numbers();
        let (mut sums, mut squares) = (vec![0.0; numbers], vec![0.0; numbers]);
        let mut scratch = Scratch::default();
        for at in 0..count {
            put(self, at, &mut scratch);
            for (k, &x) in scratch.numbers.iter().enumerate() {
                let x = x.clamp(-1e6, 1e6);
                sums[k] += x;
                squares[k] += x * x;
            }
        }
        let count = count.max(1) as f64;
        for k in 0..numbers {
            let mean = sums[k] / count;
            let deviation = (squares[k] / count - mean * mean).max(0.0).sqrt();
            self.middle[k] += mean;
            self.steps[k] = (deviation * STEP).max(1e-6);
            self.inverses[k] = 1.0 / self.steps[k];
        }
    }
}

wide! {
    fn shift(v: &[f64], factor: f64, centre: &[f64], scale: f64, z: &mut [f64]) -> () {
        for ((z, &v), &c) in z.iter_mut().zip(v).zip(centre) {
            *z = (v * factor - c) * scale;
        }
    }
}

/// Directions that hold most of the energy of a sample, the strongest first.
#[derive(Debug, Clone)]
pub(crate) struct Directions {
    /// Column after column, of numbers that `f32` holds.
    columns: Vec<f64>,
    pub(crate) count: usize,
    eta: f64,
}

impl Directions {
    /// By subspace iteration (Halko, Martinsson, Tropp, *Finding structure with randomness*, 2011, §4.4) on rows of
    /// `dim` numbers, `most` directions. None where they do not come out orthonormal.
    pub(crate) fn find(rows: &[f32], dim: usize, most: usize) -> Option<Self> {
        let (n, count) = (rows.len() / dim, most.min(dim));
        let mut random = Random::new(1);
        let mut q: Vec<Vec<f64>> =
            (0..count).map(|_| (0..dim).map(|_| random.uniform() - 0.5).collect()).collect();
        orthonormalise(&mut q);
        let mut energy = vec![0.0; count];
        let width = count.next_multiple_of(BLOCK);
        // Each round brings the energy of what is not wanted down by a square.
        for round in 0..4 {
            let mut blocks = vec![0.0_f32; width * dim];
            for (column, q) in q.iter().enumerate() {
                for (row, &x) in q.iter().enumerate() {
                    blocks[(column / BLOCK * dim + row) * BLOCK + column % BLOCK] = x as f32;
                }
            }
            let mut part = vec![0.0_f32; width];
            let mut next = vec![0.0_f32; dim * width];
            energy.fill(0.0);
            for row in rows.chunks_exact(dim) {
                multiply(row, &blocks, &mut part);
                if round == 3 {
                    energy.iter_mut().zip(&part).for_each(|(e, &p)| *e += f64::from(p * p));
                } else {
                    outer(row, &part, &mut next);
                }
            }
            if round == 3 {
                break;
            }
            for (column, q) in q.iter_mut().enumerate() {
                for (row, x) in q.iter_mut().enumerate() {
                    *x = next[row * width + column].into();
                }
            }
            orthonormalise(&mut q);
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| energy[b].total_cmp(&energy[a]).then(a.cmp(&b)));
        let columns: Vec<f64> = order.iter().flat_map(|&k| &q[k]).map(|&x| f64::from(x as f32)).collect();
        let column = |k: usize| &columns[k * dim..(k + 1) * dim];
        let mut off = 0.0;
        for i in 0..count {
            for j in 0..=i {
                let g = dot(column(i), column(j)) - f64::from(u8::from(i == j));
                off += g * g * if i == j { 1.0 } else { 2.0 };
            }
        }
        let eta = f64::sqrt(off) + 1e-12;
        (n > 0 && eta < 1e-3).then_some(Self { columns, count, eta })
    }
}

wide! {
    /// `out` (as many rows as `row` has numbers) ← `out` + row ⊗ part.
    fn outer(row: &[f32], part: &[f32], out: &mut [f32]) -> () {
        for (out, &x) in out.chunks_exact_mut(part.len()).zip(row) {
            for (out, &p) in out.iter_mut().zip(part) {
                *out += x * p;
            }
        }
    }
}

/// Gram and Schmidt, twice. A column that vanishes becomes an axis.
fn orthonormalise(columns: &mut [Vec<f64>]) {
    let dim = columns.first().map_or(0, Vec::len);
    for k in 0..columns.len() {
        let (done, rest) = columns.split_at_mut(k);
        let column = &mut rest[0];
        for axis in 0..=dim {
            let before = dot(column, column).sqrt();
            for _ in 0..2 {
                for other in done.iter() {
                    let along = dot(column, other);
                    crate::wide::add(column, other, -along);
                }
            }
            let after = dot(column, column).sqrt();
            if after > 1e-9 * before && after.is_normal() {
                column.iter_mut().for_each(|x| *x /= after);
                break;
            }
            column.fill(0.0);
            column[axis % dim] = 1.0;
        }
    }
}
