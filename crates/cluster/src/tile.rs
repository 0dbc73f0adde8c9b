//! Distances of many of the pairs between a few rows and a few others, all at once; bit for bit those of
//! [`Exact::distance`].
//!
//! Where people are large, whole tiles of the join are links. One distance at a time reads two rows for it,
//! converts both to `f64`, and mostly waits. Here rows are converted once, into the order in which the
//! instructions take them, and a block of distances stays in registers: each number that is loaded
//! serves several.

use streamface_types::Metric;
use streamface_types::embedding::{LANES, tree};

use crate::exact::Exact;
use crate::kernel::{Hits, Isa, MAX_PANEL};

/// Most rows, and columns, of a block.
const MOST: (usize, usize) = (4, 6);

/// Distances of a block, row after row; those of places where no row stands mean nothing.
type Distances = [f64; MOST.0 * MOST.1];

/// Which rows stand at the places of a tile: those of a group, and those of a panel.
pub(crate) struct Tiles<'a> {
    exact: &'a Exact<'a>,
    isa: Isa,
    group: Packed,
    panel: Packed,
}

impl<'a> Tiles<'a> {
    pub(crate) fn new(exact: &'a Exact<'a>, isa: Isa) -> Self {
        let steps = exact.rows().dim().div_ceil(LANES);
        Self { exact, isa, group: Packed::new(isa.group(), steps), panel: Packed::new(isa.panel(), steps) }
    }

    /// Calls `found(i, j, distance)` for pairs of `hits`, row `group[i]` with row `panel[j]`, and takes them
    /// out of `hits`: all where there are enough of them in one place to be worth it.
    pub(crate) fn distances(
        &mut self,
        group: &[u32],
        panel: &[u32],
        hits: &mut Hits,
        mut found: impl FnMut(usize, usize, f64),
    ) {
        let (rows, columns) = self.isa.block();
        // From here on a block as a whole is cheaper than its pairs one by one.
        let enough = (rows * columns).div_ceil(5) as u32;
        let mut distances = [0.0; MOST.0 * MOST.1];
        // A block's columns stay in the first-level cache while the group's rows go by.
        for left in (0..panel.len()).step_by(columns) {
            for top in (0..group.len()).step_by(rows) {
                let mask = ((1_u64 << columns) - 1) << left;
                let within = top..(top + rows).min(group.len());
                let count: u32 = hits[within.clone()].iter().map(|bits| (bits & mask).count_ones()).sum();
                if count < enough {
                    continue;
                }
                self.group.hold(self.exact, group, top / rows, rows);
                self.panel.hold(self.exact, panel, left / columns, columns);
                self.isa.distances(
                    self.exact.metric(),
                    &self.group,
                    &self.panel,
                    (top, left),
                    &mut distances,
                );
                for i in within {
                    let mut bits = hits[i] & mask;
                    hits[i] &= !mask;
                    while bits != 0 {
                        let j = bits.trailing_zeros() as usize;
                        bits &= bits - 1;
                        found(i, j, distances[(i - top) * columns + j - left]);
                    }
                }
            }
        }
    }
}

/// Rows as `f64`: `numbers[((part · rows + row) · steps + step) · width + k]` is number step · 16 + part ·
/// width + k of a row, with as many parts of the [`LANES`] as a register of `width` takes; zeros beyond the end.
struct Packed {
    rows: usize,
    steps: usize,
    numbers: Vec<f64>,
    /// Squared lengths of the rows, for cosine.
    squares: [f64; MAX_PANEL],
    /// The rows that are there, of each block of them.
    of: [[u32; MOST.1]; MAX_PANEL],
    held: [bool; MAX_PANEL],
}

impl Packed {
    fn new(rows: usize, steps: usize) -> Self {
        Self {
            rows,
            steps,
            numbers: Vec::new(),
            squares: [0.0; MAX_PANEL],
            of: [[0; MOST.1]; MAX_PANEL],
            held: [false; MAX_PANEL],
        }
    }

