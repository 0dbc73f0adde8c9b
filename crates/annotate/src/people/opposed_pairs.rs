//! Which people are on opposite sides of compared pairs.

use std::collections::{HashMap, HashSet};

/// The sides of compared pairs that each person is on.
#[derive(Debug, Clone, Default)]
pub(super) struct OpposedPairs {
    /// The decision and pair of each entry.
    pub(super) of: Vec<(u32, u32)>,
    /// By root: twice the entry, plus one on the right side.
    held: HashMap<u32, HashSet<u32>>,
}

impl OpposedPairs {
    pub(super) fn add(&mut self, of: (u32, u32), sides: [Vec<u32>; 2]) {
        let mark = 2 * self.of.len() as u32;
        self.of.push(of);
        for (mark, side) in (mark..).zip(sides) {
            for root in side {
                self.held.entry(root).or_default().insert(mark);
            }
        }
    }

    /// The first entry with the two on opposite sides, and whether `a` is on the right.
    pub(super) fn first_opposed(&self, a: u32, b: u32) -> Option<(u32, bool)> {
        let (of_a, of_b) = (self.held.get(&a)?, self.held.get(&b)?);
        let swap = of_a.len() > of_b.len();
        let (few, many) = if swap { (of_b, of_a) } else { (of_a, of_b) };
        let first = few.iter().filter(|&&mark| many.contains(&(mark ^ 1))).min()?;
        Some((first / 2, (first % 2 == 1) != swap))
    }

    pub(super) fn join(&mut self, into: u32, from: u32) {
        let Some(mut less) = self.held.remove(&from) else { return };
        let more = self.held.entry(into).or_default();
        if more.len() < less.len() {
            std::mem::swap(more, &mut less);
        }
        more.extend(less);
    }
}
