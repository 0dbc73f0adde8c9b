//! The `streamface` command: arguments to settings, settings to a call, its result to text or JSON.
//!
//! | module | what |
//! |---|---|
//! | `args` | the command line: every flag, once |
//! | `config` | flags from a TOML file |
//! | `commands` | one function a command |
//! | `render` | results as text and as JSON, progress on standard error |

#[macro_use]
mod render;

mod args;
mod commands;
mod config;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use streamface_types::error_chain;

use crate::args::Cli;
use crate::render::Outcome;

fn main() -> ExitCode {
    let result =
        config::expand(std::env::args_os().collect()).and_then(|args| match Cli::try_parse_from(args) {
            Ok(cli) => commands::dispatch(cli.command),
            // Help and version go to standard output with 0; wrong flags to standard error with 2.
            Err(e) => e.exit(),
        });
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::from(1),
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "error: {}", error_chain(e.chain()));
            ExitCode::from(2)
        }
    }
}
