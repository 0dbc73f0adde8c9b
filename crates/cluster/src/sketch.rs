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
//! z·z' ≤ s²(q·q' + Σρ_q ρ_q') + |e||p'| + s|q||e'|, and with W no less than any |p| and s|q|, each side of (1) is a
//! sum of what each point gives: an integer product and a comparison for a pair (see [`crate::kernel`]).
//!
//! **Second look**, for what passes: all d numbers as bytes with a step for each point, and the same
//! bound with the two points' own lengths instead of W.
//!
//! The k directions come from a sample, multiplied in `f32`. Their matrix R has |RᵀR − 1| ≤ η (computed),
//! and products are off by at most γ|z|, γ = √k·(d + 2)·2⁻²⁴ (Higham, *Accuracy and Stability of Numerical Algorithms*,
//! §3.1); both are added to e and to ρ. All else is `f64` and covered by [`Space::slack`]. A wrong choice of
//! directions, steps or k costs time, never a pair.

use ndarray::{Array2, ArrayView2, Axis, linalg::general_mat_mul, s};
use rayon::prelude::*;
use streamface_types::Metric;

use crate::exact::Exact;
use crate::kernel::Isa;
use crate::points::{Points, unit_factor};

/// Half the spacing of `f32` at 1.
const U: f64 = 1.0 / (1 << 24) as f64;
/// A start that no sum of products outweighs.
const NEVER: i32 = -(1 << 29);
/// The same for points that no bound is worth taking for.
const ALWAYS: i32 = 1 << 29;
/// Most numbers of the first look: sums stay far inside 32 bits.
const MOST_DIRECTIONS: usize = 1024;
/// Most directions that are looked for.
const MOST_FOUND: usize = 128;
/// Points that directions, steps and k are chosen by.
const SAMPLE: usize = 2048;
/// Points that are made ready together.
const CHUNK: usize = 256;

/// How a join goes about it; never what it finds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) isa: Isa,
    /// Below this many points finding directions costs more than it saves.
    pub(crate) few: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { isa: Isa::best(), few: 3000 }
    }
}

/// The origin, the unit of length and the directions; the same for all bands of a run.
pub(crate) struct Space {
    centre: Vec<f64>,
    /// What lengths are multiplied by.
    scale: f64,
    /// d × k, orthonormal columns; none where there is no point in having any.
    directions: Option<Array2<f32>>,
    eta: f64,
    /// Relative room for `f64` rounding.
    slack: f64,
    tuning: Tuning,
}

