//! Points made small, so that most pairs can be ruled out for a fraction of the work, and provably.
//!
//! A point is a cluster of rows (mostly one). With rows of length 1 for cosine, and as they are for
//! Euclidean, let z be the mean of its rows and S the mean of their squared lengths, both after moving the
//! origin. The mean over all pairs across two points of |a − b|² is S + S' − 2 z·z', and the largest is no
//! less; and for cosine |a − b|² is twice the distance. So with T² = t² (cosine: 2t), two points within t have
//!
//! z·z' ≥ (S + S' − T²) / 2.   (1)
//!
//! **First stage**, for all pairs: k numbers of z, along directions that hold most of the energy, and the
//! length ρ of the rest. By Cauchy and Schwarz z·z' ≤ p·p' + ρρ'. The k numbers become bytes, p = s·q + e with one
//! step s for all points; ρ becomes four bytes of ρ/2 rounded up. So
//! z·z' ≤ s²(q·q' + Σρ_q ρ_q') + |e||p'| + s|q||e'|, and with W no less than any |p|, s|q'| ≤ W + |e'| and |e||e'| ≤ (|e|² + |e'|²) / 2, each side of (1)
//! is a sum of what each point gives: an integer product and a comparison for a pair (see [`crate::kernel`]).
//!
//! **Second stage**, for the pairs that pass: all d numbers as bytes with a step for each point, and the same
//! bound with the two points' own lengths instead of W. The bytes of all rows then show which pairs across two
//! clusters may be the farthest: only those are computed.
//!
//! The k directions come from a sample, multiplied in `f32`. Their matrix R has |RᵀR − 1| ≤ η (computed),
//! and products are off by at most γ|z|, γ = √k·(d + 2)·2⁻²⁴ (Higham, *Accuracy and Stability of Numerical Algorithms*,
//! §3.1); both are added to e and to ρ. All else is `f64` and covered by [`Projection::slack`]. A wrong choice of
//! directions, steps or k costs time, never a pair.

mod build;
mod cluster_distance;
mod cluster_pairs;
mod cost_model;
mod projection;
mod range_query;
mod scalar_quantized;
mod sum_range;

use std::ops::Range;
use std::sync::OnceLock;

use streamface_types::Metric;

use crate::distance_tile::DistanceTiles;
use crate::exact_distance::ExactDistance;
use crate::link_sink::{LinkSink, PairBlock, ones};
use crate::points::Points;
use build::FirstStage;
pub(crate) use cluster_distance::Scratch;
pub(crate) use cluster_pairs::{GROUP, Group};
use cost_model::FilterPlan;
use projection::order;
pub(crate) use projection::{Projection, Tuning, spread};
pub(crate) use range_query::PackedPoints;
use scalar_quantized::{QuantizedRow, ScalarQuantized};
use streamface_kernels::byte_bounds::Row;
use streamface_kernels::byte_tile::Hits;
use streamface_kernels::prefetch;
use streamface_kernels::{Isa, dot_i8};
use sum_range::{most_start, never};

/// All points, made ready for the join.
pub(crate) struct Prefilter {
    pub(crate) isa: Isa,
    /// In the prefilter's own order.
    points: Points,
    /// The point at each place.
    order: Vec<u32>,
    first: FirstStage,
    second: Option<ScalarQuantized>,
    /// Made when it is asked for.
    lean: OnceLock<Vec<Row>>,
    slack: f64,
    rounding: f64,
}

impl Prefilter {
    /// Of points in an order of its own, by which those that are near each other mostly come together.
    pub(crate) fn new(exact: &ExactDistance, space: &Projection, points: &Points, threshold: f64) -> Self {
        Self::in_order(exact, space, points, threshold, order(exact, space, points))
    }

    /// Of points that stay where they are: a point's place is its number.
    pub(crate) fn in_place(
        exact: &ExactDistance,
        space: &Projection,
        points: &Points,
        threshold: f64,
    ) -> Self {
        Self::in_order(exact, space, points, threshold, (0..points.len() as u32).collect())
    }

