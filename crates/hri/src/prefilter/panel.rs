//! The inner loops: four-bit coordinates of many people against queries, and dot products of bytes.
//!
//! People are stored in *panels* of [`PANEL`]. A panel is a sequence of *octets*, each with eight coordinates of all its
//! people. An octet holds four bytes for each person, person by person: the lower half of byte `b` is coordinate `b` of the
//! octet, the upper half is coordinate `4 + b`. A query has eight signed bytes for each octet, in the order of the
//! coordinates. So 64 bytes of memory hold eight coordinates of 16 people, and two instructions add their products.
//!
//! All instruction sets give the same sums.

/// People in one panel.
pub(crate) const PANEL: usize = 64;
/// Bytes of one octet.
pub(crate) const OCTET_BYTES: usize = 4 * PANEL;
/// Queries that are tested on one panel together.
pub(crate) const TILE_QUERIES: usize = 4;

/// Sixty-four bytes, aligned for the widest loads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// Lines of one octet.
pub(crate) const OCTET_LINES: usize = OCTET_BYTES / 64;

/// For each person of a panel, the sum less the least sum that passes.
pub(crate) type Margins = [f32; PANEL];

/// An instruction set, chosen at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// The baseline of the compilation target.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

/// The test of one query: a person passes where the sum of products ≥ `inverse_step` · the person's term + `cut`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PanelQuery<'a> {
    /// Eight signed bytes an octet.
    pub(crate) codes: &'a [i8],
    pub(crate) inverse_step: f32,
    pub(crate) cut: f32,
}

impl Isa {
    /// The instruction sets of this processor, slowest first.
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

    /// The fastest instruction set of this processor.
    pub(crate) fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// The first panel from `from` on with people who pass, and a bit for each who does (bit `i` for person `i`).
    /// `margins` is then that of the panel's people.
    #[inline]
    pub(crate) fn scan(
        self,
        panels: &[Line],
        terms: &[f32],
        from: usize,
        query: PanelQuery<'_>,
        margins: &mut Margins,
    ) -> Option<(usize, u64)> {
        let octets = query.codes.len() / 8;
        let count = terms.len() / PANEL;
        assert!(terms.len() == count * PANEL && panels.len() == count * octets * OCTET_LINES);
        assert!(query.codes.len() == 8 * octets);
        match self {
            Self::Portable => (from..count).find_map(|p| {
                let panel = &panels[p * octets * OCTET_LINES..(p + 1) * octets * OCTET_LINES];
                let hits = portable(panel, &terms[p * PANEL..(p + 1) * PANEL], query, margins);
                (hits != 0).then_some((p, hits))
            }),
            // SAFETY: an `Avx2` comes from `available`, which checks the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(panels, terms, from, query, margins) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { vnni(panels, terms, from, query, margins) },
        }
    }

