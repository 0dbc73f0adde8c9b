//! What a reviewer is told about a decision.

use super::ReviewSession;
use crate::people::Conflict;
use crate::{Action, Decision, Verdict};

impl ReviewSession {
    /// That a decision, the last one, was saved, or what it undoes.
    pub(super) fn message(&self, id: u64) -> String {
        let what = |id: u64| match id.checked_sub(1).and_then(|at| self.decisions.get(at as usize)) {
            Some(decision) => Self::said(decision),
            None => format!("decision {id}"),
        };
        match self.decisions.last().map(|last| &last.action) {
            Some(Action::Undo { decision }) => format!("Undone: {}", what(*decision)),
            Some(Action::Redo { decision }) => format!("Redone: {}", what(*decision)),
            _ => format!("Saved: {}", what(id)),
        }
    }

    /// A decision in a few words.
    fn said(decision: &Decision) -> String {
        let faces = |n: usize| if n == 1 { "1 face".to_owned() } else { format!("{n} faces") };
        match &decision.action {
            Action::Compare { pairs } => {
                let count = |verdict| pairs.iter().filter(|p| p.verdict == verdict).count();
                let kind = [
                    (Verdict::Same, "same"),
                    (Verdict::Different, "different"),
                    (Verdict::NotSure, "not sure"),
                ];
                let parts: Vec<String> = kind
                    .iter()
                    .filter(|(verdict, _)| count(*verdict) > 0)
                    .map(|(verdict, word)| match pairs.len() {
                        1 => (*word).to_owned(),
                        _ => format!("{} {word}", count(*verdict)),
                    })
                    .collect();
                parts.join(", ")
            }
            Action::Noise { faces: all } => format!("{} set aside as noise", faces(all.len())),
            Action::Skip { .. } => "no more questions about this person".into(),
            Action::Split { faces: all, .. } => format!("{} split off", faces(all.len())),
            Action::Tear { right: all, .. } => format!("two people, {} torn off", faces(all.len())),
            Action::Whole { .. } => "one person".into(),
            Action::Move { faces: all, .. } => format!("{} moved", faces(all.len())),
            Action::Name { name: Some(name), .. } => format!("named {name}"),
            Action::Name { name: None, .. } => "name removed".into(),
            Action::Undo { decision } => format!("undo of decision {decision}"),
            Action::Redo { decision } => format!("redo of decision {decision}"),
        }
    }

    /// A message with people in place of the ids of the faces that show a conflict.
    pub(super) fn with_names(&self, message: &str, conflict: &Conflict) -> String {
        let (a, b) = &conflict.faces;
        let called = |face| {
            let number = self.people.index(face)?;
            let person = self.people.person_of(number)?;
            let name = self.people.name(person).map_or_else(
                || self.people.label(person).map(|label| format!("Person {label}")),
                |name| Some(name.to_owned()),
            )?;
            Some(name)
        };
        match called(a).zip(called(b)) {
            // The longer id first: the shorter one may be the start of it.
            Some((first, second)) if first != second => {
                let mut both = [(a.to_string(), first), (b.to_string(), second)];
                both.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
                both.iter().fold(message.to_owned(), |text, (id, name)| text.replace(id, name))
            }
            _ => message.to_owned(),
        }
    }
}
