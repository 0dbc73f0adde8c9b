//! Files of vectors, with whatever they say of each: `.npy` and Parquet, in and out.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use streamface_types::{Embeddings, csv_text};

use crate::{Batches, Error, parquet_properties, read_npy, write_atomic};

/// Columns of face ids, the first that is there.
const FACES: [&str; 3] = ["face_id", "face", "name"];
/// The column of vectors, where several hold lists.
const EMBEDDING: &str = "embedding";
/// Rows that are written together.
const ROW_GROUP: usize = 16_384;

/// Vectors, one a row, and what a file says of each. A list that the file has not is `None`; otherwise it has one entry a
/// row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorTable {
    /// The vectors.
    pub vectors: Embeddings,
    /// Ids of faces, or other names of the rows.
    pub faces: Option<Vec<Option<String>>>,
    /// Numbers of people; −1 for no one.
    pub labels: Option<Vec<Option<i64>>>,
    /// Names of people.
    pub people: Option<Vec<Option<String>>>,
    /// Numbers of the rows in an index; written, and not read.
    pub ids: Option<Vec<u64>>,
    /// Rows of the file that have no vector (null) and are left out here.
    pub without_vector: usize,
}

impl From<Embeddings> for VectorTable {
    fn from(vectors: Embeddings) -> Self {
        Self { vectors, ..Self::default() }
    }
}

/// Reads vectors from a `.npy` file ([`read_npy`]) or a Parquet file; which one it is its first bytes say.
///
/// A Parquet file has the column `embedding`, or a single column of lists of numbers (`f32` or `f64`), all of one length;
/// rows where it is null are left out and counted.
/// Face ids are those of the column `face_id`, `face` or `name`; labels the whole numbers of `label`; names of people those
/// of `person`. `metadata/features.parquet` of a dataset is such a file.
///
/// # Errors
/// [`Error::Io`]; [`Error::Format`] for another kind of file, rows of different lengths, and numbers that are not finite.
pub fn read_vectors(path: &Path) -> Result<VectorTable, Error> {
    let mut start = Vec::new();
    // Looked at before it is opened: opening a pipe would wait.
    if std::fs::metadata(path).map_err(Error::io(path))?.is_file() {
        let file = File::open(path).map_err(Error::io(path))?;
        file.take(4).read_to_end(&mut start).map_err(Error::io(path))?;
    }
    if start != b"PAR1" {
        return Ok(read_npy(path)?.into());
    }
    let mut table = Reader::default();
    for batch in Batches::open(path, "table of vectors")? {
        table.take(&batch?).map_err(|why| Error::format(path, why))?;
    }
    table.finish().map_err(|why| Error::format(path, why))
}

/// A table as far as it is read.
#[derive(Default)]
struct Reader {
    numbers: Vec<f32>,
    dim: Option<usize>,
    rows: usize,
    faces: Vec<Option<String>>,
    labels: Vec<Option<i64>>,
    people: Vec<Option<String>>,
    without_vector: usize,
}

impl Reader {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let lists = list_column(batch)?;
        let there: Vec<bool> = (0..batch.num_rows()).map(|row| lists.is_valid(row)).collect();
        for row in (0..batch.num_rows()).filter(|&row| there[row]) {
            let list = list(lists, row).ok_or_else(|| format!("row {}: no vector", self.rows))?;
            let dim = *self.dim.get_or_insert(list.len());
            if list.len() != dim || dim == 0 {
                let said =
                    format!("row {}: a vector of {} numbers, the first has {dim}", self.rows, list.len());
                return Err(said);
            }
            self.numbers(&list)?;
            self.rows += 1;
        }
        self.without_vector += there.iter().filter(|there| !**there).count();
        fn kept<'t, T: 't>(list: Vec<T>, there: &'t [bool]) -> impl Iterator<Item = T> + use<'t, T> {
            list.into_iter().zip(there).filter_map(|(value, &there)| there.then_some(value))
        }
        for name in FACES {
            if let Some(column) = batch.column_by_name(name) {
                self.faces.extend(kept(texts(column, name)?, &there));
                break;
            }
        }
        if let Some(column) = batch.column_by_name("label") {
            self.labels.extend(kept(whole_numbers(column)?, &there));
        }
        if let Some(column) = batch.column_by_name("person") {
            self.people.extend(kept(texts(column, "person")?, &there));
        }
        Ok(())
    }

