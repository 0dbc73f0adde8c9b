//! |a − b|² of some rows and many others, in `f32` with a known error: a matrix product, tile by tile.
//!
//! Rows are moved to a common origin first, z, so that q = |z|² is small. Then |a − b|² = q + q' − 2 z·z' is off by at most
//!
//! * 2·(d + 2)·u·|z||z'| ≤ (d + 2)·u·(q + q') for the products, summed in any order (Higham, *Accuracy and Stability of
//!   Numerical Algorithms*, §3.1), u = 2⁻²⁴;
//! * 4u(q + q') for rounding z, as √ of it is off by at most u(|z| + |z'|);
//! * 5u(q + q') for rounding q and what is done with it.

use streamface_types::Metric;

use crate::exact::Exact;
use crate::kernel::Isa;
use crate::lines::Lines;
use crate::points::{add_unit, unit};

/// Half the spacing of `f32` at 1.
const U: f64 = 1.0 / (1 << 24) as f64;
/// Largest q that is dealt with; the least is its inverse.
const RANGE: f64 = 1e20;
/// Longest rows that are dealt with.
const LONGEST: usize = 1 << 16;
/// Rows of a tile, and columns: their products fill the registers.
pub(crate) const GROUP: usize = 8;
pub(crate) const PANEL: usize = 32;

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
    numbers: Lines<f32>,
    square: Vec<f32>,
}

