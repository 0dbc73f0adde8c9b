//! Against the slow twins and scikit-learn's numbers.

use proptest::prelude::*;

use super::*;

const METRICS: [Metric; 2] = [Metric::Cosine, Metric::Euclidean];

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Twelve made-up vectors, one alone in its cluster.
fn twelve() -> (Embeddings, [i64; 12]) {
    let data = (0..36).map(|i| ((7 * i * i + 3 * i) % 19 - 9) as f32 / 4.0).collect();
    (Embeddings::new(data, 3).unwrap(), [0, 0, 0, 0, 2, 2, 2, 5, 5, 7, 2, 0])
}

#[test]
fn samples_as_in_scikit_learn() {
    // scikit-learn 1.9: silhouette_samples, silhouette_score.
    let expected = [
        (
            [
                0.21288627123752468,
                -0.7152841192963657,
                0.33413367351671425,
                -0.13331376969633066,
                -0.9863900817061528,
                -0.24284782978045533,
                -0.5574977427205497,
                -0.5992051748764377,
                -0.614765034579478,
                0.0,
                -0.26236634091082967,
                0.04789604606744598,
            ],
            -0.2930628418954095,
        ),
        (
            [
                0.1693936030417704,
                -0.4718610078891805,
                0.23660297308881584,
                -0.10303098194693208,
                -0.8647450282886283,
                -0.01328180557953619,
                -0.36648094267457204,
                -0.4844199530527519,
                -0.33730118111439134,
                0.0,
                -0.01643589469513946,
                0.05009812752495357,
            ],
            -0.18345517429879932,
        ),
    ];
    let (vectors, labels) = twelve();
    for (metric, (samples, mean)) in METRICS.into_iter().zip(expected) {
        let found = silhouette(&vectors, &labels, metric).unwrap();
        assert!(close(found.mean, mean), "{metric} {}", found.mean);
        for (row, (sample, expected)) in found.samples.iter().zip(samples).enumerate() {
            assert_eq!((sample.row, sample.label), (row, labels[row]));
            assert!(close(sample.silhouette, expected), "{metric} {row}: {sample:?}, expected {expected}");
        }
    }
    assert!(close(davies_bouldin(&vectors, &labels).unwrap(), 11.589208105778358));
    assert!(close(calinski_harabasz(&vectors, &labels).unwrap(), 0.4275459530702063));
}

#[test]
fn noise_is_left_out() {
    let (vectors, labels) = twelve();
    let mut more = vectors.as_slice().to_vec();
    more.splice(6..6, [9.0, -9.0, 100.0]);
    let with_noise = Embeddings::new(more, 3).unwrap();
    let mut noisy = labels.to_vec();
    noisy.insert(2, -1);
    for metric in METRICS {
        let (a, b) = (
            intrinsic(&vectors, &labels, metric, 4).unwrap(),
            intrinsic(&with_noise, &noisy, metric, 4).unwrap(),
        );
        assert_eq!((b.faces, b.noise, b.clusters, b.singletons), (12, 1, 4, 1));
        let row = |row: usize| if row < 2 { row } else { row + 1 };
        let moved = |s: &Sample| Sample { row: row(s.row), ..*s };
        assert_eq!(b.outliers, a.outliers.iter().map(moved).collect::<Vec<_>>());
        assert_eq!(b.samples, a.samples.iter().map(moved).collect::<Vec<_>>());
        let scores = |i: &Intrinsic| (i.davies_bouldin, i.calinski_harabasz, i.silhouette);
        assert_eq!(scores(&a), scores(&b));
        assert_eq!(a.per_cluster, b.per_cluster);
    }
}

