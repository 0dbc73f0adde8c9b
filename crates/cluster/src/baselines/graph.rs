//! An undirected graph with weights on its edges.

use crate::neighbours::Neighbours;
use crate::{Error, Links};

/// Rows and weighted edges between them: no loops, one edge a pair.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// Where each row's edges start, and the end of the last.
    offset: Vec<usize>,
    /// The other ends, ascending for each row.
    near: Vec<u32>,
    weight: Vec<f64>,
}

impl Graph {
    /// A graph of `rows` rows with the edges (row, row, weight), in any order and direction. An edge is
    /// left out where its weight is not a finite number above 0, or its ends are one row; of several
    /// between two rows the heaviest counts. 12 bytes an edge and end.
    ///
    /// # Errors
    /// [`Error::NoSuchRow`], [`Error::TooManyRows`].
    pub fn new(rows: usize, edges: impl IntoIterator<Item = (u32, u32, f64)>) -> Result<Self, Error> {
        if u32::try_from(rows).is_err() {
            return Err(Error::TooManyRows { rows });
        }
        let sound = |&(a, b, weight): &(u32, u32, f64)| a != b && weight.is_finite() && weight > 0.0;
        let mut all: Vec<_> =
            edges.into_iter().filter(sound).map(|(a, b, w)| (a.min(b), a.max(b), w)).collect();
        if let Some(&(_, row, _)) = all.iter().find(|e| e.1 as usize >= rows) {
            return Err(Error::NoSuchRow { row: row as usize, rows });
        }
        all.sort_unstable_by(|x, y| (x.0, x.1).cmp(&(y.0, y.1)).then(y.2.total_cmp(&x.2)));
        all.dedup_by_key(|e| (e.0, e.1));
        Ok(Self::from_sorted(rows, &all))
    }

    /// All links, `weight` giving each one's weight from its distance; usually 1 − distance for cosine.
    ///
    /// # Errors
    /// [`Error::TooManyRows`]; [`Error::Spill`] where the temporary file of the links cannot be read.
    pub fn from_links(links: &Links, weight: impl Fn(f64) -> f64) -> Result<Self, Error> {
        let mut edges = Vec::new();
        links.for_each(|l| edges.push((l.i, l.j, weight(l.distance))))?;
        Self::new(links.rows(), edges)
    }

    /// Two rows are neighbours where either is among the other's nearest, at a distance ≤ `cut`.
    ///
    /// # Errors
    /// [`Error::TooManyRows`].
    pub fn from_neighbours(near: &Neighbours, cut: f64, weight: impl Fn(f64) -> f64) -> Result<Self, Error> {
        let own = |i: usize| near.of(i).map(move |(j, distance)| (i as u32, j, distance));
        let close = (0..near.rows()).flat_map(own).filter(|&(.., distance)| distance <= cut);
        Self::new(near.rows(), close.map(|(i, j, distance)| (i, j, weight(distance))))
    }

    /// From edges in order of (smaller, larger), each once.
    pub(super) fn from_sorted(rows: usize, edges: &[(u32, u32, f64)]) -> Self {
        let mut offset = vec![0; rows + 1];
        for &(a, b, _) in edges {
            offset[a as usize + 1] += 1;
            offset[b as usize + 1] += 1;
        }
        for row in 0..rows {
            offset[row + 1] += offset[row];
        }
        let mut end = offset.clone();
        let (mut near, mut weight) = (vec![0; offset[rows]], vec![0.0; offset[rows]]);
        // In this order a row gets its smaller neighbours first, ascending, then its larger ones.
        for &(a, b, w) in edges {
            for (own, other) in [(a, b), (b, a)] {
                let at = &mut end[own as usize];
                (near[*at], weight[*at]) = (other, w);
                *at += 1;
            }
        }
        Self { offset, near, weight }
    }

    /// Number of rows, with edges or without.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.offset.len().saturating_sub(1)
    }

    /// Number of edges.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.near.len() / 2
    }

    /// The neighbours of row `i` in ascending order, with the weights of the edges to them. Panics where
    /// there is no such row.
    pub fn of(&self, i: usize) -> impl ExactSizeIterator<Item = (u32, f64)> + '_ {
        let own = self.offset[i]..self.offset[i + 1];
        self.near[own.clone()].iter().copied().zip(self.weight[own].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_edge_a_pair_and_none_that_is_none() {
        let edges = [(2, 0, 0.5), (0, 2, 0.75), (1, 1, 1.0), (0, 1, 0.0), (1, 2, f64::NAN), (3, 2, 1.0)];
        let graph = Graph::new(4, edges).unwrap();
        assert_eq!((graph.rows(), graph.edges()), (4, 2));
        assert_eq!(graph.of(2).collect::<Vec<_>>(), [(0, 0.75), (3, 1.0)]);
        assert_eq!(graph.of(1).len(), 0);
        assert_eq!(Graph::new(3, edges), Err(Error::NoSuchRow { row: 3, rows: 3 }));
        assert_eq!((Graph::default().rows(), Graph::new(0, []).unwrap().rows()), (0, 0));
    }
}
