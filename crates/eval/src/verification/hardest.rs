//! The pairs that are hardest to tell.

use std::collections::HashMap;

use super::{Compared, Verified};

/// A pair that is hard to tell: of two people and near, or of one person and far apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardPair {
    /// Its place among the pairs.
    pub index: usize,
    /// Its distance.
    pub distance: f64,
    /// Whether it is wrong at [`Verified::mean_threshold`].
    pub wrong: bool,
    /// Further pairs of the same people that are wrong there.
    pub more: u64,
}

/// Hard pairs of either kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HardPairs {
    /// Pairs of two people, the nearest first; one for each two people.
    pub different: Vec<HardPair>,
    /// Pairs of one person, the farthest first; one for each person.
    pub same: Vec<HardPair>,
}

/// The hardest pairs, of either kind at most `most`.
#[must_use]
pub fn hardest(pairs: &[Compared], verified: &Verified, most: usize) -> HardPairs {
    let threshold = verified.mean_threshold;
    let of_kind = |same: bool| {
        let mut found: HashMap<[u32; 2], HardPair> = HashMap::new();
        let harder = |a: f64, b: f64| if same { a > b } else { a < b };
        for (index, pair) in pairs.iter().enumerate().filter(|(_, p)| p.same == same) {
            let wrong = (pair.distance <= threshold) != same;
            let [a, b] = pair.people;
            let this = HardPair { index, distance: pair.distance, wrong, more: 0 };
            let known = found.entry([a.min(b), a.max(b)]).or_insert(HardPair { more: u64::MAX, ..this });
            let more = known.more.wrapping_add(u64::from(wrong));
            if harder(this.distance, known.distance) {
                *known = this;
            }
            known.more = more;
        }
        let mut all: Vec<HardPair> = found.into_values().collect();
        all.sort_by(|a, b| {
            let by_distance = a.distance.total_cmp(&b.distance);
            (if same { by_distance.reverse() } else { by_distance }).then(a.index.cmp(&b.index))
        });
        all.truncate(most);
        // Of no wrong pair none is one more.
        all.iter_mut().for_each(|p| p.more = if p.wrong { p.more } else { 0 });
        all
    };
    HardPairs { different: of_kind(false), same: of_kind(true) }
}

#[cfg(test)]
mod tests {
    use super::super::verify;
    use super::*;

    #[test]
    fn one_pair_for_two_people_the_nearest_first() {
        let pair = |distance: f64, a: u32, b: u32, fold| Compared {
            distance,
            same: a == b,
            fold: Some(fold),
            people: [a, b],
        };
        let mut pairs = Vec::new();
        for fold in 0..2 {
            pairs.extend([
                pair(0.2, 0, 0, fold),
                pair(0.21, 0, 0, fold),
                pair(0.22, 0, 0, fold),
                pair(0.9, 0, 1, fold),
                pair(0.8, 1, 2, fold),
                pair(0.95, 3, 4, fold),
            ]);
        }
        // People 5 and 6 are taken for one three times, person 7 for two.
        pairs.extend([pair(0.1, 5, 6, 0), pair(0.05, 6, 5, 1), pair(0.15, 5, 6, 0), pair(0.99, 7, 7, 1)]);
        let verified = verify(&pairs, &[]).unwrap();
        assert!((0.22..0.8).contains(&verified.mean_threshold), "{verified:?}");
        let found = hardest(&pairs, &verified, 2);
        let said = |all: &[HardPair]| all.iter().map(|p| (p.index, p.wrong, p.more)).collect::<Vec<_>>();
        assert_eq!(said(&found.different), [(13, true, 2), (4, false, 0)]);
        assert_eq!(said(&found.same), [(15, true, 0), (2, false, 0)]);
        assert_eq!(found.different[0].distance, 0.05);
    }
}
