//! All numbers of rows and of means as bytes, each with a step of its own.

use super::projection::norm;
use crate::elementwise::quantize_to_bytes;
use crate::points::Points;
use streamface_kernels::Aligned;
use streamface_kernels::Isa;

/// Bytes of many.
pub(super) struct Bytes {
    isa: Isa,
    dim: usize,
    bytes: Aligned<i8>,
    own: Vec<QuantizedRow>,
}

/// Step, error |e|, length |z|, S, and the sum of the bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct QuantizedRow {
    pub(super) step: f64,
    pub(super) error: f64,
    pub(super) length: f64,
    pub(super) square: f64,
    pub(super) sum: i32,
}

impl Bytes {
    fn new(isa: Isa, count: usize, dim: usize) -> Self {
        Self { isa, dim, bytes: Aligned::new(count * dim, 0), own: vec![QuantizedRow::default(); count] }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> (&[i8], &QuantizedRow) {
        (&self.bytes[at * self.dim..(at + 1) * self.dim], &self.own[at])
    }

    /// The bytes of all, and how many each has.
    pub(super) fn all(&self) -> (&[i8], usize) {
        (&self.bytes, self.dim)
    }

    fn part(&mut self) -> Part<'_> {
        Part { isa: self.isa, dim: self.dim, bytes: &mut self.bytes, own: &mut self.own }
    }
}

/// Bytes that one thread writes, from the first on.
pub(super) struct Part<'a> {
    isa: Isa,
    dim: usize,
    bytes: &'a mut [i8],
    own: &'a mut [QuantizedRow],
}

impl<'a> Part<'a> {
    fn take(&mut self, count: usize) -> Part<'a> {
        let bytes = self.bytes.split_off_mut(..count * self.dim).unwrap_or_default();
        Part { isa: self.isa, dim: self.dim, bytes, own: self.own.split_off_mut(..count).unwrap_or_default() }
    }

    /// Writes the next one: z, S, and whether it has no bound (1).
    pub(super) fn put(&mut self, z: &[f64], square: f64, unbound: bool) {
        let part = self.take(1);
        if let [own] = part.own {
            *own = own_of(self.isa, z, square, unbound, part.bytes);
        }
    }
}

fn own_of(isa: Isa, z: &[f64], square: f64, unbound: bool, bytes: &mut [i8]) -> QuantizedRow {
    let length = norm(z);
    let largest = z.iter().fold(0.0_f64, |m, z| m.max(z.abs()));
    if unbound {
        return QuantizedRow { error: f64::INFINITY, length, square, ..QuantizedRow::default() };
    }
    if !(largest > 1e-300 && length.is_finite()) {
        // All of it is error.
        return QuantizedRow { error: length, length, square, ..QuantizedRow::default() };
    }
    let step = largest / 127.0;
    let (left, sum) = quantize_to_bytes(isa, bytes, z, step, step.recip());
    QuantizedRow { step, error: left.sqrt() * (1.0 + 1e-9), length, square, sum }
}

/// A single row, and its place among all.
const ROW: u32 = 1 << 31;
/// Most rows that places can name.
pub(super) const MOST_ROWS: usize = ROW as usize;

/// Bytes of all rows, in the order of the points', and of the means of points with several.
pub(super) struct ScalarQuantized {
    pub(super) rows: Bytes,
    means: Bytes,
    /// Which of `means`, or of `rows`, a point is.
    which: Vec<u32>,
}

impl ScalarQuantized {
    pub(super) fn new(isa: Isa, points: &Points, dim: usize) -> Self {
        let mut means = 0;
        let which = (0..points.len()).map(|p| {
            let range = points.range(p);
            if range.len() == 1 {
                return ROW | range.start as u32;
            }
            means += 1;
            means - 1
        });
        let which = which.collect();
        let rows = Bytes::new(isa, points.members_in_all(), dim);
        Self { rows, means: Bytes::new(isa, means as usize, dim), which }
    }

    #[inline]
    pub(super) fn of(&self, point: usize) -> (&[i8], &QuantizedRow) {
        let at = self.which[point];
        if at & ROW == 0 { self.means.get(at as usize) } else { self.rows.get((at & !ROW) as usize) }
    }

    /// What chunks of `size` points write: bytes of rows and of means.
    pub(super) fn parts(&mut self, points: &Points, size: usize) -> Vec<Option<(Part<'_>, Part<'_>)>> {
        let (mut rows, mut means) = (self.rows.part(), self.means.part());
        let chunks = self.which.chunks(size).enumerate();
        let part = |(chunk, which): (usize, &[u32])| {
            let (first, last) = (chunk * size, chunk * size + which.len() - 1);
            let count = points.range(last).end - points.range(first).start;
            let several = which.iter().filter(|&w| w & ROW == 0).count();
            Some((rows.take(count), means.take(several)))
        };
        chunks.map(part).collect()
    }
}
