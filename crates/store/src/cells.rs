//! How the fields of a row are stored: one implementation a Rust type.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field};
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks, StreamTime};

use crate::columns::Columns;
use crate::{DropReason, FrameFormat};

/// A field of a row, in one or more columns of one type.
pub(crate) trait Cells: Sized {
    /// The type as `docs/tables.md` names it.
    const TYPE: &'static str;
    /// Whether the columns may hold nulls.
    const NULLABLE: bool = false;

    /// The columns' type; of a list the length is that of the first row.
    fn data_type(first: Option<&Self>) -> DataType;

    /// The columns, in order.
    fn arrays(values: &[&Self]) -> Vec<ArrayRef>;

    /// Reads the field from the columns of these names.
    fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String>;
}

/// What a field holds where nothing is known.
pub(crate) trait Unknown {
    fn unknown() -> Self;
}

/// Names of the columns of a field that is in one column, or says so.
fn one<'n>(names: &[&'n str]) -> &'n str {
    names.first().copied().unwrap_or_default()
}

macro_rules! texts {
    ($($type:ty),*) => {$(
        impl Cells for $type {
            const TYPE: &'static str = "text";
            fn data_type(_: Option<&Self>) -> DataType {
                DataType::Utf8
            }
            fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
                vec![Arc::new(StringArray::from_iter_values(values.iter().map(|v| v.to_string())))]
            }
            fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
                columns.parsed(one(names), row)
            }
        }

        impl Cells for Option<$type> {
            const TYPE: &'static str = "text, null";
            const NULLABLE: bool = true;
            fn data_type(_: Option<&Self>) -> DataType {
                DataType::Utf8
            }
            fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
                let texts = values.iter().map(|v| v.as_ref().map(ToString::to_string));
                vec![Arc::new(StringArray::from_iter(texts))]
            }
            fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
                let name = one(names);
                let text = columns.text(name, row)?.map(str::parse).transpose();
                text.map_err(|e| format!("column '{name}': {e}"))
            }
        }
    )*};
}

texts!(FrameId, FaceId, String, DropReason, FrameFormat);

macro_rules! numbers {
    ($($type:ty: $word:literal, $arrow:ident, $primitive:ty, $array:ty, $to:expr, $from:expr;)*) => {$(
        impl Cells for $type {
            const TYPE: &'static str = $word;
            fn data_type(_: Option<&Self>) -> DataType {
                DataType::$arrow
            }
            fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
                vec![Arc::new(<$array>::from_iter_values(values.iter().map(|v| $to(**v))))]
            }
            fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
                columns.required::<$primitive>(one(names), row).map($from)
            }
        }

        impl Cells for Option<$type> {
            const TYPE: &'static str = concat!($word, ", null");
            const NULLABLE: bool = true;
            fn data_type(_: Option<&Self>) -> DataType {
                DataType::$arrow
            }
            fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
                vec![Arc::new(values.iter().map(|v| v.map($to)).collect::<$array>())]
            }
            fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
                Ok(columns.number::<$primitive>(one(names), row)?.map($from))
            }
        }
    )*};
}

fn same<T>(value: T) -> T {
    value
}

numbers! {
    u32: "u32", UInt32, UInt32Type, UInt32Array, same, same;
    u64: "u64", UInt64, UInt64Type, UInt64Array, same, same;
    i64: "i64", Int64, Int64Type, Int64Array, same, same;
    f32: "f32", Float32, Float32Type, Float32Array, same, same;
    f64: "f64", Float64, Float64Type, Float64Array, same, same;
    StreamTime: "i64", Int64, Int64Type, Int64Array, StreamTime::micros, StreamTime;
}

impl Cells for Label {
    const TYPE: &'static str = "i64";

    fn data_type(_: Option<&Self>) -> DataType {
        DataType::Int64
    }

    fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from_iter_values(values.iter().map(|v| v.0)))]
    }

    fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
        columns.whole(one(names), row).map(Label)
    }
}

/// A field of several numbers, a column each.
macro_rules! several {
    ($($type:ty: $number:ty, $count:literal, $to:expr, $from:expr;)*) => {$(
        impl Cells for $type {
            const TYPE: &'static str = <$number as Cells>::TYPE;
            fn data_type(_: Option<&Self>) -> DataType {
                <$number as Cells>::data_type(None)
            }
            fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
                let numbers: Vec<[$number; $count]> = values.iter().map(|v| $to(**v)).collect();
                let column = |at: usize| numbers.iter().map(|n| &n[at]).collect::<Vec<_>>();
                (0..$count).flat_map(|at| <$number as Cells>::arrays(&column(at))).collect()
            }
            fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
                let mut numbers = [<$number>::default(); $count];
                for (number, name) in numbers.iter_mut().zip(names) {
                    *number = <$number as Cells>::read(columns, &[name], row)?;
                }
                Ok($from(numbers))
            }
        }
    )*};
}

several! {
    [u32; 2]: u32, 2, same, same;
    BoundingBox: f32, 4, |b: BoundingBox| [b.x, b.y, b.w, b.h],
        |[x, y, w, h]: [f32; 4]| BoundingBox::new(x, y, w, h);
    Landmarks: f32, 10, flat, landmarks;
}

fn flat(landmarks: Landmarks) -> [f32; 10] {
    let mut flat = [0.0; 10];
    flat.copy_from_slice(landmarks.0.as_flattened());
    flat
}

fn landmarks(flat: [f32; 10]) -> Landmarks {
    let mut landmarks = Landmarks::default();
    landmarks.0.as_flattened_mut().copy_from_slice(&flat);
    landmarks
}

impl Cells for Vec<f32> {
    const TYPE: &'static str = "fixed-size list of f32";

    fn data_type(first: Option<&Self>) -> DataType {
        let length = i32::try_from(first.map_or(0, Vec::len)).unwrap_or(i32::MAX);
        DataType::FixedSizeList(item(), length)
    }

    fn arrays(values: &[&Self]) -> Vec<ArrayRef> {
        let length = values.first().map_or(0, |v| v.len());
        let numbers = Float32Builder::with_capacity(values.len() * length);
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        let mut lists = FixedSizeListBuilder::new(numbers, length).with_field(item());
        for value in values {
            lists.values().append_slice(value);
            lists.append(true);
        }
        vec![Arc::new(lists.finish())]
    }

    fn read(columns: &Columns<'_>, names: &[&str], row: usize) -> Result<Self, String> {
        columns.floats(one(names), row)
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float32, false))
}

impl Unknown for u32 {
    fn unknown() -> Self {
        0
    }
}
impl Unknown for u64 {
    fn unknown() -> Self {
        0
    }
}
impl Unknown for f32 {
    fn unknown() -> Self {
        f32::NAN
    }
}
impl Unknown for f64 {
    fn unknown() -> Self {
        f64::NAN
    }
}
impl Unknown for [u32; 2] {
    fn unknown() -> Self {
        [0; 2]
    }
}
impl Unknown for BoundingBox {
    fn unknown() -> Self {
        Self::new(f32::NAN, f32::NAN, f32::NAN, f32::NAN)
    }
}
impl Unknown for Landmarks {
    fn unknown() -> Self {
        Self([[f32::NAN; 2]; 5])
    }
}
impl Unknown for FrameFormat {
    fn unknown() -> Self {
        Self::Png
    }
}
impl<T> Unknown for Option<T> {
    fn unknown() -> Self {
        None
    }
}
