//! Labels against true ones, and how well distances tell people apart.

use serde_json::{Value, json};
use streamface_eval::Prf;
use streamface_eval::format::Digits;
use streamface_eval::metrics::{Change, Noise, Part, ReviewScores};
use streamface_pipeline::{ScoreResult, VerifiedPair, VerifyResult};

use super::{count, faces, pairs};

/// Parts of a person that are listed.
const PARTS: usize = 5;

/// `streamface score`: the worst `people`, and with `list` the names that only one file has.
pub fn score(result: &ScoreResult, people: usize, list: bool, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        say!("{:#}", to_json(result, people, list)?);
        return Ok(());
    }
    print_scores(result, list);
    if let Some(review) = &result.review {
        print_review(review);
    }
    print_people(result, people);
    if let Some(page) = &result.page {
        say!("page      {}", page.display());
    }
    Ok(())
}

fn to_json(result: &ScoreResult, people: usize, list: bool) -> anyhow::Result<Value> {
    let mut all = serde_json::to_value(result.scores)?;
    if let Value::Object(all) = &mut all {
        let errors = &result.people;
        all.insert("people_with_errors".to_owned(), errors.len().into());
        all.insert("people".to_owned(), serde_json::to_value(&errors[..errors.len().min(people)])?);
        if let Some(review) = &result.review {
            all.insert("review".to_owned(), serde_json::to_value(review)?);
        }
        if list {
            all.insert("only_in_true_names".to_owned(), json!(result.only_in_true));
            all.insert("only_in_predicted_names".to_owned(), json!(result.only_in_predicted));
        }
        if let Some(page) = &result.page {
            all.insert("page".to_owned(), json!(page));
        }
    }
    Ok(all)
}

fn print_scores(result: &ScoreResult, list: bool) {
    let scores = &result.scores;
    let four = |v: f64| Digits(v, 4);
    let prf =
        |p: Prf| format!("F {} (precision {}, recall {})", four(p.f), four(p.precision), four(p.recall));
    let (only_true, only_predicted) = (scores.only_in_true, scores.only_in_predicted);
    say!("faces     {} in both ({only_true} only true, {only_predicted} only predicted)", scores.samples);
    if list {
        result.only_in_true.iter().for_each(|name| say!("only true       {name}"));
        result.only_in_predicted.iter().for_each(|name| say!("only predicted  {name}"));
    }
    say!("people    {} true, {} predicted", scores.true_people, scores.predicted_people);
    let how = match scores.noise {
        Noise::Alone => "each a cluster of its own",
        Noise::Cluster => "all of them one cluster",
    };
    let noise = match (scores.noise_in_predicted, scores.noise_in_true) {
        (0, 0) => String::new(),
        (n, 0) => format!(" ({} noise, {how})", are(n)),
        (n, t) => format!(" ({} noise, and {} noise in truth, {how})", are(n), are(t)),
    };
    say!("coverage  {}{noise}", four(scores.coverage));
    say!("pairwise  {}", prf(scores.pairwise));
    say!("BCubed    {}", prf(scores.bcubed));
    let i = scores.information;
    let [v, homogeneity, completeness] = [i.v_measure, i.homogeneity, i.completeness].map(four);
    say!("V-measure {v} (homogeneity {homogeneity}, completeness {completeness})");
    say!("ARI       {}", four(scores.ari));
    say!("NMI       {}", four(i.nmi));
    say!("AMI       {}", four(i.ami));
    say!("purity    {}", four(scores.purity));
    if scores.labels_in_common == 0 {
        say!("as given  no label is in both files, so none could be equal: no accuracy");
        return;
    }
    let e = scores.equality;
    let [accuracy, precision, recall] = [e.accuracy, e.precision_weighted, e.recall_weighted].map(four);
    say!("as given  accuracy {accuracy} (weighted precision {precision}, recall {recall})");
}

/// `1 face is`, `2 faces are`
fn are(n: u64) -> String {
    format!("{} {}", faces(n), if n == 1 { "is" } else { "are" })
}

