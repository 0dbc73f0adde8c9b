//! Step 7: which clusters may be one person.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use streamface_annotate::matching::{
    Joined, Matches, Mode, Pair, Rule, Settings, Stage, answered_pairs, join_sure, matches_observed,
    read_ignored,
};
use streamface_annotate::{Journal, People, Refusal, journal, load};
use streamface_model::Manifest;
use streamface_store::write_atomic;
use streamface_types::{Embeddings, Metric};

use super::Outcome;
use super::evaluate::{labelled, labels_of_rows, noise_where_none};
use super::extract::open_existing;
use super::vectors::read_vectors;
use crate::args::{Compat, MatchArgs, MatchMode, PeopleArgs};
use crate::progress::Bar;
use crate::settings;

/// Pairs that could not be joined, and are said to be so one by one.
const REFUSED_SHOWN: usize = 3;

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
        let of_rows = noise_where_none(labels_of_rows(labels, rows.len())?);
        let read = start.elapsed();
        let found = find(args, &rows, &of_rows, &ignored(labels)?, &wanted)?;
        write(out, &found)?;
        say_result(args, &wanted, &found, None, out, [read, start.elapsed()]);
        return Ok(Outcome::Done);
    }
    let dir = args.dir.as_ref().context("a dataset directory is needed")?;
    let model = settings::people(&PeopleArgs::default(), &Manifest::builtin(settings::DEFAULT_EMBEDDER)?)?;
    let max = args.max.unwrap_or(model.linkage.threshold());
    let min = args.min.unwrap_or((model.linkage.threshold() / 2.0).min(max));
    let wanted = wanted(args, args.metric.unwrap_or(model.linkage.metric()), min, max)?;
    let data = open_existing(dir)?;
    let (rows, faces, mut labels) = labelled(&data, args.labels.as_deref())?;
    let annotations = args.labels.clone().unwrap_or_else(|| data.metadata().join("annotations.json"));
    let mut ignored = ignored(&annotations)?;
    // Decisions are on the dataset's own clusters.
    let mut desk = None;
    if args.labels.is_none() {
        let path = data.metadata().join(journal::FILE);
        let (journal, decisions) = if args.join || args.compat == Some(Compat::Paper) {
            let (journal, decisions) = Journal::open(&path)?;
            (Some(journal), decisions)
        } else {
            (None, load(&path)?)
        };
        let mut people = People::new(faces, &labels, true)?;
        people.replay(&decisions);
        labels = people.labels();
        ignored.extend(answered_pairs(&people, &decisions));
        desk = journal.map(|journal| (people, journal));
    }
    let read = start.elapsed();
    let found = find(args, &rows, &labels, &ignored, &wanted)?;
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
    let joined = match &mut desk {
        Some((people, journal)) => Some(join_sure(&rows, wanted.metric(), people, journal, &found.sure)?),
        None => None,
    };
    say_result(args, &wanted, &found, joined.as_ref(), &out, [read, start.elapsed()]);
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
    let mut settings =
        Settings::new(metric, mode(args.mode).0, min, max).context("--min and --max")?.rule(rule);
    if let Some(k) = args.topk {
        settings = settings.topk(k);
    }
    if let Some(pairs) = args.most {
        settings = settings.max_pairs(pairs);
    }
    Ok(settings)
}

/// Pairs that an annotations file says are two people; none of what is no such file.
fn ignored(path: &Path) -> anyhow::Result<Vec<(i64, i64)>> {
    use std::io::Read as _;
    let mut first = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(4).read_to_end(&mut first)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| path.display().to_string())?,
    };
    // As `read_labels` tells it from CSV.
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
    if first.first() == Some(&b'{') { Ok(read_ignored(path)?) } else { Ok(Vec::new()) }
}

fn find(
    args: &MatchArgs,
    rows: &Embeddings,
    labels: &[i64],
    ignored: &[(i64, i64)],
    settings: &Settings,
) -> anyhow::Result<Matches> {
    let bar = Bar::new(args.common.quiet);
    let listen = |stage, done, total| {
        let what = match stage {
            Stage::Extremes => "looking for the faces farthest apart",
            _ => "comparing clusters",
        };
        bar.show(what, done, total);
    };
    let found = matches_observed(rows, labels, ignored, settings, &listen);
    bar.finish();
    Ok(found?)
}

fn write(out: &Path, found: &Matches) -> anyhow::Result<()> {
    write_atomic(out, |file| found.write(file))?;
    Ok(())
}

/// `times`: of reading, and of all.
fn say_result(
    args: &MatchArgs,
    settings: &Settings,
    found: &Matches,
    joined: Option<&Joined>,
    out: &Path,
    times: [Duration; 2],
) {
    let [read, total] = times.map(|time| time.as_secs_f64());
    if args.common.json {
        let one = |(pair, why): &(Pair, Refusal)| {
            let Pair { a, b, distance } = pair;
            serde_json::json!({"a": a, "b": b, "distance": distance, "why": why.to_string()})
        };
        let refused = |joined: &Joined| joined.refused.iter().map(one).collect::<Vec<_>>();
        let summary = serde_json::json!({
            "clusters": found.clusters, "sure": found.sure.len(), "ask": found.ask.len(),
            "reached": found.reached, "joined": joined.map(|j| j.decisions), "refused": joined.map(refused),
            "min": settings.min(), "max": settings.max(), "mode": mode(args.mode).1,
            "file": out.display().to_string(), "seconds": {"read": read, "total": total},
        });
        say!("{summary:#}");
        return;
    }
    say!("clusters  {}", found.clusters);
    if args.compat != Some(Compat::Code) {
        say!("sure      {} pairs nearer than {}", found.sure.len(), settings.min());
    }
    say!("ask       {} pairs up to {}", found.ask.len(), found.reached.unwrap_or(settings.max()));
    if found.reached.is_some() {
        say!("left out  pairs beyond that: --most keeps no more");
    }
    if let Some(joined) = joined {
        say!("joined    {} pairs, each a decision by auto that can be undone", joined.decisions);
        for (pair, why) in joined.refused.iter().take(REFUSED_SHOWN) {
            say!("not       {} and {}: {why}", pair.a, pair.b);
        }
        if joined.refused.len() > REFUSED_SHOWN {
            say!("not       {} more (--json lists them)", joined.refused.len() - REFUSED_SHOWN);
        }
    }
    say!("pairs     {} ({total:.1} s)", out.display());
    if let Some(dir) = &args.dir {
        say!("next      streamface review {}", dir.display());
    }
}
