//! Labels from files: `annotations.json`, or CSV with the columns `name` (or `index`) and `label`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Take};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use streamface_types::Annotation;
use streamface_types::bounded::JsonText;

use crate::Error;

mod named;
mod table;

pub use named::Labelled;

/// Largest file of labels that is read, in bytes (2 GiB: some twenty million faces).
pub const MAX_FILE: u64 = 2 << 30;

/// `name` without a trailing `.png`, `.jpg` or `.jpeg`, in any case: labels belong to faces, and
/// some files name the picture instead.
#[must_use]
pub fn stem(name: &str) -> &str {
    for ext in [".png", ".jpg", ".jpeg"] {
        if let Some(at) = name.len().checked_sub(ext.len())
            && at > 0
            && name.is_char_boundary(at)
            && name[at..].eq_ignore_ascii_case(ext)
        {
            return &name[..at];
        }
    }
    name
}

/// Reads labels by the stem of the face's name.
///
/// A file whose first character is `{` is read as `annotations.json`
/// ([`streamface_types::Annotations`]); anything else as a table: CSV, or with semicolons or tabs. Its header has a column
/// `name` or `face` (or, for rows of a matrix, `index`, or a first column without a name, as pandas writes its index) and
/// `label`, `person` or `identity`, in any case; other columns are ignored.
///
/// If every label of the table is a whole number these are the labels: `1.0`, as pandas writes the numbers of a column
/// in which some are missing, is 1. Otherwise labels are text, numbered from 0 by first appearance, but for `-1`, which is
/// noise in any case. In a column of floats an empty label is a face without one.
///
/// # Errors
/// Where the file cannot be read, is larger than [`MAX_FILE`], has a row with too few or too many
/// fields or of more than [`streamface_types::bounded::MAX_ROW`] bytes, an empty name or label, or names one face twice
/// with different labels.
///
/// Texts that begin with an apostrophe because a spreadsheet would run them as formulas are read without it.
pub fn read_labels(path: impl AsRef<Path>) -> Result<BTreeMap<String, i64>, Error> {
    Ok(read_labelled(path)?.labels)
}

/// [`read_labels`] with the texts that the labels stand for, or the names of people whose labels are numbers: the column
/// `person` of a CSV file, `names` of `annotations.json`.
///
/// # Errors
/// Those of [`read_labels`].
pub fn read_labelled(path: impl AsRef<Path>) -> Result<Labelled, Error> {
    read_limited(path.as_ref(), MAX_FILE)
}

/// Gives every entry of an `annotations.json` to `each`, in the order of the file and without keeping it.
///
/// # Errors
/// Where the file cannot be read, is larger than [`MAX_FILE`], is no such JSON, or has a face without a
/// name.
pub fn each_annotation(path: impl AsRef<Path>, mut each: impl FnMut(&str, Annotation)) -> Result<(), Error> {
    let path = path.as_ref();
    let mut input = open(path, MAX_FILE)?;
    let mut each = |name: String, annotation: Annotation| {
        each(stem(&name), annotation);
        Ok(())
    };
    let result = read_entries(path, &mut input, Entries(&mut each, None));
    within(path, &input, MAX_FILE)?;
    result
}

fn read_limited(path: &Path, limit: u64) -> Result<Labelled, Error> {
    let mut input = open(path, limit)?;
    let start = input.fill_buf().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    if start.is_empty() {
        return Err(Error::EmptyFile(path.to_owned()));
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.contains(&0) {
        return Err(Error::Encoding { path: path.to_owned(), found: "it looks like UTF-16".to_owned() });
    }
    let json = start.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let labels = if json { read_json(path, &mut input) } else { table::read(path, &mut input) };
    within(path, &input, limit)?;
    labels
}

fn too_large(path: &Path, limit: u64) -> Error {
    Error::TooLarge { path: path.to_owned(), limit }
}

/// A file of text that is no larger than `limit`, past a byte order mark. One that does not tell its length
/// is read on to the limit: ask [`within`] afterwards.
pub(crate) fn open(path: &Path, limit: u64) -> Result<BufReader<Take<File>>, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    check_kind(path).map_err(read_error)?;
    let file = File::open(path).map_err(read_error)?;
    if file.metadata().map_err(read_error)?.len() > limit {
        return Err(too_large(path, limit));
    }
    // A pipe has no length to ask for: stop one byte past the limit, and see whether it came to that.
    let mut input = BufReader::new(file.take(limit.saturating_add(1)));
    let start = input.fill_buf().map_err(read_error)?;
    if start.starts_with(b"\xef\xbb\xbf") {
        input.consume(3);
    }
    Ok(input)
}

