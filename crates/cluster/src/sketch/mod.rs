//! Points made small, so that most pairs can be ruled out for a fraction of the work, and provably.
//!
//! A point is a cluster of rows (mostly one). With rows of length 1 for cosine, and as they are for
//! Euclidean, let z be the mean of its rows and S the mean of their squared lengths, both after moving the
//! origin. The mean over all pairs across two points of |a − b|² is S + S' − 2 z·z', and the largest is no
//! less; and for cosine |a − b|² is twice the distance. So with T² = t² (cosine: 2t), two points within t have
//!
//! z·z' ≥ (S + S' − T²) / 2.   (1)
//!
//! **First look**, for all pairs: k numbers of z, along directions that hold most of the energy, and the
//! length ρ of the rest. By Cauchy and Schwarz z·z' ≤ p·p' + ρρ'. The k numbers become bytes, p = s·q + e with one
//! step s for all points; ρ becomes four bytes of ρ/2 rounded up. So
//! z·z' ≤ s²(q·q' + Σρ_q ρ_q') + |e||p'| + s|q||e'|, and with W no less than any |p|, s|q'| ≤ W + |e'| and |e||e'| ≤ (|e|² + |e'|²) / 2, each side of (1)
//! is a sum of what each point gives: an integer product and a comparison for a pair (see [`crate::kernel`]).
//!
//! **Second look**, for what passes: all d numbers as bytes with a step for each point, and the same
//! bound with the two points' own lengths instead of W. The bytes of all rows then tell which pairs across two
//! clusters may be the farthest: only those are computed.
//!
//! The k directions come from a sample, multiplied in `f32`. Their matrix R has |RᵀR − 1| ≤ η (computed),
//! and products are off by at most γ|z|, γ = √k·(d + 2)·2⁻²⁴ (Higham, *Accuracy and Stability of Numerical Algorithms*,
//! §3.1); both are added to e and to ρ. All else is `f64` and covered by [`Space::slack`]. A wrong choice of
//! directions, steps or k costs time, never a pair.

mod group;
mod near;
mod plan;
mod second;
mod space;

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;
use streamface_types::Metric;

use crate::exact::Exact;
use crate::kernel::{Hits, Isa};
use crate::links::Link;
use crate::points::Points;
use crate::tile::Tiles;
use group::Lean;
pub(crate) use group::{GROUP, Group};
pub(crate) use near::Field;
use plan::Plan;
use second::{Own, Part, Second};
use space::{Placed, norm, order};
pub(crate) use space::{Space, Tuning, spread};

/// What points may give to the sums of the first look, so that each stays within [`Isa::range`]: half of it is for the
/// products of any two points, a quarter for what either starts from. Points without a bound have zeros for numbers, so
/// that where they start decides.
impl Isa {
    /// The most that the squares of a point's numbers may add up to.
    fn most_square(self) -> i32 {
        self.range() / 2
    }

    /// Where a point may start at most, either way; that of points that no bound is worth taking for.
    fn most_start(self) -> i32 {
        self.range() / 4
    }

    /// The start of what is near to nothing.
    fn never(self) -> i32 {
        -self.range() / 2
    }
}

/// Pairs of rows that are worth a group.
const GROUPED: usize = 32;
/// Points that are made ready together.
const CHUNK: usize = 256;

/// All points, made ready for the join.
pub(crate) struct Sketch {
    pub(crate) isa: Isa,
    /// In the sketch's own order.
    points: Points,
    /// The point at each place.
    order: Vec<u32>,
    quads: usize,
    /// Panel after panel; the last one filled up.
    panels: Vec<u8>,
    /// What a pair's sum starts from, for each point.
    start: Vec<i32>,
    step: f64,
    reach: f64,
    second: Option<Second>,
    /// Made when it is asked for.
    lean: OnceLock<Vec<Lean>>,
    slack: f64,
    rounding: f64,
}

impl Sketch {
    /// Of points in an order of its own, by which those that are near each other mostly come together.
    pub(crate) fn new(exact: &Exact, space: &Space, points: &Points, threshold: f64) -> Self {
        Self::in_order(exact, space, points, threshold, (order(exact, space, points), None))
    }

    /// Of the same points in the same order, for another threshold; the second look is the same.
    pub(crate) fn again(self, exact: &Exact, space: &Space, points: &Points, threshold: f64) -> Self {
        Self::in_order(exact, space, points, threshold, (self.order, Some(self.second)))
    }

