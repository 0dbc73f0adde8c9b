//! The review of a dataset, without a browser: answers, windows that are out of date, and what is there after.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attributes;
mod people_on_the_page;
#[path = "../sample/mod.rs"]
mod sample;

use std::collections::{BTreeMap, HashMap};

use sample::{PEOPLE, Sample, final_labels, pairwise_f, sample};
use streamface_annotate::server::session::SessionSettings;
use streamface_annotate::server::view::*;
use streamface_annotate::server::{Review, ReviewSession};
use streamface_annotate::{Action, Compared, Verdict};
use streamface_store::LabelRow;
use streamface_types::FaceId;

fn open(made: &Sample) -> ReviewSession {
    let mut setup = SessionSettings::default();
    setup.who = "tester".into();
    ReviewSession::open(made.open(), setup).unwrap()
}

fn ids(person: &PersonView) -> Vec<FaceId> {
    person.shown.iter().map(|f| f.id.clone()).collect()
}

fn answer(revision: u64, people: &[&PersonView], action: Action) -> Answer {
    let seen = people.iter().map(|p| Seen { id: p.id.clone(), state: p.state.clone() }).collect();
    Answer {
        key: "key-0000".into(),
        revision,
        seen,
        seconds: Some(2.0),
        who: None,
        whole: false,
        action,
        next: None,
    }
}

/// Who most of the faces shown are.
fn who(made: &Sample, person: &PersonView) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for face in ids(person) {
        *counts.entry(made.truth[&face.to_string()]).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(_, n)| n).unwrap().0
}

/// An answer to a question, by `verdict` of each pair.
fn to(question: &Question, verdict: impl Fn(&PersonView, &PersonView) -> Verdict) -> Answer {
    let mut people: Vec<&PersonView> = question.person.iter().collect();
    let mut pairs = Vec::new();
    for pair in &question.pairs {
        let left = pair.left.as_ref().or(question.person.as_ref()).unwrap();
        people.extend(pair.left.as_ref());
        people.push(&pair.right);
        let verdict = verdict(left, &pair.right);
        pairs.push(Compared { left: ids(left), right: ids(&pair.right), verdict });
    }
    answer(question.revision, &people, Action::Compare { pairs })
}

fn ask(session: &mut ReviewSession, form: Form) -> Option<Question> {
    session.questions(Ask { form, count: Some(1), ..Ask::default() }).unwrap().pop()
}

/// Every face's person, by the faces it is with.
fn people(session: &mut ReviewSession) -> HashMap<String, i64> {
    let all = session.people(&Search::default(), Window { offset: 0, limit: Some(ROWS) }).unwrap();
    let mut found = HashMap::new();
    for person in all.rows {
        let faces = session.person(&person.id, Window { offset: 0, limit: Some(ROWS) }).unwrap();
        found.extend(faces.faces.rows.iter().map(|f| (f.id.to_string(), faces.person.label)));
    }
    found
}

fn split_the_stray(session: &mut ReviewSession, made: &Sample) {
    let stray: FaceId = made.stray.parse().unwrap();
    let at = session.person(&stray, Window::default()).unwrap();
    let action = Action::Split { faces: vec![stray], together: true };
    session.decide(&answer(at.revision, &[&at.person], action)).unwrap();
}

#[test]
fn right_answers_end_in_the_truth_and_outlive_the_process() {
    for form in [Form::Group, Form::Pair] {
        let made = sample(false);
        let mut session = open(&made);
        let start = session.overview();
        assert_eq!(
            (start.faces, start.people, start.revision),
            (made.truth.len(), PEOPLE * sample::CLUSTERS, 0)
        );
        split_the_stray(&mut session, &made);
        let mut screens = 0;
        while let Some(question) = ask(&mut session, form) {
            let same = |a: &PersonView, b: &PersonView| match who(&made, a) == who(&made, b) {
                true => Verdict::Same,
                false => Verdict::Different,
            };
            let was = session.overview().revision;
            let done = session.decide(&to(&question, same)).unwrap();
            assert_eq!(done.decision, was + 1);
            screens += 1;
            assert!(screens < 300, "it does not end");
        }
        let done = session.finalize().unwrap();
        assert_eq!((done.people, done.noise), (PEOPLE, 0));
        let f = pairwise_f(&final_labels(made.dir.path()), &made.truth);
        assert!(f > 0.999, "{form:?}: F {f} after {screens} screens");
        let (before, overview) = (people(&mut session), session.overview());
        drop(session);
        let mut again = open(&made);
        assert_eq!(people(&mut again), before);
        let now = again.overview();
        assert_eq!(
            (now.revision, now.people, now.answers),
            (overview.revision, overview.people, overview.answers)
        );
    }
}

