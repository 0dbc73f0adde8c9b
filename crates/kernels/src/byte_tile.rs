//! Which pairs of a tile of points reach a bound: integer dot products of a few points with a panel of points.
//!
//! Numbers lie in *quads*: four numbers of a point side by side, as the instructions take them. A *panel* is
//! [`Isa::tile_columns`] points, `panel[(quad * points + point) * 4 + k]`, as bytes offset by [`Isa::tile_offset`]; a
//! *group* is [`Isa::tile_rows`] points in the same order, as signed bytes. A tile is a group against a panel. The sums
//! of a tile stay in registers; one bit a pair is written, and only where some pair reaches the bound.

use crate::Isa;

/// Most points in a group, over all instruction sets.
pub const MAX_GROUP: usize = 8;
/// Most points in a panel.
pub const MAX_PANEL: usize = 48;
/// Most pairs of a tile.
pub const MAX_TILE: usize = MAX_GROUP * MAX_PANEL;

/// Which points of the panel (bits) reach zero with each point of the group.
pub type Hits = [u64; MAX_GROUP];

impl Isa {
    /// Points in a panel, at most 64. A multiple of [`tile_rows`](Self::tile_rows).
    #[must_use]
    #[inline]
    pub fn tile_columns(self) -> usize {
        match self {
            Self::Portable => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) | Self::Avx512(_) => MAX_PANEL,
        }
    }

    /// Points in a group. Group times panel fills the vector registers, but for what the operands need; those of
    /// AVX2 take a tile in blocks, as what is done once a tile would take longer than smaller ones.
    #[must_use]
    #[inline]
    pub fn tile_rows(self) -> usize {
        match self {
            Self::Portable => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) | Self::Avx512(_) => MAX_GROUP,
        }
    }

    /// Numbers are −levels to levels. AVX2 adds two products of bytes in 16 bits, which holds 2 · (2 · 90 + 1) · 90.
    #[must_use]
    #[inline]
    pub fn tile_levels(self) -> i32 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 90,
            _ => 127,
        }
    }

    /// The largest absolute value that the final sum of a pair may have. AVX2 keeps sums in 16 bits; sums in between
    /// may overflow.
    #[must_use]
    #[inline]
    pub fn tile_range(self) -> i32 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => i16::MAX.into(),
            _ => 1 << 30,
        }
    }

    /// The offset of a panel's bytes.
    #[must_use]
    #[inline]
    pub fn tile_offset(self) -> i32 {
        self.tile_levels() + 1
    }

    /// Compares one tile: a pair is a hit where `group_start` + `panel_start` + Σ group · panel ≥ 0, products with
    /// the panel's bytes as they are, offset included; that must be within [`tile_range`](Self::tile_range). Returns whether there was a
    /// hit; `hits` is written only then.
    #[inline]
    pub fn byte_tile(
        self,
        group: &[i8],
        panel: &[u8],
        group_start: &[i32],
        panel_start: &[i32],
        hits: &mut Hits,
    ) -> bool {
        let (p, g) = (self.tile_columns(), self.tile_rows());
        assert!(panel_start.len() == p && group_start.len() == g);
        assert!(panel.len().is_multiple_of(4 * p) && group.len() * p == panel.len() * g);
        match self {
            Self::Portable => portable(group, panel, group_start, panel_start, hits),
            // SAFETY: the processor has the instructions, as there is such an `Isa`; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2(group, panel, group_start, panel_start, hits) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => unsafe { vnni(group, panel, group_start, panel_start, hits) },
        }
    }
}

fn portable(group: &[i8], panel: &[u8], group_start: &[i32], panel_start: &[i32], hits: &mut Hits) -> bool {
    const G: usize = 4;
    const P: usize = 16;
    let mut sums = [[0_i32; P]; G];
    for (sums, &start) in sums.iter_mut().zip(group_start) {
        sums.iter_mut().zip(panel_start).for_each(|(sum, &other)| *sum = start + other);
    }
    let quads = group.as_chunks::<{ 4 * G }>().0.iter().zip(panel.as_chunks::<{ 4 * P }>().0);
    for (rows, columns) in quads {
        for (sums, x) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
            for (sum, y) in sums.iter_mut().zip(columns.as_chunks::<4>().0) {
                *sum += (0..4).map(|k| i32::from(x[k]) * i32::from(y[k])).sum::<i32>();
            }
        }
    }
    if sums.as_flattened().iter().all(|&sum| sum < 0) {
        return false;
    }
    *hits = Hits::default();
    for (hit, sums) in hits.iter_mut().zip(&sums) {
        for (lane, &sum) in sums.iter().enumerate() {
            *hit |= u64::from(sum >= 0) << lane;
        }
    }
    true
}

