//! The expected number of wrong merges beside the counted one, in made-up worlds of 10 to 1,000 people.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use streamface_cluster::{Constraints, Settings as Linkage, complete_linkage};
use streamface_eval::merges::{Known, Merge, MergeChances, Settings};
use streamface_kernels::SplitMix64;
use streamface_types::{Embeddings, Metric};

const DIM: usize = 192;
const REACH: f64 = 0.64;

/// Faces with the distances that the default embedder gives: two people 0.95 ± 0.15, one person some 0.25 in other photos.
struct World {
    rows: Embeddings,
    person: Vec<u32>,
    apart: Vec<(usize, usize)>,
}

/// `spread` is the number of directions that people differ in: with few of them more strangers are alike.
fn world(people: usize, spread: f64, seed: u64) -> World {
    let mut random = SplitMix64::new(seed);
    let scale = |k: usize, spread: f64| (-(k as f64) / spread).exp().sqrt();
    let norm = |spread: f64| (0..DIM).map(|k| scale(k, spread).powi(2)).sum::<f64>().sqrt();
    let (between, within) = (norm(spread), norm(40.0));
    let (mut data, mut person) = (Vec::new(), Vec::new());
    for p in 0..people {
        let mean: Vec<f64> = (0..DIM).map(|k| random.normal() * scale(k, spread) / between + 0.015).collect();
        let faces = 1 + (-random.uniform().max(1e-9).ln() * 5.0) as usize;
        for _ in 0..faces.min(40) {
            // Some photos are harder than others.
            let off = 0.5 * (0.2 * random.normal()).exp();
            data.extend(mean.iter().enumerate().map(|(k, m)| {
                // The directions in which photos of a person differ are not those in which people do.
                (m + off * random.normal() * scale(DIM - 1 - k, 40.0) / within) as f32
            }));
            person.push(p as u32);
        }
    }
    // A third of the faces share a frame with another.
    let mut order: Vec<usize> = (0..person.len()).collect();
    random.shuffle(&mut order);
    let pairs = order.chunks_exact(2).take(person.len() / 6).map(|pair| (pair[0], pair[1]));
    let apart = pairs.filter(|&(a, b)| person[a] != person[b]).collect();
    World { rows: Embeddings::new(data, DIM).unwrap(), person, apart }
}

/// Of each merge, whether its two clusters are mostly of two people.
fn wrong(world: &World, merges: &[Merge]) -> Vec<bool> {
    let mut cluster: HashMap<u32, HashMap<u32, u32>> = HashMap::new();
    let most = |of: &HashMap<u32, u32>| of.iter().max_by_key(|(person, n)| (**n, **person)).map(|(p, _)| *p);
    let one = |&(a, b, _): &Merge| {
        let mut take = |row: u32| {
            cluster.remove(&row).unwrap_or_else(|| HashMap::from([(world.person[row as usize], 1)]))
        };
        let (mut first, second) = (take(a), take(b));
        let wrong = most(&first) != most(&second);
        second.into_iter().for_each(|(person, n)| *first.entry(person).or_default() += n);
        cluster.insert(a, first);
        wrong
    };
    merges.iter().map(one).collect()
}

fn chances(world: &World, false_merges: f64) -> (MergeChances, Vec<Merge>) {
    let mut constraints = Constraints::default();
    for &(a, b) in &world.apart {
        constraints.cannot_link(a, b);
    }
    let linkage = Linkage::new(Metric::Cosine, REACH).unwrap();
    let found = complete_linkage(&world.rows, &linkage, &constraints).unwrap();
    let merges: Vec<Merge> = found.merges.iter().map(|m| (m.a, m.b, m.distance)).collect();
    let known = Known { one_person: (0.30, 0.09), two_people: (0.95, 0.16), people: 36.0 };
    let settings = Settings { false_merges, known: Some(known), ..Settings::new(Metric::Cosine, REACH) };
    (MergeChances::new(&world.rows, merges.clone(), &world.apart, settings).unwrap(), merges)
}

/// Expected and counted wrong merges of the believed ones, and of all up to 0.6; right merges believed, and all.
#[derive(Debug, Default)]
struct Sums {
    believed: [f64; 2],
    all: [f64; 2],
    right: [f64; 2],
}

fn sums(people: usize, spread: f64, worlds: u64, budget: f64) -> Sums {
    let mut sums = Sums::default();
    for seed in 0..worlds {
        let world = world(people, spread, 1_000 * people as u64 + seed);
        let (chances, merges) = chances(&world, budget);
        let (wrong, believed) = (wrong(&world, &merges), chances.within());
        let count = |take: &dyn Fn(usize) -> bool| (0..merges.len()).filter(|&k| take(k)).count() as f64;
        sums.believed[0] += believed.false_merges;
        sums.believed[1] += count(&|k| believed.merges[k] && wrong[k]);
        sums.all[0] += chances.up_to(0.6).expected;
        sums.all[1] += count(&|k| merges[k].2 <= 0.6 && wrong[k]);
        sums.right[0] += count(&|k| believed.merges[k] && !wrong[k]);
        sums.right[1] += count(&|k| !wrong[k]);
    }
    sums
}

#[test]
fn as_many_merges_are_wrong_as_expected() {
    for spread in [22.0, 15.0, 10.0] {
        for (people, worlds) in [(10, 60), (40, 20), (100, 8), (300, 3), (1_000, 1)] {
            let found = sums(people, spread, worlds, (people as f64 / 10.0).max(2.0));
            let case = format!("{people} people in {spread} directions: {found:.2?}");
            println!("{case}");
            let [expected, counted] = found.all;
            // Of few, chance alone makes a factor of two.
            if counted >= 5.0 {
                assert!(expected < 2.0 * counted && counted < 2.0 * expected, "{case}");
            }
            let [expected, counted] = found.believed;
            assert!(counted <= 2.0 * expected + 3.0, "{case}");
            assert!(found.right[0] >= 0.98 * found.right[1], "{case}");
        }
    }
}

#[test]
fn the_default_budget_is_kept() {
    let mut counted = 0.0;
    for (people, worlds) in [(10, 20), (40, 20), (100, 10)] {
        let found = sums(people, 15.0, worlds, 0.5);
        assert!(found.believed[0] <= 0.5 * worlds as f64, "{found:?}");
        counted += found.believed[1];
    }
    assert!(counted <= 0.5 * 50.0, "{counted} in 50 worlds");
}
