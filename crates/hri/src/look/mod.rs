//! The two looks that rule out most people for a fraction of the work, and provably.
//!
//! Let w be a person's mean (for cosine its direction, of length 1) and v a query (likewise). Both are moved to an
//! origin and scaled, z and y. Cosine distance is |z − y|² / 2, and Euclidean is |z − y| over the scale, so a person
//! within t has |z − y| ≤ T for a T that follows from t.
//!
//! **First look**, at all people: φ(z) = (Rᵀz, |z − RRᵀz|), numbers along orthonormal directions that hold most of the
//! energy, and the length of what is beside them. By the triangle inequality in the plane that z and y make beside R,
//! |φ(z) − φ(y)| ≤ |z − y|. The directions come out of `f32`: with |RᵀR − 1| ≤ η it is at most √(1 + η + η²) times
//! that, and products are off by at most √k (d + 4) 2⁻²⁴ |z| (Higham, *Accuracy and Stability of Numerical Algorithms*,
//! §3.1). A person's numbers become four bits, φ(z) = D q + e with a step for each number on the diagonal of D; all that
//! is off in them goes into one length ε ≥ |e|. So with b = φ(y) and T' the reach with all that is off in b,
//! |Dq − b| ≤ T' + ε, and as 2εT' ≤ ε²/α + αT'² for any α,
//!
//! Dq·b ≥ (|Dq|² − ε² (1 + 1/α)) / 2 + (|b|² − T'² (1 + α)) / 2.   (1)
//!
//! The left side is a sum of products of four bits with Db in bytes, Db = σQ + f, up to |q||f|; the right side is a
//! number of the person and one of the query. α is the usual ε over the usual T', where nothing is lost.
//!
//! **Second look**, at what passes: all d numbers of w and of v as bytes, with a step for each vector, and the bound of
//! Cauchy and Schwarz for what they are off.
//!
//! What passes both is measured in `f64`, and that alone decides. A wrong choice of origin, directions, steps or α costs
//! time, never a person.

mod bytes;
pub(crate) mod kernel;
mod learn;
mod space;
mod turn;

use rayon::prelude::*;

pub(crate) use bytes::{Bytes, Row};
use kernel::{Asked, Isa, LINES, Line, Over, PANEL, TOGETHER};
pub(crate) use learn::Sample;
use space::HALF;
pub(crate) use space::{Scratch, Space};

use crate::Metric;
use crate::wide::wide;

/// A vector: numbers, what they are multiplied by, and the length of the product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scaled<'a> {
    pub(crate) numbers: &'a [f64],
    pub(crate) factor: f64,
    pub(crate) length: f64,
}

/// Relative room for `f64` rounding in distances.
pub(crate) fn slack(dim: usize) -> f64 {
    (4.0 * dim as f64 + 256.0) * f64::EPSILON
}

/// T of (1) for a distance.
pub(crate) fn reach(metric: Metric, dim: usize, scale: f64, distance: f64) -> f64 {
    match metric {
        Metric::Cosine => (2.0 * (distance + slack(dim) + 2.0 * crate::metric::NOTHING)).sqrt(),
        Metric::Euclidean => distance * scale * (1.0 + slack(dim)) + 1e-150,
    }
}

/// The first look at all places.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) space: Space,
    panels: Vec<Line>,
    /// A person's side of (1); infinite where nobody is.
    starts: Vec<f32>,
    /// No less than any |q|.
    longest: f64,
    /// Hits a query that were to be expected.
    pub(crate) expected: f64,
}

/// A query's numbers.
#[derive(Debug, Clone)]
pub(crate) struct Aim {
    numbers: Vec<i8>,
    inverse: f64,
    /// |b|².
    square: f64,
    /// |f|.
    off: f64,
    /// 7.5 ΣQ.
    middle: f64,
    error: f64,
}

impl Look {
    pub(crate) fn new(space: Space, expected: f64) -> Self {
        Self { space, panels: Vec::new(), starts: Vec::new(), longest: 0.0, expected }
    }

    fn lines(&self) -> usize {
        self.space.numbers() / 8 * LINES
    }

    /// Bytes, in all.
    pub(crate) fn bytes(&self) -> usize {
        self.panels.capacity() * 64 + self.starts.capacity() * 4 + self.space.bytes()
    }

