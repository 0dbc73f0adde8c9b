//! How long the networks of a model take, whole and part by part.

use std::time::{Duration, Instant};

use serde::Serialize;
use streamface_model::{
    CacheState, Engine, Error as ModelError, ExecutorOptions, Isa, Manifest, NetworkOptions, NodeTime,
    Precision, SampleNetwork, engine_name, peak, sample_networks,
};

use crate::error::At as _;
use crate::event::Context;
use crate::settings::EngineSettings;
use crate::threads::with_threads;
use crate::{Error, Result};

/// How networks are timed.
#[derive(Debug, Clone)]
pub struct TimingSettings {
    /// Height and width of the input, each a multiple of 32 for CenterFace. Unless given, those of the model's crop; of a
    /// detector 288 x 480.
    pub size: Option<(usize, usize)>,
    /// Pictures of a run, 1 to 1024.
    pub batch: usize,
    /// Threads of a run, 1 to 1024.
    pub threads: usize,
    /// Runs that are measured, after two that are not; 1 to 10,000.
    pub runs: usize,
    /// In which numbers the executor computes; the manifest's unless given.
    pub precision: Option<Precision>,
    /// What runs the networks.
    pub engine: EngineSettings,
    /// The instruction set, by its name; the processor's best unless given.
    pub instructions: Option<String>,
}

impl Default for TimingSettings {
    fn default() -> Self {
        Self {
            size: None,
            batch: 1,
            threads: 1,
            runs: 31,
            precision: None,
            engine: EngineSettings::default(),
            instructions: None,
        }
    }
}

/// The times of a network.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NetworkTimes {
    /// The model, and which of its networks where it has several.
    pub network: String,
    /// What ran it.
    pub engine: String,
    /// Why tract ran it where the executor was to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_tract: Option<String>,
    /// The shape of its input.
    pub shape: Vec<usize>,
    /// The instruction set of the executor.
    pub instructions: &'static str,
    /// Threads of a run.
    pub threads: usize,
    /// Pictures of a run.
    pub batch: usize,
    /// Runs that were measured.
    pub runs: usize,
    /// Time until it was ready: import, optimisation, plan.
    pub ready_ms: f64,
    /// The median time of a run, of the whole batch.
    pub median_ms: f64,
    /// The shortest time of a run.
    pub least_ms: f64,
    /// Multiplications of a run, in millions; 0 where they are not known.
    pub million_products: f64,
    /// Multiplications a second that one thread reaches in a product that stays in the first cache, in thousand millions.
    pub peak_giga_products: f64,
    /// The share of that peak, which is that of `f32`, that a run reaches on all its threads; 0 where it is not known.
    pub share_of_peak: f64,
    /// Its parts, in the order of the run; empty unless asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartTime>,
}

/// The time of a part of a network.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PartTime {
    /// Its nodes.
    pub name: String,
    /// The shortest time of all runs.
    pub ms: f64,
    /// Its share of the sum of all parts.
    pub share: f64,
    /// Multiplications, in millions.
    pub million_products: f64,
    /// Megabytes of its weights, of what it reads and of what it writes.
    pub megabytes: f64,
    /// The share of the peak that it reaches.
    pub share_of_peak: f64,
}

/// Measures the networks of a model, by name or path of its manifest, on made-up input; with `parts` also each part.
///
/// # Errors
/// [`Error::Setting`] for a setting out of its range; a model that is none, whose weights are not there, or that is an
/// ensemble of others; whatever its networks meet.
pub fn time_networks(
    name: &str,
    settings: &TimingSettings,
    parts: bool,
    context: &Context<'_>,
) -> Result<Vec<NetworkTimes>> {
    let isa = checked(settings)?;
    let model = Manifest::find(name)?;
    let members: Vec<&str> = model.members().iter().map(|m| m.name.as_str()).collect();
    if !members.is_empty() {
        let members = members.join(" or ");
        return Err(Error::Setting(format!("{name} has no network of its own: name {members}")));
    }
    check_size(&model, settings)?;
    if let CacheState::Missing(_) = context.models.state(&model).at(|| name.to_owned())? {
        let mend = match (model.origin(), model.weights.iter().all(|w| w.package.is_some())) {
            (None, _) => format!("streamface models pull {}", model.name),
            (Some(_), true) => "streamface models pull --all".to_owned(),
            (Some(_), false) => "they belong beside the manifest".to_owned(),
        };
        let files: Vec<&str> = model.weights.iter().map(|w| w.file.as_str()).collect();
        return Err(Error::Input(format!(
            "{name}: its weights ({}) are not there: {mend}",
            files.join(", ")
        )));
    }
    let weights = context.models.read(&model)?;
    let engine = settings.engine.engine(&context.models)?;
    let precision = settings.precision.unwrap_or(model.precision);
    if engine != Engine::Executor && (precision == Precision::Int8 || settings.instructions.is_some()) {
        let why = "whole numbers and instruction sets are the executor's: leave the engine to it";
        return Err(Error::Setting(format!("{name}: {why}")));
    }
    let executor = ExecutorOptions { isa, threads: settings.threads, precision };
    let size =
        settings.size.or(model.detector().is_ok().then_some((288, 480)).filter(|_| weights.len() == 1));
    let peak = peak(isa);
    with_threads(Some(settings.threads), || {
        let start = Instant::now();
        let options = NetworkOptions { engine, executor };
        let networks = sample_networks(&model, &weights, size, settings.batch, options)?;
        let ready = milliseconds(start.elapsed()) / networks.len().max(1) as f64;
        let one = |network: &SampleNetwork| -> Result<NetworkTimes, ModelError> {
            let mut times = times(&model, network, settings, isa, peak, parts)?;
            times.ready_ms = ready;
            Ok(times)
        };
        Ok(networks.iter().map(one).collect::<Result<_, _>>()?)
    })
}

