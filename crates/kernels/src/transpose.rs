//! Transposing small blocks of numbers.

/// Rows and columns that are transposed at once.
pub const SIDE: usize = 8;

/// Rows of eight numbers each as columns. Panics, or takes zeros, where a row is shorter.
#[inline]
#[must_use]
pub fn transpose_u16(rows: &[&[u16]; SIDE]) -> [[u16; SIDE]; SIDE] {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: all x86-64 has SSE2.
    return unsafe { transpose_sse2(rows) };
    #[cfg(not(target_arch = "x86_64"))]
    std::array::from_fn(|at| rows.map(|row| row[at]))
}

/// # Safety
/// The processor has SSE2.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
unsafe fn transpose_sse2(rows: &[&[u16]; SIDE]) -> [[u16; SIDE]; SIDE] {
    use std::arch::x86_64::*;
    let rows = rows.map(|row| {
        let row = row.first_chunk::<SIDE>().unwrap_or(&[0; SIDE]);
        // SAFETY: eight numbers are what a register takes.
        unsafe { _mm_loadu_si128(row.as_ptr().cast()) }
    });
    // Neighbours of two rows, of four, and of all.
    let two = |k: usize| (_mm_unpacklo_epi16(rows[k], rows[k + 1]), _mm_unpackhi_epi16(rows[k], rows[k + 1]));
    let four = |k: usize| {
        let ((low, high), (next_low, next_high)) = (two(k), two(k + 2));
        [
            _mm_unpacklo_epi32(low, next_low),
            _mm_unpackhi_epi32(low, next_low),
            _mm_unpacklo_epi32(high, next_high),
            _mm_unpackhi_epi32(high, next_high),
        ]
    };
    let (above, below) = (four(0), four(4));
    std::array::from_fn(|at| {
        let (x, y) = (above[at / 2], below[at / 2]);
        let of = if at % 2 == 0 { _mm_unpacklo_epi64(x, y) } else { _mm_unpackhi_epi64(x, y) };
        let mut row = [0; SIDE];
        // SAFETY: eight numbers are what there is room for.
        unsafe { _mm_storeu_si128(row.as_mut_ptr().cast(), of) };
        row
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        let numbers: Vec<u16> = (0..64).collect();
        let rows: [&[u16]; SIDE] = std::array::from_fn(|k| &numbers[8 * k..8 * k + 8]);
        let columns = transpose_u16(&rows);
        assert!((0..8).all(|i| (0..8).all(|j| columns[j][i] == rows[i][j])));
    }
}
