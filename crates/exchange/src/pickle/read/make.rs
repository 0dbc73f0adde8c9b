//! What REDUCE and BUILD make of the names that are known.

use std::io::Read;

use super::{Dtype, Global, Machine, Object, Step, Stored, StoredArray};

impl<R: Read> Machine<R> {
    fn items(&self, object: Object) -> Step<&[Object]> {
        match self.stored(object) {
            Stored::Tuple(items) => Ok(items),
            _ => Err("arguments that are no tuple".into()),
        }
    }

    fn stored(&self, object: Object) -> &Stored {
        &self.objects[object.0 as usize]
    }

    /// A text, also Python 2's.
    pub(super) fn text_of(&self, object: Object) -> Option<&str> {
        match self.stored(object) {
            Stored::Text(text) => Some(text),
            Stored::String(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn dtype(&self, object: Object) -> Step<Dtype> {
        match self.stored(object) {
            Stored::Dtype(dtype) => Ok(*dtype),
            _ => Err("an array of what is no dtype".into()),
        }
    }

    fn byte_len(&self, object: Object) -> Step<u64> {
        match self.stored(object) {
            Stored::Bytes(bytes) | Stored::String(bytes) => Ok(bytes.len() as u64),
            _ => Err("an array of what are no bytes".into()),
        }
    }

    /// Sides of an array, checked against its bytes.
    fn shape(&self, object: Object, dtype: Dtype, bytes: u64) -> Step<Box<[u64]>> {
        let sides = self.items(object)?;
        if sides.len() > 32 {
            return Err(format!("an array of {} dimensions", sides.len()));
        }
        let side = |&side: &Object| match self.stored(side) {
            Stored::Int(n) => u64::try_from(*n).map_err(|_| format!("an array with a side of {n}")),
            _ => Err("an array with a side that is no integer".into()),
        };
        let shape: Box<[u64]> = sides.iter().map(side).collect::<Step<_>>()?;
        let all = shape.iter().try_fold(u64::from(dtype.size), |all, &n| all.checked_mul(n));
        if all != Some(bytes) {
            return Err(format!("an array of shape {shape:?} in {bytes} bytes"));
        }
        Ok(shape)
    }

    pub(super) fn reduce(&mut self, called: Object, arguments: Object) -> Step<()> {
        let Stored::Global(global) = *self.stored(called) else {
            return Err("calls what is no name".into());
        };
        let made = match (global, self.items(arguments)?) {
            // The array is empty until BUILD fills it; shape and type given here are placeholders.
            (Global::Reconstruct, &[class, _, _])
                if matches!(self.stored(class), Stored::Global(Global::Ndarray)) =>
            {
                self.charge(64)?;
                let dtype = Dtype { kind: super::super::Kind::Unsigned, size: 1, big_endian: false };
                Stored::Array(Box::new(StoredArray {
                    shape: Box::default(),
                    dtype,
                    fortran: false,
                    bytes: None,
                }))
            }
            (Global::Dtype, &[name, ..]) => {
                let name = self.text_of(name).ok_or("a dtype without a name")?;
                let short: String = name.chars().take(32).collect();
                Stored::Dtype(
                    Dtype::parse(name)
                        .ok_or_else(|| format!("dtype '{short}': numbers are read, no more"))?,
                )
            }
            (Global::Scalar, &[dtype, bytes]) => {
                let dtype = self.dtype(dtype)?;
                match self.stored(bytes) {
                    Stored::Bytes(b) | Stored::String(b) if b.len() == usize::from(dtype.size) => {
                        Stored::Float(dtype.number(b))
                    }
                    _ => return Err("a number of the wrong length".into()),
                }
            }
            (Global::FromBuffer, &[bytes, dtype, shape, order]) => {
                let dtype = self.dtype(dtype)?;
                let shape = self.shape(shape, dtype, self.byte_len(bytes)?)?;
                let fortran = self.text_of(order) == Some("F");
                self.charge(64 + 8 * shape.len() as u64)?;
                Stored::Array(Box::new(StoredArray { shape, dtype, fortran, bytes: Some(bytes) }))
            }
            (Global::OrderedDict, []) => Stored::Dict(Vec::new()),
            // Python 2 gives the entries at once.
            (Global::OrderedDict, &[entries]) => self.pairs(entries)?,
            (Global::DefaultDict, []) => Stored::Dict(Vec::new()),
            (Global::DefaultDict, &[factory])
                if matches!(self.stored(factory), Stored::None | Stored::Global(_)) =>
            {
                Stored::Dict(Vec::new())
            }
            (Global::Bytes, []) => Stored::Bytes(Box::default()),
            (Global::Encode, &[text, _]) => {
                let text = self.text_of(text).ok_or("encodes what is no text")?;
                let bytes = text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Box<[u8]>>>();
                let bytes = bytes.ok_or("bytes that are none")?;
                self.charge(bytes.len() as u64)?;
                Stored::Bytes(bytes)
            }
            _ => return Err("calls a name in a way that makes no data".into()),
        };
        self.push(made).map(drop)
    }

    /// A dict of a list of pairs.
    fn pairs(&mut self, entries: Object) -> Step<Stored> {
        let list = |object: Object| match self.stored(object) {
            Stored::List(items) => Some(&items[..]),
            Stored::Tuple(items) => Some(&items[..]),
            _ => None,
        };
        let pair = |&entry: &Object| match list(entry) {
            Some(&[key, value]) => Some((key, value)),
            _ => None,
        };
        let pairs: Option<Vec<(Object, Object)>> =
            list(entries).and_then(|entries| entries.iter().map(pair).collect());
        let pairs = pairs.ok_or("a dict of what are no pairs")?;
        self.charge(8 * pairs.len() as u64)?;
        Ok(Stored::Dict(pairs))
    }

    pub(super) fn build(&mut self, object: Object, state: Object) -> Step<()> {
        let items = self.items(state)?;
        match (self.stored(object), items) {
            (Stored::Array(_), &[_, shape, dtype, fortran, bytes]) => {
                let dtype = self.dtype(dtype)?;
                let shape = self.shape(shape, dtype, self.byte_len(bytes)?)?;
                let fortran = matches!(self.stored(fortran), Stored::Bool(true) | Stored::Int(1));
                self.charge(8 * shape.len() as u64)?;
                *self.at(object) =
                    Stored::Array(Box::new(StoredArray { shape, dtype, fortran, bytes: Some(bytes) }));
            }
            (Stored::Dtype(dtype), &[_, order, ..]) => {
                let big_endian = self.text_of(order).ok_or("a dtype without an order of bytes")? == ">";
                let dtype = Dtype { big_endian, ..*dtype };
                *self.at(object) = Stored::Dtype(dtype);
            }
            _ => return Err("BUILD of what is neither array nor dtype".into()),
        }
        Ok(())
    }
}
