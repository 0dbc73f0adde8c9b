//! Action a review needs of a dataset, in one file that is read in one go: `metadata/review.index`, and the rows of
//! its embeddings beside it, `metadata/review.vectors`, of which a screen reads the few it shows.
//!
//! Both are made from the tables and say of which; where the tables have changed since, or the files cannot be
//! read, they are made anew. Numbers are little-endian.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use streamface_store::{Dataset, Error as StoreError, write_atomic};
use streamface_types::{BoundingBox, FaceId, FrameId, StreamTime};

use crate::questions::Candidate;

/// Changes with the form of the files, and with how what is in them is made.
const VERSION: &str = "streamface review 1";
const INDEX: &str = "review.index";
const VECTORS: &str = "review.vectors";
/// Length of a fingerprint in figures.
const MARK: usize = 64;

/// A frame with faces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub id: FrameId,
    /// Into [`Index::sources`].
    pub source: Option<u32>,
    pub stream_time: Option<StreamTime>,
    pub size: Option<[u32; 2]>,
}

/// A face; its place in the list is its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Face {
    /// Into [`Index::frames`].
    pub frame: u32,
    /// Its number in the frame.
    pub number: u32,
    pub label: i64,
    /// `None` where the table of faces lacks it.
    pub found: Option<(BoundingBox, f32, f32)>,
}

/// All of it. Clusters are numbered in the order of their labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Index {
    pub sources: Vec<String>,
    pub frames: Vec<Frame>,
    pub faces: Vec<Face>,
    /// Numbers in an embedding.
    pub dim: usize,
    /// Plain means of the clusters, one row each.
    pub means: Vec<f32>,
    pub candidates: Vec<Candidate>,
    /// Clusters that share a frame.
    pub apart: Vec<(u32, u32)>,
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

    /// How well a face can be seen.
    pub fn quality(&self, face: u32) -> f32 {
        let found = self.faces[face as usize].found;
        found.map_or(0.0, |(_, score, blur)| score * blur.max(0.0).ln_1p())
    }

    /// Labels of the clusters, ascending.
    pub fn labels(&self) -> Vec<i64> {
        let mut labels: Vec<i64> = self.faces.iter().map(|f| f.label).filter(|&l| l >= 0).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }
}