#[test]
fn a_window_that_is_out_of_date_is_told_so_and_nothing_is_doubled() {
    let made = sample(false);
    let mut session = open(&made);
    let question = ask(&mut session, Form::Pair).unwrap();
    let group = ask(&mut session, Form::Group).unwrap();
    let same = to(&question, |_, _| Verdict::Same);
    session.decide(&same).unwrap();
    // The other window has the same two, and says the same, or otherwise.
    for late in [same, to(&question, |_, _| Verdict::Different), to(&group, |_, _| Verdict::Same)] {
        let problem = session.decide(&late).unwrap_err();
        assert!(
            matches!(&problem, Problem::Stale(why) if why.contains("NOT saved") && why.contains("tester")),
            "{problem:?}"
        );
    }
    assert_eq!(session.overview().revision, 1);
    // Different changes no one's faces: still the second answer about the same two is told so.
    let question = ask(&mut session, Form::Pair).unwrap();
    let different = to(&question, |_, _| Verdict::Different);
    session.decide(&different).unwrap();
    assert!(matches!(session.decide(&different), Err(Problem::Stale(_))));
    assert_eq!(session.overview().revision, 2);
    // One about others goes through, though it was asked before.
    let early =
        session.questions(Ask { form: Form::Pair, count: Some(2), all: true, ..Ask::default() }).unwrap();
    session.decide(&to(&early[0], |_, _| Verdict::NotSure)).unwrap();
    session.decide(&to(&early[1], |_, _| Verdict::NotSure)).unwrap();
    assert_eq!(session.overview().undecided, 2);
    assert_eq!(session.undecided(Window::default()).total, 2);
    // People who were not on the screen cannot be spoken of.
    let mut bare = to(&ask(&mut session, Form::Pair).unwrap(), |_, _| Verdict::Same);
    bare.seen.clear();
    assert!(matches!(session.decide(&bare), Err(Problem::Stale(_))));
    bare.revision = 1000;
    assert!(matches!(session.decide(&bare), Err(Problem::Stale(_))));
}

#[test]
fn a_name_given_meanwhile_is_told_and_stays() {
    let made = sample(false);
    let mut session = open(&made);
    let all = session.people(&Search::default(), Window::default()).unwrap().rows;
    let name = |revision, person: &PersonView, name: Option<&str>| {
        let action = Action::Name { person: ids(person), name: name.map(str::to_owned) };
        Answer { who: Some(format!("{name:?}")), ..answer(revision, &[person], action) }
    };
    session.decide(&name(0, &all[0], Some("Ann"))).unwrap();
    for late in [Some("Bob"), Some("ann"), None] {
        let problem = session.decide(&name(0, &all[0], late)).unwrap_err();
        assert!(
            matches!(&problem, Problem::Stale(why) if why.contains("named this person 'Ann'") && why.contains("NOT saved")),
            "{problem:?}"
        );
    }
    // The same name again harms nobody; another person is another matter; and whoever has seen the name may change it.
    session.decide(&name(0, &all[0], Some("Ann"))).unwrap();
    session.decide(&name(0, &all[1], Some("Zoe"))).unwrap();
    let seen = session.overview().revision;
    session.decide(&name(seen, &all[0], None)).unwrap();
    let problem = session.decide(&name(seen, &all[0], Some("Bob"))).unwrap_err();
    assert!(problem.to_string().contains("taken this person's name away"), "{problem}");
    // What was undone was not given.
    let undo = answer(0, &[], Action::Undo { decision: seen + 1 });
    session.decide(&undo).unwrap();
    session.decide(&name(seen, &all[0], Some("Bob"))).unwrap();
    let names: Vec<_> = session.people(&Search::default(), Window::default()).unwrap().rows;
    assert_eq!((names[0].name.as_deref(), names[1].name.as_deref()), (Some("Bob"), Some("Zoe")));
}

