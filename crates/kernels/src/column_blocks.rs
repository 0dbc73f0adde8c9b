//! A vector times a matrix with few columns, in `f32`.
//!
//! The matrix is stored in blocks of [`BLOCK`] columns: row by row, the sixteen numbers of a row side by side. So one load
//! has a row's numbers in all sums of a block.
//!
//! [`multiply`] is the exception to *same bits everywhere*: it uses fused multiply-add where the processor has it, and the
//! number of partial sums differs. By hand, because it is several times as fast as a loop without fused operations. Use it
//! where the error of a product of length d is bounded anyway, by d · 2⁻²⁴ relative to the lengths of both.

use crate::{Isa, dispatch};

/// Columns that are stored together.
pub const BLOCK: usize = 16;

/// The numbers of a matrix of `columns` columns in blocks, zeros beyond the last column. `number(row, column)` is a number
/// of the matrix.
#[must_use]
pub fn pack(rows: usize, columns: usize, number: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut blocks = vec![0.0; columns.div_ceil(BLOCK) * rows * BLOCK];
    for column in 0..columns {
        for row in 0..rows {
            blocks[(column / BLOCK * rows + row) * BLOCK + column % BLOCK] = number(row, column);
        }
    }
    blocks
}

/// Writes zᵀB into `out`, with B in blocks: `blocks[(block * rows + row) * 16 + column]`.
///
/// Panics where the lengths disagree, or `out` is not whole blocks.
pub fn multiply(isa: Isa, z: &[f32], blocks: &[f32], out: &mut [f32]) {
    assert!(blocks.len() == z.len() * out.len() && out.len().is_multiple_of(BLOCK));
    match isa {
        // SAFETY: the processor has the instructions, as there is an `Avx512`; lengths are checked above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { avx512(z, blocks, out) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { avx2(z, blocks, out) },
        Isa::Portable => portable(z, blocks, out),
    }
}

fn portable(z: &[f32], blocks: &[f32], out: &mut [f32]) {
    for (block, out) in blocks.chunks_exact((z.len() * BLOCK).max(1)).zip(out.as_chunks_mut::<BLOCK>().0) {
        *out = [0.0; BLOCK];
        for (row, &z) in block.as_chunks::<BLOCK>().0.iter().zip(z) {
            for (out, &x) in out.iter_mut().zip(row) {
                *out += z * x;
            }
        }
    }
}

