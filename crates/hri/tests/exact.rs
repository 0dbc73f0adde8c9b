//! The index compared with an independent flat scan over all means.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;

use common::{Random, Spectrum, faces};
use hri::{Index, Metric, Settings, Threshold, To};

/// People by label, each with ids and vectors in order of insertion.
#[derive(Default)]
struct FlatScan {
    people: BTreeMap<u64, Vec<(u64, Vec<f64>)>>,
    next: u64,
}

fn unit(metric: Metric, row: &[f32]) -> Vec<f64> {
    let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
    let norm = if metric == Metric::Cosine { row.iter().map(|x| x * x).sum::<f64>().sqrt() } else { 1.0 };
    row.iter().map(|x| x / norm).collect()
}

impl FlatScan {
    fn distances(&self, metric: Metric, q: &[f64]) -> Vec<(f64, u64)> {
        let distance = |members: &Vec<(u64, Vec<f64>)>| {
            let n = members.len() as f64;
            let mean: Vec<f64> =
                (0..q.len()).map(|k| members.iter().map(|m| m.1[k]).sum::<f64>() / n).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            if metric == Metric::Euclidean {
                return q.iter().zip(&mean).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
            }
            let root = (dot(q, q) * dot(&mean, &mean)).sqrt();
            if root == 0.0 { 1.0 } else { (1.0 - dot(q, &mean) / root).clamp(0.0, 2.0) }
        };
        let mut all: Vec<(f64, u64)> = self.people.iter().map(|(&l, m)| (distance(m), l)).collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all
    }
}

/// Inserts rows one by one and compares each answer with the flat scan. Distances that differ only by rounding may be in
/// another order.
fn compare(rows: &[f32], dim: usize, metric: Metric, threshold: f64, tolerance: f64) -> Index {
    let settings = Settings::new(dim, Threshold::new(metric, threshold).unwrap()).unwrap();
    let mut index = Index::new(settings);
    let mut expected = FlatScan::default();
    for (id, row) in rows.chunks_exact(dim).enumerate() {
        let q = unit(metric, row);
        let want = expected.distances(metric, &q);
        let flat = index.flat_search(row).unwrap();
        assert_eq!(index.search(row).unwrap(), flat, "{id}: the index's own flat scan differs");
        let near = index.nearest(row, 5).unwrap();
        assert_eq!(near.len(), want.len().min(5));
        for (got, want) in near.iter().zip(&want) {
            assert!((got.distance - want.0).abs() <= tolerance, "{id}: {got:?} {want:?}");
        }
        let inserted = index.insert(row, id as u64).unwrap();
        match want.first().filter(|w| w.0 <= threshold + tolerance) {
            Some(&(distance, label)) if !inserted.new => {
                assert!((distance - inserted.distance).abs() <= tolerance, "{id}");
                let tied = want.get(1).is_some_and(|w| w.0 - distance <= tolerance);
                assert!(tied || label == inserted.label, "{id}: {inserted:?} {want:?}");
                assert_eq!(flat.map(|m| m.label), Some(inserted.label));
            }
            Some(&(distance, _)) => assert!(distance >= threshold - tolerance, "{id}"),
            None => assert!(inserted.new, "{id}: {inserted:?} {:?}", want.first()),
        }
        if inserted.new {
            assert_eq!(inserted.label, expected.next, "{id}");
            expected.next += 1;
        }
        expected.people.entry(inserted.label).or_default().push((id as u64, q));
    }
    index
}

#[test]
fn labels_are_those_of_a_flat_scan() {
    let mut random = Random(1);
    for (dim, spectrum, metric, threshold) in [
        (64, Spectrum::Real, Metric::Cosine, 0.1),
        (64, Spectrum::Flat, Metric::Cosine, 0.4),
        (37, Spectrum::Real, Metric::Euclidean, 0.4),
        (7, Spectrum::Flat, Metric::Euclidean, 0.1),
    ] {
        let rows = faces(&mut random, 1200, dim, 400, 0.5, spectrum);
        let index = compare(&rows, dim, metric, threshold, 1e-12);
        assert!(index.people_count() > 300, "{}", index.people_count());
        assert!(index.stats().filter_coordinates > 0, "the filter was never trained");
    }
}

#[test]
fn duplicates_and_extreme_numbers_are_exact() {
    let mut random = Random(2);
    let dim = 24;
    let mut rows = faces(&mut random, 900, dim, 300, 0.4, Spectrum::Real);
    for (at, row) in rows.chunks_exact_mut(dim).enumerate() {
        let by = [1.0, 1e-30, 1e30, 1e-3, 3e37][at % 5];
        row.iter_mut().for_each(|x| *x *= by);
    }
    let again = rows[..200 * dim].to_vec();
    rows.extend_from_slice(&again);
    let index = compare(&rows, dim, Metric::Cosine, 0.0, 1e-12);
    // All duplicates matched their originals.
    assert_eq!(index.people_count(), 900);
    let index = compare(&rows, dim, Metric::Cosine, 0.2, 1e-12);
    assert!(index.people_count() < 900);
    // Euclidean distances of similar lengths, with some outliers; the tolerance is for numbers of 1e6.
    for (at, row) in rows.chunks_exact_mut(dim).enumerate() {
        let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32;
        let by = if at % 50 == 7 { 1e6 } else { 1.0 } / norm;
        row.iter_mut().for_each(|x| *x = *x * by + if at % 3 == 0 { 5.0 } else { 0.0 });
    }
    compare(&rows, dim, Metric::Euclidean, 0.5, 1e-8);
    rows.iter_mut().for_each(|x| *x *= 1e30);
    compare(&rows, dim, Metric::Euclidean, 0.5e30, 1e22);
    rows.iter_mut().for_each(|x| *x *= 1e-30);
    rows.iter_mut().for_each(|x| *x *= 1e-30);
    compare(&rows, dim, Metric::Euclidean, 0.5e-30, 1e-38);
}

