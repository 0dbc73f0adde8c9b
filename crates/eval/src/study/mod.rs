//! Which threshold suits a collection, and how sure that is.
//!
//! | file | what |
//! |---|---|
//! | `histograms`, `distances` | [`histograms()`]: distances of faces to their nearest others, as the original shows them |
//! | `labelling`, `sweep`, `scored` | [`sweep()`]: a clustering at each threshold; scores with error bars where labels are known |
//! | `pair`, `calibration`, `dyads`, `rates`, `tail` | [`Calibration`]: false-match and miss rate without any label |
//! | `recommendation`, `recommend`, `why` | [`recommend()`]: a threshold for a wanted purity, in numbers and words |
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
pub use recommend::recommend;
pub use recommendation::{Basis, Prior, Recommendation, Target};
pub use scored::{Interval, Scored};
pub use sweep::{Row, Sizes, sweep};
pub use tail::{Modelled, Tail};

use crate::Error;

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
    /// Error rates without labels.
    pub calibration: Option<Calibration>,
    /// Clusterings by threshold, ascending.
    pub sweep: Vec<Row>,
    /// Distances to nearest others.
    pub histograms: Option<Histograms>,
    /// Methods on the same features.
    pub baselines: Vec<Baseline>,
}

impl Study {
    /// Writes `study.json`: every number of the study.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses.
    pub fn json(&self, out: &mut dyn Write) -> Result<(), Error> {
        serde_json::to_writer_pretty(&mut *out, self).map_err(|e| Error::Write(e.into()))?;
        out.write_all(b"\n").map_err(Error::Write)
    }

    /// The clustering with the largest BCubed F, where true labels are known; of several the first.
    #[must_use]
    pub fn best(&self) -> Option<&Row> {
        let f = |row: &Row| row.bcubed.map(|b| b.value.f);
        self.sweep
            .iter()
            .filter(|row| f(row).is_some())
            .reduce(|best, row| if f(row) > f(best) { row } else { best })
    }

    /// The chosen threshold: the recommended one or, where none was asked for, the best by true labels.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        match &self.recommendation {
            Some(recommendation) => recommendation.threshold,
            None => self.best().map(|row| row.threshold),
        }
    }

    /// Why that one, or none.
    #[must_use]
    pub fn why(&self) -> String {
        let recommended = self.recommendation.as_ref().map(|recommendation| recommendation.why.clone());
        recommended
            .or_else(|| self.why_by_labels())
            .unwrap_or_else(|| "Neither frames nor true labels say which threshold is right.".to_owned())
    }

    /// Why true labels alone would take [`best`](Self::best); `None` where they are not known.
    #[must_use]
    pub fn why_by_labels(&self) -> Option<String> {
        self.best().map(|best| why::by_labels(best, self.sweep.len()))
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
                text.push_str("\n#");
                line.clear();
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
mod tests {
    use super::*;

    fn study(title: &str) -> Study {
        let pair = |i: u32, from: f64| {
            let shot = u64::from(i / 3);
            Pair { distance: from + f64::from(i % 97) / 200.0, people: [shot, 1_000 + shot], shot }
        };
        let different: Vec<_> = (0..900).map(|i| pair(i, 0.6)).collect();
        let same: Vec<_> = (0..500).map(|i| pair(i, 0.05)).collect();
        let calibration = Calibration::new(&different, &same, &CalibrationSettings::default()).unwrap();
        let labels = [0, 0, 1, 1, 2];
        let of = |threshold| Labelling { threshold, labels: &labels, silhouette: Some(0.5) };
        let truth = Truth { labels: &[0, 0, 1, 1, 1].map(Some), shots: None, resamples: 100, seed: 1 };
        let sweep = sweep(&[of(0.2), of(0.4)], Some(&truth)).unwrap();
        let rows =
            streamface_types::Embeddings::new((0..40).map(|i| ((i * i) % 11) as f32).collect(), 2).unwrap();
        Study {
            title: title.to_owned(),
            source: title.to_owned(),
            settings: vec![(title.to_owned(), title.to_owned())],
            recommendation: Some(recommend(Target::FalseMatchRate(0.02), &calibration, Prior::None).unwrap()),
            calibration: Some(calibration),
            sweep,
            histograms: Some(histograms(&rows, Default::default(), &HistogramSettings::default()).unwrap()),
            baselines: vec![Baseline {
                method: title.to_owned(),
                settings: title.to_owned(),
                ..Baseline::default()
            }],
        }
    }

    #[test]
    fn json_holds_the_numbers_and_toml_the_line() {
        let study = study("News");
        let mut json = Vec::new();
        study.json(&mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let threshold = study.recommendation.as_ref().and_then(|r| r.threshold).unwrap();
        assert_eq!(json["recommendation"]["threshold"], threshold);
        assert_eq!(json["recommendation"]["basis"], "observed");
        assert_eq!(json["recommendation"]["wish"]["false_match_rate"], 0.02);
        assert_eq!(json["calibration"]["points"].as_array().unwrap().len(), 121);
        assert_eq!(json["sweep"][1]["pairwise"]["value"]["precision"], 1.0);
        assert_eq!(json["histograms"]["min"]["counts"].as_array().unwrap().len(), 50);

        let toml = study.toml();
        let (comment, rest): (Vec<&str>, Vec<&str>) = toml.lines().partition(|l| l.starts_with('#'));
        assert_eq!(rest, [format!("threshold = {threshold:?}")]);
        assert!(comment.iter().all(|l| l.len() <= TOML_WIDTH && !l.ends_with(' ')), "{toml}");
        let words: Vec<&str> = comment.iter().flat_map(|l| l[1..].split_whitespace()).collect();
        assert_eq!(words.join(" "), study.recommendation.unwrap().why);
    }

    #[test]
    fn without_anything_there_is_no_threshold() {
        assert_eq!(
            Study::default().toml(),
            "# Neither frames nor true labels say which threshold is right.\n"
        );
        let calibration = Calibration::new(&[], &[], &CalibrationSettings::default()).unwrap();
        let nothing = Study {
            recommendation: Some(recommend(Target::Purity(0.99), &calibration, Prior::None).unwrap()),
            calibration: Some(calibration),
            ..Study::default()
        };
        assert!(!nothing.toml().contains("threshold ="));
    }

    #[test]
    fn without_frames_true_labels_decide() {
        let study = Study { recommendation: None, calibration: None, ..study("News") };
        let best = study.best().unwrap();
        assert_eq!((best.threshold, study.threshold()), (0.2, Some(0.2)));
        assert!(study.toml().ends_with("\nthreshold = 0.2\n"), "{}", study.toml());
    }

    #[test]
    fn a_wanted_purity_is_not_rounded_away() {
        assert_eq!(Target::Purity(0.999).to_string(), "a purity of at least 99.9 %");
    }
}