    fn numbers(&mut self, list: &dyn Array) -> Result<(), String> {
        let null = list.null_count() > 0;
        if let Some(list) = list.as_primitive_opt::<Float32Type>().filter(|_| !null) {
            self.numbers.extend_from_slice(list.values());
        } else if let Some(list) = list.as_primitive_opt::<Float64Type>().filter(|_| !null) {
            self.numbers.extend(list.values().iter().map(|&x| x as f32));
        } else {
            return Err(format!("row {}: its vector is not of f32 or f64, or has nulls", self.rows));
        }
        Ok(())
    }

    fn finish(self) -> Result<VectorTable, String> {
        let vectors = Embeddings::new(self.numbers, self.dim.unwrap_or(0)).map_err(|e| e.to_string())?;
        fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
            (!list.is_empty()).then_some(list)
        }
        let (faces, labels, people) = (some(self.faces), some(self.labels), some(self.people));
        Ok(VectorTable { vectors, faces, labels, people, ids: None, without_vector: self.without_vector })
    }
}

/// The column of vectors.
fn list_column(batch: &RecordBatch) -> Result<&ArrayRef, String> {
    let is_list = |kind: &DataType| {
        matches!(kind, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
    };
    if let Some(column) = batch.column_by_name(EMBEDDING).filter(|c| is_list(c.data_type())) {
        return Ok(column);
    }
    let lists: Vec<&ArrayRef> = batch.columns().iter().filter(|c| is_list(c.data_type())).collect();
    match lists[..] {
        [only] => Ok(only),
        _ => {
            let schema = batch.schema();
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).take(20).collect();
            let many = if lists.is_empty() { "no column" } else { "several columns" };
            Err(format!(
                "{many} of lists of numbers, and none is called '{EMBEDDING}'; its columns: {}",
                names.join(", ")
            ))
        }
    }
}

fn list(column: &ArrayRef, row: usize) -> Option<ArrayRef> {
    if column.is_null(row) {
        return None;
    }
    if let Some(lists) = column.as_fixed_size_list_opt() {
        return Some(lists.value(row));
    }
    match column.as_list_opt::<i32>() {
        Some(lists) => Some(lists.value(row)),
        None => column.as_list_opt::<i64>().map(|lists| lists.value(row)),
    }
}

fn texts(column: &ArrayRef, name: &str) -> Result<Vec<Option<String>>, String> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    if let Some(texts) = column.as_string_opt::<i32>() {
        return Ok(texts.iter().map(owned).collect());
    }
    match column.as_string_opt::<i64>() {
        Some(texts) => Ok(texts.iter().map(owned).collect()),
        None => Err(format!("column '{name}' is not text")),
    }
}

/// Whole numbers, also where they are written as `f64`, as pandas does where some are missing.
fn whole_numbers(column: &ArrayRef) -> Result<Vec<Option<i64>>, String> {
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return Ok(numbers.iter().collect());
    }
    let Some(numbers) = column.as_primitive_opt::<Float64Type>() else {
        return Err("column 'label' is not of i64 or f64".to_owned());
    };
    let whole = |x: f64| (x.fract() == 0.0 && x.abs() < 1e15).then_some(x as i64);
    let each = numbers.iter().map(|x| x.filter(|x| !x.is_nan()).map(|x| whole(x).ok_or(x)).transpose());
    each.collect::<Result<_, f64>>().map_err(|x| format!("column 'label': {x} is no whole number"))
}

/// Writes vectors as `.npy` (f4, rows in C order) where the file's name ends so, else as Parquet with the columns that the
/// table has of `id`, `face`, `label`, `person`, and `embedding`. The same table gives the same bytes.
///
/// What a `.npy` file cannot hold goes into a CSV file beside it, `x.csv` for `x.npy`: `index`, the number of the row, and
/// `label`, `person`, `face`, `id`, as far as the table has them.
///
/// # Errors
/// [`Error::Io`]; what was there before is then still there.
pub fn write_vectors(path: &Path, table: &VectorTable) -> Result<(), Error> {
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        return write_parquet(path, table);
    }
    if !table.has_lists() {
        return write_atomic(path, |out| write_npy(out, &table.vectors));
    }
    write_npy_and_csv(path, &path.with_extension("csv"), table)
}

/// Writes vectors as `.npy`, and what the table says of them as CSV; see [`write_vectors`].
///
/// # Errors
/// [`Error::Io`].
pub fn write_npy_and_csv(npy: &Path, csv: &Path, table: &VectorTable) -> Result<(), Error> {
    write_csv(csv, table)?;
    write_atomic(npy, |out| write_npy(out, &table.vectors))
}

impl VectorTable {
    /// Whether it says anything of the vectors.
    #[must_use]
    pub fn has_lists(&self) -> bool {
        self.faces.is_some() || self.labels.is_some() || self.people.is_some() || self.ids.is_some()
    }

