//! The time axis below a strip.

use maud::{Markup, html};
use streamface_eval::clock::whole_seconds;
use streamface_types::{StreamTime, Timestamp};

use super::{Clock, Strip};

/// Most marks of a time axis, the first not counted.
const MAX_MARKS: f64 = 6.0;
/// Seconds from one mark to the next.
const STEPS: [i64; 18] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/// A mark of a time axis.
struct Mark {
    /// Where, 0 to 1.
    at: f64,
    text: String,
}

impl Strip<'_> {
    /// Marks of the time axis, at round times; none without times.
    fn marks(&self) -> Vec<Mark> {
        let (from, span) = (self.presence.from(), self.presence.span());
        if self.clock == Clock::Order {
            return Vec::new();
        }
        let enough = |step: &i64| span / *step as f64 <= MAX_MARKS;
        let days = |step: i64| (span / (MAX_MARKS * step as f64)).ceil().max(1.0) as i64;
        let step = STEPS.into_iter().find(enough).unwrap_or_else(|| 86_400 * days(86_400));
        let first = (from / step as f64).ceil() as i64;
        let text = |second: i64| match self.clock {
            Clock::Utc => {
                let text = Timestamp::from_micros(second.saturating_mul(1_000_000)).to_readable();
                match step {
                    // As much of the time as tells marks apart.
                    86_400.. => text[..10].to_owned(),
                    _ if span > 86_400.0 => text[5..16].to_owned(),
                    60.. => text[11..16].to_owned(),
                    _ => text[11..].to_owned(),
                }
            }
            _ => whole_seconds(StreamTime(second.saturating_mul(1_000_000))),
        };
        (first..)
            .map(|k| k.saturating_mul(step))
            .map(|second| Mark { at: (second as f64 - from) / span, text: text(second) })
            .take_while(|mark| mark.at <= 1.0)
            .take(MAX_MARKS as usize + 1)
            .collect()
    }
}

/// A strip with its time axis, and what the script needs to mark a time on it.
pub(in crate::run) fn track(strip: &Strip<'_>, drawn: &Markup) -> Markup {
    let (from, span) = strip.span();
    let marks = strip.marks();
    // Where room is scarce every other mark has to do.
    let class = |i: usize, Mark { at, .. }: &Mark| match (i % 2, *at) {
        (_, at) if at < 0.03 => "first",
        (odd, at) if at > 0.97 => ["last", "last odd"][odd],
        (odd, _) => ["", "odd"][odd],
    };
    html! {
        div class="track" data-from=(format_args!("{from:.2}")) data-span=(format_args!("{span:.2}")) {
            (drawn)
            div class="axis" aria-hidden="true" {
                @for (i, mark) in marks.iter().enumerate() {
                    span class=(class(i, mark)) style={ "left:" (format_args!("{:.2}", 100.0 * mark.at)) "%" } { (mark.text) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::FrameId;

    use super::super::Timeline;
    use super::*;
    use crate::run::Frame;

    fn marks(first: Frame, seconds: i64) -> Vec<(String, i64)> {
        let later = |f: &Frame| Frame {
            id: FrameId::new("later").unwrap(),
            stream_time: f.stream_time.map(|t| StreamTime(t.micros() + seconds * 1_000_000)),
            captured_at: f.captured_at.map(|t| Timestamp::from_micros(t.micros() + seconds * 1_000_000)),
            ..f.clone()
        };
        let frames = [later(&first), first];
        let all = Timeline::new(&frames);
        all.strips[0].marks().into_iter().map(|m| (m.text, (1000.0 * m.at).round() as i64)).collect()
    }

    #[test]
    fn marks_are_at_round_times() {
        let at = |text: &str| Some(Timestamp::parse_compact(text).unwrap());
        let frame = |stream: Option<i64>, captured| Frame {
            id: FrameId::new("f").unwrap(),
            source: "s".to_owned(),
            stream_time: stream.map(|s| StreamTime(s * 1_000_000)),
            captured_at: captured,
            dropped: None,
            empty: None,
            blur: None,
            similarity: None,
            picture: None,
            origin: None,
        };
        let texts = |all: Vec<(String, i64)>| all.into_iter().map(|m| m.0).collect::<Vec<_>>();
        // The last frame lasts as long as the first: 120 s are shown.
        let two_minutes = marks(frame(Some(0), None), 60);
        assert_eq!(texts(two_minutes), ["0:00:00", "0:00:30", "0:01:00", "0:01:30", "0:02:00"]);
        let later = marks(frame(Some(65), at("20230525100138000000")), 30);
        assert_eq!(
            later,
            [
                ("0:01:10".to_owned(), 83),
                ("0:01:20".to_owned(), 250),
                ("0:01:30".to_owned(), 417),
                ("0:01:40".to_owned(), 583),
                ("0:01:50".to_owned(), 750),
                ("0:02:00".to_owned(), 917)
            ]
        );
        assert_eq!(texts(marks(frame(None, at("20230525235950000000")), 7_200))[..2], ["00:00", "01:00"]);
        let days = texts(marks(frame(None, at("20230525120000000000")), 3 * 86_400));
        assert_eq!((days.len(), days[0].as_str()), (6, "2023-05-26"));
        let hours = texts(marks(frame(None, at("20230525120000000000")), 90_000));
        assert_eq!(hours[..2], ["05-25 12:00", "05-26 00:00"]);
        assert_eq!(texts(marks(frame(None, at("19700101000000000000")), 60))[1], "0:00:30");
        assert!(marks(frame(None, None), 60).is_empty() && !Timeline::new(&[frame(None, None)]).timed());
        assert!(marks(frame(Some(0), None), 40_000 * 86_400).len() <= 7);
    }
}
