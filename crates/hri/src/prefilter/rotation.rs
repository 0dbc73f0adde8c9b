//! A vector times a matrix with few columns.

/// Columns that are stored together.
pub(super) const BLOCK: usize = 16;

/// Writes zᵀB into `out`. B is stored in blocks of sixteen columns: `blocks[(block * rows + row) * 16 + column]`.
///
/// Panics where lengths disagree.
pub(super) fn multiply(z: &[f32], blocks: &[f32], out: &mut [f32]) {
    assert!(blocks.len() == z.len() * out.len() && out.len().is_multiple_of(BLOCK));
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F; lengths are checked above.
            return unsafe { avx512(z, blocks, out) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA; lengths are checked above.
            return unsafe { avx2(z, blocks, out) };
        }
    }
    portable(z, blocks, out);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn products_agree_with_f64() {
        let mut random = Random::new(9);
        for (rows, columns) in [(1, 16), (7, 32), (8, 16), (193, 48)] {
            let mut numbers =
                |n: usize| -> Vec<f32> { (0..n).map(|_| random.uniform() as f32 - 0.5).collect() };
            let (z, blocks) = (numbers(rows), numbers(rows * columns));
            let mut all = vec![vec![f32::NAN; columns]];
            multiply(&z, &blocks, &mut all[0]);
            let mut other = vec![f32::NAN; columns];
            portable(&z, &blocks, &mut other);
            all.push(other);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                let mut other = vec![f32::NAN; columns];
                // SAFETY: the processor has both, and lengths agree.
                unsafe { avx2(&z, &blocks, &mut other) };
                all.push(other);
            }
            for column in 0..columns {
                let at =
                    |row: usize| f64::from(blocks[(column / BLOCK * rows + row) * BLOCK + column % BLOCK]);
                let want: f64 = z.iter().enumerate().map(|(row, &z)| f64::from(z) * at(row)).sum();
                for got in &all {
                    assert!((f64::from(got[column]) - want).abs() < 1e-5, "{rows} {columns} {column}");
                }
            }
        }
    }
}
