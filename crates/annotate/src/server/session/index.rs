//! Everything a review needs of a dataset, read at once: `metadata/review.index`. The rows of its embeddings lie beside
//! it in `metadata/review.vectors`.
//!
//! `review.index` is a cache file of [`streamface_store`]: `serde` and `bincode` behind a header with a version, a
//! checksum, a size limit and the fingerprint of the tables it was made from. `review.vectors` is the fingerprint (64
//! bytes), then a plain array of little-endian `f32`, one row a face: a screen reads only the rows it shows, at most some
//! hundred. Encoded with the index it would have to be read and copied whole at every start: 768 MB for a million faces of
//! 192 numbers.
//!
//! Where the tables have changed, or a file is missing, old or damaged, both are rebuilt from the tables.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use streamface_store::{CacheKind, Dataset, Error as StoreError, files};
use streamface_types::{BoundingBox, FaceId, FrameId, StreamTime};

use super::mixed::ClusterParts;
use crate::questions::Candidate;

/// At most 16 GiB: 100 bytes a face for a hundred million faces, and their clusters. The version changes with the type
/// [`Index`], and with how its content is computed.
const CACHE: CacheKind<{ 16 << 30 }> = CacheKind::new("review index", 5);
const INDEX: &str = "review.index";
const VECTORS: &str = "review.vectors";
/// Length of a fingerprint in hexadecimal digits.
const FINGERPRINT_LEN: usize = 64;

/// A frame with faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    #[serde(with = "frame_id")]
    pub id: FrameId,
    /// Index into [`Index::sources`].
    pub source: Option<u32>,
    /// In microseconds.
    stream_time: Option<i64>,
    /// Width and height in pixels.
    pub size: Option<[u32; 2]>,
}

impl Frame {
    pub fn new(
        id: FrameId,
        source: Option<u32>,
        stream_time: Option<StreamTime>,
        size: Option<[u32; 2]>,
    ) -> Self {
        Self { id, source, stream_time: stream_time.map(StreamTime::micros), size }
    }

    pub fn stream_time(&self) -> Option<StreamTime> {
        self.stream_time.map(StreamTime)
    }
}

/// A face. Its position in [`Index::faces`] is its number in the review.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Face {
    /// Index into [`Index::frames`].
    pub frame: u32,
    /// Its number in the frame.
    pub number: u32,
    /// Below 0 where it belongs to no one.
    pub label: i64,
    /// `None` where the table of faces does not have it.
    pub detection: Option<Detection>,
    /// How usable it is, 0 to 1; `None` where no model said so.
    pub rating: Option<f32>,
}

/// What the table of faces says of a face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Detection {
    /// Left, top, width, height in pixels of the frame.
    pub bbox: [f32; 4],
    /// The detector's score.
    pub score: f32,
    /// Variance of the Laplacian.
    pub blur: f32,
    /// Width and height of its picture in `faces/`, pixels.
    pub face_size: [u32; 2],
}

impl Detection {
    pub fn new(bbox: BoundingBox, score: f32, blur: f32, face_size: [u32; 2]) -> Self {
        Self { bbox: [bbox.x, bbox.y, bbox.w, bbox.h], score, blur, face_size }
    }
}

/// The whole index. Clusters are numbered in the order of their labels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub sources: Vec<String>,
    pub frames: Vec<Frame>,
    pub faces: Vec<Face>,
    /// Length of an embedding.
    pub dim: usize,
    /// Plain means of the clusters, one row each.
    pub means: Vec<f32>,
    pub candidates: Vec<Candidate>,
    /// The best two parts of each cluster; [`None`] for one face.
    pub parts: Vec<Option<ClusterParts>>,
    /// Pairs of clusters that share a frame.
    pub cannot_link: Vec<(u32, u32)>,
    /// Whether each face has a rating. Qualities are compared with each other: else all are by score and sharpness.
    pub rated: bool,
}

mod frame_id {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use streamface_types::FrameId;

