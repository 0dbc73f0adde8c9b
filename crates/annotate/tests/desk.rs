//! The review of a dataset, without a browser: answers, windows that are out of date, and what is there after.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sample/mod.rs"]
mod sample;

use std::collections::{BTreeMap, HashMap};

use sample::{PEOPLE, Sample, final_labels, pairwise_f, sample};
use streamface_annotate::server::desk::Setup;
use streamface_annotate::server::view::*;
use streamface_annotate::server::{Desk, Review};
use streamface_annotate::{Compared, Verdict, What};
use streamface_store::LabelRow;
use streamface_types::FaceId;

fn open(made: &Sample) -> Desk {
    let mut setup = Setup::default();
    setup.who = "tester".into();
    Desk::open(made.open(), setup).unwrap()
}

fn ids(person: &PersonView) -> Vec<FaceId> {
    person.shown.iter().map(|f| f.id.clone()).collect()
}

fn answer(revision: u64, people: &[&PersonView], what: What) -> Answer {
    let seen = people.iter().map(|p| Seen { id: p.id.clone(), state: p.state.clone() }).collect();
    Answer {
        key: "key-0000".into(),
        revision,
        seen,
        seconds: Some(2.0),
        who: None,
        whole: false,
        what,
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
    answer(question.revision, &people, What::Compare { pairs })
}

fn ask(desk: &mut Desk, way: Way) -> Option<Question> {
    desk.questions(Ask { way, count: Some(1), ..Ask::default() }).unwrap().pop()
}

/// Every face's person, by the faces it is with.
fn people(desk: &mut Desk) -> HashMap<String, i64> {
    let all = desk.people(&Search::default(), Window { offset: 0, limit: Some(ROWS) }).unwrap();
    let mut found = HashMap::new();
    for person in all.rows {
        let faces = desk.person(&person.id, Window { offset: 0, limit: Some(ROWS) }).unwrap();
        found.extend(faces.faces.rows.iter().map(|f| (f.id.to_string(), faces.person.label)));
    }
    found
}

fn split_the_stray(desk: &mut Desk, made: &Sample) {
    let stray: FaceId = made.stray.parse().unwrap();
    let at = desk.person(&stray, Window::default()).unwrap();
    let what = What::Split { faces: vec![stray], together: true };
    desk.decide(&answer(at.revision, &[&at.person], what)).unwrap();
}

#[test]
fn right_answers_end_in_the_truth_and_outlive_the_process() {
    for way in [Way::Group, Way::Pair] {
        let made = sample(false);
        let mut desk = open(&made);
        let start = desk.overview();
        assert_eq!(
            (start.faces, start.people, start.revision),
            (made.truth.len(), PEOPLE * sample::CLUSTERS, 0)
        );
        split_the_stray(&mut desk, &made);
        let mut screens = 0;
        while let Some(question) = ask(&mut desk, way) {
            let same = |a: &PersonView, b: &PersonView| match who(&made, a) == who(&made, b) {
                true => Verdict::Same,
                false => Verdict::Different,
            };
            let was = desk.overview().revision;
            let done = desk.decide(&to(&question, same)).unwrap();
            assert_eq!(done.decision, was + 1);
            screens += 1;
            assert!(screens < 300, "it does not end");
        }
        let done = desk.finalize().unwrap();
        assert_eq!((done.people, done.noise), (PEOPLE, 0));
        let f = pairwise_f(&final_labels(made.dir.path()), &made.truth);
        assert!(f > 0.999, "{way:?}: F {f} after {screens} screens");
        let (before, overview) = (people(&mut desk), desk.overview());
        drop(desk);
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
    let mut desk = open(&made);
    let question = ask(&mut desk, Way::Pair).unwrap();
    let group = ask(&mut desk, Way::Group).unwrap();
    let same = to(&question, |_, _| Verdict::Same);
    desk.decide(&same).unwrap();
    // The other window has the same two, and says the same, or otherwise.
    for late in [same, to(&question, |_, _| Verdict::Different), to(&group, |_, _| Verdict::Same)] {
        let problem = desk.decide(&late).unwrap_err();
        assert!(
            matches!(&problem, Problem::Stale(why) if why.contains("NOT saved") && why.contains("tester")),
            "{problem:?}"
        );
    }
    assert_eq!(desk.overview().revision, 1);
    // Different changes no one's faces: still the second answer about the same two is told so.
    let question = ask(&mut desk, Way::Pair).unwrap();
    let different = to(&question, |_, _| Verdict::Different);
    desk.decide(&different).unwrap();
    assert!(matches!(desk.decide(&different), Err(Problem::Stale(_))));
    assert_eq!(desk.overview().revision, 2);
    // One about others goes through, though it was asked before.
    let early = desk.questions(Ask { way: Way::Pair, count: Some(2), all: true, ..Ask::default() }).unwrap();
    desk.decide(&to(&early[0], |_, _| Verdict::NotSure)).unwrap();
    desk.decide(&to(&early[1], |_, _| Verdict::NotSure)).unwrap();
    assert_eq!(desk.overview().undecided, 2);
    assert_eq!(desk.undecided(Window::default()).total, 2);
    // People who were not on the screen cannot be spoken of.
    let mut bare = to(&ask(&mut desk, Way::Pair).unwrap(), |_, _| Verdict::Same);
    bare.seen.clear();
    assert!(matches!(desk.decide(&bare), Err(Problem::Stale(_))));
    bare.revision = 1000;
    assert!(matches!(desk.decide(&bare), Err(Problem::Stale(_))));
}

#[test]
fn two_windows_are_asked_about_different_people() {
    let made = sample(false);
    let mut desk = open(&made);
    let mut of = |tab| {
        let ask = Ask { way: Way::Pair, count: Some(1), all: true, tab, ..Ask::default() };
        let question = desk.questions(ask).unwrap().pop().unwrap();
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
    let mut desk = open(&made);
    let question = ask(&mut desk, Way::Pair).unwrap();
    desk.decide(&to(&question, |_, _| Verdict::NotSure)).unwrap();
    drop(desk);
    let mut desk = open(&made);
    let person = desk.people(&Search::default(), Window::default()).unwrap().rows[0].clone();
    let name = What::Name { person: ids(&person), name: Some("Ann".into()) };
    assert_eq!(desk.decide(&answer(1, &[&person], name)).unwrap().overview.undecided, 1);
    assert_eq!(desk.undecided(Window::default()).total, 1);
}

#[test]
fn two_faces_of_one_frame_stay_two_people() {
    let made = sample(false);
    let mut desk = open(&made);
    let frames: HashMap<String, Vec<FaceId>> = made.truth.keys().fold(HashMap::new(), |mut frames, face| {
        let face: FaceId = face.parse().unwrap();
        frames.entry(face.frame.to_string()).or_default().push(face);
        frames
    });
    let two = frames.values().find(|f| f.len() == 2).unwrap();
    let [a, b] = [0, 1].map(|i| desk.person(&two[i], Window::default()).unwrap().person);
    let pairs =
        vec![Compared { left: vec![two[0].clone()], right: vec![two[1].clone()], verdict: Verdict::Same }];
    let problem = desk.decide(&answer(0, &[&a, &b], What::Compare { pairs })).unwrap_err();
    assert!(matches!(&problem, Problem::Conflict(why) if why.contains("one frame")), "{problem:?}");
    assert_eq!(desk.overview().revision, 0, "nothing was written");
}

#[test]
fn any_answer_can_be_taken_back_and_given_again() {
    let made = sample(false);
    let mut desk = open(&made);
    let before = people(&mut desk);
    let mut states = vec![before.clone()];
    for _ in 0..3 {
        let question = ask(&mut desk, Way::Pair).unwrap();
        desk.decide(&to(&question, |_, _| Verdict::Same)).unwrap();
        states.push(people(&mut desk));
    }
    let undo = |decision| answer(0, &[], What::Undo { decision });
    let redo = |decision| answer(0, &[], What::Redo { decision });
    // The first of three, then the others: back where it was.
    for decision in [1, 3, 2] {
        desk.decide(&undo(decision)).unwrap();
    }
    assert_eq!(people(&mut desk), before);
    assert!(matches!(desk.decide(&undo(1)), Err(Problem::Stale(_))), "someone was faster");
    assert!(matches!(desk.decide(&undo(99)), Err(Problem::Unknown(_))));
    for decision in [1, 2, 3] {
        desk.decide(&redo(decision)).unwrap();
    }
    assert_eq!(people(&mut desk), states[3]);
    let history = desk.history(false, Window::default());
    assert_eq!(history.total, 9);
    assert_eq!(history.rows.iter().filter(|e| e.kind == "compare" && e.holds).count(), 3);
    assert_eq!(desk.overview().answers, 3);
}

#[test]
fn a_wrong_answer_comes_first_in_a_second_look() {
    let made = sample(false);
    let mut desk = open(&made);
    split_the_stray(&mut desk, &made);
    let mut wrong = None;
    for screen in 0..30 {
        let Some(question) = ask(&mut desk, Way::Pair) else { break };
        let same = |a: &PersonView, b: &PersonView| who(&made, a) == who(&made, b);
        let is_same = same(question.pairs[0].left.as_ref().unwrap(), &question.pairs[0].right);
        // The third that is the same is said to be different.
        let lie = wrong.is_none() && is_same && screen >= 2;
        let verdict = if is_same != lie { Verdict::Same } else { Verdict::Different };
        let done = desk.decide(&to(&question, |_, _| verdict)).unwrap();
        if lie {
            wrong = Some(done.decision);
        }
    }
    let history = desk.history(true, Window::default());
    let place = history.rows.iter().position(|e| Some(e.id) == wrong);
    assert!(place.unwrap() < 3, "it is number {place:?}");
    assert!(history.rows[0].doubt.is_some());
}

#[test]
fn noise_names_moves_and_searches() {
    let made = sample(false);
    let mut desk = open(&made);
    let all = desk.people(&Search::default(), Window::default()).unwrap();
    let (a, b) = (all.rows[3].clone(), all.rows[4].clone());
    // All of a person, of whom a few are shown, becomes noise.
    let noise = Answer { whole: true, ..answer(0, &[&a], What::Noise { faces: ids(&a)[..1].to_vec() }) };
    desk.decide(&noise).unwrap();
    assert_eq!((desk.overview().noise, desk.overview().people), (a.faces, all.total - 1));
    assert_eq!(desk.noise(Window::default()).total, a.faces);
    // One of these goes to someone.
    let face = ids(&a)[0].clone();
    let moved = answer(1, &[&b], What::Move { faces: vec![face.clone()], to: ids(&b) });
    desk.decide(&moved).unwrap();
    let now = desk.person(&face, Window::default()).unwrap().person;
    assert_eq!((now.label, now.faces), (b.label, b.faces + 1));
    // By now it is another person than the one shown.
    let name = |person, name: Option<&str>| What::Name { person, name: name.map(str::to_owned) };
    assert!(matches!(desk.decide(&answer(2, &[&b], name(ids(&b), Some("Ann")))), Err(Problem::Stale(_))));
    desk.decide(&answer(2, &[&now], name(ids(&now), Some("Ann")))).unwrap();
    let find = |desk: &mut Desk, search: Search| {
        desk.people(&search, Window::default()).unwrap().rows.iter().map(|p| p.label).collect::<Vec<_>>()
    };
    assert_eq!(find(&mut desk, Search { text: "aNN".into(), ..Search::default() }), [b.label]);
    assert_eq!(find(&mut desk, Search { text: b.label.to_string(), ..Search::default() }), [b.label]);
    assert!(find(&mut desk, Search { text: "no one of this name".into(), ..Search::default() }).is_empty());
    assert_eq!(find(&mut desk, Search { text: "news".into(), ..Search::default() }).len(), all.total - 1);
    // The first minute has the first cluster of everyone, and not the last.
    let early = find(&mut desk, Search { to: "2023-05-25 10:00".into(), ..Search::default() });
    assert!(
        early.len() < all.total - 1 && early.iter().filter(|l| *l % 3 == 0).count() >= PEOPLE - 1,
        "{early:?}"
    );
    let bad = Search { from: "yesterday".into(), ..Search::default() };
    assert!(matches!(desk.people(&bad, Window::default()), Err(Problem::Refused(_))));
    // Beyond the end there is nothing, and no more comes than is allowed.
    assert!(
        desk.people(&Search::default(), Window { offset: usize::MAX, limit: Some(usize::MAX) })
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
    let one = labels.into_iter().map(|row| LabelRow { label: streamface_types::Label(0), ..row }).collect();
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
    let error = Desk::open(data, Setup::default()).err().unwrap().to_string();
    assert!(error.contains("streamface cluster"), "{error}");
}
