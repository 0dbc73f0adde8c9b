//! Error rates at every threshold from pairs that need no label.

use serde::Serialize;

use super::dyads::DyadCounts;
use super::pair::Pair;
use super::rates::{Estimate, Evidence, above};
use super::tail::{self, Modelled, Tail};
use crate::Error;

/// What the false-match rate stands for, in words for the reader of a result.
pub const FALSE_MATCH_NOTE: &str = "The false-match rate comes from pairs of faces that share a frame. They are different people under \
    the same light, camera and make-up, which brings them nearer than two people of different \
    programmes, so for pairs at large the rate is if anything too high. But the same few people meet \
    again and again: it knows nothing of look-alikes who never share a frame, and a collection of many \
    thousand people has more of them.";

/// What the miss rate stands for.
pub const MISS_NOTE: &str = "The miss rate comes from linked faces of neighbouring frames: same light, nearly the same pose. \
    The same person on another day is harder to recognise, so this rate is a lower bound.";

/// How to calibrate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationSettings {
    /// Largest threshold of the grid, above 0. Default 1.2.
    pub max: f64,
    /// Distance between thresholds, above 0; at most 2,000 of them. Default 0.01.
    pub step: f64,
    /// Resamples of the bootstrap, 1,000 to 10,000. Default 2,000.
    pub resamples: usize,
    /// Confidence of the intervals, 0.5 to 0.999. Default 0.95.
    pub confidence: f64,
    /// Seed of the bootstrap. Default 1.
    pub seed: u64,
}

impl Default for CalibrationSettings {
    fn default() -> Self {
        Self { max: 1.2, step: 0.01, resamples: 2_000, confidence: 0.95, seed: 1 }
    }
}

const MAX_THRESHOLDS: f64 = 2_000.0;
/// With fewer pairs of people than this a rate is hardly known.
const FEW_PAIRS_OF_PEOPLE: u64 = 10;
/// Pairs listed for a look.
const MAX_LISTED: usize = 20;

impl CalibrationSettings {
    fn thresholds(&self) -> Result<Vec<f64>, Error> {
        let wrong = |name, value, range| Err(Error::Setting { name, value, range });
        if !(self.max.is_finite() && self.max > 0.0) {
            return wrong("max", self.max, "a finite number above 0");
        }
        if !(self.step > 0.0 && self.step <= self.max && self.max / self.step <= MAX_THRESHOLDS) {
            return wrong("step", self.step, "between max / 2,000 and max");
        }
        if !(1_000..=10_000).contains(&self.resamples) {
            return wrong("resamples", self.resamples as f64, "1,000 to 10,000");
        }
        if !(0.5..=0.999).contains(&self.confidence) {
            return wrong("confidence", self.confidence, "0.5 to 0.999");
        }
        let last = (self.max / self.step + 1e-9).floor() as u32;
        // 0.07, not 0.07 and a 17th digit: thresholds are copied by hand.
        Ok((0..=last).map(|i| (f64::from(i) * self.step * 1e9).round() / 1e9).collect())
    }
}

/// What is known of one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The threshold.
    pub threshold: f64,
    /// Share of the surely different pairs that are at or below it.
    pub false_match: Estimate,
    /// The same by the tail's model, where the threshold lies in the tail.
    pub modelled: Option<Modelled>,
    /// Share of the surely same pairs that are above it.
    pub miss: Estimate,
}

/// A pair worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Listed {
    /// Its index in the list that was given.
    pub index: usize,
    /// Its distance.
    pub distance: f64,
    /// Whose faces they are.
    pub people: [u64; 2],
}

/// False-match rate and miss rate at every threshold.
///
/// Intervals allow for pairs with a person in common being alike: more footage of the same few people makes them little
/// narrower. They say how much chance there is in *these* people; how these differ from all people is said by
/// [`FALSE_MATCH_NOTE`] and [`MISS_NOTE`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// How it was made.
    pub settings: CalibrationSettings,
    /// The surely different pairs.
    pub different: Evidence,
    /// The surely same pairs.
    pub same: Evidence,
    /// By threshold, ascending from 0.
    pub points: Vec<Point>,
    /// The tail of the different pairs' distances; `None` where they are too few.
    pub tail: Option<Tail>,
    /// The different pairs that are nearest: look-alikes, or one person twice in a frame. At most 20.
    pub nearest_different: Vec<Listed>,
    /// The same pairs that are farthest: hard faces, or a link that is wrong. At most 20.
    pub farthest_same: Vec<Listed>,
    /// What to know before using it, in sentences.
    pub notes: Vec<String>,
}

