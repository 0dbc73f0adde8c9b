//! Draws with a seed, the same on every machine and for any number of threads.

use streamface_kernels::SplitMix64;

/// The numbers of `stream` under `seed`. Work that is split over threads takes a stream for each piece, so that the
/// result does not depend on which thread does which piece.
pub(crate) fn stream(seed: u64, stream: u64) -> SplitMix64 {
    let base = SplitMix64::new(seed).next_u64();
    SplitMix64::new(SplitMix64::new(base.wrapping_add(stream)).next_u64())
}

/// `take` different numbers below `n`, ascending; all of them where there are no more.
pub(crate) fn sample(random: &mut SplitMix64, n: usize, take: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    if take < n {
        for i in 0..take {
            let other = i + random.below(n - i);
            all.swap(i, other);
        }
        all.truncate(take);
        all.sort_unstable();
    }
    all
}

/// How often each of `weights.len()` things is drawn, in as many draws with replacement.
pub(crate) fn resample(random: &mut SplitMix64, weights: &mut [u32]) {
    weights.fill(0);
    for _ in 0..weights.len() {
        let drawn = random.below(weights.len());
        weights[drawn] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_even_and_without_repeats() {
        let mut counts = [0u32; 10];
        for seed in 0..10_000 {
            let drawn = sample(&mut stream(seed, 0), 10, 3);
            assert!(drawn.windows(2).all(|w| w[0] < w[1]) && drawn.len() == 3);
            for i in drawn {
                counts[i] += 1;
            }
        }
        // 3,000 each, standard deviation 46.
        assert!(counts.iter().all(|&c| c.abs_diff(3_000) < 230), "{counts:?}");
        assert_eq!(sample(&mut stream(1, 0), 4, 9), [0, 1, 2, 3]);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, piece| stream(seed, piece).next_u64();
        assert_eq!(first(1, 2), first(1, 2));
        let all: std::collections::BTreeSet<u64> = (0..100).map(|i| first(i / 10, i % 10)).collect();
        assert_eq!(all.len(), 100);
        let mut weights = [0; 7];
        resample(&mut stream(5, 5), &mut weights);
        assert_eq!(weights.iter().sum::<u32>(), 7);
    }
}
