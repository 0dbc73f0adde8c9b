//! Distances of many of the pairs between a few rows and a few others, all at once; bit for bit those of
//! [`Exact::distance`].
//!
//! Where people are large, whole tiles of the join are links. One distance at a time reads two rows for it,
//! converts both to `f64`, and mostly waits. Here rows are converted once, into the order in which the
//! instructions take them, and the sums of a block of pairs stay in registers: each number that is loaded
//! serves several. All blocks of a tile go through one part of the numbers before the next, as so much of all rows stays in
//! the first-level cache.

use std::ops::Range;

use streamface_types::Metric;
use streamface_types::embedding::{LANES, tree};

use crate::exact::Exact;
use crate::found::Pairs;
use crate::kernel::{Hits, Isa, MAX_PANEL};
use crate::lines::{Lines, prefetch};

/// Most rows, and columns, of a block.
const MOST: (usize, usize) = (4, 6);

/// Numbers of a pair that are left when [`tree`] has added the two halves of its lanes.
const LEFT: usize = 8;

/// Which rows stand at the places of a tile: those of a group, and those of a panel.
pub(crate) struct Tiles<'a> {
    exact: &'a Exact<'a>,
    isa: Isa,
    /// Groups by number. One at work stays in the first-level cache, and so is made `f64` part by part.
    groups: Vec<Packed<f32>>,
    part: Lines<f64>,
    panel: Packed<f64>,
    /// The first row and column of each block at work, and the sums of its pairs.
    blocks: Vec<(usize, usize)>,
    sums: Vec<[f64; LEFT]>,
    /// Of the same pairs, their distances, and products of their two squared lengths.
    distances: Vec<f64>,
    squares: Vec<f64>,
}

impl<'a> Tiles<'a> {
    pub(crate) fn new(exact: &'a Exact<'a>, isa: Isa) -> Self {
        let (dim, width) = (exact.rows().dim(), isa.width());
        Self {
            exact,
            isa,
            groups: Vec::new(),
            part: Lines::default(),
            panel: Packed::new(isa.panel(), dim, width),
            blocks: Vec::new(),
            sums: Vec::new(),
            distances: Vec::new(),
            squares: Vec::new(),
        }
    }

