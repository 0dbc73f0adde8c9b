//! Files that a step writes: whether it may, before any work.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use streamface_store::{can_be_written, files, write_atomic};

use crate::{Error, Result};

/// A file that a step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// One that the caller named: it may be a link, a pipe or a terminal.
    Given(PathBuf),
    /// One of a name of ours in a dataset: a link there is not followed.
    Own(PathBuf),
}

impl Output {
    pub(super) fn new(given: Option<&PathBuf>, own: impl FnOnce() -> PathBuf) -> Self {
        given.cloned().map_or_else(|| Self::Own(own()), Self::Given)
    }

    /// Writes it whole or not at all.
    pub(super) fn write(&self, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
        match self {
            Self::Given(path) => Ok(write_atomic(path, write)?),
            Self::Own(path) => files::write(path, write).map_err(|e| match e {
                streamface_store::Error::Io { path, source } if cannot_be_written(&source) => {
                    let (path, dir) = (path.display(), path.parent().unwrap_or(&path).display());
                    Error::Setting(format!(
                        "{path}: {source}; {dir} cannot be written: give --out, a place elsewhere"
                    ))
                }
                other => other.into(),
            }),
        }
    }

    pub(super) fn into_path(self) -> PathBuf {
        match self {
            Self::Given(path) | Self::Own(path) => path,
        }
    }
}

fn cannot_be_written(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Checks that outputs can be written, and replace neither an input nor each other.
pub(super) fn check<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let inputs: Vec<(&Path, PathBuf)> =
        inputs.into_iter().filter_map(|path| Some((path, place(path)?))).collect();
    let mut seen: Vec<(&Path, PathBuf)> = Vec::new();
    for output in outputs {
        can_be_written(output)?;
        let Some(place) = place(output) else { continue };
        let same = |(_, other): &&(&Path, PathBuf)| *other == place;
        if let Some((input, _)) = inputs.iter().find(same) {
            return Err(Error::Setting(format!(
                "{} would replace {}, which is read; choose another name",
                output.display(),
                input.display()
            )));
        }
        if let Some((other, _)) = seen.iter().find(same) {
            return Err(Error::Setting(format!(
                "{} and {} are one file; choose another name",
                output.display(),
                other.display()
            )));
        }
        // What is no file, such as /dev/null, takes anything.
        if output.is_file() || !output.exists() {
            seen.push((output, place));
        }
    }
    Ok(())
}

/// Where a file is, or will be, whatever way it is named.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(place) = path.canonicalize() {
        return Some(place);
    }
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(dir.canonicalize().ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_read_or_written_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let [x, out, state] = ["x.npy", "out.csv", "state"].map(|name| dir.path().join(name));
        std::fs::write(&x, "").unwrap();
        let roundabout = dir.path().join(".").join("x.npy");
        let check = |outputs: &[&PathBuf]| check(outputs.iter().map(|p| p.as_path()), [x.as_path()]);
        check(&[&out, &state]).unwrap();
        assert!(check(&[&out, &roundabout]).unwrap_err().to_string().contains("would replace"));
        assert!(check(&[&out, &out]).unwrap_err().to_string().contains("one file"));
        assert!(
            check(&[&dir.path().join("none/out.csv")]).unwrap_err().to_string().contains("no such folder")
        );
        #[cfg(unix)]
        check(&[&PathBuf::from("/dev/null"), &PathBuf::from("/dev/null")]).unwrap();
    }
}
