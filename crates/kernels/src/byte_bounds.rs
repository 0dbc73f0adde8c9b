//! Bounds of the largest squared distance between a *group* of up to eight rows and many others, from their bytes.
//!
//! Each row is w = step · q + e with whole numbers q within ±127 and |e| ≤ `error`. So
//! |a − b|² = |a|² + |b|² − 2 a·b lies within `2 · (error · length' + (length + error) · error')` of
//! |a|² + |b|² − 2 · step · step' · q·q'. A row of the many is read once for all rows of the group, whose eight sums are
//! brought together at once.
//!
//! The caller makes room for the rounding of `f32` in `low` and `high`: a bound is a sum of a few products.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
use crate::dot::pairs;
use crate::{Isa, prefetch};

/// Most rows of a group.
pub const GROUP: usize = 8;
/// A bound of places of a group that are not taken.
const NONE: f32 = -1e36;
/// Bytes that a register takes; the largest.
const REGISTER: usize = 64;

/// A kernel for as few rows of a group as there may be, in registers that are not taken for nothing.
#[cfg(target_arch = "x86_64")]
macro_rules! of_count {
    ($kernel:ident, $count:expr, ($($of:expr),*)) => {
        match $count {
            1 => $kernel::<1>($($of),*),
            2 => $kernel::<2>($($of),*),
            3..=4 => $kernel::<4>($($of),*),
            _ => $kernel::<8>($($of),*),
        }
    };
}

/// What bounds take of a row beside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// No more than the squared length.
    pub low: f32,
    /// No less than the squared length.
    pub high: f32,
    /// What the bytes are multiplied by.
    pub step: f32,
    /// No less than the length of what the bytes leave out.
    pub error: f32,
    /// The length.
    pub length: f32,
    /// The sum of the bytes.
    pub sum: i32,
}

/// Up to [`GROUP`] rows, ready to be compared with many.
#[derive(Debug, Default)]
pub struct Group {
    count: usize,
    /// Bytes of each row, offset as the instructions take them and filled up to whole registers.
    bytes: Vec<u8>,
    low: [f32; GROUP],
    high: [f32; GROUP],
    /// Twice the step, twice the error, and twice the length with the error.
    step: [f32; GROUP],
    error: [f32; GROUP],
    length: [f32; GROUP],
}

impl Group {
    /// Takes up to [`GROUP`] rows of `dim` bytes, with what bounds take beside them, in place of those it has.
    pub fn fill<'a>(&mut self, isa: Isa, dim: usize, rows: impl Iterator<Item = (&'a [i8], &'a Row)>) {
        self.clear();
        let padded = dim.next_multiple_of(REGISTER);
        self.bytes.resize(GROUP * padded, 0);
        let flip = flip(isa);
        for (at, (bytes, own)) in rows.take(GROUP).enumerate() {
            let to = self.bytes[at * padded..][..dim].iter_mut();
            to.zip(bytes).for_each(|(to, &x)| *to = x.cast_unsigned() ^ flip);
            (self.low[at], self.high[at]) = (own.low, own.high);
            self.step[at] = 2.0 * own.step;
            self.error[at] = 2.0 * own.error;
            self.length[at] = 2.0 * (own.length + own.error);
            self.count = at + 1;
        }
    }

    /// Takes no rows.
    pub fn clear(&mut self) {
        self.count = 0;
        (self.low, self.high) = ([NONE; GROUP], [NONE; GROUP]);
    }
}

/// What flips the bits of a group's bytes: VNNI takes them offset by 128.
fn flip(isa: Isa) -> u8 {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => 0x80,
        _ => 0,
    }
}

/// The rows at some places, which a group is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The bytes of all rows, `dim` each.
    pub bytes: &'a [i8],
    /// Bytes of a row.
    pub dim: usize,
    /// What bounds take beside the bytes of each row.
    pub rows: &'a [Row],
    /// The places of the rows that are compared.
    pub places: &'a [u32],
}

impl Rows<'_> {
    /// The bytes of the next one, and what bounds take beside them.
    #[inline]
    fn get(&self, at: usize) -> (&[i8], &Row) {
        // The next but one is likely elsewhere in memory.
        if let Some(&next) = self.places.get(at + 2) {
            prefetch(&self.bytes[next as usize * self.dim..][..self.dim]);
        }
        let place = self.places[at] as usize;
        (&self.bytes[place * self.dim..][..self.dim], &self.rows[place])
    }
}

