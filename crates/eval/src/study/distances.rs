//! Distances of some rows to all others, a block at a time.

use ndarray::{Array1, Array2, ArrayView1, s};
use streamface_types::{Embeddings, Metric};

/// Where |a − b|² is below this share of |a|² + |b|², the rounding of the product is too large, and the distance is
/// computed again in `f64`.
const CANCELLATION_SHARE: f32 = 0.1;

/// The rows of a sample, made ready for matrix products.
pub(super) struct Distances<'a> {
    rows: &'a Embeddings,
    sample: &'a [usize],
    metric: Metric,
    /// Unit rows for cosine (zero ones stay zero); rows less their mean for Euclidean.
    ready: Array2<f32>,
    squares: Array1<f32>,
}

impl<'a> Distances<'a> {
    pub fn new(rows: &'a Embeddings, sample: &'a [usize], metric: Metric) -> Self {
        let d = rows.dim();
        let mut mean = vec![0.0; d];
        if metric == Metric::Euclidean {
            for &i in sample {
                for (m, &v) in mean.iter_mut().zip(rows.row(i)) {
                    *m += f64::from(v) / sample.len() as f64;
                }
            }
        }
        let mut ready = Array2::zeros((sample.len(), d));
        for (&i, mut to) in sample.iter().zip(ready.rows_mut()) {
            let row = rows.row(i);
            let norm = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
            let scale = if metric == Metric::Cosine && norm > 0.0 { norm.recip() } else { 1.0 };
            for ((to, &v), m) in to.iter_mut().zip(row).zip(&mean) {
                *to = ((f64::from(v) - m) * scale) as f32;
            }
        }
        let squares = ready.rows().into_iter().map(|r| r.dot(&r)).collect();
        Self { rows, sample, metric, ready, squares }
    }

    /// Calls `each` with the sample's number and its distances to all others but itself, in their order.
    pub fn block(&self, first: usize, len: usize, mut each: impl FnMut(usize, &mut [f32])) {
        let products = self.ready.slice(s![first..first + len, ..]).dot(&self.ready.t());
        let mut others = Vec::with_capacity(self.sample.len());
        for (i, products) in (first..).zip(products.rows()) {
            others.clear();
            self.row(i, &products, &mut others);
            each(i, &mut others);
        }
    }

    fn row(&self, i: usize, products: &ArrayView1<'_, f32>, others: &mut Vec<f32>) {
        let exact = |j: usize| {
            self.metric.distance(self.rows.row(self.sample[i]), self.rows.row(self.sample[j])) as f32
        };
        for (j, &product) in products.iter().enumerate().filter(|(j, _)| *j != i) {
            others.push(match self.metric {
                Metric::Cosine => (1.0 - product).clamp(0.0, 2.0),
                Metric::Euclidean => {
                    let sum = self.squares[i] + self.squares[j];
                    let square = sum - 2.0 * product;
                    // So is it where a square overflows or underflows `f32`.
                    let held = square.is_finite() && sum > 1e-30;
                    if held && square > CANCELLATION_SHARE * sum { square.sqrt() } else { exact(j) }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_the_metrics(
            data in prop::collection::vec(-8..8i8, 12..90),
            shift in prop::sample::select(vec![0.0f32, 1e3]),
            scale in prop::sample::select(vec![1.0f32, 1e-20, 1e25]),
        ) {
            let d = 3;
            let data: Vec<f32> = data.iter().map(|&v| scale * (f32::from(v) + shift)).collect();
            let rows = Embeddings::new(data[..data.len() / d * d].to_vec(), d).unwrap();
            let sample: Vec<usize> = (0..rows.len()).collect();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let distances = Distances::new(&rows, &sample, metric);
                let size = if metric == Metric::Cosine { 1.0 } else { f64::from(scale) };
                distances.block(0, rows.len(), |i, others| {
                    let expected = (0..rows.len()).filter(|&j| j != i);
                    for (found, j) in others.iter().zip(expected) {
                        let exact = metric.distance(rows.row(i), rows.row(j));
                        assert!((f64::from(*found) - exact).abs() < 3e-6 * size.max(exact), "{metric} {found} {exact}");
                    }
                    assert_eq!(others.len(), rows.len() - 1);
                });
            }
        }
    }
}
