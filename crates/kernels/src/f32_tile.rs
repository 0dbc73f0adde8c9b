//! Squared distances of a few rows and a panel of columns in `f32`: |a|² + |b|² − 2 a·b, from squared lengths that are
//! given. The products of a tile stay in registers.

use crate::Isa;

/// Rows of a tile.
pub const GROUP: usize = 8;
/// Columns of a tile.
pub const PANEL: usize = 32;

/// |a − b|² of some rows and the columns of a panel, in lines of cache of its own.
#[derive(Debug)]
#[repr(align(64))]
pub struct Tile(pub [[f32; PANEL]; GROUP]);

/// Some rows, and q of each.
pub type Rows<'a> = (&'a [&'a [f32]; GROUP], &'a [f32; GROUP]);
/// The columns of a panel, and q of each.
pub type Panel<'a> = (&'a [f32], &'a [f32; PANEL]);

/// Writes the squared distances of rows and columns to `tile`. Sums are taken in the order of the numbers; fused
/// multiplication and addition depends on the instruction set, so that results differ by rounding.
pub fn squared_distances(isa: Isa, rows: Rows<'_>, panel: Panel<'_>, tile: &mut Tile) {
    match isa {
        // SAFETY: the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { avx512(rows, panel, tile) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { avx2(rows, panel, tile) },
        Isa::Portable => portable(rows, panel, tile),
    }
}

#[inline(always)]
fn portable((rows, of_rows): Rows<'_>, (panel, of_columns): Panel<'_>, tile: &mut Tile) {
    let panel = panel.as_chunks::<PANEL>().0;
    let rows = rows.as_chunks::<2>().0.iter().zip(of_rows.as_chunks::<2>().0);
    for ((rows, of_rows), squares) in rows.zip(tile.0.as_chunks_mut::<2>().0) {
        let mut sums = [[0.0_f32; PANEL]; 2];
        for (y, (&a, &b)) in panel.iter().zip(rows[0].iter().zip(rows[1])) {
            for k in 0..PANEL {
                if cfg!(target_feature = "fma") {
                    sums[0][k] = a.mul_add(y[k], sums[0][k]);
                    sums[1][k] = b.mul_add(y[k], sums[1][k]);
                } else {
                    sums[0][k] += a * y[k];
                    sums[1][k] += b * y[k];
                }
            }
        }
        for ((squares, sums), q) in squares.iter_mut().zip(sums).zip(of_rows) {
            let both = squares.iter_mut().zip(sums).zip(of_columns);
            both.for_each(|((square, sum), column)| *square = q + column - 2.0 * sum);
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2((rows, of_rows): Rows<'_>, panel: Panel<'_>, tile: &mut Tile) {
    // Three rows and the panel's four registers fill what there is, but for the operands.
    let (rows, rest) = rows.as_chunks::<3>();
    let (of_rows, of_rest) = of_rows.as_chunks::<3>();
    let (squares, last) = tile.0.as_chunks_mut::<3>();
    rows.iter().zip(of_rows).zip(squares).for_each(|((rows, q), squares)| avx2_of(rows, q, panel, squares));
    if let (Some(rows), Some(q), Some(squares)) =
        (rest.first_chunk::<2>(), of_rest.first_chunk(), last.first_chunk_mut())
    {
        avx2_of(rows, q, panel, squares);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,fma")]
fn avx2_of<const R: usize>(
    rows: &[&[f32]; R],
    of_rows: &[f32; R],
    (panel, of_columns): Panel<'_>,
    squares: &mut [[f32; PANEL]; R],
) {
    use std::arch::x86_64::*;
    let steps = rows.iter().map(|row| row.len()).fold(panel.len() / PANEL, usize::min);
    let mut sums = [[_mm256_setzero_ps(); PANEL / 8]; R];
    for step in 0..steps {
        // SAFETY: a row holds more than `step` numbers.
        let x: [_; R] = std::array::from_fn(|r| unsafe { _mm256_set1_ps(*rows[r].get_unchecked(step)) });
        for part in 0..PANEL / 8 {
            // SAFETY: a panel holds `PANEL` numbers a step.
            let y = unsafe { _mm256_loadu_ps(panel.as_ptr().add(step * PANEL + part * 8)) };
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[part] = _mm256_fmadd_ps(x, y, sums[part]);
            }
        }
    }
    for ((squares, sums), &q) in squares.iter_mut().zip(sums).zip(of_rows) {
        let parts = squares.as_chunks_mut::<8>().0.iter_mut().zip(of_columns.as_chunks::<8>().0);
        for ((to, columns), sum) in parts.zip(sums) {
            // SAFETY: eight numbers are what there is, and what there is room for.
            unsafe {
                let both = _mm256_add_ps(_mm256_set1_ps(q), _mm256_loadu_ps(columns.as_ptr()));
                _mm256_storeu_ps(to.as_mut_ptr(), _mm256_sub_ps(both, _mm256_add_ps(sum, sum)));
            }
        }
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512((rows, of_rows): Rows<'_>, (panel, of_columns): Panel<'_>, tile: &mut Tile) {
    use std::arch::x86_64::*;
    let steps = rows.iter().map(|row| row.len()).fold(panel.len() / PANEL, usize::min);
    let mut sums = [[_mm512_setzero_ps(); PANEL / 16]; GROUP];
    for step in 0..steps {
        // SAFETY: a panel holds `PANEL` numbers a step.
        let y: [_; PANEL / 16] = std::array::from_fn(|half| unsafe {
            _mm512_loadu_ps(panel.as_ptr().add(step * PANEL + half * 16))
        });
        for (sums, row) in sums.iter_mut().zip(rows) {
            // SAFETY: `step` is less than the length of each row.
            let x = _mm512_set1_ps(unsafe { *row.get_unchecked(step) });
            for (sum, y) in sums.iter_mut().zip(y) {
                *sum = _mm512_fmadd_ps(x, y, *sum);
            }
        }
    }
    for ((squares, sums), &q) in tile.0.iter_mut().zip(sums).zip(of_rows) {
        let parts = squares.as_chunks_mut::<16>().0.iter_mut().zip(of_columns.as_chunks::<16>().0);
        for ((to, columns), sum) in parts.zip(sums) {
            // SAFETY: sixteen numbers are what there is, and what there is room for.
            unsafe {
                let both = _mm512_add_ps(_mm512_set1_ps(q), _mm512_loadu_ps(columns.as_ptr()));
                _mm512_storeu_ps(to.as_mut_ptr(), _mm512_sub_ps(both, _mm512_add_ps(sum, sum)));
            }
        }
    }
}
