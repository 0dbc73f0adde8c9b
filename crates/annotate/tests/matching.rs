//! Matching of clusters against its slow twin, the original's published file, and rules stated in words.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

#[path = "../../cluster/tests/common/mod.rs"]
mod npy;

use std::collections::BTreeMap;

use proptest::prelude::*;
use streamface_annotate::Error;
use streamface_annotate::matching::{
    Matches, Mode, Pair, Rule, Settings, matches, matches_observed, read_ignored,
};
use streamface_testing::reference;
use streamface_types::{Embeddings, Metric};

/// All of it with loops over all pairs.
mod slow {
    use super::*;

    fn mean(rows: &[&[f32]]) -> Vec<f32> {
        let sum = |k: usize| rows.iter().map(|row| f64::from(row[k])).sum::<f64>();
        (0..rows[0].len()).map(|k| (sum(k) / rows.len() as f64) as f32).collect()
    }

    /// The first largest of the square matrix of distances, as `argmax` finds it.
    fn extremes<'a>(rows: &[&'a [f32]], metric: Metric) -> [&'a [f32]; 2] {
        let mut best = (0.0, 0, 0);
        for i in 0..rows.len() {
            for j in i + 1..rows.len() {
                let distance = metric.distance(rows[i], rows[j]);
                if distance > best.0 {
                    best = (distance, i, j);
                }
            }
        }
        [rows[best.1], rows[best.2]]
    }

    pub fn distances(rows: &Embeddings, labels: &[i64], metric: Metric, mode: Mode) -> Vec<Pair> {
        let mut clusters: BTreeMap<i64, Vec<&[f32]>> = BTreeMap::new();
        for (row, &label) in rows.rows().zip(labels).filter(|(_, label)| **label >= 0) {
            clusters.entry(label).or_default().push(row);
        }
        let points: Vec<(i64, Vec<Vec<f32>>)> = clusters
            .into_iter()
            .map(|(label, rows)| {
                let owned = |rows: &[&[f32]]| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
                let points = match mode {
                    Mode::Average => vec![mean(&rows)],
                    Mode::Single => owned(&rows),
                    Mode::Triplet => [vec![mean(&rows)], owned(&extremes(&rows, metric))].concat(),
                };
                (label, points)
            })
            .collect();
        let mut pairs = Vec::new();
        for (at, (a, left)) in points.iter().enumerate() {
            for (b, right) in &points[at + 1..] {
                let all = left.iter().flat_map(|p| right.iter().map(|q| metric.distance(p, q)));
                pairs.push(Pair { a: *a, b: *b, distance: all.fold(f64::INFINITY, f64::min) });
            }
        }
        pairs
    }

    /// The original's code, as it goes through the upper triangle.
    pub fn code(pairs: &[Pair], top: i64, min: f64, max: f64, ignored: &[(i64, i64)]) -> Vec<Pair> {
        let mut all = Vec::new();
        for a in 0..=top {
            let mut list: Vec<Pair> = pairs.iter().filter(|p| p.a == a && p.b <= top).copied().collect();
            list.retain(|p| p.distance <= max && p.distance != 0.0);
            list.sort_by(|p, q| p.distance.total_cmp(&q.distance));
            if list.first().is_some_and(|p| p.distance < min) {
                all.extend(list);
            }
        }
        all.retain(|p| !ignored.contains(&(p.a, p.b)));
        all
    }

    pub fn ours(mut pairs: Vec<Pair>, min: f64, max: f64, ignored: &[(i64, i64)]) -> [Vec<Pair>; 2] {
        pairs.retain(|p| p.distance <= max && !ignored.contains(&(p.a, p.b)));
        pairs.sort_by(|p, q| p.distance.total_cmp(&q.distance));
        pairs.into_iter().partition::<Vec<_>, _>(|p| p.distance < min).into()
    }

    /// MergeForest the sure ones until nothing changes any more.
    pub fn paper(pairs: Vec<Pair>, min: f64, max: f64, ignored: &[(i64, i64)]) -> [Vec<Pair>; 2] {
        let [sure, mut ask] = ours(pairs, min, max, ignored);
        let mut person: BTreeMap<i64, i64> =
            sure.iter().chain(&ask).flat_map(|p| [(p.a, p.a), (p.b, p.b)]).collect();
        loop {
            let before = person.clone();
            for p in &sure {
                let least = person[&p.a].min(person[&p.b]);
                person.insert(p.a, least);
                person.insert(p.b, least);
            }
            if person == before {
                break;
            }
        }
        ask.retain(|p| person[&p.a] != person[&p.b]);
        [sure, ask]
    }
}

