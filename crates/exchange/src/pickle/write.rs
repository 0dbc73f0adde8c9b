//! Pickles as CPython's C pickler writes them at protocol 3: the same opcodes, the same numbering of what is
//! put away, the same batches.

use std::collections::HashMap;
use std::io::{self, Write};

use super::op;

/// Items of a dict that one SETITEMS sets.
const BATCH: usize = 1000;

/// Writes one pickle. Values are written in the order of a walk through them; what must be told before and after
/// its parts (dicts, tuples) has a method for each.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// How many objects were put away.
    put: u32,
    /// Where those are that come again, by a name of their own.
    known: HashMap<String, u32>,
}

impl<W: Write> Writer<W> {
    /// Begins a pickle.
    ///
    /// # Errors
    /// What `out` meets; so for all methods.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&[op::PROTO, 3])?;
        Ok(Self { out, put: 0, known: HashMap::new() })
    }

    /// Ends the pickle.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[op::STOP])?;
        Ok(self.out)
    }

    fn memoize(&mut self) -> io::Result<u32> {
        let key = self.put;
        self.put += 1;
        match u8::try_from(key) {
            Ok(key) => self.out.write_all(&[op::BINPUT, key])?,
            Err(_) => {
                self.out.write_all(&[op::LONG_BINPUT])?;
                self.out.write_all(&key.to_le_bytes())?;
            }
        }
        Ok(key)
    }

    /// What comes again is one object in Python too: written once, then recalled. Whether it was.
    fn recalled(&mut self, name: &str) -> io::Result<bool> {
        let Some(&key) = self.known.get(name) else { return Ok(false) };
        match u8::try_from(key) {
            Ok(key) => self.out.write_all(&[op::BINGET, key])?,
            Err(_) => {
                self.out.write_all(&[op::LONG_BINGET])?;
                self.out.write_all(&key.to_le_bytes())?;
            }
        }
        Ok(true)
    }

    fn remember(&mut self, name: &str) -> io::Result<()> {
        let key = self.memoize()?;
        self.known.insert(name.to_owned(), key);
        Ok(())
    }

    /// A text that comes once.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.plain_text(text)?;
        self.memoize().map(drop)
    }

    /// A text that comes again and again: a key of many dicts.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn shared_text(&mut self, text: &str) -> io::Result<()> {
        let name = format!("text {text}");
        if !self.recalled(&name)? {
            self.plain_text(text)?;
            self.remember(&name)?;
        }
        Ok(())
    }

    fn plain_text(&mut self, text: &str) -> io::Result<()> {
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.out.write_all(&[op::BINUNICODE])?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(text.as_bytes())
    }

    /// `None`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn none(&mut self) -> io::Result<()> {
        self.out.write_all(&[op::NONE])
    }

    /// A `float`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn float(&mut self, v: f64) -> io::Result<()> {
        self.out.write_all(&[op::BINFLOAT])?;
        self.out.write_all(&v.to_be_bytes())
    }

    fn int(&mut self, v: u32) -> io::Result<()> {
        if let Ok(v) = u8::try_from(v) {
            self.out.write_all(&[op::BININT1, v])
        } else if let Ok(v) = u16::try_from(v) {
            self.out.write_all(&[op::BININT2])?;
            self.out.write_all(&v.to_le_bytes())
        } else {
            self.out.write_all(&[op::BININT])?;
            self.out.write_all(&i32::try_from(v).map_err(io::Error::other)?.to_le_bytes())
        }
    }

    fn bytes(&mut self, parts: impl ExactSizeIterator<Item = [u8; 4]>) -> io::Result<()> {
        let len = u32::try_from(4 * parts.len()).map_err(io::Error::other)?;
        match u8::try_from(len) {
            Ok(len) => self.out.write_all(&[op::SHORT_BINBYTES, len])?,
            Err(_) => {
                self.out.write_all(&[op::BINBYTES])?;
                self.out.write_all(&len.to_le_bytes())?;
            }
        }
        parts.into_iter().try_for_each(|part| self.out.write_all(&part))?;
        self.memoize().map(drop)
    }

    /// A dict: `item` writes key and value of each of `items`.
    ///
    /// # Errors
    /// As [`Self::new`], and what `item` meets.
    pub fn dict<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T) -> io::Result<()>,
    ) -> io::Result<()> {
        let len = items.len();
        self.out.write_all(&[op::EMPTY_DICT])?;
        self.memoize()?;
        if len == 0 {
            return Ok(());
        }
        if len == 1 {
            items.into_iter().try_for_each(|one| item(self, one))?;
            return self.out.write_all(&[op::SETITEM]);
        }
        self.out.write_all(&[op::MARK])?;
        let mut in_batch = 0;
        for one in items {
            item(self, one)?;
            in_batch += 1;
            if in_batch == BATCH {
                // A batch that is just full is followed by another, if only by an empty one.
                self.out.write_all(&[op::SETITEMS, op::MARK])?;
                in_batch = 0;
            }
        }
        self.out.write_all(&[op::SETITEMS])
    }

    /// Begins a tuple of more than three; its items follow, then [`Self::end_tuple`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn begin_tuple(&mut self) -> io::Result<()> {
        self.out.write_all(&[op::MARK])
    }

    /// Ends a tuple.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn end_tuple(&mut self) -> io::Result<()> {
        self.out.write_all(&[op::TUPLE])?;
        self.memoize().map(drop)
    }

    fn short_tuple(&mut self, code: u8) -> io::Result<()> {
        self.out.write_all(&[code])?;
        self.memoize().map(drop)
    }

    fn global(&mut self, module: &str, name: &str) -> io::Result<()> {
        let full = format!("{module}\n{name}\n");
        let known = format!("global {full}");
        if !self.recalled(&known)? {
            self.out.write_all(&[op::GLOBAL])?;
            self.out.write_all(full.as_bytes())?;
            self.remember(&known)?;
        }
        Ok(())
    }

    /// `numpy.dtype(name)`, little-endian.
    fn dtype(&mut self, name: &str) -> io::Result<()> {
        let known = format!("dtype {name}");
        if self.recalled(&known)? {
            return Ok(());
        }
        self.global("numpy", "dtype")?;
        self.text(name)?;
        self.out.write_all(&[op::NEWFALSE, op::NEWTRUE])?;
        self.short_tuple(op::TUPLE3)?;
        self.out.write_all(&[op::REDUCE])?;
        self.remember(&known)?;
        self.out.write_all(&[op::MARK, op::BININT1, 3])?;
        self.shared_text("<")?;
        self.out.write_all(&[op::NONE, op::NONE, op::NONE])?;
        for _ in 0..2 {
            self.out.write_all(&[op::BININT])?;
            self.out.write_all(&(-1_i32).to_le_bytes())?;
        }
        self.int(0)?;
        self.end_tuple()?;
        self.out.write_all(&[op::BUILD])
    }

    /// `numpy.array(values, dtype=numpy.float32)`.
    ///
    /// # Errors
    /// As [`Self::new`]; more than 2^30 numbers.
    pub fn array(&mut self, values: &[f32]) -> io::Result<()> {
        self.global("numpy.core.multiarray", "_reconstruct")?;
        self.global("numpy", "ndarray")?;
        self.int(0)?;
        self.short_tuple(op::TUPLE1)?;
        if !self.recalled("bytes b")? {
            self.out.write_all(&[op::SHORT_BINBYTES, 1, b'b'])?;
            self.remember("bytes b")?;
        }
        self.short_tuple(op::TUPLE3)?;
        self.short_tuple(op::REDUCE)?;
        self.begin_tuple()?;
        self.int(1)?;
        self.int(u32::try_from(values.len()).map_err(io::Error::other)?)?;
        self.short_tuple(op::TUPLE1)?;
        self.dtype("f4")?;
        self.out.write_all(&[op::NEWFALSE])?;
        self.bytes(values.iter().map(|v| v.to_le_bytes()))?;
        self.end_tuple()?;
        self.out.write_all(&[op::BUILD])
    }

    /// `numpy.float64(v)`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn scalar(&mut self, v: f64) -> io::Result<()> {
        self.global("numpy.core.multiarray", "scalar")?;
        self.dtype("f8")?;
        let bytes = v.to_le_bytes();
        self.bytes(bytes.as_chunks::<4>().0.iter().copied())?;
        self.short_tuple(op::TUPLE2)?;
        self.short_tuple(op::REDUCE)
    }
}
