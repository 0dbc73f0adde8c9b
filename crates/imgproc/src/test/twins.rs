//! Slow, obvious versions, and the same results without AVX2.

use image::{GrayImage, RgbImage};
use proptest::prelude::*;
use streamface_types::{BoundingBox, Landmarks, Point};

use super::{baseline, synthetic};
use crate::lanczos::{self, View};
use crate::*;

fn pixels(side: u32, bytes: usize) -> impl Strategy<Value = (u32, u32, Vec<u8>)> {
    // Noise of any strength: strong noise is all edges, weak noise none.
    (1..=side, 1..=side, 0u8..8).prop_flat_map(move |(w, h, shift)| {
        let n = (w * h) as usize * bytes;
        (Just(w), Just(h), prop::collection::vec(any::<u8>().prop_map(move |v| v >> shift), n))
    })
}

fn grays(side: u32) -> impl Strategy<Value = GrayImage> {
    pixels(side, 1).prop_map(|(w, h, v)| GrayImage::from_raw(w, h, v).unwrap())
}

fn colours(side: u32) -> impl Strategy<Value = RgbImage> {
    pixels(side, 3).prop_map(|(w, h, v)| RgbImage::from_raw(w, h, v).unwrap())
}

/// Canny pixel by pixel: no edges fraction.
fn canny_twin(gray: &GrayImage, low: i32, high: i32) -> f64 {
    let (w, h) = (gray.width() as i32, gray.height() as i32);
    let at = |x: i32, y: i32| {
        let (x, y) = (x.clamp(0, w - 1) as u32, y.clamp(0, h - 1) as u32);
        i32::from(gray.get_pixel(x, y).0[0])
    };
    let gradient = |x: i32, y: i32| {
        let side = |d: i32| at(x + d, y - 1) + 2 * at(x + d, y) + at(x + d, y + 1);
        let level = |d: i32| at(x - 1, y + d) + 2 * at(x, y + d) + at(x + 1, y + d);
        (side(1) - side(-1), level(1) - level(-1))
    };
    let magnitude = |x: i32, y: i32| {
        if x < 0 || y < 0 || x >= w || y >= h {
            return 0;
        }
        let (dx, dy) = gradient(x, y);
        dx.abs() + dy.abs()
    };
    let maximum = |x: i32, y: i32| {
        let (dx, dy) = gradient(x, y);
        let m = magnitude(x, y);
        let (ax, ay) = (f64::from(dx.abs()), f64::from(dy.abs()));
        // OpenCV's tangent has 15 bits.
        let tangent = 13573.0 / 32768.0;
        if ay < ax * tangent {
            m > magnitude(x - 1, y) && m >= magnitude(x + 1, y)
        } else if ay > ax * (tangent + 2.0) {
            m > magnitude(x, y - 1) && m >= magnitude(x, y + 1)
        } else {
            let s = if (dx < 0) == (dy < 0) { 1 } else { -1 };
            m > magnitude(x - s, y - 1) && m > magnitude(x + s, y + 1)
        }
    };
    let index = |x: i32, y: i32| (y * w + x) as usize;
    let all = || (0..h).flat_map(move |y| (0..w).map(move |x| (x, y)));
    let candidate: Vec<bool> = all().map(|(x, y)| magnitude(x, y) > low && maximum(x, y)).collect();
    let mut edge = vec![false; candidate.len()];
    let mut stack: Vec<_> =
        all().filter(|&(x, y)| candidate[index(x, y)] && magnitude(x, y) > high).collect();
    while let Some((x, y)) = stack.pop() {
        if x < 0 || y < 0 || x >= w || y >= h || !candidate[index(x, y)] || edge[index(x, y)] {
            continue;
        }
        edge[index(x, y)] = true;
        stack.extend((-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (x + dx, y + dy))));
    }
    edge.iter().filter(|e| !**e).count() as f64 / edge.len() as f64
}

