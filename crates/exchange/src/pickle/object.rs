//! What a pickle is made of: objects by number.

use super::numpy::{Array, Dtype};

/// An object, by its number: valid for the [`Pickle`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Object(pub(super) u32);

/// What an object is.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// `int`, of at most 64 bits.
    Int(i64),
    /// `float`, or a NumPy scalar.
    Float(f64),
    /// `str`, also Python 2's where it is UTF-8.
    Text(&'a str),
    /// `bytes`.
    Bytes(&'a [u8]),
    /// `tuple` or `list`.
    Sequence(&'a [Object]),
    /// `dict`, `OrderedDict` or `defaultdict`: keys and values in the order they were set, a key maybe more than once.
    Dict(&'a [(Object, Object)]),
    /// `numpy.ndarray`.
    Array(Array<'a>),
    /// A name or a NumPy dtype by itself.
    Other,
}

pub(super) enum Stored {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// A `str` of Python 2: text where it is UTF-8, else bytes.
    String(Box<[u8]>),
    Tuple(Box<[Object]>),
    List(Vec<Object>),
    Dict(Vec<(Object, Object)>),
    Array(Box<StoredArray>),
    Dtype(Dtype),
    Global(Global),
}

pub(super) struct StoredArray {
    pub(super) shape: Box<[u64]>,
    pub(super) dtype: Dtype,
    pub(super) fortran: bool,
    /// None for an array that is still to be filled.
    pub(super) bytes: Option<Object>,
}

/// The names a pickle may use: all of them make data of what is given to them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Ndarray,
    Dtype,
    Reconstruct,
    Scalar,
    FromBuffer,
    OrderedDict,
    DefaultDict,
    Encode,
    /// `bytes()`, which is how protocols up to 2 spell no bytes.
    Bytes,
    /// What a `defaultdict` would make of a key that it lacks. Nothing is ever made by it.
    Factory,
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("numpy", "ndarray") => Self::Ndarray,
            ("numpy", "dtype") => Self::Dtype,
            // NumPy 2 put an underscore before the module's name.
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::Reconstruct,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::Scalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("collections", "defaultdict") => Self::DefaultDict,
            ("builtins" | "__builtin__", "bytes") => Self::Bytes,
            (
                "builtins" | "__builtin__",
                "dict" | "list" | "tuple" | "set" | "int" | "long" | "float" | "bool" | "str" | "unicode",
            ) => Self::Factory,
            // How protocol 2 spells bytes.
            ("_codecs", "encode") => Self::Encode,
            _ => return None,
        })
    }
}

/// A pickle that was read.
pub struct Pickle {
    pub(super) objects: Vec<Stored>,
    pub(super) root: Object,
    pub(super) budget: u64,
}

impl std::fmt::Debug for Pickle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pickle").field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}

impl Pickle {
    /// The object that the pickle is of.
    #[must_use]
    pub fn root(&self) -> Object {
        self.root
    }

    /// The most memory that what is made of it may take, bytes: one array can stand in a thousand places.
    pub(crate) fn budget(&self) -> u64 {
        self.budget
    }

    /// What an object is.
    #[must_use]
    pub fn get(&self, object: Object) -> Node<'_> {
        match &self.objects[object.0 as usize] {
            Stored::None => Node::None,
            Stored::Bool(v) => Node::Bool(*v),
            Stored::Int(v) => Node::Int(*v),
            Stored::Float(v) => Node::Float(*v),
            Stored::Text(v) => Node::Text(v),
            Stored::Bytes(v) => Node::Bytes(v),
            Stored::String(v) => std::str::from_utf8(v).map_or(Node::Bytes(v), Node::Text),
            Stored::Tuple(v) => Node::Sequence(v),
            Stored::List(v) => Node::Sequence(v),
            Stored::Dict(v) => Node::Dict(v),
            Stored::Array(a) => {
                let bytes = a.bytes.and_then(|b| match &self.objects[b.0 as usize] {
                    Stored::Bytes(bytes) | Stored::String(bytes) => Some(&**bytes),
                    _ => None,
                });
                bytes.map_or(Node::Other, |bytes| {
                    Node::Array(Array { shape: &a.shape, dtype: a.dtype, fortran: a.fortran, bytes })
                })
            }
            Stored::Dtype(_) | Stored::Global(_) => Node::Other,
        }
    }
}