#[test]
fn outliers_are_the_lowest_and_never_alone() {
    let (vectors, labels) = twelve();
    let found = silhouette(&vectors, &labels, Metric::Cosine).unwrap();
    let rows = |n| outliers(&found, n).iter().map(|s| s.row).collect::<Vec<_>>();
    assert_eq!(rows(3), [4, 1, 8]);
    assert_eq!(rows(100).len(), 11);
    assert!(!rows(100).contains(&9));
    // Equal silhouettes go by row.
    let square = Embeddings::new(vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0], 2).unwrap();
    let found = silhouette(&square, &[0, 0, 1, 1], Metric::Cosine).unwrap();
    assert_eq!(outliers(&found, 3).iter().map(|s| s.row).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn what_cannot_be_computed_is_skipped_with_a_reason() {
    let (vectors, _) = twelve();
    for labels in [vec![3; 12], vec![-1; 12], (0..12).collect::<Vec<i64>>()] {
        for metric in METRICS {
            assert!(matches!(silhouette(&vectors, &labels, metric), Err(Error::Clusters { .. })));
            let found = intrinsic(&vectors, &labels, metric, 5).unwrap();
            assert_eq!((found.davies_bouldin, found.calinski_harabasz, found.silhouette), (None, None, None));
            assert!(found.outliers.is_empty() && found.samples.is_empty() && found.histogram.is_empty());
            assert_eq!(found.skipped.len(), 3);
            assert!(found.skipped[2].why.contains(&format!("{} clusters", found.clusters)), "{found:?}");
            assert_eq!(found.per_cluster.len(), found.clusters);
            assert_eq!(found.per_cluster.iter().map(|c| c.extent.faces).sum::<usize>(), found.faces);
        }
    }
    assert!(matches!(
        davies_bouldin(&vectors, &[1; 12]),
        Err(Error::Clusters { clusters: 1, faces: 12, .. })
    ));
    assert!(matches!(intrinsic(&vectors, &[0; 3], Metric::Cosine, 1), Err(Error::Count { .. })));
    let none = intrinsic(&Embeddings::default(), &[], Metric::Euclidean, 5).unwrap();
    assert_eq!((none.faces, none.clusters, none.membership_distribution.len()), (0, 0, 0));
}

#[test]
fn duplicates_and_zeros() {
    // Two clusters of the same two vectors: nothing tells them apart.
    let same = Embeddings::new([0.3f32, 0.4].repeat(6), 2).unwrap();
    for metric in METRICS {
        let found = silhouette(&same, &[0, 0, 0, 1, 1, 1], metric).unwrap();
        assert!(found.samples.iter().all(|s| s.silhouette == 0.0 && s.own == 0.0 && s.other == 0.0));
        let extent = extents(&same, &[0, 0, 0, 1, 1, 1], metric).unwrap()[1];
        assert!(extent.diameter < 1e-12 && extent.radius < 1e-7 && extent.nearest == Some(0), "{extent:?}");
    }
    assert_eq!(davies_bouldin(&same, &[0, 0, 0, 1, 1, 1]).unwrap(), 0.0);
    assert_eq!(calinski_harabasz(&same, &[0, 0, 0, 1, 1, 1]).unwrap(), 1.0);
    // A zero vector is at cosine distance 1 from all, another zero vector included.
    let zeros = Embeddings::new(vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0], 2).unwrap();
    let found = silhouette(&zeros, &[0, 0, 1, 1], Metric::Cosine).unwrap();
    let expected = [(1.0, 1.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.0, 1.0, 1.0)];
    for (s, expected) in found.samples.iter().zip(expected) {
        assert_eq!((s.own, s.other, s.silhouette), expected);
    }
    assert_eq!(extents(&zeros, &[0, 0, 1, 1], Metric::Cosine).unwrap()[0].diameter, 1.0);
}

#[test]
fn very_large_and_very_small_numbers() {
    for scale in [1e-38f32, 1e30] {
        let (vectors, labels) = twelve();
        let data = vectors.as_slice().iter().map(|v| v * scale).collect();
        let scaled = Embeddings::new(data, 3).unwrap();
        for metric in METRICS {
            let (a, b) = (
                intrinsic(&vectors, &labels, metric, 3).unwrap(),
                intrinsic(&scaled, &labels, metric, 3).unwrap(),
            );
            // 1e-38 is below f32's normal numbers and has lost digits.
            assert!((a.silhouette.unwrap() - b.silhouette.unwrap()).abs() < 1e-5, "{metric} {scale}");
            // scikit-learn takes a spread below 1e-8 for none.
            let davies = if scale < 1.0 { 0.0 } else { a.davies_bouldin.unwrap() };
            assert!((davies - b.davies_bouldin.unwrap()).abs() < 1e-4);
            assert!((a.calinski_harabasz.unwrap() - b.calinski_harabasz.unwrap()).abs() < 1e-4);
            let nearest = |i: &Intrinsic| i.per_cluster.iter().map(|c| c.extent.nearest).collect::<Vec<_>>();
            assert_eq!(nearest(&a), nearest(&b));
        }
    }
}