impl Space {
    /// For the given rows.
    pub(crate) fn new(exact: &Exact, rows: &[u32], tuning: Tuning) -> Self {
        let (n, dim) = (rows.len(), exact.rows().dim());
        let sample: Vec<u32> = spread(n, SAMPLE).map(|at| rows[at]).collect();
        let mut centre = vec![0.0; dim];
        for &row in &sample {
            let factor = unit_factor(exact, row);
            let row = exact.rows().row(row as usize).iter();
            centre.iter_mut().zip(row).for_each(|(c, &x)| *c += f64::from(x) * factor);
        }
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
        if n >= tuning.few && dim > 16 {
            let (directions, eta) = find_directions(exact, &space, &sample);
            (space.directions, space.eta) = (Some(directions), eta);
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

    /// Puts z of a cluster into `z` and returns S.
    fn place(&self, exact: &Exact, members: &[u32], z: &mut [f64]) -> f64 {
        z.fill(0.0);
        let mut square = 0.0;
        for &row in members {
            let factor = unit_factor(exact, row);
            let numbers = exact.rows().row(row as usize).iter().zip(&self.centre);
            for (z, (&x, c)) in z.iter_mut().zip(numbers) {
                let offset = (f64::from(x) * factor - c) * self.scale;
                *z += offset;
                square += offset * offset;
            }
        }
        let count = members.len() as f64;
        z.iter_mut().for_each(|z| *z /= count);
        square / count
    }
}

/// At most `most` of 0..n, spread evenly.
pub(crate) fn spread(n: usize, most: usize) -> impl ExactSizeIterator<Item = usize> {
    let count = n.min(most);
    (0..count).map(move |k| (k as u128 * n as u128 / count as u128) as usize)
}

/// Directions that hold most of the sample's energy, by subspace iteration (Halko, Martinsson, Tropp,
/// *Finding structure with randomness*, 2011, §4.4), and how far they are from orthonormal.
fn find_directions(exact: &Exact, space: &Space, sample: &[u32]) -> (Array2<f32>, f64) {
    let dim = exact.rows().dim();
    let count = dim.min(MOST_FOUND);
    let mut y = Array2::<f32>::zeros((sample.len(), dim));
    let mut z = vec![0.0; dim];
    for (mut row, &of) in y.rows_mut().into_iter().zip(sample) {
        space.place(exact, &[of], &mut z);
        row.iter_mut().zip(&z).for_each(|(y, &z)| *y = z.clamp(-1e6, 1e6) as f32);
    }
    let mut random = Random(1);
    let mut q = Array2::from_shape_simple_fn((dim, count), || random.uniform() as f32 - 0.5);
    orthonormalise(&mut q);
    // A full basis needs no search; else each round brings the energy of the rest down by a square.
    for _ in 0..if count < dim { 3 } else { 2 } {
        let part = y.dot(&q);
        q = y.t().dot(&part);
        orthonormalise(&mut q);
    }
    // Strongest first, as far as the iteration has come.
    let energy: Vec<f64> =
        y.dot(&q).axis_iter(Axis(1)).map(|c| c.iter().map(|&x| f64::from(x).powi(2)).sum()).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| energy[b].total_cmp(&energy[a]).then(a.cmp(&b)));
    let sorted = q.select(Axis(1), &order);
    let wide = sorted.mapv(f64::from);
    let gram = wide.t().dot(&wide);
    let off = |((i, j), &g): ((usize, usize), &f64)| (g - f64::from(u8::from(i == j))).powi(2);
    let eta = gram.indexed_iter().map(off).sum::<f64>().sqrt() + 1e-12;
    (sorted, eta)
}

/// Gram and Schmidt, twice, in `f64`. A column that vanishes becomes zero, which is as good a direction
/// as any for a bound, if a useless one; but then its diagonal would be 0, so an axis is tried instead.
fn orthonormalise(q: &mut Array2<f32>) {
    let (dim, count) = q.dim();
    let mut columns: Vec<Vec<f64>> =
        (0..count).map(|k| q.column(k).iter().map(|&x| x.into()).collect()).collect();
    for k in 0..count {
        let (done, rest) = columns.split_at_mut(k);
        let column = &mut rest[0];
        let mut axis = 0;
        loop {
            let before = norm(column);
            for _ in 0..2 {
                for other in done.iter() {
                    let dot: f64 = column.iter().zip(other).map(|(x, y)| x * y).sum();
                    column.iter_mut().zip(other).for_each(|(x, y)| *x -= dot * y);
                }
            }
            let after = norm(column);
            if after > 1e-9 * before && after.is_normal() {
                column.iter_mut().for_each(|x| *x /= after);
                break;
            }
            column.fill(0.0);
            column[axis % dim] = 1.0;
            axis += 1;
        }
    }
    for (k, column) in columns.iter().enumerate() {
        q.column_mut(k).iter_mut().zip(column).for_each(|(q, &x)| *q = x as f32);
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What the first look is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    /// Along the directions found, or along the axes.
    rotated: bool,
    /// Numbers taken; a multiple of 4.
    k: usize,
    /// The step of a byte.
    step: f64,
    /// Points longer than this are not bound at all.
    longest: f64,
    /// Whether there is a second look.
    second: bool,
}

/// All points, made ready for the join.
pub(crate) struct Sketch {
    pub(crate) isa: Isa,
    points: usize,
    quads: usize,
    /// Panel after panel; the last one filled up.
    panels: Vec<u8>,
    /// What a pair's sum starts from, for each point.
    start: Vec<i32>,
    step: f64,
    reach: f64,
    second: Option<Second>,
    slack: f64,
}

/// The second look.
struct Second {
    dim: usize,
    bytes: Vec<i8>,
    own: Vec<Own>,
}

/// A point's step, error |e|, length |z|, and S.
#[derive(Clone, Copy, Default)]
struct Own {
    step: f64,
    error: f64,
    length: f64,
    square: f64,
}

impl Sketch {
    pub(crate) fn new(exact: &Exact, space: &Space, points: &Points, threshold: f64) -> Self {
        let isa = space.tuning.isa;
        let reach = space.reach(exact.metric(), threshold);
        let plan = Plan::choose(exact, space, points, reach, isa);
        let (n, dim, lanes) = (points.len(), exact.rows().dim(), isa.panel());
        let quads = plan.k / 4 + 1;
        let count = n.div_ceil(lanes);
        let mut panels = vec![isa.offset() as u8; count * lanes * quads * 4];
        let mut start = vec![NEVER; count * lanes];
        let mut second =
            plan.second.then(|| Second { dim, bytes: vec![0; n * dim], own: vec![Own::default(); n] });
        // Whole panels a chunk, so that each writes a part of its own.
        let per = CHUNK.div_ceil(lanes);
        let sizes = (per * lanes * quads * 4, per * lanes);
        let seconds: Vec<Option<(&mut [i8], &mut [Own])>> = match &mut second {
            Some(s) => {
                let bytes = s.bytes.chunks_mut((sizes.1 * dim).max(1));
                bytes.zip(s.own.chunks_mut(sizes.1)).map(Some).collect()
            }
            None => (0..count.div_ceil(per)).map(|_| None).collect(),
        };
        let maker = Maker { exact, space, points, plan, reach, isa };
        panels.par_chunks_mut(sizes.0).zip(start.par_chunks_mut(sizes.1)).zip(seconds).enumerate().for_each(
            |(chunk, ((panels, start), second))| maker.make(chunk * sizes.1, panels, start, second),
        );
        Self { isa, points: n, quads, panels, start, step: plan.step, reach, second, slack: space.slack }
    }

    pub(crate) fn panels(&self) -> usize {
        self.start.len() / self.isa.panel()
    }

    /// How much more a pair's sum must reach for a smaller T² than the one this was made for.
    fn raise(&self, reach: f64) -> i32 {
        ((self.reach - reach) / 2.0 / (self.step * self.step)).clamp(0.0, f64::from(1 << 26)) as i32
    }

    /// Calls `found(i, js)` with the candidates i < j, i in panels `from..to`: several times for an i, with
    /// ascending j. `reach` is T² of (1), at most that of the threshold this was made for.
    pub(crate) fn candidates(&self, from: usize, to: usize, reach: f64, mut found: impl FnMut(u32, &[u32])) {
        let (lanes, group, quads) = (self.isa.panel(), self.isa.group(), self.quads);
        let size = lanes * quads * 4;
        let raise = self.raise(reach);
        // Groups as signed bytes in the kernel's order, and where their sums start.
        let groups = (to - from) * lanes / group;
        let mut bytes = vec![0_i8; groups * group * quads * 4];
        let mut starts = vec![0_i32; groups * group];
        for (g, bytes) in bytes.chunks_mut(group * quads * 4).enumerate() {
            let (panel, lane) = (from + g * group / lanes, g * group % lanes);
            for (quad, bytes) in bytes.chunks_mut(group * 4).enumerate() {
                let at = panel * size + (quad * lanes + lane) * 4;
                for (to, &of) in bytes.iter_mut().zip(&self.panels[at..]) {
                    *to = (i32::from(of) - self.isa.offset()) as i8;
                }
            }
            for i in 0..group {
                let of_point = bytes.chunks(group * 4).flat_map(|quad| &quad[4 * i..4 * i + 4]);
                let sum: i32 = of_point.map(|&q| i32::from(q)).sum();
                starts[g * group + i] =
                    self.start[panel * lanes + lane + i] - raise - self.isa.offset() * sum;
            }
        }
        let mut hits = [0; crate::kernel::MAX_GROUP];
        let mut others: Vec<u32> = Vec::with_capacity(lanes);
        // The groups stay in the first-level cache while the panels stream by.
        for right in from..self.panels() {
            let panel = &self.panels[right * size..(right + 1) * size];
            let panel_start = &self.start[right * lanes..(right + 1) * lanes];
            for g in 0..groups {
                let first = from * lanes + g * group;
                if first >= (right + 1) * lanes {
                    break;
                }
                let rows = &bytes[g * group * quads * 4..(g + 1) * group * quads * 4];
                let start = &starts[g * group..(g + 1) * group];
                if !self.isa.tile(rows, panel, start, panel_start, &mut hits) {
                    continue;
                }
                for (i, mut bits) in (first..).zip(hits).take(group).take_while(|(i, _)| *i < self.points) {
                    if i >= right * lanes {
                        // Below and on the diagonal.
                        bits &= !0_u64 << (i - right * lanes) << 1;
                    }
                    others.clear();
                    while bits != 0 {
                        let j = right * lanes + bits.trailing_zeros() as usize;
                        bits &= bits - 1;
                        if j < self.points
                            && self.second.as_ref().is_none_or(|s| s.passes(i, j, reach, self.slack))
                        {
                            others.push(j as u32);
                        }
                    }
                    if !others.is_empty() {
                        found(i as u32, &others);
                    }
                }
            }
        }
    }
}

impl Second {
    fn passes(&self, i: usize, j: usize, reach: f64, slack: f64) -> bool {
        let (a, b) = (&self.own[i], &self.own[j]);
        let rows = [i, j].map(|p| &self.bytes[p * self.dim..(p + 1) * self.dim]);
        let dot: i64 = rows[0]
            .chunks(1 << 16)
            .zip(rows[1].chunks(1 << 16))
            .map(|(x, y)| i64::from(x.iter().zip(y).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>()))
            .sum();
        let most = a.step * b.step * dot as f64 + a.error * b.length + (a.length + a.error) * b.error;
        let room = slack * (a.square + b.square);
        // Not the other way round: what is not a number passes.
        !(most + room < (a.square + b.square - reach) / 2.0)
    }
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
    fn make(
        &self,
        first: usize,
        panels: &mut [u8],
        start: &mut [i32],
        second: Option<(&mut [i8], &mut [Own])>,
    ) {
        let (dim, lanes, plan) = (self.exact.rows().dim(), self.isa.panel(), &self.plan);
        let count = start.len().min(self.points.len() - first);
        let levels = f64::from(self.isa.levels());
        let placed = Placed::new(self.exact, self.space, plan.rotated.then_some(plan.k), count, |at| {
            self.points.members(first + at)
        });
        let mut second = second;
        for at in 0..count {
            let (z, square) = (&placed.z[at * dim..(at + 1) * dim], placed.square[at]);
            let length = norm(z);
            if let Some((bytes, own)) = &mut second {
                own[at] = to_bytes(z, length, square, &mut bytes[at * dim..(at + 1) * dim]);
            }
            let zero = self.exact.metric() == Metric::Cosine
                && self.points.members(first + at).iter().any(|&row| self.exact.square(row as usize) == 0.0);
            if zero {
                // At distance 1 from everything, which (1) knows nothing of. The second look neither.
                start[at] = if self.reach < 2.0 { NEVER } else { ALWAYS };
                if let Some((_, own)) = &mut second {
                    own[at].error = f64::INFINITY;
                }
                continue;
            }
            let p = placed.numbers(at, plan);
            let panel = at / lanes * lanes * (plan.k + 4);
            let mut put = |k: usize, q: f64| {
                panels[panel + (k / 4 * lanes + at % lanes) * 4 + k % 4] =
                    (q as i32 + self.isa.offset()) as u8;
            };
            let (mut energy, mut error) = (0.0, 0.0);
            for (k, p) in p.enumerate() {
                let q = (p / plan.step).round().clamp(-levels, levels);
                energy += p * p;
                error += (p - plan.step * q).powi(2);
                put(k, q);
            }
            let off = self.space.off(plan, dim) * length;
            let rest = (length * length * (1.0 + self.space.slack + 1.01 * self.space.eta) - energy
                + 2.0 * off * energy.sqrt())
            .max(0.0)
            .sqrt();
            let rest = (rest / 2.0 / plan.step).ceil();
            let error = error.sqrt() + off;
            let longest = plan.longest * (1.0 + self.space.eta);
            if length > plan.longest || rest > levels || error > longest || !length.is_finite() {
                start[at] = ALWAYS;
                continue;
            }
            (plan.k..plan.k + 4).for_each(|k| put(k, rest));
            // |e·p' + s q·e'| ≤ |e| W + (W + |e|)|e'|, and |e||e'| ≤ (|e|² + |e'|²) / 2.
            let room = error * longest
                + error * error / 2.0
                + (2.0 * self.space.eta + self.space.slack) * longest * longest
                + self.space.slack * square;
            let cut = ((square - self.reach / 2.0) / 2.0 - room) / (plan.step * plan.step);
            let most = f64::from(1 << 28);
            start[at] = if cut >= -most { -(cut.floor().min(most) as i32) } else { ALWAYS };
        }
    }
}

impl Space {
    /// How far the numbers of the first look are from exact products, relative to a point's length.
    fn off(&self, plan: &Plan, dim: usize) -> f64 {
        if plan.rotated { 1.01 * (plan.k as f64).sqrt() * (dim as f64 + 2.0) * U } else { 2.0 * U }
    }
}

fn to_bytes(z: &[f64], length: f64, square: f64, bytes: &mut [i8]) -> Own {
    let largest = z.iter().fold(0.0_f64, |m, z| m.max(z.abs()));
    if !(largest > 1e-300 && length.is_finite()) {
        // All of it is error.
        return Own { step: 0.0, error: length, length, square };
    }
    let step = largest / 127.0;
    let mut error = 0.0;
    for (b, z) in bytes.iter_mut().zip(z) {
        let q = (z / step).round();
        error += (z - step * q).powi(2);
        *b = q as i8;
    }
    Own { step, error: error.sqrt() * (1.0 + 1e-9), length, square }
}

/// z and S of some points, and their numbers along the directions.
struct Placed {
    dim: usize,
    z: Vec<f64>,
    square: Vec<f64>,
    along: Option<Array2<f32>>,
}

impl Placed {
    fn new<'a>(
        exact: &Exact,
        space: &Space,
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
            let mut along = Array2::zeros((count, k));
            if let Ok(narrow) = ArrayView2::from_shape((count, dim), &narrow) {
                general_mat_mul(1.0, &narrow, &directions.slice(s![.., ..k]), 0.0, &mut along);
            }
            along
        });
        Self { dim, z, square, along }
    }

    /// The numbers of the first look; zeros beyond the dimension.
    fn numbers(&self, at: usize, plan: &Plan) -> impl Iterator<Item = f64> {
        let row = at * self.dim..(at + 1) * self.dim;
        let along = self.along.as_ref().filter(|_| plan.rotated);
        (0..plan.k).map(move |k| match along {
            Some(along) => f64::from(along[(at, k)]),
            None => self.z[row.clone()].get(k).copied().unwrap_or(0.0),
        })
    }
}

