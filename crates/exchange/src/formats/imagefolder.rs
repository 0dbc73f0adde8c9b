//! ImageFolder: a folder for each person, as `torchvision.datasets.ImageFolder` and scikit-learn's `load_files` read it.
//!
//! ```text
//! DIR/{person}/{face}.png   the name of the person, or the number of one without a name
//! DIR/people.csv            folder,label,person: where anyone has a name
//! ```
//!
//! Source: torchvision's documentation of `DatasetFolder`. Classes are the folders' names, in the order of their text.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use streamface_store::PersonFolders;

use crate::Error;
use crate::dataset_builder::DatasetBuilder;
use crate::files::{is_image, linked_folders, text, walk};
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::photos::{self, Photo};
use crate::report::{Observer, Progress, Summary};
use crate::snapshot::Snapshot;
use crate::staging::Staging;

/// A folder for each person.
#[derive(Debug, Clone, Copy)]
pub struct Imagefolder;

impl Format for Imagefolder {
    fn name(&self) -> &'static str {
        "imagefolder"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("A folder for each person"),
            import: Some("A folder for each person: pictures, labels"),
        }
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        settings: &ExportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        export(set, out, settings, observe)
    }

    fn import(
        &self,
        path: &Path,
        out: &Path,
        settings: &ImportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        import(path, out, settings, settings.photos, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|e| e.path()).any(|folder| {
            let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            folder.is_dir() && files.into_iter().any(|file| is_image(&file.path()))
        })
    }
}

fn export(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let (faces, summary) = set.pictured(settings.kind(), settings.noise)?;
    let staging = Staging::new(out)?;
    let folders = PersonFolders::new(faces.iter().map(|(_, label, _)| *label), &set.names);
    folders.write(staging.path())?;
    for ((face, label, from), done) in faces.iter().zip(1..) {
        let folder = staging.folder(folders.of(*label))?;
        settings.place.put(from, &folder.join(format!("{}.png", face.face)))?;
        observe(Progress { what: "faces", done, total: faces.len() as u64 });
    }
    staging.finish()?;
    Ok(summary)
}

pub(super) fn import(
    root: &Path,
    out: &Path,
    settings: &ImportSettings,
    photos: bool,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let files: Vec<_> = walk(root)?.into_iter().filter(|p| is_image(p)).collect();
    for linked in linked_folders(root)? {
        builder.problem(format!(
            "{}: a link to a folder, which is not followed; put the folder itself there",
            linked.display()
        ));
    }
    let stem = |p: &Path| p.file_stem().map(text).unwrap_or_default();
    let mut times: HashMap<String, u32> = HashMap::new();
    files.iter().for_each(|p| *times.entry(stem(p)).or_default() += 1);
    // Numbers and full names, where we have written the folders.
    let known = PersonFolders::read(root).unwrap_or_else(|e| {
        builder.problem(e.to_string());
        BTreeMap::new()
    });
    // Names like 0001.png come once a folder: then all faces are named after their folder too.
    let unique = times.values().all(|&n| n == 1);
    let photo = |from: std::path::PathBuf| {
        let folder = from.parent().and_then(|p| p.strip_prefix(root).ok());
        let person = folder.and_then(|f| f.iter().next()).map(text);
        let name = match (unique, folder) {
            (false, Some(folder)) => {
                folder.iter().map(text).chain([stem(&from)]).collect::<Vec<_>>().join("/")
            }
            _ => stem(&from),
        };
        match person.as_ref().and_then(|folder| known.get(folder)) {
            Some((label, called)) => {
                let person = called.clone().unwrap_or_else(|| label.to_string());
                Photo { name, from, person: Some(person), number: Some(label.0), ..Photo::default() }
            }
            None => Photo { name, from, person, ..Photo::default() },
        }
    };
    let all = files.into_iter().map(photo).collect();
    photos::take(&mut builder, all, root, photos)?;
    builder.finish(root, "a folder for each person, with PNG or JPEG files in it, is wanted")
}
