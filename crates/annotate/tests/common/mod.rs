//! Made-up faces and decisions.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use proptest::prelude::*;
use streamface_annotate::{Action, Compared, Decision, Verdict};
use streamface_types::{FaceId, FrameId, Timestamp};

/// A face by frame and number.
pub fn face(frame: usize, index: usize) -> FaceId {
    FaceId::new(FrameId::new(format!("f{frame:04}")).unwrap(), index as u32)
}

/// So many faces, two a frame, in order.
pub fn faces(count: usize) -> Vec<FaceId> {
    (0..count).map(|f| face(f / 2, f % 2)).collect()
}

/// A decision of someone at some time.
pub fn decision(id: u64, action: Action) -> Decision {
    Decision { id, at: Timestamp::from_micros(id as i64), who: "someone".to_owned(), seconds: None, action }
}

/// One pair, by numbers of [`faces`].
pub fn compare(left: &[usize], right: &[usize], verdict: Verdict) -> Action {
    let side = |side: &[usize]| side.iter().map(|&f| face(f / 2, f % 2)).collect();
    Action::Compare { pairs: vec![Compared { left: side(left), right: side(right), verdict }] }
}

/// What a decision says about people, as comparisons: that of the halves of one torn apart, and of a whole one with no one.
pub fn compared(action: &Action) -> Vec<Compared> {
    match action {
        Action::Compare { pairs } => pairs.clone(),
        Action::Tear { left, right } => {
            vec![Compared { left: left.clone(), right: right.clone(), verdict: Verdict::Different }]
        }
        Action::Whole { person } => {
            vec![Compared { left: person.clone(), right: Vec::new(), verdict: Verdict::Same }]
        }
        _ => Vec::new(),
    }
}

/// The faces of which a decision says where they belong.
pub fn placed(action: &Action) -> &[FaceId] {
    match action {
        Action::Noise { faces } | Action::Split { faces, .. } | Action::Move { faces, .. } => faces,
        Action::Tear { right, .. } => right,
        _ => &[],
    }
}

/// Faces that random journals speak of.
pub const FACES: usize = 9;

/// Faces, two a frame; the last few of these numbers are of faces that are not there.
fn side() -> impl Strategy<Value = Vec<FaceId>> {
    prop::collection::vec((0..FACES + 1).prop_map(|f| face(f / 2, f % 2)), 1..4)
}

fn action(known: u64) -> impl Strategy<Value = Action> {
    let verdict =
        prop_oneof![3 => Just(Verdict::Same), 2 => Just(Verdict::Different), 1 => Just(Verdict::NotSure)];
    let compared =
        (side(), side(), verdict).prop_map(|(left, right, verdict)| Compared { left, right, verdict });
    let ids = 1..known.max(2);
    prop_oneof![
        8 => prop::collection::vec(compared, 1..4).prop_map(|pairs| Action::Compare { pairs }),
        1 => side().prop_map(|faces| Action::Noise { faces }),
        2 => (side(), any::<bool>()).prop_map(|(faces, together)| Action::Split { faces, together }),
        2 => (side(), side()).prop_map(|(faces, to)| Action::Move { faces, to }),
        2 => (side(), side()).prop_map(|(left, right)| Action::Tear { left, right }),
        1 => side().prop_map(|person| Action::Whole { person }),
        1 => side().prop_map(|person| Action::Skip { person }),
        1 => (side(), prop::option::of("[ab]")).prop_map(|(person, name)| Action::Name { person, name }),
        3 => ids.clone().prop_map(|decision| Action::Undo { decision }),
        1 => ids.prop_map(|decision| Action::Redo { decision }),
    ]
}

/// Random decisions of every kind.
pub fn journal() -> impl Strategy<Value = Vec<Decision>> {
    prop::collection::vec(action(12), 0..12).prop_map(|all| {
        // Undo and redo name what was before them.
        let all = (1..).zip(all).map(|(id, action)| match action {
            Action::Undo { decision } if decision >= id => Action::Skip { person: vec![] },
            Action::Redo { decision } if decision >= id => Action::Skip { person: vec![] },
            other => other,
        });
        (1..).zip(all).map(|(id, action)| decision(id, action)).collect()
    })
}