/// Of which tables an index is.
pub(super) fn fingerprint(data: &Dataset, settings: &str) -> Result<String, StoreError> {
    let mut sum = Sha256::new();
    sum.update(VERSION);
    sum.update(settings);
    let metadata = data.metadata();
    let mut files: Vec<PathBuf> = ["labels", "features", "faces", "frames"]
        .map(|table| metadata.join(format!("{table}.parquet")))
        .into();
    // Batches of a run that was not finished are rows too.
    let batches = metadata.join("batches");
    let entries = std::fs::read_dir(&batches).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).collect();
    folders.sort();
    files.extend(
        folders.iter().flat_map(|f| ["features", "faces", "frames"].map(|t| f.join(format!("{t}.parquet")))),
    );
    for path in files {
        sum.update(path.strip_prefix(&metadata).unwrap_or(&path).as_os_str().as_encoded_bytes());
        let Ok(mut file) = File::open(&path) else { continue };
        let mut about = || -> std::io::Result<()> {
            let metadata = file.metadata()?;
            sum.update(metadata.len().to_le_bytes());
            let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            sum.update(since.as_nanos().to_le_bytes());
            // The footer of a table says where each column lies and what is least and most in it.
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

/// The index and the rows, where both are there and of these tables.
pub(super) fn read(metadata: &Path, mark: &str) -> Option<(Index, Vectors)> {
    let bytes = std::fs::read(metadata.join(INDEX)).ok()?;
    let rest = bytes.strip_prefix(mark.as_bytes())?;
    let index = Parts(rest).index()?;
    let vectors = Vectors::open(&metadata.join(VECTORS), mark, index.faces.len(), index.dim)?;
    Some((index, vectors))
}

/// Writes both; the index last, so that it never stands without its rows.
pub(super) fn write(metadata: &Path, mark: &str, index: &Index, rows: &[&[f32]]) -> Result<(), StoreError> {
    write_atomic(&metadata.join(VECTORS), |out| {
        out.write_all(mark.as_bytes())?;
        let mut bytes = Vec::with_capacity(4 * index.dim);
        for row in rows {
            bytes.clear();
            row.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
            out.write_all(&bytes)?;
        }
        Ok(())
    })?;
    write_atomic(&metadata.join(INDEX), |out| {
        out.write_all(mark.as_bytes())?;
        out.write_all(&index.bytes())
    })
}

/// The rows of all embeddings, on the disk.
#[derive(Debug)]
pub(super) struct Vectors {
    file: File,
    dim: usize,
}

impl Vectors {
    pub fn open(path: &Path, mark: &str, rows: usize, dim: usize) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let wanted = MARK as u64 + 4 * rows as u64 * dim as u64;
        let mut head = [0; MARK];
        file.read_exact(&mut head).ok()?;
        (file.metadata().ok()?.len() == wanted && head == *mark.as_bytes()).then_some(Self { file, dim })
    }

    /// The row of a face.
    pub fn row(&mut self, face: u32) -> std::io::Result<Vec<f32>> {
        let mut bytes = vec![0; 4 * self.dim];
        self.file.seek(SeekFrom::Start(MARK as u64 + u64::from(face) * bytes.len() as u64))?;
        self.file.read_exact(&mut bytes)?;
        Ok(floats(&bytes))
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

const NONE: u32 = u32::MAX;

impl Index {
    fn bytes(&self) -> Vec<u8> {
        let mut out = Out(Vec::new());
        for n in [self.sources.len(), self.frames.len(), self.faces.len(), self.dim] {
            out.u64(n as u64);
        }
        for n in [self.means.len(), self.candidates.len(), self.apart.len()] {
            out.u64(n as u64);
        }
        self.sources.iter().for_each(|s| out.text(s));
        for frame in &self.frames {
            out.text(frame.id.as_str());
            out.u32(frame.source.unwrap_or(NONE));
            out.u64(frame.stream_time.map_or(i64::MIN, StreamTime::micros).cast_unsigned());
            frame.size.unwrap_or([NONE; 2]).iter().for_each(|&n| out.u32(n));
        }
        for face in &self.faces {
            out.u32(face.frame);
            out.u32(face.number);
            out.u64(face.label.cast_unsigned());
            let (b, score, blur) = face.found.unwrap_or((BoundingBox::default(), f32::NAN, f32::NAN));
            [b.x, b.y, b.w, b.h, score, blur].iter().for_each(|x| out.u32(x.to_bits()));
        }
        self.means.iter().for_each(|x| out.u32(x.to_bits()));
        for c in &self.candidates {
            out.u32(c.left);
            out.u32(c.right);
            out.u64(c.distance.to_bits());
        }
        for &(a, b) in &self.apart {
            out.u32(a);
            out.u32(b);
        }
        out.0
    }
}

struct Out(Vec<u8>);

impl Out {
    fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }
    fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }
    fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Action is left to read. Anything that does not fit is no index.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(part)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let n = self.u32()?;
        std::str::from_utf8(self.take(n as usize)?).ok()
    }

    /// A number of things that take at least so many bytes each.
    fn count(&mut self, bytes: usize) -> Option<usize> {
        let n = usize::try_from(self.u64()?).ok()?;
        (n.checked_mul(bytes)? <= self.0.len()).then_some(n)
    }

    fn index(mut self) -> Option<Index> {
        let (sources, frames, faces) = (self.count(4)?, self.count(24)?, self.count(40)?);
        let dim = usize::try_from(self.u64()?).ok()?;
        let (means, candidates, apart) = (self.count(4)?, self.count(16)?, self.count(8)?);
        let sources = (0..sources).map(|_| self.text().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        let within = |n: u32, of: usize| (n as usize) < of;
        let frames = (0..frames)
            .map(|_| {
                let id = FrameId::new(self.text()?).ok()?;
                let source = Some(self.u32()?).filter(|&s| s != NONE);
                let time = self.u64()?.cast_signed();
                let size = Some([self.u32()?, self.u32()?]).filter(|&s| s != [NONE; 2]);
                let stream_time = (time != i64::MIN).then_some(StreamTime(time));
                source.is_none_or(|s| within(s, sources.len())).then_some(Frame {
                    id,
                    source,
                    stream_time,
                    size,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let faces = (0..faces)
            .map(|_| {
                let (frame, number, label) = (self.u32()?, self.u32()?, self.u64()?.cast_signed());
                let mut f = [0.0; 6];
                for x in &mut f {
                    *x = f32::from_bits(self.u32()?);
                }
                let found = (!f[4].is_nan()).then(|| (BoundingBox::new(f[0], f[1], f[2], f[3]), f[4], f[5]));
                within(frame, frames.len()).then_some(Face { frame, number, label, found })
            })
            .collect::<Option<Vec<_>>>()?;
        let means = floats(self.take(4 * means)?);
        if dim == 0 && !means.is_empty() || dim > 0 && !means.len().is_multiple_of(dim) {
            return None;
        }
        let clusters = means.len().checked_div(dim).unwrap_or(0);
        let candidates = (0..candidates)
            .map(|_| {
                let c = Candidate {
                    left: self.u32()?,
                    right: self.u32()?,
                    distance: f64::from_bits(self.u64()?),
                };
                (within(c.left, clusters) && within(c.right, clusters)).then_some(c)
            })
            .collect::<Option<Vec<_>>>()?;
        let apart = (0..apart)
            .map(|_| {
                let (a, b) = (self.u32()?, self.u32()?);
                (within(a, clusters) && within(b, clusters)).then_some((a, b))
            })
            .collect::<Option<Vec<_>>>()?;
        self.0.is_empty().then_some(Index { sources, frames, faces, dim, means, candidates, apart })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Index {
        let frame = |id: &str, source| Frame {
            id: FrameId::new(id).unwrap(),
            source,
            stream_time: Some(StreamTime(-5)),
            size: Some([1920, 1080]),
        };
        let found = Some((BoundingBox::new(1.0, 2.0, 3.0, 4.0), 0.9, 120.0));
        Index {
            sources: vec!["a.mp4".into()],
            frames: vec![frame("a", Some(0)), Frame { stream_time: None, size: None, ..frame("b", None) }],
            faces: vec![
                Face { frame: 0, number: 0, label: 0, found },
                Face { frame: 1, number: 7, label: 4, found: None },
            ],
            dim: 2,
            means: vec![1.0, 0.0, 0.0, 1.0],
            candidates: vec![Candidate { left: 0, right: 1, distance: 0.25 }],
            apart: vec![(0, 1)],
        }
    }

    #[test]
    fn it_reads_back_and_anything_else_does_not() {
        let (index, mark) = (small(), "0".repeat(MARK));
        let bytes = index.bytes();
        assert_eq!(Parts(&bytes).index(), Some(index.clone()));
        for cut in 0..bytes.len() {
            assert_eq!(Parts(&bytes[..cut]).index(), None, "{cut}");
        }
        assert_eq!(Parts(&[bytes.as_slice(), b"x"].concat()).index(), None);
        // Numbers that point nowhere, or say that there are more things than bytes.
        for at in (0..bytes.len() - 4).step_by(4) {
            let mut bad = bytes.clone();
            bad[at..at + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
            let _ = Parts(&bad).index();
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path(), &mark).is_none());
        write(dir.path(), &mark, &index, &[&[1.0, 2.0], &[3.0, 4.0]]).unwrap();
        let (found, mut vectors) = read(dir.path(), &mark).unwrap();
        assert_eq!(found, index);
        assert_eq!(vectors.row(1).unwrap(), [3.0, 4.0]);
        assert!(read(dir.path(), &"1".repeat(MARK)).is_none(), "of other tables");
        std::fs::write(dir.path().join(VECTORS), "short").unwrap();
        assert!(read(dir.path(), &mark).is_none());
    }
}
