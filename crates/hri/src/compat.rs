//! The tree of the original, to the digit: a hierarchical retrieval index that is descended greedily.
//!
//! Leaves are vectors, *end nodes* people, *internal nodes* groups of people. A node's value is the mean of all leaves
//! below it, not renormalised, computed upwards as the count-weighted mean of the children's values. A search goes
//! from the root to the nearest child until it is at an end node. It never looks back, so it may miss the nearest
//! person: with thousands of people it does. [`Index`](crate::Index) does not; this is here to compare with.

use crate::metric::cosine;
use crate::wide::{add, dot, square_of_difference, widen};
use crate::{Error, Label, Match, Metric, Threshold, check};

/// No node.
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
    /// Of nodes.
    Internal(Vec<u32>),
    /// A person: its label, the places of its leaves among all in the order of inserts, and their sum.
    End(Label, Vec<u32>, Vec<f64>),
}

/// The original's index.
#[derive(Debug, Clone)]
pub struct CompatTree {
    dim: usize,
    threshold: Threshold,
    nodes: Vec<Node>,
    /// Value of each node.
    values: Vec<f64>,
    root: u32,
    labels: Vec<Label>,
    people: Label,
}

impl CompatTree {
    /// An empty tree of vectors of `dim` numbers.
    ///
    /// # Errors
    /// [`Error::BadDimension`].
    pub fn new(dim: usize, threshold: Threshold) -> Result<Self, Error> {
        check::dimension(dim)?;
        let nodes = vec![Node { parent: NONE, count: 0, square: 0.0, kind: Kind::Internal(Vec::new()) }];
        Ok(Self { dim, threshold, nodes, values: vec![0.0; dim], root: 0, labels: Vec::new(), people: 0 })
    }

    /// Forgets everything.
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

    /// The label of each vector, in the order of inserts.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Edges from the root to the leaf of each vector, in the order of inserts.
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

    /// The person that the descent ends at, whatever its distance.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotFinite`], [`Error::ZeroVector`].
    pub fn search(&self, vector: &[f32]) -> Result<Option<Match>, Error> {
        let query = self.query(vector)?;
        let found = self.descend(&query);
        Ok(found.map(|(node, distance)| Match { label: self.label(node), distance }))
    }

    /// Adds a vector to the person the descent ends at, where that is within the threshold, or as a new person.
    /// The label, and whether it is new.
    ///
    /// # Errors
    /// As [`search`](Self::search); [`Error::Full`].
    pub fn insert(&mut self, vector: &[f32]) -> Result<(Label, bool), Error> {
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
                add(sum, &query.numbers, 1.0);
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
        let place = match found {
            None => self.root,
            Some((near, distance)) => {
                let parent = self.nodes[near as usize].parent;
                if distance < self.margin(near) { self.pair_up(near, parent) } else { parent }
            }
        };
        // A new pair has the new end node first.
        let fresh = place as usize + 1 == self.nodes.len();
        if let Kind::Internal(children) = &mut self.nodes[place as usize].kind {
            children.insert(if fresh { 0 } else { children.len() }, new);
        }
        self.nodes[new as usize].parent = place;
        self.update(new);
        Ok((label, true))
    }

    /// An internal node in the place of `near`, which goes below it.
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

    /// The smallest distance other than 0 from an end node to its other siblings: 0 where it has none, infinite where
    /// all are at 0.
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
                cosine(dot(&query.numbers, value), query.square, self.nodes[node as usize].square)
            }
            Metric::Euclidean => square_of_difference(&query.numbers, value, 1.0).sqrt(),
        }
    }

    /// Squared lengths, counts and values from a node up to the root.
    fn update(&mut self, node: u32) {
        let mut at = node;
        loop {
            let own = at as usize * self.dim..(at as usize + 1) * self.dim;
            if let Kind::Internal(children) = &self.nodes[at as usize].kind {
                let mut value = vec![0.0; self.dim];
                let mut count = 0;
                for &child in children {
                    add(&mut value, self.value(child), self.nodes[child as usize].count as f64);
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

    fn query(&self, vector: &[f32]) -> Result<Query, Error> {
        check::vectors(vector, self.dim, self.threshold.metric(), 1)?;
        let mut numbers = vec![0.0; self.dim];
        widen(vector, &mut numbers);
        Ok(Query { square: dot(&numbers, &numbers), numbers })
    }
}

struct Query {
    numbers: Vec<f64>,
    square: f64,
}
