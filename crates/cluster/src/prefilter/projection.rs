//! The origin, the unit of length and the directions of the first stage, and points placed there.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, linalg::general_mat_mul, s};
use rayon::prelude::*;
use streamface_types::Metric;

use crate::elementwise::{add_offset, squares};
use crate::exact_distance::ExactDistance;
use crate::points::{Points, add_unit, unit_factor};
use streamface_kernels::Isa;
use streamface_kernels::subspace::Directions;

/// Half the spacing of `f32` at 1.
pub(super) const U: f64 = 1.0 / (1 << 24) as f64;
/// Most directions that are compared for.
const MOST_FOUND: usize = 128;
/// Points that directions, steps and k are chosen by.
pub(super) const SAMPLE: usize = 2048;

/// How a join goes about it; never what it finds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) isa: Isa,
    /// Below this many points finding directions costs more than it saves.
    pub(crate) few: usize,
    /// Edges of a [forest](crate::spanning_forest) beyond which it is rebuilt.
    pub(crate) edges: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { isa: Isa::detect(), few: 3000, edges: 1 << 18 }
    }
}

/// The origin, the unit of length and the directions; the same for all bands of a run.
pub(crate) struct Projection {
    pub(super) centre: Vec<f64>,
    /// What lengths are multiplied by.
    scale: f64,
    /// d × k, orthonormal columns; none where there is no point in having any.
    pub(super) directions: Option<Array2<f32>>,
    pub(super) eta: f64,
    /// Relative room for `f64` rounding.
    pub(super) slack: f64,
    pub(crate) tuning: Tuning,
}

impl Projection {
    /// For the given rows.
    pub(crate) fn new(exact: &ExactDistance, rows: &[u32], tuning: Tuning) -> Self {
        let (n, dim) = (rows.len(), exact.rows().dim());
        let sample: Vec<u32> = spread(n, SAMPLE).map(|at| rows[at]).collect();
        let mut centre = vec![0.0; dim];
        sample.iter().for_each(|&row| add_unit(exact, row, &mut centre));
        centre.iter_mut().for_each(|c| *c /= sample.len().max(1) as f64);
        // Sums over d numbers, and over the rows of a cluster.
        let slack = (4.0 * dim as f64 + 2.0 * n as f64 + 64.0) * f64::EPSILON;
        let mut space = Self { centre, scale: 1.0, directions: None, eta: 0.0, slack, tuning };
        if exact.metric() == Metric::Euclidean {
            let mut z = vec![0.0; dim];
            let mut lengths: Vec<f64> =
                sample.iter().map(|&row| space.place(exact, &[row], &mut z).sqrt()).collect();
            lengths.sort_unstable_by(f64::total_cmp);
            // Not the longest: one row far off must not make all others small.
            let usual = lengths.get(lengths.len() * 99 / 100).copied().unwrap_or(0.0);
            if usual > 0.0 {
                space.scale = usual.recip().min(1e150);
            }
        }
        // The bounds' first order is all that counts within these.
        if n >= tuning.few && dim > 16 && dim <= 1 << 16 {
            let (directions, eta) = find_directions(exact, &space, &sample);
            if eta < 1e-3 {
                (space.directions, space.eta) = (Some(directions), eta);
            }
        }
        space
    }

    /// T² of (1) for a threshold.
    pub(crate) fn reach(&self, metric: Metric, threshold: f64) -> f64 {
        match metric {
            Metric::Euclidean => (threshold * self.scale * (1.0 + self.slack)).powi(2) + f64::MIN_POSITIVE,
            _ => 2.0 * (threshold + self.slack),
        }
    }

    /// Bounds of the distance of pairs with |a − b|² from the first to the second.
    #[inline]
    pub(crate) fn distances(&self, metric: Metric, (least, most): (f64, f64)) -> (f64, f64) {
        let (least, most) = match metric {
            Metric::Euclidean => {
                let of = |square: f64| square.max(0.0).sqrt() / self.scale;
                (of(least - 2.0 * f64::MIN_POSITIVE) / (1.0 + self.slack), of(most) * (1.0 + self.slack))
            }
            _ => (least / 2.0 - self.slack, most / 2.0 + self.slack),
        };
        // Room for the few operations here.
        ((least * (1.0 - 1e-12)).max(0.0), most * (1.0 + 1e-12) + f64::MIN_POSITIVE)
    }

    /// What |a − b|² of pairs that are surely nearer than a distance is below.
    pub(crate) fn surely(&self, metric: Metric, distance: f64) -> f64 {
        let square = match metric {
            Metric::Euclidean => (distance * self.scale / (1.0 + self.slack)).powi(2) - f64::MIN_POSITIVE,
            _ => 2.0 * (distance - self.slack),
        };
        square * (1.0 - 1e-12)
    }

