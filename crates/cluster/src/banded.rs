//! Complete linkage of any number of points in bounded memory: in bands of the threshold, and component by
//! component.
//!
//! Complete linkage is monotone: no merge is nearer than one before it. So its state at a threshold t₁ is
//! one that every run to t ≥ t₁ passes through, and the clusters of that state may be taken as the points of
//! what follows. That gives two ways on from any state:
//!
//! * a *band*: all links of the points up to the largest threshold at which they fit in memory, linked at once;
//! * a *split*: the connected components at some threshold, each brought to that threshold by itself. It
//!   needs no links, only the connected components ([`Forest`]), and is taken where links are far too
//!   many and components are small beside the whole: then bands need not look at all pairs again and again.
//!
//! Which, and how far, is decided by a sample and by what was found; the result is the same whatever is chosen.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::prelude::*;

use crate::bounded_join::{Bounded, join_points};
use crate::cannot_links::CannotLinks;
use crate::clustering::Merge;
use crate::components::Components;
use crate::distance_matrix::{self, DistanceMatrix};
use crate::exact_distance::ExactDistance;
use crate::links::Piece;
use crate::panel_blocks::pairs;
use crate::points::Points;
use crate::prefilter::{Projection, spread};
use crate::progress::{Observer, Stage};
use crate::spanning_forest::Forest;
use crate::union_find::UnionFind;
use crate::{Error, Settings, quantized_matrix, sparse_linkage};

/// The result for a set of points.
#[derive(Debug, Default)]
pub(crate) struct BandedResult {
    /// Of rows, in order.
    pub(crate) merges: Vec<Merge>,
    pub(crate) links: u64,
    pub(crate) bands: u32,
    /// The parts that the first band found, the rows of each tied together, and up to which threshold.
    pub(crate) parts: (Vec<(u32, u32)>, f64),
}

/// What one band finds.
struct Band {
    /// Of points.
    merges: Vec<Merge>,
    links: u64,
    /// How far it goes.
    threshold: f64,
    /// The smallest point of each point's component at that threshold.
    roots: Vec<u32>,
    /// How much of the whole run is done with it.
    whole: f64,
}

/// Complete linkage with a budget of links.
pub(crate) struct BandedLinkage<'a> {
    exact: &'a ExactDistance<'a>,
    space: &'a Projection,
    most: u64,
    observer: Observer<'a>,
}

/// Components of a split that are linked at the same time.
const PARALLEL_PARTS: usize = 4;
/// Points of which all pairs are compared at without any ado.
const MAX_ALL_PAIRS_POINTS: usize = 64;
/// A matrix of distances is made where at least one pair in so many is within the threshold.
const MATRIX_PAIRS_PER_LINK: usize = 16;
/// Up to so many pairs no sample is taken: it would cost too much beside them.
const MAX_UNSAMPLED_PAIRS: u64 = 1 << 23;
/// With more links a point than this, components are searched for.
const MAX_LINKS_PER_POINT: u64 = 64;
/// With more rows a point on average no matrix is made: distances of rows take the time.
const MAX_ROWS_PER_POINT: usize = 4;
/// Comparing all pairs once more is cheap up to so many pairs for each link of the budget.
const MAX_PAIRS_PER_LINK: u64 = 40;
/// A split is made where its components have this many times fewer pairs than the whole.
const MIN_PAIR_REDUCTION: u64 = 16;

/// How much of the work of a band is comparing, and of a split: measured on made-up people, and only for progress.
const BAND_COMPARED: f64 = 0.9;
const SPLIT_COMPARED: f64 = 0.7;

/// How many times the work of a band the later ones will take, for progress: a guess, put right with each band.
///
/// The links that are left make so many more bands as hold them. With k links a point in a band, clusters have some
/// 1 + k/2 points after it, and comparing those takes the square of that less. With many links a point the first band is
/// nearly all; with few each band takes about as long as the one before.
fn later_work(points: usize, expected: u64, most: u64) -> f64 {
    let bands = (expected as f64 / (most as f64 * 0.8).max(1.0)).ceil().clamp(1.0, 1000.0) as i32;
    let per_point = 2.0 * expected.min(most) as f64 / points as f64;
    let ratio = (1.0 + per_point / 2.0).powi(-2);
    (1..=bands).map(|band| ratio.powi(band)).sum()
}

impl<'a> BandedLinkage<'a> {
    pub(crate) fn new(
        exact: &'a ExactDistance<'a>,
        space: &'a Projection,
        most: u64,
        observer: Observer<'a>,
    ) -> Self {
        Self { exact, space, most, observer }
    }

