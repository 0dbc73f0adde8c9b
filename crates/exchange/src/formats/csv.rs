//! One CSV file, a row a face: written with the columns of [`table_writer`]; read from that, or from any
//! with a column that names pictures.

use std::collections::HashMap;
use std::path::Path;

use streamface_store::FaceRow;
use streamface_types::{BoundingBox, Landmarks, csv_text_back};

use crate::dataset_builder::DatasetBuilder;
use crate::files::{MAX_TEXT, named, open_text};
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::photos::{self, Photo};
use crate::report::{Observer, Summary};
use crate::snapshot::Snapshot;
use crate::table_writer::LANDMARKS;
use crate::{Error, table_writer};

/// One table as CSV.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("One CSV file, a row a face"),
            import: Some("CSV and the pictures it names: labels, boxes, landmarks, scores"),
        }
    }

    fn is_file(&self) -> bool {
        true
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        _: &ExportSettings,
        _: Observer<'_>,
    ) -> Result<Summary, Error> {
        table_writer::write_csv(set, out)
    }

    fn import(
        &self,
        path: &Path,
        out: &Path,
        settings: &ImportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"))
    }
}

/// Rows need `image`, the picture relative to the CSV's folder or to `--images`; or `face` (or `name`), for
/// `{face}.png` there. `label` (or `person`, or both: number and name), `source`, box, landmarks and scores are taken where there are any.
fn import(
    path: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let beside = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = settings.images.as_deref().unwrap_or(beside);
    let broken = |e: csv::Error| Error::format(path, format!("not a CSV table: {e}"));
    let mut csv =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(open_text(path, MAX_TEXT)?);
    let header = csv.headers().map_err(broken)?.clone();
    let columns: HashMap<&str, usize> =
        header.iter().zip(0..).map(|(name, at)| (name.trim_start_matches('\u{feff}'), at)).collect();
    let either = |names: &[&str]| names.iter().find_map(|n| columns.get(n).copied());
    let (image, face) = (either(&["image", "file", "path"]), either(&["face", "name"]));
    if image.is_none() && face.is_none() {
        return Err(Error::format(
            path,
            "no column 'image' or 'face' (or 'name') that says which picture a row is of",
        ));
    }
    let (label, source) = (either(&["label", "person", "identity"]), either(&["source"]));
    // Beside a number the name.
    let called = either(&["person"]).filter(|at| Some(*at) != label);
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let mut photos = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let row = match csv.read_record(&mut record) {
            Ok(true) => {
                let text = |at: Option<usize>| {
                    at.and_then(|i| record.get(i)).map(csv_text_back).filter(|t| !t.is_empty())
                };
                let (label, called) = (text(label), text(called));
                let photo = photo(&columns, &record, folder, [text(image), text(face), text(source)]);
                photo.map(|photo| Photo {
                    person: called.or(label).map(str::to_owned),
                    number: called.and(label).and_then(|label| label.parse().ok()),
                    ..photo
                })
            }
            Ok(false) => break,
            Err(e) if matches!(e.kind(), csv::ErrorKind::Utf8 { .. }) => Err("not UTF-8".into()),
            Err(e) => return Err(broken(e)),
        };
        match row {
            Ok(photo) => photos.push(photo),
            Err(why) => {
                let line = record.position().map_or(0, csv::Position::line);
                builder.problem(format!("{}: line {line}: {why}", path.display()));
            }
        }
    }
    photos::take(&mut builder, photos, path, settings.photos)?;
    builder.finish(path, "a row for each picture is wanted")
}

fn photo(
    columns: &HashMap<&str, usize>,
    record: &csv::StringRecord,
    folder: &Path,
    [image, face, source]: [Option<&str>; 3],
) -> Result<Photo, String> {
    let number = |name: &str| -> Result<Option<f64>, String> {
        let Some(text) = columns.get(name).and_then(|&i| record.get(i)).filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        let short: String = text.chars().take(60).collect();
        let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
        value.map(Some).ok_or_else(|| format!("{name} '{short}' is no number"))
    };
    let named_by_face = face.map(|f| format!("{}.png", f.trim_end_matches(".png")));
    let file = image.map(str::to_owned).or(named_by_face).ok_or("names no picture")?;
    let from = named(folder, &file)?;
    let stem = Path::new(&file).file_stem().map(|s| s.to_string_lossy().into_owned());
    let name = face.map(|f| f.trim_end_matches(".png").to_owned()).or(stem).unwrap_or_default();
    // Whose face it is, photos::take says.
    let mut row = FaceRow::new(photos::face_id("row", false)?);
    if let (Some(x), Some(y), Some(w), Some(h)) = (number("x")?, number("y")?, number("w")?, number("h")?) {
        row.bbox = BoundingBox::new(x as f32, y as f32, w as f32, h as f32);
    }
    let mut points = Landmarks::default();
    let mut all = true;
    for (v, name) in points.0.as_flattened_mut().iter_mut().zip(LANDMARKS) {
        match number(name)? {
            Some(number) => *v = number as f32,
            None => all = false,
        }
    }
    if all {
        row.landmarks = points;
    }
    row.score = number("score")?.map_or(row.score, |v| v as f32);
    row.blur = number("blur")?.unwrap_or(row.blur);
    Ok(Photo { name, from, row: Some(row), source: source.map(str::to_owned), ..Photo::default() })
}
