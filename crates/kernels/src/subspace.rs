//! The directions in which most of a set of points lies.

use crate::dot::{add_scaled, dot_f64};
use crate::f32_tile::{GROUP, PANEL, Tile, squared_distances};
use crate::{Aligned, Isa, SplitMix64};

/// Orthonormal directions of a set of points, those with the most energy (sum of squared coordinates) first: principal
/// directions, where the points have mean 0.
///
/// By subspace iteration (Halko, Martinsson, Tropp, *Finding structure with randomness*, 2011, §4.4) in `f32`,
/// orthonormalised in `f64`. The directions are close to the best ones, and close to orthonormal:
/// [`departure`](Self::departure) says how close. Whoever bounds something by them needs no more than that.
///
/// ```
/// use streamface_kernels::{Isa, subspace::Directions};
///
/// // Points along the second axis, a little off it.
/// let rows: Vec<f32> = (0..50).flat_map(|k| [0.1, k as f32 - 25.0, 0.0]).collect();
/// let found = Directions::find(Isa::detect(), &rows, 3, 1);
/// assert!(found.direction(0)[1].abs() > 0.999);
/// assert!(found.departure() < 1e-6);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    dim: usize,
    /// Direction after direction.
    numbers: Vec<f32>,
    energy: Vec<f64>,
    departure: f64,
}

impl Directions {
    /// At most `most` directions, and at most `dim`, of rows of `dim` finite numbers that lie one after the other.
    /// Numbers should be at most some 10⁶ in size. The seed is fixed: the same rows give the same directions on one
    /// instruction set. Some 2,000 rows are enough for 100 directions.
    ///
    /// Time O(rows · dim · directions + dim · directions²).
    #[must_use]
    pub fn find(isa: Isa, rows: &[f32], dim: usize, most: usize) -> Self {
        let count = most.min(dim);
        let n = rows.len().checked_div(dim).unwrap_or(0);
        let mut random = SplitMix64::new(1);
        let mut columns: Vec<Vec<f64>> =
            (0..count).map(|_| (0..dim).map(|_| random.uniform() - 0.5).collect()).collect();
        orthonormalise(&mut columns);
        let by_row: Vec<&[f32]> = rows.chunks_exact(dim.max(1)).collect();
        let transposed = transpose(&by_row, dim);
        let by_number: Vec<&[f32]> = transposed.chunks_exact(n.max(1)).collect();
        // All directions need no search; else each round squares the ratio of what is wanted to the rest.
        for _ in 0..if count < dim { 3 } else { 2 } {
            let along = multiply(isa, &by_row, &Panels::new(dim, &columns));
            let next = multiply(isa, &by_number, &Panels::new(n, &along));
            for (column, next) in columns.iter_mut().zip(next) {
                column.clear();
                column.extend(next.iter().map(|&x| f64::from(x)));
                column.resize(dim, 0.0);
            }
            orthonormalise(&mut columns);
        }
        let along = multiply(isa, &by_row, &Panels::new(dim, &columns));
        let energy: Vec<f64> =
            along.iter().map(|column| column.iter().map(|&x| f64::from(x) * f64::from(x)).sum()).collect();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| energy[b].total_cmp(&energy[a]).then(a.cmp(&b)));
        let numbers: Vec<f32> = order.iter().flat_map(|&k| &columns[k]).map(|&x| x as f32).collect();
        let energy = order.iter().map(|&k| energy[k]).collect();
        let departure = departure(&numbers, dim, count);
        Self { dim, numbers, energy, departure }
    }

    /// Number of directions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.energy.len()
    }

    /// Whether there is no direction.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.energy.is_empty()
    }

    /// Numbers of a direction.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Direction `k`. Panics where there is none.
    #[must_use]
    pub fn direction(&self, k: usize) -> &[f32] {
        &self.numbers[k * self.dim..(k + 1) * self.dim]
    }

    /// For each direction the sum of the squared coordinates of the points along it, descending.
    #[must_use]
    pub fn energy(&self) -> &[f64] {
        &self.energy
    }

    /// No less than the Frobenius norm of RᵀR − 1, the columns of R being the directions: 0 for exactly orthonormal ones,
    /// some 10⁻⁶ mostly.
    #[must_use]
    pub fn departure(&self) -> f64 {
        self.departure
    }
}

/// Columns in panels as [`squared_distances`] takes them, the last one filled up with zeros.
struct Panels {
    columns: usize,
    len: usize,
    numbers: Aligned<f32>,
}

impl Panels {
    /// Columns of `len` numbers each.
    fn new<T: Copy>(len: usize, columns: &[Vec<T>]) -> Self
    where
        f64: From<T>,
    {
        let mut numbers = Aligned::new(columns.len().div_ceil(PANEL) * len * PANEL, 0.0);
        for (at, column) in columns.iter().enumerate() {
            let panel = &mut numbers[at / PANEL * len * PANEL..][..len * PANEL];
            let to = panel.iter_mut().skip(at % PANEL).step_by(PANEL);
            to.zip(column).for_each(|(to, &x)| *to = f64::from(x) as f32);
        }
        Self { columns: columns.len(), len, numbers }
    }
}

