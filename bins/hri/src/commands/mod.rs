//! What each command does.

mod bench;
mod labels;
mod matching;

use anyhow::Result;

use crate::args::Command;

pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Match(args) => matching::run(&args),
        Command::Bench(args) => bench::run(&args),
        _ => anyhow::bail!("not yet"),
    }
}
