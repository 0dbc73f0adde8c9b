//! A slow, obvious queue that keeps nothing but the answers.

use std::collections::BTreeMap;

use streamface_eval::mixture::sigmoid;
use streamface_types::Metric;

use super::super::match_probability::answer_log_odds;
use super::super::{AnswerKind, Clusters, Outcome, Queue};
use super::DIM;

/// The slow, obvious way: after each answer all is found anew from what was said.
pub(super) struct Twin {
    pub(super) person: Vec<u32>,
    pub(super) noise: Vec<bool>,
    /// Answers about two people, by cluster: votes, and face pairs if it was "not sure".
    pub(super) said: Vec<(u32, u32, i32, f64)>,
    pub(super) skipped: Vec<(u32, u32)>,
    /// MergeForest with their votes.
    pub(super) merges: Vec<(u32, u32, i32)>,
}

impl Twin {
    pub(super) fn new(n: usize) -> Self {
        Self {
            person: (0..n as u32).collect(),
            noise: vec![false; n],
            said: Vec::new(),
            skipped: Vec::new(),
            merges: Vec::new(),
        }
    }

    pub(super) fn size(&self, clusters: &Clusters, person: u32) -> u32 {
        let of = (0..self.person.len()).filter(|&c| self.person[c] == person && !self.noise[c]);
        of.map(|c| clusters.sizes[c]).sum()
    }

    pub(super) fn between(&self, x: u32, y: u32) -> impl Iterator<Item = &(u32, u32, i32, f64)> {
        self.said.iter().filter(move |s| {
            let (a, b) = (self.person[s.0 as usize], self.person[s.1 as usize]);
            (a, b) == (x, y) || (a, b) == (y, x)
        })
    }

    pub(super) fn cannot_link(&self, clusters: &Clusters, x: u32, y: u32) -> bool {
        clusters.cannot_link.iter().any(|&(a, b)| {
            let (a, b) = (self.person[a as usize], self.person[b as usize]);
            (a, b) == (x, y) || (a, b) == (y, x)
        })
    }

    /// Clusters reached from `from` over joins other than `without`.
    pub(super) fn reached(&self, from: u32, without: usize) -> Vec<u32> {
        let mut reached = vec![from];
        let mut at = 0;
        while at < reached.len() {
            for (k, &(a, b, _)) in self.merges.iter().enumerate().filter(|(k, _)| *k != without) {
                let _ = k;
                for (one, other) in [(a, b), (b, a)] {
                    if one == reached[at] && !reached.contains(&other) {
                        reached.push(other);
                    }
                }
            }
            at += 1;
        }
        reached
    }

    pub(super) fn apply(&mut self, clusters: &Clusters, said: AnswerKind) -> Outcome {
        let (a, b, vote) = match said {
            AnswerKind::Same(a, b) => (a, b, 1),
            AnswerKind::Different(a, b) => (a, b, -1),
            AnswerKind::NotSure(a, b) => (a, b, 0),
            AnswerKind::Skip(a) => {
                self.skipped.push((a, self.size(clusters, self.person[a as usize])));
                return Outcome::Noted;
            }
            AnswerKind::Noise(a) => {
                let before = std::mem::replace(&mut self.noise[a as usize], true);
                return if before { Outcome::Known } else { Outcome::Noted };
            }
        };
        let (x, y) = (self.person[a as usize], self.person[b as usize]);
        if x == y {
            for k in 0..self.merges.len() {
                let part = self.reached(a, k);
                if self.person[self.merges[k].0 as usize] == x && !part.contains(&b) {
                    self.merges[k].2 += vote;
                }
            }
            return if vote == -1 { Outcome::Conflict } else { Outcome::Known };
        }
        let votes: i32 = self.between(x, y).map(|s| s.2).sum();
        let pairs = f64::from(self.size(clusters, x)) * f64::from(self.size(clusters, y));
        self.said.push((a, b, vote, if vote == 0 { pairs } else { 0.0 }));
        if vote != 1 {
            return Outcome::Noted;
        }
        if votes < 0 || self.cannot_link(clusters, x, y) {
            return Outcome::Conflict;
        }
        self.merges.push((a, b, 1));
        for p in &mut self.person {
            if *p == x.max(y) {
                *p = x.min(y);
            }
        }
        Outcome::Joined
    }

    pub(super) fn mean(&self, clusters: &Clusters, of: impl Iterator<Item = u32>) -> Vec<f32> {
        let mut sum = vec![0.0_f64; DIM];
        for c in of.filter(|&c| !self.noise[c as usize]) {
            let row = clusters.means.row(c as usize);
            sum.iter_mut()
                .zip(row)
                .for_each(|(s, &m)| *s += f64::from(m) * f64::from(clusters.sizes[c as usize]));
        }
        sum.into_iter().map(|s| s as f32).collect()
    }

    /// The gain of a question about each two people.
    pub(super) fn gain(&self, clusters: &Clusters, queue: &Queue) -> BTreeMap<(u32, u32), f64> {
        let mut gain = BTreeMap::new();
        let asked = clusters.candidates.iter().map(|c| (c.left, c.right));
        for (a, b) in asked.chain(self.said.iter().map(|s| (s.0, s.1))) {
            let (x, y) = (self.person[a as usize], self.person[b as usize]);
            let (x, y) = (x.min(y), x.max(y));
            if x == y || self.cannot_link(clusters, x, y) {
                continue;
            }
            let sizes = (self.size(clusters, x), self.size(clusters, y));
            let pairs = f64::from(sizes.0) * f64::from(sizes.1);
            let votes: i32 = self.between(x, y).map(|s| s.2).sum();
            let unsure = self.between(x, y).map(|s| s.3).fold(0.0, f64::max);
            let skip = |p: u32, size: u32| {
                let at = self.skipped.iter().filter(|s| self.person[s.0 as usize] == p).map(|s| s.1).max();
                at.is_some_and(|at| at > 0 && size < 2 * at)
            };
            let people =
                |p: u32| (0..self.person.len() as u32).filter(move |&c| self.person[c as usize] == p);
            let left = self.mean(clusters, people(x));
            let distance = Metric::Cosine.distance(&left, &self.mean(clusters, people(y)));
            let closed = votes <= -3 || unsure > 0.0 && pairs < 2.0 * unsure;
            let odds = queue.model.log_odds(distance, sizes)
                + f64::from(votes) * answer_log_odds(queue.settings.error);
            if pairs > 0.0 && !closed && !skip(x, sizes.0) && !skip(y, sizes.1) {
                gain.insert((x, y), pairs * sigmoid(odds));
            }
        }
        gain
    }
}