    /// Makes sure that block `block` of `size` of these rows is there.
    fn hold(&mut self, exact: &Exact, rows: &[u32], block: usize, size: usize) {
        let own = &rows[block * size..((block + 1) * size).min(rows.len())];
        if self.held[block] && self.of[block][..own.len()] == *own {
            return;
        }
        if self.numbers.is_empty() {
            self.numbers = vec![0.0; self.rows * self.steps * LANES];
        }
        self.held[block] = true;
        self.of[block][..own.len()].copy_from_slice(own);
        let part = self.rows * self.steps * WIDTH;
        for (at, &row) in (block * size..).zip(own) {
            if exact.metric() == Metric::Cosine {
                self.squares[at] = exact.square(row as usize);
            }
            let row = exact.rows().row(row as usize);
            let (full, rest) = row.as_chunks::<LANES>();
            let mut put = |step: usize, numbers: &[f32; LANES]| {
                // Of a known length, so that they are converted several at once.
                for (parts, numbers) in numbers.as_chunks::<WIDTH>().0.iter().enumerate() {
                    let to = parts * part + (at * self.steps + step) * WIDTH;
                    if let Some(to) = self.numbers[to..].first_chunk_mut::<WIDTH>() {
                        *to = numbers.map(f64::from);
                    }
                }
            };
            full.iter().enumerate().for_each(|(step, numbers)| put(step, numbers));
            if !rest.is_empty() {
                let mut last = [0.0; LANES];
                last[..rest.len()].copy_from_slice(rest);
                put(full.len(), &last);
            }
        }
    }

    /// Where a row's part starts.
    fn row(&self, part: usize, row: usize) -> &[f64] {
        let at = (part * self.rows + row) * self.steps * WIDTH;
        &self.numbers[at..at + self.steps * WIDTH]
    }
}

/// Numbers of a part: one register of AVX-512, two of AVX2.
const WIDTH: usize = 8;

impl Isa {
    /// Rows and columns of a block. Their product fills the registers, but for what the operands need.
    fn block(self) -> (usize, usize) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => MOST,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => (2, 6),
            Self::Portable => (2, 4),
        }
    }

    /// Distances of all pairs of a block.
    fn distances(
        self,
        metric: Metric,
        group: &Packed,
        panel: &Packed,
        at: (usize, usize),
        distances: &mut Distances,
    ) {
        match self {
            // SAFETY: a `Vnni` comes from `available`, which asked the processor.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { avx512(metric, group, panel, at, distances) },
            // SAFETY: likewise an `Avx2`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(metric, group, panel, at, distances) },
            Self::Portable => portable(metric, group, panel, at, distances),
        }
    }
}

/// Distances of a block from its sums, which they take the place of: as [`Exact::of_sum`], but without a branch, so
/// that several are made at once.
#[inline(always)]
fn of_sums<const R: usize, const C: usize>(
    metric: Metric,
    group: &Packed,
    panel: &Packed,
    (top, left): (usize, usize),
    sums: &mut Distances,
) {
    if metric != Metric::Cosine {
        return *sums = sums.map(f64::sqrt);
    }
    // The product of two squares of `f32` that are not 0 is not 0.
    let mut squares: Distances = [0.0; MOST.0 * MOST.1];
    for r in 0..R {
        for c in 0..C {
            squares[r * C + c] = group.squares[top + r] * panel.squares[left + c];
        }
    }
    for (sum, square) in sums.iter_mut().zip(squares) {
        let distance = (1.0 - *sum / square.sqrt()).clamp(0.0, 2.0);
        *sum = if square == 0.0 { 1.0 } else { distance };
    }
}

