//! Clustering of vectors from a `.npy` file, without a dataset; and its two halves by themselves, for work
//! on many machines.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use streamface_cluster::{
    Constraints, Link, Links, Observer, Progress, Settings, compat, join_blocks, labels, link, not_joined,
};
use streamface_store::{About, Error as StoreError, read_npy, read_pairs, write_atomic, write_pairs};
use streamface_types::{Embeddings, Metric};

use super::Outcome;
use super::method::{Clusters, How, Watch, append_rows, cluster_rows, count};
use super::outputs;
use super::state::{self, State, fingerprint};
use crate::args::{ClusterArgs, JoinArgs, LinkArgs, Method, range};

/// Clusters the rows of `--vectors` and writes `index,label`, labels numbered by first appearance.
///
/// # Errors
/// What reading, clustering and writing meets; a row without a direction, by its number.
pub fn cluster_vectors(
    args: &ClusterArgs,
    vectors: &Path,
    out: &Path,
    threshold: f64,
) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    outputs::check([out].into_iter().chain(args.state.as_deref()), [vectors])?;
    if args.state.is_some() && (args.method.compat || args.method.method != Method::Complete) {
        bail!(
            "--state is for what --append goes on from, which is complete linkage: leave it out with another method"
        );
    }
    let settings = args.method.resources.of(Settings::new(args.metric.unwrap_or_default(), threshold)?);
    let rows = read_vectors(vectors, settings.metric())?;
    let read = start.elapsed();
    let how =
        How { method: args.method.method, neighbours: args.method.neighbours, quiet: args.common.quiet };
    let found = if args.method.compat {
        let labels =
            labels::by_first_appearance(&compat::cluster(&rows, &[], &compat::Scheme::new(settings))?);
        Clusters { clusters: count(&labels), labels, ..Clusters::default() }
    } else if args.method.append {
        append_vectors(args, &rows, &settings)?
    } else {
        cluster_rows(&rows, &settings, &Constraints::default(), how)?
    };
    write_labels(out, &found.labels)?;
    if let (Some(path), Some(merges)) = (&args.state, &found.merges) {
        state::write(path, (merges, found.parts.as_ref()), &settings, &rows, None)?;
    }
    if args.common.json {
        let seconds = serde_json::json!({
            "read": read.as_secs_f64(), "join": found.times.join.as_secs_f64(),
            "link": found.times.link.as_secs_f64(), "total": start.elapsed().as_secs_f64(),
        });
        let summary = serde_json::json!({
            "rows": rows.len(), "clusters": found.clusters, "links": found.links, "bands": found.bands,
            "seconds": seconds,
        });
        say!("{summary:#}");
    } else {
        say!(
            "{} rows, {} clusters, {:.1} s: {}",
            rows.len(),
            found.clusters,
            start.elapsed().as_secs_f64(),
            out.display()
        );
    }
    Ok(Outcome::Done)
}

/// Goes on from the state of an earlier run, whose rows are the first of these.
fn append_vectors(args: &ClusterArgs, rows: &Embeddings, settings: &Settings) -> anyhow::Result<Clusters> {
    let path = args
        .state
        .as_ref()
        .context("--append needs --state, the file that the first run wrote its merges to")?;
    let Some(mut state) = State::read(path)? else {
        bail!("{} is not there: run once with --state and without --append", path.display());
    };
    let old = state.rows.min(rows.len());
    state.check(path, settings, old, &rows.as_slice()[..old * rows.dim()])?;
    state.renumber(&(0..old as u32).collect::<Vec<_>>(), rows.len())?;
    let none = Constraints::default();
    let is_new: Vec<bool> = (0..rows.len()).map(|row| row >= old).collect();
    append_rows(rows, &state.history(&none), &is_new, settings, &none, args.common.quiet)
        .with_context(|| format!("going on from {}", path.display()))
}

/// Reads vectors that distances can be taken of.
pub(super) fn read_vectors(path: &Path, metric: Metric) -> anyhow::Result<Embeddings> {
    let rows = read_npy(path)?;
    if metric == Metric::Cosine
        && let Some(row) = rows.rows().position(|row| row.iter().all(|&x| x == 0.0))
    {
        bail!(
            "{}: row {row} is all zeros (in 32 bits) and has no direction, so no cosine distance; leave it out, or use --metric euclidean",
            path.display()
        );
    }
    Ok(rows)
}

fn write_labels(out: &Path, labels: &[u32]) -> anyhow::Result<()> {
    write_atomic(out, |file| {
        use std::io::Write as _;
        writeln!(file, "index,label")?;
        labels.iter().enumerate().try_for_each(|(index, label)| writeln!(file, "{index},{label}"))
    })?;
    Ok(())
}

