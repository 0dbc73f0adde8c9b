//! Flags and manifests resolved into what the steps take; and the record of settings that a dataset
//! directory keeps, so that one directory never mixes two ways of doing a step.

use std::collections::BTreeMap;
use std::num::NonZero;

use anyhow::{Context as _, bail};
use streamface_capture as capture;
use streamface_detect::{DetectSettings, ExtractSettings};
use streamface_model::Manifest;
use streamface_store::{Dataset, write_atomic};

use crate::args::{FaceArgs, FrameArgs, Method, MethodArgs, PeopleArgs};

pub use streamface_model::{DEFAULT_DETECTOR, DEFAULT_EMBEDDER};

/// Threads to work with: those asked for, else the processors there are.
///
/// # Errors
/// 0, or more than 1024.
pub fn threads(asked: Option<usize>) -> anyhow::Result<usize> {
    match asked {
        Some(n @ 1..=1024) => Ok(n),
        Some(n) => bail!("threads must be 1 to 1024, not {n}"),
        None => Ok(std::thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

/// Keyframes committed together.
///
/// # Errors
/// 0, or more than 100,000.
pub fn batch_size(asked: usize) -> anyhow::Result<usize> {
    if !(1..=100_000).contains(&asked) {
        bail!("batch-size must be 1 to 100000, not {asked}");
    }
    Ok(asked)
}

/// Settings of a capture.
///
/// # Errors
/// A value out of its range.
pub fn capture(args: &FrameArgs) -> anyhow::Result<capture::Settings> {
    let d = capture::Settings::default();
    let settings = capture::Settings {
        filters: capture::FilterSettings {
            empty_threshold: args.empty_threshold.unwrap_or(d.filters.empty_threshold),
            blur_threshold: args.blur_threshold.unwrap_or(d.filters.blur_threshold),
            similarity_threshold: args.similarity_threshold.unwrap_or(d.filters.similarity_threshold),
        },
        limit: args.limit,
        reconnect_interval: args.reconnect_interval.unwrap_or(d.reconnect_interval),
        give_up_after: args.give_up_after,
        open_timeout: args.open_timeout.unwrap_or(d.open_timeout),
        read_timeout: args.read_timeout.unwrap_or(d.read_timeout),
        start: args.start_time.unwrap_or(d.start),
        ..d
    };
    settings.check()?;
    Ok(settings)
}

/// Settings of detection and extraction.
///
/// # Errors
/// The model is no detector.
pub fn extraction(args: &FaceArgs, model: &Manifest) -> anyhow::Result<(DetectSettings, ExtractSettings)> {
    let mut detect = DetectSettings::recommended(model)?;
    detect.size = args.detect_size.unwrap_or(detect.size);
    detect.score = args.score.unwrap_or(detect.score);
    if args.no_second_look {
        detect.second_look = None;
    }
    let mut extract = ExtractSettings::default();
    extract.size_threshold = args.size_threshold.unwrap_or(extract.size_threshold);
    extract.blur_threshold = args.face_blur_threshold.unwrap_or(extract.blur_threshold);
    Ok((detect, extract))
}

/// Settings of clustering.
#[derive(Debug, Clone, Copy)]
pub struct People {
    /// Metric and threshold.
    pub linkage: streamface_cluster::Settings,
    /// Mean distance below which temporally linked clusters merge.
    pub merging_threshold: f64,
    /// How faces become people.
    pub method: Method,
    /// Nearest neighbours that Infomap looks at.
    pub neighbours: usize,
    /// As the original does it.
    pub compat: bool,
    /// Go on from the last clustering.
    pub append: bool,
}

impl People {
    /// What the directory's record calls the method.
    #[must_use]
    pub fn method_name(&self) -> &'static str {
        if self.compat { "compat" } else { self.method.name() }
    }

    /// With the flags of `streamface cluster`.
    #[must_use]
    pub fn by(self, args: &MethodArgs) -> Self {
        let linkage = args.resources.of(self.linkage);
        Self {
            linkage,
            method: args.method,
            neighbours: args.neighbours,
            compat: args.compat,
            append: args.append,
            ..self
        }
    }
}

/// Settings of clustering: flags, else the model's.
///
/// # Errors
/// The model is no embedder, or a threshold is out of its range.
pub fn people(args: &PeopleArgs, model: &Manifest) -> anyhow::Result<People> {
    let e = model.embedder()?;
    let linkage = streamface_cluster::Settings::new(e.metric, args.threshold.unwrap_or(e.threshold))?;
    let merging_threshold = args.merging_threshold.unwrap_or(e.merging_threshold);
    if !(0.0..=f64::MAX).contains(&merging_threshold) {
        bail!("merging-threshold must be 0 or more, not {merging_threshold}");
    }
    Ok(People {
        linkage,
        merging_threshold,
        method: Method::Complete,
        neighbours: 20,
        compat: false,
        append: false,
    })
}

/// Settings of the steps as a directory records them: step → name → value.
pub type Record = BTreeMap<String, BTreeMap<String, String>>;

fn record_path(data: &Dataset) -> std::path::PathBuf {
    data.metadata().join("settings.json")
}

/// The settings that the directory was made with.
///
/// # Errors
/// The file cannot be read.
pub fn read_record(data: &Dataset) -> anyhow::Result<Record> {
    let path = record_path(data);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| path.display().to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Record::new()),
        Err(e) => Err(e).with_context(|| path.display().to_string()),
    }
}

/// Records the settings of a step. Where `fixed`, they must be those of the first time: a directory
/// holds one kind of frames, faces and features.
///
/// # Errors
/// They differ: the error names each, and what it was.
pub fn record(data: &Dataset, step: &str, fixed: bool, settings: &[(&str, String)]) -> anyhow::Result<()> {
    let mut all = read_record(data)?;
    let new: BTreeMap<_, _> = settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    if let Some(old) = all.get(step).filter(|old| fixed && **old != new) {
        let was = |k: &String| old.get(k).map_or("not set", String::as_str);
        let differ = new.iter().filter(|(k, v)| was(k) != v.as_str());
        let said: Vec<_> = differ.map(|(k, v)| format!("{k} was {}, now {v}", was(k))).collect();
        bail!(
            "{} was made with other settings ({}); give the same ones, or another directory",
            data.root().display(),
            said.join("; ")
        );
    }
    if all.get(step) == Some(&new) {
        return Ok(());
    }
    all.insert(step.to_owned(), new);
    let path = record_path(data);
    let mut json = serde_json::to_vec_pretty(&all)?;
    json.push(b'\n');
    write_atomic(&path, |out| std::io::Write::write_all(out, &json))?;
    Ok(())
}