#[inline(always)]
fn portable(metric: Metric, group: &Packed, panel: &Packed, at: (usize, usize), distances: &mut Distances) {
    const R: usize = 2;
    const C: usize = 4;
    let (top, left) = at;
    for r in 0..R {
        let mut sums = [[0.0; LANES]; C];
        for part in 0..LANES / WIDTH {
            let row = group.row(part, top + r).as_chunks::<WIDTH>().0;
            let columns: [_; C] = std::array::from_fn(|c| panel.row(part, left + c).as_chunks::<WIDTH>().0);
            let mut lanes = [[0.0; WIDTH]; C];
            for (step, x) in row.iter().enumerate() {
                for (lanes, column) in lanes.iter_mut().zip(&columns) {
                    let y = &column[step];
                    for k in 0..WIDTH {
                        lanes[k] = if metric == Metric::Euclidean {
                            lanes[k] + (x[k] - y[k]) * (x[k] - y[k])
                        } else if cfg!(target_feature = "fma") {
                            // The same bits: products of `f32` are exact.
                            x[k].mul_add(y[k], lanes[k])
                        } else {
                            lanes[k] + x[k] * y[k]
                        };
                    }
                }
            }
            for (sums, lanes) in sums.iter_mut().zip(lanes) {
                sums[part * WIDTH..(part + 1) * WIDTH].copy_from_slice(&lanes);
            }
        }
        distances[r * C..(r + 1) * C].copy_from_slice(&sums.map(tree));
    }
    of_sums::<R, C>(metric, group, panel, at, distances);
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(
    metric: Metric,
    group: &Packed,
    panel: &Packed,
    at: (usize, usize),
    distances: &mut Distances,
) {
    use std::arch::x86_64::*;
    const R: usize = 2;
    const C: usize = 6;
    const HALF: usize = WIDTH / 2;
    let (top, left) = at;
    // As `tree` adds: the two parts first, then halves.
    let mut halves = [[[_mm256_setzero_pd(); C]; R]; 2];
    for part in 0..LANES / WIDTH {
        // Checked here, once: all are `steps` times `WIDTH` long.
        let rows: [*const f64; R] = std::array::from_fn(|r| group.row(part, top + r).as_ptr());
        let columns: [*const f64; C] = std::array::from_fn(|c| panel.row(part, left + c).as_ptr());
        for (half, sums) in halves.iter_mut().enumerate() {
            let mut lanes = [[_mm256_setzero_pd(); C]; R];
            for step in 0..group.steps.min(panel.steps) {
                let from = step * WIDTH + half * HALF;
                // SAFETY: `step` is less than what each row holds.
                let x: [_; R] = std::array::from_fn(|r| unsafe { _mm256_loadu_pd(rows[r].add(from)) });
                for (c, column) in columns.iter().enumerate() {
                    // SAFETY: likewise.
                    let y = unsafe { _mm256_loadu_pd(column.add(from)) };
                    for (lanes, x) in lanes.iter_mut().zip(x) {
                        lanes[c] = if metric == Metric::Euclidean {
                            let off = _mm256_sub_pd(x, y);
                            _mm256_add_pd(lanes[c], _mm256_mul_pd(off, off))
                        } else {
                            _mm256_fmadd_pd(x, y, lanes[c])
                        };
                    }
                }
            }
            for (sum, lanes) in sums.as_flattened_mut().iter_mut().zip(lanes.as_flattened()) {
                *sum = _mm256_add_pd(*sum, *lanes);
            }
        }
    }
    let [mut sums, other] = halves;
    for (sum, other) in sums.as_flattened_mut().iter_mut().zip(other.as_flattened()) {
        *sum = _mm256_add_pd(*sum, *other);
    }
    let each = distances.as_chunks_mut::<4>().0.iter_mut();
    for (distances, of) in each.zip(sums.as_flattened().as_chunks::<4>().0) {
        // Quarters of two sums side by side, then both numbers of four.
        let quarters: [_; 2] = std::array::from_fn(|k| {
            let (x, y) = (of[k], of[k + 2]);
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(x, y), _mm256_permute2f128_pd::<0x31>(x, y))
        });
        let [x, y] = quarters;
        let all = _mm256_add_pd(_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
        // SAFETY: four numbers are what there is room for.
        unsafe { _mm256_storeu_pd(distances.as_mut_ptr(), all) };
    }
    of_sums::<R, C>(metric, group, panel, at, distances);
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(
    metric: Metric,
    group: &Packed,
    panel: &Packed,
    at: (usize, usize),
    distances: &mut Distances,
) {
    use std::arch::x86_64::*;
    const R: usize = MOST.0;
    const C: usize = MOST.1;
    let (top, left) = at;
    // As `tree` adds: the two parts first, then halves.
    let mut sums = [[_mm512_setzero_pd(); C]; R];
    for part in 0..LANES / WIDTH {
        // Checked here, once: all are `steps` registers long.
        let rows: [*const f64; R] = std::array::from_fn(|r| group.row(part, top + r).as_ptr());
        let columns: [*const f64; C] = std::array::from_fn(|c| panel.row(part, left + c).as_ptr());
        let mut lanes = [[_mm512_setzero_pd(); C]; R];
        for step in 0..group.steps.min(panel.steps) {
            // SAFETY: `step` is less than the registers that each row holds.
            let y: [_; C] = std::array::from_fn(|c| unsafe { _mm512_loadu_pd(columns[c].add(step * WIDTH)) });
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: likewise.
                let x = unsafe { _mm512_loadu_pd(row.add(step * WIDTH)) };
                for (lanes, y) in lanes.iter_mut().zip(y) {
                    *lanes = if metric == Metric::Euclidean {
                        let off = _mm512_sub_pd(x, y);
                        _mm512_add_pd(*lanes, _mm512_mul_pd(off, off))
                    } else {
                        _mm512_fmadd_pd(x, y, *lanes)
                    };
                }
            }
        }
        for (sums, lanes) in sums.as_flattened_mut().iter_mut().zip(lanes.as_flattened()) {
            *sums = _mm512_add_pd(*sums, *lanes);
        }
    }
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (distances, of) in
        distances.as_chunks_mut::<8>().0.iter_mut().zip(sums.as_flattened().as_chunks::<8>().0)
    {
        // Halves of two sums side by side, then quarters of four, then both numbers of eight.
        let halves: [_; 4] = std::array::from_fn(|k| {
            let (x, y) = (of[2 * k], of[2 * k + 1]);
            _mm512_add_pd(_mm512_shuffle_f64x2::<0x44>(x, y), _mm512_shuffle_f64x2::<0xEE>(x, y))
        });
        let quarters: [_; 2] = std::array::from_fn(|k| {
            let (x, y) = (halves[2 * k], halves[2 * k + 1]);
            _mm512_add_pd(_mm512_shuffle_f64x2::<0x88>(x, y), _mm512_shuffle_f64x2::<0xDD>(x, y))
        });
        let [x, y] = quarters;
        let all = _mm512_add_pd(_mm512_unpacklo_pd(x, y), _mm512_unpackhi_pd(x, y));
        // SAFETY: eight numbers are what there is room for.
        unsafe { _mm512_storeu_pd(distances.as_mut_ptr(), _mm512_permutexvar_pd(order, all)) };
    }
    of_sums::<R, C>(metric, group, panel, at, distances);
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;
    use crate::kernel::MAX_GROUP;
    use crate::random::Random;

    #[test]
    fn bit_for_bit_the_distance() {
        let mut random = Random::new(3);
        for dim in [1, 7, 16, 33] {
            let mut data: Vec<f32> = (0..70 * dim)
                .map(|at| (random.uniform() as f32 - 0.5) * if at % 97 == 0 { 1e30 } else { 3.0 })
                .collect();
            data[5 * dim..6 * dim].fill(0.0);
            let rows = Embeddings::new(data, dim).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let exact = Exact::new(&rows, metric).unwrap();
                for isa in Isa::available() {
                    let mut tiles = Tiles::new(&exact, isa);
                    for round in 0..20 {
                        // Some of a tile, and the last of all, which may be cut short.
                        let row = |at: usize| (at * 7 + round) as u32 % 70;
                        let group: Vec<u32> = (0..isa.group() - round % 3).map(row).collect();
                        let panel: Vec<u32> = (100..100 + isa.panel() - 5 * (round % 2)).map(row).collect();
                        let mut hits: Hits = [0; MAX_GROUP];
                        for bits in &mut hits[..group.len()] {
                            for at in 0..panel.len() {
                                *bits |= u64::from(random.uniform() < 0.4) << at;
                            }
                        }
                        let before = hits;
                        let mut seen: Hits = [0; MAX_GROUP];
                        tiles.distances(&group, &panel, &mut hits, |i, j, distance| {
                            seen[i] |= 1 << j;
                            let want = exact.distance(group[i], panel[j]);
                            assert_eq!(distance.to_bits(), want.to_bits(), "{isa:?} {metric} {dim} {i} {j}");
                        });
                        for at in 0..MAX_GROUP {
                            assert_eq!((seen[at] | hits[at], seen[at] & hits[at]), (before[at], 0));
                        }
                        assert!(seen.iter().any(|&bits| bits != 0));
                    }
                }
            }
        }
    }
}
