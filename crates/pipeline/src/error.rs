//! What can go wrong in a step, by cause.

use std::io;
use std::path::{Path, PathBuf};

/// The result of a step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate. Messages name the file, the setting or the url, and what to do; the causes are in
/// [`std::error::Error::source`], and [`streamface_types::error_chain`] puts all of them into one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of its range, or two settings exclude each other.
    #[error("{0}")]
    Setting(String),
    /// A setting that does not exist.
    #[error("unknown key '{key}'{hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The nearest key there is, or all of them.
        hint: String,
    },
    /// A directory that no step has made.
    #[error("{}: no dataset directory; `streamface run SOURCE --out DIR` makes one", .0.display())]
    NoDataset(PathBuf),
    /// An earlier step has to be done first.
    #[error("{0}")]
    StepMissing(String),
    /// Things that do not belong together: settings of two calls, embeddings of two models, a checkpoint of
    /// other vectors.
    #[error("{0}")]
    Mismatch(String),
    /// A file or a source whose content cannot be used.
    #[error("{0}")]
    Input(String),
    /// The disk has not enough room for a run.
    #[error(
        "{}: {free} free on its disk, and a run needs {reserve} to come to its end; free some space, or choose \
         another --out",
        dir.display()
    )]
    DiskFull {
        /// The dataset directory.
        dir: PathBuf,
        /// What is free, with its unit.
        free: String,
        /// What is kept free, with its unit.
        reserve: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Where another error happened.
    #[error("{place}")]
    At {
        /// The file, face, frame or setting.
        place: String,
        /// The error.
        source: Box<Error>,
    },
    /// The dataset directory.
    #[error(transparent)]
    Store(#[from] streamface_store::Error),
    /// A source.
    #[error(transparent)]
    Capture(#[from] streamface_capture::Error),
    /// The detector.
    #[error(transparent)]
    Detect(#[from] streamface_detect::Error),
    /// The embedder.
    #[error(transparent)]
    Embed(#[from] streamface_embed::Error),
    /// A model, or its weights.
    #[error(transparent)]
    Model(#[from] streamface_model::Error),
    /// An image.
    #[error(transparent)]
    Image(#[from] streamface_imgproc::ImageError),
    /// Clustering.
    #[error(transparent)]
    Cluster(#[from] streamface_cluster::Error),
    /// Numbers that make no matrix.
    #[error(transparent)]
    Shape(#[from] streamface_types::Error),
    /// Decisions, matching and the review.
    #[error(transparent)]
    Annotate(#[from] streamface_annotate::Error),
    /// Scores and labels.
    #[error(transparent)]
    Eval(#[from] streamface_eval::Error),
    /// Other programs' formats.
    #[error(transparent)]
    Exchange(#[from] streamface_exchange::Error),
    /// The index of people.
    #[error(transparent)]
    Index(#[from] hri::Error),
    /// A web server does not start.
    #[error(transparent)]
    Web(#[from] streamface_web::Error),
    /// A page.
    #[error(transparent)]
    Report(#[from] streamface_report::Error),
    /// JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Threads cannot be started.
    #[error("threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// An error and its causes in one line, each said once.
pub(crate) fn error_chain(error: &Error) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    streamface_types::error_chain(chain)
}

/// Says where an error happened.
pub(crate) trait At<T> {
    /// With the place in front, which is made only where there is an error.
    fn at(self, place: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> At<T> for std::result::Result<T, E> {
    fn at(self, place: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error::At { place: place(), source: Box::new(e.into()) })
    }
}

impl<T> At<T> for Option<T> {
    fn at(self, place: impl FnOnce() -> String) -> Result<T> {
        self.ok_or_else(|| Error::Input(place()))
    }
}
