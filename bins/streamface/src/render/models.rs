//! Models, and what is missing on this machine.

use serde_json::{Value, json};
use streamface_model::{CacheState, Manifest, Precision};
use streamface_pipeline::{
    AddedModel, Check, CheckedModel, ModelState, NetworkTimes, Pulled, packages, state_word,
};

use super::Outcome;

/// One model that `streamface models pull` has put in place.
pub fn pulled(done: &Pulled) {
    let what = if done.fetched { "fetched and checked" } else { "already there, and right" };
    say!("{}: {what}: {}", done.name, done.path);
}

/// All of them as JSON.
pub fn pulled_json(all: &[Pulled]) {
    let one = |p: &Pulled| json!({"name": p.name, "path": p.path, "fetched": p.fetched});
    say!("{:#}", all.iter().map(one).collect::<Value>());
}

/// `streamface models list`.
pub fn list(models: &[ModelState], as_json: bool) {
    if as_json {
        let entry = |ModelState { model: m, path, state, .. }: &ModelState| {
            json!({
                "name": m.name, "role": m.kind.to_string(), "source": m.source, "package": packages(m),
                "sha256": m.sha256(), "licence": m.licence, "licence_note": m.licence_note,
                "state": state_word(state), "path": path, "int8": m.precision == Precision::Int8,
            })
        };
        say!("{:#}", models.iter().map(entry).collect::<Value>());
        return;
    }
    for ModelState { model: m, state, .. } in models {
        say!("{:<18} {:<9} {:<8} {}", m.name, m.kind, state_word(state), m.source);
        if m.precision == Precision::Int8 {
            say!(
                "{:<18} in whole numbers of 8 bits: faster where the processor has AVX-512 VNNI (docs/models.md)",
                ""
            );
        }
        say!("{:<18} {}; licence {}. {}", "", packages(m), m.licence, m.licence_note);
        if let Some((threshold, how)) = recommended(m) {
            say!("{:<18} {threshold}: {how}", "");
        }
    }
}

/// What a manifest recommends, and how that was found.
fn recommended(m: &Manifest) -> Option<(String, &str)> {
    match (m.detector(), m.embedder()) {
        (Ok(d), _) => Some((format!("score {}, size {}", d.score, d.size), &d.how)),
        (_, Ok(e)) => Some((format!("threshold {} ({:?})", e.threshold, e.metric).to_lowercase(), &e.how)),
        _ => None,
    }
}

/// `streamface models add`.
pub fn added(done: &AddedModel, as_json: bool) {
    if !as_json {
        return say!("{done}");
    }
    let (name, path) = (&done.model.name, done.model.origin());
    say!("{:#}", json!({"name": name, "manifest": path, "sha256": done.model.sha256(), "trial": done.trial}));
}

/// `streamface models check`.
pub fn check(models: &[CheckedModel], as_json: bool) -> Outcome {
    // A model that no run uses unless it is named is not missed.
    let there = |m: &CheckedModel| {
        m.found.state == CacheState::Good
            || (!m.found.in_use && matches!(m.found.state, CacheState::Missing(_)))
    };
    let there = models.iter().all(there);
    let good = there && models.iter().all(|m| m.wrong.is_empty());
    if as_json {
        let one = |m: &CheckedModel| json!({"name": m.found.model.name, "state": state_word(&m.found.state), "path": m.found.path, "compared": m.compared, "wrong": m.wrong});
        say!("{:#}", models.iter().map(one).collect::<Value>());
        return Outcome::complete(good);
    }
    for CheckedModel { found: ModelState { model, path, state, .. }, wrong, compared, .. } in models {
        let compared = compared
            .map_or(String::new(), |n| format!(" ({} compared)", super::count(n, "number", "numbers")));
        say!("{:<18} {:<8} {path}{compared}", model.name, state_word(state));
        wrong.iter().for_each(|what| say!("{:<18} {what}", ""));
    }
    if !there {
        say!("mend it with: streamface models pull");
    }
    Outcome::complete(good)
}

/// `streamface models bench` and `profile`. As JSON one object; a list of a model of several networks.
pub fn times(all: &[NetworkTimes], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let json = if let [one] = all { serde_json::to_string(one)? } else { serde_json::to_string(all)? };
        say!("{json}");
        return Ok(());
    }
    for t in all {
        say!(
            "{} {:?}: {:.2} ms a run (median; least {:.2}), ready in {:.0} ms",
            t.network,
            t.shape,
            t.median_ms,
            t.least_ms,
            t.ready_ms
        );
        if t.batch > 1 {
            say!("  {:.3} ms a picture, {} of them a run", t.median_ms / t.batch as f64, t.batch);
        }
        let of = super::count(t.threads, "thread", "threads");
        say!("  {} on {of}, {}", t.engine, t.instructions);
        if let Some(why) = &t.why_tract {
            say!("  not by streamface-exec: {why}");
        }
        if t.million_products > 0.0 {
            let (share, peak) = (100.0 * t.share_of_peak, t.peak_giga_products);
            say!(
                "  {:.0} million multiplications, {share:.0} % of what {of} can do in f32 ({peak:.0} thousand million a second each)",
                t.million_products
            );
        }
        if !t.parts.is_empty() {
            say!("  the least time of each part of {} runs; shares are of their sum", t.runs);
            say!("{:>9} {:>6} {:>9} {:>8} {:>8}  part", "ms", "share", "million", "MB", "of peak");
        }
        for p in &t.parts {
            let (share, peak) = (100.0 * p.share, 100.0 * p.share_of_peak);
            let known = if t.million_products > 0.0 {
                format!("{:>9.2} {:>8.2} {peak:>7.0}%", p.million_products, p.megabytes)
            } else {
                format!("{:>9} {:>8} {:>8}", "", "", "")
            };
            say!("{:>9.3} {share:>5.1}% {known}  {}", p.ms, p.name);
        }
    }
    Ok(())
}

/// `streamface doctor`.
pub fn doctor(checks: &[Check], as_json: bool) -> Outcome {
    let outcome = Outcome::complete(!checks.iter().any(Check::fails));
    if as_json {
        let one = |c: &Check| json!({"what": c.what, "state": c.state, "mend": c.mend, "needed": c.needed});
        say!("{:#}", checks.iter().map(one).collect::<Value>());
        return outcome;
    }
    for c in checks {
        say!("{} {:<20} {}", if c.mend.is_none() { "ok     " } else { "missing" }, c.what, c.state);
        if let Some(mend) = &c.mend {
            say!("        {:<20} {mend}", "mend it with");
        }
    }
    outcome
}
