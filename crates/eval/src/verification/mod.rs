//! Verification: how well distances separate pairs of one person from pairs of two people.
//!
//! | file | what |
//! |---|---|
//! | `all` | [`verification()`]: AUC and TAR at a FAR over all pairs of a matrix; [`best_threshold`] |
//! | `protocol` | [`read_pairs`]: the pairs of LFW and YTF; [`rows_by_name`] |
//! | `draw` | [`draw_pairs`]: pairs from labels |
//! | `roc` | [`Roc`]: the curve, its area, equal error rate, TAR at a FAR |
//! | `folds` | [`verify`]: accuracy over folds, each with the threshold that the others choose |

mod all;
mod draw;
mod folds;
mod protocol;
mod roc;

pub use all::{BestThreshold, Verification, best_threshold, verification};
pub use draw::{Draw, draw_pairs};
pub use folds::{Fold, Verified, verify};
pub use protocol::{Pair, read_pairs, rows_by_name};
pub use roc::{Roc, RocPoint, TarAtFar};
