//! Shards as the webdataset library reads them.
//!
//! A sample's key is the name up to the first dot after the last slash; what follows is an extension, whose last part says
//! what the entry is (`001.jpg` is a picture). So names with dots have parts of one sample, each with a picture of its own.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use indexmap::IndexMap;
use streamface_store::{ImageKind, MAX_IMAGE_BYTES};
use streamface_types::FaceId;
use streamface_types::text::whole_number;
use tar::{Archive, Entry, EntryType};

use super::is_shard;
use crate::Error;
use crate::dataset_builder::DatasetBuilder;
use crate::files::{is_image, open_file, relative, walk};
use crate::format::ImportSettings;
use crate::photos::{self, Photo, face_id};
use crate::report::{Observer, Summary};
use crate::sidecar::Sidecar;

/// Longest JSON or label of a sample, bytes.
const MAX_SIDECAR: u64 = 1 << 20;

/// Bytes of one sample that are held at once: names with dots may make one sample of a whole shard.
const MAX_SAMPLE: usize = 256 << 20;

pub(super) fn import(
    root: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let shards: Vec<PathBuf> = if root.is_dir() {
        walk(root)?.into_iter().filter(|p| is_shard(p)).collect()
    } else {
        vec![root.to_owned()]
    };
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let set = stem(root);
    for (path, done) in shards.iter().zip(0..) {
        builder.progress("shards", done, shards.len() as u64);
        let taken = BTreeSet::new();
        let mut shard = Shard { path, set: &set, photos: settings.photos, taken, builder: &mut builder };
        if let Err(e) = shard.read() {
            match e {
                // What came before the broken place is taken.
                Broken::Tar(e) => builder.problem(format!("{}: not a whole tar file: {e}", path.display())),
                Broken::Failed(e) => return Err(e),
            }
        }
    }
    builder.finish(root, "tar files with PNG or JPEG entries are wanted")
}

/// The name without `.tar`, `.tar.gz`, `.tgz`.
fn stem(path: &Path) -> String {
    let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(".tar").map_or(name.clone(), str::to_owned)
}

enum Broken {
    Tar(io::Error),
    Failed(Error),
}

/// A shard's bytes, unpacked where they are packed.
fn open(path: &Path) -> Result<Box<dyn Read>, Broken> {
    let failed = |e| Broken::Failed(Error::io(path)(e));
    let mut file = open_file(path).map_err(Broken::Failed)?;
    let mut start = Vec::new();
    file.by_ref().take(6).read_to_end(&mut start).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let file = BufReader::with_capacity(1 << 16, file);
    let packed = |how: &str| {
        Err(Broken::Tar(io::Error::other(format!(
            "it is packed with {how}; unpack it, or pack it with gzip"
        ))))
    };
    match &start[..] {
        [0x1f, 0x8b, ..] => {
            let most = length.saturating_mul(UNPACKED).saturating_add(1 << 30);
            Ok(Box::new(Unpacked { input: MultiGzDecoder::new(file), left: most }))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => packed("zstd"),
        [b'B', b'Z', b'h', ..] => packed("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => packed("xz"),
        _ => Ok(Box::new(file)),
    }
}

/// Most bytes that a packed one may become, beside 1 GiB: pictures hardly shrink, and a header of tar shrinks to some tens.
const UNPACKED: u64 = 128;

/// What was packed, up to a limit.
struct Unpacked<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        let left = self.left.checked_sub(n as u64);
        self.left =
            left.ok_or_else(|| io::Error::other("it unpacks to far more than any set of pictures"))?;
        Ok(n)
    }
}

/// Most bytes of the headers of one entry: its name, and what pax adds to it.
const MAX_HEADERS: u64 = 1 << 20;

/// A shard's bytes, of which no more than what is left are given. An entry's name may be as long as its header says.
struct Gate {
    input: Box<dyn Read>,
    left: Rc<Cell<u64>>,
}

impl Read for Gate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(n as u64);
        self.left.set(left.ok_or_else(|| io::Error::other("an entry with headers of more than 1 MiB"))?);
        Ok(n)
    }
}

/// What an entry is, by the last part of its extension.
enum Role {
    Image,
    /// The label, and how much it counts where there are several: a caption least.
    Label(u8),
    Json,
}

