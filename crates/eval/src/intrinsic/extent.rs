//! How far clusters reach, and what lies next to them.

use rayon::prelude::*;
use streamface_kernels::nearest::{Points, best, largest, norm};
use streamface_types::{Embeddings, Metric};

use super::clusters::{Clusters, Means, dot, square, square_apart};
use crate::Error;

/// Clusters of so few faces are measured pair by pair.
const FEW: usize = 16;
/// Clusters of more faces than this are measured one after another, since each needs a copy of its
/// vectors; the others side by side.
const MANY: usize = 4096;
/// Faces of one block, against so many others at once.
const ROWS: usize = 128;
const COLUMNS: usize = 1024;

/// The extent of one cluster. Its mean is that of its vectors, for cosine of its unit vectors.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Extent {
    /// The cluster.
    pub label: i64,
    /// Faces in it.
    pub faces: usize,
    /// Largest distance of two of its faces; 0 for one face.
    pub diameter: f64,
    /// Largest distance of a face from the mean.
    pub radius: f64,
    /// The other cluster whose mean is nearest to this one's; of equals the smaller label. `None` where
    /// there is no other.
    pub nearest: Option<i64>,
    /// The distance of the two means.
    pub nearest_distance: Option<f64>,
}

/// The extent of every cluster with a label of 0 or more, by label.
///
/// Diameters are exact: O(Σ sizes²·d) at worst, but only pairs that the distances from the mean do not
/// rule out are looked at, in `f32` first. Nearest clusters take O(k²·d) for k clusters.
///
/// # Errors
/// [`Error::Count`].
pub fn extents(embeddings: &Embeddings, labels: &[i64], metric: Metric) -> Result<Vec<Extent>, Error> {
    Ok(of(&Clusters::new(embeddings, labels)?, metric))
}

pub(super) fn of(clusters: &Clusters<'_>, metric: Metric) -> Vec<Extent> {
    let scales = clusters.scales(metric);
    let means = clusters.means(&scales);
    let measure = |cluster: usize| {
        Members { clusters, metric, scales: &scales, cluster, mean: means.row(cluster) }.extent()
    };
    let k = clusters.count();
    let few = |cluster: usize| clusters.size(cluster) <= MANY;
    let mut extents: Vec<Option<Extent>> =
        (0..k).into_par_iter().map(|cluster| few(cluster).then(|| measure(cluster))).collect();
    for (cluster, extent) in extents.iter_mut().enumerate() {
        extent.get_or_insert_with(|| measure(cluster));
    }
    let nearest = nearest(clusters, &means, metric);
    let join = |(extent, found): (Extent, Option<(usize, f64)>)| Extent {
        nearest: found.map(|(other, _)| clusters.labels[other]),
        nearest_distance: found.map(|(_, distance)| distance),
        ..extent
    };
    extents.into_iter().flatten().zip(nearest).map(join).collect()
}

/// For each mean the nearest other and its distance.
fn nearest(clusters: &Clusters<'_>, means: &Means, metric: Metric) -> Vec<Option<(usize, f64)>> {
    let k = clusters.count();
    let recip = |x: f64| if x == 0.0 { 0.0 } else { x.recip() };
    if metric == Metric::Euclidean {
        // Largest −|p − q|² = 2 (q·p − |p|²/2) − |q|², about the overall mean and shrunk to length 1.
        let overall = means.overall(clusters);
        let length = |i: usize| square_apart(means.row(i), &overall[..]).sqrt();
        let longest = (0..k).map(length).fold(0.0, f64::max);
        let scale = recip(longest);
        let fill = |i: usize, row: &mut [f32]| {
            let centred = row.iter_mut().zip(means.row(i)).zip(&overall);
            centred.for_each(|((r, m), o)| *r = ((m - o) * scale) as f32);
            length(i) * scale
        };
        let points = Points::new(k, means.dim, |i, row| fill(i, row).powi(2) / 2.0);
        let exact = |i, j| -square_apart(means.row(i), means.row(j));
        let found = best(&points, k, 1, fill, |i| i, exact);
        return found.iter().map(|f| f.first().map(|&(j, square)| (j, (-square).sqrt()))).collect();
    }
    let lengths: Vec<f64> = (0..k).map(|i| square(means.row(i)).sqrt()).collect();
    let fill = |i: usize, row: &mut [f32]| {
        let scale = recip(lengths[i]);
        row.iter_mut().zip(means.row(i)).for_each(|(r, m)| *r = (m * scale) as f32);
        norm(row)
    };
    let points = Points::new(k, means.dim, |i, row| {
        fill(i, row);
        0.0
    });
    let exact = |i, j| dot(means.row(i), means.row(j)) * recip(lengths[i]) * recip(lengths[j]);
    let found = best(&points, k, 1, fill, |i| i, exact);
    found.iter().map(|f| f.first().map(|&(j, cosine)| (j, (1.0 - cosine).clamp(0.0, 2.0)))).collect()
}

/// One cluster.
struct Members<'a, 'b> {
    clusters: &'b Clusters<'a>,
    metric: Metric,
    scales: &'b [f64],
    cluster: usize,
    /// Of the scaled vectors.
    mean: &'b [f64],
}

impl Members<'_, '_> {
    fn extent(&self) -> Extent {
        let clusters = self.clusters;
        let (label, faces) = (clusters.labels[self.cluster], clusters.size(self.cluster));
        let extent =
            Extent { label, faces, diameter: 0.0, radius: 0.0, nearest: None, nearest_distance: None };
        if faces == 1 {
            // The mean is the face; a zero vector is at distance 1 even from itself.
            let zero = self.scales[clusters.positions(self.cluster).start] == 0.0;
            return Extent { radius: if zero { 1.0 } else { 0.0 }, ..extent };
        }
        let half = self.largest_half_square();
        let diameter = if self.metric == Metric::Euclidean { (2.0 * half).sqrt() } else { half };
        Extent { diameter, radius: self.radius(), ..extent }
    }

