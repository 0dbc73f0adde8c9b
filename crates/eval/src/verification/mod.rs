//! Verification: how well distances separate pairs of one person from pairs of two people.
//!
//! | file | what |
//! |---|---|
//! | `all` | [`verification()`]: AUC and TAR at a FAR over all pairs of a matrix; [`best_threshold`] |
//! | `protocol` | [`read_pairs`]: the pairs of LFW and YTF; [`rows_by_name`] |
//! | `people` | [`people_of`]: who the pairs of a file are of |
//! | `draw` | [`draw_pairs`]: pairs from labels |
//! | `roc` | [`Roc`]: the curve, its area, equal error rate, TAR at a FAR |
//! | `folds` | [`verify`]: accuracy over folds, each with the threshold that the others choose |
//! | `intervals` | where the rates lie, by people |
//! | `reject` | [`rejecting()`]: misses as the worst faces are left out |
//! | `hardest` | [`hardest`]: the pairs that are hardest to tell |

mod all;
mod draw;
mod folds;
mod hardest;
mod intervals;
mod people;
mod protocol;
mod reject;
mod roc;

pub use all::{BestThreshold, Verification, best_threshold, verification};
pub use draw::{Draw, Drawn, draw_pairs};
pub use folds::{Compared, Fold, TooFew, Verified, verify};
pub use hardest::{HardPair, HardPairs, hardest};
pub use people::{ToldBy, people_of};
pub use protocol::{Pair, read_pairs, rows_by_name};
pub use reject::{RejectPoint, Rejecting, rejecting};
pub use roc::{MIN_ACCEPTED, Roc, RocPoint, TarAtFar};