/// Refuses what may never come to an end. The shell names its own pipes, as of `<(command)`, in `/dev` and `/proc`; a pipe
/// or a device elsewhere is a trap in somebody's folder.
fn check_kind(path: &Path) -> std::io::Result<()> {
    let there = std::fs::metadata(path)?;
    if there.is_file() || path.starts_with("/dev") || path.starts_with("/proc") {
        return Ok(());
    }
    Err(std::io::Error::other("not a regular file; give the file itself"))
}

/// [`Error::TooLarge`] where what was read came to the limit.
pub(crate) fn within(path: &Path, input: &BufReader<Take<File>>, limit: u64) -> Result<(), Error> {
    if input.get_ref().limit() == 0 { Err(too_large(path, limit)) } else { Ok(()) }
}

fn read_json(path: &Path, input: impl Read) -> Result<Labelled, Error> {
    let (mut labels, mut names) = (BTreeMap::new(), BTreeMap::new());
    let mut keep = |name: String, face: Annotation| {
        if labels.insert(stem(&name).to_owned(), face.label.0).is_some_and(|old| old != face.label.0) {
            return Err(format!("'{name}' comes twice, with two labels"));
        }
        Ok(())
    };
    read_entries(path, input, Entries(&mut keep, Some(&mut names)))?;
    Ok(Labelled { labels, names, numbered: true })
}

fn read_entries(path: &Path, input: impl Read, entries: Entries<'_>) -> Result<(), Error> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(JsonText::new(input)));
    let read = json.deserialize_map(entries).and_then(|()| json.end());
    read.map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// [`streamface_types::Annotations`], whose entries are handed on one by one: without keeping what is not
/// wanted, and without losing a name that comes twice. The names of people go to the map, where there is one.
struct Entries<'a>(
    &'a mut dyn FnMut(String, Annotation) -> Result<(), String>,
    Option<&'a mut BTreeMap<i64, String>>,
);

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with 'labels'")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), found) {
                ("labels", true) => return Err(A::Error::duplicate_field("labels")),
                ("labels", false) => map.next_value_seed(Labels(&mut *self.0))?,
                ("names", _) if self.1.is_some() => {
                    let names = map.next_value()?;
                    if let Some(to) = self.1.as_deref_mut() {
                        *to = names;
                    }
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            found |= key == "labels";
        }
        if found { Ok(()) } else { Err(A::Error::missing_field("labels")) }
    }
}

struct Labels<'a>(&'a mut dyn FnMut(String, Annotation) -> Result<(), String>);

