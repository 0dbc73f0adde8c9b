//! NumPy's `.npy` files of vectors (format versions 1 to 3).

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use streamface_types::Embeddings;
use streamface_types::embedding::{half, not_finite};

use crate::Error;
use crate::memory::free_memory;
use header::Header;

mod header;

/// Bytes read at once by each thread.
const BUFFER: usize = 256 << 10;
/// Rows of a column-major file that are read together: each column's part is then a few pages.
const ROWS: usize = 1024;
/// Longest side of a matrix without numbers: nothing in the file limits it.
const MOST_OF_NOTHING: u64 = 1 << 20;
/// Longest header in bytes; that of a matrix has about 120.
const MAX_HEADER: u64 = 1 << 16;

/// Reads a matrix of `f2`, `f4` or `f8`, little- or big-endian, in C or Fortran order: one vector a row.
/// `f8` is rounded to `f32`.
///
/// Takes the memory of the `f32` matrix and a buffer for each core.
///
/// # Errors
/// [`Error::Io`]; [`Error::Format`] for a file that is no such matrix, is cut short, is larger than the memory that is
/// free, or has a number that is NaN, infinite or too large for `f32`, with what to do about it.
pub fn read_npy(path: &Path) -> Result<Embeddings, Error> {
    let bad = |why: String| Error::format(path, why);
    // Looked at before it is opened: opening a pipe would wait.
    if !std::fs::metadata(path).map_err(Error::io(path))?.is_file() {
        return Err(bad("not a regular file; give the .npy file itself".to_owned()));
    }
    let mut file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let (header, start) = read_header(&mut file, length).map_err(|e| match e {
        Refused::Io(source) => Error::Io { path: path.to_owned(), source },
        Refused::Why(why) => bad(why),
    })?;
    let (rows, dim) = header.matrix().map_err(bad)?;
    let kind = Kind::new(&header.descr).map_err(bad)?;

    if rows.min(dim) == 0 && rows.max(dim) > MOST_OF_NOTHING {
        return Err(bad(format!(
            "its shape ({rows}, {dim}) has no numbers, but one very long side; {}",
            header::SAVE
        )));
    }
    let numbers = rows.checked_mul(dim);
    let bytes = numbers.and_then(|n| n.checked_mul(kind.width as u64)).filter(|&b| b <= isize::MAX as u64);
    let there = length - start;
    let bytes = bytes
        .ok_or_else(|| bad(format!("its shape ({rows}, {dim}) is larger than any file; {}", header::SAVE)))?;
    if there < bytes {
        return Err(bad(format!(
            "cut short: {there} of the {bytes} bytes of numbers that its shape ({rows}, {dim}) needs are \
             there; copy or save it again"
        )));
    }
    fits(rows, dim, free_memory()).map_err(bad)?;
    // As long as the file, so each fits into memory's size.
    let (rows, dim) = (rows as usize, dim as usize);
    let mut matrix = vec![0.0; rows * dim];
    let source = Source { file: &file, start, rows, dim, kind };
    // With one row or one column both orders are the same.
    let columns_first = header.fortran_order && rows > 1 && dim > 1;
    source.fill(&mut matrix, columns_first).map_err(|e| match e {
        Trouble::Io(source) => Error::Io { path: path.to_owned(), source },
        Trouble::Number { row, column, value } => bad(why_refused(row, column, value)),
    })?;
    Embeddings::new(matrix, dim).map_err(|e| bad(e.to_string()))
}

/// Whether the matrix fits into memory. A file may be sparse, or larger than memory: without this the process would be
/// ended by the system.
fn fits(rows: u64, dim: u64, free: Option<u64>) -> Result<(), String> {
    let bytes = rows.saturating_mul(dim).saturating_mul(4);
    let gib = |bytes: u64| bytes as f64 / (1_u64 << 30) as f64;
    let refused = |free: String| {
        format!(
            "its {rows} vectors of {dim} numbers need {:.1} GiB of memory{free}; save fewer rows at a time: \
             np.save(part, np.load(path, mmap_mode='r')[:1000000])",
            gib(bytes)
        )
    };
    if let Some(free) = free.filter(|&free| bytes > free) {
        return Err(refused(format!(", of which {:.1} GiB are free", gib(free))));
    }
    // What the system grants here it grants again: nothing of it is touched.
    let asked = usize::try_from(bytes).ok().and_then(|n| Vec::<u8>::new().try_reserve_exact(n).ok());
    asked.ok_or_else(|| refused(", which the system does not grant".to_owned()))
}

