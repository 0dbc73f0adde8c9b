//! The features pickle: face → (embedding, {age, gender, race}, expression, mask, {yaw, pitch, roll}).

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use indexmap::IndexMap;
use streamface_store::write_atomic;
use streamface_types::attributes::{Distribution, Value};
use streamface_types::{Attributes, FaceId};

use crate::Error;
use crate::pickle::{Kind, Limits, Node, Object, Pickle, Writer};

/// What the original knows of a face beside where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// The face.
    pub face: FaceId,
    /// Its embedding: 1024 numbers for ArcFace and FaceNet concatenated.
    pub embedding: Vec<f32>,
    /// Its attributes.
    pub attributes: Attributes,
}

/// The attributes of the second item.
const DEMOGRAPHICS: [&str; 3] = ["age", "gender", "race"];

/// Whether a pickle has a place for an attribute.
pub(super) fn has_place(name: &str) -> bool {
    DEMOGRAPHICS.contains(&name) || ["expression", "mask", "pose"].contains(&name)
}

/// Most entries of a dict of attributes.
const MAX_ENTRIES: usize = 1000;

/// Reads a features pickle without running anything that it may ask for. Broken entries are reported to
/// `problem` and skipped.
///
/// # Errors
/// [`Error::Pickle`] with place and reason: cut short, an opcode or a name that no features file has, a length or
/// memory beyond `limits`.
///
/// ```
/// use streamface_exchange::{Feature, Limits, read_features, write_features};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("features.pkl");
/// let one = Feature { face: "a_face_0".parse()?, embedding: vec![0.6, 0.8], attributes: Default::default() };
/// write_features(&path, &[one.clone()])?;
/// assert_eq!(read_features(&path, &Limits::default(), |why| panic!("{why}"))?, [one]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_features(
    path: &Path,
    limits: &Limits,
    mut problem: impl FnMut(String),
) -> Result<Vec<Feature>, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let wrong = |at, why: String| Error::Pickle { path: path.to_owned(), at, why };
    let pickle = Pickle::read(BufReader::with_capacity(1 << 16, file), length, limits);
    let pickle = pickle.map_err(|e| wrong(e.at, e.why))?;
    let Node::Dict(items) = pickle.get(pickle.root()) else {
        return Err(wrong(0, "not a dict of faces".into()));
    };
    // As Python's dict: the first place, the last value.
    let mut entries: IndexMap<&str, Object> = IndexMap::new();
    for &(key, value) in items {
        match pickle.get(key) {
            Node::Text(name) => drop(entries.insert(name, value)),
            _ => problem(format!("{}: a key that is no text", path.display())),
        }
    }
    let mut features = Vec::with_capacity(entries.len());
    let mut left = pickle.budget();
    for (name, value) in entries {
        match feature(&pickle, name, value, &mut left) {
            Ok(feature) => features.push(feature),
            Err(None) => {
                return Err(wrong(length, "says the same array more often than memory should hold".into()));
            }
            Err(Some(why)) => {
                let name: String = name.chars().take(200).collect();
                problem(format!("{}: '{name}': {why}", path.display()));
            }
        }
    }
    Ok(features)
}