    fn in_order(
        exact: &ExactDistance,
        space: &Projection,
        points: &Points,
        threshold: f64,
        order: Vec<u32>,
    ) -> Self {
        let reach = space.reach(exact.metric(), threshold);
        let points = points.in_order(&order);
        let plan = FilterPlan::choose(exact, space, &points, reach, space.tuning.isa);
        let mut second =
            plan.second.then(|| ScalarQuantized::new(space.tuning.isa, &points, exact.rows().dim()));
        let first = FirstStage::new((exact, space), &points, plan, reach, second.as_mut());
        let slack = space.slack;
        // Half of what T² has room for: errors count twice.
        let rounding = if exact.metric() == Metric::Cosine { slack / 2.0 } else { 0.0 };
        Self { isa: space.tuning.isa, points, order, first, second, lean: OnceLock::new(), slack, rounding }
    }

    /// Of the same points in the same order, for another threshold; the second stage is the same.
    pub(crate) fn again(self, exact: &ExactDistance, space: &Projection, threshold: f64) -> Self {
        let reach = space.reach(exact.metric(), threshold);
        let plan = FilterPlan::choose(exact, space, &self.points, reach, self.isa);
        Self { first: FirstStage::new((exact, space), &self.points, plan, reach, None), ..self }
    }

    pub(crate) fn panels(&self) -> usize {
        self.first.start.len() / self.isa.tile_columns()
    }

