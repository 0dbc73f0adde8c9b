//! Line charts as inline SVG.

use std::io::{self, Write};

use crate::report::html::Text;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;

/// An axis: from where to where, and whether by powers of ten.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    log: bool,
}

impl Axis {
    pub fn linear(from: f64, to: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, log: false }
    }

    /// From 0, or below where there are negative values, to a round number above all of them.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values.into_iter().fold((0.0, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        let step = round_step((high - low).max(1e-9) / 4.0);
        Self::linear((low / step).floor() * step, (high / step).ceil() * step)
    }

    /// By powers of ten, from that below `least` to 1.
    pub fn rates(least: f64) -> Self {
        Self { from: 10f64.powf(least.clamp(1e-9, 0.1).log10().floor()), to: 1.0, log: true }
    }

    /// Where `v` stands, 0 to 1; beyond that where it is outside.
    fn place(self, v: f64) -> f64 {
        let scale = |v: f64| if self.log { v.max(1e-300).log10() } else { v };
        let (a, b) = (scale(self.from), scale(self.to));
        // Far outside is as good as outside, and keeps the numbers short.
        ((scale(v) - a) / (b - a)).clamp(-1.0, 2.0)
    }

    fn ticks(self) -> Vec<f64> {
        if self.log {
            let (a, b) = (self.from.log10().round() as i32, self.to.log10().round() as i32);
            let every = ((b - a) / 6 + 1).max(1);
            return (a..=b).filter(|e| (b - e) % every == 0).map(|e| 10f64.powi(e)).collect();
        }
        let step = round_step((self.to - self.from) / 7.0);
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

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Line,
    Dashed,
    /// A line with a dot at each point, for few of them.
    Dots,
    /// The area below steps, of which the points are the left edges; the last one only ends it.
    Steps,
}

/// Values over the x axis.
pub(super) struct Series {
    pub name: &'static str,
    /// 0 to 3.
    pub colour: usize,
    pub style: Style,
    pub points: Vec<(f64, f64)>,
    /// (x, lower, upper), drawn behind.
    pub band: Vec<(f64, f64, f64)>,
}

impl Series {
    pub fn new(name: &'static str, colour: usize, style: Style, points: Vec<(f64, f64)>) -> Self {
        Self { name, colour, style, points, band: Vec::new() }
    }

    pub fn with_band(mut self, band: Vec<(f64, f64, f64)>) -> Self {
        self.band = band;
        self
    }
}

/// A chart; without a point it is not drawn.
pub(super) struct Chart {
    /// Different from those of other charts on the page.
    pub id: String,
    pub title: String,
    pub x: Axis,
    /// Whether x is a threshold, so that the page's cursor runs over it.
    pub cursor: bool,
    pub y: Axis,
    pub y_text: fn(f64) -> String,
    pub series: Vec<Series>,
    /// A vertical line: the recommended threshold.
    pub mark: Option<f64>,
    /// A horizontal line: what is wanted.
    pub wanted: Option<f64>,
}