/// Points of three kinds: anywhere, on a coarse grid (many equal distances), near a few centres; some are
/// copies, some are zero; in a few clusters or in many.
fn labelled() -> impl Strategy<Value = (Embeddings, Vec<i64>)> {
    (0_usize..90, 1_usize..7, 0..3_u8, 1..20_i64).prop_flat_map(|(n, dim, kind, most)| {
        let numbers = prop::collection::vec(-1.0_f32..1.0, n * dim);
        let copies = prop::collection::vec((any::<u16>(), any::<u16>()), 0..6);
        (numbers, copies, prop::collection::vec(-1..most, n)).prop_map(move |(mut data, copies, labels)| {
            for (at, x) in data.iter_mut().enumerate() {
                match kind {
                    0 => {}
                    1 => *x = (*x * 2.0).round(),
                    _ => *x = *x * 0.2 + ((labels[at / dim] * 7 + (at % dim) as i64) % 5) as f32 / 4.0,
                }
            }
            for (from, to) in copies.into_iter().filter(|_| n > 0) {
                let (from, to) = (usize::from(from) % n * dim, usize::from(to) % n * dim);
                data.copy_within(from..from + dim, to);
            }
            // With gaps in the labels.
            (Embeddings::new(data, dim).unwrap(), labels.into_iter().map(|l| l + l.max(0) / 3).collect())
        })
    })
}

fn in_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fast_and_slow_agree(
        (rows, labels) in labelled(),
        cosine in any::<bool>(),
        mode in prop_oneof![Just(Mode::Average), Just(Mode::Single), Just(Mode::Triplet)],
        ends in (prop_oneof![0.0..2.0_f64, Just(1.0), Just(0.0)], prop_oneof![0.0..2.0_f64, Just(1.0)]),
        ignored in prop::collection::vec((0..20_i64, 0..20_i64), 0..12),
        top in 0..25_i64,
        most in 1..60_usize,
    ) {
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let (min, max) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let settings = Settings::new(metric, mode, min, max).unwrap();
        let run = |settings: &Settings, ignored: &[(i64, i64)]| {
            matches_observed(&rows, &labels, ignored, settings, &|_, _, _| {}).unwrap()
        };
        let all = slow::distances(&rows, &labels, metric, mode);
        // Told in any order.
        let sorted: Vec<(i64, i64)> = ignored.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();

        let ours = run(&settings, &ignored);
        let [sure, ask] = slow::ours(all.clone(), min, max, &sorted);
        prop_assert_eq!((&ours.sure, &ours.ask), (&sure, &ask));
        prop_assert_eq!(ours.reached, None);
        prop_assert_eq!(&in_threads(1, || run(&settings, &ignored)), &ours);

        let paper = run(&settings.clone().rule(Rule::Paper), &ignored);
        let [sure, ask] = slow::paper(all.clone(), min, max, &sorted);
        prop_assert_eq!((&paper.sure, &paper.ask), (&sure, &ask));

        let code = run(&settings.clone().rule(Rule::Code).topk(top as u64), &ignored);
        prop_assert_eq!((code.sure.len(), code.ask), (0, slow::code(&all, top, min, max, &sorted)));
        let code = run(&settings.clone().rule(Rule::Code), &ignored);
        prop_assert_eq!(code.ask, slow::code(&all, 10_000, min, max, &sorted));

        // With room for fewer pairs than there are.
        let (whole, few) = (run(&settings, &[]), run(&settings.clone().max_pairs(most), &[]));
        let pairs = |m: &Matches| [&m.sure[..], &m.ask].concat();
        let kept = whole.sure.len().saturating_add(whole.ask.len()).min(most);
        prop_assert_eq!(&pairs(&few), &pairs(&whole)[..kept]);
        prop_assert_eq!(few.reached.is_some(), pairs(&whole).len() > most);

        // The largest clusters only.
        let mut sizes: BTreeMap<i64, usize> = BTreeMap::new();
        labels.iter().filter(|l| **l >= 0).for_each(|l| *sizes.entry(*l).or_default() += 1);
        let mut largest: Vec<(i64, usize)> = sizes.into_iter().collect();
        largest.sort_by_key(|&(label, size)| (std::cmp::Reverse(size), label));
        largest.truncate(top as usize);
        let is_large = |l: i64| largest.iter().any(|&(label, _)| label == l);
        let of_large = run(&settings.topk(top as u64), &ignored);
        let both = |list: &[Pair]| -> Vec<Pair> {
            list.iter().filter(|p| is_large(p.a) && is_large(p.b)).copied().collect()
        };
        prop_assert_eq!((of_large.sure, of_large.ask), (both(&ours.sure), both(&ours.ask)));
        prop_assert_eq!(of_large.clusters, largest.len());
    }
}

