//! Where frames and faces stand on the strip of their source.

mod axis;

use std::collections::BTreeMap;

use streamface_types::{FaceId, FrameId, StreamTime, Timestamp};

pub(super) use axis::track;

use super::input::Frame;
use streamface_eval::clock::{counted, recorded, whole_seconds};
use streamface_eval::presence::{FrameFate, Presence};

/// Width of a strip in its own units.
pub(super) const WIDTH: f64 = 1000.0;
/// Narrowest bar: still a pixel and more on a phone.
const MIN_BAR: f64 = 4.0;
/// Of up to so many frames each one has its own bar; beyond, columns show shares.
const MAX_COLUMNS: usize = 240;

/// The strips of all sources.
pub(super) struct Timeline<'a> {
    /// In the order of their names.
    pub strips: Vec<Strip<'a>>,
    places: BTreeMap<&'a FrameId, Place>,
}

/// Which strip, and which frame of it. Sorts by source, then by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub strip: usize,
    pub frame: usize,
}

/// One source's frames in the order of time.
pub(super) struct Strip<'a> {
    pub source: &'a str,
    pub frames: Vec<&'a Frame>,
    clock: Clock,
    presence: Presence,
}

/// What the times of a strip are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// Seconds of the stream.
    Stream,
    /// Seconds since 1970 UTC.
    Utc,
    /// None: frames stand in the order of their names, as photos do.
    Order,
}

impl<'a> Timeline<'a> {
    pub fn new(frames: &'a [Frame]) -> Self {
        let mut by_source: BTreeMap<&str, Vec<&Frame>> = BTreeMap::new();
        for frame in frames {
            by_source.entry(&frame.source).or_default().push(frame);
        }
        let strips: Vec<_> =
            by_source.into_iter().map(|(source, frames)| Strip::new(source, frames)).collect();
        let mut places = BTreeMap::new();
        for (strip, s) in strips.iter().enumerate() {
            places.extend(s.frames.iter().enumerate().map(|(frame, f)| (&f.id, Place { strip, frame })));
        }
        Self { strips, places }
    }

    pub fn place(&self, face: &FaceId) -> Option<Place> {
        self.places.get(&face.frame).copied()
    }

    pub fn frame(&self, place: Place) -> &'a Frame {
        self.strips[place.strip].frames[place.frame]
    }

    /// Whether any source has times: photos have none.
    pub fn timed(&self) -> bool {
        self.strips.iter().any(Strip::timed)
    }
}

impl<'a> Strip<'a> {
    fn new(source: &'a str, mut frames: Vec<&'a Frame>) -> Self {
        // One clock for the whole strip: the best that all of its frames have.
        let stream = frames.iter().all(|f| f.stream_time.is_some());
        let captured = frames.iter().all(|f| f.captured_at.is_some());
        let time = |f: &Frame| match (stream, captured) {
            (true, _) => f.stream_time.map_or(0, StreamTime::micros),
            (_, true) => f.captured_at.map_or(0, Timestamp::micros),
            _ => 0,
        };
        frames.sort_by(|a, b| time(a).cmp(&time(b)).then_with(|| a.id.cmp(&b.id)));
        let clock = match frames.first().and_then(|f| f.captured_at) {
            _ if stream => Clock::Stream,
            Some(first) if captured && recorded(first).is_some() => Clock::Utc,
            Some(_) if captured => Clock::Stream,
            _ => Clock::Order,
        };
        let seconds = |(i, f): (usize, &&Frame)| match clock {
            Clock::Order => i as f64,
            _ => time(f) as f64 / 1e6,
        };
        let fate = |f: &Frame| match f.dropped.as_deref() {
            None => FrameFate::Kept,
            Some("duplicate") => FrameFate::Duplicate,
            Some(_) => FrameFate::Dropped,
        };
        let presence = Presence::new(frames.iter().enumerate().map(|(i, f)| (seconds((i, f)), fate(f))));
        Self { source, frames, clock, presence }
    }

    /// Whether its frames have times.
    pub fn timed(&self) -> bool {
        self.clock != Clock::Order
    }

