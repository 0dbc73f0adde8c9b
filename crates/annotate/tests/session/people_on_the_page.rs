//! People with equal names, merged people, and when they are seen.

use streamface_annotate::server::Review as _;
use streamface_annotate::server::view::*;
use streamface_annotate::{Action, Compared, Verdict};
use streamface_types::FaceId;

use crate::sample::{self, PEOPLE, Sample, sample};
use crate::{ReviewSession, answer, ids, open, people, to, who};

/// All people, those with most faces first.
fn everyone(session: &mut ReviewSession) -> Rows<PersonView> {
    session.people(&Search::default(), Window { offset: 0, limit: Some(ROWS) }).unwrap()
}

fn name(session: &mut ReviewSession, person: &PersonView, name: &str) -> Decided {
    let revision = session.overview().revision;
    let action = Action::Name { person: ids(person), name: Some(name.into()) };
    session.decide(&answer(revision, &[person], action)).unwrap()
}

/// The clusters of one person, and one of somebody who shares a frame with its first.
fn clusters_of_one(made: &Sample, session: &mut ReviewSession) -> (Vec<PersonView>, PersonView) {
    let all = everyone(session).rows;
    let frames = |session: &mut ReviewSession, person: &PersonView| -> Vec<String> {
        let found = session.person(&person.id, Window { offset: 0, limit: Some(ROWS) }).unwrap();
        found.faces.rows.iter().map(|f| f.id.frame.to_string()).collect()
    };
    // Person 3 has a face in a cluster of person 4.
    let mine: Vec<PersonView> = all.iter().filter(|p| who(made, p) == 0).cloned().collect();
    let of_first = frames(session, &mine[0]);
    let other =
        all.iter().find(|p| who(made, p) != 0 && frames(session, p).iter().any(|f| of_first.contains(f)));
    (mine, other.unwrap().clone())
}

#[test]
fn an_equal_name_offers_who_may_be_the_same_person() {
    let made = sample(false);
    let mut session = open(&made);
    let (mine, beside) = clusters_of_one(&made, &mut session);
    let [a, b, c] = &mine[..] else { panic!("{} clusters", mine.len()) };
    assert!(name(&mut session, a, "Zoë  Adams").same_name.is_empty());
    // Someone in the same frame is someone else, whatever the name.
    assert!(name(&mut session, &beside, "Zoë Adams").same_name.is_empty());
    let offered = |decided: &Decided| decided.same_name.iter().map(|p| p.id.clone()).collect::<Vec<_>>();
    let second = name(&mut session, b, " zoë adams");
    assert!(offered(&second).contains(&a.id), "{:?}", second.same_name);
    assert_eq!(session.names(), ["Zoë  Adams"], "one name, however it is written");
    let page =
        |session: &mut ReviewSession, of: &PersonView| session.person(&of.id, Window::default()).unwrap();
    let same: Vec<FaceId> = page(&mut session, a).same_name.iter().map(|p| p.id.clone()).collect();
    assert!(same.contains(&b.id) && !same.contains(&beside.id), "{same:?}");
    // What was said to be different is not offered again, and what is one person neither.
    let revision = session.overview().revision;
    let of = |l: &PersonView, r: &PersonView, verdict| Compared { left: ids(l), right: ids(r), verdict };
    let pairs = vec![of(a, c, Verdict::Different)];
    session.decide(&answer(revision, &[a, c], Action::Compare { pairs })).unwrap();
    assert!(!offered(&name(&mut session, c, "Zoë Adams")).contains(&a.id));
    let question = session.compare(&a.id, &b.id).unwrap();
    assert_eq!(
        (&question.pairs[0].left.as_ref().unwrap().label, &question.pairs[0].right.label),
        (&a.label, &b.label)
    );
    session.decide(&to(&question, |_, _| Verdict::Same)).unwrap();
    assert!(page(&mut session, a).same_name.iter().all(|p| p.id != b.id));
    assert!(matches!(session.compare(&a.id, &b.id), Err(Problem::Stale(_))));
}