#[test]
fn names_that_came_with_the_labels_are_there() {
    let made = sample(false);
    let data = made.open();
    let rows = data.read::<LabelRow>().unwrap();
    let named = rows[0].label;
    data.replace_labels(rows, &[(named, "Ann".to_owned())].into()).unwrap();
    drop(data);
    let mut session = open(&made);
    let found =
        session.people(&Search { text: "ann".into(), ..Search::default() }, Window::default()).unwrap();
    assert_eq!((found.total, found.rows[0].label, found.rows[0].name.as_deref()), (1, named.0, Some("Ann")));
    session.finalize().unwrap();
    let path = made.dir.path().join("metadata/annotations_manual.json");
    let file = streamface_store::read_annotations(&path).unwrap();
    assert_eq!(file.names.into_values().collect::<Vec<_>>(), ["Ann"]);
}

#[test]
fn estimates_say_which_answers_they_know() {
    let made = sample(false);
    let mut session = open(&made);
    assert_eq!(session.overview().estimated, 0);
    let question = ask(&mut session, Form::Pair).unwrap();
    session.decide(&to(&question, |_, _| Verdict::Same)).unwrap();
    let undone = session.decide(&answer(0, &[], Action::Undo { decision: 1 })).unwrap();
    assert_eq!((undone.overview.revision, undone.overview.people), (2, PEOPLE * sample::CLUSTERS));
    assert!(undone.overview.estimated < 2, "not yet: the queue is made anew after the reply");
    session.settle();
    std::thread::sleep(std::time::Duration::from_millis(600));
    let now = session.overview();
    assert_eq!(now.estimated, 2);
    assert_eq!(now.f.map(|f| f[0]), now.f.map(|f| f[1]), "as it was at the start");
}

#[test]
fn two_windows_are_asked_about_different_people() {
    let made = sample(false);
    let mut session = open(&made);
    let mut of = |tab| {
        let ask = Ask { form: Form::Pair, count: Some(1), all: true, tab, ..Ask::default() };
        let question = session.questions(ask).unwrap().pop().unwrap();
        let pair = &question.pairs[0];
        [pair.left.as_ref().unwrap(), &pair.right].map(|person| person.id.clone())
    };
    let (first, second) = (of(7), of(8));
    assert!(first.iter().all(|person| !second.contains(person)), "{first:?} {second:?}");
    // The same window, and one that does not mind, are asked the best there is.
    assert_eq!((of(7), of(0)), (first.clone(), first));
}

/// A page that stayed open while the review was begun again answers before anything is listed.
#[test]
fn what_was_undecided_before_is_listed_after_an_answer_too() {
    let made = sample(false);
    let mut session = open(&made);
    let question = ask(&mut session, Form::Pair).unwrap();
    session.decide(&to(&question, |_, _| Verdict::NotSure)).unwrap();
    drop(session);
    let mut session = open(&made);
    let person = session.people(&Search::default(), Window::default()).unwrap().rows[0].clone();
    let name = Action::Name { person: ids(&person), name: Some("Ann".into()) };
    assert_eq!(session.decide(&answer(1, &[&person], name)).unwrap().overview.undecided, 1);
    assert_eq!(session.undecided(Window::default()).total, 1);
}

#[test]
fn two_faces_of_one_frame_stay_two_people() {
    let made = sample(false);
    let mut session = open(&made);
    let frames: HashMap<String, Vec<FaceId>> = made.truth.keys().fold(HashMap::new(), |mut frames, face| {
        let face: FaceId = face.parse().unwrap();
        frames.entry(face.frame.to_string()).or_default().push(face);
        frames
    });
    let two = frames.values().find(|f| f.len() == 2).unwrap();
    let [a, b] = [0, 1].map(|i| session.person(&two[i], Window::default()).unwrap().person);
    let pairs =
        vec![Compared { left: vec![two[0].clone()], right: vec![two[1].clone()], verdict: Verdict::Same }];
    let problem = session.decide(&answer(0, &[&a, &b], Action::Compare { pairs })).unwrap_err();
    assert!(matches!(&problem, Problem::Conflict(why) if why.contains("one frame")), "{problem:?}");
    assert_eq!(session.overview().revision, 0, "nothing was written");
}

