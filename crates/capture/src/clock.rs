//! Names for the frames of a stream: capture times that follow the stream's own clock.

use streamface_types::{StreamTime, Timestamp};

/// A jump of the stream's clock larger than this is a new timeline.
pub(crate) const MAX_JUMP_MICROS: i64 = 10 * 60 * 1_000_000;

/// Gives each frame a capture time: an anchor plus how far the stream's clock has moved since. Wall
/// time alone would put the frames of one network burst at one moment, and would differ from run to
/// run. Times strictly increase, so names are unique.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    anchor: Option<(StreamTime, Timestamp)>,
    last: Option<Timestamp>,
}

impl Clock {
    /// A clock whose stream time 0 is `start`; `last` is the latest time given before.
    pub(crate) fn from_start(start: Timestamp, last: Option<Timestamp>) -> Self {
        Self { anchor: Some((StreamTime(0), start)), last }
    }

    /// A clock that anchors at the first frame; `last` is the latest time given before.
    pub(crate) fn live(last: Option<Timestamp>) -> Self {
        Self { anchor: None, last }
    }

    /// Starts a new timeline with the next frame.
    pub(crate) fn lose_anchor(&mut self) {
        self.anchor = None;
    }

    /// The time of a frame at `at` that arrives at `now`.
    pub(crate) fn time(&mut self, at: StreamTime, now: Timestamp) -> Timestamp {
        let (from, time) = *self.anchor.get_or_insert((at, now));
        let time = time.plus_micros(at.micros().saturating_sub(from.micros()));
        let time = self.last.map_or(time, |last| time.max(last.plus_micros(1)));
        self.last = Some(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_burst_keep_their_distance_and_never_share_a_name() {
        let now = Timestamp::from_micros(1_000_000_000);
        let mut clock = Clock::live(None);
        let a = clock.time(StreamTime(5_000_000), now);
        let b = clock.time(StreamTime(7_000_000), now);
        assert_eq!((a, b.micros() - a.micros()), (now, 2_000_000));
        clock.lose_anchor();
        let c = clock.time(StreamTime(0), now);
        assert_eq!(c, b.plus_micros(1), "wall time stood still, the name moves on");
    }
}
