//! Images on their way into a dataset: what a batch knows of those that were staged for it.
//!
//! A batch has a file `images.csv` with the length and the checksum of each of its images. After a power cut a disk may hold
//! the name of a file and not its bytes; by these an image is known to be whole, whatever its format.

use std::io::Read as _;
use std::path::Path;

use crate::{Error, ImageKind, Result, files};

/// The file of a batch.
const FILE: &str = "images.csv";

/// Longest such file: a line of some hundred bytes for each of two million images.
const MAX_FILE: u64 = 256 << 20;

/// An image that was staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StagedImage {
    pub(crate) kind: ImageKind,
    /// Name of its file.
    pub(crate) file: String,
    /// In bytes.
    pub(crate) length: u64,
    /// CRC-32 of its bytes.
    pub(crate) sum: u32,
}

impl StagedImage {
    pub(crate) fn new(kind: ImageKind, file: String, bytes: &[u8]) -> Self {
        Self { kind, file, length: bytes.len() as u64, sum: crc32fast::hash(bytes) }
    }

    /// Whether the file holds these bytes.
    pub(crate) fn is_whole(&self, path: &Path) -> bool {
        let Ok(file) = files::open(path, self.length) else { return false };
        let mut bytes = Vec::new();
        let read = file.take(self.length).read_to_end(&mut bytes);
        read.is_ok() && bytes.len() as u64 == self.length && crc32fast::hash(&bytes) == self.sum
    }
}

/// Writes the images of a batch into its folder.
pub(crate) fn write(batch: &Path, images: &[StagedImage]) -> Result<()> {
    if images.is_empty() {
        return Ok(());
    }
    files::write(&batch.join(FILE), |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["folder", "file", "bytes", "crc32"])?;
        for StagedImage { kind, file, length, sum } in images {
            csv.write_record([kind.folder(), file, &length.to_string(), &format!("{sum:08x}")])?;
        }
        csv.flush()
    })
}

/// The images of a batch; none where it says nothing of any.
pub(crate) fn read(batch: &Path) -> Result<Vec<StagedImage>> {
    let path = batch.join(FILE);
    let Some(file) = files::find(&path, MAX_FILE)? else { return Ok(Vec::new()) };
    let mut csv = csv::Reader::from_reader(file.take(MAX_FILE));
    let mut images = Vec::new();
    for record in csv.records() {
        let record = record.map_err(|e| Error::format(&path, e))?;
        let image = image(&record).ok_or_else(|| {
            let line = record.position().map_or(0, csv::Position::line);
            Error::format(&path, format!("line {line} is of no image; remove the file"))
        });
        images.push(image?);
    }
    Ok(images)
}

fn image(record: &csv::StringRecord) -> Option<StagedImage> {
    let [folder, file, length, sum] = [0, 1, 2, 3].map(|at| record.get(at).unwrap_or_default());
    let kind = ImageKind::ALL.into_iter().find(|kind| kind.folder() == folder)?;
    // The name becomes a part of a path.
    let plain = !file.is_empty() && !file.contains(['/', '\\', '\0']);
    let (length, sum) = (length.parse().ok()?, u32::from_str_radix(sum, 16).ok()?);
    plain.then(|| StagedImage { kind, file: file.to_owned(), length, sum })
}
