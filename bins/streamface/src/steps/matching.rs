//! Step 7: which clusters may be one person.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use streamface_annotate::matching::{Matches, Mode, Rule, Settings, Stage, matches_observed, read_ignored};
use streamface_model::Manifest;
use streamface_store::write_atomic;
use streamface_types::{Embeddings, Metric};

use super::Outcome;
use super::evaluate::{labelled, labels_of_rows};
use super::extract::open_existing;
use super::vectors::read_vectors;
use crate::args::{Compat, MatchArgs, MatchMode, PeopleArgs};
use crate::progress::Bar;
use crate::settings;

/// `streamface match`.
///
/// # Errors
/// Thresholds out of range; what reading and writing meets; labels that name no face.
pub fn match_clusters(args: &MatchArgs) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    if let (Some(vectors), Some(labels), Some(out)) = (&args.vectors, &args.labels, &args.out) {
        let (Some(min), Some(max)) = (args.min, args.max) else {
            bail!("--vectors needs --min and --max: thresholds belong to the model that made them");
        };
        let wanted = wanted(args, args.metric.unwrap_or_default(), min, max)?;
        let rows = read_vectors(vectors, wanted.metric())?;
        let of_rows = labels_of_rows(labels, rows.len())?;
        let read = start.elapsed();
        let found = find(args, &rows, &of_rows, Some(labels), &wanted)?;
        write(out, &found)?;
        say_result(args, &wanted, &found, out, [read, start.elapsed()]);
        return Ok(Outcome::Done);
    }
    let dir = args.dir.as_ref().context("a dataset directory is needed")?;
    let model = settings::people(&PeopleArgs::default(), &Manifest::builtin(settings::DEFAULT_EMBEDDER)?)?;
    let max = args.max.unwrap_or(model.linkage.threshold());
    let min = args.min.unwrap_or((model.linkage.threshold() / 2.0).min(max));
    let wanted = wanted(args, args.metric.unwrap_or(model.linkage.metric()), min, max)?;
    let data = open_existing(dir)?;
    let (rows, _, labels) = labelled(&data, args.labels.as_deref())?;
    let read = start.elapsed();
    let own = data.metadata().join("annotations.json");
    let annotations = args.labels.as_deref().unwrap_or(&own);
    let found = find(args, &rows, &labels, Some(annotations).filter(|path| path.exists()), &wanted)?;
    let out = args.out.clone().unwrap_or_else(|| data.metadata().join("cluster_evals.json"));
    write(&out, &found)?;
    if args.out.is_none() {
        let rule = args.compat.map_or("lists", |c| if c == Compat::Code { "code" } else { "paper" });
        let record = [
            ("min", wanted.min().to_string()),
            ("max", wanted.max().to_string()),
            ("metric", wanted.metric().to_string()),
            ("mode", mode(args.mode).1.to_owned()),
            ("rule", rule.to_owned()),
        ];
        settings::record(&data, "match", false, &record)?;
    }
    say_result(args, &wanted, &found, &out, [read, start.elapsed()]);
    Ok(Outcome::Done)
}

fn mode(mode: MatchMode) -> (Mode, &'static str) {
    match mode {
        MatchMode::Average => (Mode::Average, "average"),
        MatchMode::Single => (Mode::Single, "single"),
        MatchMode::Triplet => (Mode::Triplet, "triplet"),
    }
}

fn wanted(args: &MatchArgs, metric: Metric, min: f64, max: f64) -> anyhow::Result<Settings> {
    let rule = match args.compat {
        None => Rule::Lists,
        Some(Compat::Code) => Rule::Code,
        Some(Compat::Paper) => Rule::Paper,
    };
    let settings = Settings::new(metric, mode(args.mode).0, min, max).context("--min and --max")?.rule(rule);
    let settings = args.topk.map_or(settings.clone(), |k| settings.topk(k));
    Ok(args.most.map_or(settings.clone(), |n| settings.most(n)))
}

/// `annotations`: where pairs that a person said are two people may stand.
fn find(
    args: &MatchArgs,
    rows: &Embeddings,
    labels: &[i64],
    annotations: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<Matches> {
    let ignored = match annotations {
        Some(path) if is_json(path)? => read_ignored(path)?,
        _ => Vec::new(),
    };
    let bar = Bar::new(args.common.quiet);
    let listen = |stage, done, total| {
        let what = match stage {
            Stage::Extremes => "looking for the faces farthest apart",
            _ => "comparing clusters",
        };
        bar.show(what, done, total);
    };
    let found = matches_observed(rows, labels, &ignored, settings, &listen);
    bar.finish();
    Ok(found?)
}

/// Whether a file of labels is annotations, which begin with a brace.
fn is_json(path: &Path) -> anyhow::Result<bool> {
    use std::io::Read as _;
    let mut first = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4).read_to_end(&mut first));
    read.with_context(|| path.display().to_string())?;
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
    Ok(first.first() == Some(&b'{'))
}

fn write(out: &Path, found: &Matches) -> anyhow::Result<()> {
    write_atomic(out, |file| found.write(file))?;
    Ok(())
}

/// `times`: of reading, and of all.
fn say_result(args: &MatchArgs, settings: &Settings, found: &Matches, out: &Path, times: [Duration; 2]) {
    let [read, total] = times.map(|time| time.as_secs_f64());
    if args.common.json {
        let summary = serde_json::json!({
            "clusters": found.clusters, "sure": found.sure.len(), "ask": found.ask.len(),
            "reached": found.reached, "min": settings.min(), "max": settings.max(), "mode": mode(args.mode).1,
            "file": out.display().to_string(), "seconds": {"read": read, "total": total},
        });
        say!("{summary:#}");
        return;
    }
    say!("clusters  {}", found.clusters);
    match args.compat {
        Some(Compat::Code) => {}
        Some(Compat::Paper) => say!("joined    {} pairs nearer than {}", found.sure.len(), settings.min()),
        None => say!("sure      {} pairs nearer than {}", found.sure.len(), settings.min()),
    }
    say!("ask       {} pairs up to {}", found.ask.len(), found.reached.unwrap_or(settings.max()));
    if found.reached.is_some() {
        say!("left out  pairs beyond that, of which there are more than --most");
    }
    say!("pairs     {} ({total:.1} s)", out.display());
    if let Some(dir) = &args.dir {
        say!("next      streamface review {}", dir.display());
    }
}
