//! WebDataset: tar shards of samples, whose files share a name up to the first dot.
//!
//! ```text
//! DIR/shard-000000.tar:  {key}.png  {key}.cls  {key}.json   {key}.png …
//! ```
//!
//! `cls` is the label, a number; `json` is everything known of the face: `face`, `label`, `person` (the name), `frame`, `source`,
//! `stream_seconds`, `box` [x, y, w, h], `landmarks`, `frame_size`, `score`, `blur`, `quality`, `mask`, `attributes`, and
//! the models that gave these (`attribute_models`). A dot or a percent sign in a face's name is written `%2E`, `%25` in the key.
//! Source: "The WebDataset Format Specification" (Aizman, Maltby, Breuel 2020) and the library's `tariterators.py`; tar as in
//! POSIX.1-1988 (ustar) with GNU's long names.

mod import;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use streamface_types::FaceId;
use tar::{Builder, EntryType, Header};

use crate::Error;
use crate::format::{Description, ExportSettings, Format, ImportSettings};
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
            import: Some(
                "Tar shards, or one, also packed with gzip: pictures, labels, what their JSON holds",
            ),
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
        import::import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        is_shard(path) || entries.into_iter().any(|e| is_shard(&e.path()))
    }
}

/// Whether a file is a shard by its name. Whether it is packed, its first bytes say.
fn is_shard(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    [".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end))
}

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