/// Numbers from -1 to 1 that look random.
fn numbers(mut state: u32) -> impl FnMut() -> f32 {
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Clusters large enough for the search for extremes to rule pairs out by bounds and in blocks; ties among them.
#[test]
fn extremes_of_large_clusters() {
    let mut next = numbers(3);
    for (n, dim, grid, far) in
        [(3000, 24, false, 0.0), (2500, 3, true, 0.0), (2000, 2, false, 0.0), (1800, 16, false, 1e4)]
    {
        let numbers = (0..n * dim).map(|at| {
            let x = next() + if at % dim == 0 { far + 0.6 } else { 0.0 };
            if grid { (3.0 * x).round() } else { x }
        });
        let mut data: Vec<f32> = numbers.collect();
        data[7 * dim..8 * dim].fill(0.0);
        let rows = Embeddings::new(data, dim).unwrap();
        let labels: Vec<i64> = (0..n as i64).map(|row| row % 11 % 3).collect();
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let settings = Settings::new(metric, Mode::Triplet, 0.5, 2.0).unwrap();
            let found = matches(&rows, &labels, &settings).unwrap();
            let all = slow::distances(&rows, &labels, metric, Mode::Triplet);
            let [sure, ask] = slow::ours(all, 0.5, 2.0, &[]);
            assert_eq!((found.sure, found.ask), (sure, ask), "{n} {dim} {metric}");
        }
    }
}

/// Means of 3000 clusters: 4,498,500 pairs, in more parts than one, and fewer kept than come in.
#[test]
fn many_pairs_and_little_room() {
    let mut next = numbers(9);
    let rows = Embeddings::new((0..6000 * 8).map(|_| next()).collect(), 8).unwrap();
    let labels: Vec<i64> = (0..6000).map(|row| row % 3000).collect();
    let mut want = slow::distances(&rows, &labels, Metric::Cosine, Mode::Average);
    want.sort_by(|p, q| p.distance.total_cmp(&q.distance));
    let settings = Settings::new(Metric::Cosine, Mode::Average, 0.1, 2.0).unwrap().max_pairs(50_000);
    for threads in [1, 3] {
        let found = in_threads(threads, || matches(&rows, &labels, &settings)).unwrap();
        assert!(found.sure.len() > 100);
        assert!([found.sure, found.ask].concat() == want[..50_000]);
        assert_eq!(found.reached, Some(want[49_999].distance));
    }
    let refused = matches(&rows, &labels, &settings.rule(Rule::Code)).unwrap_err();
    assert!(matches!(refused, Error::TooManyPairs { most: 50_000, .. }), "{refused}");
}

