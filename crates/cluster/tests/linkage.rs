//! Single and average linkage against greedy joining on all distances.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use streamface_cluster::{
    Clustering, Constraints, Embeddings, Error, Metric, Observer, Settings, average_linkage, components, cut,
    join, labels, single_linkage,
};

type Clusters = Vec<Vec<usize>>;

/// Joins the nearest two clusters that may join, the distance of two clusters being `of` all distances across.
fn greedy(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
    of: impl Fn(&[f64]) -> f64,
) -> Vec<u32> {
    let distance = |i: usize, j: usize| settings.metric().distance(rows.row(i.min(j)), rows.row(i.max(j)));
    let mut clusters: Clusters = (0..rows.len()).map(|row| vec![row]).collect();
    let join = |a: usize, b: usize, clusters: &mut Clusters| {
        if a != b {
            let moved = clusters.remove(a.max(b));
            clusters[a.min(b)].extend(moved);
        }
    };
    for &(x, y) in constraints.must_links() {
        let at = |row: usize, clusters: &Clusters| clusters.iter().position(|c| c.contains(&row)).unwrap();
        let (a, b) = (at(x, &clusters), at(y, &clusters));
        join(a, b, &mut clusters);
    }
    loop {
        let mut best = (f64::INFINITY, 0, 0);
        for b in 0..clusters.len() {
            for a in 0..b {
                let apart = constraints.cannot_links().iter().any(|(x, y)| {
                    (clusters[a].contains(x) && clusters[b].contains(y))
                        || (clusters[a].contains(y) && clusters[b].contains(x))
                });
                let all: Vec<f64> = clusters[a]
                    .iter()
                    .flat_map(|&x| clusters[b].iter().map(move |&y| distance(x, y)))
                    .collect();
                let d = of(&all);
                if !apart && d < best.0 {
                    best = (d, a, b);
                }
            }
        }
        if best.0 > settings.threshold() {
            break;
        }
        join(best.1, best.2, &mut clusters);
    }
    let mut label = vec![0; rows.len()];
    for (k, cluster) in clusters.iter().enumerate() {
        cluster.iter().for_each(|&row| label[row] = k as u32);
    }
    labels::by_first_appearance(&label)
}

fn least(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::INFINITY, f64::min)
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len() as f64
}

fn input() -> impl Strategy<Value = (Embeddings, Constraints)> {
    let pairs = |most| prop::collection::vec((any::<u16>(), any::<u16>()), 0..most);
    (1_usize..28, 1_usize..6).prop_flat_map(move |(n, dim)| {
        (prop::collection::vec(-1.0_f32..1.0, n * dim), pairs(4), pairs(12)).prop_map(
            move |(data, must, cannot)| {
                let mut constraints = Constraints::default();
                let row = |r: u16| usize::from(r) % n;
                must.iter().for_each(|&(a, b)| {
                    constraints.must_link(row(a), row(b));
                });
                for &(a, b) in cannot.iter().filter(|&&(a, b)| row(a) != row(b)) {
                    constraints.cannot_link(row(a), row(b));
                }
                (Embeddings::new(data, dim).unwrap(), constraints)
            },
        )
    })
}

