//! Complete linkage of some thousand points that are mostly within the threshold: on a matrix of their distances, each in
//! 16 bits, so that twelve times as many fit as [links](crate::linkage) of as many pairs.
//!
//! The matrix holds |a − b|² ([`products`](crate::squared_distance_gemm)) in steps of a small part of the threshold. Nearest-neighbour chains
//! go by it; where more than one cluster may be the nearest, or it is open whether that is within the threshold,
//! distances in `f64` decide. So the merges are those of exact distances, ties included.
//!
//! A merge changes a row and a column of the matrix. Rows apply pending merges lazily: each keeps the number of merges it
//! has applied, and applies the others, in order, when it is read. That touches the memory of one row at a time.

use rayon::prelude::*;
use streamface_kernels::Isa;
use streamface_kernels::f32_tile::{GROUP, PANEL};
use streamface_kernels::transpose::{SIDE, transpose_u16};
use streamface_types::Metric;

use crate::Merge;
use crate::elementwise::{MINIMA_CHUNK, chunk_minima, maximum_in_place, quantize_to_steps};
use crate::exact_distance::ExactDistance;
use crate::points::Points;
use crate::squared_distance_gemm::{Columns, Placed};
use crate::union_find::order;

/// Steps from nothing to what is surely beyond the threshold.
const STEPS: f64 = 65_000.0;
/// A window wider than this leaves too much to distances in `f64`.
const WIDEST: u16 = 1_000;
/// No neighbour, now or ever.
const NEVER: u16 = u16::MAX;
/// Points whose rows of the matrix are computed together.
const BLOCK: usize = 64;
/// Up to so many pairs of rows are measured without bounds first.
const FEW_PAIRS: usize = 48;

/// Bytes that linking so many points of so many rows takes at most.
pub(crate) fn bytes(points: usize, rows: usize, dim: usize) -> u64 {
    let (points, rows, dim) = (points as u64, rows as u64, dim as u64);
    // The matrix and the half by half one that follows; rows moved to their mean, twice.
    let square = points.saturating_mul(points).saturating_mul(5) / 2;
    square.saturating_add(rows.saturating_mul(8 * dim + 64))
}

/// All merges of points at distance ≤ `threshold`, in order, a cluster's id being its first point. Those in `apart` never
/// join. None where products in `f32` are too coarse: where they are off by some hundredths of what counts, or distances tie by
/// the thousand and more than `left` pairs of rows would have to be measured.
pub(crate) fn merges(
    exact: &ExactDistance,
    points: &Points,
    apart: impl Iterator<Item = (u32, u32)>,
    threshold: f64,
    (isa, left): (Isa, u64),
) -> Option<Vec<Merge>> {
    let rows: Vec<u32> = (0..points.len()).flat_map(|p| points.members(p)).copied().collect();
    let placed = Placed::new(exact, &rows)?;
    let square = QuantizedMatrix::new(exact, points, &placed, apart, threshold, isa)?;
    let members = (0..points.len()).map(|p| points.range(p).collect()).collect();
    let measure = ClusterDistance { exact, placed: &placed, rows: &rows, isa };
    let chains = Chains {
        measure: &measure,
        threshold,
        square,
        members,
        room: Columns::default(),
        minima: Vec::new(),
        left,
    };
    let pairs = chains.run().ok()?;
    let mut merges = distances(points, &measure, &pairs);
    merges.par_sort_unstable_by(Merge::order);
    Some(merges)
}

/// Distances of clusters, whose rows are named by places.
struct ClusterDistance<'a> {
    exact: &'a ExactDistance<'a>,
    placed: &'a Placed,
    /// The row at each place.
    rows: &'a [u32],
    isa: Isa,
}