/// The Laplacian by its two 11 x 11 kernels.
fn laplacian_twin(gray: &GrayImage) -> f64 {
    const SMOOTH: [i64; 11] = [1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1];
    const SECOND: [i64; 11] = [1, 6, 13, 8, -14, -28, -14, 8, 13, 6, 1];
    let (w, h) = (i64::from(gray.width()), i64::from(gray.height()));
    fn mirrored(mut i: i64, n: i64) -> i64 {
        while n > 1 && !(0..n).contains(&i) {
            i = if i < 0 { -i } else { 2 * (n - 1) - i };
        }
        if n == 1 { 0 } else { i }
    }
    let at = |image: &[i64], x: i64, y: i64| image[(mirrored(y, h) * w + mirrored(x, w)) as usize];
    let all = || (0..h).flat_map(move |y| (0..w).map(move |x| (x, y)));
    let image: Vec<i64> = gray.iter().map(|&v| i64::from(v)).collect();
    let gauss = [27, 202, 27];
    let weigh = |image: &[i64], x: i64, y: i64, kx: &[i64], ky: &[i64]| {
        let reach = kx.len() as i64 / 2;
        let mut sum = 0;
        for (j, ky) in ky.iter().enumerate() {
            for (i, kx) in kx.iter().enumerate() {
                sum += kx * ky * at(image, x + i as i64 - reach, y + j as i64 - reach);
            }
        }
        sum
    };
    let smooth: Vec<i64> = all().map(|(x, y)| (weigh(&image, x, y, &gauss, &gauss) + 32768) >> 16).collect();
    let laplacian = |(x, y)| {
        weigh(&smooth, x, y, &SECOND, &SMOOTH) as f64 + weigh(&smooth, x, y, &SMOOTH, &SECOND) as f64
    };
    let values: Vec<f64> = all().map(laplacian).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
}

/// Each output pixel from all source pixels that it overlaps.
fn area_twin(image: &RgbImage, area: &BoundingBox, ow: u32, oh: u32) -> Vec<f64> {
    let overlap = |from: f64, step: f64, i: u32, p: u32| {
        let (a, b) = (from + f64::from(i) * step, from + f64::from(i + 1) * step);
        ((b.min(f64::from(p) + 1.0) - a.max(f64::from(p))).max(0.0)) / step
    };
    let (sx, sy) = (f64::from(area.w) / f64::from(ow), f64::from(area.h) / f64::from(oh));
    let mut out = Vec::new();
    for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
        let mut mean = [0.0; 3];
        for (px, py, pixel) in image.enumerate_pixels() {
            let share = overlap(f64::from(area.x), sx, x, px) * overlap(f64::from(area.y), sy, y, py);
            for (m, &p) in mean.iter_mut().zip(&pixel.0) {
                *m += share * f64::from(p);
            }
        }
        out.extend(mean);
    }
    out
}

/// Rows of another width, by Lanczos's window of three lobes, stretched where it shrinks.
fn lanczos_twin(image: &RgbImage, width: usize) -> RgbImage {
    let scale = f64::from(image.width()) / width as f64;
    let stretch = scale.max(1.0);
    let sinc =
        |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    RgbImage::from_fn(width as u32, image.height(), |x, y| {
        let centre = (f64::from(x) + 0.5) * scale;
        let weight = |p: u32| {
            let off = (f64::from(p) + 0.5 - centre) / stretch;
            if (-3.0..3.0).contains(&off) { sinc(off) * sinc(off / 3.0) } else { 0.0 }
        };
        let sum: f64 = (0..image.width()).map(weight).sum();
        image::Rgb(std::array::from_fn(|c| {
            let mixed: f64 =
                (0..image.width()).map(|p| weight(p) * f64::from(image.get_pixel(p, y)[c])).sum();
            (mixed / sum).round().clamp(0.0, 255.0) as u8
        }))
    })
}

