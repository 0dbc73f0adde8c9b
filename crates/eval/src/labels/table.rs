//! Labels from a table: CSV, or with semicolons or tabs.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use streamface_types::bounded::BoundedRows;
use streamface_types::{csv_text_back, text};

use super::{Labelled, stem};
use crate::Error;

/// What has this for a label, among texts too, is of no cluster.
const NOISE: &str = "-1";

/// Columns that may name a face or a row, the first of them that is there; pandas leaves the name of its index empty.
const NAMES: [&str; 5] = ["name", "index", "face", "", "unnamed:_0"];

/// Columns that may hold the label.
const LABELS: [&str; 3] = ["label", "person", "identity"];

/// What programs write for a number that is missing.
const MISSING: [&str; 6] = ["nan", "na", "n/a", "<na>", "null", "none"];

pub(super) fn read(path: &Path, input: &mut BufReader<impl Read>) -> Result<Labelled, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let (separator, before) = text::dialect(input.fill_buf().map_err(read_error)?);
    input.consume(before);
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.trim(csv::Trim::All).delimiter(separator).from_reader(BoundedRows::new(input));
    let header = reader.headers().map_err(|e| wrong(path, e))?.clone();
    let columns = Columns::find(path, &header, separator)?;
    let mut table = Table::default();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|e| wrong(path, e))? {
        reader.get_mut().row_ends();
        let line = row.position().map_or(0, csv::Position::line);
        let field = |at: usize| csv_text_back(row.get(at).unwrap_or_default());
        let name = stem(field(columns.name));
        if name.is_empty() {
            return Err(Error::EmptyField { path: path.to_owned(), line, what: "name" });
        }
        let person = columns.person.map_or("", field);
        if !table.add(name, (field(columns.label), person), line) {
            return Err(Error::Conflict { path: path.to_owned(), line, name: name.to_owned() });
        }
    }
    table.finish(path)
}

/// An error of reading is one of the file, whatever the row.
fn wrong(path: &Path, source: csv::Error) -> Error {
    let path = path.to_owned();
    if matches!(source.kind(), csv::ErrorKind::Utf8 { .. }) {
        let line = source.position().map_or(0, csv::Position::line);
        let found = format!("line {line}: Latin-1, or another encoding of a byte a letter");
        return Error::Encoding { path, found };
    }
    if !source.is_io_error() {
        return Error::Csv { path, source };
    }
    match source.into_kind() {
        csv::ErrorKind::Io(source) => Error::Read { path, source },
        kind => Error::Read { path, source: std::io::Error::other(format!("{kind:?}")) },
    }
}

/// Places of the columns.
struct Columns {
    name: usize,
    label: usize,
    /// What people are called whose labels are numbers, in our own tables.
    person: Option<usize>,
}

impl Columns {
    fn find(path: &Path, header: &csv::StringRecord, separator: u8) -> Result<Self, Error> {
        let known: Vec<String> = header.iter().map(text::column).collect();
        let one_of = |names: &[&str]| {
            let name = names.iter().find(|name| known.iter().any(|k| k == *name))?;
            let mut places = known.iter().enumerate().filter(|(_, k)| k == name);
            // Of two columns of one name none is meant more than the other.
            places.next().filter(|_| places.next().is_none()).map(|(at, _)| at)
        };
        let found = || {
            let separator = char::from(separator).to_string();
            let found = header.iter().collect::<Vec<_>>().join(&separator).chars().take(200).collect();
            Error::Header { path: path.to_owned(), found }
        };
        let (name, label) = one_of(&NAMES).zip(one_of(&LABELS)).ok_or_else(found)?;
        Ok(Self { name, label, person: one_of(&["person"]).filter(|at| *at != label) })
    }
}

/// Rows as they come in.
#[derive(Default)]
struct Table {
    /// Each text that is a label, once.
    texts: Vec<String>,
    numbers: HashMap<String, usize>,
    /// The place of a face's label among the texts.
    labels: BTreeMap<String, usize>,
    /// Whether a number is written as a float.
    floats: bool,
    /// Line of the first row without a label.
    without: Option<u64>,
    /// Names of people by the place of their label among the texts.
    called: BTreeMap<usize, String>,
}

impl Table {
    /// Takes a row, with the person's name beside the label; false where the face has another label already.
    fn add(&mut self, name: &str, (label, person): (&str, &str), line: u64) -> bool {
        if label.is_empty() {
            self.without.get_or_insert(line);
            return true;
        }
        let spelled = match text::whole_number(label) {
            Some(number) => {
                self.floats |= label.contains('.');
                number.to_string()
            }
            None => text::name(label).into_owned(),
        };
        let number = match self.numbers.get(&spelled) {
            Some(&number) => number,
            None => {
                self.texts.push(spelled.clone());
                self.numbers.insert(spelled, self.texts.len() - 1);
                self.texts.len() - 1
            }
        };
        if !person.is_empty() && person != label {
            self.called.entry(number).or_insert_with(|| text::name(person).into_owned());
        }
        self.labels.insert(name.to_owned(), number).is_none_or(|old| old == number)
    }

    fn finish(mut self, path: &Path) -> Result<Labelled, Error> {
        if let Some(line) = self.without.filter(|_| !self.floats) {
            return Err(Error::EmptyField { path: path.to_owned(), line, what: "label" });
        }
        let whole = |text: &String| text.parse::<i64>().ok().filter(|n| n.to_string() == *text);
        let missing = |text: &String| MISSING.contains(&text.to_lowercase().as_str());
        let is_missing: Vec<bool> = self.texts.iter().map(missing).collect();
        if self.texts.iter().any(|text| whole(text).is_some())
            && self.texts.iter().all(|text| whole(text).is_some() || missing(text))
        {
            self.labels.retain(|_, number| !is_missing[*number]);
            // Of no face any more, so any number will do.
            let texts = self.texts.iter_mut().zip(&is_missing).filter(|(_, missing)| **missing);
            texts.for_each(|(text, _)| NOISE.clone_into(text));
        }
        let as_numbers: Option<Vec<i64>> = self.texts.iter().map(whole).collect();
        let numbered = as_numbers.is_some();
        let names: BTreeMap<i64, String> = match &as_numbers {
            Some(numbers) => self.called.into_iter().map(|(at, name)| (numbers[at], name)).collect(),
            None => (0..).zip(self.texts.iter().filter(|text| *text != NOISE).cloned()).collect(),
        };
        let values = as_numbers.unwrap_or_else(|| {
            let of: HashMap<&str, i64> = names.iter().map(|(&value, text)| (text.as_str(), value)).collect();
            self.texts.iter().map(|text| of.get(text.as_str()).copied().unwrap_or(-1)).collect()
        });
        let labels = self.labels.into_iter().map(|(name, number)| (name, values[number])).collect();
        Ok(Labelled { labels, names, numbered })
    }
}
