//! The inner loop of the join: `f32` dot products of a few rows with a panel of rows, and which of
//! them reach their cut.
//!
//! Rows lie in *panels* of [`Isa::panel`] rows, numbers of one column side by side:
//! `panel[k * panel_rows + row]`. One tile is [`Isa::group`] rows against a whole panel; its sums stay in
//! registers until they are compared, and only one bit a pair leaves them.

/// Most rows in a group, over all instruction sets.
pub(crate) const MAX_GROUP: usize = 8;

/// Which rows of the panel (bits) reach the cut with each row of the group.
pub(crate) type Hits = [u64; MAX_GROUP];

/// An instruction set, chosen at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Whatever the compiler may assume.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// What this machine has, the slowest first.
    pub(crate) fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(Self::Avx512);
            }
        }
        all
    }

    /// The fastest that this machine has.
    pub(crate) fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Rows in a panel, at most 64. A multiple of [`group`](Self::group).
    pub(crate) fn panel(self) -> usize {
        match self {
            Self::Portable => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 24,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 48,
        }
    }

    /// Rows in a group. Group times panel fills the vector registers, but for what the operands need.
    pub(crate) fn group(self) -> usize {
        match self {
            Self::Portable => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 8,
        }
    }

    /// One tile: a pair is a hit where dot product ≥ `group_cut` + `panel_cut`. `group` starts at the
    /// group's first row within its own panel. Sums run over `k` in order, each row of `dim` numbers.
    pub(crate) fn tile(
        self,
        dim: usize,
        group: &[f32],
        panel: &[f32],
        group_cut: &[f32],
        panel_cut: &[f32],
    ) -> Hits {
        let (p, g) = (self.panel(), self.group());
        assert!(panel.len() == dim * p && panel_cut.len() == p && group_cut.len() == g);
        assert!(dim == 0 || group.len() >= (dim - 1) * p + g);
        match self {
            Self::Portable => portable(dim, group, panel, group_cut, panel_cut),
            // SAFETY: an `Avx2` comes from `available`, which asked the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(dim, group, panel, group_cut, panel_cut) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { avx512(dim, group, panel, group_cut, panel_cut) },
        }
    }
}

fn portable(dim: usize, group: &[f32], panel: &[f32], group_cut: &[f32], panel_cut: &[f32]) -> Hits {
    const G: usize = 4;
    const P: usize = 8;
    let mut sums = [[0.0_f32; P]; G];
    for (k, column) in panel.as_chunks::<P>().0.iter().take(dim).enumerate() {
        let rows = &group[k * P..k * P + G];
        for (sums, &x) in sums.iter_mut().zip(rows) {
            for (sum, &y) in sums.iter_mut().zip(column) {
                *sum += x * y;
            }
        }
    }
    let mut hits = Hits::default();
    for ((hit, sums), &cut) in hits.iter_mut().zip(&sums).zip(group_cut) {
        for (lane, (&sum, &other)) in sums.iter().zip(panel_cut).enumerate() {
            *hit |= u64::from(sum >= cut + other) << lane;
        }
    }
    hits
}

/// # Safety
/// The processor has AVX2 and FMA; `panel` holds `dim` × 24 numbers, `group` (`dim` − 1) × 24 + 4,
/// the cuts 4 and 24.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(dim: usize, group: &[f32], panel: &[f32], group_cut: &[f32], panel_cut: &[f32]) -> Hits {
    use std::arch::x86_64::*;
    const G: usize = 4;
    const V: usize = 3;
    const P: usize = 8 * V;
    let mut sums = [[_mm256_setzero_ps(); V]; G];
    for k in 0..dim {
        // SAFETY: k < dim, so k * P + P ≤ panel.len() and k * P + G ≤ group.len().
        unsafe {
            let column = panel.as_ptr().add(k * P);
            let rows = group.as_ptr().add(k * P);
            let y =
                [_mm256_loadu_ps(column), _mm256_loadu_ps(column.add(8)), _mm256_loadu_ps(column.add(16))];
            for (g, sums) in sums.iter_mut().enumerate() {
                let x = _mm256_broadcast_ss(&*rows.add(g));
                for (sum, y) in sums.iter_mut().zip(y) {
                    *sum = _mm256_fmadd_ps(x, y, *sum);
                }
            }
        }
    }
    let mut hits = Hits::default();
    for (g, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: panel_cut holds P = 8 V numbers.
            let other = unsafe { _mm256_loadu_ps(panel_cut.as_ptr().add(8 * v)) };
            let cut = _mm256_add_ps(_mm256_set1_ps(group_cut[g]), other);
            let bits = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(sum, cut));
            hits[g] |= u64::from(bits as u32) << (8 * v);
        }
    }
    hits
}

/// # Safety
/// The processor has AVX-512F; `panel` holds `dim` × 48 numbers, `group` (`dim` − 1) × 48 + 8, the
/// cuts 8 and 48.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(dim: usize, group: &[f32], panel: &[f32], group_cut: &[f32], panel_cut: &[f32]) -> Hits {
    use std::arch::x86_64::*;
    const G: usize = 8;
    const V: usize = 3;
    const P: usize = 16 * V;
    let mut sums = [[_mm512_setzero_ps(); V]; G];
    for k in 0..dim {
        // SAFETY: k < dim, so k * P + P ≤ panel.len() and k * P + G ≤ group.len().
        unsafe {
            let column = panel.as_ptr().add(k * P);
            let rows = group.as_ptr().add(k * P);
            let y =
                [_mm512_loadu_ps(column), _mm512_loadu_ps(column.add(16)), _mm512_loadu_ps(column.add(32))];
            for (g, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*rows.add(g));
                for (sum, y) in sums.iter_mut().zip(y) {
                    *sum = _mm512_fmadd_ps(x, y, *sum);
                }
            }
        }
    }
    let mut hits = Hits::default();
    for (g, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: panel_cut holds P = 16 V numbers.
            let other = unsafe { _mm512_loadu_ps(panel_cut.as_ptr().add(16 * v)) };
            let cut = _mm512_add_ps(_mm512_set1_ps(group_cut[g]), other);
            hits[g] |= u64::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(sum, cut)) << (16 * v);
        }
    }
    hits
}
