//! Pictures of high dynamic range as BT.709 pictures: HDR10 (SMPTE ST 2084, "PQ") and HLG (ARIB STD-B67).
//!
//! In linear light, the curve of ITU-R BT.2390 (5.4.1) brings what is brighter than white down to white, by the largest
//! of a pixel's three values, so that hues stay. White is at 203 cd/m² (ITU-R BT.2408), or as bright as the brightest
//! of a darker picture, down to the 100 cd/m² of ordinary video. The curve begins at the brightest of this very
//! picture, or at what the metadata says is the brightest of all, whichever is less: no result depends on other frames.

use ffmpeg_next::color::{Primaries, TransferCharacteristic};
use image::RgbImage;

/// How code values become light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// SMPTE ST 2084: absolute, up to 10,000 cd/m².
    Pq,
    /// ARIB STD-B67, shown on a display of 1,000 cd/m².
    Hlg,
}

impl Transfer {
    /// None where a picture has ordinary range.
    pub(crate) fn of(characteristic: TransferCharacteristic) -> Option<Self> {
        match characteristic {
            TransferCharacteristic::SMPTE2084 => Some(Self::Pq),
            TransferCharacteristic::ARIB_STD_B67 => Some(Self::Hlg),
            _ => None,
        }
    }
}

/// Brightest value of PQ, cd/m².
const PQ_PEAK: f32 = 10_000.0;
/// Brightest value of HLG on its nominal display, cd/m², and that display's exponent.
const HLG_PEAK: f32 = 1_000.0;
const HLG_GAMMA: f32 = 1.2;
/// White where the picture goes beyond it, and at least, cd/m².
const WHITE: f32 = 203.0;
const LEAST_WHITE: f32 = 100.0;
/// The exponent of an ordinary display (BT.1886).
const GAMMA: f32 = 2.4;
/// Steps of the tables of square roots of light, and of code values.
const STEPS: usize = 4096;
/// Of the pixels, so many may be brighter than what counts as the brightest: single sparks.
const SPARKS: f32 = 0.0005;

/// Light of the primaries of BT.2020 or P3 as light of BT.709's.
type Matrix = [[f32; 3]; 3];
const FROM_2020: Matrix =
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
const FROM_P3: Matrix = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0196, -0.0786, 1.0979]];
const SAME: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

fn matrix(primaries: Primaries) -> Matrix {
    match primaries {
        Primaries::BT709 | Primaries::SMPTE170M | Primaries::BT470BG => SAME,
        Primaries::SMPTE431 | Primaries::SMPTE432 => FROM_P3,
        _ => FROM_2020,
    }
}

/// From 0 to 1 to cd/m².
fn pq_light(v: f32) -> f32 {
    let p = v.max(0.0).powf(1.0 / 78.84375);
    PQ_PEAK * ((p - 0.835_937_5).max(0.0) / (18.851_562 - 18.6875 * p)).powf(1.0 / 0.159_301_76)
}

/// From cd/m² to 0 to 1.
fn pq_value(light: f32) -> f32 {
    let p = (light.max(0.0) / PQ_PEAK).powf(0.159_301_76);
    ((0.835_937_5 + 18.851_562 * p) / (1.0 + 18.6875 * p)).powf(78.84375)
}

/// Light of the scene, 0 to 1.
fn hlg_light(v: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 1.0 - 4.0 * A;
    const C: f32 = 0.559_910_7;
    if v <= 0.5 { v * v / 3.0 } else { (((v - C) / A).exp() + B) / 12.0 }
}

