//! Distances of points that are clusters, for what is left after both stages.

use std::ops::Range;

use super::scalar_quantized::ScalarQuantized;
use super::{Group, Prefilter};
use crate::exact_distance::ExactDistance;

/// From so many pairs of rows on, groups are compared.
const GROUPED: usize = 32;

/// Memory that [`Prefilter::complete`] works in.
#[derive(Default)]
pub(crate) struct Scratch {
    group: Group,
    places: Vec<u32>,
    each: Vec<f32>,
    may: Vec<(f64, usize, usize)>,
}

impl Prefilter {
    /// The largest distance across the points at two places, or none where it is above `threshold`; `reach` is its T².
    pub(crate) fn complete(
        &self,
        exact: &ExactDistance,
        (i, j): (u32, u32),
        (threshold, reach): (f64, f64),
        room: &mut Scratch,
    ) -> Option<f64> {
        let (i, j) = (i as usize, j as usize);
        let (few, many) = (self.points.members(i), self.points.members(j));
        if let (&[a], &[b]) = (few, many) {
            return Some(exact.distance(a, b)).filter(|&d| d <= threshold);
        }
        let Some(second) = self.second.as_ref().filter(|_| few.len() * many.len() > 2) else {
            return exact.complete(few, many, threshold);
        };
        // The largest distance of one row to the other point is at least the mean of these: most pairs of
        // points that are too far apart are found out so, for a row's work and not for all pairs'.
        let sides = [(i, j, few.len()), (j, i, many.len())];
        for (own, other, _) in sides.into_iter().filter(|(.., count)| *count > 1) {
            let mean = second.of(other);
            if self.points.range(own).any(|p| self.between(second.rows.get(p), mean).0 > reach) {
                return None;
            }
        }
        let (few, many) = if few.len() <= many.len() { (i, j) } else { (j, i) };
        let least = self.farthest(second, (self.points.range(few), self.points.range(many)), reach, room)?;
        let row =
            |point: usize, place: usize| self.points.members(point)[place - self.points.range(point).start];
        let mut largest = 0.0_f64;
        for &(most, a, b) in &room.may {
            if most < least {
                continue;
            }
            let distance = exact.distance(row(few, a), row(many, b));
            if distance > threshold {
                return None;
            }
            largest = largest.max(distance);
        }
        Some(largest)
    }

    /// Bounds all pairs across the rows at two ranges of places by their bytes: a lower bound of the largest |a − b|², and in
    /// `room` the pairs that may be the farthest, each with an upper bound; none where one pair surely is beyond `reach`.
    fn farthest(
        &self,
        second: &ScalarQuantized,
        (few, many): (Range<usize>, Range<usize>),
        reach: f64,
        room: &mut Scratch,
    ) -> Option<f64> {
        room.may.clear();
        let mut least = 0.0_f64;
        let grouped = few.len() * many.len() >= GROUPED;
        if grouped {
            let limit = (reach as f32).next_up();
            room.places.clear();
            room.places.extend(few.clone().chain(many.clone()).map(|place| place as u32));
            room.each.clear();
            room.each.resize(many.len(), 0.0);
            let (own, others) = room.places.split_at(few.len());
            let from = self.across_all(own, others, limit, &mut room.each, &mut room.group);
            if from > limit {
                return None;
            }
            least = from.into();
        }
        for (at, other) in many.enumerate() {
            if grouped && f64::from(room.each[at]) < least {
                continue;
            }
            for row in few.clone() {
                let (from, to) = self.between(second.rows.get(row), second.rows.get(other));
                if from > reach {
                    return None;
                }
                let nearer = to < least;
                if !nearer {
                    least = least.max(from);
                    room.may.push((if to.is_nan() { f64::INFINITY } else { to }, row, other));
                }
            }
        }
        Some(least)
    }
}
