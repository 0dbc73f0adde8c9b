//! Decisions: what they came to, and those that are not followed.

use std::path::Path;

use serde_json::json;
use streamface_annotate::Report;
use streamface_annotate::people::{NameDoubt, NamedPart};
use streamface_pipeline::{FinalizeResult, Review};

use super::{count, faces, pairs};

/// Conflicts that are printed one by one.
const MAX_CONFLICTS: usize = 20;

/// Says on standard error which decisions are not followed, and why.
pub fn print_conflicts(report: &Report) {
    for conflict in report.conflicts.iter().take(MAX_CONFLICTS) {
        eprintln!("not followed: decision {}: {conflict}", conflict.decision);
    }
    if report.conflicts.len() > MAX_CONFLICTS {
        eprintln!("not followed: {} more", report.conflicts.len() - MAX_CONFLICTS);
    }
    for doubt in report.names.iter().take(MAX_CONFLICTS) {
        eprintln!("in doubt: decision {}: {doubt}", doubt.decision);
    }
    if report.names.len() > MAX_CONFLICTS {
        eprintln!("in doubt: {} more names", report.names.len() - MAX_CONFLICTS);
    }
}

/// Says on standard error that there are faces that no clustering has seen.
fn print_unclustered(dir: &Path, faces: usize) {
    if faces > 0 {
        let dir = dir.display();
        let are = if faces == 1 { "is" } else { "are" };
        let them = if faces == 1 { "it" } else { "them" };
        let said = format!("{} {are} in no cluster yet, and no one's", super::faces(faces));
        eprintln!("{said}; streamface cluster {dir} --append takes {them} in");
    }
}

/// `streamface review`, once it can be opened.
pub fn opened(dir: &Path, review: &Review, as_json: bool) {
    print_unclustered(dir, review.unclustered);
    if let Some(torn) = &review.torn {
        eprintln!(
            "the journal ended in half a line, an answer that was never acknowledged: set aside as {}",
            torn.display()
        );
    }
    print_conflicts(&review.report);
    if as_json {
        say!("{}", json!({"url": review.url()}));
    } else {
        say!("{}", review.url());
        say!("open it in a browser; Ctrl-C ends the review, all answers are kept");
    }
}

/// `streamface finalize`.
pub fn finalized(dir: &Path, result: &FinalizeResult, as_json: bool) -> anyhow::Result<()> {
    let FinalizeResult { summary: s, report, decisions, .. } = result;
    if as_json {
        say!("{:#}", to_json(result)?);
        return Ok(());
    }
    print_unclustered(dir, result.unclustered);
    let (before, by) = (count(s.before, "cluster", "clusters"), count(*decisions, "decision", "decisions"));
    say!("people   {} of {}, from {before} by {by}", s.after, faces(s.faces - s.noisy));
    let (joined, out) = (count(s.merged, "cluster", "clusters"), count(s.pulled_out, "person", "people"));
    let (noisy, named) = (faces(s.noisy), count(s.named, "name", "names"));
    say!("changes  {joined} joined, {out} pulled out, {noisy} of no one, {named}");
    if s.undecided > 0 {
        say!("open     {} that nobody could tell", pairs(s.undecided));
    }
    if !report.unknown.is_empty() {
        let times: usize = report.unknown.iter().map(|(_, times)| times).sum();
        let name = if s.unknown == 1 { "decision names" } else { "decisions name" };
        say!("missing  {} {name} faces that are not there, {times} in all", s.unknown);
    }
    print_conflicts(report);
    say!("written  {}", result.annotations.display());
    say!("         {}", result.people.display());
    if let Some(folders) = &result.folders {
        say!("         {}", folders.display());
    }
    Ok(())
}

fn to_json(result: &FinalizeResult) -> anyhow::Result<serde_json::Value> {
    let report = &result.report;
    let conflicts: Vec<_> = report
        .conflicts
        .iter()
        .map(|c| {
            json!({
                "decision": c.decision, "pair": c.pair, "faces": [c.faces.0.to_string(), c.faces.1.to_string()],
                "decisions": c.decisions(), "why": c.to_string()
            })
        })
        .collect();
    let mut all = serde_json::to_value(result.summary)?;
    all["decisions"] = result.decisions.into();
    all["conflicts"] = conflicts.into();
    all["names_in_doubt"] = names_in_doubt(report);
    all["unknown"] =
        report.unknown.iter().map(|(id, times)| json!({"decision": id, "faces": times})).collect();
    all["annotations"] = json!(result.annotations);
    all["people"] = json!(result.people);
    all["unclustered"] = result.unclustered.into();
    Ok(all)
}

/// Names whose faces are no longer one person of that name.
pub fn names_in_doubt(report: &Report) -> serde_json::Value {
    let doubt = |doubt: &NameDoubt| {
        let part = |p: &NamedPart| json!({"label": p.label, "name": p.name, "faces": p.faces});
        json!({
            "decision": doubt.decision, "name": doubt.name, "now": doubt.parts.iter().map(part).collect::<Vec<_>>(),
            "why": doubt.to_string()
        })
    };
    report.names.iter().map(doubt).collect()
}
