//! Some rows against many, where the rest of the join is not wanted.

use rayon::prelude::*;

use super::sum_range::never;
use super::{Prefilter, ones};
use streamface_kernels::byte_tile::Hits;

/// Groups that stay in the cache while panels stream by.
const GROUPS: usize = 16;

/// Some of a prefilter's points, packed again.
pub(crate) struct PackedPoints {
    points: Vec<u32>,
    panels: Vec<u8>,
    start: Vec<i32>,
}

impl PackedPoints {
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }
}

impl Prefilter {
    /// Packs `points`.
    pub(crate) fn field(&self, points: Vec<u32>) -> PackedPoints {
        let (lanes, quads) = (self.isa.tile_columns(), self.first.quads);
        let size = lanes * quads * 4;
        let count = points.len().div_ceil(lanes);
        let mut panels = vec![self.isa.tile_offset() as u8; count * size];
        let mut start = vec![never(self.isa); count * lanes];
        let packed =
            panels.par_chunks_mut(size).zip(start.par_chunks_mut(lanes)).zip(points.par_chunks(lanes));
        packed.for_each(|((panel, start), points)| {
            for (lane, &point) in points.iter().enumerate() {
                let (own, at) = (point as usize / lanes * size, point as usize % lanes);
                for quad in 0..quads {
                    let from = own + (quad * lanes + at) * 4;
                    let to = (quad * lanes + lane) * 4;
                    panel[to..to + 4].copy_from_slice(&self.first.panels[from..from + 4]);
                }
                start[lane] = self.first.start[point as usize];
            }
        });
        PackedPoints { points, panels, start }
    }

    /// Calls `found(at, j)` for each point j of the field that the first stage takes to be within `reach` of point
    /// `of[at]`; for each `at` in the order of the field.
    pub(crate) fn near(
        &self,
        field: &PackedPoints,
        of: &[u32],
        reach: f64,
        mut found: impl FnMut(usize, u32),
    ) {
        let (lanes, group) = (self.isa.tile_columns(), self.isa.tile_rows());
        let size = lanes * self.first.quads * 4;
        let mut hits = Hits::default();
        for (chunk, of) in of.chunks(GROUPS * group).enumerate() {
            let groups = self.groups(of.iter().copied(), reach);
            for (right, (panel, panel_start)) in
                field.panels.chunks(size).zip(field.start.chunks(lanes)).enumerate()
            {
                for (g, (rows, start)) in groups.all().enumerate() {
                    if !self.isa.byte_tile(rows, panel, start, panel_start, &mut hits) {
                        continue;
                    }
                    for (at, bits) in (g * group..of.len()).zip(hits).take(group) {
                        for place in ones(bits).map(|bit| right * lanes + bit) {
                            if let Some(&j) = field.points.get(place).filter(|j| **j != of[at]) {
                                found(chunk * GROUPS * group + at, j);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Whether [`bounds`](Self::bounds) are finite.
    pub(crate) fn has_bounds(&self) -> bool {
        self.second.is_some()
    }

    /// Bounds of |a − b|² of two points that are rows.
    #[inline]
    pub(crate) fn bounds(&self, i: u32, j: u32) -> (f64, f64) {
        let Some(second) = &self.second else { return (0.0, f64::INFINITY) };
        let (least, most) = self.between(second.of(i as usize), second.of(j as usize));
        // NaN is no bound.
        (if least > 0.0 { least } else { 0.0 }, if most.is_nan() { f64::INFINITY } else { most })
    }
}
