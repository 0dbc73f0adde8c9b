//! The queue against a twin that keeps nothing but the answers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use streamface_eval::mixture::sigmoid;
use streamface_types::{Embeddings, Metric};

use super::match_probability::answer_log_odds;
use super::{AnswerKind, Candidate, Clusters, Outcome, Queue, Settings};
use crate::Error;

mod twin;

use twin::Twin;

const DIM: usize = 3;

fn clusters() -> impl Strategy<Value = Clusters> {
    (3_usize..16).prop_flat_map(|n| {
        let pair = (0..n as u32, 0..n as u32);
        (
            prop::collection::vec(1_u32..20, n),
            prop::collection::vec(0.05_f32..1.0, n * DIM),
            prop::collection::vec(pair.clone(), 0..60),
            prop::collection::vec(pair, 0..4),
        )
            .prop_map(|(sizes, means, candidates, cannot_link)| {
                let means = Embeddings::new(means, DIM).unwrap();
                let distance =
                    |a: u32, b: u32| Metric::Cosine.distance(means.row(a as usize), means.row(b as usize));
                let candidates = candidates
                    .into_iter()
                    .filter(|(a, b)| a != b)
                    .map(|(left, right)| Candidate { left, right, distance: distance(left, right) });
                let candidates = candidates.collect();
                let cannot_link = cannot_link.into_iter().filter(|(a, b)| a != b).collect();
                Clusters::new(sizes, means, candidates, cannot_link).unwrap()
            })
    })
}

fn drawn_answer() -> impl Strategy<Value = (u8, prop::sample::Index, prop::sample::Index)> {
    (0_u8..12, any::<prop::sample::Index>(), any::<prop::sample::Index>())
}

fn answers(n: usize, drawn: &[(u8, prop::sample::Index, prop::sample::Index)]) -> Vec<AnswerKind> {
    let pairs = drawn.iter().map(|(kind, a, b)| (kind, a.index(n) as u32, b.index(n) as u32));
    pairs
        .filter(|(_, a, b)| a != b)
        .map(|(kind, a, b)| match kind {
            0..=2 => AnswerKind::Same(a, b),
            3..=8 => AnswerKind::Different(a, b),
            9 => AnswerKind::NotSure(a, b),
            10 => AnswerKind::Skip(a),
            _ => AnswerKind::Noise(a),
        })
        .collect()
}

fn gain_of(queue: &Queue) -> BTreeMap<(u32, u32), f64> {
    let ids = queue.graph.gain.descending();
    let all = ids.map(|id| ((queue.graph.edges[id].a, queue.graph.edges[id].b), queue.graph.gain.get(id)));
    let all: Vec<_> = all.collect();
    let each: BTreeMap<_, _> = all.iter().copied().collect();
    assert_eq!(each.len(), all.len(), "two edges of the same two people: {all:?}");
    each
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * (1e-9 + a.abs().max(b.abs()))
}

