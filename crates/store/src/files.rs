//! Files inside a dataset directory: the one place that opens, makes and removes them.
//!
//! A dataset may come from somebody else, so nothing in it is trusted. No link in it is followed, only regular files are
//! opened, and each has a limit of bytes. What is refused is an error that names the file, before anything is read or
//! written. The folders above a file are checked once, when [`crate::Dataset`] opens the directory; here the file itself
//! is. Where the directory is, and what a user names as an output, may be links: these are opened by [`crate::write_atomic`].

use std::ffi::OsString;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, BufWriter, Read};
use std::path::Path;

use crate::atomic::{replace, sync_folder};
use crate::{Error, Result};

/// Largest table that is opened, in bytes.
pub const MAX_TABLE: u64 = 1 << 40;

/// Largest record of settings that is read, in bytes.
pub const MAX_SETTINGS: u64 = 1 << 20;

/// Whether there is a regular file at `path`.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFile`] where something else is there, [`Error::Io`].
pub fn is_there(path: &Path) -> Result<bool> {
    Ok(length(path)?.is_some())
}

/// The length of a regular file in bytes; none where nothing is.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFile`] where something else is there, [`Error::Io`].
pub fn length(path: &Path) -> Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Ok(Some(there.len())),
        Ok(there) => Err(refused(path, there.file_type())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(path)(e)),
    }
}

/// What tells a file from the one that took its place: device, number, length, time of its last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    #[cfg(unix)]
    place: (u64, u64),
    length: u64,
    modified: Option<std::time::SystemTime>,
}

/// The identity of a file; none where nothing is.
pub(crate) fn identity(path: &Path) -> Result<Option<Identity>> {
    let there = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        there => there.map_err(Error::io(path))?,
    };
    Ok(Some(Identity {
        #[cfg(unix)]
        place: {
            use std::os::unix::fs::MetadataExt as _;
            (there.dev(), there.ino())
        },
        length: there.len(),
        modified: there.modified().ok(),
    }))
}

/// Opens a file of at most `limit` bytes for reading; none where nothing is.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFile`] where something else is there, [`Error::TooLarge`], [`Error::Io`].
pub fn find(path: &Path, limit: u64) -> Result<Option<File>> {
    // Looked at before it is opened: opening a pipe or a device can have effects of its own.
    if !is_there(path)? {
        return Ok(None);
    }
    match open_regular(path, OpenOptions::new().read(true)) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
        Ok((_, bytes)) if bytes > limit => Err(Error::TooLarge { path: path.to_owned(), bytes, limit }),
        Ok((file, _)) => Ok(Some(file)),
    }
}

/// Opens a file of at most `limit` bytes for reading.
///
/// # Errors
/// Those of [`find`], and [`Error::Io`] where nothing is there.
pub fn open(path: &Path, limit: u64) -> Result<File> {
    find(path, limit)?.ok_or_else(|| Error::io(path)(io::ErrorKind::NotFound.into()))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Those of [`open`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // It may grow while it is read.
    open(path, limit)?.take(limit).read_to_end(&mut bytes).map_err(Error::io(path))?;
    Ok(bytes)
}

/// Opens a file to read and append, and makes it where it is not there.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFile`] where something else is there, [`Error::Io`].
pub fn append(path: &Path) -> Result<File> {
    is_there(path)?;
    Ok(open_regular(path, OpenOptions::new().read(true).append(true).create(true))?.0)
}

/// Opens a file to read and write as it is, and makes it where it is not there.
pub(crate) fn update(path: &Path) -> Result<File> {
    is_there(path)?;
    Ok(open_regular(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))?.0)
}

/// Makes a new file, in the place of whatever file or link is there, which is removed and never written to.
///
/// # Errors
/// [`Error::Io`].
pub fn create(path: &Path) -> Result<File> {
    match File::create_new(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path).map_err(Error::io(path))?;
            File::create_new(path).map_err(Error::io(path))
        }
        made => made.map_err(Error::io(path)),
    }
}

/// Writes a file as [`crate::write_atomic`] does, but through no link and into no pipe.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFile`] where something else than a regular file is there, [`Error::Io`]; what was
/// there before is then still there.
pub fn write(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
    is_there(path)?;
    replace(path, write)
}

/// Whether there is a folder at `path`.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFolder`] where something else is there, [`Error::Io`].
pub fn is_folder(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => Ok(true),
        Ok(there) if there.is_symlink() => Err(Error::Link { path: path.to_owned() }),
        Ok(there) => Err(Error::NotAFolder { path: path.to_owned(), what: word(there.file_type()) }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io(path)(e)),
    }
}

