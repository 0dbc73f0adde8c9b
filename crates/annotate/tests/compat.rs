//! The original's run: its matches asked in their order lead to its own file.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::decision;
use proptest::prelude::*;
use streamface_annotate::compat::{Answer, Interview, between};
use streamface_annotate::{Action, Decision, Finalized, Numbering, People};
use streamface_store::{AttributeRow, Dataset, read_annotations};
use streamface_testing::reference;
use streamface_types::FaceId;

fn labels(path: &Path) -> Vec<(FaceId, i64)> {
    let all = read_annotations(path).unwrap().labels;
    let mut all: Vec<(FaceId, i64)> = all.into_iter().map(|(f, a)| (f.parse().unwrap(), a.label.0)).collect();
    all.sort();
    all
}

fn people(before: &[(FaceId, i64)], said: Vec<Action>) -> (People, Vec<Decision>) {
    let faces = before.iter().map(|(f, _)| f.clone()).collect();
    let labels: Vec<i64> = before.iter().map(|(_, l)| *l).collect();
    let said: Vec<Decision> = (1..).zip(said).map(|(id, action)| decision(id, action)).collect();
    let mut people = People::new(faces, &labels, true).unwrap();
    people.replay(&said);
    (people, said)
}

/// The run has no record of its answers. They follow from its two files: of each pair that it asks, what became of
/// the two.
#[test]
fn its_questions_answered_as_they_were_give_its_file_byte_for_byte() {
    let Some(dir) = reference("skynews/metadata") else { return };
    let before = labels(&dir.join("annotations.json"));
    let after = labels(&dir.join("annotations_manual.json"));
    let of = |label: i64| {
        let at = before.iter().position(|(_, l)| *l == label).unwrap();
        after[at].1
    };
    let evals: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.join("cluster_evals.json")).unwrap()).unwrap();
    let pairs = evals["matches"].as_object().unwrap().keys().map(|pair| {
        let (x, y) = pair.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    });
    let mut interview = Interview::new(before.clone(), pairs);
    let (mut said, mut asked) = (Vec::new(), Vec::new());
    while let Some((x, y)) = interview.question() {
        let answer = match (of(x), of(y)) {
            (-1, -1) => Answer::BothNoisy,
            (-1, _) => Answer::LeftNoisy,
            (_, -1) => Answer::RightNoisy,
            (p, q) if p == q => Answer::Same,
            _ => Answer::Different,
        };
        asked.push(((x, y), answer));
        said.extend(interview.answer(answer));
    }
    // 9 is joined with 10, 11 and 12, so nothing is asked about 11 again; 21 is no one, so neither about it.
    let same: Vec<_> = asked.iter().filter(|(_, a)| *a == Answer::Same).map(|(pair, _)| *pair).collect();
    assert_eq!(same, [(9, 10), (9, 11), (9, 12)]);
    assert!(asked.contains(&((9, 21), Answer::RightNoisy)));
    assert_eq!(asked.len(), 13 + 2);
    let (people, _) = people(&before, said);
    assert!(people.report().conflicts.is_empty());
    let done = Finalized::new(&people, Numbering::Compat);
    assert_eq!(done.labels, after.iter().map(|(_, l)| *l).collect::<Vec<_>>());
    let out = tempfile::tempdir().unwrap();
    let data = Dataset::open(out.path()).unwrap();
    let given = read_annotations(&dir.join("annotations.json")).unwrap().labels;
    let rows = given.iter().flat_map(|(f, a)| AttributeRow::of(&f.parse().unwrap(), &a.attributes, None));
    data.replace(rows.collect()).unwrap();
    let metadata = data.metadata();
    done.write(&data, &people, &Default::default()).unwrap();
    let [ours, its] = [&metadata, &dir].map(|d| fs::read(d.join("annotations_manual.json")).unwrap());
    assert!(ours == its, "{}", String::from_utf8_lossy(&ours));
    let summary = done.summary(&people);
    assert_eq!((summary.before, summary.after, summary.merged, summary.noisy), (24, 20, 3, 1));
}

#[test]
fn decisions_between_two_labellings() {
    let Some(dir) = reference("skynews/metadata") else { return };
    let before = labels(&dir.join("annotations.json"));
    let after = labels(&dir.join("annotations_manual.json"));
    let said = between(&before, &after);
    assert_eq!(said.len(), 1 + 3);
    let (people, _) = people(&before, said);
    let done = Finalized::new(&people, Numbering::Compat);
    assert_eq!(done.labels, after.iter().map(|(_, l)| *l).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn between_any_two(two in prop::collection::vec((-1_i64..4, -2_i64..4), 0..12)) {
        let face = |f: usize| common::face(f, 0);
        let before: Vec<_> = two.iter().enumerate().map(|(f, l)| (face(f), l.0)).collect();
        let after: Vec<_> = two.iter().enumerate().map(|(f, l)| (face(f), l.1)).collect();
        let (people, _) = people(&before, between(&before, &after));
        prop_assert!(people.report().conflicts.is_empty());
        for (a, want_a) in (0_u32..).zip(&after) {
            prop_assert_eq!(people.person_of(a).is_none(), want_a.1 < 0);
            for (b, want_b) in (0_u32..).zip(&after).filter(|_| want_a.1 >= 0) {
                let one = people.person_of(a) == people.person_of(b);
                prop_assert_eq!(one, want_a.1 == want_b.1);
            }
        }
    }
}

#[test]
fn answers_as_typed() {
    let faces: Vec<(FaceId, i64)> = (0..6).map(|f| (common::face(f, 0), (f / 2) as i64)).collect();
    let pairs = [(0, 1), (0, 2), (1, 2), (7, 1), (1, 1)];
    let asked = |answers: &[&str]| {
        let mut interview = Interview::new(faces.clone(), pairs);
        let mut said = Vec::new();
        let mut questions = Vec::new();
        for answer in answers {
            questions.extend(interview.question());
            said.extend(interview.answer(answer.parse().unwrap()));
        }
        assert_eq!(interview.question(), None);
        let (people, _) = people(&faces, said);
        (questions, people.labels())
    };
    assert_eq!(asked(&["", "\n", ""]), (vec![(0, 1), (0, 2), (1, 2)], vec![0, 0, 1, 1, 2, 2]));
    assert_eq!(asked(&["0", "0"]), (vec![(0, 1), (0, 2)], vec![0; 6]));
    assert_eq!(asked(&["1", "0"]), (vec![(0, 1), (1, 2)], vec![-1, -1, 1, 1, 1, 1]));
    assert_eq!(asked(&["2", ""]), (vec![(0, 1), (0, 2)], vec![0, 0, -1, -1, 2, 2]));
    assert_eq!(asked(&["12"]), (vec![(0, 1)], vec![-1, -1, -1, -1, 2, 2]));
    assert_eq!(asked(&["3", "0"]), (vec![(0, 1), (1, 2)], vec![0, 0, 1, 1, 1, 1]));
    assert!("4".parse::<Answer>().is_err());
}
