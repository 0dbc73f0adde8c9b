//! The merge forest: the answers that joined people, each of which may be wrong.

use streamface_types::embedding::{cosine, dot};

use super::Clusters;
use streamface_eval::mixture::sigmoid;

use super::match_probability::{MatchProbability, answer_log_odds};

/// An answer that joined two people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merge {
    pub(super) answer: u32,
    /// The clusters that the answer named.
    pub(super) a: u32,
    pub(super) b: u32,
    /// Answers that agree minus answers that disagree.
    pub(super) votes: i16,
    /// Probability that it is wrong: that the two parts which only this merge connects are two people.
    pub(super) wrong: f64,
    /// Pairs of faces across the two parts.
    pub(super) pairs: f64,
    /// Distance of the means of the two parts.
    pub(super) distance: f64,
    /// Their faces.
    sizes: (u32, u32),
}

/// One tree of merges for each person of several clusters.
pub(super) struct MergeForest {
    pub(super) all: Vec<Merge>,
    /// Merges of each person.
    of: Vec<Vec<u32>>,
    /// Scratch: position of a cluster in the tree being built.
    place: Vec<u32>,
}

impl MergeForest {
    pub(super) fn new(clusters: usize) -> Self {
        Self { all: Vec::new(), of: vec![Vec::new(); clusters], place: vec![u32::MAX; clusters] }
    }

    /// Records that `root` and `other` were joined by an answer that named `a` and `b`.
    pub(super) fn add(&mut self, root: u32, other: u32, answer: u32, (a, b): (u32, u32)) {
        let id = self.all.len() as u32;
        self.all.push(Merge { answer, a, b, votes: 1, wrong: 0.0, pairs: 0.0, distance: 0.0, sizes: (0, 0) });
        merge_lists(&mut self.of, other, root);
        self.of[root as usize].push(id);
    }

    /// Counts an answer about two clusters of one person as a vote on every merge between them.
    pub(super) fn vote(&mut self, person: u32, pair: (u32, u32), vote: i16) {
        for id in self.path(person, pair) {
            let votes = &mut self.all[id as usize].votes;
            *votes = votes.saturating_add(vote);
        }
    }

    /// The probability that a merge between two clusters of one person is wrong, and the face pairs across
    /// the merge that is most likely wrong.
    pub(super) fn between(&mut self, person: u32, pair: (u32, u32)) -> (f64, f64) {
        let path: Vec<Merge> = self.path(person, pair).into_iter().map(|id| self.all[id as usize]).collect();
        let right: f64 = path.iter().map(|j| 1.0 - j.wrong).product();
        let worst = path.iter().max_by(|a, b| a.wrong.total_cmp(&b.wrong));
        (1.0 - right, worst.map_or(0.0, |j| j.pairs))
    }

    /// The merges between two clusters of a person.
    fn path(&mut self, person: u32, (a, b): (u32, u32)) -> Vec<u32> {
        let tree = self.tree(person);
        let up = |cluster: u32| {
            let start = tree.clusters.iter().position(|&c| c == cluster);
            std::iter::successors(start, |&at| tree.up[at].map(|(parent, _)| parent)).collect::<Vec<_>>()
        };
        let (mut left, mut right) = (up(a), up(b));
        while left.len() > 1 && right.len() > 1 && left[left.len() - 2] == right[right.len() - 2] {
            left.pop();
            right.pop();
        }
        // The paths end where they meet.
        left.pop();
        right.pop();
        left.iter().chain(&right).filter_map(|&at| tree.up[at].map(|(_, id)| id)).collect()
    }

    /// Updates the probabilities that merges are wrong: of these people, or of all.
    pub(super) fn judge(&mut self, model: &MatchProbability, error: f64, people: Option<&[u32]>) {
        let judge = |join: &mut Merge| {
            let odds =
                model.log_odds(join.distance, join.sizes) + f64::from(join.votes) * answer_log_odds(error);
            join.wrong = if join.pairs == 0.0 { 0.0 } else { sigmoid(-odds) };
        };
        match people {
            None => self.all.iter_mut().for_each(judge),
            Some(people) => {
                for id in people.iter().flat_map(|&p| &self.of[p as usize]) {
                    judge(&mut self.all[*id as usize]);
                }
            }
        }
    }