impl Placed {
    /// None where the error would have no bound worth having.
    pub(crate) fn new(exact: &Exact, rows: &[u32]) -> Option<Self> {
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
                isa.tile_of_squares((&rows, &of_rows), (panel, of_columns), &mut tile);
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

/// |a − b|² of some rows and the columns of a panel, in lines of cache of its own.
#[repr(align(64))]
struct Tile([[f32; PANEL]; GROUP]);

/// Some rows, and q of each.
type Rows<'a> = (&'a [&'a [f32]; GROUP], &'a [f32; GROUP]);
/// The columns of a panel, and q of each.
type Panel<'a> = (&'a [f32], &'a [f32; PANEL]);

impl Isa {
    fn tile_of_squares(self, rows: Rows<'_>, panel: Panel<'_>, tile: &mut Tile) {
        match self {
            // SAFETY: a `Vnni` comes from `available`, which asked the processor.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { avx512(rows, panel, tile) },
            // SAFETY: likewise an `Avx2`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(rows, panel, tile) },
            Self::Portable => portable(rows, panel, tile),
        }
    }
}

#[inline(always)]
fn portable((rows, of_rows): Rows<'_>, (panel, of_columns): Panel<'_>, tile: &mut Tile) {
    let panel = panel.as_chunks::<PANEL>().0;
    let rows = rows.as_chunks::<2>().0.iter().zip(of_rows.as_chunks::<2>().0);
    for ((rows, of_rows), squares) in rows.zip(tile.0.as_chunks_mut::<2>().0) {
        let mut sums = [[0.0_f32; PANEL]; 2];
        for (y, (&a, &b)) in panel.iter().zip(rows[0].iter().zip(rows[1])) {
            for k in 0..PANEL {
                if cfg!(target_feature = "fma") {
                    sums[0][k] = a.mul_add(y[k], sums[0][k]);
                    sums[1][k] = b.mul_add(y[k], sums[1][k]);
                } else {
                    sums[0][k] += a * y[k];
                    sums[1][k] += b * y[k];
                }
            }
        }
        for ((squares, sums), q) in squares.iter_mut().zip(sums).zip(of_rows) {
            let both = squares.iter_mut().zip(sums).zip(of_columns);
            both.for_each(|((square, sum), column)| *square = q + column - 2.0 * sum);
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2((rows, of_rows): Rows<'_>, panel: Panel<'_>, tile: &mut Tile) {
    // Three rows and the panel's four registers fill what there is, but for the operands.
    let (rows, rest) = rows.as_chunks::<3>();
    let (of_rows, of_rest) = of_rows.as_chunks::<3>();
    let (squares, last) = tile.0.as_chunks_mut::<3>();
    rows.iter().zip(of_rows).zip(squares).for_each(|((rows, q), squares)| avx2_of(rows, q, panel, squares));
    if let (Some(rows), Some(q), Some(squares)) =
        (rest.first_chunk::<2>(), of_rest.first_chunk(), last.first_chunk_mut())
    {
        avx2_of(rows, q, panel, squares);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,fma")]
fn avx2_of<const R: usize>(
    rows: &[&[f32]; R],
    of_rows: &[f32; R],
    (panel, of_columns): Panel<'_>,
    squares: &mut [[f32; PANEL]; R],
) {
    use std::arch::x86_64::*;
    let steps = rows.iter().map(|row| row.len()).fold(panel.len() / PANEL, usize::min);
    let mut sums = [[_mm256_setzero_ps(); PANEL / 8]; R];
    for step in 0..steps {
        // SAFETY: a row holds more than `step` numbers.
        let x: [_; R] = std::array::from_fn(|r| unsafe { _mm256_set1_ps(*rows[r].get_unchecked(step)) });
        for part in 0..PANEL / 8 {
            // SAFETY: a panel holds `PANEL` numbers a step.
            let y = unsafe { _mm256_loadu_ps(panel.as_ptr().add(step * PANEL + part * 8)) };
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[part] = _mm256_fmadd_ps(x, y, sums[part]);
            }
        }
    }
    for ((squares, sums), &q) in squares.iter_mut().zip(sums).zip(of_rows) {
        let parts = squares.as_chunks_mut::<8>().0.iter_mut().zip(of_columns.as_chunks::<8>().0);
        for ((to, columns), sum) in parts.zip(sums) {
            // SAFETY: eight numbers are what there is, and what there is room for.
            unsafe {
                let both = _mm256_add_ps(_mm256_set1_ps(q), _mm256_loadu_ps(columns.as_ptr()));
                _mm256_storeu_ps(to.as_mut_ptr(), _mm256_sub_ps(both, _mm256_add_ps(sum, sum)));
            }
        }
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512((rows, of_rows): Rows<'_>, (panel, of_columns): Panel<'_>, tile: &mut Tile) {
    use std::arch::x86_64::*;
    let steps = rows.iter().map(|row| row.len()).fold(panel.len() / PANEL, usize::min);
    let mut sums = [[_mm512_setzero_ps(); PANEL / 16]; GROUP];
    for step in 0..steps {
        // SAFETY: a panel holds `PANEL` numbers a step.
        let y: [_; PANEL / 16] = std::array::from_fn(|half| unsafe {
            _mm512_loadu_ps(panel.as_ptr().add(step * PANEL + half * 16))
        });
        for (sums, row) in sums.iter_mut().zip(rows) {
            // SAFETY: `step` is less than the length of each row.
            let x = _mm512_set1_ps(unsafe { *row.get_unchecked(step) });
            for (sum, y) in sums.iter_mut().zip(y) {
                *sum = _mm512_fmadd_ps(x, y, *sum);
            }
        }
    }
    for ((squares, sums), &q) in tile.0.iter_mut().zip(sums).zip(of_rows) {
        let parts = squares.as_chunks_mut::<16>().0.iter_mut().zip(of_columns.as_chunks::<16>().0);
        for ((to, columns), sum) in parts.zip(sums) {
            // SAFETY: sixteen numbers are what there is, and what there is room for.
            unsafe {
                let both = _mm512_add_ps(_mm512_set1_ps(q), _mm512_loadu_ps(columns.as_ptr()));
                _mm512_storeu_ps(to.as_mut_ptr(), _mm512_sub_ps(both, _mm512_add_ps(sum, sum)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;
    use crate::random::Random;

    #[test]
    fn squares_are_as_near_as_they_say() {
        let mut random = Random::new(7);
        for (dim, far) in [(1, 0.0), (3, 50.0), (16, 1e4), (33, 0.0), (200, 1.0)] {
            let data = (0..70 * dim).map(|_| far + random.uniform() as f32 - 0.5).collect();
            let rows = Embeddings::new(data, dim).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let exact = Exact::new(&rows, metric).unwrap();
                let all: Vec<u32> = (0..70).collect();
                // All of one direction has no bound worth having.
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
            let refused = |metric| Placed::new(&Exact::new(&rows, metric).unwrap(), &[0, 1]).is_none();
            assert!(refused(Metric::Cosine) || refused(Metric::Euclidean));
        }
    }
}
