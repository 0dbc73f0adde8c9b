//! The inner loops: numbers of four bits of many people against queries, and dot products of bytes.
//!
//! People lie in *panels* of [`PANEL`]. A panel has an *octet* of eight numbers after another: four bytes of
//! a person beside four of the next, the lower half of byte `b` is number `b` of the octet, the upper half number
//! `4 + b`. A query is eight signed bytes an octet in the order of the numbers. So 64 bytes of memory are eight numbers
//! of 16 people, and give the sums of these by two instructions.
//!
//! All ways give the same sums.

/// People in a panel.
pub(crate) const PANEL: usize = 64;
/// Bytes an octet takes in a panel.
pub(crate) const OCTET: usize = 4 * PANEL;
/// Queries that go through a panel together.
pub(crate) const TOGETHER: usize = 4;

/// Sixty-four bytes, aligned as the widest loads like it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// Lines an octet takes in a panel.
pub(crate) const LINES: usize = OCTET / 64;

/// By how much each person of a panel is over what was asked.
pub(crate) type Over = [f32; PANEL];

/// An instruction set, chosen at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Whatever the compiler may assume.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

/// What a query asks of a panel: a person is a hit where its sum ≥ `inverse` · its start + `cut`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Eight signed bytes an octet.
    pub(crate) numbers: &'a [i8],
    pub(crate) inverse: f32,
    pub(crate) cut: f32,
}

impl Isa {
    /// What this machine has, the slowest first.
    pub(crate) fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                all.push(Self::Avx2);
            }
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            if wide && is_x86_feature_detected!("avx512vnni") {
                all.push(Self::Vnni);
            }
        }
        all
    }

    /// The fastest that this machine has.
    pub(crate) fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// The first panel from `from` on with a hit, and its hits (bit `i` for person `i`); `over` then holds by how much
    /// each of the panel's people is over what was asked.
    #[inline]
    pub(crate) fn scan(
        self,
        panels: &[Line],
        starts: &[f32],
        from: usize,
        asked: Asked<'_>,
        over: &mut Over,
    ) -> Option<(usize, u64)> {
        let octets = asked.numbers.len() / 8;
        let count = starts.len() / PANEL;
        assert!(starts.len() == count * PANEL && panels.len() == count * octets * LINES);
        assert!(asked.numbers.len() == 8 * octets);
        match self {
            Self::Portable => (from..count).find_map(|p| {
                let panel = &panels[p * octets * LINES..(p + 1) * octets * LINES];
                let hits = portable(panel, &starts[p * PANEL..(p + 1) * PANEL], asked, over);
                (hits != 0).then_some((p, hits))
            }),
            // SAFETY: an `Avx2` comes from `available`, which asked the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(panels, starts, from, asked, over) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { vnni(panels, starts, from, asked, over) },
        }
    }

    /// The hits of one panel with several queries; `over` holds by how much each is over, for those with hits.
    #[inline]
    pub(crate) fn tile(
        self,
        panel: &[Line],
        starts: &[f32],
        asked: [Asked<'_>; TOGETHER],
        over: &mut [Over; TOGETHER],
    ) -> [u64; TOGETHER] {
        let octets = asked[0].numbers.len() / 8;
        assert!(starts.len() == PANEL && panel.len() == octets * LINES);
        assert!(asked.iter().all(|a| a.numbers.len() == 8 * octets));
        match self {
            // SAFETY: a `Vnni` comes from `available`, which asked the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { vnni_tile(panel, starts, asked, over) },
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => each(asked, over, |a, over| {
                // SAFETY: likewise.
                unsafe { avx2(panel, starts, 0, a, over) }.map_or(0, |(_, hits)| hits)
            }),
            Self::Portable => each(asked, over, |a, over| portable(panel, starts, a, over)),
        }
    }

    /// The dot product of two rows of signed bytes of one length, −127 to 127 each; `sum` is that of `b`. At most 2¹⁶
    /// bytes.
    #[inline]
    pub(crate) fn dot(self, a: &[i8], b: &[i8], sum: i32) -> i32 {
        assert!(a.len() == b.len() && a.len() <= 1 << 16);
        match self {
            // SAFETY: a `Vnni` comes from `available`, which asked the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { dot_vnni(a, b) - 128 * sum },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { dot_avx2(a, b) },
            Self::Portable => a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum(),
        }
    }
}

