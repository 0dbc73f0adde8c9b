//! The steps of StreamFace as library calls: from a video or a live stream to a labelled face dataset.
//!
//! A step is a function. It takes a dataset directory or a source, its settings and a [`Context`], and gives a typed
//! result. The context holds who is told what happens ([`Observer`]), what stops the step ([`Stop`]) and where the
//! weights of models are. Settings are serde types with a default for every key ([`settings`]); the keys are the
//! flags of the command line.
//!
//! | step | call | reads | writes |
//! |---|---|---|---|
//! | 1 | [`capture`] | a video, images, a live stream | frames |
//! | 2 | [`extract`] | frames | faces, temporal links |
//! | 3 | [`analyze`] | faces | embeddings |
//! | 4 | [`study`] | embeddings | which threshold suits them |
//! | 5 | [`cluster`] | embeddings, links, decisions | labels: who is who |
//! | 6 | [`evaluate`] | embeddings, labels | how well clusters hang together |
//! | 7 | [`match_clusters`] | embeddings, labels | pairs of clusters that may be one person |
//! | 8 | [`review`], [`finalize`] | labels, a person's answers | decisions; labels by them |
//! | 9 | [`score`] | two files of labels | scores |
//!
//! [`run`] takes steps 1, 2, 3 and 5 side by side and writes a report; [`watch()`] names people while a source
//! runs. [`report`], [`prune`], [`stats`], [`verify`], [`import`], [`export`], [`doctor`] and the models' calls stand beside
//! them.
//!
//! ```no_run
//! use streamface_pipeline::{Context, RunSettings, Silent, Stop, run};
//!
//! let stop = Stop::new();
//! let context = Context::new(&Silent, &stop);
//! let done = run("news.mp4", "news".as_ref(), &RunSettings::default(), &context)?;
//! assert!(done.people.found.people > 0 && done.report.exists());
//! # Ok::<(), streamface_pipeline::Error>(())
//! ```
//!
//! One rule says which labels a step takes, and what people are called: [`streamface_annotate::labels`]. The result says
//! which they were ([`LabelSource`]).
//!
//! Nothing here prints, exits, or reads the environment, but for [`Context::new`], which takes the model cache of
//! the user from [`Cache::of_user`](streamface_model::Cache::of_user).
//!
//! # How a step is written
//! - One file in `steps/`: the result (`FooResult`, `#[non_exhaustive]`), then `pub fn foo(dir, &FooSettings,
//!   &Context) -> Result<FooResult>`. What several steps share lies in a file of its own, and no step calls a later
//!   one.
//! - Settings in `settings/`: `#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]`, units, range and
//!   default in the docs of each field, a [`settings::Settings::check`]; the step checks them first.
//! - Errors: a variant of [`Error`] by cause; the place of an error is put in front with `.at(|| …)`.
//! - What a person may want to know while it runs is an [`Event`]; what they want to know at the end is in the
//!   result. Words for people are made by the caller.

mod clustering_method;
pub mod disk;
pub mod error;
pub mod event;
pub mod in_order;
pub mod settings;
pub mod sighting;
mod steps;
mod threads;
mod watch;

pub use disk::DiskUse;
pub use error::{Error, Result};
pub use event::{Context, Counts, Event, Observer, Silent};
pub use settings::{
    AnalyzeSettings, CaptureSettings, ClusterSettings, EvaluateSettings, ExtractSettings, FinalizeSettings,
    MatchSettings, PruneSettings, ReportSettings, ReviewSettings, RunSettings, ScoreSettings, StudySettings,
    WatchSettings,
};
pub use sighting::Sighting;
pub use steps::*;
pub use streamface_annotate::LabelSource;
pub use streamface_capture::Stop;
pub use streamface_exchange::{
    Description, FORMATS, Format, Summary as ExchangeSummary, find as find_format, formats,
};
pub use threads::threads;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
