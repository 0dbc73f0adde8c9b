//! A few rows against many others, by their bytes: bounds of the largest distance across them.
//!
//! The pairs are those of the [second look](super), with the same bound; but a *group* of up to eight rows is
//! taken at once, so that a row of the many is read once for all of them and the eight sums are brought together
//! in one go. What is not an integer is `f32` here, with room for its rounding: each bound is a sum of a few products,
//! none of them above some eight times S + S', so that some sixty roundings of 2⁻²⁴ stay far within [`ROOM`].

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::Sketch;
use super::second::Own;
use crate::kernel::Isa;
#[cfg(target_arch = "x86_64")]
use crate::kernel::twos;
use crate::lines::prefetch;

/// Rows of a group.
pub(crate) const GROUP: usize = 8;
/// Room for rounding in `f32`, relative to S + S'.
const ROOM: f64 = 1e-5;
/// The same for what is next to nothing.
const LEAST: f64 = 1e-30;
/// Beyond this nothing is said of a row.
const MOST: f64 = 1e15;
/// A bound of places of a group that are not taken.
const NONE: f32 = -1e36;

/// What bounds take of a row beside its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lean {
    /// S with room for what lies below it, and above it.
    low: f32,
    high: f32,
    step: f32,
    error: f32,
    length: f32,
    /// Of the bytes.
    sum: i32,
}

impl Lean {
    fn new(own: &Own, slack: f64, rounding: f64) -> Self {
        let fits = own.square < MOST * MOST && own.length < MOST && own.error < MOST;
        if !fits {
            let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
            return Self { low, high, step: 0.0, error: 0.0, length: 0.0, sum: 0 };
        }
        let room = own.square * (ROOM + 2.0 * slack) + 2.0 * rounding + LEAST;
        Self {
            low: (own.square - room) as f32,
            high: (own.square + room) as f32,
            step: own.step as f32,
            error: own.error as f32,
            length: own.length as f32,
            sum: own.sum,
        }
    }
}

/// Up to [`GROUP`] rows, ready to be compared with many.
#[derive(Default)]
pub(crate) struct Group {
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

/// Bytes that a register takes; the largest.
const REGISTER: usize = 64;

impl Isa {
    /// What flips the bits of a group's bytes: VNNI takes them offset by 128.
    fn flip(self) -> u8 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => 0x80,
            _ => 0,
        }
    }
}

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

impl Sketch {
    /// What groups need of each row, by its place; none where there is no second look.
    fn lean(&self) -> &[Lean] {
        self.lean.get_or_init(|| {
            let Some(second) = &self.second else { return Vec::new() };
            let rows = 0..self.points.members_in_all();
            rows.map(|at| Lean::new(second.rows.get(at).1, self.slack, self.rounding)).collect()
        })
    }

    /// Rows at some places among those of all points, at most [`GROUP`].
    pub(crate) fn group(&self, places: &[u32]) -> Group {
        let mut new = Group::default();
        self.regroup(places, &mut new);
        new
    }

    /// The same in the room of another group of this sketch.
    fn regroup(&self, places: &[u32], group: &mut Group) {
        group.count = places.len().min(GROUP);
        (group.low, group.high) = ([NONE; GROUP], [NONE; GROUP]);
        let Some(second) = &self.second else { return };
        let (lean, padded) = (self.lean(), second.rows.all().1.next_multiple_of(REGISTER));
        group.bytes.resize(GROUP * padded, 0);
        let flip = self.isa.flip();
        for (at, &place) in places.iter().take(GROUP).enumerate() {
            let to = group.bytes[at * padded..].iter_mut();
            to.zip(second.rows.get(place as usize).0).for_each(|(to, &x)| *to = x.cast_unsigned() ^ flip);
            let own = &lean[place as usize];
            (group.low[at], group.high[at]) = (own.low, own.high);
            group.step[at] = 2.0 * own.step;
            group.error[at] = 2.0 * own.error;
            group.length[at] = 2.0 * (own.length + own.error);
        }
    }

    /// The lower bound of [`across`](Self::across) for any number of rows, in the room of a group; above `limit`, or that of all
    /// pairs, with an upper one for each of `many` in `each`.
    pub(crate) fn across_all(
        &self,
        few: &[u32],
        many: &[u32],
        limit: f32,
        each: &mut [f32],
        group: &mut Group,
    ) -> f32 {
        let mut low = 0.0_f32;
        for few in few.chunks(GROUP) {
            self.regroup(few, group);
            low = low.max(self.across(group, many, limit, Some(each)).0);
            if low > limit {
                break;
            }
        }
        low
    }

