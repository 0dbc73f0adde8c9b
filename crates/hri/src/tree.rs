//! A tree of similar people, for people to read.

use rayon::prelude::*;
use streamface_kernels::dot_f64;

use crate::index::Index;
use crate::metric::distance_to_mean;
use crate::{Error, Metric, Person, Result};

mod show;

/// The largest number of people in a [`Tree`]. A tree needs all distances in memory, 2 n² bytes.
pub const MAX_TREE_PEOPLE: usize = 10_000;

/// A group of people who are more similar to each other than to other people. Unlike the tree of the StreamFace paper, it
/// does not depend on the order of insertion.
///
/// Groups come from average linkage of the means (Sokal & Michener 1958), computed with nearest-neighbour chains (Murtagh
/// 1983): the distance of two groups is the mean distance of a person of one and a person of the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The mean distance of two people in different children.
    pub distance: f64,
    /// Number of people in the group.
    pub people: usize,
    /// The people and groups in the group, in the order of their smallest labels. At least two, unless the whole tree has
    /// fewer people.
    pub children: Vec<TreeNode>,
}

/// A child of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum TreeNode {
    /// One person.
    Person(Person),
    /// A group.
    Group(Tree),
}

impl TreeNode {
    fn first(&self) -> u64 {
        match self {
            Self::Person(person) => person.label,
            // Children are in order.
            Self::Group(group) => group.children.first().map_or(0, Self::first),
        }
    }
}

impl Tree {
    /// The tree of the `most` people with the most members (ties: the smaller label first). A group whose distance is less
    /// than `step` below that of its parent is merged into the parent.
    ///
    /// O(n² d) time and 2 n² bytes for n people of dimension d.
    ///
    /// # Errors
    /// [`Error::TooManyPeople`] for more than [`MAX_TREE_PEOPLE`].
    pub fn of(index: &Index, most: usize, step: f64) -> Result<Self> {
        let mut people: Vec<Person> = index.people().collect();
        people.sort_by_key(|p| (std::cmp::Reverse(p.members), p.label));
        people.truncate(most);
        if people.len() > MAX_TREE_PEOPLE {
            return Err(Error::TooManyPeople { people: people.len(), most: MAX_TREE_PEOPLE });
        }
        people.sort_by_key(|p| p.label);
        let n = people.len();
        let mut nodes: Vec<Option<TreeNode>> = people.iter().map(|&p| Some(TreeNode::Person(p))).collect();
        if n < 2 {
            let children = nodes.into_iter().flatten().collect();
            return Ok(Self { distance: 0.0, people: n, children });
        }
        let mut merges = average_linkage(distances(index, &people)?, n);
        merges.sort_by(|a, b| a.2.total_cmp(&b.2));
        // The node that each person is in so far.
        let mut node: Vec<usize> = (0..n).collect();
        let mut parent: Vec<usize> = (0..n).collect();
        for (a, b, distance) in merges {
            let (a, b) = (find(&mut parent, a), find(&mut parent, b));
            let both = [nodes[node[a]].take(), nodes[node[b]].take()];
            let mut group = Self { distance, people: 0, children: Vec::new() };
            for child in both.into_iter().flatten() {
                match child {
                    TreeNode::Group(inner) if distance - inner.distance < step => {
                        group.people += inner.people;
                        group.children.extend(inner.children);
                    }
                    TreeNode::Group(inner) => {
                        group.people += inner.people;
                        group.children.push(TreeNode::Group(inner));
                    }
                    person @ TreeNode::Person(_) => {
                        group.people += 1;
                        group.children.push(person);
                    }
                }
            }
            group.children.sort_by_key(TreeNode::first);
            parent[b] = a;
            node[a] = nodes.len();
            nodes.push(Some(TreeNode::Group(group)));
        }
        match nodes.pop().flatten() {
            Some(TreeNode::Group(root)) => Ok(root),
            _ => Ok(Self { distance: 0.0, people: 0, children: Vec::new() }),
        }
    }
}