    /// Measures the two parts that each merge of a person connects. O(merges · d).
    pub(super) fn measure(&mut self, clusters: &Clusters, noise: &[bool], person: u32) {
        if self.of[person as usize].is_empty() {
            return;
        }
        let tree = self.tree(person);
        let d = clusters.means.dim();
        let faces = |c: u32| if noise[c as usize] { 0 } else { clusters.sizes[c as usize] };
        let mut sizes: Vec<u32> = tree.clusters.iter().map(|&c| faces(c)).collect();
        let mut sums: Vec<f32> = Vec::with_capacity(sizes.len() * d);
        for (&c, &size) in tree.clusters.iter().zip(&sizes) {
            sums.extend(clusters.means.row(c as usize).iter().map(|m| size as f32 * m));
        }
        // Children come after their parents, so each sum is complete when it is added to the parent.
        for at in (1..sizes.len()).rev() {
            if let Some((parent, _)) = tree.up[at] {
                sizes[parent] += sizes[at];
                let (before, own) = sums.split_at_mut(at * d);
                before[parent * d..][..d].iter_mut().zip(own).for_each(|(p, o)| *p += *o);
            }
        }
        let (total, all) = (sums[..d].to_vec(), sizes[0]);
        let mut rest = vec![0.0; d];
        for at in 1..sizes.len() {
            let Some((_, id)) = tree.up[at] else { continue };
            let part = &sums[at * d..][..d];
            rest.iter_mut().zip(&total).zip(part).for_each(|((r, t), p)| *r = t - p);
            let (m, n) = (sizes[at], all - sizes[at]);
            let join = &mut self.all[id as usize];
            join.pairs = f64::from(m) * f64::from(n);
            join.distance = cosine(dot(part, &rest), dot(part, part), dot(&rest, &rest));
            join.sizes = (m, n);
        }
    }

    /// The clusters of a person, starting with the smallest, each after its parent.
    fn tree(&mut self, person: u32) -> Tree {
        let merges = &self.of[person as usize];
        let mut around: Vec<Vec<(u32, u32)>> = Vec::new();
        let mut named = Vec::new();
        for &id in merges {
            let Merge { a, b, .. } = self.all[id as usize];
            for (c, other) in [(a, b), (b, a)] {
                if self.place[c as usize] == u32::MAX {
                    self.place[c as usize] = named.len() as u32;
                    named.push(c);
                    around.push(Vec::new());
                }
                around[self.place[c as usize] as usize].push((other, id));
            }
        }
        around.iter_mut().for_each(|a| a.sort_unstable());
        let mut tree = Tree { clusters: Vec::new(), up: Vec::new() };
        // `place` is the index of a cluster's edges until the cluster is in the tree, then `u32::MAX`.
        let mut open = vec![(person, None)];
        while let Some((cluster, up)) = open.pop() {
            let at = self.place[cluster as usize];
            if at == u32::MAX {
                continue;
            }
            self.place[cluster as usize] = u32::MAX;
            let own = tree.clusters.len();
            tree.clusters.push(cluster);
            tree.up.push(up);
            open.extend(around[at as usize].iter().map(|&(other, id)| (other, Some((own, id)))));
        }
        tree
    }
}

struct Tree {
    clusters: Vec<u32>,
    /// Position of the parent, and the merge that connects the two.
    up: Vec<Option<(usize, u32)>>,
}

/// Moves the list at `from` into the list at `to`, appending the shorter to the longer.
pub(super) fn merge_lists(lists: &mut [Vec<u32>], from: u32, to: u32) {
    let mut more = std::mem::take(&mut lists[from as usize]);
    let list = &mut lists[to as usize];
    if more.len() > list.len() {
        std::mem::swap(list, &mut more);
    }
    list.append(&mut more);
}