/// One entry; `None` for a reason where the budget is spent.
fn feature(pickle: &Pickle, name: &str, value: Object, left: &mut u64) -> Result<Feature, Option<String>> {
    let face = name.parse::<FaceId>().map_err(|e| Some(e.to_string()))?;
    let says = |why: &str| Some(why.to_owned());
    let Node::Sequence(&[embedding, demographics, expression, mask, pose]) = pickle.get(value) else {
        return Err(says("not (embedding, demographics, expression, mask, pose)"));
    };
    let embedding = vector(pickle, embedding, left)?;
    if embedding.is_empty() || streamface_types::embedding::not_finite(&embedding).is_some() {
        return Err(says("the embedding is empty, or holds what is not a finite number"));
    }
    let mut spend = |entries: usize| {
        *left = left.checked_sub(64 * entries as u64).ok_or(None)?;
        Ok::<(), Option<String>>(())
    };
    let mut distribution = |object: Object, what: &str| -> Result<Option<Distribution>, Option<String>> {
        let entries = match pickle.get(object) {
            Node::None => return Ok(None),
            Node::Dict(entries) if entries.len() <= MAX_ENTRIES => entries,
            _ => return Err(Some(format!("{what} is no dict of numbers"))),
        };
        spend(entries.len())?;
        let entry = |&(key, value): &(Object, Object)| match (pickle.get(key), number(pickle, value)) {
            (Node::Text(key), Some(value)) if key.len() <= 256 => Ok((key.to_owned(), value)),
            _ => Err(Some(format!("{what} is no dict of numbers"))),
        };
        let all = entries.iter().map(entry).collect::<Result<Distribution, _>>()?;
        Ok((!all.is_empty()).then_some(all))
    };
    let expression = distribution(expression, "expression")?;
    let pose = distribution(pose, "pose")?;
    let of = |wanted: &str| match pickle.get(demographics) {
        Node::None => Ok(None),
        Node::Dict(entries) if entries.len() <= MAX_ENTRIES => {
            // The last of a key counts.
            Ok(entries.iter().rev().find(|(key, _)| pickle.get(*key) == Node::Text(wanted)).map(|(_, v)| *v))
        }
        _ => Err(says("demographics are no dict")),
    };
    let mut named = |wanted: &str| of(wanted)?.map_or(Ok(None), |object| distribution(object, wanted));
    let mut attributes = Attributes::default();
    for (name, of) in DEMOGRAPHICS.map(|name| (name, named(name))) {
        of?.map(|of| attributes.insert(name, Value::Categories(of)));
    }
    expression.map(|of| attributes.insert("expression", Value::Categories(of)));
    pose.map(|of| attributes.insert("pose", Value::Numbers(of)));
    let mask = match pickle.get(mask) {
        Node::None => None,
        _ => Some(number(pickle, mask).ok_or_else(|| says("mask is no number"))?),
    };
    mask.map(|p| attributes.insert("mask", Value::Probability(p)));
    Ok(Feature { face, embedding, attributes })
}

/// An embedding: an array of floats with one side longer than 1, or a list of numbers.
fn vector(pickle: &Pickle, object: Object, left: &mut u64) -> Result<Vec<f32>, Option<String>> {
    let says = |why: &str| Some(why.to_owned());
    let mut spend = |numbers: usize| {
        *left = left.checked_sub(4 * numbers as u64 + 512).ok_or(None)?;
        Ok::<(), Option<String>>(())
    };
    match pickle.get(object) {
        Node::Array(array) => {
            let sides = array.shape.iter().filter(|&&side| side != 1).count();
            if array.shape.is_empty() || sides > 1 || array.dtype.kind != Kind::Float {
                return Err(says("the embedding is no vector of floats"));
            }
            spend(array.len())?;
            Ok(array.to_f32())
        }
        Node::Sequence(numbers) => {
            spend(numbers.len())?;
            let numbers: Option<Vec<f32>> =
                numbers.iter().map(|&n| number(pickle, n).map(|n| n as f32)).collect();
            numbers.ok_or_else(|| says("the embedding is no vector of floats"))
        }
        _ => Err(says("the embedding is no array")),
    }
}

fn number(pickle: &Pickle, object: Object) -> Option<f64> {
    let v = match pickle.get(object) {
        Node::Float(v) => v,
        Node::Int(v) => v as f64,
        Node::Array(a) if a.len() == 1 => a.first()?,
        _ => return None,
    };
    v.is_finite().then_some(v)
}

/// Writes a features pickle: names with `.png`, embeddings as `float32` arrays, the mask as `numpy.float64`, as CPython 3
/// and NumPy do at protocol 3. An attribute that is not known is an empty dict, an unknown mask is `None`.
///
/// # Errors
/// [`Error::Store`].
pub fn write_features(path: &Path, features: &[Feature]) -> Result<(), Error> {
    write_atomic(path, |out| {
        let mut pickle = Writer::new(out)?;
        pickle.dict(features.iter(), |w, f| {
            w.text(&format!("{}.png", f.face))?;
            w.begin_tuple()?;
            w.array(&f.embedding)?;
            let of = |name: &str| f.attributes.by_name(name);
            w.dict(DEMOGRAPHICS.iter(), |w, name| {
                w.shared_text(name)?;
                numbers(w, of(name))
            })?;
            numbers(w, of("expression"))?;
            match f.attributes.probability("mask") {
                Some(mask) => w.scalar(mask)?,
                None => w.none()?,
            }
            numbers(w, of("pose"))?;
            w.end_tuple()
        })?;
        pickle.finish().map(drop)
    })?;
    Ok(())
}

fn numbers<W: std::io::Write>(w: &mut Writer<W>, distribution: Option<&Distribution>) -> std::io::Result<()> {
    let none = Distribution::new();
    w.dict(distribution.unwrap_or(&none).iter(), |w, (name, value)| {
        w.shared_text(name)?;
        w.float(*value)
    })
}
