//! `evaluate.html`: how good a clustering looks, and its likely errors to look at.

mod likely;
mod plots;

use std::collections::BTreeMap;
use std::io::{self, Write};

use streamface_types::FaceId;

use crate::Error;
use crate::chart;
use crate::faces::Sheet;
use crate::html::Text;
use crate::layout;
use crate::picture::Pictures;
use streamface_eval::format::{Count, Plural};
use streamface_eval::intrinsic::{Cluster, Intrinsic, Sample};

const OWN_STYLE: &str = include_str!("evaluation.css");

/// The page of an [`Intrinsic`] evaluation: scores, plots, a table of clusters and a contact sheet of
/// likely errors. Like a report it is one file that loads nothing, and holds no time of making.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    /// Heading and title of the page.
    pub title: String,
    /// What was evaluated, in a line.
    pub source: String,
    /// Settings by name, in the order to show them.
    pub settings: Vec<(String, String)>,
    /// What was found.
    pub intrinsic: &'a Intrinsic,
    /// The face of each row, noise included; none where rows are not faces, which then go by their numbers.
    pub faces: &'a [FaceId],
    /// Names of clusters, where someone gave them.
    pub names: BTreeMap<i64, String>,
    /// Folder of the face images, relative to the page; empty for no links.
    pub faces_folder: String,
    /// How much of it is shown.
    pub limits: EvaluationLimits,
}

/// How much of an evaluation is shown; what is left out is said on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationLimits {
    /// Likely errors. Default 60.
    pub outliers: usize,
    /// Of these, faces that are no nearer to another cluster than to their own. Default 12.
    pub right: usize,
    /// Pictures of a likely error's own cluster, and as many of the nearest other. Default 5.
    pub beside: usize,
    /// Rows of the table of clusters. Default 500.
    pub clusters: usize,
}

impl Default for EvaluationLimits {
    fn default() -> Self {
        Self { outliers: 60, right: 12, beside: 5, clusters: 500 }
    }
}

impl EvaluationLimits {
    /// The likely errors that the page shows, of all that [`outliers`](crate::intrinsic::outliers()) found.
    #[must_use]
    pub fn shown<'a>(&self, all: &'a [Sample]) -> &'a [Sample] {
        let below = all.partition_point(|s| s.silhouette < 0.0);
        &all[..all.len().min(self.outliers).min(below.saturating_add(self.right))]
    }
}

