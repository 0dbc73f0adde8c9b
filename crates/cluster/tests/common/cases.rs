//! Random rows and constraints.

use proptest::prelude::*;
use streamface_cluster::{Constraints, Embeddings};

/// Points of three kinds: anywhere, on a coarse grid (many equal distances), and near a few centres;
/// some rows are copies of others, some are zero.
pub fn points(n: usize, dim: usize, kind: u8) -> impl Strategy<Value = Embeddings> {
    let numbers = prop::collection::vec(-1.0_f32..1.0, n * dim);
    let copies = prop::collection::vec((any::<u16>(), any::<u16>()), 0..6);
    (numbers, copies).prop_map(move |(mut data, copies)| {
        for (at, x) in data.iter_mut().enumerate() {
            match kind {
                0 => {}
                1 => *x = (*x * 2.0).round(),
                _ => *x = *x * 0.2 + ((at / dim * 7 + at % dim) % 5) as f32 / 4.0,
            }
        }
        for (from, to) in copies.into_iter().filter(|_| n > 0) {
            let (from, to) = (usize::from(from) % n * dim, usize::from(to) % n * dim);
            data.copy_within(from..from + dim, to);
        }
        Embeddings::new(data, dim).unwrap()
    })
}

/// Pairs of rows, to be taken modulo their number.
pub type Pairs = Vec<(u16, u16)>;

pub fn pairs(most: usize) -> impl Strategy<Value = Pairs> {
    prop::collection::vec((any::<u16>(), any::<u16>()), 0..most)
}

pub fn constraints(rows: usize, must: &Pairs, cannot: &Pairs) -> Constraints {
    let mut all = Constraints::default();
    let row = |r: &u16| usize::from(*r) % rows;
    for (a, b) in must.iter().filter(|_| rows > 0) {
        all.must_link(row(a), row(b));
    }
    for (a, b) in cannot.iter().filter(|(a, b)| rows > 0 && row(a) != row(b)) {
        all.cannot_link(row(a), row(b));
    }
    all
}
