//! Points as the two filter stages take them.

use rayon::prelude::*;

use super::cost_model::FilterPlan;
use super::projection::{Placed, Projection, U, norm};
use super::scalar_quantized::{Part, ScalarQuantized};
use super::sum_range::{most_square, most_start, never};
use crate::elementwise::round_to_even;
use crate::exact_distance::ExactDistance;
use crate::points::Points;
use streamface_kernels::Aligned;
use streamface_kernels::Isa;

/// Points that are made ready together.
const CHUNK: usize = 256;

/// What the first stage takes: of each point some numbers, and where sums start.
pub(super) struct FirstStage {
    /// Four numbers each, the rest ρ's among them.
    pub(super) quads: usize,
    /// Panel after panel; the last one filled up.
    pub(super) panels: Aligned<u8>,
    /// What a pair's sum starts from, for each point.
    pub(super) start: Vec<i32>,
    pub(super) step: f64,
    pub(super) reach: f64,
}

impl FirstStage {
    /// Of points at their places; with them the second stage is filled, where there is one to fill.
    pub(super) fn new(
        (exact, space): (&ExactDistance, &Projection),
        points: &Points,
        plan: FilterPlan,
        reach: f64,
        second: Option<&mut ScalarQuantized>,
    ) -> Self {
        let isa = space.tuning.isa;
        let (lanes, quads, step) = (isa.tile_columns(), plan.k / 4 + 1, plan.step);
        let count = points.len().div_ceil(lanes);
        let mut panels = Aligned::new(count * lanes * quads * 4, isa.tile_offset() as u8);
        let mut start = vec![never(isa); count * lanes];
        // Whole panels a chunk, so that each writes a part of its own.
        let per = CHUNK.div_ceil(lanes);
        let sizes = (per * lanes * quads * 4, per * lanes);
        let parts = match second {
            Some(second) => second.parts(points, sizes.1),
            None => (0..count.div_ceil(per)).map(|_| None).collect(),
        };
        let maker = FirstStageBuilder { exact, space, points, plan, reach, isa };
        let chunks = panels.par_chunks_mut(sizes.0).zip(start.par_chunks_mut(sizes.1)).zip(parts).enumerate();
        chunks.for_each(|(chunk, ((panels, start), part))| maker.make(chunk * sizes.1, panels, start, part));
        Self { quads, panels, start, step, reach }
    }
}

/// How far the numbers of the first stage are from exact products, relative to a point's length.
fn off(plan: &FilterPlan, dim: usize) -> f64 {
    if plan.rotated { 1.01 * (plan.k as f64).sqrt() * (dim as f64 + 2.0) * U } else { 2.0 * U }
}

/// Makes chunks of points ready.
struct FirstStageBuilder<'a> {
    exact: &'a ExactDistance<'a>,
    space: &'a Projection,
    points: &'a Points,
    plan: FilterPlan,
    reach: f64,
    isa: Isa,
}

impl FirstStageBuilder<'_> {
    /// Writes the bytes of points from `first` on and where their sums start, and what the second stage has of them.
    fn make(&self, first: usize, panels: &mut [u8], start: &mut [i32], part: Option<(Part<'_>, Part<'_>)>) {
        let (dim, lanes, plan) = (self.exact.rows().dim(), self.isa.tile_columns(), &self.plan);
        let count = start.len().min(self.points.len() - first);
        let levels = f64::from(self.isa.tile_levels());
        let placed = Placed::new(self.exact, self.space, plan.rotated.then_some(plan.k), count, |at| {
            self.points.members(first + at)
        });
        if let Some((rows, means)) = part {
            self.make_bytes(first, count, &placed, rows, means);
        }
        for at in 0..count {
            let (z, square) = (&placed.z[at * dim..(at + 1) * dim], placed.square[at]);
            let length = norm(z);
            if self.is_unbound(self.points.members(first + at)) {
                start[at] = if self.reach < 2.0 { never(self.isa) } else { most_start(self.isa) };
                continue;
            }
            let p = placed.numbers(at, plan.rotated, plan.k);
            let panel = at / lanes * lanes * (plan.k + 4);
            let mut put = |k: usize, q: f64| {
                panels[panel + (k / 4 * lanes + at % lanes) * 4 + k % 4] =
                    (q as i32 + self.isa.tile_offset()) as u8;
            };
            let (mut energy, mut error, mut squares) = (0.0, 0.0, 0.0);
            for (k, p) in p.enumerate() {
                let q = round_to_even((p / plan.step).clamp(-levels, levels));
                energy += p * p;
                error += (p - plan.step * q).powi(2);
                squares += q * q;
                put(k, q);
            }
            // Of what is too small for `f32` nothing is left.
            let off = off(plan, dim) * length + dim as f64 * 1e-37;
            let rest = (length * length * (1.0 + self.space.slack + 1.01 * self.space.eta) - energy
                + 2.0 * off * energy.sqrt())
            .max(0.0)
            .sqrt();
            let rest = (rest / 2.0 / plan.step).ceil();
            let error = error.sqrt() + off;
            let longest = plan.longest * (1.0 + self.space.eta);
            let most = f64::from(most_start(self.isa));
            // |e·p' + s q·e'| ≤ |e| W + (W + |e|)|e'|, and |e||e'| ≤ (|e|² + |e'|²) / 2.
            let room = error * longest
                + error * error / 2.0
                + (2.0 * self.space.eta + self.space.slack) * longest * longest
                + self.space.slack * square;
            let cut = ((square - self.reach / 2.0) / 2.0 - room) / (plan.step * plan.step);
            let bound = length <= plan.longest
                && rest <= levels
                && error <= longest
                && squares + 4.0 * rest * rest <= f64::from(most_square(self.isa))
                && cut >= -most;
            if bound {
                (plan.k..plan.k + 4).for_each(|k| put(k, rest));
                start[at] = -(cut.floor().min(most) as i32);
            } else {
                (0..plan.k).for_each(|k| put(k, 0.0));
                start[at] = most as i32;
            }
        }
    }

    /// Zero rows are at cosine distance 1 from everything, for which (1) does not hold.
    fn is_unbound(&self, members: &[u32]) -> bool {
        members.iter().any(|&row| self.exact.is_zero(row))
    }

    fn make_bytes(
        &self,
        first: usize,
        count: usize,
        placed: &Placed,
        mut rows: Part<'_>,
        mut means: Part<'_>,
    ) {
        let dim = self.exact.rows().dim();
        let mut z_of_row = vec![0.0; dim];
        for at in 0..count {
            let members = self.points.members(first + at);
            let (z, square) = (&placed.z[at * dim..(at + 1) * dim], placed.square[at]);
            if members.len() == 1 {
                rows.put(z, square, self.is_unbound(members));
                continue;
            }
            means.put(z, square, self.is_unbound(members));
            for row in members {
                let square = self.space.place(self.exact, &[*row], &mut z_of_row);
                rows.put(&z_of_row, square, self.is_unbound(&[*row]));
            }
        }
    }
}