/// Whether the model's networks take pictures of the size that is asked for.
fn check_size(model: &Manifest, settings: &TimingSettings) -> Result<()> {
    let Some((height, width)) = settings.size else { return Ok(()) };
    let name = &model.name;
    let why = match model.crop() {
        Ok(crop) if (height, width) != (crop.size as usize, crop.size as usize) => {
            format!("{name} takes pictures of {0}x{0}, not {height}x{width}", crop.size)
        }
        Err(_) if model.weights.len() == 1 && !(height.is_multiple_of(32) && width.is_multiple_of(32)) => {
            format!("{name} takes heights and widths that are multiples of 32, not {height}x{width}")
        }
        _ => return Ok(()),
    };
    Err(Error::Setting(why))
}

/// The instruction set that is asked for, where the settings are in their ranges.
fn checked(settings: &TimingSettings) -> Result<Isa> {
    let range = |name: &str, value: usize, most: usize| {
        let why = || Error::Setting(format!("{name} must be 1 to {most}, not {value}"));
        if (1..=most).contains(&value) { Ok(()) } else { Err(why()) }
    };
    range("batch", settings.batch, 1024)?;
    range("threads", settings.threads, 1024)?;
    range("runs", settings.runs, 10_000)?;
    if let Some((height, width)) = settings.size {
        range("the height of the input", height, 8192)?;
        range("the width of the input", width, 8192)?;
    }
    let all = Isa::available();
    match &settings.instructions {
        None => Ok(Isa::detect()),
        Some(name) => all.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|isa| isa.name()).collect();
            Error::Setting(format!("instructions must be one of {}, not {name}", names.join(", ")))
        }),
    }
}

fn times(
    model: &Manifest,
    sample: &SampleNetwork,
    settings: &TimingSettings,
    isa: Isa,
    peak: f64,
    parts: bool,
) -> Result<NetworkTimes, ModelError> {
    let SampleNetwork { weights, network, input } = sample;
    for _ in 0..2 {
        network.run(input)?;
    }
    let mut all = Vec::with_capacity(settings.runs);
    for _ in 0..settings.runs {
        let start = Instant::now();
        network.run(input)?;
        all.push(start.elapsed());
    }
    all.sort_unstable();
    let median = all[all.len() / 2];
    let nodes = network.profile(input, if parts { settings.runs } else { 1 })?;
    let products: usize = nodes.iter().map(|node| node.products).sum();
    let share = |products: usize, time: Duration, threads: usize| {
        products as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE) / peak / threads as f64
    };
    let total: Duration = nodes.iter().map(|node| node.time).sum();
    let part = |node: NodeTime| PartTime {
        ms: milliseconds(node.time),
        share: node.time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE),
        million_products: node.products as f64 / 1e6,
        megabytes: node.bytes as f64 / 1e6,
        share_of_peak: share(node.products, node.time, settings.threads),
        name: node.name,
    };
    Ok(NetworkTimes {
        network: [&model.name[..], weights]
            .into_iter()
            .filter(|n| !n.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        engine: engine_name(network.engine()),
        why_tract: network.why_not_executor().map(str::to_owned),
        shape: network.input_shape().to_vec(),
        instructions: isa.name(),
        threads: settings.threads,
        batch: settings.batch,
        runs: settings.runs,
        ready_ms: 0.0,
        median_ms: milliseconds(median),
        least_ms: milliseconds(all[0]),
        million_products: products as f64 / 1e6,
        peak_giga_products: peak / 1e9,
        share_of_peak: share(products, median, settings.threads),
        parts: if parts { nodes.into_iter().map(part).collect() } else { Vec::new() },
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