impl ClusterDistance<'_> {
    /// Where there are many pairs, only those that may be the farthest are measured.
    fn distance(&self, a: &[usize], b: &[usize], room: &mut Columns) -> f64 {
        let of = |x: usize, y: usize| self.exact.distance(self.rows[x], self.rows[y]);
        if a.len() * b.len() <= FEW_PAIRS {
            return a.iter().flat_map(|&x| b.iter().map(move |&y| of(x, y))).fold(0.0, f64::max);
        }
        let may = self.placed.farthest(self.isa, (a, b), room);
        may.into_iter().map(|(x, y)| of(x, y)).fold(0.0, f64::max)
    }
}

/// Distances of clusters, and how exact they are.
struct QuantizedMatrix {
    /// Clusters, and those that are part of another or out of reach of all.
    len: usize,
    gone: usize,
    steps: Vec<u16>,
    /// Merges since it was made, as places, and how many of them each row has applied.
    merged: Vec<(u32, u32)>,
    known: Vec<u32>,
    /// The first point of each cluster, ascending.
    first: Vec<u32>,
    here: Vec<bool>,
    /// Up to the first, if any is, it is surely within the threshold; beyond the second surely not.
    surely: Option<u16>,
    perhaps: u16,
    /// What is farther than another by so much surely is.
    window: u16,
}

impl QuantizedMatrix {
    fn new(
        exact: &ExactDistance,
        points: &Points,
        placed: &Placed,
        apart: impl Iterator<Item = (u32, u32)>,
        threshold: f64,
        isa: Isa,
    ) -> Option<Self> {
        let (n, all) = (points.len(), points.members_in_all());
        let limit = if exact.metric() == Metric::Cosine { 2.0 * threshold } else { threshold * threshold };
        let off = placed.off();
        // Steps as fine as they can be: no pair is farther than the farthest may be, whatever the threshold.
        let step = (limit.min(placed.farthest_apart()) + off) / STEPS;
        // A number of steps is off by half of one, less than a hundredth for what comes before it is rounded, and `off`.
        // So what is more than `window` steps farther is farther: by window + 1 − 2 · 0.51 steps less 2 · off, or more.
        let whole = |x: f64| x.clamp(0.0, STEPS + 1.0) as u16;
        let within = (limit - off) / step - 1.0;
        let (surely, perhaps) = ((within >= 0.0).then(|| whole(within)), whole(STEPS + 1.0));
        let window = whole((2.0 * off / step + 0.05).ceil());
        if window > WIDEST {
            return None;
        }
        let mut columns = Columns::default();
        placed.columns(0..all, &mut columns);
        // Zeros cost nothing until they are written, by several threads.
        let mut steps = vec![0; n * n];
        let a_step = step.recip() as f32;
        let narrow = |to: &mut [u16], squares: &[f32]| quantize_to_steps(isa, to, squares, a_step);
        // One half, block by block; the other is the same. Of points with several rows the farthest ones count.
        let single = all == n;
        let point_at: Vec<u32> =
            (0..n).flat_map(|p| std::iter::repeat_n(p as u32, points.members(p).len())).collect();
        steps.par_chunks_mut((n * BLOCK).max(1)).enumerate().for_each(|(block, part)| {
            let begin = block * BLOCK;
            let skipped = points.range(begin).start / PANEL * PANEL;
            let mut of_rows = [0; PANEL];
            for (at, part) in part.chunks_mut(n * GROUP).enumerate() {
                let first = begin + at * GROUP;
                let last = first + part.len() / n;
                let own: Vec<usize> = (points.range(first).start..points.range(last - 1).end).collect();
                placed.squares(isa, &own, &columns, skipped, |k, from, squares| {
                    if single {
                        return narrow(&mut part[k * n + from..][..squares.len()], squares);
                    }
                    let to = &mut part[(point_at[own[k]] as usize - first) * n..][..n];
                    narrow(&mut of_rows, squares);
                    for (&other, &v) in point_at[from..].iter().zip(&of_rows[..squares.len()]) {
                        let to = &mut to[other as usize];
                        *to = v.max(*to);
                    }
                });
                (first..last).zip(part.chunks_mut(n)).for_each(|(p, part)| part[p] = NEVER);
            }
        });
        // A block's values for points before it may cover only some of their rows, and are replaced.
        mirror(&mut steps, n, 0);
        for (a, b) in apart.map(|(a, b)| (a as usize, b as usize)) {
            (steps[a * n + b], steps[b * n + a]) = (NEVER, NEVER);
        }
        let (known, first, here) = (vec![0; n], (0..n as u32).collect(), vec![true; n]);
        Some(Self { len: n, gone: 0, steps, merged: Vec::new(), known, first, here, surely, perhaps, window })
    }

