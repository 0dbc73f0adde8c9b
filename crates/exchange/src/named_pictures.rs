//! Pictures by the names that a table or a JSON file gives them.
//!
//! Programs name a picture relative to the file, to a folder beside it, or to where it lay on another machine, with slashes
//! or backslashes. A name that is not found so is looked for among all pictures of the set by the end of its path. Nothing
//! outside the set's folders is ever taken.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use streamface_types::text::spellings;

use crate::files::{is_image, named, relative, walk_some};

/// Most files that are looked through for one that is not where its name says.
const MOST: usize = 1_000_000;
/// Deepest folder below the set's that is looked into for it.
const DEPTH: usize = 6;

/// A picture that was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The file itself.
    pub(crate) path: PathBuf,
    /// What the set calls it: its path below the innermost folder that pictures are in, without an extension.
    pub(crate) name: String,
}

/// Where the pictures of a set may be.
pub(crate) struct NamedPictures {
    /// Folders that names may be relative to, in the order in which they are tried.
    roots: Vec<PathBuf>,
    /// All pictures below the widest of them by the last part of their name, once they are needed.
    index: OnceCell<HashMap<String, Vec<PathBuf>>>,
    /// What was found by the end of its path, and under which name.
    by_end: RefCell<HashMap<PathBuf, String>>,
}

impl NamedPictures {
    /// Of a file in the folder `beside`, or of the folder `images` alone where a user names one.
    pub(crate) fn new(beside: &Path, images: Option<&Path>) -> Self {
        let roots = match images {
            Some(images) => vec![images.to_owned()],
            None => {
                let beside = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
                let within = ["images", "data"].map(|name| beside.join(name));
                within.into_iter().filter(|p| p.is_dir()).chain([beside.to_owned()]).collect()
            }
        };
        Self { roots, index: OnceCell::new(), by_end: RefCell::default() }
    }

    /// The folders in which pictures are looked for, for a message.
    pub(crate) fn shown(&self) -> String {
        let shown: Vec<String> = self.roots.iter().map(|p| format!("'{}'", p.display())).collect();
        shown.join(", ")
    }

    /// The picture of a name.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) fn find(&self, name: &str) -> Result<Found, String> {
        let plain = name.replace('\\', "/");
        let short = || name.chars().take(200).collect::<String>();
        let why = if relative(&plain).is_none() {
            format!("'{}' leads out of the folder", short())
        } else {
            for root in &self.roots {
                let spelled = spellings(&plain).into_iter().find(|name| root.join(name).exists());
                if let Some(spelled) = spelled {
                    return named(root, &spelled).map(|path| self.found(path, &root.join(spelled)));
                }
            }
            format!("'{}' is not there", short())
        };
        self.by_its_end(&plain).map_err(|more| format!("{why}{more}"))
    }

    /// The file `path`, which lies in the set as `within`.
    fn found(&self, path: PathBuf, within: &Path) -> Found {
        let below = |root: &PathBuf| {
            within.strip_prefix(root).ok().map(|p| p.with_extension("").to_string_lossy().into_owned())
        };
        let name = self.roots.iter().filter_map(below).min_by_key(String::len).unwrap_or_default();
        Found { path, name }
    }

    /// The one picture whose path ends as the name does, in more parts than that of any other; or what to add to the
    /// reason.
    fn by_its_end(&self, name: &str) -> Result<Found, String> {
        let none = || Err(String::new());
        let Some(widest) = self.roots.last() else { return none() };
        // Of an address of a picture on a server of Label Studio the path follows `?d=`.
        let name = name.rsplit_once("?d=").map_or(name, |(_, path)| path);
        let parts: Vec<&str> = name.split('/').rev().take_while(|part| *part != "..").collect();
        let Some(last) = parts.first().filter(|last| is_image(Path::new(last))) else { return none() };
        let index = self.index.get_or_init(|| index(widest));
        let candidates = spellings(last).into_iter().find_map(|last| index.get(&last));
        let Some(candidates) = candidates else { return none() };
        let agree = |path: &PathBuf| {
            let ends = path.components().rev().map(|c| c.as_os_str().to_string_lossy());
            ends.zip(&parts).take_while(|(end, part)| spellings(part).iter().any(|p| p == end)).count()
        };
        let most = candidates.iter().map(&agree).max().unwrap_or(0);
        let best: Vec<&PathBuf> = candidates.iter().filter(|path| agree(path) == most).collect();
        let [path] = best[..] else {
            return Err(format!("; {} pictures are called {last}: give --images", best.len()));
        };
        let inside = path.strip_prefix(widest).ok().and_then(Path::to_str);
        let Some(real) = inside.and_then(|inside| named(widest, inside).ok()) else { return none() };
        let mut by_end = self.by_end.borrow_mut();
        let first = by_end.entry(real.clone()).or_insert_with(|| name.to_owned());
        if first == name {
            return Ok(self.found(real, path));
        }
        Err(format!("; '{last}' may be that, or '{first}': give --images"))
    }
}

fn index(root: &Path) -> HashMap<String, Vec<PathBuf>> {
    let mut index: HashMap<String, Vec<PathBuf>> = HashMap::new();
    for path in walk_some(root, DEPTH, MOST).into_iter().filter(|p| is_image(p)) {
        if let Some(name) = path.file_name().and_then(|n| n.to_str()) {
            index.entry(name.to_owned()).or_default().push(path);
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn set(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join("set").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    #[test]
    fn names_of_other_programs_are_found() {
        let dir =
            set(&["images/a.jpg", "images/sub/b.jpg", "train/1.jpg", "val/1.jpg", "Zoe\u{308}.png", "x.png"]);
        fs::write(dir.path().join("secret.png"), "").unwrap();
        let pictures = NamedPictures::new(&dir.path().join("set"), None);
        for (said, called) in [
            ("a.jpg", "a"),
            ("images/a.jpg", "a"),
            ("images\\a.jpg", "a"),
            ("./images/sub/b.jpg", "sub/b"),
            ("sub\\b.jpg", "sub/b"),
            ("../elsewhere/images/sub/b.jpg", "sub/b"),
            ("val/1.jpg", "val/1"),
            ("/home/ada/set/train/1.jpg", "train/1"),
            ("Zo\u{eb}.png", "Zoe\u{308}"),
            ("x.png", "x"),
            ("/data/local-files/?d=pictures/x.png", "x"),
        ] {
            let found = pictures.find(said).unwrap_or_else(|why| panic!("{said}: {why}"));
            assert_eq!(found.name, called, "{said}");
        }
        for (said, why) in [
            ("../secret.png", "leads out"),
            ("..\\secret.png", "leads out"),
            ("gone.png", "not there"),
            ("test/1.jpg", "2 pictures are called 1.jpg"),
            ("elsewhere/x.png", "'pictures/x.png'"),
            ("", "leads out"),
            ("images", "no file"),
        ] {
            let told = pictures.find(said).unwrap_err();
            assert!(told.contains(why), "{said}: {told}");
        }
        let given = dir.path().join("set/train");
        let pictures = NamedPictures::new(dir.path(), Some(&given));
        assert_eq!(pictures.find("anything/1.jpg").unwrap().name, "1");
        assert!(pictures.find("a.jpg").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_refused() {
        let dir = set(&["images/a.jpg"]);
        fs::write(dir.path().join("secret.png"), "").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret.png"), dir.path().join("set/images/s.png"))
            .unwrap();
        let pictures = NamedPictures::new(&dir.path().join("set"), None);
        assert!(pictures.find("s.png").unwrap_err().contains("link that leads out"));
        assert!(pictures.find("other/s.png").is_err());
    }
}
