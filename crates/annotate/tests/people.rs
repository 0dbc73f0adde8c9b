//! People against a slow, obvious twin that derives everything from the definition, for random journals.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{FACES, compare, compared, decision, face, faces, journal, placed};
use proptest::prelude::*;
use streamface_annotate::people::ConflictReason;
use streamface_annotate::{Action, Compared, Decision, People, Refusal, Verdict};
use streamface_types::{FaceId, Label};

/// Where a face is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    NoOne,
    Cluster(i64),
    Group { decision: usize, number: usize },
}

/// The definition, word by word.
struct Twin<'a> {
    faces: &'a [FaceId],
    labels: &'a [i64],
    separate_within_frame: bool,
    said: &'a [Decision],
}

#[derive(Debug, PartialEq)]
struct Derived {
    /// Each face's person, by its smallest face.
    person: Vec<Option<usize>>,
    names: Vec<Option<String>>,
    skipped: Vec<bool>,
    asked: BTreeMap<(usize, usize), Option<Verdict>>,
    conflicts: Vec<(u64, usize, &'static str)>,
}

impl Twin<'_> {
    fn holds(&self, at: usize) -> bool {
        let id = self.said[at].id;
        for later in (at + 1..self.said.len()).rev() {
            let says = match self.said[later].action {
                Action::Undo { decision } if decision == id => false,
                Action::Redo { decision } if decision == id => true,
                _ => continue,
            };
            if self.holds(later) {
                return says;
            }
        }
        true
    }

    fn last(&self, face: &FaceId) -> Option<usize> {
        let places = |at: &usize| placed(&self.said[*at].action).contains(face);
        (0..self.said.len()).filter(places).rfind(|at| self.holds(*at))
    }

    fn place(&self, face: &FaceId) -> Place {
        let Some(at) = self.last(face) else {
            let label = self.labels[self.faces.binary_search(face).unwrap()];
            return if label < 0 { Place::NoOne } else { Place::Cluster(label) };
        };
        match &self.said[at].action {
            Action::Split { together: true, .. } | Action::Tear { .. } => {
                Place::Group { decision: at, number: 0 }
            }
            Action::Split { faces, .. } => {
                let known: Vec<_> = faces.iter().filter(|f| self.faces.contains(f)).collect();
                Place::Group { decision: at, number: known.iter().rposition(|f| *f == face).unwrap() }
            }
            Action::Move { to, .. } => match self.side(to, at).first() {
                Some(&(_, place)) => place,
                None => Place::Group { decision: at, number: 0 },
            },
            _ => Place::NoOne,
        }
    }

    /// The faces of a side that count, and where they are.
    fn side(&self, side: &[FaceId], at: usize) -> Vec<(FaceId, Place)> {
        // Those that are torn off are where the decision itself puts them.
        let torn =
            matches!(&self.said[at].action, Action::Tear { right, .. } if std::ptr::eq(&right[..], side));
        let from = at + usize::from(torn);
        let known = side.iter().filter(|f| self.faces.contains(f));
        let counts = known.filter(|f| self.last(f).is_none_or(|last| last < from));
        counts.map(|f| (f.clone(), self.place(f))).filter(|(_, p)| *p != Place::NoOne).collect()
    }

