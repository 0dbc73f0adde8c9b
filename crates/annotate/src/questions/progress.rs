//! Progress of the review, and the remaining work.

use std::collections::{BTreeMap, HashMap};

use super::Queue;
use super::candidate_graph::CandidateGraph;

/// Progress of the review. All values are estimates from the probabilities of the candidate pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Pairwise F now. Clusters that may hold two people count with their expected wrong pairs.
    pub f: f64,
    /// Pairwise F when no question is worth its time any more.
    pub f_at_end: f64,
    /// Answers that hold, not undone.
    pub answered: usize,
    /// Pairs still worth asking about.
    pub pairs_left: usize,
    /// Screens for these pairs.
    pub screens_left: usize,
    /// Seconds for these screens, with the marks that are expected to be set.
    pub seconds_left: f64,
    /// Expected gain in F of a minute spent on the best question there is now.
    pub gain_per_minute: f64,
    /// Whether that is less than [`Settings::stop`](super::Settings::stop): it is worth stopping.
    pub worth_stopping: bool,
}

/// The counts of face pairs that pairwise F is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    /// Face pairs in one person.
    joined_pairs: f64,
    /// Of these, those that really are one person.
    joined_correctly: f64,
    /// Face pairs that really are one person.
    truly_same: f64,
}

impl Score {
    /// `within`: expected wrong face pairs within clusters.
    pub(super) fn of(graph: &CandidateGraph, within: f64) -> Self {
        let wrong: f64 = within + graph.merges.all.iter().map(|j| j.wrong * j.pairs).sum::<f64>();
        let joined_correctly = (graph.joined_pairs - wrong).max(graph.joined_pairs / 2.0);
        Self {
            joined_pairs: graph.joined_pairs,
            joined_correctly,
            truly_same: joined_correctly + graph.gain.sum(),
        }
    }

    pub(super) fn f(&self) -> f64 {
        f(self.joined_pairs, self.joined_correctly, self.truly_same)
    }

    /// Gain in F if this many more face pairs are joined correctly.
    pub(super) fn with(&self, pairs: f64) -> f64 {
        f(
            self.joined_pairs + pairs,
            self.joined_correctly + pairs,
            self.truly_same.max(self.joined_correctly + pairs),
        ) - self.f()
    }

    /// Gain in F if this many wrongly joined face pairs are separated.
    pub(super) fn without(&self, pairs: f64) -> f64 {
        f((self.joined_pairs - pairs).max(self.joined_correctly), self.joined_correctly, self.truly_same)
            - self.f()
    }
}

fn f(joined_pairs: f64, joined_correctly: f64, truly_same: f64) -> f64 {
    if joined_pairs + truly_same > 0.0 { 2.0 * joined_correctly / (joined_pairs + truly_same) } else { 1.0 }
}

/// Pairs examined at most.
const MAX_PAIRS: usize = 50_000;

impl Queue {
    pub(super) fn score(&self) -> Score {
        Score::of(&self.graph, self.wrong_within.max(0.0))
    }

    /// Progress of the review. O(k log m) for the k pairs of m still worth asking about, at most 50,000.
    pub fn progress(&mut self) -> Progress {
        self.propagate();
        let score = self.score();
        let time_model = self.settings.time_model;
        // Simulates the expected answers: likely pairs are joined, which makes later questions unnecessary.
        let mut parent: HashMap<u32, u32> = HashMap::new();
        let mut asked: BTreeMap<u32, Asked> = BTreeMap::new();
        let (mut gained, mut pairs_left) = (0.0, 0);
        let enough = self.settings.enough
            * (time_model.per_screen / self.settings.group as f64 + time_model.per_person);
        for id in self.graph.gain.descending().take(MAX_PAIRS) {
            let gain = self.graph.gain.get(id);
            if score.with(gain) < enough {
                break;
            }
            let e = &self.graph.edges[id];
            let (a, b) = (find(&parent, e.a), find(&parent, e.b));
            gained += gain;
            if a == b {
                continue;
            }
            pairs_left += 1;
            let host = if self.graph.size(e.a) >= self.graph.size(e.b) { a } else { b };
            let probability = self.graph.probability(&self.model, e, self.settings.error);
            asked.entry(host).or_default().add(1, probability);
            if probability > 0.5 {
                parent.insert(a.max(b), a.min(b));
            }
        }
        let mut by_person: BTreeMap<u32, Asked> = BTreeMap::new();
        for (host, of) in asked {
            by_person.entry(find(&parent, host)).or_default().add(of.pairs, of.same);
        }
        let (mut screens_left, mut seconds_left, mut single) = (0, 0.0, Asked::default());
        for of in by_person.into_values() {
            if of.pairs > 1 {
                let screens = of.pairs.div_ceil(self.settings.group);
                screens_left += screens;
                // Each screen shows the person, and marks are set on whichever are fewer.
                seconds_left += screens as f64 * (time_model.per_screen + time_model.per_person)
                    + of.pairs as f64 * time_model.per_person
                    + time_model.per_mark * of.same.min(of.pairs as f64 - of.same);
            } else if of.same >= self.settings.sure {
                single.add(1, of.same);
            } else {
                screens_left += 1;
                seconds_left += time_model.pair();
            }
        }
        let sweeps = usize::div_ceil(single.pairs, self.settings.sweep);
        screens_left += sweeps;
        seconds_left += sweeps as f64 * time_model.per_screen
            + 2.0 * single.pairs as f64 * time_model.per_person
            + time_model.per_mark * (single.pairs as f64 - single.same);
        let f_at_end = (score.f() + score.with(gained)).min(1.0);
        let rate = self.next(&[]).map_or(0.0, |question| question.rate());
        let rate = rate.max(score.without(self.most_mixed()) / time_model.pair());
        Progress {
            f: score.f(),
            f_at_end,
            answered: self.answered(),
            pairs_left,
            screens_left,
            seconds_left,
            gain_per_minute: 60.0 * rate,
            worth_stopping: rate < self.settings.stop,
        }
    }
}

/// Pairs to ask about, and how many of them are expected to be one person.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    pairs: usize,
    same: f64,
}

impl Asked {
    fn add(&mut self, pairs: usize, same: f64) {
        self.pairs += pairs;
        self.same += same;
    }
}

fn find(parent: &HashMap<u32, u32>, mut x: u32) -> u32 {
    while let Some(&up) = parent.get(&x) {
        x = up;
    }
    x
}
