//! Names for the frames of a stream: capture times that follow the stream's own clock.

use std::time::{SystemTime, UNIX_EPOCH};

use streamface_types::{StreamTime, Timestamp};

/// A live stream whose clock jumps further than this, either way, has begun a new timeline.
const MAX_JUMP_MICROS: i64 = 10 * 60 * 1_000_000;

/// How far the first frame of a new timeline is put behind the last one of the old, where wall time has not come that far:
/// as far as the stream's frames were apart before, at most [`MAX_STEP_MICROS`], and this where that is not known.
const STEP_MICROS: i64 = 1_000_000;
const MAX_STEP_MICROS: i64 = 10 * 1_000_000;

/// Wall time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Gives each frame a capture time: an anchor plus how far the stream's clock has moved since. Wall
/// time alone would put the frames of one network burst at one moment, and would differ from run to
/// run. Times strictly increase, so names are unique.
#[derive(Debug)]
pub(crate) struct Clock {
    live: bool,
    anchor: Option<(StreamTime, Timestamp)>,
    last: Option<(StreamTime, Timestamp)>,
    /// From the frame before the last to the last, microseconds.
    step: i64,
}

impl Clock {
    /// The clock of a file whose stream time `from` is `start`; goes on after `last`, the stream time
    /// and capture time of the last frame of an earlier run.
    pub(crate) fn of_file(from: StreamTime, start: Timestamp, last: Option<(StreamTime, Timestamp)>) -> Self {
        // Where the file's clock was set back before, the last frame tells by how much.
        Self { live: false, anchor: Some(last.unwrap_or((from, start))), last, step: STEP_MICROS }
    }

    /// The clock of a live stream, anchored at its first frame.
    pub(crate) fn of_live(last: Option<(StreamTime, Timestamp)>) -> Self {
        Self { live: true, anchor: None, last, step: STEP_MICROS }
    }

    /// Starts a new timeline with the next frame.
    pub(crate) fn lose_anchor(&mut self) {
        self.anchor = None;
    }

    /// The time of a frame at `at` that arrives at `now`. Where the stream's clock goes back, a live
    /// stream is anchored anew: by wall time, or by the frame before where that is ahead of it, as it is
    /// when a playlist's segments came in one burst. A file is anchored by the frame before alone, as wall
    /// time would change the result.
    pub(crate) fn time(&mut self, at: StreamTime, now: Timestamp) -> Timestamp {
        if let Some((last_at, last)) = self.last {
            let step = at.micros().saturating_sub(last_at.micros());
            if self.live && step.saturating_abs() > MAX_JUMP_MICROS {
                self.anchor = None;
            } else if step < 0 {
                self.anchor = (!self.live).then_some((at, last.plus_micros(1)));
            } else if step > 0 {
                self.step = step.min(MAX_STEP_MICROS);
            }
        }
        let next = self.last.map_or(now, |(_, last)| now.max(last.plus_micros(self.step)));
        let (from, time) = *self.anchor.get_or_insert((at, next));
        let time = time.plus_micros(at.micros().saturating_sub(from.micros()));
        let time = self.last.map_or(time, |(_, last)| time.max(last.plus_micros(1)));
        self.last = Some((at, time));
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000;
    fn now() -> Timestamp {
        Timestamp::from_micros(NOW)
    }

    #[test]
    fn frames_of_a_burst_keep_their_distance_and_never_share_a_name() {
        let mut clock = Clock::of_live(None);
        let a = clock.time(StreamTime(5_000_000), now());
        let b = clock.time(StreamTime(7_000_000), now());
        assert_eq!((a, b.micros() - a.micros()), (now(), 2_000_000));
        let c = clock.time(StreamTime(0), now());
        assert_eq!(c, b.plus_micros(2_000_000), "wall time stood still, the name moves on");
    }

    #[test]
    fn names_step_as_a_live_stream_does_through_leaps_and_new_timelines() {
        let mut clock = Clock::of_live(None);
        let stream = [0, 2, 4, 22, 24, 1, 3, 2_000, 2_002].map(|s| StreamTime(s * 1_000_000));
        // All within one burst: wall time stands still.
        let names = stream.map(|at| (clock.time(at, now()).micros() - NOW) / 1_000_000);
        assert_eq!(names, [0, 2, 4, 22, 24, 26, 28, 30, 32]);
        clock.lose_anchor();
        assert_eq!(clock.time(StreamTime(0), now()).micros() - NOW, 34_000_000);
        let late = Timestamp::from_micros(NOW + 60_000_000);
        clock.lose_anchor();
        assert_eq!(clock.time(StreamTime(0), late), late, "wall time is ahead");
    }

    #[test]
    fn a_file_set_back_goes_on_without_wall_time_and_so_does_its_resumed_half() {
        let start = Timestamp::from_micros(0);
        let stream = [36_000_000, 38_000_000, 36_000_000, 38_000_000].map(StreamTime);
        let mut clock = Clock::of_file(stream[0], start, None);
        let whole = stream.map(|at| clock.time(at, now()).micros());
        assert_eq!(whole, [0, 2_000_000, 2_000_001, 4_000_001]);
        for half in 1..4 {
            let last = (stream[half - 1], Timestamp::from_micros(whole[half - 1]));
            let mut clock = Clock::of_file(stream[0], start, Some(last));
            assert_eq!(clock.time(stream[half], now()).micros(), whole[half]);
        }
    }
}