    /// Bytes that a query reads.
    pub(crate) fn bytes_read(&self) -> usize {
        self.panels.len() * 64 + self.starts.len() * 4
    }

    pub(crate) fn panels(&self) -> usize {
        self.starts.len() / PANEL
    }

    fn grow(&mut self, place: usize) {
        let panels = place / PANEL + 1;
        if panels > self.panels() {
            self.panels.resize(panels * self.lines(), Line([0; 64]));
            self.starts.resize(panels * PANEL, f32::INFINITY);
        }
    }

    /// Puts a person at a place.
    pub(crate) fn put(&mut self, place: usize, person: Scaled<'_>, scratch: &mut Scratch) {
        self.grow(place);
        let (panel, lines) = (place / PANEL, self.lines());
        let lines = &mut self.panels[panel * lines..(panel + 1) * lines];
        let (start, length) = write(&self.space, lines, place % PANEL, person, scratch);
        self.starts[place] = start;
        self.longest = self.longest.max(length);
    }

    /// Nobody is at a place any more.
    pub(crate) fn clear(&mut self, place: usize) {
        if let Some(start) = self.starts.get_mut(place) {
            *start = f32::INFINITY;
        }
    }

    /// Puts all people that there are at the places up to `count`.
    pub(crate) fn fill<'a>(&mut self, count: usize, person: impl Fn(usize) -> Option<Scaled<'a>> + Sync) {
        if count == 0 {
            return;
        }
        self.grow(count - 1);
        let (lines, space) = (self.lines(), &self.space);
        let panels = self.panels.par_chunks_mut(lines).zip(self.starts.par_chunks_mut(PANEL));
        let longest = panels.enumerate().map_init(Scratch::default, |scratch, (panel, (lines, starts))| {
            let mut longest = 0.0_f64;
            for (lane, start) in starts.iter_mut().enumerate() {
                let place = panel * PANEL + lane;
                let person = if place < count { person(place) } else { None };
                *start = person.map_or(f32::INFINITY, |person| {
                    let (start, length) = write(space, lines, lane, person, scratch);
                    longest = longest.max(length);
                    start
                });
            }
            longest
        });
        self.longest = longest.reduce(|| self.longest, f64::max);
    }

    /// A query's numbers.
    pub(crate) fn aim(&self, query: Scaled<'_>, scratch: &mut Scratch) -> Aim {
        let error = self.space.place(query.numbers, query.factor, query.length, scratch);
        let b = &mut scratch.numbers;
        let square: f64 = b.iter().map(|x| x * x).sum();
        b.iter_mut().zip(&self.space.steps).for_each(|(b, s)| *b *= s);
        let mut numbers = vec![0; b.len()];
        let (step, off, sum) = to_bytes(b, &mut numbers);
        let off = off.sqrt() * (1.0 + 1e-9);
        Aim { numbers, inverse: 1.0 / step, square, off, middle: HALF * sum, error }
    }

    /// What a query asks for people within the reach T.
    pub(crate) fn asked<'a>(&self, aim: &'a Aim, reach: f64) -> Asked<'a> {
        let alpha = self.space.alpha;
        let reach = self.space.stretch() * reach + aim.error;
        let side = (aim.square - reach * reach * (1.0 + alpha)) / 2.0 - self.longest * aim.off
            // For what the sum itself is rounded by.
            - 1e-12 * aim.square;
        // Room for rounding in `f32`, here and in `write`: a few parts of 2²⁴ of each term.
        let cut = side * aim.inverse;
        let middle = aim.middle;
        let cut = cut + middle - (cut.abs() + middle.abs()) / f64::from(1 << 20);
        let cut = (cut as f32).next_down();
        // A query that is no number here is near everybody.
        let cut = if cut.is_finite() { cut } else { f32::NEG_INFINITY };
        Asked { numbers: &aim.numbers, inverse: aim.inverse as f32, cut }
    }

    /// The first panel from `from` on with people who may be within reach, and which.
    #[inline]
    pub(crate) fn scan(
        &self,
        isa: Isa,
        from: usize,
        asked: Asked<'_>,
        over: &mut Over,
    ) -> Option<(usize, u64)> {
        isa.scan(&self.panels, &self.starts, from, asked, over)
    }

    /// Who of a panel may be within the reach of several queries.
    #[inline]
    pub(crate) fn tile(
        &self,
        isa: Isa,
        panel: usize,
        asked: [Asked<'_>; TOGETHER],
        over: &mut [Over; TOGETHER],
    ) -> [u64; TOGETHER] {
        let lines = self.lines();
        let starts = &self.starts[panel * PANEL..(panel + 1) * PANEL];
        isa.tile(&self.panels[panel * lines..(panel + 1) * lines], starts, asked, over)
    }
}