    /// Number of rows, also without vectors.
    fn rows(&self) -> usize {
        let lists = [
            self.faces.as_ref().map(Vec::len),
            self.labels.as_ref().map(Vec::len),
            self.people.as_ref().map(Vec::len),
            self.ids.as_ref().map(Vec::len),
        ];
        lists.into_iter().flatten().next().unwrap_or_else(|| self.vectors.len())
    }
}

fn write_csv(path: &Path, table: &VectorTable) -> Result<(), Error> {
    fn cell(list: Option<&Vec<Option<String>>>, row: usize) -> Option<String> {
        list.map(|list| list[row].as_deref().map(|text| csv_text(text).into_owned()).unwrap_or_default())
    }
    let number =
        |row: usize| table.labels.as_ref().map(|l| l[row].map(|l| l.to_string()).unwrap_or_default());
    let id = |row: usize| table.ids.as_ref().map(|ids| ids[row].to_string());
    let record =
        |first: String, rest: [Option<String>; 4]| std::iter::once(first).chain(rest.into_iter().flatten());
    let head = |there: bool, name: &str| there.then(|| name.to_owned());
    write_atomic(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        let names = [
            head(table.labels.is_some(), "label"),
            head(table.people.is_some(), "person"),
            head(table.faces.is_some(), "face"),
            head(table.ids.is_some(), "id"),
        ];
        csv.write_record(record("index".to_owned(), names))?;
        for row in 0..table.rows() {
            let cells =
                [number(row), cell(table.people.as_ref(), row), cell(table.faces.as_ref(), row), id(row)];
            csv.write_record(record(row.to_string(), cells))?;
        }
        csv.flush()
    })
}

/// Writes a matrix in the `.npy` format, version 1.
///
/// # Errors
/// Those of `out`.
pub fn write_npy(out: &mut impl Write, vectors: &Embeddings) -> std::io::Result<()> {
    let shape = (vectors.len(), vectors.dim());
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", shape.0, shape.1);
    // With a newline, and magic, version and length before it, a multiple of 64.
    let length = (header.len() + 11).next_multiple_of(64) - 10;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(length as u16).to_le_bytes())?;
    writeln!(out, "{header:<width$}", width = length - 1)?;
    vectors.as_slice().iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))
}

