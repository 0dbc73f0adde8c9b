//! Models that a user added: each in a folder of the cache, its manifest beside its weights.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, CacheState};
use crate::error::{Error, Result};
use crate::manifest::{Draft, Manifest};

impl Cache {
    /// The folder of the models that were added.
    #[must_use]
    pub fn added_dir(&self) -> PathBuf {
        self.dir().join("added")
    }

    /// Where the manifest of an added model lies or would lie.
    #[must_use]
    pub fn added_manifest(&self, name: &str) -> PathBuf {
        self.added_dir().join(name).join(format!("{name}.toml"))
    }

    /// The models that were added, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Manifest`] where one does not read any more.
    pub fn added(&self) -> Result<Vec<Manifest>> {
        let dir = self.added_dir();
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Io { path: dir, source }),
        };
        let mut manifests = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io(&dir))?;
            let manifest = self.added_manifest(&entry.file_name().to_string_lossy());
            if manifest.is_file() {
                manifests.push(manifest);
            }
        }
        manifests.sort();
        manifests.iter().map(|path| Manifest::read(path)).collect()
    }

    /// The added model of this name; none where there is none.
    ///
    /// # Errors
    /// Those of [`Manifest::read`].
    pub fn find_added(&self, name: &str) -> Result<Option<Manifest>> {
        // What is no plain name is no folder of the cache.
        let plain = Path::new(name).file_name() == Some(name.as_ref());
        let path = self.added_manifest(name);
        if plain && path.is_file() { Manifest::read(&path).map(Some) } else { Ok(None) }
    }

    /// Copies a model's files into a folder of the cache's that [`Staged::commit`] gives its name; until then nothing
    /// is added.
    ///
    /// # Errors
    /// [`Error::Draft`] where the name is that of a model that comes with StreamFace; [`Error::Io`].
    pub fn stage(&self, draft: &Draft) -> Result<Staged> {
        if Manifest::builtin(&draft.name).is_ok() {
            let why = "a model that comes with StreamFace has this name; give another with --name";
            return Err(Error::Draft { template: draft.name.clone(), why: why.into() });
        }
        let dir = self.added_dir();
        fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
        let place = tempfile::tempdir_in(&dir).map_err(Error::io(&dir))?;
        for file in &draft.files {
            let to = place.path().join(file.file_name().unwrap_or_default());
            fs::copy(file, &to).map_err(Error::io(file))?;
        }
        Ok(Staged { cache: self.clone(), place })
    }
}

impl Manifest {
    /// The manifest that `name_or_path` means: a file where it ends in `.toml`, else one that comes with StreamFace, else
    /// one that was added to the user's cache ([`Cache::of_user`]).
    ///
    /// # Errors
    /// Those of [`Manifest::read`]; [`Error::UnknownModel`], which lists the names there are.
    pub fn find(name_or_path: &str) -> Result<Self> {
        Self::find_in(&Cache::of_user(), name_or_path)
    }

    /// [`Manifest::find`] with the models that were added to `cache`.
    ///
    /// # Errors
    /// Those of [`Manifest::find`].
    pub fn find_in(cache: &Cache, name_or_path: &str) -> Result<Self> {
        let path = Path::new(name_or_path);
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
            return Self::read(path);
        }
        match Self::builtin(name_or_path) {
            Err(Error::UnknownModel { name, mut known }) => {
                if let Some(added) = cache.find_added(name_or_path)? {
                    return Ok(added);
                }
                // One that does not read any more is no reason to hide the others' names.
                for added in cache.added().unwrap_or_default() {
                    known = format!("{known}, {}", added.name);
                }
                Err(Error::UnknownModel { name, known })
            }
            found => found,
        }
    }
}

/// A model's files in the cache, not yet under its name; gone when dropped.
#[derive(Debug)]
pub struct Staged {
    cache: Cache,
    place: tempfile::TempDir,
}

impl Staged {
    /// The manifest as `draft` has it now.
    ///
    /// # Errors
    /// [`Error::Manifest`], [`Error::Io`]; [`Error::Draft`] where a file changed while it was copied.
    pub fn manifest(&self, draft: &Draft) -> Result<Manifest> {
        let path = self.place.path().join(format!("{}.toml", draft.name));
        fs::write(&path, draft.text()).map_err(Error::io(&path))?;
        let model = Manifest::read(&path)?;
        match self.cache.state(&model)? {
            CacheState::Good => Ok(model),
            CacheState::Wrong { path, .. } | CacheState::Missing(path) => {
                let why = format!("{} changed while it was copied", path.display());
                Err(Error::Draft { template: draft.name.clone(), why })
            }
        }
    }

    /// Adds the model under its name; the same weights again replace what was there. Returns its manifest.
    ///
    /// # Errors
    /// [`Error::Draft`] where other weights were added under this name; those of [`Staged::manifest`]. What was there is
    /// then as it was.
    pub fn commit(self, draft: &Draft) -> Result<Manifest> {
        let model = self.manifest(draft)?;
        let dir = self.cache.added_dir();
        let end = dir.join(&draft.name);
        if let Some(other) = self.cache.find_added(&draft.name)? {
            if other.sha256() != model.sha256() {
                let why = format!(
                    "another model was added under this name; give another with --name, or remove the folder {}",
                    end.display()
                );
                return Err(Error::Draft { template: draft.name.clone(), why });
            }
            // Out of the way, and gone with its temporary folder.
            let old = tempfile::tempdir_in(&dir).map_err(Error::io(&dir))?;
            fs::rename(&end, old.path().join("old")).map_err(Error::io(&end))?;
        }
        fs::rename(self.place.keep(), &end).map_err(Error::io(&end))?;
        Manifest::read(&self.cache.added_manifest(&draft.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, like};

    #[test]
    fn an_added_model_is_found_by_name_and_another_does_not_take_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        assert!(cache.added().unwrap().is_empty() && cache.find_added("mine").unwrap().is_none());
        let file = dir.path().join("weights.onnx");
        fs::write(&file, [8, 1, 2]).unwrap();
        let files = [file.clone()];
        let add = |template: &str, name: &str| {
            let draft = like(template, Some(name), &files)?;
            cache.stage(&draft)?.commit(&draft)
        };
        assert_eq!(add("fairface", "mine").unwrap().origin(), Some(&*cache.added_manifest("mine")));
        // The user's own file may go.
        fs::remove_file(&file).unwrap();
        let model = cache.find_added("mine").unwrap().unwrap();
        assert_eq!((model.kind, cache.state(&model).unwrap()), (Kind::Face, CacheState::Good));
        assert_eq!(cache.added().unwrap().len(), 1);

        // The same weights read otherwise are the same model; other weights are not.
        fs::write(&file, [8, 1, 2]).unwrap();
        add("whenet", "mine").unwrap();
        assert_eq!(cache.find_added("mine").unwrap().unwrap().face().unwrap().attributes[0].name, "pose");
        fs::write(&file, [8, 1, 3]).unwrap();
        let said = add("whenet", "mine").unwrap_err().to_string();
        assert!(said.contains("--name") && said.contains("mine"), "{said}");
        let said = add("whenet", "centerface").unwrap_err().to_string();
        assert!(said.contains("comes with StreamFace"), "{said}");
        for name in ["../evil", "..", ".evil", "", "a/b"] {
            let said = add("whenet", name).unwrap_err().to_string();
            assert!(said.contains("is no name"), "{name}: {said}");
        }
        assert!(cache.find_added("../mine").unwrap().is_none());
        // Nothing half-written stays.
        let left: Vec<_> = fs::read_dir(cache.added_dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["mine"]);
    }
}
