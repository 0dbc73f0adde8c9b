//! Two labellings of the same faces: where they differ, as pictures.

mod confusions;
mod tables;

use std::io::Write;

use maud::{Markup, html};
use streamface_eval::format::{Count, Digits, Percent, Plural};
use streamface_eval::labels::Labelled;
use streamface_eval::metrics::{Mistake, Noise, ReviewScores, Scores, Shared, confusions, person_errors};

use crate::faces::Sheet;
use crate::layout::{self, Head, source, tile, tiles};
use crate::picture::Pictures;
use crate::{Error, chart};

const STYLE: &str = include_str!("comparison.css");

/// The page of a score: wrong merges and wrong splits, with faces of both sides; everyone with an error; all
/// scores; and what a review changed. One file that loads nothing, and holds no time of
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
        let page = self.page(&mut Sheet::new(pictures));
        layout::write(&page, out).map_err(Error::Write)
    }

    fn page(&self, sheet: &mut Sheet<'_>) -> Markup {
        let title = if self.title.is_empty() { "Score" } else { &self.title };
        let head = Head { title, styles: &[chart::STYLE, STYLE], script: "" };
        let table = self.shared.table();
        let (all, people) = (confusions(&table, self.scores.noise), person_errors(&table, self.scores.noise));
        let of = |mistake| all.iter().filter(move |c| c.mistake == mistake).copied().collect::<Vec<_>>();
        let (joined, split) = (of(Mistake::Joined), of(Mistake::Split));
        let only = self.shared.only_in_true.len() + self.shared.only_in_predicted.len() > 0;
        let sections = [
            ("joined", "Wrong merges", !joined.is_empty()),
            ("split", "Wrong splits", !split.is_empty()),
            ("people", "People", !people.is_empty()),
            ("review", "Review", self.review.is_some()),
            ("scores", "Scores", true),
            ("only", "In one only", only),
        ];
        let main = html! {
            (self.numbers())
            (layout::nav(&sections, &html! {}))
            @if all.is_empty() { section { p class="note" { "The two have the same clusters." } } }
            (self.confusions(sheet, Mistake::Joined, &joined))
            (self.confusions(sheet, Mistake::Split, &split))
            (self.people(&people))
            (self.review())
            (self.scores())
            (self.only())
        };
        head.page(&source(&self.source), &main)
    }

    fn numbers(&self) -> Markup {
        let s = self.scores;
        let prf = |p: streamface_eval::Prf| {
            [("precision", p.precision), ("recall", p.recall)].map(|(of, v)| format!("{of} {}", Digits(v, 4)))
        };
        let f = |v: f64| Digits(v, 3).to_string();
        let clusters = |n: u64, name: &str| format!("{} in {name}", Count(n));
        let found = [clusters(s.true_people, &self.names[0]), clusters(s.predicted_people, &self.names[1])];
        let only = |n: u64, name: &str| {
            if n == 0 { String::new() } else { format!("{} only in {name}", Plural(n as usize, "face")) }
        };
        let alone = [only(s.only_in_true, &self.names[0]), only(s.only_in_predicted, &self.names[1])];
        tiles(&[
            tile("Pairwise F", &f(s.pairwise.f), &prf(s.pairwise)),
            tile("BCubed F", &f(s.bcubed.f), &prf(s.bcubed)),
            tile("People", &Count(s.predicted_people).to_string(), &found),
            tile("Coverage", &Percent(s.coverage, 1).to_string(), &self.noise()),
            tile("Faces in both", &Count(s.samples).to_string(), &alone),
        ])
    }

    /// How many faces are noise, and what they count as.
    fn noise(&self) -> Vec<String> {
        let s = self.scores;
        let of = |n: u64, name: &str| format!("{} noise in {name}", Plural(n as usize, "face"));
        let all = [(s.noise_in_predicted, &self.names[1]), (s.noise_in_true, &self.names[0])];
        let mut lines: Vec<String> =
            all.iter().filter(|(n, _)| *n > 0).map(|(n, name)| of(*n, name)).collect();
        match s.noise {
            _ if lines.is_empty() => lines.push("no face is noise".to_owned()),
            Noise::Alone => lines.push("each counts as a cluster of its own".to_owned()),
            Noise::Cluster => lines.push("all count as one cluster".to_owned()),
        }
        lines
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