    fn radius(&self) -> f64 {
        let positions = self.clusters.positions(self.cluster);
        if self.metric == Metric::Euclidean {
            let squares = positions.map(|at| square_apart(self.clusters.vector(at), self.mean));
            return squares.fold(0.0, f64::max).sqrt();
        }
        let length = square(self.mean).sqrt();
        let distance = |at| {
            let along = self.scales[at] * dot(self.clusters.vector(at), self.mean);
            if length == 0.0 { 1.0 } else { (1.0 - along / length).clamp(0.0, 2.0) }
        };
        positions.map(distance).fold(0.0, f64::max)
    }

    /// |a − b|² / 2 of two scaled vectors, which for unit vectors is their cosine distance.
    fn half_square(&self, a: usize, b: usize) -> f64 {
        let (x, y) = (self.clusters.vector(a), self.clusters.vector(b));
        if self.metric == Metric::Euclidean {
            square_apart(x, y) / 2.0
        } else {
            (1.0 - self.scales[a] * self.scales[b] * dot(x, y)).clamp(0.0, 2.0)
        }
    }

    fn largest_half_square(&self) -> f64 {
        // A zero vector is at distance 1 from all, which the geometry below does not know.
        let (faces, zeros): (Vec<usize>, Vec<usize>) =
            self.clusters.positions(self.cluster).partition(|&at| self.scales[at] != 0.0);
        let least = if zeros.is_empty() { 0.0 } else { 1.0 };
        if faces.len() <= FEW {
            let pairs = faces.iter().enumerate().flat_map(|(i, &a)| faces[..i].iter().map(move |&b| (a, b)));
            return pairs.map(|(a, b)| self.half_square(a, b)).fold(least, f64::max);
        }
        // Farthest from the mean first.
        let centred = |at: usize| {
            let scale = self.scales[at];
            self.clusters.vector(at).iter().zip(self.mean).map(move |(&v, m)| scale * f64::from(v) - m)
        };
        let length = |&at: &usize| (centred(at).map(|c| c * c).sum::<f64>().sqrt(), at);
        let mut order: Vec<(f64, usize)> = faces.par_iter().map(length).collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let longest = order[0].0;
        // A long pair to begin with: far from the mean, far from that, far from that.
        let (mut least, mut from) = (least, order[0].1);
        for _ in 0..3 {
            let far = order.par_iter().map(|&(_, at)| (self.half_square(from, at), at)).collect::<Vec<_>>();
            let Some(&(half, at)) = far.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            (least, from) = (f64::max(least, half), at);
        }
        self.search(&order, longest, least, centred)
    }

    /// The largest [`half_square`](Self::half_square), which is `least` or more. `order`: distances from
    /// the mean, descending, and positions.
    fn search<I: Iterator<Item = f64>>(
        &self,
        order: &[(f64, usize)],
        longest: f64,
        least: f64,
        centred: impl Fn(usize) -> I + Sync,
    ) -> f64 {
        // No pair is further apart than by way of the mean; with room for rounding.
        let ruled_out = |a: f64, b: f64, best: f64| (a + b) * (a + b) / 2.0 * (1.0 + 1e-9) < best;
        if longest == 0.0 || ruled_out(longest, order[1].0, least) {
            return least;
        }
        let fill = |i: usize, row: &mut [f32]| {
            row.iter_mut().zip(centred(order[i].1)).for_each(|(r, c)| *r = (c / longest) as f32);
        };
        // |a − b|² / 2 = |a|²/2 + (|b|²/2 − a·b)
        let half = |i: usize| (order[i].0 / longest).powi(2) / 2.0;
        let points = Points::new(order.len(), self.clusters.dim(), |i, row| {
            fill(i, row);
            -half(i)
        });
        let block = |first: usize| {
            let rows = first..order.len().min(first + ROWS);
            let far = order[first].0;
            if ruled_out(far, far, least) {
                return least;
            }
            let mut queries = vec![0.0; rows.len() * self.clusters.dim()];
            for (i, query) in rows.clone().zip(queries.chunks_exact_mut(self.clusters.dim())) {
                fill(i, query);
                query.iter_mut().for_each(|q| *q = -*q);
            }
            let mut out = vec![0.0; rows.len() * COLUMNS.min(order.len() - first)];
            let mut best = least;
            for from in (first..order.len()).step_by(COLUMNS) {
                if ruled_out(far, order[from].0, best) {
                    break;
                }
                let columns = from..order.len().min(from + COLUMNS);
                points.scores(&queries, columns.clone(), &mut out);
                for (i, scores) in rows.clone().zip(out.chunks_exact_mut(columns.len())) {
                    let rest = |best: f64| {
                        best / (longest * longest) - half(i) - points.error(order[i].0 / longest) - 1e-12
                    };
                    if f64::from(largest(scores)) < rest(best) {
                        continue;
                    }
                    for (j, &score) in columns.clone().zip(&*scores) {
                        if j > i && f64::from(score) >= rest(best) {
                            best = best.max(self.half_square(order[i].1, order[j].1));
                        }
                    }
                }
            }
            best
        };
        let blocks = order.len().div_ceil(ROWS);
        // The largest of numbers is the same in any order.
        (0..blocks).into_par_iter().map(|b| block(b * ROWS)).reduce(|| least, f64::max)
    }
}
