//! Dot products of many vectors of four-bit numbers with queries of bytes.
//!
//! Vectors are stored in *panels* of [`PANEL`]. A panel is a sequence of *octets*, each with eight numbers of all its
//! vectors. An octet holds four bytes for each vector, vector by vector: the lower half of byte `b` is number `b` of the
//! octet, the upper half is number `4 + b`. A query has eight signed bytes for each octet, in the order of the numbers. So 64
//! bytes of memory hold eight numbers of 16 vectors, and two instructions add their products.
//!
//! By hand: the compiler does not find the byte instructions (`vpdpbusd`, `vpmaddubsw`) in the plain loop. All instruction
//! sets return the same bits.

use crate::Isa;

/// Vectors in one panel.
pub const PANEL: usize = 64;
/// Bytes of one octet.
pub const OCTET_BYTES: usize = 4 * PANEL;
/// Queries that are tested on one panel together.
pub const TILE_QUERIES: usize = 4;

/// Sixty-four bytes, aligned for the widest loads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [u8; 64]);

/// Lines of one octet.
pub const OCTET_LINES: usize = OCTET_BYTES / 64;

/// For each vector of a panel, the sum less the least sum that passes.
pub type Margins = [f32; PANEL];

/// The test of one query: a vector passes if its sum of products ≥ `inverse_step` · the vector's term + `cut`.
#[derive(Debug, Clone, Copy)]
pub struct PanelQuery<'a> {
    /// Eight signed bytes for each octet.
    pub codes: &'a [i8],
    /// Factor of the vectors' terms.
    pub inverse_step: f32,
    /// The least sum of a vector whose term is 0.
    pub cut: f32,
}

/// The first panel from `from` on with vectors that pass, and a bit for each that does (bit `i` for vector `i`). `margins`
/// is then that of the panel's vectors. `terms` has one number for each vector.
///
/// Panics where the lengths disagree.
#[must_use]
#[inline]
pub fn scan(
    isa: Isa,
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
    match isa {
        Isa::Portable => (from..count).find_map(|p| {
            let panel = &panels[p * octets * OCTET_LINES..(p + 1) * octets * OCTET_LINES];
            let hits = portable(panel, &terms[p * PANEL..(p + 1) * PANEL], query, margins);
            (hits != 0).then_some((p, hits))
        }),
        // SAFETY: the processor has the instructions, as there is an `Avx2`; lengths are checked above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { avx2(panels, terms, from, query, margins) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { vnni(panels, terms, from, query, margins) },
    }
}

/// The vectors of one panel that pass several queries: a bit for each, query by query. `margins` is valid for the queries
/// that at least one vector passes.
///
/// Panics where the lengths disagree.
#[must_use]
#[inline]
pub fn tile(
    isa: Isa,
    panel: &[Line],
    terms: &[f32],
    queries: [PanelQuery<'_>; TILE_QUERIES],
    margins: &mut [Margins; TILE_QUERIES],
) -> [u64; TILE_QUERIES] {
    let octets = queries[0].codes.len() / 8;
    assert!(terms.len() == PANEL && panel.len() == octets * OCTET_LINES);
    assert!(queries.iter().all(|q| q.codes.len() == 8 * octets));
    match isa {
        // SAFETY: the processor has the instructions, as there is an `Avx512`; lengths are checked above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { vnni_tile(panel, terms, queries, margins) },
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => each(queries, margins, |query, margins| {
            // SAFETY: as above.
            unsafe { avx2(panel, terms, 0, query, margins) }.map_or(0, |(_, hits)| hits)
        }),
        Isa::Portable => each(queries, margins, |query, margins| portable(panel, terms, query, margins)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitMix64;

    #[test]
    fn panels_agree_with_plain_sums() {
        let mut random = SplitMix64::new(5);
        for octets in [1, 2, 5, 64] {
            let count = 3;
            let bytes: Vec<u8> = (0..count * octets * OCTET_BYTES).map(|_| random.next_u64() as u8).collect();
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
                    let codes = (0..8 * octets).map(|_| (random.next_u64() % 255) as i32 - 127);
                    let codes: Vec<i8> = codes.map(|x| if round == 0 { end } else { x } as i8).collect();
                    queries.push(codes);
                }
                let mut terms: Vec<f32> =
                    (0..count * PANEL).map(|_| (random.next_u64() % 100) as f32 - 50.0).collect();
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
                                    scan(isa, &panels, &terms, from, *a, &mut margins[0]),
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
                        assert_eq!(scan(isa, &panels, &terms, from, *a, &mut margins[0]), None);
                    }
                    for p in 0..count {
                        let panel = &panels[p * octets * OCTET_LINES..(p + 1) * octets * OCTET_LINES];
                        let four: [PanelQuery; TILE_QUERIES] = tests.clone().try_into().unwrap();
                        let want = four.map(|a| hits(p, &a));
                        let got = tile(isa, panel, &terms[p * PANEL..(p + 1) * PANEL], four, &mut margins);
                        assert_eq!(got, want, "{isa:?}");
                        for (k, a) in tests.iter().enumerate().filter(|(k, _)| want[*k] != 0) {
                            assert_eq!(margins[k][9], sum(p * PANEL + 9, a) as f32 - least(p * PANEL + 9, a));
                        }
                    }
                }
            }
        }
    }
}