impl Role {
    fn of(extension: &str) -> Option<Self> {
        Some(match extension {
            "cls" => Self::Label(3),
            "class" | "label" => Self::Label(2),
            "txt" | "text" => Self::Label(1),
            "json" | "jsn" => Self::Json,
            _ if is_image(Path::new(&format!("x.{extension}"))) => Self::Image,
            _ => return None,
        })
    }
}

/// The entries of a sample whose extensions begin alike.
#[derive(Default)]
struct Part {
    image: Option<Vec<u8>>,
    label: Option<(u8, String)>,
    json: Option<Vec<u8>>,
}

/// A sample as it comes together.
#[derive(Default)]
struct Sample {
    key: String,
    /// By what stands before the last part of the extension; mostly there is one, of nothing.
    parts: IndexMap<String, Part>,
    bytes: usize,
}

struct Shard<'s, 'b> {
    path: &'s Path,
    set: &'s str,
    photos: bool,
    /// The faces of this shard so far.
    taken: BTreeSet<FaceId>,
    builder: &'s mut DatasetBuilder<'b>,
}

impl Shard<'_, '_> {
    fn problem(&mut self, why: &str) {
        let path = self.path.display();
        self.builder.problem(format!("{path}: {why}"));
    }

    fn read(&mut self) -> Result<(), Broken> {
        let left = Rc::new(Cell::new(MAX_HEADERS));
        let mut archive = Archive::new(Gate { input: open(self.path)?, left: Rc::clone(&left) });
        let mut sample = Sample::default();
        let read = self.entries(&mut archive, &left, &mut sample);
        // Also of a shard that breaks off here.
        self.finish(sample).map_err(Broken::Failed)?;
        read
    }

    fn entries(
        &mut self,
        archive: &mut Archive<Gate>,
        left: &Cell<u64>,
        sample: &mut Sample,
    ) -> Result<(), Broken> {
        let mut entries = archive.entries().map_err(Broken::Tar)?;
        loop {
            // Nothing of the entry before is left, so what is read now are headers.
            left.set(MAX_HEADERS);
            let Some(entry) = entries.next() else { return Ok(()) };
            left.set(u64::MAX);
            let mut entry = entry.map_err(Broken::Tar)?;
            self.entry(&mut entry, sample)?;
            io::copy(&mut entry, &mut io::sink()).map_err(Broken::Tar)?;
        }
    }

