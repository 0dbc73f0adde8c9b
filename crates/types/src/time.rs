//! Two clocks: when a frame was captured (UTC), and where it stands in its stream.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

/// Microseconds since 1970-01-01 UTC. Shown as the original names its frames:
/// `YYYYmmddHHMMSSffffff`. Years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const YEAR_0: i64 = -62_167_219_200_000_000;
const YEAR_9999: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// Microseconds since 1970, clamped to the years 0 to 9999, which is what a name can hold.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(YEAR_0, YEAR_9999))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Reads `YYYYmmddHHMMSSffffff`; `None` for anything else.
    #[must_use]
    pub fn parse_compact(digits: &str) -> Option<Self> {
        if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let n = |range: std::ops::Range<usize>| digits[range].parse::<u32>().ok();
        let time = NaiveDate::from_ymd_opt(i32::try_from(n(0..4)?).ok()?, n(4..6)?, n(6..8)?)?
            .and_hms_micro_opt(n(8..10)?, n(10..12)?, n(12..14)?, n(14..20)?)?;
        Some(Self(time.and_utc().timestamp_micros()))
    }

    /// Reads RFC 3339, as video containers write their creation time; `None` for anything else.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text.trim()).ok()?;
        Some(Self::from_micros(time.timestamp_micros()))
    }

    /// This time moved by `micros`.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// `YYYY-mm-dd HH:MM:SS`, for people.
    #[must_use]
    pub fn to_readable(self) -> String {
        let t = self.civil();
        let (y, mo, d) = (t.year(), t.month(), t.day());
        format!("{y:04}-{mo:02}-{d:02} {:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }

    fn civil(self) -> NaiveDateTime {
        // The constructors keep the value within what chrono can hold.
        DateTime::from_timestamp_micros(self.0).unwrap_or_default().naive_utc()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.civil();
        write!(
            f,
            "{:04}{:02}{:02}{:02}{:02}{:02}{:06}",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            self.0.rem_euclid(1_000_000)
        )
    }
}

/// A place in a stream, in microseconds on the stream's own clock (its presentation timestamps).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamTime(pub i64);

impl StreamTime {
    /// Microseconds.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Display for StreamTime {
    /// `h:mm:ss.mmm`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ms = self.0.unsigned_abs() / 1000;
        let (s, ms) = (ms / 1000, ms % 1000);
        write!(f, "{sign}{}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_form_reads_back() {
        for text in
            ["20230525100138412614", "19700101000000000000", "00000101000000000000", "99991231235959999999"]
        {
            assert_eq!(Timestamp::parse_compact(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "2023052510013841261",
            "20231325100138412614",
            "2023052510013841261x",
            "20230525106138412614",
        ] {
            assert_eq!(Timestamp::parse_compact(text), None, "{text}");
        }
    }

    #[test]
    fn before_1970_too() {
        assert_eq!(Timestamp::from_micros(-1).to_string(), "19691231235959999999");
        assert_eq!(Timestamp::from_micros(i64::MIN).to_string(), "00000101000000000000");
    }

    #[test]
    fn creation_times_of_containers() {
        let t = Timestamp::parse_rfc3339("2023-05-25T10:01:38.412614Z").unwrap();
        assert_eq!(t.to_string(), "20230525100138412614");
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn stream_time_is_readable() {
        assert_eq!(StreamTime(3_723_004_000).to_string(), "1:02:03.004");
        assert_eq!(StreamTime(-1_500_000).to_string(), "-0:00:01.500");
    }
}