    fn derive(&self) -> Derived {
        let place: Vec<Place> = self.faces.iter().map(|f| self.place(f)).collect();
        // People as sets of places, one each to begin with.
        let mut people: Vec<BTreeSet<Place>> = place
            .iter()
            .filter(|p| **p != Place::NoOne)
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|p| [p].into())
            .collect();
        let mut apart: Vec<[BTreeSet<Place>; 2]> = Vec::new();
        let mut unsure: Vec<[BTreeSet<Place>; 2]> = Vec::new();
        let mut names: BTreeMap<Place, (usize, Option<String>)> = BTreeMap::new();
        let mut skipped = BTreeSet::new();
        let mut conflicts = Vec::new();
        let opposed = |pairs: &[[BTreeSet<Place>; 2]], p: &BTreeSet<Place>, q: &BTreeSet<Place>| {
            pairs.iter().any(|[l, r]| {
                !l.is_disjoint(p) && !r.is_disjoint(q) || !l.is_disjoint(q) && !r.is_disjoint(p)
            })
        };
        for at in (0..self.said.len()).filter(|at| self.holds(*at)) {
            let id = self.said[at].id;
            match &self.said[at].action {
                action @ (Action::Compare { .. } | Action::Tear { .. } | Action::Whole { .. }) => {
                    let sides: Vec<[&[FaceId]; 2]> = match action {
                        Action::Compare { pairs } => pairs.iter().map(|p| [&p.left[..], &p.right]).collect(),
                        Action::Tear { left, right } => vec![[left, right]],
                        Action::Whole { person } => vec![[person, &[]]],
                        _ => unreachable!(),
                    };
                    for (pair, (compared, sides)) in compared(action).iter().zip(sides).enumerate() {
                        let [left, right] = sides.map(|side| {
                            self.side(side, at).into_iter().map(|(_, p)| p).collect::<BTreeSet<Place>>()
                        });
                        let person = |place: &Place| people.iter().position(|p| p.contains(place)).unwrap();
                        match compared.verdict {
                            Verdict::NotSure => unsure.push([left, right]),
                            Verdict::Different => {
                                let ours: BTreeSet<_> = left.iter().map(person).collect();
                                let theirs: BTreeSet<_> = right.iter().map(person).collect();
                                if ours.is_disjoint(&theirs) {
                                    apart.push([left, right]);
                                } else {
                                    conflicts.push((id, pair, "one person"));
                                }
                            }
                            Verdict::Same => {
                                let all: BTreeSet<_> = left.iter().chain(&right).map(person).collect();
                                let two = || {
                                    let pairs = all.iter().flat_map(|p| all.iter().map(move |q| (*p, *q)));
                                    pairs.filter(|(p, q)| p < q)
                                };
                                let framed = |p: usize, q: usize| {
                                    self.separate_within_frame
                                        && (0..place.len()).any(|f| {
                                            (0..place.len()).any(|g| {
                                                f != g
                                                    && self.faces[f].frame == self.faces[g].frame
                                                    && people[p].contains(&place[f])
                                                    && people[q].contains(&place[g])
                                            })
                                        })
                                };
                                if two().any(|(p, q)| opposed(&apart, &people[p], &people[q])) {
                                    conflicts.push((id, pair, "different"));
                                } else if two().any(|(p, q)| framed(p, q)) {
                                    conflicts.push((id, pair, "frame"));
                                } else {
                                    let mut one = BTreeSet::new();
                                    let mut rest = Vec::new();
                                    for (k, p) in people.into_iter().enumerate() {
                                        if all.contains(&k) { one.extend(p) } else { rest.push(p) }
                                    }
                                    rest.push(one);
                                    people = rest;
                                }
                            }
                        }
                    }
                }
                Action::Name { person, name } => {
                    for (_, place) in self.side(person, at) {
                        names.insert(place, (at, name.clone()));
                    }
                }
                Action::Skip { person } => skipped.extend(self.side(person, at).into_iter().map(|(_, p)| p)),
                _ => {}
            }
        }
        let of = |f: usize| people.iter().position(|p| p.contains(&place[f]));
        let n = self.faces.len();
        let name = |f: usize| {
            let places = &people[of(f)?];
            places.iter().filter_map(|p| names.get(p)).max_by_key(|(at, _)| at)?.1.clone()
        };
        let asked = |f: usize, g: usize| {
            let (p, q) = (of(f)?, of(g)?);
            if p == q {
                None
            } else if opposed(&apart, &people[p], &people[q]) {
                Some(Verdict::Different)
            } else {
                opposed(&unsure, &people[p], &people[q]).then_some(Verdict::NotSure)
            }
        };
        Derived {
            person: (0..n).map(|f| of(f).map(|p| (0..n).find(|g| of(*g) == Some(p)).unwrap())).collect(),
            names: (0..n).map(name).collect(),
            skipped: (0..n).map(|f| of(f).is_some_and(|p| !people[p].is_disjoint(&skipped))).collect(),
            asked: (0..n)
                .flat_map(|f| (0..n).map(move |g| (f, g)))
                .map(|(f, g)| ((f, g), asked(f, g)))
                .collect(),
            conflicts,
        }
    }
}