/// Writes a person's numbers into a lane of a panel; its side of (1), and |q|.
fn write(
    space: &Space,
    panel: &mut [Line],
    lane: usize,
    person: Scaled<'_>,
    scratch: &mut Scratch,
) -> (f32, f64) {
    let error = space.place(person.numbers, person.factor, person.length, scratch);
    let Scratch { numbers, levels, .. } = scratch;
    levels.resize(numbers.len(), 0);
    let [off, square, length] = to_levels(numbers, &space.steps, &space.inverses, levels);
    for (levels, lines) in levels.as_chunks::<8>().0.iter().zip(panel.as_chunks_mut::<LINES>().0) {
        let bytes = &mut lines[lane / 16].0[lane % 16 * 4..lane % 16 * 4 + 4];
        for (k, byte) in bytes.iter_mut().enumerate() {
            *byte = levels[k] | levels[4 + k] << 4;
        }
    }
    let off = off.sqrt() * (1.0 + 1e-9) + error;
    let start = (square * (1.0 - 1e-12) - off * off * (1.0 + 1.0 / space.alpha) * (1.0 + 1e-12)) / 2.0;
    let start = ((start - start.abs() / f64::from(1 << 20)) as f32).next_down();
    // Of what is no number nothing is known.
    (if start.is_finite() { start } else { f32::NEG_INFINITY }, f64::sqrt(length) * (1.0 + 1e-12))
}

/// Rounds to the nearest whole number when added and taken away again; its lowest bits are then the number's.
const ROUND: f64 = 6_755_399_441_055_744.0;

wide! {
    /// Levels of numbers less their middle; |e|², |Dq|² and |q|².
    fn to_levels(numbers: &[f64], steps: &[f64], inverses: &[f64], levels: &mut [u8]) -> [f64; 3] {
        let mut sums = [[0.0_f64; 8]; 3];
        let octets = numbers.as_chunks::<8>().0.iter().zip(steps.as_chunks::<8>().0);
        let octets = octets.zip(inverses.as_chunks::<8>().0).zip(levels.as_chunks_mut::<8>().0);
        for (((numbers, steps), inverses), levels) in octets {
            for k in 0..8 {
                let u = numbers[k] * inverses[k] + HALF;
                let u = if u > 0.0 { u } else { 0.0 };
                let u = (if u < 15.0 { u } else { 15.0 }) + ROUND;
                let q = (u - ROUND) - HALF;
                let e = numbers[k] - steps[k] * q;
                let p = steps[k] * q;
                sums[0][k] += e * e;
                sums[1][k] += p * p;
                sums[2][k] += q * q;
                levels[k] = u.to_bits() as u8;
            }
        }
        sums.map(|sums| sums.iter().sum())
    }
}

wide! {
    /// The step, |f|² and the sum of the bytes.
    fn to_bytes(numbers: &[f64], bytes: &mut [i8]) -> (f64, f64, f64) {
        let mut most = [0.0_f64; 8];
        for octet in numbers.as_chunks::<8>().0 {
            for k in 0..8 {
                let x = octet[k].abs();
                most[k] = if x > most[k] { x } else { most[k] };
            }
        }
        let step = (most.iter().fold(0.0_f64, |m, &x| m.max(x)) / 127.0).max(1e-12);
        let inverse = 1.0 / step;
        let (mut offs, mut sums) = ([0.0_f64; 8], [0.0_f64; 8]);
        for (octet, bytes) in numbers.as_chunks::<8>().0.iter().zip(bytes.as_chunks_mut::<8>().0) {
            for k in 0..8 {
                let rounded = octet[k] * inverse + ROUND;
                let q = rounded - ROUND;
                let f = octet[k] - q * step;
                offs[k] += f * f;
                sums[k] += q;
                bytes[k] = rounded.to_bits() as i8;
            }
        }
        (step, offs.iter().sum(), sums.iter().sum())
    }
}
