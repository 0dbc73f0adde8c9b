//! Lists so short that most must be made again, few horizons and many, clusters larger than what is compared of them,
//! and all instruction sets.

use proptest::prelude::*;

use super::*;
use crate::{Embeddings, Metric, Parts, complete_linkage, join};
use streamface_kernels::Isa;

/// Parts of the old rows: those that a run found, or the components at a share of the threshold.
fn parts(
    rows: &Embeddings,
    old: &[u32],
    settings: &Settings,
    share: Option<f64>,
    told: Option<Parts>,
) -> Option<Parts> {
    let found = match share {
        None => told?,
        Some(share) => {
            let threshold = settings.threshold() * share;
            let data = old.iter().flat_map(|&row| rows.row(row as usize)).copied().collect();
            let some = Embeddings::new(data, rows.dim()).unwrap();
            let links = join(&some, &Settings::new(settings.metric(), threshold).unwrap()).unwrap();
            let pairs: Vec<(u32, u32)> = links.iter().map(|l| l.unwrap()).map(|l| (l.i, l.j)).collect();
            Parts::tied(old.len(), threshold, pairs).unwrap()
        }
    };
    Some(found.renumbered(old, rows.len()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn limits_change_nothing(
        numbers in prop::collection::vec(-4_i8..4, 0..400),
        dim in prop_oneof![1..6_usize, Just(34_usize)],
        cosine in any::<bool>(),
        t in 0.0..2.0_f64,
        most in 1..6_usize,
        few in prop_oneof![Just(2_usize), Just(1000)],
        every in 2..9_usize,
        exact in any::<bool>(),
        share in prop_oneof![Just(None), Just(Some(1.0)), (0.3..1.0_f64).prop_map(Some)],
    ) {
        let n = numbers.len() / dim;
        // On a grid, with many ties, or a little off it.
        let off = |at: usize| if exact { 0.0 } else { (at * at % 101) as f32 / 400.0 };
        let data = numbers[..n * dim].iter().enumerate().map(|(at, &x)| f32::from(x) / 3.0 + off(at)).collect();
        let rows = Embeddings::new(data, dim).unwrap();
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let settings = Settings::new(metric, t).unwrap();
        let is_new: Vec<bool> = (0..n).map(|row| row * row % every == 1).collect();
        let numbers: Vec<u32> = (0..n as u32).filter(|&row| !is_new[row as usize]).collect();
        let old = numbers.iter().flat_map(|&row| rows.row(row as usize)).copied().collect();
        let none = Constraints::default();
        let before = complete_linkage(&Embeddings::new(old, dim).unwrap(), &settings, &none).unwrap();
        let merges = renumber(&before.merges, &numbers).unwrap();
        let parts = parts(&rows, &numbers, &settings, share, before.parts);
        let history = History { merges: &merges, threshold: t, constraints: &none, parts: parts.as_ref() };
        let want = complete_linkage(&rows, &settings, &none).unwrap();
        // The old merges once more, or all rows beyond the parts again.
        for (isa, max_changed_inverse) in Isa::available().into_iter().flat_map(|isa| [(isa, 1), (isa, usize::MAX)]) {
            let limits = Limits { most, left: 1.0 - 0.15 * most as f64, min_pair_reduction: 1, max_changed_inverse };
            let how = (Tuning { isa, few, ..Tuning::default() }, limits);
            let got = append_with(rows.view(), &history, &is_new, &settings, &none, Observer::none(), how).unwrap();
            prop_assert_eq!(&got.merges, &want.merges);
            prop_assert_eq!(&got.labels, &want.labels);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Rows in large clusters, which grow far beyond a group of rows, and new rows anywhere among the others.
    #[test]
    fn large_clusters_are_those_of_a_run_from_scratch(
        n in 100_usize..700,
        dim in prop_oneof![Just(3_usize), Just(40), Just(65)],
        people in 1_usize..6,
        noise in 0.1_f32..0.8,
        share in 0.05..0.9_f64,
        every in 3..40_usize,
        most in prop_oneof![Just(3_usize), Just(4096)],
        left in 0.3..0.95_f64,
        coarse in any::<bool>(),
        seed in any::<u32>(),
        cosine in any::<bool>(),
        apart in prop_oneof![Just(None), Just(Some(1.0)), (0.3..1.0_f64).prop_map(Some)],
    ) {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let centres: Vec<f32> = (0..people * dim).map(|_| next()).collect();
        let number = |at: usize| centres[at / dim % people * dim + at % dim] + noise * next();
        let mut data: Vec<f32> = (0..n * dim).map(number).collect();
        if coarse {
            // Many equal distances.
            data.iter_mut().for_each(|x| *x = (*x * 2.0).round() / 2.0);
        }
        let rows = Embeddings::new(data, dim).unwrap();
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let mut sample: Vec<f64> =
            (0..n - 1).map(|i| metric.distance(rows.row(i), rows.row((i * 7 + 5) % n))).collect();
        sample.sort_by(f64::total_cmp);
        let settings = Settings::new(metric, sample[(n as f64 * share) as usize].min(2.0)).unwrap();
        let is_new: Vec<bool> = (0..n).map(|row| (row * row + seed as usize) % every == 1).collect();
        let numbers: Vec<u32> = (0..n as u32).filter(|&row| !is_new[row as usize]).collect();
        let old = numbers.iter().flat_map(|&row| rows.row(row as usize)).copied().collect();
        let none = Constraints::default();
        let before = complete_linkage(&Embeddings::new(old, dim).unwrap(), &settings, &none).unwrap();
        let merges = renumber(&before.merges, &numbers).unwrap();
        let parts = parts(&rows, &numbers, &settings, apart, before.parts);
        let threshold = settings.threshold();
        let history = History { merges: &merges, threshold, constraints: &none, parts: parts.as_ref() };
        let want = complete_linkage(&rows, &settings, &none).unwrap();
        for isa in Isa::available() {
            for few in [2, 5000] {
                let how = (Tuning { isa, few, ..Tuning::default() }, Limits { most, left, min_pair_reduction: 1, max_changed_inverse: 1 });
                let got = append_with(rows.view(), &history, &is_new, &settings, &none, Observer::none(), how).unwrap();
                prop_assert_eq!(&got.merges, &want.merges);
            }
        }
    }
}