    /// All merges of `points` at distance ≤ `threshold`.
    pub(crate) fn solve(
        &self,
        points: Points,
        apart: CannotLinks,
        threshold: f64,
    ) -> Result<BandedResult, Error> {
        let mut solved = BandedResult::default();
        let (mut points, mut apart, mut reached) = (points, apart, None);
        let mut observer = self.observer;
        loop {
            solved.bands += 1;
            observer = observer.of_band(solved.bands, reached.unwrap_or(0.0));
            let Band { merges, links, threshold: now, roots, whole } =
                self.band(&points, &apart, reached, threshold, observer)?;
            solved.links += links;
            if solved.bands == 1 {
                solved.parts = (points.tied(&roots), now);
            }
            let mut sets = UnionFind::new(points.len());
            merges.iter().for_each(|m| sets.union(m.a, m.b));
            solved.merges.extend(merges.iter().map(|m| Merge { a: points.id(m.a), b: points.id(m.b), ..*m }));
            if now >= threshold {
                // Small bands say nothing; the end is told in any case.
                self.observer.start(Stage::Link, 0);
                return Ok(solved);
            }
            observer = observer.going_on(whole);
            reached = Some(now);
            let roots = sets.into_roots();
            if !merges.is_empty() {
                points = points.grouped(self.exact, &roots);
                apart = apart.renamed(&numbers(&roots));
            }
        }
    }

    /// Merges of points, up to the threshold or as far as a band goes.
    fn band(
        &self,
        points: &Points,
        apart: &CannotLinks,
        reached: Option<f64>,
        threshold: f64,
        observer: Observer<'_>,
    ) -> Result<Band, Error> {
        let n = points.len();
        if n <= MAX_ALL_PAIRS_POINTS {
            let (merges, links) = self.by_distance_matrix(points, apart, threshold);
            return Ok(Band { merges, links, threshold, roots: vec![0; n], whole: observer.end() });
        }
        if let Some(merges) = self.by_quantized_matrix(points, apart, threshold, observer) {
            let (links, whole) = (pairs(n), observer.end());
            return Ok(Band { merges, links, threshold, roots: vec![0; n], whole });
        }
        let (guess, expected) = self.guess(points, reached.unwrap_or(0.0), threshold);
        let later = if guess < threshold { later_work(n, expected, self.most) } else { 0.0 };
        let observer = observer.before(later);
        let many = guess < threshold && pairs(n) / MAX_PAIRS_PER_LINK > self.most;
        if (many || expected > n as u64 * MAX_LINKS_PER_POINT)
            && let Some(split) =
                self.split(points, apart, reached, threshold, observer.comparing(SPLIT_COMPARED))?
        {
            return Ok(split);
        }
        let observer = observer.comparing(BAND_COMPARED);
        let found = self.join(points, apart, reached, guess, observer)?;
        let links = found.pieces.iter().map(|p| p.len() as u64).sum();
        let counter = observer.start(Stage::Link, links);
        let pieces = found.pieces.into_iter().map(Piece::Plain).collect();
        let (merges, roots) = sparse_linkage::merges_of(pieces, n)?;
        counter.advance(links);
        Ok(Band { merges, links, threshold: found.threshold, roots, whole: observer.end() })
    }

    /// All merges from a 16-bit matrix of distances, where that fits and most pairs are links.
    fn by_quantized_matrix(
        &self,
        points: &Points,
        apart: &CannotLinks,
        threshold: f64,
        observer: Observer<'_>,
    ) -> Option<Vec<Merge>> {
        let (n, rows) = (points.len(), points.members_in_all());
        if quantized_matrix::bytes(n, rows, self.exact.rows().dim())
            > self.most.saturating_mul(Settings::BYTES_A_LINK)
            || rows > n * MAX_ROWS_PER_POINT
        {
            return None;
        }
        let near = |&(i, j): &(usize, usize)| {
            self.exact.complete(points.members(i), points.members(j), threshold).is_some()
        };
        let sampled =
            || spread(n, 32).flat_map(|i| spread(n, 64).map(move |j| (i, j))).filter(|(i, j)| i != j);
        if sampled().filter(near).count() * MATRIX_PAIRS_PER_LINK < sampled().count() {
            return None;
        }
        let counter = observer.start(Stage::Link, pairs(n));
        // More than measuring each pair once is no gain.
        let how = (self.space.tuning.isa, pairs(rows));
        let merges = quantized_matrix::merges(self.exact, points, apart.all(), threshold, how);
        let merges = merges.or_else(|| {
            // Distances in full, each measured once.
            let bytes = distance_matrix::bytes(n);
            (bytes <= self.most.saturating_mul(Settings::BYTES_A_LINK))
                .then(|| self.by_distance_matrix(points, apart, threshold).0)
        });
        counter.advance(pairs(n));
        merges
    }

