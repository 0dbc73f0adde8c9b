//! Progress of the review, and the remaining work.

use std::collections::{BTreeMap, HashMap};

use super::Queue;
use super::candidate_graph::CandidateGraph;

/// Progress of the review. All values are estimates from the probabilities of the candidate pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Pairwise F now. Clusters are assumed to be pure.
    pub f: f64,
    /// Pairwise F when no question is worth its time any more.
    pub f_at_end: f64,
    /// Answers that hold, not undone.
    pub answered: usize,
    /// Pairs still worth asking about.
    pub pairs_left: usize,
    /// Screens for these pairs.
    pub screens_left: usize,
    /// Seconds for these screens.
    pub seconds_left: f64,
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
    pub(super) fn of(graph: &CandidateGraph) -> Self {
        let wrong: f64 = graph.merges.all.iter().map(|j| j.wrong * j.pairs).sum();
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
        Score::of(&self.graph)
    }

    /// Progress of the review. O(k log m) for the k pairs of m still worth asking about, at most 50,000.
    pub fn progress(&mut self) -> Progress {
        self.propagate();
        let score = self.score();
        let time_model = self.settings.time_model;
        // Simulates the expected answers: likely pairs are joined, which makes later questions unnecessary.
        let mut parent: HashMap<u32, u32> = HashMap::new();
        let mut asked: BTreeMap<u32, usize> = BTreeMap::new();
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
            *asked.entry(host).or_default() += 1;
            if self.graph.probability(&self.model, e, self.settings.error) > 0.5 {
                parent.insert(a.max(b), a.min(b));
            }
        }
        let mut by_person: BTreeMap<u32, usize> = BTreeMap::new();
        for (host, pairs) in asked {
            *by_person.entry(find(&parent, host)).or_default() += pairs;
        }
        let (mut screens_left, mut seconds_left, mut single) = (0, 0.0, 0);
        for pairs in by_person.into_values() {
            if pairs == 1 {
                single += 1;
                continue;
            }
            let screens = pairs.div_ceil(self.settings.group);
            screens_left += screens;
            seconds_left += screens as f64 * (time_model.per_screen + time_model.per_person)
                + pairs as f64 * time_model.per_person;
        }
        let sweeps = usize::div_ceil(single, self.settings.sweep);
        screens_left += sweeps;
        seconds_left += sweeps as f64 * time_model.per_screen + 2.0 * single as f64 * time_model.per_person;
        let f_at_end = (score.f() + score.with(gained)).min(1.0);
        Progress { f: score.f(), f_at_end, answered: self.answered(), pairs_left, screens_left, seconds_left }
    }
}

fn find(parent: &HashMap<u32, u32>, mut x: u32) -> u32 {
    while let Some(&up) = parent.get(&x) {
        x = up;
    }
    x
}