fn why_refused(row: usize, column: usize, value: f64) -> String {
    if value.is_finite() {
        format!(
            "row {row}, column {column} is {value:e}, too large for 32 bits; scale the vectors, for cosine \
             distances with x / np.linalg.norm(x, axis=1, keepdims=True)"
        )
    } else {
        format!(
            "row {row}, column {column} is {value}, and every number must be finite; drop such rows: \
             x[np.isfinite(x).all(axis=1)]"
        )
    }
}

/// The system's word, or what is wrong with the file.
enum Refused {
    Io(io::Error),
    Why(String),
}

/// Reads up to the numbers; returns where they begin.
fn read_header(file: &mut File, length: u64) -> Result<(Header, u64), Refused> {
    let mut start = Vec::new();
    file.take(12).read_to_end(&mut start).map_err(Refused::Io)?;
    let why = |text: String| Err(Refused::Why(text));
    let Some([major, minor, rest @ ..]) = start.strip_prefix(b"\x93NUMPY") else {
        let begins = start.escape_ascii().to_string();
        let what = if start.is_empty() {
            "it is empty".to_owned()
        } else if start.starts_with(b"PK\x03\x04") {
            "it is a zip archive, as np.savez writes them".to_owned()
        } else {
            format!("it begins with \"{begins}\"")
        };
        return why(format!("not an .npy file ({what}); {}", header::SAVE));
    };
    let (size, before) = match (major, rest) {
        (1, [a, b, ..]) => (u64::from(u16::from_le_bytes([*a, *b])), 10),
        (2 | 3, [a, b, c, d]) => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 12),
        (1..=3, _) => {
            return why(format!("cut short within its header, after {length} bytes; save it again"));
        }
        _ => {
            return why(format!(
                "has .npy format version {major}.{minor}; known are 1 to 3; {}",
                header::SAVE
            ));
        }
    };
    if size > MAX_HEADER {
        return why(format!(
            "its header of {size} bytes is longer than that of any matrix; {}",
            header::SAVE
        ));
    }
    let start_of_numbers = before + size;
    if start_of_numbers > length {
        return why(format!(
            "cut short: {length} bytes, of which its header alone needs {start_of_numbers}; copy or save it again"
        ));
    }
    let mut text = vec![0; size as usize];
    read_at(file, &mut text, before).map_err(Refused::Io)?;
    let header = Header::parse(&String::from_utf8_lossy(&text)).map_err(Refused::Why)?;
    Ok((header, start_of_numbers))
}

/// How a number is written.
#[derive(Clone, Copy)]
struct Kind {
    width: usize,
    big_endian: bool,
}

impl Kind {
    fn new(descr: &str) -> Result<Self, String> {
        let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
        let width = match kind {
            "f2" => 2,
            "f4" => 4,
            "f8" => 8,
            _ => 0,
        };
        match order {
            "<" | ">" if width > 0 => Ok(Self { width, big_endian: order == ">" }),
            _ => {
                let shown: String = descr.chars().take(60).collect();
                let objects = if kind == "O" { " (Python objects)" } else { "" };
                Err(format!("its numbers are '{shown}'{objects}, not f2, f4 or f8; {}", header::SAVE))
            }
        }
    }

    /// Writes numbers out as `f32`.
    fn decode(self, bytes: &[u8], out: &mut [f32]) {
        fn each<const N: usize>(bytes: &[u8], out: &mut [f32], swap: bool, get: impl Fn([u8; N]) -> f32) {
            for (v, &(mut b)) in out.iter_mut().zip(bytes.as_chunks().0) {
                if swap {
                    b.reverse();
                }
                *v = get(b);
            }
        }
        match (self.width, self.big_endian) {
            // Apart, so that the usual one is a plain copy.
            (4, false) => each(bytes, out, false, f32::from_le_bytes),
            (4, true) => each(bytes, out, true, f32::from_le_bytes),
            (8, swap) => each(bytes, out, swap, |b| f64::from_le_bytes(b) as f32),
            (_, swap) => each(bytes, out, swap, |b| half(u16::from_le_bytes(b))),
        }
    }