fn write_parquet(path: &Path, table: &VectorTable) -> Result<(), Error> {
    let (rows, dim) = (table.rows(), table.vectors.dim());
    let Ok(width) = i32::try_from(dim) else {
        return Err(Error::format(path, format!("vectors of {dim} numbers are too long for Parquet")));
    };
    let mut fields = Vec::new();
    let mut field = |there: bool, name: &str, kind: DataType, nullable: bool| {
        if there {
            fields.push(Field::new(name, kind, nullable));
        }
    };
    field(table.ids.is_some(), "id", DataType::UInt64, false);
    field(table.faces.is_some(), "face", DataType::Utf8, true);
    field(table.labels.is_some(), "label", DataType::Int64, true);
    field(table.people.is_some(), "person", DataType::Utf8, true);
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    field(dim > 0, EMBEDDING, DataType::FixedSizeList(item, width), false);
    let schema = Arc::new(Schema::new(fields));
    let properties = parquet_properties(3).set_max_row_group_row_count(Some(ROW_GROUP)).build();
    write_atomic(path, |out| {
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        for from in (0..rows).step_by(ROW_GROUP) {
            let part = from..rows.min(from + ROW_GROUP);
            let mut columns: Vec<ArrayRef> = Vec::new();
            if let Some(ids) = &table.ids {
                columns.push(Arc::new(UInt64Array::from(ids[part.clone()].to_vec())));
            }
            if let Some(faces) = &table.faces {
                columns.push(Arc::new(StringArray::from_iter(&faces[part.clone()])));
            }
            if let Some(labels) = &table.labels {
                columns.push(Arc::new(Int64Array::from(labels[part.clone()].to_vec())));
            }
            if let Some(people) = &table.people {
                columns.push(Arc::new(StringArray::from_iter(&people[part.clone()])));
            }
            if dim > 0 {
                let numbers = Float32Builder::with_capacity(part.len() * dim);
                let mut lists = FixedSizeListBuilder::new(numbers, width);
                for row in part {
                    lists.values().append_slice(table.vectors.row(row));
                    lists.append(true);
                }
                columns.push(Arc::new(lists.finish()));
            }
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
            writer.write(&batch.map_err(std::io::Error::other)?)?;
        }
        writer.close()?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> VectorTable {
        let vectors = Embeddings::new((0..5 * 3).map(|x| x as f32 - 4.5).collect(), 3).unwrap();
        let text = |at: usize| (at != 2).then(|| format!("n{at}"));
        VectorTable {
            faces: Some((0..5).map(text).collect()),
            labels: Some(vec![Some(7), Some(-1), None, Some(7), Some(3)]),
            people: Some((0..5).map(|at| (at == 0).then(|| "Zoë".to_owned())).collect()),
            vectors,
            ..VectorTable::default()
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let whole = table();
        let path = dir.path().join("x.parquet");
        write_vectors(&path, &whole).unwrap();
        assert_eq!(read_vectors(&path).unwrap(), whole);
        let bytes = std::fs::read(&path).unwrap();
        write_vectors(&path, &whole).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let npy = dir.path().join("faces.npy");
        write_vectors(&npy, &whole).unwrap();
        assert_eq!(read_vectors(&npy).unwrap(), whole.vectors.clone().into());
        let beside = std::fs::read_to_string(dir.path().join("faces.csv")).unwrap();
        assert_eq!(beside, "index,label,person,face\n0,7,Zoë,n0\n1,-1,,n1\n2,,,\n3,7,,n3\n4,3,,n4\n");
        // By its first bytes, whatever its name.
        let other = dir.path().join("x.data");
        std::fs::copy(&path, &other).unwrap();
        assert_eq!(read_vectors(&other).unwrap(), whole);
        for rows in [0, 1, 5] {
            let numbers = whole.vectors.as_slice()[..rows * 3].to_vec();
            let bare = VectorTable::from(Embeddings::new(numbers, 3).unwrap());
            let npy = dir.path().join("x.npy");
            write_vectors(&npy, &bare).unwrap();
            assert_eq!(std::fs::metadata(&npy).unwrap().len() % 64, rows as u64 * 12 % 64);
            assert_eq!(read_vectors(&npy).unwrap(), bare);
        }
    }

    /// A Parquet file of one batch.
    fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn tables_of_others_are_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        let lists = |rows: &[&[f64]]| -> ArrayRef {
            let rows = rows.iter().map(|row| Some(row.iter().map(|&x| Some(x)).collect::<Vec<_>>()));
            Arc::new(arrow_array::ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
        };
        let labels: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![Some(2.0), Some(-1.0), None]));
        let names: ArrayRef = Arc::new(arrow_array::LargeStringArray::from(vec![Some("a"), None, Some("c")]));
        let vectors = lists(&[&[1.0, 2.0], &[3.0, 4.0], &[5.0, 6.0]]);
        parquet(&path, vec![("v", Arc::clone(&vectors)), ("label", labels), ("name", names)]);
        let read = read_vectors(&path).unwrap();
        assert_eq!(read.vectors.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(read.labels.unwrap(), [Some(2), Some(-1), None]);
        assert_eq!(read.faces.unwrap(), [Some("a".to_owned()), None, Some("c".to_owned())]);

        // Rows without a vector are left out, with all that is said of them.
        let some: ArrayRef = Arc::new(arrow_array::ListArray::from_iter_primitive::<Float64Type, _, _>([
            None,
            Some(vec![Some(1.0)]),
        ]));
        let labels: ArrayRef = Arc::new(Int64Array::from(vec![5, 6]));
        parquet(&path, vec![("v", some), ("label", labels)]);
        let read = read_vectors(&path).unwrap();
        assert_eq!((read.vectors.len(), read.labels.unwrap(), read.without_vector), (1, vec![Some(6)], 1));

        let says = |columns: Vec<(&str, ArrayRef)>, part: &str| {
            parquet(&path, columns);
            let said = read_vectors(&path).unwrap_err().to_string();
            assert!(said.contains(part) && said.contains("x.parquet"), "{said}");
        };
        says(vec![("v", Arc::clone(&vectors)), ("w", vectors)], "several columns of lists");
        says(vec![("x", Arc::new(Int64Array::from(vec![1])))], "no column of lists of numbers");
        says(vec![("v", lists(&[&[1.0], &[1.0, 2.0]]))], "row 1: a vector of 2 numbers");
        says(vec![("v", lists(&[&[1.0], &[f64::NAN]]))], "row 1, column 0");
        let half: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![0.5]));
        says(vec![("v", lists(&[&[1.0]])), ("label", half)], "0.5 is no whole number");
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        std::fs::write(&path, b"PAR1 and no more").unwrap();
        let said = read_vectors(&path).unwrap_err().to_string();
        assert!(said.contains("x.parquet: not a readable table of vectors"), "{said}");
    }
}
