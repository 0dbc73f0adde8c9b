//! Verification over all pairs of labelled faces.

use std::collections::BinaryHeap;

use serde::Serialize;
use streamface_types::{Embeddings, Metric};

use crate::metrics::Noise;
use crate::{Contingency, Error, Pairs, Prf};

/// Most distances held at once (8 bytes each): those of one person's pairs, and as many of the
/// others as the false accept rate lets through.
const MAX_HELD: u64 = 100_000_000;

/// Verification over all pairs of labelled faces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verification {
    /// Pairs of faces of one person.
    pub same: u64,
    /// Pairs of faces of two people.
    pub different: u64,
    /// Area under the ROC curve: the chance that a pair of one person is nearer than a pair of two,
    /// ties counting half. 0 to 1.
    pub auc: f64,
    /// The false accept rate asked for.
    pub far: f64,
    /// True accept rate: the share of pairs of one person that are accepted where of the pairs of two
    /// at most a share of `far` is.
    pub tar: f64,
    /// Accepted is what is nearer than this.
    pub threshold: f64,
    /// Pairs of two people that are accepted. Where they are fewer than
    /// [`MIN_ACCEPTED`](super::MIN_ACCEPTED), the rate hangs on a few pairs.
    pub accepted: u64,
}

/// Exact AUC, and true accept rate at the false accept rate `far` (usually 1e-3), over all pairs of
/// the `n` rows, of which row `i` shows person `labels[i]`. A negative label (noise) is no person and
/// its rows are left out.
///
/// Takes n² / 2 distances, and memory for the pairs of one person and a share `far` of the others.
///
/// # Errors
/// Where the numbers of rows and labels differ, `far` is not in [0, 1), there is no pair of either
/// kind, or there are more than a hundred million distances to hold.
pub fn verification(
    embeddings: &Embeddings,
    labels: &[i64],
    metric: Metric,
    far: f64,
) -> Result<Verification, Error> {
    if embeddings.len() != labels.len() {
        return Err(Error::Count { rows: embeddings.len(), labels: labels.len() });
    }
    if !(0.0..1.0).contains(&far) {
        return Err(Error::Far(far));
    }
    let faces: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] >= 0).collect();
    let pairs = Pairs::new(&Contingency::new(faces.iter().map(|&i| (labels[i], 0))));
    // 2^32 faces would be needed for more pairs than a u64 holds.
    let (same, different) = (pairs.both as u64, pairs.predicted_only as u64);
    if same == 0 || different == 0 {
        return Err(Error::OneKind { same, different });
    }
    let let_through = (far * different as f64).floor() as u64;
    let held = same.saturating_add(let_through);
    if held > MAX_HELD {
        return Err(Error::TooManyPairs { pairs: held, limit: MAX_HELD });
    }

    let distances = |of_one: bool| {
        let faces = &faces;
        faces.iter().enumerate().flat_map(move |(k, &i)| {
            let others = faces[..k].iter().filter(move |&&j| (labels[i] == labels[j]) == of_one);
            others.map(move |&j| Distance(metric.distance(embeddings.row(i), embeddings.row(j))))
        })
    };
    let mut genuine: Vec<Distance> = distances(true).collect();
    genuine.sort_unstable();
    let nearer = |d: Distance| genuine.partition_point(|&g| g < d);

    // Twice the count of (same, different) pairs in the right order, so that a tie's half is whole.
    let mut right_order: u128 = 0;
    // The nearest `let_through + 1` of the others: the farthest of these may not be accepted.
    let mut nearest = BinaryHeap::new();
    for d in distances(false) {
        let below = nearer(d);
        let equal = genuine[below..].partition_point(|&g| g <= d);
        right_order += 2 * below as u128 + equal as u128;
        if nearest.len() as u64 <= let_through {
            nearest.push(d);
        } else if nearest.peek().is_some_and(|&farthest| d < farthest) {
            nearest.pop();
            nearest.push(d);
        }
    }
    let threshold = nearest.peek().map_or(0.0, |d| d.0);
    Ok(Verification {
        same,
        different,
        auc: right_order as f64 / 2.0 / (same as f64 * different as f64),
        far,
        tar: nearer(Distance(threshold)) as f64 / same as f64,
        threshold,
        accepted: nearest.into_iter().filter(|d| d.0 < threshold).count() as u64,
    })
}

/// The threshold at which clustering is best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BestThreshold {
    /// The threshold; of equally good ones the first tried.
    pub threshold: f64,
    /// Pairwise precision, recall and F there.
    pub pairwise: Prf,
}

