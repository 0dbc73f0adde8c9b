//! One function a command: flags to settings, the call, and what is shown of its result.

use anyhow::Context as _;
use streamface_annotate::AUTO;
use streamface_pipeline::settings::*;
use streamface_pipeline::{AddedFiles, Context, Input, Silent, Stop, TimingSettings, WantedModels};

use crate::args::*;
use crate::render::summary::Summary;
use crate::render::terminal::Terminal;
use crate::render::{Outcome, clusters, datasets, models, review, scores, study};

/// Does what a command line asks for.
///
/// # Errors
/// Those of the command.
pub fn dispatch(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Run(args) => run(&args),
        Command::Watch(args) => watch(&args),
        Command::Capture(args) => capture(&args),
        Command::Extract(args) => extract(&args),
        Command::Analyze(args) => analyze(&args),
        Command::Study(args) => study(&args),
        Command::Cluster(args) => cluster(&args),
        Command::Evaluate(args) => evaluate(&args),
        Command::Match(args) => match_clusters(&args),
        Command::Review(args) => review(&args),
        Command::Finalize(args) => finalize(&args),
        Command::Report(args) => {
            let done = streamface_pipeline::report(&args.dir, &settings(&args)?)?;
            datasets::report(&done, args.common.json);
            Ok(Outcome::Done)
        }
        Command::Score(args) => score(&args),
        Command::Export(args) => export(&args),
        Command::Import(args) => import(&args),
        Command::Prune(args) => prune(&args),
        Command::Stats(args) => stats(&args),
        Command::Verify(args) => verify(&args),
        Command::Doctor(args) => {
            let (features, wanted) = (settings(&args.features)?, args.attributes.parse());
            let wanted = wanted.map_err(anyhow::Error::msg)?;
            let models = streamface_pipeline::models_in_use(&args.detector, &features, &wanted)?;
            let checks = streamface_pipeline::doctor(&models, &Context::new(&Silent, &Stop::new()))?;
            Ok(models::doctor(&checks, args.common.json))
        }
        Command::Models(args) => manage_models(&args.command),
    }
}

/// What a call is given beside its settings: progress on standard error, and a token that Ctrl-C and SIGTERM set.
/// The second one ends the process at once.
struct Call {
    terminal: Terminal,
    stop: Stop,
}

impl Call {
    fn new(common: &Common) -> Self {
        Self { terminal: Terminal::new(common.quiet, common.json), stop: Stop::new() }
    }

    fn stoppable(common: &Common) -> anyhow::Result<Self> {
        let call = Self::new(common);
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, call.stop.flag())?;
            signal_hook::flag::register(signal, call.stop.flag())?;
        }
        Ok(call)
    }

    fn context(&self) -> Context<'_> {
        Context::new(&self.terminal, &self.stop)
    }
}

/// One pool of threads for all that follows.
fn limit_threads(asked: Option<usize>) -> anyhow::Result<()> {
    let threads = streamface_pipeline::threads(asked)?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    Ok(())
}

fn run(args: &RunArgs) -> anyhow::Result<Outcome> {
    let settings: RunSettings = settings(args)?;
    limit_threads(settings.work.threads)?;
    let call = Call::stoppable(&args.common)?;
    let done = streamface_pipeline::run(&args.source, &args.out, &settings, &call.context())?;
    review::print_conflicts(&done.people.report);
    let mut summary = Summary::of(done.work, call.terminal.skipped());
    (summary.frames, summary.faces) = (Some(done.frames), Some(done.faces));
    (summary.crops, summary.attributes) = (done.faces.crops, done.attributes);
    (summary.people, summary.labels) = (Some(done.people), Some(done.labels));
    summary.report = Some(done.report);
    summary.print(args.common.json);
    Ok(summary.outcome())
}

