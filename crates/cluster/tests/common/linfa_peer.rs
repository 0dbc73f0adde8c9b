//! DBSCAN and OPTICS of the crate `linfa-clustering`.
//!
//! Its distances are Euclidean: for cosine it is handed unit vectors, whose Euclidean distance is
//! √(2 · cosine distance). What it does not do: links (it measures all pairs itself, on one thread:
//! O(n² · d), minutes at 20,000 rows, where streamface-cluster's own needs the links alone); a pair at
//! exactly the threshold (it asks for less than it); fewer than 2 points for a core; zero vectors under
//! cosine (for it they are at 0.5 from all others and at 0 from each other, not at 1); constraints. Its
//! trees save nothing at the dimensions of embeddings, so rows are searched one after the other. Its
//! k-means and Gaussian mixtures want to know the number of people, and its approximate DBSCAN a grid
//! that grows exponentially with the dimension: they are left out.

use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::{Dbscan, Optics};
use linfa_nn::distance::{Distance, L2Dist};
use linfa_nn::{BuildError, LinearSearch, NearestNeighbour, NearestNeighbourIndex, NnError};
use ndarray_016::{Array2, ArrayBase, ArrayView1, ArrayView2, Data, Ix2};
use streamface_types::{Embeddings, Metric};

/// DBSCAN with `threshold` as its radius, and `min_points` rows (at least 2, the row itself among
/// them) within it for a core. Labels are numbered by the smallest core of each cluster; `None` is noise.
/// A row near cores of two clusters goes to the first. None for a threshold of 0, which it does not take.
#[must_use]
pub fn dbscan(
    rows: &Embeddings,
    metric: Metric,
    threshold: f64,
    min_points: usize,
) -> Option<Vec<Option<u32>>> {
    if threshold <= 0.0 {
        return None;
    }
    let radius = euclidean(metric, threshold);
    let params = Dbscan::params_with(min_points.max(2), L2Dist, LinearSearch).tolerance(radius);
    let found = params.check_unwrap().transform(&points(rows, metric));
    Some(found.into_iter().map(|label| label.map(|l| l as u32)).collect())
}

/// OPTICS, and the clusters that cuts of its reachability plot give: at each what DBSCAN gives there, but
/// for rows at the rims, and for any number of cuts from one ordering. `min_points` as for [`dbscan`].
///
/// Time O(n² · (d + log n)). Its radius is left without limit: with one it would give the first row of
/// each cluster its own core distance for a reachability, and so lose where clusters begin.
#[must_use]
pub fn optics(rows: &Embeddings, metric: Metric, min_points: usize, cuts: &[f64]) -> Vec<Vec<Option<u32>>> {
    let params = Optics::params_with(min_points.max(2), L2Dist, Sorted).tolerance(f64::INFINITY);
    let plot = params.check_unwrap().transform(points(rows, metric).view());
    let at = |&cut: &f64| {
        let most = euclidean(metric, cut);
        let within = |distance: &Option<f64>| distance.is_some_and(|d| d <= most);
        let mut labels = vec![None; rows.len()];
        let (mut own, mut next) = (None, 0);
        for (place, sample) in plot.iter().enumerate() {
            if place == 0 || !within(sample.reachability_distance()) {
                own = within(sample.core_distance()).then_some(next);
                next += u32::from(own.is_some());
            }
            labels[sample.index()] = own;
        }
        labels
    };
    cuts.iter().map(at).collect()
}

/// A cosine distance as the Euclidean distance of unit vectors.
fn euclidean(metric: Metric, distance: f64) -> f64 {
    if metric == Metric::Cosine { (2.0 * distance).sqrt() } else { distance }
}

/// The rows, of length 1 for cosine.
fn points(rows: &Embeddings, metric: Metric) -> Array2<f64> {
    let mut data = Vec::with_capacity(rows.as_slice().len());
    for row in rows.rows() {
        let row = row.iter().map(|&x| f64::from(x));
        let length = row.clone().map(|x| x * x).sum::<f64>().sqrt();
        let scale = if metric == Metric::Cosine && length > 0.0 { length } else { 1.0 };
        data.extend(row.map(|x| x / scale));
    }
    Array2::from_shape_vec((rows.len(), rows.dim()), data)
        .unwrap_or_else(|e| unreachable!("as many numbers as the rows have: {e}"))
}

/// Linear search with neighbours from near to far: OPTICS takes the `min_points`-th of them for a core's
/// distance, and those of `linfa-nn`'s own linear search come in order of rows.
#[derive(Debug, Clone)]
struct Sorted;

struct SortedIndex<'a, F: linfa::Float, D>(ArrayView2<'a, F>, D);

impl NearestNeighbour for Sorted {
    fn from_batch_with_leaf_size<'a, F: linfa::Float, DT: Data<Elem = F>, D: 'a + Distance<F>>(
        &self,
        batch: &'a ArrayBase<DT, Ix2>,
        _: usize,
        distance: D,
    ) -> Result<Box<dyn NearestNeighbourIndex<F> + Send + Sync + 'a>, BuildError> {
        if batch.ncols() == 0 {
            return Err(BuildError::ZeroDimension);
        }
        Ok(Box::new(SortedIndex(batch.view(), distance)))
    }
}

type Found<'a, F> = Vec<(ArrayView1<'a, F>, usize)>;

impl<F: linfa::Float, D: Distance<F>> SortedIndex<'_, F, D> {
    fn sorted(&self, point: ArrayView1<'_, F>, most: Option<F>) -> Result<Found<'_, F>, NnError> {
        if point.len() != self.0.ncols() {
            return Err(NnError::WrongDimension);
        }
        let rows = self.0.rows().into_iter().enumerate();
        let mut all: Vec<_> = rows.map(|(row, p)| (self.1.rdistance(point, p), p, row)).collect();
        if let Some(most) = most {
            let most = self.1.dist_to_rdist(most);
            all.retain(|(distance, ..)| *distance < most);
        }
        all.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));
        Ok(all.into_iter().map(|(_, p, row)| (p, row)).collect())
    }
}

impl<F: linfa::Float, D: Distance<F>> NearestNeighbourIndex<F> for SortedIndex<'_, F, D> {
    fn k_nearest(&self, point: ArrayView1<'_, F>, k: usize) -> Result<Found<'_, F>, NnError> {
        let mut all = self.sorted(point, None)?;
        all.truncate(k);
        Ok(all)
    }

    fn within_range(&self, point: ArrayView1<'_, F>, range: F) -> Result<Found<'_, F>, NnError> {
        self.sorted(point, Some(range))
    }
}