impl Calibration {
    /// From the distances of surely `different` pairs (two faces of one frame) and surely `same` ones
    /// (faces linked from frame to frame). Either list may be empty: its rate is then unknown, and the
    /// notes say so.
    ///
    /// O(n log n + thresholds + resamples · pairs of people) time.
    ///
    /// ```
    /// use streamface_eval::study::{Calibration, CalibrationSettings, Pair};
    ///
    /// let shot = |i: u32| u64::from(i / 2);
    /// let pair = |i, near, people| Pair { distance: near + f64::from(i % 20) / 100.0, people, shot: shot(i) };
    /// // 300 pairs of people, each seen twice.
    /// let different: Vec<_> = (0..600).map(|i| pair(i, 0.7, [shot(i), 1_000 + shot(i)])).collect();
    /// let same: Vec<_> = (0..600).map(|i| pair(i, 0.1, [shot(i); 2])).collect();
    /// let calibration = Calibration::new(&different, &same, &CalibrationSettings::default())?;
    /// let point = calibration.at(0.5).unwrap();
    /// assert_eq!((point.false_match.rate, point.false_match.lower), (Some(0.0), 0.0));
    /// // No false match in 300 pairs of people: at most 3 / 300.
    /// assert!((point.false_match.upper - 0.00994).abs() < 1e-5);
    /// # Ok::<(), streamface_eval::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Distance`] where one is negative or not finite, [`Error::Setting`] where a setting is
    /// out of its range.
    pub fn new(different: &[Pair], same: &[Pair], settings: &CalibrationSettings) -> Result<Self, Error> {
        let thresholds = settings.thresholds()?;
        for (list, pairs) in [("different", different), ("same", same)] {
            if let Some((index, pair)) =
                pairs.iter().enumerate().find(|(_, p)| !(p.distance.is_finite() && p.distance >= 0.0))
            {
                return Err(Error::Distance { list, index, value: pair.distance });
            }
        }
        let CalibrationSettings { resamples, confidence, seed, .. } = *settings;
        let bins = thresholds.len();
        let counts = DyadCounts::new(different, &thresholds);
        let of_different = counts.evidence;
        let false_match = counts.shares(bins, confidence);
        let counts = DyadCounts::new(same, &thresholds);
        let of_same = counts.evidence;
        let miss = above(counts.shares(bins, confidence), of_same.pairs);
        let (tail, modelled) = tail::fit(different, &thresholds, resamples, confidence, seed).unzip();
        let modelled = modelled.unwrap_or_default();
        let points = thresholds.iter().zip(false_match).zip(miss).enumerate();
        let points = points
            .map(|(i, ((&threshold, false_match), miss))| Point {
                threshold,
                false_match,
                modelled: modelled.get(i).copied(),
                miss,
            })
            .collect();
        let mut calibration = Self {
            settings: *settings,
            different: of_different,
            same: of_same,
            points,
            tail,
            nearest_different: listed(different, 1.0),
            farthest_same: listed(same, -1.0),
            notes: Vec::new(),
        };
        calibration.notes = calibration.notes();
        Ok(calibration)
    }

    /// The point of the largest threshold of the grid that is at most `threshold`.
    #[must_use]
    pub fn at(&self, threshold: f64) -> Option<&Point> {
        self.points[..self.points.partition_point(|p| p.threshold <= threshold + 1e-9)].last()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![FALSE_MATCH_NOTE.to_owned(), MISS_NOTE.to_owned()];
        let different =
            ("false-match", "no frame has two faces", "pair of people shares", "pairs of people share");
        let same = ("miss", "no faces are linked", "person has linked", "people have linked");
        for (evidence, (rate, none, one, several)) in [(self.different, different), (self.same, same)] {
            let what = if rate == "miss" { "faces" } else { "a frame" };
            match evidence.pairs_of_people {
                0 => notes.push(format!("Not enough data: {none}, so the {rate} rate is unknown.")),
                1 => notes.push(format!(
                    "Not enough data: only 1 {one} {what}, so the {rate} rate is hardly known."
                )),
                n if n < FEW_PAIRS_OF_PEOPLE => notes.push(format!(
                    "Not enough data: only {n} {several} {what}, so the {rate} rate is hardly known."
                )),
                _ => {}
            }
        }
        if self.different.pairs > 0 && self.tail.is_none() {
            notes.push(
                "Too few pairs of one frame are near each other to say how their number goes on below: nothing is extrapolated."
                    .to_owned(),
            );
        }
        if self.tail.is_some_and(|t| t.heavier) {
            notes.push(
                "Some pairs of one frame are far nearer than the others suggest. One person may be twice in a frame (a picture, \
                 a mirror, a video wall): look at the nearest pairs, and leave out those that are."
                    .to_owned(),
            );
        }
        notes
    }
}

/// The first few in the order of `sign` times the distance.
fn listed(pairs: &[Pair], sign: f64) -> Vec<Listed> {
    let all = pairs.iter().enumerate();
    let mut all: Vec<Listed> =
        all.map(|(index, p)| Listed { index, distance: p.distance, people: p.people }).collect();
    let order = |a: &Listed, b: &Listed| {
        (sign * a.distance).total_cmp(&(sign * b.distance)).then(a.index.cmp(&b.index))
    };
    if all.len() > MAX_LISTED {
        all.select_nth_unstable_by(MAX_LISTED, order);
        all.truncate(MAX_LISTED);
    }
    all.sort_unstable_by(order);
    all
}
