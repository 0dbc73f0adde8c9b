//! What must, and what must not, end up together.
//!
//! *Must-linked* rows start in one cluster, whatever their distance. A cluster that holds a
//! *cannot-linked* pair is never formed. Everything else is plain complete linkage: two clusters may
//! join where all pairs across them are ≤ t. So
//!
//! * a must-linked group may hold pairs farther apart than t among themselves, but whatever joins the
//!   group must be within t of *all* of it;
//! * a cannot-link is nothing but an infinite distance: complete linkage takes the largest distance
//!   between two clusters, so an infinite one between two rows keeps every two clusters apart that
//!   hold them.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::Error;
use crate::union_find::UnionFind;

/// Must-links and cannot-links between rows, counted from 0. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    must: Vec<(usize, usize)>,
    cannot: Vec<(usize, usize)>,
}

impl Constraints {
    /// `a` and `b` are one person.
    pub fn must_link(&mut self, a: usize, b: usize) -> &mut Self {
        self.must.push((a, b));
        self
    }

    /// `a` and `b` must not share a cluster.
    pub fn cannot_link(&mut self, a: usize, b: usize) -> &mut Self {
        self.cannot.push((a, b));
        self
    }

    /// No two of `rows` are one person, as the faces of a frame.
    pub fn cannot_link_group(&mut self, rows: &[usize]) -> &mut Self {
        for (k, &a) in rows.iter().enumerate() {
            self.cannot.extend(rows[k + 1..].iter().map(|&b| (a, b)));
        }
        self
    }

    /// The must-links, as they were given.
    #[must_use]
    pub fn must_links(&self) -> &[(usize, usize)] {
        &self.must
    }

    /// The cannot-links, as they were given.
    #[must_use]
    pub fn cannot_links(&self) -> &[(usize, usize)] {
        &self.cannot
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.must.is_empty() && self.cannot.is_empty()
    }

    /// Checks all links against `rows` rows and each other, and closes the must-links.
    ///
    /// # Errors
    /// [`Error::NoSuchRow`], [`Error::Contradiction`], [`Error::TooManyRows`].
    pub(crate) fn close(&self, rows: usize) -> Result<Groups, Error> {
        if u32::try_from(rows).is_err() {
            return Err(Error::TooManyRows { rows });
        }
        let pairs = || self.must.iter().chain(&self.cannot);
        if let Some(&row) = pairs().flat_map(|(a, b)| [a, b]).find(|&&row| row >= rows) {
            return Err(Error::NoSuchRow { row, rows });
        }
        let mut sets = UnionFind::new(rows);
        for &(a, b) in &self.must {
            sets.union(a as u32, b as u32);
        }
        let first = sets.into_roots();
        let mut apart = HashSet::with_capacity(self.cannot.len());
        for &(a, b) in &self.cannot {
            let (p, q) = (first[a], first[b]);
            if p == q {
                return Err(Error::Contradiction { a, b, chain: self.chain(a, b) });
            }
            apart.insert((p.min(q), p.max(q)));
        }
        let mut size = vec![0; if self.must.is_empty() { 0 } else { rows }];
        if !size.is_empty() {
            for &p in &first {
                size[p as usize] += 1;
            }
        }
        Ok(Groups { first, size, apart })
    }

    /// A shortest way from `a` to `b` along must-links.
    fn chain(&self, a: usize, b: usize) -> Vec<usize> {
        let mut next: HashMap<usize, Vec<usize>> = HashMap::new();
        for &(x, y) in &self.must {
            next.entry(x).or_default().push(y);
            next.entry(y).or_default().push(x);
        }
        // Searched from the end, so that following `towards` from `a` reads forwards.
        let mut towards = HashMap::from([(b, b)]);
        let mut queue = VecDeque::from([b]);
        while let Some(x) = queue.pop_front() {
            for &y in next.get(&x).into_iter().flatten() {
                if let std::collections::hash_map::Entry::Vacant(slot) = towards.entry(y) {
                    slot.insert(x);
                    queue.push_back(y);
                }
            }
        }
        let step = |&x: &usize| (x != b).then(|| towards.get(&x).copied()).flatten();
        std::iter::successors(Some(a), step).collect()
    }
}

/// Checked constraints: the clusters that linkage starts from.
pub(crate) struct Groups {
    /// The smallest row of each row's must-linked group.
    pub(crate) first: Vec<u32>,
    /// Rows of the group that a row is the smallest of; empty where there are no must-links.
    size: Vec<u32>,
    /// Groups that must not join, by their smallest rows, the smaller first.
    pub(crate) apart: HashSet<(u32, u32)>,
}

impl Groups {
    /// Whether some rows start together.
    pub(crate) fn any_must(&self) -> bool {
        !self.size.is_empty()
    }

    /// Rows of the group whose smallest row is `first`.
    pub(crate) fn size(&self, first: u32) -> u32 {
        self.size.get(first as usize).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contradiction_names_the_rows_and_the_way_between() {
        let mut c = Constraints::default();
        c.must_link(4, 2).must_link(9, 7).must_link(7, 2).cannot_link(1, 0).cannot_link(4, 9);
        let error = c.close(10).err().unwrap();
        assert_eq!(error, Error::Contradiction { a: 4, b: 9, chain: vec![4, 2, 7, 9] });
        assert!(error.to_string().contains("[4, 2, 7, 9]"), "{error}");
    }

    #[test]
    fn a_row_is_not_apart_from_itself() {
        let mut c = Constraints::default();
        c.cannot_link_group(&[0, 3, 3]);
        assert_eq!(c.close(4).err(), Some(Error::Contradiction { a: 3, b: 3, chain: vec![3] }));
    }

    #[test]
    fn rows_that_are_not_there_are_refused() {
        let mut c = Constraints::default();
        c.must_link(0, 4);
        assert_eq!(c.close(4).err(), Some(Error::NoSuchRow { row: 4, rows: 4 }));
        assert!(c.close(5).is_ok());
        assert!(Constraints::default().close(0).is_ok());
    }
}