    /// Puts z of a cluster into `z` and returns S.
    pub(super) fn place(&self, exact: &ExactDistance, members: &[u32], z: &mut [f64]) -> f64 {
        z.fill(0.0);
        let of = |&row: &u32| {
            let by = (unit_factor(exact, row), self.scale);
            add_offset(self.tuning.isa, z, exact.rows().row(row as usize), &self.centre, by)
        };
        let square: f64 = members.iter().map(of).sum();
        let count = members.len() as f64;
        if members.len() > 1 {
            z.iter_mut().for_each(|z| *z /= count);
        }
        square / count
    }
}

/// At most `most` of 0..n, spread evenly.
pub(crate) fn spread(n: usize, most: usize) -> impl ExactSizeIterator<Item = usize> {
    let count = n.min(most);
    (0..count).map(move |k| (k as u128 * n as u128 / count as u128) as usize)
}

/// At most so many of the numbers below n, as far from each other, that [`spread`] mostly does not take, for as many or twice.
pub(super) fn spread_between(n: usize, most: usize) -> impl ExactSizeIterator<Item = usize> {
    let count = n.min(most);
    (0..count).map(move |k| ((4 * k as u128 + 1) * n as u128 / (4 * count as u128)) as usize)
}

/// Directions that hold most of the sample's energy as columns, and how far they are from orthonormal.
fn find_directions(exact: &ExactDistance, space: &Projection, sample: &[u32]) -> (Array2<f32>, f64) {
    let dim = exact.rows().dim();
    let mut rows = Vec::with_capacity(sample.len() * dim);
    let mut z = vec![0.0; dim];
    for &of in sample {
        space.place(exact, &[of], &mut z);
        rows.extend(z.iter().map(|&z| z.clamp(-1e6, 1e6) as f32));
    }
    let found = Directions::find(space.tuning.isa, &rows, dim, MOST_FOUND);
    (Array2::from_shape_fn((dim, found.len()), |(row, k)| found.direction(k)[row]), found.departure())
}

pub(super) fn norm(x: &[f64]) -> f64 {
    squares(x).sqrt()
}

/// z and S of some points, and their numbers along the directions.
pub(super) struct Placed {
    dim: usize,
    pub(super) z: Vec<f64>,
    pub(super) square: Vec<f64>,
    along: Option<Array2<f32>>,
}

impl Placed {
    pub(super) fn new<'a>(
        exact: &ExactDistance,
        space: &Projection,
        along: Option<usize>,
        count: usize,
        members: impl Fn(usize) -> &'a [u32],
    ) -> Self {
        let dim = exact.rows().dim();
        let mut z = vec![0.0; count * dim];
        let square =
            z.chunks_mut(dim.max(1)).enumerate().map(|(at, z)| space.place(exact, members(at), z)).collect();
        let along = along.zip(space.directions.as_ref()).map(|(k, directions)| {
            let narrow: Vec<f32> = z.iter().map(|&z| z as f32).collect();
            turned(&narrow, directions, k)
        });
        Self { dim, z, square, along }
    }

    /// The first `k` numbers, along the directions where `rotated`; zeros beyond the dimension.
    pub(super) fn numbers(&self, at: usize, rotated: bool, k: usize) -> impl Iterator<Item = f64> {
        let row = at * self.dim..(at + 1) * self.dim;
        let along = self.along.as_ref().filter(|_| rotated);
        (0..k).map(move |k| match along {
            Some(along) => f64::from(along[(at, k)]),
            None => self.z[row.clone()].get(k).copied().unwrap_or(0.0),
        })
    }
}

/// Rows of numbers along the first `k` directions.
fn turned(z: &[f32], directions: &Array2<f32>, k: usize) -> Array2<f32> {
    let dim = directions.nrows();
    let count = z.len() / dim.max(1);
    let mut along = Array2::zeros((count, k));
    if let Ok(z) = ArrayView2::from_shape((count, dim), z) {
        general_mat_mul(1.0, &z, &directions.slice(s![.., ..k]), 0.0, &mut along);
    }
    along
}

/// Points that others are sorted by, one of so many.
const A_PIVOT: usize = 256;

