//! Small charts as inline SVG, coloured by the page's style.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::html::{Count, Text};

/// The drawing's own units; text in it is legible where the chart is some 340 pixels wide.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 352.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 164.0;
/// Most points of a line: a column each, and then some.
const POINTS: usize = 400;
/// From such a largest value on, the scale is logarithmic.
const LOG_FROM: usize = 100;

/// What is written about a chart.
pub(super) struct About<'a> {
    pub title: &'a str,
    /// Below the horizontal axis.
    pub across: &'a str,
    /// Left of the vertical axis, read from below.
    pub up: &'a str,
    /// For those who do not see it.
    pub says: &'a str,
    /// Marks on the horizontal axis: where, 0 to 1, and what.
    pub marks: &'a [(f64, String)],
}

/// A bar.
pub(super) struct Bar {
    pub value: usize,
    /// Shown on hovering.
    pub says: String,
    /// Class that colours it.
    pub class: &'static str,
}

/// Bars side by side.
pub(super) fn bars(out: &mut dyn Write, about: &About<'_>, bars: &[Bar]) -> io::Result<()> {
    let scale = Scale::new(bars.iter().map(|b| b.value).max().unwrap_or(0));
    begin(out, about, &scale)?;
    let step = (RIGHT - LEFT) / bars.len().max(1) as f64;
    for (i, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.value > 0) {
        let (x, y) = (LEFT + step * i as f64 + step * 0.06, scale.y(bar.value));
        write!(
            out,
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
            bar.class,
            step * 0.88,
            BOTTOM - y,
            Text(&bar.says)
        )?;
    }
    end(out)
}

/// A line through one value after another; of many the largest of each stretch.
pub(super) fn line(out: &mut dyn Write, about: &About<'_>, values: &[usize]) -> io::Result<()> {
    let scale = Scale::new(values.iter().copied().max().unwrap_or(0));
    begin(out, about, &scale)?;
    let stretch = values.len().div_ceil(POINTS).max(1);
    let step = (RIGHT - LEFT) / values.len().max(1) as f64;
    let mut path = String::new();
    for (i, values) in values.chunks(stretch).enumerate() {
        let most = values.iter().copied().max().unwrap_or(0);
        let from = LEFT + step * (i * stretch) as f64;
        let y = scale.y(most);
        // A step for each value: between two labels there is nothing.
        let _ = write!(
            path,
            "{}{from:.1} {y:.1}h{:.1}",
            if i == 0 { "M" } else { "L" },
            step * values.len() as f64
        );
    }
    write!(out, "<path class=\"line\" d=\"{path}\"/>")?;
    end(out)
}

fn begin(out: &mut dyn Write, about: &About<'_>, scale: &Scale) -> io::Result<()> {
    write!(out, "<figure class=\"chart\"><figcaption>{}</figcaption>", Text(about.title))?;
    write!(out, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", Text(about.says))?;
    for &mark in &scale.marks {
        let y = scale.y(mark);
        write!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
        write!(out, "<text class=\"n\" x=\"{}\" y=\"{:.1}\">{}</text>", LEFT - 5.0, y + 3.5, Short(mark))?;
    }
    for (at, text) in about.marks {
        let x = LEFT + at * (RIGHT - LEFT);
        write!(out, "<text class=\"m\" x=\"{x:.1}\" y=\"{}\">{}</text>", BOTTOM + 14.0, Text(text))?;
    }
    let (middle, below) = ((LEFT + RIGHT) / 2.0, HEIGHT - 5.0);
    write!(out, "<text class=\"m\" x=\"{middle}\" y=\"{below}\">{}</text>", Text(about.across))?;
    let up = if scale.log { format!("{} (log)", about.up) } else { about.up.to_owned() };
    let across = (TOP + BOTTOM) / 2.0;
    write!(out, "<text class=\"m\" transform=\"translate(10 {across}) rotate(-90)\">{}</text>", Text(up))
}

fn end(out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/></svg></figure>")
}

/// The vertical axis, from 0 or, where logarithmic, from a half: so that 1 has a height.
struct Scale {
    log: bool,
    most: f64,
    marks: Vec<usize>,
}

impl Scale {
    fn new(most: usize) -> Self {
        let log = most >= LOG_FROM;
        let marks = if log {
            let powers = std::iter::successors(Some(1usize), |p| p.checked_mul(10));
            powers.take_while(|&p| p <= most).collect()
        } else {
            // Four steps at most, each 1, 2 or 5 and zeros.
            let steps = [1, 2, 5, 10, 20, 50];
            let step = steps.into_iter().find(|step| most <= step * 4).unwrap_or(50);
            (0..=most / step).map(|i| i * step).collect()
        };
        Self { log, most: most.max(1) as f64, marks }
    }

    fn y(&self, value: usize) -> f64 {
        let value = value as f64;
        let part = if !self.log {
            value / self.most
        } else if value == 0.0 {
            0.0
        } else {
            (value / 0.5).ln() / (self.most / 0.5).ln()
        };
        BOTTOM - part * (BOTTOM - TOP)
    }
}

/// A count in at most five characters.
struct Short(usize);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            n if n >= 1_000_000 => write!(f, "{}M", n / 1_000_000),
            n if n >= 10_000 => write!(f, "{}k", n / 1000),
            n => write!(f, "{}", Count(n as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_few_and_fit() {
        for most in (0..200).chain([12_345, usize::MAX]) {
            let scale = Scale::new(most);
            assert!((1..=20).contains(&scale.marks.len()), "{most}: {:?}", scale.marks);
            assert!(scale.log || scale.marks.len() <= 5, "{most}: {:?}", scale.marks);
            for &mark in &scale.marks {
                assert!((TOP - 1e-9..=BOTTOM).contains(&scale.y(mark)), "{most} {mark}");
            }
        }
        assert!(Scale::new(1000).y(1) < BOTTOM);
    }

    #[test]
    fn a_long_line_is_thinned() {
        let about = About { title: "t", across: "x", up: "y", says: "s", marks: &[] };
        let mut page = Vec::new();
        line(&mut page, &about, &(0..100_000).rev().collect::<Vec<_>>()).unwrap();
        assert!(page.len() < 12_000, "{}", page.len());
    }
}
