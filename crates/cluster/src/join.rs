//! The similarity join: all pairs at distance ≤ t.
//!
//! Blocks of the upper triangle, in parallel. Nearly all pairs are ruled out by a prefilter of them
//! that is proven to miss none; the distance of the others is computed in `f64` as
//! [`Metric::distance`](crate::Metric::distance) defines it, and that alone decides.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use streamface_types::EmbeddingsView;

use crate::exact_distance::ExactDistance;
use crate::link_sink::{CompactLinks, Link, LinkList, LinkSink};
use crate::links::{Links, Spill};
use crate::panel_blocks::{Blocks, MAX_LINKS_HELD, pairs};
use crate::points::Points;
use crate::prefilter::{Prefilter, Projection, Tuning};
use crate::progress::{Observer, Stage};
use crate::{Error, Settings};
use streamface_kernels::byte_tile::MAX_TILE;

/// Room for them, and for those of the tile that comes last.
const FULL: usize = MAX_LINKS_HELD + MAX_TILE;

/// Finds all pairs i < j of rows whose distance is at most the threshold, in an order of its own that only
/// depends on the rows.
///
/// Memory: about d + 40 bytes a row, and up to the settings' budget between 8 bytes a link, where clusters are large, and 20;
/// beyond it links go to a temporary file.
///
/// ```
/// use streamface_cluster::{Embeddings, Link, Metric, Settings, join};
///
/// let rows = Embeddings::new(vec![0.0, 5.0, 1.0], 1)?;
/// let links = join(&rows, &Settings::new(Metric::Euclidean, 1.0)?)?;
/// assert_eq!(links.iter().collect::<Result<Vec<_>, _>>()?, [Link { i: 0, j: 2, distance: 1.0 }]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::TooManyRows`] beyond 2³² − 1 rows; [`Error::Spill`] where the temporary file cannot be written.
pub fn join<'a>(rows: impl Into<EmbeddingsView<'a>>, settings: &Settings) -> Result<Links, Error> {
    let rows = rows.into();
    join_blocks(rows, settings, 0..rows.len(), 0..rows.len(), Observer::none())
}

/// The part of [`join`] between two blocks of rows: all pairs i < j at distance ≤ t with one row in `left`
/// and the other in `right`. A pure function of these rows, so that blocks can be joined on many machines;
/// parts of blocks that cover the upper triangle are together what `join` finds, in any order.
///
/// ```
/// use streamface_cluster::{Constraints, Embeddings, Links, Metric, Observer, Settings, join, join_blocks, link};
///
/// let rows = Embeddings::new(vec![0.0, 5.0, 1.0, 4.5], 1)?;
/// let settings = Settings::new(Metric::Euclidean, 1.0)?;
/// let mut parts = Vec::new();
/// for (left, right) in [(0..2, 0..2), (0..2, 2..4), (2..4, 2..4)] {
///     parts.push(join_blocks(&rows, &settings, left, right, Observer::none())?);
/// }
/// let labels = link(Links::merge(parts)?, &Constraints::default())?.labels;
/// assert_eq!(labels, link(join(&rows, &settings)?, &Constraints::default())?.labels);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NoSuchRow`] for a block that ends beyond the rows; those of [`join`].
pub fn join_blocks<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    left: Range<usize>,
    right: Range<usize>,
    observer: Observer<'_>,
) -> Result<Links, Error> {
    let rows = rows.into();
    join_blocks_with(rows, settings, left, right, observer, Tuning::default())
}