/// The run of the original that was published: its very file.
#[test]
fn the_originals_own_file() {
    let Some(folder) = reference("skynews") else { return };
    let rows = npy::read_npy(&folder.join("features/embeddings.npy")).unwrap();
    let names = std::fs::read_to_string(folder.join("features/names.txt")).unwrap();
    let annotations = std::fs::read(folder.join("metadata/annotations.json")).unwrap();
    let annotations: serde_json::Value = serde_json::from_slice(&annotations).unwrap();
    let label = |name: &str| annotations["labels"][name.trim_end_matches(".png")]["label"].as_i64().unwrap();
    let labels: Vec<i64> = names.lines().map(label).collect();
    assert_eq!(labels.len(), 37);

    let settings = Settings::new(Metric::Cosine, Mode::Average, 0.5, 1.0).unwrap();
    let found = matches(&rows, &labels, &settings.clone().rule(Rule::Code)).unwrap();
    let mut written = Vec::new();
    found.write(&mut written).unwrap();
    let want = std::fs::read_to_string(folder.join("metadata/cluster_evals.json")).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), want.trim_end());
    assert_eq!((found.ask.len(), found.clusters), (29, 24));

    // Ours asks the same, and of clusters that have nothing nearer than .5 too.
    let ours = matches(&rows, &labels, &settings).unwrap();
    let all = [&ours.sure[..], &ours.ask].concat();
    assert!(found.ask.iter().all(|p| all.contains(p)) && all.len() > 29);
    assert_eq!(read_ignored(folder.join("metadata/annotations.json")).unwrap(), []);
}

fn line(values: &[f32]) -> Embeddings {
    Embeddings::new(values.to_vec(), 1).unwrap()
}

fn pair(a: i64, b: i64, distance: f64) -> Pair {
    Pair { a, b, distance }
}

#[test]
fn the_rules_in_words() {
    // Clusters at 0, 0, 1, 3 and 7.
    let (rows, labels) = (line(&[0.0, 0.0, 1.0, 3.0, 7.0]), [0, 1, 2, 3, 4]);
    let settings = Settings::new(Metric::Euclidean, Mode::Average, 2.0, 4.0).unwrap();
    let run = |settings: &Settings, ignored: &[(i64, i64)]| {
        matches_observed(&rows, &labels, ignored, settings, &|_, _, _| {}).unwrap()
    };
    let ours = run(&settings, &[]);
    assert_eq!(ours.sure, [pair(0, 1, 0.0), pair(0, 2, 1.0), pair(1, 2, 1.0)]);
    // Exactly min is not nearer than it; exactly max is not beyond.
    assert_eq!(ours.ask, [pair(2, 3, 2.0), pair(0, 3, 3.0), pair(1, 3, 3.0), pair(3, 4, 4.0)]);
    // The code leaves out what is at 0, and the lists of 2 and 3, which have nothing nearer than 2.
    let code = settings.clone().rule(Rule::Code);
    let want = [pair(0, 2, 1.0), pair(0, 3, 3.0), pair(1, 2, 1.0), pair(1, 3, 3.0)];
    assert_eq!((run(&code, &[]).sure, run(&code, &[]).ask), (vec![], want.to_vec()));
    // topk is a label, not a number of clusters.
    assert_eq!(run(&code.clone().topk(2), &[]).ask, [want[0], want[2]]);
    assert_eq!(run(&settings.clone().topk(2), &[]).sure, [pair(0, 1, 0.0)]);
    // Its lists are chosen before ignored pairs go.
    assert_eq!(run(&code, &[(2, 0)]).ask, want[1..]);
    // The paper has joined 0, 1 and 2 by the time it asks; without one of the pairs just the same.
    let paper = settings.rule(Rule::Paper);
    assert_eq!((run(&paper, &[]).sure, run(&paper, &[]).ask), (ours.sure.clone(), ours.ask.clone()));
    let wide = Settings::new(Metric::Euclidean, Mode::Average, 1.0, 4.0).unwrap();
    assert_eq!(run(&wide, &[]).ask[..2], [pair(0, 2, 1.0), pair(1, 2, 1.0)]);
    let chain = Settings::new(Metric::Euclidean, Mode::Average, 2.5, 4.0).unwrap().rule(Rule::Paper);
    assert_eq!(run(&chain, &[]).ask, [pair(3, 4, 4.0)]);
}

