//! Counts over time in bounded memory.

use std::collections::BTreeMap;

use serde::Serialize;
use streamface_types::Timestamp;

use crate::clock::recorded;

/// Widths of bins in seconds, each a multiple of the one before: 1 s to a week.
const WIDTHS: [i64; 9] = [1, 5, 10, 60, 600, 3600, 21_600, 86_400, 604_800];
/// Most bins while counting; beyond that they are made wider.
const MAX_BINS_HELD: usize = 20_000;
/// Most bins from the first to the last.
const MAX_BINS_SHOWN: i64 = 120;

/// Counts in bins of one width, which grows with what is counted.
#[derive(Debug, Clone)]
pub(super) struct Times {
    width: i64,
    counts: BTreeMap<i64, u64>,
}

/// Faces over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverTime {
    /// Beginning of the first bin, seconds since 1970 UTC; where no file has a time of recording, seconds from the
    /// beginning of each.
    pub from: i64,
    /// Whether these are times of the clock on the wall.
    pub recorded: bool,
    /// Faces of files without a time of recording, where others have one: they are in no bin.
    pub left_out: u64,
    /// Width of a bin in seconds.
    pub width: i64,
    /// Faces in each bin, at most 120 of them.
    pub faces: Vec<u64>,
}

impl Default for Times {
    fn default() -> Self {
        Self { width: WIDTHS[0], counts: BTreeMap::new() }
    }
}

impl Times {
    /// One at this time, microseconds since 1970.
    pub fn add(&mut self, micros: i64) {
        *self.counts.entry(micros.div_euclid(1_000_000).div_euclid(self.width)).or_default() += 1;
        if self.counts.len() > MAX_BINS_HELD {
            self.widen();
        }
    }

    /// From one width to the next, and from the last to its double.
    fn widen(&mut self) {
        let next = WIDTHS.into_iter().find(|&w| w > self.width).unwrap_or(self.width.saturating_mul(2));
        let factor = next / self.width;
        self.width = next;
        let old = std::mem::take(&mut self.counts);
        for (bin, count) in old {
            *self.counts.entry(bin.div_euclid(factor)).or_default() += count;
        }
    }

    fn all(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The bins from first to last; `None` where nothing was counted.
    fn finish(mut self) -> Option<OverTime> {
        loop {
            let (first, last) = (*self.counts.keys().next()?, *self.counts.keys().last()?);
            if last - first < MAX_BINS_SHOWN {
                let bins = first..=last;
                let faces = bins.map(|bin| self.counts.get(&bin).copied().unwrap_or(0)).collect();
                let (from, width) = (first * self.width, self.width);
                return Some(OverTime { from, recorded: true, left_out: 0, width, faces });
            }
            self.widen();
        }
    }
}

/// Recorded times, and those that only count from the beginning of a file. One axis cannot show both.
#[derive(Debug, Clone, Default)]
pub(super) struct TimeCounts {
    recorded: Times,
    counted: Times,
}

impl TimeCounts {
    /// One at this time.
    pub fn add(&mut self, time: Timestamp) {
        let times = if recorded(time).is_some() { &mut self.recorded } else { &mut self.counted };
        times.add(time.micros());
    }

    /// The times of the clock on the wall, or the others where there are none.
    pub fn finish(self) -> Option<OverTime> {
        let left_out = self.counted.all();
        match self.recorded.finish() {
            Some(over) => Some(OverTime { left_out, ..over }),
            None => self.counted.finish().map(|over| OverTime { recorded: false, ..over }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn over(times: &[i64]) -> Option<OverTime> {
        let mut counts = Times::default();
        times.iter().for_each(|&t| counts.add(t));
        counts.finish()
    }

    #[test]
    fn bins_grow_with_the_time() {
        assert_eq!(over(&[]), None);
        let short = over(&[1_500_000, 1_900_000, 4_000_000]).unwrap();
        assert_eq!((short.from, short.width, &short.faces[..]), (1, 1, &[2, 0, 0, 1][..]));
        let day = over(&[0, 86_400_000_000]).unwrap();
        assert_eq!((day.width, day.faces.len()), (3600, 25));
        let ages = over(&[-62_167_219_200_000_000, 253_402_300_799_999_999]).unwrap();
        assert!(ages.faces.len() <= 120 && ages.faces.iter().sum::<u64>() == 2);
    }

    #[test]
    fn dates_go_before_times_that_only_count() {
        let (mut all, mut files) = (TimeCounts::default(), TimeCounts::default());
        assert_eq!(all.clone().finish(), None);
        for seconds in [5, 7, 7] {
            all.add(Timestamp::from_micros(seconds * 1_000_000));
            files.add(Timestamp::from_micros(seconds * 1_000_000));
        }
        all.add(Timestamp::parse_compact("20230525100138412614").unwrap());
        let files = files.finish().unwrap();
        assert_eq!(
            (files.recorded, files.from, &files.faces[..], files.left_out),
            (false, 5, &[1, 0, 2][..], 0)
        );
        let all = all.finish().unwrap();
        assert_eq!(
            (all.recorded, all.from, &all.faces[..], all.left_out),
            (true, 1_685_008_898, &[1][..], 3)
        );
    }

    proptest! {
        #[test]
        fn every_time_is_in_its_bin(times in prop::collection::vec(-4_000_000_000_i64..4_000_000_000, 1..60), scale in 1..500_i64) {
            let times: Vec<i64> = times.iter().map(|t| t * scale).collect();
            let found = over(&times).unwrap();
            prop_assert!(found.faces.len() <= 120);
            for (i, &count) in found.faces.iter().enumerate() {
                let from = found.from + i as i64 * found.width;
                let within = |t: &&i64| (from..from + found.width).contains(&t.div_euclid(1_000_000));
                prop_assert_eq!(times.iter().filter(within).count() as u64, count);
            }
        }
    }

    #[test]
    fn many_bins_are_not_held() {
        let mut counts = Times::default();
        (0..200_000).for_each(|i| counts.add(i * 7_000_000));
        assert!(counts.counts.len() <= MAX_BINS_HELD);
        assert_eq!(counts.finish().unwrap().faces.iter().sum::<u64>(), 200_000);
    }
}
