//! Merges at distance 0 that come before all others: must-linked rows, and equal rows.

use rayon::prelude::*;

use crate::clustering::Merge;
use crate::constraints::Groups;
use crate::exact_distance::ExactDistance;

/// Merges of must-linked rows.
pub(crate) fn must_links(groups: &Groups) -> Vec<Merge> {
    let rows = (0_u32..).zip(&groups.first).filter(|(row, first)| row != *first);
    rows.map(|(b, &a)| Merge { a, b, distance: 0.0 }).collect()
}

/// Equal rows are at distance 0 of each other and the same from all else, so they join first whatever
/// comes, and a still picture does not make a link of every two of its copies. Rows with constraints stay as
/// they are: what these allow, linkage finds out.
pub(crate) fn copies(
    exact: &ExactDistance,
    must: &[Merge],
    groups: &Groups,
    among: impl Fn(u32) -> bool + Sync,
) -> Vec<Merge> {
    let rows = exact.rows();
    let mut free = vec![true; rows.len()];
    let constrained = must.iter().flat_map(|m| [m.a, m.b]);
    for row in constrained.chain(groups.apart.iter().flat_map(|&(a, b)| [a, b])) {
        free[row as usize] = false;
    }
    let mut hashed: Vec<(u64, u32)> = (0..rows.len() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .filter(|&row| free[row as usize] && among(row) && !exact.is_zero(row))
        .map(|row| (hash(rows.row(row as usize)), row))
        .collect();
    hashed.par_sort_unstable();
    let mut merges = Vec::new();
    for same in hashed.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        let mut left: Vec<u32> = same.iter().map(|(_, row)| *row).collect();
        // One round unless hashes collide.
        while let Some(&a) = left.first() {
            let own = rows.row(a as usize);
            let equal = |&row: &u32| rows.row(row as usize).iter().zip(own).all(|(x, y)| x == y);
            merges.extend(left[1..].iter().filter(|row| equal(row)).map(|&b| Merge { a, b, distance: 0.0 }));
            left.retain(|row| !equal(row));
        }
    }
    merges.sort_unstable_by(Merge::order);
    merges
}

/// The rows that are no copies, in order: one of equal rows speaks for all of them.
pub(crate) fn without_copies(copies: &[Merge], rows: usize) -> Vec<u32> {
    let mut left = vec![true; rows];
    copies.iter().for_each(|m| left[m.b as usize] = false);
    (0..rows as u32).filter(|&row| left[row as usize]).collect()
}

/// Of a row's numbers; 0 and −0 alike, as they are equal.
fn hash(row: &[f32]) -> u64 {
    let add = |hash: u64, x: u64| (hash.rotate_left(5) ^ x).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Four that do not wait for each other.
    let mut hashes = [0xCBF2_9CE4_8422_2325_u64; 4];
    let mut add_to = |at: usize, x: f32| hashes[at] = add(hashes[at], (x + 0.0).to_bits().into());
    let (full, rest) = row.as_chunks::<4>();
    full.iter().for_each(|numbers| (0..4).for_each(|at| add_to(at, numbers[at])));
    rest.iter().enumerate().for_each(|(at, &x)| add_to(at, x));
    hashes.into_iter().fold(0, add)
}
