//! People with equal names.

use std::collections::BTreeMap;

use super::ReviewSession;
use crate::server::view::{NAMES, PersonView};

/// Maximum people offered because of an equal name.
const MAX_OFFERED: usize = 12;

/// A name without what does not tell names apart.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl ReviewSession {
    /// Other people with the same name, without regard to case and spaces, who may be the same person: not those who share
    /// a frame with it, nor those that were said to be different.
    pub(super) fn same_name(&self, person: u32) -> Vec<PersonView> {
        let Some(name) = self.people.name(person).map(plain) else { return Vec::new() };
        let mut equal: Vec<u32> = self
            .people
            .people()
            .filter(|&other| other != person && self.people.name(other).is_some_and(|n| plain(n) == name))
            .filter(|&other| !self.people.different(person, other))
            .filter(|&other| self.settings.options.same_frame || !self.people.in_one_frame(person, other))
            .collect();
        equal.sort_by_key(|&other| (std::cmp::Reverse(self.people.size(other)), other));
        equal.truncate(MAX_OFFERED);
        equal.into_iter().map(|other| self.person_small(other)).collect()
    }

    /// The names of all people, each once.
    pub(super) fn all_names(&self) -> Vec<String> {
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        for name in self.people.people().filter_map(|person| self.people.name(person)) {
            names.entry(plain(name)).or_insert(name);
        }
        names.into_values().take(NAMES).map(str::to_owned).collect()
    }
}
