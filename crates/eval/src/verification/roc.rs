//! The curve of accepted pairs of one person over accepted pairs of two.

use serde::Serialize;

use crate::Error;

/// Accepted pairs of two people below which a true accept rate is not told: the threshold, and so the rate, would hang
/// on a few pairs.
pub const MIN_ACCEPTED: u64 = 30;

/// A point of the curve: what is accepted at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    /// Accepted is what is at most this far.
    pub threshold: f64,
    /// False accept rate: the share of pairs of two people that are accepted.
    pub far: f64,
    /// True accept rate: the share of pairs of one person that are.
    pub tar: f64,
}

/// The true accept rate where at most a share of pairs of two people is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TarAtFar {
    /// The share.
    pub far: f64,
    /// The rate.
    pub tar: f64,
    /// The largest threshold that keeps to the share; `None` where the nearest pair of all breaks it.
    pub threshold: Option<f64>,
    /// Pairs of two people that are accepted there.
    pub accepted: u64,
    /// Where the rate lies with a confidence of 95 %, the error of the threshold included. Pairs that share a person count
    /// as alike. `None` where the people of the pairs are not known.
    pub interval: Option<[f64; 2]>,
    /// The same for the false accept rate of this threshold.
    pub far_interval: Option<[f64; 2]>,
}

/// A ROC curve, exact: from counts, not from bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    /// (distance, pairs of one person, pairs of two) within each distance that occurs, ascending.
    steps: Vec<(f64, u64, u64)>,
    same: u64,
    different: u64,
}