/// Bilinear in doubles, black outside.
fn warp_twin(frame: &RgbImage, t: &Similarity, w: u32, h: u32) -> Vec<f64> {
    let back = t.inverse().unwrap();
    let at = |x: i64, y: i64, c: usize| {
        let inside =
            (0..i64::from(frame.width())).contains(&x) && (0..i64::from(frame.height())).contains(&y);
        if inside { f64::from(frame.get_pixel(x as u32, y as u32).0[c]) } else { 0.0 }
    };
    let mut out = Vec::new();
    for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (f64::from(y), f64::from(x)))) {
        let (u, v) = (back.a * x - back.b * y + back.tx, back.b * x + back.a * y + back.ty);
        let (i, j) = (u.floor() as i64, v.floor() as i64);
        let (fx, fy) = (u - u.floor(), v - v.floor());
        out.extend((0..3).map(|c| {
            (1.0 - fy) * ((1.0 - fx) * at(i, j, c) + fx * at(i + 1, j, c))
                + fy * ((1.0 - fx) * at(i, j + 1, c) + fx * at(i + 1, j + 1, c))
        }));
    }
    out
}

fn near(ours: &[u8], exact: &[f64]) -> bool {
    ours.len() == exact.len() && ours.iter().zip(exact).all(|(&o, e)| (f64::from(o) - e).abs() <= 0.501)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn canny(gray in grays(90), low in 0u16..60, more in 0u16..200) {
        let high = low + more;
        let ours = canny_empty_fraction(&gray, low, high);
        prop_assert_eq!(ours, canny_twin(&gray, low.into(), high.into()));
        prop_assert_eq!(ours, baseline(|| canny_empty_fraction(&gray, low, high)));
    }

    #[test]
    fn laplacian(gray in grays(30)) {
        let (ours, exact) = (laplacian_variance(&gray), laplacian_twin(&gray));
        prop_assert!((ours - exact).abs() <= 1e-11 * exact, "{} for {}", ours, exact);
        prop_assert_eq!(ours, baseline(|| laplacian_variance(&gray)));
    }

    #[test]
    fn area(
        image in colours(20), x in -9f32..9.0, y in -9f32..9.0, w in 0.5f32..30.0, h in 0.5f32..30.0,
        ow in 1u32..12, oh in 1u32..12,
    ) {
        let area = BoundingBox::new(x, y, w, h);
        let ours = resize_area(&image, &area, ow, oh);
        prop_assert!(near(&ours, &area_twin(&image, &area, ow, oh)));
        prop_assert_eq!(&ours, &baseline(|| resize_area(&image, &area, ow, oh)));
    }

    #[test]
    fn warp(
        frame in colours(20), a in -2f64..2.0, b in -2f64..2.0, tx in -20f64..20.0, ty in -20f64..20.0,
    ) {
        prop_assume!(a.hypot(b) > 0.05);
        let t = Similarity { a, b, tx, ty };
        let ours = warp_similarity(&frame, &t, 13, 11);
        prop_assert!(near(&ours, &warp_twin(&frame, &t, 13, 11)));
        prop_assert_eq!(&ours, &baseline(|| warp_similarity(&frame, &t, 13, 11)));
    }

    #[test]
    fn bilinear(image in colours(40), w in 1u32..60, h in 1u32..60) {
        let ours = resize_bilinear(&image, w, h);
        prop_assert_eq!(&ours, &baseline(|| resize_bilinear(&image, w, h)));
        let mut planes = vec![0.0; ours.len()];
        resize_bilinear_planar(&image, w, h, &mut planes);
        let n = (w * h) as usize;
        for (i, p) in ours.pixels().enumerate() {
            prop_assert_eq!(p.0.map(f32::from), [planes[i], planes[n + i], planes[2 * n + i]]);
        }
    }

    /// Lanczos by its formula, in two passes, each rounded.
    #[test]
    fn lanczos(image in colours(70), w in 1usize..90, h in 1usize..90) {
        let view = View {
            data: &image, stride: 3 * image.width() as usize, width: image.width() as usize, height: image.height() as usize,
        };
        let ours = lanczos::resize(view, w, h);
        prop_assert_eq!(&ours, &baseline(|| lanczos::resize(view, w, h)));
        let narrow = lanczos_twin(&image, w);
        let turned = |p: &RgbImage| image::imageops::flip_horizontal(&image::imageops::rotate90(p));
        let twin = turned(&lanczos_twin(&turned(&narrow), h));
        prop_assert!(ours.iter().zip(twin.iter()).all(|(a, b)| a.abs_diff(*b) <= 1), "{} x {}", image.width(), image.height());
    }

    /// Sampling outside the frame is as good as padding it.
    #[test]
    fn crops_without_padding(
        frame in colours(40), x in -30f32..60.0, y in -30f32..60.0, w in 1f32..50.0, h in 1f32..50.0,
        eyes in prop::array::uniform4(-20f32..60.0),
    ) {
        const PAD: u32 = 200;
        let mut padded = RgbImage::new(frame.width() + 2 * PAD, frame.height() + 2 * PAD);
        image::imageops::replace(&mut padded, &frame, PAD.into(), PAD.into());
        let (x, y) = (x.max(0.0), y.max(0.0));
        let bbox = BoundingBox::new(x, y, w, h);
        let moved = BoundingBox::new(x.round() + PAD as f32, y.round() + PAD as f32, w, h);
        let (left, right) = ([eyes[0], eyes[1]], [eyes[2], eyes[3]]);
        let shift = |p: Point| p.map(|v| v + PAD as f32);
        let ours = aligned_face(&frame, &bbox, left, right, 20);
        let there = aligned_face(&padded, &moved, shift(left), shift(right), 20);
        // Moving the eyes may round their angle.
        let same = ours.iter().flat_map(|i| i.iter()).zip(there.iter().flat_map(|i| i.iter()));
        let changed = same.filter(|(a, b)| a != b).count();
        prop_assert!(changed <= 60, "{} of 1200", changed);
        let wide = LooseSettings { face_size: 24, padding: 4.0, ..LooseSettings::default() };
        let ours = loose_face(&frame, &bbox, &wide);
        let reach = w.round().max(h.round()) as i64;
        let cut = [(x.round() as i64 + w.round() as i64 / 2, frame.width()),
            (y.round() as i64 + h.round() as i64 / 2, frame.height())];
        if cut.iter().all(|&(c, len)| {
            let border = 4 * i64::from(len);
            c - reach >= -border && c + reach <= i64::from(len) + border
        }) {
            prop_assert_eq!(&ours, &loose_face(&padded, &moved, &wide));
        }
        prop_assert_eq!(&ours, &baseline(|| loose_face(&frame, &bbox, &wide)));
    }

    /// The least squares leave no better transform nearby, and undo a known one.
    #[test]
    fn similarity_from_points(
        points in prop::array::uniform5(prop::array::uniform2(-100f32..100.0)),
        noise in prop::array::uniform5(prop::array::uniform2(-3f32..3.0)),
        a in 0.1f64..2.0, b in -1f64..1.0, tx in -50f64..50.0, ty in -50f64..50.0,
    ) {
        let spread = points.iter().map(|p| (p[0] - points[0][0]).abs()).fold(0.0, f32::max);
        prop_assume!(spread > 5.0);
        let known = Similarity { a, b, tx, ty };
        let exact = points.map(|p| known.apply(p));
        let found = Similarity::from_landmarks(&Landmarks(points), &Landmarks(exact)).unwrap();
        for p in points {
            let (q, r) = (found.apply(p), known.apply(p));
            prop_assert!((q[0] - r[0]).abs() < 1e-3 && (q[1] - r[1]).abs() < 1e-3);
            let again = found.inverse().unwrap().apply(q);
            prop_assert!((again[0] - p[0]).abs() < 1e-2 && (again[1] - p[1]).abs() < 1e-2);
        }
        let target: Vec<Point> =
            exact.iter().zip(&noise).map(|(e, n)| [e[0] + n[0], e[1] + n[1]]).collect();
        let best = Similarity::from_points(&points, &target).unwrap();
        let error = |t: &Similarity| -> f64 {
            let off = |(p, q): (&Point, &Point)| {
                let [x, y] = p.map(f64::from);
                (t.a * x - t.b * y + t.tx - f64::from(q[0])).powi(2)
                    + (t.b * x + t.a * y + t.ty - f64::from(q[1])).powi(2)
            };
            points.iter().zip(&target).map(off).sum()
        };
        for (da, db, dx, dy) in [(1e-3, 0., 0., 0.), (0., 1e-3, 0., 0.), (0., 0., 1e-2, 0.), (0., 0., 0., 1e-2)] {
            for sign in [-1.0, 1.0] {
                let (da, db, dx, dy) = (sign * da, sign * db, sign * dx, sign * dy);
                let other = Similarity { a: best.a + da, b: best.b + db, tx: best.tx + dx, ty: best.ty + dy };
                prop_assert!(error(&best) <= error(&other));
            }
        }
    }

    /// Whatever a detector says, nothing panics.
    #[test]
    fn wild_boxes(v in prop::array::uniform8(prop::num::f32::ANY), size in 0u32..40) {
        let frame = synthetic(40, 30);
        let bbox = BoundingBox::new(v[0], v[1], v[2], v[3]);
        let _ = loose_face(&frame, &bbox, &LooseSettings { face_size: size, margin: v[4], padding: v[5] });
        let _ = aligned_face(&frame, &bbox, [v[4], v[5]], [v[6], v[7]], size);
        let _ = resize_area(&frame, &bbox, size, size);
        let [a, b, tx, ty] = [v[0], v[1], v[2], v[3]].map(f64::from);
        let _ = warp_similarity(&frame, &Similarity { a, b, tx, ty }, size, size);
        let _ = Similarity::from_points(&[[v[0], v[1]], [v[2], v[3]]], &[[v[4], v[5]], [v[6], v[7]]]);
    }
}

