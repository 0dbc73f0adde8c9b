//! All numbers of means and queries as bytes, each vector with a step of its own.

use super::kernel::Isa;
use super::{ROUND, Scaled, slack};
use crate::Metric;
use crate::wide::wide;

/// What bytes of a vector w = s·q + e are worth.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    step: f32,
    /// No less than |e|; infinite where nothing is known.
    error: f32,
    /// |w|.
    length: f64,
}

/// A query's bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    bytes: Vec<i8>,
    own: Own,
    sum: i32,
}

/// Bytes of all places.
#[derive(Debug)]
pub(crate) struct Bytes {
    dim: usize,
    bytes: Vec<i8>,
    own: Vec<Own>,
}

impl Row {
    pub(crate) fn new(query: Scaled<'_>) -> Self {
        let mut bytes = vec![0; query.numbers.len()];
        let own = own(query, &mut bytes);
        let sum = bytes.iter().map(|&b| i32::from(b)).sum();
        Self { bytes, own, sum }
    }
}

impl Bytes {
    pub(crate) fn new(dim: usize) -> Self {
        Self { dim, bytes: Vec::new(), own: Vec::new() }
    }

    /// Bytes, in all.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.own.capacity() * size_of::<Own>()
    }

    pub(crate) fn grow(&mut self, count: usize) {
        if count > self.own.len() {
            self.bytes.resize(count * self.dim, 0);
            self.own.resize(count, Own::default());
        }
    }

    /// Puts a person at a place that there is.
    pub(crate) fn put(&mut self, place: usize, person: Scaled<'_>) {
        self.own[place] = own(person, &mut self.bytes[place * self.dim..(place + 1) * self.dim]);
    }

    /// Puts all people that there are at the places up to `count`.
    pub(crate) fn fill<'a>(&mut self, count: usize, person: impl Fn(usize) -> Option<Scaled<'a>> + Sync) {
        use rayon::prelude::*;
        self.grow(count);
        let rows = self.bytes.par_chunks_exact_mut(self.dim).zip(&mut self.own).enumerate();
        rows.with_min_len(256).for_each(|(place, (bytes, place_own))| {
            if let Some(person) = person(place) {
                *place_own = own(person, bytes);
            }
        });
    }

    /// Asks memory for a person's bytes before they are needed.
    #[inline]
    pub(crate) fn prefetch(&self, place: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in self.bytes[place * self.dim..].chunks(64).take(self.dim.div_ceil(64)) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch may be of any address; this one is within the bytes.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = place;
    }

    /// Whether the person at a place is surely farther from a query than `limit`.
    #[inline]
    pub(crate) fn is_beyond(&self, isa: Isa, metric: Metric, place: usize, query: &Row, limit: f64) -> bool {
        let (a, b) = (&self.own[place], &query.own);
        let bytes = &self.bytes[place * self.dim..(place + 1) * self.dim];
        let sum = f64::from(isa.dot(bytes, &query.bytes, query.sum));
        let (error, off) = (f64::from(a.error), f64::from(b.error));
        // w·v = ss' q·q' + sq·e' + e·v.
        let most = f64::from(a.step) * f64::from(b.step) * sum + (a.length + error) * off + error * b.length;
        let slack = slack(self.dim);
        // What is no number is beyond nothing.
        match metric {
            Metric::Cosine => 1.0 - most - slack > limit,
            Metric::Euclidean => {
                let squares = a.length * a.length + b.length * b.length;
                squares - 2.0 * most - slack * squares > limit * limit * (1.0 + slack)
            }
        }
    }
}

fn own(vector: Scaled<'_>, bytes: &mut [i8]) -> Own {
    let (step, square) = to_bytes(vector.numbers, vector.factor, bytes);
    let length = vector.length;
    if !square.is_finite() || !length.is_finite() || !vector.factor.is_finite() {
        return Own { step: 0.0, error: f32::INFINITY, length: 1.0 };
    }
    let error = (square.sqrt() * (1.0 + 1e-9) + slack(bytes.len()) * length) as f32;
    Own { step, error: error.next_up(), length }
}

wide! {
    /// The step, and |e|².
    fn to_bytes(numbers: &[f64], factor: f64, bytes: &mut [i8]) -> (f32, f64) {
        let mut most = [0.0_f64; 16];
        let (chunks, rest) = numbers.as_chunks::<16>();
        for chunk in chunks {
            for k in 0..16 {
                let x = chunk[k].abs();
                most[k] = if x > most[k] { x } else { most[k] };
            }
        }
        let largest = most.iter().chain(rest).fold(0.0_f64, |m, x| m.max(x.abs())) * factor.abs();
        // The step is what `f32` holds of it, no smaller.
        let step = ((largest / 127.0) as f32).next_up();
        if !(step > 1e-30 && step < 1e30) {
            bytes.fill(0);
            let square: f64 = numbers.iter().map(|x| (x * factor) * (x * factor)).sum();
            return (0.0, square);
        }
        let (wide, inverse) = (f64::from(step), 1.0 / f64::from(step));
        let mut sums = [0.0_f64; 16];
        let (to, to_rest) = bytes.as_chunks_mut::<16>();
        for (chunk, to) in chunks.iter().zip(to) {
            for k in 0..16 {
                let z = chunk[k] * factor;
                let rounded = z * inverse + ROUND;
                let e = z - (rounded - ROUND) * wide;
                sums[k] += e * e;
                // Its lowest bits are the whole number's; |q| ≤ 127, as the step is no less than a 127th of the largest.
                to[k] = rounded.to_bits() as i8;
            }
        }
        let mut square: f64 = sums.iter().sum();
        for (&x, to) in rest.iter().zip(to_rest) {
            let z = x * factor;
            let q = (z * inverse + ROUND) - ROUND;
            square += (z - q * wide) * (z - q * wide);
            *to = q as i8;
        }
        (step, square)
    }
}