    /// Bounds of the largest |a − b|² across a group and the rows at some places among those of all points. Stops
    /// where the lower one is above `limit`; then the upper one is infinite. `each` takes an upper bound for each of
    /// the places, the larger of it and of what was there.
    pub(crate) fn across(
        &self,
        group: &Group,
        places: &[u32],
        limit: f32,
        each: Option<&mut [f32]>,
    ) -> (f32, f32) {
        let Some(second) = &self.second else { return (0.0, f32::INFINITY) };
        let (bytes, dim) = second.rows.all();
        assert!(group.bytes.len() == GROUP * dim.next_multiple_of(REGISTER) || group.count == 0);
        let many = Many { bytes, dim, lean: self.lean(), places };
        match (self.isa, group.count) {
            (_, 0) => (0.0, 0.0),
            (Isa::Portable, _) => portable(&many, group, limit, each),
            // SAFETY: a `Vnni` comes from `available`, which asked the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            (Isa::Vnni, count) => unsafe { of_count!(vnni, count, (&many, group, limit, each)) },
            // SAFETY: likewise an `Avx2`.
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, count) => unsafe { of_count!(avx2, count, (&many, group, limit, each)) },
        }
    }
}

/// The rows at some places, which a group is compared with.
struct Many<'a> {
    /// Of all rows, so many each.
    bytes: &'a [i8],
    dim: usize,
    lean: &'a [Lean],
    places: &'a [u32],
}

impl Many<'_> {
    /// The bytes of the next one, and what bounds take beside them.
    #[inline]
    fn get(&self, at: usize) -> (&[i8], &Lean) {
        // The next but one is likely elsewhere in memory.
        if let Some(&next) = self.places.get(at + 2) {
            prefetch(&self.bytes[next as usize * self.dim..][..self.dim]);
        }
        let place = self.places[at] as usize;
        (&self.bytes[place * self.dim..][..self.dim], &self.lean[place])
    }
}

/// Without instructions of its own.
fn portable(many: &Many<'_>, group: &Group, limit: f32, mut each: Option<&mut [f32]>) -> (f32, f32) {
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
    fn take(&mut self, dot: __m256i, own: &Lean, each: Option<&mut f32>) -> bool {
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
    many: &Many<'_>,
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
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(twos(size, x, a), ones));
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
    many: &Many<'_>,
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

#[cfg(test)]
mod tests {
    use streamface_types::{Embeddings, Metric};

    use super::*;
    use crate::exact::Exact;
    use crate::points::Points;
    use crate::sketch::{Space, Tuning};

    #[test]
    fn bounds_hold_and_are_near() {
        let mut seed = 5_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let kinds = [(33, Metric::Cosine), (64, Metric::Euclidean), (200, Metric::Cosine)];
        for (dim, metric, extreme) in kinds.into_iter().flat_map(|(d, m)| [(d, m, false), (d, m, true)]) {
            let mut data: Vec<f32> = (0..120 * dim).map(|_| next()).collect();
            // A row of zeros, one far off, and two that are next to equal.
            data[7 * dim..8 * dim].fill(0.0);
            if extreme {
                data[9 * dim] = 1e30;
            }
            data.copy_within(0..dim, 20 * dim);
            data[20 * dim] *= 1.0 + 1e-6;
            let rows = Embeddings::new(data, dim).unwrap();
            let exact = Exact::new(&rows, metric).unwrap();
            let all: Vec<u32> = (0..120).collect();
            for isa in Isa::available() {
                let space = Space::new(&exact, &all, Tuning { isa, few: 2, ..Tuning::default() });
                let sketch = Sketch::in_place(&exact, &space, &Points::of_rows(&all), 1.0);
                assert!(sketch.has_bounds());
                for count in 1..=GROUP {
                    let (few, many) = (&all[count..2 * count], &all[30..95]);
                    for others in [many, &all[18..22], &all[7..8], &all[..40]] {
                        let group = sketch.group(few);
                        let mut each = vec![0.0; others.len()];
                        let (low, high) = sketch.across(&group, others, f32::INFINITY, Some(&mut each));
                        let (least, most) = space.distances(metric, (f64::from(low), f64::from(high)));
                        let of = |&x: &u32| few.iter().map(|&a| exact.distance(a, x)).fold(0.0, f64::max);
                        let largest = others.iter().map(of).fold(0.0, f64::max);
                        assert!(least <= largest && largest <= most, "{isa:?} {least} {largest} {most}");
                        for (x, most) in others.iter().zip(&each) {
                            assert!(of(x) <= space.distances(metric, (0.0, f64::from(*most))).1);
                        }
                        // Of a row of zeros the bound says nothing.
                        if !extreme && !few.iter().chain(others).any(|&x| x == 7) {
                            assert!(most - least < 0.1 * (1.0 + largest), "{isa:?} {least} {most}");
                        }
                        let (low, high) = sketch.across(&group, others, low / 2.0, None);
                        assert!(low == 0.0 || high == f32::INFINITY);
                    }
                }
            }
        }
    }
}