/// All kinds of changes in random order; after each change the answers are those of the flat scan.
#[test]
fn answers_stay_exact_while_people_change() {
    let mut random = Random(3);
    for metric in [Metric::Cosine, Metric::Euclidean] {
        let (dim, n) = (20, 3000);
        let rows = faces(&mut random, n, dim, 1500, 0.5, Spectrum::Flat);
        let threshold = if metric == Metric::Cosine { 0.15 } else { 0.5 };
        let settings = Settings::new(dim, Threshold::new(metric, threshold).unwrap()).unwrap();
        let mut index = Index::new(settings);
        let mut expected: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut next = 0;
        for (id, row) in rows.chunks_exact(dim).enumerate() {
            let to = if id % 17 == 0 { To::New } else { To::Nearest };
            assert_eq!(index.search(row).unwrap(), index.flat_search(row).unwrap());
            let inserted = index.insert_to(row, id as u64, to).unwrap();
            assert_eq!(inserted.new, inserted.label == next);
            next += u64::from(inserted.new);
            expected.entry(inserted.label).or_default().push(id as u64);
            let labels: Vec<u64> = expected.keys().copied().collect();
            let some = labels[random.below(labels.len())];
            let other = labels[random.below(labels.len())];
            match random.below(40) {
                0 | 1 => {
                    let members = &expected[&some];
                    let removed = members[random.below(members.len())];
                    assert_eq!(index.remove(removed).unwrap(), some);
                    let members = expected.get_mut(&some).unwrap();
                    members.retain(|&m| m != removed);
                    if members.is_empty() {
                        expected.remove(&some);
                    }
                }
                2 if some != other => {
                    index.merge(some, other).unwrap();
                    let more = expected.remove(&other).unwrap();
                    expected.get_mut(&some).unwrap().extend(more);
                }
                3 if expected[&some].len() > 1 => {
                    let half = expected[&some].len() / 2;
                    let removed: Vec<u64> = expected.get_mut(&some).unwrap().drain(..half).collect();
                    assert_eq!(index.split(some, &removed).unwrap(), next);
                    expected.insert(next, removed);
                    next += 1;
                }
                4 if id % 3 == 0 => {
                    assert_eq!(index.remove_person(some).unwrap(), expected.remove(&some).unwrap().len());
                }
                5 if id % 100 == 0 => index.refresh(),
                _ => {}
            }
        }
        let people: Vec<(u64, usize)> = index.people().map(|p| (p.label, p.members)).collect();
        assert_eq!(people, expected.iter().map(|(&l, m)| (l, m.len())).collect::<Vec<_>>());
        assert!(people.len() > 256 && index.stats().filter_coordinates > 0);
        for (&label, members) in &expected {
            let mut got: Vec<u64> = index.members(label).unwrap().collect();
            got.sort_unstable();
            let mut want = members.clone();
            want.sort_unstable();
            assert_eq!(got, want);
            let mean = index.mean(label).unwrap();
            for (k, mean) in mean.iter().enumerate() {
                let of = |&id: &u64| unit(metric, &rows[id as usize * dim..(id as usize + 1) * dim])[k];
                let want = members.iter().map(of).sum::<f64>() / members.len() as f64;
                assert!((mean - want).abs() < 1e-12, "{mean} {want}");
            }
            assert_eq!(index.label_of(members[0]).unwrap(), label);
            let at = members[0] as usize * dim;
            assert_eq!(index.vector(members[0]).unwrap(), &rows[at..at + dim]);
        }
        // Batches and single searches agree, before and after a refresh.
        for _ in 0..2 {
            let one_by_one: Vec<_> =
                rows[..333 * dim].chunks_exact(dim).map(|r| index.search(r).unwrap()).collect();
            assert_eq!(index.search_batch(&rows[..333 * dim]).unwrap(), one_by_one);
            index.refresh();
        }
    }
}

#[test]
fn a_mean_of_zero_has_distance_one_from_everything() {
    let threshold = Threshold::new(Metric::Cosine, 1.0).unwrap();
    let mut index = Index::new(Settings::new(3, threshold).unwrap());
    index.insert(&[1.0, 0.0, 0.0], 0).unwrap();
    index.insert_to(&[-1.0, 0.0, 0.0], 1, To::Person(0)).unwrap();
    let found = index.search(&[0.0, -1.0, 0.5]).unwrap().unwrap();
    assert_eq!((found.label, found.distance), (0, 1.0));
    index.insert(&[0.0, 0.5, 1.0], 2).unwrap();
    assert_eq!(index.search(&[0.0, 0.1, 0.0]).unwrap(), index.flat_search(&[0.0, 0.1, 0.0]).unwrap());
}