impl Roc {
    /// The curve of pairs (distance, of one person). O(n log n).
    ///
    /// # Errors
    /// [`Error::Distance`] where one is not a number of 0 or more, [`Error::OneKind`] where there is no pair
    /// of either kind.
    pub fn new(pairs: impl IntoIterator<Item = (f64, bool)>) -> Result<Self, Error> {
        let mut pairs: Vec<(f64, bool)> = pairs.into_iter().collect();
        let bad = |d: f64| !d.is_finite() || d < 0.0;
        if let Some((index, &(value, same))) = pairs.iter().enumerate().find(|(_, p)| bad(p.0)) {
            let list = if same { "same" } else { "different" };
            return Err(Error::Distance { list, index, value });
        }
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut steps, mut same, mut different) = (Vec::<(f64, u64, u64)>::new(), 0, 0);
        for (distance, of_one) in pairs {
            *(if of_one { &mut same } else { &mut different }) += 1;
            match steps.last_mut() {
                // −0 and 0 are one distance.
                Some(last) if last.0 == distance => *last = (distance, same, different),
                _ => steps.push((distance, same, different)),
            }
        }
        if same == 0 || different == 0 {
            return Err(Error::OneKind { same, different });
        }
        Ok(Self { steps, same, different })
    }

    /// Pairs of one person.
    #[must_use]
    pub fn same(&self) -> u64 {
        self.same
    }

    /// Pairs of two people.
    #[must_use]
    pub fn different(&self) -> u64 {
        self.different
    }

    /// The area under the curve: the chance that a pair of one person is nearer than a pair of two, ties
    /// counting half. 0 to 1.
    #[must_use]
    pub fn auc(&self) -> f64 {
        // Twice the area, in pairs of pairs: whole.
        let (mut area, mut before) = (0_u128, (0, 0));
        for &(_, same, different) in &self.steps {
            area += u128::from(different - before.1) * u128::from(same + before.0);
            before = (same, different);
        }
        area as f64 / 2.0 / (self.same as f64 * self.different as f64)
    }

    /// Where as large a share of the pairs of two people is accepted as of the pairs of one is refused:
    /// (rate, threshold). Between two points of the curve both are taken along the line.
    #[must_use]
    pub fn equal_error(&self) -> (f64, f64) {
        let mut before = RocPoint { threshold: self.steps[0].0, far: 0.0, tar: 0.0 };
        for &step in &self.steps {
            let now = self.point(step);
            if now.far >= 1.0 - now.tar {
                let (above, below) = (now.far + now.tar - 1.0, 1.0 - before.far - before.tar);
                let share = below / (above + below);
                let along = |a: f64, b: f64| a + share * (b - a);
                return (along(before.far, now.far), along(before.threshold, now.threshold));
            }
            before = now;
        }
        (before.far, before.threshold)
    }

    /// The true accept rate where all within `threshold` is accepted.
    #[must_use]
    pub fn tar_within(&self, threshold: f64) -> f64 {
        let within = self.steps.partition_point(|step| step.0 <= threshold);
        within.checked_sub(1).map_or(0.0, |at| self.point(self.steps[at]).tar)
    }

    /// The true accept rate at a false accept rate of at most `far`.
    #[must_use]
    pub fn tar_at(&self, far: f64) -> TarAtFar {
        let within = self.steps.partition_point(|&step| self.point(step).far <= far);
        let last = within.checked_sub(1).map(|at| self.point(self.steps[at]));
        TarAtFar {
            far,
            tar: last.map_or(0.0, |p| p.tar),
            threshold: last.map(|p| p.threshold),
            accepted: within.checked_sub(1).map_or(0, |at| self.steps[at].2),
            interval: None,
            far_interval: None,
        }
    }

    /// [`tar_at`](Self::tar_at) 10⁻¹, 10⁻² … 10⁻⁶, down to the smallest at which [`MIN_ACCEPTED`] pairs of two people are
    /// accepted; and the first at which fewer are.
    #[must_use]
    pub fn tars(&self) -> (Vec<TarAtFar>, Option<TarAtFar>) {
        let mut told = Vec::new();
        for far in [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
            let at = self.tar_at(far);
            if at.accepted < MIN_ACCEPTED {
                return (told, Some(at));
            }
            told.push(at);
        }
        (told, None)
    }

    /// The rates at a threshold.
    #[must_use]
    pub fn rates(&self, threshold: f64) -> RocPoint {
        let within = self.steps.partition_point(|step| step.0 <= threshold);
        let (_, same, different) = within.checked_sub(1).map_or((0.0, 0, 0), |at| self.steps[at]);
        self.point((threshold, same, different))
    }

    /// The corners of the curve, by threshold: from (0, 0), whose threshold is −1 since nothing is nearer,
    /// to (1, 1). Points on the line between their neighbours are left out.
    #[must_use]
    pub fn points(&self) -> Vec<RocPoint> {
        let mut points = vec![RocPoint { threshold: -1.0, far: 0.0, tar: 0.0 }];
        let mut before = (0, 0);
        for (at, &step) in self.steps.iter().enumerate() {
            let (_, same, different) = step;
            let went = (same - before.0, different - before.1);
            let goes = self.steps.get(at + 1).map(|&(_, s, d)| (s - same, d - different));
            if goes != Some(went) {
                points.push(self.point(step));
            }
            before = (same, different);
        }
        points
    }

    fn point(&self, (threshold, same, different): (f64, u64, u64)) -> RocPoint {
        RocPoint {
            threshold,
            far: different as f64 / self.different as f64,
            tar: same as f64 / self.same as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_in_scikit_learn() {
        // distance (i · 37 % 101) / 50, one person where (i · i) % 7 < 3 or the distance is below 0.3.
        let pairs = (0..120_u32).map(|i| {
            let d = f64::from(i * 37 % 101) / 50.0;
            (d, i * i % 7 < 3 && d < 1.4 || d < 0.3)
        });
        let roc = Roc::new(pairs).unwrap();
        assert_eq!((roc.same(), roc.different()), (66, 54));
        // roc_auc_score, roc_curve, and the root of 1 − x − interp(x, fpr, tpr).
        assert!((roc.auc() - 0.8843995510662177).abs() < 1e-12, "{}", roc.auc());
        assert!((roc.equal_error().0 - 0.2222222222222222).abs() < 1e-9, "{:?}", roc.equal_error());
        assert!(
            (roc.tar_at(0.1).tar - 0.48484848484848486).abs() < 1e-12
                && (roc.tar_at(0.01).tar - 0.3181818181818182).abs() < 1e-12
        );
        assert_eq!(roc.points().len(), 59);
    }

    #[test]
    fn what_has_no_curve() {
        assert!(matches!(Roc::new([(0.1, true)]), Err(Error::OneKind { same: 1, different: 0 })));
        assert!(matches!(Roc::new([(0.1, true), (f64::NAN, false)]), Err(Error::Distance { index: 1, .. })));
        let right = Roc::new([(0.1, true), (0.2, false)]).unwrap();
        assert_eq!((right.auc(), right.equal_error().0), (1.0, 0.0));
        let wrong = Roc::new([(0.2, true), (0.1, false)]).unwrap();
        assert_eq!((wrong.auc(), wrong.equal_error().0), (0.0, 1.0));
        let tie = Roc::new([(0.0, true), (-0.0, false)]).unwrap();
        assert_eq!((tie.auc(), tie.equal_error().0, tie.points().len()), (0.5, 0.5, 2));
        let nothing = tie.tar_at(0.5);
        assert_eq!((nothing.tar, nothing.threshold, nothing.accepted), (0.0, None, 0));
    }

    #[test]
    fn no_rate_hangs_on_a_few_pairs() {
        // 299 and 300 pairs of two people, all at different distances: at a rate of 0.1, 29 and 30 are accepted.
        let of =
            |n: u32| Roc::new((0..n).map(|i| (f64::from(i), false)).chain([(5.5, true)])).unwrap().tars();
        let (told, few) = of(299);
        assert_eq!((told.len(), few.map(|t| (t.far, t.accepted))), (0, Some((0.1, 29))));
        let (told, few) = of(300);
        assert_eq!(
            (told.len(), told[0].accepted, few.map(|t| (t.far, t.accepted))),
            (1, 30, Some((0.01, 3)))
        );
    }

    proptest! {
        #[test]
        fn as_by_definition(pairs in prop::collection::vec((0..12_u8, any::<bool>()), 2..40), far in 0.0..1.0_f64) {
            let pairs: Vec<(f64, bool)> = pairs.into_iter().map(|(d, same)| (f64::from(d), same)).collect();
            let of = |same: bool| pairs.iter().filter(|p| p.1 == same).map(|p| p.0).collect::<Vec<_>>();
            let (same, different) = (of(true), of(false));
            let Ok(roc) = Roc::new(pairs.iter().copied()) else {
                prop_assert!(same.is_empty() || different.is_empty());
                return Ok(());
            };
            let mut area = 0.0;
            for s in &same {
                area += different.iter().map(|d| f64::from(u8::from(s < d)) + f64::from(u8::from(s == d)) / 2.0).sum::<f64>();
            }
            prop_assert!((roc.auc() - area / (same.len() * different.len()) as f64).abs() < 1e-12);
            let share = |all: &[f64], t: f64| all.iter().filter(|&&d| d <= t).count() as f64 / all.len() as f64;
            let most = (0..12).map(f64::from).filter(|&t| share(&different, t) <= far).map(|t| share(&same, t));
            prop_assert!((roc.tar_at(far).tar - most.fold(0.0, f64::max)).abs() < 1e-12);
            let at = roc.tar_at(far);
            let accepted = roc.rates(at.threshold.unwrap_or(-1.0)).far * different.len() as f64;
            prop_assert!((at.accepted as f64 - accepted).abs() < 1e-9);
            for p in &roc.points()[1..] {
                prop_assert_eq!(roc.rates(p.threshold), *p);
                prop_assert_eq!((p.far, p.tar), (share(&different, p.threshold), share(&same, p.threshold)));
            }
            // The equal error is on the line through the corners, where refused equals accepted.
            let (rate, _) = roc.equal_error();
            let points = roc.points();
            let on = points.windows(2).any(|w| {
                let (a, b) = (w[0], w[1]);
                let cross = (b.far - a.far) * (1.0 - rate - a.tar) - (b.tar - a.tar) * (rate - a.far);
                cross.abs() < 1e-12 && a.far <= rate + 1e-12 && rate <= b.far + 1e-12
            });
            prop_assert!(on, "{rate} {points:?}");
        }
    }
}