/// # Safety
/// The processor has AVX-512F; `blocks` holds `z.len()` · `out.len()` numbers, `out` whole blocks.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(z: &[f32], blocks: &[f32], out: &mut [f32]) {
    use std::arch::x86_64::*;
    let rows = z.len();
    for block in 0..out.len() / BLOCK {
        // Eight independent sums: a single one would wait for its own result.
        let mut sums = [_mm512_setzero_ps(); 8];
        // SAFETY: rows · 16 numbers follow for each block, and 16 sums.
        unsafe {
            let from = blocks.as_ptr().add(block * rows * BLOCK);
            for row in (0..rows / 8 * 8).step_by(8) {
                for (part, sum) in sums.iter_mut().enumerate() {
                    let x = _mm512_loadu_ps(from.add((row + part) * BLOCK));
                    *sum = _mm512_fmadd_ps(_mm512_set1_ps(*z.as_ptr().add(row + part)), x, *sum);
                }
            }
            for row in rows / 8 * 8..rows {
                let x = _mm512_loadu_ps(from.add(row * BLOCK));
                sums[0] = _mm512_fmadd_ps(_mm512_set1_ps(*z.as_ptr().add(row)), x, sums[0]);
            }
            let pair = |i: usize| _mm512_add_ps(sums[i], sums[i + 4]);
            let sum = _mm512_add_ps(_mm512_add_ps(pair(0), pair(1)), _mm512_add_ps(pair(2), pair(3)));
            _mm512_storeu_ps(out.as_mut_ptr().add(block * BLOCK), sum);
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA; `blocks` holds `z.len()` · `out.len()` numbers, `out` whole blocks.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(z: &[f32], blocks: &[f32], out: &mut [f32]) {
    use std::arch::x86_64::*;
    let rows = z.len();
    for block in 0..out.len() / BLOCK {
        let mut sums = [[_mm256_setzero_ps(); 2]; 4];
        // SAFETY: rows · 16 numbers follow for each block, and 16 sums.
        unsafe {
            let from = blocks.as_ptr().add(block * rows * BLOCK);
            for row in 0..rows {
                let by = _mm256_set1_ps(*z.as_ptr().add(row));
                for (half, sum) in sums[row % 4].iter_mut().enumerate() {
                    let x = _mm256_loadu_ps(from.add(row * BLOCK + 8 * half));
                    *sum = _mm256_fmadd_ps(by, x, *sum);
                }
            }
            let [a, b, c, d] = sums;
            for (half, (((a, b), c), d)) in a.into_iter().zip(b).zip(c).zip(d).enumerate() {
                let sum = _mm256_add_ps(_mm256_add_ps(a, c), _mm256_add_ps(b, d));
                _mm256_storeu_ps(out.as_mut_ptr().add(block * BLOCK + 8 * half), sum);
            }
        }
    }
}

dispatch! {
    /// Adds the outer products of some rows and their parts to `out`: `out[i] += row[i] * part` for each row in order.
    /// `rows` and `parts` hold as many rows; `out` has as many rows as a row has numbers. Panics where the lengths
    /// disagree.
    pub fn add_outer(isa: Isa, rows: &[f32], parts: &[f32], width: usize, out: &mut [f32]) {
        let (count, dim) = (parts.len() / width, out.len() / width);
        assert!(parts.len() == count * width && out.len() == dim * width && rows.len() == count * dim);
        // A few rows at a time, so that a row of `out` is loaded and stored less often. The order of sums stays.
        const ROWS: usize = 8;
        for first in (0..count).step_by(ROWS) {
            let few = first..count.min(first + ROWS);
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                for block in 0..width / BLOCK {
                    let out = &mut out[block * BLOCK..(block + 1) * BLOCK];
                    let mut sums = [0.0; BLOCK];
                    sums.copy_from_slice(out);
                    for row in few.clone() {
                        let x = rows[row * dim + i];
                        let part = &parts[row * width + block * BLOCK..][..BLOCK];
                        for (sum, &p) in sums.iter_mut().zip(part) {
                            *sum += x * p;
                        }
                    }
                    out.copy_from_slice(&sums);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitMix64;

    #[test]
    fn products_agree_with_f64_on_all_instruction_sets() {
        let mut random = SplitMix64::new(9);
        for (rows, columns) in [(1, 16), (7, 32), (8, 16), (193, 48)] {
            let mut numbers =
                |n: usize| -> Vec<f32> { (0..n).map(|_| random.uniform() as f32 - 0.5).collect() };
            let (z, matrix) = (numbers(rows), numbers(rows * columns));
            let blocks = pack(rows, columns, |row, column| matrix[row * columns + column]);
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; columns];
                multiply(isa, &z, &blocks, &mut out);
                for (column, got) in out.iter().enumerate() {
                    let at = |row: usize| f64::from(matrix[row * columns + column]);
                    let want: f64 = z.iter().enumerate().map(|(row, &z)| f64::from(z) * at(row)).sum();
                    assert!((f64::from(*got) - want).abs() < 1e-5, "{isa:?} {rows} {columns} {column}");
                }
            }
        }
    }

    #[test]
    fn outer_products_are_added_row_by_row() {
        let mut random = SplitMix64::new(2);
        let (count, dim, width) = (19, 5, 32);
        let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| random.uniform() as f32 - 0.5).collect() };
        let (rows, parts, start) = (numbers(count * dim), numbers(count * width), numbers(dim * width));
        let mut want = start.clone();
        for (row, part) in rows.chunks_exact(dim).zip(parts.chunks_exact(width)) {
            for (out, x) in want.chunks_exact_mut(width).zip(row) {
                out.iter_mut().zip(part).for_each(|(out, p)| *out += x * p);
            }
        }
        for isa in Isa::available() {
            let mut out = start.clone();
            add_outer(isa, &rows, &parts, width, &mut out);
            assert_eq!(out, want, "{isa:?}");
        }
    }
}
