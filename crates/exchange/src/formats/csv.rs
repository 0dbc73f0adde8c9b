//! One CSV file, a row a face: written with the columns of [`table_writer`]; read from that, or from any
//! with a column that names pictures.

use std::collections::{BTreeSet, HashMap};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use streamface_store::FaceRow;
use streamface_types::bounded::BoundedRows;
use streamface_types::{BoundingBox, Landmarks, csv_text_back, text};

use crate::attribute_models;
use crate::dataset_builder::DatasetBuilder;
use crate::files::{MAX_TEXT, is_image, open_text};
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::loose::{self, Loose};
use crate::named_pictures::NamedPictures;
use crate::photos::{self, Photo};
use crate::report::{Observer, Summary};
use crate::snapshot::Snapshot;
use crate::table_writer::LANDMARKS;
use crate::{Error, optional_fields, table_writer};

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

/// Columns that name the picture, the first that is there.
const IMAGES: [&str; 14] = [
    "image",
    "file",
    "path",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image_path",
    "image_name",
    "image_file",
    "img",
    "picture",
    "photo",
    "image_id",
];

/// Columns that may say who it is: names before numbers.
const PEOPLE: [&str; 7] = ["person", "identity", "label", "class", "subject", "person_id", "identity_id"];

/// Which columns of a table are which.
struct Columns {
    at: HashMap<String, usize>,
    image: Option<usize>,
    face: Option<usize>,
    /// The first of them that a row fills counts.
    people: Vec<usize>,
    /// Whether decimals have commas, as where fields are parted by semicolons.
    commas: bool,
}

impl Columns {
    /// By the header; a first row that names a picture is no header, but the first of pictures and labels.
    fn find(header: &csv::StringRecord, separator: u8) -> Option<(Self, bool)> {
        let at: HashMap<String, usize> =
            header.iter().zip(0..).map(|(name, at)| (text::column(name), at)).collect();
        let of = |name: &str| at.get(name).copied();
        let image = IMAGES.iter().find_map(|name| of(name));
        let mut people: Vec<usize> = PEOPLE.iter().filter_map(|name| of(name)).collect();
        // A name is the face's, unless another column is; then it is the person's.
        let face = of("face").or_else(|| of("name").filter(|_| image.is_none() || !people.is_empty()));
        people.splice(..0, of("name").filter(|name| Some(*name) != face));
        let commas = separator == b';';
        if image.is_some() || face.is_some() {
            return Some((Self { at, image, face, people, commas }, true));
        }
        let image = header.iter().position(|field| is_image(Path::new(field)))?;
        let people = (header.len() == 2).then(|| 1 - image).into_iter().collect();
        Some((Self { at: HashMap::new(), image: Some(image), face: None, people, commas }, false))
    }

    fn text<'r>(&self, record: &'r csv::StringRecord, at: Option<usize>) -> Option<&'r str> {
        record.get(at?).map(csv_text_back).filter(|text| !text.is_empty())
    }

    fn person(&self, record: &csv::StringRecord) -> Option<String> {
        let text = self.people.iter().find_map(|&at| self.text(record, Some(at)))?;
        // As pandas writes the numbers of a column in which some are missing.
        Some(text::whole_number(text).map_or_else(|| text.to_owned(), |number| number.to_string()))
    }

    fn number(&self, record: &csv::StringRecord, name: &str) -> Result<Option<f64>, String> {
        let Some(text) = self.text(record, self.at.get(name).copied()) else { return Ok(None) };
        let short: String = text.chars().take(60).collect();
        let spelled = if self.commas { text.replace(',', ".") } else { text.to_owned() };
        let value = spelled.parse::<f64>().ok().filter(|v| v.is_finite());
        value.map(Some).ok_or_else(|| format!("{name} '{short}' is no number"))
    }
}

