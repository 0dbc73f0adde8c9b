//! How far a face can be relied on: what is measured of it, and the quality that follows.
//!
//! The quality is the chance, as fitted on faces of known people, that the face is near enough to another face of its person
//! where one of a thousand strangers' pairs is as near. The embedder's manifest has the constants (`[embedder.quality]`), and
//! says on what they were fitted. What was not measured counts as usual.

use streamface_imgproc::gray;
use streamface_model::{QualitySection, Signal};

use crate::embedder::FaceCrop;

/// What is measured of a face, by signal; a signal that is not there was not measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signals(Vec<(Signal, f64)>);

impl Signals {
    /// What the picture and the detection say. The picture's signals are of the middle of its gray, from 1/7 to 6/7 across and
    /// from 1/7 to 13/14 down, where the face is, in whatever size the embedder takes it:
    ///
    /// - [`Signal::Sharpness`]: ln(1 + v), v the variance of the Laplacian of four neighbours;
    /// - [`Signal::Noise`]: ln(0.1 + s), s the standard deviation of noise by Immerkær (1996), from second differences both
    ///   ways;
    /// - [`Signal::Brightness`]: ln(1 + mean); [`Signal::Contrast`]: ln(1 + standard deviation);
    /// - [`Signal::Yaw`]: how far the nose is from the middle of the eyes, along the line of the eyes, in distances of the eyes;
    /// - [`Signal::Pitch`]: how far down the nose is from the eyes to the mouth, as a share, less 0.55, without its sign;
    /// - [`Signal::Score`]: the detector's score; [`Signal::Size`]: ln of the box's shorter side in pixels.
    #[must_use]
    pub fn of(face: &FaceCrop<'_>) -> Self {
        let mut all = Self::default();
        let (width, height) = face.image.dimensions();
        let (left, right) = (width as usize / 7, width as usize * 6 / 7);
        let (top, bottom) = (height as usize / 7, height as usize * 13 / 14);
        if right >= left + 3 && bottom >= top + 3 {
            let gray = gray(face.image);
            let rows: Vec<&[u8]> = (top..bottom)
                .map(|y| &gray.as_raw()[y * width as usize + left..y * width as usize + right])
                .collect();
            let (laplacian, noise) = second_differences(&rows);
            let pixels = rows.iter().flat_map(|row| row.iter().map(|&v| f64::from(v)));
            let (mean, deviation) = mean_and_deviation(pixels);
            all.set(Signal::Sharpness, (1.0 + laplacian).ln());
            all.set(Signal::Noise, (0.1 + noise).ln());
            all.set(Signal::Brightness, (1.0 + mean).ln());
            all.set(Signal::Contrast, (1.0 + deviation).ln());
        }
        if let Some(found) = &face.detection {
            let [yaw, pitch] = turned(&found.landmarks.0);
            all.set(Signal::Yaw, yaw);
            all.set(Signal::Pitch, pitch);
            all.set(Signal::Score, f64::from(found.score));
            all.set(Signal::Size, f64::from(found.bbox.w.min(found.bbox.h)).ln());
        }
        all
    }

    /// Sets a signal; a value that is no finite number is not measured.
    pub fn set(&mut self, signal: Signal, value: f64) {
        self.0.retain(|(s, _)| *s != signal);
        if value.is_finite() {
            self.0.push((signal, value));
        }
    }

    /// The value of a signal.
    #[must_use]
    pub fn get(&self, signal: Signal) -> Option<f64> {
        self.0.iter().find(|(s, _)| *s == signal).map(|(_, value)| *value)
    }

    /// The quality, 0 to 1.
    #[must_use]
    pub fn quality(&self, section: &QualitySection) -> f32 {
        let part = |(signal, by): (&Signal, &streamface_model::SignalWeight)| {
            self.get(*signal).map_or(0.0, |value| by.weight * (value - by.usual))
        };
        let odds = section.base + section.signals.iter().map(part).sum::<f64>();
        (1.0 / (1.0 + (-odds).exp())) as f32
    }
}

/// The variance of the Laplacian, and the deviation of noise, of pixels within the border.
fn second_differences(rows: &[&[u8]]) -> (f64, f64) {
    let (mut laplacian, mut noise) = (Vec::new(), 0.0);
    for three in rows.windows(3) {
        for x in 1..three[1].len() - 1 {
            let at = |dy: usize, dx: usize| f64::from(three[dy][x + dx - 1]);
            let (sides, corners) =
                (at(0, 1) + at(2, 1) + at(1, 0) + at(1, 2), at(0, 0) + at(0, 2) + at(2, 0) + at(2, 2));
            laplacian.push(sides - 4.0 * at(1, 1));
            noise += (corners - 2.0 * sides + 4.0 * at(1, 1)).abs();
        }
    }
    let count = laplacian.len().max(1) as f64;
    let (_, deviation) = mean_and_deviation(laplacian.into_iter());
    (deviation * deviation, (std::f64::consts::PI / 2.0).sqrt() / 6.0 * noise / count)
}

fn mean_and_deviation(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for v in values {
        n += 1.0;
        sum += v;
        squares += v * v;
    }
    let n = f64::max(n, 1.0);
    let mean = sum / n;
    (mean, (squares / n - mean * mean).max(0.0).sqrt())
}

/// How far a face is turned aside, and up or down, as far as five landmarks say.
fn turned(landmarks: &[[f32; 2]; 5]) -> [f64; 2] {
    let [left, right, nose, mouth_left, mouth_right] = landmarks.map(|p| p.map(f64::from));
    let half = |a: [f64; 2], b: [f64; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    let (eyes, mouth) = (half(left, right), half(mouth_left, mouth_right));
    let (dx, dy) = (right[0] - left[0], right[1] - left[1]);
    let apart = dx.hypot(dy);
    let along = |p: [f64; 2]| ((p[0] - eyes[0]) * dx + (p[1] - eyes[1]) * dy) / apart;
    let down = |p: [f64; 2]| ((p[1] - eyes[1]) * dx - (p[0] - eyes[0]) * dy) / apart;
    [(along(nose) / apart).abs(), (down(nose) / down(mouth) - 0.55).abs()]
}
