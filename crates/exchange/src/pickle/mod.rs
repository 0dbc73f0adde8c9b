//! Pickles of dictionaries, numbers, text and NumPy arrays: read without ever running anything, and written as
//! CPython's C pickler writes them at protocol 3. Those of Python 2 are read, too: a text of its may be bytes.
//!
//! A pickle is a program for a stack machine (format: CPython's `Lib/pickletools.py`; arrays: NumPy's
//! `ndarray.__reduce__` and `dtype.__reduce__`). Python's machine may call anything that a file names. This one
//! knows some names, all of them shapes of data, and refuses every other by its name; an opcode it has no use
//! for is refused by its own. Protocols 0 to 5.
//!
//! What a file may cost is bounded: lengths are checked against what is left of the file before memory is taken,
//! and everything made is counted against [`Limits::memory`] (vectors that grow may hold twice what is counted). Objects are numbered, not nested, so that
//! a file of any depth or with cycles costs no stack. Time is linear in the length.

mod numpy;
mod object;
mod op;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use numpy::{Array, Dtype, Kind};
pub use object::{Node, Object, Pickle};
pub use read::{Limits, PickleError};
pub use write::Writer;