impl Plan {
    /// The cheapest of first looks, by what they let through on a sample.
    fn choose(exact: &Exact, space: &Space, points: &Points, reach: f64, isa: Isa) -> Self {
        let dim = exact.rows().dim();
        let all = dim.min(MOST_DIRECTIONS).next_multiple_of(4);
        let sample: Vec<usize> = spread(points.len(), SAMPLE / 2).collect();
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
        let levels = f64::from(isa.levels());
        let mut best: Option<(f64, Plan)> = None;
        let rotations: &[bool] = if along.is_some() { &[true, false] } else { &[false] };
        for &rotated in rotations {
            let most = if rotated { along.unwrap_or(0) } else { all };
            let full = Plan { rotated, k: most, step: 1.0, longest, second: false };
            let numbers: Vec<Vec<f32>> =
                (0..sample.len()).map(|at| placed.numbers(at, &full).map(|x| x as f32).collect()).collect();
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
            let mut trial = Trial::new(&numbers, &lengths, &placed.square, reach);
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
                let step = (f64::from(largest).max(most_rest / 2.0) * 1.05 / levels).max(1e-150);
                let second = dim > 32 && (k < dim || rotated);
                let plan = Plan { rotated, k, step, longest, second };
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
        best.map_or(Plan { rotated: false, k: all, step: 1.0, longest, second: false }, |(_, plan)| plan)
    }

    /// Processor cycles a pair, roughly: only their order matters.
    fn cost(&self, isa: Isa, dim: usize, points: usize, passing: f64) -> f64 {
        let quad = match isa {
            Isa::Portable => 1.0,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => 0.2,
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => 1.0 / 16.0,
        };
        let first = quad * (self.k as f64 / 4.0 + 4.5);
        let next = if self.second { 30.0 + dim as f64 / 8.0 } else { 60.0 + dim as f64 / 4.0 };
        let making = if self.rotated { (self.k * dim) as f64 / 8.0 / points as f64 } else { 0.0 };
        first + passing * next + making
    }
}

/// A sample of pairs to try plans on: every 8th point with every other one.
struct Trial<'a> {
    numbers: &'a [Vec<f32>],
    lengths: &'a [f64],
    square: &'a [f64],
    reach: f64,
    /// Dot products of the first `taken` numbers.
    dots: Vec<f32>,
    taken: usize,
}

impl<'a> Trial<'a> {
    fn new(numbers: &'a [Vec<f32>], lengths: &'a [f64], square: &'a [f64], reach: f64) -> Self {
        let dots = vec![0.0; numbers.len().div_ceil(8) * numbers.len()];
        Self { numbers, lengths, square, reach, dots, taken: 0 }
    }

    /// The share of pairs that a first look of `k` numbers lets through; `k` never less than before.
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
