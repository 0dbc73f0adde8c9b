//! Complete linkage under next to no memory, in bands and splits, against its twin, on data made to be awkward.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

#[path = "common/threads.rs"]
mod threads;

use proptest::prelude::*;
use streamface_cluster::{
    Clustering, Constraints, Embeddings, Error, Metric, Observer, Settings, complete_linkage, primitive,
    single_linkage,
};
use streamface_kernels::SplitMix64;
use threads::in_threads;

/// SplitMix64.
struct Random(SplitMix64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// −1 to 1.
    fn number(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Roughly normal.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.number()).sum::<f32>() / 1.4
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Centres with noise of their own size.
    People,
    /// Few values: most distances occur many times.
    Grid,
    /// Copies, and copies that are off by 10⁻⁷.
    Near,
    /// Far from the origin.
    Offset,
    /// Rows from 10⁻³⁰ to 10³⁰, some zero.
    Mixed,
    /// Along a curve: one component, and merges at every distance.
    Chain,
    /// No structure at all.
    Flat,
}

const KINDS: [Kind; 7] =
    [Kind::People, Kind::Grid, Kind::Near, Kind::Offset, Kind::Mixed, Kind::Chain, Kind::Flat];

fn data(kind: Kind, n: usize, dim: usize, seed: u64) -> Embeddings {
    let mut random = Random(SplitMix64::new(seed));
    let people = 1 + n / 9;
    let centres: Vec<f32> = (0..people * dim).map(|_| random.normal()).collect();
    let mut all: Vec<f32> = Vec::with_capacity(n * dim);
    for row in 0..n {
        let person = random.below(people);
        let noise = 0.1 + 0.3 * (person % 4) as f32;
        let (step, power) = (random.number() * 1e-7, random.below(61) as i32 - 30);
        let near = kind_of(kind, row, &mut random);
        for k in 0..dim {
            let centre = centres[person * dim + k];
            all.push(match kind {
                Kind::People => centre + noise * random.normal(),
                Kind::Grid => random.number().round() * f32::from(u8::from(random.below(3) > 0)),
                Kind::Near if near == 0 => centre,
                Kind::Near => centre * (1.0 + step * (near as f32 - 1.0) * random.number()),
                Kind::Offset => 1e4 + centre + noise * random.normal(),
                Kind::Mixed if near == 0 => 0.0,
                Kind::Mixed => (centre + noise * random.normal()) * 10_f32.powi(power),
                Kind::Chain => (row as f32 / n as f32 * (k % 7 + 1) as f32).sin() + 0.01 * random.number(),
                Kind::Flat => random.normal(),
            });
        }
    }
    Embeddings::new(all, dim).unwrap()
}

fn kind_of(kind: Kind, row: usize, random: &mut Random) -> usize {
    match kind {
        Kind::Near => row % 3,
        Kind::Mixed => random.below(20),
        _ => 1,
    }
}

/// The threshold that this share of a sample of pairs is within, or half of it where that is off the scale.
fn threshold(rows: &Embeddings, metric: Metric, share: f64, seed: u64) -> f64 {
    let mut random = Random(SplitMix64::new(seed));
    let row = |at: usize| rows.row(at);
    let mut all: Vec<f64> = (0..400)
        .map(|_| metric.distance(row(random.below(rows.len())), row(random.below(rows.len()))))
        .collect();
    all.sort_by(f64::total_cmp);
    all[((all.len() - 1) as f64 * share) as usize]
}

/// Same result, whatever it took.
fn same(a: &Clustering, b: &Clustering) -> bool {
    a.labels == b.labels && a.clusters == b.clusters && a.merges == b.merges
}

/// More pairs than `most` at this very distance.
fn are_ties(rows: &Embeddings, metric: Metric, distance: f64, most: u64) -> bool {
    let at = |i: usize, j: usize| metric.distance(rows.row(i), rows.row(j)) == distance;
    (0..rows.len()).map(|i| (0..i).filter(|&j| at(i, j)).count() as u64).sum::<u64>() > most
}

