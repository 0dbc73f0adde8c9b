//! |a − b|² of some rows and many others, in `f32` with a known error: a matrix product, tile by tile.
//!
//! Rows are moved to a common origin first, z, so that q = |z|² is small. Then |a − b|² = q + q' − 2 z·z' is off by at most
//!
//! * 2·(d + 2)·u·|z||z'| ≤ (d + 2)·u·(q + q') for the products, summed in any order (Higham, *Accuracy and Stability of
//!   Numerical Algorithms*, §3.1), u = 2⁻²⁴;
//! * 4u(q + q') for rounding z, as √ of it is off by at most u(|z| + |z'|);
//! * 5u(q + q') for rounding q and what is done with it.

use streamface_kernels::f32_tile::{GROUP, PANEL, Tile, squared_distances};
use streamface_kernels::{Aligned, Isa};
use streamface_types::Metric;

use crate::exact_distance::ExactDistance;
use crate::points::{add_unit, unit};

/// Half the spacing of `f32` at 1.
const U: f64 = 1.0 / (1 << 24) as f64;
/// Largest q that is dealt with; the least is its inverse.
const RANGE: f64 = 1e20;
/// Longest rows that are dealt with.
const LONGEST: usize = 1 << 16;
/// Rows moved to their mean.
pub(crate) struct Placed {
    dim: usize,
    z: Vec<f32>,
    /// q of each.
    square: Vec<f32>,
    /// The largest q.
    most: f64,
    off: f64,
}

/// Some of the rows as the columns of tiles.
#[derive(Default)]
pub(crate) struct Columns {
    count: usize,
    /// Panel after panel, the last one filled up with zeros.
    numbers: Aligned<f32>,
    square: Vec<f32>,
}

impl Placed {
    /// None where the error would have no useful bound.
    pub(crate) fn new(exact: &ExactDistance, rows: &[u32]) -> Option<Self> {
        let dim = exact.rows().dim();
        if dim > LONGEST || rows.iter().any(|&row| exact.is_zero(row)) {
            return None;
        }
        let (mut mean, mut length) = (vec![0.0_f64; dim], 0.0_f64);
        for &row in rows {
            add_unit(exact, row, &mut mean);
            length = length.max(unit(exact, row).map(|x| x * x).sum());
        }
        mean.iter_mut().for_each(|m| *m /= rows.len() as f64);
        let mut z = Vec::with_capacity(rows.len() * dim);
        let (mut square, mut most) = (Vec::with_capacity(rows.len()), 0.0_f64);
        for &row in rows {
            let from = z.len();
            z.extend(unit(exact, row).zip(&mean).map(|(x, m)| (x - m) as f32));
            let own: f64 = z[from..].iter().map(|&z| f64::from(z).powi(2)).sum();
            most = most.max(own);
            square.push(own as f32);
        }
        let off = off(exact.metric(), dim, most, length.sqrt());
        (most > RANGE.recip() && most < RANGE).then_some(Self { dim, z, square, most, off })
    }

    /// How far |a − b|² is from that of distances in `f64`, at most.
    pub(crate) fn off(&self) -> f64 {
        self.off
    }

    /// |a − b|² of no two rows is more than this and what it is off by: (|z| + |z'|)² ≤ 4q.
    pub(crate) fn farthest_apart(&self) -> f64 {
        4.0 * self.most
    }

    /// Packs the rows at some places.
    pub(crate) fn columns(&self, places: impl ExactSizeIterator<Item = usize>, columns: &mut Columns) {
        let (count, size) = (places.len(), self.dim * PANEL);
        columns.count = count;
        columns.numbers.reset(count.div_ceil(PANEL) * size, 0.0);
        columns.square.clear();
        columns.square.resize(count.next_multiple_of(PANEL), 0.0);
        for (at, place) in places.enumerate() {
            let panel = &mut columns.numbers[at / PANEL * size..][..size];
            let row = &self.z[place * self.dim..][..self.dim];
            panel.iter_mut().skip(at % PANEL).step_by(PANEL).zip(row).for_each(|(to, &z)| *to = z);
            columns.square[at] = self.square[place];
        }
    }

    /// Calls `found(k, first, squares)` with |a − b|² of `own[k]` and the columns from `first` on, for all of these from
    /// `skipped` on, a whole number of panels; a panel at a time.
    pub(crate) fn squares(
        &self,
        isa: Isa,
        own: &[usize],
        columns: &Columns,
        skipped: usize,
        mut found: impl FnMut(usize, usize, &[f32]),
    ) {
        let size = self.dim * PANEL;
        for own in own.chunks(GROUP).enumerate().map(|(at, own)| (at * GROUP, own)) {
            let (first, own) = own;
            // The last group is filled up with its first row.
            let rows: [&[f32]; GROUP] = std::array::from_fn(|k| {
                let place = own.get(k).unwrap_or(&own[0]);
                &self.z[place * self.dim..][..self.dim]
            });
            let of_rows: [f32; GROUP] = std::array::from_fn(|k| self.square[*own.get(k).unwrap_or(&own[0])]);
            let mut tile = Tile([[0.0; PANEL]; GROUP]);
            for (at, panel) in columns.numbers.chunks_exact(size.max(1)).enumerate().skip(skipped / PANEL) {
                let from = at * PANEL;
                let Some(of_columns) = columns.square[from..].first_chunk() else { break };
                squared_distances(isa, (&rows, &of_rows), (panel, of_columns), &mut tile);
                let count = PANEL.min(columns.count - from);
                for (k, squares) in tile.0.iter().enumerate().take(own.len()) {
                    found(first + k, from, &squares[..count]);
                }
            }
        }
    }

