//! Which threshold meets a target, and why.

use super::calibration::{Calibration, Point};
use super::recommendation::{Basis, Prior, Recommendation, Target};
use crate::Error;

/// The largest threshold at which the upper confidence bound of the false-match rate meets `target`.
///
/// Observed pairs decide where they can; where they are too few, the bound of the extrapolated tail,
/// marked as [`Basis::Extrapolated`]. A threshold of 0 is no recommendation.
///
/// # Errors
/// [`Error::Setting`] where the target is not above 0 and below 1, or there are more people than faces or none.
pub fn recommend(
    target: Target,
    calibration: &Calibration,
    prior: Prior<'_>,
) -> Result<Recommendation, Error> {
    let (name, value) = match target {
        Target::FalseMatchRate(rate) => ("false_match_rate", rate),
        Target::Purity(purity) => ("purity", purity),
    };
    if !(value > 0.0 && value < 1.0) {
        return Err(Error::Setting { name, value, range: "above 0, below 1" });
    }
    if let Prior::People { faces, people } = prior
        && !(1..=faces).contains(&people)
    {
        return Err(Error::Setting {
            name: "people",
            value: people as f64,
            range: "1 to the number of faces",
        });
    }

    // (point, the rate that the target allows there)
    let candidates: Vec<(&Point, f64)> = calibration
        .points
        .iter()
        .filter(|p| p.threshold > 0.0)
        .filter_map(|p| Some((p, allowed(target, p, prior)?)))
        .collect();
    let largest = |bound: fn(&Point) -> Option<f64>| {
        let met = |(p, allowed): &&(&Point, f64)| bound(p).is_some_and(|upper| upper <= *allowed);
        candidates.iter().rev().find(met).map(|&(p, allowed)| (p, allowed, bound(p)))
    };
    let observed = |p: &Point| p.false_match.rate.map(|_| p.false_match.upper);
    let modelled = |p: &Point| p.modelled.map(|m| m.upper);
    let found = largest(observed)
        .map(|f| (Basis::Observed, f))
        .or_else(|| largest(modelled).map(|f| (Basis::Extrapolated, f)));

    let mut result = Recommendation {
        target,
        threshold: None,
        basis: Basis::None,
        allowed: candidates.iter().map(|c| c.1).reduce(f64::max).filter(|a| *a > 0.0),
        false_match_upper: None,
        purity_at_least: None,
        miss_rate: None,
        more_shots: None,
        more_pairs: None,
        why: String::new(),
    };
    if let Some((basis, (point, allowed, upper))) = found {
        result.threshold = Some(point.threshold);
        result.basis = basis;
        result.allowed = Some(allowed);
        result.false_match_upper = upper;
        result.purity_at_least = upper.and_then(|u| purity(point, u, prior));
        result.miss_rate = point.miss.rate;
    }
    if result.basis != Basis::Observed
        && let Some(allowed) = result.allowed
    {
        // The rule of three, turned round.
        let shots = ((1.0 - calibration.settings.confidence).ln() / (-allowed).ln_1p()).ceil();
        let more = (shots - calibration.different.effective_pairs).max(0.0).ceil();
        if more > 0.0 {
            let evidence = calibration.different;
            let each = if evidence.pairs_of_people == 0 {
                1.0
            } else {
                evidence.pairs as f64 / evidence.pairs_of_people as f64
            };
            result.more_shots = Some(more as u64);
            result.more_pairs = Some((more * each).ceil() as u64);
        }
    }
    result.why = super::why::why(&result, calibration, found.map(|(_, (point, _, _))| point));
    Ok(result)
}

/// (faces, pairs of one person or together) as `prior` has them at a threshold.
fn together(threshold: f64, prior: Prior<'_>) -> Option<(u64, f64)> {
    match prior {
        Prior::None => None,
        Prior::Sweep(rows) => {
            let below = rows.iter().filter(|r| r.threshold <= threshold + 1e-9);
            let row = below.max_by(|a, b| a.threshold.total_cmp(&b.threshold))?;
            Some((row.faces, row.together as f64))
        }
        Prior::People { faces, people } => {
            let (each, one_more) = ((faces / people) as f64, (faces % people) as f64);
            let pairs = |n: f64| n * (n - 1.0) / 2.0;
            Some((faces, one_more * pairs(each + 1.0) + (people as f64 - one_more) * pairs(each)))
        }
    }
}

fn all_pairs(faces: u64) -> f64 {
    faces as f64 * (faces as f64 - 1.0) / 2.0
}

/// The largest false-match rate at `point` with which `target` is met, at most 1.
fn allowed(target: Target, point: &Point, prior: Prior<'_>) -> Option<f64> {
    let purity = match target {
        Target::FalseMatchRate(rate) => return Some(rate),
        Target::Purity(purity) => purity,
    };
    let (faces, together) = together(point.threshold, prior)?;
    let rate = match prior {
        Prior::People { .. } => {
            let right = together * (1.0 - point.miss.upper);
            right * (1.0 - purity) / (purity * (all_pairs(faces) - together))
        }
        _ => together * (1.0 - purity) / all_pairs(faces),
    };
    // 0 / 0 where there is no pair: nothing can be wrong, but nothing is known either.
    rate.is_finite().then_some(rate.min(1.0))
}

/// The purity that a false-match rate of at most `upper` stands for.
fn purity(point: &Point, upper: f64, prior: Prior<'_>) -> Option<f64> {
    let (faces, together) = together(point.threshold, prior)?;
    let purity = match prior {
        Prior::People { .. } => {
            let right = together * (1.0 - point.miss.upper);
            right / (right + upper * (all_pairs(faces) - together))
        }
        _ => 1.0 - upper * all_pairs(faces) / together,
    };
    purity.is_finite().then_some(purity.max(0.0))
}