#[test]
fn people_merged_at_once_are_one_decision_and_come_apart_by_one_undo() {
    let made = sample(false);
    let mut session = open(&made);
    let (mine, beside) = clusters_of_one(&made, &mut session);
    let before = people(&mut session);
    let merge = |session: &mut ReviewSession, who: &[&PersonView]| {
        let revision = everyone(session).revision;
        let one =
            |other: &&PersonView| Compared { left: ids(who[0]), right: ids(other), verdict: Verdict::Same };
        let pairs = who[1..].iter().map(one).collect();
        session.decide(&answer(revision, who, Action::Compare { pairs }))
    };
    let all: Vec<&PersonView> = mine.iter().collect();
    let merged = merge(&mut session, &all).unwrap();
    assert_eq!((merged.decision, merged.message.as_str()), (1, "Saved: 2 same"));
    assert_eq!(merged.overview.people, PEOPLE * sample::CLUSTERS - 2);
    // It is in the journal: another process has it, too.
    let now = people(&mut session);
    drop(session);
    let mut session = open(&made);
    assert_eq!(people(&mut session), now);
    let undone = session.decide(&answer(1, &[], Action::Undo { decision: 1 })).unwrap();
    assert_eq!(undone.message, "Undone: 2 same");
    assert_eq!(people(&mut session), before);
    // Nothing of it is done where one of them cannot be the same, and the message names people, not files.
    let with_another: Vec<&PersonView> = mine.iter().chain([&beside]).collect();
    name(&mut session, &mine[0], "Anna");
    let problem = merge(&mut session, &with_another).unwrap_err().to_string();
    let wanted = format!("Anna and Person {} are in one frame, so they are two people", beside.label);
    let reversed = format!("Person {} and Anna are in one frame, so they are two people", beside.label);
    assert!(problem.contains(&wanted) || problem.contains(&reversed), "{problem}");
    assert_eq!(people(&mut session), before);
}

#[test]
fn a_person_has_times_and_faces_say_what_is_outside_their_frame() {
    let made = sample(false);
    let mut session = open(&made);
    let person = everyone(&mut session).rows.remove(0);
    let found = session.person(&person.id, Window::default()).unwrap();
    let [lane] = &found.timeline[..] else { panic!("{:?}", found.timeline) };
    assert_eq!((lane.source.as_deref(), found.sources), (Some("b>.mp4"), 1), "the last part of the source");
    assert_eq!(lane.spans.iter().map(|s| s.faces).sum::<usize>(), found.person.faces);
    let [from, to] = found.person.seen.as_ref().unwrap();
    assert_eq!((&lane.spans[0].ends[0], &lane.spans.last().unwrap().ends[1]), (from, to));
    for span in &lane.spans {
        assert!(0.0 <= span.at[0] && span.at[0] <= span.at[1] && span.at[1] <= 1.0, "{span:?}");
        assert_eq!(found.faces.rows[span.first].when.as_ref(), Some(&span.ends[0]));
    }
    // The box is 180 wide at 70, 60 or at 330, 60 of a frame of 640 x 360: the square of 360 reaches out at the left by 20,
    // and at the top by 30.
    for face in &found.faces.rows {
        let loose = face.loose.unwrap();
        let left = if face.id.index == 0 { 20.0 / 360.0 } else { 0.0 };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
        let [l, t, r, b] = loose.outside;
        assert_eq!(loose.size, [256, 256]);
        // In the middle, half as wide as the picture.
        let middle = [0.25, 0.25, 0.5, 0.5];
        assert!(loose.face.iter().zip(middle).all(|(&a, b)| near(a, b)), "{:?}", loose.face);
        assert!(
            near(l, left) && near(t, 30.0 / 360.0) && near(r, 0.0) && near(b, 0.0),
            "{}: {:?}",
            face.id,
            loose.outside
        );
    }
}
