use streamface_kernels::SplitMix64;
use streamface_types::Embeddings;

use super::*;

/// Rows of people at random directions, each row a little off its person's; and complete linkage of them by the definition.
fn world(people: usize, faces: usize, off: f64, seed: u64) -> (Embeddings, Vec<Merge>) {
    const DIM: usize = 40;
    let mut random = SplitMix64::new(seed);
    let mut data = Vec::new();
    for _ in 0..people {
        let person: Vec<f64> = (0..DIM).map(|_| random.normal()).collect();
        for _ in 0..faces {
            data.extend(person.iter().map(|x| (x + off * random.normal()) as f32));
        }
    }
    let rows = Embeddings::new(data, DIM).unwrap();
    let merges = linkage(&rows, 1.0);
    (rows, merges)
}

fn linkage(rows: &Embeddings, reach: f64) -> Vec<Merge> {
    let n = rows.len();
    let mut distance: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| Metric::Cosine.distance(rows.row(i), rows.row(j))).collect()).collect();
    let mut alive: Vec<usize> = (0..n).collect();
    let mut merges = Vec::new();
    loop {
        let pairs = alive.iter().flat_map(|&i| alive.iter().filter(move |&&j| i < j).map(move |&j| (i, j)));
        let Some((i, j)) = pairs.min_by(|a, b| distance[a.0][a.1].total_cmp(&distance[b.0][b.1])) else {
            break;
        };
        if distance[i][j] > reach {
            break;
        }
        merges.push((i as u32, j as u32, distance[i][j]));
        alive.retain(|&k| k != j);
        for &k in &alive {
            let most = distance[i][k].max(distance[j][k]);
            (distance[i][k], distance[k][i]) = (most, most);
        }
    }
    merges
}

#[test]
fn people_are_joined_and_strangers_are_not() {
    let (rows, merges) = world(12, 6, 0.6, 3);
    let chances = MergeChances::new(&rows, merges.clone(), &[], Settings::new(Metric::Cosine, 1.0)).unwrap();
    let believed = chances.within();
    for (&(a, b, distance), believed) in merges.iter().zip(&believed.merges) {
        assert_eq!(a / 6 == b / 6, *believed, "{a} and {b} at {distance}");
    }
    assert_eq!(believed.left, merges.len() - 60);
    assert!(believed.false_merges < 0.5 && believed.largest > 0.3, "{believed:?}");
    let threshold = chances.threshold();
    let within = merges.iter().filter(|m| m.2 <= threshold.threshold).count();
    assert_eq!(within, 60, "{threshold:?}");
    let FalseMerges { expected, interval: (low, high) } = threshold.false_merges;
    assert!(low <= expected && expected <= high && expected <= 0.5, "{threshold:?}");
    // The others join two people each.
    let (wrong, all) = ((merges.len() - 60) as f64, chances.up_to(1.0).expected);
    assert!(all > 0.7 * wrong && all < 1.1 * wrong, "{all} of {wrong}");
}

#[test]
fn one_person_alone_is_one() {
    for (faces, off) in [(2, 0.3), (3, 0.5), (30, 0.5), (60, 0.4)] {
        let (rows, mut merges) = world(1, faces, off, 8);
        merges.retain(|m| m.2 <= 0.64);
        let settings = Settings::new(Metric::Cosine, 0.64);
        let known = Known { one_person: (0.30, 0.09), two_people: (0.95, 0.16), people: 36.0 };
        for settings in [settings, Settings { known: Some(known), ..settings }] {
            let chances = MergeChances::new(&rows, merges.clone(), &[], settings).unwrap();
            let believed = chances.within();
            let FalseMerges { expected, interval: (low, high) } = chances.up_to(0.64);
            assert!(
                low < expected && expected < high || expected == 0.0,
                "{low} to {high} around {expected}"
            );
            assert_eq!(believed.left, 0, "{faces} faces: {believed:?} {:?}", chances.mixture());
        }
    }
}

#[test]
fn more_people_or_a_smaller_budget_lower_the_threshold() {
    let at = |people, false_merges| {
        let (rows, merges) = world(people, 3, 1.0, 5);
        let settings = Settings { false_merges, ..Settings::new(Metric::Cosine, 1.0) };
        MergeChances::new(&rows, merges, &[], settings).unwrap().threshold().threshold
    };
    assert!(at(60, 0.5) < at(6, 0.5), "{} {}", at(60, 0.5), at(6, 0.5));
    assert!(at(60, 0.05) < at(60, 5.0));
}

#[test]
fn a_merge_is_believed_only_with_those_within_it() {
    let own = [1.0, 0.6, 0.9, 0.99];
    let merges = [(0, 1, 0.1), (2, 3, 0.2), (0, 2, 0.3), (4, 5, 0.4)];
    assert_eq!(choose::least(6, &merges, &own), [1.0, 0.6, 0.6, 0.99]);
}

#[test]
fn threads_and_edges() {
    let (rows, merges) = world(15, 4, 0.8, 9);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let settings = Settings::new(Metric::Cosine, 1.0);
        pool.install(|| {
            let chances = MergeChances::new(&rows, merges.clone(), &[(0, 59)], settings).unwrap();
            (chances.least().to_vec(), chances.threshold())
        })
    };
    assert_eq!(with(1), with(5));

    let none =
        MergeChances::new(&Embeddings::default(), vec![], &[], Settings::new(Metric::Cosine, 0.6)).unwrap();
    assert_eq!((none.within().false_merges, none.threshold().threshold), (0.0, 0.6));
    let bad = |merges: Vec<Merge>| {
        MergeChances::new(&rows, merges, &[], Settings::new(Metric::Cosine, 0.6)).is_err()
    };
    assert!(bad(vec![(1, 0, 0.1)]) && bad(vec![(0, 60, 0.1)]) && bad(vec![(0, 1, 0.2), (0, 2, 0.1)]));
    let wrong = Settings { false_merges: 0.0, ..Settings::new(Metric::Cosine, 0.6) };
    assert!(MergeChances::new(&rows, vec![], &[], wrong).is_err());
}

#[test]
fn the_euclidean_metric_is_judged_by_distances() {
    let (rows, _) = world(10, 5, 0.5, 4);
    let mut merges = linkage(&rows, 2.0);
    merges.retain(|m| m.2 < 0.9);
    let settings = Settings::new(Metric::Euclidean, 8.0);
    // Merges of the other metric will do: what is judged is the distance of the means.
    let chances = MergeChances::new(&rows, merges, &[], settings).unwrap();
    let mean = chances.mixture().unwrap().strangers.mean;
    assert!((7.0..11.0).contains(&mean), "√(2 · 40) for the people, less for means: {mean}");
}
