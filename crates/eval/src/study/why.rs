//! A recommendation in words.

use super::calibration::{Calibration, Point};
use super::recommendation::{Basis, Recommendation, Target};
use super::sweep::Row;
use crate::format::{Count, share};

pub(super) fn why(found: &Recommendation, calibration: &Calibration, point: Option<&Point>) -> String {
    let evidence = calibration.different;
    let (pairs, shots) = (Count(evidence.pairs), Count(evidence.pairs_of_people));
    let sure = share(calibration.settings.confidence);
    let wanted = found.target.to_string();
    let mut text = match (found.basis, point) {
        (Basis::Observed, Some(p)) => {
            let t = p.threshold;
            let upper = share(p.false_match.upper);
            let seen = match p.false_match.events {
                0 => format!(
                    "none of {pairs} pairs of faces that share a frame ({shots} shots) is as near as {t}"
                ),
                n => format!(
                    "{} of {pairs} pairs of faces that share a frame ({shots} shots) {} as near as {t}",
                    Count(n),
                    if n == 1 { "is" } else { "are" },
                ),
            };
            let allowed = match found.target {
                Target::FalseMatchRate(_) => String::new(),
                Target::Purity(_) => {
                    format!(", where {} would still do", found.allowed.map(share).unwrap_or_default())
                }
            };
            format!(
                "{t} is the largest threshold shown to give {wanted}: {seen}, a false-match rate of at most {upper} \
                 ({sure} confidence){allowed}."
            )
        }
        (Basis::Extrapolated, Some(p)) => {
            let modelled = p.modelled.map(|m| (share(m.rate), share(m.upper))).unwrap_or_default();
            let tail = calibration.tail.map_or(0, |t| t.pairs);
            format!(
                "{} A best guess is {}: the tail fitted to the {} nearest pairs puts the false-match rate there at {}, \
                 at most {}.",
                too_small(found, calibration, &wanted),
                p.threshold,
                Count(tail),
                modelled.0,
                modelled.1,
            )
        }
        _ => format!("{} No threshold is recommended.", too_small(found, calibration, &wanted)),
    };
    if let Some(p) = point {
        match p.miss.rate {
            Some(rate) => text.push_str(&format!(
                " It does not match {} of the linked faces (up to {}), and more of the faces of another day.",
                share(rate),
                share(p.miss.upper),
            )),
            None => {
                text.push_str(
                    " How many faces of one person it does not match is unknown: no faces are linked.",
                );
            }
        }
    }
    text
}

/// For true labels alone: the best of some clusterings.
pub(super) fn by_labels(best: &Row, tried: usize) -> String {
    let bcubed = best
        .bcubed
        .map_or_else(String::new, |b| format!(", {:.4} ({:.4} to {:.4})", b.value.f, b.f.lower, b.f.upper));
    format!(
        "Of {tried} thresholds tried, {} has the largest BCubed F on the true labels{bcubed}. On other faces another one \
         may be better.",
        best.threshold
    )
}

fn too_small(found: &Recommendation, calibration: &Calibration, wanted: &str) -> String {
    let evidence = calibration.different;
    if evidence.pairs == 0 {
        return format!("Too little data for {wanted}: no frame has two faces.{}", more(found));
    }
    let Some(allowed) = found.allowed else {
        let what = if evidence.pairs > 0 && calibration.same.pairs == 0 {
            "linked faces, or a clustering with faces together,"
        } else {
            "a clustering with faces together, or how many people there are,"
        };
        return format!(
            "Too little is known for {wanted}: that needs {what} to tell how common pairs of one person are."
        );
    };
    if found.more_shots.is_none() {
        // Enough shots, and yet no bound low enough: pairs stand in the way.
        let nearest = calibration.nearest_different.first().map_or(0.0, |p| p.distance);
        return format!(
            "No threshold is shown to give {wanted}: {} pairs are enough, but some that share a frame are too near each other, \
             the nearest at {nearest:.3}. Look at these, one person may be twice in a frame.",
            Count(evidence.pairs),
        );
    }
    format!(
        "Too little data for {wanted}: that takes a false-match rate of at most {}, and {} pairs in {} shots cannot show \
         less than {}.{}",
        share(allowed),
        Count(evidence.pairs),
        Count(evidence.pairs_of_people),
        share(calibration.points.first().map_or(1.0, |p| p.false_match.upper)),
        more(found),
    )
}

fn more(found: &Recommendation) -> String {
    match (found.more_shots, found.more_pairs) {
        (Some(shots), Some(pairs)) => format!(
            " Some {} more shots with two faces ({} pairs), and no false match among them, would be enough.",
            Count(shots),
            Count(pairs),
        ),
        _ => String::new(),
    }
}