    /// Takes pairs of `hits` out of it, row `group[i]` with row `panel[j]`, where there are enough of them in one place to
    /// be worth it, and calls `found` with those of each block that are at most `threshold` apart. A group that comes again
    /// and again, with different panels, is best told by the same small number. `corner` is the place of the first pair.
    pub(crate) fn links(
        &mut self,
        (number, group): (usize, &[u32]),
        panel: &[u32],
        corner: (usize, usize),
        threshold: f64,
        hits: &mut Hits,
        mut found: impl FnMut(&Pairs<'_>),
    ) {
        let (rows, columns) = self.isa.block();
        // From here on a block as a whole is cheaper than its pairs one by one.
        let enough = (rows * columns).div_ceil(5) as u32;
        // Most tiles have but a pair or two.
        if hits.iter().map(|bits| bits.count_ones()).sum::<u32>() < enough {
            return;
        }
        let mask = |left: usize| ((1_u64 << columns) - 1) << left;
        self.blocks.clear();
        for left in (0..panel.len()).step_by(columns) {
            for (at, hits) in hits.chunks_exact(rows).enumerate() {
                if hits.iter().map(|bits| (bits & mask(left)).count_ones()).sum::<u32>() >= enough {
                    self.blocks.push((at * rows, left));
                }
            }
        }
        if self.blocks.is_empty() {
            return;
        }
        while self.groups.len() <= number {
            self.groups.push(Packed::new(self.isa.group(), self.exact.rows().dim(), self.isa.width()));
        }
        self.groups[number].hold(self.exact, group, 0..group.len());
        for &(_, left) in &self.blocks {
            self.panel.hold(self.exact, panel, left..(left + columns).min(panel.len()));
        }
        self.measure(number);
        let pairs = rows * columns;
        for (&(top, left), distances) in self.blocks.iter().zip(self.distances.chunks(pairs)) {
            let mut bits = 0;
            for (row, hits) in hits[top..top + rows].iter_mut().enumerate() {
                bits |= ((*hits & mask(left)) >> left << (row * columns)) as u32;
                *hits &= !mask(left);
            }
            // What is no number is no link.
            let within =
                |all, (pair, &distance): (usize, &f64)| all | u32::from(distance <= threshold) << pair;
            bits &= distances.iter().enumerate().fold(0, within);
            if bits != 0 {
                found(&Pairs { corner: (corner.0 + top, corner.1 + left), bits, distances });
            }
        }
    }

    /// Computes the distances of all blocks at work, of this group and the panel.
    fn measure(&mut self, number: usize) {
        let (own, (rows, columns)) = (&self.groups[number], self.isa.block());
        if self.part.is_empty() {
            self.part.reset(own.part(0).len(), 0.0);
        }
        let pairs = rows * columns;
        if self.sums.len() < self.blocks.len() * pairs {
            self.sums.resize(self.blocks.len() * pairs, [0.0; LEFT]);
        }
        let parts = LANES / self.isa.width();
        for part in 0..parts {
            self.part.iter_mut().zip(own.part(part)).for_each(|(to, &x)| *to = x.into());
            if part + 1 < parts {
                prefetch(own.part(part + 1));
            }
            let of = Part { number: part, len: own.len(), group: &self.part, panel: self.panel.part(part) };
            self.isa.add(self.exact.metric(), &of, &self.blocks, &mut self.sums);
        }
        let sums = &self.sums[..self.blocks.len() * pairs];
        self.distances.resize(sums.len(), 0.0);
        self.isa.totals(sums, &mut self.distances);
        if self.exact.metric() == Metric::Cosine {
            self.squares.resize(sums.len(), 0.0);
            for (&(top, left), squares) in self.blocks.iter().zip(self.squares.chunks_mut(pairs)) {
                let panel = &self.panel.squares[left..];
                for (squares, group) in squares.chunks_mut(columns).zip(&own.squares[top..]) {
                    squares.iter_mut().zip(panel).for_each(|(square, panel)| *square = group * panel);
                }
            }
            self.isa.cosines(&mut self.distances, &self.squares);
        } else {
            self.isa.roots(&mut self.distances);
        }
    }
}

/// Rows in parts of so many of the [`LANES`] as a register is wide: `numbers[((part · rows + row) · steps + step) · width + k]`
/// is number step · 16 + part · width + k of a row; zeros beyond the end.
struct Packed<T> {
    rows: usize,
    steps: usize,
    width: usize,
    numbers: Lines<T>,
    /// Which row stands at each place.
    held: Vec<Option<u32>>,
    /// Squared lengths of the rows, for cosine.
    squares: [f64; MAX_PANEL],
}

impl<T: From<f32> + Copy + Default> Packed<T> {
    fn new(rows: usize, dim: usize, width: usize) -> Self {
        let (steps, held) = (dim.div_ceil(LANES), vec![None; rows]);
        Self { rows, steps, width, numbers: Lines::default(), held, squares: [0.0; MAX_PANEL] }
    }

    /// Makes sure that some of `rows` are there, those at places `of`.
    fn hold(&mut self, exact: &Exact, rows: &[u32], of: Range<usize>) {
        for at in of {
            if self.held[at].replace(rows[at]) != Some(rows[at]) {
                self.put(exact, rows[at], at);
            }
        }
    }

    /// Puts row `row` at place `at`.
    fn put(&mut self, exact: &Exact, row: u32, at: usize) {
        if self.numbers.is_empty() {
            self.numbers.reset(self.rows * self.steps * LANES, T::default());
        }
        if exact.metric() == Metric::Cosine {
            self.squares[at] = exact.square(row as usize);
        }
        let row = exact.rows().row(row as usize);
        match self.width {
            8 => self.put_in::<8>(row, at),
            _ => self.put_in::<4>(row, at),
        }
    }

