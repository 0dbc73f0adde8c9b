//! Settings of the steps that study, compare and score.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streamface_annotate::matching::{Mode, Rule};
use streamface_types::Metric;

use super::Settings;
use super::values::{self, Thresholds};
use crate::threads::threads;
use crate::{Error, Result};

/// Settings of [`crate::study`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct StudySettings {
    /// Where `study.html`, `study.json` and `threshold.toml` go; default the dataset directory, needed for
    /// vectors.
    pub out: Option<PathBuf>,
    /// The distance of vectors; default cosine. That of a dataset is its model's.
    #[serde(with = "values::metric::optional")]
    pub metric: Option<Metric>,
    /// True labels, where there are any: annotations.json, or CSV `name,label` (`index,label` for vectors).
    pub labels: Option<PathBuf>,
    /// Joins of two people's clusters that may be expected at the recommended threshold; above 0, default 0.5.
    pub false_merges: f64,
    /// Thresholds that are tried, beside the recommended one and that in use; default `0.1..0.9..0.05`, for the Euclidean
    /// distance these shares of the median distance of two faces.
    pub thresholds: Option<Thresholds>,
    /// Other methods on the same faces, in one table. Default false.
    pub compare: bool,
    /// Most faces whose distances the histograms are of, drawn at random; default 30,000. With more faces there
    /// are no silhouettes.
    pub max_samples: usize,
    /// Threads; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            out: None,
            metric: None,
            labels: None,
            false_merges: 0.5,
            thresholds: None,
            compare: false,
            max_samples: 30_000,
            threads: None,
        }
    }
}

impl Settings for StudySettings {
    fn check(&self) -> Result<()> {
        if !(self.false_merges > 0.0 && self.false_merges.is_finite()) {
            let said = format!("--false-merges is a number above 0, not {}", self.false_merges);
            return Err(Error::Setting(said));
        }
        threads(self.threads).map(drop)
    }
}

/// Settings of [`crate::evaluate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct EvaluateSettings {
    /// Labels: CSV `index,label` for vectors, which need them; for a dataset `auto` (the review's where there is one, else
    /// the last clustering's), `reviewed`, `clusters`, annotations.json or CSV `name,label`. Default `auto`.
    pub labels: Option<PathBuf>,
    /// The distance; default cosine.
    #[serde(with = "values::metric::optional")]
    pub metric: Option<Metric>,
    /// Likely errors that are listed, the worst first; default 100.
    pub errors: usize,
    /// The page; default `evaluate.html` in the dataset directory, none for vectors.
    pub out: Option<PathBuf>,
    /// Threads; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
}

impl Default for EvaluateSettings {
    fn default() -> Self {
        Self { labels: None, metric: None, errors: 100, out: None, threads: None }
    }
}

impl Settings for EvaluateSettings {
    fn check(&self) -> Result<()> {
        threads(self.threads).map(drop)
    }
}

/// How far apart two clusters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MatchMode {
    /// The distance of their means.
    #[default]
    Average,
    /// The smallest distance from face to face.
    Single,
    /// The smallest among their means and the two faces of each that are farthest apart.
    Triplet,
}

impl MatchMode {
    /// The word in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Single => "single",
            Self::Triplet => "triplet",
        }
    }

    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::Average => Mode::Average,
            Self::Single => Mode::Single,
            Self::Triplet => Mode::Triplet,
        }
    }
}

/// Which of the original's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CompatRule {
    /// As its code has it: all pairs are asked about, of clusters that have one nearer than `min`.
    Code,
    /// As it is published: nearer than `min` is one person without asking, `min` to `max` is asked about.
    Paper,
}

impl CompatRule {
    pub(crate) fn rule(this: Option<Self>) -> (Rule, &'static str) {
        match this {
            None => (Rule::Lists, "lists"),
            Some(Self::Code) => (Rule::Code, "code"),
            Some(Self::Paper) => (Rule::Paper, "paper"),
        }
    }
}