impl Chart {
    fn x(&self, v: f64) -> f64 {
        LEFT + self.x.place(v) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, v: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(v) * (HEIGHT - TOP - BOTTOM)
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.series.iter().all(|s| s.points.is_empty()) {
            return Ok(());
        }
        let Self { id, title, .. } = self;
        write!(out, "<figure class=\"chart\"><figcaption>{}", Text(title))?;
        write!(out, "<ul class=\"legend\">")?;
        for s in self.series.iter().filter(|s| !s.points.is_empty() && !s.name.is_empty()) {
            let dashed = if s.style == Style::Dashed { " dashed" } else { "" };
            write!(out, "<li><i class=\"c{}{dashed}\"></i>{}</li>", s.colour, Text(s.name))?;
        }
        write!(out, "</ul></figcaption>")?;
        let data = if self.cursor {
            let span = self.x.to - self.x.from;
            format!(
                " data-from=\"{}\" data-span=\"{span}\" data-left=\"{LEFT}\" data-width=\"{}\"",
                self.x.from,
                WIDTH - LEFT - RIGHT
            )
        } else {
            String::new()
        };
        write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\"{data}>",
            Text(title)
        )?;
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        write!(
            out,
            "<clipPath id=\"{id}\"><rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{}\" height=\"{}\"/></clipPath>",
            TOP - 2.0,
            right - LEFT,
            bottom - TOP + 3.0
        )?;
        for v in self.y.ticks() {
            let y = self.y(v);
            write!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>")?;
            write!(
                out,
                "<text x=\"{}\" y=\"{:.1}\" class=\"ylab\">{}</text>",
                LEFT - 7.0,
                y + 4.0,
                (self.y_text)(v)
            )?;
        }
        for v in self.x.ticks() {
            let x = self.x(v);
            write!(out, "<path class=\"grid\" d=\"M{x:.1} {bottom}v5\"/>")?;
            write!(out, "<text x=\"{x:.1}\" y=\"{}\" class=\"xlab\">{}</text>", bottom + 20.0, plain(v))?;
        }
        write!(out, "<g clip-path=\"url(#{id})\">")?;
        for s in &self.series {
            self.series(out, s)?;
        }
        if let Some(wanted) = self.wanted {
            write!(out, "<path class=\"wanted\" d=\"M{LEFT} {:.1}H{right}\"/>", self.y(wanted))?;
        }
        if let Some(mark) = self.mark {
            write!(out, "<path class=\"mark-at\" d=\"M{:.1} {TOP}V{bottom}\"/>", self.x(mark))?;
        }
        if self.cursor {
            write!(out, "<path class=\"cursor\" d=\"M0 {TOP}V{bottom}\" hidden/>")?;
        }
        writeln!(out, "</g><path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/></svg></figure>")
    }

    fn series(&self, out: &mut dyn Write, s: &Series) -> io::Result<()> {
        let at = |x: f64, y: f64| format!("{:.1} {:.1}", self.x(x), self.y(y));
        if !s.band.is_empty() {
            let there = s.band.iter().map(|&(x, low, _)| at(x, low));
            let back = s.band.iter().rev().map(|&(x, _, high)| at(x, high));
            let path: Vec<String> = there.chain(back).collect();
            write!(out, "<path class=\"band c{}\" d=\"M{}z\"/>", s.colour, path.join("L"))?;
        }
        let Some((first, rest)) = s.points.split_first() else { return Ok(()) };
        if s.style == Style::Steps {
            let mut path = format!("M{}", at(first.0, 0.0));
            for pair in s.points.windows(2) {
                path.push_str(&format!("V{:.1}H{:.1}", self.y(pair[0].1), self.x(pair[1].0)));
            }
            return write!(out, "<path class=\"steps c{}\" d=\"{path}V{:.1}z\"/>", s.colour, self.y(0.0));
        }
        let mut path = format!("M{}", at(first.0, first.1));
        for &(x, y) in rest {
            path.push_str(&format!("L{}", at(x, y)));
        }
        let dashed = if s.style == Style::Dashed { " dashed" } else { "" };
        write!(out, "<path class=\"line c{}{dashed}\" d=\"{path}\"/>", s.colour)?;
        if s.style == Style::Dots {
            for &(x, y) in &s.points {
                write!(
                    out,
                    "<circle class=\"dot c{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                    s.colour,
                    self.x(x),
                    self.y(y)
                )?;
            }
        }
        Ok(())
    }
}

/// A number without a tail of zeros.
pub(super) fn plain(v: f64) -> String {
    let text = format!("{v:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
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
    fn nothing_that_is_no_number_reaches_the_page() {
        let points = vec![(0.0, 0.0), (0.5, 1e-12), (1.0, 1.0)];
        let chart = Chart {
            id: "a".to_owned(),
            title: "<b>".to_owned(),
            x: Axis::linear(0.0, 0.0),
            cursor: true,
            y: Axis::rates(0.0),
            y_text: plain,
            series: vec![Series::new("x", 0, Style::Line, points).with_band(vec![(0.0, 0.0, 1.0)])],
            mark: Some(0.5),
            wanted: Some(0.0),
        };
        let mut page = Vec::new();
        chart.write(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(!page.contains("NaN") && !page.contains("inf") && !page.contains("<b>"), "{page}");
    }
}