fn each(
    asked: [Asked<'_>; TOGETHER],
    over: &mut [Over; TOGETHER],
    ask: impl Fn(Asked<'_>, &mut Over) -> u64,
) -> [u64; TOGETHER] {
    let mut hits = [0; TOGETHER];
    for ((hits, asked), over) in hits.iter_mut().zip(asked).zip(over) {
        *hits = ask(asked, over);
    }
    hits
}

fn portable(panel: &[Line], starts: &[f32], asked: Asked<'_>, over: &mut Over) -> u64 {
    let mut sums = [0_i32; PANEL];
    for (octet, numbers) in panel.chunks_exact(LINES).zip(asked.numbers.as_chunks::<8>().0) {
        for (line, sums) in octet.iter().zip(sums.as_chunks_mut::<16>().0) {
            for (bytes, sum) in line.0.as_chunks::<4>().0.iter().zip(sums) {
                for (k, &byte) in bytes.iter().enumerate() {
                    *sum += i32::from(byte & 15) * i32::from(numbers[k]);
                    *sum += i32::from(byte >> 4) * i32::from(numbers[4 + k]);
                }
            }
        }
    }
    let mut hits = 0;
    for (lane, (&sum, start)) in sums.iter().zip(starts).enumerate() {
        let least = start * asked.inverse + asked.cut;
        hits |= u64::from(sum as f32 >= least) << lane;
        over[lane] = sum as f32 - least;
    }
    hits
}

/// # Safety
/// The processor has AVX2; `panels` holds 256 bytes for each octet of numbers and 64 starts.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(
    panels: &[Line],
    starts: &[f32],
    from: usize,
    asked: Asked<'_>,
    over: &mut Over,
) -> Option<(usize, u64)> {
    use std::arch::x86_64::*;
    let octets = asked.numbers.len() / 8;
    let (low, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let (inverse, cut) = (_mm256_set1_ps(asked.inverse), _mm256_set1_ps(asked.cut));
    let numbers: *const i32 = asked.numbers.as_ptr().cast();
    for p in from..starts.len() / PANEL {
        let mut hits = 0_u64;
        for half in 0..2 {
            let mut sums = [_mm256_setzero_si256(); 4];
            for octet in 0..octets {
                // SAFETY: the octet is one of the panel's and of the numbers'.
                unsafe {
                    let x = _mm256_set1_epi32(numbers.add(2 * octet).read_unaligned());
                    let y = _mm256_set1_epi32(numbers.add(2 * octet + 1).read_unaligned());
                    let at = panels.as_ptr().add((p * octets + octet) * LINES + 2 * half);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let bytes = _mm256_load_si256(at.cast::<__m256i>().add(v));
                        let upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
                        // At most 15 · 127 · 4 in 16 bits.
                        let twos = _mm256_add_epi16(
                            _mm256_maddubs_epi16(_mm256_and_si256(bytes, low), x),
                            _mm256_maddubs_epi16(upper, y),
                        );
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(twos, ones));
                    }
                }
            }
            for (v, &sum) in sums.iter().enumerate() {
                let lane = 32 * half + 8 * v;
                // SAFETY: a panel has 64 starts.
                let start = unsafe { _mm256_loadu_ps(starts.as_ptr().add(p * PANEL + lane)) };
                let least = _mm256_add_ps(_mm256_mul_ps(start, inverse), cut);
                let sum = _mm256_cvtepi32_ps(sum);
                let hit = _mm256_cmp_ps::<_CMP_GE_OQ>(sum, least);
                hits |= u64::from(_mm256_movemask_ps(hit) as u32) << lane;
                // SAFETY: there are 64 numbers.
                unsafe { _mm256_storeu_ps(over.as_mut_ptr().add(lane), _mm256_sub_ps(sum, least)) };
            }
        }
        if hits != 0 {
            return Some((p, hits));
        }
    }
    None
}

