//! The distances of each face to its nearest others, as the original's study shows them.

use rayon::prelude::*;
use serde::Serialize;
use streamface_types::{Embeddings, Metric};

use super::distances::Distances;
use crate::Error;
use crate::random::{sample, stream};

/// Rows whose distances are held at a time by each thread.
const BLOCK: usize = 128;
/// Bins of every histogram.
const BINS: usize = 50;

/// How the histograms are made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistogramSettings {
    /// Most rows that are used, drawn at random. Default 30,000.
    pub max_samples: usize,
    /// Nearest others of each sample that count, 1 or more. Default 5,000.
    pub k: usize,
    /// Thresholds, each finite and at least 0. Default 0.1 to 0.375 in steps of 0.025.
    pub thresholds: Vec<f64>,
    /// Seed of the draw. Default 1.
    pub seed: u64,
}

impl Default for HistogramSettings {
    fn default() -> Self {
        Self {
            max_samples: 30_000,
            k: 5_000,
            thresholds: (4..=15).map(|i| f64::from(i) * 0.025).collect(),
            seed: 1,
        }
    }
}

/// Counts in 50 bins of equal width; a bin holds its lower edge, the last one both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Lower edge of the first bin.
    pub from: f64,
    /// Upper edge of the last bin.
    pub to: f64,
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// Values above `to`, which are in no bin.
    pub above: u64,
}

impl Histogram {
    fn new(to: f64) -> Self {
        Self { from: 0.0, to, counts: vec![0; BINS], above: 0 }
    }

    fn add(&mut self, value: f64) {
        if value > self.to {
            self.above += 1;
            return;
        }
        let bins = BINS as f64;
        let mut bin = ((value / self.to * bins) as usize).min(BINS - 1);
        // The quotient is rounded: the edges, i · to / 50, decide.
        let edge = |i: usize| i as f64 * self.to / bins;
        if value < edge(bin) {
            bin -= 1;
        } else if bin + 1 < BINS && value >= edge(bin + 1) {
            bin += 1;
        }
        self.counts[bin] += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.above += other.above;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Number of values.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.above + self.counts.iter().sum::<u64>()
    }
}

/// Histograms at one threshold over the samples that have such distances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtThreshold {
    /// The threshold.
    pub threshold: f64,
    /// Each sample's smallest distance ≤ the threshold.
    pub within_min: Histogram,
    /// Each sample's mean distance ≤ the threshold.
    pub within_mean: Histogram,
    /// Each sample's mean distance above it.
    pub beyond_mean: Histogram,
    /// Each sample's largest distance above it.
    pub beyond_max: Histogram,
}

/// All histograms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histograms {
    /// Samples looked at.
    pub samples: u64,
    /// Rows there were.
    pub rows: u64,
    /// Nearest others of each sample that were looked at.
    pub k: u64,
    /// Each sample's smallest distance, over 0 to 2.
    pub min: Histogram,
    /// Each sample's mean distance.
    pub mean: Histogram,
    /// Each sample's largest distance (the k-th nearest).
    pub max: Histogram,
    /// By threshold, as given, over 0 to 1.5.
    pub thresholds: Vec<AtThreshold>,
}

impl Histograms {
    fn new(thresholds: &[f64]) -> Self {
        let at = |&threshold: &f64| {
            let empty = || Histogram::new(1.5);
            let [within_min, within_mean, beyond_mean, beyond_max] = [empty(), empty(), empty(), empty()];
            AtThreshold { threshold, within_min, within_mean, beyond_mean, beyond_max }
        };
        let empty = || Histogram::new(2.0);
        let thresholds = thresholds.iter().map(at).collect();
        Self { samples: 0, rows: 0, k: 0, min: empty(), mean: empty(), max: empty(), thresholds }
    }

