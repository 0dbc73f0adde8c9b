//! Pairs that cannot be one person are neither sure nor asked about.

use streamface_types::Timestamp;

use super::{Matches, Pair, Rule};
use crate::{AUTO, Action, Compared, Decision, People, Verdict};

/// Takes pairs out of the lists that cannot be one person by the frames they share and by what was decided, and gives their
/// number. Of the sure pairs those stay that can all be joined, the nearest first, as [`join_sure`](super::join_sure()) joins
/// them; a pair that these rule out is asked about instead. The original's rules keep their lists.
///
/// Labels of pairs are those of [`People::labels`]; unknown ones stay.
pub fn keep_possible(people: &mut People, found: &mut Matches) -> usize {
    if found.rule != Rule::Lists {
        return 0;
    }
    let mut faces: Vec<(i64, u32)> = (0..).zip(people.labels()).map(|(face, label)| (label, face)).collect();
    faces.sort_unstable();
    faces.dedup_by_key(|(label, _)| *label);
    let same = |people: &People, pair: &Pair| -> Option<Action> {
        let face = |label: i64| {
            let at = faces.binary_search_by_key(&label, |(label, _)| *label).ok()?;
            Some(vec![people.faces()[faces[at].1 as usize].clone()])
        };
        let compared = Compared { left: face(pair.a)?, right: face(pair.b)?, verdict: Verdict::Same };
        Some(Action::Compare { pairs: vec![compared] })
    };
    let before = found.sure.len() + found.ask.len();
    let mut possible = |pair: &Pair| same(people, pair).is_none_or(|action| people.check(&action).is_ok());
    found.sure.retain(&mut possible);
    found.ask.retain(&mut possible);
    let impossible = before - found.sure.len() - found.ask.len();
    let mut joined = people.clone();
    let mut next = joined.next_decision();
    let mut ruled_out = Vec::new();
    found.sure.retain(|pair| {
        let Some(action) = same(&joined, pair) else { return true };
        if joined.check(&action).is_err() {
            ruled_out.push(*pair);
            return false;
        }
        let decision =
            Decision { id: next, at: Timestamp::default(), who: AUTO.to_owned(), seconds: None, action };
        next += 1;
        joined.apply(&decision);
        true
    });
    // They are nearer than all others that are asked about.
    found.ask.splice(0..0, ruled_out);
    impossible
}