    /// Applies all pending merges to a row.
    fn apply_merges(&mut self, x: usize) {
        let row = &mut self.steps[x * self.len..][..self.len];
        apply_merges(row, &self.merged[self.known[x] as usize..]);
        self.known[x] = self.merged.len() as u32;
    }

    fn join(&mut self, isa: Isa, a: usize, b: usize) {
        self.apply_merges(a);
        self.apply_merges(b);
        let n = self.len;
        let (head, tail) = self.steps.split_at_mut(b * n);
        let (own, other) = (&mut head[a * n..][..n], &mut tail[..n]);
        maximum_in_place(isa, own, other);
        (own[a], own[b]) = (NEVER, NEVER);
        self.merged.push((a as u32, b as u32));
        self.known[a] = self.merged.len() as u32;
        self.leave(b);
    }

    /// A cluster that is not read any more.
    fn leave(&mut self, x: usize) {
        self.here[x] = false;
        self.gone += 1;
    }

    /// Leaves only what may merge; the place that each had.
    fn shrink(&mut self) -> Vec<u32> {
        let kept: Vec<u32> = (0..self.len as u32).filter(|&x| self.here[x as usize]).collect();
        let (n, count) = (self.len, kept.len());
        let (merged, known) = (&self.merged, &self.known);
        let mut rows: Vec<(usize, &mut [u16])> = self.steps.chunks_mut(n.max(1)).enumerate().collect();
        rows.retain(|(x, _)| self.here[*x]);
        let mut steps = vec![0; count * count];
        steps.par_chunks_mut(count.max(1)).zip(rows).with_min_len(16).for_each(|(to, (x, row))| {
            apply_merges(row, &merged[known[x] as usize..]);
            to.iter_mut().zip(&kept).for_each(|(to, &from)| *to = row[from as usize]);
        });
        self.steps = steps;
        self.first = kept.iter().map(|&x| self.first[x as usize]).collect();
        (self.len, self.gone) = (count, 0);
        self.merged.clear();
        (self.known, self.here) = (vec![0; count], vec![true; count]);
        kept
    }
}

/// Fills rows from `first` on below the diagonal from the numbers above it.
fn mirror(rows: &mut [u16], n: usize, first: usize) {
    let count = rows.len() / n.max(1);
    if count <= BLOCK {
        return;
    }
    let half = (count / 2).next_multiple_of(BLOCK);
    let (above, below) = rows.split_at_mut(half * n);
    rayon::join(|| mirror(above, n, first), || mirror(below, n, first + half));
    below.par_chunks_mut(n * BLOCK).enumerate().for_each(|(block, part)| {
        let column = first + half + block * BLOCK;
        let count = part.len() / n;
        let whole = count / SIDE * SIDE;
        for from in (0..half).step_by(BLOCK) {
            for at in (0..whole).step_by(SIDE) {
                for row in (from..from + BLOCK).step_by(SIDE) {
                    let of: [&[u16]; SIDE] =
                        std::array::from_fn(|k| &above[(row + k) * n + column + at..][..SIDE]);
                    for (k, of) in transpose_u16(&of).iter().enumerate() {
                        part[(at + k) * n + first + row..][..SIDE].copy_from_slice(of);
                    }
                }
            }
            for (at, row) in (whole..count).flat_map(|at| (from..from + BLOCK).map(move |row| (at, row))) {
                part[at * n + first + row] = above[row * n + column + at];
            }
        }
    });
}

