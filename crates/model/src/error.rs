//! What can go wrong with a model, by cause.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate. Each says which file or package, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No built-in manifest has this name.
    #[error(
        "no model is called '{name}'; there are {known}, and a manifest of your own is given by its path (.toml)"
    )]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No template has this name.
    #[error("no template is called '{name}'; there are {known}")]
    UnknownTemplate {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A manifest cannot be made of what was given.
    #[error("'{template}' cannot be made: {why}")]
    Draft {
        /// The template, or the file or model at fault.
        template: String,
        /// What is wrong.
        why: String,
    },
    /// A file of a format that is not read.
    #[error("{} is {what}; {mend}", path.display())]
    ForeignWeights {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
        /// What to do.
        mend: String,
    },
    /// A manifest that does not parse or contradicts itself.
    #[error("model manifest '{name}': {why}")]
    Manifest {
        /// The manifest.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A model of another kind than is wanted.
    #[error("model '{name}' is of kind {found}, and one of kind {wanted} is needed")]
    Kind {
        /// The model.
        name: String,
        /// What it is.
        found: String,
        /// What is needed.
        wanted: String,
    },
    /// A weight file that no package carries is not where the user is to put it.
    #[error("model '{model}': its file {} is missing, and no package carries it; put it there", path.display())]
    NoPackage {
        /// The model.
        model: String,
        /// Where the file is looked for.
        path: PathBuf,
    },
    /// The weights are not in the cache.
    #[error(
        "model file {} is missing; `streamface models pull` fetches it, or `streamface models pull --from FILE` takes it from a package you have",
        .0.display()
    )]
    Missing(PathBuf),
    /// The weights are not the ones the manifest pins.
    #[error(
        "model file {} is not the one pinned: its SHA-256 is {found}, expected {expected}; remove it and run `streamface models pull`",
        path.display()
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A user's weights are not those that the manifest was written for.
    #[error(
        "model file {} is not the one that its manifest was written for: its SHA-256 is {found}, the manifest says {expected}; \
         put the right file there, or correct `bytes` and `sha256` of the manifest",
        path.display()
    )]
    NotAsWritten {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// The package does not hold the file.
    #[error("{} holds no file '{wanted}'; is it the package {package}?", package_file.display())]
    NotInPackage {
        /// The wheel, tarball or folder looked into.
        package_file: PathBuf,
        /// Path inside the package.
        wanted: String,
        /// The package the file comes from.
        package: String,
    },
    /// What was given is not the model's file.
    #[error("{} is not the file of model '{model}': its SHA-256 is {found}", path.display())]
    NotTheFile {
        /// What was given.
        path: PathBuf,
        /// The model.
        model: String,
        /// What the file has.
        found: String,
    },
    /// The package client is not installed.
    #[error("'{client}' is not installed: {mend}")]
    NoClient {
        /// `pip` or `npm`.
        client: &'static str,
        /// What to do.
        mend: String,
    },
    /// The package client failed.
    #[error(
        "'{command}' failed: {output}\nWithout network, fetch {package} elsewhere and give it with --from"
    )]
    Fetch {
        /// The whole command.
        command: String,
        /// The end of what it said.
        output: String,
        /// Package and version.
        package: String,
    },
    /// A file that grows past what the manifest says it may be.
    #[error("'{what}' is larger than the {limit} bytes it should have at most")]
    TooLarge {
        /// The file or archive entry.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// Reading or writing a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system reports.
        source: io::Error,
    },
    /// The network could not be built or run.
    #[error("model '{name}' cannot be {doing}: {why}")]
    Network {
        /// The model.
        name: String,
        /// `loaded` or `run`.
        doing: &'static str,
        /// What tract reports.
        why: String,
    },
    /// ONNX Runtime is asked for, and this program was built without it.
    #[error(
        "this program was built without the engine onnxruntime; it is there with `cargo build --release --features onnxruntime`"
    )]
    NoOnnxRuntime,
    /// A library of ONNX Runtime that is not there, not the pinned one, or does not load.
    #[error("{} is no library of ONNX Runtime that can be used: {why}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// An output that holds a NaN.
    #[error("model '{name}': its output '{output}' holds values that are no numbers")]
    NoNumbers {
        /// The model.
        name: String,
        /// The output.
        output: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
