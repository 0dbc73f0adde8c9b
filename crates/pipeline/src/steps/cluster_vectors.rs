//! Clustering of vectors from a `.npy` file, without a dataset; and its two halves by themselves, for work
//! on many machines.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use streamface_cluster::{
    Constraints, Link, Links, Observer, Progress, Settings as Linkage, compat, join_blocks, labels, link,
    not_joined,
};
use streamface_store::{About, Error as StoreError, read_pairs, write_atomic, write_pairs};
use streamface_types::Embeddings;

use super::checkpoint::{self, Checkpoint, fingerprint};
use super::input::read_vectors;
use super::outputs;
use crate::clustering_method::{Clusters, StageClock, append_rows, cluster_rows, count};
use crate::error::At as _;
use crate::event::Context;
use crate::settings::values::Rows;
use crate::settings::{ClusterVectorsSettings, JoinSettings, LinkSettings, Settings as _};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What a clustering of vectors came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VectorsResult {
    /// Rows.
    pub rows: usize,
    /// Clusters.
    pub clusters: usize,
    /// Pairs that were worked on.
    pub links: u64,
    /// Bands of the threshold that complete linkage took.
    pub bands: u32,
    /// Time to read the vectors.
    pub read: Duration,
    /// Time to look for pairs.
    pub join: Duration,
    /// Time to join clusters.
    pub link: Duration,
    /// Time from start to end.
    pub total: Duration,
}

/// What a join came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JoinResult {
    /// Rows of the matrix.
    pub rows: usize,
    /// Pairs within the threshold.
    pub links: u64,
    /// Time it took.
    pub time: Duration,
}

/// What linking came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkResult {
    /// Rows of the matrix.
    pub rows: usize,
    /// Clusters.
    pub clusters: usize,
    /// Pairs that were worked on.
    pub links: u64,
}

/// Clusters the rows of a `.npy` file and writes CSV `index,label` to `out`, labels numbered by first appearance.
///
/// # Errors
/// What reading, clustering and writing meets; a row without a direction, by its number.
pub fn cluster_vectors(
    vectors: &Path,
    out: &Path,
    settings: &ClusterVectorsSettings,
    context: &Context<'_>,
) -> Result<VectorsResult> {
    let start = Instant::now();
    settings.check()?;
    outputs::check([out].into_iter().chain(settings.state.as_deref()), [vectors])?;
    let linkage = settings.resources.limit(Linkage::new(settings.metric, settings.threshold)?);
    with_threads(settings.resources.threads, || {
        let rows = read_vectors(vectors, linkage.metric())?;
        let read = start.elapsed();
        let method = &settings.method;
        let found = if method.compat {
            let found = compat::cluster(&rows, &[], &compat::Scheme::new(linkage))?;
            let labels = labels::by_first_appearance(&found);
            Clusters { clusters: count(&labels), labels, ..Clusters::default() }
        } else if method.append {
            append(settings, &rows, &linkage, context)?
        } else {
            let how = (method.method(), method.neighbours());
            cluster_rows(&rows, &linkage, &Constraints::default(), how, context.observer)?
        };
        write_labels(out, &found.labels)?;
        if let (Some(path), Some(merges)) = (&settings.state, &found.merges) {
            checkpoint::write(path, (merges, found.parts.as_ref()), &linkage, &rows, None)?;
        }
        Ok(VectorsResult {
            rows: rows.len(),
            clusters: found.clusters,
            links: found.links,
            bands: found.bands,
            read,
            join: found.times.join,
            link: found.times.link,
            total: start.elapsed(),
        })
    })
}