    /// Takes in one sample's distances to its nearest others. `ascending` are the thresholds by value,
    /// with their places.
    fn add(&mut self, nearest: &[f32], ascending: &[(f64, usize)]) {
        // Sums and counts between neighbouring thresholds; those of a threshold add up from these.
        let mut between = vec![(0.0, 0u64); ascending.len() + 1];
        let (mut min, mut max) = (f64::INFINITY, 0.0f64);
        for &d in nearest {
            let d = f64::from(d);
            let (sum, count) = &mut between[ascending.partition_point(|&(t, _)| t < d)];
            *sum += d;
            *count += 1;
            min = min.min(d);
            max = max.max(d);
        }
        let all = between.iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        if all.1 == 0 {
            return;
        }
        self.min.add(min);
        // Rounding may put the mean of equal distances a digit beyond them.
        let mean = |sum: f64, count: u64| (sum / count as f64).clamp(min, max);
        self.mean.add(mean(all.0, all.1));
        self.max.add(max);
        let (mut sum, mut count) = (0.0, 0);
        for (i, &(_, place)) in ascending.iter().enumerate() {
            sum += between[i].0;
            count += between[i].1;
            let at = &mut self.thresholds[place];
            if count > 0 {
                at.within_min.add(min);
                at.within_mean.add(mean(sum, count));
            }
            if count < all.1 {
                let beyond = between[i + 1..].iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
                at.beyond_mean.add(mean(beyond.0, beyond.1));
                at.beyond_max.add(max);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.min.merge(&other.min);
        self.mean.merge(&other.mean);
        self.max.merge(&other.max);
        for (a, b) in self.thresholds.iter_mut().zip(&other.thresholds) {
            a.within_min.merge(&b.within_min);
            a.within_mean.merge(&b.within_mean);
            a.beyond_mean.merge(&b.beyond_mean);
            a.beyond_max.merge(&b.beyond_max);
        }
    }
}

/// Histograms of the distances of a random sample of `rows` to their nearest others in it: step 4 of the
/// original, but that a sample does not count as its own neighbour at distance 0.
///
/// Distances are those of [`Metric::distance`] up to the rounding of `f32`. They are computed in blocks
/// of 128 rows: O(s² d) time for s samples of d numbers, s · d numbers of memory and 128 · s more a
/// thread. Fewer than two rows give empty histograms.
///
/// # Errors
/// [`Error::Setting`] where `k` is 0 or a threshold is negative or not finite.
pub fn histograms(
    rows: &Embeddings,
    metric: Metric,
    settings: &HistogramSettings,
) -> Result<Histograms, Error> {
    if settings.k == 0 {
        return Err(Error::Setting { name: "k", value: 0.0, range: "1 or more" });
    }
    if let Some(&value) = settings.thresholds.iter().find(|t| !(t.is_finite() && **t >= 0.0)) {
        return Err(Error::Setting { name: "threshold", value, range: "a finite number, 0 or more" });
    }
    let sample = sample(&mut stream(settings.seed, 0), rows.len(), settings.max_samples);
    let k = settings.k.min(sample.len().saturating_sub(1));
    let mut ascending: Vec<(f64, usize)> =
        settings.thresholds.iter().enumerate().map(|(i, &t)| (t, i)).collect();
    ascending.sort_by(|a, b| a.0.total_cmp(&b.0));

    let distances = Distances::new(rows, &sample, metric);
    let empty = || Histograms::new(&settings.thresholds);
    // Counts are whole numbers, so the order of adding them up does not matter.
    let mut all = (0..sample.len().div_ceil(BLOCK))
        .into_par_iter()
        .fold(empty, |mut found, block| {
            let first = block * BLOCK;
            distances.block(first, BLOCK.min(sample.len() - first), |_, others| {
                if k > 0 {
                    let nearest = if k < others.len() {
                        others.select_nth_unstable_by(k - 1, f32::total_cmp);
                        &others[..k]
                    } else {
                        &*others
                    };
                    found.add(nearest, &ascending);
                }
            });
            found
        })
        .reduce(empty, |mut a, b| {
            a.merge(&b);
            a
        });
    all.samples = sample.len() as u64;
    all.rows = rows.len() as u64;
    all.k = k as u64;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(n: usize, d: usize, seed: u64) -> Embeddings {
        let mut random = stream(seed, 0);
        let data = (0..n * d).map(|_| (random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect();
        Embeddings::new(data, d).unwrap()
    }

    /// By the definition, in `f64`, sorting everything. Values in order, to be told from a histogram's
    /// up to rounding at the edges of bins.
    fn slow(rows: &Embeddings, metric: Metric, k: usize, t: f64) -> [Vec<f64>; 7] {
        let mut values: [Vec<f64>; 7] = Default::default();
        for i in 0..rows.len() {
            let mut all: Vec<f64> = (0..rows.len())
                .filter(|&j| j != i)
                .map(|j| metric.distance(rows.row(i), rows.row(j)))
                .collect();
            all.sort_by(f64::total_cmp);
            all.truncate(k);
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            let (within, beyond) = all.split_at(all.partition_point(|&d| d <= t));
            values[0].push(all[0]);
            values[1].push(mean(&all));
            values[2].push(all[all.len() - 1]);
            if !within.is_empty() {
                values[3].push(within[0]);
                values[4].push(mean(within));
            }
            if !beyond.is_empty() {
                values[5].push(mean(beyond));
                values[6].push(beyond[beyond.len() - 1]);
            }
        }
        values
    }

    fn compare(found: &Histogram, values: &[f64], slack: f64) {
        assert_eq!(found.total(), values.len() as u64);
        // Counts below each edge, with the values moved a little either way.
        let mut below = 0;
        for (i, count) in found.counts.iter().enumerate() {
            below += count;
            let edge = (i + 1) as f64 * found.to / BINS as f64;
            let near = |by: f64| values.iter().filter(|v| **v + by < edge).count() as u64;
            assert!(
                near(slack) <= below && below <= near(-slack),
                "{i}: {below}, {} {}",
                near(slack),
                near(-slack)
            );
        }
    }

    #[test]
    fn as_by_the_definition() {
        for (metric, n, d, k, t) in [
            (Metric::Cosine, 130, 5, 20, 0.4),
            (Metric::Cosine, 200, 64, 5_000, 0.9),
            (Metric::Euclidean, 150, 3, 30, 0.3),
            (Metric::Euclidean, 65, 2, 1, 0.1),
        ] {
            let rows = random(n, d, n as u64);
            let settings = HistogramSettings { k, thresholds: vec![1.2, t], ..HistogramSettings::default() };
            let found = histograms(&rows, metric, &settings).unwrap();
            let at = &found.thresholds[1];
            assert_eq!((found.samples, found.k, at.threshold), (n as u64, k.min(n - 1) as u64, t));
            let all = [
                &found.min,
                &found.mean,
                &found.max,
                &at.within_min,
                &at.within_mean,
                &at.beyond_mean,
                &at.beyond_max,
            ];
            for (histogram, values) in all.into_iter().zip(slow(&rows, metric, k, t)) {
                compare(histogram, &values, 2e-6);
            }
        }
    }

    #[test]
    fn threads_do_not_matter() {
        let rows = random(700, 24, 3);
        let settings = HistogramSettings { max_samples: 500, k: 100, ..HistogramSettings::default() };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| histograms(&rows, Metric::Cosine, &settings).unwrap())
        };
        let one = with(1);
        assert_eq!(one.samples, 500);
        assert_eq!(one, with(5));
        assert_ne!(
            one,
            histograms(&rows, Metric::Cosine, &HistogramSettings { seed: 2, ..settings.clone() }).unwrap()
        );
    }

    #[test]
    fn edges() {
        let of = |n| histograms(&random(n, 4, 1), Metric::Cosine, &HistogramSettings::default()).unwrap();
        assert_eq!((of(0).min.total(), of(1).min.total(), of(2).min.total()), (0, 0, 2));
        let bad = |s: HistogramSettings| histograms(&random(2, 2, 1), Metric::Cosine, &s).is_err();
        assert!(bad(HistogramSettings { k: 0, ..HistogramSettings::default() }));
        assert!(bad(HistogramSettings { thresholds: vec![f64::NAN], ..HistogramSettings::default() }));

        // As numpy.histogram(values, 50, (0, 1.5)) counts: edges belong to the bin above, the last to
        // the last.
        let mut h = Histogram::new(1.5);
        for v in [0.0, 0.03, 0.09, 0.21, 1.47, 1.5, 1.5000001] {
            h.add(v);
        }
        let filled: Vec<_> =
            h.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, n)| (i, *n)).collect();
        assert_eq!((filled, h.above), (vec![(0, 1), (1, 1), (3, 1), (7, 1), (49, 2)], 1));
    }
}