/// Makes a folder where there is none; whether it made one. The one above it must be there.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFolder`] where something else is there, [`Error::Io`].
pub fn create_folder(path: &Path) -> Result<bool> {
    if is_folder(path)? {
        return Ok(false);
    }
    match fs::create_dir(path) {
        // Another thread was sooner.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => is_folder(path).map(|_| false),
        made => made.map(|()| true).map_err(Error::io(path)),
    }
}

/// Names in a folder, with what each is; nothing where there is no folder.
///
/// # Errors
/// [`Error::Link`] and [`Error::NotAFolder`] where something else is there, [`Error::Io`].
pub fn entries(path: &Path) -> Result<Vec<(OsString, FileType)>> {
    if !is_folder(path)? {
        return Ok(Vec::new());
    }
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        // Of the entry itself, not of what a link leads to.
        Ok((entry.file_name(), entry.file_type()?))
    };
    match fs::read_dir(path).and_then(|all| all.map(entry).collect()) {
        // It went meanwhile.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(Error::io(path)),
    }
}

/// Removes a file or a link, if it is there; never what a link leads to.
///
/// # Errors
/// [`Error::Io`].
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

/// Removes a folder and what is in it, if it is there. Links in it are removed, and nothing that they lead to.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder last through a power cut.
pub(crate) fn sync(folder: &Path) -> Result<()> {
    sync_folder(folder).map_err(Error::io(folder))
}

/// Makes everything that was written to the file system of a folder last through a power cut, where the system has a way to
/// say that at once: before a folder of many new files gets its name.
///
/// # Errors
/// [`Error::Io`].
pub fn sync_file_system(folder: &Path) -> Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let open = File::open(folder).map_err(Error::io(folder))?;
        rustix::fs::syncfs(&open).map_err(|e| Error::io(folder)(e.into()))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        sync(folder)
    }
}

/// Opens what [`is_there`] has looked at, and its length; refused where it became something else meanwhile.
fn open_regular(path: &Path, options: &mut OpenOptions) -> Result<(File, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path).map_err(Error::io(path))?;
    let there = file.metadata().map_err(Error::io(path))?;
    if there.is_file() { Ok((file, there.len())) } else { Err(refused(path, there.file_type())) }
}

fn refused(path: &Path, kind: FileType) -> Error {
    if kind.is_symlink() {
        Error::Link { path: path.to_owned() }
    } else {
        Error::NotAFile { path: path.to_owned(), what: word(kind) }
    }
}

/// What something is, in words.
fn word(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "a file" }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with a named pipe, a link to a file elsewhere and a link to a device.
    fn traps() -> (tempfile::TempDir, [std::path::PathBuf; 3], std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, "precious").unwrap();
        let inside = dir.path().join("in");
        fs::create_dir(&inside).unwrap();
        let traps = ["pipe", "link", "zero"].map(|name| inside.join(name));
        let made = std::process::Command::new("mkfifo").arg(&traps[0]).status().unwrap();
        assert!(made.success());
        symlink(&outside, &traps[1]).unwrap();
        symlink("/dev/zero", &traps[2]).unwrap();
        (dir, traps, outside)
    }

    #[test]
    fn links_pipes_and_devices_are_neither_read_nor_written() {
        let (_dir, traps, outside) = traps();
        for trap in &traps {
            let said = [
                find(trap, 100).unwrap_err(),
                read(trap, 100).unwrap_err(),
                append(trap).unwrap_err(),
                update(trap).unwrap_err(),
                write(trap, |out| out.write_all(b"x")).unwrap_err(),
                is_folder(trap).unwrap_err(),
                create_folder(trap).unwrap_err(),
                entries(trap).unwrap_err(),
                is_there(trap).unwrap_err(),
            ];
            for error in said {
                let text = error.to_string();
                assert!(text.contains(trap.to_str().unwrap()), "{text}");
                assert!(text.contains("is a link") || text.contains("is a named pipe"), "{text}");
            }
        }
        assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
        // A new file takes the place of the link itself.
        for trap in &traps {
            create(trap).unwrap().write_all(b"new").unwrap();
            assert_eq!(read(trap, 100).unwrap(), b"new");
        }
        assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
    }

    #[test]
    fn files_have_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(find(&path, 10).unwrap().is_none() && !is_there(&path).unwrap());
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let said = read(&path, 1000).unwrap_err().to_string();
        assert!(said.contains("1099511627776 bytes") && said.contains("1000"), "{said}");
        assert_eq!(length(&path).unwrap(), Some(1 << 40));
        assert!(read(dir.path(), 1000).unwrap_err().to_string().contains("is a folder"));
    }
}
