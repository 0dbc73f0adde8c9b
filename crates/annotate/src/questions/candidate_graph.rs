//! The candidate graph: people by the answers so far, and an edge for each pair of them that may be one.

use streamface_types::embedding::{cosine, dot};

use super::merge_forest::{MergeForest, merge_lists};
use super::tournament::Tournament;
use super::{AnswerKind, Clusters, Outcome};

/// A pair of people. There is one edge for every candidate, for every pair that shares a frame, and for every
/// other pair that was compared. When clusters are joined, parallel edges are merged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) distance: f64,
    /// Product of the sizes when the answer was "not sure"; 0 without such an answer.
    pub(super) unsure: f64,
    /// Answers "same" minus answers "different".
    pub(super) votes: i16,
    /// The two share a frame.
    pub(super) cannot_link: bool,
    /// Merged into another edge, or both ends are one person.
    pub(super) gone: bool,
}

impl Edge {
    /// The end that is not `person`.
    pub(super) fn other(&self, person: u32) -> u32 {
        if self.a == person { self.b } else { self.a }
    }
}

pub(super) struct CandidateGraph {
    parent: Vec<u32>,
    /// Faces of each person, stored at the person's smallest cluster.
    size: Vec<u32>,
    /// Sum of all faces, for people of several clusters.
    pub(super) sums: Vec<Option<Box<[f32]>>>,
    /// Squared length of the person's sum or, without one, of the cluster's mean.
    lengths: Vec<f64>,
    pub(super) noise: Vec<bool>,
    /// Faces that a person had when it was skipped.
    pub(super) skipped: Vec<u32>,
    pub(super) edges: Vec<Edge>,
    /// Edges of each person. Some may be gone, or name clusters that have been joined since.
    pub(super) lists: Vec<Vec<u32>>,
    pub(super) merges: MergeForest,
    pub(super) dirty: Vec<u32>,
    /// Pairs of faces in one person.
    pub(super) joined_pairs: f64,
    /// Expected number of face pairs that a question about each edge would join; 0 where it is not to be
    /// asked.
    pub(super) gain: Tournament,
}

/// A comparison as an observation for the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) distance: f64,
    pub(super) sizes: (u32, u32),
    pub(super) same: bool,
}

impl CandidateGraph {
    /// No answers yet; gains are computed by the first [`CandidateGraph::propagate`].
    pub(super) fn new(clusters: &Clusters) -> Self {
        let n = clusters.sizes.len();
        let edge = |a, b, distance, cannot_link| Edge {
            a,
            b,
            distance,
            unsure: 0.0,
            votes: 0,
            cannot_link,
            gone: false,
        };
        let mut edges: Vec<Edge> =
            clusters.candidates.iter().map(|c| edge(c.left, c.right, c.distance, false)).collect();
        for &(a, b) in &clusters.cannot_link {
            match clusters.candidates.binary_search_by_key(&(a, b), |c| (c.left, c.right)) {
                Ok(at) => edges[at].cannot_link = true,
                Err(_) => edges.push(edge(a, b, 0.0, true)),
            }
        }
        let mut degree = vec![0_usize; n];
        for e in &edges {
            degree[e.a as usize] += 1;
            degree[e.b as usize] += 1;
        }
        let mut lists: Vec<Vec<u32>> = degree.into_iter().map(Vec::with_capacity).collect();
        for (id, e) in (0..).zip(&edges) {
            lists[e.a as usize].push(id);
            lists[e.b as usize].push(id);
        }
        Self {
            parent: (0..n as u32).collect(),
            size: clusters.sizes.clone(),
            sums: vec![None; n],
            lengths: clusters.means.rows().map(|m| dot(m, m)).collect(),
            noise: vec![false; n],
            skipped: vec![0; n],
            gain: Tournament::new(vec![0.0; edges.len()]),
            edges,
            lists,
            merges: MergeForest::new(n),
            dirty: Vec::new(),
            joined_pairs: clusters.sizes.iter().map(|&s| within(s)).sum(),
        }
    }