    /// The time of the first frame and the time to the end of the last, in seconds; of UTC since midnight.
    pub fn span(&self) -> (f64, f64) {
        let from = self.presence.from();
        (if self.clock == Clock::Utc { from.rem_euclid(86_400.0) } else { from }, self.presence.span())
    }

    /// Seconds on screen in some stretches.
    pub fn length(&self, stretches: &[(f64, f64)]) -> f64 {
        self.presence.length(stretches)
    }

    /// From which second to which each of some stretches lasts, the last one left out, as [`span`](Self::span) counts them.
    pub fn seconds(&self, stretches: &[(f64, f64)]) -> Vec<(i64, i64)> {
        let (from, span) = self.span();
        let wrap = |second: f64| if self.clock == Clock::Utc { second.rem_euclid(86_400.0) } else { second };
        let seconds = |(a, b): &(f64, f64)| {
            let (a, b) = (wrap(from + a * span).floor() as i64, wrap(from + b * span).ceil() as i64);
            // Over midnight; and of a moment its second.
            (a, if b < a { 86_400 } else { b.max(a + 1) })
        };
        stretches.iter().map(seconds).collect()
    }

    /// The stretches, 0 to 1, in which someone seen in `frames` (indices, ascending) was on screen.
    pub fn stretches(&self, frames: &[usize]) -> Vec<(f64, f64)> {
        self.presence.stretches(frames)
    }

    /// A path for each group of frames (`group` of a frame, below `groups`), on a strip of height 10.
    pub fn paths(&self, groups: usize, group: impl Fn(&Frame) -> usize) -> Vec<String> {
        let mut bars = vec![Vec::new(); groups];
        if self.frames.len() <= MAX_COLUMNS {
            for (frame, &(start, end)) in self.frames.iter().zip(self.presence.cells()) {
                bars[group(frame)].push((start, end, 0.0, 10.0));
            }
        } else {
            let mut counts = vec![vec![0u32; groups]; MAX_COLUMNS];
            for (frame, &(start, _)) in self.frames.iter().zip(self.presence.cells()) {
                let column = ((start * MAX_COLUMNS as f64) as usize).min(MAX_COLUMNS - 1);
                counts[column][group(frame)] += 1;
            }
            for (column, counts) in counts.iter().enumerate() {
                let all: u32 = counts.iter().sum();
                let mut below = 10.0;
                for (group, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let height = 10.0 * f64::from(count) / f64::from(all);
                    let x = |c: usize| c as f64 / MAX_COLUMNS as f64;
                    below -= height;
                    bars[group].push((x(column), x(column + 1), below, height));
                }
            }
        }
        bars.iter().map(|bars| path(bars)).collect()
    }
}

/// A path of full-height bars for `stretches`; those that would overlap are one.
pub(super) fn presence(stretches: &[(f64, f64)]) -> String {
    let mut bars: Vec<(f64, f64, f64, f64)> = Vec::new();
    for &(start, end) in stretches {
        let end = end.max(start + MIN_BAR / WIDTH);
        match bars.last_mut() {
            Some(last) if (start - last.1) * WIDTH < 1.0 => last.1 = last.1.max(end),
            _ => bars.push((start, end, 0.0, 10.0)),
        }
    }
    path(&bars)
}

fn path(bars: &[(f64, f64, f64, f64)]) -> String {
    let mut path = String::new();
    let mut merged: Option<(f64, f64, f64, f64)> = None;
    for &(start, end, top, height) in bars.iter() {
        match &mut merged {
            Some(m) if m.1 == start && (m.2, m.3) == (top, height) => m.1 = end,
            _ => {
                push(&mut path, merged.replace((start, end, top, height)));
            }
        }
    }
    push(&mut path, merged);
    path
}

fn push(path: &mut String, bar: Option<(f64, f64, f64, f64)>) {
    if let Some((start, end, top, height)) = bar {
        let (x, w) = (start * WIDTH, (end - start) * WIDTH);
        path.push_str(&format!("M{x:.1} {top:.1}h{w:.1}v{height:.1}h-{w:.1}z"));
    }
}