/// # Safety
/// The processor has AVX-512F, BW and VNNI; `panels` holds 256 bytes for each octet of numbers and 64 starts.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn vnni(
    panels: &[Line],
    starts: &[f32],
    from: usize,
    asked: Asked<'_>,
    over: &mut Over,
) -> Option<(usize, u64)> {
    use std::arch::x86_64::*;
    let octets = asked.numbers.len() / 8;
    let (low, high) = (_mm512_set1_epi8(15), _mm512_set1_epi8(-16));
    let (inverse, cut) = (_mm512_set1_ps(asked.inverse), _mm512_set1_ps(asked.cut));
    let numbers: *const i32 = asked.numbers.as_ptr().cast();
    for p in from..starts.len() / PANEL {
        // Upper halves are 16 times too large until the end, which saves shifting them.
        let (mut lows, mut highs) = ([_mm512_setzero_si512(); LINES], [_mm512_setzero_si512(); LINES]);
        for octet in 0..octets {
            // SAFETY: the octet is one of the panel's and of the numbers'.
            unsafe {
                let x = _mm512_set1_epi32(numbers.add(2 * octet).read_unaligned());
                let y = _mm512_set1_epi32(numbers.add(2 * octet + 1).read_unaligned());
                let at = panels.as_ptr().add((p * octets + octet) * LINES);
                for v in 0..LINES {
                    let bytes = _mm512_load_si512(at.add(v).cast());
                    lows[v] = _mm512_dpbusd_epi32(lows[v], _mm512_and_si512(bytes, low), x);
                    highs[v] = _mm512_dpbusd_epi32(highs[v], _mm512_and_si512(bytes, high), y);
                }
            }
        }
        let mut hits = 0_u64;
        for v in 0..LINES {
            // SAFETY: a panel has 64 starts.
            let start = unsafe { _mm512_loadu_ps(starts.as_ptr().add(p * PANEL + 16 * v)) };
            let sum = _mm512_add_epi32(lows[v], _mm512_srai_epi32::<4>(highs[v]));
            let least = _mm512_add_ps(_mm512_mul_ps(start, inverse), cut);
            let sum = _mm512_cvtepi32_ps(sum);
            let hit = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(sum, least);
            hits |= u64::from(hit) << (16 * v);
            // SAFETY: there are 64 numbers.
            unsafe { _mm512_storeu_ps(over.as_mut_ptr().add(16 * v), _mm512_sub_ps(sum, least)) };
        }
        if hits != 0 {
            return Some((p, hits));
        }
    }
    None
}

