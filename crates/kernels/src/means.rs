//! Means of vectors.

/// The sum of `f32` rows of `dim` numbers in `f64`, row after row, and how many rows there were.
///
/// ```
/// use streamface_kernels::means::sum;
///
/// let (sum, count) = sum([&[1.0, 2.0][..], &[3.0, 5.0]], 2);
/// assert_eq!((sum, count), (vec![4.0, 7.0], 2));
/// ```
#[must_use]
pub fn sum<'a>(rows: impl IntoIterator<Item = &'a [f32]>, dim: usize) -> (Vec<f64>, usize) {
    let (mut sum, mut count) = (vec![0.0_f64; dim], 0);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        count += 1;
    }
    (sum, count)
}

/// The mean of `f32` rows of `dim` numbers, in `f64`: the [`sum`] divided by the number of rows. NaN without rows.
#[must_use]
pub fn mean<'a>(rows: impl IntoIterator<Item = &'a [f32]>, dim: usize) -> Vec<f64> {
    let (mut sum, count) = sum(rows, dim);
    sum.iter_mut().for_each(|sum| *sum /= count as f64);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_the_sum_over_the_count() {
        let rows: [&[f32]; 3] = [&[1.0, -2.0], &[2.0, 0.5], &[4.5, 0.0]];
        assert_eq!(mean(rows, 2), [2.5, -0.5]);
        assert!(mean([], 1)[0].is_nan());
        assert_eq!(sum([], 3), (vec![0.0; 3], 0));
    }
}