    /// How much more a pair's sum must reach for a smaller T² than the one this was made for.
    fn raise(&self, reach: f64) -> i32 {
        // One less for rounding.
        ((self.first.reach - reach) / 2.0 / (self.first.step * self.first.step) - 1.0)
            .clamp(0.0, f64::from(1 << 26)) as i32
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The smallest row of the point at each place.
    pub(crate) fn ids(&self) -> &[u32] {
        self.points.ids()
    }

    /// The point at each place.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The point at a place.
    pub(crate) fn point(&self, place: u32) -> u32 {
        self.order[place as usize]
    }

    /// Calls `found(p, q, least)` with the places p < q of candidates, p in `block`, q in it or after it, and a lower
    /// bound of the largest |a − b|² across the two. `reach` is T² of (1), at most that of the threshold this was made
    /// for. Pairs that are not `wanted` are passed over after the first stage.
    pub(crate) fn candidates(
        &self,
        (exact, space): (&ExactDistance, &Projection),
        block: Panels,
        reach: f64,
        wanted: Option<&impl Wanted>,
        mut found: impl FnMut(u32, u32, f64),
    ) {
        self.first_stage(block, reach, wanted, |tile| {
            for (i, bits) in tile.rows.zip(tile.hits) {
                for j in ones(bits).map(|j| tile.columns.start + j) {
                    let least = self.least(exact, space, (i as u32, j as u32));
                    if least <= reach {
                        found(i as u32, j as u32, least);
                    }
                }
            }
        });
    }

    /// Adds the links within `threshold` of pairs among [`candidates`](Self::candidates): those of two single rows, and what
    /// `of_points` makes of the places p < q of others. `full` sees `found` whenever a tile has brought more.
    pub(crate) fn links<F: LinkSink>(
        &self,
        exact: &ExactDistance,
        block: Panels,
        (threshold, reach): (f64, f64),
        wanted: Option<&impl Wanted>,
        mut of_points: impl FnMut(u32, u32) -> Option<f64>,
        (found, mut full): (&mut F, impl FnMut(&mut F)),
    ) {
        let are_rows = self.points.are_rows();
        let single = |place: usize| self.points.range(place).len() == 1;
        let (mut tiles, mut room) = (DistanceTiles::new(exact, self.isa), [Vec::new(), Vec::new()]);
        let (mut near, mut others) = (Vec::new(), Vec::new());
        self.first_stage(block, reach, wanted, |mut tile| {
            let (rows, columns) = (tile.rows.clone(), tile.columns.clone());
            let [of_group, of_panel] = &mut room;
            let group = self.points.firsts(rows.clone(), of_group);
            let panel = self.points.firsts(columns.clone(), of_panel);
            let mut rest = Hits::default();
            if !are_rows {
                let mut mask = 0;
                columns.clone().for_each(|j| mask |= u64::from(single(j)) << (j - columns.start));
                for ((i, bits), rest) in rows.clone().zip(&mut tile.hits).zip(&mut rest) {
                    let both = if single(i) { mask } else { 0 };
                    (*bits, *rest) = (*bits & both, *bits & !both);
                }
            }
            let (corner, before) = ((rows.start, columns.start), found.len());
            let number = (rows.start - block.from * self.isa.tile_columns()) / self.isa.tile_rows();
            tiles.links((number, group), panel, corner, threshold, &mut tile.hits, |pairs| found.add(pairs));
            if let Some(second) = &self.second {
                for (bits, rest) in tile.hits.iter().zip(rest) {
                    ones(bits | rest).for_each(|j| prefetch(second.of(columns.start + j).0));
                }
            }
            for (i, (bits, rest)) in tile.hits.into_iter().zip(rest).enumerate().take(rows.len()) {
                let row = rows.start + i;
                let mut add = |j: usize, distance| {
                    found.add(&PairBlock {
                        corner: (row, columns.start + j),
                        bits: 1,
                        distances: &[distance],
                    });
                };
                let passes = |&j: &usize| self.passes(row, columns.start + j, reach);
                for j in ones(rest).filter(passes) {
                    if let Some(distance) = of_points(row as u32, (columns.start + j) as u32) {
                        add(j, distance);
                    }
                }
                if bits == 0 {
                    continue;
                }
                others.clear();
                others.extend(ones(bits).filter(passes));
                near.clear();
                near.extend(others.iter().map(|&j| panel[j]));
                let mut next = others.iter();
                exact.distances(group[i], &near, |_, distance| {
                    if let Some(&j) = next.next().filter(|_| distance <= threshold) {
                        add(j, distance);
                    }
                    true
                });
            }
            if found.len() > before {
                full(found);
            }
        });
    }

    /// The pairs that pass the first stage, tile by tile.
    fn first_stage(
        &self,
        Panels { from, to, last }: Panels,
        reach: f64,
        wanted: Option<&impl Wanted>,
        mut found: impl FnMut(Tile),
    ) {
        let (lanes, group) = (self.isa.tile_columns(), self.isa.tile_rows());
        let size = lanes * self.first.quads * 4;
        let groups = self.groups((from * lanes) as u32..(to * lanes) as u32, reach);
        let mut hits = Hits::default();
        // The groups stay in a near cache while the panels stream by.
        for right in from..last {
            let panel = &self.first.panels[right * size..(right + 1) * size];
            let panel_start = &self.first.start[right * lanes..(right + 1) * lanes];
            let columns = right * lanes..((right + 1) * lanes).min(self.len());
            for (g, (rows, start)) in groups.all().enumerate() {
                let first = from * lanes + g * group;
                if first >= (right + 1) * lanes {
                    break;
                }
                if !self.isa.byte_tile(rows, panel, start, panel_start, &mut hits) {
                    continue;
                }
                let rows = first..(first + group).min(self.len());
                let mut any = 0;
                for (i, bits) in rows.clone().zip(&mut hits) {
                    *bits &= !0 >> (64 - columns.len());
                    if i >= columns.start {
                        // Below and on the diagonal.
                        *bits &= !0_u64 << (i - columns.start) << 1;
                    }
                    if let Some(wanted) = wanted.filter(|_| *bits != 0) {
                        *bits &= wanted.among(i, columns.clone(), *bits);
                    }
                    any |= *bits;
                }
                if any != 0 {
                    hits[rows.len()..].fill(0);
                    found(Tile { rows, columns: columns.clone(), hits });
                }
            }
        }
    }
}

/// The pairs of what is in panels `from..to` with each other and with what follows, up to panel `last`.
#[derive(Clone, Copy)]
pub(crate) struct Panels {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) last: usize,
}

/// Which pairs are compared at.
pub(crate) trait Wanted {
    /// Of the place `i` and some others, one a bit of those set; the bits of those that are not set are no matter.
    fn among(&self, i: usize, others: Range<usize>, bits: u64) -> u64;
}

/// Pairs of points.
pub(crate) struct Only<'a, F> {
    order: &'a [u32],
    wanted: F,
}

impl Prefilter {
    /// Only the pairs of points that a function accepts.
    pub(crate) fn only<F: Fn(u32, u32) -> bool>(&self, wanted: F) -> Only<'_, F> {
        Only { order: &self.order, wanted }
    }
}

