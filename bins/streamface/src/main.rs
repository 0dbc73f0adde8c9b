//! The `streamface` command: parse, resolve, call, show.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use streamface::config;
use streamface_model::Manifest;
use streamface_pipeline::args::{Cli, ClusterArgs, ClusterPart, Command, ModelsCommand};
use streamface_pipeline::settings;
use streamface_pipeline::steps::{self, Outcome, Summary};
use streamface_types::error_chain;

fn main() -> ExitCode {
    let result =
        config::expand(std::env::args_os().collect()).and_then(|args| match Cli::try_parse_from(args) {
            Ok(cli) => dispatch(cli.command),
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

fn dispatch(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Run(args) => {
            limit_threads(args.work.threads)?;
            steps::run(&args, &steps::register_stop()?)
        }
        Command::Watch(args) => steps::watch(&args, &steps::register_stop()?),
        Command::Capture(args) => steps::capture(&args, &steps::register_stop()?),
        Command::Extract(args) => steps::extract(&args, &steps::register_stop()?),
        Command::Analyze(args) => steps::analyze(&args, &steps::register_stop()?),
        Command::Study(args) => {
            limit_threads(args.threads)?;
            steps::study(&args)
        }
        Command::Cluster(args) => cluster(&args),
        Command::Evaluate(args) => {
            limit_threads(args.threads)?;
            steps::evaluate(&args)
        }
        Command::Match(args) => {
            limit_threads(args.threads)?;
            steps::match_clusters(&args)
        }
        Command::Review(args) => steps::review(&args, &steps::register_stop()?),
        Command::Finalize(args) => steps::finalize(&args),
        Command::Report(args) => steps::report(&args),
        Command::Score(args) => steps::score(&args),
        Command::Export(args) => steps::export(&args),
        Command::Import(args) => steps::import(&args),
        Command::Stats(args) => {
            limit_threads(args.threads)?;
            steps::stats(&args)
        }
        Command::Verify(args) => {
            limit_threads(args.threads)?;
            steps::verify(&args)
        }
        Command::Doctor(common) => steps::doctor(common.json),
        Command::Models(args) => match args.command {
            ModelsCommand::Pull { names, from, common } => steps::pull(&names, from.as_deref(), &common),
            ModelsCommand::List(common) => steps::list(common.json),
            ModelsCommand::Check(common) => steps::check(common.json),
        },
    }
}

fn cluster(args: &ClusterArgs) -> anyhow::Result<Outcome> {
    match &args.part {
        Some(ClusterPart::Join(part)) => {
            limit_threads(part.resources.threads)?;
            return steps::join_part(part);
        }
        Some(ClusterPart::Link(part)) => {
            limit_threads(part.resources.threads)?;
            return steps::link_parts(part);
        }
        None => limit_threads(args.method.resources.threads)?,
    }
    if let (Some(vectors), Some(out), Some(threshold)) = (&args.vectors, &args.out, args.people.threshold) {
        return steps::cluster_vectors(args, vectors, out, threshold);
    }
    let dir = args.dir.as_ref().context("a dataset directory is needed")?;
    let people = settings::people(&args.people, &Manifest::builtin(settings::DEFAULT_EMBEDDER)?)?;
    let data = steps::open_existing(dir)?;
    let found = steps::cluster(&data, &people.by(&args.method), args.common.quiet)?;
    let mut summary = Summary { people: Some(found), wall: found.time, ..Summary::default() };
    summary.notes.push(format!("next     streamface report {}", dir.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}

/// Clustering takes its threads from rayon's pool.
fn limit_threads(asked: Option<usize>) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(settings::threads(asked)?).build_global()?;
    Ok(())
}
