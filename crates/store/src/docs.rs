//! `docs/tables.md`, made from the declarations.

use std::fmt::Write as _;

use crate::{AttributeRow, ExtractionRow, FaceRow, FeatureRow, FrameRow, LabelRow, Row, Table};

/// Everything on the page but the columns.
const PAGE: &str = include_str!("tables.md");

/// The tables of a dataset directory.
///
/// ```
/// let tables = streamface_store::tables();
/// let faces = tables.iter().find(|t| t.name == "faces").unwrap();
/// assert!(faces.columns.iter().any(|c| c.name == "score" && c.kind == "f32"));
/// ```
#[must_use]
pub fn tables() -> Vec<Table> {
    vec![
        FrameRow::table(),
        ExtractionRow::table(),
        FaceRow::table(),
        FeatureRow::table(),
        AttributeRow::table(),
        LabelRow::table(),
    ]
}

/// The page `docs/tables.md`: what is in a dataset directory, every table and every column.
/// `cargo run -p streamface-store --example tables > docs/tables.md` writes it.
#[must_use]
pub fn tables_page() -> String {
    PAGE.replace("<!-- tables -->\n", &tables().iter().map(section).collect::<String>())
}

fn section(table: &Table) -> String {
    let mut text = format!("## {}\n\n{}", table.name, table.about);
    if table.version > 1 {
        // Writing to a String cannot fail.
        let _ = write!(text, " Schema version {}.", table.version);
    }
    text.push_str("\n\n| column | type | meaning |\n|---|---|---|\n");
    for column in &table.columns {
        let since = match column.since {
            0 => String::new(),
            since => format!(" (since schema version {since})"),
        };
        let _ = writeln!(text, "| `{}` | {} | {}{since} |", column.name, column.kind, column.meaning);
    }
    text.push('\n');
    text
}
