//! Sums of products, or of squared differences, of blocks of pairs of rows in `f64`.
//!
//! Rows lie in *parts*: of each [`LANES`] numbers of a row a part has as many as a register is wide
//! ([`Isa::f64_width`]), row after row. The sums of a block of pairs stay in registers, so that each number that is
//! loaded serves several pairs. The order of sums is that of [`dot`](mod@crate::dot): [`totals`] are bit for bit
//! [`dot`](crate::dot()) and [`squared_difference`](crate::dot::squared_difference) of `f32` rows.

use crate::dot::tree;
use crate::{Isa, LANES};

/// Most rows, and columns, of a block.
const MOST: (usize, usize) = (4, 6);

/// Numbers of a pair that are left when [`tree`] has added the two halves of its lanes.
pub const LEFT: usize = 8;

/// A part of the rows of a tile, so many numbers each.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Which part, from 0.
    pub number: usize,
    /// Numbers of a row in this part.
    pub len: usize,
    /// The rows of the group.
    pub group: &'a [f64],
    /// The rows of the panel.
    pub panel: &'a [f64],
}

impl<'a> Part<'a> {
    /// So many rows of the group, from one on.
    #[inline(always)]
    fn rows<const R: usize>(&self, first: usize) -> [&'a [f64]; R] {
        split(&self.group[first * self.len..][..R * self.len])
    }

    /// So many of the panel's.
    #[inline(always)]
    fn columns<const C: usize>(&self, first: usize) -> [&'a [f64]; C] {
        split(&self.panel[first * self.len..][..C * self.len])
    }
}

/// As so many of one length.
#[inline(always)]
fn split<const N: usize>(numbers: &[f64]) -> [&[f64]; N] {
    let len = numbers.len() / N;
    std::array::from_fn(|k| &numbers[k * len..][..len])
}

impl Isa {
    /// Rows and columns of a block. Their product fills the registers, but for what the operands need.
    #[must_use]
    #[inline]
    pub fn f64_block(self) -> (usize, usize) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => MOST,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => (2, 6),
            Self::Portable => (2, 4),
        }
    }

    /// Numbers of a register: as many as a part has at each step.
    #[must_use]
    #[inline]
    pub fn f64_width(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 4,
            _ => 8,
        }
    }
}

/// Adds what a part gives to the sums of blocks at some rows and columns, or starts them with it where the part is the
/// first of its place: of squared differences or of products.
pub fn add<const SQUARED: bool>(
    isa: Isa,
    part: &Part<'_>,
    blocks: &[(usize, usize)],
    sums: &mut [[f64; LEFT]],
) {
    match isa {
        // SAFETY: the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { add_avx512::<SQUARED>(part, blocks, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { add_avx2::<SQUARED>(part, blocks, sums) },
        Isa::Portable => add_portable::<SQUARED>(part, blocks, sums),
    }
}

/// What [`tree`] makes of all sums.
pub fn totals(isa: Isa, sums: &[[f64; LEFT]], totals: &mut [f64]) {
    match isa {
        // SAFETY: the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { totals_avx512(sums, totals) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { totals_avx2(sums, totals) },
        Isa::Portable => {
            for (total, sums) in totals.iter_mut().zip(sums) {
                let mut lanes = [0.0; LANES];
                lanes[..LEFT].copy_from_slice(sums);
                *total = tree(lanes);
            }
        }
    }
}

