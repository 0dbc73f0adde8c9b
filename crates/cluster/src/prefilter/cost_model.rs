//! Which first stage is cheapest on these points.

use rayon::prelude::*;
use streamface_types::Metric;

use super::projection::{Placed, Projection, SAMPLE, norm, spread_between};
use super::scalar_quantized::MOST_ROWS;
use super::sum_range::most_square;
use crate::exact_distance::ExactDistance;
use crate::points::Points;
use streamface_kernels::Isa;

/// Most numbers of the first stage: sums stay far inside 32 bits.
const MOST_DIRECTIONS: usize = 1024;

/// What the first stage is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FilterPlan {
    /// Along the directions found, or along the axes.
    pub(super) rotated: bool,
    /// Numbers taken; a multiple of 4.
    pub(super) k: usize,
    /// The step of a byte.
    pub(super) step: f64,
    /// Points longer than this are not bound at all.
    pub(super) longest: f64,
    /// Whether there is a second stage.
    pub(super) second: bool,
}

impl FilterPlan {
    /// The cheapest of first stages, by the share of a sample that passes.
    pub(super) fn choose(
        exact: &ExactDistance,
        space: &Projection,
        points: &Points,
        reach: f64,
        isa: Isa,
    ) -> Self {
        let dim = exact.rows().dim();
        let all = dim.min(MOST_DIRECTIONS).next_multiple_of(4);
        // Not those that the directions come from, which these suit better than they do others.
        let sample: Vec<usize> = spread_between(points.len(), SAMPLE / 2).collect();
        let along = space.directions.as_ref().map(|d| d.ncols() / 4 * 4);
        let placed = Placed::new(exact, space, along, sample.len(), |at| points.members(sample[at]));
        let mut lengths: Vec<f64> = placed.z.chunks(dim.max(1)).map(norm).filter(|l| l.is_finite()).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        let longest = match exact.metric() {
            Metric::Cosine => lengths.last().map_or(1.0, |l| 1.05 * l),
            _ => lengths.get(lengths.len() * 99 / 100).map_or(1.0, |l| 1.5 * l),
        }
        .max(1e-150);
        let lengths: Vec<f64> = placed.z.chunks(dim.max(1)).map(norm).collect();
        let levels = f64::from(isa.tile_levels());
        let mut best: Option<(f64, FilterPlan)> = None;
        let rotations: &[bool] = if along.is_some() { &[true, false] } else { &[false] };
        for &rotated in rotations {
            let most = if rotated { along.unwrap_or(0) } else { all };
            let full = FilterPlan { rotated, k: most, step: 1.0, longest, second: false };
            let numbers: Vec<Vec<f32>> = (0..sample.len())
                .map(|at| placed.numbers(at, full.rotated, full.k).map(|x| x as f32).collect())
                .collect();
            let few = points.len() < space.tuning.few;
            let wide = |k: usize| {
                if k < 64 {
                    8
                } else if k < 128 {
                    16
                } else {
                    32
                }
            };
            let mut trial = PairSample::new(&numbers, &lengths, &placed.square, reach);
            let mut k = if few { most } else { most.min(8) };
            loop {
                let largest = numbers
                    .iter()
                    .zip(&lengths)
                    .filter(|(_, l)| **l <= longest)
                    .flat_map(|(n, _)| &n[..k])
                    .fold(0.0_f32, |m, x| m.max(x.abs()));
                let rest = |(n, l): (&Vec<f32>, &f64)| {
                    let energy: f64 = n[..k].iter().map(|&x| f64::from(x).powi(2)).sum();
                    (l * l - energy).max(0.0).sqrt()
                };
                let rests: Vec<f64> = numbers.iter().zip(&lengths).map(rest).collect();
                let most_rest = rests
                    .iter()
                    .zip(&lengths)
                    .filter(|(_, l)| **l <= longest)
                    .fold(0.0_f64, |m, (r, _)| m.max(*r));
                // So that squares fit, also when some are rounded up.
                let fits = longest / (0.95 * f64::from(most_square(isa))).sqrt();
                let step = (f64::from(largest).max(most_rest / 2.0) * 1.05 / levels).max(fits).max(1e-150);
                let clusters = !points.are_rows();
                let counted = points.members_in_all() < MOST_ROWS;
                let second = dim > 32 && dim <= 1 << 16 && counted && (k < dim || rotated || clusters);
                let plan = FilterPlan { rotated, k, step, longest, second };
                if few {
                    return plan;
                }
                let cost = plan.cost(isa, dim, points.len(), trial.passing(k, &rests, step));
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, plan));
                }
                // More numbers cost more whatever they rule out.
                if k == most
                    || best.as_ref().is_some_and(|(least, _)| plan.cost(isa, dim, points.len(), 0.0) > *least)
                {
                    break;
                }
                k = (k + wide(k)).min(most);
            }
        }
        best.map_or(FilterPlan { rotated: false, k: all, step: 1.0, longest, second: false }, |(_, plan)| {
            plan
        })
    }

    /// Processor cycles a pair, roughly: only their order matters.
    fn cost(&self, isa: Isa, dim: usize, points: usize, passing: f64) -> f64 {
        let quad = match isa {
            Isa::Portable => 1.0,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => 0.1,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => 1.0 / 16.0,
        };
        let first = quad * (self.k as f64 / 4.0 + 4.5);
        // How long the second stage takes for a pair.
        let look = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => 1.0,
            _ => 1.5,
        };
        let next = look * if self.second { 30.0 + dim as f64 / 8.0 } else { 60.0 + dim as f64 / 4.0 };
        let making = if self.rotated { (self.k * dim) as f64 / 8.0 / points as f64 } else { 0.0 };
        first + passing * next + making
    }
}

