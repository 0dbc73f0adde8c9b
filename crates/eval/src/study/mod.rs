//! Which threshold suits a collection, and how sure that is.
//!
//! | file | what |
//! |---|---|
//! | `histograms`, `distances` | [`histograms()`]: distances of faces to their nearest others, as the original shows them |
//! | `labelling`, `sweep`, `scored` | [`sweep()`]: a clustering at each threshold; scores with error bars where labels are known |
//! | `pair`, `calibration`, `dyads`, `rates`, `tail` | [`Calibration`]: false-match and miss rate without any label |
//! | `recommendation`, `recommend`, `why` | [`recommend()`]: the threshold to take, in numbers and words |
//! | `baselines` | [`Baseline`]: clustering methods side by side |
//!
//! [`Study`] holds all of it and writes `study.json`.
//!
//! Everything is a pure function of what it is given: same input, same bytes, for any number of threads.

mod baselines;
mod calibration;
mod distances;
mod dyads;
mod histograms;
mod labelling;
mod pair;
mod rates;
mod recommend;
mod recommendation;
mod scored;
#[cfg(test)]
mod simulated;
mod sweep;
mod tail;
mod why;
#[cfg(test)]
mod worlds;

use std::io::Write;

use serde::Serialize;

pub use baselines::{BASELINE_COLUMNS, BASELINE_TEXT_COLUMNS, Baseline, baseline_text};
pub use calibration::{Calibration, CalibrationSettings, FALSE_MATCH_NOTE, Listed, MISS_NOTE, Point};
pub use histograms::{AtThreshold, Histogram, HistogramSettings, Histograms, histograms};
pub use labelling::{Labelling, Truth};
pub use pair::Pair;
pub use rates::{Estimate, Evidence};
pub use recommend::{Grounds, recommend};
pub use recommendation::{Basis, Present, PresentOf, Recommendation};
pub use scored::{Interval, Scored};
pub use sweep::{Row, Sizes, sweep};
pub use tail::{Modelled, Tail};
pub use why::{between, joins};

use crate::Error;

/// What a study comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Answer {
    /// The threshold to take.
    pub threshold: Option<f64>,
    /// Clusters of two people expected to be joined there.
    pub expected_false_merges: Option<f64>,
    /// Where that number lies.
    pub interval: Option<Bounds>,
}

/// An interval, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// The share of such intervals that hold the truth.
    pub confidence: f64,
}

#[derive(Serialize)]
struct WithAnswer<'a> {
    #[serde(flatten)]
    answer: Answer,
    #[serde(flatten)]
    study: &'a Study,
}

/// All that a study found. Fill in what there is: sections without content are left out of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Study {
    /// Heading and title of the page.
    pub title: String,
    /// What was studied, in a line.
    pub source: String,
    /// Settings by name, in the order to show them.
    pub settings: Vec<(String, String)>,
    /// The recommended threshold.
    pub recommendation: Option<Recommendation>,
    /// The threshold in use.
    pub present: Option<Present>,
    /// Error rates without labels.
    pub calibration: Option<Calibration>,
    /// The clustering by merges judged one by one within the same budget, which is what is done where no threshold is
    /// given; its `threshold` is the largest distance of a merge that was believed.
    pub judged: Option<Row>,
    /// Clusterings by threshold, ascending.
    pub sweep: Vec<Row>,
    /// Distances to nearest others.
    pub histograms: Option<Histograms>,
    /// Methods on the same features.
    pub baselines: Vec<Baseline>,
}

impl Study {
    /// Writes `study.json`: every number of the study, and first the threshold, the false merges expected there and their
    /// interval.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses.
    pub fn json(&self, out: &mut dyn Write) -> Result<(), Error> {
        let all = WithAnswer { answer: self.answer(), study: self };
        serde_json::to_writer_pretty(&mut *out, &all).map_err(|e| Error::Write(e.into()))?;
        out.write_all(b"\n").map_err(Error::Write)
    }

    /// The threshold, the false merges expected there and their interval.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let of = self.recommendation.as_ref();
        Answer {
            threshold: self.threshold(),
            expected_false_merges: of.map(|r| r.false_merges.expected),
            interval: of.map(|r| {
                let (lower, upper) = r.false_merges.interval;
                Bounds { lower, upper, confidence: r.confidence }
            }),
        }
    }

    /// The clustering with the largest BCubed F, where true labels are known; of several the one nearest to what the budget
    /// of false merges would take.
    #[must_use]
    pub fn best(&self) -> Option<&Row> {
        sweep::best(&self.sweep, self.recommendation.as_ref().map(|r| r.by_budget))
    }

    /// The clustering at a threshold that was tried.
    #[must_use]
    pub fn at(&self, threshold: f64) -> Option<&Row> {
        self.sweep.iter().find(|row| row.threshold == threshold)
    }

    /// The chosen threshold: the recommended one or, without a recommendation, the best by true labels.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        let best = || self.best().map(|row| row.threshold);
        self.recommendation.as_ref().map(|r| r.threshold).or_else(best)
    }

    /// What is special about a threshold: `recommended`, `without labels` (what the budget would take), `in use`.
    #[must_use]
    pub fn names_of(&self, threshold: f64) -> Vec<&'static str> {
        let without =
            self.recommendation.as_ref().filter(|r| r.basis == Basis::TrueLabels).map(|r| r.by_budget);
        let of = [
            ("recommended", self.threshold()),
            ("without labels", without),
            ("in use", self.present.map(|present| present.threshold)),
        ];
        of.into_iter().filter(|(_, of)| *of == Some(threshold)).map(|(name, _)| name).collect()
    }

    /// Why that one.
    #[must_use]
    pub fn why(&self) -> String {
        match (&self.recommendation, self.best()) {
            (Some(recommendation), _) => recommendation.why.clone(),
            (None, Some(best)) => why::by_labels(best, self.sweep.len()),
            (None, None) => "Nothing was studied.".to_owned(),
        }
    }

    /// That threshold as lines of TOML, for the settings of the next step: the reason as a comment, then
    /// `threshold = 0.62`; only the comment where there is none.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = String::new();
        let why = self.why();
        let mut line = String::from("#");
        for word in why.split_whitespace() {
            if line.len() + 1 + word.len() > TOML_WIDTH {
                text.push_str(&line);
                text.push('\n');
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
        if let Some(threshold) = self.threshold() {
            // Debug, so that a whole number has its point: TOML tells 1 from 1.0.
            text.push_str(&format!("threshold = {threshold:?}\n"));
        }
        text
    }
}

/// Columns of the comment in [`Study::toml`].
const TOML_WIDTH: usize = 100;

#[cfg(test)]
mod tests;
