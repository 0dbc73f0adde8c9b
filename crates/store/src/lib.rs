//! The dataset directory of StreamFace: paths, Parquet tables, atomic writes, lock, compatible CSV and JSON files.