/// Bounds of the largest squared distance across a group and the rows at some places. Stops where the lower bound is above
/// `limit`; then the upper one is infinite. `each` takes an upper bound for each of the places, the larger of it and of
/// what was there.
///
/// Panics where the group is not of rows of as many bytes, or `each` is shorter than the places. `isa` must be that of
/// [`Group::fill`], else the bounds mean nothing.
pub fn across(isa: Isa, group: &Group, many: &Rows<'_>, limit: f32, each: Option<&mut [f32]>) -> (f32, f32) {
    assert!(group.bytes.len() == GROUP * many.dim.next_multiple_of(REGISTER) || group.count == 0);
    match (isa, group.count) {
        (_, 0) => (0.0, 0.0),
        (Isa::Portable, _) => portable(many, group, limit, each),
        // SAFETY: the processor has the instructions, as there is such an `Isa`; lengths are checked above.
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx512(_), count) => unsafe { of_count!(vnni, count, (many, group, limit, each)) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx2(_), count) => unsafe { of_count!(avx2, count, (many, group, limit, each)) },
    }
}

/// Without instructions of its own.
fn portable(many: &Rows<'_>, group: &Group, limit: f32, mut each: Option<&mut [f32]>) -> (f32, f32) {
    let padded = group.bytes.len() / GROUP;
    let (mut low, mut high) = (0.0_f32, 0.0_f32);
    for at in 0..many.places.len() {
        let (x, own) = many.get(at);
        let mut most = 0.0_f32;
        for k in 0..group.count {
            let bytes = &group.bytes[k * padded..][..x.len()];
            let products = bytes.iter().zip(x).map(|(&a, &b)| i32::from(a.cast_signed()) * i32::from(b));
            let dot: i32 = products.sum();
            let middle = group.step[k] * own.step * dot as f32;
            let room = group.error[k] * own.length + group.length[k] * own.error;
            low = low.max(group.low[k] + own.low - middle - room);
            most = most.max(group.high[k] + own.high - middle + room);
        }
        high = high.max(most);
        if let Some(each) = &mut each {
            each[at] = each[at].max(most);
        }
        if low > limit {
            return (low, f32::INFINITY);
        }
    }
    (low, high)
}

/// A group against one row after the other, from the dot products of their bytes on.
#[cfg(target_arch = "x86_64")]
struct Across {
    low: __m256,
    high: __m256,
    step: __m256,
    error: __m256,
    length: __m256,
    limit: __m256,
    lowest: __m256,
    highest: __m256,
}

#[cfg(target_arch = "x86_64")]
impl Across {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(group: &Group, limit: f32) -> Self {
        // SAFETY: arrays of eight numbers.
        let load = |x: &[f32; GROUP]| unsafe { _mm256_loadu_ps(x.as_ptr()) };
        Self {
            low: load(&group.low),
            high: load(&group.high),
            step: load(&group.step),
            error: load(&group.error),
            length: load(&group.length),
            limit: _mm256_set1_ps(limit),
            lowest: _mm256_setzero_ps(),
            highest: _mm256_setzero_ps(),
        }
    }

    /// Takes the next row; whether that ends it.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn take(&mut self, dot: __m256i, own: &Row, each: Option<&mut f32>) -> bool {
        let step = _mm256_mul_ps(self.step, _mm256_set1_ps(own.step));
        let middle = _mm256_mul_ps(step, _mm256_cvtepi32_ps(dot));
        let room = _mm256_add_ps(
            _mm256_mul_ps(self.error, _mm256_set1_ps(own.length)),
            _mm256_mul_ps(self.length, _mm256_set1_ps(own.error)),
        );
        let (low, high) = (
            _mm256_add_ps(self.low, _mm256_set1_ps(own.low)),
            _mm256_add_ps(self.high, _mm256_set1_ps(own.high)),
        );
        let from = _mm256_sub_ps(_mm256_sub_ps(low, middle), room);
        let to = _mm256_add_ps(_mm256_sub_ps(high, middle), room);
        // What is not a number comes first, and so is passed over.
        self.lowest = _mm256_max_ps(from, self.lowest);
        self.highest = _mm256_max_ps(to, self.highest);
        if let Some(each) = each {
            *each = each.max(largest(to));
        }
        _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.lowest, self.limit)) != 0
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn bounds(&self, ended: bool) -> (f32, f32) {
        (largest(self.lowest), if ended { f32::INFINITY } else { largest(self.highest) })
    }
}