    /// All links up to `wanted`, or as far as they fit.
    fn join(
        &self,
        points: &Points,
        apart: &CannotLinks,
        reached: Option<f64>,
        wanted: f64,
        observer: Observer<'_>,
    ) -> Result<Bounded, Error> {
        let start = reached.unwrap_or(0.0);
        let mut wanted = wanted;
        loop {
            let found =
                join_points(self.exact, self.space, points, apart, start..wanted, self.most, observer);
            // Pairs at distance 0 are none in a later band, but may be all there is in the first.
            if found.threshold > start || (reached.is_none() && found.fits) {
                return Ok(found);
            }
            if !found.fits {
                return Err(Error::Ties { distance: start, most: self.most });
            }
            // Not even the first step fits: smaller steps.
            wanted = start + (wanted - start) / 1024.0;
            if wanted <= start.next_up() {
                return Err(Error::Ties { distance: start.next_up(), most: self.most });
            }
        }
    }

    /// All merges, from a matrix of all distances; and how many of these count.
    fn by_distance_matrix(&self, points: &Points, apart: &CannotLinks, threshold: f64) -> (Vec<Merge>, u64) {
        let n = points.len();
        let (square, links) = DistanceMatrix::of_pairs(n, |i, j| {
            let near = || self.exact.complete(points.members(i), points.members(j), threshold);
            if apart.holds(i as u32, j as u32) { None } else { near() }
        });
        let mut merges = distance_matrix::chain(square, |left, right, _, _| left.max(right));
        merges.sort_unstable_by(Merge::order);
        (merges, links)
    }

    /// Components by themselves, up to the largest threshold at which they are small; none where that does
    /// not help.
    fn split(
        &self,
        points: &Points,
        apart: &CannotLinks,
        reached: Option<f64>,
        threshold: f64,
        observer: Observer<'_>,
    ) -> Result<Option<Band>, Error> {
        let start = reached.unwrap_or(0.0);
        let most = pairs(points.len()) / MIN_PAIR_REDUCTION;
        let forest = Forest::new(self.exact, self.space, points, start..threshold, most, observer);
        let Some((roots, now)) = forest.components() else { return Ok(None) };
        drop(forest);
        if now <= start {
            // Steps finer than numbers are.
            return Ok(None);
        }
        let solver = BandedLinkage { observer, ..*self };
        let (merges, links) = solver.parts(points, apart, &roots, now)?;
        Ok(Some(Band { merges, links, threshold: now, roots, whole: observer.end() }))
    }

    /// Points with the same root, the smallest of them, each such part by itself: their merges up to a threshold within
    /// which no two parts are, in order, and how many links it took.
    pub(crate) fn parts(
        &self,
        points: &Points,
        apart: &CannotLinks,
        roots: &[u32],
        threshold: f64,
    ) -> Result<(Vec<Merge>, u64), Error> {
        let components = Components::new(roots);
        let mut parts: Vec<&[u32]> = components
            .ranges()
            .filter(|(from, to)| to - from > 1)
            .map(|(from, to)| &components.point_at[from..to])
            .collect();
        parts.sort_by_key(|part| (std::cmp::Reverse(part.len()), part[0]));
        // Large ones on threads of their own, at most as many as share the budget: a thread of the pool that
        // waits for its share of a join would take up another part meanwhile, and its memory. Shares are the same
        // for any number of threads, and so is what is found.
        let share = (self.most / PARALLEL_PARTS as u64).max(64);
        let large = parts.partition_point(|part| pairs(part.len()) > share / 8);
        let within = apart.by_component(roots, &components);
        let total: u64 = parts.iter().map(|part| pairs(part.len())).sum();
        let counter = self.observer.start(Stage::Link, total);
        // A matrix that one share does not hold takes several. What no matrix holds goes in bands of one share, as others
        // would wait for long.
        let shares = |part: &&[u32]| {
            let square = quantized_matrix::bytes(part.len(), part.len(), self.exact.rows().dim());
            let shares = square.div_ceil(share.saturating_mul(Settings::BYTES_A_LINK));
            usize::try_from(shares).ok().filter(|shares| (1..=PARALLEL_PARTS).contains(shares)).unwrap_or(1)
        };
        let solve = |part: &&[u32]| {
            let apart = within.get(&part[0]).cloned().unwrap_or_default();
            let most = share * shares(part) as u64;
            let solver = BandedLinkage { observer: Observer::none(), most, ..*self };
            let solved = solver.solve(points.in_order(part), apart, threshold);
            counter.advance(pairs(part.len()));
            solved
        };
        let (first, rest) = parts.split_at(large);
        let mut solved = in_shares(first, shares, solve)?;
        solved.extend(rest.par_iter().map(solve).collect::<Result<Vec<BandedResult>, Error>>()?);
        let links = solved.iter().map(|s| s.links).sum();
        // Named by rows; here by points.
        let number = |row: u32| points.ids().partition_point(|&id| id < row) as u32;
        let named = |m: Merge| Merge { a: number(m.a), b: number(m.b), ..m };
        let mut merges: Vec<Merge> = solved.into_iter().flat_map(|s| s.merges).map(named).collect();
        merges.par_sort_unstable_by(Merge::order);
        Ok((merges, links))
    }

