//! What the modules are tested against: OpenCV's and Pillow's results (`golden`), slow obvious
//! versions of the same operations (`twins`), and hostile files (`codec`).

mod codec;
mod golden;
mod twins;

use image::{Rgb, RgbImage};

/// Slopes, a checked area, and noise; the pictures that the golden values were computed on.
fn synthetic(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 13;
        let noise = noise.wrapping_mul(3_266_489_917) >> 28;
        let checks = if (x / 37 + y / 23) % 2 == 1 && x > width / 2 { 60 } else { 0 };
        let slopes = [x / 9 + y / 17, x / 14 + y / 6, x / 23 + y / 31];
        Rgb(slopes.map(|s| (s * 5 % 160 + checks + noise) as u8))
    })
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// Runs `f` as on a processor without AVX2.
fn baseline<T>(f: impl FnOnce() -> T) -> T {
    streamface_kernels::Isa::with_at_most(streamface_kernels::Isa::Portable, f)
}
