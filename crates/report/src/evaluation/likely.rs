//! The contact sheet of likely errors.

use std::collections::BTreeMap;
use std::io::{self, Write};

use streamface_types::FaceId;

use super::{Evaluation, Signed};
use crate::faces::Sheet;
use crate::html::Text;
use streamface_eval::format::Plural;
use streamface_eval::intrinsic::Sample;

impl Evaluation<'_> {
    pub(super) fn likely_errors(&self, out: &mut dyn Write, sheet: &mut Sheet<'_>) -> io::Result<()> {
        let all = &self.intrinsic.outliers;
        let shown = self.limits.shown(all);
        let Some((first, last)) = shown.first().zip(shown.last()) else { return Ok(()) };
        write!(out, "<section aria-labelledby=\"errors\"><h2 id=\"errors\">Likely errors</h2>")?;
        let below = match (first.silhouette < 0.0, last.silhouette < 0.0) {
            (true, true) => "Below 0 a face is nearer to the other cluster than to its own.",
            (true, false) => {
                "Below 0 a face is nearer to the other cluster than to its own; the others may be right."
            }
            (false, _) => {
                "None of them is nearer to another cluster than to its own, so these may all be right."
            }
        };
        write!(
            out,
            "<p class=\"note\">Faces with the lowest silhouettes, lowest first. {below} Beside each are the most typical faces of its own cluster and of the nearest other.</p>"
        )?;
        let typical = self.typical(shown);
        for sample in shown {
            self.likely_error(out, sheet, sample, &typical)?;
        }
        if all.len() > shown.len() {
            let n = Plural(all.len() - shown.len(), "further face");
            write!(out, "<p class=\"note\">{n} listed in the JSON, not shown here.</p>")?;
        }
        writeln!(out, "</section>")
    }

    /// Rows of the faces with the highest silhouettes in each cluster that is shown.
    fn typical(&self, shown: &[Sample]) -> BTreeMap<i64, Vec<usize>> {
        let mut samples: BTreeMap<i64, Vec<&Sample>> =
            shown.iter().flat_map(|s| [s.label, s.nearest]).map(|label| (label, Vec::new())).collect();
        for sample in &self.intrinsic.samples {
            if let Some(all) = samples.get_mut(&sample.label) {
                all.push(sample);
            }
        }
        let typical = |(label, mut all): (i64, Vec<&Sample>)| {
            all.sort_by(|a, b| b.silhouette.total_cmp(&a.silhouette).then(a.row.cmp(&b.row)));
            // One more than shown: the face itself may be among them.
            (label, all.iter().take(self.limits.beside + 1).map(|s| s.row).collect())
        };
        samples.into_iter().map(typical).collect()
    }

    fn likely_error(
        &self,
        out: &mut dyn Write,
        sheet: &mut Sheet<'_>,
        sample: &Sample,
        typical: &BTreeMap<i64, Vec<usize>>,
    ) -> io::Result<()> {
        let (own, other) = (self.name(sample.label), self.name(sample.nearest));
        let beside = |label: i64| -> Vec<usize> {
            let rows = typical.get(&label).into_iter().flatten().copied();
            rows.filter(|&row| row != sample.row).take(self.limits.beside).collect()
        };
        let face =
            self.faces.get(sample.row).map_or_else(|| format!("row {}", sample.row), ToString::to_string);
        // Rows that are no faces have nothing to show in the place of the picture.
        let class = if self.faces.is_empty() { "likely rows" } else { "likely" };
        write!(out, "<article class=\"{class}\"><header><h3>{}</h3>", Signed(sample.silhouette))?;
        write!(out, "<p>{}</p></header>", Text(face))?;
        if !self.faces.is_empty() {
            write!(out, "<div class=\"one\">")?;
            self.faces(out, sheet, &[sample.row], &own)?;
            write!(out, "</div>")?;
        }
        for (class, what, name, distance, label) in [
            ("own", "In", &own, sample.own, sample.label),
            ("other", "Near", &other, sample.other, sample.nearest),
        ] {
            write!(
                out,
                "<div class=\"{class}\"><p><b>{what} {}</b> mean distance {distance:.3}</p>",
                Text(name)
            )?;
            self.faces(out, sheet, &beside(label), name)?;
            write!(out, "</div>")?;
        }
        writeln!(out, "</article>")
    }

    fn faces(
        &self,
        out: &mut dyn Write,
        sheet: &mut Sheet<'_>,
        rows: &[usize],
        name: &str,
    ) -> io::Result<()> {
        if self.faces.is_empty() {
            let what = if rows.len() == 1 { "row" } else { "rows" };
            let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            return if rows.is_empty() { Ok(()) } else { write!(out, "<p>{what} {}</p>", rows.join(", ")) };
        }
        let ids: Vec<&FaceId> = rows.iter().filter_map(|&row| self.faces.get(row)).collect();
        sheet.write(out, &self.faces_folder, name, &ids)
    }
}
