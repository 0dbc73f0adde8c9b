//! How many pairs of one person are missed as the worst faces are left out: what a quality of faces is worth
//! (error versus reject; Grother and Tabassi, 2007).

use serde::Serialize;

use super::{Compared, MIN_ACCEPTED, Roc};

/// The curve of misses over the share of faces left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rejecting {
    /// The false accept rate that all distances are chosen by: the smallest of 0.1 %, 1 % and 10 % that there are pairs of
    /// two people for.
    pub far: f64,
    /// The largest distance that keeps to it where no face is left out.
    pub threshold: f64,
    /// From no face left out to half of them.
    pub points: Vec<RejectPoint>,
}

/// What is missed where a share of the faces is left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RejectPoint {
    /// Share of the faces that is left out, those of the least quality.
    pub rejected: f64,
    /// The least quality of those that stay.
    pub quality: f32,
    /// Pairs of one person whose faces both stay.
    pub same: u64,
    /// Share of these that is farther than [`Rejecting::threshold`].
    pub missed: f64,
    /// Share of these that is missed at the false accept rate of the pairs that stay, whose distance is another one.
    pub missed_at_own: f64,
}

/// Shares of the faces that are left out, in percent.
const REJECTED: [usize; 8] = [0, 5, 10, 15, 20, 30, 40, 50];

/// The curve for pairs whose faces have a quality: `faces` of each pair are places in `quality`. None where a face of a pair
/// has none, where all have the same, or where there are too few pairs of two people for a false accept rate of 10 %.
///
/// # Panics
/// Where there are not as many `faces` as pairs, or one is no place in `quality`.
#[must_use]
pub fn rejecting(pairs: &[Compared], faces: &[[usize; 2]], quality: &[Option<f32>]) -> Option<Rejecting> {
    assert_eq!(pairs.len(), faces.len());
    let mut used: Vec<usize> = faces.as_flattened().to_vec();
    used.sort_unstable();
    used.dedup();
    let of = |face: usize| quality[face].filter(|q| q.is_finite());
    let mut order: Vec<(f32, usize)> =
        used.iter().map(|&face| Some((of(face)?, face))).collect::<Option<_>>()?;
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    if order.first()?.0 <= order.last()?.0 {
        return None;
    }
    let mut place = vec![usize::MAX; quality.len()];
    order.iter().enumerate().for_each(|(at, &(_, face))| place[face] = at);
    let curve = |kept: usize| {
        let there = |pair: &(&Compared, &[usize; 2])| pair.1.iter().all(|&face| place[face] < kept);
        Roc::new(pairs.iter().zip(faces).filter(there).map(|(p, _)| (p.distance, p.same))).ok()
    };
    let all = curve(order.len())?;
    let enough = |far: &f64| all.different() as f64 * far >= MIN_ACCEPTED as f64;
    let far = [1e-3, 1e-2, 1e-1].into_iter().find(enough)?;
    let threshold = all.tar_at(far).threshold.unwrap_or(-1.0);
    let mut points = Vec::with_capacity(REJECTED.len());
    for percent in REJECTED {
        let kept = order.len() - order.len() * percent / 100;
        let Some(roc) = curve(kept) else { break };
        points.push(RejectPoint {
            rejected: (order.len() - kept) as f64 / order.len() as f64,
            quality: order[kept - 1].0,
            same: roc.same(),
            missed: 1.0 - roc.tar_within(threshold),
            missed_at_own: 1.0 - roc.tar_at(far).tar,
        });
    }
    Some(Rejecting { far, threshold, points })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 people of 6 faces; the first face of each is poor: far from the others, and of low quality.
    fn made(quality: impl Fn(usize) -> Option<f32>) -> (Vec<Compared>, Vec<[usize; 2]>, Vec<Option<f32>>) {
        let (mut pairs, mut faces) = (Vec::new(), Vec::new());
        for a in 0..120 {
            for b in a + 1..120 {
                let people = [a / 6, b / 6].map(|p| p as u32);
                let same = people[0] == people[1];
                let poor = a % 6 == 0 || b % 6 == 0;
                let distance = match (same, poor) {
                    (true, false) => 0.3,
                    (true, true) => 0.8,
                    _ => 0.6 + (a * 131 + b * 17) as f64 % 400.0 / 1000.0,
                };
                pairs.push(Compared { distance, same, fold: None, people });
                faces.push([a, b]);
            }
        }
        (pairs, faces, (0..120).map(quality).collect())
    }

    #[test]
    fn misses_end_where_the_poor_faces_are_left_out() {
        let (pairs, faces, quality) = made(|f| Some(if f % 6 == 0 { 0.2 } else { 0.9 }));
        let found = rejecting(&pairs, &faces, &quality).unwrap();
        // 6,840 pairs of two people are too few for 0.1 %.
        assert!(found.far == 1e-2 && found.threshold < 0.62, "{found:?}");
        let first = found.points[0];
        assert!((first.missed - 5.0 / 15.0).abs() < 1e-12 && first.same == 300 && first.quality == 0.2);
        // Of 120 faces the 20 poor ones are a sixth: after a fifth there is none.
        let fifth = found.points.iter().find(|p| p.rejected == 0.2).unwrap();
        assert!(fifth.missed == 0.0 && fifth.missed_at_own == 0.0 && fifth.quality == 0.9);
        assert!(found.points.windows(2).all(|w| w[1].missed <= w[0].missed && w[1].same < w[0].same));
    }

    #[test]
    fn a_quality_that_says_nothing_gives_nothing() {
        let (pairs, faces, quality) = made(|f| Some(if f % 7 == 3 { 0.2 } else { 0.9 }));
        let found = rejecting(&pairs, &faces, &quality).unwrap();
        assert!(found.points.last().unwrap().missed > 0.25);
        // Without a quality of each face, or with one for all, there is no curve.
        for quality in [
            made(|f| (f != 5).then_some(0.5 + f as f32)).2,
            made(|_| Some(0.5)).2,
            made(|_| Some(f32::NAN)).2,
        ] {
            assert_eq!(rejecting(&pairs, &faces, &quality), None);
        }
        // Nor where there are too few pairs.
        assert_eq!(rejecting(&pairs[..100], &faces[..100], &quality), None);
    }
}