/// The dot products of all rows with all columns, column after column.
fn multiply(isa: Isa, rows: &[&[f32]], panels: &Panels) -> Vec<Vec<f32>> {
    let mut out = vec![vec![0.0; rows.len()]; panels.columns];
    let mut tile = Tile([[0.0; PANEL]; GROUP]);
    // Squared lengths of 0 leave −2 times the product, so that halving is exact.
    let (of_rows, of_columns) = ([0.0; GROUP], [0.0; PANEL]);
    for (number, panel) in panels.numbers.chunks_exact((panels.len * PANEL).max(1)).enumerate() {
        let first = number * PANEL;
        for (at, group) in rows.chunks(GROUP).enumerate() {
            // The last group is filled up with its first row.
            let full = std::array::from_fn(|k| *group.get(k).unwrap_or(&group[0]));
            squared_distances(isa, (&full, &of_rows), (panel, &of_columns), &mut tile);
            for (k, products) in tile.0.iter().enumerate().take(group.len()) {
                for (column, &product) in out[first..].iter_mut().zip(products) {
                    column[at * GROUP + k] = -0.5 * product;
                }
            }
        }
    }
    out
}

fn transpose(rows: &[&[f32]], dim: usize) -> Vec<f32> {
    /// Numbers a side of a block that is read and written while it is in the nearest cache.
    const SIDE: usize = 32;
    let n = rows.len();
    let mut out = vec![0.0; n * dim];
    for left in (0..dim).step_by(SIDE) {
        for top in (0..n).step_by(SIDE) {
            for (i, row) in rows.iter().enumerate().skip(top).take(SIDE) {
                for (j, &x) in row.iter().enumerate().skip(left).take(SIDE) {
                    out[j * n + i] = x;
                }
            }
        }
    }
    out
}

/// Makes columns orthonormal (Gram–Schmidt, each column twice: Giraud and others, *The loss of orthogonality in the
/// Gram–Schmidt orthogonalization process*, 2005). A column that depends on those before it becomes the first axis that
/// does not.
///
/// Panics where columns differ in length.
pub fn orthonormalise(columns: &mut [Vec<f64>]) {
    let dim = columns.first().map_or(0, Vec::len);
    for k in 0..columns.len() {
        let (done, rest) = columns.split_at_mut(k);
        let column = &mut rest[0];
        for axis in 0..=dim {
            let before = dot_f64(column, column).sqrt();
            for _ in 0..2 {
                for other in done.iter() {
                    let along = dot_f64(column, other);
                    add_scaled(column, other, -along);
                }
            }
            let after = dot_f64(column, column).sqrt();
            if after > 1e-9 * before && after.is_normal() {
                column.iter_mut().for_each(|x| *x /= after);
                break;
            }
            column.fill(0.0);
            column[axis % dim] = 1.0;
        }
    }
}

fn departure(numbers: &[f32], dim: usize, count: usize) -> f64 {
    let wide: Vec<f64> = numbers.iter().map(|&x| x.into()).collect();
    let column = |k: usize| &wide[k * dim..(k + 1) * dim];
    let mut sum = 0.0;
    for i in 0..count {
        for j in 0..=i {
            let off = dot_f64(column(i), column(j)) - f64::from(u8::from(i == j));
            sum += off * off * if i == j { 1.0 } else { 2.0 };
        }
    }
    f64::sqrt(sum) + 1e-12
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` points of `dim` numbers in about `rank` directions, the first of which have the most energy.
    fn points(n: usize, dim: usize, rank: usize) -> Vec<f32> {
        let mut random = SplitMix64::new(9);
        let directions: Vec<f64> = (0..rank * dim).map(|_| random.uniform() - 0.5).collect();
        let mut rows = Vec::with_capacity(n * dim);
        for _ in 0..n {
            let along: Vec<f64> = (0..rank).map(|r| (random.uniform() - 0.5) / (r + 1) as f64).collect();
            for j in 0..dim {
                let x: f64 = along.iter().enumerate().map(|(r, a)| a * directions[r * dim + j]).sum();
                rows.push((x + 1e-4 * random.uniform()) as f32);
            }
        }
        rows
    }

    #[test]
    fn directions_are_orthonormal_and_hold_the_energy() {
        for isa in Isa::available() {
            for (n, dim, rank, most) in [(300, 70, 5, 33), (64, 192, 20, 40), (40, 8, 8, 128), (3, 9, 2, 9)] {
                let rows = points(n, dim, rank);
                let found = Directions::find(isa, &rows, dim, most);
                assert_eq!((found.len(), found.dim()), (most.min(dim), dim));
                assert!(found.departure() < 1e-5, "{isa:?} {}", found.departure());
                assert!(found.energy().is_sorted_by(|a, b| a >= b));
                let all: f64 = rows.iter().map(|&x| f64::from(x).powi(2)).sum();
                let held: f64 = found.energy().iter().take(rank + 1).sum();
                assert!(held > 0.99 * all && found.energy().iter().sum::<f64>() < all * 1.001, "{isa:?} {n}");
            }
        }
    }

    #[test]
    fn no_points_and_points_of_zeros_have_directions_too() {
        for rows in [vec![], vec![0.0; 30]] {
            let found = Directions::find(Isa::detect(), &rows, 6, 4);
            assert_eq!(found.len(), 4);
            assert!(found.departure() < 1e-6 && found.energy().iter().all(|&e| e == 0.0));
        }
        assert!(Directions::find(Isa::detect(), &[], 0, 4).is_empty());
    }

    #[test]
    fn columns_that_depend_on_others_become_axes() {
        let mut columns = vec![vec![0.0, 2.0, 0.0], vec![0.0, -1.0, 0.0], vec![0.0, 0.0, 0.0]];
        orthonormalise(&mut columns);
        assert_eq!(columns, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    }
}
