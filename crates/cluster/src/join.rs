//! The similarity join: all pairs of rows at distance ≤ t.
//!
//! Blocks of the upper triangle of the distance matrix, in parallel by blocks of rows. A blocked `f32`
//! matrix product finds candidates with a margin that is proven to miss none; each candidate's
//! distance is then computed in `f64` as [`Metric::distance`](crate::Metric::distance) defines it, and
//! that alone decides. Memory: a copy of the rows, and 16 bytes a link.

use rayon::prelude::*;
use streamface_types::Embeddings;

use crate::exact::Exact;
use crate::kernel::Isa;
use crate::pack::Packed;
use crate::{Error, Settings};

/// Rows of a block: few enough for their panels to stay in a second-level cache at usual dimensions.
const BLOCK_ROWS: usize = 192;

/// Two rows at distance ≤ t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The smaller row.
    pub i: u32,
    /// The larger row.
    pub j: u32,
    /// Their distance.
    pub distance: f64,
}

/// All links, in order of (i, j).
#[derive(Debug, Clone, Default)]
pub struct Links {
    rows: usize,
    len: u64,
    /// In pieces, so that a consumer can let go of what it has read.
    pieces: Vec<Vec<Link>>,
}

impl Links {
    pub(crate) fn from_pieces(rows: usize, pieces: Vec<Vec<Link>>) -> Self {
        let len = pieces.iter().map(|p| p.len() as u64).sum();
        Self { rows, len, pieces }
    }

    pub(crate) fn into_pieces(self) -> Vec<Vec<Link>> {
        self.pieces
    }

    /// Number of links.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of rows that were joined, linked or not.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The links in order of (i, j).
    pub fn iter(&self) -> impl Iterator<Item = Link> + '_ {
        self.pieces.iter().flatten().copied()
    }
}

/// Finds all pairs i < j of rows whose distance is at most the threshold.
///
/// ```
/// use streamface_cluster::{Embeddings, Link, Metric, Settings, join};
///
/// let rows = Embeddings::new(vec![0.0, 5.0, 1.0], 1)?;
/// let links = join(&rows, &Settings::new(Metric::Euclidean, 1.0)?)?;
/// assert_eq!(links.iter().collect::<Vec<_>>(), [Link { i: 0, j: 2, distance: 1.0 }]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::TooManyRows`] beyond 2³² − 1 rows.
pub fn join(rows: &Embeddings, settings: &Settings) -> Result<Links, Error> {
    join_with(rows, settings, Isa::best())
}

fn join_with(rows: &Embeddings, settings: &Settings, isa: Isa) -> Result<Links, Error> {
    let threshold = settings.threshold();
    let exact = Exact::new(rows, settings.metric())?;
    let packed = Packed::new(&exact, settings.metric(), threshold, isa);
    // Small inputs in smaller blocks, so that all threads get some.
    let block = (BLOCK_ROWS.min(rows.len() / 16) / isa.panel()).max(1);
    let pieces = (0..packed.panels().div_ceil(block))
        .into_par_iter()
        .with_max_len(1)
        .map(|b| block_links(&exact, &packed, b * block, block, threshold))
        .collect();
    Ok(Links::from_pieces(packed.rows(), pieces))
}

/// The links whose smaller row is in `count` panels from `panel` on.
fn block_links(exact: &Exact, packed: &Packed, panel: usize, count: usize, threshold: f64) -> Vec<Link> {
    let first = panel * packed.isa.panel();
    let mut candidates = vec![Vec::new(); count * packed.isa.panel()];
    packed.candidates(panel, panel + count, |i, j| candidates[i as usize - first].push(j));
    let mut links = Vec::new();
    // Rows that only fill up the last panel have no candidates, and are none.
    for (i, others) in (first as u32..).zip(candidates).filter(|(_, others)| !others.is_empty()) {
        exact.distances(i, &others, |j, distance| {
            if distance <= threshold {
                links.push(Link { i, j, distance });
            }
        });
    }
    links.shrink_to_fit();
    links
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Metric;

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
        for isa in Isa::available() {
            let got = join_with(rows, settings, isa).unwrap();
            assert_eq!(got.len(), want.len() as u64);
            assert!(got.iter().eq(want.iter().copied()), "{isa:?} {settings:?}");
        }
    }

    /// Directions near a few centres, so that all sizes of distances occur.
    fn rows() -> impl Strategy<Value = Embeddings> {
        let shape = (0_usize..130, 1_usize..40, 0..4_i32);
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
        let exact = Exact::new(&rows, Metric::Euclidean).unwrap();
        let packed = Packed::new(&exact, Metric::Euclidean, 8.0, Isa::best());
        let mut candidates = 0;
        packed.candidates(0, packed.panels(), |_, _| candidates += 1);
        let links = join(&rows, &Settings::new(Metric::Euclidean, 8.0).unwrap()).unwrap().len();
        assert!(candidates < links + 20, "{candidates} candidates for {links} links");
    }
}