    /// Of points that stay where they are: a point's place is its number.
    pub(crate) fn in_place(exact: &Exact, space: &Space, points: &Points, threshold: f64) -> Self {
        Self::in_order(exact, space, points, threshold, ((0..points.len() as u32).collect(), None))
    }

    /// In some order; with the second look that there is, or as the plan has it.
    fn in_order(
        exact: &Exact,
        space: &Space,
        points: &Points,
        threshold: f64,
        (order, second): (Vec<u32>, Option<Option<Second>>),
    ) -> Self {
        let isa = space.tuning.isa;
        let reach = space.reach(exact.metric(), threshold);
        let plan = Plan::choose(exact, space, points, reach, isa);
        let points = points.in_order(&order);
        let (n, dim, lanes) = (points.len(), exact.rows().dim(), isa.panel());
        let quads = plan.k / 4 + 1;
        let count = n.div_ceil(lanes);
        let mut panels = vec![isa.offset() as u8; count * lanes * quads * 4];
        let mut start = vec![isa.never(); count * lanes];
        let made = second.is_some();
        let mut second = second.unwrap_or_else(|| plan.second.then(|| Second::new(&points, dim)));
        // Whole panels a chunk, so that each writes a part of its own.
        let per = CHUNK.div_ceil(lanes);
        let sizes = (per * lanes * quads * 4, per * lanes);
        let parts = match &mut second {
            Some(second) if !made => second.parts(&points, sizes.1),
            _ => (0..count.div_ceil(per)).map(|_| None).collect(),
        };
        let maker = Maker { exact, space, points: &points, plan, reach, isa };
        panels
            .par_chunks_mut(sizes.0)
            .zip(start.par_chunks_mut(sizes.1))
            .zip(parts)
            .enumerate()
            .for_each(|(chunk, ((panels, start), part))| maker.make(chunk * sizes.1, panels, start, part));
        let slack = space.slack;
        // Half of what T² has room for: errors count twice.
        let rounding = if exact.metric() == Metric::Cosine { slack / 2.0 } else { 0.0 };
        Self {
            isa,
            points,
            order,
            quads,
            panels,
            start,
            step: plan.step,
            reach,
            second,
            lean: OnceLock::new(),
            slack,
            rounding,
        }
    }

    pub(crate) fn panels(&self) -> usize {
        self.start.len() / self.isa.panel()
    }