/// # Safety
/// The processor has AVX2; for some number of quads, `panel` holds 192 bytes a quad and `group` 32, the
/// starts 48 and 8; bytes are within ±90, offset 91.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(
    group: &[i8],
    panel: &[u8],
    group_start: &[i32],
    panel_start: &[i32],
    hits: &mut Hits,
) -> bool {
    use std::arch::x86_64::*;
    // A block of the tile is so many of its points and so many registers of its others.
    const G: usize = 4;
    const V: usize = 2;
    let mut any = false;
    for top in (0..MAX_GROUP).step_by(G) {
        for left in (0..MAX_PANEL).step_by(8 * V) {
            // A pair has two sums of 16 bits, side by side, of which both together are what counts, modulo 2¹⁶.
            let mut sums = [[_mm256_setzero_si256(); V]; G];
            for (g, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: panel_start holds as many as a panel.
                    let other = unsafe { _mm256_loadu_si256(panel_start.as_ptr().add(left + 8 * v).cast()) };
                    let start = _mm256_add_epi32(_mm256_set1_epi32(group_start[top + g]), other);
                    *sum = _mm256_slli_epi32::<16>(start);
                }
            }
            for quad in 0..panel.len() / (4 * MAX_PANEL) {
                // SAFETY: quad is less than the number of quads that both hold.
                unsafe {
                    let column = panel.as_ptr().add(4 * (MAX_PANEL * quad + left));
                    let rows: *const i32 = group.as_ptr().add(4 * (MAX_GROUP * quad + top)).cast();
                    let y: [_; V] = std::array::from_fn(|v| _mm256_loadu_si256(column.add(32 * v).cast()));
                    for (g, sums) in sums.iter_mut().enumerate() {
                        let x = _mm256_set1_epi32(rows.add(g).read_unaligned());
                        for (sum, y) in sums.iter_mut().zip(y) {
                            *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(y, x));
                        }
                    }
                }
            }
            let mut all = _mm256_set1_epi32(-1);
            for sum in sums.as_flattened_mut() {
                *sum = _mm256_add_epi16(*sum, _mm256_slli_epi32::<16>(*sum));
                all = _mm256_and_si256(all, *sum);
            }
            if _mm256_movemask_ps(_mm256_castsi256_ps(all)) == 0xFF {
                continue;
            }
            if !std::mem::replace(&mut any, true) {
                *hits = Hits::default();
            }
            for (hits, sums) in hits[top..].iter_mut().zip(&sums) {
                for (v, &sum) in sums.iter().enumerate() {
                    let negative = _mm256_movemask_ps(_mm256_castsi256_ps(sum)) as u32;
                    *hits |= u64::from(!negative & 0xFF) << (left + 8 * v);
                }
            }
        }
    }
    any
}

