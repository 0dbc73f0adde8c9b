//! The commands.

mod bench;
mod build;
mod labels;
mod matching;
mod query;
mod serve;
mod stats;
mod tree;

use anyhow::Result;

use crate::args::Command;

pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Match(args) => matching::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Tree(args) => tree::run(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Stats(args) => stats::run(&args),
    }
}
