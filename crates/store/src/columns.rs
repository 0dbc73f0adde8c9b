//! Typed access to the columns of a record batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type};
use arrow_array::{Array, RecordBatch};

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

    /// A text, or `None` where it is null.
    pub(crate) fn text(&self, name: &str, row: usize) -> Result<Option<&str>, String> {
        let array = self.column(name)?;
        let array = array.as_string_opt::<i32>().ok_or_else(|| format!("column '{name}' is not text"))?;
        Ok(array.is_valid(row).then(|| array.value(row)))
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

    /// A fixed number of `f32`.
    pub(crate) fn floats(&self, name: &str, row: usize) -> Result<Vec<f32>, String> {
        let array = self.column(name)?;
        let array = array.as_fixed_size_list_opt().ok_or_else(|| format!("column '{name}' is not a list"))?;
        let values = array.value(row);
        let values = values.as_primitive_opt::<Float32Type>();
        let values = values.ok_or_else(|| format!("column '{name}' is not a list of f32"))?;
        if !array.is_valid(row) || values.null_count() > 0 {
            return Err(format!("column '{name}' is null"));
        }
        Ok(values.values().to_vec())
    }
}