    pub(super) fn serialize<S: Serializer>(id: &FrameId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(id.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FrameId, D::Error> {
        FrameId::new(<String>::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl Index {
    /// The face with a number.
    pub fn id(&self, face: u32) -> FaceId {
        FaceId::new(self.frame_of(face).id.clone(), self.faces[face as usize].number)
    }

    /// The frame of a face.
    pub fn frame_of(&self, face: u32) -> &Frame {
        &self.frames[self.faces[face as usize].frame as usize]
    }

    /// How well a face can be seen; comparable within this dataset.
    pub fn quality(&self, face: u32) -> f32 {
        let Face { detection, rating, .. } = self.faces[face as usize];
        let by_detection = || detection.map_or(0.0, |d| d.score * d.blur.max(0.0).ln_1p());
        rating.filter(|_| self.rated).unwrap_or_else(by_detection)
    }

    /// Labels of the clusters, ascending.
    pub fn labels(&self) -> Vec<i64> {
        let mut labels: Vec<i64> = self.faces.iter().map(|f| f.label).filter(|&l| l >= 0).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Whether every number in it points to something that exists. Checked after reading, so that a file written by
    /// something else cannot lead to a panic.
    fn is_consistent(&self) -> bool {
        let rows = match self.dim {
            0 => 0,
            dim => self.means.len() / dim,
        };
        let both = |a: u32, b: u32| (a as usize) < rows && (b as usize) < rows;
        self.means.len() == rows * self.dim
            && self.parts.len() == rows
            && self.frames.iter().all(|f| f.source.is_none_or(|s| (s as usize) < self.sources.len()))
            && self.faces.iter().all(|f| (f.frame as usize) < self.frames.len())
            && self.candidates.iter().all(|c| both(c.left, c.right))
            && self.cannot_link.iter().all(|&(a, b)| both(a, b))
    }
}

/// Identifies the tables that an index is made from, and the settings: SHA-256 in hexadecimal digits.
pub(super) fn fingerprint(data: &Dataset, settings: &str) -> Result<String, StoreError> {
    let mut sum = Sha256::new();
    sum.update(settings);
    let metadata = data.metadata();
    let mut files: Vec<PathBuf> = ["labels", "features", "faces", "frames"]
        .map(|table| metadata.join(format!("{table}.parquet")))
        .into();
    // Batches of an unfinished run hold rows, too.
    let batches = metadata.join("batches");
    let entries = files::entries(&batches)?.into_iter().filter(|(_, kind)| kind.is_dir());
    let mut folders: Vec<PathBuf> = entries.map(|(name, _)| batches.join(name)).collect();
    folders.sort();
    files.extend(
        folders.iter().flat_map(|f| ["features", "faces", "frames"].map(|t| f.join(format!("{t}.parquet")))),
    );
    for path in files {
        sum.update(path.strip_prefix(&metadata).unwrap_or(&path).as_os_str().as_encoded_bytes());
        let Some(mut file) = files::find(&path, files::MAX_TABLE)? else { continue };
        let mut about = || -> std::io::Result<()> {
            let metadata = file.metadata()?;
            sum.update(metadata.len().to_le_bytes());
            let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            sum.update(since.as_nanos().to_le_bytes());
            // The footer of a table has the position, minimum and maximum of each column.
            file.seek(SeekFrom::Start(metadata.len().saturating_sub(64 << 10)))?;
            let mut footer = Vec::new();
            (&file).take(64 << 10).read_to_end(&mut footer)?;
            sum.update(&footer);
            Ok(())
        };
        about().map_err(|source| StoreError::Io { path: path.clone(), source })?;
    }
    Ok(sum.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// The index and the rows; `None` where a file is missing, damaged, or was made from other tables.
pub(super) fn read(metadata: &Path, fingerprint: &str) -> Option<(Index, Vectors)> {
    let index: Index = CACHE.read(&metadata.join(INDEX), fingerprint).ok().filter(Index::is_consistent)?;
    let vectors = Vectors::open(&metadata.join(VECTORS), fingerprint, index.faces.len(), index.dim)?;
    Some((index, vectors))
}

/// Writes both files; the index last, so that it never exists without its rows.
pub(super) fn write(
    metadata: &Path,
    fingerprint: &str,
    index: &Index,
    rows: &[&[f32]],
) -> Result<(), StoreError> {
    files::write(&metadata.join(VECTORS), |out| {
        out.write_all(fingerprint.as_bytes())?;
        let mut bytes = Vec::with_capacity(4 * index.dim);
        for row in rows {
            bytes.clear();
            row.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
            out.write_all(&bytes)?;
        }
        Ok(())
    })?;
    CACHE.write(&metadata.join(INDEX), fingerprint, index)
}

/// The rows of all embeddings, on disk.
#[derive(Debug)]
pub(super) struct Vectors {
    file: File,
    dim: usize,
}

impl Vectors {
    pub fn open(path: &Path, fingerprint: &str, rows: usize, dim: usize) -> Option<Self> {
        let length = FINGERPRINT_LEN as u64 + 4 * rows as u64 * dim as u64;
        let mut file = files::find(path, length).ok()??;
        let mut head = [0; FINGERPRINT_LEN];
        file.read_exact(&mut head).ok()?;
        (file.metadata().ok()?.len() == length && head == *fingerprint.as_bytes())
            .then_some(Self { file, dim })
    }

    /// The row of a face.
    pub fn row(&mut self, face: u32) -> crate::Result<Vec<f32>> {
        self.read(face).map_err(|source| crate::Error::Vectors { source })
    }

    fn read(&mut self, face: u32) -> std::io::Result<Vec<f32>> {
        let mut bytes = vec![0; 4 * self.dim];
        let start = FINGERPRINT_LEN as u64 + u64::from(face) * bytes.len() as u64;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Index {
        let frame = |id: &str, source| {
            Frame::new(FrameId::new(id).unwrap(), source, Some(StreamTime(-5)), Some([1920, 1080]))
        };
        let detection = Some(Detection::new(BoundingBox::new(1.0, 2.0, 3.0, 4.0), 0.9, 120.0, [8, 8]));
        Index {
            parts: vec![None; 2],
            sources: vec!["a.mp4".into()],
            frames: vec![frame("a", Some(0)), Frame { stream_time: None, size: None, ..frame("b", None) }],
            faces: vec![
                Face { frame: 0, number: 0, label: 0, detection, rating: Some(0.5) },
                Face { frame: 1, number: 7, label: 4, detection: None, rating: None },
            ],
            dim: 2,
            means: vec![1.0, 0.0, 0.0, 1.0],
            candidates: vec![Candidate { left: 0, right: 1, distance: 0.25 }],
            cannot_link: vec![(0, 1)],
            rated: false,
        }
    }

    #[test]
    fn a_quality_is_by_ratings_where_all_faces_have_one() {
        let mut index = small();
        let by_detection = 0.9 * 120.0_f32.ln_1p();
        assert_eq!((index.quality(0), index.quality(1)), (by_detection, 0.0));
        index.faces[1].rating = Some(0.75);
        index.rated = true;
        assert_eq!((index.quality(0), index.quality(1)), (0.5, 0.75));
    }

    const ROWS: [&[f32]; 2] = [&[1.0, 2.0], &[3.0, 4.0]];

    #[test]
    fn index_and_rows_read_back() {
        let (index, fingerprint) = (small(), "0".repeat(FINGERPRINT_LEN));
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path(), &fingerprint).is_none());
        write(dir.path(), &fingerprint, &index, &ROWS).unwrap();
        let (found, mut vectors) = read(dir.path(), &fingerprint).unwrap();
        assert_eq!(found, index);
        assert_eq!(vectors.row(1).unwrap(), [3.0, 4.0]);
        assert!(read(dir.path(), &"1".repeat(FINGERPRINT_LEN)).is_none(), "made from other tables");
        std::fs::write(dir.path().join(VECTORS), "short").unwrap();
        assert!(read(dir.path(), &fingerprint).is_none());
    }

    #[test]
    fn a_cut_or_changed_index_is_not_read() {
        let fingerprint = "0".repeat(FINGERPRINT_LEN);
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &fingerprint, &small(), &ROWS).unwrap();
        let path = dir.path().join(INDEX);
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(read(dir.path(), &fingerprint).is_none(), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x40;
            std::fs::write(&path, &bad).unwrap();
            assert!(read(dir.path(), &fingerprint).is_none(), "{at}");
        }
        std::fs::write(&path, [bytes.as_slice(), b"x"].concat()).unwrap();
        assert!(read(dir.path(), &fingerprint).is_none());
    }

    #[test]
    fn an_index_that_points_nowhere_is_not_read() {
        let fingerprint = "0".repeat(FINGERPRINT_LEN);
        let dir = tempfile::tempdir().unwrap();
        let changes: [fn(&mut Index); 5] = [
            |i| i.frames[0].source = Some(1),
            |i| i.faces[1].frame = 2,
            |i| i.candidates[0].right = 2,
            |i| i.cannot_link[0].0 = u32::MAX,
            |i| i.means.truncate(3),
        ];
        for change in changes {
            let mut index = small();
            change(&mut index);
            write(dir.path(), &fingerprint, &index, &ROWS).unwrap();
            assert!(read(dir.path(), &fingerprint).is_none(), "{index:?}");
        }
    }
}