/// The curve of BT.2390 from `peak` to `white`, all in cd/m²; black stays black.
fn bt2390(light: f32, peak: f32, white: f32) -> f32 {
    if peak <= white {
        return light.min(white);
    }
    let (top, most) = (pq_value(peak), pq_value(white) / pq_value(peak));
    let knee = (1.5 * most - 0.5).max(0.0);
    let e = (pq_value(light) / top).min(1.0);
    if e < knee {
        return light;
    }
    let t = (e - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let bent = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (3.0 * t2 - 2.0 * t3) * most;
    pq_light(bent * top)
}

/// Turns pictures of one transfer into BT.709 ones.
pub(crate) struct ToneMap {
    transfer: Transfer,
    /// Light of each code value: cd/m² of PQ, the scene's of HLG.
    light: Vec<f32>,
    /// Values of 0 to 255 by the square root of light from 0 to 1.
    coded: Vec<u8>,
}

impl ToneMap {
    pub(crate) fn new(transfer: Transfer) -> Self {
        let at = |i: usize| i as f32 / (STEPS - 1) as f32;
        let light = match transfer {
            Transfer::Pq => pq_light,
            Transfer::Hlg => hlg_light,
        };
        Self {
            transfer,
            light: (0..STEPS).map(|i| light(at(i))).collect(),
            coded: (0..STEPS).map(|i| (at(i).powf(2.0 / GAMMA) * 255.0).round() as u8).collect(),
        }
    }

    pub(crate) fn transfer(&self) -> Transfer {
        self.transfer
    }

    /// Light of a pixel, cd/m².
    #[inline]
    fn lit(&self, pixel: &[u16]) -> [f32; 3] {
        let rgb = [0, 1, 2].map(|c| self.light[(usize::from(pixel[c]) * STEPS) >> 16]);
        match self.transfer {
            Transfer::Pq => rgb,
            Transfer::Hlg => {
                let luminance = 0.2627 * rgb[0] + 0.678 * rgb[1] + 0.0593 * rgb[2];
                let gain = HLG_PEAK * luminance.powf(HLG_GAMMA - 1.0);
                rgb.map(|v| v * gain)
            }
        }
    }

    /// The brightest of every fourth pixel of every fourth row, but for sparks, cd/m².
    fn brightest(&self, pixels: &[u16], width: usize) -> f32 {
        let mut counts = vec![0_u32; STEPS];
        let mut all = 0_u32;
        for row in pixels.chunks_exact(width * 3).step_by(4) {
            for pixel in row.chunks_exact(3).step_by(4) {
                counts[step(largest(self.lit(pixel)) / PQ_PEAK)] += 1;
                all += 1;
            }
        }
        let mut left = (all as f32 * SPARKS) as u32;
        for (i, &count) in counts.iter().enumerate().rev() {
            if count > left {
                return (i as f32 / (STEPS - 1) as f32).powi(2) * PQ_PEAK;
            }
            left -= count;
        }
        0.0
    }

    /// A picture of 16 bits a value, `width` by `height`, as one of 8 bits. `peak` is the brightest of all pictures in
    /// cd/m², where the metadata says so. None where there are not pixels enough.
    pub(crate) fn apply(
        &self,
        pixels: &[u16],
        (width, height): (u32, u32),
        primaries: Primaries,
        peak: Option<f32>,
    ) -> Option<RgbImage> {
        let peak = self.brightest(pixels, width.max(1) as usize).min(peak.unwrap_or(PQ_PEAK));
        let white = peak.clamp(LEAST_WHITE, WHITE);
        // What a pixel is to be multiplied by, so that white is 1, by the square root of its largest value.
        let gain = |i: usize| {
            let light = (i as f32 / (STEPS - 1) as f32).powi(2) * PQ_PEAK;
            if light > 0.0 { bt2390(light, peak, white) / light / white } else { 1.0 / white }
        };
        let gains: Vec<f32> = (0..STEPS).map(gain).collect();
        let matrix = matrix(primaries);
        let mut out = Vec::with_capacity(pixels.len());
        for pixel in pixels.chunks_exact(3) {
            let lit = self.lit(pixel);
            let gain = gains[step(largest(lit) / PQ_PEAK)];
            let [r, g, b] = lit.map(|v| v * gain);
            out.extend(matrix.map(|m| self.coded[step(m[0] * r + m[1] * g + m[2] * b)]));
        }
        RgbImage::from_raw(width, height, out)
    }
}

fn largest(rgb: [f32; 3]) -> f32 {
    rgb[0].max(rgb[1]).max(rgb[2])
}

/// The step of the square root of a value from 0 to 1.
#[inline]
fn step(v: f32) -> usize {
    (v.clamp(0.0, 1.0).sqrt() * (STEPS - 1) as f32 + 0.5) as usize
}

/// The brightest of all pictures in cd/m², by the metadata of a content's light level, else of the display that it was
/// made on: the bytes of ffmpeg's `AVContentLightMetadata` and `AVMasteringDisplayMetadata`. None where they say none.
pub(crate) fn peak(content: Option<&[u8]>, display: Option<&[u8]>) -> Option<f32> {
    let number = |bytes: &[u8], at: usize| -> Option<i32> {
        Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    };
    let of_content = content.and_then(|bytes| number(bytes, 0)).map(|v| v as f32);
    let of_display = || {
        let bytes = display?;
        let (max, has) = (72, 84);
        (number(bytes, has)? != 0).then_some(())?;
        Some(number(bytes, max)? as f32 / number(bytes, max + 4)? as f32)
    };
    let sane = |v: &f32| (LEAST_WHITE..=PQ_PEAK).contains(v);
    of_content.filter(sane).or_else(|| of_display().filter(sane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pq_is_that_of_the_standard() {
        // ITU-R BT.2100, table of PQ; BT.2408: white at 58 %.
        for (light, value) in [(0.0, 0.0), (100.0, 0.508), (203.0, 0.581), (1_000.0, 0.752), (10_000.0, 1.0)]
        {
            assert!((pq_value(light) - value).abs() < 1e-3, "{light}: {}", pq_value(light));
            assert!((pq_light(pq_value(light)) - light).abs() <= light * 2e-3, "{light}");
        }
    }

    #[test]
    fn hlg_has_white_at_three_quarters_and_its_peak_at_one() {
        // BT.2408: 75 % of HLG is white, 203 cd/m² on the nominal display.
        let map = ToneMap::new(Transfer::Hlg);
        let at = |v: f32| largest(map.lit(&[(v * 65_535.0) as u16; 3]));
        assert!((at(0.75) - 203.0).abs() < 2.0, "{}", at(0.75));
        assert!((at(1.0) - 1_000.0).abs() < 2.0, "{}", at(1.0));
    }

    #[test]
    fn the_curve_keeps_what_is_dark_and_ends_at_white() {
        for peak in [300.0, 1_000.0, 4_000.0, 10_000.0] {
            let map = |l| bt2390(l, peak, WHITE);
            assert_eq!(map(5.0), 5.0);
            assert!((map(peak) - WHITE).abs() < 1.0, "{peak}: {}", map(peak));
            let all: Vec<f32> = (0..=1000).map(|i| map(peak * i as f32 / 1000.0)).collect();
            assert!(all.windows(2).all(|w| w[0] <= w[1] + 1e-2), "{peak}: not monotone");
            assert!(
                all.iter().zip(0..).all(|(v, i)| *v <= peak * i as f32 / 1000.0 + 0.1),
                "{peak}: lightens"
            );
        }
        assert_eq!(bt2390(50.0, 100.0, 100.0), 50.0);
    }

    #[test]
    fn ordinary_video_within_pq_comes_out_as_it_was() {
        // Codes of ordinary video, as light of a display of 100 cd/m², in PQ.
        let codes: Vec<u8> = (0..=255).collect();
        let pixels: Vec<u16> = codes
            .iter()
            .flat_map(|&c| [pq_value(100.0 * (f32::from(c) / 255.0).powf(GAMMA)); 3])
            .map(|v| (v * 65_535.0).round() as u16)
            .collect();
        let rows: Vec<u16> = (0..64).flat_map(|_| pixels.clone()).collect();
        let map = ToneMap::new(Transfer::Pq);
        let image = map.apply(&rows, (256, 64), Primaries::BT2020, None).unwrap();
        for (x, &code) in codes.iter().enumerate() {
            let got = image.get_pixel(x as u32, 0).0;
            assert!(got.iter().all(|&v| v.abs_diff(code) <= 2), "{code}: {got:?}");
        }
    }

    #[test]
    fn the_peak_is_that_of_the_content_else_of_the_display() {
        let content = |max: i32| [max, 300].into_iter().flat_map(i32::to_ne_bytes).collect::<Vec<_>>();
        let mut display = vec![0; 88];
        display[72..76].copy_from_slice(&40_000_000_i32.to_ne_bytes());
        display[76..80].copy_from_slice(&10_000_i32.to_ne_bytes());
        assert_eq!(peak(None, Some(&display)), None, "it says that it has no luminance");
        display[84] = 1;
        assert_eq!(peak(None, Some(&display)), Some(4_000.0));
        assert_eq!(peak(Some(&content(1_200)), Some(&display)), Some(1_200.0));
        assert_eq!(peak(Some(&content(0)), Some(&display)), Some(4_000.0));
        assert_eq!(peak(Some(&content(i32::MAX)), None), None);
        assert_eq!(peak(Some(&[1, 2]), Some(&[3])), None);
    }
}
