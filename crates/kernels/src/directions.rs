//! Orthonormal directions that hold most of the energy of some vectors, orthonormal to the precision of `f64`.
//!
//! [`subspace`](crate::subspace) rounds its directions to `f32` and states how far they are from orthonormal then, which is
//! what tiles of `f32` take. An index that rotates its vectors takes these.

use crate::column_blocks::{BLOCK, add_outer, multiply, pack};
use crate::dot::dot_f64;
use crate::subspace::orthonormalise;
use crate::{Isa, SplitMix64};

/// Rows that are multiplied at a time.
const ROWS: usize = 64;

/// `most` orthonormal directions of rows of `dim` numbers, or `dim` of them where that is fewer, strongest first; each is a
/// vector of `dim` numbers.
///
/// By subspace iteration with `rounds` rounds (Halko, Martinsson, Tropp, *Finding structure with randomness*, 2011, §4.4),
/// from a fixed seed. Products are in `f32`, so that the directions are approximate; they are orthonormal to the precision
/// of `f64`, also where the rows have fewer directions. Each round squares the ratio of the unwanted directions' share to
/// that of the wanted ones: two or three rounds are usual. O(rows · dim · most · rounds).
///
/// The last bits of the directions depend on the instruction set.
///
/// ```
/// use streamface_kernels::directions::directions;
///
/// let rows = [3.0, 3.1, 0.0, -2.0, -1.9, 0.1];
/// let found = directions(&rows, 3, 1, 3);
/// assert!((found[0][0].abs() - 0.5_f64.sqrt()).abs() < 0.02);
/// ```
///
/// Panics where `rows` are not whole rows.
#[must_use]
pub fn directions(rows: &[f32], dim: usize, most: usize, rounds: usize) -> Vec<Vec<f64>> {
    assert!(rows.len().is_multiple_of(dim.max(1)), "whole rows");
    let count = most.min(dim);
    let mut random = SplitMix64::new(1);
    let mut found: Vec<Vec<f64>> =
        (0..count).map(|_| (0..dim).map(|_| random.uniform() - 0.5).collect()).collect();
    orthonormalise(&mut found);
    if count == 0 {
        return found;
    }
    let isa = Isa::detect();
    let width = count.next_multiple_of(BLOCK);
    let mut parts = vec![0.0_f32; ROWS * width];
    let mut energy = vec![0.0; count];
    for round in 0..=rounds {
        let blocks = pack(dim, count, |row, column| found[column][row] as f32);
        let mut next = vec![0.0_f32; if round < rounds { dim * width } else { 0 }];
        for rows in rows.chunks(ROWS * dim) {
            let parts = &mut parts[..rows.len() / dim * width];
            for (row, part) in rows.chunks_exact(dim).zip(parts.chunks_exact_mut(width)) {
                multiply(isa, row, &blocks, part);
            }
            if round < rounds {
                add_outer(isa, rows, parts, width, &mut next);
                continue;
            }
            for part in parts.chunks_exact(width) {
                energy.iter_mut().zip(part).for_each(|(e, &p)| *e += f64::from(p * p));
            }
        }
        if round < rounds {
            for (column, direction) in found.iter_mut().enumerate() {
                for (row, x) in direction.iter_mut().enumerate() {
                    *x = next[row * width + column].into();
                }
            }
            orthonormalise(&mut found);
        }
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| energy[b].total_cmp(&energy[a]).then(a.cmp(&b)));
    order.into_iter().map(|k| std::mem::take(&mut found[k])).collect()
}

/// How far vectors are from orthonormal: the Frobenius norm of their Gram matrix less the identity, with a margin for
/// rounding.
#[must_use]
pub fn orthonormality_error(vectors: &[Vec<f64>]) -> f64 {
    let mut square = 0.0;
    for (i, a) in vectors.iter().enumerate() {
        for (j, b) in vectors[..=i].iter().enumerate() {
            let g = dot_f64(a, b) - f64::from(u8::from(i == j));
            square += g * g * if i == j { 1.0 } else { 2.0 };
        }
    }
    f64::sqrt(square) + 1e-12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_orthonormal_even_where_rows_are_not_enough() {
        let dim = 40;
        let mut random = SplitMix64::new(3);
        for count in [0, 3, 200] {
            let rows: Vec<f32> = (0..count * dim).map(|_| random.uniform() as f32 - 0.5).collect();
            let found = directions(&rows, dim, 32, 2);
            assert_eq!(found.len(), 32);
            assert!(orthonormality_error(&found) < 1e-11, "{count}");
        }
        assert_eq!(directions(&[1.0, 2.0], 2, 5, 3).len(), 2);
        assert!(directions(&[], 3, 0, 3).is_empty());
    }

    #[test]
    fn the_strongest_directions_are_found_in_order() {
        let dim = 32;
        let mut random = SplitMix64::new(4);
        // Axis 7 is the strongest, then 3, then 20.
        let share =
            |k: usize| [(7, 8.0), (3, 4.0), (20, 2.0)].iter().find(|s| s.0 == k).map_or(0.05, |s| s.1);
        let rows: Vec<f32> =
            (0..500 * dim).map(|at| ((random.uniform() - 0.5) * share(at % dim)) as f32).collect();
        let found = directions(&rows, dim, 3, 3);
        for (direction, axis) in found.iter().zip([7, 3, 20]) {
            assert!(direction[axis].abs() > 0.99, "{axis}: {direction:?}");
        }
    }
}
