//! The rows that verification compares: what each is of, and which are whose.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use streamface_annotate::labels::{DatasetLabels, LabelSource};
use streamface_eval::labels::Labelled;
use streamface_eval::verification::rows_by_name;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::input::read_vectors;
use super::labelling::matrix;
use super::labels::{as_read, is_word, needed, read_label_file};
use crate::settings::VerifySettings;
use crate::{Error, Result};

/// Vectors, and what each is of.
pub(super) struct Rows {
    pub vectors: Embeddings,
    pub names: Vec<String>,
    /// The quality of each; empty of vectors of a file.
    pub quality: Vec<Option<f32>>,
}

pub(super) fn of_dataset(data: &Dataset) -> Result<Rows> {
    let features = data.read::<FeatureRow>()?;
    if features.is_empty() {
        let dir = data.root().display();
        let said = format!("{dir} has no embeddings yet; run streamface analyze {dir} first");
        return Err(Error::StepMissing(said));
    }
    let names = features.iter().map(|f| f.face.to_string()).collect();
    let quality = features.iter().map(|f| f.quality).collect();
    Ok(Rows { vectors: matrix(&features)?, names, quality })
}

pub(super) fn of_file(path: &Path, names: Option<&Path>, metric: Metric) -> Result<Rows> {
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
    Ok(Rows { vectors, names, quality: Vec::new() })
}

/// Of the faces of one photo keeps the one nearest its middle, as those do who made LFW.
pub(super) fn in_the_middle(
    found: &mut HashMap<&str, Vec<usize>>,
    data: &Dataset,
    names: &[String],
) -> Result<()> {
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
pub(super) fn mean(vectors: &Embeddings, rows: &[usize]) -> Vec<f32> {
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

/// A label for each row, −1 where it has none; what the labels are called; and which these are.
pub(super) fn labels_of(
    settings: &VerifySettings,
    data: Option<&Dataset>,
    rows: &Rows,
) -> Result<(Vec<i64>, Labelled, LabelSource)> {
    let (known, from) = match (settings.labels.as_deref(), data) {
        // By the names in the file, which may be those of photos.
        (Some(path), _) if data.is_none() || !is_word(path) => {
            (read_label_file(path)?, LabelSource::File(path.to_owned()))
        }
        (given, Some(data)) => {
            let DatasetLabels { named, from, .. } = needed(data, given)?;
            (as_read(named), from)
        }
        (_, None) => {
            let said = "--pairs or --labels is needed to know who is who";
            return Err(Error::Setting(said.to_owned()));
        }
    };
    let mut found = rows_by_name(known.labels.keys().map(String::as_str), &rows.names);
    if let Some(data) = data {
        in_the_middle(&mut found, data, &rows.names)?;
    }
    let mut labels = vec![-1; rows.names.len()];
    for (name, label) in &known.labels {
        found.get(name.as_str()).into_iter().flatten().for_each(|&row| labels[row] = *label);
    }
    if labels.iter().all(|&l| l < 0) {
        let said = format!("the labels name none of the {} faces", rows.names.len());
        return Err(Error::Mismatch(said));
    }
    Ok((labels, known, from))
}