impl<'de> DeserializeSeed<'de> for Labels<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Labels<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of faces by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, face)) = map.next_entry::<String, Annotation>()? {
            if name.is_empty() {
                return Err(A::Error::custom("a face without a name"));
            }
            (self.0)(name, face).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Result<BTreeMap<String, i64>, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Ok(read_limited(file.path(), 1000)?.labels)
    }

    fn labels(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|&(name, label)| (name.to_owned(), label)).collect()
    }

    #[test]
    fn numbers_and_texts() {
        assert_eq!(read("name,label\na.png,7\nb.JPG,-1\n").unwrap(), labels(&[("a", 7), ("b", -1)]));
        assert_eq!(
            read("x,label,name\n,Zoe,a\n,Adam,b\n,Zoe,c").unwrap(),
            labels(&[("a", 0), ("b", 1), ("c", 0)])
        );
        // One text among numbers makes all of them texts; spelling then counts.
        assert_eq!(read("name,label\na,1\nb,01\nc,x\n").unwrap(), labels(&[("a", 0), ("b", 1), ("c", 2)]));
        assert_eq!(
            read("name,label\na,-1\nb,Zoe\nc,Ann\n").unwrap(),
            labels(&[("a", -1), ("b", 0), ("c", 1)])
        );
        assert_eq!(read("\u{feff}name,label\r\n\"a,b\", 3 \r\n").unwrap(), labels(&[("a,b", 3)]));
        assert_eq!(read("name,label\n").unwrap(), labels(&[]));
    }

    #[test]
    fn other_encodings_and_nothing_are_told_with_what_to_do() {
        let utf16: Vec<u8> = "name,label\na,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for text in
            [[b"\xff\xfe".to_vec(), utf16.clone()].concat(), utf16, b"name,label\nZo\xeb,1\n".to_vec()]
        {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains("save it as UTF-8"), "{said}");
        }
        assert!(read("").unwrap_err().to_string().ends_with("the file is empty"));
    }

    #[test]
    fn numbers_as_pandas_writes_them() {
        let expected = labels(&[("a", 2), ("b", 0), ("c", -1)]);
        for text in [
            "name,label\na,2.0\nb,0.0\nc,-1.0\n",
            // Its own index before the columns; missing labels are why there are floats.
            ",name,label\n0,a,2.0\n1,b,0.0\n2,c,-1.0\n3,d,\n",
            "name;Label\na;2.0\nb;0\nc;-1.0\n",
            "Name\tLabel\na\t2\nb\t0\nc\t-1\nd\tNaN\n",
            "sep=;\nface;person\na;2\nb;0.0\nc;-1\n",
            r#"{"labels": {"a": {"label": 2.0}, "b": {"label": 0}, "c": {"label": -1.0, "mask": NaN}}}"#,
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        let rows = labels(&[("0", 1), ("1.0", -1)]);
        assert_eq!(read(",label\n0,1.0\n1.0,-1.0\n").unwrap(), rows);
        assert_eq!(read("Unnamed: 0,label\n0,1.0\n1.0,-1.0\n").unwrap(), rows);
        // Among texts too: one label is one label, and noise is noise.
        assert_eq!(
            read("name,label\na,-1.0\nb,7.0\nc,x\nd,7\n").unwrap(),
            labels(&[("a", -1), ("b", 0), ("c", 1), ("d", 0)])
        );
        // A half is no number of a person.
        assert_eq!(read("name,label\na,1.5\nb,2.0\n").unwrap(), labels(&[("a", 0), ("b", 1)]));
    }

    #[test]
    fn one_name_in_two_spellings_is_one_person() {
        let text = "name,label\na,Zo\u{eb}\nb,Zoe\u{308}\nc,Zoe\n";
        assert_eq!(read(text).unwrap(), labels(&[("a", 0), ("b", 0), ("c", 1)]));
    }

    #[test]
    fn a_row_or_a_text_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        let write = |start: &str| {
            let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
            std::io::Write::write_all(&mut file, start.as_bytes()).unwrap();
            std::io::copy(&mut std::io::repeat(b'x').take(24 << 20), &mut file).unwrap();
        };
        write("name,label\na,1\nb,");
        let said = read_labels(&path).unwrap_err().to_string();
        assert!(said.contains("long: ") && said.contains("row of more than"), "{said}");
        write("name,label\na,1\n\"b");
        assert!(read_labels(&path).unwrap_err().to_string().contains("row of more than"));
        write("{\"labels\": {\"");
        let said = read_labels(&path).unwrap_err().to_string();
        assert!(said.contains("long: ") && said.contains("text of more than"), "{said}");
    }

    #[test]
    fn annotations() {
        let text = r#" {"labels": {"a_face_0": {"label": 4, "mask": null, "attributes": null}, "b.png": {"label": -1}}, "ignore": [[1, 2]]}"#;
        assert_eq!(read(text).unwrap(), labels(&[("a_face_0", 4), ("b", -1)]));
    }

    #[test]
    fn people_with_numbers_have_names_too() {
        let all = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            read_labelled(file.path()).unwrap()
        };
        let names = |all: &Labelled| all.names.clone().into_iter().collect::<Vec<_>>();
        let csv = all("name,label,person\na,7,'=Anna\nb,7,'=Anna\nc,0,\nd,3,3\ne,-1,-1\n");
        assert_eq!((names(&csv), csv.numbered), (vec![(7, "=Anna".to_owned())], true));
        assert_eq!(csv.labels, labels(&[("a", 7), ("b", 7), ("c", 0), ("d", 3), ("e", -1)]));
        let json = all(r#"{"names": {"4": "Anna"}, "labels": {"a": {"label": 4}}}"#);
        assert_eq!((names(&json), json.name(4)), (vec![(4, "Anna".to_owned())], "Anna".to_owned()));
        let texts = all("name,label,person\na,Anna,x\n");
        assert_eq!((names(&texts), texts.numbered), (vec![(0, "Anna".to_owned())], false));
    }

    #[test]
    fn entries_one_by_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let each = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let mut found = Vec::new();
            each_annotation(file.path(), |name, a| {
                found.push((name.to_owned(), a.label.0, a.attributes.probability("mask")));
            })?;
            Ok::<_, Error>(found)
        };
        let text =
            r#"{"ignore": [[1, 2]], "labels": {"b.png": {"label": 4, "mask": 0.5}, "a": {"label": -1}}}"#;
        assert_eq!(each(text).unwrap(), [("b".to_owned(), 4, Some(0.5)), ("a".to_owned(), -1, None)]);
        for broken in [
            "",
            "[]",
            "{}",
            r#"{"labels": {}, "labels": {}}"#,
            r#"{"labels": {}} x"#,
            r#"{"labels": {"": {"label": 1}}}"#,
        ] {
            assert!(matches!(each(broken), Err(Error::Json { .. })), "{broken}");
        }
    }

    #[test]
    fn a_face_named_twice() {
        assert_eq!(read("name,label\na,1\na.png,1\n").unwrap(), labels(&[("a", 1)]));
        assert!(matches!(read("name,label\na,1\nb,1\na.png,2\n"), Err(Error::Conflict { line: 4, .. })));
        assert!(matches!(
            read(r#"{"labels": {"a": {"label": 1}, "a": {"label": 2}}}"#),
            Err(Error::Json { .. })
        ));
    }

    #[test]
    fn broken_files_say_where() {
        let says = |text: &[u8], part: &str| {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        };
        says(b"name,label\na,1\nb\n", "line: 3");
        says(b"name,label\na,1\nb,1,2\n", "line: 3");
        says(b"name,label\na,1\n\xff,2\n", "line 3");
        says(b"name,label\na,1\n,2\n", "line 3 has no name");
        says(b"name,label\na,1\nb,\n", "line 3 has no label");
        says(b"name,labels\na,1\n", "'name,labels'");
        says(b"name,name,label\n", "'name,name,label'");
        says(b"", "the file is empty");
        says(b"{\"labels\": [1]}", "line 1");
        says(b"{\"labels\": {\"a\": {\"label\": 1.5}}}", "line 1");
        says(b"{\"labels\": {\"a\"", "line 1");
        says(&[b'['; 500], "one column 'name'");
        says(&[b'x'; 1001], "larger than 1000 bytes");
    }

    #[test]
    fn missing_files_and_folders_are_named() {
        let missing = read_labels("no/such/file.csv").unwrap_err();
        assert!(matches!(missing, Error::Read { .. }) && missing.to_string().contains("no/such/file.csv"));
        assert!(read_labels(std::env::temp_dir()).is_err());
    }

    #[test]
    fn stems() {
        for (name, expected) in [
            ("a.png", "a"),
            ("a.JPEG", "a"),
            (".png", ".png"),
            ("é.jpg", "é"),
            ("a.gif", "a.gif"),
            ("€pn", "€pn"),
        ] {
            assert_eq!(stem(name), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read(&bytes);
            let mut csv = b"name,label\n".to_vec();
            csv.extend_from_slice(&bytes);
            let _ = read(&csv);
        }
    }
}