fn add_portable<const SQUARED: bool>(part: &Part<'_>, blocks: &[(usize, usize)], sums: &mut [[f64; LEFT]]) {
    const R: usize = 2;
    const C: usize = 4;
    for (&(top, left), sums) in blocks.iter().zip(sums.as_chunks_mut::<{ R * C }>().0) {
        let columns = part.columns::<C>(left).map(|column| column.as_chunks::<LEFT>().0);
        for (row, sums) in part.rows::<R>(top).iter().zip(sums.as_chunks_mut::<C>().0) {
            let mut lanes = [[0.0; LEFT]; C];
            for (step, x) in row.as_chunks::<LEFT>().0.iter().enumerate() {
                for (lanes, column) in lanes.iter_mut().zip(&columns) {
                    let y = &column[step];
                    for k in 0..LEFT {
                        lanes[k] = if SQUARED {
                            lanes[k] + (x[k] - y[k]) * (x[k] - y[k])
                        } else if cfg!(target_feature = "fma") {
                            // The same bits: products of `f32` are exact.
                            x[k].mul_add(y[k], lanes[k])
                        } else {
                            lanes[k] + x[k] * y[k]
                        };
                    }
                }
            }
            for (sum, lane) in sums.as_flattened_mut().iter_mut().zip(lanes.as_flattened()) {
                *sum = if part.number == 0 { *lane } else { *sum + lane };
            }
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn add_avx2<const SQUARED: bool>(
    part: &Part<'_>,
    blocks: &[(usize, usize)],
    sums: &mut [[f64; LEFT]],
) {
    use std::arch::x86_64::*;
    const R: usize = 2;
    const C: usize = 6;
    const WIDTH: usize = 4;
    // The first two parts side by side, and the other two on top of them.
    let (from, starts) = (part.number * WIDTH % LEFT, part.number * WIDTH < LEFT);
    for (&(top, left), sums) in blocks.iter().zip(sums.as_chunks_mut::<{ R * C }>().0) {
        // Each `len` numbers long.
        let (rows, columns) = (part.rows::<R>(top), part.columns::<C>(left));
        // So many that all stay in registers, from the first to the last.
        let mut lanes = [[_mm256_setzero_pd(); C]; R];
        for step in 0..part.len / WIDTH {
            // SAFETY: `step` is less than the registers that each row holds.
            let x = rows.map(|row| unsafe { _mm256_loadu_pd(row.as_ptr().add(step * WIDTH)) });
            for (c, column) in columns.iter().enumerate() {
                // SAFETY: likewise.
                let y = unsafe { _mm256_loadu_pd(column.as_ptr().add(step * WIDTH)) };
                for (lanes, x) in lanes.iter_mut().zip(x) {
                    lanes[c] = if SQUARED {
                        let off = _mm256_sub_pd(x, y);
                        _mm256_add_pd(lanes[c], _mm256_mul_pd(off, off))
                    } else {
                        _mm256_fmadd_pd(x, y, lanes[c])
                    };
                }
            }
        }
        for (sum, &lanes) in sums.iter_mut().zip(lanes.as_flattened()) {
            let to = sum[from..].as_mut_ptr();
            // SAFETY: four numbers are there from 0 and from 4 on.
            unsafe {
                let sum = if starts { lanes } else { _mm256_add_pd(_mm256_loadu_pd(to), lanes) };
                _mm256_storeu_pd(to, sum);
            }
        }
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn totals_avx2(sums: &[[f64; LEFT]], totals: &mut [f64]) {
    use std::arch::x86_64::*;
    for (totals, sums) in totals.as_chunks_mut::<4>().0.iter_mut().zip(sums.as_chunks::<4>().0) {
        let of = sums.map(|sum| {
            // SAFETY: eight numbers are there.
            let (x, y) = unsafe { (_mm256_loadu_pd(sum.as_ptr()), _mm256_loadu_pd(sum[4..].as_ptr())) };
            _mm256_add_pd(x, y)
        });
        // Quarters of two sums side by side, then both numbers of four.
        let quarters: [_; 2] = std::array::from_fn(|k| {
            let (x, y) = (of[k], of[k + 2]);
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(x, y), _mm256_permute2f128_pd::<0x31>(x, y))
        });
        let [x, y] = quarters;
        let all = _mm256_add_pd(_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
        // SAFETY: four numbers are what there is room for.
        unsafe { _mm256_storeu_pd(totals.as_mut_ptr(), all) };
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn add_avx512<const SQUARED: bool>(
    part: &Part<'_>,
    blocks: &[(usize, usize)],
    sums: &mut [[f64; LEFT]],
) {
    use std::arch::x86_64::*;
    const R: usize = MOST.0;
    const C: usize = MOST.1;
    const WIDTH: usize = LEFT;
    for (&(top, left), sums) in blocks.iter().zip(sums.as_chunks_mut::<{ R * C }>().0) {
        // Each `len` numbers long.
        let (rows, columns) = (part.rows::<R>(top), part.columns::<C>(left));
        // So many that all stay in registers, from the first to the last.
        let mut lanes = [[_mm512_setzero_pd(); C]; R];
        for step in 0..part.len / WIDTH {
            // SAFETY: `step` is less than the registers that each row holds.
            let y = columns.map(|column| unsafe { _mm512_loadu_pd(column.as_ptr().add(step * WIDTH)) });
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: likewise.
                let x = unsafe { _mm512_loadu_pd(row.as_ptr().add(step * WIDTH)) };
                for (lanes, y) in lanes.iter_mut().zip(y) {
                    *lanes = if SQUARED {
                        let off = _mm512_sub_pd(x, y);
                        _mm512_add_pd(*lanes, _mm512_mul_pd(off, off))
                    } else {
                        _mm512_fmadd_pd(x, y, *lanes)
                    };
                }
            }
        }
        for (sum, &lanes) in sums.iter_mut().zip(lanes.as_flattened()) {
            // SAFETY: eight numbers are there.
            unsafe {
                let to = sum.as_mut_ptr();
                let sum = if part.number == 0 { lanes } else { _mm512_add_pd(_mm512_loadu_pd(to), lanes) };
                _mm512_storeu_pd(to, sum);
            }
        }
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn totals_avx512(sums: &[[f64; LEFT]], totals: &mut [f64]) {
    use std::arch::x86_64::*;
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (totals, sums) in totals.as_chunks_mut::<8>().0.iter_mut().zip(sums.as_chunks::<8>().0) {
        // SAFETY: eight numbers are there.
        let of = sums.map(|sum| unsafe { _mm512_loadu_pd(sum.as_ptr()) });
        // Halves of two sums side by side, then quarters of four, then both numbers of eight.
        let halves: [_; 4] = std::array::from_fn(|k| {
            let (x, y) = (of[2 * k], of[2 * k + 1]);
            _mm512_add_pd(_mm512_shuffle_f64x2::<0x44>(x, y), _mm512_shuffle_f64x2::<0xEE>(x, y))
        });
        let quarters: [_; 2] = std::array::from_fn(|k| {
            let (x, y) = (halves[2 * k], halves[2 * k + 1]);
            _mm512_add_pd(_mm512_shuffle_f64x2::<0x88>(x, y), _mm512_shuffle_f64x2::<0xDD>(x, y))
        });
        let [x, y] = quarters;
        let all = _mm512_add_pd(_mm512_unpacklo_pd(x, y), _mm512_unpackhi_pd(x, y));
        // SAFETY: eight numbers are what there is room for.
        unsafe { _mm512_storeu_pd(totals.as_mut_ptr(), _mm512_permutexvar_pd(order, all)) };
    }
}
