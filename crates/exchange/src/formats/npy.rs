//! Embeddings as a NumPy matrix, one row a face, and beside it a CSV file with a line for each row: `index`, `label`,
//! `person` (the name), `face`. `hri build --vectors X.npy --labels X.csv` and `streamface evaluate` take both.

use std::path::Path;

use streamface_store::{VectorTable, write_npy_and_csv};

use crate::Error;
use crate::embeddings;
use crate::format::{Description, ExportSettings, Format};
use crate::report::{Observer, Summary};
use crate::snapshot::Snapshot;
use crate::staging::check_free;

/// A `.npy` matrix and a CSV file.
#[derive(Debug, Clone, Copy)]
pub struct Npy;

impl Format for Npy {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("Embeddings as one .npy file, and a CSV file beside it, a row a face"),
            import: None,
        }
    }

    fn is_file(&self) -> bool {
        true
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        settings: &ExportSettings,
        _: Observer<'_>,
    ) -> Result<Summary, Error> {
        let beside = out.with_extension("csv");
        if beside == out {
            return Err(Error::format(
                out,
                "the matrix and the CSV file beside it would have one name; use .npy",
            ));
        }
        check_free(&beside)?;
        let Some((vectors, faces)) = embeddings::matrix(set)? else {
            return Err(Error::lacks(set.root(), "no embeddings to export; streamface analyze makes them"));
        };
        let labelled = !set.labels.is_empty();
        let (mut rows, mut unlabelled, mut noisy) = (Vec::new(), 0, 0);
        for (row, face) in faces.iter().enumerate() {
            match set.label(face) {
                None if labelled => unlabelled += 1,
                Some(label) if label.is_noise() && !settings.noise => noisy += 1,
                _ => rows.push(row),
            }
        }
        let mut table = VectorTable::from(embeddings::rows(&vectors, &rows)?);
        let labels = || rows.iter().map(|&row| set.label(&faces[row]));
        table.faces = Some(rows.iter().map(|&row| Some(faces[row].to_string())).collect());
        if labelled {
            table.labels = Some(labels().map(|label| label.map(|l| l.0)).collect());
            let names = labels().map(|label| set.name(label?).map(str::to_owned));
            table.people = Some(names.collect()).filter(|names: &Vec<_>| names.iter().any(Option::is_some));
        }
        write_npy_and_csv(out, &beside, &table)?;
        let kept: Vec<_> = rows.iter().map(|&row| faces[row].clone()).collect();
        let people = set.people(set.faces.iter().filter(|f| kept.binary_search(&f.face).is_ok()));
        let n = rows.len() as u64;
        let mut summary = Summary { faces: n, embeddings: n, people, ..Summary::default() };
        summary.leave_out("faces without a label", unlabelled);
        summary.leave_out("faces of no one (--noise takes them)", noisy);
        Ok(summary)
    }
}
