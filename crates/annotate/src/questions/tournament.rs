//! A tournament tree: the largest of many changing numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Numbers below one leaf: scanning a leaf is faster than climbing as many levels.
const BLOCK: usize = 32;

/// Non-negative numbers whose maximum and sum are always known. A change takes O(log n). The sum is taken
/// along the tree, so it depends on the numbers only, not on the order of changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Tournament {
    values: Vec<f64>,
    /// Maximum and sum below each node: the root at 1, the children of `i` at `2 i` and `2 i + 1`.
    tree: Vec<(f64, f64)>,
    leaves: usize,
}

impl Tournament {
    /// O(n).
    pub(super) fn new(values: Vec<f64>) -> Self {
        let leaves = values.len().div_ceil(BLOCK).max(1).next_power_of_two();
        let mut new = Self { values, tree: vec![(0.0, 0.0); 2 * leaves], leaves };
        for (leaf, block) in new.values.chunks(BLOCK).enumerate() {
            new.tree[leaves + leaf] = of(block);
        }
        for node in (1..leaves).rev() {
            new.tree[node] = both(new.tree[2 * node], new.tree[2 * node + 1]);
        }
        new
    }

    pub(super) fn get(&self, i: usize) -> f64 {
        self.values[i]
    }

    pub(super) fn sum(&self) -> f64 {
        self.tree[1].1
    }

    /// Appends a number; amortised O(log n).
    pub(super) fn push(&mut self, value: f64) {
        self.values.push(value);
        if self.values.len() > self.leaves * BLOCK {
            *self = Self::new(std::mem::take(&mut self.values));
        } else {
            self.climb(self.values.len() - 1);
        }
    }

    pub(super) fn set(&mut self, i: usize, value: f64) {
        if self.values[i] != value {
            self.values[i] = value;
            self.climb(i);
        }
    }

    fn climb(&mut self, i: usize) {
        let block = i / BLOCK;
        let end = self.values.len().min((block + 1) * BLOCK);
        let mut node = self.leaves + block;
        self.tree[node] = of(&self.values[block * BLOCK..end]);
        while node > 1 {
            node /= 2;
            self.tree[node] = both(self.tree[2 * node], self.tree[2 * node + 1]);
        }
    }

    /// Indices of the positive numbers in descending order, on a tie the smaller index first. O(k (log n +
    /// 32)) for the first k.
    pub(super) fn descending(&self) -> Descending<'_> {
        let mut heap = BinaryHeap::new();
        heap.push(Entry { value: self.tree[1].0, order: Reverse((0, 0)), item: HeapItem::Node(1) });
        Descending { of: self, heap }
    }
}

pub(super) struct Descending<'a> {
    of: &'a Tournament,
    heap: BinaryHeap<Entry>,
}

#[derive(Clone, Copy)]
enum HeapItem {
    Node(usize),
    Number(usize),
}

/// By value; on a tie a node first, since it may hold a smaller index, then by index.
struct Entry {
    value: f64,
    order: Reverse<(u8, usize)>,
    item: HeapItem,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.total_cmp(&other.value).then(self.order.cmp(&other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl Iterator for Descending<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while let Some(Entry { value, item, .. }) = self.heap.pop() {
            if value <= 0.0 {
                return None;
            }
            match item {
                HeapItem::Number(i) => return Some(i),
                HeapItem::Node(node) if node < self.of.leaves => {
                    for child in [2 * node, 2 * node + 1] {
                        let value = self.of.tree[child].0;
                        self.heap.push(Entry {
                            value,
                            order: Reverse((0, child)),
                            item: HeapItem::Node(child),
                        });
                    }
                }
                HeapItem::Node(node) => {
                    let first = (node - self.of.leaves) * BLOCK;
                    let block = self.of.values.iter().enumerate().skip(first).take(BLOCK);
                    self.heap.extend(block.filter(|(_, v)| **v > 0.0).map(|(i, &value)| Entry {
                        value,
                        order: Reverse((1, i)),
                        item: HeapItem::Number(i),
                    }));
                }
            }
        }
        None
    }
}

fn of(block: &[f64]) -> (f64, f64) {
    block.iter().fold((0.0, 0.0), |(most, sum), &v| (f64::max(most, v), sum + v))
}

fn both(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.max(b.0), a.1 + b.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_sorting_would(
            first in prop::collection::vec(0_u8..6, 0..80),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6, any::<bool>()), 0..120),
        ) {
            let mut plain: Vec<f64> = first.iter().map(|&v| v.into()).collect();
            let mut tree = Tournament::new(plain.clone());
            for (at, value, push) in changes {
                if push || plain.is_empty() {
                    plain.push(value.into());
                    tree.push(value.into());
                } else {
                    let at = at.index(plain.len());
                    plain[at] = value.into();
                    tree.set(at, value.into());
                }
            }
            let mut order: Vec<usize> = (0..plain.len()).filter(|&i| plain[i] > 0.0).collect();
            order.sort_by(|&i, &j| plain[j].total_cmp(&plain[i]).then(i.cmp(&j)));
            prop_assert_eq!(tree.descending().collect::<Vec<_>>(), order);
            prop_assert_eq!(tree.sum(), plain.iter().sum::<f64>());
            // The order of changes does not matter.
            prop_assert_eq!(tree.sum().to_bits(), Tournament::new(plain).sum().to_bits());
        }
    }
}
