//! A few rows against many others, by their bytes: bounds of the largest distance across them.
//!
//! The pairs are those of the [second stage](super), with the same bound; but a *group* of up to eight rows is
//! taken at once, so that a row of the many is read once for all of them and the eight sums are brought together
//! in one go. What is not an integer is `f32` here, with room for its rounding: each bound is a sum of a few products,
//! none of them above some eight times S + S', so that some sixty roundings of 2⁻²⁴ stay far within [`ROOM`].

pub(crate) use streamface_kernels::byte_bounds::{GROUP, Group};
use streamface_kernels::byte_bounds::{Row, Rows, across};

use super::Prefilter;
use super::scalar_quantized::QuantizedRow;

/// Room for rounding in `f32`, relative to S + S'.
const ROOM: f64 = 1e-5;
/// The same for what is next to nothing.
const LEAST: f64 = 1e-30;
/// Rows with larger numbers have no bounds.
const MOST: f64 = 1e15;

fn lean(own: &QuantizedRow, slack: f64, rounding: f64) -> Row {
    let fits = own.square < MOST * MOST && own.length < MOST && own.error < MOST;
    if !fits {
        let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
        return Row { low, high, step: 0.0, error: 0.0, length: 0.0, sum: 0 };
    }
    let room = own.square * (ROOM + 2.0 * slack) + 2.0 * rounding + LEAST;
    Row {
        low: (own.square - room) as f32,
        high: (own.square + room) as f32,
        step: own.step as f32,
        error: own.error as f32,
        length: own.length as f32,
        sum: own.sum,
    }
}

impl Prefilter {
    /// What groups need of each row, by its place; empty where there is no second stage.
    fn lean(&self) -> &[Row] {
        self.lean.get_or_init(|| {
            let Some(second) = &self.second else { return Vec::new() };
            let rows = 0..self.points.members_in_all();
            rows.map(|at| lean(second.rows.get(at).1, self.slack, self.rounding)).collect()
        })
    }

    /// Rows at some places among those of all points, at most [`GROUP`].
    pub(crate) fn group(&self, places: &[u32]) -> Group {
        let mut new = Group::default();
        self.regroup(places, &mut new);
        new
    }

    /// The same in the memory of another group of this prefilter.
    fn regroup(&self, places: &[u32], group: &mut Group) {
        group.clear();
        let Some(second) = &self.second else { return };
        let (lean, dim) = (self.lean(), second.rows.all().1);
        let row = |&place: &u32| (second.rows.get(place as usize).0, &lean[place as usize]);
        group.fill(self.isa, dim, places.iter().map(row));
    }

    /// The lower bound of [`across`](Self::across) for any number of rows, in the memory of a group; above `limit`, or that of all
    /// pairs, with an upper one for each of `many` in `each`.
    pub(crate) fn across_all(
        &self,
        few: &[u32],
        many: &[u32],
        limit: f32,
        each: &mut [f32],
        group: &mut Group,
    ) -> f32 {
        let mut low = 0.0_f32;
        for few in few.chunks(GROUP) {
            self.regroup(few, group);
            low = low.max(self.across(group, many, limit, Some(each)).0);
            if low > limit {
                break;
            }
        }
        low
    }

    /// Bounds of the largest |a − b|² across a group and the rows at some places among those of all points. Stops
    /// where the lower one is above `limit`; then the upper one is infinite. `each` takes an upper bound for each of
    /// the places, the larger of it and of what was there.
    pub(crate) fn across(
        &self,
        group: &Group,
        places: &[u32],
        limit: f32,
        each: Option<&mut [f32]>,
    ) -> (f32, f32) {
        let Some(second) = &self.second else { return (0.0, f32::INFINITY) };
        let (bytes, dim) = second.rows.all();
        across(self.isa, group, &Rows { bytes, dim, rows: self.lean(), places }, limit, each)
    }
}

#[cfg(test)]
mod tests {
    use streamface_kernels::Isa;
    use streamface_types::{Embeddings, Metric};

    use super::*;
    use crate::exact_distance::ExactDistance;
    use crate::points::Points;
    use crate::prefilter::{Projection, Tuning};

    #[test]
    fn bounds_hold_and_are_near() {
        let mut seed = 5_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let kinds = [(33, Metric::Cosine), (64, Metric::Euclidean), (200, Metric::Cosine)];
        for (dim, metric, extreme) in kinds.into_iter().flat_map(|(d, m)| [(d, m, false), (d, m, true)]) {
            let mut data: Vec<f32> = (0..120 * dim).map(|_| next()).collect();
            // A row of zeros, one far off, and two that are next to equal.
            data[7 * dim..8 * dim].fill(0.0);
            if extreme {
                data[9 * dim] = 1e30;
            }
            data.copy_within(0..dim, 20 * dim);
            data[20 * dim] *= 1.0 + 1e-6;
            let rows = Embeddings::new(data, dim).unwrap();
            let exact = ExactDistance::new(&rows, metric).unwrap();
            let all: Vec<u32> = (0..120).collect();
            for isa in Isa::available() {
                let space = Projection::new(&exact, &all, Tuning { isa, few: 2, ..Tuning::default() });
                let prefilter = Prefilter::in_place(&exact, &space, &Points::of_rows(&all), 1.0);
                assert!(prefilter.has_bounds());
                for count in 1..=GROUP {
                    let (few, many) = (&all[count..2 * count], &all[30..95]);
                    for others in [many, &all[18..22], &all[7..8], &all[..40]] {
                        let group = prefilter.group(few);
                        let mut each = vec![0.0; others.len()];
                        let (low, high) = prefilter.across(&group, others, f32::INFINITY, Some(&mut each));
                        let (least, most) = space.distances(metric, (f64::from(low), f64::from(high)));
                        let of = |&x: &u32| few.iter().map(|&a| exact.distance(a, x)).fold(0.0, f64::max);
                        let largest = others.iter().map(of).fold(0.0, f64::max);
                        assert!(least <= largest && largest <= most, "{isa:?} {least} {largest} {most}");
                        for (x, most) in others.iter().zip(&each) {
                            assert!(of(x) <= space.distances(metric, (0.0, f64::from(*most))).1);
                        }
                        // A row of zeros has no bound.
                        if !extreme && !few.iter().chain(others).any(|&x| x == 7) {
                            assert!(most - least < 0.1 * (1.0 + largest), "{isa:?} {least} {most}");
                        }
                        let (low, high) = prefilter.across(&group, others, low / 2.0, None);
                        assert!(low == 0.0 || high == f32::INFINITY);
                    }
                }
            }
        }
    }
}
