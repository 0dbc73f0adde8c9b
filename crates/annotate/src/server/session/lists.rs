//! Lists: people, undecided pairs, and the history.

use std::collections::{HashMap, HashSet};

use streamface_types::{FaceId, Timestamp};

use super::ReviewSession;
use crate::server::view::{
    Entry, EntryPair, FaceView, Order, PersonView, Problem, Question, Rows, Search, Window,
};
use crate::{Action, Decision, People, Verdict};

/// Maximum comparisons or faces of a decision in the history.
const MAX_SHOWN: usize = 12;
/// Maximum faces of each side of a comparison in the history.
const MAX_SIDE: usize = 3;

/// Data of the lists, updated as decisions come.
#[derive(Default)]
pub(super) struct Lists {
    /// Faces of pairs answered with "not sure", and the decision.
    not_sure: Vec<(u32, u32, u64)>,
    /// Number of decisions processed.
    seen: usize,
}

impl Lists {
    /// Processes new decisions.
    fn update(&mut self, people: &People, decisions: &[Decision]) {
        for decision in &decisions[self.seen..] {
            for (left, right, verdict) in people.compared(decision.id) {
                if verdict == Verdict::NotSure
                    && let (Some(&a), Some(&b)) = (left.first(), right.first())
                {
                    self.not_sure.push((a, b, decision.id));
                }
            }
        }
        self.seen = decisions.len();
    }
}

/// People, and the number of faces that belong to no one.
pub(super) struct Listed {
    /// Key and number of faces.
    pub people: Vec<(u32, usize)>,
    pub noise: usize,
}

impl ReviewSession {
    pub(super) fn listed(&self) -> Listed {
        let people: Vec<_> = self.people.people().map(|key| (key, self.people.size(key))).collect();
        let faces: usize = people.iter().map(|(_, size)| size).sum();
        Listed { people, noise: self.index.faces.len() - faces }
    }

    /// Number of decisions that hold, without undo and redo.
    pub(super) fn answers(&self) -> usize {
        crate::labels::holding(&self.people, &self.decisions)
    }

    /// Pairs of people answered with "not sure".
    pub(super) fn undecided_pairs(&mut self) -> Vec<(u32, u32)> {
        self.lists.update(&self.people, &self.decisions);
        let mut found = HashSet::new();
        let mut pairs = Vec::new();
        for &(a, b, decision) in &self.lists.not_sure {
            let (Some(a), Some(b)) = (self.people.person_of(a), self.people.person_of(b)) else { continue };
            let pair = (a.min(b), a.max(b));
            let open =
                self.people.holds(decision) && self.people.verdict_between(a, b) == Some(Verdict::NotSure);
            if open && found.insert(pair) {
                pairs.push(pair);
            }
        }
        pairs
    }

    pub(super) fn undecided_view(&mut self, window: Window) -> Rows<Question> {
        let pairs = self.undecided_pairs();
        let range = window.of(pairs.len());
        let (total, offset) = (pairs.len(), range.start);
        let rows = pairs[range].iter().filter_map(|&(a, b)| self.pair_question(a, b, 5).ok()).collect();
        Rows { revision: self.revision(), total, offset, rows }
    }

