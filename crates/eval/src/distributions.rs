//! Distribution functions that the intervals need, and quantiles by bisection.

use std::f64::consts::PI;

/// Halvings of a bisection at most.
const HALVINGS: usize = 80;

/// ln Γ(x) for x > 0: Stirling's series, from where it has converged (error below 1e-12).
pub(crate) fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 12.0 {
        shift += x.ln();
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y / 1188.0)))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - shift
}

/// The regularised incomplete beta function Iₓ(a, b), for a, b > 0: the chance that a beta variable is
/// at most `x`. DLMF 8.17.22, the continued fraction by Lentz's method.
pub(crate) fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on the side of the mean that `x` is on.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_cdf(1.0 - x, b, a);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..5_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        fraction *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-14 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// The x in [0, 1] with Iₓ(a, b) = p.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_cdf(x, a, b) < p)
}

/// The t that a Student variable of `df` > 0 degrees of freedom exceeds, either way, with chance
/// `alpha`.
pub(crate) fn student_two_sided(alpha: f64, df: f64) -> f64 {
    let x = beta_quantile(alpha, df / 2.0, 0.5);
    (df * (1.0 - x) / x).sqrt()
}

/// The chance that a Student variable of `df` > 0 degrees of freedom is at most `t`; small relative error in the
/// lower tail too.
pub(crate) fn student_cdf(t: f64, df: f64) -> f64 {
    let beyond = 0.5 * beta_cdf(df / (df + t * t), 0.5 * df, 0.5);
    if t > 0.0 { 1.0 - beyond } else { beyond }
}

/// Density of a Student variable of `df` > 0 degrees of freedom.
pub(crate) fn student_pdf(t: f64, df: f64) -> f64 {
    let scale = ln_gamma(0.5 * (df + 1.0)) - ln_gamma(0.5 * df) - 0.5 * (df * PI).ln();
    (scale - 0.5 * (df + 1.0) * (t * t / df).ln_1p()).exp()
}

/// Density of the standard normal distribution.
pub(crate) fn normal_pdf(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Its distribution function Φ, with small relative error in the lower tail too.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    if x > 0.0 {
        return 1.0 - normal_cdf(-x);
    }
    let y = -x;
    if y < 3.0 {
        // Φ(y) − ½ = φ(y) · (y + y³/3 + y⁵/(3·5) + …)
        let (mut term, mut sum, mut k) = (y, y, 1.0);
        while term > 1e-17 * sum {
            k += 2.0;
            term *= y * y / k;
            sum += term;
        }
        return 0.5 - normal_pdf(y) * sum;
    }
    // Laplace's fraction: Φ(−y) = φ(y) / (y + 1/(y + 2/(y + 3/…))), from its far end.
    let tail = (1..=80).rev().fold(y, |below, k| y + f64::from(k) / below);
    normal_pdf(y) / tail
}

/// The x with Φ(x) = p; ±38 where `p` is 0 or 1.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 { -normal_quantile(1.0 - p) } else { bisect(-38.0, 0.0, |x| normal_cdf(x) < p) }
}

/// Where `low` (true, then false) changes.
fn bisect(mut from: f64, mut to: f64, low: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = 0.5 * (from + to);
        if to - from < 1e-13 * middle.abs() {
            break;
        }
        if low(middle) {
            from = middle;
        } else {
            to = middle;
        }
    }
    0.5 * (from + to)
}

/// The number of equal weights that tell as much as these: (Σ w)² / Σ w², 0 for none (Kish 1965).
pub(crate) fn kish(weights: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// The `share` quantile of `values`, which are put in order; linear between neighbours, as NumPy does
/// it. 0 for no value.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    sorted_quantile(values, share)
}

