//! Propagation: what follows from the answers, computed before the next question.

use rayon::prelude::*;

use super::Clusters;
use super::candidate_graph::{CandidateGraph, Edge};
use streamface_eval::mixture::sigmoid;

use super::match_probability::{MatchProbability, answer_log_odds};
use super::tournament::Tournament;

/// Votes at which a pair counts as answered and is not asked again.
const CLOSED_AT_VOTES: i16 = -3;
/// A pair that was "not sure", or a skipped person, may be asked about again when it has grown by this
/// factor.
const REASK_GROWTH: f64 = 2.0;
/// From this many edges on, threads are faster.
const PARALLEL_MIN_EDGES: usize = 1 << 13;

impl CandidateGraph {
    /// Recomputes what the answers since the last call have changed, or everything if `all`. `error` is the
    /// rate of wrong answers.
    pub(super) fn propagate(&mut self, clusters: &Clusters, model: &MatchProbability, error: f64, all: bool) {
        let mut dirty: Vec<u32> =
            std::mem::take(&mut self.dirty).into_iter().map(|x| self.person(x)).collect();
        dirty.sort_unstable();
        dirty.dedup();
        let mut kept = vec![u32::MAX; if dirty.is_empty() { 0 } else { self.len() }];
        for &person in &dirty {
            self.tidy(person, &mut kept);
        }
        let mut moved: Vec<u32> =
            dirty.iter().flat_map(|&p| self.lists[p as usize].iter().copied()).collect();
        moved.sort_unstable();
        moved.dedup();
        let distances = each(&moved, |&id| self.distance_of(clusters, id));
        for (&id, distance) in moved.iter().zip(distances) {
            self.edges[id as usize].distance = distance;
        }
        let gain = |e: &Edge| self.gain_of(model, error, e);
        if all {
            self.gain = Tournament::new(each(&self.edges, gain));
        } else {
            let gain = each(&moved, |&id| gain(&self.edges[id as usize]));
            for (&id, gain) in moved.iter().zip(gain) {
                self.gain.set(id as usize, gain);
            }
        }
        for &person in &dirty {
            self.merges.measure(clusters, &self.noise, person);
        }
        self.merges.judge(model, error, if all { None } else { Some(&dirty) });
    }

    /// Keeps one edge to each other person. `kept` is scratch: all `u32::MAX` before and after.
    fn tidy(&mut self, person: u32, kept: &mut [u32]) {
        let mut list = std::mem::take(&mut self.lists[person as usize]);
        // The smaller edge stays, so that the order in which people were joined does not matter.
        list.sort_unstable();
        list.retain(|&id| {
            let e = self.edges[id as usize];
            if e.gone {
                return false;
            }
            let (x, y) = (self.person(e.a), self.person(e.b));
            let other = if x == person { y } else { x };
            let first = kept[other as usize];
            if x == y || first != u32::MAX && first != id {
                self.edges[id as usize].gone = true;
                self.gain.set(id as usize, 0.0);
                if x != y {
                    let first = &mut self.edges[first as usize];
                    first.votes = first.votes.saturating_add(e.votes);
                    first.cannot_link |= e.cannot_link;
                    first.unsure = first.unsure.max(e.unsure);
                }
                return false;
            }
            if first == id {
                return false;
            }
            kept[other as usize] = id;
            (self.edges[id as usize].a, self.edges[id as usize].b) = (x.min(y), x.max(y));
            true
        });
        for &id in &list {
            kept[self.edges[id as usize].other(person) as usize] = u32::MAX;
        }
        self.lists[person as usize] = list;
    }

    /// Distance of two people, one of whom may have changed. The given distance is valid as long as both are
    /// the clusters it was given for.
    fn distance_of(&self, clusters: &Clusters, id: u32) -> f64 {
        let e = &self.edges[id as usize];
        let alone = |p: u32| self.sums[p as usize].is_none();
        if e.cannot_link || alone(e.a) && alone(e.b) { e.distance } else { self.distance(clusters, e.a, e.b) }
    }

    fn gain_of(&self, model: &MatchProbability, error: f64, e: &Edge) -> f64 {
        if e.gone || e.cannot_link || e.votes <= CLOSED_AT_VOTES {
            return 0.0;
        }
        let (m, n) = (self.size(e.a), self.size(e.b));
        let pairs = f64::from(m) * f64::from(n);
        let skip = |p: u32| {
            let at = f64::from(self.skipped[p as usize]);
            at > 0.0 && f64::from(self.size(p)) < REASK_GROWTH * at
        };
        let unsure = e.unsure > 0.0 && pairs < REASK_GROWTH * e.unsure;
        if pairs == 0.0 || unsure || skip(e.a) || skip(e.b) {
            return 0.0;
        }
        pairs * sigmoid(edge_log_odds(model, e.distance, (m, n), e.votes, error))
    }

    /// Probability that the two people of an edge are one, given the answers about them.
    pub(super) fn probability(&self, model: &MatchProbability, e: &Edge, error: f64) -> f64 {
        if e.cannot_link {
            return 0.0;
        }
        sigmoid(edge_log_odds(model, e.distance, (self.size(e.a), self.size(e.b)), e.votes, error))
    }
}

/// Applies `f` on several threads if there are enough items; the order is kept.
fn each<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    if items.len() < PARALLEL_MIN_EDGES {
        items.iter().map(f).collect()
    } else {
        items.par_iter().map(f).collect()
    }
}

/// Each answer adds the log-odds of being right.
fn edge_log_odds(model: &MatchProbability, distance: f64, sizes: (u32, u32), votes: i16, error: f64) -> f64 {
    model.log_odds(distance, sizes) + f64::from(votes) * answer_log_odds(error)
}
