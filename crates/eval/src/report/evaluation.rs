//! `evaluate.html`: how good a clustering looks, and its likely errors to look at.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use streamface_types::FaceId;

use super::Pictures;
use super::chart::{About, Bar, bars, line};
use super::html::{Count, Plural, Text, Url};
use super::page::STYLE;
use crate::Error;
use crate::intrinsic::{Cluster, HISTOGRAM_BINS, Intrinsic, Sample};

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
    /// The face of each row, noise included.
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
    /// Pictures of a likely error's own cluster, and as many of the nearest other. Default 5.
    pub beside: usize,
    /// Rows of the table of clusters. Default 500.
    pub clusters: usize,
}

impl Default for EvaluationLimits {
    fn default() -> Self {
        Self { outliers: 60, beside: 5, clusters: 500 }
    }
}

impl Evaluation<'_> {
    /// Writes the page to `out`, with the pictures that `pictures` has.
    ///
    /// # Errors
    /// [`Error::Faces`] where there is not a face for each row; [`Error::Write`] where `out` refuses. A
    /// picture that is missing is no error: its place says so.
    pub fn render(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> Result<(), Error> {
        let rows = self.intrinsic.faces + self.intrinsic.noise;
        if self.faces.len() != rows {
            return Err(Error::Faces { rows, faces: self.faces.len() });
        }
        self.write(out, pictures).map_err(Error::Write)
    }

    fn write(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> io::Result<()> {
        self.head(out)?;
        self.scores(out)?;
        self.sections(out)?;
        self.plots(out)?;
        self.likely_errors(out, pictures)?;
        self.clusters(out)?;
        self.settings(out)?;
        writeln!(out, "</main></body></html>")
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let title = if self.title.is_empty() { "Evaluation of clusters" } else { &self.title };
        write!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
        write!(
            out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
        )?;
        write!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
        write!(out, "<meta name=\"color-scheme\" content=\"light dark\">")?;
        write!(out, "<title>{}</title><style>{STYLE}{OWN_STYLE}</style></head><body>", Text(title))?;
        write!(out, "<header class=\"top\"><p class=\"mark\">StreamFace</p><h1>{}</h1>", Text(title))?;
        if !self.source.is_empty() {
            write!(out, "<p class=\"source\">{}</p>", Text(&self.source))?;
        }
        writeln!(out, "</header><main>")
    }

    fn scores(&self, out: &mut dyn Write) -> io::Result<()> {
        let found = self.intrinsic;
        write!(out, "<dl class=\"numbers\">")?;
        let mut tile = |name: &str, number: &str, lines: &[String]| -> io::Result<()> {
            write!(out, "<div><dt>{}</dt><dd><strong>{number}</strong>", Text(name))?;
            for line in lines.iter().filter(|l| !l.is_empty()) {
                write!(out, "<span>{}</span>", Text(line))?;
            }
            write!(out, "</dd></div>")
        };
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
        write!(out, "<nav aria-label=\"Sections\"><ul>")?;
        for (id, name, _) in nav.iter().filter(|(_, _, there)| *there) {
            write!(out, "<li><a href=\"#{id}\">{name}</a></li>")?;
        }
        writeln!(out, "</ul></nav>")
    }

    fn plots(&self, out: &mut dyn Write) -> io::Result<()> {
        let found = self.intrinsic;
        if found.clusters == 0 {
            return writeln!(
                out,
                "<section><p class=\"note\">No face has a label of 0 or more.</p></section>"
            );
        }
        write!(
            out,
            "<section aria-labelledby=\"distributions\"><h2 id=\"distributions\">Distributions</h2>"
        )?;
        write!(out, "<div class=\"charts\">")?;
        if !found.histogram.is_empty() {
            silhouettes(out, &found.histogram)?;
        }
        let sizes: Vec<usize> = found.class_distribution.iter().map(|c| c.faces).collect();
        let label =
            |at: usize| found.class_distribution.get(at).map_or_else(String::new, |c| c.label.to_string());
        let last = sizes.len() - 1;
        let middle = |at: usize| (at as f64 + 0.5) / sizes.len() as f64;
        let mut marks: Vec<usize> = if last == 0 { vec![0] } else { (0..=4).map(|i| i * last / 4).collect() };
        marks.dedup();
        let marks: Vec<_> = marks.into_iter().map(|at| (middle(at), label(at))).collect();
        let most = sizes.iter().max().copied().unwrap_or(0);
        let says = format!(
            "Faces per label: {}, the largest with {}",
            Plural(sizes.len(), "cluster"),
            Plural(most, "face")
        );
        let about =
            About { title: "Class distribution", across: "label", up: "faces", says: &says, marks: &marks };
        line(out, &about, &sizes)?;
        members(out, found)?;
        writeln!(out, "</div></section>")
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
        write!(
            out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Clusters\"><table><thead><tr>"
        )?;
        write!(out, "<th scope=\"col\">cluster</th>")?;
        for head in ["faces", "silhouette", "diameter", "radius", "mean distance"] {
            write!(out, "<th scope=\"col\" class=\"n\">{head}</th>")?;
        }
        write!(
            out,
            "<th scope=\"col\">nearest other</th><th scope=\"col\" class=\"n\">away</th></tr></thead><tbody>"
        )?;
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

    fn likely_errors(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> io::Result<()> {
        let all = &self.intrinsic.outliers;
        let shown = &all[..all.len().min(self.limits.outliers)];
        if shown.is_empty() {
            return Ok(());
        }
        write!(out, "<section aria-labelledby=\"errors\"><h2 id=\"errors\">Likely errors</h2>")?;
        let below = if shown[0].silhouette < 0.0 {
            "Below 0 a face is nearer to the other cluster than to its own."
        } else {
            "None of them is nearer to another cluster than to its own, so these may all be right."
        };
        write!(
            out,
            "<p class=\"note\">Faces with the lowest silhouettes, lowest first. {below} Beside each are the most typical faces of its own cluster and of the nearest other.</p>"
        )?;
        let typical = self.typical(shown);
        for sample in shown {
            self.likely_error(out, pictures, sample, &typical)?;
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
        pictures: &mut dyn Pictures,
        sample: &Sample,
        typical: &BTreeMap<i64, Vec<usize>>,
    ) -> io::Result<()> {
        let (own, other) = (self.name(sample.label), self.name(sample.nearest));
        let beside = |label: i64| -> Vec<usize> {
            let rows = typical.get(&label).into_iter().flatten().copied();
            rows.filter(|&row| row != sample.row).take(self.limits.beside).collect()
        };
        let face = self.faces.get(sample.row).map_or_else(String::new, ToString::to_string);
        write!(out, "<article class=\"likely\"><header><h3>{}</h3>", Signed(sample.silhouette))?;
        write!(out, "<p>{}</p></header><div class=\"one\">", Text(face))?;
        self.faces(out, pictures, &[sample.row], &own)?;
        write!(out, "</div>")?;
        for (class, what, name, distance, label) in [
            ("own", "In", &own, sample.own, sample.label),
            ("other", "Near", &other, sample.other, sample.nearest),
        ] {
            write!(
                out,
                "<div class=\"{class}\"><p><b>{what} {}</b> mean distance {distance:.3}</p>",
                Text(name)
            )?;
            self.faces(out, pictures, &beside(label), name)?;
            write!(out, "</div>")?;
        }
        writeln!(out, "</article>")
    }

    fn faces(
        &self,
        out: &mut dyn Write,
        pictures: &mut dyn Pictures,
        rows: &[usize],
        name: &str,
    ) -> io::Result<()> {
        let ids: Vec<&FaceId> = rows.iter().filter_map(|&row| self.faces.get(row)).collect();
        let found = pictures.faces(&ids);
        write!(out, "<ul class=\"faces\">")?;
        for (face, picture) in ids.iter().zip(found) {
            let tag = if self.faces_folder.is_empty() { "span" } else { "a" };
            write!(out, "<li><{tag} class=\"face\" title=\"{}\"", Text(face))?;
            if !self.faces_folder.is_empty() {
                write!(out, " href=\"{}\"", Url(format!("{}/{face}.png", self.faces_folder)))?;
            }
            match picture {
                Some(jpeg) => write!(
                    out,
                    "><img alt=\"a face of {}\" width=\"72\" height=\"72\" loading=\"lazy\" decoding=\"async\" src=\"data:image/jpeg;base64,{}\">",
                    Text(name),
                    STANDARD.encode(jpeg)
                )?,
                None => write!(out, "><span class=\"blank\">no picture</span>")?,
            }
            write!(out, "</{tag}></li>")?;
        }
        write!(out, "</ul>")
    }

    fn settings(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.settings.is_empty() {
            return Ok(());
        }
        write!(
            out,
            "<section aria-labelledby=\"settings\"><h2 id=\"settings\">Settings</h2><dl class=\"settings\">"
        )?;
        for (name, value) in &self.settings {
            write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", Text(name), Text(value))?;
        }
        writeln!(out, "</dl></section>")
    }

    fn name(&self, label: i64) -> String {
        self.names.get(&label).cloned().unwrap_or_else(|| format!("Person {label}"))
    }
}

fn silhouettes(out: &mut dyn Write, histogram: &[usize]) -> io::Result<()> {
    let edge = |i: usize| i as f64 * 2.0 / HISTOGRAM_BINS as f64 - 1.0;
    let bar = |(i, &value): (usize, &usize)| Bar {
        value,
        says: format!("{} to {}: {}", Signed(edge(i)), Signed(edge(i + 1)), Plural(value, "face")),
        class: if edge(i + 1) <= 0.0 { "bad" } else { "good" },
    };
    let all: Vec<Bar> = histogram.iter().enumerate().map(bar).collect();
    let marks = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|v: f64| ((v + 1.0) / 2.0, Signed(v).short()));
    let negative: usize = histogram[..HISTOGRAM_BINS / 2].iter().sum();
    let says = format!(
        "Faces by silhouette: {} of {} below 0",
        Count(negative as u64),
        Count(histogram.iter().sum::<usize>() as u64)
    );
    let about = About { title: "Silhouettes", across: "silhouette", up: "faces", says: &says, marks: &marks };
    bars(out, &about, &all)
}

fn members(out: &mut dyn Write, found: &Intrinsic) -> io::Result<()> {
    let bins = &found.membership_distribution;
    let range = |from: usize, to: usize| {
        if from == to {
            Plural(from, "face").to_string()
        } else {
            format!("{} to {} faces", Count(from as u64), Count(to as u64))
        }
    };
    let bar = |bin: &crate::intrinsic::SizeBin| Bar {
        value: bin.classes,
        says: format!("{}: {}", range(bin.from, bin.to), Plural(bin.classes, "cluster")),
        class: "good",
    };
    let all: Vec<Bar> = bins.iter().map(bar).collect();
    // All bins where they are few, else those that begin at a power of ten.
    let marked =
        |from: usize| bins.len() <= 9 || from == 1 || (from >= 10 && 10usize.pow(from.ilog10()) == from);
    let middle = |i: usize| (i as f64 + 0.5) / bins.len() as f64;
    let marks: Vec<_> = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| marked(bin.from))
        .map(|(i, bin)| (middle(i), Count(bin.from as u64).to_string()))
        .collect();
    let ones = bins.first().map_or(0, |bin| bin.classes);
    let says = format!(
        "Clusters by number of faces: {} of {} with one",
        Count(ones as u64),
        Count(found.clusters as u64)
    );
    let about = About {
        title: "Membership distribution",
        across: "faces in a cluster, from",
        up: "clusters",
        says: &says,
        marks: &marks,
    };
    bars(out, &about, &all)
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
