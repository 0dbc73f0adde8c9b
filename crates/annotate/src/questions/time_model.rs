//! How long an answer takes.

/// Seconds that a screen takes, as a sum: a constant for the screen, a part for each person shown, and a part
/// for each mark set.
///
/// A person costs the same in every form. Forms differ in the number of screens, and in how often a person is
/// shown again.
///
/// The defaults are assumptions until measured times replace them ([`TimeModel::fitted`]). They follow the
/// keystroke-level model (Card, Moran & Newell 1980): 1.35 s to prepare and 0.28 s for a key make a screen,
/// 1.1 s to point and 0.2 s to click make a mark. A face is recognised in two fixations (Hsiao & Cottrell
/// 2008), about half a second; 0.8 s a person leaves time for a second face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeModel {
    /// Seconds for a screen: reading the question, deciding, one key. Default 1.63.
    pub per_screen: f64,
    /// Seconds for each person shown. Default 0.8.
    pub per_person: f64,
    /// Seconds for each mark set. Default 1.3.
    pub per_mark: f64,
}

impl Default for TimeModel {
    fn default() -> Self {
        Self { per_screen: 1.63, per_person: 0.8, per_mark: 1.3 }
    }
}

/// What a screen showed, and how long the answer took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedScreen {
    /// People shown: 2 for a pair, 1 and the candidates for a group, 2 a pair for a sweep.
    pub people: u32,
    /// Marks set.
    pub marks: u32,
    /// Seconds from display to answer.
    pub seconds: f64,
}

/// Number of screens that the defaults weigh as much as.
const PRIOR_SCREENS: f64 = 10.0;
/// Screens that took this many times longer than expected are taken for breaks and ignored.
const BREAK_RATIO: f64 = 5.0;

impl TimeModel {
    /// Seconds for a pair: two people, one key.
    #[must_use]
    pub fn pair(&self) -> f64 {
        self.of(2, 0.0)
    }

    /// Seconds for a person and `candidates`, of whom `same` are expected to be that person. Marked are those
    /// that are the same or, where these are the majority, those that are not.
    #[must_use]
    pub fn group(&self, candidates: usize, same: f64) -> f64 {
        self.of(1 + candidates, same.min(candidates as f64 - same).max(0.0))
    }

    /// Seconds for a grid of `pairs`, of which `wrong` are expected to be marked.
    #[must_use]
    pub fn sweep(&self, pairs: usize, wrong: f64) -> f64 {
        self.of(2 * pairs, wrong)
    }

    /// Seconds for any screen.
    #[must_use]
    pub fn of(&self, people: usize, marks: f64) -> f64 {
        self.per_screen + self.per_person * people as f64 + self.per_mark * marks
    }

    /// A model fitted to these screens by least squares, with this model as the prior, weighted as ten
    /// screens. Times beyond five times the expected time are breaks and are left out, as are invalid times.
    /// The fit is repeated once, with breaks judged by the first fit. No part falls below a tenth of this
    /// model's.
    #[must_use]
    pub fn fitted(&self, screens: &[TimedScreen]) -> Self {
        let first = self.fit_once(screens, self);
        self.fit_once(screens, &first)
    }

    fn fit_once(&self, screens: &[TimedScreen], expected: &Self) -> Self {
        let own = [self.per_screen, self.per_person, self.per_mark];
        // One typical screen of each form represents the defaults.
        let forms = [[1.0, 2.0, 0.0], [1.0, 13.0, 3.0], [1.0, 24.0, 1.0]];
        let (mut left, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
        let mut add = |x: [f64; 3], seconds: f64, weight: f64| {
            for i in 0..3 {
                right[i] += weight * x[i] * seconds;
                for j in 0..3 {
                    left[i][j] += weight * x[i] * x[j];
                }
            }
        };
        // The uncertainty of a time is proportional to the time.
        let weight = |seconds: f64| 1.0 / (seconds * seconds);
        for x in forms {
            let seconds = x.iter().zip(own).map(|(x, s)| x * s).sum::<f64>();
            add(x, seconds, weight(seconds) * PRIOR_SCREENS / 3.0);
        }
        for t in screens {
            let usual = expected.of(t.people as usize, t.marks.into());
            if t.seconds > 0.0 && t.seconds < BREAK_RATIO * usual {
                add([1.0, t.people.into(), t.marks.into()], t.seconds, weight(usual));
            }
        }
        let fit = solve(left, right);
        let at_least = |i: usize| if fit[i].is_finite() { fit[i].max(0.1 * own[i]) } else { own[i] };
        Self { per_screen: at_least(0), per_person: at_least(1), per_mark: at_least(2) }
    }
}

/// Solves a symmetric positive definite system of three equations by elimination.
pub(super) fn solve(mut left: [[f64; 3]; 3], mut right: [f64; 3]) -> [f64; 3] {
    for i in 0..3 {
        let pivot = left[i];
        for j in i + 1..3 {
            let part = left[j][i] / pivot[i];
            left[j].iter_mut().zip(pivot).for_each(|(l, p)| *l -= part * p);
            right[j] -= part * right[i];
        }
    }
    for i in (0..3).rev() {
        for j in i + 1..3 {
            right[i] -= left[i][j] * right[j];
        }
        right[i] /= left[i][i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_cost_what_their_parts_do() {
        let time_model = TimeModel { per_screen: 2.0, per_person: 1.0, per_mark: 3.0 };
        assert_eq!(
            (time_model.pair(), time_model.group(12, 11.0), time_model.sweep(10, 0.5)),
            (4.0, 18.0, 23.5)
        );
    }

    #[test]
    fn a_pace_is_found_again_in_its_own_times() {
        let true_one = TimeModel { per_screen: 0.9, per_person: 0.35, per_mark: 0.8 };
        let screens: Vec<TimedScreen> = (0..2000_u32)
            .map(|i| {
                let (people, marks) = [(2, 0), (13, i % 5), (24, i % 3)][i as usize % 3];
                // A third faster or slower, and sometimes a break.
                let noise = 1.0 + f64::from((i * 37) % 67) / 100.0 - 0.33;
                let seconds = true_one.of(people as usize, marks.into()) * noise;
                TimedScreen { people, marks, seconds: if i % 50 == 0 { 300.0 } else { seconds } }
            })
            .collect();
        let found = TimeModel::default().fitted(&screens);
        for (found, right) in [(found.per_screen, 0.9), (found.per_person, 0.35), (found.per_mark, 0.8)] {
            assert!((found / right - 1.0).abs() < 0.1, "{found} for {right}");
        }
        let few = TimeModel::default().fitted(&screens[..3]);
        assert!(few.per_person > 0.5 && few.per_person < 0.8, "three screens move it a little: {few:?}");
        // Two passes of the solver round differently from the original sums.
        let same = TimeModel::default().fitted(&[]);
        assert!(
            (same.per_screen - 1.63).abs() + (same.per_person - 0.8).abs() + (same.per_mark - 1.3).abs()
                < 1e-9
        );
        let odd =
            [f64::NAN, -1.0, 0.0, f64::INFINITY].map(|seconds| TimedScreen { people: 2, marks: 0, seconds });
        assert_eq!(TimeModel::default().fitted(&odd), same);
    }
}
