//! The hierarchical retrieval index of the StreamFace paper, with exactly the original's labels.
//!
//! Leaves are vectors, *end nodes* are people, *internal nodes* are groups of people. The value of a node is the mean of all
//! leaves below it, not normalised. It is computed from the children's values, weighted by their counts. A search goes from
//! the root to the nearest child until it reaches an end node. It does not backtrack, so it can miss the nearest person, and
//! with thousands of people it does. [`Index`](crate::Index) does not miss anybody; this tree is for comparison.

use streamface_kernels::dot::{add_scaled, squared_difference_f64, to_f64};
use streamface_kernels::{cosine_of_sums, dot_f64 as dot};

use crate::{Error, Label, Match, Metric, Result, Threshold, check};

/// Marks that there is no node.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Node {
    parent: u32,
    count: u64,
    /// Squared length of the value.
    square: f64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The children.
    Internal(Vec<u32>),
    /// A person: the label, the leaves as indices in the order of insertion, and the sum of their vectors.
    End(Label, Vec<u32>, Vec<f64>),
}

/// The original's greedy tree. It is for comparison; use [`Index`](crate::Index) to find people.
#[derive(Debug, Clone)]
pub struct CompatTree {
    dim: usize,
    threshold: Threshold,
    nodes: Vec<Node>,
    /// The values of all nodes, node by node.
    values: Vec<f64>,
    root: u32,
    labels: Vec<Label>,
    people: Label,
}

impl CompatTree {
    /// An empty tree for vectors of `dim` numbers.
    ///
    /// # Errors
    /// [`Error::BadDimension`].
    pub fn new(dim: usize, threshold: Threshold) -> Result<Self> {
        check::dimension(dim)?;
        let nodes = vec![Node { parent: NONE, count: 0, square: 0.0, kind: Kind::Internal(Vec::new()) }];
        Ok(Self { dim, threshold, nodes, values: vec![0.0; dim], root: 0, labels: Vec::new(), people: 0 })
    }

    /// Removes all vectors.
    pub fn reset(&mut self) {
        self.nodes.truncate(1);
        self.nodes[0] = Node { parent: NONE, count: 0, square: 0.0, kind: Kind::Internal(Vec::new()) };
        self.values.truncate(self.dim);
        self.values.fill(0.0);
        self.labels.clear();
        (self.root, self.people) = (0, 0);
    }

    /// Number of people.
    #[must_use]
    pub fn people(&self) -> u64 {
        self.people
    }

    /// The label of each vector, in the order of insertion.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The number of edges from the root to the leaf of each vector, in the order of insertion.
    #[must_use]
    pub fn depths(&self) -> Vec<u32> {
        let mut depths = vec![0; self.labels.len()];
        for node in &self.nodes {
            let Kind::End(_, leaves, _) = &node.kind else { continue };
            let (mut depth, mut at) = (1, node);
            while at.parent != NONE {
                depth += 1;
                at = &self.nodes[at.parent as usize];
            }
            leaves.iter().for_each(|&leaf| depths[leaf as usize] = depth);
        }
        depths
    }

    /// The person at which the descent ends, at any distance. `None` for an empty tree.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotFinite`], [`Error::ZeroVector`].
    pub fn search(&self, vector: &[f32]) -> Result<Option<Match>> {
        let query = self.query(vector)?;
        let found = self.descend(&query);
        Ok(found.map(|(node, distance)| Match { label: self.label(node), distance }))
    }

    /// Inserts a vector into the person at which the descent ends, if that is within the threshold, or into a new person.
    /// Returns the label, and whether the person is new.
    ///
    /// # Errors
    /// As [`search`](Self::search); [`Error::Full`].
    pub fn insert(&mut self, vector: &[f32]) -> Result<(Label, bool)> {
        let query = self.query(vector)?;
        if self.nodes.len() + 2 >= NONE as usize || self.labels.len() >= NONE as usize {
            return Err(Error::Full);
        }
        let leaf = self.labels.len() as u32;
        let found = self.descend(&query);
        if let Some((node, distance)) = found
            && distance <= self.threshold.value()
        {
            let at = node as usize;
            self.nodes[at].count += 1;
            let count = self.nodes[at].count as f64;
            if let Kind::End(label, leaves, sum) = &mut self.nodes[at].kind {
                leaves.push(leaf);
                self.labels.push(*label);
                add_scaled(sum, &query.numbers, 1.0);
                let value = &mut self.values[at * self.dim..(at + 1) * self.dim];
                value.iter_mut().zip(sum).for_each(|(v, s)| *v = *s / count);
            }
            self.update(node);
            return Ok((self.label(node), false));
        }
        let label = self.people;
        self.people += 1;
        self.labels.push(label);
        let new = self.add_node(Kind::End(label, vec![leaf], query.numbers.clone()), 1);
        self.value_mut(new).copy_from_slice(&query.numbers);
        let parent = match found {
            None => self.root,
            Some((near, distance)) => {
                let parent = self.nodes[near as usize].parent;
                if distance < self.margin(near) { self.pair_up(near, parent) } else { parent }
            }
        };
        // In a new pair the new end node comes first.
        let paired = parent as usize + 1 == self.nodes.len();
        if let Kind::Internal(children) = &mut self.nodes[parent as usize].kind {
            children.insert(if paired { 0 } else { children.len() }, new);
        }
        self.nodes[new as usize].parent = parent;
        self.update(new);
        Ok((label, true))
    }