fn join_blocks_with(
    rows: EmbeddingsView<'_>,
    settings: &Settings,
    left: Range<usize>,
    right: Range<usize>,
    observer: Observer<'_>,
    tuning: Tuning,
) -> Result<Links, Error> {
    for end in [left.end, right.end] {
        if end > rows.len() {
            return Err(Error::NoSuchRow { row: end, rows: rows.len() });
        }
    }
    let exact = ExactDistance::new(rows, settings.metric())?;
    // Only the rows of the blocks are compared at.
    let order: Vec<u32> = (0..rows.len() as u32)
        .filter(|&r| left.contains(&(r as usize)) || right.contains(&(r as usize)))
        .collect();
    let space = Projection::new(&exact, &order, tuning);
    let in_blocks = |i: u32, j: u32| {
        let (i, j) = (i as usize, j as usize);
        (left.contains(&i) && right.contains(&j)) || (left.contains(&j) && right.contains(&i))
    };
    let whole = left == right;
    let spill = Spill::new(settings.most_held());
    let pieces = Mutex::new(Vec::new());
    let keep = |number, found: CompactLinks| {
        let piece = spill.keep(found)?;
        pieces.lock().unwrap_or_else(PoisonError::into_inner).push((number, piece));
        Ok(())
    };
    // In order only where blocks are whole.
    join_rows(&exact, &space, &order, settings, observer, (!whole).then_some(&in_blocks), keep)?;
    let mut pieces = pieces.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Stable: those of one block are in order.
    pieces.sort_by_key(|(number, _)| *number);
    Ok(Links::from_pieces(rows.len(), pieces.into_iter().map(|(_, piece)| piece).collect()))
}

/// All pairs of some rows at distance ≤ the threshold, handed to `each` in parts of at most some 65,000 as
/// they are found, and not kept: for whoever needs less than all of them. Which parts come when, and from
/// which thread, is left open; what they hold together is not.
///
/// `among` are rows in ascending order. A pair that is not `wanted`, asked with its two rows in any order, is
/// neither measured nor handed over. Memory: about d + 40 bytes a row, and the parts under way.
///
/// ```
/// use std::sync::Mutex;
/// use streamface_cluster::{Embeddings, Link, Metric, Observer, Settings, join_each};
///
/// let rows = Embeddings::new(vec![0.0, 5.0, 1.0, 0.5], 1)?;
/// let nearest = Mutex::new(f64::INFINITY);
/// join_each(&rows, &Settings::new(Metric::Euclidean, 4.0)?, &[0, 1, 2], |_, _| true, Observer::none(), |part| {
///     let mut nearest = nearest.lock().unwrap_or_else(|e| e.into_inner());
///     *nearest = part.iter().fold(*nearest, |least, link| least.min(link.distance));
///     Ok(())
/// })?;
/// assert_eq!(nearest.into_inner()?, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::TooManyRows`]; [`Error::NoSuchRow`] for one of `among`; the first that `each` returns, which ends
/// the join.
pub fn join_each<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    among: &[u32],
    wanted: impl Fn(u32, u32) -> bool + Sync,
    observer: Observer<'_>,
    each: impl Fn(Vec<Link>) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let rows = rows.into();
    let exact = ExactDistance::new(rows, settings.metric())?;
    if let Some(&row) = among.iter().find(|&&row| row as usize >= rows.len()) {
        return Err(Error::NoSuchRow { row: row as usize, rows: rows.len() });
    }
    let space = Projection::new(&exact, among, Tuning::default());
    join_rows(&exact, &space, among, settings, observer, Some(&wanted), |_, found: LinkList| {
        each(found.links)
    })
}

/// All pairs of some rows, in ascending order, at distance ≤ the threshold, handed to `each` in parts as they are found, one
/// part at a time.
pub(crate) fn join_observed(
    exact: &ExactDistance,
    among: &[u32],
    settings: &Settings,
    observer: Observer<'_>,
    each: impl FnMut(Vec<Link>) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    let each = Mutex::new(each);
    let space = Projection::new(exact, among, Tuning::default());
    let all = None::<&fn(u32, u32) -> bool>;
    join_rows(exact, &space, among, settings, observer, all, |_, found: LinkList| {
        (each.lock().unwrap_or_else(PoisonError::into_inner))(found.links)
    })
}

