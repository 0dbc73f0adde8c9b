//! Names that a clustering has torn apart, or given to somebody else: a name is given to faces, and after another clustering
//! these may be of several people, or lie with faces that have another name.

use std::collections::BTreeMap;
use std::fmt;

use super::People;
use super::decision_index::IndexedAction;

/// A decision on a name whose faces are no longer one person of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameDoubt {
    /// The decision.
    pub decision: u64,
    /// The name that it gives.
    pub name: String,
    /// Whose its faces are now, the person with most of them first.
    pub parts: Vec<NamedPart>,
}

/// Some of the faces of a decision on a name, which are one person now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPart {
    /// The person's label.
    pub label: i64,
    /// The person's name now.
    pub name: Option<String>,
    /// How many of the decision's faces.
    pub faces: usize,
}

impl People {
    /// Names whose faces a clustering has put elsewhere: into several people, or to faces that another decision gave another
    /// name. A later name for the same faces, and people whom decisions joined or took apart, are no doubt.
    ///
    /// Time: the faces that decisions on names name.
    #[must_use]
    pub fn name_doubts(&self) -> Vec<NameDoubt> {
        (0..self.decisions.entries.len()).filter_map(|at| self.name_doubt(at)).collect()
    }

    fn name_doubt(&self, at: usize) -> Option<NameDoubt> {
        let entry = &self.decisions.entries[at];
        let IndexedAction::Name(side, Some(name)) = &entry.action else { return None };
        if !self.state.holds[at] {
            return None;
        }
        // Faces that a later decision moved are where that wants them.
        let mut parts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (_, atom) in self.state.atoms_of(&self.clusters, &self.decisions, side, at) {
            parts.entry(self.state.root[atom as usize]).or_default().push(atom);
        }
        let renamed = |root: u32| {
            let by = self.state.named(root).filter(|&by| by as usize != at)?;
            Some(by as usize)
        };
        // A later name for some of the same faces was given by somebody who saw them.
        parts.retain(|&root, _| renamed(root).is_none_or(|by| !self.share_a_face(at, by)));
        let taken_over = |(&root, atoms): (&u32, &Vec<u32>)| {
            renamed(root).is_some_and(|by| {
                self.given_name(by) != Some(name) && self.atoms_named(by).any(|atom| atoms.contains(&atom))
            })
        };
        if parts.len() < 2 && !parts.iter().any(taken_over) {
            return None;
        }
        let mut parts: Vec<NamedPart> = parts
            .into_iter()
            .map(|(root, atoms)| {
                let person = self.state.key(root);
                let name = self.name(person).map(str::to_owned);
                NamedPart { label: self.label(person).unwrap_or(-1), name, faces: atoms.len() }
            })
            .collect();
        parts.sort_by_key(|part| (std::cmp::Reverse(part.faces), part.label));
        Some(NameDoubt { decision: entry.id, name: name.clone(), parts })
    }

    fn given_name(&self, at: usize) -> Option<&String> {
        match &self.decisions.entries[at].action {
            IndexedAction::Name(_, name) => name.as_ref(),
            _ => None,
        }
    }

    /// The atoms of the faces that a decision on a name names.
    fn atoms_named(&self, at: usize) -> impl Iterator<Item = u32> {
        let side = match &self.decisions.entries[at].action {
            IndexedAction::Name(side, _) => Some(side),
            _ => None,
        };
        side.into_iter()
            .flat_map(move |side| self.state.atoms_of(&self.clusters, &self.decisions, side, at))
            .map(|(_, atom)| atom)
    }

    /// Whether two decisions on names name a face together.
    fn share_a_face(&self, a: usize, b: usize) -> bool {
        let faces = |at: usize| match &self.decisions.entries[at].action {
            IndexedAction::Name(side, _) => self.decisions.faces(side),
            _ => &[],
        };
        let (a, b) = (faces(a), faces(b));
        a.iter().any(|face| b.contains(face))
    }
}

impl fmt::Display for NameDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.parts.iter().map(|part| part.faces).sum();
        write!(f, "the {all} faces that were named {} are now", self.name)?;
        for (k, part) in self.parts.iter().enumerate() {
            write!(f, "{} {} of person {}", if k == 0 { "" } else { "," }, part.faces, part.label)?;
            match &part.name {
                Some(name) => write!(f, " ({name})")?,
                None => f.write_str(" (no name)")?,
            }
        }
        Ok(())
    }
}