#[test]
fn the_file_of_each_rule() {
    let (rows, labels) = (line(&[0.0, 1.0, 3.000_04, 7.0]), [2, 0, 1, 11]);
    let settings = Settings::new(Metric::Euclidean, Mode::Average, 2.0, 4.0).unwrap();
    let file = |settings: &Settings| {
        let mut out = Vec::new();
        matches(&rows, &labels, settings).unwrap().write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let code = "{\n    \"matches\": {\n        \"0,2\": 1.0,\n        \"0,1\": 2.0\n    }\n}";
    assert_eq!(file(&settings.clone().rule(Rule::Code)), code);
    let none = Settings::new(Metric::Euclidean, Mode::Average, 0.0, 0.0).unwrap();
    assert_eq!(file(&none.rule(Rule::Code)), "{\n    \"matches\": {}\n}");
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let ours = json(&file(&settings));
    // The distance of 3.00004 from 1, as f32 has them.
    let exact = f64::from(3.000_04_f32) - 1.0;
    let far = f64::from(3.000_04_f32);
    assert_eq!(
        ours,
        serde_json::json!({
            "matches": {"0,2": 1.0, "0,1": 2.0, "1,2": 3.0, "1,11": 4.0},
            "sure": {"0,2": 1.0},
            "ask": {"0,1": exact, "1,2": far, "1,11": 7.0 - far},
        })
    );
    let order: Vec<&String> = ours["ask"].as_object().unwrap().keys().collect();
    assert_eq!(order, ["0,1", "1,2", "1,11"]);
    assert_eq!(json(&file(&settings.max_pairs(2)))["reached"], exact);
}

#[test]
fn bad_input_is_named() {
    for (min, max) in
        [(-0.1, 0.5), (0.5, 0.4), (f64::NAN, 1.0), (0.1, f64::NAN), (0.1, 2.1), (0.1, f64::INFINITY)]
    {
        let error = Settings::new(Metric::Cosine, Mode::Average, min, max).unwrap_err();
        assert!(matches!(error, Error::Thresholds { .. }), "{min} {max}");
    }
    let settings = Settings::new(Metric::Cosine, Mode::Average, 0.1, 0.4).unwrap();
    let error = matches(&line(&[1.0, 2.0]), &[0], &settings).unwrap_err().to_string();
    assert!(error.contains("1 labels for 2 faces"), "{error}");
    assert_eq!(matches(&Embeddings::default(), &[], &settings).unwrap(), Matches::default());
    assert_eq!(matches(&line(&[1.0, 2.0]), &[-1, 4], &settings).unwrap().clusters, 1);

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("annotations.json");
    let gone = read_ignored(&file).unwrap_err().to_string();
    assert!(gone.contains("annotations.json"), "{gone}");
    std::fs::write(&file, r#"{"labels": {"a": {"label": 1}}, "ignore": [[3, 1], [2, 5]]}"#).unwrap();
    assert_eq!(read_ignored(&file).unwrap(), [(3, 1), (2, 5)]);
    std::fs::write(&file, "{\"labels\": {},\n \"ignore\": [[3, \"x\"]]}").unwrap();
    let bad = read_ignored(&file).unwrap_err().to_string();
    assert!(bad.contains("annotations.json") && bad.contains("line 2"), "{bad}");
}
