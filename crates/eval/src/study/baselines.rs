//! Clustering methods side by side.

use serde::Serialize;

/// One method on the same features as the others. What was not measured is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Baseline {
    /// Its name.
    pub method: String,
    /// Its settings, in a few words.
    pub settings: String,
    /// Clusters found.
    pub clusters: Option<u64>,
    /// Pairwise F, 0 to 1.
    pub pairwise_f: Option<f64>,
    /// BCubed F, 0 to 1.
    pub bcubed_f: Option<f64>,
    /// Purity, 0 to 1.
    pub purity: Option<f64>,
    /// Wall time in seconds.
    pub seconds: Option<f64>,
    /// Peak memory in MiB.
    pub peak_memory_mib: Option<f64>,
}

/// Names of the columns.
pub const BASELINE_COLUMNS: [&str; 8] =
    ["method", "settings", "clusters", "pairwise F", "BCubed F", "purity", "seconds", "peak MiB"];
/// Number of leading columns that are text; the rest are numbers.
pub const BASELINE_TEXT_COLUMNS: usize = 2;

impl Baseline {
    /// The row's cells, in the order of [`BASELINE_COLUMNS`].
    pub fn cells(&self) -> [String; 8] {
        let number = |value: Option<f64>, digits: usize| match value {
            Some(v) => format!("{v:.digits$}"),
            None => "–".to_owned(),
        };
        let seconds = self.seconds.map_or(2, |s| if s < 10.0 { 2 } else { 1 });
        [
            self.method.clone(),
            self.settings.clone(),
            self.clusters.map_or("–".to_owned(), |n| n.to_string()),
            number(self.pairwise_f, 4),
            number(self.bcubed_f, 4),
            number(self.purity, 4),
            number(self.seconds, seconds),
            number(self.peak_memory_mib, 0),
        ]
    }
}

/// The rows as an aligned table of plain text with a head and a line end after each row; the head alone
/// for no row.
///
/// ```
/// use streamface_eval::study::{Baseline, baseline_text};
///
/// let row = Baseline { method: "complete".into(), settings: "t 0.6".into(), clusters: Some(36), ..Baseline::default() };
/// let text = baseline_text(&[row]);
/// assert_eq!(text.lines().next(), Some("method    settings  clusters  pairwise F  BCubed F  purity  seconds  peak MiB"));
/// assert!(text.contains("\ncomplete  t 0.6           36           –"));
/// ```
#[must_use]
pub fn baseline_text(rows: &[Baseline]) -> String {
    let mut table = vec![BASELINE_COLUMNS.map(str::to_owned)];
    // A line end in a name would break the table.
    let one_line = |text: String| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    table.extend(rows.iter().map(|r| r.cells().map(one_line)));
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &table {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            line.push_str(gap);
            line.push_str(&if column < BASELINE_TEXT_COLUMNS {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            Baseline {
                method: "Chinese whispers".into(),
                seconds: Some(12.345),
                purity: Some(1.0),
                ..Baseline::default()
            },
            Baseline {
                method: "é".into(),
                settings: "a\nb".into(),
                clusters: Some(123_456_789),
                ..Baseline::default()
            },
        ];
        let text = baseline_text(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let lengths: Vec<_> = lines.iter().map(|l| l.chars().count()).collect();
        assert!(lengths.iter().all(|&l| l == lengths[0]), "{text}");
        assert!(
            lines[1].contains("1.0000") && lines[1].contains("12.3") && lines[2].contains("a b"),
            "{text}"
        );
        assert_eq!(baseline_text(&[]).lines().count(), 1);
    }
}
