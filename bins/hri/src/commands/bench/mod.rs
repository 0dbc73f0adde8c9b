//! `hri bench`.

mod against;

use std::time::Duration;

use anyhow::Result;

use crate::args::Bench;

pub(crate) fn run(args: &Bench) -> Result<()> {
    match (&args.vectors, &args.against) {
        (Some(people), Some(queries)) => against::run(args, people, queries),
        _ => anyhow::bail!("not yet"),
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