/// What merges make of a row: of a and b the farther one, and no b.
fn apply_merges(row: &mut [u16], merged: &[(u32, u32)]) {
    for &(a, b) in merged {
        let farther = row[a as usize].max(row[b as usize]);
        (row[a as usize], row[b as usize]) = (farther, NEVER);
    }
}

/// More pairs of rows would have to be measured than there are left.
struct TooMany;

struct Chains<'a> {
    measure: &'a ClusterDistance<'a>,
    threshold: f64,
    square: QuantizedMatrix,
    /// Places of each cluster's rows.
    members: Vec<Vec<usize>>,
    room: Columns,
    /// The least of each stretch of the row that is compared.
    minima: Vec<u16>,
    /// Pairs of rows that may still be measured. Where distances tie by the thousand each search would measure all of them.
    left: u64,
}

impl Chains<'_> {
    /// Merges, each after those it builds on, as the first points of the clusters.
    fn run(mut self) -> Result<Vec<(u32, u32)>, TooMany> {
        let mut merges = Vec::new();
        let mut chain: Vec<u32> = Vec::new();
        let mut start = 0;
        loop {
            let Some(&top) = chain.last() else {
                if self.square.gone * 2 > self.square.len {
                    let kept = self.square.shrink();
                    self.members =
                        kept.iter().map(|&x| std::mem::take(&mut self.members[x as usize])).collect();
                    start = 0;
                }
                while self.square.here.get(start) == Some(&false) {
                    start += 1;
                }
                if start == self.square.len {
                    return Ok(merges);
                }
                chain.push(start as u32);
                continue;
            };
            match self.nearest(top as usize)? {
                None => {
                    self.square.leave(top as usize);
                    chain.pop();
                }
                Some(nearest) if chain.len() > 1 && chain[chain.len() - 2] == nearest => {
                    chain.truncate(chain.len() - 2);
                    let (a, b) = (top.min(nearest) as usize, top.max(nearest) as usize);
                    merges.push((self.square.first[a], self.square.first[b]));
                    self.square.join(self.measure.isa, a, b);
                    let more = std::mem::take(&mut self.members[b]);
                    self.members[a].extend(more);
                }
                Some(nearest) => chain.push(nearest),
            }
        }
    }

    /// The nearest cluster, if there is one; of equals the first, as that makes the smaller key on either side of `x`.
    fn nearest(&mut self, x: usize) -> Result<Option<u32>, TooMany> {
        self.square.apply_merges(x);
        let QuantizedMatrix { len, surely, perhaps, window, .. } = self.square;
        let row = &self.square.steps[x * len..][..len];
        let least = chunk_minima(self.measure.isa, row, &mut self.minima);
        if least > perhaps {
            return Ok(None);
        }
        let limit = least.saturating_add(window).min(perhaps);
        let mut may = positions(row, &self.minima, limit);
        let (first, second) = (may.next(), may.next());
        if second.is_none() && surely.is_some_and(|surely| least <= surely) {
            return Ok(first.map(|y| y as u32));
        }
        let mut best: Option<(f64, usize)> = None;
        for y in first.into_iter().chain(second).chain(may) {
            let pairs = (self.members[x].len() * self.members[y].len()) as u64;
            self.left = self.left.checked_sub(pairs).ok_or(TooMany)?;
            let d = self.measure.distance(&self.members[x], &self.members[y], &mut self.room);
            if d <= self.threshold && best.is_none_or(|(least, _)| d < least) {
                best = Some((d, y));
            }
        }
        Ok(best.map(|(_, y)| y as u32))
    }
}

