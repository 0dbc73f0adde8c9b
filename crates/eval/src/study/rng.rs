//! Seeded random numbers that are the same on every machine and for any thread count.

/// SplitMix64 (Steele, Lea and Flood 2014): small, and every seed and stream is a good one. Not for
/// secrets.
pub(crate) struct Rng(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// The numbers of `stream` under `seed`: work that is split over threads takes a stream for each
    /// piece, so that who does which piece does not matter.
    pub fn new(seed: u64, stream: u64) -> Self {
        let base = Self(seed).next();
        Self(Self(base.wrapping_add(stream)).next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0. The bias of the high product is under n / 2⁶⁴.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// `take` different numbers below `n`, ascending; all of them where there are no more.
    pub fn sample(&mut self, n: usize, take: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        if take < n {
            for i in 0..take {
                let other = i + self.below(n - i);
                all.swap(i, other);
            }
            all.truncate(take);
            all.sort_unstable();
        }
        all
    }

    /// How often each of `weights.len()` things is drawn, in as many draws with replacement.
    pub fn resample(&mut self, weights: &mut [u32]) {
        weights.fill(0);
        for _ in 0..weights.len() {
            let drawn = self.below(weights.len());
            weights[drawn] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_even_and_without_repeats() {
        let mut counts = [0u32; 10];
        for seed in 0..10_000 {
            let sample = Rng::new(seed, 0).sample(10, 3);
            assert!(sample.windows(2).all(|w| w[0] < w[1]) && sample.len() == 3);
            for i in sample {
                counts[i] += 1;
            }
        }
        // 3,000 each, standard deviation 46.
        assert!(counts.iter().all(|&c| c.abs_diff(3_000) < 230), "{counts:?}");
        assert_eq!(Rng::new(1, 0).sample(4, 9), [0, 1, 2, 3]);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, stream| Rng::new(seed, stream).next();
        assert_eq!(first(1, 2), first(1, 2));
        let all: std::collections::BTreeSet<u64> = (0..100).map(|i| first(i / 10, i % 10)).collect();
        assert_eq!(all.len(), 100);
        let mut weights = [0; 7];
        Rng::new(5, 5).resample(&mut weights);
        assert_eq!(weights.iter().sum::<u32>(), 7);
    }
}
