//! Distances of many of the pairs between a few rows and a few others, all at once; bit for bit those of
//! [`ExactDistance::distance`].
//!
//! Where clusters are large, whole tiles of the join are links. Computing one distance at a time reads two rows for it,
//! converts both to `f64`, and mostly waits. Here rows are converted once, into the order in which the
//! instructions take them, and the sums of a block of pairs stay in registers: each number that is loaded
//! serves several. All blocks of a tile go through one part of the numbers before the next, as so much of all rows stays in
//! the first-level cache.

use std::ops::Range;

use streamface_kernels::byte_tile::{Hits, MAX_PANEL};
use streamface_kernels::f64_tile::{LEFT, Part, add, totals};
use streamface_kernels::{Aligned, Isa, LANES, prefetch};
use streamface_types::Metric;

use crate::elementwise::{cosine_distances, square_roots};
use crate::exact_distance::ExactDistance;
use crate::link_sink::PairBlock;

/// Which rows are at the places of a tile: those of a group, and those of a panel.
pub(crate) struct DistanceTiles<'a> {
    exact: &'a ExactDistance<'a>,
    isa: Isa,
    /// Groups by number. One at work stays in the first-level cache, and so is made `f64` part by part.
    groups: Vec<PackedRows<f32>>,
    part: Aligned<f64>,
    panel: PackedRows<f64>,
    /// The first row and column of each block at work, and the sums of its pairs.
    blocks: Vec<(usize, usize)>,
    sums: Vec<[f64; LEFT]>,
    /// Of the same pairs, their distances, and products of their two squared lengths.
    distances: Vec<f64>,
    squares: Vec<f64>,
}

impl<'a> DistanceTiles<'a> {
    pub(crate) fn new(exact: &'a ExactDistance<'a>, isa: Isa) -> Self {
        let (dim, width) = (exact.rows().dim(), isa.f64_width());
        Self {
            exact,
            isa,
            groups: Vec::new(),
            part: Aligned::default(),
            panel: PackedRows::new(isa.tile_columns(), dim, width),
            blocks: Vec::new(),
            sums: Vec::new(),
            distances: Vec::new(),
            squares: Vec::new(),
        }
    }

    /// Takes pairs of `hits` out of it, row `group[i]` with row `panel[j]`, where there are enough of them in one place to
    /// pay, and calls `found` with those of each block that are at most `threshold` apart. A group that comes again
    /// and again, with different panels, should have the same small number. `corner` is the place of the first pair.
    pub(crate) fn links(
        &mut self,
        (number, group): (usize, &[u32]),
        panel: &[u32],
        corner: (usize, usize),
        threshold: f64,
        hits: &mut Hits,
        mut found: impl FnMut(&PairBlock<'_>),
    ) {
        let (rows, columns) = self.isa.f64_block();
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
            self.groups.push(PackedRows::new(
                self.isa.tile_rows(),
                self.exact.rows().dim(),
                self.isa.f64_width(),
            ));
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
                found(&PairBlock { corner: (corner.0 + top, corner.1 + left), bits, distances });
            }
        }
    }

    /// Computes the distances of all blocks at work, of this group and the panel.
    fn measure(&mut self, number: usize) {
        let (own, (rows, columns)) = (&self.groups[number], self.isa.f64_block());
        if self.part.is_empty() {
            self.part.reset(own.part(0).len(), 0.0);
        }
        let pairs = rows * columns;
        if self.sums.len() < self.blocks.len() * pairs {
            self.sums.resize(self.blocks.len() * pairs, [0.0; LEFT]);
        }
        let parts = LANES / self.isa.f64_width();
        for part in 0..parts {
            self.part.iter_mut().zip(own.part(part)).for_each(|(to, &x)| *to = x.into());
            if part + 1 < parts {
                prefetch(own.part(part + 1));
            }
            let of = Part { number: part, len: own.len(), group: &self.part, panel: self.panel.part(part) };
            match self.exact.metric() {
                Metric::Euclidean => add::<true>(self.isa, &of, &self.blocks, &mut self.sums),
                Metric::Cosine => add::<false>(self.isa, &of, &self.blocks, &mut self.sums),
            }
        }
        let sums = &self.sums[..self.blocks.len() * pairs];
        self.distances.resize(sums.len(), 0.0);
        totals(self.isa, sums, &mut self.distances);
        if self.exact.metric() == Metric::Cosine {
            self.squares.resize(sums.len(), 0.0);
            for (&(top, left), squares) in self.blocks.iter().zip(self.squares.chunks_mut(pairs)) {
                let panel = &self.panel.squares[left..];
                for (squares, group) in squares.chunks_mut(columns).zip(&own.squares[top..]) {
                    squares.iter_mut().zip(panel).for_each(|(square, panel)| *square = group * panel);
                }
            }
            cosine_distances(self.isa, &mut self.distances, &self.squares);
        } else {
            square_roots(self.isa, &mut self.distances);
        }
    }
}

/// Rows in parts of so many of the [`LANES`] as a register is wide: `numbers[((part · rows + row) · steps + step) · width + k]`
/// is number step · 16 + part · width + k of a row; zeros beyond the end.
struct PackedRows<T> {
    rows: usize,
    steps: usize,
    width: usize,
    numbers: Aligned<T>,
    /// The row at each place.
    held: Vec<Option<u32>>,
    /// Squared lengths of the rows, for cosine.
    squares: [f64; MAX_PANEL],
}

impl<T: From<f32> + Copy + Default> PackedRows<T> {
    fn new(rows: usize, dim: usize, width: usize) -> Self {
        let (steps, held) = (dim.div_ceil(LANES), vec![None; rows]);
        Self { rows, steps, width, numbers: Aligned::default(), held, squares: [0.0; MAX_PANEL] }
    }

    /// Makes sure that some of `rows` are there, those at places `of`.
    fn hold(&mut self, exact: &ExactDistance, rows: &[u32], of: Range<usize>) {
        for at in of {
            if self.held[at].replace(rows[at]) != Some(rows[at]) {
                self.put(exact, rows[at], at);
            }
        }
    }

    /// Puts row `row` at place `at`.
    fn put(&mut self, exact: &ExactDistance, row: u32, at: usize) {
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

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;
    use crate::link_sink::ones;
    use streamface_kernels::SplitMix64;
    use streamface_kernels::byte_tile::MAX_GROUP;

    #[test]
    fn bit_for_bit_the_distance() {
        let mut random = SplitMix64::new(3);
        for dim in [1, 7, 16, 33] {
            let mut data: Vec<f32> = (0..70 * dim)
                .map(|at| (random.uniform() as f32 - 0.5) * if at % 97 == 0 { 1e30 } else { 3.0 })
                .collect();
            data[5 * dim..6 * dim].fill(0.0);
            let rows = Embeddings::new(data, dim).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let exact = ExactDistance::new(&rows, metric).unwrap();
                for isa in Isa::available() {
                    let mut tiles = DistanceTiles::new(&exact, isa);
                    for round in 0..20 {
                        // Some of a tile, and the last of all, which may be cut short.
                        let row = |at: usize| (at * 7 + round) as u32 % 70;
                        let group: Vec<u32> = (0..isa.tile_rows() - round % 3).map(row).collect();
                        let panel: Vec<u32> =
                            (100..100 + isa.tile_columns() - 5 * (round % 2)).map(row).collect();
                        let mut hits: Hits = [0; MAX_GROUP];
                        for bits in &mut hits[..group.len()] {
                            // At least one block with enough pairs.
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
                                let (row, column) = (pair / isa.f64_block().1, pair % isa.f64_block().1);
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
