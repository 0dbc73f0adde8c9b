//! Appending against a run from scratch.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/people.rs"]
mod people;

use cases::{Pairs, constraints, pairs, points};
use proptest::prelude::*;
use streamface_cluster::{
    Clustering, Constraints, Embeddings, Error, History, Merge, Metric, Observer, Parts, Settings, append,
    complete_linkage, join, renumber,
};

/// Rows of three kinds, as those of `twin.rs`, and which of them are new.
fn rows() -> impl Strategy<Value = (Embeddings, Vec<bool>)> {
    let shape = (0_usize..90, prop_oneof![3 => 1_usize..9, 1 => Just(40_usize)], 0..3_u8, 0..4_u8);
    shape.prop_flat_map(|(n, dim, kind, share)| {
        let new = prop::collection::vec(any::<u8>(), n);
        // None, few, some, many.
        let most = [0, 12, 60, 120][usize::from(share)];
        (points(n, dim, kind), new)
            .prop_map(move |(rows, new)| (rows, new.into_iter().map(|x| x < most).collect()))
    })
}

/// Some of the rows, and their numbers among all.
fn part(rows: &Embeddings, wanted: &[bool]) -> (Embeddings, Vec<u32>) {
    let numbers: Vec<u32> = (0..rows.len() as u32).filter(|&row| wanted[row as usize]).collect();
    let data = numbers.iter().flat_map(|&row| rows.row(row as usize)).copied().collect();
    (Embeddings::new(data, rows.dim()).unwrap(), numbers)
}

/// The constraints that are on these rows alone, under other names.
fn among(constraints: &Constraints, name: impl Fn(usize) -> Option<usize>) -> Constraints {
    let mut some = Constraints::default();
    for (a, b) in constraints.must_links() {
        if let (Some(a), Some(b)) = (name(*a), name(*b)) {
            some.must_link(a, b);
        }
    }
    for (a, b) in constraints.cannot_links() {
        if let (Some(a), Some(b)) = (name(*a), name(*b)) {
            some.cannot_link(a, b);
        }
    }
    some
}

/// A run on the old rows, with the old constraints; the merges as of all rows.
fn before(
    rows: &Embeddings,
    is_new: &[bool],
    settings: &Settings,
    old: &Constraints,
) -> Result<(Vec<Merge>, Option<Parts>), Error> {
    let is_old: Vec<bool> = is_new.iter().map(|new| !new).collect();
    let (part, numbers) = part(rows, &is_old);
    let own = among(old, |row| numbers.binary_search(&(row as u32)).ok());
    known(&complete_linkage(&part, settings, &own)?, &numbers, rows.len())
}

/// What a run leaves, of rows that have other numbers by now.
fn known(run: &Clustering, now: &[u32], rows: usize) -> Result<(Vec<Merge>, Option<Parts>), Error> {
    let parts = run.parts.as_ref().map(|parts| parts.renumbered(now, rows)).transpose()?;
    Ok((renumber(&run.merges, now)?, parts))
}

/// The components at a threshold, finer than what a run of few rows tells.
fn components(rows: &Embeddings, is_new: &[bool], settings: &Settings) -> Parts {
    let is_old: Vec<bool> = is_new.iter().map(|new| !new).collect();
    let (part, numbers) = part(rows, &is_old);
    let links = join(&part, settings).unwrap();
    let pairs: Vec<(u32, u32)> = links.iter().map(Result::unwrap).map(|l| (l.i, l.j)).collect();
    let parts = Parts::tied(part.len(), settings.threshold(), pairs).unwrap();
    parts.renumbered(&numbers, rows.len()).unwrap()
}

fn same(got: &Clustering, want: &Clustering) {
    assert_eq!(got.merges, want.merges);
    assert_eq!(got.labels, want.labels);
    assert_eq!(got.clusters, want.clusters);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn appending_is_starting_anew(
        (rows, is_new) in rows(),
        cosine in any::<bool>(),
        t in prop_oneof![4 => 0.0..2.0_f64, 1 => Just(1.0), 1 => Just(0.0), 1 => Just(2.0)],
        other in prop_oneof![2 => Just(None), 1 => (0.0..2.0_f64).prop_map(Some)],
        must in prop_oneof![pairs(1), pairs(8)],
        cannot in prop_oneof![pairs(1), pairs(30)],
        dropped in 0..4_usize,
        share in prop_oneof![1 => Just(None), 1 => Just(Some(0.0)), 3 => (0.2..1.0_f64).prop_map(Some)],
    ) {
        let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
        let settings = Settings::new(metric, t).unwrap();
        let earlier = Settings::new(metric, other.unwrap_or(t)).unwrap();
        let all = constraints(rows.len(), &must, &cannot);
        let is_old = |row: usize| Some(row).filter(|&row| !is_new[row]);
        let mut old = among(&all, is_old);
        // Decisions that came later, and some that were taken back.
        if dropped > 0 {
            let keep = |all: &Pairs, k: usize| all.iter().copied().skip(k).step_by(dropped).collect::<Pairs>();
            old = among(&constraints(rows.len(), &keep(&must, 0), &keep(&cannot, 1)), is_old);
        }
        let history = before(&rows, &is_new, &earlier, &old);
        let want = complete_linkage(&rows, &settings, &all);
        if let Ok((merges, parts)) = history {
            let parts = match share {
                None => parts,
                Some(0.0) => None,
                Some(share) => {
                    let near = Settings::new(metric, earlier.threshold() * share).unwrap();
                    Some(components(&rows, &is_new, &near))
                }
            };
            let (threshold, parts) = (earlier.threshold(), parts.as_ref());
            let history = History { merges: &merges, threshold, constraints: &old, parts };
            let got = append(&rows, &history, &is_new, &settings, &all, Observer::none());
            match (got, want) {
                (Ok(got), Ok(want)) => same(&got, &want),
                (got, want) => prop_assert_eq!(got.err(), want.err()),
            }
        }
    }
}

