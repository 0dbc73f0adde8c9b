//! The commands.

mod bench;
mod build;
mod export;
mod index;
mod input;
mod labels;
mod matching;
mod query;
mod serve;
mod stats;
mod tree;

use anyhow::Result;
use hri::{Label, PersonInfo};
use serde_json::{Value, json};

use crate::args::Command;

pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Match(args) => matching::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Tree(args) => tree::run(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Stats(args) => stats::run(&args),
    }
}

/// A person's label, and what was said of the person when the index was built.
fn person_json(label: Label, info: &PersonInfo) -> Value {
    let mut person = json!({"label": label});
    if let Some(number) = info.number {
        person["number"] = number.into();
    }
    if let Some(name) = &info.name {
        person["name"] = name.as_str().into();
    }
    person
}

/// A name without control characters, for a terminal.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
