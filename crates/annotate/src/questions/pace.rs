//! How long an answer takes.

/// Seconds of a person's time for a screen, as a sum: the screen itself, each person looked at, each mark
/// set.
///
/// A look costs the same in every form, so that forms differ only in what they spare: screens, and the second
/// look at a person who stays in view.
///
/// The defaults are assumptions until the answers' own times replace them ([`Pace::fitted`]). They are put
/// together from the keystroke-level model (Card, Moran & Newell 1980): preparing 1.35 s and a key .28 s for
/// a screen, pointing 1.1 s and a click .2 s for a mark. A face is recognised in two fixations (Hsiao &
/// Cottrell 2008), some half a second; .8 s a person leaves time for a second face of theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// For a screen: seeing what is asked, making up one's mind, one key. Default 1.63.
    pub screen: f64,
    /// For each person looked at. Default .8.
    pub look: f64,
    /// For each mark set. Default 1.3.
    pub mark: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { screen: 1.63, look: 0.8, mark: 1.3 }
    }
}

/// What was on a screen, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed {
    /// People looked at: 2 for a pair, 1 and the candidates for a group, 2 a pair for a sweep.
    pub looks: u32,
    /// Marks set.
    pub marks: u32,
    /// From showing to answer.
    pub seconds: f64,
}

/// Screens that the defaults count as much as.
const DEFAULTS_COUNT: f64 = 10.0;
/// A screen that took so many times what was expected was left for something else, and says nothing.
const PAUSE: f64 = 5.0;

impl Pace {
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
    pub fn of(&self, looks: usize, marks: f64) -> f64 {
        self.screen + self.look * looks as f64 + self.mark * marks
    }

    /// The pace of these screens: least squares, drawn towards this one as if it had been seen on ten
    /// screens. Times beyond five times what this one expects are breaks and left out, as are times that are
    /// no times; what is left is fitted twice, the second time without breaks by the first fit. No part falls
    /// below a tenth of this one's.
    #[must_use]
    pub fn fitted(&self, screens: &[Timed]) -> Self {
        let first = self.towards(screens, self);
        self.towards(screens, &first)
    }

    fn towards(&self, screens: &[Timed], expected: &Self) -> Self {
        let own = [self.screen, self.look, self.mark];
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
            add(x, seconds, weight(seconds) * DEFAULTS_COUNT / 3.0);
        }
        for t in screens {
            let usual = expected.of(t.looks as usize, t.marks.into());
            if t.seconds > 0.0 && t.seconds < PAUSE * usual {
                add([1.0, t.looks.into(), t.marks.into()], t.seconds, weight(usual));
            }
        }
        let fit = solve(left, right);
        let at_least = |i: usize| if fit[i].is_finite() { fit[i].max(0.1 * own[i]) } else { own[i] };
        Self { screen: at_least(0), look: at_least(1), mark: at_least(2) }
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
        let pace = Pace { screen: 2.0, look: 1.0, mark: 3.0 };
        assert_eq!((pace.pair(), pace.group(12, 11.0), pace.sweep(10, 0.5)), (4.0, 18.0, 23.5));
    }

    #[test]
    fn a_pace_is_found_again_in_its_own_times() {
        let true_one = Pace { screen: 0.9, look: 0.35, mark: 0.8 };
        let screens: Vec<Timed> = (0..2000_u32)
            .map(|i| {
                let (looks, marks) = [(2, 0), (13, i % 5), (24, i % 3)][i as usize % 3];
                // A third faster or slower, and a break now and then.
                let noise = 1.0 + f64::from((i * 37) % 67) / 100.0 - 0.33;
                let seconds = true_one.of(looks as usize, marks.into()) * noise;
                Timed { looks, marks, seconds: if i % 50 == 0 { 300.0 } else { seconds } }
            })
            .collect();
        let found = Pace::default().fitted(&screens);
        for (found, right) in [(found.screen, 0.9), (found.look, 0.35), (found.mark, 0.8)] {
            assert!((found / right - 1.0).abs() < 0.1, "{found} for {right}");
        }
        let few = Pace::default().fitted(&screens[..3]);
        assert!(few.look > 0.5 && few.look < 0.8, "three screens move it a little: {few:?}");
        // Two passes of the solver round differently from the sums they started from.
        let same = Pace::default().fitted(&[]);
        assert!((same.screen - 1.63).abs() + (same.look - 0.8).abs() + (same.mark - 1.3).abs() < 1e-9);
        let odd = [f64::NAN, -1.0, 0.0, f64::INFINITY].map(|seconds| Timed { looks: 2, marks: 0, seconds });
        assert_eq!(Pace::default().fitted(&odd), same);
    }
}
