//! Which threshold suits a collection, and how sure that is.
//!
//! | file | what |
//! |---|---|
//! | `histograms`, `distances` | [`histograms()`]: distances of faces to their nearest others, as the original shows them |
//! | `sweep`, `scored` | [`sweep()`]: a clustering at each threshold; scores with error bars where labels are known |
//! | `calibration`, `rates`, `tail` | [`Calibration`]: false-match and miss rate without any label |
//! | `recommend`, `why` | [`recommend()`]: a threshold for a wanted purity, in numbers and words |
//! | `baselines` | [`Baseline`]: clustering methods side by side |
//! | `rng`, `stats` | seeded random numbers; the distributions that intervals need |
//!
//! Everything is a pure function of what it is given: same input, same bytes, for any number of threads.

mod baselines;
mod calibration;
mod distances;
mod histograms;
mod rates;
mod recommend;
mod rng;
mod scored;
#[cfg(test)]
mod simulated;
mod stats;
mod sweep;
mod tail;
mod why;

pub use baselines::{Baseline, baseline_text};
pub use calibration::{Calibration, CalibrationSettings, FALSE_MATCH_NOTE, Listed, MISS_NOTE, Pair, Point};
pub use histograms::{AtThreshold, Histogram, HistogramSettings, Histograms, histograms};
pub use rates::{Estimate, Evidence};
pub use recommend::{Basis, Prior, Recommendation, Wish, recommend};
pub use scored::{Interval, Scored};
pub use sweep::{Labelling, Row, Sizes, Truth, sweep};
pub use tail::{Modelled, Tail};
