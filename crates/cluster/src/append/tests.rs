//! Lists so short that most must be made again, small batches, and all instruction sets.

use proptest::prelude::*;

use super::*;
use crate::kernel::Isa;
use crate::{Metric, complete_linkage};

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
        let history = History { merges: &merges, threshold: t, constraints: &none };
        let want = complete_linkage(&rows, &settings, &none).unwrap();
        for isa in Isa::available() {
            let how = (Tuning { isa, few }, Limits { most, together: most, ahead: 2 });
            let got = append_with(&rows, &history, &is_new, &settings, &none, Observer::none(), how).unwrap();
            prop_assert_eq!(&got.merges, &want.merges);
            prop_assert_eq!(&got.labels, &want.labels);
        }
    }
}