/// Goes on from the checkpoint of an earlier run, whose rows are the first of these.
fn append(
    settings: &ClusterVectorsSettings,
    rows: &Embeddings,
    linkage: &Linkage,
    context: &Context<'_>,
) -> Result<Clusters> {
    let path = settings.state.as_ref().ok_or_else(|| {
        let said = "--append needs --state, the file that the first run wrote its merges to";
        Error::Setting(said.to_owned())
    })?;
    let Some(mut checkpoint) = Checkpoint::read(path)? else {
        let said = format!("{} is not there: run once with --state and without --append", path.display());
        return Err(Error::StepMissing(said));
    };
    let old = checkpoint.rows.min(rows.len());
    checkpoint.check(path, linkage, old, &rows.as_slice()[..old * rows.dim()])?;
    checkpoint.renumber(&(0..old as u32).collect::<Vec<_>>(), rows.len())?;
    let none = Constraints::default();
    let is_new: Vec<bool> = (0..rows.len()).map(|row| row >= old).collect();
    append_rows(rows, &checkpoint.history(&none), &is_new, linkage, &none, context.observer)
        .at(|| format!("going on from {}", path.display()))
}

fn write_labels(out: &Path, labels: &[u32]) -> Result<()> {
    write_atomic(out, |file| {
        writeln!(file, "index,label")?;
        labels.iter().enumerate().try_for_each(|(index, label)| writeln!(file, "{index},{label}"))
    })?;
    Ok(())
}

/// Writes all pairs at distance ≤ threshold between two blocks of rows to a Parquet file, for [`cluster_link`].
///
/// # Errors
/// What reading, joining and writing meets.
pub fn cluster_join(
    vectors: &Path,
    out: &Path,
    settings: &JoinSettings,
    context: &Context<'_>,
) -> Result<JoinResult> {
    settings.check()?;
    outputs::check([out], [vectors])?;
    let linkage = settings.resources.limit(Linkage::new(settings.metric, settings.threshold)?);
    with_threads(settings.resources.threads, || {
        let rows = read_vectors(vectors, settings.metric)?;
        let left = settings.rows.clone().map_or(0..rows.len(), |rows| rows.0);
        let right = settings.cols.clone().map_or_else(|| left.clone(), |cols| cols.0);
        for (flag, block) in [("--rows", &left), ("--cols", &right)] {
            if block.end > rows.len() {
                return Err(Error::Setting(format!(
                    "{flag} ends at {}, but {} has {} rows",
                    block.end,
                    vectors.display(),
                    rows.len()
                )));
            }
        }
        let about = About::from([
            ("kind".to_owned(), "links".to_owned()),
            ("rows".to_owned(), rows.len().to_string()),
            ("metric".to_owned(), settings.metric.to_string()),
            ("threshold".to_owned(), settings.threshold.to_string()),
            ("vectors".to_owned(), fingerprint(rows.len(), rows.as_slice())),
            ("block".to_owned(), block_text(&(left.clone(), right.clone()))),
        ]);
        let clock = StageClock::new(context.observer);
        let listen = |p: Progress| clock.hear(p);
        let links = join_blocks(&rows, &linkage, left, right, Observer::new(&listen))?;
        let time = clock.finish().join;
        write_pairs(out, &about, links.iter().map(|l| l.map(|l| (l.i, l.j, l.distance))))?;
        Ok(JoinResult { rows: rows.len(), links: links.len(), time })
    })
}

/// What linking takes for a row, whether it has links or not.
const BYTES_A_ROW: u64 = 32;

/// Rows of one block, and of the other.
type Blocks = (Range<usize>, Range<usize>);

/// As [`cluster_join`] writes them down and [`cluster_link`] reads them.
fn block_text((left, right): &Blocks) -> String {
    format!("{}..{} x {}..{}", left.start, left.end, right.start, right.end)
}

fn block_of(text: &str) -> Option<Blocks> {
    let (left, right) = text.split_once(" x ")?;
    Some((left.parse::<Rows>().ok()?.0, right.parse::<Rows>().ok()?.0))
}

/// The links of several parts, of one run.
struct Parts {
    links: Vec<Links>,
    blocks: Vec<Blocks>,
    /// The threshold they were joined at.
    joined: f64,
}

