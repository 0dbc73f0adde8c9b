//! WebDataset: tar shards of samples, whose files share a name up to the first dot.
//!
//! ```text
//! DIR/shard-000000.tar:  {key}.png  {key}.cls  {key}.json   {key}.png …
//! ```
//!
//! `cls` is the label, a number; `json` is everything known of the face: `face`, `label`, `person` (the name), `frame`, `source`,
//! `stream_seconds`, `box` [x, y, w, h], `landmarks`, `frame_size`, `score`, `blur`, `mask`, `attributes`. A dot or a percent
//! sign in a face's name is written `%2E`, `%25` in the key. Source: "The WebDataset Format Specification" (Aizman,
//! Maltby, Breuel 2020); tar as in POSIX.1-1988 (ustar) with GNU's long names.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use streamface_store::{ImageKind, MAX_IMAGE_BYTES};
use streamface_types::FaceId;
use tar::{Archive, Builder, EntryType, Header};

use crate::Error;
use crate::dataset_builder::DatasetBuilder;
use crate::files::{relative, walk};
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::photos::{self, Photo, face_id};
use crate::report::{Observer, Progress, Summary};
use crate::sidecar::Sidecar;
use crate::snapshot::Snapshot;
use crate::staging::Staging;

/// WebDataset's tar shards.
#[derive(Debug, Clone, Copy)]
pub struct Webdataset;

impl Format for Webdataset {
    fn name(&self) -> &'static str {
        "webdataset"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("Tar shards: png, cls, json"),
            import: Some("Tar shards, or one: pictures, labels, what their JSON holds"),
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
        import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        let tar = |p: &Path| p.extension().is_some_and(|e| e == "tar");
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        tar(path) || entries.into_iter().any(|e| tar(&e.path()))
    }
}

/// Longest JSON or label of a sample, bytes.
const MAX_SIDECAR: u64 = 1 << 20;

fn key(face: &FaceId) -> String {
    face.to_string().replace('%', "%25").replace('.', "%2E")
}

fn export(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let (faces, summary) = set.pictured(settings.kind(), settings.noise)?;
    let staging = Staging::new(out)?;
    let mut done = 0;
    for (shard, number) in faces.chunks(settings.shard_faces.max(1)).zip(0..) {
        let path = staging.path().join(format!("shard-{number:06}.tar"));
        let file = File::create_new(&path).map_err(Error::io(&path))?;
        let mut tar = Builder::new(BufWriter::new(file));
        for (face, label, from) in shard {
            let key = key(&face.face);
            let json = serde_json::to_vec(&Sidecar::of(set, face)).map_err(|e| Error::format(&path, e))?;
            let png = std::fs::read(from).map_err(Error::io(from))?;
            for (extension, bytes) in [("cls", label.to_string().as_bytes()), ("json", &json), ("png", &png)]
            {
                // The same faces give the same bytes: no times, no owners.
                let mut header = Header::new_gnu();
                header.set_entry_type(EntryType::Regular);
                header.set_mode(0o644);
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, format!("{key}.{extension}"), bytes)
                    .map_err(Error::io(&path))?;
            }
            done += 1;
            observe(Progress { what: "faces", done, total: faces.len() as u64 });
        }
        let file =
            tar.into_inner().and_then(|mut out| out.flush().map(|()| out)).map_err(Error::io(&path))?;
        file.get_ref().sync_all().map_err(Error::io(&path))?;
    }
    staging.finish()?;
    Ok(summary)
}

/// A sample as it comes together.
#[derive(Default)]
struct Sample {
    key: String,
    image: Option<Vec<u8>>,
    cls: Option<String>,
    json: Option<Vec<u8>>,
}

fn import(
    root: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let shards: Vec<PathBuf> = if root.is_dir() {
        walk(root)?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "tar")).collect()
    } else {
        vec![root.to_owned()]
    };
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let set = root.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    for (path, done) in shards.iter().zip(0..) {
        builder.progress("shards", done, shards.len() as u64);
        if let Err(e) = shard(path, &set, settings.photos, &mut builder) {
            match e {
                // What came before the broken place is taken.
                Broken::Tar(e) => builder.problem(format!("{}: not a whole tar file: {e}", path.display())),
                Broken::Failed(e) => return Err(e),
            }
        }
    }
    builder.finish(root, "tar files with PNG or JPEG entries are wanted")
}

enum Broken {
    Tar(std::io::Error),
    Failed(Error),
}