fn derived(people: &People) -> Derived {
    let n = people.faces().len();
    let of = |f: usize| people.person_of(f as u32);
    let message = |b: &ConflictReason| match b {
        ConflictReason::Different { .. } => "different",
        ConflictReason::SameFrame => "frame",
        _ => "one person",
    };
    for key in people.people() {
        let faces = people.faces_of(key);
        assert_eq!(faces.len(), people.size(key));
        assert!(!faces.is_empty() && faces.iter().all(|&f| people.person_of(f) == Some(key)));
    }
    let counted: usize = people.people().map(|p| people.size(p)).sum();
    assert_eq!(counted + people.noise().len(), n);
    Derived {
        person: (0..n).map(|f| of(f).map(|p| people.faces_of(p)[0] as usize)).collect(),
        names: (0..n).map(|f| people.name(of(f)?).map(str::to_owned)).collect(),
        skipped: (0..n).map(|f| of(f).is_some_and(|p| people.skipped(p))).collect(),
        asked: (0..n)
            .flat_map(|f| (0..n).map(move |g| (f, g)))
            .map(|(f, g)| ((f, g), of(f).zip(of(g)).and_then(|(p, q)| people.verdict_between(p, q))))
            .collect(),
        conflicts: people
            .report()
            .conflicts
            .iter()
            .map(|c| (c.decision, c.pair, message(&c.reason)))
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn people_are_as_defined(
        labels in prop::collection::vec(-1_i64..5, FACES),
        separate_within_frame in any::<bool>(),
        said in journal(),
    ) {
        let faces = faces(FACES);
        let mut people = People::new(faces.clone(), &labels, separate_within_frame).unwrap();
        people.replay(&said);
        let twin = Twin { faces: &faces, labels: &labels, separate_within_frame, said: &said };
        prop_assert_eq!(derived(&people), twin.derive());
        for (at, decision) in said.iter().enumerate() {
            prop_assert_eq!(people.holds(decision.id), twin.holds(at));
        }
        // A label is the smallest of the clusters that a person has faces of.
        let got = people.labels();
        for person in people.people() {
            let own = people.faces_of(person);
            let places: Vec<Place> = own.iter().map(|&f| twin.place(&faces[f as usize])).collect();
            let smallest = places.iter().filter_map(|p| if let Place::Cluster(l) = p { Some(*l) } else { None }).min();
            let label = people.label(person).unwrap();
            prop_assert!(own.iter().all(|&f| got[f as usize] == label));
            let largest = labels.iter().max().copied().unwrap_or(-1);
            prop_assert!(smallest.map_or(label > largest, |s| label == s));
        }
        prop_assert!(people.noise().iter().all(|&f| got[f as usize] == -1));
        // Every proof is one: these decisions alone tie the two faces.
        for conflict in people.report().conflicts {
            let places = [&conflict.faces.0, &conflict.faces.1].map(|f| twin.place(f));
            match conflict.reason {
                ConflictReason::Same { decisions } => {
                    let mut sets: Vec<BTreeSet<Place>> = vec![[places[0]].into(), [places[1]].into()];
                    for id in decisions {
                        let at = id as usize - 1;
                        prop_assert!(twin.holds(at));
                        let pairs = compared(&said[at].action);
                        prop_assert!(!pairs.is_empty(), "{} compares nothing", id);
                        for p in pairs.iter().filter(|p| p.verdict == Verdict::Same) {
                            let both = twin.side(&p.left, at).into_iter().chain(twin.side(&p.right, at));
                            sets.push(both.map(|(_, place)| place).collect());
                        }
                    }
                    let mut tied = sets[0].clone();
                    for _ in 0..sets.len() {
                        for set in &sets[2..] {
                            if !set.is_disjoint(&tied) { tied.extend(set) }
                        }
                    }
                    prop_assert!(tied.contains(&places[1]));
                }
                ConflictReason::OneCluster => prop_assert_eq!(places[0], places[1]),
                ConflictReason::SameFrame => prop_assert_eq!(conflict.faces.0.frame, conflict.faces.1.frame),
                ConflictReason::Different { decision } => prop_assert!(decision <= conflict.decision),
                _ => unreachable!(),
            }
        }
    }

    #[test]
    fn one_by_one_is_as_all_at_once(
        labels in prop::collection::vec(-1_i64..5, FACES),
        separate_within_frame in any::<bool>(),
        said in journal(),
    ) {
        let mut one = People::new(faces(FACES), &labels, separate_within_frame).unwrap();
        let mut all = one.clone();
        let mut unchecked = one.clone();
        for (at, decision) in said.iter().enumerate() {
            let before = one.report().conflicts;
            let keys: Vec<u32> = one.people().collect();
            let allowed = one.check(&decision.action);
            let change = one.apply(decision);
            all.replay(&said[..=at]);
            prop_assert_eq!(derived(&one), derived(&all));
            prop_assert_eq!(&unchecked.apply(decision), &change);
            prop_assert_eq!(derived(&unchecked), derived(&all));
            prop_assert_eq!(one.labels(), all.labels());
            prop_assert_eq!(one.people().collect::<Vec<_>>(), all.people().collect::<Vec<_>>());
            prop_assert_eq!(one.report(), all.report());
            let after = one.report().conflicts;
            let new: Vec<_> = after.iter().filter(|c| !before.iter().any(|b| (b.decision, b.pair) == (c.decision, c.pair))).cloned().collect();
            prop_assert_eq!(&change.conflicts, &new);
            match allowed {
                Ok(()) => prop_assert!(new.is_empty(), "{new:?}"),
                Err(Refusal::Conflict(c) | Refusal::Breaks(c)) => {
                    let moved = matches!(decision.action, Action::Move { .. }) && c.reason == ConflictReason::SameFrame;
                    prop_assert!(moved || new.contains(&c), "{c:?} {new:?}");
                }
                Err(_) => {}
            }
            if !change.rebuilt {
                let gone = keys.into_iter().filter(|k| one.current(*k) != Some(*k));
                let gone: Vec<_> = gone.map(|k| (k, one.current(k).unwrap())).collect();
                prop_assert_eq!(change.joined, gone);
            }
        }
    }
}

#[test]
fn refusals_name_faces_and_decisions() {
    let faces = faces(8);
    let mut people = People::new(faces.clone(), &[0, 1, 2, 3, 4, 5, 6, -1], true).unwrap();
    people.apply(&decision(1, compare(&[0], &[2], Verdict::Same)));
    people.apply(&decision(2, compare(&[2], &[4], Verdict::Same)));
    people.apply(&decision(3, compare(&[4], &[6], Verdict::Different)));
    let said = |people: &mut People, action| people.check(&action).unwrap_err().to_string();
    let message = said(&mut people, compare(&[0], &[4], Verdict::Different));
    assert_eq!(message, "f0000_face_0 and f0002_face_0 are one person by decision 1, 2; undo that first");
    let message = said(&mut people, compare(&[6], &[0], Verdict::Same));
    assert_eq!(message, "f0003_face_0 and f0002_face_0 are different people by decision 3; undo that first");
    let message = said(&mut people, compare(&[5], &[0], Verdict::Same));
    assert_eq!(message, "f0002_face_1 and f0002_face_0 are in one frame, so they are two people");
    // An answer to one screen is checked as a whole.
    let Action::Compare { mut pairs } = compare(&[1], &[6], Verdict::Same) else { unreachable!() };
    pairs.push(Compared {
        left: vec![faces[0].clone()],
        right: vec![faces[1].clone()],
        verdict: Verdict::Same,
    });
    assert!(matches!(people.check(&Action::Compare { pairs }), Err(Refusal::Conflict(c)) if c.pair == 1));
    assert_eq!(people.check(&Action::Noise { faces: vec![face(9, 0)] }), Err(Refusal::Unknown(face(9, 0))));
    assert_eq!(
        people.check(&Action::Skip { person: vec![faces[7].clone()] }),
        Err(Refusal::NoOne(faces[7].clone()))
    );
    let many = compare(&[0; 1001], &[1], Verdict::Same);
    assert_eq!(people.check(&many), Err(Refusal::TooMany { faces: 1001 }));
    assert_eq!(people.check(&Action::Undo { decision: 4 }), Err(Refusal::NoSuchDecision(4)));
    assert_eq!(people.check(&Action::Redo { decision: 1 }), Err(Refusal::Holds(1)));
    assert_eq!(people.check(&Action::Undo { decision: 1 }), Ok(()));
    people.apply(&decision(4, Action::Undo { decision: 1 }));
    assert_eq!(people.check(&Action::Undo { decision: 1 }), Err(Refusal::Undone(1)));
    people.apply(&decision(5, compare(&[0], &[4], Verdict::Different)));
    // Held again, the first would stand against the fifth.
    let Err(Refusal::Breaks(c)) = people.check(&Action::Redo { decision: 1 }) else { panic!() };
    assert_eq!((c.decision, c.reason), (5, ConflictReason::Same { decisions: vec![1, 2] }));
    let message = said(&mut people, Action::Redo { decision: 1 });
    assert!(
        message.starts_with(
            "decision 5 could then not be followed: f0000_face_0 and f0002_face_0 are one person"
        )
    );
    assert!(message.ends_with("by decision 1, 2; undo decision 5 first"), "{message}");
    // Without the fifth it can be held again, and then the fifth cannot.
    people.apply(&decision(6, Action::Undo { decision: 5 }));
    assert_eq!(people.check(&Action::Redo { decision: 1 }), Ok(()));
    people.apply(&decision(7, Action::Redo { decision: 1 }));
    let message = said(&mut people, Action::Redo { decision: 5 });
    assert_eq!(message, "f0000_face_0 and f0002_face_0 are one person by decision 1, 2; undo that first");
    let moved = Action::Move { faces: vec![faces[1].clone()], to: vec![faces[0].clone()] };
    assert!(
        matches!(people.check(&moved), Err(Refusal::Conflict(c)) if c.reason == ConflictReason::SameFrame)
    );
}

#[test]
fn people_have_the_names_of_their_clusters_until_a_decision_names_them() {
    let faces = faces(6);
    let names = [(3, "Ann"), (5, "Bob"), (9, "nobody's")].map(|(l, n)| (Label(l), n.to_owned())).into();
    let mut people = People::new(faces.clone(), &[3, 5, 5, 3, 7, 3], false).unwrap().with_names(&names);
    let named = |people: &People, face: u32| people.name(people.person_of(face).unwrap()).map(str::to_owned);
    let all = |people: &People| [0, 1, 4].map(|face| named(people, face).unwrap_or_default());
    assert_eq!(all(&people), ["Ann", "Bob", ""]);
    // Of two the one with more faces, whatever the order; then whom a decision names.
    people.apply(&decision(1, compare(&[1], &[0], Verdict::Same)));
    assert_eq!(named(&people, 1).as_deref(), Some("Ann"));
    let name =
        |name: Option<&str>| Action::Name { person: vec![faces[1].clone()], name: name.map(str::to_owned) };
    people.apply(&decision(2, name(Some("Eve"))));
    assert_eq!(all(&people), ["Eve", "Eve", ""]);
    people.apply(&decision(3, name(None)));
    assert_eq!(named(&people, 0), None, "taken away, not the cluster's again");
    people.apply(&decision(4, Action::Undo { decision: 3 }));
    people.apply(&decision(5, Action::Undo { decision: 2 }));
    assert_eq!(named(&people, 0).as_deref(), Some("Ann"));
}

#[test]
fn bad_clusterings_are_refused() {
    let two = faces(2);
    assert!(People::new(two.clone(), &[0], true).unwrap_err().to_string().contains("1 labels for 2 faces"));
    let swapped = vec![two[1].clone(), two[0].clone()];
    assert!(People::new(swapped, &[0, 0], true).unwrap_err().to_string().contains("f0000_face_0"));
    assert!(People::new(Vec::new(), &[], true).unwrap().labels().is_empty());
}

/// What is said of names, by decision.
fn doubts(labels: &[i64], said: &[Decision]) -> Vec<u64> {
    let mut people = People::new(faces(labels.len()), labels, true).unwrap();
    people.replay(said);
    people.report().names.iter().map(|doubt| doubt.decision).collect()
}

#[test]
fn a_name_is_in_doubt_where_a_clustering_and_no_decision_has_moved_its_faces() {
    let named = |id: u64, faces: &[usize], name: &str| {
        let person = faces.iter().map(|&f| face(f / 2, f % 2)).collect();
        decision(id, Action::Name { person, name: Some(name.into()) })
    };
    let anna = named(1, &[0, 2, 4], "Anna");
    let bob = named(2, &[6, 8], "Bob");
    let both = [anna.clone(), bob.clone()];
    assert_eq!(doubts(&[0, 1, 0, 1, 0, 1, 2, 1, 2, 1], &both), [0_u64; 0], "as they were named");
    assert_eq!(doubts(&[0, 1, 0, 1, 3, 1, 2, 1, 2, 1], &both), [1], "torn apart");
    assert_eq!(doubts(&[0, 1, 0, 1, 2, 1, 2, 1, 2, 1], &both), [1], "partly with Bob");
    assert_eq!(
        doubts(&[0, 1, 0, 1, 0, 1, 0, 1, 0, 1], &both),
        [1],
        "all with Bob, whose name is the later one"
    );
    // Faces that a later decision moves, a later name for the same faces, and people whom a decision joins.
    let moved = decision(3, Action::Split { faces: vec![face(2, 0)], together: true });
    assert_eq!(doubts(&[0, 1, 0, 1, 3, 1, 2, 1, 2, 1], &[anna.clone(), moved]), [0_u64; 0]);
    assert_eq!(doubts(&[0; 3], &[named(1, &[0, 2], "Anna"), named(2, &[2], "Anne")]), [0_u64; 0]);
    let joined = decision(3, compare(&[0], &[6], Verdict::Same));
    assert_eq!(doubts(&[0, 1, 0, 1, 0, 1, 2, 1, 2, 1], &[anna.clone(), bob, joined]), [0_u64; 0]);
    // Undone, it says nothing.
    let undone = decision(3, Action::Undo { decision: 1 });
    assert_eq!(doubts(&[0, 1, 0, 1, 3, 1, 2, 1, 2, 1], &[anna, undone]), [0_u64; 0]);
}
