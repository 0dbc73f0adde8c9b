//! Clustering metrics, figures of datasets, verification, and the study of thresholds.
//!
//! | module | what |
//! |---|---|
//! | [`labels`] | [`read_labels`]: `annotations.json` or CSV `name,label` |
//! | [`metrics`] | [`score`]: pairwise and BCubed P/R/F, adjusted Rand, NMI, AMI, V-measure, purity; noise; errors by person |
//! | [`intrinsic`](mod@intrinsic) | [`intrinsic()`]: Davies–Bouldin, Calinski–Harabasz, silhouettes, extents, likely errors |
//! | [`verification`](mod@verification) | [`verify`](verification::verify): accuracy over folds, ROC; [`verification()`]; [`best_threshold`] |
//! | [`stats`] | [`Stats`](stats::Stats): what is in datasets |
//! | [`person_attributes`] | [`AttributeVotes`](person_attributes::AttributeVotes): what models say of a person, by the vote of the faces |
//! | [`study`] | [`study::recommend()`]: a threshold, from histograms, sweeps and calibration without labels |
//! | [`presence`] | [`Presence`](presence::Presence): when someone is on screen |
//! | [`strangers`] | [`Strangers`](strangers::Strangers): how far apart two people's clusters are, and how many join by mistake |
//! | [`merges`] | [`MergeChances`](merges::MergeChances): which merges of complete linkage to believe, how many are wrong, and a threshold |
//! | [`mixture`] | [`Mixture`](mixture::Mixture): the chance that two clusters are one person, from the distances of all pairs |
//! | [`calibration`] | [`fit_temperature`](calibration::fit_temperature): whether probabilities can be relied on, and what makes them so |
//! | [`format`](mod@format), [`clock`] | numbers and times as people read them |
//!
//! ```
//! use std::collections::BTreeMap;
//! let labels = |all: [(&str, i64); 4]| BTreeMap::from(all.map(|(name, label)| (name.to_owned(), label)));
//! let truth = labels([("a", 0), ("b", 0), ("c", 1), ("d", 1)]);
//! let found = labels([("a", 5), ("b", 5), ("c", 7), ("d", 8)]);
//! let scores = streamface_eval::score(&truth, &found)?;
//! assert_eq!((scores.pairwise.precision, scores.pairwise.recall), (1.0, 0.5));
//! assert_eq!(scores.bcubed.recall, 0.75);
//! assert_eq!(scores.purity, 1.0);
//! assert!((scores.information.ami - 0.5714285714285715).abs() < 1e-9);
//! # Ok::<(), streamface_eval::Error>(())
//! ```

pub mod calibration;
pub mod clock;
mod distributions;
mod error;
pub mod format;
pub mod intrinsic;
pub mod labels;
pub mod merges;
pub mod metrics;
pub mod mixture;
pub mod person_attributes;
pub mod presence;
mod random;
pub mod stats;
pub mod strangers;
pub mod study;
pub mod verification;

pub use error::{Error, Result};
pub use intrinsic::{Intrinsic, intrinsic};
pub use labels::read_labels;
pub use metrics::{Contingency, Pairs, Prf, Scores, score};
pub use verification::{BestThreshold, Verification, best_threshold, verification};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