/// An order in which points that are near each other mostly come together, so that pairs which pass the first stage come in whole tiles: by the nearest of some of the points, these by the
/// nearest of fewer; and those with the same one by how far they are from it, as of a person's rows those in the middle
/// are within a threshold of nearly all others, and those far out of few. Few points, or such without directions, stay as
/// they are.
pub(super) fn order(exact: &ExactDistance, space: &Projection, points: &Points) -> Vec<u32> {
    let n = points.len();
    let mut order: Vec<u32> = (0..n as u32).collect();
    let Some(directions) = space.directions.as_ref().filter(|_| n >= space.tuning.few) else { return order };
    let centre: Vec<f32> = space.centre.iter().map(|&c| c as f32).collect();
    let place =
        |of: &[usize]| coarse(exact, (space, directions), &centre, of.iter().map(|&at| points.members(at)));
    let pivots: Vec<usize> = spread(n, (n / A_PIVOT).clamp(4, 1024)).collect();
    let mut numbers = place(&pivots);
    let supers: Vec<usize> = spread(pivots.len(), (pivots.len() / 16).max(2)).collect();
    // Pivots in the order of their own pivots.
    let of_pivot = nearest(&numbers, &numbers.select(Axis(0), &supers));
    let mut sorted: Vec<usize> = (0..pivots.len()).collect();
    sorted.sort_by_key(|&p| of_pivot[p].pivot);
    numbers = numbers.select(Axis(0), &sorted);
    let all: Vec<usize> = (0..n).collect();
    let chunks: Vec<Vec<Nearest>> =
        all.par_chunks(256).map(|chunk| nearest(&place(chunk), &numbers)).collect();
    let near = chunks.concat();
    // Stable, so that of equals the smaller point comes first.
    order.par_sort_by(|&p, &q| {
        let [p, q] = [p, q].map(|point| near[point as usize]);
        p.pivot.cmp(&q.pivot).then(p.distance.total_cmp(&q.distance))
    });
    order
}

/// Where clusters lie along the first directions, roughly: one after the other, in `f32` alone.
fn coarse<'a>(
    exact: &ExactDistance,
    (space, directions): (&Projection, &Array2<f32>),
    centre: &[f32],
    clusters: impl ExactSizeIterator<Item = &'a [u32]>,
) -> Array2<f32> {
    let (dim, scale) = (centre.len(), space.scale as f32);
    let mut z = vec![0.0; clusters.len() * dim];
    for (z, members) in z.chunks_mut(dim).zip(clusters) {
        for &row in members {
            let factor = unit_factor(exact, row) as f32;
            let numbers = exact.rows().row(row as usize).iter().zip(centre);
            z.iter_mut().zip(numbers).for_each(|(z, (x, c))| *z += (x * factor - c) * scale);
        }
        if members.len() > 1 {
            z.iter_mut().for_each(|z| *z /= members.len() as f32);
        }
    }
    turned(&z, directions, directions.ncols().min(32))
}

/// The pivot that a point is nearest to, and half the square of how far it is.
#[derive(Clone, Copy)]
struct Nearest {
    pivot: u32,
    distance: f32,
}

/// The nearest pivot of each point.
fn nearest(points: &Array2<f32>, pivots: &Array2<f32>) -> Vec<Nearest> {
    let half = |point: ArrayView1<'_, f32>| point.dot(&point) / 2.0;
    let of_pivots: Vec<f32> = pivots.rows().into_iter().map(half).collect();
    let dots = points.dot(&pivots.t());
    let best = |(point, dots): (ArrayView1<'_, f32>, ArrayView1<'_, f32>)| {
        let mut best = (f32::NEG_INFINITY, 0);
        for (k, (&dot, half)) in dots.iter().zip(&of_pivots).enumerate() {
            if dot - half > best.0 {
                best = (dot - half, k as u32);
            }
        }
        Nearest { pivot: best.1, distance: half(point) - best.0 }
    };
    points.rows().into_iter().zip(dots.rows()).map(best).collect()
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;

    /// One running sum over all numbers of all rows drifts by more than the slack that S has.
    #[test]
    fn s_of_many_copies_is_that_of_one_within_the_slack() {
        let (copies, dim) = (2000, 3296);
        let signs = (0..dim).map(|k| if k % 3 == 0 { -1.0 } else { 1.0 });
        let rows = Embeddings::new(signs.collect(), dim).unwrap();
        let exact = ExactDistance::new(&rows, Metric::Cosine).unwrap();
        let (centre, slack) = (vec![0.0; dim], (4 * dim + 2 * copies) as f64 * f64::EPSILON);
        let tuning = Tuning::default();
        let space = Projection { centre, scale: 1.0, directions: None, eta: 0.0, slack, tuning };
        let mut z = vec![0.0; dim];
        let one = space.place(&exact, &[0], &mut z);
        let all = space.place(&exact, &vec![0; copies], &mut z);
        assert!((all / one - 1.0).abs() < slack, "{all} {one}");
    }
}
