//! Manifests for weights that a user brings: everything but the file is known beforehand.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use super::builtin;
use super::sections::{Check, Format, Layout};
use crate::error::{Error, Result};

/// Name and text, in the order of the names.
const ALL: [(&str, &str); 11] = [
    ("6drepnet", include_str!("../../templates/6drepnet.toml")),
    ("arcface", include_str!("../../templates/arcface.toml")),
    ("auraface", include_str!("../../templates/auraface.toml")),
    ("chandrika-mask", include_str!("../../templates/chandrika-mask.toml")),
    ("deepface-emotion", include_str!("../../templates/deepface-emotion.toml")),
    ("facenet512", include_str!("../../templates/facenet512.toml")),
    ("fairface", include_str!("../../templates/fairface.toml")),
    ("retinaface", include_str!("../../templates/retinaface.toml")),
    ("scrfd", include_str!("../../templates/scrfd.toml")),
    ("sface", include_str!("../../templates/sface.toml")),
    ("whenet", include_str!("../../templates/whenet.toml")),
];

/// What stands in a manifest for one user's files and no others.
const OF_FILES: [&str; 8] = ["name", "format", "file", "bytes", "sha256", "package", "weights", "check"];

/// A manifest for files of a user's own, as [`like`] makes it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Draft {
    /// The model's name.
    pub name: String,
    /// The files, as they are to be named in the order of the manifest.
    pub files: Vec<PathBuf>,
    /// Their format.
    pub format: Format,
    table: Table,
}

/// The names that [`like`] knows: of templates without weights, then of the models that come with StreamFace.
#[must_use]
pub fn templates() -> Vec<&'static str> {
    known().map(|(name, _)| name).collect()
}

fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.into_iter().chain(builtin::ALL).filter(|(_, text)| !has_no_weights(text))
}

/// Whether a built-in manifest names no files of its own: an ensemble, or a variant of another.
fn has_no_weights(text: &str) -> bool {
    text.contains("[embedder.ensemble]") || text.contains("\nvariant_of")
}

/// A manifest for `files` after the template or built-in manifest `template`; `name` is the model's, else that of the
/// first file. Of a TensorFlow.js model the JSON is enough: its shards lie beside it.
///
/// # Errors
/// [`Error::UnknownTemplate`], [`Error::Draft`], [`Error::Io`].
pub fn like(template: &str, name: Option<&str>, files: &[PathBuf]) -> Result<Draft> {
    let known = ALL.iter().chain(&builtin::ALL).find(|(name, text)| {
        let is_variant = text.contains("\nvariant_of");
        *name == template && !is_variant
    });
    let (_, text) = known
        .ok_or_else(|| Error::UnknownTemplate { name: template.to_owned(), known: templates().join(", ") })?;
    let wrong = |why: String| Error::Draft { template: template.to_owned(), why };
    let mut table: Table = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let format = format_of(files.first().ok_or_else(|| wrong("a file of weights is needed".into()))?)?;
    let files =
        if format == Format::Tfjs && files.len() == 1 { with_shards(&files[0])? } else { files.to_vec() };
    let parts = part_names(&table, &files, format).map_err(wrong)?;
    // A file that is read like another need not be that one.
    let own = "that of your file";
    if let Some(of) = table.get("licence").and_then(Value::as_str).filter(|l| *l != own).map(str::to_owned) {
        let note = table.get("licence_note").and_then(Value::as_str).unwrap_or_default();
        table.insert("licence_note".into(), format!("Of {template}'s own weights: {of}. {note}").into());
        table.insert("licence".into(), own.into());
    }
    OF_FILES.iter().for_each(|key| drop(table.remove(*key)));
    let means_more =
        |name: &str| streamface_types::attributes::find(name).is_some() || ["all", "none"].contains(&name);
    let of_file = || {
        let stem = plain_stem(&files[0]);
        if means_more(&stem) { format!("my-{stem}") } else { stem }
    };
    let name = name.map_or_else(of_file, str::to_owned);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let why = format!("'{name}' is no name: letters, digits, '-', '_' and '.'; give one with --name");
        return Err(wrong(why));
    }
    if means_more(&name) {
        let why = format!("'{name}' has a meaning of its own in --attributes; give another name with --name");
        return Err(wrong(why));
    }
    table.insert("name".into(), name.clone().into());
    let mut weights = Vec::new();
    for (path, part) in files.iter().zip(parts) {
        let mut entry = weights_of(path, format)?;
        entry.insert("name".into(), part.into());
        weights.push(entry);
    }
    match &mut weights[..] {
        [one] => {
            one.remove("name");
            table.extend(std::mem::take(one));
        }
        _ => drop(
            table.insert("weights".into(), Value::Array(weights.into_iter().map(Value::Table).collect())),
        ),
    }
    let mut draft = Draft { name, files, format, table };
    // TensorFlow and Keras have channels last; of ONNX files the template's is the likelier.
    if format != Format::Onnx {
        draft.set_layout(Layout::Nhwc);
    }
    Ok(draft)
}