    /// The pairs across two lists of places that may have the largest distance.
    pub(crate) fn farthest(
        &self,
        isa: Isa,
        (a, b): (&[usize], &[usize]),
        columns: &mut Columns,
    ) -> Vec<(usize, usize)> {
        let (own, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        self.columns(many.iter().copied(), columns);
        let within = |largest: f32| ((f64::from(largest) - 2.0 * self.off) as f32).next_down();
        let mut largest = 0.0_f32;
        let mut may: Vec<(f32, usize, usize)> = Vec::new();
        self.squares(isa, own, columns, 0, |k, first, squares| {
            let most = squares.iter().fold(0.0_f32, |most, &v| if v > most { v } else { most });
            largest = largest.max(most);
            let least = within(largest);
            if most >= least {
                let far = squares.iter().zip(&many[first..]).filter(|(v, _)| **v >= least);
                may.extend(far.map(|(&v, &other)| (v, own[k], other)));
            }
        });
        let least = within(largest);
        may.into_iter().filter(|(v, ..)| *v >= least).map(|(_, x, y)| (x, y)).collect()
    }
}

/// The bound above, for the largest q and the length of the longest row before it was moved.
fn off(metric: Metric, dim: usize, most: f64, length: f64) -> f64 {
    let sums = 2.0 * most * U * (1.01 * (dim as f64 + 2.0) + 12.0);
    // Distances are themselves rounded: cosine on a scale of 1, Euclidean on its own.
    let scale = if metric == Metric::Cosine { 1.0 } else { 4.0 * most };
    let wide = f64::EPSILON * (8.0 * dim as f64 + 128.0) * scale;
    let moved = 64.0 * f64::EPSILON * length;
    sums + wide + moved * most.sqrt() + moved * moved
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;
    use streamface_kernels::SplitMix64;

    #[test]
    fn squares_are_as_near_as_they_say() {
        let mut random = SplitMix64::new(7);
        for (dim, far) in [(1, 0.0), (3, 50.0), (16, 1e4), (33, 0.0), (200, 1.0)] {
            let data = (0..70 * dim).map(|_| far + random.uniform() as f32 - 0.5).collect();
            let rows = Embeddings::new(data, dim).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let exact = ExactDistance::new(&rows, metric).unwrap();
                let all: Vec<u32> = (0..70).collect();
                // All of one direction has no useful bound.
                let Some(placed) = Placed::new(&exact, &all) else { continue };
                let square = |x: usize, y: usize| {
                    let d = exact.distance(x as u32, y as u32);
                    if metric == Metric::Cosine { 2.0 * d } else { d * d }
                };
                let mut room = Columns::default();
                for isa in Isa::available() {
                    let mut columns = Columns::default();
                    placed.columns(3..70, &mut columns);
                    let own: Vec<usize> = (0..13).collect();
                    for skipped in [0, PANEL] {
                        let mut seen = 0;
                        placed.squares(isa, &own, &columns, skipped, |k, first, squares| {
                            for (y, v) in (first..).zip(squares) {
                                let off = (f64::from(*v) - square(own[k], y + 3)).abs();
                                assert!(
                                    off <= placed.off(),
                                    "{isa:?} {metric} {dim}: {off} {}",
                                    placed.off()
                                );
                                seen += 1;
                            }
                        });
                        assert_eq!(seen, own.len() * (67 - skipped));
                    }
                    let (few, many): (Vec<usize>, Vec<usize>) = ((0..9).collect(), (20..70).collect());
                    let may = placed.farthest(isa, (&few, &many), &mut room);
                    let largest = |pairs: &[(usize, usize)]| {
                        pairs.iter().map(|&(x, y)| exact.distance(x as u32, y as u32)).fold(0.0, f64::max)
                    };
                    let pairs: Vec<(usize, usize)> =
                        (0..9).flat_map(|x| (20..70).map(move |y| (x, y))).collect();
                    assert_eq!(largest(&may), largest(&pairs));
                }
            }
        }
    }

    #[test]
    fn what_has_no_bound_is_refused() {
        for data in [vec![0.0, 0.0, 1.0, 2.0], vec![1e30, 0.0, -1e30, 1.0], vec![1.0; 4]] {
            let rows = Embeddings::new(data, 2).unwrap();
            let refused =
                |metric| Placed::new(&ExactDistance::new(&rows, metric).unwrap(), &[0, 1]).is_none();
            assert!(refused(Metric::Cosine) || refused(Metric::Euclidean));
        }
    }
}