/// Clusters from the links of all blocks that [`cluster_join`] wrote, in any order; writes CSV `index,label` to
/// `out`.
///
/// # Errors
/// A part cannot be read or is of another run than the first, parts are missing, or there are more links than fit in
/// memory.
pub fn cluster_link(parts: &[PathBuf], out: &Path, settings: &LinkSettings) -> Result<LinkResult> {
    settings.check()?;
    outputs::check([out], parts.iter().map(PathBuf::as_path))?;
    let memory = settings.resources.memory.map_or(Linkage::MEMORY, |bytes| bytes.0);
    with_threads(settings.resources.threads, || {
        let Parts { links, blocks, joined } = read_parts(parts, memory / Linkage::BYTES_A_LINK)?;
        let threshold = settings.threshold.unwrap_or(joined);
        if !(0.0..=joined).contains(&threshold) {
            return Err(Error::Setting(format!(
                "the parts were joined at {joined}: --threshold can be at most that, not {threshold}"
            )));
        }
        let links = Links::merge(links)?;
        if let Some((rows, cols)) = not_joined(links.rows(), &blocks) {
            return Err(Error::StepMissing(format!(
                "no part has the links between rows {}..{} and rows {}..{}: run streamface cluster join --rows \
                 {0}..{1} --cols {2}..{3} on the same vectors, and give all parts",
                rows.start, rows.end, cols.start, cols.end
            )));
        }
        let all = link(links, &Constraints::default())?;
        // What linkage does above a threshold changes nothing below it.
        let labels = streamface_cluster::cut(all.labels.len(), &all.merges, threshold);
        write_labels(out, &labels)?;
        Ok(LinkResult { rows: labels.len(), clusters: count(&labels), links: all.links })
    })
}

fn read_parts(paths: &[PathBuf], most: u64) -> Result<Parts> {
    let mut first: Option<About> = None;
    let (mut parts, mut left, mut blocks) = (Vec::new(), most, Vec::new());
    for path in paths {
        let (about, pairs) = read_pairs(path, left).map_err(|error| match error {
            StoreError::TooMany { .. } => Error::Setting(format!(
                "{error}, {most} with those before; give --memory more, or cluster the vectors themselves"
            )),
            other => other.into(),
        })?;
        let known = |key: &str| about.get(key).cloned().unwrap_or_default();
        if known("kind") != "links" {
            let said = format!("{} was not written by `streamface cluster join`", path.display());
            return Err(Error::Input(said));
        }
        if let Some(first) = &first
            && let Some(key) =
                ["rows", "metric", "threshold", "vectors"].iter().find(|k| first.get(**k) != about.get(**k))
        {
            return Err(Error::Mismatch(format!(
                "{} is of another run than {}: its {key} is {}, not {}",
                path.display(),
                paths[0].display(),
                known(key),
                first.get(*key).cloned().unwrap_or_default()
            )));
        }
        let rows = known("rows").parse::<u32>().ok();
        let rows = rows.at(|| format!("{}: no number of rows", path.display()))? as usize;
        // Linkage keeps some numbers a row; a file may say that it is of billions.
        if rows as u64 > most.saturating_mul(Linkage::BYTES_A_LINK) / BYTES_A_ROW {
            return Err(Error::Setting(format!(
                "{}: of {rows} rows, which do not fit in memory; give --memory more",
                path.display()
            )));
        }
        let block = block_of(&known("block"));
        blocks.push(block.at(|| format!("{}: no blocks of rows; join them again", path.display()))?);
        left -= pairs.len() as u64;
        let links = pairs.into_iter().map(|(i, j, distance)| Link { i, j, distance }).collect();
        parts.push(Links::new(rows, links).at(|| path.display().to_string())?);
        first.get_or_insert(about);
    }
    let joined = first.as_ref().and_then(|a| a.get("threshold")?.parse::<f64>().ok());
    let joined = joined.at(|| "the parts do not say what threshold they were joined at".to_owned())?;
    Ok(Parts { links: parts, blocks, joined })
}
