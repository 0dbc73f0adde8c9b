//! Stage 1: a few coordinates of each person, four bits each, in panels of [`PANEL`] people (see
//! [`streamface_kernels::four_bit`] for their layout).

use rayon::prelude::*;
use streamface_kernels::four_bit::{self, Line, Margins, OCTET_LINES, PANEL, PanelQuery, TILE_QUERIES};
use streamface_kernels::{Isa, dispatch};

use super::projection::{MID_LEVEL, Projection, Scratch};
use super::{ROUND, ScaledVector};

/// The four-bit coordinates of all people, and each person's side of bound (1) (see the module's page).
#[derive(Debug)]
pub(crate) struct FourBitFilter {
    pub(crate) projection: Projection,
    panels: Vec<Line>,
    /// A person's side of (1); infinite where a slot is empty.
    person_terms: Vec<f32>,
    /// An upper bound on |q| over all people.
    longest: f64,
    /// Candidates a query that training expected.
    pub(crate) expected_candidates: f64,
}

/// A query's quantized coordinates, before a radius is set.
#[derive(Debug, Clone)]
pub(crate) struct FourBitQuery {
    /// Q: coordinates times steps, as bytes.
    codes: Vec<i8>,
    /// 1/σ.
    inverse_step: f64,
    /// |b|².
    square: f64,
    /// |f|.
    quantization_error: f64,
    /// 7.5 ΣQ: levels are stored as 0 to 15, not −7.5 to 7.5.
    level_offset: f64,
    /// Error of the coordinates themselves.
    error: f64,
}

impl FourBitFilter {
    pub(crate) fn new(projection: Projection, expected_candidates: f64) -> Self {
        Self { projection, panels: Vec::new(), person_terms: Vec::new(), longest: 0.0, expected_candidates }
    }

    fn lines_per_panel(&self) -> usize {
        self.projection.coordinates() / 8 * OCTET_LINES
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.panels.capacity() * 64 + self.person_terms.capacity() * 4 + self.projection.bytes()
    }

    /// Bytes that one query reads.
    pub(crate) fn bytes_read(&self) -> usize {
        self.panels.len() * 64 + self.person_terms.len() * 4
    }

    pub(crate) fn panels(&self) -> usize {
        self.person_terms.len() / PANEL
    }

    fn grow(&mut self, slot: usize) {
        let panels = slot / PANEL + 1;
        if panels > self.panels() {
            self.panels.resize(panels * self.lines_per_panel(), Line([0; 64]));
            self.person_terms.resize(panels * PANEL, f32::INFINITY);
        }
    }

    /// Writes a person into a slot.
    pub(crate) fn put(&mut self, slot: usize, person: ScaledVector<'_>, scratch: &mut Scratch) {
        self.grow(slot);
        let (panel, lines) = (slot / PANEL, self.lines_per_panel());
        let lines = &mut self.panels[panel * lines..(panel + 1) * lines];
        let (term, length) = write(&self.projection, lines, slot % PANEL, person, scratch);
        self.person_terms[slot] = term;
        self.longest = self.longest.max(length);
    }

    /// Marks a slot as empty.
    pub(crate) fn clear(&mut self, slot: usize) {
        if let Some(term) = self.person_terms.get_mut(slot) {
            *term = f32::INFINITY;
        }
    }

