//! Stage 2: all numbers of means and queries as bytes, with one step for each vector.

use rayon::prelude::*;
use streamface_kernels::{Isa, dispatch, dot_i8, prefetch};

use super::{ROUND, ScaledVector, rounding_margin};
use crate::Metric;

/// How well bytes represent a vector: w = s·q + e.
#[derive(Debug, Clone, Copy, Default)]
struct Quantization {
    /// s.
    step: f32,
    /// An upper bound on |e|; infinite where there is none.
    error: f32,
    /// |w|.
    length: f64,
}

/// A query as bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByteQuery {
    bytes: Vec<i8>,
    quantization: Quantization,
    /// Sum of the bytes.
    sum: i32,
}

/// The means of all people as bytes, slot by slot.
#[derive(Debug)]
pub(crate) struct ByteFilter {
    dim: usize,
    bytes: Vec<i8>,
    quantizations: Vec<Quantization>,
}

impl ByteQuery {
    pub(crate) fn new(query: ScaledVector<'_>) -> Self {
        let mut bytes = vec![0; query.numbers.len()];
        let quantization = quantize(query, &mut bytes);
        let sum = bytes.iter().map(|&b| i32::from(b)).sum();
        Self { bytes, quantization, sum }
    }
}

impl ByteFilter {
    pub(crate) fn new(dim: usize) -> Self {
        Self { dim, bytes: Vec::new(), quantizations: Vec::new() }
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.quantizations.capacity() * size_of::<Quantization>()
    }

    /// Makes room for `count` slots.
    pub(crate) fn grow(&mut self, count: usize) {
        if count > self.quantizations.len() {
            self.bytes.resize(count * self.dim, 0);
            self.quantizations.resize(count, Quantization::default());
        }
    }

    /// Writes a person into a slot that exists.
    pub(crate) fn put(&mut self, slot: usize, person: ScaledVector<'_>) {
        self.quantizations[slot] = quantize(person, &mut self.bytes[slot * self.dim..(slot + 1) * self.dim]);
    }

    /// Writes all people of the first `count` slots, on all cores.
    pub(crate) fn fill<'a>(
        &mut self,
        count: usize,
        person: impl Fn(usize) -> Option<ScaledVector<'a>> + Sync,
    ) {
        self.grow(count);
        let rows = self.bytes.par_chunks_exact_mut(self.dim).zip(&mut self.quantizations).enumerate();
        rows.with_min_len(256).for_each(|(slot, (bytes, quantization))| {
            if let Some(person) = person(slot) {
                *quantization = quantize(person, bytes);
            }
        });
    }

    /// Loads a person's bytes into the cache before they are needed.
    #[inline]
    pub(crate) fn prefetch(&self, slot: usize) {
        prefetch(&self.bytes[slot * self.dim..(slot + 1) * self.dim]);
    }

    /// Whether the person in a slot is certainly farther from the query than `limit`.
    #[inline]
    pub(crate) fn is_beyond(
        &self,
        isa: Isa,
        metric: Metric,
        slot: usize,
        query: &ByteQuery,
        limit: f64,
    ) -> bool {
        let (a, b) = (&self.quantizations[slot], &query.quantization);
        let bytes = &self.bytes[slot * self.dim..(slot + 1) * self.dim];
        let sum = f64::from(dot_i8(isa, bytes, &query.bytes, query.sum));
        let (error_a, error_b) = (f64::from(a.error), f64::from(b.error));
        // With w = s·q + e and v = s'·q' + e': w·v = ss' q·q' + sq·e' + e·v.
        let most =
            f64::from(a.step) * f64::from(b.step) * sum + (a.length + error_a) * error_b + error_a * b.length;
        let margin = rounding_margin(self.dim);
        // Both comparisons are false for NaN: then the person stays a candidate.
        match metric {
            Metric::Cosine => 1.0 - most - margin > limit,
            Metric::Euclidean => {
                let squares = a.length * a.length + b.length * b.length;
                squares - 2.0 * most - margin * squares > limit * limit * (1.0 + margin)
            }
        }
    }
}

fn quantize(vector: ScaledVector<'_>, bytes: &mut [i8]) -> Quantization {
    let (step, square_error) = to_bytes(vector.numbers, vector.factor, bytes);
    let length = vector.length;
    if !square_error.is_finite() || !length.is_finite() || !vector.factor.is_finite() {
        return Quantization { step: 0.0, error: f32::INFINITY, length: 1.0 };
    }
    let error = (square_error.sqrt() * (1.0 + 1e-9) + rounding_margin(bytes.len()) * length) as f32;
    Quantization { step, error: error.next_up(), length }
}

dispatch! {
    /// Quantizes `numbers` · `factor` to bytes. Returns the step and |e|².
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
        // Rounded up to `f32`, so that no byte exceeds 127.
        let step = ((largest / 127.0) as f32).next_up();
        if !(step > 1e-30 && step < 1e30) {
            bytes.fill(0);
            let square: f64 = numbers.iter().map(|x| (x * factor) * (x * factor)).sum();
            return (0.0, square);
        }
        let (exact_step, inverse) = (f64::from(step), 1.0 / f64::from(step));
        let mut sums = [0.0_f64; 16];
        let (to, to_rest) = bytes.as_chunks_mut::<16>();
        for (chunk, to) in chunks.iter().zip(to) {
            for k in 0..16 {
                let z = chunk[k] * factor;
                let rounded = z * inverse + ROUND;
                let e = z - (rounded - ROUND) * exact_step;
                sums[k] += e * e;
                // The lowest bits are those of the whole number, which is within ±127.
                to[k] = rounded.to_bits() as i8;
            }
        }
        let mut square: f64 = sums.iter().sum();
        for (&x, to) in rest.iter().zip(to_rest) {
            let z = x * factor;
            let q = (z * inverse + ROUND) - ROUND;
            square += (z - q * exact_step) * (z - q * exact_step);
            *to = q as i8;
        }
        (step, square)
    }
}