    /// Puts a row at place `at`, in parts of this width.
    fn put_in<const WIDTH: usize>(&mut self, row: &[f32], at: usize) {
        let (full, rest) = row.as_chunks::<LANES>();
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(&last);
        let len = self.len();
        for (part, numbers) in self.numbers.chunks_exact_mut(self.rows * len).enumerate() {
            let to = numbers[at * len..][..len].as_chunks_mut::<WIDTH>().0;
            for (to, from) in to.iter_mut().zip(full.iter().chain(last)) {
                *to = from.as_chunks::<WIDTH>().0[part].map(T::from);
            }
        }
    }

    /// Numbers of a row that a part has.
    fn len(&self) -> usize {
        self.steps * self.width
    }

    /// A part of all rows.
    fn part(&self, part: usize) -> &[T] {
        let len = self.rows * self.len();
        &self.numbers[part * len..][..len]
    }
}

/// A part of the rows of a tile, so many numbers each.
struct Part<'a> {
    number: usize,
    len: usize,
    group: &'a [f64],
    panel: &'a [f64],
}

impl<'a> Part<'a> {
    /// So many rows of the group, from one on.
    #[inline(always)]
    fn rows<const R: usize>(&self, first: usize) -> [&'a [f64]; R] {
        split(&self.group[first * self.len..][..R * self.len])
    }

    /// So many of the panel's.
    #[inline(always)]
    fn columns<const C: usize>(&self, first: usize) -> [&'a [f64]; C] {
        split(&self.panel[first * self.len..][..C * self.len])
    }
}

/// As so many of one length.
#[inline(always)]
fn split<const N: usize>(numbers: &[f64]) -> [&[f64]; N] {
    let len = numbers.len() / N;
    std::array::from_fn(|k| &numbers[k * len..][..len])
}

impl Isa {
    /// Rows and columns of a block. Their product fills the registers, but for what the operands need.
    pub(crate) fn block(self) -> (usize, usize) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => MOST,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => (2, 6),
            Self::Portable => (2, 4),
        }
    }

    /// Numbers of a register: as many as a part has at each step.
    fn width(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 4,
            _ => 8,
        }
    }

    /// Adds what a part gives to the sums of blocks at some rows and columns, or starts them with it.
    fn add(self, metric: Metric, part: &Part<'_>, blocks: &[(usize, usize)], sums: &mut [[f64; LEFT]]) {
        match metric {
            Metric::Euclidean => self.add_for::<true>(part, blocks, sums),
            _ => self.add_for::<false>(part, blocks, sums),
        }
    }

    /// The same, of squared differences or of products.
    fn add_for<const SQUARED: bool>(
        self,
        part: &Part<'_>,
        blocks: &[(usize, usize)],
        sums: &mut [[f64; LEFT]],
    ) {
        match self {
            // SAFETY: a `Vnni` comes from `available`, which asked the processor.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { add_avx512::<SQUARED>(part, blocks, sums) },
            // SAFETY: likewise an `Avx2`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { add_avx2::<SQUARED>(part, blocks, sums) },
            Self::Portable => add_portable::<SQUARED>(part, blocks, sums),
        }
    }

    /// What [`tree`] makes of all sums.
    fn totals(self, sums: &[[f64; LEFT]], totals: &mut [f64]) {
        match self {
            // SAFETY: a `Vnni` comes from `available`, which asked the processor.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { totals_avx512(sums, totals) },
            // SAFETY: likewise an `Avx2`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { totals_avx2(sums, totals) },
            Self::Portable => {
                for (total, sums) in totals.iter_mut().zip(sums) {
                    let mut lanes = [0.0; LANES];
                    lanes[..LEFT].copy_from_slice(sums);
                    *total = tree(lanes);
                }
            }
        }
    }
}