/// Settings of [`crate::match_clusters`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct MatchSettings {
    /// Labels: CSV `index,label` for vectors; for a dataset `auto` (its clusters with the decisions so far), `reviewed`,
    /// `clusters`, annotations.json or CSV `name,label`. Default `auto`.
    pub labels: Option<PathBuf>,
    /// Where the pairs go; default `metadata/cluster_evals.json` in the dataset directory, needed for vectors.
    pub out: Option<PathBuf>,
    /// The distance; default the model's, cosine for vectors.
    #[serde(with = "values::metric::optional")]
    pub metric: Option<Metric>,
    /// How far apart two clusters are; default by their means.
    pub mode: MatchMode,
    /// Pairs nearer than this are sure; default half the model's clustering threshold, needed for vectors.
    pub min: Option<f64>,
    /// Pairs farther than this are not asked about; default the model's clustering threshold, needed for vectors.
    pub max: Option<f64>,
    /// Only so many of the largest clusters; with the rule `code` labels 0 to this. Default all; with `code`
    /// 10,000.
    pub topk: Option<u64>,
    /// Pairs that are kept, the nearest; default 1,000,000. With the rule `code` 64,000,000, and more is an error.
    pub most: Option<usize>,
    /// Join the sure ones, the nearest first, by decisions that can be undone. Default false; the rule `paper`
    /// does so too.
    pub join: bool,
    /// Lists by the original's rules. Default none.
    pub compat: Option<CompatRule>,
    /// Threads; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
}

impl Settings for MatchSettings {
    fn check(&self) -> Result<()> {
        threads(self.threads).map(drop)
    }
}

/// Settings of [`crate::report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ReportSettings {
    /// Labels: `auto` (the review's where there is one, else the last clustering's), `reviewed`, `clusters`, or a file:
    /// annotations.json, or CSV `name,label`. Default `auto`.
    pub labels: String,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { labels: "auto".to_owned() }
    }
}

impl Settings for ReportSettings {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Settings of [`crate::score`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ScoreSettings {
    /// What the labels were before a review: what it gained. Default none.
    pub before: Option<PathBuf>,
    /// A page of what the two labellings see differently. Default none.
    pub html: Option<PathBuf>,
    /// Where the page's pictures are: a dataset directory, or a folder of `{face}.png`. Default none.
    pub faces: Option<PathBuf>,
    /// All faces of noise are one cluster, as the original has it; else each is a cluster of its own. Default false.
    pub noise_as_cluster: bool,
}

impl Settings for ScoreSettings {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Settings of [`crate::stats`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct StatsSettings {
    /// Labels, one for each directory: `auto` (the review's where there is one, else the last clustering's), `reviewed`,
    /// `clusters`, annotations.json or CSV `name,label`. Default `auto`.
    pub labels: Vec<PathBuf>,
    /// The page; the same as JSON goes beside it. Default `stats.html` in the first directory.
    pub out: Option<PathBuf>,
    /// Leave out the distances within and between people, so that embeddings are not read. Default false.
    pub no_distances: bool,
    /// Threads; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
}

impl Settings for StatsSettings {
    fn check(&self) -> Result<()> {
        threads(self.threads).map(drop)
    }
}

/// Settings of [`crate::verify`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct VerifySettings {
    /// The name of each row of vectors, one a line. Default their numbers.
    pub names: Option<PathBuf>,
    /// The pairs to compare; of a photo the face nearest its middle. Default drawn from labels.
    pub pairs: Option<PathBuf>,
    /// Labels to draw pairs from: annotations.json or CSV `name,label` (`index,label` for vectors); for a dataset `auto` (the
    /// review's where there is one, else the last clustering's), `reviewed` or `clusters`. Default `auto`.
    pub labels: Option<PathBuf>,
    /// The distance; default cosine.
    #[serde(with = "values::metric::optional")]
    pub metric: Option<Metric>,
    /// Folds that are drawn; default 10.
    pub folds: usize,
    /// Pairs of one person in a drawn fold, and as many of two; default 300.
    pub per_fold: usize,
    /// Seed of the draw; default 0.
    pub seed: u64,
    /// The page; default `verify.html` in the dataset directory, none for vectors.
    pub out: Option<PathBuf>,
    /// Threads; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self {
            names: None,
            pairs: None,
            labels: None,
            metric: None,
            folds: 10,
            per_fold: 300,
            seed: 0,
            out: None,
            threads: None,
        }
    }
}

impl Settings for VerifySettings {
    fn check(&self) -> Result<()> {
        threads(self.threads).map(drop)
    }
}
