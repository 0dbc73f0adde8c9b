//! Mean Euclidean distances from clusters: no algebra saves the pairs here.

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;
use rayon::prelude::*;
use streamface_types::Metric;

use super::clusters::{Clusters, square, square_apart};
use super::distances::Distances;
use super::variance::NEAR;

/// Positions of one block: its products and both sides of it fit into a core's cache.
const ROWS: usize = 128;
const COLUMNS: usize = 256;

/// As [`Distances`] says; O(n²·d), memory for a few blocks.
///
/// |a − b|² = |a|² + |b|² − 2a·b, about the overall mean; where little of it is left after the
/// subtraction it is computed from the differences, so that the relative error stays near 1e-11.
pub(super) fn distances(clusters: &Clusters<'_>) -> Distances {
    let (n, dim) = (clusters.len(), clusters.dim());
    let overall = clusters.means(&clusters.scales(Metric::Euclidean)).overall(clusters);
    let block = |range: std::ops::Range<usize>| {
        let mut rows = Array2::zeros((range.len(), dim));
        for (mut row, at) in rows.outer_iter_mut().zip(range) {
            row.iter_mut()
                .zip(clusters.vector(at))
                .zip(&overall)
                .for_each(|((r, &v), o)| *r = f64::from(v) - o);
        }
        rows
    };
    let centred_square = |at: usize| {
        let centred = |(&v, &o): (&f32, &f64)| f64::from(v) - o;
        let row: Vec<f64> = clusters.vector(at).iter().zip(&overall).map(centred).collect();
        square(&row)
    };
    let squares: Vec<f64> = (0..n).into_par_iter().map(centred_square).collect();

    let mut own = vec![0.0; n];
    let mut other = vec![None; n];
    own.par_chunks_mut(ROWS).zip(other.par_chunks_mut(ROWS)).enumerate().for_each(|(i, (own, other))| {
        let first = i * ROWS;
        let rows = block(first..first + own.len());
        let mut sums = vec![0.0; own.len()];
        for from in (0..n).step_by(COLUMNS) {
            let columns = from..n.min(from + COLUMNS);
            let mut dots = Array2::zeros((own.len(), columns.len()));
            general_mat_mul(1.0, &rows, &block(columns.clone()).reversed_axes(), 0.0, &mut dots);
            for (i, dots) in dots.outer_iter().enumerate() {
                let row = first + i;
                for (column, dot) in columns.clone().zip(dots) {
                    if row != column {
                        let both = squares[row] + squares[column];
                        let mut square = both - 2.0 * dot;
                        if square < NEAR * both {
                            square = square_apart(clusters.vector(row), clusters.vector(column));
                        }
                        sums[i] += square.sqrt();
                    }
                    // Positions go cluster by cluster: at the last of one, its sum is whole.
                    let cluster = clusters.of[column];
                    if clusters.of.get(column + 1) == Some(&cluster) {
                        continue;
                    }
                    let (sum, size) = (std::mem::take(&mut sums[i]), clusters.size(cluster));
                    if clusters.of[row] == cluster {
                        own[i] = if size == 1 { 0.0 } else { sum / (size - 1) as f64 };
                    } else {
                        let mean = sum / size as f64;
                        if other[i].is_none_or(|(_, least)| mean < least) {
                            other[i] = Some((cluster, mean));
                        }
                    }
                }
            }
        }
    });
    Distances { own, other }
}
