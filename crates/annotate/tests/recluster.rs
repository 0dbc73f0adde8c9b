//! Decisions outlive clusterings: another threshold, more faces, other labels.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{FACES, compare, compared, decision, faces, journal, placed};
use proptest::prelude::*;
use streamface_annotate::people::ConflictReason;
use streamface_annotate::{Action, Decision, People, Verdict};
use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage};
use streamface_types::FaceId;

/// What must hold whatever the clusters are: each decision that is not listed as a conflict is followed.
fn followed(people: &People, said: &[Decision]) -> Result<(), TestCaseError> {
    let conflicts: BTreeSet<(u64, usize)> =
        people.report().conflicts.iter().map(|c| (c.decision, c.pair)).collect();
    let held = said.iter().filter(|d| people.holds(d.id));
    let last = |face: &FaceId| {
        let on = |d: &&Decision| placed(&d.action).contains(face);
        held.clone().rfind(on).map(|d| d.id)
    };
    let person = |face: &FaceId| people.index(face).and_then(|at| people.person_of(at));
    for d in held.clone() {
        match &d.action {
            Action::Noise { faces } => {
                for face in faces.iter().filter(|f| last(f) == Some(d.id)) {
                    prop_assert_eq!(person(face), None);
                }
            }
            Action::Split { faces, together } => {
                let out: Vec<_> =
                    faces.iter().filter(|f| last(f) == Some(d.id) && people.index(f).is_some()).collect();
                for two in out.windows(2).filter(|two| *together && two[0] != two[1]) {
                    prop_assert_eq!(person(two[0]), person(two[1]));
                }
            }
            Action::Compare { .. } | Action::Tear { .. } | Action::Whole { .. } => {
                let torn = matches!(d.action, Action::Tear { .. });
                for (_, pair) in
                    compared(&d.action).iter().enumerate().filter(|(k, _)| !conflicts.contains(&(d.id, *k)))
                {
                    let people_of = |side: &[FaceId], from: u64| {
                        let counts = side.iter().filter(|f| last(f).is_none_or(|l| l < from));
                        counts.filter_map(person).collect::<BTreeSet<u32>>()
                    };
                    let (left, right) =
                        (people_of(&pair.left, d.id), people_of(&pair.right, d.id + u64::from(torn)));
                    match pair.verdict {
                        Verdict::Same => prop_assert!(left.union(&right).count() <= 1),
                        Verdict::Different => prop_assert!(left.is_disjoint(&right)),
                        Verdict::NotSure => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn clustered(points: &[f32], threshold: f64, frames: &[FaceId], links: &[(u32, u32)]) -> Vec<i64> {
    let rows = Embeddings::new(points.to_vec(), 1).unwrap();
    let mut apart = Constraints::default();
    for at in 1..frames.len() {
        if frames[at].frame == frames[at - 1].frame {
            apart.cannot_link(at - 1, at);
        }
    }
    for &(a, b) in links {
        apart.cannot_link(a as usize, b as usize);
    }
    let settings = Settings::new(Metric::Euclidean, threshold).unwrap();
    let found = complete_linkage(&rows, &settings, &apart).unwrap();
    found.labels.into_iter().map(i64::from).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pairs are those of the definition, and clusters made with them never hold what was said to be different.
    #[test]
    fn what_was_said_to_be_different_is_never_one_cluster(
        said in journal(),
        points in prop::collection::vec(0.0_f32..4.0, FACES),
        threshold in 0.1_f64..4.0,
    ) {
        let faces = faces(FACES);
        let mut alone = People::unclustered(faces.clone(), true).unwrap();
        alone.replay(&said);
        let links = alone.constraints();
        let held = said.iter().filter(|d| alone.holds(d.id));
        let placed: BTreeSet<&FaceId> = held.flat_map(|d| placed(&d.action)).collect();
        let free = |f: u32| !placed.contains(&faces[f as usize]);
        let of = |f: u32| alone.person_of(f).unwrap();
        let mut want = BTreeSet::new();
        for a in (0..FACES as u32).filter(|&f| free(f)) {
            for b in (a + 1..FACES as u32).filter(|&f| free(f)) {
                let beside = |a: u32, b: u32| a / 2 == b / 2 && a != b;
                let framed = alone.faces_of(of(a)).into_iter().any(|c| free(c) && c != a && beside(c, b))
                    || alone.faces_of(of(b)).into_iter().any(|c| free(c) && c != b && beside(c, a));
                if alone.different(of(a), of(b)) || framed {
                    want.insert((a, b));
                }
            }
        }
        prop_assert_eq!(&links, &want.into_iter().collect::<Vec<_>>());
        let labels = clustered(&points, threshold, &faces, &links);
        let mut people = People::new(faces, &labels, true).unwrap();
        people.replay(&said);
        followed(&people, &said)?;
        let before: Vec<_> = alone.report().conflicts.iter().map(|c| (c.decision, c.pair)).collect();
        for conflict in people.report().conflicts {
            let old = before.contains(&(conflict.decision, conflict.pair));
            prop_assert!(old || conflict.reason != ConflictReason::OneCluster, "{conflict}");
        }
    }

    /// A new threshold and more faces, with decisions made on the clusters of before.
    #[test]
    fn decisions_hold_in_the_next_clustering(
        said in journal(),
        points in prop::collection::vec(0.0_f32..4.0, FACES + 6),
        thresholds in (0.1_f64..2.0, 0.1_f64..4.0),
    ) {
        let all = faces(FACES + 6);
        let first = &all[..FACES];
        let labels = clustered(&points[..FACES], thresholds.0, first, &[]);
        let mut people = People::new(first.to_vec(), &labels, true).unwrap();
        // Only what the review would take.
        let mut taken: Vec<Decision> = Vec::new();
        for d in &said {
            if people.check(&d.action).is_ok() {
                let d = decision(taken.len() as u64 + 1, d.action.clone());
                people.apply(&d);
                taken.push(d);
            }
        }
        prop_assert!(people.report().conflicts.is_empty());
        followed(&people, &taken)?;
        let mut alone = People::unclustered(all.clone(), true).unwrap();
        alone.replay(&taken);
        let labels = clustered(&points, thresholds.1, &all, &alone.constraints());
        let mut people = People::new(all, &labels, true).unwrap();
        people.replay(&taken);
        followed(&people, &taken)?;
    }
}

/// The plain cases, by hand: two people, one cluster each; then broken apart, then joined.
#[test]
fn broken_apart_and_joined() {
    let faces: Vec<FaceId> = (0..6).map(|f| common::face(f, 0)).collect();
    let side = |of: &[usize]| of.iter().map(|&f| 2 * f).collect::<Vec<_>>();
    let said = [
        decision(1, compare(&side(&[0, 1]), &side(&[2]), Verdict::Same)),
        decision(2, compare(&side(&[0]), &side(&[3, 4]), Verdict::Different)),
        decision(3, Action::Noise { faces: vec![faces[5].clone()] }),
        decision(
            4,
            Action::Name { person: vec![faces[0].clone(), faces[1].clone()], name: Some("A".into()) },
        ),
    ];
    let labels = |of: &[i64]| {
        let mut people = People::new(faces.clone(), of, true).unwrap();
        people.replay(&said);
        let names: Vec<String> =
            (0..6).filter_map(|f| people.name(people.person_of(f)?).map(str::to_owned)).collect();
        (people.labels(), names.len(), people.report().conflicts)
    };
    assert_eq!(labels(&[0, 0, 1, 2, 2, 2]), (vec![0, 0, 0, 2, 2, -1], 3, vec![]));
    // Every face by itself.
    assert_eq!(labels(&[0, 1, 2, 3, 4, 5]), (vec![0, 0, 0, 3, 4, -1], 3, vec![]));
    // The second part of what was one, with a stranger.
    assert_eq!(
        labels(&[0, 0, 1, 2, 1, 2]),
        (vec![0, 0, 0, 2, 0, -1], 4, vec![conflict(2, 0, 4, ConflictReason::Same { decisions: vec![1] })])
    );
    // All in one: nothing that was said can be seen in the clusters, and that is said.
    assert_eq!(
        labels(&[7, 7, 7, 7, 7, 7]),
        (vec![7, 7, 7, 7, 7, -1], 5, vec![conflict(2, 0, 3, ConflictReason::OneCluster)])
    );
}

fn conflict(decision: u64, a: usize, b: usize, reason: ConflictReason) -> streamface_annotate::Conflict {
    let faces = (common::face(a, 0), common::face(b, 0));
    streamface_annotate::Conflict { decision, pair: 0, faces, reason }
}