/// [`quantile`] of values in ascending order.
pub(crate) fn sorted_quantile(values: &[f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(last);
    values[low] + part * (values[high] - values[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, relative: f64) {
        assert!((a - b).abs() <= relative * b.abs().max(1e-300), "{a} is not {b}");
    }

    #[test]
    fn as_scipy_has_them() {
        close(ln_gamma(0.001) + 1.0, 7.907178885383853, 1e-11);
        close(ln_gamma(0.5) + 1.0, 1.5723649429247, 1e-11);
        close(ln_gamma(1.0) + 1.0, 1.0, 1e-11);
        close(ln_gamma(3.7) + 1.0, 2.4280723266653883, 1e-11);
        close(ln_gamma(100.0) + 1.0, 360.1342053695754, 1e-11);
        close(ln_gamma(1000000.0) + 1.0, 12815505.569147611, 1e-11);
        close(beta_cdf(0.1, 0.5, 0.5), 0.20483276469913345, 1e-9);
        close(beta_cdf(0.3, 2.0, 5.0), 0.5798250000000003, 1e-9);
        close(beta_cdf(0.9, 2.0, 5.0), 0.999945, 1e-9);
        close(beta_cdf(0.0001, 1.0, 100000.0), 0.9999546227660411, 1e-9);
        close(beta_cdf(2e-05, 3.2, 150000.0), 0.5296072900820635, 1e-9);
        close(beta_cdf(0.5, 1000.0, 990.0), 0.4112948754753034, 1e-9);
        close(beta_quantile(0.025, 1.0, 100.0), 0.00025314603297742064, 1e-9);
        close(beta_quantile(0.975, 6.3, 1000000.0), 1.2088898381344224e-05, 1e-9);
        close(beta_quantile(0.95, 0.5, 3.0), 0.4994735131761161, 1e-9);
        close(student_two_sided(0.05, 1.0), 12.706204736174705, 1e-8);
        close(student_two_sided(0.05, 4.0), 2.7764451051977943, 1e-8);
        close(student_two_sided(0.05, 30.0), 2.042272456301238, 1e-8);
        close(student_two_sided(0.05, 10000.0), 1.9602012398906263, 1e-8);
        close(student_cdf(-4.0, 3.0), 0.014004228005073076, 1e-9);
        close(student_cdf(-6.0, 23.0), 2.0284331069062197e-06, 1e-9);
        close(student_cdf(1.5, 9.0), 0.9160746719714625, 1e-9);
        close(student_pdf(-2.5, 7.0), 0.029990225589892183, 1e-9);
        close(student_pdf(0.3, 40.0), 0.37860528925943426, 1e-9);
        close(normal_cdf(-10.0), 7.61985302416047e-24, 1e-11);
        close(normal_cdf(-5.0), 2.866515718791933e-07, 1e-11);
        close(normal_cdf(-3.1), 0.0009676032132183563, 1e-11);
        close(normal_cdf(-2.9), 0.0018658133003840375, 1e-11);
        close(normal_cdf(-1.0), 0.15865525393145707, 1e-11);
        close(normal_cdf(0.5), 0.6914624612740131, 1e-11);
        close(normal_cdf(3.0), 0.9986501019683699, 1e-11);
        close(normal_quantile(1e-12), -7.034483825301131, 1e-9);
        close(normal_quantile(0.001), -3.090232306167813, 1e-9);
        close(normal_quantile(0.3), -0.5244005127080409, 1e-9);
        close(normal_quantile(0.975), 1.959963984540054, 1e-9);
    }

    #[test]
    fn quantiles_undo() {
        for p in [1e-9, 1e-4, 0.025, 0.5, 0.9, 0.999] {
            close(normal_cdf(normal_quantile(p)), p, 1e-9);
            close(beta_cdf(beta_quantile(p, 2.5, 40.0), 2.5, 40.0), p, 1e-9);
        }
    }

    #[test]
    fn quantiles_of_values() {
        // numpy.quantile([3, 1, 2, 10], [0, 0.25, 0.5, 1])
        let mut v = [3.0, 1.0, 2.0, 10.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|q| quantile(&mut v, q)), [1.0, 1.75, 2.5, 10.0]);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
