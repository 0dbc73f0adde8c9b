//! Step 9: labels against true ones.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use streamface_eval::format::Digits;
use streamface_eval::labels::{Labelled, read_labelled, stem};
use streamface_eval::metrics::{PersonErrors, ReviewScores, Shared, person_errors};
use streamface_eval::{Prf, Scores};
use streamface_report::{Comparison, ComparisonLimits, Folder, NoPictures, Pictures};
use streamface_store::{ImageKind, write_atomic};

use super::Outcome;
use crate::args::ScoreArgs;

/// `streamface score`.
///
/// # Errors
/// A file cannot be read, or the two name no face together.
pub fn score(args: &ScoreArgs) -> anyhow::Result<Outcome> {
    let (truth, mut predicted) = (read_labelled(&args.truth)?, read_labelled(&args.predicted)?);
    let mut before = args.before.as_ref().map(read_labelled).transpose()?;
    // Texts are numbered alike in all files, since a label is asked to equal itself.
    predicted.agree_with(&truth);
    if let Some(before) = &mut before {
        before.agree_with(&truth);
    }
    let shared = Shared::new(&truth.labels, &predicted.labels)
        .with_context(|| format!("{} against {}", args.predicted.display(), args.truth.display()))?;
    let scores = shared.scores();
    let review = before.as_ref().map(|before| review(&shared, before));
    let people = person_errors(&shared.table());
    if let Some(page) = &args.html {
        let comparison = Comparison {
            title: "Two labellings".to_owned(),
            source: format!("{} against {}", args.predicted.display(), args.truth.display()),
            names: names(&args.truth, &args.predicted),
            labels: [&truth, &predicted],
            shared: &shared,
            scores: &scores,
            review: review.as_ref().zip(before.as_ref()),
            faces_folder: links(page, args.faces.as_deref()),
            limits: ComparisonLimits::default(),
        };
        let mut pictures: Box<dyn Pictures> = match &args.faces {
            Some(dir) => Box::new(Folder::new(faces_of(dir))),
            None => Box::new(NoPictures),
        };
        write_atomic(page, |out| comparison.render(out, &mut *pictures).map_err(std::io::Error::other))?;
    }
    if args.common.json {
        say_json(args, &shared, &scores, review.as_ref(), &people)?;
    } else {
        say_text(args, &shared, &scores);
        if let Some(review) = &review {
            say_review(review);
        }
        say_people(args, &truth, &predicted, &people);
        if let Some(page) = &args.html {
            say!("page      {}", page.display());
        }
    }
    let short = args.at_least.is_some_and(|wanted| scores.pairwise.f < wanted);
    Ok(if short { Outcome::Incomplete } else { Outcome::Done })
}

/// Over the faces that have all three labels.
fn review(shared: &Shared<'_>, before: &Labelled) -> ReviewScores {
    let by_stem: std::collections::BTreeMap<&str, i64> =
        before.labels.iter().map(|(name, &label)| (stem(name), label)).collect();
    ReviewScores::new(
        shared.both.iter().filter_map(|&(name, truth, after)| Some((truth, *by_stem.get(name)?, after))),
    )
}

/// What the two files are called on the page: as little of their paths as tells them apart.
fn names(truth: &Path, predicted: &Path) -> [String; 2] {
    let last = |path: &Path, parts: usize| {
        let all: Vec<_> = path.components().rev().take(parts).collect();
        let path: std::path::PathBuf = all.into_iter().rev().collect();
        path.display().to_string()
    };
    let different = (1..20).find(|&n| last(truth, n) != last(predicted, n));
    match different {
        Some(n) => [last(truth, n), last(predicted, n)],
        None => ["the true labels".to_owned(), "the predicted labels".to_owned()],
    }
}

/// The folder of the pictures: that of a dataset, or the folder itself.
fn faces_of(dir: &Path) -> std::path::PathBuf {
    let inside = dir.join(ImageKind::Face.folder());
    if inside.is_dir() { inside } else { dir.to_owned() }
}

/// Where the page's pictures lead: to the folder where that is beside or below the page, else nowhere.
fn links(page: &Path, faces: Option<&Path>) -> String {
    let beside = |faces: &Path| {
        let parent = page.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (parent, faces) = (parent.canonicalize().ok()?, faces_of(faces).canonicalize().ok()?);
        Some(faces.strip_prefix(parent).ok()?.to_str()?.to_owned())
    };
    faces.and_then(beside).unwrap_or_default()
}

