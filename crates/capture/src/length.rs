//! How long a video is, and what is to be said of it at its end.

use std::time::Duration;

/// Encoders put a keyframe every 250 frames unless told otherwise: 10.4 s of film. A stream with fewer is
/// decoded in between.
pub(crate) const LONG_GAP: Duration = Duration::from_secs(11);

/// Lengths from the beginning of the file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lengths {
    /// Of the video, as its own header says.
    pub(crate) video: Option<Duration>,
    /// Of the file, as its header says.
    pub(crate) file: Option<Duration>,
    /// Of the video, as it was read.
    pub(crate) seen: Duration,
    /// Of what else was read: sound.
    pub(crate) heard: Duration,
}

/// What is not as a file promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remark {
    /// In words.
    pub(crate) said: String,
    /// Whether a part of the video is missing.
    pub(crate) is_cut: bool,
}

impl Lengths {
    /// What is not as the file promises; none where all is.
    pub(crate) fn remark(&self) -> Option<Remark> {
        // A header that is only estimated may be some seconds off.
        let slack = |d: Duration| Duration::from_secs(60).min(d / 10).max(Duration::from_secs(15));
        let longer = |d: &Duration| self.seen + slack(*d) < *d;
        let sound = |d: Duration| Remark {
            said: format!("{} s of video; the sound goes on to {} s", seconds(self.seen), seconds(d)),
            is_cut: false,
        };
        if let Some(video) = self.video {
            return if longer(&video) { Some(self.cut(video)) } else { self.file.filter(longer).map(sound) };
        }
        let file = self.file.filter(longer)?;
        Some(if self.heard + slack(file) >= file { sound(file) } else { self.cut(file) })
    }

    fn cut(&self, promised: Duration) -> Remark {
        let [seen, promised] = [self.seen, promised].map(seconds);
        let said = format!("cut short: the video ends at {seen} s, its header promises {promised} s");
        Remark { said, is_cut: true }
    }
}

/// Whole seconds, rounded.
pub(crate) fn seconds(d: Duration) -> u64 {
    (d + Duration::from_millis(500)).as_secs()
}

/// The length in a stream's tag, as Matroska has it: `00:01:02.500000000`.
pub(crate) fn of_tag(text: &str) -> Option<Duration> {
    let mut parts = text.trim().splitn(3, ':');
    let (hours, minutes): (u32, u32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds: f64 = parts.next()?.parse().ok().filter(|s| (0.0..60.0).contains(s))?;
    let all = f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds;
    Duration::try_from_secs_f64(all).ok().filter(|d| !d.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(video: u64, file: u64, seen: u64, heard: u64) -> Lengths {
        let s = Duration::from_secs;
        let known = |v| (v > 0).then(|| s(v));
        Lengths { video: known(video), file: known(file), seen: s(seen), heard: s(heard) }
    }

    #[test]
    fn what_is_cut_and_what_is_merely_shorter_than_its_sound_are_told_apart() {
        let said = |l: Lengths| l.remark().map(|remark| remark.said).unwrap_or_default();
        assert_eq!(said(lengths(28, 28, 28, 0)), "");
        assert_eq!(said(lengths(0, 0, 28, 0)), "", "a stream without a length");
        assert_eq!(said(lengths(12, 60, 12, 0)), "12 s of video; the sound goes on to 60 s");
        assert_eq!(said(lengths(0, 60, 12, 60)), "12 s of video; the sound goes on to 60 s");
        let cut = "cut short: the video ends at 12 s, its header promises 60 s";
        assert_eq!(said(lengths(60, 60, 12, 0)), cut);
        assert_eq!(said(lengths(0, 60, 12, 12)), cut);
    }

    #[test]
    fn a_tag_holds_hours_minutes_and_seconds() {
        assert_eq!(of_tag("00:01:02.500000000"), Some(Duration::from_millis(62_500)));
        assert_eq!(of_tag("100:00:00"), Some(Duration::from_secs(360_000)));
        for none in ["", "12", "00:00:00.000", "x:1:2", "1:2:-3", "1:2:inf", "1:2:NaN"] {
            assert_eq!(of_tag(none), None, "{none}");
        }
    }
}