/// Where numbers up to `limit` stand, by the least of each stretch of the row.
fn positions(row: &[u16], minima: &[u16], limit: u16) -> impl Iterator<Item = usize> {
    let within = move |v: &u16| *v <= limit;
    let stretches =
        row.chunks(MINIMA_CHUNK).zip(minima).enumerate().filter(move |(_, (_, least))| within(least));
    stretches.flat_map(move |(at, (stretch, _))| {
        (at * MINIMA_CHUNK..).zip(stretch).filter(move |(_, v)| within(v)).map(|(at, _)| at)
    })
}

/// The distances of merges that each come after those they build on.
fn distances(points: &Points, measure: &ClusterDistance<'_>, pairs: &[(u32, u32)]) -> Vec<Merge> {
    let (order, _) = order(points.len(), pairs.iter().copied());
    // Those of a cluster lie together, at any time.
    let mut places: Vec<usize> = Vec::with_capacity(points.members_in_all());
    let mut start = vec![0_usize; points.len()];
    for p in order {
        start[p as usize] = places.len();
        places.extend(points.range(p as usize));
    }
    let mut size: Vec<usize> = (0..points.len()).map(|p| points.members(p).len()).collect();
    let sized: Vec<(u32, u32, usize, usize)> = pairs
        .iter()
        .map(|&(a, b)| {
            let of = (size[a as usize], size[b as usize]);
            size[a as usize] += of.1;
            (a, b, of.0, of.1)
        })
        .collect();
    let of = |room: &mut Columns, &(a, b, of_a, of_b): &(u32, u32, usize, usize)| {
        let (own, other) = places[start[a as usize]..][..of_a + of_b].split_at(of_a);
        Merge { a, b, distance: measure.distance(own, other, room) }
    };
    sized.par_iter().with_max_len(64).map_init(Columns::default, of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use streamface_types::Embeddings;

    use super::*;
    use crate::initial_merges::{copies, must_links};
    use crate::union_find::UnionFind;
    use crate::{Constraints, Merge, Settings, complete_linkage};

    /// All merges, those of copies among them; none where `f32` is too coarse.
    fn linked(
        exact: &ExactDistance,
        constraints: &Constraints,
        threshold: f64,
        isa: Isa,
    ) -> Option<Vec<Merge>> {
        let groups = constraints.close(exact.rows().len()).unwrap();
        let mut all = must_links(&groups);
        all.extend(copies(exact, &all, &groups, |_| true));
        let mut sets = UnionFind::new(exact.rows().len());
        all.iter().for_each(|m| sets.union(m.a, m.b));
        let points = Points::new(exact, &sets.into_roots());
        let place = |row: u32| points.ids().binary_search(&row).unwrap() as u32;
        let apart = groups.apart.iter().map(|&(a, b)| (place(a), place(b)));
        let merges = merges(exact, &points, apart, threshold, (isa, u64::MAX))?;
        all.extend(merges.into_iter().map(|m| Merge { a: points.id(m.a), b: points.id(m.b), ..m }));
        Some(all)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Also on a grid, where many distances are equal, and with rows that nearly are.
        #[test]
        fn merges_are_those_of_exact_distances(
            numbers in prop::collection::vec(-4_i8..4, 0..500),
            dim in prop_oneof![1..6_usize, Just(34_usize)],
            cosine in any::<bool>(),
            off in prop_oneof![Just(0.0_f32), Just(1e-7), Just(1e-5), Just(1e-3)],
            far in prop_oneof![Just(0.0_f32), Just(100.0)],
            t in prop_oneof![3 => 0.01..2.0_f64, 1 => Just(0.0), 1 => (-9.0..-2.0_f64).prop_map(|x| 10_f64.powf(x))],
            together in prop::collection::vec((0..100_usize, 0..100_usize), 0..20),
            apart in prop::collection::vec((0..100_usize, 0..100_usize), 0..8),
        ) {
            let n = numbers.len() / dim;
            let moved = |at: usize| off * (at * at % 101) as f32 + far;
            let data = numbers[..n * dim].iter().enumerate().map(|(at, &x)| f32::from(x) / 3.0 + moved(at));
            let rows = Embeddings::new(data.collect(), dim).unwrap();
            let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
            let exact = ExactDistance::new(&rows, metric).unwrap();
            let mut constraints = Constraints::default();
            // Even rows with even ones, so that odd ones may be apart from them.
            for (a, b) in together.into_iter().filter(|(a, b)| a.max(b) / 2 * 2 < n) {
                constraints.must_link(a / 2 * 2, b / 2 * 2);
            }
            for (a, b) in apart.into_iter().filter(|&(a, b)| a % 2 + b % 2 == 1 && a.max(b) < n) {
                constraints.cannot_link(a, b);
            }
            if let Some(merges) = linked(&exact, &constraints, t, Isa::detect()) {
                let settings = Settings::new(metric, t).unwrap();
                let want = complete_linkage(&rows, &settings, &constraints).unwrap();
                prop_assert_eq!(&merges, &want.merges);
                for isa in Isa::available() {
                    let same = linked(&exact, &constraints, t, isa);
                    prop_assert_eq!(same.as_ref(), Some(&merges));
                }
            } else {
                // Rows that are all there, or have no direction, or a threshold as small as what `f32` is off by.
                let all_there = (1..n as u32).all(|row| exact.distance(0, row) < 1e-9);
                prop_assert!(all_there || t < 0.3 || (0..n as u32).any(|row| exact.is_zero(row)));
            }
        }
    }

    /// One pair at a time, each farther than the one before: chains.
    #[test]
    fn a_line_with_growing_gaps() {
        let data: Vec<f32> = (0..300).map(|at| (at * at) as f32).collect();
        let rows = Embeddings::new(data, 1).unwrap();
        let exact = ExactDistance::new(&rows, Metric::Euclidean).unwrap();
        let merges = linked(&exact, &Constraints::default(), 1e6, Isa::detect()).unwrap();
        let settings = Settings::new(Metric::Euclidean, 1e6).unwrap();
        let want = complete_linkage(&rows, &settings, &Constraints::default()).unwrap();
        assert_eq!(merges, want.merges);
        assert_eq!(want.clusters, 1);
    }

    /// However small distances are beside the threshold, hardly any are open; where one row makes all others small, links
    /// are the better way.
    #[test]
    fn steps_are_fine_or_there_are_none() {
        let mut random = streamface_kernels::SplitMix64::new(3);
        let mut near = |spread: f32, far: f32| {
            let data = (0..200 * 24).map(|at| match at / 24 {
                7 => far,
                _ => 1.0 + spread * (random.uniform() as f32 - 0.5),
            });
            Embeddings::new(data.collect(), 24).unwrap()
        };
        let window = |rows: &Embeddings, metric, threshold| {
            let exact = ExactDistance::new(rows, metric).unwrap();
            let all: Vec<u32> = (0..200).collect();
            let placed = Placed::new(&exact, &all).unwrap();
            let points = Points::of_rows(&all);
            let square =
                QuantizedMatrix::new(&exact, &points, &placed, std::iter::empty(), threshold, Isa::detect());
            square.map(|square| square.window)
        };
        for spread in [1e-3, 1e-2, 1.0] {
            let rows = near(spread, 1.0);
            for t in [0.3, 2.0] {
                assert!(window(&rows, Metric::Cosine, t).unwrap() < 8, "{spread} {t}");
            }
            for t in [1.0, 1e3, f64::MAX] {
                assert!(window(&rows, Metric::Euclidean, t).unwrap() < 8, "{spread} {t}");
            }
        }
        assert_eq!(window(&near(1e-2, 1e3), Metric::Euclidean, 0.05), None);
        assert_eq!(window(&near(1e-2, 1.0), Metric::Cosine, 1e-12), None);
    }
}