/// # Safety
/// The processor has AVX-512F, BW and VNNI; `panel` holds 256 bytes for each octet of all numbers, and 64 starts.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn vnni_tile(
    panel: &[Line],
    starts: &[f32],
    asked: [Asked<'_>; TOGETHER],
    over: &mut [Over; TOGETHER],
) -> [u64; TOGETHER] {
    use std::arch::x86_64::*;
    let octets = asked[0].numbers.len() / 8;
    let low = _mm512_set1_epi8(15);
    let mut sums = [[_mm512_setzero_si512(); LINES]; TOGETHER];
    for octet in 0..octets {
        // SAFETY: the octet is one of the panel's and of all numbers'.
        unsafe {
            let at = panel.as_ptr().add(octet * LINES);
            for v in 0..LINES {
                let bytes = _mm512_load_si512(at.add(v).cast());
                let lower = _mm512_and_si512(bytes, low);
                let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low);
                for (sums, asked) in sums.iter_mut().zip(&asked) {
                    let numbers: *const i32 = asked.numbers.as_ptr().cast();
                    let x = _mm512_set1_epi32(numbers.add(2 * octet).read_unaligned());
                    let y = _mm512_set1_epi32(numbers.add(2 * octet + 1).read_unaligned());
                    sums[v] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sums[v], lower, x), upper, y);
                }
            }
        }
    }
    let mut hits = [0; TOGETHER];
    for v in 0..LINES {
        // SAFETY: a panel has 64 starts.
        let start = unsafe { _mm512_loadu_ps(starts.as_ptr().add(16 * v)) };
        for (((hits, sums), asked), over) in hits.iter_mut().zip(&sums).zip(&asked).zip(over.iter_mut()) {
            let product = _mm512_mul_ps(start, _mm512_set1_ps(asked.inverse));
            let least = _mm512_add_ps(product, _mm512_set1_ps(asked.cut));
            let sum = _mm512_cvtepi32_ps(sums[v]);
            let hit = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(sum, least);
            *hits |= u64::from(hit) << (16 * v);
            // SAFETY: there are 64 numbers.
            unsafe { _mm512_storeu_ps(over.as_mut_ptr().add(16 * v), _mm512_sub_ps(sum, least)) };
        }
    }
    hits
}

/// Σ a b.
///
/// # Safety
/// The processor has AVX2; `b` is as long as `a`; no byte is −128.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn dot_avx2(a: &[i8], b: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let ones = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    let whole = a.len() / 32 * 32;
    for at in (0..whole).step_by(32) {
        // SAFETY: 32 bytes from `at` on are within both.
        let (x, y) = unsafe {
            (_mm256_loadu_si256(a.as_ptr().add(at).cast()), _mm256_loadu_si256(b.as_ptr().add(at).cast()))
        };
        // At most 127 · 127 · 2 in 16 bits.
        let twos = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(y, x));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(twos, ones));
    }
    let mut lanes = [0_i32; 8];
    // SAFETY: there are 32 bytes of lanes.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum) };
    let rest = a[whole..].iter().zip(&b[whole..]).map(|(&x, &y)| i32::from(x) * i32::from(y));
    lanes.iter().sum::<i32>() + rest.sum::<i32>()
}

