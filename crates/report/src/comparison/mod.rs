//! Two labellings of the same faces: where they differ, as pictures.

mod confusions;
mod tables;

use std::io::{self, Write};

use crate::faces::Sheet;
use crate::layout::{self, tile};
use crate::picture::Pictures;
use crate::{Error, chart};
use streamface_eval::format::{Count, Digits, Plural};
use streamface_eval::labels::Labelled;
use streamface_eval::metrics::{Mistake, ReviewScores, Scores, Shared, confusions, person_errors};

const OWN_STYLE: &str = include_str!("comparison.css");

/// The page of a score: what was put together wrongly and torn apart, with faces of both sides; everyone
/// with an error; all scores; and what a review changed. One file that loads nothing, and holds no time of
/// making.
#[derive(Debug, Clone)]
pub struct Comparison<'a> {
    /// Heading and title of the page.
    pub title: String,
    /// What was compared, in a line.
    pub source: String,
    /// What the true and the predicted labelling are called, in a word or two.
    pub names: [String; 2],
    /// The true and the predicted labelling; for the names of people alone.
    pub labels: [&'a Labelled; 2],
    /// The faces of both.
    pub shared: &'a Shared<'a>,
    /// Their scores.
    pub scores: &'a Scores,
    /// What a review changed, where one was made, and the labels before it.
    pub review: Option<(&'a ReviewScores, &'a Labelled)>,
    /// Folder of the face images, relative to the page; empty for no links.
    pub faces_folder: String,
    /// How much of it is shown.
    pub limits: ComparisonLimits,
}

/// How much of a comparison is shown; what is left out is said on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparisonLimits {
    /// Confusions of each kind. Default 60.
    pub confusions: usize,
    /// Pictures of each of a confusion's sides. Default 6.
    pub beside: usize,
    /// Rows of a table. Default 200.
    pub rows: usize,
    /// Names of faces in only one of the two. Default 500.
    pub names: usize,
}

impl Default for ComparisonLimits {
    fn default() -> Self {
        Self { confusions: 60, beside: 6, rows: 200, names: 500 }
    }
}

impl Comparison<'_> {
    /// Writes the page to `out`, with the pictures that `pictures` has of faces whose names are those of a
    /// dataset.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses. A picture that is missing is no error: its place says so.
    pub fn render(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> Result<(), Error> {
        self.write(out, pictures).map_err(Error::Write)
    }

    fn write(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> io::Result<()> {
        let title = if self.title.is_empty() { "Two labellings" } else { &self.title };
        layout::open(out, title, &[chart::STYLE, OWN_STYLE], "")?;
        layout::source(out, &self.source)?;
        writeln!(out, "</header><main>")?;
        self.numbers(out)?;
        let table = self.shared.table();
        let (all, people) = (confusions(&table), person_errors(&table));
        let of = |mistake| all.iter().filter(move |c| c.mistake == mistake).copied().collect::<Vec<_>>();
        let (joined, split) = (of(Mistake::Joined), of(Mistake::Split));
        let only = self.shared.only_in_true.len() + self.shared.only_in_predicted.len() > 0;
        layout::nav(
            out,
            &[
                ("joined", "Joined", !joined.is_empty()),
                ("split", "Split", !split.is_empty()),
                ("people", "People", !people.is_empty()),
                ("review", "Review", self.review.is_some()),
                ("scores", "Scores", true),
                ("only", "In one only", only),
            ],
        )?;
        if all.is_empty() {
            writeln!(out, "<section><p class=\"note\">The two have the same clusters.</p></section>")?;
        }
        let sheet = &mut Sheet::new(pictures);
        self.confusions(out, sheet, Mistake::Joined, &joined)?;
        self.confusions(out, sheet, Mistake::Split, &split)?;
        self.people(out, &people)?;
        self.review(out)?;
        self.scores(out)?;
        self.only(out)?;
        writeln!(out, "</main></body></html>")
    }

    fn numbers(&self, out: &mut dyn Write) -> io::Result<()> {
        let s = self.scores;
        let prf = |p: streamface_eval::Prf| {
            [("precision", p.precision), ("recall", p.recall)].map(|(of, v)| format!("{of} {}", Digits(v, 4)))
        };
        let f = |v: f64| Digits(v, 3).to_string();
        write!(out, "<dl class=\"numbers\">")?;
        tile(out, "Pairwise F", &f(s.pairwise.f), &prf(s.pairwise))?;
        tile(out, "BCubed F", &f(s.bcubed.f), &prf(s.bcubed))?;
        let clusters = |n: u64, name: &str| format!("{} in {name}", Count(n));
        let lines =
            [clusters(s.true_clusters, &self.names[0]), clusters(s.predicted_clusters, &self.names[1])];
        tile(out, "Adjusted Rand", &f(s.ari), &[])?;
        tile(out, "Clusters", &Count(s.predicted_clusters).to_string(), &lines)?;
        let only = |n: u64, name: &str| {
            if n == 0 { String::new() } else { format!("{} only in {name}", Plural(n as usize, "face")) }
        };
        let lines = [only(s.only_in_true, &self.names[0]), only(s.only_in_predicted, &self.names[1])];
        tile(out, "Faces in both", &Count(s.samples).to_string(), &lines)?;
        writeln!(out, "</dl>")
    }

    /// The name of a label of the true (0) or the predicted (1) labelling.
    fn name(&self, which: usize, label: i64) -> String {
        self.labels[which].name(label)
    }

    /// Which labelling holds the whole of a mistake, and which the parts.
    fn sides(mistake: Mistake) -> (usize, usize) {
        match mistake {
            Mistake::Joined => (1, 0),
            Mistake::Split => (0, 1),
        }
    }
}

/// `n` more, where that many are left out.
fn left_out(out: &mut dyn Write, all: usize, shown: usize, what: &'static str) -> io::Result<()> {
    if all <= shown {
        return Ok(());
    }
    writeln!(out, "<p class=\"note\">{} not shown.</p>", Plural(all - shown, what))
}