fn print_review(review: &ReviewScores) {
    let [before, after] = [&review.before, &review.after].map(|scores| scores.pairwise.f);
    let over = faces(review.after.samples);
    say!("review    pairwise F {before:.4} to {after:.4} ({:+.4}) over {over}", review.gain);
    for (what, changes) in [("joins", &review.joins), ("splits", &review.splits)] {
        let sum = |of: fn(&Change) -> u64| changes.iter().map(of).sum::<u64>();
        let (right, wrong) = (pairs(sum(|c| c.right)), sum(|c| c.wrong));
        say!("{what:<9} {}: {right} set right, {wrong} set wrong", changes.len());
    }
}

fn print_people(result: &ScoreResult, most: usize) {
    for person in result.people.iter().take(most) {
        let part =
            |p: &Part| format!("{} ({} of {})", result.predicted.name(p.label), p.faces, p.faces + p.others);
        let mut parts: Vec<String> = person.parts.iter().take(PARTS).map(part).collect();
        if person.parts.len() > PARTS {
            parts.push(format!("{} more", person.parts.len() - PARTS));
        }
        say!(
            "errors    {}: {}, {} missed, {} wrong; in {}",
            result.truth.name(person.label),
            faces(person.faces),
            pairs(person.pairs_missed),
            person.pairs_wrong,
            parts.join(", ")
        );
    }
    if result.people.len() > most {
        say!("errors    {}", count(result.people.len() - most, "more person", "more people"));
    }
}

/// `streamface verify`.
pub fn verification(result: &VerifyResult, as_json: bool) -> anyhow::Result<()> {
    let VerifyResult { labels, verified: v, missing, page, .. } = result;
    if as_json {
        let mut all = serde_json::to_value(v)?;
        if let Value::Object(all) = &mut all {
            all.insert("labels".to_owned(), labels.as_ref().map(ToString::to_string).into());
            all.insert("hardest".to_owned(), serde_json::to_value(&result.hardest)?);
            all.insert("skipped".to_owned(), missing.len().into());
            let names: Vec<_> = missing.iter().map(|p| json!([p.left, p.right])).collect();
            all.insert("skipped_pairs".to_owned(), names.into());
            if let Some(page) = page {
                all.insert("page".to_owned(), json!(page));
            }
        }
        say!("{all:#}");
        return Ok(());
    }
    if let Some(labels) = labels {
        say!("labels    {labels}");
    }
    say!("pairs     {} of one person, {} of two", v.same, v.different);
    if let Some(first) = missing.first() {
        let lack = if missing.len() == 1 { "lacks" } else { "lack" };
        let skipped = pairs(missing.len());
        say!("skipped   {skipped} {lack} a face, such as {} and {}", first.left, first.right);
    }
    say!("accuracy  {} ± {:.4} over {} folds", Digits(v.accuracy, 4), v.standard_error, v.folds.len());
    if v.missing > 0 {
        say!(
            "          {} ± {:.4} with {} without a face counted as refused",
            Digits(v.accuracy_with_missing, 4),
            v.standard_error_with_missing,
            pairs(v.missing)
        );
    }
    if v.people_in_several_folds > 0 {
        say!("folds     share {} of {} people: the accuracy flatters", v.people_in_several_folds, v.people);
    }
    say!("AUC       {}", Digits(v.auc, 6));
    say!("EER       {} at distance {:.4}", Digits(v.eer, 4), v.eer_threshold);
    for at in &v.tar_at_far {
        let interval =
            at.interval.map_or_else(String::new, |[low, high]| format!(" ({low:.4} to {high:.4})"));
        say!("TAR       {}{interval} at FAR {}", Digits(at.tar, 4), at.far);
    }
    if let Some(few) = v.too_few {
        let (accepted, needed) = (pairs(few.accepted), few.needed);
        say!("TAR       not told at FAR {}: {accepted} of two people accepted, {needed} are needed", few.far);
    }
    let wrong = |all: &[VerifiedPair]| all.iter().filter(|p| p.wrong).map(|p| 1 + p.more).sum::<u64>();
    let (accepted, refused) = (wrong(&result.hardest.different), wrong(&result.hardest.same));
    if accepted + refused > 0 && page.is_some() {
        say!(
            "hardest   {} of two people accepted, {refused} of one refused: shown on the page",
            pairs(accepted)
        );
    }
    if let Some(page) = page {
        say!("page      {}", page.display());
    }
    Ok(())
}
