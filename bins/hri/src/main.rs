//! `hri`: recognise people by their embeddings.

mod args;
mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match commands::run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed pipe, as from `head`, is not an error.
            let broken = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
            let of_csv = |e: &csv::Error| matches!(e.kind(), csv::ErrorKind::Io(e) if broken(e));
            if error
                .chain()
                .any(|e| e.downcast_ref().is_some_and(broken) || e.downcast_ref().is_some_and(of_csv))
            {
                return ExitCode::SUCCESS;
            }
            eprintln!("error: {}", streamface_types::error_chain(error.chain()));
            ExitCode::from(2)
        }
    }
}