    /// A threshold, no larger than the one wanted, up to which the links should fit, and how many there should be
    /// up to the one wanted: from a sample of pairs. Wrong guesses cost time only.
    fn guess(&self, points: &Points, reached: f64, threshold: f64) -> (f64, u64) {
        let total = pairs(points.len());
        if total <= self.most.min(MAX_UNSAMPLED_PAIRS) {
            return (threshold, 0);
        }
        let left: Vec<usize> = spread(points.len(), 256).collect();
        let right: Vec<usize> = spread(points.len(), 1024).collect();
        let near = |i: usize, j: usize| self.exact.complete(points.members(i), points.members(j), threshold);
        let mut distances: Vec<f64> = left
            .par_iter()
            .flat_map_iter(|&i| right.iter().filter(move |&&j| i != j).filter_map(move |&j| near(i, j)))
            .collect();
        let sampled = (left.len() * right.len()) as f64;
        let expected = (distances.len() as f64 * (total as f64 / sampled)) as u64;
        let fit = (self.most as f64 * 0.8 / (total as f64 / sampled)) as usize;
        if total <= self.most || distances.len() <= fit {
            return (threshold, expected);
        }
        distances.par_sort_unstable_by(f64::total_cmp);
        // With few of them the guess is rough: a little more is asked for, as the join falls back by itself.
        let guess = distances[(fit + 4).min(distances.len() - 1)];
        (if guess > reached { guess } else { threshold }, expected)
    }
}

/// Solves parts on a few threads, each taking up the next one when it is done and there are as many shares left as that
/// takes; results in the order of parts, or the error of the first part that has one. A thread of a pool must not wait
/// for what others of that pool would have to do, so it solves them itself, one after the other.
fn in_shares(
    parts: &[&[u32]],
    shares: impl Fn(&&[u32]) -> usize + Sync,
    solve: impl Fn(&&[u32]) -> Result<BandedResult, Error> + Sync,
) -> Result<Vec<BandedResult>, Error> {
    if rayon::current_thread_index().is_some() {
        return parts.iter().map(solve).collect();
    }
    let threads = rayon::current_num_threads().min(PARALLEL_PARTS).min(parts.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let left = FreeShares { shares: Mutex::new(PARALLEL_PARTS), freed: Condvar::new() };
    let mut solved = std::thread::scope(|scope| {
        let work = || {
            let mut own = Vec::new();
            // Parts are begun in order, so all before one that fails are solved or fail as well.
            while !failed.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(at) else { break };
                let _held = left.take(shares(part));
                let solved = solve(part);
                failed.fetch_or(solved.is_err(), Ordering::Relaxed);
                own.push((at, solved));
            }
            own
        };
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A panic goes on where it was waited for.
        let joined = started.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|own| own.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    solved.sort_by_key(|(at, _)| *at);
    solved.into_iter().map(|(_, solved)| solved).collect()
}

/// Shares that are free.
struct FreeShares {
    shares: Mutex<usize>,
    freed: Condvar,
}

/// Some shares, given back in the end, whatever happens.
struct HeldShares<'a>(&'a FreeShares, usize);

impl FreeShares {
    /// Waits until there are so many.
    fn take(&self, wanted: usize) -> HeldShares<'_> {
        let left = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.freed.wait_while(left, |left| *left < wanted);
        *left.unwrap_or_else(PoisonError::into_inner) -= wanted;
        HeldShares(self, wanted)
    }
}

impl Drop for HeldShares<'_> {
    fn drop(&mut self) {
        *self.0.shares.lock().unwrap_or_else(PoisonError::into_inner) += self.1;
        self.0.freed.notify_all();
    }
}

