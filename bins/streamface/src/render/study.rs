//! The study of thresholds.

use std::path::Path;

use serde_json::json;
use streamface_eval::study::{baseline_text, joins};
use streamface_pipeline::StudyResult;

/// `streamface study`; `dir` is the dataset directory, where it was one.
pub fn study(result: &StudyResult, dir: Option<&Path>, as_json: bool) {
    let StudyResult { study, nearest_of_a_frame, out, .. } = result;
    let (threshold, page) = (study.threshold(), out.join("study.html"));
    if as_json {
        let answer = study.answer();
        let all = json!({
            "threshold": answer.threshold,
            "expected_false_merges": answer.expected_false_merges,
            "interval": answer.interval,
            "present": study.present,
            "recommendation": study.recommendation,
            "sweep": study.sweep,
            "baselines": study.baselines,
            "page": page,
        });
        say!("{all:#}");
        return;
    }
    say!("threshold  clusters  singletons  false merges  silhouette  pairwise F  BCubed F");
    for row in &study.sweep {
        let or = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
        let joined = row.false_merges.map_or_else(|| "-".to_owned(), |found| joins(found.expected));
        let line = format!(
            "{:>9}  {:>8}  {:>10}  {joined:>12}  {:>10}  {:>10}  {:>8}  {}",
            short(row.threshold),
            row.clusters,
            row.singletons,
            or(row.silhouette),
            or(row.pairwise.as_ref().map(|p| p.value.f)),
            or(row.bcubed.as_ref().map(|p| p.value.f)),
            study.names_of(row.threshold).join(", "),
        );
        say!("{}", line.trim_end());
    }
    if !study.baselines.is_empty() {
        say!("");
        say!("{}", baseline_text(&study.baselines).trim_end());
    }
    say!("");
    say!("{}", study.why());
    if let Some(found) = &study.recommendation {
        say!("{}", found.sure);
        found.notes.iter().for_each(|note| say!("{note}"));
    }
    if let Some((a, b, distance)) = nearest_of_a_frame {
        say!("nearest two faces of one frame: {a} and {b}, {distance:.3}");
    }
    say!("page       {}", page.display());
    match (threshold, dir) {
        (Some(t), Some(dir)) => say!(
            "next       streamface cluster {}, which judges merges one by one; or with --threshold {t}",
            dir.display()
        ),
        (Some(t), None) => say!("next       --threshold {t}"),
        (None, _) => {}
    }
}

/// A threshold with three digits, or more where it has them.
fn short(threshold: f64) -> String {
    let exact = format!("{threshold:.6}");
    let exact = exact.trim_end_matches('0');
    let three = format!("{threshold:.3}");
    if exact.len() > three.len() { exact.to_owned() } else { three }
}