fn add_portable<const SQUARED: bool>(part: &Part<'_>, blocks: &[(usize, usize)], sums: &mut [[f64; LEFT]]) {
    const R: usize = 2;
    const C: usize = 4;
    for (&(top, left), sums) in blocks.iter().zip(sums.as_chunks_mut::<{ R * C }>().0) {
        let columns = part.columns::<C>(left).map(|column| column.as_chunks::<LEFT>().0);
        for (row, sums) in part.rows::<R>(top).iter().zip(sums.as_chunks_mut::<C>().0) {
            let mut lanes = [[0.0; LEFT]; C];
            for (step, x) in row.as_chunks::<LEFT>().0.iter().enumerate() {
                for (lanes, column) in lanes.iter_mut().zip(&columns) {
                    let y = &column[step];
                    for k in 0..LEFT {
                        lanes[k] = if SQUARED {
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
            for (sum, lane) in sums.as_flattened_mut().iter_mut().zip(lanes.as_flattened()) {
                *sum = if part.number == 0 { *lane } else { *sum + lane };
            }
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn add_avx2<const SQUARED: bool>(
    part: &Part<'_>,
    blocks: &[(usize, usize)],
    sums: &mut [[f64; LEFT]],
) {
    use std::arch::x86_64::*;
    const R: usize = 2;
    const C: usize = 6;
    const WIDTH: usize = 4;
    // The first two parts side by side, and the other two on top of them.
    let (from, starts) = (part.number * WIDTH % LEFT, part.number * WIDTH < LEFT);
    for (&(top, left), sums) in blocks.iter().zip(sums.as_chunks_mut::<{ R * C }>().0) {
        // Each `len` numbers long.
        let (rows, columns) = (part.rows::<R>(top), part.columns::<C>(left));
        // So many that all stay in registers, from the first to the last.
        let mut lanes = [[_mm256_setzero_pd(); C]; R];
        for step in 0..part.len / WIDTH {
            // SAFETY: `step` is less than the registers that each row holds.
            let x = rows.map(|row| unsafe { _mm256_loadu_pd(row.as_ptr().add(step * WIDTH)) });
            for (c, column) in columns.iter().enumerate() {
                // SAFETY: likewise.
                let y = unsafe { _mm256_loadu_pd(column.as_ptr().add(step * WIDTH)) };
                for (lanes, x) in lanes.iter_mut().zip(x) {
                    lanes[c] = if SQUARED {
                        let off = _mm256_sub_pd(x, y);
                        _mm256_add_pd(lanes[c], _mm256_mul_pd(off, off))
                    } else {
                        _mm256_fmadd_pd(x, y, lanes[c])
                    };
                }
            }
        }
        for (sum, &lanes) in sums.iter_mut().zip(lanes.as_flattened()) {
            let to = sum[from..].as_mut_ptr();
            // SAFETY: four numbers are there from 0 and from 4 on.
            unsafe {
                let sum = if starts { lanes } else { _mm256_add_pd(_mm256_loadu_pd(to), lanes) };
                _mm256_storeu_pd(to, sum);
            }
        }
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn totals_avx2(sums: &[[f64; LEFT]], totals: &mut [f64]) {
    use std::arch::x86_64::*;
    for (totals, sums) in totals.as_chunks_mut::<4>().0.iter_mut().zip(sums.as_chunks::<4>().0) {
        let of = sums.map(|sum| {
            // SAFETY: eight numbers are there.
            let (x, y) = unsafe { (_mm256_loadu_pd(sum.as_ptr()), _mm256_loadu_pd(sum[4..].as_ptr())) };
            _mm256_add_pd(x, y)
        });
        // Quarters of two sums side by side, then both numbers of four.
        let quarters: [_; 2] = std::array::from_fn(|k| {
            let (x, y) = (of[k], of[k + 2]);
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(x, y), _mm256_permute2f128_pd::<0x31>(x, y))
        });
        let [x, y] = quarters;
        let all = _mm256_add_pd(_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
        // SAFETY: four numbers are what there is room for.
        unsafe { _mm256_storeu_pd(totals.as_mut_ptr(), all) };
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn add_avx512<const SQUARED: bool>(
    part: &Part<'_>,
    blocks: &[(usize, usize)],
    sums: &mut [[f64; LEFT]],
) {
    use std::arch::x86_64::*;
    const R: usize = MOST.0;
    const C: usize = MOST.1;
    const WIDTH: usize = LEFT;
    for (&(top, left), sums) in blocks.iter().zip(sums.as_chunks_mut::<{ R * C }>().0) {
        // Each `len` numbers long.
        let (rows, columns) = (part.rows::<R>(top), part.columns::<C>(left));
        // So many that all stay in registers, from the first to the last.
        let mut lanes = [[_mm512_setzero_pd(); C]; R];
        for step in 0..part.len / WIDTH {
            // SAFETY: `step` is less than the registers that each row holds.
            let y = columns.map(|column| unsafe { _mm512_loadu_pd(column.as_ptr().add(step * WIDTH)) });
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: likewise.
                let x = unsafe { _mm512_loadu_pd(row.as_ptr().add(step * WIDTH)) };
                for (lanes, y) in lanes.iter_mut().zip(y) {
                    *lanes = if SQUARED {
                        let off = _mm512_sub_pd(x, y);
                        _mm512_add_pd(*lanes, _mm512_mul_pd(off, off))
                    } else {
                        _mm512_fmadd_pd(x, y, *lanes)
                    };
                }
            }
        }
        for (sum, &lanes) in sums.iter_mut().zip(lanes.as_flattened()) {
            // SAFETY: eight numbers are there.
            unsafe {
                let to = sum.as_mut_ptr();
                let sum = if part.number == 0 { lanes } else { _mm512_add_pd(_mm512_loadu_pd(to), lanes) };
                _mm512_storeu_pd(to, sum);
            }
        }
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn totals_avx512(sums: &[[f64; LEFT]], totals: &mut [f64]) {
    use std::arch::x86_64::*;
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (totals, sums) in totals.as_chunks_mut::<8>().0.iter_mut().zip(sums.as_chunks::<8>().0) {
        // SAFETY: eight numbers are there.
        let of = sums.map(|sum| unsafe { _mm512_loadu_pd(sum.as_ptr()) });
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
        unsafe { _mm512_storeu_pd(totals.as_mut_ptr(), _mm512_permutexvar_pd(order, all)) };
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;
    use crate::found::ones;
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
                            // One block at least that is worth it.
                            *bits = 0b11;
                            for at in 0..panel.len() {
                                *bits |= u64::from(random.uniform() < 0.4) << at;
                            }
                        }
                        let before = hits;
                        let mut seen: Hits = [0; MAX_GROUP];
                        let (number, corner) = (round % 4, (3, 50));
                        tiles.links((number, &group), &panel, corner, 1.5, &mut hits, |pairs| {
                            for pair in ones(pairs.bits.into()) {
                                let (row, column) = (pair / isa.block().1, pair % isa.block().1);
                                let (i, j) = (pairs.corner.0 - 3 + row, pairs.corner.1 - 50 + column);
                                seen[i] |= 1 << j;
                                let (want, distance) =
                                    (exact.distance(group[i], panel[j]), pairs.distances[pair]);
                                assert!(distance <= 1.5);
                                assert_eq!(
                                    distance.to_bits(),
                                    want.to_bits(),
                                    "{isa:?} {metric} {dim} {i} {j}"
                                );
                            }
                        });
                        for (at, seen) in seen.iter_mut().enumerate().take(group.len()) {
                            let gone = before[at] & !hits[at] & !*seen;
                            for j in ones(gone) {
                                assert!(exact.distance(group[at], panel[j]) > 1.5);
                            }
                            *seen |= gone;
                        }
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