fn watch(args: &WatchArgs) -> anyhow::Result<Outcome> {
    let mut settings: WatchSettings = settings(args)?;
    settings.outlets.people.clone_from(&args.people);
    settings.outlets.out.clone_from(&args.out);
    settings.outlets.events.clone_from(&args.events);
    let call = Call::stoppable(&args.common)?;
    let done = streamface_pipeline::watch(&args.source, &settings, &call.context())?;
    let delays = done.delay(50).zip(done.delay(95));
    let mut summary = Summary::of(done.work, call.terminal.skipped());
    (summary.frames, summary.faces) = (Some(done.frames), Some(done.faces));
    summary.notes.push(format!("people   {} on screen, {} of them new", done.people, done.new));
    if let Some((half, most)) = delays {
        summary.notes.push(format!("delay    {half} ms from capture to name, 95 % within {most} ms"));
    }
    summary.notes.push(format!("next     streamface review {}", done.out.display()));
    // Standard output may be events that a program reads.
    if args.common.json {
        summary.print_failures();
    } else {
        summary.print(false);
    }
    Ok(summary.outcome())
}

fn capture(args: &CaptureArgs) -> anyhow::Result<Outcome> {
    let call = Call::stoppable(&args.common)?;
    let done = streamface_pipeline::capture(&args.source, &args.out, &settings(args)?, &call.context())?;
    let mut summary = Summary::of(done.work, call.terminal.skipped());
    summary.frames = Some(done.frames);
    summary.notes.push(format!("next     streamface extract {}", args.out.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}

fn extract(args: &ExtractArgs) -> anyhow::Result<Outcome> {
    let call = Call::stoppable(&args.common)?;
    let done = streamface_pipeline::extract(&args.dir, &settings(args)?, &call.context())?;
    let mut summary = Summary::of(done.work, call.terminal.skipped());
    summary.faces = Some(done.faces);
    if done.faces.kept > 0 || summary.failures.is_empty() {
        summary.notes.push(format!("next     streamface analyze {}", args.dir.display()));
    }
    summary.print(args.common.json);
    Ok(summary.outcome())
}

fn analyze(args: &AnalyzeArgs) -> anyhow::Result<Outcome> {
    let call = Call::stoppable(&args.common)?;
    let done = streamface_pipeline::analyze(&args.dir, &settings(args)?, &call.context())?;
    let mut summary = Summary::of(done.work, call.terminal.skipped());
    summary.embedded = args.only.is_none().then_some(done.embedded);
    (summary.crops, summary.attributes) = (done.crops, done.attributes);
    let next = if args.only.is_none() { "cluster" } else { "report" };
    summary.notes.push(format!("next     streamface {next} {}", args.dir.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}

fn study(args: &StudyArgs) -> anyhow::Result<Outcome> {
    let mut settings: StudySettings = settings(args)?;
    settings.out.clone_from(&args.out);
    settings.labels.clone_from(&args.labels);
    limit_threads(settings.threads)?;
    let call = Call::new(&args.common);
    let input = input(args.dir.as_ref(), args.vectors.as_ref())?;
    let done = streamface_pipeline::study(&input, &settings, &call.context())?;
    study::study(&done, args.dir.as_deref(), args.common.json);
    Ok(Outcome::Done)
}

fn cluster(args: &ClusterArgs) -> anyhow::Result<Outcome> {
    match &args.part {
        Some(ClusterPart::Join(part)) => return cluster_join(part),
        Some(ClusterPart::Link(part)) => return cluster_link(part),
        None => {}
    }
    let call = Call::new(&args.common);
    if let (Some(vectors), Some(out)) = (&args.vectors, &args.out) {
        let mut settings: ClusterVectorsSettings = settings(args)?;
        settings.state.clone_from(&args.state);
        limit_threads(settings.resources.threads)?;
        let done = streamface_pipeline::cluster_vectors(vectors, out, &settings, &call.context())?;
        clusters::vectors(&done, out, args.common.json);
        return Ok(Outcome::Done);
    }
    let dir = args.dir.as_ref().context("a dataset directory is needed")?;
    let mut settings: ClusterSettings = settings(args)?;
    settings.discard_labels = args.discard_labels;
    limit_threads(settings.resources.threads)?;
    let done = streamface_pipeline::cluster(dir, &settings, &call.context())?;
    review::print_conflicts(&done.report);
    let mut summary = Summary { wall: done.time, people: Some(done), ..Summary::default() };
    summary.notes.push(format!("next     streamface report {}", dir.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}

fn cluster_join(args: &JoinArgs) -> anyhow::Result<Outcome> {
    let settings: JoinSettings = settings(args)?;
    limit_threads(settings.resources.threads)?;
    let call = Call::new(&args.common);
    let done = streamface_pipeline::cluster_join(&args.vectors, &args.out, &settings, &call.context())?;
    clusters::join(&done, &args.out, args.common.json);
    Ok(Outcome::Done)
}

fn cluster_link(args: &LinkArgs) -> anyhow::Result<Outcome> {
    let settings: LinkSettings = settings(args)?;
    limit_threads(settings.resources.threads)?;
    let done = streamface_pipeline::cluster_link(&args.parts, &args.out, &settings)?;
    clusters::link(&done, &args.out, args.common.json);
    Ok(Outcome::Done)
}

fn evaluate(args: &EvaluateArgs) -> anyhow::Result<Outcome> {
    let mut settings: EvaluateSettings = settings(args)?;
    settings.labels.clone_from(&args.labels);
    settings.out.clone_from(&args.out);
    limit_threads(settings.threads)?;
    let call = Call::new(&args.common);
    let input = input(args.dir.as_ref(), args.vectors.as_ref())?;
    let done = streamface_pipeline::evaluate(&input, &settings, &call.context())?;
    clusters::evaluation(done, args.samples, args.common.json)?;
    Ok(Outcome::Done)
}

fn match_clusters(args: &MatchArgs) -> anyhow::Result<Outcome> {
    let mut settings: MatchSettings = settings(args)?;
    settings.labels.clone_from(&args.labels);
    settings.out.clone_from(&args.out);
    limit_threads(settings.threads)?;
    let call = Call::new(&args.common);
    let input = input(args.dir.as_ref(), args.vectors.as_ref())?;
    let done = streamface_pipeline::match_clusters(&input, &settings, &call.context())?;
    let sure = args.compat != Some(Compat::Code);
    clusters::matching(&done, settings.mode.name(), sure, args.dir.as_deref(), args.common.json);
    Ok(Outcome::Done)
}

fn review(args: &ReviewArgs) -> anyhow::Result<Outcome> {
    let mut settings: ReviewSettings = settings(args)?;
    if args.who.is_none()
        && let Some(user) = std::env::var("USER").ok().filter(|name| !name.is_empty() && name != AUTO)
    {
        settings.who = user;
    }
    let call = Call::stoppable(&args.common)?;
    let review = streamface_pipeline::review(&args.dir, &settings, &call.context())?;
    review::opened(&args.dir, &review, args.common.json);
    review.wait(&call.stop);
    Ok(Outcome::Done)
}

fn finalize(args: &FinalizeArgs) -> anyhow::Result<Outcome> {
    let done = streamface_pipeline::finalize(&args.dir, &settings(args)?)?;
    review::finalized(&args.dir, &done, args.common.json)?;
    Ok(Outcome::complete(done.report.conflicts.is_empty()))
}

fn score(args: &ScoreArgs) -> anyhow::Result<Outcome> {
    let mut settings = ScoreSettings::default();
    settings.before.clone_from(&args.before);
    settings.html.clone_from(&args.html);
    settings.faces.clone_from(&args.faces);
    settings.noise_as_cluster = args.noise_as_cluster;
    let done = streamface_pipeline::score(&args.truth, &args.predicted, &settings)?;
    scores::score(&done, args.people, args.list, args.common.json)?;
    let short = args.at_least.is_some_and(|wanted| done.scores.pairwise.f < wanted);
    Ok(Outcome::complete(!short))
}

fn export(args: &ExportArgs) -> anyhow::Result<Outcome> {
    let mut settings: ExportSettings = settings(args)?;
    settings.seed = args.seed;
    let (call, format) = (Call::new(&args.common), args.format);
    if args.out == std::path::Path::new("-") {
        let (mut out, context) = (std::io::stdout().lock(), call.context());
        let done = streamface_pipeline::export_stream(&args.dir, format, &mut out, &settings, &context)?;
        return Ok(datasets::streamed(&done.summary, &done.labels));
    }
    let done = streamface_pipeline::export(&args.dir, format, &args.out, &settings, &call.context())?;
    Ok(datasets::exchanged(&done.summary, Some(&done.labels), &args.out, None, args.common.json))
}

fn import(args: &ImportArgs) -> anyhow::Result<Outcome> {
    let mut settings: ImportSettings = settings(args)?;
    settings.images.clone_from(&args.images);
    let (call, format, out) = (Call::new(&args.common), args.format, &args.out);
    let done = streamface_pipeline::import(&args.path, format, out, &settings, &call.context())?;
    let with_faces = if done.embeddings > 0 { "cluster" } else { "analyze" };
    let step = if done.faces == 0 { "extract" } else { with_faces };
    let next = format!("next: streamface {step} {}", out.display());
    Ok(datasets::exchanged(&done, None, out, Some(&next), args.common.json))
}

fn prune(args: &PruneArgs) -> anyhow::Result<Outcome> {
    let done = streamface_pipeline::prune(&args.dir, &settings(args)?)?;
    datasets::pruned(&done, args.common.json)?;
    Ok(Outcome::Done)
}

fn stats(args: &StatsArgs) -> anyhow::Result<Outcome> {
    let mut settings: StatsSettings = settings(args)?;
    settings.labels.clone_from(&args.labels);
    settings.out.clone_from(&args.out);
    limit_threads(settings.threads)?;
    let done = streamface_pipeline::stats(&args.dirs, &settings)?;
    datasets::stats(&done, args.common.json)?;
    Ok(Outcome::Done)
}

fn verify(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let mut settings: VerifySettings = settings(args)?;
    settings.names.clone_from(&args.names);
    settings.pairs.clone_from(&args.pairs);
    settings.labels.clone_from(&args.labels);
    settings.out.clone_from(&args.out);
    settings.seed = args.seed;
    limit_threads(settings.threads)?;
    let call = Call::new(&args.common);
    let input = input(args.dir.as_ref(), args.vectors.as_ref())?;
    let done = streamface_pipeline::verify(&input, &settings, &call.context())?;
    scores::verification(&done, args.common.json)?;
    Ok(Outcome::complete(done.missing.is_empty()))
}

fn manage_models(command: &ModelsCommand) -> anyhow::Result<Outcome> {
    let quiet = Call::new(&Common { quiet: true, ..Common::default() });
    match command {
        ModelsCommand::Pull { names, all, from, common } => {
            let call = Call::new(common);
            let wanted = if *all { WantedModels::All } else { WantedModels::of(names) };
            let mut there = Vec::new();
            let pulled = streamface_pipeline::pull_models(wanted, from.as_deref(), &call.context(), |done| {
                if common.json { there.push(done) } else { models::pulled(&done) }
            });
            if common.json {
                models::pulled_json(&there);
            }
            pulled?;
            Ok(Outcome::Done)
        }
        ModelsCommand::Add { files, like, name, on, common } => {
            let (files, like, name, on) = (files.clone(), like.clone(), name.clone(), on.clone());
            let asked = AddedFiles { files, like, name, on };
            models::added(&streamface_pipeline::add_model(&asked, &quiet.context())?, common.json);
            Ok(Outcome::Done)
        }
        ModelsCommand::List(common) => {
            models::list(&streamface_pipeline::list_models(&quiet.context())?, common.json);
            Ok(Outcome::Done)
        }
        ModelsCommand::Check(common) => {
            Ok(models::check(&streamface_pipeline::check_models(&quiet.context())?, common.json))
        }
        ModelsCommand::Bench(args) => time_networks(args, false),
        ModelsCommand::Profile(args) => time_networks(args, true),
    }
}

fn time_networks(args: &TimingArgs, parts: bool) -> anyhow::Result<Outcome> {
    let TimingArgs { name, size, batch, threads, runs, precision, engine, instructions, common } =
        args.clone();
    let engine = settings(&engine)?;
    let settings = TimingSettings { size, batch, threads, runs, precision, engine, instructions };
    let times = streamface_pipeline::time_networks(&name, &settings, parts, &Call::new(&common).context())?;
    models::times(&times, common.json)?;
    Ok(Outcome::Done)
}

fn input(dir: Option<&std::path::PathBuf>, vectors: Option<&std::path::PathBuf>) -> anyhow::Result<Input> {
    match (dir, vectors) {
        (_, Some(path)) => Ok(Input::vectors(path)),
        (Some(dir), None) => Ok(Input::dataset(dir)),
        (None, None) => anyhow::bail!("a dataset directory or --vectors is needed"),
    }
}