/// What little memory gives is what much memory gives, or a complaint about ties that is justified.
fn check(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
    full: &Clustering,
    bytes: u64,
) -> Result<(), TestCaseError> {
    let little = settings.memory(bytes);
    let one = in_threads(1, || complete_linkage(rows, &little, constraints));
    match &one {
        Ok(one) => prop_assert!(same(one, full), "{settings:?} {bytes}"),
        Err(Error::Ties { distance, most }) => {
            prop_assert!(are_ties(rows, settings.metric(), *distance, *most), "{distance} {bytes}");
        }
        Err(other) => prop_assert!(false, "{other}"),
    }
    for threads in [2, 7] {
        let again = in_threads(threads, || complete_linkage(rows, &little, constraints));
        prop_assert_eq!(&again, &one, "{} threads, {:?} {}", threads, settings, bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn little_memory_changes_nothing(
        kind in 0..KINDS.len(),
        n in 1_usize..300,
        dim in prop_oneof![4 => 1_usize..40, 1 => 30_usize..36, 1 => 60_usize..70, 1 => 100_usize..600],
        seed in any::<u64>(),
        cosine in any::<bool>(),
        share in prop_oneof![1 => Just(0.0), 2 => 0.0..0.1_f64, 2 => 0.1..0.9_f64, 1 => Just(1.0)],
        (must, cannot) in (0_usize..6, prop_oneof![3 => Just(0_usize), 1 => 1_usize..200]),
    ) {
        let rows = data(KINDS[kind], n, dim, seed);
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let settings = Settings::new(metric, threshold(&rows, metric, share, seed)).unwrap();
        let mut random = Random(SplitMix64::new(seed ^ 1));
        let mut constraints = Constraints::default();
        for _ in 0..must {
            constraints.must_link(random.below(n), random.below(n));
        }
        for _ in 0..cannot {
            let (a, b) = (random.below(n), random.below(n));
            if a != b {
                constraints.cannot_link(a, b);
            }
        }
        let full = complete_linkage(&rows, &settings, &constraints);
        let slow = primitive::complete_linkage(&rows, &settings, &constraints);
        prop_assert_eq!(full.as_ref().map(|c| &c.labels), slow.as_ref());
        let Ok(full) = full else { return Ok(()) };
        for bytes in [0, 56 * 200, 56 * 1000] {
            check(&rows, &settings, &constraints, &full, bytes)?;
        }
    }
}

/// 5,000 rows: links by the hundred thousand, and memory for a few of them.
#[test]
fn large_inputs_do_not_depend_on_memory_or_threads() {
    let none = Constraints::default();
    for (kind, dim, metric, share) in [
        (Kind::People, 512, Metric::Cosine, 0.01),
        (Kind::Flat, 64, Metric::Cosine, 0.08),
        (Kind::Chain, 20, Metric::Euclidean, 0.3),
    ] {
        let rows = data(kind, 5000, dim, 7);
        let settings = Settings::new(metric, threshold(&rows, metric, share, 3)).unwrap();
        let full = complete_linkage(&rows, &settings, &none).unwrap();
        assert_eq!(full.bands, 1);
        for bytes in [1 << 20, 1 << 16] {
            let little = complete_linkage(&rows, &settings.memory(bytes), &none).unwrap();
            assert!(little.bands > 1, "{kind:?} {bytes}");
            assert!(same(&little, &full), "{kind:?} {bytes}");
        }
        let seven = in_threads(7, || complete_linkage(&rows, &settings.memory(1 << 18), &none)).unwrap();
        assert!(same(&seven, &full), "{kind:?}");
        assert_eq!(
            in_threads(3, || complete_linkage(&rows, &settings.memory(1 << 18), &none)).unwrap(),
            seven
        );
    }
}

/// All distances are the same, so that no look tells one from another: what has been measured is not measured again.
#[test]
fn ties_by_the_thousand_take_no_longer() {
    let one_hot = (0..1000 * 1000).map(|at| f32::from(u8::from(at % 1001 == 0)));
    let rows = Embeddings::new(one_hot.collect(), 1000).unwrap();
    let (send, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let of = |metric, threshold| {
            let settings = Settings::new(metric, threshold).unwrap();
            complete_linkage(&rows, &settings, &Constraints::default()).unwrap()
        };
        send.send([of(Metric::Cosine, 1.0), of(Metric::Euclidean, 1.5)]).unwrap();
    });
    for found in done.recv_timeout(std::time::Duration::from_secs(60)).unwrap() {
        assert_eq!(found.clusters, 1);
        // The first row with all others, in order.
        assert!((1..).zip(&found.merges).all(|(b, m)| (m.a, m.b) == (0, b)));
    }
}

/// Threads that wait for others take up other work meanwhile; none of it may want what they hold.
#[test]
fn no_thread_waits_for_itself() {
    let none = Constraints::default();
    let rows = data(Kind::Chain, 4500, 3, 5);
    let settings = Settings::new(Metric::Euclidean, 0.7).unwrap();
    let (send, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for round in 0..6 {
            let little = settings.memory(56 * [50_000, 400_000, 1_500_000][round % 3]);
            let found = in_threads(2 + 2 * round, || complete_linkage(&rows, &little, &none)).unwrap();
            let single =
                in_threads(2 + 2 * round, || single_linkage(&rows, &little, &none, Observer::none()))
                    .unwrap();
            send.send((round, found.labels, single.labels)).unwrap();
        }
    });
    let wait = std::time::Duration::from_secs(120);
    let first = done.recv_timeout(wait).unwrap();
    for round in 1..6 {
        assert_eq!(done.recv_timeout(wait), Ok((round, first.1.clone(), first.2.clone())));
    }
}