impl Evaluation<'_> {
    /// Writes the page to `out`, with the pictures that `pictures` has.
    ///
    /// # Errors
    /// [`Error::Faces`] where there are faces, but not one for each row; [`Error::Write`] where `out` refuses. A
    /// picture that is missing is no error: its place says so.
    pub fn render(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> Result<(), Error> {
        let rows = self.intrinsic.faces + self.intrinsic.noise;
        if !self.faces.is_empty() && self.faces.len() != rows {
            return Err(Error::Faces { rows, faces: self.faces.len() });
        }
        self.write(out, pictures).map_err(Error::Write)
    }

    fn write(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> io::Result<()> {
        self.head(out)?;
        self.scores(out)?;
        self.sections(out)?;
        self.plots(out)?;
        self.likely_errors(out, &mut Sheet::new(pictures))?;
        self.clusters(out)?;
        layout::settings_section(out, &self.settings)?;
        writeln!(out, "</main></body></html>")
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let title = if self.title.is_empty() { "Evaluation of clusters" } else { &self.title };
        layout::open(out, title, &[chart::STYLE, OWN_STYLE], "")?;
        layout::source(out, &self.source)?;
        writeln!(out, "</header><main>")
    }

    fn scores(&self, out: &mut dyn Write) -> io::Result<()> {
        let found = self.intrinsic;
        write!(out, "<dl class=\"numbers\">")?;
        let mut tile = |name: &str, number: &str, lines: &[String]| layout::tile(out, name, number, lines);
        let mut lines = vec![format!("of {}", Plural(found.faces, "face"))];
        if found.singletons > 0 {
            lines.push(format!("{} with one face", Count(found.singletons as u64)));
        }
        if found.noise > 0 {
            lines.push(format!("{} left out as noise", Plural(found.noise, "face")));
        }
        tile("Clusters", &Count(found.clusters as u64).to_string(), &lines)?;
        let negative = found.samples.iter().filter(|s| s.silhouette < 0.0).count();
        let scores = [
            (
                format!("Silhouette, {}", found.metric),
                "silhouette",
                found.silhouette.map(|s| Signed(s).to_string()),
                format!("−1 to 1, larger is better; {} below 0", Plural(negative, "face")),
            ),
            (
                "Davies–Bouldin".to_owned(),
                "davies_bouldin",
                found.davies_bouldin.map(|s| format!("{s:.3}")),
                "0 or more, smaller is better".to_owned(),
            ),
            (
                "Calinski–Harabasz".to_owned(),
                "calinski_harabasz",
                found.calinski_harabasz.map(large),
                "0 or more, larger is better".to_owned(),
            ),
        ];
        for (name, measure, number, says) in scores {
            let why = found.skipped.iter().find(|s| s.measure == measure).map(|s| s.why.clone());
            match number {
                Some(number) => tile(&name, &number, &[says])?,
                None => tile(&name, "–", &[why.unwrap_or_else(|| "not computed".to_owned())])?,
            }
        }
        writeln!(out, "</dl>")
    }

    fn sections(&self, out: &mut dyn Write) -> io::Result<()> {
        let nav = [
            ("distributions", "Distributions", self.intrinsic.clusters > 0),
            ("errors", "Likely errors", !self.intrinsic.outliers.is_empty()),
            ("clusters", "Clusters", self.intrinsic.clusters > 0),
            ("settings", "Settings", !self.settings.is_empty()),
        ];
        layout::nav(out, &nav)
    }

    fn clusters(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut rows: Vec<&Cluster> = self.intrinsic.per_cluster.iter().collect();
        if rows.is_empty() {
            return Ok(());
        }
        let silhouette = |c: &Cluster| c.silhouette.unwrap_or(0.0);
        rows.sort_by(|a, b| {
            let alone = (a.extent.faces == 1).cmp(&(b.extent.faces == 1));
            alone.then(silhouette(a).total_cmp(&silhouette(b))).then(a.extent.label.cmp(&b.extent.label))
        });
        write!(out, "<section aria-labelledby=\"clusters\"><h2 id=\"clusters\">Clusters</h2>")?;
        write!(
            out,
            "<p class=\"note\">Lowest silhouette first, clusters of one face last. Distances are {}; the diameter is the largest distance of two faces, nearest and away are by the clusters’ means.</p>",
            Text(&self.intrinsic.metric)
        )?;
        let columns = [
            ("cluster", false),
            ("faces", true),
            ("silhouette", true),
            ("diameter", true),
            ("radius", true),
            ("mean distance", true),
            ("nearest other", false),
            ("away", true),
        ];
        layout::table(out, "Clusters", &columns)?;
        for cluster in rows.iter().take(self.limits.clusters) {
            let extent = &cluster.extent;
            let n = |out: &mut dyn Write, text: String| write!(out, "<td class=\"n\">{text}</td>");
            write!(out, "<tr><th scope=\"row\">{}</th>", Text(self.name(extent.label)))?;
            n(out, Count(extent.faces as u64).to_string())?;
            // A cluster of one has none of these.
            let distances =
                [extent.diameter, extent.radius, cluster.mean_distance].map(|d| format!("{d:.3}"));
            let silhouette = cluster.silhouette.map_or_else(String::new, |s| Signed(s).to_string());
            for text in std::iter::once(silhouette).chain(distances) {
                n(out, if extent.faces == 1 { "–".to_owned() } else { text })?;
            }
            write!(out, "<td>{}</td>", Text(extent.nearest.map_or_else(String::new, |l| self.name(l))))?;
            n(out, extent.nearest_distance.map_or_else(String::new, |d| format!("{d:.3}")))?;
            write!(out, "</tr>")?;
        }
        write!(out, "</tbody></table></div>")?;
        if rows.len() > self.limits.clusters {
            let n = Plural(rows.len() - self.limits.clusters, "more cluster");
            write!(out, "<p class=\"note below\">{n} not shown.</p>")?;
        }
        writeln!(out, "</section>")
    }

    fn name(&self, label: i64) -> String {
        self.names.get(&label).cloned().unwrap_or_else(|| format!("Person {label}"))
    }
}

/// Three digits after the point, and a minus as long as a plus.
struct Signed(f64);

impl Signed {
    fn short(&self) -> String {
        self.0.to_string().replace('-', "−")
    }
}

impl std::fmt::Display for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minus = if self.0 < 0.0 { "−" } else { "" };
        write!(f, "{minus}{:.3}", self.0.abs())
    }
}

/// Digits that matter of a number without bounds.
fn large(v: f64) -> String {
    match v {
        v if v >= 1e7 => format!("{v:.2e}"),
        v if v >= 1000.0 => Count(v.round() as u64).to_string(),
        v if v >= 100.0 => format!("{v:.1}"),
        v => format!("{v:.3}"),
    }
}
