//! Files that a command writes: whether it may, before any work.

use std::path::{Path, PathBuf};

use crate::{Error, can_be_written};

/// Checks that outputs can be written, and replace neither an input nor each other, whatever way they are named. An input that
/// is a folder is a dataset: no file that lies in a folder of it is replaced. Outputs may be pipes, terminals and devices.
///
/// # Errors
/// [`Error::Io`] as [`can_be_written`]; [`Error::Replaces`], [`Error::OneFile`].
pub fn check_outputs<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Error> {
    let inputs: Vec<(&Path, PathBuf)> =
        inputs.into_iter().filter_map(|path| Some((path, path.canonicalize().ok()?))).collect();
    let mut seen: Vec<(&Path, PathBuf)> = Vec::new();
    for output in outputs {
        can_be_written(output)?;
        let Some(place) = place(output) else { continue };
        // What is no file, such as /dev/null, takes anything.
        if output.exists() && !output.is_file() {
            continue;
        }
        if let Some((input, _)) = inputs.iter().find(|(_, input)| replaces(&place, input)) {
            return Err(Error::Replaces { output: output.to_owned(), input: (*input).to_owned() });
        }
        if let Some((other, _)) = seen.iter().find(|(_, other)| *other == place) {
            return Err(Error::OneFile { output: output.to_owned(), other: (*other).to_owned() });
        }
        seen.push((output, place));
    }
    Ok(())
}

/// Checks that the file which comes beside an output, under a name of ours, is not one that was there without the output.
///
/// # Errors
/// [`Error::Beside`].
pub fn check_beside(output: &Path, beside: &Path) -> Result<(), Error> {
    let empty = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == 0);
    if beside.symlink_metadata().is_err() || empty(beside) || output.exists() {
        return Ok(());
    }
    Err(Error::Beside { output: output.to_owned(), beside: beside.to_owned() })
}

fn replaces(output: &Path, input: &Path) -> bool {
    if !input.is_dir() {
        return output == input;
    }
    let within = output.strip_prefix(input);
    within.is_ok_and(|within| within.components().count() > 1) && output.exists()
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
        let [x, out, state, set] = ["x.npy", "out.csv", "state", "set"].map(|name| dir.path().join(name));
        std::fs::write(&x, "").unwrap();
        std::fs::create_dir_all(set.join("metadata")).unwrap();
        let table = set.join("metadata/faces.parquet");
        std::fs::write(&table, "").unwrap();
        let roundabout = dir.path().join(".").join("x.npy");
        let check = |outputs: &[&PathBuf]| {
            check_outputs(outputs.iter().map(|p| p.as_path()), [x.as_path(), set.as_path()])
        };
        check(&[&out, &state]).unwrap();
        check(&[&set.join("page.html"), &set.join("metadata/new.json")]).unwrap();
        for read in [&roundabout, &table] {
            assert!(check(&[&out, read]).unwrap_err().to_string().contains("would replace"));
        }
        assert!(check(&[&out, &out]).unwrap_err().to_string().contains("one file"));
        assert!(
            check(&[&dir.path().join("none/out.csv")]).unwrap_err().to_string().contains("no such folder")
        );
        #[cfg(unix)]
        check(&[&PathBuf::from("/dev/null"), &PathBuf::from("/dev/null")]).unwrap();
    }

    #[test]
    fn a_file_that_comes_beside_an_output_replaces_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let [npy, csv] = ["mine.npy", "mine.csv"].map(|name| dir.path().join(name));
        check_beside(&npy, &csv).unwrap();
        std::fs::write(&csv, "truth").unwrap();
        assert!(check_beside(&npy, &csv).unwrap_err().to_string().contains("mine.csv"));
        // Both are there: they were written together.
        std::fs::write(&npy, "").unwrap();
        check_beside(&npy, &csv).unwrap();
    }
}
