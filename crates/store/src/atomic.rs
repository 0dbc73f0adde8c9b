//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::StoreError;

/// Writes a file through `write` under another name, syncs it, and renames it to `path`: a reader,
/// or a crash, sees the old file or the new one.
///
/// # Errors
/// [`StoreError::Io`] with `path`, or with the folder that is not there; what was there before is then still there.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), StoreError> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !dir.is_dir() {
        return Err(StoreError::io(dir)(io::Error::new(
            io::ErrorKind::NotFound,
            "there is no such folder; make it first",
        )));
    }
    let go = || {
        // Its error would name the temporary file.
        let made = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(dir);
        let file = made.map_err(|e| io::Error::from(e.kind()))?;
        let mut out = BufWriter::new(file.as_file());
        write(&mut out)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        // A temporary file is private to its owner; a result is not.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    go().map_err(StoreError::io(path))
}
