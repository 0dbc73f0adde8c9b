//! The steps, one file each. A step is a function from a dataset directory and settings to a summary.

mod analyze;
mod capture;
mod cluster;
mod commit;
mod compare;
mod decided;
mod doctor;
mod evaluate;
mod exchange;
mod extract;
mod finalize;
mod matching;
mod method;
mod models;
mod outputs;
mod people;
mod report;
mod review;
mod run;
mod score;
mod state;
mod stats;
mod study;
mod summary;
mod vectors;
mod verify;
mod watch;
mod work;

pub use analyze::analyze;
pub use capture::{capture, register_stop};
pub use cluster::{ClusterSummary, cluster};
pub use doctor::doctor;
pub use evaluate::evaluate;
pub use exchange::{export, import};
pub use extract::{extract, open_existing};
pub use finalize::finalize;
pub use matching::match_clusters;
pub use models::{check, list, load_detector, load_embedder, pull};
pub use report::report;
pub use review::review;
pub use run::run;
pub use score::score;
pub use stats::stats;
pub use study::study;
pub use summary::{Outcome, Summary};
pub use vectors::{cluster_vectors, join_part, link_parts};
pub use verify::verify;
pub use watch::watch;
pub use work::Done;

/// See `say!`.
pub(crate) fn say_line(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "error: standard output: {e}");
            std::process::exit(2);
        }
        _ => {}
    }
}
