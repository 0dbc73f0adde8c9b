//! Typed access to the columns of a record batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use streamface_types::text::whole_float;

/// The columns of a batch, by name. Used by [`crate::Row::read`].
pub struct Columns<'a> {
    batch: &'a RecordBatch,
    version: u32,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(batch: &'a RecordBatch, version: u32) -> Self {
        Self { batch, version }
    }
}

impl Columns<'_> {
    /// Schema version of the file.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    fn column(&self, name: &str) -> Result<&dyn Array, String> {
        self.batch.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| format!("no column '{name}'"))
    }

    /// A number, or `None` where it is null.
    pub(crate) fn number<T: ArrowPrimitiveType>(
        &self,
        name: &str,
        row: usize,
    ) -> Result<Option<T::Native>, String> {
        let array = self.column(name)?;
        let array =
            array.as_primitive_opt::<T>().ok_or_else(|| format!("column '{name}' has another type"))?;
        Ok(array.is_valid(row).then(|| array.value(row)))
    }

    /// A number that must be there.
    pub(crate) fn required<T: ArrowPrimitiveType>(
        &self,
        name: &str,
        row: usize,
    ) -> Result<T::Native, String> {
        self.number::<T>(name, row)?.ok_or_else(|| format!("column '{name}' is null"))
    }

    /// A whole number that must be there, of whichever type another program has given the column.
    pub(crate) fn whole(&self, name: &str, row: usize) -> Result<i64, String> {
        let array = self.column(name)?;
        if !array.is_valid(row) {
            return Err(format!("column '{name}' is null"));
        }
        if let Some(array) = array.as_primitive_opt::<Int64Type>() {
            return Ok(array.value(row));
        }
        let of = |number: f64| {
            whole_float(number).ok_or_else(|| format!("column '{name}' is {number}, and no whole number"))
        };
        if let Some(array) = array.as_primitive_opt::<Float64Type>() {
            return of(array.value(row));
        }
        if let Some(array) = array.as_primitive_opt::<Float32Type>() {
            return of(array.value(row).into());
        }
        if let Some(array) = array.as_primitive_opt::<Int32Type>() {
            return Ok(array.value(row).into());
        }
        let array = array.as_primitive_opt::<UInt32Type>();
        array.map(|array| array.value(row).into()).ok_or_else(|| format!("column '{name}' has another type"))
    }

    /// A text, or `None` where it is null. Other programs write texts in several types.
    pub(crate) fn text(&self, name: &str, row: usize) -> Result<Option<&str>, String> {
        let array = self.column(name)?;
        let text = if let Some(array) = array.as_string_opt::<i32>() {
            array.is_valid(row).then(|| array.value(row))
        } else if let Some(array) = array.as_string_opt::<i64>() {
            array.is_valid(row).then(|| array.value(row))
        } else if let Some(array) = array.as_string_view_opt() {
            array.is_valid(row).then(|| array.value(row))
        } else {
            return Err(format!("column '{name}' is not text"));
        };
        Ok(text)
    }

    /// A text that must be there and read as a `T`.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
        row: usize,
    ) -> Result<T, String> {
        let text = self.text(name, row)?.ok_or_else(|| format!("column '{name}' is null"))?;
        text.parse().map_err(|e| format!("column '{name}': {e}"))
    }

    /// Several `f32`, in a list of whichever type.
    pub(crate) fn floats(&self, name: &str, row: usize) -> Result<Vec<f32>, String> {
        let array = self.column(name)?;
        let null = || format!("column '{name}' is null");
        if !array.is_valid(row) {
            return Err(null());
        }
        let values: ArrayRef = if let Some(array) = array.as_fixed_size_list_opt() {
            array.value(row)
        } else if let Some(array) = array.as_list_opt::<i32>() {
            array.value(row)
        } else if let Some(array) = array.as_list_opt::<i64>() {
            array.value(row)
        } else {
            return Err(format!("column '{name}' is not a list"));
        };
        if values.null_count() > 0 {
            return Err(null());
        }
        if let Some(values) = values.as_primitive_opt::<Float32Type>() {
            return Ok(values.values().to_vec());
        }
        let values = values.as_primitive_opt::<Float64Type>();
        let values = values.ok_or_else(|| format!("column '{name}' is not a list of f32"))?;
        Ok(values.values().iter().map(|&v| v as f32).collect())
    }
}