    pub(super) fn search(&mut self, search: &Search, window: Window) -> Result<Rows<PersonView>, Problem> {
        let mut people = self.listed().people;
        let wrong = |text: &str| {
            Problem::Refused(format!("'{text}' is not a time: write 2023-05-25 10:00 or a prefix of it"))
        };
        let bound = |text: &str, last: bool| match text.trim() {
            "" => Ok(None),
            given => time(given, last).map(Some).ok_or_else(|| wrong(given)),
        };
        let (from, to) = (bound(&search.from, false)?, bound(&search.to, true)?);
        let text = search.text.trim().to_lowercase();
        if from.is_some() || to.is_some() || !text.is_empty() {
            let sources: Vec<bool> = self
                .index
                .sources
                .iter()
                .map(|s| !text.is_empty() && s.to_lowercase().contains(&text))
                .collect();
            let timed: Vec<bool> = self
                .index
                .frames
                .iter()
                .map(|frame| match frame.id.timestamp() {
                    Some(at) => from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to),
                    None => from.is_none() && to.is_none(),
                })
                .collect();
            let (mut in_time, mut in_source) = (HashSet::new(), HashSet::new());
            for (at, face) in (0..).zip(&self.index.faces) {
                if !timed[face.frame as usize] {
                    continue;
                }
                let Some(person) = self.people.person_of(at) else { continue };
                in_time.insert(person);
                if self.index.frames[face.frame as usize].source.is_some_and(|s| sources[s as usize]) {
                    in_source.insert(person);
                }
            }
            let label = text.strip_prefix("person ").unwrap_or(&text).parse::<i64>().ok();
            let meant = |key: u32| {
                text.is_empty()
                    || in_source.contains(&key)
                    || label.is_some() && self.people.label(key) == label
                    || self.people.name(key).is_some_and(|n| n.to_lowercase().contains(&text))
            };
            people.retain(|&(key, _)| in_time.contains(&key) && meant(key));
        }
        match search.order {
            Order::Faces => people.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0))),
            Order::Name => people.sort_by_cached_key(|&(key, _)| {
                let name = self.people.name(key).map(str::to_lowercase);
                (name.is_none(), name, key)
            }),
            Order::Time => {
                let mut first = std::collections::HashMap::new();
                for (at, face) in (0..).zip(&self.index.faces) {
                    if let Some(person) = self.people.person_of(at) {
                        let time = self.index.frames[face.frame as usize].id.timestamp();
                        let least = first.entry(person).or_insert(time);
                        *least = time.min(*least);
                    }
                }
                people.sort_by_key(|&(key, _)| (first.get(&key).copied().flatten(), key));
            }
        }
        Ok(Rows::window(self.revision(), &people, window, |&(key, _)| self.person_small(key)))
    }

    pub(super) fn entries(&mut self, doubtful: bool, window: Window) -> Rows<Entry> {
        let mut order: Vec<(usize, Option<f64>)> =
            (0..self.decisions.len()).rev().map(|at| (at, None)).collect();
        if doubtful && let Ok(session_queue) = self.session_queue() {
            let suspects = session_queue.queue.suspects();
            let doubts: Vec<(u64, f64)> = suspects
                .iter()
                .map(|s| (session_queue.decisions[s.answer], s.wrong))
                .filter(|(id, _)| *id > 0)
                .collect();
            let mut listed = HashSet::new();
            let mut first: Vec<(usize, Option<f64>)> = doubts
                .into_iter()
                .filter(|(id, _)| listed.insert(*id))
                .map(|(id, wrong)| (id as usize - 1, Some(wrong)))
                .collect();
            order.retain(|(at, _)| !listed.contains(&(*at as u64 + 1)));
            first.extend(order);
            order = first;
        }
        let report = self.people.report();
        let against: HashSet<u64> = report.conflicts.iter().map(|c| c.decision).collect();
        let elsewhere: HashMap<u64, String> =
            report.names.iter().map(|doubt| (doubt.decision, doubt.to_string())).collect();
        Rows::window(self.revision(), &order, window, |&(at, doubt)| {
            let decision = &self.decisions[at];
            let elsewhere = elsewhere.get(&decision.id).cloned();
            Entry { elsewhere, ..self.entry(decision, doubt, &against) }
        })
    }

    fn entry(&self, decision: &Decision, doubt: Option<f64>, against: &HashSet<u64>) -> Entry {
        let some = |faces: &[FaceId], most: usize| -> Vec<FaceView> {
            faces.iter().filter_map(|f| self.people.index(f)).take(most).map(|f| self.face_view(f)).collect()
        };
        let (mut pairs, mut faces, mut count, mut detail) = (Vec::new(), Vec::new(), 0, None);
        let kind = match &decision.action {
            Action::Compare { pairs: all } => {
                count = all.len();
                let view = |p: &crate::Compared| EntryPair {
                    left: some(&p.left, MAX_SIDE),
                    right: some(&p.right, MAX_SIDE),
                    verdict: p.verdict,
                };
                pairs = all.iter().take(MAX_SHOWN).map(view).collect();
                "compare"
            }
            Action::Noise { faces: all } => {
                (faces, count) = (some(all, MAX_SHOWN), all.len());
                "noise"
            }
            Action::Split { faces: all, together } => {
                (faces, count) = (some(all, MAX_SHOWN), all.len());
                detail = Some(if *together { "as one person" } else { "each on its own" }.to_owned());
                "split"
            }
            Action::Move { faces: all, to } => {
                pairs = vec![EntryPair {
                    left: some(all, MAX_SIDE),
                    right: some(to, MAX_SIDE),
                    verdict: Verdict::Same,
                }];
                count = all.len();
                "move"
            }
            Action::Tear { left, right } => {
                let (left, right) = (some(left, MAX_SIDE), some(right, MAX_SIDE));
                (pairs, count) = (vec![EntryPair { left, right, verdict: Verdict::Different }], 1);
                "tear"
            }
            Action::Whole { person } => {
                (faces, count) = (some(person, MAX_SHOWN), person.len());
                "whole"
            }
            Action::Skip { person } => {
                faces = some(person, MAX_SHOWN);
                "skip"
            }
            Action::Name { person, name } => {
                faces = some(person, MAX_SHOWN);
                detail = Some(name.clone().unwrap_or_else(|| "no name".into()));
                "name"
            }
            Action::Undo { decision } => {
                detail = Some(format!("decision {decision}"));
                "undo"
            }
            Action::Redo { decision } => {
                detail = Some(format!("decision {decision}"));
                "redo"
            }
        };
        let undone = !self.people.holds(decision.id);
        Entry {
            id: decision.id,
            at: decision.at.to_readable(),
            who: decision.who.clone(),
            seconds: decision.seconds,
            kind,
            holds: !undone && !against.contains(&decision.id),
            undone,
            doubt,
            pairs,
            faces,
            count,
            detail,
            elsewhere: None,
        }
    }
}

/// The first or the last moment of a prefix of `YYYY-mm-dd HH:MM:SS`.
fn time(text: &str, last: bool) -> Option<Timestamp> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':' | ' ' | 'T')).collect();
    if !(4..=14).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fill = |all: &str| Timestamp::parse_compact(&format!("{digits}{}", all.get(digits.len()..)?));
    if last {
        // The last day of a month is one of these.
        ["31", "30", "29", "28"].iter().find_map(|day| fill(&format!("999912{day}235959999999")))
    } else {
        fill("00000101000000000000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_time_is_all_of_it() {
        let read = |text: &str, last| time(text, last).map(Timestamp::to_readable);
        assert_eq!(read("2023", false).unwrap(), "2023-01-01 00:00:00");
        assert_eq!(read("2023-02", true).unwrap(), "2023-02-28 23:59:59");
        assert_eq!(read("2024-02", true).unwrap(), "2024-02-29 23:59:59");
        assert_eq!(read("2023-05-25 10:0", true).unwrap(), "2023-05-25 10:09:59");
        assert_eq!(read("2023-05-25T10:01:38", true).unwrap(), "2023-05-25 10:01:38");
        for text in ["20", "yesterday", "2023-13", "2023-05-25 10:01:380"] {
            assert_eq!(read(text, false), None, "{text}");
        }
    }
}
