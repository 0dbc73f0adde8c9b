//! Whether a time is a date, or counts from 1970 because the date is unknown.

use streamface_types::{StreamTime, Timestamp};

/// January 1970. Times of a file without a date count from its beginning, and no file is that long. A camera whose
/// clock was never set gives such times, too.
const UNSET_CLOCK: std::ops::Range<i64> = 0..31 * 86_400_000_000;

/// When something was captured; `None` where that is not known and the time only counts from 1970.
pub fn recorded(time: Timestamp) -> Option<Timestamp> {
    Some(time).filter(|t| !UNSET_CLOCK.contains(&t.micros()))
}

/// How far into its file something is, for a time that [`recorded`] does not take for a date.
pub fn counted(time: Timestamp) -> Option<StreamTime> {
    recorded(time).is_none().then(|| StreamTime(time.micros()))
}

/// `h:mm:ss` of a stream's own clock.
pub fn whole_seconds(time: StreamTime) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| seconds.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_count_from_1970_are_no_dates() {
        let at = |text: &str| Timestamp::parse_compact(text).unwrap();
        for text in ["19700101000000000000", "19700101000200000000", "19700131235959999999"] {
            assert_eq!((recorded(at(text)), counted(at(text)).is_some()), (None, true), "{text}");
        }
        for text in ["19700201000000000000", "20230525100138412614", "19691231235959999999"] {
            assert_eq!((recorded(at(text)), counted(at(text))), (Some(at(text)), None), "{text}");
        }
        assert_eq!(whole_seconds(counted(at("19700102010203999999")).unwrap()), "25:02:03");
    }
}