impl<F: Fn(u32, u32) -> bool> Wanted for Only<'_, F> {
    fn among(&self, i: usize, others: Range<usize>, bits: u64) -> u64 {
        let (i, others) = (self.order[i], &self.order[others]);
        ones(bits).map(|j| u64::from((self.wanted)(i, others[j])) << j).fold(0, |all, bit| all | bit)
    }
}

/// Points in groups, as the kernel takes them.
struct Groups {
    bytes: Vec<i8>,
    starts: Vec<i32>,
    /// Points of a group, and their bytes.
    size: (usize, usize),
}

impl Groups {
    /// Bytes of each group, and where its sums start.
    fn all(&self) -> impl Iterator<Item = (&[i8], &[i32])> {
        self.bytes.chunks(self.size.1).zip(self.starts.chunks(self.size.0))
    }
}

impl Prefilter {
    /// Points at some places, to be compared within `reach`; the last group is filled up with such as are near nobody.
    fn groups(&self, places: impl ExactSizeIterator<Item = u32>, reach: f64) -> Groups {
        let (lanes, group, quads) = (self.isa.tile_columns(), self.isa.tile_rows(), self.first.quads);
        let (size, raise) = (group * quads * 4, self.raise(reach));
        let count = places.len().div_ceil(group);
        let mut bytes = vec![0_i8; count * size];
        let mut starts = vec![never(self.isa); count * group];
        for (at, place) in places.enumerate() {
            let (panel, lane) = (place as usize / lanes, place as usize % lanes);
            let (from, to) = (panel * lanes * quads * 4 + lane * 4, at / group * size + at % group * 4);
            let mut sum = 0;
            for quad in 0..quads {
                for k in 0..4 {
                    let q =
                        i32::from(self.first.panels[from + quad * lanes * 4 + k]) - self.isa.tile_offset();
                    bytes[to + quad * group * 4 + k] = q as i8;
                    sum += q;
                }
            }
            let (start, most) = (self.first.start[place as usize], most_start(self.isa));
            // Those at the end of what there is stay: what always passes, and what never does.
            let raised = if start.abs() < most { (start - raise).max(-most) } else { start };
            starts[at] = raised - self.isa.tile_offset() * sum;
        }
        Groups { bytes, starts, size: (group, size) }
    }
}

/// List of some places with some others.
pub(crate) struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
    hits: Hits,
}

impl Prefilter {
    /// The second stage for two points.
    #[inline]
    fn passes(&self, i: usize, j: usize, reach: f64) -> bool {
        let Some(second) = &self.second else { return true };
        let misses = self.between(second.of(i), second.of(j)).0 > reach;
        // What is not a number passes.
        !misses
    }

    /// Bounds of the mean |a − b|² across two points; NaN where there are none.
    ///
    /// Between rows they leave room for the distances that decide, too: these are themselves rounded, cosine to so
    /// much of 1 however small it is, so that of two pairs one is the nearer only where no bound of it is above one
    /// of the other.
    #[inline]
    fn between(&self, (x, a): (&[i8], &QuantizedRow), (y, b): (&[i8], &QuantizedRow)) -> (f64, f64) {
        let dot = a.step * b.step * f64::from(dot_i8(self.isa, x, y, b.sum));
        let error = a.error * b.length
            + (a.length + a.error) * b.error
            + self.slack * (a.square + b.square)
            + self.rounding;
        let middle = a.square + b.square - 2.0 * dot;
        (middle - 2.0 * error, middle + 2.0 * error)
    }

    /// A lower bound of the largest |a − b|² across the points at two places.
    #[inline]
    pub(crate) fn least(&self, exact: &ExactDistance, space: &Projection, (i, j): (u32, u32)) -> f64 {
        let (i, j) = (i as usize, j as usize);
        let Some(second) = &self.second else {
            // That of any pair.
            let distance = exact.distance(self.points.members(i)[0], self.points.members(j)[0]);
            return space.reach(exact.metric(), distance) * (1.0 - 1e-6);
        };
        let (least, _) = self.between(second.of(i), second.of(j));
        // NaN is no bound.
        if least > 0.0 { least } else { 0.0 }
    }
}