impl Draft {
    /// Says in which order the input's axes are.
    pub fn set_layout(&mut self, layout: Layout) {
        let word = if layout == Layout::Nchw { "nchw" } else { "nhwc" };
        if let Some(Value::Table(input)) = self.table.get_mut("input") {
            input.insert("layout".into(), word.into());
        }
    }

    /// Says what the networks have to give for made-up input.
    pub fn set_checks(&mut self, checks: &[Check]) {
        // A table of numbers, names and lists is always one of TOML.
        let checks = checks.iter().filter_map(|c| Value::try_from(c).ok()).collect();
        self.table.insert("check".into(), Value::Array(checks));
    }

    /// The manifest's text.
    #[must_use]
    pub fn text(&self) -> String {
        self.table.to_string()
    }
}

/// What each of the files is called in the manifest.
fn part_names(table: &Table, files: &[PathBuf], format: Format) -> Result<Vec<String>, String> {
    let parts = table.get("weights").and_then(Value::as_array);
    let names: Vec<String> =
        parts.into_iter().flatten().filter_map(|w| Some(w.get("name")?.as_str()?.to_owned())).collect();
    let of_format =
        parts.into_iter().flatten().all(|w| w.get("format").and_then(Value::as_str) == Some("tfjs"));
    if format == Format::Tfjs && (names.is_empty() || of_format) {
        return Ok((0..files.len())
            .map(|i| if i == 0 { "model".into() } else { format!("shard{i}") })
            .collect());
    }
    match (names.len(), files.len()) {
        (0, 1) => Ok(vec![String::new()]),
        (0, given) => Err(format!("it is of one file, and {given} were given")),
        (needed, given) if needed == given => Ok(names),
        (_, given) => {
            Err(format!("it is of the files {} in this order, and {given} were given", names.join(", ")))
        }
    }
}

fn weights_of(path: &Path, format: Format) -> Result<Table> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0_i64, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(Error::io(path))? {
            0 => break,
            read => {
                digest.update(&buffer[..read]);
                bytes += read as i64;
            }
        }
    }
    let digest: String = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
    let word = match format {
        Format::Onnx => "onnx",
        Format::Tflite => "tflite",
        Format::Tfjs => "tfjs",
        Format::Keras => "keras",
    };
    Ok(Table::from_iter([
        ("format".to_owned(), word.into()),
        ("file".to_owned(), file_name(path)?.into()),
        ("bytes".to_owned(), bytes.into()),
        ("sha256".to_owned(), digest.into()),
    ]))
}

/// The format of a file by how it begins, as names of weight files say little.
fn format_of(path: &Path) -> Result<Format> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(64).read_to_end(&mut start).map_err(Error::io(path))?;
    let foreign = |what: &str, mend: &str| Error::ForeignWeights {
        path: path.to_owned(),
        what: what.to_owned(),
        mend: mend.to_owned(),
    };
    let text = start.iter().find(|b| !b.is_ascii_whitespace());
    match &start[..] {
        [0x89, b'H', b'D', b'F', ..] => Ok(Format::Keras),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Ok(Format::Tflite),
        [b'P', b'K', ..] | [0x80, ..] => Err(foreign(
            "a PyTorch checkpoint or a Keras 3 archive",
            "export it to ONNX (torch.onnx.export, tf2onnx) and give that file",
        )),
        _ if text == Some(&b'{') => Ok(Format::Tfjs),
        [0x08, ..] => Ok(Format::Onnx),
        _ => Err(foreign(
            "none that is read",
            "give ONNX, TensorFlow Lite, the JSON of TensorFlow.js, or Keras HDF5",
        )),
    }
}

