//! The clusters there are, and where their rows are.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::sets::Sets;
use crate::prefilter::GROUP;

/// All clusters at a time, known by their smallest rows. Rows are named by their places in an order in which those of
/// an old cluster lie together.
pub(super) struct State {
    pub(super) sets: Sets,
    /// Whether a cluster is one of the old run.
    pub(super) unchanged: Vec<bool>,
    /// The row at each place, and each row's place.
    pub(super) order: Vec<u32>,
    pub(super) place: Vec<u32>,
    /// Each place for itself.
    all: Vec<u32>,
    /// Places of changed clusters.
    bodies: Vec<Vec<u32>>,
    /// How far out each place's row is, roughly.
    out: Vec<f32>,
    /// The representative place of a cluster: as far out as any, so that its distances are near the largest.
    pub(super) far: Vec<u32>,
}

impl State {
    /// `sets` are what is there at the start.
    pub(super) fn new(mut sets: Sets, unchanged: Vec<bool>, order: Vec<u32>, out: Vec<f32>) -> Self {
        let rows = order.len();
        let mut place = vec![0; rows];
        (0_u32..).zip(&order).for_each(|(at, &row)| place[row as usize] = at);
        let mut new = Self {
            unchanged,
            all: (0..rows as u32).collect(),
            bodies: vec![Vec::new(); rows],
            far: place.clone(),
            place,
            out,
            order,
            sets: Sets::new(0),
        };
        for row in 0..rows as u32 {
            let root = sets.find(row);
            new.outer_of(root, row);
            if !new.unchanged[root as usize] {
                new.bodies[root as usize].push(new.place[row as usize]);
            }
        }
        new.sets = sets;
        new
    }

    pub(super) fn is_unchanged(&self, id: u32) -> bool {
        self.sets.is_root(id) && self.unchanged[id as usize]
    }

    /// Places of a cluster's rows.
    pub(super) fn members(&self, id: u32) -> &[u32] {
        if self.unchanged[id as usize] {
            let from = self.place[id as usize] as usize;
            &self.all[from..from + self.sets.size(id) as usize]
        } else {
            &self.bodies[id as usize]
        }
    }

    /// Of two places the one farther out goes first.
    fn farther(&self) -> impl Fn(&u32, &u32) -> Ordering {
        |&x, &y| self.out[y as usize].total_cmp(&self.out[x as usize]).then(x.cmp(&y))
    }

    /// The outermost of some places, at most so many.
    pub(super) fn outermost(&self, places: &[u32], most: usize) -> Vec<u32> {
        let mut few = places.to_vec();
        if few.len() > most {
            few.select_nth_unstable_by(most, self.farther());
            few.truncate(most);
        }
        few
    }

    /// Some places, the `first` outermost ones in order before all others.
    pub(super) fn outermost_first<'p>(&self, places: &'p [u32], first: usize) -> Cow<'p, [u32]> {
        if places.len() <= GROUP {
            return places.into();
        }
        let mut sorted = places.to_vec();
        if first < sorted.len() {
            sorted.select_nth_unstable_by(first, self.farther());
        }
        let first = first.min(sorted.len());
        sorted[..first].sort_unstable_by(self.farther());
        sorted.into()
    }

    /// A cluster is no longer as it was.
    pub(super) fn mark_changed(&mut self, id: u32) {
        if self.unchanged[id as usize] {
            self.bodies[id as usize] = self.members(id).to_vec();
            self.unchanged[id as usize] = false;
        }
    }

    /// Joins two clusters; unchanged ones only as they did in the old run.
    pub(super) fn union(&mut self, a: u32, b: u32) {
        if !self.unchanged[a as usize] || !self.unchanged[b as usize] {
            self.mark_changed(a);
            self.mark_changed(b);
            let mut less = std::mem::take(&mut self.bodies[b as usize]);
            let more = &mut self.bodies[a as usize];
            if less.len() > more.len() {
                std::mem::swap(&mut less, more);
            }
            more.append(&mut less);
        }
        self.sets.union(a, b);
        self.outer_of(a, b);
    }

    /// The representative of two clusters.
    fn outer_of(&mut self, a: u32, b: u32) {
        let (of_a, of_b) = (self.far[a as usize], self.far[b as usize]);
        if self.out[of_b as usize] > self.out[of_a as usize] {
            self.far[a as usize] = of_b;
        }
    }
}
