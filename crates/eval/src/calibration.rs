//! Whether probabilities of labels can be relied on, and the one number that makes them more so.
//!
//! A classifier is calibrated where of all that it says with probability p the share p is right. Networks rarely are. *Temperature
//! scaling* (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks") divides the logits by one
//! number, which changes no label; it is fitted on some people and reported on others.
//!
//! ```
//! use streamface_eval::calibration::{coverage, expected_calibration_error, fit_temperature};
//!
//! // Logits of two labels, three of four right, each said with 0.98.
//! let logits = vec![vec![4.0, 0.0], vec![0.0, 4.0], vec![4.0, 0.0], vec![4.0, 0.0]];
//! let truth = [0, 1, 0, 1];
//! let temperature = fit_temperature(&logits, &truth)?;
//! // Then each is said with 0.75.
//! assert!((temperature - 4.0 / 3.0_f64.ln()).abs() < 1e-4);
//!
//! let judged = [(0.9, true), (0.9, false), (0.6, true), (0.6, false)];
//! assert!((expected_calibration_error(&judged, 10)? - 0.25).abs() < 1e-12);
//! let curve = coverage(&judged, &[0.5, 0.8])?;
//! assert_eq!((curve[1].share, curve[1].wrong), (0.5, Some(0.5)));
//! # Ok::<(), streamface_eval::Error>(())
//! ```

use crate::error::{Error, Result};

/// What is left where only labels are said that are sure enough.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coverage {
    /// Least confidence of what is said.
    pub at_least: f64,
    /// Share of all that is said.
    pub share: f64,
    /// Share of what is said that is wrong; none where nothing is said.
    pub wrong: Option<f64>,
}

/// The mean over equal bins of confidence of how far the share that is right lies from the mean confidence, weighted by
/// what is in a bin (Naeini, Cooper and Hauskrecht 2015). `judged` has for each face the confidence of its label, 0 to
/// 1, and whether that is right. A confidence on the border of two bins belongs to the lower one.
///
/// # Errors
/// [`Error::Setting`] where nothing is judged, a confidence is not from 0 to 1, or `bins` is not 1 to 1000.
pub fn expected_calibration_error(judged: &[(f64, bool)], bins: usize) -> Result<f64> {
    check(judged)?;
    setting("bins", bins as f64, "1 to 1000", (1..=1000).contains(&bins))?;
    let mut all = vec![(0.0, 0.0); bins];
    for &(confidence, right) in judged {
        let at = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
        all[at].0 += confidence;
        all[at].1 += f64::from(u8::from(right));
    }
    Ok(all.iter().map(|(said, right)| (said - right).abs()).sum::<f64>() / judged.len() as f64)
}

/// What is said, and what of it is wrong, where labels below each of `thresholds` are called unknown. `judged` as in
/// [`expected_calibration_error`].
///
/// # Errors
/// [`Error::Setting`] where nothing is judged or a confidence is not from 0 to 1.
pub fn coverage(judged: &[(f64, bool)], thresholds: &[f64]) -> Result<Vec<Coverage>> {
    check(judged)?;
    let at = |&at_least: &f64| {
        let said = judged.iter().filter(|(confidence, _)| *confidence >= at_least);
        let (said, wrong) = said.fold((0, 0), |(n, wrong), (_, right)| (n + 1, wrong + usize::from(!right)));
        Coverage {
            at_least,
            share: f64::from(said) / judged.len() as f64,
            wrong: (said > 0).then(|| wrong as f64 / f64::from(said)),
        }
    };
    Ok(thresholds.iter().map(at).collect())
}

/// The mean negative log-likelihood of the right labels, where logits are divided by `temperature`. `logits` has a number
/// for each label, of each face; logarithms of probabilities are logits. `truth` has the right label's place.
///
/// # Errors
/// [`Error::Length`], [`Error::Setting`] where there are no faces, logits are not finite, faces have different numbers of
/// labels, a label's place is beyond them, or `temperature` is not above 0.
pub fn negative_log_likelihood(logits: &[Vec<f64>], truth: &[usize], temperature: f64) -> Result<f64> {
    check_logits(logits, truth)?;
    setting("temperature", temperature, "above 0", temperature > 0.0 && temperature.is_finite())?;
    Ok(likelihood(logits, truth, temperature))
}