    /// The person of a cluster: the smallest cluster of that person.
    pub(super) fn person(&self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            x = self.parent[x as usize];
        }
        x
    }

    pub(super) fn size(&self, person: u32) -> u32 {
        self.size[person as usize]
    }

    pub(super) fn is_noise(&self, cluster: u32) -> bool {
        self.noise[cluster as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.parent.len()
    }

    /// The remaining edges of a person, after propagation.
    pub(super) fn around(&self, person: u32) -> impl Iterator<Item = (usize, &Edge, u32)> {
        self.lists[person as usize].iter().filter_map(move |&id| {
            let e = &self.edges[id as usize];
            (!e.gone).then(|| (id as usize, e, e.other(person)))
        })
    }

    /// Records an answer. O(d + the smaller degree of the two people).
    pub(super) fn apply(
        &mut self,
        clusters: &Clusters,
        answer: u32,
        kind: AnswerKind,
    ) -> (Outcome, Option<Sample>) {
        match kind {
            AnswerKind::Same(a, b) => self.compare(clusters, answer, (a, b), Some(true)),
            AnswerKind::Different(a, b) => self.compare(clusters, answer, (a, b), Some(false)),
            AnswerKind::NotSure(a, b) => self.compare(clusters, answer, (a, b), None),
            AnswerKind::Skip(a) => {
                let person = self.person(a);
                let skipped = &mut self.skipped[person as usize];
                *skipped = self.size[person as usize].max(*skipped);
                self.dirty.push(person);
                (Outcome::Noted, None)
            }
            AnswerKind::Noise(a) => (self.drop_cluster(clusters, a), None),
        }
    }

    fn compare(
        &mut self,
        clusters: &Clusters,
        answer: u32,
        (a, b): (u32, u32),
        same: Option<bool>,
    ) -> (Outcome, Option<Sample>) {
        let (x, y) = (self.person(a), self.person(b));
        if x == y {
            let Some(same) = same else { return (Outcome::Known, None) };
            self.merges.vote(x, (a, b), if same { 1 } else { -1 });
            self.dirty.push(x);
            return (if same { Outcome::Known } else { Outcome::Conflict }, None);
        }
        let (sizes, distance) = ((self.size(x), self.size(y)), self.distance(clusters, x, y));
        let sample = |same| Sample { distance, sizes, same };
        // Propagation merges parallel edges; until then their votes are summed here.
        let (found, votes, cannot_link) = self.between(x, y);
        let id = found.unwrap_or_else(|| self.add_edge(x, y, distance));
        let edge = &mut self.edges[id as usize];
        self.dirty.push(x);
        match same {
            None => {
                edge.unsure = edge.unsure.max(f64::from(sizes.0) * f64::from(sizes.1));
                (Outcome::Noted, None)
            }
            Some(false) => {
                edge.votes = edge.votes.saturating_sub(1);
                (Outcome::Noted, Some(sample(false)))
            }
            Some(true) => {
                edge.votes = edge.votes.saturating_add(1);
                if cannot_link || votes < 0 {
                    return (Outcome::Conflict, Some(sample(true)));
                }
                self.join(clusters, x, y);
                self.merges.add(x.min(y), x.max(y), answer, (a, b));
                (Outcome::Joined, Some(sample(true)))
            }
        }
    }

    /// The first edge between two people, the votes of all of them, and whether the two share a frame.
    fn between(&self, x: u32, y: u32) -> (Option<u32>, i32, bool) {
        let (few, other) =
            if self.lists[x as usize].len() <= self.lists[y as usize].len() { (x, y) } else { (y, x) };
        let (mut first, mut votes, mut cannot_link) = (None::<u32>, 0, false);
        for &id in &self.lists[few as usize] {
            let e = &self.edges[id as usize];
            if !e.gone && (self.person(e.a) == other || self.person(e.b) == other) {
                first = Some(first.map_or(id, |f| f.min(id)));
                votes += i32::from(e.votes);
                cannot_link |= e.cannot_link;
            }
        }
        (first, votes, cannot_link)
    }

    fn add_edge(&mut self, x: u32, y: u32, distance: f64) -> u32 {
        let id = self.edges.len() as u32;
        let (a, b) = (x.min(y), x.max(y));
        self.edges.push(Edge { a, b, distance, unsure: 0.0, votes: 0, cannot_link: false, gone: false });
        self.lists[x as usize].push(id);
        self.lists[y as usize].push(id);
        self.gain.push(0.0);
        id
    }

    fn join(&mut self, clusters: &Clusters, x: u32, y: u32) {
        let (root, other) = (x.min(y), x.max(y));
        let (r, o) = (root as usize, other as usize);
        self.joined_pairs += f64::from(self.size[r]) * f64::from(self.size[o]);
        let mut sum = self.sums[r].take().unwrap_or_else(|| self.alone(clusters, root));
        match self.sums[o].take() {
            Some(more) => sum.iter_mut().zip(more).for_each(|(s, m)| *s += m),
            None => add(&mut sum, clusters, other, self.size[o] as f32),
        }
        self.set_sum(root, sum);
        self.size[r] += self.size[o];
        self.skipped[r] = self.skipped[r].max(self.skipped[o]);
        self.parent[o] = root;
        merge_lists(&mut self.lists, other, root);
        self.dirty.push(root);
    }

    fn drop_cluster(&mut self, clusters: &Clusters, a: u32) -> Outcome {
        if std::mem::replace(&mut self.noise[a as usize], true) {
            return Outcome::Known;
        }
        let (person, faces) = (self.person(a), clusters.sizes[a as usize]);
        let mut sum = self.sums[person as usize].take().unwrap_or_else(|| self.alone(clusters, person));
        add(&mut sum, clusters, a, -(faces as f32));
        self.set_sum(person, sum);
        self.joined_pairs -= within(self.size(person));
        self.size[person as usize] -= faces;
        self.joined_pairs += within(self.size(person));
        self.dirty.push(person);
        Outcome::Noted
    }

    fn set_sum(&mut self, person: u32, sum: Box<[f32]>) {
        self.lengths[person as usize] = dot(&sum, &sum);
        self.sums[person as usize] = Some(sum);
    }

    /// The sum of the faces of a person of one cluster.
    fn alone(&self, clusters: &Clusters, person: u32) -> Box<[f32]> {
        let mut sum = vec![0.0; clusters.means.dim()].into_boxed_slice();
        add(&mut sum, clusters, person, self.size(person) as f32);
        sum
    }

    /// Cosine distance of the means of two people.
    pub(super) fn distance(&self, clusters: &Clusters, x: u32, y: u32) -> f64 {
        let of = |p: u32| self.sums[p as usize].as_deref().unwrap_or_else(|| clusters.means.row(p as usize));
        let (a, b) = (of(x), of(y));
        cosine(dot(a, b), self.lengths[x as usize], self.lengths[y as usize])
    }

    /// Whether there are no answers since the last propagation.
    pub(super) fn is_propagated(&self) -> bool {
        self.dirty.is_empty()
    }

    /// The edge between two people, after propagation.
    pub(super) fn edge(&self, x: u32, y: u32) -> Option<&Edge> {
        let (x, y) =
            if self.lists[x as usize].len() <= self.lists[y as usize].len() { (x, y) } else { (y, x) };
        self.around(x).find(|&(_, _, other)| other == y).map(|(_, e, _)| e)
    }
}

/// Number of face pairs within a person.
pub(super) fn within(faces: u32) -> f64 {
    f64::from(faces) * (f64::from(faces) - 1.0) / 2.0
}

fn add(sum: &mut [f32], clusters: &Clusters, cluster: u32, times: f32) {
    sum.iter_mut().zip(clusters.means.row(cluster as usize)).for_each(|(s, m)| *s += times * m);
}
