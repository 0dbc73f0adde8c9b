//! Matrix products, by the crate `matrixmultiply`.
//!
//! Their last bits depend on the instruction set. Use them where the error is bounded and something else decides.

/// `out` = a · bᵀ for rows of `dim` numbers: `out[i * rows of b + j]` is the dot product of row i of `a` and row j of `b`.
///
/// Panics where the lengths disagree.
///
/// ```
/// use streamface_kernels::gemm::multiply_transposed;
///
/// let mut out = [0.0; 2];
/// multiply_transposed(&[1.0, 2.0], &[3.0, 4.0, 5.0, 6.0], 2, &mut out);
/// assert_eq!(out, [11.0, 17.0]);
/// ```
pub fn multiply_transposed(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    let (n, m) = rows(a.len(), b.len(), dim, out.len());
    if n == 0 || m == 0 {
        return;
    }
    let (stride, width) = (dim as isize, m as isize);
    // SAFETY: by the check above `a` is n × dim, `b` is m × dim and `out` is n × m, all row by row.
    unsafe {
        let (a, b, out) = (a.as_ptr(), b.as_ptr(), out.as_mut_ptr());
        matrixmultiply::sgemm(n, dim, m, 1.0, a, stride, 1, b, 1, stride, 0.0, out, width, 1);
    }
}

/// [`multiply_transposed`] in `f64`.
pub fn multiply_transposed_f64(a: &[f64], b: &[f64], dim: usize, out: &mut [f64]) {
    let (n, m) = rows(a.len(), b.len(), dim, out.len());
    if n == 0 || m == 0 {
        return;
    }
    let (stride, width) = (dim as isize, m as isize);
    // SAFETY: by the check above `a` is n × dim, `b` is m × dim and `out` is n × m, all row by row.
    unsafe {
        let (a, b, out) = (a.as_ptr(), b.as_ptr(), out.as_mut_ptr());
        matrixmultiply::dgemm(n, dim, m, 1.0, a, stride, 1, b, 1, stride, 0.0, out, width, 1);
    }
}

/// The numbers of rows of both.
fn rows(a: usize, b: usize, dim: usize, out: usize) -> (usize, usize) {
    assert!(dim > 0 && a.is_multiple_of(dim) && b.is_multiple_of(dim), "whole rows of {dim} numbers");
    let (n, m) = (a / dim, b / dim);
    assert!(n.checked_mul(m) == Some(out), "{n} x {m} products");
    (n, m)
}