/// A sample of pairs to try plans on: every 8th point with every other one.
struct PairSample<'a> {
    numbers: &'a [Vec<f32>],
    lengths: &'a [f64],
    square: &'a [f64],
    reach: f64,
    /// Dot products of the first `taken` numbers.
    dots: Vec<f32>,
    taken: usize,
}

impl<'a> PairSample<'a> {
    fn new(numbers: &'a [Vec<f32>], lengths: &'a [f64], square: &'a [f64], reach: f64) -> Self {
        let dots = vec![0.0; numbers.len().div_ceil(8) * numbers.len()];
        Self { numbers, lengths, square, reach, dots, taken: 0 }
    }

    /// The share of pairs that a first stage of `k` numbers lets pass; `k` never less than before.
    fn passing(&mut self, k: usize, rests: &[f64], step: f64) -> f64 {
        let count = self.numbers.len();
        let error = step * (k as f64 / 12.0).sqrt();
        let (numbers, taken) = (self.numbers, std::mem::replace(&mut self.taken, k));
        let passing: u64 = self
            .dots
            .par_chunks_mut(count.max(1))
            .enumerate()
            .map(|(at, dots)| {
                let i = 8 * at;
                let mut passing = 0;
                for (j, sum) in dots.iter_mut().enumerate() {
                    *sum += dot(&numbers[i][taken..k], &numbers[j][taken..k]);
                    let most = f64::from(*sum)
                        + (rests[i] + step) * (rests[j] + step)
                        + error * (self.lengths[i] + self.lengths[j]);
                    let least = (self.square[i] + self.square[j] - self.reach) / 2.0;
                    passing += u64::from(i != j && most >= least);
                }
                passing
            })
            .sum();
        passing as f64 / self.dots.len().max(1) as f64
    }
}

/// A dot product, roughly.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    let at = a.len() / 8 * 8;
    sums.iter().sum::<f32>() + a[at..].iter().zip(&b[at..]).map(|(x, y)| x * y).sum::<f32>()
}