/// The JSON of a TensorFlow.js model and the shards that it names, in its order.
fn with_shards(json: &Path) -> Result<Vec<PathBuf>> {
    const LIMIT: u64 = 64 << 20;
    let mut text = String::new();
    let file = File::open(json).map_err(Error::io(json))?;
    file.take(LIMIT).read_to_string(&mut text).map_err(Error::io(json))?;
    let wrong = |why: &str| Error::Draft { template: json.display().to_string(), why: why.to_owned() };
    let read: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| wrong(&format!("it is no JSON of TensorFlow.js: {e}")))?;
    let groups = read.get("weightsManifest").and_then(|m| m.as_array());
    let groups = groups.ok_or_else(|| wrong("it has no weightsManifest: it is no model of TensorFlow.js"))?;
    let shards = groups.iter().filter_map(|g| g.get("paths")?.as_array()).flatten();
    let folder = json.parent().unwrap_or(Path::new(""));
    let mut all = vec![json.to_owned()];
    for shard in shards {
        let plain = shard.as_str().filter(|s| !s.is_empty() && !s.contains(['/', '\\']) && *s != "..");
        all.push(folder.join(plain.ok_or_else(|| wrong("its weights are not plain files beside it"))?));
    }
    Ok(all)
}

fn file_name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|n| n.to_str()).map(str::to_owned);
    name.ok_or_else(|| Error::Draft {
        template: path.display().to_string(),
        why: "it is no file with a plain name".into(),
    })
}

