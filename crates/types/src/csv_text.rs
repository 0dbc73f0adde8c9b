//! Text in CSV files that a spreadsheet would take for a formula.

use std::borrow::Cow;

/// What a formula begins with in Excel, LibreOffice or Google Sheets; the full-width forms count in some languages.
const STARTS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet takes the text, without apostrophes in front, for a formula. Plain numbers are none.
fn is_formula(text: &str) -> bool {
    let rest = text.trim_start_matches('\'');
    rest.starts_with(STARTS) && !rest.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A text as a field of a CSV file: one that a spreadsheet would run as a formula has an apostrophe in front, which marks
/// it as text. [`csv_text_back`] takes that away again.
///
/// ```
/// use streamface_types::{csv_text, csv_text_back};
///
/// assert_eq!(csv_text("=1+1"), "'=1+1");
/// assert_eq!(csv_text("-1"), "-1");
/// assert_eq!(csv_text("Anna"), "Anna");
/// assert_eq!(csv_text_back("'=1+1"), "=1+1");
/// ```
#[must_use]
pub fn csv_text(text: &str) -> Cow<'_, str> {
    if is_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text of a field that [`csv_text`] may have made.
#[must_use]
pub fn csv_text_back(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_come_back() {
        for name in [
            "=cmd|' /C calc'!A0",
            "+49 30 1234",
            "-Anna",
            "@SUM(1)",
            "\tx",
            "＝1",
            "'=x",
            "''@y",
            "-1+1",
            "-inf",
        ] {
            assert_eq!(csv_text(name), format!("'{name}"));
            assert_eq!(csv_text_back(&csv_text(name)), name);
        }
        for name in ["Anna", "O'Neil", "'t Hooft", "-1", "+2.5", "'-1", "", "'", "1=1", "Zoë"] {
            assert_eq!(csv_text(name), name);
            assert_eq!(csv_text_back(name), name);
        }
    }
}
