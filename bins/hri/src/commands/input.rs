//! Vectors with their faces and people: of a file, of standard input, or of a dataset.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use streamface_annotate::labels::{LabelSource, Whose, dataset_labels};
use streamface_eval::labels::{Labelled, read_labelled, stem};
use streamface_store::{Dataset, FeatureMatrix, FeatureRow, VectorTable, read_vectors};
use streamface_types::Embeddings;

/// What `-` is called in messages.
const STDIN: &str = "standard input";

/// What an index is built of.
pub(crate) struct Input {
    pub(crate) vectors: Embeddings,
    /// Ids of faces, one a row, where the input has them.
    pub(crate) faces: Option<Vec<Option<String>>>,
    /// Whose the vectors are, where that is known.
    pub(crate) people: Option<Labels>,
    /// What it is called in messages.
    pub(crate) name: String,
    /// Rows of the input that have no vector.
    pub(crate) without_vector: usize,
    /// Metric and threshold that belong to the model of a dataset.
    pub(crate) of_model: (Option<hri::Metric>, Option<f64>),
}

/// Whose the vectors are.
pub(crate) struct Labels {
    /// A number for each row; negative for no one, `None` where nothing is said.
    pub(crate) of_rows: Vec<Option<i64>>,
    /// Names by number.
    pub(crate) names: BTreeMap<i64, String>,
    /// Whether the numbers are the input's own.
    pub(crate) numbered: bool,
    /// Where they are from.
    pub(crate) from: String,
}

/// Reads vectors of a `.npy` or Parquet file, or of standard input where the path is `-`.
pub(crate) fn vectors(path: &Path) -> Result<VectorTable> {
    if path != Path::new("-") {
        return Ok(read_vectors(path)?);
    }
    // Both forms are read from places in a file.
    let mut file = tempfile::NamedTempFile::new().context("a temporary file for standard input")?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).context(STDIN)?;
    file.flush().context(STDIN)?;
    // The file is ours, and its name says nothing.
    read_vectors(file.path())
        .map_err(|e| anyhow!(e.to_string().replace(&*file.path().to_string_lossy(), STDIN)))
}

/// What a file holds, with labels from another file where one is given.
pub(crate) fn of_file(path: &Path, labels: Option<&Path>) -> Result<Input> {
    let table = vectors(path)?;
    let name = if path == Path::new("-") { STDIN.to_owned() } else { path.display().to_string() };
    let people = match labels {
        Some(labels) => Some(labels_of(labels, table.vectors.len(), table.faces.as_deref())?),
        None => table_labels(&table, &name),
    };
    let without_vector = table.without_vector;
    let mut faces = table.faces;
    if let (None, Some(labels)) = (&faces, labels) {
        faces = super::labels::faces(labels, table.vectors.len())?;
    }
    Ok(Input { vectors: table.vectors, faces, people, name, without_vector, of_model: (None, None) })
}

/// Labels by face where rows have face ids that the file knows, else by row.
fn labels_of(path: &Path, rows: usize, faces: Option<&[Option<String>]>) -> Result<Labels> {
    let Labelled { labels, names, numbered } = read_labelled(path)?;
    let by_face = faces.map(|faces| -> Vec<Option<i64>> {
        faces.iter().map(|face| labels.get(stem(face.as_deref()?)).copied()).collect()
    });
    let of_rows = match by_face.filter(|by_face| by_face.iter().any(Option::is_some)) {
        Some(by_face) => by_face,
        None => super::labels::by_row(path, &labels, rows)?,
    };
    Ok(Labels { of_rows, names, numbered, from: path.display().to_string() })
}

/// The labels, or without them the people's names, of a table of vectors.
fn table_labels(table: &VectorTable, name: &str) -> Option<Labels> {
    let called = |row: usize| table.people.as_ref().and_then(|people| people[row].clone());
    let mut names = BTreeMap::new();
    if let Some(labels) = &table.labels {
        for (row, label) in labels.iter().enumerate() {
            if let (Some(label), Some(person)) = (label.filter(|&l| l >= 0), called(row)) {
                names.entry(label).or_insert(person);
            }
        }
        return Some(Labels { of_rows: labels.clone(), names, numbered: true, from: name.to_owned() });
    }
    let people = table.people.as_ref()?;
    let mut numbers: HashMap<&str, i64> = HashMap::new();
    let of_rows = people.iter().map(|person| {
        let next = numbers.len() as i64;
        person.as_deref().map(|person| *numbers.entry(person).or_insert(next))
    });
    let of_rows = of_rows.collect();
    names.extend(numbers.into_iter().map(|(person, number)| (number, person.to_owned())));
    Some(Labels { of_rows, names, numbered: false, from: name.to_owned() })
}

/// The faces of a dataset that have embeddings, and its people: after the review, where there was one.
pub(crate) fn of_dataset(dir: &Path, labels: Option<&Path>) -> Result<Input> {
    ensure!(
        dir.join("metadata").is_dir(),
        "{} is not a dataset directory; give one that streamface made, or vectors with --vectors",
        dir.display()
    );
    let data = Dataset::read_only(dir)?;
    let features: Vec<FeatureRow> = data.read()?;
    ensure!(!features.is_empty(), "{} has no embeddings; streamface analyze {0} makes them", dir.display());
    let mut vectors = FeatureMatrix::with_capacity(features.len());
    for row in &features {
        vectors
            .push(row)
            .map_err(|e| anyhow!("{}: {e}: distances between models mean nothing", dir.display()))?;
    }
    let faces: Vec<Option<String>> = features.iter().map(|row| Some(row.face.to_string())).collect();
    let faces = Some(faces);
    let people = match labels {
        Some(path) => Some(labels_of(path, features.len(), faces.as_deref())?),
        None => {
            let found = dataset_labels(&data, Whose::Auto)?;
            let names = found.named.names.into_iter().map(|(label, name)| (label.0, name)).collect();
            let of_rows = features.iter().map(|row| found.named.labels.get(&row.face).map(|l| l.0)).collect();
            let from = found.from.to_string();
            (found.from != LabelSource::Nothing).then_some(Labels { of_rows, names, numbered: true, from })
        }
    };
    let record = data.record()?;
    let known = |key: &str| record.get("embedder")?.get(key);
    let of_model = (
        known("metric").and_then(|m| m.parse().ok()),
        known("match-threshold").and_then(|threshold| threshold.parse().ok()),
    );
    Ok(Input {
        vectors: vectors.finish()?,
        faces,
        people,
        name: dir.display().to_string(),
        without_vector: 0,
        of_model,
    })
}

/// Of a file or of a dataset.
pub(crate) fn read(
    vectors: Option<&PathBuf>,
    dataset: Option<&PathBuf>,
    labels: Option<&Path>,
) -> Result<Input> {
    match (vectors, dataset) {
        (Some(path), None) => of_file(path, labels),
        (None, Some(dir)) => of_dataset(dir, labels),
        _ => bail!("give either --vectors or --dataset"),
    }
}