/// Where a frame stands in its stream, by the stream's clock or by a time that counts from its beginning.
pub(super) fn stream_time(frame: &Frame) -> Option<StreamTime> {
    frame.stream_time.or_else(|| counted(frame.captured_at?))
}

/// `h:mm:ss` on the stream's clock, or UTC where there is only that, or nothing.
pub(super) fn clock(frame: &Frame) -> Option<String> {
    match (stream_time(frame), frame.captured_at) {
        (Some(time), _) => Some(whole_seconds(time)),
        (None, Some(utc)) => Some(utc.to_readable().split_off(11)),
        (None, None) => None,
    }
}

/// [`clock`] as whole seconds, for the search.
pub(super) fn clock_seconds(frame: &Frame) -> Option<i64> {
    let micros = match (stream_time(frame), frame.captured_at) {
        (Some(time), _) => time.micros(),
        (None, Some(utc)) => utc.micros().rem_euclid(86_400_000_000),
        (None, None) => return None,
    };
    Some(micros.div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames two seconds apart: `k`ept, `d`uplicate, `b`lurred, `.` nothing came.
    fn frames(pattern: &str) -> Vec<Frame> {
        let frame = |(i, c): (usize, char)| {
            let dropped = match c {
                'k' => None,
                'd' => Some("duplicate".to_owned()),
                'b' => Some("blurred".to_owned()),
                _ => return None,
            };
            Some(Frame {
                id: FrameId::new(format!("f{i}")).unwrap(),
                source: "s".to_owned(),
                stream_time: Some(StreamTime(2_000_000 * i as i64)),
                captured_at: None,
                dropped,
                empty: None,
                blur: None,
                similarity: None,
                picture: None,
                origin: None,
            })
        };
        pattern.chars().enumerate().filter_map(frame).collect()
    }

    fn stretches(pattern: &str, seen: &[usize]) -> Vec<(f64, f64)> {
        let frames = frames(pattern);
        let round = |x: f64| (x * pattern.len() as f64 * 100.0).round() / 100.0;
        let all = Timeline::new(&frames).strips[0].stretches(seen);
        all.iter().map(|&(a, b)| (round(a), round(b))).collect()
    }

    #[test]
    fn someone_stays_on_screen_while_every_kept_frame_has_them() {
        assert_eq!(stretches("kkkk", &[0, 1, 3]), [(0.0, 2.0), (3.0, 4.0)]);
        assert_eq!(stretches("kddk", &[0, 3]), [(0.0, 4.0)]);
        assert_eq!(stretches("kddk", &[0]), [(0.0, 1.0)]);
        assert_eq!(stretches("kbbk", &[0, 3]), [(0.0, 1.0), (3.0, 4.0)]);
        // The stream was away: a frame lasts four usual distances at most. Frame 2 came after.
        assert_eq!(stretches("kk........k", &[0, 1, 2]), [(0.0, 5.0), (10.0, 11.0)]);
    }

    #[test]
    fn strips_of_one_or_many_frames() {
        let one = frames("k");
        assert_eq!(Timeline::new(&one).strips[0].paths(1, |_| 0), ["M0.0 0.0h1000.0v10.0h-1000.0z"]);
        let many = frames(&"kd".repeat(5000));
        let paths = Timeline::new(&many).strips[0].paths(2, |f| usize::from(f.dropped.is_some()));
        // Columns with the same share run together.
        assert!(paths.iter().all(|p| p.len() < MAX_COLUMNS * 40), "{}", paths[0].len());
        assert!(paths[0].starts_with("M0.0 5.0h"), "{}", paths[0]);
    }

    #[test]
    fn presence_bars_are_visible_and_do_not_overlap() {
        assert_eq!(presence(&[(0.0, 0.001), (0.0045, 0.5)]), "M0.0 0.0h500.0v10.0h-500.0z");
        assert_eq!(presence(&[(0.1, 0.1001)]), "M100.0 0.0h4.0v10.0h-4.0z");
        assert_eq!(presence(&[]), "");
    }
}