/// # Safety
/// The processor has AVX-512F and VNNI; for some number of quads, `panel` holds 192 bytes a quad and
/// `group` 32, the starts 48 and 8.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn vnni(
    group: &[i8],
    panel: &[u8],
    group_start: &[i32],
    panel_start: &[i32],
    hits: &mut Hits,
) -> bool {
    use std::arch::x86_64::*;
    const G: usize = 8;
    const V: usize = 3;
    let mut sums = [[_mm512_setzero_si512(); V]; G];
    for (g, sums) in sums.iter_mut().enumerate() {
        for (v, sum) in sums.iter_mut().enumerate() {
            // SAFETY: panel_start holds 16 V numbers.
            let other = unsafe { _mm512_loadu_si512(panel_start.as_ptr().add(16 * v).cast()) };
            *sum = _mm512_add_epi32(_mm512_set1_epi32(group_start[g]), other);
        }
    }
    for quad in 0..panel.len() / (64 * V) {
        // SAFETY: quad is less than the number of quads that both hold.
        unsafe {
            let column = panel.as_ptr().add(64 * V * quad);
            let rows: *const i32 = group.as_ptr().add(4 * G * quad).cast();
            let y = [
                _mm512_loadu_si512(column.cast()),
                _mm512_loadu_si512(column.add(64).cast()),
                _mm512_loadu_si512(column.add(128).cast()),
            ];
            for (g, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_epi32(rows.add(g).read_unaligned());
                for (sum, y) in sums.iter_mut().zip(y) {
                    *sum = _mm512_dpbusd_epi32(*sum, y, x);
                }
            }
        }
    }
    // The sign bit of all sums together: one test for the tile, as nearly all have no hit.
    let mut all = _mm512_set1_epi32(-1);
    for pair in sums.as_flattened().chunks_exact(2) {
        all = _mm512_ternarylogic_epi32::<0x80>(all, pair[0], pair[1]);
    }
    if _mm512_cmplt_epi32_mask(all, _mm512_setzero_si512()) == 0xFFFF {
        return false;
    }
    *hits = Hits::default();
    for (g, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            hits[g] |= u64::from(_mm512_cmpge_epi32_mask(sum, _mm512_setzero_si512())) << (16 * v);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_the_sums_they_say() {
        let mut seed = 7_u32;
        let mut next = |most: i32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as i32 % (2 * most + 1) - most
        };
        for isa in Isa::available() {
            let (p, g, offset) = (isa.tile_columns(), isa.tile_rows(), isa.tile_offset());
            for quads in [0, 1, 2, 17] {
                for round in 0..20 {
                    // Half of the range for products of any two, and a quarter for each start. The first rounds at the
                    // ends of what numbers may be: all of them, or two of them, which may be the larger for that.
                    let share = isa.tile_range() / 2 / if round == 1 { 2 } else { 4 * quads.max(1) as i32 };
                    let most = share.isqrt().min(isa.tile_levels());
                    let number = |of: usize, at: usize, next: &mut dyn FnMut(i32) -> i32| match round {
                        0 => most * if (of + at).is_multiple_of(2) { 1 } else { -1 },
                        1 if at < 2 => most * if of.is_multiple_of(3) { 1 } else { -1 },
                        1 => 0,
                        _ => next(most),
                    };
                    let mut points = |count: usize| -> Vec<Vec<i32>> {
                        let mut point = |of| (0..4 * quads).map(|at| number(of, at, &mut next)).collect();
                        (0..count).map(&mut point).collect()
                    };
                    let (rows, columns) = (points(g), points(p));
                    let quad = |points: &[Vec<i32>], at: usize| {
                        points[at / 4 % points.len()][at / 4 / points.len() * 4 + at % 4]
                    };
                    let group: Vec<i8> = (0..4 * g * quads).map(|at| quad(&rows, at) as i8).collect();
                    let panel: Vec<u8> =
                        (0..4 * p * quads).map(|at| (quad(&columns, at) + offset) as u8).collect();
                    let most = (isa.tile_range() / 4).min(40_000);
                    let mut start = |n| -> Vec<i32> {
                        (0..n).map(|_| next(most) - most * (round % 3) / 4).map(|x| x.max(-most)).collect()
                    };
                    let (mut left, right) = (start(g), start(p));
                    let mut want = Hits::default();
                    for (i, x) in rows.iter().enumerate() {
                        for (j, y) in columns.iter().enumerate() {
                            let sum: i32 = x.iter().zip(y).map(|(x, y)| x * y).sum();
                            want[i] |= u64::from(left[i] + right[j] + sum >= 0) << j;
                        }
                        left[i] -= offset * x.iter().sum::<i32>();
                    }
                    let mut hits = Hits::default();
                    let any = isa.byte_tile(&group, &panel, &left, &right, &mut hits);
                    assert_eq!((any, hits), (want != Hits::default(), want), "{isa:?} {quads} {round}");
                }
            }
        }
    }
}
