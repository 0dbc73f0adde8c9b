//! Series over an axis of numbers.

use std::io::{self, Write};

use super::Axis;
use super::frame::{Frame, LARGE};
use crate::html::Text;

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Line,
    Dashed,
    /// A line with a dot at each point, for few of them.
    Dots,
    /// The area below steps, of which the points are the left edges; the last one only ends it.
    Steps,
}

/// Beyond the axes, so that no dot at the edge is cut.
const ROOM: f64 = 4.0;

/// Values over the x axis.
pub(crate) struct Series {
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
pub(crate) struct Chart {
    /// Different from those of other charts on the page.
    pub id: String,
    pub title: String,
    pub x: Axis,
    /// Markup for a tick of it.
    pub x_text: fn(f64) -> String,
    /// What x is, below the axis.
    pub across: &'static str,
    /// Whether x is a threshold, so that the page's cursor runs over it.
    pub cursor: bool,
    pub y: Axis,
    /// Markup for a tick of it.
    pub y_text: fn(f64) -> String,
    pub series: Vec<Series>,
    /// A vertical line: the recommended threshold.
    pub mark: Option<f64>,
    /// A horizontal line: the rate that is wanted.
    pub wanted: Option<f64>,
}

impl Chart {
    fn x(&self, v: f64) -> f64 {
        LARGE.x(self.x.place(v))
    }

    fn y(&self, v: f64) -> f64 {
        LARGE.y(self.y.place(v))
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
        if self.wanted.is_some() {
            write!(out, "<li><i class=\"wanted\"></i>wanted</li>")?;
        }
        if self.mark.is_some() {
            write!(out, "<li><i class=\"mark-at\"></i>threshold to take</li>")?;
        }
        write!(out, "</ul></figcaption>")?;
        let Frame { left, right, top, bottom, .. } = LARGE;
        let data = if self.cursor {
            let (from, span) = (self.x.from, self.x.to - self.x.from);
            format!(
                " data-from=\"{from}\" data-span=\"{span}\" data-left=\"{left}\" data-width=\"{}\"",
                right - left
            )
        } else {
            String::new()
        };
        LARGE.open(out, title, &data)?;
        write!(
            out,
            "<clipPath id=\"{id}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/></clipPath>",
            left - ROOM,
            top - ROOM,
            right - left + 2.0 * ROOM,
            bottom - top + 2.0 * ROOM
        )?;
        LARGE.rows(out, self.y, self.y_text)?;
        LARGE.columns(out, self.x.ticks().into_iter().map(|v| (self.x.place(v), (self.x_text)(v))))?;
        write!(out, "<g clip-path=\"url(#{id})\">")?;
        for s in &self.series {
            self.series(out, s)?;
        }
        if let Some(wanted) = self.wanted {
            write!(out, "<path class=\"wanted\" d=\"M{left} {:.1}H{right}\"/>", self.y(wanted))?;
        }
        if let Some(mark) = self.mark {
            write!(out, "<path class=\"mark-at\" d=\"M{:.1} {top}V{bottom}\"/>", self.x(mark))?;
        }
        if self.cursor {
            write!(out, "<path class=\"cursor\" d=\"M0 {top}V{bottom}\" hidden/>")?;
        }
        write!(out, "</g>")?;
        LARGE.names(out, self.across, "")?;
        LARGE.close(out)
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

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;

    #[test]
    fn nothing_that_is_no_number_reaches_the_page() {
        let points = vec![(0.0, 0.0), (0.5, 1e-12), (1.0, 1.0)];
        let chart = Chart {
            id: "a".to_owned(),
            title: "<b>".to_owned(),
            x: Axis::linear(0.0, 0.0),
            x_text: plain,
            across: "threshold",
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