/// The temperature from 0.01 to 100 with the least [`negative_log_likelihood`], to one part in a million.
///
/// # Errors
/// Those of [`negative_log_likelihood`].
pub fn fit_temperature(logits: &[Vec<f64>], truth: &[usize]) -> Result<f64> {
    check_logits(logits, truth)?;
    // The likelihood is convex in 1 / temperature, so it has one valley: golden-section search in its logarithm.
    let ratio = f64::midpoint(5.0_f64.sqrt(), -1.0);
    let at = |log: f64| likelihood(logits, truth, log.exp());
    let (mut low, mut high) = (0.01_f64.ln(), 100.0_f64.ln());
    let inner = |low: f64, high: f64| (high - ratio * (high - low), low + ratio * (high - low));
    let (mut a, mut b) = inner(low, high);
    let (mut of_a, mut of_b) = (at(a), at(b));
    while high - low > 1e-7 {
        if of_a <= of_b {
            (high, b, of_b) = (b, a, of_a);
            a = inner(low, high).0;
            of_a = at(a);
        } else {
            (low, a, of_a) = (a, b, of_b);
            b = inner(low, high).1;
            of_b = at(b);
        }
    }
    Ok(f64::midpoint(low, high).exp())
}

fn likelihood(logits: &[Vec<f64>], truth: &[usize], temperature: f64) -> f64 {
    let of_face = |(logits, &right): (&Vec<f64>, &usize)| {
        let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|x| ((x - top) / temperature).exp()).sum();
        sum.ln() - (logits[right] - top) / temperature
    };
    logits.iter().zip(truth).map(of_face).sum::<f64>() / logits.len() as f64
}

fn check(judged: &[(f64, bool)]) -> Result<()> {
    setting("the number of faces", judged.len() as f64, "1 or more", !judged.is_empty())?;
    match judged.iter().find(|(c, _)| !(0.0..=1.0).contains(c)) {
        Some(&(value, _)) => setting("a confidence", value, "0 to 1", false),
        None => Ok(()),
    }
}

fn check_logits(logits: &[Vec<f64>], truth: &[usize]) -> Result<()> {
    if logits.len() != truth.len() {
        return Err(Error::Length { list: "labels", expected: logits.len(), found: truth.len() });
    }
    let labels = logits.first().map_or(0, Vec::len);
    setting("the number of labels", labels as f64, "2 or more", labels >= 2)?;
    for (face, &right) in logits.iter().zip(truth) {
        if face.len() != labels {
            return Err(Error::Length { list: "logits", expected: labels, found: face.len() });
        }
        setting("the place of a label", right as f64, "below the number of labels", right < labels)?;
        if let Some(&value) = face.iter().find(|x| !x.is_finite()) {
            return setting("a logit", value, "a finite number", false);
        }
    }
    Ok(())
}

fn setting(name: &'static str, value: f64, range: &'static str, good: bool) -> Result<()> {
    good.then_some(()).ok_or(Error::Setting { name, value, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_judged_is_refused() {
        for judged in [&[][..], &[(1.5, true)], &[(f64::NAN, true)]] {
            assert!(matches!(expected_calibration_error(judged, 10), Err(Error::Setting { .. })));
            assert!(matches!(coverage(judged, &[0.5]), Err(Error::Setting { .. })));
        }
        assert!(expected_calibration_error(&[(0.5, true)], 0).is_err());
        let two = vec![vec![0.0, 1.0]; 2];
        assert!(matches!(fit_temperature(&two, &[0]), Err(Error::Length { .. })));
        assert!(matches!(fit_temperature(&two, &[0, 2]), Err(Error::Setting { .. })));
        assert!(matches!(fit_temperature(&[], &[]), Err(Error::Setting { .. })));
        assert!(fit_temperature(&[vec![0.0, f64::NAN]], &[0]).is_err());
        assert!(fit_temperature(&[vec![0.0, 1.0], vec![0.0]], &[0, 0]).is_err());
        assert!(negative_log_likelihood(&two, &[0, 1], 0.0).is_err());
    }

    #[test]
    fn nothing_said_has_no_error() {
        let curve = coverage(&[(0.6, true), (0.9, false)], &[0.0, 0.7, 0.95]).unwrap();
        assert_eq!(curve.iter().map(|c| c.wrong).collect::<Vec<_>>(), [Some(0.5), Some(1.0), None]);
        assert_eq!(curve.iter().map(|c| c.share).collect::<Vec<_>>(), [1.0, 0.5, 0.0]);
    }
}
