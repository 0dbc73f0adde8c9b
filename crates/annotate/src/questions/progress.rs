//! How far it is, and what is left.

use std::collections::{BTreeMap, HashMap};

use super::Queue;
use super::board::Board;

/// Where things stand. All of it is an estimate, from the chances of the pairs that are candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Pairwise F now. Clusters themselves are taken to be of one person.
    pub f: f64,
    /// Pairwise F once nothing is worth asking any more.
    pub f_at_end: f64,
    /// Answers that hold.
    pub answered: usize,
    /// Pairs still worth asking about.
    pub pairs_left: usize,
    /// Screens they take.
    pub screens_left: usize,
    /// Seconds they take.
    pub seconds_left: f64,
}

/// The pairs of faces that pairwise F is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    /// Made one person's.
    together: f64,
    /// Of these, rightly.
    rightly: f64,
    /// One person's in truth.
    truly: f64,
}

impl Score {
    pub(super) fn of(board: &Board) -> Self {
        let wrong: f64 = board.joins.all.iter().map(|j| j.wrong * j.pairs).sum();
        let rightly = (board.together - wrong).max(board.together / 2.0);
        Self { together: board.together, rightly, truly: rightly + board.worth.sum() }
    }

    pub(super) fn f(&self) -> f64 {
        f(self.together, self.rightly, self.truly)
    }

    /// The gain when so many pairs more are joined rightly.
    pub(super) fn with(&self, pairs: f64) -> f64 {
        f(self.together + pairs, self.rightly + pairs, self.truly.max(self.rightly + pairs)) - self.f()
    }

    /// The gain when so many pairs are taken apart that were joined wrongly.
    pub(super) fn without(&self, pairs: f64) -> f64 {
        f((self.together - pairs).max(self.rightly), self.rightly, self.truly) - self.f()
    }
}

fn f(together: f64, rightly: f64, truly: f64) -> f64 {
    if together + truly > 0.0 { 2.0 * rightly / (together + truly) } else { 1.0 }
}

/// Pairs gone through at most: beyond them the rest is told in proportion.
const MOST: usize = 50_000;

impl Queue {
    pub(super) fn score(&self) -> Score {
        Score::of(&self.board)
    }

    /// Where things stand. O(k log m) for the k pairs of m still worth asking about, at most 50,000.
    pub fn progress(&mut self) -> Progress {
        self.settle();
        let score = self.score();
        let pace = self.settings.pace;
        // As the answers are expected to be: whoever is likely one person becomes one, and spares what
        // follows.
        let mut parent: HashMap<u32, u32> = HashMap::new();
        let mut asked: BTreeMap<u32, usize> = BTreeMap::new();
        let (mut gained, mut pairs_left) = (0.0, 0);
        let enough = self.settings.enough * (pace.screen / self.settings.group as f64 + pace.look);
        for id in self.board.worth.descending().take(MOST) {
            let worth = self.board.worth.get(id);
            if score.with(worth) < enough {
                break;
            }
            let e = &self.board.edges[id];
            let (a, b) = (find(&parent, e.a), find(&parent, e.b));
            gained += worth;
            if a == b {
                continue;
            }
            pairs_left += 1;
            let host = if self.board.size(e.a) >= self.board.size(e.b) { a } else { b };
            *asked.entry(host).or_default() += 1;
            if self.board.chance(&self.chance, e, self.settings.error) > 0.5 {
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
            seconds_left += screens as f64 * (pace.screen + pace.look) + pairs as f64 * pace.look;
        }
        let sweeps = usize::div_ceil(single, self.settings.sweep);
        screens_left += sweeps;
        seconds_left += sweeps as f64 * pace.screen + 2.0 * single as f64 * pace.look;
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