/// Eight sums of eight numbers each.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn add_up(of: [__m256i; GROUP]) -> __m256i {
    let four = |k: usize| {
        let (x, y) = (_mm256_hadd_epi32(of[k], of[k + 1]), _mm256_hadd_epi32(of[k + 2], of[k + 3]));
        _mm256_hadd_epi32(x, y)
    };
    let (x, y) = (four(0), four(4));
    let (x, y) = (_mm256_permute2x128_si256::<0x20>(x, y), _mm256_permute2x128_si256::<0x31>(x, y));
    _mm256_add_epi32(x, y)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn largest(x: __m256) -> f32 {
    let x = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
    let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps::<1>(x, x)))
}

/// # Safety
/// The processor has AVX2; the group holds `GROUP` rows of `dim` bytes within ±127, filled up to 64 with zeros.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2<const G: usize>(
    many: &Rows<'_>,
    group: &Group,
    limit: f32,
    mut each: Option<&mut [f32]>,
) -> (f32, f32) {
    const HALF: usize = REGISTER / 2;
    let padded = group.bytes.len() / GROUP;
    let dim = many.dim;
    let whole = dim / HALF * HALF;
    let mut across = Across::new(group, limit);
    let ones = _mm256_set1_epi16(1);
    for at in 0..many.places.len() {
        let (x, own) = many.get(at);
        let mut sums = [_mm256_setzero_si256(); GROUP];
        let mut add = |from: usize, x: __m256i| {
            let size = _mm256_abs_epi8(x);
            for (k, sum) in sums.iter_mut().enumerate().take(G) {
                // SAFETY: a group's rows hold whole registers.
                let a = unsafe { _mm256_loadu_si256(group.bytes.as_ptr().add(k * padded + from).cast()) };
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs(size, x, a), ones));
            }
        };
        for from in (0..whole).step_by(HALF) {
            // SAFETY: within the row.
            add(from, unsafe { _mm256_loadu_si256(x.as_ptr().add(from).cast()) });
        }
        if whole < dim {
            let mut last = [0_i8; HALF];
            last[..dim - whole].copy_from_slice(&x[whole..]);
            // SAFETY: as many bytes as a register takes.
            add(whole, unsafe { _mm256_loadu_si256(last.as_ptr().cast()) });
        }
        let each = each.as_deref_mut().map(|each| &mut each[at]);
        if across.take(add_up(sums), own, each) {
            return across.bounds(true);
        }
    }
    across.bounds(false)
}

/// # Safety
/// The processor has AVX-512F, BW and VNNI; the group holds `GROUP` rows of `dim` bytes, filled up to 64.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn vnni<const G: usize>(
    many: &Rows<'_>,
    group: &Group,
    limit: f32,
    mut each: Option<&mut [f32]>,
) -> (f32, f32) {
    let padded = group.bytes.len() / GROUP;
    let dim = many.dim;
    let whole = dim / REGISTER * REGISTER;
    let mask = if whole < dim { !0_u64 >> (REGISTER - (dim - whole)) } else { 0 };
    let mut across = Across::new(group, limit);
    for at in 0..many.places.len() {
        let (x, own) = many.get(at);
        let mut sums = [_mm512_setzero_si512(); GROUP];
        let mut add = |from: usize, x: __m512i| {
            for (k, sum) in sums.iter_mut().enumerate().take(G) {
                // SAFETY: a group's rows hold whole registers.
                let a = unsafe { _mm512_loadu_si512(group.bytes.as_ptr().add(k * padded + from).cast()) };
                *sum = _mm512_dpbusd_epi32(*sum, a, x);
            }
        };
        for from in (0..whole).step_by(REGISTER) {
            // SAFETY: within the row.
            add(from, unsafe { _mm512_loadu_si512(x.as_ptr().add(from).cast()) });
        }
        if mask != 0 {
            // SAFETY: only the bytes of the mask are read.
            add(whole, unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().add(whole)) });
        }
        let half =
            sums.map(|s| _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64::<1>(s)));
        let dot = _mm256_sub_epi32(add_up(half), _mm256_set1_epi32(128_i32.wrapping_mul(own.sum)));
        let each = each.as_deref_mut().map(|each| &mut each[at]);
        if across.take(dot, own, each) {
            return across.bounds(true);
        }
    }
    across.bounds(false)
}