#[test]
fn again_and_again() {
    let (rows, _) = people::people(1500, &people::Kind { people: 0.02, ..Default::default() }, 7);
    let none = Constraints::default();
    for t in [0.25, 0.5, 0.7] {
        let settings = Settings::new(Metric::Cosine, t).unwrap();
        // Three quarters, then a quarter of what is left, and so on; anywhere among the others.
        let mut there: Vec<bool> = (0..rows.len()).map(|row| row * 7 % 16 < 12).collect();
        let (first, numbers) = part(&rows, &there);
        let first = complete_linkage(&first, &settings, &none).unwrap();
        let (mut merges, mut parts) = known(&first, &numbers, rows.len()).unwrap();
        for round in 12..16 {
            let now: Vec<bool> = (0..rows.len()).map(|row| row * 7 % 16 <= round).collect();
            let (some, numbers) = part(&rows, &now);
            let place = |row: u32| numbers.binary_search(&row).unwrap() as u32;
            let old: Vec<Merge> =
                merges.iter().map(|m| Merge { a: place(m.a), b: place(m.b), ..*m }).collect();
            let is_new: Vec<bool> = numbers.iter().map(|&row| !there[row as usize]).collect();
            let of_some = parts.map(|parts: Parts| {
                let ties = parts.ties().map(|(a, b)| (place(a), place(b)));
                Parts::tied(some.len(), parts.threshold, ties).unwrap()
            });
            let history = History { merges: &old, threshold: t, constraints: &none, parts: of_some.as_ref() };
            let got = append(&some, &history, &is_new, &settings, &none, Observer::none()).unwrap();
            same(&got, &complete_linkage(&some, &settings, &none).unwrap());
            merges = renumber(&got.merges, &numbers).unwrap();
            parts = got.parts.map(|parts| parts.renumbered(&numbers, rows.len()).unwrap());
            there = now;
        }
    }
}

#[test]
fn thousands_of_faces() {
    let (rows, _) = people::people(5000, &people::Kind { people: 0.01, ..Default::default() }, 3);
    let mut frames = Constraints::default();
    (0..rows.len() / 3).for_each(|f| {
        frames.cannot_link_group(&[3 * f, 3 * f + 1, 3 * f + 2]);
    });
    // Rows in three blocks are new, and some here and there.
    let is_new: Vec<bool> = (0..rows.len()).map(|row| row % 900 < 15 || row % 251 == 7).collect();
    let old = among(&frames, |row| Some(row).filter(|&row| !is_new[row]));
    for t in [0.3, 0.5, 0.64] {
        let settings = Settings::new(Metric::Cosine, t).unwrap();
        let (merges, parts) = before(&rows, &is_new, &settings, &old).unwrap();
        let want = complete_linkage(&rows, &settings, &frames).unwrap();
        for parts in [None, parts.as_ref()] {
            let history = History { merges: &merges, threshold: t, constraints: &old, parts };
            same(&append(&rows, &history, &is_new, &settings, &frames, Observer::none()).unwrap(), &want);
        }
    }
}

#[test]
fn a_history_of_something_else_is_refused() {
    let rows = Embeddings::new(vec![0.0, 1.0, 1.5, 4.0], 1).unwrap();
    let (settings, none) = (Settings::new(Metric::Euclidean, 1.0).unwrap(), Constraints::default());
    let run = |merges: &[Merge]| {
        let history = History { merges, threshold: 1.0, constraints: &none, parts: None };
        append(&rows, &history, &[false, false, false, true], &settings, &none, Observer::none())
    };
    let merge = |a, b, distance| Merge { a, b, distance };
    assert_eq!(run(&[merge(1, 2, 0.5)]).unwrap().labels, [0, 1, 1, 2]);
    for bad in [
        vec![merge(2, 1, 0.5)],
        vec![merge(1, 9, 0.5)],
        vec![merge(1, 3, 0.5)],
        vec![merge(1, 2, 7.0)],
        vec![merge(1, 2, f64::NAN)],
    ] {
        assert_eq!(run(&bad).unwrap_err(), Error::History { at: 0 });
    }
    assert_eq!(run(&[merge(1, 2, 0.5), merge(0, 2, 0.75)]).unwrap_err(), Error::History { at: 1 });
    assert_eq!(run(&[merge(1, 2, 0.5), merge(0, 1, 0.25)]).unwrap_err(), Error::History { at: 1 });
    assert_eq!(renumber(&[merge(0, 1, 0.5)], &[4, 2]), Err(Error::History { at: 0 }));
    assert_eq!(renumber(&[merge(0, 2, 0.5)], &[2, 4]), Err(Error::NoSuchRow { row: 2, rows: 2 }));
}
