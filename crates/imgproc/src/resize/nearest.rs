//! Nearest neighbour.

use image::GrayImage;

use streamface_kernels::dispatch;

/// `resize(…, INTER_NEAREST)`, bit for bit. From an image without pixels: black.
///
/// ```
/// let gray = image::GrayImage::from_raw(4, 1, vec![10, 20, 30, 40]).unwrap();
/// assert_eq!(streamface_imgproc::resize_nearest(&gray, 2, 1).as_raw(), &[10, 30]);
/// ```
#[must_use]
pub fn resize_nearest(gray: &GrayImage, width: u32, height: u32) -> GrayImage {
    let (w, h) = (gray.width() as usize, gray.height() as usize);
    let (ow, oh) = (width as usize, height as usize);
    let mut out = GrayImage::new(width, height);
    if w == 0 || h == 0 || ow == 0 || oh == 0 {
        return out;
    }
    let (columns, lines) = (sources(w, ow), sources(h, oh));
    for (o, &y) in out.chunks_exact_mut(ow).zip(&lines) {
        let row = &gray.as_raw()[y * w..(y + 1) * w];
        if w == ow {
            o.copy_from_slice(row);
        } else if w * 2 == ow * 3 {
            two_of_three(row, o);
        } else {
            for (o, &x) in o.iter_mut().zip(&columns) {
                *o = row[x];
            }
        }
    }
    out
}

/// The source of each of `out` places along a side of `len`, computed as OpenCV does, in doubles.
pub(crate) fn sources(len: usize, out: usize) -> Vec<usize> {
    let step = 1.0 / (out as f64 / len as f64);
    (0..out).map(|i| ((i as f64 * step) as usize).min(len - 1)).collect()
}

dispatch! {
    @avx2
    /// 1920 → 1280, the common case: of every three pixels the first two.
    fn two_of_three(row: &[u8], out: &mut [u8]) {
        for (o, p) in out.as_chunks_mut::<2>().0.iter_mut().zip(row.as_chunks::<3>().0) {
            *o = [p[0], p[1]];
        }
    }
}