/// Vectors of coarse numbers, so that duplicates, zero vectors and ties occur, or fine ones.
fn data() -> impl Strategy<Value = (Embeddings, Vec<i64>)> {
    (1..70usize, 1..10usize, any::<bool>(), 1..9i64).prop_flat_map(|(n, dim, coarse, k)| {
        let number = if coarse { (-2..3i32).prop_map(|v| v as f32).boxed() } else { (-1.0..1.0f32).boxed() };
        let numbers = prop::collection::vec(number, n * dim);
        (numbers, prop::collection::vec(-1..k, n))
            .prop_map(move |(data, labels)| (Embeddings::new(data, dim).unwrap(), labels))
    })
}

proptest! {
    #[test]
    fn as_the_slow_twins((vectors, labels) in data(), euclidean in any::<bool>()) {
        let metric = METRICS[usize::from(euclidean)];
        let members = slow::members(&labels);
        let found = intrinsic(&vectors, &labels, metric, 7).unwrap();
        prop_assert_eq!(found.clusters, members.len());

        let able = members.len() >= 2 && members.len() < found.faces;
        prop_assert_eq!(found.skipped.is_empty(), able);
        let slow = slow::silhouette(&vectors, &labels, metric);
        if able {
            for (sample, (row, own, others, silhouette)) in found.samples.iter().zip(&slow) {
                prop_assert_eq!(sample.row, *row);
                prop_assert!(close(sample.own, *own), "{:?} {}", sample, own);
                let least = others.values().copied().fold(f64::INFINITY, f64::min);
                prop_assert!(close(sample.other, least), "{:?} {:?}", sample, others);
                // Equally near but for rounding: any of them.
                prop_assert!(close(others[&sample.nearest], least), "{:?} {:?}", sample, others);
                prop_assert!(close(sample.silhouette, *silhouette), "{:?} {}", sample, silhouette);
            }
            prop_assert_eq!(found.histogram.iter().sum::<usize>(), found.faces);
            let (ours, twin) = (found.davies_bouldin.unwrap(), slow::davies_bouldin(&vectors, &labels));
            prop_assert!(close(ours, twin), "{} {}", ours, twin);
            let (ours, twin) = (found.calinski_harabasz.unwrap(), slow::calinski_harabasz(&vectors, &labels));
            prop_assert!(close(ours, twin), "{} {}", ours, twin);
        }
        for (cluster, (&label, rows)) in found.per_cluster.iter().zip(&members) {
            let extent = cluster.extent;
            prop_assert_eq!((extent.label, extent.faces), (label, rows.len()));
            prop_assert!(close(extent.diameter, slow::diameter(&vectors, rows, metric)), "{:?}", extent);
            let centre = slow::centre(&vectors, rows, metric);
            // Near 0 rounding is all there is of a cosine distance, and of a mean.
            if centre.iter().map(|c| c * c).sum::<f64>() > 1e-12 {
                let radius = rows.iter().map(|&r| slow::apart(&slow::vector(&vectors, r), &centre, metric));
                let radius = radius.fold(0.0, f64::max);
                prop_assert!(close(extent.radius, radius), "{:?} {}", extent, radius);
            }
            let own = slow.iter().filter(|(row, ..)| rows.contains(row)).map(|(_, own, ..)| own);
            prop_assert!(close(cluster.mean_distance, own.sum::<f64>() / rows.len() as f64));
            if let (Some(nearest), Some(distance)) = (extent.nearest, extent.nearest_distance) {
                let to = |label: i64| slow::apart(&centre, &slow::centre(&vectors, &members[&label], metric), metric);
                let others = members.keys().filter(|&&l| l != label);
                let least = others.map(|&l| to(l)).fold(f64::INFINITY, f64::min);
                let sure = members.values().all(|rows| {
                    slow::centre(&vectors, rows, metric).iter().map(|c| c * c).sum::<f64>() > 1e-12
                });
                if sure {
                    prop_assert!(close(to(nearest), least) && close(distance, least), "{:?} {}", extent, least);
                }
            } else {
                prop_assert_eq!(found.clusters, 1);
            }
        }
    }
}

