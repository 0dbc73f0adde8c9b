//! Stages that are run side by side, a few rows at a time.

use std::ops::Range;

use crate::rows::{Rows, RowsMut};
use crate::stage::{Geometry, Scratch, Stage};

/// Bytes that the rows between the stages of a segment take, at most: half of a small second-level cache, as weights and
/// rows that come and go want room, too.
const ROOM: usize = 512 * 1024;
/// Bytes of weights that are read again for every few rows, at most.
const WEIGHTS: usize = 384 * 1024;
/// Pixels that a stage should make at once, so that the tiles of its product are full.
const PIXELS: usize = 28;

/// Consecutive stages, each of which uses the rows of the one before and nothing else uses them. What lies between two
/// stages is a ring of a few rows.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Indices of the stages.
    pub(crate) stages: Vec<usize>,
    /// Rows of each ring: one fewer than stages.
    rings: Vec<usize>,
    /// Rows that the last stage makes at once.
    band: usize,
}

impl Segment {
    /// As one segment if that is faster than one after another.
    pub(crate) fn new(all: &[Stage], stages: Vec<usize>, threads: usize) -> Option<Self> {
        let of: Vec<&Stage> = stages.iter().map(|&s| &all[s]).collect();
        let (&last, before) = of.split_last()?;
        let rows = last.to.rows();
        if before.is_empty() {
            return Some(Self { stages, rings: Vec::new(), band: rows });
        }
        let whole: usize = before.iter().map(|s| bytes(&s.to, s.to.rows())).sum();
        let weights: usize = of.iter().map(|s| s.weights()).sum();
        // Threads each make the rows above and below their own again.
        let again: usize = of.iter().map(|s| s.reach()).sum();
        if whole <= ROOM || weights > WEIGHTS || (threads > 1 && again * threads * 8 > rows) {
            return None;
        }
        let least = PIXELS.div_ceil(last.to.shape.columns);
        let mut best = None;
        for band in (least..=rows).take(64).map(|band| last.rounded(band)) {
            let rings = rings(&of, band);
            let room: usize = before.iter().zip(&rings).map(|(s, &ring)| bytes(&s.to, ring)).sum();
            if room > ROOM && best.is_some() {
                break;
            }
            // Even one band that has no room in the cache is less than the whole picture.
            if room <= ROOM || room * 2 <= whole {
                best = Some(Self { stages: stages.clone(), rings, band });
            }
            if room > ROOM {
                break;
            }
        }
        best
    }

    /// The last stage; there is one at least.
    pub(crate) fn last(&self) -> usize {
        self.stages[self.stages.len() - 1]
    }

    /// Numbers of each ring.
    pub(crate) fn ring_lengths<'a>(&'a self, all: &'a [Stage]) -> impl Iterator<Item = usize> + 'a {
        self.rings.iter().zip(&self.stages).map(|(ring, &s)| ring * all[s].to.len())
    }

    /// Makes these rows of the last stage. `others` are the inputs of each stage but the first.
    pub(crate) fn run(
        &self,
        all: &[Stage],
        rows: Range<usize>,
        input: &Rows<'_>,
        others: &[Vec<Rows<'_>>],
        space: &mut Space,
        out: &mut RowsMut<'_>,
    ) {
        let mut job = Job { segment: self, all, input, others, space, have: vec![0; self.stages.len()] };
        let mut end = rows.end;
        for s in (0..self.stages.len()).rev() {
            // Each stage begins with the first row that is needed.
            let needed = all[self.stages[s]].needed(if s + 1 == self.stages.len() {
                rows.clone()
            } else {
                job.have[s]..end
            });
            end = needed.end;
            if s > 0 {
                job.have[s - 1] = needed.start;
            }
        }
        let mut at = rows.start;
        while at < rows.end {
            let end = (at + self.band).min(rows.end);
            job.make(self.stages.len() - 1, at..end, Some(out));
            at = end;
        }
    }
}

/// Buffers of a thread.
#[derive(Debug, Default)]
pub(crate) struct Space {
    rings: Vec<Vec<f32>>,
    scratch: Scratch,
}

impl Space {
    /// With rings of these lengths.
    pub(crate) fn new(rings: &[usize]) -> Self {
        Self { rings: rings.iter().map(|&l| vec![0.0; l]).collect(), scratch: Scratch::default() }
    }
}

struct Job<'a, 'b> {
    segment: &'a Segment,
    all: &'a [Stage],
    input: &'a Rows<'b>,
    others: &'a [Vec<Rows<'b>>],
    space: &'a mut Space,
    /// The first row that each stage has not made.
    have: Vec<usize>,
}

impl Job<'_, '_> {
    /// Makes rows of a stage, and first those of the stages before that they are made of.
    fn make(&mut self, s: usize, rows: Range<usize>, out: Option<&mut RowsMut<'_>>) {
        let stage = &self.all[self.segment.stages[s]];
        if s > 0 {
            let needed = stage.needed(rows.clone());
            let from = self.have[s - 1].max(needed.start);
            if from < needed.end {
                // What is made with the last of them at any rate is kept.
                let end = self.all[self.segment.stages[s - 1]].rounded(needed.end);
                self.make(s - 1, from..end, None);
                self.have[s - 1] = end;
            }
        }
        let (before, after) = self.space.rings.split_at_mut(s);
        let input = match before.last() {
            Some(ring) => {
                ring_rows(ring, &self.all[self.segment.stages[s - 1]].to, self.segment.rings[s - 1])
            }
            None => *self.input,
        };
        let others = &self.others[s][..];
        match out {
            Some(out) => stage.run(rows, &input, others, &mut self.space.scratch, out),
            None => {
                let (len, slots) = (stage.to.len(), self.segment.rings[s]);
                let mut out = RowsMut { numbers: &mut after[0][..slots * len], len, slots, first: 0 };
                stage.run(rows, &input, others, &mut self.space.scratch, &mut out);
            }
        }
    }
}

fn ring_rows<'a>(ring: &'a [f32], of: &Geometry, slots: usize) -> Rows<'a> {
    Rows { numbers: &ring[..slots * of.len()], len: of.len(), slots }
}

fn bytes(of: &Geometry, rows: usize) -> usize {
    rows * of.len() * size_of::<f32>()
}

/// Rows that each ring must hold when the last stage makes `band` rows at once.
fn rings(of: &[&Stage], band: usize) -> Vec<usize> {
    let mut rings = Vec::new();
    let mut band = band;
    for pair in of.windows(2).rev() {
        let [before, stage] = pair else { continue };
        let all = stage.to.rows();
        let held = |g: usize| {
            let needed = stage.needed(g..(g + band).min(all));
            before.rounded(needed.end) - needed.start
        };
        let most = (0..all).map(held).max().unwrap_or(1);
        // A stage makes at once what the next one needs at once, at most.
        band = most.clamp(1, before.to.rows());
        rings.push(band);
    }
    rings.reverse();
    rings
}