/// Tries each threshold: `cluster` gives a label to every face, and the one with the highest pairwise
/// F against `truth` wins; noise is alone. `None` without a threshold.
///
/// # Errors
/// Whatever `cluster` returns, and [`Error::Count`] where it gives more or fewer labels than `truth`.
pub fn best_threshold<E: From<Error>>(
    truth: &[i64],
    thresholds: impl IntoIterator<Item = f64>,
    mut cluster: impl FnMut(f64) -> Result<Vec<i64>, E>,
) -> Result<Option<BestThreshold>, E> {
    let mut best: Option<BestThreshold> = None;
    for threshold in thresholds {
        let predicted = cluster(threshold)?;
        if predicted.len() != truth.len() {
            return Err(Error::Count { rows: truth.len(), labels: predicted.len() }.into());
        }
        let table = Contingency::new(truth.iter().copied().zip(predicted));
        let pairwise = Pairs::new(&Noise::default().resolve(&table)).prf();
        if best.is_none_or(|b| pairwise.f > b.pairwise.f) {
            best = Some(BestThreshold { threshold, pairwise });
        }
    }
    Ok(best)
}

/// A distance, never NaN, in its order.
#[derive(Debug, Clone, Copy)]
struct Distance(f64);

impl Ord for Distance {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // `total_cmp` alone would put −0 before 0.
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0))
    }
}

impl PartialOrd for Distance {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Distance {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Distance {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definition: all pairs against all pairs.
    fn slow(points: &[f32], labels: &[i64], far: f64) -> (f64, f64) {
        let (mut same, mut different) = (Vec::new(), Vec::new());
        for i in 0..points.len() {
            for j in 0..i {
                if labels[i] < 0 || labels[j] < 0 {
                    continue;
                }
                let d = f64::from((points[i] - points[j]).abs());
                if labels[i] == labels[j] { same.push(d) } else { different.push(d) }
            }
        }
        let mut auc = 0.0;
        for s in &same {
            for d in &different {
                auc += if s < d {
                    1.0
                } else if s == d {
                    0.5
                } else {
                    0.0
                };
            }
        }
        let share = |of: &[f64], t: f64| of.iter().filter(|&&d| d <= t).count() as f64 / of.len() as f64;
        let accepted = same.iter().filter(|&&t| share(&different, t) <= far).map(|&t| share(&same, t));
        (auc / (same.len() * different.len()) as f64, accepted.fold(0.0, f64::max))
    }

    proptest! {
        #[test]
        fn as_by_definition(
            faces in prop::collection::vec((0..12u8, -1..4i64), 3..30),
            far in prop::sample::select(vec![0.0, 0.001, 0.1, 0.25, 0.5, 0.99]),
        ) {
            let points: Vec<f32> = faces.iter().map(|&(x, _)| f32::from(x)).collect();
            let labels: Vec<i64> = faces.iter().map(|&(_, l)| l).collect();
            let embeddings = Embeddings::new(points.clone(), 1).unwrap();
            match verification(&embeddings, &labels, Metric::Euclidean, far) {
                Ok(v) => {
                    let (auc, tar) = slow(&points, &labels, far);
                    prop_assert!((v.auc - auc).abs() < 1e-12, "{v:?} {auc}");
                    prop_assert!((v.tar - tar).abs() < 1e-12, "{v:?} {tar}");
                    prop_assert!(v.accepted as f64 <= far * v.different as f64, "{v:?}");
                }
                Err(e) => prop_assert!(matches!(e, Error::OneKind { .. }), "{e}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_verified() {
        let e = Embeddings::new(vec![1.0, 2.0], 1).unwrap();
        let run = |labels: &[i64], far| verification(&e, labels, Metric::Cosine, far).unwrap_err();
        assert!(matches!(run(&[0], 1e-3), Error::Count { rows: 2, labels: 1 }));
        assert!(matches!(run(&[0, 0], 1e-3), Error::OneKind { same: 1, different: 0 }));
        assert!(matches!(run(&[0, 0], 1.0), Error::Far(_)));
        assert!(matches!(run(&[0, 0], f64::NAN), Error::Far(_)));
    }

    #[test]
    fn the_best_threshold_is_the_first_of_equals() {
        let cluster = |t: f64| {
            Ok::<_, Error>(if t < 0.2 {
                vec![0, 1, 2]
            } else if t < 0.5 {
                vec![0, 0, 1]
            } else {
                vec![0; 3]
            })
        };
        let best = best_threshold(&[7, 7, 8], [0.1, 0.2, 0.3, 0.5], cluster).unwrap().unwrap();
        assert_eq!((best.threshold, best.pairwise.f), (0.2, 1.0));
        assert!(best_threshold(&[7, 7, 8], [], cluster).unwrap().is_none());
        assert!(matches!(best_threshold(&[7], [0.1], cluster), Err(Error::Count { .. })));
    }
}