/// Seeded numbers, −1 to 1.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Enough faces for blocks, and clusters large enough for the search of diameters.
#[test]
fn many_faces_in_blocks() {
    let (n, dim) = (1500, 24);
    let mut next = noise(5);
    let centres: Vec<f64> = (0..40 * dim).map(|_| next()).collect();
    let labels: Vec<i64> = (0..n).map(|i| if i % 3 == 0 { 0 } else { (i * i % 40) as i64 }).collect();
    let mut data = Vec::new();
    for (row, &label) in labels.iter().enumerate() {
        // A tenth are exact duplicates of their centre.
        let spread = if row % 10 == 0 { 0.0 } else { 0.7 };
        data.extend((0..dim).map(|d| (centres[label as usize * dim + d] + spread * next()) as f32));
    }
    let vectors = Embeddings::new(data, dim).unwrap();
    for metric in METRICS {
        let found = intrinsic(&vectors, &labels, metric, 20).unwrap();
        for (sample, (row, own, others, silhouette)) in
            found.samples.iter().zip(slow::silhouette(&vectors, &labels, metric))
        {
            assert_eq!(sample.row, row);
            assert!(
                (sample.own - own).abs() < 1e-12 && (sample.other - others[&sample.nearest]).abs() < 1e-12
            );
            assert!((sample.silhouette - silhouette).abs() < 1e-11);
        }
        for (cluster, rows) in found.per_cluster.iter().zip(slow::members(&labels).values()) {
            assert!((cluster.extent.diameter - slow::diameter(&vectors, rows, metric)).abs() < 1e-12);
        }
    }
}

/// Enough clusters and faces for a prefix to be tried, on vectors where it pays and where it does not.
#[test]
fn many_clusters_along_few_directions() {
    let (n, k, dim) = (1100, 300, 140);
    for rank in [16, dim] {
        let mut next = noise(3);
        let centres: Vec<f64> = (0..k * dim).map(|_| next()).collect();
        let labels: Vec<i64> = (0..n).map(|i| (i * i % k) as i64).collect();
        let number = |(i, c): (usize, &f64), noise: f64| {
            ((c + 0.5 * noise) * if i < rank { 1.0 } else { 0.01 }) as f32
        };
        let mut data = Vec::new();
        for &label in &labels {
            let centre = centres[label as usize * dim..][..dim].iter().enumerate();
            data.extend(centre.map(|at| number(at, next())));
        }
        let vectors = Embeddings::new(data, dim).unwrap();
        let found = silhouette(&vectors, &labels, Metric::Cosine).unwrap();
        for (sample, (row, own, others, silhouette)) in
            found.samples.iter().zip(slow::silhouette(&vectors, &labels, Metric::Cosine))
        {
            assert_eq!(sample.row, row);
            assert!(
                (sample.own - own).abs() < 1e-12 && (sample.other - others[&sample.nearest]).abs() < 1e-12
            );
            assert!((sample.silhouette - silhouette).abs() < 1e-11);
        }
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let mut next = noise(9);
    let data = (0..900 * 17).map(|_| next() as f32).collect();
    let vectors = Embeddings::new(data, 17).unwrap();
    let labels: Vec<i64> = (0..900).map(|i| i * i % 31).collect();
    for metric in METRICS {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| intrinsic(&vectors, &labels, metric, 50).unwrap())
        };
        assert_eq!(with(1), with(7));
    }
}
