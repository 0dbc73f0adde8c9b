//! How well distances tell people apart.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use streamface_annotate::labels::{DatasetLabels, LabelSource};
use streamface_eval::verification::{
    Draw, Pair, Verified, draw_pairs, read_pairs, rows_by_name, verify as fold,
};
use streamface_report::VerificationPage;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::dataset_dir::open_reading;
use super::input::{Input, read_vectors};
use super::labelling::matrix;
use super::labels::{is_word, needed, read_label_file};
use super::outputs::Output;
use crate::error::At as _;
use crate::event::Context;
use crate::settings::{Settings as _, VerifySettings};
use crate::threads::with_threads;
use crate::{Error, Result};

/// Vectors, and what each is of.
struct Rows {
    vectors: Embeddings,
    names: Vec<String>,
}

/// Where a dataset's own clusters say who is who.
const CIRCULAR: &str = "the pairs are drawn from the dataset’s own clusters, which were found by these very distances: \
                        the scores flatter. Labels or pairs from people tell more.";

/// The same where decisions have changed some of them.
const PARTLY_CIRCULAR: &str = "the pairs are drawn from the dataset’s own clusters as far as no decision of the review \
                               changed them, and those were found by these very distances: the scores flatter. Labels \
                               or pairs from people tell more.";

/// What a verification came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyResult {
    /// Which labels the pairs were drawn from; none where pairs were given.
    pub labels: Option<LabelSource>,
    /// The numbers.
    pub verified: Verified,
    /// Pairs that lack a face.
    pub missing: Vec<Pair>,
    /// The page.
    pub page: Option<PathBuf>,
}

/// How well distances tell people apart: LFW's and YTF's protocol.
///
/// # Errors
/// What reading and writing meets; pairs or labels that name none of the faces.
pub fn verify(input: &Input, settings: &VerifySettings, context: &Context<'_>) -> Result<VerifyResult> {
    settings.check()?;
    with_threads(settings.threads, || verify_here(input, settings, context))
}

fn verify_here(input: &Input, settings: &VerifySettings, context: &Context<'_>) -> Result<VerifyResult> {
    let metric = settings.metric.unwrap_or_default();
    let (data, rows, source) = match input {
        Input::Dataset(dir) => {
            let data = open_reading(dir)?;
            let (rows, source) = (of_dataset(&data)?, data.root().display().to_string());
            (Some(data), rows, source)
        }
        Input::Vectors(path) => {
            (None, of_file(path, settings.names.as_deref(), metric)?, path.display().to_string())
        }
    };
    let mut shown = vec![("metric".to_owned(), metric.to_string())];
    let mut caution = String::new();
    let mut from = None;
    let (compared, missing) = match &settings.pairs {
        Some(path) => {
            let pairs = read_pairs(path)?;
            shown.push(("pairs".to_owned(), path.display().to_string()));
            of_pairs(&pairs, &rows, data.as_ref(), metric)
                .at(|| format!("{} and {source}", path.display()))?
        }
        None => {
            let (labels, source) = labels_of(settings, data.as_ref(), &rows)?;
            let circular = match &source {
                LabelSource::Clusters => Some(CIRCULAR),
                LabelSource::Review { .. } => Some(PARTLY_CIRCULAR),
                _ => None,
            };
            if let Some(circular) = circular {
                context.warn(circular);
                caution = format!("Caution: {circular}");
            }
            shown.push(("labels".to_owned(), source.to_string()));
            from = Some(source);
            let &VerifySettings { folds, per_fold, seed, .. } = settings;
            let pairs = draw_pairs(&labels, Draw { folds, per_fold, seed, ..Draw::default() });
            shown.push(("seed".to_owned(), seed.to_string()));
            let distance = |&(a, b, same, fold): &(usize, usize, bool, Option<usize>)| {
                (metric.distance(rows.vectors.row(a), rows.vectors.row(b)), same, fold)
            };
            (pairs.par_iter().map(distance).collect(), Vec::new())
        }
    };
    let verified = fold(&compared)?;
    let own = data.as_ref().map(|data| Output::Own(data.root().join("verify.html")));
    let page = settings.out.clone().map(Output::Given).or(own);
    if let Some(page) = &page {
        let shown = VerificationPage {
            title: "Verification".to_owned(),
            source,
            caution,
            settings: shown,
            skipped: missing.len() as u64,
            verified: &verified,
        };
        page.write(|out| shown.render(out).map_err(std::io::Error::other))?;
    }
    Ok(VerifyResult { labels: from, verified, missing, page: page.map(Output::into_path) })
}

fn of_dataset(data: &Dataset) -> Result<Rows> {
    let features = data.read::<FeatureRow>()?;
    if features.is_empty() {
        let dir = data.root().display();
        let said = format!("{dir} has no embeddings yet; run streamface analyze {dir} first");
        return Err(Error::StepMissing(said));
    }
    let names = features.iter().map(|f| f.face.to_string()).collect();
    Ok(Rows { vectors: matrix(&features)?, names })
}