/// The number of each point's group, groups counted in the order of their smallest points.
fn numbers(roots: &[u32]) -> Vec<u32> {
    let mut number = vec![0; roots.len()];
    let mut next = 0;
    for (point, &root) in roots.iter().enumerate() {
        if root as usize == point {
            number[point] = next;
            next += 1;
        } else {
            number[point] = number[root as usize];
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linkage::complete::complete_linkage_with;
    use crate::prefilter::Tuning;
    use crate::{Constraints, Embeddings, Metric, Settings, primitive};
    use streamface_kernels::Isa;

    /// Rows around centres, so many each.
    fn people(n: usize, dim: usize, each: usize, noise: f32, seed: u32) -> Embeddings {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let centres: Vec<f32> = (0..n.div_ceil(each) * dim).map(|_| next()).collect();
        let data =
            (0..n * dim).map(|at| centres[at / dim % n.div_ceil(each) * dim + at % dim] + noise * next());
        Embeddings::new(data.collect(), dim).unwrap()
    }

    fn solver<'a>(exact: &'a ExactDistance<'a>, space: &'a Projection, most: u64) -> BandedLinkage<'a> {
        BandedLinkage::new(exact, space, most, Observer::none())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        /// With directions and along the axes, on all instruction sets, with memory and without.
        #[test]
        fn tuning_changes_nothing(
            n in 65_usize..220,
            dim in prop_oneof![2_usize..60, Just(31), Just(33), 100_usize..200],
            each in 2_usize..30,
            noise in 0.01_f32..1.5,
            share in 0.02..0.6_f64,
            seed in any::<u32>(),
            cosine in any::<bool>(),
        ) {
            let rows = people(n, dim, each, noise, seed);
            let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
            let mut sample: Vec<f64> =
                (0..n - 1).map(|i| metric.distance(rows.row(i), rows.row((i * 7 + 5) % n))).collect();
            sample.sort_by(f64::total_cmp);
            let settings = Settings::new(metric, sample[(n as f64 * share) as usize]).unwrap();
            let none = Constraints::default();
            let slow = primitive::complete_linkage(&rows, &settings, &none).unwrap();
            let mut first = None;
            for isa in Isa::available() {
                for (few, bytes) in [(2, 0), (2, 56 * 500), (2, 1 << 30), (1000, 0)] {
                    let tuning = Tuning { isa, few, ..Tuning::default() };
                    let found =
                        complete_linkage_with(rows.view(), &settings.memory(bytes), &none, Observer::none(), tuning);
                    // At most a pair or two at any one distance.
                    let found = found.unwrap();
                    prop_assert_eq!(&found.labels, &slow, "{:?} {}", tuning, bytes);
                    let merges = first.get_or_insert_with(|| found.merges.clone());
                    prop_assert_eq!(merges, &found.merges, "{:?} {}", tuning, bytes);
                }
            }
        }
    }

    /// Splits, those within splits, and constraints across and within them.
    #[test]
    fn a_split_is_what_the_whole_is() {
        for (dim, metric, threshold) in [(40, Metric::Cosine, 0.45), (8, Metric::Euclidean, 1.2)] {
            let rows = people(1200, dim, 8, 0.4, 3);
            let exact = ExactDistance::new(&rows, metric).unwrap();
            let order: Vec<u32> = (0..1200).collect();
            let space = Projection::new(&exact, &order, Tuning { few: 2, ..Tuning::default() });
            let mut constraints = Constraints::default();
            (0..10_000).for_each(|k| {
                let (a, b) = (k * 7 % 1200, (k * 7 + 150 * (k % 8)) % 1200);
                if a != b {
                    constraints.cannot_link(a, b);
                }
            });
            for constraints in [Constraints::default(), constraints] {
                let groups = constraints.close(1200).unwrap();
                let points = || Points::of_rows(&order);
                let apart = || CannotLinks::new(&points(), &groups);
                let whole = solver(&exact, &space, 1 << 30).solve(points(), apart(), threshold).unwrap();
                assert_eq!(whole.bands, 1);
                let little = solver(&exact, &space, 300);
                let split = little.split(&points(), &apart(), None, threshold, Observer::none()).unwrap();
                let Band { merges, links, threshold: now, .. } = split.unwrap();
                assert!(now <= threshold && links > 300, "{now} {links}");
                let until: Vec<Merge> = whole.merges.iter().copied().filter(|m| m.distance <= now).collect();
                assert_eq!(merges, until);
                assert!(!merges.is_empty());
                let all = little.solve(points(), apart(), threshold).unwrap();
                assert_eq!(all.merges, whole.merges);
            }
        }
    }
}
