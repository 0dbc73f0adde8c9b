//! Step 8, its end: what was decided, as labels.

use std::path::Path;

use anyhow::bail;
use serde_json::json;
use streamface_annotate::finalize::{ANNOTATIONS, PEOPLE, Summary};
use streamface_annotate::{Finalized, Numbering, Report};
use streamface_store::{Dataset, LabelRow};
use streamface_types::Label;

use super::Outcome;
use super::extract::open_existing;
use super::people::Reviewed;
use crate::args::FinalizeArgs;

/// Conflicts that are told one by one.
const MOST_TOLD: usize = 20;

/// `streamface finalize`.
///
/// # Errors
/// No labels yet, a journal with a broken line, what reading and writing meets.
pub fn finalize(args: &FinalizeArgs) -> anyhow::Result<Outcome> {
    let data = open_existing(&args.dir)?;
    let Reviewed { people, decisions, clustered, unclustered } = Reviewed::read(&data, !args.same_frame)?;
    if clustered == 0 {
        bail!("{} has no labels yet; run streamface cluster {0} first", data.root().display());
    }
    let numbering = if args.compat { Numbering::Compat } else { Numbering::Stable };
    let done = Finalized::new(&people, numbering);
    done.write(&data.metadata(), &people)?;
    if args.folders {
        let rows = people.faces().iter().zip(&done.labels);
        let rows: Vec<_> = rows.map(|(face, &l)| LabelRow::new(face.clone(), Label(l))).collect();
        data.write_labeled_faces(&rows)?;
    }
    let (summary, report) = (done.summary(&people), people.report());
    let holding = decisions.iter().filter(|d| people.holds(d.id)).count();
    if args.common.json {
        let mut all = as_json(&data, &summary, &report, holding)?;
        all["unclustered"] = unclustered.len().into();
        say!("{all:#}");
    } else {
        warn_unclustered(&args.dir, unclustered.len());
        print(&data, &summary, &report, holding, args.folders);
    }
    Ok(if report.conflicts.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

fn print(data: &Dataset, s: &Summary, report: &Report, holding: usize, folders: bool) {
    say!(
        "people   {} of {} faces, from {} clusters by {holding} decisions",
        s.after,
        s.faces - s.noisy,
        s.before
    );
    say!(
        "changes  {} clusters joined, {} people pulled out, {} faces of no one, {} names",
        s.merged,
        s.pulled_out,
        s.noisy,
        s.named
    );
    if s.undecided > 0 {
        say!("open     {} pairs that nobody could tell", s.undecided);
    }
    if !report.unknown.is_empty() {
        let times: usize = report.unknown.iter().map(|(_, times)| times).sum();
        say!("missing  {} decisions name faces that are not there, {times} in all", s.unknown);
    }
    print_conflicts(report);
    say!("written  {}", data.metadata().join(ANNOTATIONS).display());
    say!("         {}", data.metadata().join(PEOPLE).display());
    if folders {
        say!("         {}", data.root().join("labeled_faces").display());
    }
}

/// Says on standard error that there are faces that no clustering has seen.
pub(super) fn warn_unclustered(dir: &Path, faces: usize) {
    if faces > 0 {
        let dir = dir.display();
        eprintln!(
            "{faces} faces are in no cluster yet, and no one's; streamface cluster {dir} --append takes them in"
        );
    }
}

/// Says on standard error which decisions are not followed, and why.
pub(super) fn print_conflicts(report: &Report) {
    for conflict in report.conflicts.iter().take(MOST_TOLD) {
        eprintln!("not followed: decision {}: {conflict}", conflict.decision);
    }
    if report.conflicts.len() > MOST_TOLD {
        eprintln!("not followed: {} more", report.conflicts.len() - MOST_TOLD);
    }
}

fn as_json(
    data: &Dataset,
    s: &Summary,
    report: &Report,
    holding: usize,
) -> anyhow::Result<serde_json::Value> {
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
    let mut all = serde_json::to_value(s)?;
    all["decisions"] = holding.into();
    all["conflicts"] = conflicts.into();
    all["unknown"] =
        report.unknown.iter().map(|(id, times)| json!({"decision": id, "faces": times})).collect();
    all["annotations"] = json!(data.metadata().join(ANNOTATIONS));
    all["people"] = json!(data.metadata().join(PEOPLE));
    Ok(all)
}