/// Σ (a + 128) b.
///
/// # Safety
/// The processor has AVX-512F, BW and VNNI; `b` is as long as `a`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn dot_vnni(a: &[i8], b: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let offset = _mm512_set1_epi8(i8::MIN);
    let mut sum = _mm512_setzero_si512();
    let whole = a.len() / 64 * 64;
    for at in (0..whole).step_by(64) {
        // SAFETY: 64 bytes from `at` on are within both.
        let (x, y) = unsafe {
            (_mm512_loadu_si512(a.as_ptr().add(at).cast()), _mm512_loadu_si512(b.as_ptr().add(at).cast()))
        };
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, offset), y);
    }
    if whole < a.len() {
        let mask = !0_u64 >> (64 - (a.len() - whole));
        // SAFETY: only the bytes of the mask are read.
        let (x, y) = unsafe {
            (
                _mm512_maskz_loadu_epi8(mask, a.as_ptr().add(whole)),
                _mm512_maskz_loadu_epi8(mask, b.as_ptr().add(whole)),
            )
        };
        // Beyond the end b is zero, whatever a becomes.
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, offset), y);
    }
    _mm512_reduce_add_epi32(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn panels_are_the_sums_they_say() {
        let mut random = Random::new(5);
        for octets in [1, 2, 5, 64] {
            let count = 3;
            let bytes: Vec<u8> = (0..count * octets * OCTET).map(|_| random.next() as u8).collect();
            let panels: Vec<Line> = bytes.as_chunks::<64>().0.iter().map(|c| Line(*c)).collect();
            let number = |i: usize, k: usize| {
                let at = (i / PANEL * octets + k / 8) * OCTET + i % PANEL * 4 + k % 4;
                i32::from(if k % 8 < 4 { bytes[at] & 15 } else { bytes[at] >> 4 })
            };
            for round in 0..8 {
                // The first at the ends of the range.
                let mut queries = Vec::new();
                for q in 0..TOGETHER {
                    let end = if q.is_multiple_of(2) { 127 } else { -127 };
                    let numbers = (0..8 * octets).map(|_| (random.next() % 255) as i32 - 127);
                    let numbers: Vec<i8> = numbers.map(|x| if round == 0 { end } else { x } as i8).collect();
                    queries.push(numbers);
                }
                let mut starts: Vec<f32> =
                    (0..count * PANEL).map(|_| (random.next() % 100) as f32 - 50.0).collect();
                starts[0] = f32::INFINITY;
                starts[1] = f32::NEG_INFINITY;
                let cut = (octets * 8 * 100 * round) as f32;
                let asked: Vec<Asked> =
                    queries.iter().map(|numbers| Asked { numbers, inverse: 0.37, cut }).collect();
                let sum = |i: usize, a: &Asked| -> i32 {
                    (0..8 * octets).map(|k| number(i, k) * i32::from(a.numbers[k])).sum()
                };
                let least = |i: usize, a: &Asked| starts[i] * a.inverse + a.cut;
                let mut over = [[0.0; PANEL]; TOGETHER];
                let hits = |p: usize, a: &Asked| -> u64 {
                    let of = |lane: usize| sum(p * PANEL + lane, a) as f32 >= least(p * PANEL + lane, a);
                    (0..PANEL).map(|lane| u64::from(of(lane)) << lane).fold(0, |a, b| a | b)
                };
                for isa in Isa::available() {
                    for a in &asked {
                        let mut from = 0;
                        for p in 0..count {
                            let want = hits(p, a);
                            if want != 0 {
                                assert_eq!(
                                    isa.scan(&panels, &starts, from, *a, &mut over[0]),
                                    Some((p, want)),
                                    "{isa:?}"
                                );
                                assert_eq!(
                                    over[0][2],
                                    sum(p * PANEL + 2, a) as f32 - least(p * PANEL + 2, a)
                                );
                                from = p + 1;
                            }
                        }
                        assert_eq!(isa.scan(&panels, &starts, from, *a, &mut over[0]), None);
                    }
                    for p in 0..count {
                        let panel = &panels[p * octets * LINES..(p + 1) * octets * LINES];
                        let four: [Asked; TOGETHER] = asked.clone().try_into().unwrap();
                        let want = four.map(|a| hits(p, &a));
                        let got = isa.tile(panel, &starts[p * PANEL..(p + 1) * PANEL], four, &mut over);
                        assert_eq!(got, want, "{isa:?}");
                        for (k, a) in asked.iter().enumerate().filter(|(k, _)| want[*k] != 0) {
                            assert_eq!(over[k][9], sum(p * PANEL + 9, a) as f32 - least(p * PANEL + 9, a));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn dots_are_the_sums_they_say() {
        for isa in Isa::available() {
            for len in [0, 1, 31, 32, 63, 64, 65, 192, 513] {
                let row = |k: usize| -> Vec<i8> {
                    (0..len).map(|i| ((i * k + i * i) % 255) as i32 - 127).map(|x| x as i8).collect()
                };
                let (a, b) = (row(7), row(31));
                let want: i32 = a.iter().zip(&b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum();
                let sum = b.iter().map(|&y| i32::from(y)).sum();
                assert_eq!(isa.dot(&a, &b, sum), want, "{isa:?} {len}");
                let ends = vec![127; len];
                assert_eq!(isa.dot(&ends, &ends, 127 * len as i32), 127 * 127 * len as i32, "{isa:?} {len}");
            }
        }
    }
}
