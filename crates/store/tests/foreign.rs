//! Tables that another program has read and written again: other compressions, other types of the same columns.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray,
};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;
use streamface_store::{Dataset, FeatureRow, LabelRow};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, compression: Compression) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

const FACES: [&str; 3] = ["a_face_0", "b_face_0", "c_face_0"];

fn labels(
    dir: &Path,
    faces: ArrayRef,
    labels: ArrayRef,
    compression: Compression,
) -> Result<Vec<i64>, String> {
    let data = Dataset::open(dir).unwrap();
    let path = data.metadata().join("labels.parquet");
    write(&path, vec![("face_id", faces), ("label", labels)], compression);
    let rows = data.read::<LabelRow>().map_err(|e| e.to_string())?;
    assert_eq!(rows.iter().map(|row| row.face.to_string()).collect::<Vec<_>>(), FACES);
    Ok(rows.into_iter().map(|row| row.label.0).collect())
}

#[test]
fn compressions_of_other_programs() {
    let dir = tempfile::tempdir().unwrap();
    for compression in
        [Compression::SNAPPY, Compression::GZIP(GzipLevel::default()), Compression::UNCOMPRESSED]
    {
        let faces: ArrayRef = Arc::new(StringArray::from_iter_values(FACES));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![4, -1, 0]));
        assert_eq!(labels(dir.path(), faces, numbers, compression).unwrap(), [4, -1, 0], "{compression}");
    }
}

#[test]
fn types_of_other_programs() {
    let dir = tempfile::tempdir().unwrap();
    let names: [ArrayRef; 3] = [
        Arc::new(LargeStringArray::from_iter_values(FACES)),
        Arc::new(StringViewArray::from_iter_values(FACES)),
        Arc::new(StringArray::from_iter_values(FACES)),
    ];
    let numbers: [ArrayRef; 3] = [
        Arc::new(Float64Array::from(vec![4.0, -1.0, 0.0])),
        Arc::new(Int32Array::from(vec![4, -1, 0])),
        Arc::new(Int64Array::from(vec![4, -1, 0])),
    ];
    for (names, numbers) in names.into_iter().zip(numbers) {
        assert_eq!(labels(dir.path(), names, numbers, Compression::SNAPPY).unwrap(), [4, -1, 0]);
    }
    let faces: ArrayRef = Arc::new(StringArray::from_iter_values(FACES));
    let half: ArrayRef = Arc::new(Float64Array::from(vec![4.5, 1.0, 0.0]));
    let said = labels(dir.path(), faces, half, Compression::SNAPPY).unwrap_err();
    assert!(said.contains("labels.parquet: row 0") && said.contains("4.5"), "{said}");
}

#[test]
fn embeddings_in_lists_of_any_length() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let mut lists = ListBuilder::new(Float64Builder::new());
    for i in 0..3 {
        lists.values().append_slice(&[f64::from(i), 0.5]);
        lists.append(true);
    }
    let faces: ArrayRef = Arc::new(LargeStringArray::from_iter_values(FACES));
    let text = |text: &str| -> ArrayRef { Arc::new(LargeStringArray::from_iter_values([text; 3])) };
    let columns = vec![
        ("face_id", faces),
        ("model", text("m")),
        ("model_sha256", text("")),
        ("embedding", Arc::new(lists.finish()) as ArrayRef),
    ];
    write(&data.metadata().join("features.parquet"), columns, Compression::SNAPPY);
    let rows = data.read::<FeatureRow>().unwrap();
    assert_eq!(rows[2].embedding, [2.0, 0.5]);
    assert_eq!((rows[1].model.as_str(), rows[1].model_sha256.as_str()), ("m", ""));
}