    /// Writes all people of the first `count` slots, on all cores.
    pub(crate) fn fill<'a>(
        &mut self,
        count: usize,
        person: impl Fn(usize) -> Option<ScaledVector<'a>> + Sync,
    ) {
        if count == 0 {
            return;
        }
        self.grow(count - 1);
        let (lines, projection) = (self.lines_per_panel(), &self.projection);
        let panels = self.panels.par_chunks_mut(lines).zip(self.person_terms.par_chunks_mut(PANEL));
        let longest = panels.enumerate().map_init(Scratch::default, |scratch, (panel, (lines, terms))| {
            let mut longest = 0.0_f64;
            for (lane, term) in terms.iter_mut().enumerate() {
                let slot = panel * PANEL + lane;
                let person = if slot < count { person(slot) } else { None };
                *term = person.map_or(f32::INFINITY, |person| {
                    let (term, length) = write(projection, lines, lane, person, scratch);
                    longest = longest.max(length);
                    term
                });
            }
            longest
        });
        self.longest = longest.reduce(|| self.longest, f64::max);
    }

    /// Projects and quantizes a query.
    pub(crate) fn query(&self, query: ScaledVector<'_>, scratch: &mut Scratch) -> FourBitQuery {
        let error = self.projection.project(query.numbers, query.factor, query.length, scratch);
        let b = &mut scratch.coordinates;
        let square: f64 = b.iter().map(|x| x * x).sum();
        b.iter_mut().zip(&self.projection.steps).for_each(|(b, s)| *b *= s);
        let mut codes = vec![0; b.len()];
        let (step, square_error, sum) = to_bytes(b, &mut codes);
        FourBitQuery {
            codes,
            inverse_step: 1.0 / step,
            square,
            quantization_error: square_error.sqrt() * (1.0 + 1e-9),
            level_offset: MID_LEVEL * sum,
            error,
        }
    }

    /// The test that every person within the radius T passes.
    pub(crate) fn panel_query<'a>(&self, query: &'a FourBitQuery, radius: f64) -> PanelQuery<'a> {
        let alpha = self.projection.alpha;
        let radius = self.projection.max_stretch() * radius + query.error;
        let query_term = (query.square - radius * radius * (1.0 + alpha)) / 2.0
            - self.longest * query.quantization_error
            // The rounding of the sum itself.
            - 1e-12 * query.square;
        // A margin for `f32` rounding, here and in `write`: a few units of 2⁻²⁴ of each term.
        let cut = query_term * query.inverse_step;
        let offset = query.level_offset;
        let cut = cut + offset - (cut.abs() + offset.abs()) / f64::from(1 << 20);
        let cut = (cut as f32).next_down();
        // Everybody passes a query whose bound is not a number.
        let cut = if cut.is_finite() { cut } else { f32::NEG_INFINITY };
        PanelQuery { codes: &query.codes, inverse_step: query.inverse_step as f32, cut }
    }

    /// The first panel from `from` on with people who pass, and a bit for each who does.
    #[inline]
    pub(crate) fn scan(
        &self,
        isa: Isa,
        from: usize,
        query: PanelQuery<'_>,
        margins: &mut Margins,
    ) -> Option<(usize, u64)> {
        four_bit::scan(isa, &self.panels, &self.person_terms, from, query, margins)
    }

    /// The people of one panel who pass several queries: a bit for each, query by query.
    #[inline]
    pub(crate) fn tile(
        &self,
        isa: Isa,
        panel: usize,
        queries: [PanelQuery<'_>; TILE_QUERIES],
        margins: &mut [Margins; TILE_QUERIES],
    ) -> [u64; TILE_QUERIES] {
        let lines = self.lines_per_panel();
        let terms = &self.person_terms[panel * PANEL..(panel + 1) * PANEL];
        four_bit::tile(isa, &self.panels[panel * lines..(panel + 1) * lines], terms, queries, margins)
    }
}

/// Writes a person into one lane of a panel. Returns the person's side of (1), and |q|.
fn write(
    projection: &Projection,
    panel: &mut [Line],
    lane: usize,
    person: ScaledVector<'_>,
    scratch: &mut Scratch,
) -> (f32, f64) {
    let error = projection.project(person.numbers, person.factor, person.length, scratch);
    let Scratch { coordinates, levels, .. } = scratch;
    levels.resize(coordinates.len(), 0);
    let [square_error, square, square_length] =
        to_levels(coordinates, &projection.steps, &projection.inverse_steps, levels);
    for (levels, lines) in levels.as_chunks::<8>().0.iter().zip(panel.as_chunks_mut::<OCTET_LINES>().0) {
        let bytes = &mut lines[lane / 16].0[lane % 16 * 4..lane % 16 * 4 + 4];
        for (k, byte) in bytes.iter_mut().enumerate() {
            *byte = levels[k] | levels[4 + k] << 4;
        }
    }
    let error = square_error.sqrt() * (1.0 + 1e-9) + error;
    let term =
        (square * (1.0 - 1e-12) - error * error * (1.0 + 1.0 / projection.alpha) * (1.0 + 1e-12)) / 2.0;
    let term = ((term - term.abs() / f64::from(1 << 20)) as f32).next_down();
    // A person whose term is not a number passes every query.
    let term = if term.is_finite() { term } else { f32::NEG_INFINITY };
    (term, f64::sqrt(square_length) * (1.0 + 1e-12))
}

dispatch! {
    /// Quantizes coordinates to levels 0 to 15. Returns |e|², |Dq|² and |q|².
    fn to_levels(coordinates: &[f64], steps: &[f64], inverse_steps: &[f64], levels: &mut [u8]) -> [f64; 3] {
        let mut sums = [[0.0_f64; 8]; 3];
        let octets = coordinates.as_chunks::<8>().0.iter().zip(steps.as_chunks::<8>().0);
        let octets = octets.zip(inverse_steps.as_chunks::<8>().0).zip(levels.as_chunks_mut::<8>().0);
        for (((coordinates, steps), inverse_steps), levels) in octets {
            for k in 0..8 {
                let u = coordinates[k] * inverse_steps[k] + MID_LEVEL;
                let u = if u > 0.0 { u } else { 0.0 };
                let u = (if u < 15.0 { u } else { 15.0 }) + ROUND;
                let q = (u - ROUND) - MID_LEVEL;
                let e = coordinates[k] - steps[k] * q;
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

dispatch! {
    /// Quantizes numbers to bytes. Returns the step, |f|² and the sum of the bytes.
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
        let (mut errors, mut sums) = ([0.0_f64; 8], [0.0_f64; 8]);
        for (octet, bytes) in numbers.as_chunks::<8>().0.iter().zip(bytes.as_chunks_mut::<8>().0) {
            for k in 0..8 {
                let rounded = octet[k] * inverse + ROUND;
                let q = rounded - ROUND;
                let f = octet[k] - q * step;
                errors[k] += f * f;
                sums[k] += q;
                bytes[k] = rounded.to_bits() as i8;
            }
        }
        (step, errors.iter().sum(), sums.iter().sum())
    }
}