/// `streamface cluster join`.
///
/// # Errors
/// What reading, joining and writing meets.
pub fn join_part(args: &JoinArgs) -> anyhow::Result<Outcome> {
    outputs::check([args.out.as_path()], [args.vectors.as_path()])?;
    let settings = args.resources.of(Settings::new(args.metric, args.threshold)?);
    let rows = read_vectors(&args.vectors, args.metric)?;
    let left = args.rows.clone().unwrap_or(0..rows.len());
    let right = args.cols.clone().unwrap_or_else(|| left.clone());
    for (flag, block) in [("--rows", &left), ("--cols", &right)] {
        if block.end > rows.len() {
            bail!("{flag} ends at {}, but {} has {} rows", block.end, args.vectors.display(), rows.len());
        }
    }
    let about = About::from([
        ("kind".to_owned(), "links".to_owned()),
        ("rows".to_owned(), rows.len().to_string()),
        ("metric".to_owned(), args.metric.to_string()),
        ("threshold".to_owned(), args.threshold.to_string()),
        ("vectors".to_owned(), fingerprint(rows.len(), rows.as_slice())),
        ("block".to_owned(), block_text(&(left.clone(), right.clone()))),
    ]);
    let watch = Watch::new(args.common.quiet);
    let listen = |p: Progress| watch.hear(p);
    let links = join_blocks(&rows, &settings, left, right, Observer::new(&listen))?;
    let join = watch.finish().join;
    write_pairs(&args.out, &about, links.iter().map(|l| l.map(|l| (l.i, l.j, l.distance))))?;
    if args.common.json {
        let seconds = serde_json::json!({"join": join.as_secs_f64()});
        say!("{:#}", serde_json::json!({"rows": rows.len(), "links": links.len(), "seconds": seconds}));
    } else {
        say!("{} links among {} rows: {}", links.len(), rows.len(), args.out.display());
    }
    Ok(Outcome::Done)
}

/// What linking takes for a row, whether it has links or not.
const BYTES_A_ROW: u64 = 32;

/// Rows of one block, and of the other.
type Blocks = (Range<usize>, Range<usize>);

/// As [`join_part`] writes them down and [`link_parts`] reads them.
fn block_text((left, right): &Blocks) -> String {
    format!("{}..{} x {}..{}", left.start, left.end, right.start, right.end)
}

fn block_of(text: &str) -> Option<Blocks> {
    let (left, right) = text.split_once(" x ")?;
    Some((range(left).ok()?, range(right).ok()?))
}

/// `streamface cluster link`.
///
/// # Errors
/// A part cannot be read or is of another run than the first, parts are missing, or there are more links than fit in
/// memory.
pub fn link_parts(args: &LinkArgs) -> anyhow::Result<Outcome> {
    outputs::check([args.out.as_path()], args.parts.iter().map(PathBuf::as_path))?;
    let most = args.resources.memory.unwrap_or(Settings::MEMORY) / Settings::BYTES_A_LINK;
    let mut first: Option<About> = None;
    let (mut parts, mut left, mut blocks) = (Vec::new(), most, Vec::new());
    for path in &args.parts {
        let (about, pairs) = read_pairs(path, left).map_err(|error| match error {
            StoreError::TooMany { .. } => {
                anyhow!(
                    "{error}, {most} with those before; give --memory more, or cluster the vectors themselves"
                )
            }
            other => other.into(),
        })?;
        let known = |key: &str| about.get(key).cloned().unwrap_or_default();
        if known("kind") != "links" {
            bail!("{} was not written by `streamface cluster join`", path.display());
        }
        if let Some(first) = &first
            && let Some(key) =
                ["rows", "metric", "threshold", "vectors"].iter().find(|k| first.get(**k) != about.get(**k))
        {
            bail!(
                "{} is of another run than {}: its {key} is {}, not {}",
                path.display(),
                args.parts[0].display(),
                known(key),
                first.get(*key).cloned().unwrap_or_default()
            );
        }
        let rows = known("rows").parse::<u32>();
        let rows = rows.with_context(|| format!("{}: no number of rows", path.display()))? as usize;
        // Linkage keeps some numbers a row; a file may say that it is of billions.
        if rows as u64 > most.saturating_mul(Settings::BYTES_A_LINK) / BYTES_A_ROW {
            bail!("{}: of {rows} rows, which do not fit in memory; give --memory more", path.display());
        }
        let block = block_of(&known("block"));
        blocks
            .push(block.with_context(|| format!("{}: no blocks of rows; join them again", path.display()))?);
        left -= pairs.len() as u64;
        let links = pairs.into_iter().map(|(i, j, distance)| Link { i, j, distance }).collect();
        parts.push(Links::new(rows, links).with_context(|| path.display().to_string())?);
        first.get_or_insert(about);
    }
    let joined = first.as_ref().and_then(|a| a.get("threshold")?.parse::<f64>().ok());
    let joined = joined.context("the parts do not say what threshold they were joined at")?;
    let threshold = args.threshold.unwrap_or(joined);
    if !(0.0..=joined).contains(&threshold) {
        bail!("the parts were joined at {joined}: --threshold can be at most that, not {threshold}");
    }
    let links = Links::merge(parts)?;
    if let Some((rows, cols)) = not_joined(links.rows(), &blocks) {
        bail!(
            "no part has the links between rows {}..{} and rows {}..{}: run streamface cluster join --rows {0}..{1} \
             --cols {2}..{3} on the same vectors, and give all parts",
            rows.start,
            rows.end,
            cols.start,
            cols.end
        );
    }
    let all = link(links, &Constraints::default())?;
    // What linkage does above a threshold changes nothing below it.
    let labels = streamface_cluster::cut(all.labels.len(), &all.merges, threshold);
    write_labels(&args.out, &labels)?;
    let clusters = count(&labels);
    if args.common.json {
        let summary = serde_json::json!({"rows": labels.len(), "clusters": clusters, "links": all.links});
        say!("{summary:#}");
    } else {
        say!("{} rows, {clusters} clusters, {} links: {}", labels.len(), all.links, args.out.display());
    }
    Ok(Outcome::Done)
}