fn same(fast: Result<Clustering, Error>, slow: &Vec<u32>) {
    match fast {
        Ok(fast) => {
            assert_eq!(&fast.labels, slow);
            assert_eq!(&cut(slow.len(), &fast.merges, f64::INFINITY), slow);
        }
        Err(error) => assert!(matches!(error, Error::Contradiction { .. }), "{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn single_is_greedy((rows, constraints) in input(), t in 0.0..1.2_f64) {
        let settings = Settings::new(Metric::Euclidean, t).unwrap();
        let none = Constraints::default();
        for constraints in [&none, &constraints] {
            let slow = greedy(&rows, &settings, constraints, least);
            same(single_linkage(&rows, &settings, constraints, Observer::none()), &slow);
        }
        // With next to no memory, and as components.
        let slow = greedy(&rows, &settings, &none, least);
        same(single_linkage(&rows, &settings.memory(0), &none, Observer::none()), &slow);
        assert_eq!(components(&join(&rows, &settings).unwrap()).unwrap(), slow);
    }

    /// On a grid many rows are equal, and many distances.
    #[test]
    fn single_is_kruskal_where_rows_are_equal(
        numbers in prop::collection::vec(-2_i8..2, 0..60),
        dim in 1_usize..3,
        apart in prop::collection::vec((any::<u16>(), any::<u16>()), 0..6),
        cosine in any::<bool>(),
        t in prop_oneof![Just(0.0), 0.0..2.0_f64],
    ) {
        let n = numbers.len() / dim;
        let rows = Embeddings::new(numbers[..n * dim].iter().map(|&x| x.into()).collect(), dim).unwrap();
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let mut constraints = Constraints::default();
        for (a, b) in apart.into_iter().filter(|_| n > 1).map(|(a, b)| (usize::from(a) % n, usize::from(b) % n)) {
            if a != b {
                constraints.cannot_link(a, b);
            }
        }
        let distance = |i: usize, j: usize| metric.distance(rows.row(i), rows.row(j));
        let mut links: Vec<_> = (0..n).flat_map(|j| (0..j).map(move |i| (i, j))).collect();
        links.retain(|&(i, j)| distance(i, j) <= t);
        links.sort_by(|&x, &y| distance(x.0, x.1).total_cmp(&distance(y.0, y.1)).then(x.cmp(&y)));
        let mut label: Vec<u32> = (0..n as u32).collect();
        for (i, j) in links {
            let (a, b) = (label[i], label[j]);
            let apart = |&(x, y): &(usize, usize)| {
                (label[x], label[y]) == (a, b) || (label[x], label[y]) == (b, a)
            };
            if a != b && !constraints.cannot_links().iter().any(apart) {
                label.iter_mut().filter(|l| **l == b).for_each(|l| *l = a);
            }
        }
        let settings = Settings::new(metric, t).unwrap();
        let slow = labels::by_first_appearance(&label);
        same(single_linkage(&rows, &settings, &constraints, Observer::none()), &slow);
    }

    #[test]
    fn average_is_greedy((rows, constraints) in input(), t in 0.0..1.4_f64, cosine in any::<bool>()) {
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let settings = Settings::new(metric, t).unwrap();
        for constraints in [&Constraints::default(), &constraints] {
            let slow = greedy(&rows, &settings, constraints, mean);
            same(average_linkage(&rows, &settings, constraints), &slow);
        }
    }
}

#[test]
fn average_says_what_it_would_take() {
    let rows = Embeddings::new(vec![0.0; 400], 1).unwrap();
    let settings = Settings::new(Metric::Euclidean, 1.0).unwrap().memory(1 << 20);
    let error = average_linkage(&rows, &settings, &Constraints::default()).unwrap_err();
    assert_eq!(error, Error::Dense { rows: 400, bytes: 10 * 400 * 400, memory: 1 << 20 });
}

/// Buffers that fill up over and over leave the same forest.
#[test]
fn a_forest_of_parts_is_the_forest_of_all() {
    let value = |k: u32| ((k * k * 31 + k * 7) % 2503) as f32 + k as f32 / 1024.0;
    let values: Vec<f32> = (0..900).map(value).collect();
    let rows = Embeddings::new(values, 1).unwrap();
    let settings = Settings::new(Metric::Euclidean, 400.0).unwrap();
    let none = Constraints::default();
    let all = single_linkage(&rows, &settings, &none, Observer::none()).unwrap();
    let parts = single_linkage(&rows, &settings.memory(0), &none, Observer::none()).unwrap();
    assert_eq!(all, parts);
    assert!(all.links > 100_000);
}

/// A still picture: each pair of its copies would be a link, twenty billion of them.
#[test]
fn copies_are_no_links_of_single_linkage() {
    let mut values = vec![1.0; 200_000];
    values[77] = 3.0;
    let rows = Embeddings::new(values, 1).unwrap();
    let settings = Settings::new(Metric::Euclidean, 1.0).unwrap();
    let found = single_linkage(&rows, &settings, &Constraints::default(), Observer::none()).unwrap();
    assert_eq!((found.clusters, found.links, found.merges.len()), (2, 0, 199_998));
}