fn of_file(path: &Path, names: Option<&Path>, metric: Metric) -> Result<Rows> {
    let vectors = read_vectors(path, metric)?;
    let names: Vec<String> = match names {
        Some(path) => {
            let file = std::fs::File::open(path).map_err(Error::io(path))?;
            let lines = streamface_types::bounded::lines(std::io::BufReader::new(file));
            // One more than there should be is enough to know that there are too many.
            let trimmed = lines.take(vectors.len() + 1).map(|line| line.map(|l| l.trim().to_owned()));
            trimmed.collect::<std::io::Result<_>>().map_err(Error::io(path))?
        }
        None => (0..vectors.len()).map(|row| row.to_string()).collect(),
    };
    if names.len() != vectors.len() {
        let rows = vectors.len();
        let names = if names.len() > rows { format!("more than {rows}") } else { names.len().to_string() };
        let said = format!("{names} names for {rows} rows of {}: give one a line", path.display());
        return Err(Error::Mismatch(said));
    }
    Ok(Rows { vectors, names })
}

/// (distance, one person, fold)
type Compared = (f64, bool, Option<usize>);

/// The distances of pairs by name, and the pairs that lack a face.
fn of_pairs(
    pairs: &[Pair],
    rows: &Rows,
    data: Option<&Dataset>,
    metric: Metric,
) -> Result<(Vec<Compared>, Vec<Pair>)> {
    let wanted = pairs.iter().flat_map(|p| [p.left.as_str(), p.right.as_str()]);
    let mut found = rows_by_name(wanted, &rows.names);
    if let Some(data) = data {
        in_the_middle(&mut found, data, &rows.names)?;
    }
    let vectors: HashMap<&str, Vec<f32>> =
        found.into_iter().map(|(name, of)| (name, mean(&rows.vectors, &of))).collect();
    let (there, missing): (Vec<&Pair>, Vec<&Pair>) = pairs
        .iter()
        .partition(|p| vectors.contains_key(p.left.as_str()) && vectors.contains_key(p.right.as_str()));
    if there.is_empty() {
        let named = pairs.first().map_or("", |p| p.left.as_str());
        let row = rows.names.first().map_or("", String::as_str);
        return Err(Error::Mismatch(format!(
            "no pair has both of its faces (a pair names '{named}', a row is '{row}')"
        )));
    }
    let distance = |p: &&Pair| {
        (metric.distance(&vectors[p.left.as_str()], &vectors[p.right.as_str()]), p.same, Some(p.fold))
    };
    Ok((there.par_iter().map(distance).collect(), missing.into_iter().cloned().collect()))
}

/// Of the faces of one photo keeps the one nearest its middle, as those do who made LFW.
fn in_the_middle(found: &mut HashMap<&str, Vec<usize>>, data: &Dataset, names: &[String]) -> Result<()> {
    if found.values().all(|rows| rows.len() < 2) {
        return Ok(());
    }
    let mut away: HashMap<FaceId, f64> = HashMap::new();
    data.each(|row: FaceRow| {
        let [x, y] = [row.bbox.x + row.bbox.w / 2.0, row.bbox.y + row.bbox.h / 2.0].map(f64::from);
        let [w, h] = row.frame_size.map(f64::from);
        away.insert(row.face, (x - w / 2.0).hypot(y - h / 2.0));
    })?;
    for rows in found.values_mut().filter(|rows| rows.len() > 1) {
        let mut nearest: BTreeMap<FrameId, (f64, usize)> = BTreeMap::new();
        for &row in rows.iter() {
            let Ok(face) = names[row].parse::<FaceId>() else { continue };
            let from = away.get(&face).copied().unwrap_or(f64::INFINITY);
            let best = nearest.entry(face.frame).or_insert((from, row));
            if from < best.0 {
                *best = (from, row);
            }
        }
        *rows = nearest.into_values().map(|(_, row)| row).collect();
    }
    Ok(())
}

/// The mean of the unit vectors of several rows; one row as it is.
fn mean(vectors: &Embeddings, rows: &[usize]) -> Vec<f32> {
    if let [row] = rows {
        return vectors.row(*row).to_vec();
    }
    let mut sum = vec![0.0; vectors.dim()];
    for &row in rows {
        let row = vectors.row(row);
        let length = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        if length > 0.0 {
            sum.iter_mut().zip(row).for_each(|(s, &v)| *s += f64::from(v) / length);
        }
    }
    sum.into_iter().map(|s| (s / rows.len() as f64) as f32).collect()
}

/// A label for each row, −1 where it has none; and which these are.
fn labels_of(
    settings: &VerifySettings,
    data: Option<&Dataset>,
    rows: &Rows,
) -> Result<(Vec<i64>, LabelSource)> {
    let (known, from) = match (settings.labels.as_deref(), data) {
        // By the names in the file, which may be those of photos.
        (Some(path), _) if data.is_none() || !is_word(path) => {
            (read_label_file(path)?.labels, LabelSource::File(path.to_owned()))
        }
        (given, Some(data)) => {
            let DatasetLabels { named, from } = needed(data, given)?;
            (named.labels.into_iter().map(|(face, label)| (face.to_string(), label.0)).collect(), from)
        }
        (_, None) => {
            let said = "--pairs or --labels is needed to know who is who";
            return Err(Error::Setting(said.to_owned()));
        }
    };
    let mut found = rows_by_name(known.keys().map(String::as_str), &rows.names);
    if let Some(data) = data {
        in_the_middle(&mut found, data, &rows.names)?;
    }
    let mut labels = vec![-1; rows.names.len()];
    for (name, label) in &known {
        found.get(name.as_str()).into_iter().flatten().for_each(|&row| labels[row] = *label);
    }
    if labels.iter().all(|&l| l < 0) {
        let said = format!("the labels name none of the {} faces", rows.names.len());
        return Err(Error::Mismatch(said));
    }
    Ok((labels, from))
}