    /// How much more a pair's sum must reach for a smaller T² than the one this was made for.
    fn raise(&self, reach: f64) -> i32 {
        // One less for rounding.
        ((self.reach - reach) / 2.0 / (self.step * self.step) - 1.0).clamp(0.0, f64::from(1 << 26)) as i32
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The point at a place.
    pub(crate) fn point(&self, place: u32) -> u32 {
        self.order[place as usize]
    }

    /// The link of the points at two places.
    pub(crate) fn link(&self, p: u32, q: u32, distance: f64) -> Link {
        let (i, j) = (self.point(p), self.point(q));
        Link { i: i.min(j), j: i.max(j), distance }
    }

    /// Calls `found(p, q, least)` with the places p < q of candidates, p in `block`, q in it or after it, and a lower
    /// bound of the largest |a − b|² across the two. `reach` is T² of (1), at most that of the threshold this was made
    /// for. Pairs that are not `wanted` are passed over after the first look.
    pub(crate) fn candidates(
        &self,
        (exact, space): (&Exact, &Space),
        block: Panels,
        reach: f64,
        wanted: Option<&impl Wanted>,
        mut found: impl FnMut(u32, u32, f64),
    ) {
        self.first_look(block, reach, wanted, |tile| {
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

    /// [`candidates`](Self::candidates) one by one; those of two single rows with their distance.
    pub(crate) fn pairs(
        &self,
        exact: &Exact,
        block: Panels,
        reach: f64,
        wanted: Option<&impl Wanted>,
        mut found: impl FnMut(u32, u32, Option<f64>),
    ) {
        let row = |place: usize| self.points.members(place)[0];
        let all_single = self.points.members_in_all() == self.len();
        let single = |place: usize| all_single || self.points.range(place).len() == 1;
        let (mut tiles, mut group, mut panel) = (Tiles::new(exact, self.isa), Vec::new(), Vec::new());
        let (mut near, mut others) = (Vec::new(), Vec::new());
        self.first_look(block, reach, wanted, |mut tile| {
            let (rows, columns) = (tile.rows.clone(), tile.columns.clone());
            group.clear();
            group.extend(rows.clone().map(row));
            panel.clear();
            panel.extend(columns.clone().map(row));
            let mut rest = Hits::default();
            if !all_single {
                let mut mask = 0;
                columns.clone().for_each(|j| mask |= u64::from(single(j)) << (j - columns.start));
                for ((i, bits), rest) in rows.clone().zip(&mut tile.hits).zip(&mut rest) {
                    let both = if single(i) { mask } else { 0 };
                    (*bits, *rest) = (*bits & both, *bits & !both);
                }
            }
            let number = (rows.start - block.from * self.isa.panel()) / self.isa.group();
            tiles.distances((number, &group), &panel, &mut tile.hits, |i, j, distance| {
                found((rows.start + i) as u32, (columns.start + j) as u32, Some(distance));
            });
            for ((i, bits), rest) in rows.zip(tile.hits).zip(rest) {
                let passing = |bits| {
                    let places = ones(bits).map(|j| columns.start + j);
                    places.filter(|&j| self.passes(i, j, reach))
                };
                passing(rest).for_each(|j| found(i as u32, j as u32, None));
                others.clear();
                others.extend(passing(bits).map(|j| j as u32));
                near.clear();
                near.extend(others.iter().map(|&j| row(j as usize)));
                let mut next = others.iter();
                exact.distances(row(i), &near, |_, distance| {
                    next.next().inspect(|j| found(i as u32, **j, Some(distance)));
                    true
                });
            }
        });
    }

    /// What the first look lets through, tile by tile.
    fn first_look(
        &self,
        Panels { from, to, last }: Panels,
        reach: f64,
        wanted: Option<&impl Wanted>,
        mut found: impl FnMut(Tile),
    ) {
        let (lanes, group) = (self.isa.panel(), self.isa.group());
        let size = lanes * self.quads * 4;
        let groups = self.groups((from * lanes) as u32..(to * lanes) as u32, reach);
        let mut hits = Hits::default();
        // The groups stay in the first-level cache while the panels stream by.
        for right in from..last {
            let panel = &self.panels[right * size..(right + 1) * size];
            let panel_start = &self.start[right * lanes..(right + 1) * lanes];
            let columns = right * lanes..((right + 1) * lanes).min(self.len());
            for (g, (rows, start)) in groups.all().enumerate() {
                let first = from * lanes + g * group;
                if first >= (right + 1) * lanes {
                    break;
                }
                if !self.isa.tile(rows, panel, start, panel_start, &mut hits) {
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

/// Which pairs are looked at.
pub(crate) trait Wanted {
    /// Of the place `i` and some others, one a bit of those set; the bits of those that are not set are no matter.
    fn among(&self, i: usize, others: Range<usize>, bits: u64) -> u64;
}

/// Pairs of points.
pub(crate) struct Pairs<'a, F> {
    order: &'a [u32],
    wanted: F,
}

impl Sketch {
    /// Only pairs of points that a function says.
    pub(crate) fn only<F: Fn(u32, u32) -> bool>(&self, wanted: F) -> Pairs<'_, F> {
        Pairs { order: &self.order, wanted }
    }
}

impl<F: Fn(u32, u32) -> bool> Wanted for Pairs<'_, F> {
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

impl Sketch {
    /// Points at some places, to be compared within `reach`; the last group is filled up with such as are near nobody.
    fn groups(&self, places: impl ExactSizeIterator<Item = u32>, reach: f64) -> Groups {
        let (lanes, group, quads) = (self.isa.panel(), self.isa.group(), self.quads);
        let (size, raise) = (group * quads * 4, self.raise(reach));
        let count = places.len().div_ceil(group);
        let mut bytes = vec![0_i8; count * size];
        let mut starts = vec![self.isa.never(); count * group];
        for (at, place) in places.enumerate() {
            let (panel, lane) = (place as usize / lanes, place as usize % lanes);
            let (from, to) = (panel * lanes * quads * 4 + lane * 4, at / group * size + at % group * 4);
            let mut sum = 0;
            for quad in 0..quads {
                for k in 0..4 {
                    let q = i32::from(self.panels[from + quad * lanes * 4 + k]) - self.isa.offset();
                    bytes[to + quad * group * 4 + k] = q as i8;
                    sum += q;
                }
            }
            let (start, most) = (self.start[place as usize], self.isa.most_start());
            // Those at the end of what there is stay: what always passes, and what never does.
            let raised = if start.abs() < most { (start - raise).max(-most) } else { start };
            starts[at] = raised - self.isa.offset() * sum;
        }
        Groups { bytes, starts, size: (group, size) }
    }
}

/// The numbers of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}

/// Candidates of some places with some others.
pub(crate) struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
    hits: Hits,
}

impl Sketch {
    /// The second look at two points.
    #[inline]
    fn passes(&self, i: usize, j: usize, reach: f64) -> bool {
        let Some(second) = &self.second else { return true };
        let misses = self.between(second.of(i), second.of(j)).0 > reach;
        // What is not a number passes.
        !misses
    }

    /// Bounds of the mean |a − b|² across two points; not numbers where nothing is known.
    ///
    /// Between rows they leave room for the distances that decide, too: these are themselves rounded, cosine to so
    /// much of 1 however small it is, so that of two pairs one is the nearer only where no bound of it is above one
    /// of the other.
    #[inline]
    fn between(&self, (x, a): (&[i8], &Own), (y, b): (&[i8], &Own)) -> (f64, f64) {
        let dot = a.step * b.step * f64::from(self.isa.dot(x, y, b.sum));
        let error = a.error * b.length
            + (a.length + a.error) * b.error
            + self.slack * (a.square + b.square)
            + self.rounding;
        let middle = a.square + b.square - 2.0 * dot;
        (middle - 2.0 * error, middle + 2.0 * error)
    }

    /// Looks at all pairs across the rows at two ranges of places by their bytes: a lower bound of the largest |a − b|², and in
    /// `room` the pairs that may be the farthest, each with an upper bound; none where one pair surely is beyond `reach`.
    fn farthest(
        &self,
        second: &Second,
        (few, many): (Range<usize>, Range<usize>),
        reach: f64,
        room: &mut Room,
    ) -> Option<f64> {
        room.may.clear();
        let mut least = 0.0_f64;
        let grouped = few.len() * many.len() >= GROUPED;
        if grouped {
            let limit = (reach as f32).next_up();
            room.places.clear();
            room.places.extend(few.clone().chain(many.clone()).map(|place| place as u32));
            room.each.clear();
            room.each.resize(many.len(), 0.0);
            let (own, others) = room.places.split_at(few.len());
            for own in own.chunks(GROUP) {
                self.regroup(own, &mut room.group);
                let from = self.across(&room.group, others, limit, Some(&mut room.each)).0;
                if from > limit {
                    return None;
                }
                least = least.max(from.into());
            }
        }
        for (at, other) in many.enumerate() {
            if grouped && f64::from(room.each[at]) < least {
                continue;
            }
            for row in few.clone() {
                let (from, to) = self.between(second.rows.get(row), second.rows.get(other));
                if from > reach {
                    return None;
                }
                let nearer = to < least;
                if !nearer {
                    least = least.max(from);
                    room.may.push((if to.is_nan() { f64::INFINITY } else { to }, row, other));
                }
            }
        }
        Some(least)
    }

    /// A lower bound of the largest |a − b|² across the points at two places.
    #[inline]
    pub(crate) fn least(&self, exact: &Exact, space: &Space, (i, j): (u32, u32)) -> f64 {
        let (i, j) = (i as usize, j as usize);
        let Some(second) = &self.second else {
            // That of any pair.
            let distance = exact.distance(self.points.members(i)[0], self.points.members(j)[0]);
            return space.reach(exact.metric(), distance) * (1.0 - 1e-6);
        };
        let (least, _) = self.between(second.of(i), second.of(j));
        // Of what is not a number nothing is known.
        if least > 0.0 { least } else { 0.0 }
    }

    /// The largest distance across the points at two places, or none where it is above `threshold`; `reach` is its T².
    pub(crate) fn complete(
        &self,
        exact: &Exact,
        (i, j): (u32, u32),
        (threshold, reach): (f64, f64),
        room: &mut Room,
    ) -> Option<f64> {
        let (i, j) = (i as usize, j as usize);
        let (few, many) = (self.points.members(i), self.points.members(j));
        if let (&[a], &[b]) = (few, many) {
            return Some(exact.distance(a, b)).filter(|&d| d <= threshold);
        }
        let Some(second) = self.second.as_ref().filter(|_| few.len() * many.len() > 2) else {
            return exact.complete(few, many, threshold);
        };
        // The largest distance of one row to the other point is at least the mean of these: most pairs of
        // points that are too far apart are found out so, for a row's work and not for all pairs'.
        let sides = [(i, j, few.len()), (j, i, many.len())];
        for (own, other, _) in sides.into_iter().filter(|(.., count)| *count > 1) {
            let mean = second.of(other);
            if self.points.range(own).any(|p| self.between(second.rows.get(p), mean).0 > reach) {
                return None;
            }
        }
        let (few, many) = if few.len() <= many.len() { (i, j) } else { (j, i) };
        let least = self.farthest(second, (self.points.range(few), self.points.range(many)), reach, room)?;
        let row =
            |point: usize, place: usize| self.points.members(point)[place - self.points.range(point).start];
        let mut largest = 0.0_f64;
        for &(most, a, b) in &room.may {
            if most < least {
                continue;
            }
            let distance = exact.distance(row(few, a), row(many, b));
            if distance > threshold {
                return None;
            }
            largest = largest.max(distance);
        }
        Some(largest)
    }
}

/// Memory that [`Sketch::complete`] works in.
#[derive(Default)]
pub(crate) struct Room {
    group: Group,
    places: Vec<u32>,
    each: Vec<f32>,
    may: Vec<(f64, usize, usize)>,
}

/// Makes chunks of points ready.
struct Maker<'a> {
    exact: &'a Exact<'a>,
    space: &'a Space,
    points: &'a Points,
    plan: Plan,
    reach: f64,
    isa: Isa,
}

impl Maker<'_> {
    fn make(&self, first: usize, panels: &mut [u8], start: &mut [i32], part: Option<(Part<'_>, Part<'_>)>) {
        let (dim, lanes, plan) = (self.exact.rows().dim(), self.isa.panel(), &self.plan);
        let count = start.len().min(self.points.len() - first);
        let levels = f64::from(self.isa.levels());
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
                start[at] = if self.reach < 2.0 { self.isa.never() } else { self.isa.most_start() };
                continue;
            }
            let p = placed.numbers(at, plan);
            let panel = at / lanes * lanes * (plan.k + 4);
            let mut put = |k: usize, q: f64| {
                panels[panel + (k / 4 * lanes + at % lanes) * 4 + k % 4] =
                    (q as i32 + self.isa.offset()) as u8;
            };
            let (mut energy, mut error, mut squares) = (0.0, 0.0, 0.0);
            for (k, p) in p.enumerate() {
                let q = (p / plan.step).round().clamp(-levels, levels);
                energy += p * p;
                error += (p - plan.step * q).powi(2);
                squares += q * q;
                put(k, q);
            }
            // Of what is too small for `f32` nothing is left.
            let off = self.space.off(plan, dim) * length + dim as f64 * 1e-37;
            let rest = (length * length * (1.0 + self.space.slack + 1.01 * self.space.eta) - energy
                + 2.0 * off * energy.sqrt())
            .max(0.0)
            .sqrt();
            let rest = (rest / 2.0 / plan.step).ceil();
            let error = error.sqrt() + off;
            let longest = plan.longest * (1.0 + self.space.eta);
            let most = f64::from(self.isa.most_start());
            // |e·p' + s q·e'| ≤ |e| W + (W + |e|)|e'|, and |e||e'| ≤ (|e|² + |e'|²) / 2.
            let room = error * longest
                + error * error / 2.0
                + (2.0 * self.space.eta + self.space.slack) * longest * longest
                + self.space.slack * square;
            let cut = ((square - self.reach / 2.0) / 2.0 - room) / (plan.step * plan.step);
            let bound = length <= plan.longest
                && rest <= levels
                && error <= longest
                && squares + 4.0 * rest * rest <= f64::from(self.isa.most_square())
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
}

impl Maker<'_> {
    /// Zero rows are at cosine distance 1 from everything, which (1) knows nothing of.
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
