//! Axes, and the round numbers on them.

use maud::{Markup, html};

/// An axis: from where to where, and whether by powers of ten.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub from: f64,
    pub to: f64,
    log: bool,
    /// Largest number of steps of a linear one.
    steps: f64,
    /// For whole numbers: no tick between two of them.
    whole: bool,
}

/// From such a largest count on, the scale is logarithmic.
const LOG_FROM: usize = 100;

impl Axis {
    pub fn linear(from: f64, to: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, log: false, steps: 7.0, whole: false }
    }

    /// From 0, or below where there are negative values, to a round number above all of them.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values.into_iter().fold((0.0, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        let step = round_step((high - low).max(1e-9) / 4.0);
        Self::linear((low / step).floor() * step, (high / step).ceil() * step)
    }

    /// By powers of ten, from that below `least` to 1.
    pub fn rates(least: f64) -> Self {
        let from = 10f64.powf(least.clamp(1e-9, 0.1).log10().floor());
        Self { log: true, ..Self::linear(from, 1.0) }
    }

    /// By powers of ten, from that at or below `least` to that at or above `most`; both above 0.
    pub fn powers(least: f64, most: f64) -> Self {
        let power = |v: f64, round: fn(f64) -> f64| 10f64.powf(round(v.clamp(1e-9, 1e9).log10()));
        let (from, to) = (power(least, f64::floor), power(most, f64::ceil));
        Self { log: true, ..Self::linear(from, if to > from { to } else { 10.0 * from }) }
    }

    /// Counts up to `most`: from 0, or by powers of ten from a half, so that 1 has a height.
    pub fn counts(most: usize) -> Self {
        let log = most >= LOG_FROM;
        let from = if log { 0.5 } else { 0.0 };
        Self { log, steps: 4.0, whole: true, ..Self::linear(from, most.max(1) as f64) }
    }

    /// Whether it goes by powers of ten.
    pub fn is_log(self) -> bool {
        self.log
    }

    /// Where `v` stands, 0 to 1; beyond that where it is outside.
    pub fn place(self, v: f64) -> f64 {
        let scale = |v: f64| if self.log { v.max(1e-300).log10() } else { v };
        let (a, b) = (scale(self.from), scale(self.to));
        // Far outside is as good as outside, and keeps the numbers short.
        ((scale(v) - a) / (b - a)).clamp(-1.0, 2.0)
    }

    pub fn ticks(self) -> Vec<f64> {
        if self.log {
            // With room for the rounding of a power of ten itself.
            let a = (self.from.log10() - 1e-9).ceil() as i32;
            let b = (self.to.log10() + 1e-9).floor() as i32;
            let every = ((b - a) / 6 + 1).max(1);
            return (a..=b).filter(|e| (b - e) % every == 0).map(|e| 10f64.powi(e)).collect();
        }
        let step = round_step((self.to - self.from) / self.steps);
        let step = if self.whole { step.max(1.0) } else { step };
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A number as the text of a tick.
pub(crate) fn plain_tick(v: f64) -> Markup {
    html! { (plain(v)) }
}

/// A share as the text of a tick.
pub(crate) fn percent_tick(v: f64) -> Markup {
    html! { (plain_percent(v)) }
}

/// A number without a tail of zeros.
pub(crate) fn plain(v: f64) -> String {
    let text = format!("{v:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

/// A share as a percentage.
pub(crate) fn plain_percent(v: f64) -> String {
    format!("{} %", plain(100.0 * v))
}

/// A tick of [`Axis::rates`]: a percentage, or a power of ten where that is too long.
pub(crate) fn rate_tick(v: f64) -> Markup {
    if v >= 0.999e-4 {
        return percent_tick(v);
    }
    html! { "10" tspan class="up" dy="-5" { "−" (-v.log10().round()) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let texts = |axis: Axis| axis.ticks().into_iter().map(plain).collect::<Vec<_>>();
        assert_eq!(texts(Axis::linear(0.0, 1.2)), ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]);
        assert_eq!(texts(Axis::linear(0.0, 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(texts(Axis::around([3.0, 70.0])), ["0", "20", "40", "60", "80"]);
        assert_eq!(texts(Axis::around([-0.13, 0.5])), ["−0.2", "0", "0.2", "0.4", "0.6"]);
        assert_eq!(Axis::rates(2e-4).ticks(), [1e-4, 1e-3, 1e-2, 1e-1, 1.0]);
        assert!(Axis::rates(0.0).ticks().len() <= 7 && Axis::around([]).ticks().len() < 8);
    }

    #[test]
    fn counts_have_few_ticks_that_fit() {
        for most in (0..200).chain([12_345, usize::MAX]) {
            let axis = Axis::counts(most);
            let ticks = axis.ticks();
            assert!((1..=8).contains(&ticks.len()), "{most}: {ticks:?}");
            for tick in ticks {
                assert!(
                    (0.0..=1.0 + 1e-9).contains(&axis.place(tick)) && tick.fract() == 0.0,
                    "{most} {tick}"
                );
            }
        }
        assert!(Axis::counts(1000).place(1.0) > 0.0 && Axis::counts(1000).place(0.0) <= 0.0);
    }
}
