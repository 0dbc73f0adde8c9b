//! Who came, who is here, who left: nothing but numbers of people and times.

use std::collections::BTreeMap;

/// A person who came or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Seen now, and not a while before.
    Came {
        /// The person.
        person: u64,
    },
    /// Not seen for longer than the patience.
    Left {
        /// The person.
        person: u64,
        /// Seen from here on, microseconds.
        since: i64,
        /// Seen last, microseconds.
        last: i64,
    },
}

/// People on screen. Times are microseconds on any one clock.
#[derive(Debug)]
pub struct Presence {
    patience: i64,
    here: BTreeMap<u64, (i64, i64)>,
}

impl Presence {
    /// A person has left when not seen for more than `patience` microseconds: a turned head is no departure.
    #[must_use]
    pub fn new(patience: i64) -> Self {
        Self { patience: patience.max(0), here: BTreeMap::new() }
    }

    /// Who is here, since when, and seen last when.
    #[cfg(test)]
    pub fn here(&self) -> impl Iterator<Item = (u64, i64, i64)> {
        self.here.iter().map(|(&person, &(since, last))| (person, since, last))
    }

    /// A frame at `at`, with these people on it: who left before it, who comes with it.
    pub fn frame(&mut self, at: i64, people: &[u64]) -> Vec<Change> {
        let mut changes = self.expire(at, people);
        for &person in people {
            match self.here.get_mut(&person) {
                Some((_, last)) => *last = at.max(*last),
                None => {
                    self.here.insert(person, (at, at));
                    changes.push(Change::Came { person });
                }
            }
        }
        changes
    }

    /// A frame like the one before: whoever was on that is still here.
    pub fn still(&mut self, at: i64) {
        let latest = self.here.values().map(|(_, last)| *last).max();
        self.here.values_mut().filter(|(_, last)| Some(*last) == latest).for_each(|(_, last)| *last = at);
    }

    /// Everyone leaves.
    pub fn end(&mut self) -> Vec<Change> {
        let left = |(person, (since, last))| Change::Left { person, since, last };
        std::mem::take(&mut self.here).into_iter().map(left).collect()
    }

    fn expire(&mut self, at: i64, people: &[u64]) -> Vec<Change> {
        let mut left = Vec::new();
        self.here.retain(|&person, &mut (since, last)| {
            // A clock that was set back says nothing about anyone.
            let gone = at.saturating_sub(last) > self.patience && !people.contains(&person);
            if gone {
                left.push(Change::Left { person, since, last });
            }
            !gone
        });
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn people_come_stay_through_a_gap_and_leave() {
        let mut presence = Presence::new(3 * S);
        assert_eq!(presence.frame(0, &[7, 3]), [Change::Came { person: 7 }, Change::Came { person: 3 }]);
        assert_eq!(presence.frame(2 * S, &[3]), []);
        assert_eq!(presence.frame(3 * S, &[7, 3]), [], "within the patience");
        assert_eq!(presence.frame(7 * S, &[3]), [Change::Left { person: 7, since: 0, last: 3 * S }]);
        assert_eq!(presence.here().collect::<Vec<_>>(), [(3, 0, 7 * S)]);
        assert_eq!(presence.end(), [Change::Left { person: 3, since: 0, last: 7 * S }]);
        assert_eq!(presence.here().count(), 0);
    }

    #[test]
    fn a_still_picture_keeps_whom_it_shows() {
        let mut presence = Presence::new(2 * S);
        presence.frame(0, &[1]);
        presence.frame(S, &[2]);
        for second in 2..10 {
            presence.still(second * S);
        }
        let left = Change::Left { person: 1, since: 0, last: 0 };
        assert_eq!(presence.frame(10 * S, &[2]), [left], "only who was on the last picture stays");
    }

    #[test]
    fn who_is_seen_late_but_seen_has_not_left() {
        let mut presence = Presence::new(S);
        presence.frame(0, &[1]);
        assert_eq!(presence.frame(9 * S, &[1]), []);
        assert_eq!(presence.frame(5 * S, &[]), [], "the clock was set back");
    }
}
