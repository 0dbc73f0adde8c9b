//! `hri serve`: an index over HTTP and JSON.
//!
//! | file | content |
//! |---|---|
//! | `api` | routes, requests and replies |
//! | `rows` | vectors of a request |
//! | `metrics` | metrics for Prometheus |
//! | `openapi.json`, `index.html` | the description of the routes, for programs and for people |

mod api;
mod metrics;
mod rows;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use hri::{Settings, Store, Threshold};
use streamface_web::{Options, Server};

use crate::args::Serve;
use crate::commands::index::hinted;
use api::App;

/// Serves until SIGINT or SIGTERM.
pub(super) fn serve(args: &Serve) -> anyhow::Result<()> {
    let store = open(args)?;
    let stats = store.stats()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let options = Options {
        listen: args.listen,
        names: args.name.clone(),
        connections: args.connections,
        body: mib(args.body_mib),
        bodies: mib(args.bodies_mib),
        posts_per_second: f64::INFINITY,
        private: &["/api/", "/metrics"],
        programs: true,
        ..Options::default()
    };
    let store = Arc::new(store);
    let app = App::new(Arc::clone(&store), args.in_flight);
    let server = Server::start("hri", app.router(), options)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "serving {} people at {}", stats.people, server.url())?;
    out.flush()?;
    drop(out);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop();
    // The next start is faster from a snapshot than from a long log.
    store
        .snapshot()
        .context("the last snapshot could not be written; all acknowledged changes are in the log")?;
    Ok(())
}

fn mib(mib: usize) -> usize {
    mib.saturating_mul(1 << 20)
}

fn open(args: &Serve) -> anyhow::Result<Store> {
    let opened = match (args.dim, args.threshold) {
        (Some(dim), Some(threshold)) => {
            let settings = Settings::new(dim, Threshold::new(args.metric, threshold)?)?;
            Store::open_or_create(&args.directory, settings)
        }
        _ => Store::open(&args.directory),
    };
    let is_missing = matches!(opened, Err(hri::Error::Format { .. })) && args.dim.is_none();
    let opened = hinted(&args.directory, opened);
    if is_missing {
        opened.context("to begin with an empty index, give --dim and --threshold")
    } else {
        opened
    }
}
