//! Weights out of the shards.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use tract_tflite::internal::*;

/// A part of `weightsManifest`: shards, and what stands in them when they are joined.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    shape: Vec<i64>,
    dtype: String,
    quantization: Option<Quantization>,
}

/// How numbers are stored shorter than they are: value = stored · scale + min, or as halves.
#[derive(Debug, Deserialize)]
struct Quantization {
    dtype: String,
    scale: Option<f64>,
    min: Option<f64>,
}

/// Where each weight stands.
pub(super) struct Weights<'a> {
    groups: Vec<Cow<'a, [u8]>>,
    /// By name: its group, where it begins there, and what it is.
    places: HashMap<&'a str, (usize, usize, &'a Entry)>,
}

impl<'a> Weights<'a> {
    /// Looks where each weight stands; nothing is decoded yet.
    pub(super) fn find(manifest: &'a [Group], shards: &[&'a [u8]]) -> TractResult<Self> {
        let paths: Vec<&str> = manifest.iter().flat_map(|g| &g.paths).map(String::as_str).collect();
        ensure!(
            paths.len() == shards.len(),
            "its JSON names {} shards ({paths:?}), and {} were given",
            paths.len(),
            shards.len()
        );
        let mut rest = shards;
        let mut found = Self { groups: Vec::new(), places: HashMap::new() };
        for (g, group) in manifest.iter().enumerate() {
            let (own, others) = rest.split_at(group.paths.len());
            rest = others;
            let bytes = match own {
                [one] => Cow::Borrowed(*one),
                several => Cow::Owned(several.concat()),
            };
            let mut begin = 0_usize;
            for entry in &group.weights {
                let length = entry.bytes().with_context(|| format!("weight '{}'", entry.name))?;
                let end = begin.checked_add(length).filter(|&end| end <= bytes.len());
                let end = end.with_context(|| {
                    format!("weight '{}' needs {length} bytes, and its shards end before", entry.name)
                })?;
                let twice = found.places.insert(&entry.name, (g, begin, entry)).is_some();
                ensure!(!twice, "two weights are called '{}'", entry.name);
                begin = end;
            }
            ensure!(
                begin == bytes.len(),
                "the shards {:?} hold {} bytes more than their weights",
                group.paths,
                bytes.len() - begin
            );
            found.groups.push(bytes);
        }
        Ok(found)
    }

    pub(super) fn read(&self, name: &str) -> TractResult<Tensor> {
        let &(group, begin, entry) = self.places.get(name).context("its JSON has no weights for it")?;
        entry.decode(&self.groups[group][begin..begin + entry.bytes()?])
    }
}

impl Entry {
    fn shape(&self) -> TractResult<Vec<usize>> {
        let shape: Result<Vec<usize>, _> = self.shape.iter().map(|&d| usize::try_from(d)).collect();
        shape.map_err(|_| format_err!("{:?} is no shape", self.shape))
    }

    /// As which type its numbers are stored.
    fn stored(&self) -> &str {
        self.quantization.as_ref().map_or(&self.dtype, |q| &q.dtype)
    }

    /// The bytes that it takes.
    fn bytes(&self) -> TractResult<usize> {
        let size = match self.stored() {
            "float32" | "int32" => 4,
            "float16" | "uint16" => 2,
            "uint8" | "bool" => 1,
            other => bail!("numbers of type '{other}' are not read"),
        };
        let bytes = self.shape()?.iter().try_fold(size, |n: usize, &d| n.checked_mul(d));
        bytes.with_context(|| format!("its shape {:?} is too large", self.shape))
    }

    fn decode(&self, bytes: &[u8]) -> TractResult<Tensor> {
        let shape = self.shape()?;
        let words = || bytes.as_chunks::<4>().0.iter().copied();
        let halves = || bytes.as_chunks::<2>().0.iter().copied();
        match (self.dtype.as_str(), &self.quantization) {
            ("float32", None) => tensor(&shape, words().map(f32::from_le_bytes).collect()),
            ("int32", None) => tensor(&shape, words().map(i32::from_le_bytes).collect()),
            ("bool", None) => tensor(&shape, bytes.iter().map(|&b| b != 0).collect()),
            ("float32", Some(q)) if q.dtype == "float16" => {
                tensor(&shape, halves().map(|h| f16::from_le_bytes(h).to_f32()).collect())
            }
            ("float32" | "int32", Some(q)) if matches!(q.dtype.as_str(), "uint8" | "uint16") => {
                let (scale, min) = (q.number(q.scale, "scale")?, q.number(q.min, "min")?);
                let wide: Vec<u16> = match q.dtype.as_str() {
                    "uint8" => bytes.iter().map(|&b| b.into()).collect(),
                    _ => halves().map(u16::from_le_bytes).collect(),
                };
                // TensorFlow.js reckons in f64 and stores f32.
                let values = wide.into_iter().map(|v| f64::from(v) * scale + min);
                if self.dtype == "int32" {
                    return tensor(&shape, values.map(|v| (v + 0.5).floor() as i32).collect());
                }
                tensor(&shape, values.map(|v| v as f32).collect())
            }
            (dtype, q) => {
                bail!("numbers of type '{dtype}' stored as {:?} are not read", q.as_ref().map(|q| &q.dtype))
            }
        }
    }
}

impl Quantization {
    fn number(&self, value: Option<f64>, name: &str) -> TractResult<f64> {
        value.filter(|v| v.is_finite()).with_context(|| format!("its quantization has no {name}"))
    }
}

fn tensor<T: Datum>(shape: &[usize], values: Vec<T>) -> TractResult<Tensor> {
    Ok(tract_ndarray::ArrayD::from_shape_vec(shape, values)?.into_tensor())
}
