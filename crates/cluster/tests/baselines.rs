//! The baselines against slow twins, known labels, and each other.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

#[path = "common/linfa_peer.rs"]
mod linfa_peer;
#[path = "common/people.rs"]
mod people;
#[path = "common/threads.rs"]
mod threads;

use people::{Kind, people};
use proptest::prelude::*;
use streamface_cluster::baselines::{
    ChineseWhispers, Graph, Infomap, chinese_whispers, codelength, dbscan, infomap, noise_apart,
};
use streamface_cluster::labels::by_first_appearance;
use streamface_cluster::neighbours::nearest;
use streamface_cluster::{Embeddings, Metric, Settings, components, join};
use streamface_kernels::SplitMix64;
use threads::in_threads;

fn sorted_distances(rows: &Embeddings, metric: Metric, i: usize) -> Vec<(u32, f64)> {
    let distance = |j: usize| (j as u32, metric.distance(rows.row(i), rows.row(j)));
    let mut all: Vec<_> = (0..rows.len()).filter(|&j| j != i).map(distance).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    all
}

/// Anywhere, on a coarse grid, in a tight heap far from the origin, and of any magnitude; with copies.
fn rows() -> impl Strategy<Value = Embeddings> {
    (0_usize..180, 1_usize..12, 0..4_u8).prop_flat_map(|(n, dim, kind)| {
        let numbers = prop::collection::vec(-1.0_f32..1.0, n * dim);
        let copies = prop::collection::vec((any::<u16>(), any::<u16>()), 0..40);
        (numbers, copies).prop_map(move |(mut data, copies)| {
            for (at, x) in data.iter_mut().enumerate() {
                match kind {
                    0 => {}
                    1 => *x = (*x * 1.5).round(),
                    2 => *x = 1000.0 + *x * 1e-3,
                    _ => *x *= [1.0, 1e-30, 1e30, 1e-42][at / dim % 4],
                }
            }
            for (from, to) in copies.into_iter().filter(|_| n > 0) {
                let (from, to) = (usize::from(from) % n * dim, usize::from(to) % n * dim);
                data.copy_within(from..from + dim, to);
            }
            Embeddings::new(data, dim).unwrap()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_nearest_are_the_first_of_all_sorted(rows in rows(), k in 0_usize..9, cosine in any::<bool>()) {
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let found = nearest(&rows, metric, k).unwrap();
        prop_assert_eq!(found.rows(), rows.len());
        prop_assert_eq!(found.k(), k.min(rows.len().saturating_sub(1)));
        for i in 0..rows.len() {
            let mut want = sorted_distances(&rows, metric, i);
            want.truncate(k);
            prop_assert_eq!(found.of(i).collect::<Vec<_>>(), want);
        }
        prop_assert_eq!(in_threads(1, || nearest(&rows, metric, k).unwrap()), found);
    }
}

/// More copies than candidates are kept, in more than one block, with a few rows nearer and farther.
#[test]
fn the_nearest_of_a_thousand_copies() {
    let (mut data, n) = (Vec::new(), 2600);
    for i in 0..n {
        data.extend([1.0, if i % 100 == 7 { i as f32 * 1e-4 } else { 0.25 }, 0.5]);
    }
    let rows = Embeddings::new(data, 3).unwrap();
    for metric in [Metric::Cosine, Metric::Euclidean] {
        for k in [1, 40, 2599] {
            let found = nearest(&rows, metric, k).unwrap();
            for i in [0, 7, 1107, 1108, 2599] {
                let mut want = sorted_distances(&rows, metric, i);
                want.truncate(k);
                assert_eq!(found.of(i).collect::<Vec<_>>(), want, "{metric} {k} {i}");
            }
        }
    }
}

/// Pairs that are in one cluster by both labellings, by the first, by the second.
fn pairs(a: &[u32], b: &[u32]) -> (usize, usize, usize) {
    let mut count = (0, 0, 0);
    for i in 0..a.len() {
        for j in 0..i {
            let (x, y) = (a[i] == a[j], b[i] == b[j]);
            count = (count.0 + usize::from(x && y), count.1 + usize::from(x), count.2 + usize::from(y));
        }
    }
    count
}

fn f_score(labels: &[u32], truth: &[u32]) -> f64 {
    let (both, ours, theirs) = pairs(labels, truth);
    2.0 * both as f64 / (ours + theirs) as f64
}

#[test]
fn people_far_apart_are_found_by_all() {
    let easy = Kind { noise: (0.3, 0.1), ..Kind::default() };
    let (rows, truth) = people(600, &easy, 5);
    let truth = by_first_appearance(&truth);
    let links = join(&rows, &Settings::new(Metric::Cosine, 0.25).unwrap()).unwrap();
    let near = nearest(&rows, Metric::Cosine, 30).unwrap();
    let graph = Graph::from_links(&links, |d| 1.0 - d).unwrap();
    let sparse = Graph::from_neighbours(&near, 0.25, |d| 1.0 - d).unwrap();
    assert_eq!(components(&links).unwrap(), truth);
    assert_eq!(by_first_appearance(&noise_apart(&dbscan(&links, 2).unwrap())), truth);
    assert_eq!(chinese_whispers(&graph, &ChineseWhispers::default()), truth);
    // It tells large people apart by how they look: most, not all, of the pairs.
    let found = infomap(&sparse, &Infomap::default());
    assert!(f_score(&found.labels, &truth) > 0.9, "{}", f_score(&found.labels, &truth));
}

/// 12 groups of 10 to 40 rows, edges within with probability 0.5, across 0.02.
fn planted(seed: u64) -> (Graph, Vec<u32>) {
    let mut random = SplitMix64::new(seed);
    let mut truth = Vec::new();
    for group in 0..12 {
        truth.extend(std::iter::repeat_n(group, 10 + (random.uniform() * 31.0) as usize));
    }
    let mut edges = Vec::new();
    for a in 0..truth.len() {
        for b in 0..a {
            let chance = if truth[a] == truth[b] { 0.5 } else { 0.02 };
            if random.uniform() < chance {
                edges.push((a as u32, b as u32, 0.5 + random.uniform()));
            }
        }
    }
    (Graph::new(truth.len(), edges).unwrap(), truth)
}

#[test]
fn planted_groups_come_back() {
    for seed in 0..5 {
        let (graph, truth) = planted(seed);
        let found = infomap(&graph, &Infomap::default());
        assert_eq!(found.labels, truth, "{seed}");
        let told = codelength(&graph, &truth).unwrap();
        assert!((found.codelength - told).abs() < 1e-9, "{} {told}", found.codelength);
        assert!(f_score(&chinese_whispers(&graph, &ChineseWhispers::default()), &truth) > 0.7);
    }
}

#[test]
fn same_for_one_thread_and_two() {
    let (graph, _) = planted(9);
    let hard = people(500, &Kind::default(), 3).0;
    let near = nearest(&hard, Metric::Cosine, 20).unwrap();
    for graph in [graph, Graph::from_neighbours(&near, 0.8, |d| 1.0 - d).unwrap()] {
        let run = || {
            let found = infomap(&graph, &Infomap { trials: 5, seed: 3 });
            (found, chinese_whispers(&graph, &ChineseWhispers { rounds: 50, seed: 3 }))
        };
        let one = in_threads(1, run);
        assert_eq!(one, in_threads(2, run));
        assert_eq!(one, run());
        // The sums kept up during the search are those taken anew.
        assert!((one.0.codelength - codelength(&graph, &one.0.labels).unwrap()).abs() < 1e-12);
    }
}

/// The graph of figure 1 of many introductions: two triangles and an edge between them.
#[test]
fn two_triangles() {
    let edges = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)];
    let graph = Graph::new(7, edges.map(|(a, b)| (a, b, 1.0))).unwrap();
    let found = infomap(&graph, &Infomap::default());
    assert_eq!(found.labels, [0, 0, 0, 1, 1, 1, 2]);
    // By hand: q = 1/14 twice, p within a module 7/14.
    let f = |x: f64| x * x.log2();
    let (q, whole) = (1.0 / 14.0, 0.5);
    let rows = 4.0 * f(2.0 / 14.0) + 2.0 * f(3.0 / 14.0);
    let want = f(2.0 * q) - 4.0 * f(q) + 2.0 * f(q + whole) - rows;
    assert!((found.codelength - want).abs() < 1e-12, "{} {want}", found.codelength);
    assert_eq!(chinese_whispers(&graph, &ChineseWhispers::default())[6], 2);
}

/// The package `infomap` 2.16, two-level, undirected, best of 50 trials: 11 modules.
#[test]
fn as_short_a_code_as_the_package_finds() {
    let hash = |a: u64, b: u64| ((a * 2_654_435_761 + b * 40_503 * 977) % (1 << 32)) >> 16;
    let mut edges = Vec::new();
    for a in 0..150 {
        for b in 0..a {
            if hash(a, b) % 100 < if a / 15 == b / 15 { 45 } else { 4 } {
                edges.push((a as u32, b as u32, 1.0 + (hash(b, a) % 4) as f64));
            }
        }
    }
    let graph = Graph::new(150, edges).unwrap();
    assert_eq!(graph.edges(), 872);
    let found = infomap(&graph, &Infomap { trials: 20, seed: 0 });
    assert!(found.codelength <= 6.534983363023585 * 1.001, "{}", found.codelength);
    assert_eq!(
        codelength(&graph, &found.labels).map(|l| (l * 1e9) as i64),
        Some((found.codelength * 1e9) as i64)
    );
    // All in one module: the entropy of the rows.
    assert!((codelength(&graph, &[0; 150]).unwrap() - 7.163616362612817).abs() < 1e-12);
}

#[test]
fn what_has_no_structure_stays_whole() {
    let all = (0..30_u32).flat_map(|a| (0..a).map(move |b| (a, b, 1.0)));
    let graph = Graph::new(30, all).unwrap();
    let found = infomap(&graph, &Infomap::default());
    assert_eq!(found.labels, [0; 30]);
    assert!((found.codelength - 30_f64.log2()).abs() < 1e-12);
    assert_eq!(chinese_whispers(&graph, &ChineseWhispers::default()), [0; 30]);
}

#[test]
fn no_rows_and_no_edges() {
    for rows in [0, 1, 3] {
        let graph = Graph::new(rows, []).unwrap();
        let alone: Vec<u32> = (0..rows as u32).collect();
        let found = infomap(&graph, &Infomap::default());
        assert_eq!((found.labels, found.codelength), (alone.clone(), 0.0));
        assert_eq!(chinese_whispers(&graph, &ChineseWhispers::default()), alone);
    }
    assert!(dbscan(&Default::default(), 2).unwrap().is_empty());
    assert!(nearest(&Embeddings::default(), Metric::Cosine, 3).unwrap().rows() == 0);
    assert_eq!(codelength(&Graph::default(), &[1]), None);
}

mod dbscan_literals {
    //! Labels of scikit-learn 1.9, `DBSCAN(eps, min_samples=…).fit_predict`, −1 for noise.
    use super::*;

    fn line(values: &[f32]) -> Embeddings {
        Embeddings::new(values.to_vec(), 1).unwrap()
    }

    fn check(rows: &Embeddings, eps: f64, min_points: usize, want: &[i32]) {
        let settings = Settings::new(Metric::Euclidean, eps).unwrap();
        let signed = |labels: Vec<Option<u32>>| labels.iter().map(|l| l.map_or(-1, |l| l as i32)).collect();
        let got: Vec<i32> = signed(dbscan(&join(rows, &settings).unwrap(), min_points).unwrap());
        assert_eq!(got, want, "{eps} {min_points}");
        // It takes what is nearer than the radius, scikit-learn also what is at it.
        let linfa = linfa_peer::dbscan(rows, Metric::Euclidean, eps * (1.0 + 1e-9), min_points).unwrap();
        assert_eq!(signed(linfa), want, "linfa {eps} {min_points}");
        let linfa = linfa_peer::optics(rows, Metric::Euclidean, min_points, &[eps]);
        // Cores are as with DBSCAN; a row at a rim may be left out or on the other side.
        let cores: Vec<usize> = (0..rows.len())
            .filter(|&i| {
                (0..rows.len()).filter(|&j| (rows.row(i)[0] - rows.row(j)[0]).abs() <= eps as f32).count()
                    >= min_points
            })
            .collect();
        let of = |labels: &[i32]| {
            by_first_appearance(&cores.iter().map(|&c| labels[c] as u32).collect::<Vec<_>>())
        };
        assert_eq!(of(&signed(linfa[0].clone())), of(want), "OPTICS {eps} {min_points}");
    }

    #[test]
    fn a_line() {
        let rows = line(&[0.0, 1.0, 2.0, 2.5, 4.0, 5.0, 5.0, 5.5, 20.0, 8.0, 9.0, 10.0, 3.25, 30.0, 30.5]);
        check(&rows, 1.00, 3, &[0, 0, 0, 0, 0, 0, 0, 0, -1, 1, 1, 1, 0, -1, -1]);
        check(&rows, 1.50, 3, &[0, 0, 0, 0, 0, 0, 0, 0, -1, 1, 1, 1, 0, -1, -1]);
        check(&rows, 0.75, 2, &[-1, -1, 0, 0, 0, 1, 1, 1, -1, -1, -1, -1, 0, 2, 2]);
        check(&rows, 1.00, 4, &[-1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1, 0, -1, -1]);
        check(&rows, 1.50, 4, &[0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 0, -1, -1]);
    }

    #[test]
    fn forty_points() {
        let rows = line(&[
            2.1, 4.9, 2.0, -7.8, 5.4, 2.7, -3.2, 3.5, 2.2, 1.8, 0.2, 3.3, -4.4, -1.0, -2.9, 3.6, 0.2, -1.8,
            -4.7, -1.5, 0.0, -1.7, 7.8, 6.0, -16.3, -11.3, -1.0, -2.5, 1.3, 1.3, 12.7, -6.7, -2.3, 12.3, 3.9,
            4.0, -3.1, -9.9, 1.0, 0.7,
        ]);
        check(
            &rows,
            0.50,
            3,
            &[
                0, -1, 0, -1, -1, 0, 1, 2, 0, 0, 0, 2, -1, 1, 1, 2, 0, 1, -1, 1, 0, 1, -1, -1, -1, -1, 1, 1,
                0, 0, -1, -1, 1, -1, 2, 2, 1, -1, 0, 0,
            ],
        );
        check(
            &rows,
            0.90,
            4,
            &[
                0, -1, 0, -1, -1, 0, 1, 0, 0, 0, 0, 0, -1, 1, 1, 0, 0, 1, -1, 1, 0, 1, -1, -1, -1, -1, 1, 1,
                0, 0, -1, -1, 1, -1, 0, 0, 1, -1, 0, 0,
            ],
        );
        check(
            &rows,
            0.90,
            5,
            &[
                0, -1, 0, -1, -1, 0, 1, 0, 0, 0, 0, 0, -1, 1, 1, 0, 0, 1, -1, 1, 0, 1, -1, -1, -1, -1, 1, 1,
                0, 0, -1, -1, 1, -1, 0, 0, 1, -1, 0, 0,
            ],
        );
        check(
            &rows,
            1.20,
            6,
            &[
                0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, -1, 0, 0, 0, -1, -1, -1, -1, 0, 0,
                0, 0, -1, -1, 0, -1, 0, 0, 0, -1, 0, 0,
            ],
        );
    }
}
