//! NumPy's arrays and scalars, as pickles describe them.

use streamface_types::embedding::half;

/// What the numbers of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `f`: IEEE floats.
    Float,
    /// `i`: signed integers.
    Int,
    /// `u`: unsigned integers.
    Unsigned,
    /// `b`: truth.
    Bool,
}

/// Kind and layout of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dtype {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes: 1, 2, 4 or 8; of floats 2, 4 or 8.
    pub size: u8,
    /// Whether the highest byte comes first.
    pub big_endian: bool,
}

impl Dtype {
    /// Reads NumPy's short name: `f4`, `<f8`, `f2`, `|b1`, `i8`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let big_endian = text.starts_with('>');
        let text = text.trim_start_matches(['<', '>', '|', '=']);
        let (kind, sizes): (_, &[&str]) = match text.get(..1)? {
            "f" => (Kind::Float, &["2", "4", "8"]),
            "i" => (Kind::Int, &["1", "2", "4", "8"]),
            "u" => (Kind::Unsigned, &["1", "2", "4", "8"]),
            "b" => (Kind::Bool, &["1"]),
            _ => return None,
        };
        let size = sizes.iter().find(|s| text.get(1..) == Some(s))?.parse().ok()?;
        Some(Self { kind, size, big_endian })
    }

    /// The number in `bytes`, which are [`Self::size`] long; integers beyond 2^53 are rounded.
    pub(super) fn number(self, bytes: &[u8]) -> f64 {
        let mut low_first = [0; 8];
        let filled = &mut low_first[..bytes.len()];
        filled.copy_from_slice(bytes);
        if self.big_endian {
            filled.reverse();
        }
        let bits = u64::from_le_bytes(low_first);
        match (self.kind, self.size) {
            (Kind::Float, 2) => half(bits as u16).into(),
            (Kind::Float, 4) => f32::from_bits(bits as u32).into(),
            (Kind::Float, _) => f64::from_bits(bits),
            (Kind::Int, size) => {
                let unused = 64 - 8 * u32::from(size);
                (((bits << unused) as i64) >> unused) as f64
            }
            (Kind::Unsigned | Kind::Bool, _) => bits as f64,
        }
    }
}

/// An array; its bytes are whole numbers of [`Self::dtype`], as many as the shape says.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<'a> {
    /// Lengths of its sides; none for a single number.
    pub shape: &'a [u64],
    /// What its numbers are.
    pub dtype: Dtype,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    /// The numbers, one after another.
    pub bytes: &'a [u8],
}

impl Array<'_> {
    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / usize::from(self.dtype.size)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The first number; `None` of none.
    pub fn first(&self) -> Option<f64> {
        self.bytes.get(..self.dtype.size.into()).map(|bytes| self.dtype.number(bytes))
    }

    /// The numbers as `f32`, in the order of the bytes. Those of an `f8` array are rounded.
    pub fn to_f32(&self) -> Vec<f32> {
        let numbers = self.bytes.chunks_exact(self.dtype.size.into());
        if self.dtype == (Dtype { kind: Kind::Float, size: 4, big_endian: false }) {
            // The bits, as they are.
            let bits = self.bytes.as_chunks::<4>().0;
            return bits.iter().map(|b| f32::from_le_bytes(*b)).collect();
        }
        numbers.map(|b| self.dtype.number(b) as f32).collect()
    }
}
