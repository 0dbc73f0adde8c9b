//! Clusterings of vectors, evaluations and matchings of clusters.

use std::path::Path;

use serde_json::json;
use streamface_pipeline::{EvaluateResult, JoinResult, LinkResult, MatchResult, VectorsResult};

use super::{count, faces, pairs};

/// `streamface cluster --vectors`.
pub fn vectors(found: &VectorsResult, out: &Path, as_json: bool) {
    let &VectorsResult { rows, clusters, links, bands, read, join, link, total, .. } = found;
    if as_json {
        let seconds = json!({
            "read": read.as_secs_f64(), "join": join.as_secs_f64(), "link": link.as_secs_f64(),
            "total": total.as_secs_f64(),
        });
        let summary =
            json!({"rows": rows, "clusters": clusters, "links": links, "bands": bands, "seconds": seconds});
        say!("{summary:#}");
    } else {
        let (rows, clusters) = (count(rows, "row", "rows"), count(clusters, "cluster", "clusters"));
        say!("{rows}, {clusters}, {:.1} s: {}", total.as_secs_f64(), out.display());
    }
}

/// `streamface cluster join`.
pub fn join(found: &JoinResult, out: &Path, as_json: bool) {
    if as_json {
        let seconds = json!({"join": found.time.as_secs_f64()});
        say!("{:#}", json!({"rows": found.rows, "links": found.links, "seconds": seconds}));
    } else {
        let (links, rows) = (count(found.links, "link", "links"), count(found.rows, "row", "rows"));
        say!("{links} among {rows}: {}", out.display());
    }
}

/// `streamface cluster link`.
pub fn link(found: &LinkResult, out: &Path, as_json: bool) {
    let &LinkResult { rows, clusters, links, .. } = found;
    if as_json {
        say!("{:#}", json!({"rows": rows, "clusters": clusters, "links": links}));
    } else {
        let (rows, clusters) = (count(rows, "row", "rows"), count(clusters, "cluster", "clusters"));
        say!("{rows}, {clusters}, {}: {}", count(links, "link", "links"), out.display());
    }
}

/// `streamface evaluate`.
pub fn evaluation(mut result: EvaluateResult, samples: bool, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        if !samples {
            result.intrinsic.samples.clear();
        }
        let mut all = serde_json::to_value(&result.intrinsic)?;
        all["labels"] = result.labels.to_string().into();
        all["names"] = json!(result.names);
        say!("{all:#}");
        return Ok(());
    }
    let found = &result.intrinsic;
    let score = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    say!("labels             {}", result.labels);
    let clusters = count(found.clusters, "cluster", "clusters");
    say!("faces              {} in {clusters}, {} of one face", found.faces, found.singletons);
    say!("silhouette         {} ({})", score(found.silhouette), found.metric);
    say!("Davies–Bouldin     {}", score(found.davies_bouldin));
    say!("Calinski–Harabasz  {}", score(found.calinski_harabasz));
    for skipped in &found.skipped {
        say!("left out           {}: {}", skipped.measure, skipped.why);
    }
    if found.silhouette.is_some() {
        let them = match (&result.page, result.shown) {
            (None, _) => String::new(),
            (_, 1) => "; the lowest silhouette is on the page".to_owned(),
            (_, shown) => format!("; the {shown} lowest silhouettes are on the page"),
        };
        let doubtful = result.doubtful;
        let are = if doubtful == 1 { "is" } else { "are" };
        say!("likely errors      {doubtful} of {} {are} nearer to another cluster{them}", faces(found.faces));
    }
    if let Some(page) = &result.page {
        say!("page               {}", page.display());
    }
    Ok(())
}

/// Pairs that could not be joined, and are said to be so one by one.
const REFUSED_SHOWN: usize = 3;

/// `streamface match`; `sure` where the wanted rule has sure pairs, `next` is the directory.
pub fn matching(result: &MatchResult, mode: &str, sure: bool, next: Option<&Path>, as_json: bool) {
    let MatchResult {
        matches: found, min, max, joined, file, read, total, impossible, labels, names, ..
    } = result;
    let [read, total] = [read, total].map(|time| time.as_secs_f64());
    let file = file.display();
    if as_json {
        let refused = joined.as_ref().map(|joined| {
            let one = joined.refused.iter().map(|(pair, why)| {
                json!({"a": pair.a, "b": pair.b, "distance": pair.distance, "why": why.to_string()})
            });
            one.collect::<Vec<_>>()
        });
        let summary = json!({
            "labels": labels.to_string(), "names": names, "impossible": impossible,
            "clusters": found.clusters, "sure": found.sure.len(), "ask": found.ask.len(),
            "reached": found.reached, "joined": joined.as_ref().map(|j| j.decisions), "refused": refused,
            "min": min, "max": max, "mode": mode, "file": file.to_string(),
            "seconds": {"read": read, "total": total},
        });
        say!("{summary:#}");
        return;
    }
    say!("labels    {labels}");
    say!("clusters  {}", found.clusters);
    if sure {
        say!("sure      {} nearer than {min}", pairs(found.sure.len()));
    }
    say!("ask       {} up to {}", pairs(found.ask.len()), found.reached.unwrap_or(*max));
    if *impossible > 0 {
        say!("apart     {}: in one frame, or said to be different", pairs(*impossible));
    }
    if found.reached.is_some() {
        say!("left out  pairs beyond that: --most keeps no more");
    }
    if let Some(joined) = joined {
        say!("joined    {}, each a decision by auto that can be undone", pairs(joined.decisions));
        let called = |label: i64| names.get(&label).cloned().unwrap_or_else(|| label.to_string());
        for (pair, why) in joined.refused.iter().take(REFUSED_SHOWN) {
            say!("not       {} and {}: {why}", called(pair.a), called(pair.b));
        }
        if joined.refused.len() > REFUSED_SHOWN {
            say!("not       {} more (--json lists them)", joined.refused.len() - REFUSED_SHOWN);
        }
    }
    say!("pairs     {file} ({total:.1} s)");
    if let Some(dir) = next {
        say!("next      streamface review {}", dir.display());
    }
}
