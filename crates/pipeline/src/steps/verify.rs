//! How well distances tell people apart.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;
use streamface_annotate::labels::LabelSource;
use streamface_eval::labels::Labelled;
use streamface_eval::verification::{
    Compared, Draw, HardPair, Pair, Verified, draw_pairs, hardest, people_of, read_pairs, rejecting,
    rows_by_name, verify as fold,
};
use streamface_report::{NoPictures, PairSide, Pictures, ShownPair, VerificationPage};
use streamface_store::{Dataset, ImageKind};
use streamface_types::{FaceId, Metric};

use super::dataset_dir::open_reading;
use super::input::Input;
use super::outputs::{self, Output};
use super::pictures::pictures;
use super::verify_rows::{Rows, in_the_middle, labels_of, mean, of_dataset, of_file};
use crate::error::At as _;
use crate::event::Context;
use crate::settings::{Settings as _, VerifySettings};
use crate::threads::with_threads;
use crate::{Error, Result};

/// Hard pairs of either kind that are shown.
const HARDEST: usize = 24;

/// Where a dataset's own clusters say who is who.
const CIRCULAR: &str = "the pairs are drawn from the dataset’s own clusters, which were found by these very distances: \
                        the scores flatter. Labels or pairs from people tell more.";

/// The same where decisions have changed some of them.
const PARTLY_CIRCULAR: &str = "the pairs are drawn from the dataset’s own clusters as far as no decision of the review \
                               changed them, and those were found by these very distances: the scores flatter. Labels \
                               or pairs from people tell more.";

/// What a verification came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyResult {
    /// Which labels the pairs were drawn from; none where pairs were given.
    pub labels: Option<LabelSource>,
    /// The numbers.
    pub verified: Verified,
    /// The pairs that are hardest to tell.
    pub hardest: HardestPairs,
    /// Pairs that lack a face.
    pub missing: Vec<Pair>,
    /// The page.
    pub page: Option<PathBuf>,
}

/// The pairs that are hardest to tell, one for each two people or each person.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct HardestPairs {
    /// Pairs of two people, the nearest first.
    pub different: Vec<VerifiedPair>,
    /// Pairs of one person, the farthest first.
    pub same: Vec<VerifiedPair>,
}

/// A pair that is hard to tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VerifiedPair {
    /// One image or face.
    pub left: String,
    /// The other.
    pub right: String,
    /// Their distance.
    pub distance: f64,
    /// Whether it is wrong at the mean threshold of the folds.
    pub wrong: bool,
    /// Further pairs of the same people that are wrong there.
    pub more: u64,
}

/// How well distances tell people apart: LFW's and YTF's protocol.
///
/// # Errors
/// What reading and writing meets; pairs or labels that name none of the faces.
pub fn verify(input: &Input, settings: &VerifySettings, context: &Context<'_>) -> Result<VerifyResult> {
    settings.check()?;
    let read = [&settings.names, &settings.pairs, &settings.labels].into_iter().filter_map(Option::as_deref);
    outputs::check(settings.out.as_deref(), read.chain([input.path()]))?;
    with_threads(settings.threads, || verify_here(input, settings, context))
}

fn verify_here(input: &Input, settings: &VerifySettings, context: &Context<'_>) -> Result<VerifyResult> {
    let metric = settings.metric.unwrap_or_default();
    let (data, rows, source) = match input {
        Input::Dataset(dir) => {
            let data = open_reading(dir)?;
            let (rows, source) = (of_dataset(&data)?, data.root().display().to_string());
            (Some(data), rows, source)
        }
        Input::Vectors(path) => {
            (None, of_file(path, settings.names.as_deref(), metric)?, path.display().to_string())
        }
    };
    let mut shown = vec![("metric".to_owned(), metric.to_string())];
    let mut caution = String::new();
    let mut from = None;
    let held = match &settings.pairs {
        Some(path) => {
            let pairs = read_pairs(path)?;
            shown.push(("pairs".to_owned(), path.display().to_string()));
            let (people, told_by) = people_of(&pairs);
            shown.push(("people are told".to_owned(), told_by.to_string()));
            given_pairs(&pairs, &people, &rows, data.as_ref(), metric)
                .at(|| format!("{} and {source}", path.display()))?
        }
        None => {
            let (labels, called, source) = labels_of(settings, data.as_ref(), &rows)?;
            let circular = match &source {
                LabelSource::Clusters => Some(CIRCULAR),
                LabelSource::Review { .. } => Some(PARTLY_CIRCULAR),
                _ => None,
            };
            if let Some(circular) = circular {
                context.warn(circular);
                caution = format!("Caution: {circular}");
            }
            shown.push(("labels".to_owned(), source.to_string()));
            from = Some(source);
            shown.push(("seed".to_owned(), settings.seed.to_string()));
            drawn_pairs(labels, called, settings, &rows, metric)
        }
    };
    let mut verified =
        fold(&held.compared, &held.missing.iter().map(|p| (p.same, p.fold)).collect::<Vec<_>>())?;
    if !rows.quality.is_empty() {
        verified.rejecting = rejecting(&held.compared, &held.rows, &rows.quality);
    }
    let hard = hardest(&held.compared, &verified, HARDEST);
    let [different, same] = [&hard.different, &hard.same].map(|all| held.named(all, &rows));
    let own = data.as_ref().map(|data| Output::Own(data.root().join("verify.html")));
    let page = settings.out.clone().map(Output::Given).or(own);
    if let Some(page) = &page {
        let shown = VerificationPage {
            title: "Verification".to_owned(),
            source,
            caution,
            settings: shown,
            verified: &verified,
            different: held.shown(&hard.different, &rows),
            same: held.shown(&hard.same, &rows),
            // Only beside the dataset's folders do links to its pictures lead anywhere.
            faces_folder: if settings.out.is_none() {
                ImageKind::Face.folder().into()
            } else {
                String::new()
            },
        };
        let mut pictures: Box<dyn Pictures> = match &data {
            Some(data) => Box::new(pictures(data)),
            None => Box::new(NoPictures),
        };
        page.write(|out| shown.render(out, &mut *pictures).map_err(std::io::Error::other))?;
    }
    Ok(VerifyResult {
        labels: from,
        verified,
        hardest: HardestPairs { different, same },
        missing: held.missing,
        page: page.map(Output::into_path),
    })
}