#[test]
fn any_answer_can_be_taken_back_and_given_again() {
    let made = sample(false);
    let mut session = open(&made);
    let before = people(&mut session);
    let mut states = vec![before.clone()];
    for _ in 0..3 {
        let question = ask(&mut session, Form::Pair).unwrap();
        session.decide(&to(&question, |_, _| Verdict::Same)).unwrap();
        states.push(people(&mut session));
    }
    let undo = |decision| answer(0, &[], Action::Undo { decision });
    let redo = |decision| answer(0, &[], Action::Redo { decision });
    // The first of three, then the others: back where it was.
    for decision in [1, 3, 2] {
        session.decide(&undo(decision)).unwrap();
    }
    assert_eq!(people(&mut session), before);
    assert!(matches!(session.decide(&undo(1)), Err(Problem::Stale(_))), "someone was faster");
    assert!(matches!(session.decide(&undo(99)), Err(Problem::Unknown(_))));
    for decision in [1, 2, 3] {
        session.decide(&redo(decision)).unwrap();
    }
    assert_eq!(people(&mut session), states[3]);
    let history = session.history(false, Window::default());
    assert_eq!(history.total, 9);
    assert_eq!(history.rows.iter().filter(|e| e.kind == "compare" && e.holds).count(), 3);
    assert_eq!(session.overview().answers, 3);
}

#[test]
fn a_wrong_answer_comes_first_in_a_second_look() {
    let made = sample(false);
    let mut session = open(&made);
    split_the_stray(&mut session, &made);
    let mut wrong = None;
    for screen in 0..30 {
        let Some(question) = ask(&mut session, Form::Pair) else { break };
        let same = |a: &PersonView, b: &PersonView| who(&made, a) == who(&made, b);
        let is_same = same(question.pairs[0].left.as_ref().unwrap(), &question.pairs[0].right);
        // The third that is the same is said to be different.
        let lie = wrong.is_none() && is_same && screen >= 2;
        let verdict = if is_same != lie { Verdict::Same } else { Verdict::Different };
        let done = session.decide(&to(&question, |_, _| verdict)).unwrap();
        if lie {
            wrong = Some(done.decision);
        }
    }
    let history = session.history(true, Window::default());
    let place = history.rows.iter().position(|e| Some(e.id) == wrong);
    assert!(place.unwrap() < 3, "it is number {place:?}");
    assert!(history.rows[0].doubt.is_some());
}

#[test]
fn noise_names_moves_and_searches() {
    let made = sample(false);
    let mut session = open(&made);
    let all = session.people(&Search::default(), Window::default()).unwrap();
    let (a, b) = (all.rows[3].clone(), all.rows[4].clone());
    // All of a person, of whom a few are shown, becomes noise.
    let noise = Answer { whole: true, ..answer(0, &[&a], Action::Noise { faces: ids(&a)[..1].to_vec() }) };
    session.decide(&noise).unwrap();
    assert_eq!((session.overview().noise, session.overview().people), (a.faces, all.total - 1));
    assert_eq!(session.noise(Window::default()).total, a.faces);
    // One of these goes to someone.
    let face = ids(&a)[0].clone();
    let moved = answer(1, &[&b], Action::Move { faces: vec![face.clone()], to: ids(&b) });
    session.decide(&moved).unwrap();
    let now = session.person(&face, Window::default()).unwrap().person;
    assert_eq!((now.label, now.faces), (b.label, b.faces + 1));
    // By now it is another person than the one shown.
    let name = |person, name: Option<&str>| Action::Name { person, name: name.map(str::to_owned) };
    assert!(matches!(session.decide(&answer(2, &[&b], name(ids(&b), Some("Ann")))), Err(Problem::Stale(_))));
    session.decide(&answer(2, &[&now], name(ids(&now), Some("Ann")))).unwrap();
    let find = |session: &mut ReviewSession, search: Search| {
        session.people(&search, Window::default()).unwrap().rows.iter().map(|p| p.label).collect::<Vec<_>>()
    };
    assert_eq!(find(&mut session, Search { text: "aNN".into(), ..Search::default() }), [b.label]);
    assert_eq!(find(&mut session, Search { text: b.label.to_string(), ..Search::default() }), [b.label]);
    assert!(
        find(&mut session, Search { text: "no one of this name".into(), ..Search::default() }).is_empty()
    );
    assert_eq!(find(&mut session, Search { text: "news".into(), ..Search::default() }).len(), all.total - 1);
    // The first minute has the first cluster of everyone, and not the last.
    let early = find(&mut session, Search { to: "2023-05-25 10:00".into(), ..Search::default() });
    assert!(
        early.len() < all.total - 1 && early.iter().filter(|l| *l % 3 == 0).count() >= PEOPLE - 1,
        "{early:?}"
    );
    let bad = Search { from: "yesterday".into(), ..Search::default() };
    assert!(matches!(session.people(&bad, Window::default()), Err(Problem::Refused(_))));
    // Beyond the end there is nothing, and no more comes than is allowed.
    assert!(
        session
            .people(&Search::default(), Window { offset: usize::MAX, limit: Some(usize::MAX) })
            .unwrap()
            .rows
            .is_empty()
    );
}

