//! `evaluate.html`: how good a clustering looks, and its likely errors to look at.

mod likely;
mod plots;

use std::collections::BTreeMap;
use std::io::Write;

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_eval::intrinsic::{Cluster, Intrinsic, Sample};
use streamface_types::FaceId;

use crate::faces::Sheet;
use crate::html::Url;
use crate::layout::{self, Head, number, section, settings_section, source, table, tile, tiles};
use crate::picture::Pictures;
use crate::{Error, chart};

const STYLE: &str = include_str!("evaluation.css");

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
    /// The review of the dataset, where the faces are those of one.
    pub review: Option<ReviewLinks>,
    /// How much of it is shown.
    pub limits: EvaluationLimits,
}

/// Where likely errors open in a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewLinks {
    /// Address of its page, without a `/` at the end.
    pub address: String,
    /// The command that starts it.
    pub command: String,
}

impl ReviewLinks {
    /// Where the review asks whether the person of a face holds two.
    fn mixed(&self, face: &FaceId) -> String {
        format!("{}/#/mixed/{}", self.address, Url(face))
    }

    /// Where it asks whether the people of two faces are one.
    fn compare(&self, a: &FaceId, b: &FaceId) -> String {
        format!("{}/#/compare/{}/{}", self.address, Url(a), Url(b))
    }
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
    /// The likely errors that the page shows, of all that [`outliers`](streamface_eval::intrinsic::outliers()) found.
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
        let page = self.page(&mut Sheet::new(pictures));
        layout::write(&page, out).map_err(Error::Write)
    }

    fn page(&self, sheet: &mut Sheet<'_>) -> Markup {
        let title = if self.title.is_empty() { "Evaluation of clusters" } else { &self.title };
        let head = Head { title, styles: &[chart::STYLE, STYLE], script: "" };
        let main = html! {
            (self.scores())
            (self.nav())
            (self.plots())
            (self.likely_errors(sheet))
            (self.clusters())
            (settings_section(&self.settings))
        };
        head.page(&source(&self.source), &main)
    }

    fn scores(&self) -> Markup {
        let found = self.intrinsic;
        let mut lines = vec![format!("of {}", Plural(found.faces, "face"))];
        if found.singletons > 0 {
            lines.push(format!("{} with one face", Count(found.singletons as u64)));
        }
        if found.noise > 0 {
            lines.push(format!("{} left out as noise", Plural(found.noise, "face")));
        }
        let mut all = vec![tile("Clusters", &Count(found.clusters as u64).to_string(), &lines)];
        let negative = found.samples.iter().filter(|s| s.silhouette < 0.0).count();
        let scores = [
            (
                format!("Silhouette, {}", found.metric),
                "silhouette",
                found.silhouette.map(signed),
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
        all.extend(scores.into_iter().map(|(name, measure, number, says)| {
            let why = found.skipped.iter().find(|s| s.measure == measure).map(|s| s.why.clone());
            match number {
                Some(number) => tile(&name, &number, &[says]),
                None => tile(&name, "–", &[why.unwrap_or_else(|| "not computed".to_owned())]),
            }
        }));
        tiles(&all)
    }

    fn nav(&self) -> Markup {
        let sections = [
            ("distributions", "Distributions", self.intrinsic.clusters > 0),
            ("errors", "Likely errors", !self.intrinsic.outliers.is_empty()),
            ("clusters", "Clusters", self.intrinsic.clusters > 0),
            ("settings", "Settings", !self.settings.is_empty()),
        ];
        layout::nav(&sections, &html! {})
    }

    fn clusters(&self) -> Markup {
        let mut clusters: Vec<&Cluster> = self.intrinsic.per_cluster.iter().collect();
        if clusters.is_empty() {
            return html! {};
        }
        let silhouette = |c: &Cluster| c.silhouette.unwrap_or(0.0);
        clusters.sort_by(|a, b| {
            let alone = (a.extent.faces == 1).cmp(&(b.extent.faces == 1));
            alone.then(silhouette(a).total_cmp(&silhouette(b))).then(a.extent.label.cmp(&b.extent.label))
        });
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
        let rows = html! {
            @for cluster in clusters.iter().take(self.limits.clusters) { (self.row(cluster)) }
        };
        let left_out = clusters.len().saturating_sub(self.limits.clusters);
        let body = html! {
            p class="note" {
                "Sorted by silhouette, clusters of one face last. Distances are " (self.intrinsic.metric)
                ". The diameter is the largest distance of two faces; the nearest other cluster is the one whose \
                 mean is nearest, away is its distance."
            }
            (table("Clusters", &columns, &rows))
            @if left_out > 0 { p class="note below" { (Plural(left_out, "more cluster")) " not shown." } }
        };
        section("clusters", "Clusters", &body)
    }

    fn row(&self, cluster: &Cluster) -> Markup {
        let extent = &cluster.extent;
        // A cluster of one has none of these.
        let silhouette = cluster.silhouette.map_or_else(String::new, signed);
        let [diameter, radius, mean] =
            [extent.diameter, extent.radius, cluster.mean_distance].map(|d| format!("{d:.3}"));
        let measures = [silhouette, diameter, radius, mean];
        html! {
            tr {
                th scope="row" { (self.name(extent.label)) }
                (number(Count(extent.faces as u64)))
                @for measure in measures { (number(if extent.faces == 1 { "–" } else { &measure })) }
                td { @if let Some(nearest) = extent.nearest { (self.name(nearest)) } }
                (number(extent.nearest_distance.map_or_else(String::new, |d| format!("{d:.3}"))))
            }
        }
    }

    fn name(&self, label: i64) -> String {
        self.names.get(&label).cloned().unwrap_or_else(|| format!("Person {label}"))
    }
}

/// Three digits after the point, and a minus as long as a plus.
fn signed(v: f64) -> String {
    let sign = if v < 0.0 { "−" } else { "" };
    format!("{sign}{:.3}", v.abs())
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
