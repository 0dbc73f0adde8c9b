//! Values that are written as text: times (`90s`), sizes (`512M`), ranges (`0..50000`).

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::Serializer;
use streamface_types::Timestamp;

/// A duration written as `90s`, `5m` or `2h 30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| e.to_string())
}

/// A time written as `2023-05-25T10:00:00Z`.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "not a time; write it as 2023-05-25T10:00:00Z".to_owned())
}

fn readable_time(time: Timestamp) -> String {
    let seconds = time.to_readable().replacen(' ', "T", 1);
    format!("{seconds}.{:06}Z", time.micros().rem_euclid(1_000_000))
}

macro_rules! as_text {
    ($(#[$doc:meta])* $name:ident: $type:ty, $parse:expr, $print:expr) => {
        $(#[$doc])*
        pub(crate) mod $name {
            use super::*;

            pub(crate) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&($print)(*value))
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                ($parse)(&String::deserialize(from)?).map_err(D::Error::custom)
            }

            pub(crate) mod optional {
                use super::*;

                pub(crate) fn serialize<S: Serializer>(
                    value: &Option<$type>,
                    to: S,
                ) -> Result<S::Ok, S::Error> {
                    match value {
                        Some(value) => super::serialize(value, to),
                        None => to.serialize_none(),
                    }
                }

                pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                    from: D,
                ) -> Result<Option<$type>, D::Error> {
                    #[derive(serde::Deserialize)]
                    struct Given(#[serde(deserialize_with = "super::deserialize")] $type);
                    Ok(Option::<Given>::deserialize(from)?.map(|given| given.0))
                }
            }
        }
    };
}

as_text!(
    /// Durations.
    duration: Duration, parse_duration, humantime::format_duration
);
as_text!(
    /// Times of day.
    time: Timestamp, parse_time, readable_time
);
as_text!(
    /// Metrics.
    metric: streamface_types::Metric, streamface_types::Metric::from_str, |m| m
);

/// How pictures of frames are stored: `png`, `jpeg`, `webp` or `none`.
pub fn parse_frame_format(text: &str) -> Result<streamface_store::FrameFormat, String> {
    text.parse()
}

/// A number of bytes, written as a number or as `512M`, `4G`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) =
            text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
        let scale = match unit.trim_end_matches(['i', 'B', 'b']).to_ascii_uppercase().as_str() {
            "" => 1.0,
            "K" => 1024.0,
            "M" => 1024.0 * 1024.0,
            "G" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err("write it as 512M or 4G".to_owned()),
        };
        let bytes = number.trim().parse::<f64>().map_err(|_| "write it as 512M or 4G".to_owned())? * scale;
        if !(1_048_576.0..1e18).contains(&bytes) {
            return Err("a block of links needs 1M at least".to_owned());
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Rows of a matrix, written as `0..50000`: the second is the first one left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows(pub Range<usize>);

impl FromStr for Rows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let said = || "write it as 0..50000".to_owned();
        let (from, to) = text.split_once("..").ok_or_else(said)?;
        let (from, to) = (from.trim().parse().map_err(|_| said())?, to.trim().parse().map_err(|_| said())?);
        if from > to { Err(said()) } else { Ok(Self(from..to)) }
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.0.start, self.0.end)
    }
}

/// Thresholds at even steps, written as `0.1..0.9..0.05`: from, to, step. At most 1,000.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    text: String,
    all: Vec<f64>,
}

impl Thresholds {
    /// All of them, ascending.
    #[must_use]
    pub fn all(&self) -> &[f64] {
        &self.all
    }
}

impl FromStr for Thresholds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let said = || "write it as 0.1..0.9..0.05".to_owned();
        let parts: Vec<&str> = text.split("..").collect();
        let numbers = parts.iter().map(|p| p.trim().parse::<f64>().ok()).collect::<Option<Vec<_>>>();
        let [from, to, step] = numbers.ok_or_else(said)?[..] else { return Err(said()) };
        let count = (to - from) / step;
        if !(from >= 0.0 && step > 0.0 && (0.0..=999.0).contains(&count)) {
            return Err("from 0 or more upwards, in at most 1,000 steps".to_owned());
        }
        // Rounded, so that 0.1 + 2 · 0.05 is 0.2.
        let round = |x: f64| (x * 1e9).round() / 1e9;
        let all = (0..=(count + 1e-9) as usize).map(|k| round(from + k as f64 * step)).collect();
        Ok(Self { text: text.to_owned(), all })
    }
}

impl fmt::Display for Thresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                #[derive(serde::Deserialize)]
                #[serde(untagged)]
                enum Given {
                    Number(u64),
                    Text(String),
                }
                let text = match Given::deserialize(from)? {
                    Given::Number(number) => number.to_string(),
                    Given::Text(text) => text,
                };
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(Bytes, Rows, Thresholds);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!("512M".parse(), Ok(Bytes(512 << 20)));
        assert_eq!("4G".parse(), Ok(Bytes(4 << 30)));
        assert!("1K".parse::<Bytes>().is_err() && "x".parse::<Bytes>().is_err());
        assert_eq!("3..7".parse(), Ok(Rows(3..7)));
        assert!("7..3".parse::<Rows>().is_err());
        let steps: Thresholds = "0.1..0.3..0.05".parse().unwrap();
        assert_eq!(steps.all(), [0.1, 0.15, 0.2, 0.25, 0.3]);
        let time = parse_time("2023-05-25T10:00:00.25Z").unwrap();
        assert_eq!(parse_time(&readable_time(time)), Ok(time));
    }
}