    /// A number as it stands in the file.
    fn value(self, bytes: &[u8], i: usize) -> f64 {
        let bytes = &bytes[i * self.width..][..self.width];
        if self.width == 8 {
            let mut b = [0; 8];
            b.copy_from_slice(bytes);
            return if self.big_endian { f64::from_be_bytes(b) } else { f64::from_le_bytes(b) };
        }
        let mut v = [0.0];
        self.decode(bytes, &mut v);
        v[0].into()
    }
}

/// Why the numbers could not be had.
enum Trouble {
    Io(io::Error),
    Number { row: usize, column: usize, value: f64 },
}

/// Where the numbers are.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a File,
    start: u64,
    rows: usize,
    dim: usize,
    kind: Kind,
}

impl Source<'_> {
    /// Fills the matrix, each thread some of its rows.
    fn fill(self, matrix: &mut [f32], columns_first: bool) -> Result<(), Trouble> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Whole blocks of rows for each; a small file is not worth a second thread.
        let least = (BUFFER / (self.dim.max(1) * self.kind.width)).max(ROWS);
        let part = self.rows.div_ceil(threads).next_multiple_of(least);
        let work = |first: usize, rows: &mut [f32]| {
            if columns_first { self.columns(first, rows) } else { self.in_order(first, rows) }
        };
        if part >= self.rows {
            return work(0, matrix);
        }
        std::thread::scope(|scope| {
            let parts = matrix.chunks_mut(part * self.dim).enumerate();
            let running: Vec<_> = parts.map(|(i, rows)| scope.spawn(move || work(i * part, rows))).collect();
            // The first part's trouble is the first in the file, however fast the others were.
            running.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// Reads consecutive numbers.
    fn read(self, buffer: &mut [u8], first: usize) -> Result<(), Trouble> {
        read_at(self.file, buffer, self.start + (first * self.kind.width) as u64).map_err(Trouble::Io)
    }

    fn in_order(self, first: usize, rows: &mut [f32]) -> Result<(), Trouble> {
        let first = first * self.dim;
        let mut buffer = vec![0; BUFFER.min(rows.len() * self.kind.width)];
        for (i, out) in rows.chunks_mut(BUFFER / self.kind.width).enumerate() {
            let at = first + i * (BUFFER / self.kind.width);
            let bytes = &mut buffer[..out.len() * self.kind.width];
            self.read(bytes, at)?;
            self.kind.decode(bytes, out);
            if let Some(i) = not_finite(out) {
                let (row, column) = ((at + i) / self.dim, (at + i) % self.dim);
                return Err(Trouble::Number { row, column, value: self.kind.value(bytes, i) });
            }
        }
        Ok(())
    }

    fn columns(self, first: usize, rows: &mut [f32]) -> Result<(), Trouble> {
        let width = self.kind.width;
        let mut buffer = vec![0; ROWS.min(self.rows) * width];
        // Columns side by side before they are turned: writing one at a time would touch every row anew.
        const SIDE: usize = 16;
        let mut side = vec![0.0; SIDE * ROWS];
        for (block, out) in rows.chunks_mut(ROWS * self.dim).enumerate() {
            let (first, n) = (first + block * ROWS, out.len() / self.dim);
            let mut trouble: Option<(usize, usize, f64)> = None;
            for from in (0..self.dim).step_by(SIDE) {
                let columns: Range<usize> = from..self.dim.min(from + SIDE);
                for (column, side) in columns.clone().zip(side.chunks_exact_mut(ROWS)) {
                    let bytes = &mut buffer[..n * width];
                    self.read(bytes, column * self.rows + first)?;
                    self.kind.decode(bytes, &mut side[..n]);
                    if let Some(i) = not_finite(&side[..n])
                        && trouble.is_none_or(|(row, ..)| first + i < row)
                    {
                        trouble = Some((first + i, column, self.kind.value(bytes, i)));
                    }
                }
                for (i, row) in out.chunks_exact_mut(self.dim).enumerate() {
                    let turned = row[columns.clone()].iter_mut().zip(side.chunks_exact(ROWS));
                    turned.for_each(|(v, side)| *v = side[i]);
                }
            }
            if let Some((row, column, value)) = trouble {
                return Err(Trouble::Number { row, column, value });
            }
        }
        Ok(())
    }
}

/// Reads at an offset, whatever other threads read.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], offset + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => done += n,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