#[test]
fn the_smallest_and_the_largest_of_everything() {
    let none = Constraints::default();
    let run = |rows: &Embeddings, metric, threshold, bytes| {
        let settings = Settings::new(metric, threshold).unwrap();
        complete_linkage(rows, &settings.memory(bytes), &none)
    };
    for metric in [Metric::Cosine, Metric::Euclidean] {
        for bytes in [0, 2 << 30] {
            for threshold in [0.0, 5e-324, 2.0] {
                for (rows, dim) in
                    [(0, 0), (0, 5), (1, 1), (1, 700), (2, 1), (70, 31), (70, 33), (20, 65_537)]
                {
                    let rows =
                        Embeddings::new(data(Kind::Mixed, rows, dim.max(1), 3).as_slice().to_vec(), dim);
                    let rows = rows.unwrap();
                    let settings = Settings::new(metric, threshold).unwrap();
                    let found = run(&rows, metric, threshold, bytes);
                    // At 2 all are one, or zero rows tie.
                    if let Ok(found) = &found {
                        let slow = primitive::complete_linkage(&rows, &settings, &none).unwrap();
                        assert_eq!(found.labels, slow, "{metric} {threshold} {dim}");
                    } else {
                        assert!(bytes == 0 && rows.len() == 70, "{found:?}");
                    }
                }
            }
        }
    }
    for threshold in [1e300, f64::MAX] {
        for bytes in [0, 2 << 30] {
            let rows = data(Kind::Mixed, 200, 40, 11);
            assert_eq!(run(&rows, Metric::Euclidean, threshold, bytes).unwrap().clusters, 1);
        }
    }
    // All on one ray: every pair at cosine distance 0, more than fit.
    let ray = Embeddings::new((1..=200).map(|k| k as f32).collect(), 1).unwrap();
    assert_eq!(run(&ray, Metric::Cosine, 0.5, 0), Err(Error::Ties { distance: 0.0, most: 64 }));
    assert_eq!(run(&ray, Metric::Cosine, 0.5, 2 << 20).unwrap().clusters, 1);
    // Integers: neighbours are all at 1.
    let line = Embeddings::new((0..200).map(|k| k as f32).collect(), 1).unwrap();
    assert_eq!(run(&line, Metric::Euclidean, 5.0, 0), Err(Error::Ties { distance: 1.0, most: 64 }));
}