fn say_json(
    args: &ScoreArgs,
    shared: &Shared<'_>,
    scores: &Scores,
    review: Option<&ReviewScores>,
    people: &[PersonErrors],
) -> anyhow::Result<()> {
    let mut all = serde_json::to_value(scores)?;
    if let Value::Object(all) = &mut all {
        all.insert("people_with_errors".to_owned(), people.len().into());
        all.insert("people".to_owned(), serde_json::to_value(&people[..people.len().min(args.people)])?);
        if let Some(review) = review {
            all.insert("review".to_owned(), serde_json::to_value(review)?);
        }
        if args.list {
            all.insert("only_in_true_names".to_owned(), json!(shared.only_in_true));
            all.insert("only_in_predicted_names".to_owned(), json!(shared.only_in_predicted));
        }
        if let Some(page) = &args.html {
            all.insert("page".to_owned(), json!(page));
        }
    }
    say!("{all:#}");
    Ok(())
}

fn say_text(args: &ScoreArgs, shared: &Shared<'_>, scores: &Scores) {
    let four = |v: f64| Digits(v, 4);
    let prf =
        |p: Prf| format!("F {} (precision {}, recall {})", four(p.f), four(p.precision), four(p.recall));
    say!(
        "faces     {} in both ({} only true, {} only predicted)",
        scores.samples,
        scores.only_in_true,
        scores.only_in_predicted
    );
    if args.list {
        shared.only_in_true.iter().for_each(|name| say!("only true       {name}"));
        shared.only_in_predicted.iter().for_each(|name| say!("only predicted  {name}"));
    }
    say!("people    {} true, {} predicted", scores.true_clusters, scores.predicted_clusters);
    say!("pairwise  {}", prf(scores.pairwise));
    say!("BCubed    {}", prf(scores.bcubed));
    let i = scores.information;
    say!(
        "V-measure {} (homogeneity {}, completeness {})",
        four(i.v_measure),
        four(i.homogeneity),
        four(i.completeness)
    );
    say!("ARI       {}", four(scores.ari));
    say!("NMI       {}", four(i.nmi));
    say!("AMI       {}", four(i.ami));
    say!("purity    {}", four(scores.purity));
    if scores.labels_in_common == 0 {
        say!("as given  no label is in both files, so none could be equal: no accuracy");
        return;
    }
    let e = scores.equality;
    say!(
        "as given  accuracy {} (weighted precision {}, recall {})",
        four(e.accuracy),
        four(e.precision_weighted),
        four(e.recall_weighted)
    );
}

fn say_review(review: &ReviewScores) {
    say!(
        "review    pairwise F {:.4} to {:.4} ({:+.4}) over {} faces",
        review.before.pairwise.f,
        review.after.pairwise.f,
        review.gain,
        review.after.samples
    );
    for (what, changes) in [("joins", &review.joins), ("splits", &review.splits)] {
        let sum = |of: fn(&streamface_eval::metrics::Change) -> u64| changes.iter().map(of).sum::<u64>();
        say!(
            "{what:<9} {}: {} pairs set right, {} set wrong",
            changes.len(),
            sum(|c| c.right),
            sum(|c| c.wrong)
        );
    }
}

fn say_people(args: &ScoreArgs, truth: &Labelled, predicted: &Labelled, people: &[PersonErrors]) {
    /// Parts of a person that are told.
    const PARTS: usize = 5;
    for person in people.iter().take(args.people) {
        let part = |p: &streamface_eval::metrics::Part| {
            format!("{} ({} of {})", predicted.name(p.label), p.faces, p.faces + p.others)
        };
        let mut parts: Vec<String> = person.parts.iter().take(PARTS).map(part).collect();
        if person.parts.len() > PARTS {
            parts.push(format!("{} more", person.parts.len() - PARTS));
        }
        say!(
            "errors    {}: {} faces, {} pairs missed, {} wrong; in {}",
            truth.name(person.label),
            person.faces,
            person.pairs_missed,
            person.pairs_wrong,
            parts.join(", ")
        );
    }
    if people.len() > args.people {
        say!("errors    {} more people", people.len() - args.people);
    }
}