    fn entry(&mut self, entry: &mut Entry<'_, Gate>, sample: &mut Sample) -> Result<(), Broken> {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let short: String = name.chars().take(200).collect();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => return Ok(()),
            _ => {
                self.problem(&format!("'{short}' is a link or a device; refused"));
                return Ok(());
            }
        }
        if relative(&name).is_none() {
            self.problem(&format!("'{short}' leads out of the archive; refused"));
            return Ok(());
        }
        let name = name.strip_prefix("./").unwrap_or(&name);
        let base = name.rfind('/').map_or(0, |slash| slash + 1);
        let Some(dot) = name[base..].find('.').map(|dot| base + dot) else { return Ok(()) };
        let (key, extension) = (&name[..dot], &name[dot + 1..]);
        let (prefix, last) = extension.rsplit_once('.').unwrap_or(("", extension));
        let Some(role) = Role::of(&last.to_ascii_lowercase()) else { return Ok(()) };
        if key != sample.key {
            let next = Sample { key: key.to_owned(), ..Sample::default() };
            self.finish(std::mem::replace(sample, next)).map_err(Broken::Failed)?;
        }
        let limit = if matches!(role, Role::Image) { MAX_IMAGE_BYTES } else { MAX_SIDECAR };
        if entry.size() > limit {
            self.problem(&format!("'{short}' is larger than {limit} bytes"));
            return Ok(());
        }
        let mut bytes = Vec::new();
        entry.by_ref().take(limit).read_to_end(&mut bytes).map_err(Broken::Tar)?;
        if sample.bytes > 0 && sample.bytes + bytes.len() > MAX_SAMPLE && !sample.parts.contains_key(prefix) {
            // The parts so far are whole, but for what one label says of all of them.
            let next = Sample { key: key.to_owned(), ..Sample::default() };
            self.finish(std::mem::replace(sample, next)).map_err(Broken::Failed)?;
        }
        sample.bytes += bytes.len();
        let part = sample.parts.entry(prefix.to_owned()).or_default();
        match role {
            Role::Json => part.json = Some(bytes),
            Role::Label(counts) => {
                if part.label.as_ref().is_none_or(|(old, _)| *old <= counts) {
                    part.label = Some((counts, String::from_utf8_lossy(&bytes).trim().to_owned()));
                }
            }
            Role::Image if part.image.is_some() => {
                self.problem(&format!("'{short}' is a second picture"));
            }
            Role::Image => part.image = Some(bytes),
        }
        Ok(())
    }

    /// Takes the pictures of a sample. Where one has the plain extension it is the sample's, and others are something else,
    /// such as its mask.
    fn finish(&mut self, sample: Sample) -> Result<(), Error> {
        let Sample { key, mut parts, .. } = sample;
        let plain = parts.shift_remove("").unwrap_or_default();
        if plain.image.is_some() {
            return self.take(&key, plain);
        }
        let said = |part: &Part| part.label.is_some() || part.json.is_some();
        let anything = said(&plain) || parts.values().any(said);
        let pictures: BTreeMap<String, Part> =
            parts.into_iter().filter(|(_, part)| part.image.is_some()).collect();
        if pictures.is_empty() && anything {
            let short: String = key.chars().take(200).collect();
            self.problem(&format!("'{short}' has no picture"));
        }
        for (prefix, mut part) in pictures {
            // What is said of the sample is said of each of its pictures.
            part.label = part.label.or_else(|| plain.label.clone());
            part.json = part.json.or_else(|| plain.json.clone());
            self.take(&format!("{key}.{prefix}"), part)?;
        }
        Ok(())
    }

    fn take(&mut self, key: &str, part: Part) -> Result<(), Error> {
        let short: String = key.chars().take(200).collect();
        let Part { image: Some(image), label, json } = part else { return Ok(()) };
        let sidecar = json.as_deref().map_or_else(|| Ok(Sidecar::default()), Sidecar::read);
        let sidecar = sidecar.unwrap_or_else(|why| {
            self.problem(&format!("'{short}': its JSON: {why}; picture and label were taken"));
            Sidecar::default()
        });
        let face = match self.name(key, sidecar.face.as_deref()) {
            Ok(face) => face,
            Err(why) => {
                self.problem(&format!("'{short}': {why}"));
                return Ok(());
            }
        };
        let kind = if self.photos { ImageKind::Frame } else { ImageKind::Face };
        let size = match kind {
            ImageKind::Frame => self.builder.picture_of(kind, &face.frame, &image)?,
            _ => self.builder.picture_of(kind, &face, &image)?,
        };
        match size {
            Ok(size) => {
                self.taken.insert(face.clone());
                let person = sidecar.person();
                let person = person.or(label.map(|(_, label)| label)).filter(|person| !person.is_empty());
                // A label as a program writes it that keeps numbers as floats.
                let whole = |text: String| whole_number(&text).map_or(text, |number| number.to_string());
                let photo = Photo {
                    person: person.map(whole),
                    number: sidecar.number(),
                    row: Some(sidecar.row(face.clone())),
                    attributes: sidecar.attributes(),
                    models: sidecar.attribute_models,
                    source: sidecar.source,
                    ..Photo::default()
                };
                photos::note(self.builder, &face, photo, size, self.set, self.photos);
            }
            Err(why) => self.problem(&format!("'{short}': {why}")),
        }
        Ok(())
    }

    /// The face that a sample is of: what its JSON says, or its key. Shards may count their keys anew: then the shard's name
    /// stands before.
    fn name(&self, key: &str, said: Option<&str>) -> Result<FaceId, String> {
        let there = |face: &FaceId| {
            let path = match self.photos {
                true => self.builder.image_path(ImageKind::Frame, &face.frame),
                false => self.builder.image_path(ImageKind::Face, face),
            };
            path.exists()
        };
        let own = said.and_then(|name| face_id(name, self.photos).ok());
        let face = own.map_or_else(|| face_id(key, self.photos), Ok)?;
        if !there(&face) {
            return Ok(face);
        }
        let longer = face_id(&format!("{}_{key}", stem(self.path)), self.photos)?;
        if self.taken.contains(&face) || there(&longer) {
            return Err(format!("another picture is called {face} too"));
        }
        Ok(longer)
    }
}