#[test]
fn the_index_is_kept_until_the_tables_change() {
    let made = sample(false);
    drop(open(&made));
    let index = made.dir.path().join("metadata/review.index");
    let written = || std::fs::metadata(&index).unwrap().modified().unwrap();
    let first = written();
    drop(open(&made));
    assert_eq!(written(), first);
    // A new clustering: everyone in one.
    let data = made.open();
    let labels: Vec<LabelRow> = data.read().unwrap();
    let one = labels
        .into_iter()
        .map(|row| {
            let mut row = row;
            row.label = streamface_types::Label(0);
            row
        })
        .collect();
    data.replace::<LabelRow>(one).unwrap();
    drop(data);
    assert_eq!(open(&made).overview().people, 1);
    assert!(written() > first);
    // A file that someone else wrote there, or half of it.
    for broken in [b"nonsense".to_vec(), std::fs::read(&index).unwrap()[..500].to_vec()] {
        std::fs::write(&index, broken).unwrap();
        assert_eq!(open(&made).overview().people, 1);
    }
}

#[test]
fn without_labels_it_says_what_to_run() {
    let dir = tempfile::tempdir().unwrap();
    let data = streamface_store::Dataset::open(dir.path()).unwrap();
    let error = ReviewSession::open(data, SessionSettings::default()).err().unwrap().to_string();
    assert!(error.contains("streamface cluster"), "{error}");
}

#[test]
fn the_history_says_where_the_faces_of_a_name_are_now() {
    let made = sample(false);
    let mut session = open(&made);
    let all = session.people(&Search::default(), Window::default()).unwrap().rows;
    for (person, name) in [(&all[0], "Ann"), (&all[1], "Zoe")] {
        let action = Action::Name { person: ids(person), name: Some(name.into()) };
        session.decide(&answer(0, &[person], action)).unwrap();
    }
    let history = session.history(false, Window::default());
    assert!(history.rows.iter().all(|entry| entry.elsewhere.is_none()), "{:?}", history.rows);
    drop(session);
    // Another clustering, in which they are one.
    let data = made.open();
    let mut rows = data.read::<LabelRow>().unwrap();
    let (ann, zoe) = (all[0].label, all[1].label);
    rows.iter_mut().filter(|row| row.label.0 == ann).for_each(|row| row.label.0 = zoe);
    data.replace_labels(rows, &BTreeMap::new()).unwrap();
    drop(data);
    let history = open(&made).history(false, Window::default());
    let said: Vec<(u64, &str)> =
        history.rows.iter().filter_map(|entry| Some((entry.id, entry.elsewhere.as_deref()?))).collect();
    assert!(
        said.len() == 1 && said[0].0 == 1 && said[0].1.contains("Ann") && said[0].1.contains("(Zoe)"),
        "{said:?}"
    );
}