/// A file's name without its ending, as the name of a model.
fn plain_stem(path: &Path) -> String {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;
    use super::*;

    fn file(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn every_template_and_every_builtin_manifest_makes_one_that_reads() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> =
            (0..3).map(|i| file(dir.path(), &format!("my face {i}.onnx"), &[8, i, 3])).collect();
        for name in templates() {
            let three = like(name, None, &files);
            let draft = three.or_else(|_| like(name, None, &files[..1]));
            let Ok(draft) = draft else {
                // A model of TensorFlow.js files alone.
                continue;
            };
            let model = Manifest::parse(&draft.text(), name, Some(dir.path())).unwrap();
            assert_eq!(
                (model.name.as_str(), model.licence.as_str()),
                ("my-face-0", "that of your file"),
                "{name}"
            );
            assert!(model.weights.iter().all(|w| w.bytes == 3 && w.package.is_none()), "{name}");
            assert_eq!(crate::Cache::at("unused").state(&model).unwrap(), crate::CacheState::Good, "{name}");
        }
        let named = like("arcface", Some("mine"), &files[..1]).unwrap();
        assert_eq!(named.name, "mine");
    }

    #[test]
    fn a_template_has_all_that_a_manifest_needs_but_the_files() {
        for (name, text) in ALL {
            let table: Table = toml::from_str(text).unwrap();
            assert!(OF_FILES.iter().all(|key| !table.contains_key(*key)), "{name}");
        }
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn the_format_is_told_by_the_file_and_foreign_ones_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let of = |content: &[u8]| {
            let path = file(dir.path(), "weights.bin", content);
            like("deepface-emotion", None, &[path])
                .map(|d| (d.format, d.text().contains("layout = \"nhwc\"")))
        };
        assert_eq!(of(b"\x89HDF\r\n\x1a\n").unwrap(), (Format::Keras, true));
        assert_eq!(of(b"\x1c\0\0\0TFL3").unwrap(), (Format::Tflite, true));
        assert_eq!(of(&[8, 7]).unwrap().0, Format::Onnx);
        let said = of(b"PK\x03\x04").unwrap_err().to_string();
        assert!(said.contains("weights.bin") && said.contains("torch.onnx.export"), "{said}");
        let said = of(b"").unwrap_err().to_string();
        assert!(said.contains("Keras HDF5"), "{said}");
    }

    #[test]
    fn shards_are_found_beside_the_json_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let shard = file(dir.path(), "group1-shard1of1.bin", b"1234");
        let json = |paths: &str| {
            let text = format!("{{\"weightsManifest\": [{{\"paths\": [{paths}]}}]}}");
            file(dir.path(), "model.json", text.as_bytes())
        };
        let path = json("\"group1-shard1of1.bin\"");
        let draft = like("deepface-emotion", Some("x"), std::slice::from_ref(&path)).unwrap();
        assert_eq!(draft.files, [path, shard]);
        let model = Manifest::parse(&draft.text(), "x", Some(dir.path())).unwrap();
        assert_eq!(model.weights.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["model", "shard1"]);
        for evil in ["\"../x\"", "\"/etc/passwd\"", "3", "\"..\""] {
            let said = like("deepface-emotion", None, &[json(evil)]).unwrap_err().to_string();
            assert!(said.contains("beside it"), "{evil}: {said}");
        }
        let said =
            like("deepface-emotion", None, &[file(dir.path(), "a.json", b"{}")]).unwrap_err().to_string();
        assert!(said.contains("weightsManifest"), "{said}");
    }

    #[test]
    fn unknown_templates_and_wrong_numbers_of_files_are_said() {
        let dir = tempfile::tempdir().unwrap();
        let one = file(dir.path(), "a.onnx", &[8]);
        let said = like("arcfase", None, std::slice::from_ref(&one)).unwrap_err().to_string();
        assert!(said.contains("arcface") && said.contains("mobilefacenet"), "{said}");
        let said = like("mtcnn", None, std::slice::from_ref(&one)).unwrap_err().to_string();
        assert!(said.contains("pnet, rnet, onet") && said.contains('1'), "{said}");
        let said = like("arcface", None, &[one.clone(), one]).unwrap_err().to_string();
        assert!(said.contains("one file, and 2"), "{said}");
        assert!(matches!(like("arcface", None, &[dir.path().join("no")]), Err(Error::Io { .. })));
    }

    #[test]
    fn a_manifest_that_lacks_or_misspells_something_is_refused_by_its_name_and_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "a.onnx", &[8]);
        let text = like("fairface", Some("mine"), &[path]).unwrap().text();
        let why = |text: &str| {
            let path = dir.path().join("mine.toml");
            std::fs::write(&path, text).unwrap();
            let said = Manifest::read(&path).unwrap_err().to_string();
            assert!(said.contains("mine.toml"), "{said}");
            said
        };
        let without = |key: &str| {
            let lines = text.lines().filter(|l| !l.starts_with(key));
            lines.map(|l| format!("{l}\n")).collect::<String>()
        };
        for (key, word) in [
            ("mean", "`mean`"),
            ("scale", "`scale`"),
            ("layout", "`layout`"),
            ("alignment", "`alignment`"),
            ("source", "`source`"),
            ("reading", "`reading`"),
        ] {
            let said = why(&without(key));
            assert!(said.contains("missing field") && said.contains(word), "{key}: {said}");
        }
        let put = |from: &str, to: &str| {
            assert!(text.contains(from), "{from} is not in {text}");
            text.replacen(from, to, 1)
        };
        for (from, to, words) in [
            ("mean = [123.675, 116.28, 103.53]", "mean = [1.0, 2.0]", "a number, or three"),
            ("mean = [123.675, 116.28, 103.53]", "mean = nan", "mean must be a number"),
            ("scale = [58.395, 57.12, 57.375]", "scale = [1.0, 0.0, 1.0]", "scale one other than 0"),
            ("scale = [58.395, 57.12, 57.375]", "deviation = 1.0", "did you mean"),
            ("values = [\"Male\", \"Female\"]", "values = [\"Male\"]", "face.attributes (gender): values"),
            ("values = [\"Male\", \"Female\"]", "labels = [\"Male\", \"Female\"]", "unknown field `labels`"),
            ("alignment = \"square\"", "alignment = \"sqare\"", "did you mean 'square'?"),
            ("size = 224", "size = 2240", "crop.size"),
        ] {
            let said = why(&put(from, to));
            assert!(said.contains(words), "{to}: {said}");
        }
    }
}
