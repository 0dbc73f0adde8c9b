//! Links, in memory or beyond a budget in a temporary file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Error;
use crate::link_sink::{CompactLayout, CompactLinks, Link, LinkSink};

/// All links among some rows, in any order.
#[derive(Debug, Clone, Default)]
pub struct Links {
    rows: usize,
    len: u64,
    /// In pieces, so that a consumer can let go of what it has read.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Plain(Vec<Link>),
    CompactLinks(CompactLinks),
    /// Blocks in a file without a name, which goes when the last piece does.
    Disk {
        file: Arc<Mutex<File>>,
        start: u64,
        outline: CompactLayout,
    },
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Plain(links) => links.len(),
            Self::CompactLinks(links) => links.len(),
            Self::Disk { outline, .. } => outline.len,
        }
    }

    /// Its links, to be let go of.
    pub(crate) fn read(self) -> Result<Vec<Link>, Error> {
        match self {
            Self::Plain(links) => Ok(links),
            other => other.links().map(Cow::into_owned),
        }
    }

    fn links(&self) -> Result<Cow<'_, [Link]>, Error> {
        match self {
            Self::Plain(links) => Ok(links.into()),
            Self::CompactLinks(links) => Ok(links.links().into()),
            Self::Disk { file, start, outline } => {
                let mut bytes = vec![0; outline.size()];
                {
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.seek(SeekFrom::Start(*start))
                        .and_then(|_| file.read_exact(&mut bytes))
                        .map_err(|e| Error::spill(&e))?;
                }
                Ok(outline.filled(&bytes).links().into())
            }
        }
    }
}

impl Links {
    /// Links from elsewhere, in any order: `i < j < rows`, distances finite and not negative. A pair may come twice, as of a
    /// part that was joined again.
    ///
    /// # Errors
    /// [`Error::TooManyRows`]; [`Error::BadLink`] names the first that is not so.
    pub fn new(rows: usize, links: Vec<Link>) -> Result<Self, Error> {
        if rows > u32::MAX as usize {
            return Err(Error::TooManyRows { rows });
        }
        let good =
            |l: &Link| l.i < l.j && (l.j as usize) < rows && l.distance >= 0.0 && l.distance.is_finite();
        if let Some(at) = links.iter().position(|l| !good(l)) {
            return Err(Error::BadLink { at, link: links[at], rows });
        }
        Ok(Self { rows, len: links.len() as u64, pieces: vec![Piece::Plain(links)] })
    }

    pub(crate) fn from_pieces(rows: usize, pieces: Vec<Piece>) -> Self {
        let len = pieces.iter().map(|p| p.len() as u64).sum();
        Self { rows, len, pieces }
    }

    pub(crate) fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }

    /// Puts parts of one join together, in any order.
    ///
    /// # Errors
    /// [`Error::RowCount`] where they are not of the same number of rows.
    pub fn merge(parts: Vec<Self>) -> Result<Self, Error> {
        let rows = parts.first().map_or(0, Self::rows);
        if let Some(other) = parts.iter().find(|p| p.rows != rows) {
            return Err(Error::RowCount { rows, other: other.rows });
        }
        Ok(Self::from_pieces(rows, parts.into_iter().flat_map(Self::into_pieces).collect()))
    }

    /// Number of links.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of rows that were joined, linked or not.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The links; an error where the temporary file cannot be read.
    pub fn iter(&self) -> impl Iterator<Item = Result<Link, Error>> + '_ {
        self.pieces.iter().flat_map(|piece| {
            let (links, error) = match piece.links() {
                Ok(links) => (links, None),
                Err(error) => (Cow::default(), Some(Err(error))),
            };
            (0..links.len()).map(move |at| Ok(links[at])).chain(error)
        })
    }

    /// Calls `each` with every link, in the order of [`Links::iter`].
    ///
    /// # Errors
    /// [`Error::Spill`] where the temporary file cannot be read.
    pub fn for_each(&self, mut each: impl FnMut(Link)) -> Result<(), Error> {
        self.iter().try_for_each(|link| link.map(&mut each))
    }
}

/// Keeps pieces in memory up to a number of bytes, and on disk beyond.
pub(crate) struct Spill {
    most: u64,
    kept: AtomicU64,
    file: Mutex<Option<Arc<Mutex<File>>>>,
}

impl Spill {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, kept: AtomicU64::new(0), file: Mutex::new(None) }
    }

    pub(crate) fn keep(&self, links: CompactLinks) -> Result<Piece, Error> {
        let size = links.size() as u64;
        if self.kept.fetch_add(size, Ordering::Relaxed) + size <= self.most || size == 0 {
            return Ok(Piece::CompactLinks(links));
        }
        self.kept.fetch_sub(size, Ordering::Relaxed);
        let file = {
            let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(file) = &*slot {
                file.clone()
            } else {
                let file = Arc::new(Mutex::new(tempfile::tempfile().map_err(|e| Error::spill(&e))?));
                slot.insert(file).clone()
            }
        };
        let (bytes, outline) = links.into_bytes();
        let start = {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let start = file.seek(SeekFrom::End(0)).map_err(|e| Error::spill(&e))?;
            file.write_all(&bytes).map_err(|e| Error::spill(&e))?;
            start
        };
        Ok(Piece::Disk { file, start, outline })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_sink::PairBlock;

    #[test]
    fn what_goes_to_disk_comes_back() {
        let names: Arc<[u32]> = (0..20).collect();
        let links =
            |from: u32, n: u32| (from..from + n).map(|i| Link { i, j: i + 7, distance: f64::from(i) / 3.0 });
        let blocks = |from: u32, n: u32| {
            let mut blocks = CompactLinks::new(&names, 4);
            for Link { i, j, distance } in links(from, n) {
                blocks.add(&PairBlock { corner: (i as usize, j as usize), bits: 1, distances: &[distance] });
            }
            blocks
        };
        let spill = Spill::new(100);
        let pieces = vec![
            spill.keep(blocks(0, 4)).unwrap(),
            spill.keep(blocks(4, 3)).unwrap(),
            spill.keep(blocks(7, 1)).unwrap(),
            spill.keep(blocks(8, 2)).unwrap(),
        ];
        assert!(matches!(pieces[1], Piece::Disk { .. }) && matches!(pieces[2], Piece::CompactLinks(_)));
        let all = Links::from_pieces(20, pieces);
        assert_eq!(all.len(), 10);
        assert_eq!(all.iter().collect::<Result<Vec<_>, _>>().unwrap(), links(0, 10).collect::<Vec<_>>());
    }

    #[test]
    fn links_that_cannot_be_are_refused() {
        let link =
            |i, j, distance| Links::new(5, vec![Link { i: 0, j: 1, distance: 0.5 }, Link { i, j, distance }]);
        assert!(link(1, 4, 0.0).is_ok());
        for bad in [link(1, 1, 0.1), link(2, 1, 0.1), link(1, 5, 0.1), link(1, 2, f64::NAN), link(1, 2, -0.1)]
        {
            assert!(matches!(bad, Err(Error::BadLink { at: 1, .. })));
        }
    }
}