    /// Replaces `near` by a new internal node, with `near` as its child.
    fn pair_up(&mut self, near: u32, parent: u32) -> u32 {
        let pair = self.add_node(Kind::Internal(vec![near]), 0);
        if let Kind::Internal(children) = &mut self.nodes[parent as usize].kind {
            children.retain(|&child| child != near);
            children.push(pair);
        }
        self.nodes[pair as usize].parent = parent;
        self.nodes[near as usize].parent = pair;
        pair
    }

    /// The smallest distance other than 0 from an end node to its siblings. 0 if it has no siblings, infinite if all
    /// distances are 0.
    fn margin(&self, node: u32) -> f64 {
        let parent = self.nodes[node as usize].parent;
        let Kind::Internal(children) = &self.nodes[parent as usize].kind else { return 0.0 };
        if children.len() < 2 {
            return 0.0;
        }
        let value = self.value(node).to_vec();
        let query = Query { square: dot(&value, &value), numbers: value };
        let others = children.iter().filter(|&&child| child != node);
        others.map(|&child| self.distance(&query, child)).filter(|&d| d != 0.0).fold(f64::INFINITY, f64::min)
    }

    fn descend(&self, query: &Query) -> Option<(u32, f64)> {
        let (mut at, mut distance) = (self.root, f64::INFINITY);
        while let Kind::Internal(children) = &self.nodes[at as usize].kind {
            let (mut nearest, mut least) = (None, f64::INFINITY);
            for &child in children {
                let d = self.distance(query, child);
                if nearest.is_none() || d < least {
                    (nearest, least) = (Some(child), d);
                }
            }
            (at, distance) = (nearest?, least);
        }
        Some((at, distance))
    }

    fn distance(&self, query: &Query, node: u32) -> f64 {
        let value = self.value(node);
        match self.threshold.metric() {
            Metric::Cosine => {
                cosine_of_sums(dot(&query.numbers, value), query.square, self.nodes[node as usize].square)
            }
            Metric::Euclidean => squared_difference_f64(&query.numbers, value, 1.0).sqrt(),
        }
    }

    /// Updates squared lengths, counts and values from a node up to the root.
    fn update(&mut self, node: u32) {
        let mut at = node;
        loop {
            let own = at as usize * self.dim..(at as usize + 1) * self.dim;
            if let Kind::Internal(children) = &self.nodes[at as usize].kind {
                let mut value = vec![0.0; self.dim];
                let mut count = 0;
                for &child in children {
                    add_scaled(&mut value, self.value(child), self.nodes[child as usize].count as f64);
                    count += self.nodes[child as usize].count;
                }
                value.iter_mut().for_each(|x| *x /= count as f64);
                self.nodes[at as usize].count = count;
                self.values[own.clone()].copy_from_slice(&value);
            }
            self.nodes[at as usize].square = dot(&self.values[own.clone()], &self.values[own]);
            if at == self.root {
                break;
            }
            at = self.nodes[at as usize].parent;
        }
    }

    fn add_node(&mut self, kind: Kind, count: u64) -> u32 {
        self.nodes.push(Node { parent: NONE, count, square: 0.0, kind });
        self.values.resize(self.nodes.len() * self.dim, 0.0);
        self.nodes.len() as u32 - 1
    }

    fn label(&self, node: u32) -> Label {
        if let Kind::End(label, ..) = self.nodes[node as usize].kind { label } else { 0 }
    }

    fn value(&self, node: u32) -> &[f64] {
        &self.values[node as usize * self.dim..(node as usize + 1) * self.dim]
    }

    fn value_mut(&mut self, node: u32) -> &mut [f64] {
        &mut self.values[node as usize * self.dim..(node as usize + 1) * self.dim]
    }

    fn query(&self, vector: &[f32]) -> Result<Query> {
        check::vectors(vector, self.dim, self.threshold.metric(), 1)?;
        let mut numbers = vec![0.0; self.dim];
        to_f64(vector, &mut numbers);
        Ok(Query { square: dot(&numbers, &numbers), numbers })
    }
}

struct Query {
    numbers: Vec<f64>,
    square: f64,
}
