//! How long an answer takes.

/// Seconds of a person's time for a screen, as a sum: the screen itself, each person looked at, each mark
/// set.
///
/// A look costs the same in every form, so that forms differ only in what they spare: screens, and the second
/// look at a person who stays in view.
///
/// The defaults are assumptions until the answers' own times replace them ([`TimeModel::fitted`]). They are put
/// together from the keystroke-level model (Card, Moran & Newell 1980): preparing 1.35 s and a key .28 s for
/// a screen, pointing 1.1 s and a click .2 s for a mark. A face is recognised in two fixations (Hsiao &
/// Cottrell 2008), some half a second; .8 s a person leaves time for a second face of theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeModel {
    /// For a screen: seeing what is asked, making up one's mind, one key. Default 1.63.
    pub per_screen: f64,
    /// For each person looked at. Default .8.
    pub per_person: f64,
    /// For each mark set. Default 1.3.
    pub per_mark: f64,
}

impl Default for TimeModel {
    fn default() -> Self {
        Self { per_screen: 1.63, per_person: 0.8, per_mark: 1.3 }
    }
}

/// Action was on a screen, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedScreen {
    /// People looked at: 2 for a pair, 1 and the candidates for a group, 2 a pair for a sweep.
    pub people: u32,
    /// OpposedPairs set.
    pub marks: u32,
    /// From showing to answer.
    pub seconds: f64,
}

/// Screens that the defaults count as much as.
const PRIOR_SCREENS: f64 = 10.0;
/// A screen that took so many times what was expected was left for something else, and says nothing.
const BREAK_RATIO: f64 = 5.0;

impl TimeModel {
    /// A pair: two people, one key.
    #[must_use]
    pub fn pair(&self) -> f64 {
        self.of(2, 0.0)
    }

    /// A person and `candidates`, of whom `same` are expected to be the person. Marked are those that are the
    /// same, or, where these are more, those that are not: one key takes all.
    #[must_use]
    pub fn group(&self, candidates: usize, same: f64) -> f64 {
        self.of(1 + candidates, same.min(candidates as f64 - same).max(0.0))
    }

    /// A grid of `pairs`, of which `wrong` are expected to be marked.
    #[must_use]
    pub fn sweep(&self, pairs: usize, wrong: f64) -> f64 {
        self.of(2 * pairs, wrong)
    }

    /// Any screen.
    #[must_use]
    pub fn of(&self, people: usize, marks: f64) -> f64 {
        self.per_screen + self.per_person * people as f64 + self.per_mark * marks
    }

    /// The pace of these screens: least squares, drawn fit_once this one as if it had been seen on ten
    /// screens. Times beyond five times what this one expects are breaks and left out, as are times that are
    /// no times; what is left is fitted twice, the second time without breaks by the first fit. No part falls
    /// below a tenth of this one's.
    #[must_use]
    pub fn fitted(&self, screens: &[TimedScreen]) -> Self {
        let first = self.fit_once(screens, self);
        self.fit_once(screens, &first)
    }

    fn fit_once(&self, screens: &[TimedScreen], expected: &Self) -> Self {
        let own = [self.per_screen, self.per_person, self.per_mark];
        // A typical screen of each form stands for the defaults.
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
        // A long screen's time is as uncertain as it is long.
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

/// A symmetric positive definite system of three, by elimination.
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
                // A third faster or slower, and a break now and then.
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
        // Two passes of the solver round differently from the sums they started from.
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