#[test]
fn without_avx2_everything_is_the_same() {
    let frame = synthetic(331, 217);
    let bbox = BoundingBox::new(40.0, 30.0, 101.0, 120.0);
    let all = || {
        let gray = gray(&frame);
        let thumbnail = Thumbnail::from_gray(&gray);
        let other = Thumbnail::from_gray(&image::imageops::flip_vertical(&gray));
        let crops = (
            loose_face(&frame, &bbox, &LooseSettings::default()),
            aligned_face(&frame, &bbox, [60.0, 70.0], [110.0, 80.0], 128),
        );
        let numbers = [thumbnail.blur_variance(), thumbnail.similarity(&other)].map(f64::to_bits);
        (gray, thumbnail.as_gray().clone(), numbers, crops, encode_png(&frame).unwrap())
    };
    assert!(all() == baseline(all));
}

#[test]
fn degenerate_transforms_are_refused() {
    assert_eq!(Similarity::from_points(&[], &[]), None);
    assert_eq!(Similarity::from_points(&[[1.0, 1.0]; 5], &ARCFACE_112.0), None);
    assert_eq!(Similarity::from_points(&[[f32::NAN, 1.0], [2.0, 2.0]], &ARCFACE_112.0), None);
    assert_eq!(Similarity { a: 0.0, b: 0.0, tx: 1.0, ty: 1.0 }.inverse(), None);
    assert_eq!(pixel_box(&BoundingBox::new(-3.4, 2.5, 0.4, 9.0)), None);
    assert_eq!(pixel_box(&BoundingBox::new(-3.4, 2.5, 7.6, 9.0)), Some([0, 3, 8, 9]));
}
