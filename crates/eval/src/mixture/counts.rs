//! Many pairs in bounded memory.

use std::collections::BTreeMap;

use super::Pair;

/// Width of a bin of distances.
const BIN: f64 = 1.0 / 256.0;
/// Bins of sizes for a factor of two in the product of the sizes.
const SIZE_BINS: f64 = 2.0;

/// Counts of pairs by distance, size and whether they are surely strangers: a histogram, so that any number of pairs takes the
/// memory of some thousand. Distances are kept to 1/256, products of sizes to a factor of 1.4.
///
/// The order in which pairs are added does not matter as long as their weights are whole numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairCounts {
    /// By surely strangers, bin of sizes, bin of distances.
    bins: BTreeMap<(bool, u32, u32), f64>,
}

impl PairCounts {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair, or `weight` pairs like it. A distance below 0 counts as 0, one above 2²⁰ as that. Ignored where the weight
    /// is not above 0, or the distance is no number.
    pub fn add(&mut self, distance: f64, (a, b): (u32, u32), strangers: bool, weight: f64) {
        if weight > 0.0 && !distance.is_nan() {
            let size = (f64::from(a.max(1)) * f64::from(b.max(1))).log2() * SIZE_BINS;
            let at = distance.clamp(0.0, f64::from(1_u32 << 20)) / BIN;
            *self.bins.entry((strangers, size.round() as u32, at as u32)).or_default() += weight;
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        for (bin, weight) in &other.bins {
            *self.bins.entry(*bin).or_default() += weight;
        }
    }

    /// Number of pairs counted.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.bins.values().sum()
    }

    /// The counts as weighted pairs, in a fixed order.
    #[must_use]
    pub fn pairs(&self) -> Vec<Pair> {
        let pair = |(&(strangers, size, at), &weight): (&(bool, u32, u32), &f64)| {
            let distance = (f64::from(at) + 0.5) * BIN;
            // Two sizes whose product is that of the bin.
            let product = (f64::from(size) / SIZE_BINS).exp2();
            let side = product.sqrt().round().max(1.0);
            let sizes = (side as u32, (product / side).round().max(1.0) as u32);
            let known =
                if strangers { Pair::strangers(distance, sizes) } else { Pair::open(distance, sizes) };
            Pair { weight, ..known }
        };
        self.bins.iter().map(pair).collect()
    }
}
