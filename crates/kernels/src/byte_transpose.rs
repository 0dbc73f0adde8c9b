//! Transposing blocks of bytes.

/// Rows and columns of a block.
pub const SIDE: usize = 16;

/// The columns of a block of sixteen rows.
///
/// ```
/// use streamface_kernels::byte_transpose::transpose;
///
/// let rows = std::array::from_fn(|i| std::array::from_fn(|j| (16 * i + j) as u8));
/// assert_eq!(transpose(rows)[3][1], rows[1][3]);
/// ```
#[must_use]
#[inline]
pub fn transpose(rows: [[u8; SIDE]; SIDE]) -> [[u8; SIDE]; SIDE] {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE2.
    return unsafe { sse2(rows) };
    #[cfg(not(target_arch = "x86_64"))]
    std::array::from_fn(|at| rows.map(|row| row[at]))
}

/// Four perfect shuffles of sixteen rows are their transpose.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2(rows: [[u8; SIDE]; SIDE]) -> [[u8; SIDE]; SIDE] {
    use std::arch::x86_64::*;
    let mut r = rows.map(|row| {
        let [low, high] = [0, 8].map(|from| i64::from_le_bytes(std::array::from_fn(|i| row[from + i])));
        _mm_set_epi64x(high, low)
    });
    for _ in 0..4 {
        r = std::array::from_fn(|i| {
            let (a, b) = (r[i / 2], r[i / 2 + SIDE / 2]);
            if i % 2 == 0 { _mm_unpacklo_epi8(a, b) } else { _mm_unpackhi_epi8(a, b) }
        });
    }
    r.map(|v| {
        let [low, high] = [_mm_cvtsi128_si64(v), _mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v))];
        let (low, high) = (low.to_le_bytes(), high.to_le_bytes());
        std::array::from_fn(|i| if i < 8 { low[i] } else { high[i - 8] })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let rows: [[u8; SIDE]; SIDE] = std::array::from_fn(|i| std::array::from_fn(|j| (16 * i + j) as u8));
        let columns = transpose(rows);
        assert!((0..SIDE).all(|i| (0..SIDE).all(|j| columns[j][i] == rows[i][j])));
        assert_eq!(transpose(columns), rows);
    }
}