proptest! {
    #[test]
    fn as_the_twin_has_it(clusters in clusters(), drawn in prop::collection::vec(drawn_answer(), 0..70)) {
        let mut queue = Queue::new(clusters.clone(), Settings::default()).unwrap();
        let mut twin = Twin::new(clusters.len());
        for said in answers(clusters.len(), &drawn) {
            prop_assert_eq!(queue.answer(said.into()).unwrap(), twin.apply(&clusters, said), "{:?}", said);
            queue.propagate();
            for c in 0..clusters.len() as u32 {
                prop_assert_eq!(queue.person(c), twin.person[c as usize]);
            }
            let (own, right) = (gain_of(&queue), twin.gain(&clusters, &queue));
            prop_assert_eq!(own.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
            for (pair, right) in right {
                prop_assert!(near(own[&pair], right), "{:?}: {} for {}", pair, own[&pair], right);
            }
            let sizes = twin.person.iter().enumerate().filter(|(c, p)| *c as u32 == **p);
            let within = |n: u32| f64::from(n) * (f64::from(n) - 1.0) / 2.0;
            let joined_pairs: f64 = sizes.map(|(_, &p)| within(twin.size(&clusters, p))).sum();
            prop_assert_eq!(queue.graph.joined_pairs, joined_pairs);
            // A join is as wrong as the two parts are far apart that it alone holds together.
            for (k, join) in queue.graph.merges.all.iter().enumerate() {
                let (a, b, votes) = twin.merges[k];
                let parts = [twin.reached(a, k), twin.reached(b, k)];
                let faces = |part: &[u32]| -> u32 {
                    part.iter().filter(|&&c| !twin.noise[c as usize]).map(|&c| clusters.sizes[c as usize]).sum()
                };
                let sizes = (faces(&parts[0]), faces(&parts[1]));
                let [left, right] = parts.map(|part| twin.mean(&clusters, part.into_iter()));
                let distance = Metric::Cosine.distance(&left, &right);
                let odds = queue.model.log_odds(distance, sizes)
                    + f64::from(votes) * answer_log_odds(queue.settings.error);
                let wrong = if sizes.0 == 0 || sizes.1 == 0 { 0.0 } else { sigmoid(-odds) };
                prop_assert!(near(join.wrong, wrong), "{}: {} for {}", k, join.wrong, wrong);
                prop_assert_eq!(join.pairs, f64::from(sizes.0) * f64::from(sizes.1));
            }
        }
    }

    /// SessionQueue between answers changes nothing, nor do answers that were taken back.
    #[test]
    fn a_replay_is_the_same(
        clusters in clusters(),
        drawn in prop::collection::vec(drawn_answer(), 0..70),
        undone in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let said = answers(clusters.len(), &drawn);
        let new = || Queue::new(clusters.clone(), Settings::default()).unwrap();
        let (mut live, mut replayed, mut without) = (new(), new(), new());
        for &s in &said {
            live.answer(s.into()).unwrap();
            live.next(&[]);
            live.progress();
        }
        let mut gone = vec![false; said.len()];
        for i in undone.iter().filter(|_| !said.is_empty()).map(|i| i.index(said.len())) {
            if !std::mem::replace(&mut gone[i], true) {
                live.take_back(i).unwrap();
            }
            if i % 3 == 0 {
                live.put_back(i).unwrap();
                gone[i] = false;
            }
        }
        for (i, &s) in said.iter().enumerate() {
            replayed.answer(s.into()).unwrap();
            if gone[i] {
                // Taken back in any order, at any time.
                replayed.take_back(i).unwrap();
            } else {
                without.answer(s.into()).unwrap();
            }
        }
        let next = live.next(&[]);
        prop_assert_eq!(&next, &replayed.next(&[]));
        prop_assert_eq!(live.progress(), replayed.progress());
        prop_assert_eq!(live.suspects(), replayed.suspects());
        without.propagate();
        prop_assert_eq!(live.match_probability(), without.match_probability());
        prop_assert_eq!(gain_of(&live), gain_of(&without));
        prop_assert_eq!(live.answered(), without.answers.len());
    }

    /// No person twice in a sweep, no two of a group who are surely two people, no one who is to be left
    /// alone.
    #[test]
    fn screens_are_sound(
        clusters in clusters(),
        drawn in prop::collection::vec(drawn_answer(), 0..25),
        leave in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        most in 1_usize..5,
    ) {
        let n = clusters.len();
        let settings = Settings { sure: 0.3, ..Settings::default() };
        let mut queue = Queue::new(clusters.clone(), settings).unwrap();
        let mut twin = Twin::new(n);
        for said in answers(n, &drawn) {
            queue.answer(said.into()).unwrap();
            twin.apply(&clusters, said);
        }
        let leave: Vec<u32> = leave.iter().map(|i| i.index(n) as u32).collect();
        let left: Vec<u32> = leave.iter().map(|&c| queue.person(c)).collect();
        let best = queue.next(&leave);
        let forms = [queue.next_pair(&leave), queue.next_group(most, &leave), queue.next_sweep(most, &leave)];
        for question in forms.iter().flatten() {
            prop_assert!(question.gain >= 0.0 && question.gain <= 1.0 && question.seconds > 0.0);
            prop_assert!(!question.pairs.is_empty() && question.pairs.len() <= most);
            for p in &question.pairs {
                prop_assert!(!left.contains(&queue.person(p.left)) && !left.contains(&queue.person(p.right)));
                let joined = queue.person(p.left) == queue.person(p.right);
                prop_assert_eq!(p.again.is_some(), joined || {
                    let (x, y) = (queue.person(p.left), queue.person(p.right));
                    twin.between(x, y).map(|s| s.2).sum::<i32>() < 0
                });
            }
        }
        prop_assert!(best.is_some() == forms[0].is_some());
        if let Some(sweep) = &forms[2] {
            let mut people: Vec<u32> = sweep.pairs.iter().flat_map(|p| [p.left, p.right]).collect();
            people.sort_unstable();
            people.dedup();
            prop_assert_eq!(people.len(), 2 * sweep.pairs.len());
            prop_assert!(sweep.pairs.iter().all(|p| p.probability >= 0.3));
        }
        if let Some(group) = &forms[1] {
            for (k, p) in group.pairs.iter().enumerate() {
                prop_assert_eq!(p.left, group.pairs[0].left);
                for q in &group.pairs[..k] {
                    prop_assert!(!twin.cannot_link(&clusters, p.right, q.right));
                }
            }
        }
    }
}

/// Ten faces each way, one of each person.
fn two_people() -> Queue {
    let means: Vec<f32> = (0..6).flat_map(|i| [[1.0, 0.05], [0.1, 1.0]][i % 2]).collect();
    let means = Embeddings::new(means, 2).unwrap();
    let all = (0..6_u32).flat_map(|a| (a + 1..6).map(move |b| (a, b)));
    let candidates = all.map(|(left, right)| {
        let distance = Metric::Cosine.distance(means.row(left as usize), means.row(right as usize));
        Candidate { left, right, distance }
    });
    let clusters = Clusters::new(vec![10; 6], means.clone(), candidates.collect(), vec![]).unwrap();
    Queue::new(clusters, Settings::default()).unwrap()
}

#[test]
fn what_follows_is_not_asked() {
    let mut queue = two_people();
    let mut asked = 0;
    while let Some(question) = queue.next_pair(&[]).filter(|q| q.pairs[0].again.is_none()) {
        let p = question.pairs[0];
        let said = if p.left % 2 == p.right % 2 { AnswerKind::Same } else { AnswerKind::Different };
        queue.answer(said(p.left, p.right).into()).unwrap();
        asked += 1;
    }
    // Of 15 pairs two joins for each person, and one for the two of them, unless a join is doubted more.
    assert!((4..=5).contains(&asked), "{asked}");
    assert_eq!(queue.people(), 2);
}

#[test]
fn a_wrong_answer_is_asked_again_and_suspected() {
    for wrong in [AnswerKind::Different(0, 2), AnswerKind::Same(0, 1)] {
        let mut queue = two_people();
        queue.answer(wrong.into()).unwrap();
        for said in [
            AnswerKind::Same(2, 4),
            AnswerKind::Same(1, 3),
            AnswerKind::Same(3, 5),
            AnswerKind::Different(2, 3),
        ] {
            queue.answer(said.into()).unwrap();
        }
        let suspects = queue.suspects();
        assert_eq!(suspects[0].answer, 0, "{wrong:?}: {suspects:?}");
        let again = std::iter::from_fn(|| {
            let pair = queue.next_pair(&[])?.pairs[0];
            queue.answer(AnswerKind::Different(pair.left, pair.right).into()).unwrap();
            Some(pair.again)
        });
        assert!(again.take(20).flatten().any(|answer| answer == 0), "{wrong:?}");
    }
}

#[test]
fn haste_makes_suspect() {
    let mut queue = two_people();
    for (a, b, relative_time) in [(0, 2, 1.0), (2, 4, 0.2), (1, 3, 1.1)] {
        queue
            .answer(super::Answer { kind: AnswerKind::Same(a, b), relative_time: Some(relative_time) })
            .unwrap();
    }
    assert_eq!(queue.suspects()[0].answer, 1);
}

#[test]
fn contradictions_are_voices_not_changes() {
    let mut queue = two_people();
    assert_eq!(queue.answer(AnswerKind::Different(0, 1).into()).unwrap(), Outcome::Noted);
    assert_eq!(queue.answer(AnswerKind::Same(0, 1).into()).unwrap(), Outcome::Conflict);
    assert_ne!(queue.person(0), queue.person(1));
    // Two voices against one.
    assert_eq!(queue.answer(AnswerKind::Same(0, 1).into()).unwrap(), Outcome::Joined);
    assert_eq!(queue.answer(AnswerKind::Different(1, 0).into()).unwrap(), Outcome::Conflict);
    assert_eq!(queue.person(0), queue.person(1));
    assert_eq!(queue.answer(AnswerKind::Same(1, 0).into()).unwrap(), Outcome::Known);
}

#[test]
fn bad_input_is_refused() {
    let means = Embeddings::new(vec![1.0, 0.0, 0.0, 1.0], 2).unwrap();
    let new = |sizes: Vec<u32>, candidates: Vec<(u32, u32, f64)>| {
        let of = |(left, right, distance)| Candidate { left, right, distance };
        Clusters::new(sizes, means.clone(), candidates.into_iter().map(of).collect(), vec![]).map(|_| ())
    };
    assert!(matches!(new(vec![1], vec![]), Err(Error::MeanCount { sizes: 1, means: 2 })));
    assert!(matches!(new(vec![1, 1], vec![(0, 0, 0.1)]), Err(Error::ClusterPair { .. })));
    assert!(matches!(new(vec![1, 1], vec![(0, 2, 0.1)]), Err(Error::ClusterPair { .. })));
    assert!(matches!(new(vec![1, 1], vec![(0, 1, f64::NAN)]), Err(Error::Distance { .. })));
    assert!(matches!(new(vec![1, 1], vec![(0, 1, -0.1)]), Err(Error::Distance { .. })));
    let mut queue = two_people();
    for said in
        [AnswerKind::Same(0, 0), AnswerKind::NotSure(0, 6), AnswerKind::Skip(6), AnswerKind::Noise(u32::MAX)]
    {
        assert!(matches!(queue.answer(said.into()), Err(Error::ClusterPair { .. })), "{said:?}");
    }
    assert!(matches!(queue.take_back(0), Err(Error::NoSuchAnswer { answer: 0 })));
    let settings = Settings { error: 0.0, ..Settings::default() };
    let clusters = Clusters::new(vec![1, 1], means, vec![], vec![]).unwrap();
    assert!(matches!(Queue::new(clusters, settings), Err(Error::Setting { .. })));
}

#[test]
fn nothing_to_ask() {
    for n in 0..3 {
        let means = Embeddings::new(vec![1.0; 2 * n], 2).unwrap();
        let clusters = Clusters::new(vec![1; n], means, vec![], vec![]).unwrap();
        let mut queue = Queue::new(clusters, Settings::default()).unwrap();
        assert_eq!(queue.next(&[]), None);
        assert!(queue.is_done());
        assert_eq!((queue.progress().f, queue.progress().pairs_left), (1.0, 0));
        assert!(queue.suspects().is_empty());
    }
}