fn shard(path: &Path, set: &str, photos: bool, builder: &mut DatasetBuilder<'_>) -> Result<(), Broken> {
    let file = File::open(path).map_err(|e| Broken::Failed(Error::io(path)(e)))?;
    let mut archive = Archive::new(BufReader::with_capacity(1 << 16, file));
    let mut sample = Sample::default();
    for entry in archive.entries().map_err(Broken::Tar)? {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                finish(std::mem::take(&mut sample), path, set, photos, builder).map_err(Broken::Failed)?;
                return Err(Broken::Tar(e));
            }
        };
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let short: String = name.chars().take(200).collect();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            _ => {
                builder.problem(format!("{}: '{short}' is a link or a device; refused", path.display()));
                continue;
            }
        }
        if relative(&name).is_none() {
            builder.problem(format!("{}: '{short}' leads out of the archive; refused", path.display()));
            continue;
        }
        let name = name.strip_prefix("./").unwrap_or(&name);
        let base = name.rfind('/').map_or(0, |slash| slash + 1);
        let Some(dot) = name[base..].find('.').map(|dot| base + dot) else { continue };
        let (key, extension) = (&name[..dot], name[dot + 1..].to_ascii_lowercase());
        if key != sample.key {
            let whole = std::mem::replace(&mut sample, Sample { key: key.to_owned(), ..Sample::default() });
            finish(whole, path, set, photos, builder).map_err(Broken::Failed)?;
        }
        let limit = match extension.as_str() {
            "png" | "jpg" | "jpeg" => MAX_IMAGE_BYTES,
            "json" | "cls" | "txt" => MAX_SIDECAR,
            _ => continue,
        };
        if entry.size() > limit {
            builder.problem(format!("{}: '{short}' is larger than {limit} bytes", path.display()));
            continue;
        }
        let mut bytes = Vec::new();
        if let Err(e) = entry.by_ref().take(limit).read_to_end(&mut bytes) {
            finish(std::mem::take(&mut sample), path, set, photos, builder).map_err(Broken::Failed)?;
            return Err(Broken::Tar(e));
        }
        match extension.as_str() {
            "json" => sample.json = Some(bytes),
            "cls" | "txt" => sample.cls = Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
            _ => sample.image = Some(bytes),
        }
    }
    finish(sample, path, set, photos, builder).map_err(Broken::Failed)
}

fn finish(
    sample: Sample,
    path: &Path,
    set: &str,
    photos: bool,
    builder: &mut DatasetBuilder<'_>,
) -> Result<(), Error> {
    let short: String = sample.key.chars().take(200).collect();
    let Some(image) = sample.image else {
        if sample.cls.is_some() || sample.json.is_some() {
            builder.problem(format!("{}: '{short}' has no picture", path.display()));
        }
        return Ok(());
    };
    let wrong = |why: String| format!("{}: '{short}': {why}", path.display());
    let sidecar = sample.json.as_deref().map(serde_json::from_slice::<Sidecar>).transpose();
    let sidecar = match sidecar {
        Ok(sidecar) => sidecar.unwrap_or_default(),
        Err(e) => {
            builder.problem(wrong(format!("its JSON: {e}")));
            return Ok(());
        }
    };
    let name = sidecar.face.clone().unwrap_or(sample.key);
    let face = match face_id(&name, photos) {
        Ok(face) => face,
        Err(why) => {
            builder.problem(wrong(why));
            return Ok(());
        }
    };
    let (kind, there) = if photos {
        (ImageKind::Frame, builder.image_path(ImageKind::Frame, &face.frame))
    } else {
        (ImageKind::Face, builder.image_path(ImageKind::Face, &face))
    };
    if there.exists() {
        builder.problem(wrong(format!("another picture is called {face} too")));
        return Ok(());
    }
    let size = match kind {
        ImageKind::Frame => builder.picture_of(kind, &face.frame, &image)?,
        _ => builder.picture_of(kind, &face, &image)?,
    };
    match size {
        Ok(size) => {
            let photo = Photo {
                number: sidecar.number(),
                person: sidecar.person().or(sample.cls),
                row: Some(sidecar.row(face.clone())),
                attributes: sidecar.attributes(),
                source: sidecar.source,
                ..Photo::default()
            };
            photos::note(builder, &face, photo, size, set, photos);
        }
        Err(why) => builder.problem(wrong(why)),
    }
    Ok(())
}