    /// The people of one panel who pass several queries. `margins` is valid for the queries that someone passes.
    #[inline]
    pub(crate) fn tile(
        self,
        panel: &[Line],
        terms: &[f32],
        queries: [PanelQuery<'_>; TILE_QUERIES],
        margins: &mut [Margins; TILE_QUERIES],
    ) -> [u64; TILE_QUERIES] {
        let octets = queries[0].codes.len() / 8;
        assert!(terms.len() == PANEL && panel.len() == octets * OCTET_LINES);
        assert!(queries.iter().all(|q| q.codes.len() == 8 * octets));
        match self {
            // SAFETY: a `Vnni` comes from `available`, which checks the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { vnni_tile(panel, terms, queries, margins) },
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => each(queries, margins, |query, margins| {
                // SAFETY: as above.
                unsafe { avx2(panel, terms, 0, query, margins) }.map_or(0, |(_, hits)| hits)
            }),
            Self::Portable => each(queries, margins, |query, margins| portable(panel, terms, query, margins)),
        }
    }

    /// The dot product of two rows of the same length, at most 2¹⁶ bytes of −127 to 127 each. `sum` is the sum of `b`.
    #[inline]
    pub(crate) fn dot(self, a: &[i8], b: &[i8], sum: i32) -> i32 {
        assert!(a.len() == b.len() && a.len() <= 1 << 16);
        match self {
            // SAFETY: a `Vnni` comes from `available`, which checks the processor; lengths are checked above.
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => unsafe { dot_vnni(a, b) - 128 * sum },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { dot_avx2(a, b) },
            Self::Portable => a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum(),
        }
    }
}

fn each(
    queries: [PanelQuery<'_>; TILE_QUERIES],
    margins: &mut [Margins; TILE_QUERIES],
    test: impl Fn(PanelQuery<'_>, &mut Margins) -> u64,
) -> [u64; TILE_QUERIES] {
    let mut hits = [0; TILE_QUERIES];
    for ((hits, query), margins) in hits.iter_mut().zip(queries).zip(margins) {
        *hits = test(query, margins);
    }
    hits
}

fn portable(panel: &[Line], terms: &[f32], query: PanelQuery<'_>, margins: &mut Margins) -> u64 {
    let mut sums = [0_i32; PANEL];
    for (octet, codes) in panel.chunks_exact(OCTET_LINES).zip(query.codes.as_chunks::<8>().0) {
        for (line, sums) in octet.iter().zip(sums.as_chunks_mut::<16>().0) {
            for (bytes, sum) in line.0.as_chunks::<4>().0.iter().zip(sums) {
                for (k, &byte) in bytes.iter().enumerate() {
                    *sum += i32::from(byte & 15) * i32::from(codes[k]);
                    *sum += i32::from(byte >> 4) * i32::from(codes[4 + k]);
                }
            }
        }
    }
    let mut hits = 0;
    for (lane, (&sum, term)) in sums.iter().zip(terms).enumerate() {
        let least = term * query.inverse_step + query.cut;
        hits |= u64::from(sum as f32 >= least) << lane;
        margins[lane] = sum as f32 - least;
    }
    hits
}

/// # Safety
/// The processor has AVX2; `panels` holds 256 bytes for each octet of codes and 64 terms.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(
    panels: &[Line],
    terms: &[f32],
    from: usize,
    query: PanelQuery<'_>,
    margins: &mut Margins,
) -> Option<(usize, u64)> {
    use std::arch::x86_64::*;
    let octets = query.codes.len() / 8;
    let (low, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let (inverse, cut) = (_mm256_set1_ps(query.inverse_step), _mm256_set1_ps(query.cut));
    let codes: *const i32 = query.codes.as_ptr().cast();
    for p in from..terms.len() / PANEL {
        let mut hits = 0_u64;
        for half in 0..2 {
            let mut sums = [_mm256_setzero_si256(); 4];
            for octet in 0..octets {
                // SAFETY: the octet is one of the panel's and of the codes'.
                unsafe {
                    let x = _mm256_set1_epi32(codes.add(2 * octet).read_unaligned());
                    let y = _mm256_set1_epi32(codes.add(2 * octet + 1).read_unaligned());
                    let at = panels.as_ptr().add((p * octets + octet) * OCTET_LINES + 2 * half);
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
                // SAFETY: a panel has 64 terms.
                let term = unsafe { _mm256_loadu_ps(terms.as_ptr().add(p * PANEL + lane)) };
                let least = _mm256_add_ps(_mm256_mul_ps(term, inverse), cut);
                let sum = _mm256_cvtepi32_ps(sum);
                let hit = _mm256_cmp_ps::<_CMP_GE_OQ>(sum, least);
                hits |= u64::from(_mm256_movemask_ps(hit) as u32) << lane;
                // SAFETY: there are 64 margins.
                unsafe { _mm256_storeu_ps(margins.as_mut_ptr().add(lane), _mm256_sub_ps(sum, least)) };
            }
        }
        if hits != 0 {
            return Some((p, hits));
        }
    }
    None
}

/// # Safety
/// The processor has AVX-512F, BW and VNNI; `panels` holds 256 bytes for each octet of codes and 64 terms.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn vnni(
    panels: &[Line],
    terms: &[f32],
    from: usize,
    query: PanelQuery<'_>,
    margins: &mut Margins,
) -> Option<(usize, u64)> {
    use std::arch::x86_64::*;
    let octets = query.codes.len() / 8;
    let (low, high) = (_mm512_set1_epi8(15), _mm512_set1_epi8(-16));
    let (inverse, cut) = (_mm512_set1_ps(query.inverse_step), _mm512_set1_ps(query.cut));
    let codes: *const i32 = query.codes.as_ptr().cast();
    for p in from..terms.len() / PANEL {
        // Upper halves count 16 times as much until the end, which saves a shift for each load.
        let (mut lows, mut highs) =
            ([_mm512_setzero_si512(); OCTET_LINES], [_mm512_setzero_si512(); OCTET_LINES]);
        for octet in 0..octets {
            // SAFETY: the octet is one of the panel's and of the codes'.
            unsafe {
                let x = _mm512_set1_epi32(codes.add(2 * octet).read_unaligned());
                let y = _mm512_set1_epi32(codes.add(2 * octet + 1).read_unaligned());
                let at = panels.as_ptr().add((p * octets + octet) * OCTET_LINES);
                for v in 0..OCTET_LINES {
                    let bytes = _mm512_load_si512(at.add(v).cast());
                    lows[v] = _mm512_dpbusd_epi32(lows[v], _mm512_and_si512(bytes, low), x);
                    highs[v] = _mm512_dpbusd_epi32(highs[v], _mm512_and_si512(bytes, high), y);
                }
            }
        }
        let mut hits = 0_u64;
        for v in 0..OCTET_LINES {
            // SAFETY: a panel has 64 terms.
            let term = unsafe { _mm512_loadu_ps(terms.as_ptr().add(p * PANEL + 16 * v)) };
            let sum = _mm512_add_epi32(lows[v], _mm512_srai_epi32::<4>(highs[v]));
            let least = _mm512_add_ps(_mm512_mul_ps(term, inverse), cut);
            let sum = _mm512_cvtepi32_ps(sum);
            let hit = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(sum, least);
            hits |= u64::from(hit) << (16 * v);
            // SAFETY: there are 64 margins.
            unsafe { _mm512_storeu_ps(margins.as_mut_ptr().add(16 * v), _mm512_sub_ps(sum, least)) };
        }
        if hits != 0 {
            return Some((p, hits));
        }
    }
    None
}

/// # Safety
/// The processor has AVX-512F, BW and VNNI; `panel` holds 256 bytes for each octet of all codes, and 64 terms.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn vnni_tile(
    panel: &[Line],
    terms: &[f32],
    queries: [PanelQuery<'_>; TILE_QUERIES],
    margins: &mut [Margins; TILE_QUERIES],
) -> [u64; TILE_QUERIES] {
    use std::arch::x86_64::*;
    let octets = queries[0].codes.len() / 8;
    let low = _mm512_set1_epi8(15);
    let mut sums = [[_mm512_setzero_si512(); OCTET_LINES]; TILE_QUERIES];
    for octet in 0..octets {
        // SAFETY: the octet is one of the panel's and of all codes'.
        unsafe {
            let at = panel.as_ptr().add(octet * OCTET_LINES);
            for v in 0..OCTET_LINES {
                let bytes = _mm512_load_si512(at.add(v).cast());
                let lower = _mm512_and_si512(bytes, low);
                let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low);
                for (sums, query) in sums.iter_mut().zip(&queries) {
                    let codes: *const i32 = query.codes.as_ptr().cast();
                    let x = _mm512_set1_epi32(codes.add(2 * octet).read_unaligned());
                    let y = _mm512_set1_epi32(codes.add(2 * octet + 1).read_unaligned());
                    sums[v] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sums[v], lower, x), upper, y);
                }
            }
        }
    }
    let mut hits = [0; TILE_QUERIES];
    for v in 0..OCTET_LINES {
        // SAFETY: a panel has 64 terms.
        let term = unsafe { _mm512_loadu_ps(terms.as_ptr().add(16 * v)) };
        for (((hits, sums), query), margins) in
            hits.iter_mut().zip(&sums).zip(&queries).zip(margins.iter_mut())
        {
            let product = _mm512_mul_ps(term, _mm512_set1_ps(query.inverse_step));
            let least = _mm512_add_ps(product, _mm512_set1_ps(query.cut));
            let sum = _mm512_cvtepi32_ps(sums[v]);
            let hit = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(sum, least);
            *hits |= u64::from(hit) << (16 * v);
            // SAFETY: there are 64 margins.
            unsafe { _mm512_storeu_ps(margins.as_mut_ptr().add(16 * v), _mm512_sub_ps(sum, least)) };
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
        // Beyond the end b is zero, so a does not matter.
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, offset), y);
    }
    _mm512_reduce_add_epi32(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn panels_agree_with_plain_sums() {
        let mut random = Random::new(5);
        for octets in [1, 2, 5, 64] {
            let count = 3;
            let bytes: Vec<u8> = (0..count * octets * OCTET_BYTES).map(|_| random.next() as u8).collect();
            let panels: Vec<Line> = bytes.as_chunks::<64>().0.iter().map(|c| Line(*c)).collect();
            let coordinate = |i: usize, k: usize| {
                let at = (i / PANEL * octets + k / 8) * OCTET_BYTES + i % PANEL * 4 + k % 4;
                i32::from(if k % 8 < 4 { bytes[at] & 15 } else { bytes[at] >> 4 })
            };
            for round in 0..8 {
                // The first round is at the ends of the range.
                let mut queries = Vec::new();
                for q in 0..TILE_QUERIES {
                    let end = if q.is_multiple_of(2) { 127 } else { -127 };
                    let codes = (0..8 * octets).map(|_| (random.next() % 255) as i32 - 127);
                    let codes: Vec<i8> = codes.map(|x| if round == 0 { end } else { x } as i8).collect();
                    queries.push(codes);
                }
                let mut terms: Vec<f32> =
                    (0..count * PANEL).map(|_| (random.next() % 100) as f32 - 50.0).collect();
                terms[0] = f32::INFINITY;
                terms[1] = f32::NEG_INFINITY;
                let cut = (octets * 8 * 100 * round) as f32;
                let tests: Vec<PanelQuery> =
                    queries.iter().map(|codes| PanelQuery { codes, inverse_step: 0.37, cut }).collect();
                let sum = |i: usize, a: &PanelQuery| -> i32 {
                    (0..8 * octets).map(|k| coordinate(i, k) * i32::from(a.codes[k])).sum()
                };
                let least = |i: usize, a: &PanelQuery| terms[i] * a.inverse_step + a.cut;
                let mut margins = [[0.0; PANEL]; TILE_QUERIES];
                let hits = |p: usize, a: &PanelQuery| -> u64 {
                    let of = |lane: usize| sum(p * PANEL + lane, a) as f32 >= least(p * PANEL + lane, a);
                    (0..PANEL).map(|lane| u64::from(of(lane)) << lane).fold(0, |a, b| a | b)
                };
                for isa in Isa::available() {
                    for a in &tests {
                        let mut from = 0;
                        for p in 0..count {
                            let want = hits(p, a);
                            if want != 0 {
                                assert_eq!(
                                    isa.scan(&panels, &terms, from, *a, &mut margins[0]),
                                    Some((p, want)),
                                    "{isa:?}"
                                );
                                assert_eq!(
                                    margins[0][2],
                                    sum(p * PANEL + 2, a) as f32 - least(p * PANEL + 2, a)
                                );
                                from = p + 1;
                            }
                        }
                        assert_eq!(isa.scan(&panels, &terms, from, *a, &mut margins[0]), None);
                    }
                    for p in 0..count {
                        let panel = &panels[p * octets * OCTET_LINES..(p + 1) * octets * OCTET_LINES];
                        let four: [PanelQuery; TILE_QUERIES] = tests.clone().try_into().unwrap();
                        let want = four.map(|a| hits(p, &a));
                        let got = isa.tile(panel, &terms[p * PANEL..(p + 1) * PANEL], four, &mut margins);
                        assert_eq!(got, want, "{isa:?}");
                        for (k, a) in tests.iter().enumerate().filter(|(k, _)| want[*k] != 0) {
                            assert_eq!(margins[k][9], sum(p * PANEL + 9, a) as f32 - least(p * PANEL + 9, a));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn byte_dots_agree_with_plain_sums() {
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
