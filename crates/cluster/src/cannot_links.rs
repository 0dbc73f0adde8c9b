//! Pairs of points that must not join.

use std::collections::{HashMap, HashSet};

use crate::components::Components;
use crate::constraints::Groups;
use crate::points::Points;

/// Points that must not join, the smaller first.
#[derive(Debug, Clone, Default)]
pub(crate) struct CannotLinks(HashSet<(u32, u32)>);

impl CannotLinks {
    pub(crate) fn new(points: &Points, groups: &Groups) -> Self {
        if groups.apart.is_empty() {
            return Self::default();
        }
        // Rows with constraints are never copies of others, so each is its group's smallest row.
        Self::between(points, groups, |row| row)
    }

    /// The same where groups have become parts of points, or are not among them; `id` is the smallest row of a
    /// group's point.
    pub(crate) fn between(points: &Points, groups: &Groups, mut id: impl FnMut(u32) -> u32) -> Self {
        let mut number = |row: u32| points.ids().binary_search(&id(row)).ok().map(|at| at as u32);
        Self::in_order(groups.apart.iter().filter_map(|&(a, b)| number(a).zip(number(b))))
    }

    fn in_order(all: impl Iterator<Item = (u32, u32)>) -> Self {
        Self(all.map(|(a, b)| (a.min(b), a.max(b))).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().copied()
    }

    pub(crate) fn holds(&self, i: u32, j: u32) -> bool {
        !self.0.is_empty() && self.0.contains(&(i, j))
    }

    /// Those within one component, named by their places in it; by the component's smallest point.
    pub(crate) fn by_component(&self, roots: &[u32], components: &Components) -> HashMap<u32, Self> {
        let mut all: HashMap<u32, Self> = HashMap::new();
        for &(a, b) in &self.0 {
            let root = roots[a as usize];
            if root == roots[b as usize] {
                let place = |p: u32| components.place[p as usize] - components.first(root) as u32;
                all.entry(root).or_default().0.insert((place(a), place(b)));
            }
        }
        all
    }

    /// After points have become others: `now` is what each is.
    pub(crate) fn renamed(&self, now: &[u32]) -> Self {
        Self::in_order(self.0.iter().map(|&(a, b)| (now[a as usize], now[b as usize])))
    }
}