fn find(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// Index of the pair i < j among all pairs, row by row.
fn pair(n: usize, i: usize, j: usize) -> usize {
    let (i, j) = (i.min(j), i.max(j));
    i * (2 * n - i - 1) / 2 + j - i - 1
}

/// Distances of all pairs of means, row by row.
fn distances(index: &Index, people: &[Person]) -> Result<Vec<f32>> {
    let means: Vec<Vec<f64>> = people.iter().map(|p| index.mean(p.label)).collect::<Result<_, _>>()?;
    let squares: Vec<f64> = means.iter().map(|m| dot_f64(m, m)).collect();
    let metric: Metric = index.settings().threshold().metric();
    let rows: Vec<Vec<f32>> = (0..means.len())
        .into_par_iter()
        .map(|i| {
            let to =
                |j: usize| distance_to_mean(metric, &means[i], squares[i], &means[j], squares[j], 1.0) as f32;
            (i + 1..means.len()).map(to).collect()
        })
        .collect();
    Ok(rows.concat())
}

/// The merges as (one person of each side, distance), in no particular order.
fn average_linkage(mut distances: Vec<f32>, n: usize) -> Vec<(usize, usize, f64)> {
    let mut sizes = vec![1.0_f64; n];
    let mut there = vec![true; n];
    let (mut merges, mut chain) = (Vec::with_capacity(n - 1), Vec::<usize>::new());
    let mut next = 0;
    while merges.len() + 1 < n {
        if chain.is_empty() {
            while !there[next] {
                next += 1;
            }
            chain.push(next);
        }
        let top = chain[chain.len() - 1];
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        // At equal distances the previous element wins; otherwise a chain could run in a circle.
        let mut best = before.map_or((f32::INFINITY, n), |b| (distances[pair(n, top, b)], b));
        for other in (0..n).filter(|&o| there[o] && o != top) {
            let distance = distances[pair(n, top, other)];
            if distance < best.0 || best.1 == n {
                best = (distance, other);
            }
        }
        if Some(best.1) != before {
            chain.push(best.1);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (a, b) = (top.min(best.1), top.max(best.1));
        merges.push((a, b, f64::from(best.0)));
        there[b] = false;
        let all = sizes[a] + sizes[b];
        for other in (0..n).filter(|&o| there[o] && o != a) {
            let (to_a, to_b) = (distances[pair(n, a, other)], distances[pair(n, b, other)]);
            let mean = (sizes[a] * f64::from(to_a) + sizes[b] * f64::from(to_b)) / all;
            distances[pair(n, a, other)] = mean as f32;
        }
        sizes[a] = all;
    }
    merges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Threshold, To};

    fn index(positions: &[f32]) -> Index {
        let threshold = Threshold::new(Metric::Euclidean, 0.1).unwrap();
        let mut index = Index::new(Settings::new(1, threshold).unwrap());
        for (id, &x) in positions.iter().enumerate() {
            index.insert_to(&[x], id as u64, To::New).unwrap();
        }
        index
    }

    /// SciPy's `linkage([[0],[1],[10],[12],[13.5]], 'average')` has heights 1, 1.5, 2.75, 11.3333.
    #[test]
    fn groups_are_those_of_average_linkage() {
        let index = index(&[0.0, 1.0, 10.0, 12.0, 13.5]);
        let tree = Tree::of(&index, 10, 0.0).unwrap();
        assert_eq!((tree.people, tree.children.len()), (5, 2));
        assert!((tree.distance - 34.0 / 3.0).abs() < 1e-5, "{}", tree.distance);
        let [TreeNode::Group(left), TreeNode::Group(right)] = &tree.children[..] else { panic!("{tree:?}") };
        assert_eq!((left.distance, left.people), (1.0, 2));
        assert_eq!((right.distance, right.people), (2.75, 3));
        assert!(matches!(&right.children[1], TreeNode::Group(g) if g.distance == 1.5 && g.people == 2));
        let text = tree.to_text(&index);
        assert_eq!(text.lines().count(), 9);
        assert!(
            text.contains("│  └─ person 1 (1 vectors)\n") && text.contains("   └─ 2 people, 1.500 apart\n"),
            "{text}"
        );
        assert!(tree.to_dot(&index).contains("g2 -> g3") && tree.to_dot(&index).matches("->").count() == 8);
        let json = "{\"distance\":1,\"people\":2,\"parts\":[{\"label\":0,\"members\":1},{\"label\":1,\"members\":1}]}";
        assert!(tree.to_json(&index).contains(json), "{}", tree.to_json(&index));
    }

    #[test]
    fn names_stand_beside_numbers_and_cannot_break_the_form() {
        let mut index = index(&[0.0, 1.0]);
        let name = Some("A\"\\\n\u{1b}[2J".to_owned());
        index.describe(1, crate::PersonInfo { number: None, name }).unwrap();
        let tree = Tree::of(&index, 10, 0.0).unwrap();
        let text = tree.to_text(&index);
        assert!(text.contains("person 1 A\"\\\u{fffd}\u{fffd}[2J (1 vectors)\n"), "{text}");
        assert!(text.contains("person 0 (1 vectors)"), "{text}");
        let json = tree.to_json(&index);
        let wanted = r#"{"label":1,"members":1,"name":"A\"\\\u000a\u001b[2J"}"#;
        assert!(json.contains(wanted), "{json}");
        let dot = tree.to_dot(&index);
        assert!(dot.contains(r#"[label="person 1 A\"\\��[2J\n1"]"#), "{dot}");
    }

    #[test]
    fn near_groups_are_shown_as_one() {
        let tree = Tree::of(&index(&[0.0, 1.0, 10.0, 12.0, 13.5]), 10, 2.0).unwrap();
        let TreeNode::Group(right) = &tree.children[1] else { panic!("{tree:?}") };
        assert_eq!(right.children.len(), 3);
        let few = Tree::of(&index(&[0.0, 1.0, 5.0]), 2, 0.0).unwrap();
        assert_eq!((few.people, few.distance), (2, 1.0));
        for n in 0..2 {
            let tree = Tree::of(&index(&[3.0][..n]), 10, 0.0).unwrap();
            assert_eq!((tree.people, tree.children.len()), (n, n));
        }
    }
}