/// Pairs with their distances.
struct Held {
    compared: Vec<Compared>,
    /// Rows of each; of an image with several the first.
    rows: Vec<[usize; 2]>,
    /// Pairs that lack a face.
    missing: Vec<Pair>,
    names: Names,
}

/// What the sides of pairs are called.
enum Names {
    /// By the pairs of a file, in the order of those compared.
    Given(Vec<Pair>),
    /// By the label of each row.
    Labels(Vec<i64>, Labelled),
}

impl Held {
    /// The images or faces of a pair.
    fn names(&self, at: usize, rows: &Rows) -> [String; 2] {
        match &self.names {
            Names::Given(pairs) => [pairs[at].left.clone(), pairs[at].right.clone()],
            Names::Labels(..) => self.rows[at].map(|row| rows.names[row].clone()),
        }
    }

    fn named(&self, pairs: &[HardPair], rows: &Rows) -> Vec<VerifiedPair> {
        let pair = |p: &HardPair| {
            let [left, right] = self.names(p.index, rows);
            VerifiedPair { left, right, distance: p.distance, wrong: p.wrong, more: p.more }
        };
        pairs.iter().map(pair).collect()
    }

    fn shown(&self, pairs: &[HardPair], rows: &Rows) -> Vec<ShownPair> {
        let pair = |p: &HardPair| {
            let sides = std::array::from_fn(|side| {
                let row = self.rows[p.index][side];
                let name = match &self.names {
                    Names::Given(_) => self.names(p.index, rows)[side].clone(),
                    Names::Labels(labels, called) => called.name(labels[row]),
                };
                PairSide {
                    name,
                    image: rows.names[row].clone(),
                    face: rows.names[row].parse::<FaceId>().ok(),
                }
            });
            ShownPair { sides, distance: p.distance, wrong: p.wrong, more: p.more }
        };
        pairs.iter().map(pair).collect()
    }
}

/// The distances of the pairs of a file, whose people are given, and those that lack a face.
fn given_pairs(
    pairs: &[Pair],
    people: &[[u32; 2]],
    rows: &Rows,
    data: Option<&Dataset>,
    metric: Metric,
) -> Result<Held> {
    let wanted = pairs.iter().flat_map(|p| [p.left.as_str(), p.right.as_str()]);
    let mut found = rows_by_name(wanted, &rows.names);
    if let Some(data) = data {
        in_the_middle(&mut found, data, &rows.names)?;
    }
    let vectors: HashMap<&str, (usize, Vec<f32>)> = found
        .into_iter()
        .filter_map(|(name, of)| Some((name, (*of.first()?, mean(&rows.vectors, &of)))))
        .collect();
    let both = |p: &Pair| vectors.get(p.left.as_str()).zip(vectors.get(p.right.as_str()));
    let (there, missing): (Vec<_>, Vec<_>) = pairs.iter().zip(people).partition(|(p, _)| both(p).is_some());
    if there.is_empty() {
        let named = pairs.first().map_or("", |p| p.left.as_str());
        let row = rows.names.first().map_or("", String::as_str);
        return Err(Error::Mismatch(format!(
            "no pair has both of its faces (a pair names '{named}', a row is '{row}')"
        )));
    }
    let compare = |&(p, &people): &(&Pair, &[u32; 2])| {
        let (left, right) = both(p)?;
        let distance = metric.distance(&left.1, &right.1);
        Some((Compared { distance, same: p.same, fold: Some(p.fold), people }, [left.0, right.0]))
    };
    let (compared, of_rows) = there.par_iter().filter_map(compare).unzip();
    let owned =
        |pairs: Vec<(&Pair, &[u32; 2])>| pairs.into_iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
    Ok(Held { compared, rows: of_rows, missing: owned(missing), names: Names::Given(owned(there)) })
}

/// The distances of pairs that are drawn from labels.
fn drawn_pairs(
    labels: Vec<i64>,
    called: Labelled,
    settings: &VerifySettings,
    rows: &Rows,
    metric: Metric,
) -> Held {
    let &VerifySettings { folds, per_fold, seed, .. } = settings;
    let drawn = draw_pairs(&labels, Draw { folds, per_fold, seed, ..Draw::default() });
    let numbers: HashMap<i64, u32> = {
        let mut all: Vec<i64> = labels.clone();
        all.sort_unstable();
        all.dedup();
        all.into_iter().zip(0..).collect()
    };
    let compare = |&(a, b, same, fold): &(usize, usize, bool, Option<usize>)| {
        let distance = metric.distance(rows.vectors.row(a), rows.vectors.row(b));
        let people = [numbers[&labels[a]], numbers[&labels[b]]];
        (Compared { distance, same, fold, people }, [a, b])
    };
    let (compared, of_rows) = drawn.pairs.par_iter().map(compare).unzip();
    Held { compared, rows: of_rows, missing: Vec::new(), names: Names::Labels(labels, called) }
}
