//! Which answers are likely wrong.

use super::{AnswerKind, Outcome, Queue};

/// An answer that may be wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suspect {
    /// Its number.
    pub answer: usize,
    /// Probability that it is wrong.
    pub wrong: f64,
    /// Face pairs that would change.
    pub pairs: f64,
}

/// An answer faster than this fraction of the expected time is hasty.
const HASTY_TIME_RATIO: f64 = 0.4;
/// Factor on the odds that a hasty answer is wrong.
const HASTY_ODDS: f64 = 3.0;

impl Queue {
    /// All comparisons that hold, the most likely wrong first; on a tie the one that changes more. Each is
    /// judged by everything known now: the current people, the other answers on the same two, and haste.
    ///
    /// O(answers · (merges of the people concerned + edges)).
    pub fn suspects(&mut self) -> Vec<Suspect> {
        self.propagate();
        let mut join_of = vec![None; self.answers.len()];
        for join in &self.graph.merges.all {
            join_of[join.answer as usize] = Some(*join);
        }
        let mut suspects = Vec::new();
        for (answer, given) in self.answers.iter().enumerate().filter(|(_, g)| !g.taken_back) {
            let (same, a, b) = match given.answer.kind {
                AnswerKind::Same(a, b) => (true, a, b),
                AnswerKind::Different(a, b) => (false, a, b),
                _ => continue,
            };
            let (x, y) = (self.graph.person(a), self.graph.person(b));
            let (wrong, pairs) = if let Some(join) = join_of[answer] {
                (join.wrong, join.pairs)
            } else if x == y {
                let (wrong, pairs) = self.graph.merges.between(x, (a, b));
                (if same { wrong } else { 1.0 - wrong }, pairs)
            } else {
                let edge = self.graph.edge(x, y);
                let one = edge.map_or(0.0, |e| self.graph.probability(&self.model, e, self.settings.error));
                let pairs = f64::from(self.graph.size(x)) * f64::from(self.graph.size(y));
                (if same { 1.0 - one } else { one }, pairs)
            };
            debug_assert!(join_of[answer].is_none() || given.outcome == Outcome::Joined);
            let hasty = given.answer.relative_time.is_some_and(|t| t < HASTY_TIME_RATIO);
            let wrong = if hasty { HASTY_ODDS * wrong / (1.0 + (HASTY_ODDS - 1.0) * wrong) } else { wrong };
            suspects.push(Suspect { answer, wrong, pairs });
        }
        suspects.sort_by(|a, b| {
            b.wrong.total_cmp(&a.wrong).then(b.pairs.total_cmp(&a.pairs)).then(a.answer.cmp(&b.answer))
        });
        suspects
    }
}
