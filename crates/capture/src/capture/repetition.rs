//! Telling a file without a length from a live stream: asked for again, it is the same again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use streamface_types::StreamTime;

use crate::video::Keyframe;

/// Compares each connection to a download without a length with the one before.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    /// First keyframe of the connection before, and how many it had.
    before: Option<(First, u64)>,
    /// First keyframe of this connection.
    first: Option<First>,
    /// Whether this connection has so far given what the one before has.
    same: bool,
}

/// The time of a keyframe and a hash of its bytes.
type First = (StreamTime, u64);

impl Repetition {
    /// Whether the connection before had this keyframe as well. One that begins with the same keyframe is taken to
    /// repeat it as far as it went: a live stream begins elsewhere, or goes on beyond that.
    pub(super) fn knows(&mut self, keyframe: Keyframe<'_>) -> bool {
        if keyframe.number == 0 {
            let mut hasher = DefaultHasher::new();
            keyframe.bytes.hash(&mut hasher);
            let first = (keyframe.time, hasher.finish());
            self.first = Some(first);
            self.same = self.before.is_some_and(|(before, _)| before == first);
        }
        self.same = self.same && self.before.is_some_and(|(_, keyframes)| keyframe.number < keyframes);
        self.same
    }

    /// Whether this connection began with what the one before began with.
    pub(super) fn is_again(&self) -> bool {
        self.first.is_some() && self.first == self.before.map(|(first, _)| first)
    }

    /// The connection has ended after so many keyframes: whether it was the one before once more.
    pub(super) fn ended(&mut self, keyframes: u64) -> bool {
        let before = self.before.filter(|_| self.same).map(|(_, keyframes)| keyframes);
        let whole = before == Some(keyframes);
        // One that broke off earlier than the one before says nothing.
        self.before = self.first.take().map(|first| (first, keyframes.max(before.unwrap_or(0))));
        self.same = false;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keyframes of a connection by time, of which the number that were known comes back, and whether it is the last.
    fn connection(all: &mut Repetition, times: &[i64]) -> (usize, bool) {
        let known = times.iter().zip(0..).filter(|(time, number)| {
            let bytes = time.to_le_bytes();
            all.knows(Keyframe { number: *number, time: StreamTime(**time), bytes: &bytes })
        });
        (known.count(), all.ended(times.len() as u64))
    }

    #[test]
    fn the_same_twice_is_a_file_and_more_or_other_is_a_stream() {
        let mut all = Repetition::default();
        assert_eq!(connection(&mut all, &[1, 2, 3]), (0, false));
        assert_eq!(connection(&mut all, &[1, 2]), (2, false), "broke off");
        assert_eq!(connection(&mut all, &[1, 2, 3]), (3, true));
        let mut all = Repetition::default();
        assert_eq!(connection(&mut all, &[1, 2, 3]), (0, false));
        assert_eq!(
            connection(&mut all, &[1, 2, 3, 4]),
            (3, false),
            "a server that sends the last seconds first"
        );
        assert_eq!(connection(&mut all, &[3, 4]), (0, false));
        assert_eq!(connection(&mut all, &[]), (0, false));
        assert_eq!(connection(&mut all, &[3, 4]), (0, false), "after a connection without a keyframe");
        assert_eq!(connection(&mut all, &[3, 4]), (2, true));
    }
}
