//! ONNX Runtime, by the crate `ort`: a library that is loaded once for the whole process.

#[cfg(not(feature = "onnxruntime"))]
mod absent;
#[cfg(feature = "onnxruntime")]
mod file;
#[cfg(feature = "onnxruntime")]
mod sessions;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(not(feature = "onnxruntime"))]
use absent as engine;
#[cfg(feature = "onnxruntime")]
use sessions as engine;

pub(crate) use engine::Sessions;

use crate::engine::Engine;
use crate::error::{Error, Result};

/// The library of this process.
#[derive(Clone)]
enum Loaded {
    None,
    /// The file, and its version.
    Library(PathBuf, String),
    /// `ort` tries once: after a failure it takes what is not there for loaded.
    Failed(PathBuf),
}

static LOADED: Mutex<Loaded> = Mutex::new(Loaded::None);

fn loaded() -> MutexGuard<'static, Loaded> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Errors
/// [`Error::NoOnnxRuntime`] where the feature `onnxruntime` is off.
pub(crate) fn check_built_in() -> Result<()> {
    if cfg!(feature = "onnxruntime") { Ok(()) } else { Err(Error::NoOnnxRuntime) }
}

/// Loads the library at `path`, whose version is called `version`.
pub(crate) fn load(path: &Path, version: &str) -> Result<()> {
    let broken = |why: String| Error::Library { path: path.to_owned(), why };
    // A relative path would be one from the program's folder.
    let absolute = std::path::absolute(path).map_err(|e| broken(e.to_string()))?;
    let mut loaded = loaded();
    match &*loaded {
        Loaded::None => {}
        Loaded::Library(there, _) if *there == absolute => return Ok(()),
        Loaded::Library(there, _) => {
            return Err(broken(format!("{} is loaded already, and a process has one", there.display())));
        }
        Loaded::Failed(there) => {
            return Err(broken(format!("{} could not be loaded, and a process tries once", there.display())));
        }
    }
    *loaded = Loaded::Failed(absolute.clone());
    engine::load_library(&absolute).map_err(broken)?;
    *loaded = Loaded::Library(absolute, version.to_owned());
    Ok(())
}

/// What an engine is called in a record of how results were made: with the version of ONNX Runtime that is loaded, since
/// results of two versions may differ in their last bits.
#[must_use]
pub fn engine_name(engine: Engine) -> String {
    match (engine, &*loaded()) {
        (Engine::OnnxRuntime(_), Loaded::Library(_, version)) => format!("{engine} {version}"),
        _ => engine.to_string(),
    }
}

#[cfg(feature = "onnxruntime")]
fn is_loaded() -> bool {
    matches!(*loaded(), Loaded::Library(..))
}