/// The pairs of `order`, rows in ascending order, that are `wanted`, or all, and at distance ≤ the threshold, handed
/// over whenever a block has found [`MAX_LINKS_HELD`], and at its end.
fn join_rows<F: LinkSink>(
    exact: &ExactDistance,
    space: &Projection,
    order: &[u32],
    settings: &Settings,
    observer: Observer<'_>,
    wanted: Option<&(impl Fn(u32, u32) -> bool + Sync)>,
    each: impl Fn(usize, F) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let threshold = settings.threshold();
    let points = Points::of_rows(order);
    let prefilter = Prefilter::new(exact, space, &points, threshold);
    let within = (threshold, space.reach(settings.metric(), threshold));
    let names: Arc<[u32]> = prefilter.ids().into();
    let blocks = Blocks::new(&prefilter);
    let progress = observer.start(Stage::Join, pairs(points.len()));
    blocks.all().try_for_each(|block| {
        let wanted = wanted
            .map(|wanted| prefilter.only(|p: u32, q: u32| wanted(order[p as usize], order[q as usize])));
        let (mut found, mut failed) = (F::new(&names, prefilter.isa.f64_block().1), Ok(()));
        let hand_over = |mut part: F| {
            part.shrink_to_fit();
            each(block.number, part)
        };
        let full = |found: &mut F| {
            // After a failure nothing is kept: there may be more links than memory.
            if failed.is_err() {
                found.take(0);
            } else if found.len() >= MAX_LINKS_HELD {
                failed = hand_over(found.take(FULL));
            }
        };
        // All points are single rows.
        prefilter.links(exact, block.panels, within, wanted.as_ref(), |_, _| None, (&mut found, full));
        failed?;
        progress.advance(block.pairs(&prefilter));
        hand_over(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prefilter::Panels;
    use crate::{Embeddings, Metric};
    use streamface_kernels::Isa;

    fn naive(rows: &Embeddings, settings: &Settings) -> Vec<Link> {
        let n = rows.len() as u32;
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let distance = |(i, j)| settings.metric().distance(rows.row(i as usize), rows.row(j as usize));
        pairs
            .map(|(i, j)| Link { i, j, distance: distance((i, j)) })
            .filter(|link| link.distance <= settings.threshold())
            .collect()
    }

    fn check(rows: &Embeddings, settings: &Settings) {
        let want = naive(rows, settings);
        let n = rows.len();
        for isa in Isa::available() {
            // With directions, and along the axes; in memory, and nearly all on disk.
            for (few, memory) in [(2, 0), (2, 1 << 20), (1000, 1 << 20)] {
                let (settings, tuning) = (settings.memory(memory), Tuning { isa, few, ..Tuning::default() });
                let run = |left, right| {
                    join_blocks_with(rows.view(), &settings, left, right, Observer::none(), tuning)
                };
                let got = run(0..n, 0..n).unwrap();
                assert_eq!(got.len(), want.len() as u64, "{tuning:?} {settings:?}");
                let mut got: Vec<Link> = got.iter().collect::<Result<_, _>>().unwrap();
                got.sort_by_key(|l| (l.i, l.j));
                assert_eq!(got, want, "{tuning:?} {settings:?}");
                let (a, b) = (n / 3, n / 2);
                let parts = [(0..a, 0..b), (a..b, a..b), (b..n, 0..b), (b..n, b..n)];
                let parts = parts.map(|(left, right)| run(left, right).unwrap());
                let mut all: Vec<Link> =
                    Links::merge(parts.to_vec()).unwrap().iter().collect::<Result<_, _>>().unwrap();
                all.sort_by_key(|l| (l.i, l.j));
                assert_eq!(all, want, "{tuning:?} {settings:?}");
            }
        }
    }

    /// Directions near a few centres, so that all sizes of distances occur.
    fn rows() -> impl Strategy<Value = Embeddings> {
        let shape = (0_usize..130, 1_usize..60, 0..4_i32);
        shape.prop_flat_map(|(n, dim, magnitude)| {
            let scale = [1.0, 1e-30, 1e25, 1e-3][magnitude as usize];
            let number = prop_oneof![4 => -1.0_f32..1.0, 1 => Just(0.0), 1 => Just(0.5)];
            prop::collection::vec(number, n * dim).prop_map(move |mut data| {
                for i in (0..n).filter(|i| i % 3 > 0) {
                    let near = i / 3 * 3 * dim;
                    for k in 0..dim {
                        data[i * dim + k] = data[near + k] + 0.1 * data[i * dim + k] * (i % 3 - 1) as f32;
                    }
                }
                Embeddings::new(data.iter().map(|x| x * scale).collect(), dim).unwrap()
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The threshold is the distance of some pair, or the next number below: the pair is in or out.
        #[test]
        fn decides_as_the_definition_does(rows in rows(), pick in any::<(u16, u16, bool, bool)>()) {
            let metric = if pick.3 { Metric::Cosine } else { Metric::Euclidean };
            let row = |p: u16| rows.row(usize::from(p) % rows.len());
            let t = if rows.is_empty() { 0.5 } else { metric.distance(row(pick.0), row(pick.1)) };
            let t = if pick.2 && t > 0.0 { t.next_down() } else { t };
            check(&rows, &Settings::new(metric, t).unwrap());
        }
    }

    #[test]
    fn edges() {
        for metric in [Metric::Cosine, Metric::Euclidean] {
            for t in [0.0, 0.999_999, 1.0, 2.0] {
                let settings = Settings::new(metric, t).unwrap();
                check(&Embeddings::new(vec![], 0).unwrap(), &settings);
                check(&Embeddings::new(vec![], 7).unwrap(), &settings);
                check(&Embeddings::new(vec![3.0], 1).unwrap(), &settings);
                let signs = vec![0.0, 1.0, -1.0, 2.0, 0.0, 1e-45, 3e38, -3e38];
                check(&Embeddings::new(signs, 1).unwrap(), &settings);
                check(&Embeddings::new(vec![0.25; 64 * 5], 5).unwrap(), &settings);
                check(&Embeddings::new(vec![0.0; 60], 3).unwrap(), &settings);
            }
        }
        for t in [1e300, f64::MAX] {
            let settings = Settings::new(Metric::Euclidean, t).unwrap();
            check(&Embeddings::new(vec![1.0, 2.0, -3e38], 1).unwrap(), &settings);
            // One row is the centre itself.
            check(&Embeddings::new(vec![1e-40, 0.0, -1e-40], 1).unwrap(), &settings);
        }
    }

    /// Far from the origin the squares of lengths would drown the distances.
    #[test]
    fn an_offset_costs_no_exactness_and_few_candidates() {
        let data: Vec<f32> = (0..500).map(|k| 1e6 + (k * k % 97) as f32 / 8.0).collect();
        let rows = Embeddings::new(data, 5).unwrap();
        check(&rows, &Settings::new(Metric::Euclidean, 8.0).unwrap());
        let exact = ExactDistance::new(&rows, Metric::Euclidean).unwrap();
        let order: Vec<u32> = (0..100).collect();
        let (space, points) = (Projection::new(&exact, &order, Tuning::default()), Points::of_rows(&order));
        let prefilter = Prefilter::new(&exact, &space, &points, 8.0);
        let mut candidates = 0_u64;
        let reach = space.reach(Metric::Euclidean, 8.0);
        let all = Panels { from: 0, to: prefilter.panels(), last: prefilter.panels() };
        let any = prefilter.only(|_, _| true);
        prefilter.candidates((&exact, &space), all, reach, Some(&any), |_, _, _| candidates += 1);
        let links = join(&rows, &Settings::new(Metric::Euclidean, 8.0).unwrap()).unwrap().len();
        assert!(candidates < links + links / 4 + 20, "{candidates} candidates for {links} links");
    }
}