/// Rows need `image`, the picture relative to the CSV's folder or to `--images`, or another column of [`IMAGES`]; or `face`
/// (or `name`), for `{face}.png` there. A person, `source`, box, landmarks, scores, `quality` (0 to 1), `attributes` and
/// `attribute_models` (JSON) are taken where there are any. Fields
/// may also be parted by semicolons, tabs or bars.
fn import(
    path: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let beside = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let pictures = NamedPictures::new(beside, settings.images.as_deref());
    let broken = |e: csv::Error| Error::format(path, format!("not a CSV table: {e}"));
    let (mut csv, separator) = open(path)?;
    let mut record = csv::StringRecord::new();
    csv.read_record(&mut record).map_err(broken)?;
    let header: String = record.iter().collect::<Vec<_>>().join(&char::from(separator).to_string());
    let header: String = header.chars().take(300).collect();
    let (columns, has_header) = Columns::find(&record, separator).ok_or_else(|| {
        let why = "no column 'image' (or file, path, filename, …) or 'face' (or 'name') that says which picture a row is \
                   of; the header found is";
        Error::format(path, format!("{why} '{header}'"))
    })?;
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let mut photos = Vec::new();
    let mut is_row = !has_header;
    loop {
        let row = if is_row { Ok(true) } else { csv.read_record(&mut record) };
        is_row = false;
        csv.get_mut().row_ends();
        let row = match row {
            Ok(true) => photo(&columns, &record, &pictures),
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
    shorten(&mut photos);
    photos::take(&mut builder, photos, path, settings.photos)?;
    let wanted = format!(
        "a row for each picture is wanted; pictures are looked for in {} (--images names another folder, for a table that \
         StreamFace exported the dataset directory); the header found is '{header}'",
        pictures.shown()
    );
    builder.finish(path, &wanted)
}

/// Names without folders, where that leaves no two pictures with one name.
fn shorten(photos: &mut [Photo]) {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut of: HashMap<String, BTreeSet<PathBuf>> = HashMap::new();
    for photo in &*photos {
        of.entry(last(&photo.name)).or_default().insert(photo.from.clone());
    }
    for photo in photos {
        let short = last(&photo.name);
        if of.get(&short).is_some_and(|pictures| pictures.len() == 1) {
            photo.name = short;
        }
    }
}

type Reader = csv::Reader<BoundedRows<std::io::BufReader<std::io::Take<std::fs::File>>>>;

/// The rows, its header among them, and what separates fields.
fn open(path: &Path) -> Result<(Reader, u8), Error> {
    let mut input = open_text(path, MAX_TEXT)?;
    let start = input.fill_buf().map_err(Error::io(path))?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(Error::format(path, "text of 16 bits a character; save it as CSV in UTF-8"));
    }
    let mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let (separator, before) = text::dialect(&start[mark..]);
    input.consume(mark + before);
    let mut reader = csv::ReaderBuilder::new();
    reader.flexible(true).trim(csv::Trim::All).has_headers(false).delimiter(separator);
    Ok((reader.from_reader(BoundedRows::new(input)), separator))
}

fn photo(columns: &Columns, record: &csv::StringRecord, pictures: &NamedPictures) -> Result<Photo, String> {
    let number = |name: &str| columns.number(record, name);
    let face = columns.text(record, columns.face);
    let named_by_face = face.map(|f| format!("{}.png", f.trim_end_matches(".png")));
    let file = columns.text(record, columns.image).map(str::to_owned).or(named_by_face);
    let found = pictures.find(&file.ok_or("names no picture")?)?;
    let name = face.map_or(found.name, |f| f.trim_end_matches(".png").to_owned());
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
    let source = columns.text(record, columns.at.get("source").copied()).map(str::to_owned);
    let person = columns.person(record);
    // Beside a name the number.
    let label = columns.text(record, columns.at.get("label").copied());
    let label_number =
        label.and_then(text::whole_number).filter(|n| person.as_deref() != Some(&n.to_string()));
    // What is no number from 0 to 1 is something else of another program's, as are attributes that are no object.
    row.quality = optional_fields::as_quality(columns.number(record, "quality").unwrap_or_default());
    let object = |name: &str| match columns.text(record, columns.at.get(name).copied()) {
        Some(json) if json.starts_with('{') => {
            loose::value(json.as_bytes()).map_err(|e| format!("{name}: {e}"))
        }
        _ => Ok(Loose::Nothing),
    };
    let attributes = object("attributes")?.attributes();
    let models = attribute_models::read(&object("attribute_models")?);
    Ok(Photo {
        name,
        from: found.path,
        person,
        number: label_number,
        row: Some(row),
        attributes,
        models,
        source,
    })
}
