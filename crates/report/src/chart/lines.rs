//! Series over an axis of numbers.

use maud::{Markup, html};

use super::Axis;
use super::frame::{Frame, LARGE, short};

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

impl Style {
    /// The end of the class of a line or of its sign in the legend.
    fn class(self) -> &'static str {
        if self == Self::Dashed { " dashed" } else { "" }
    }
}

/// Beyond the axes, so that no dot at the edge is cut.
const CLIP_MARGIN: f64 = 4.0;

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

/// A value of x worth a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub at: f64,
    /// What it is, for the legend.
    pub name: String,
    /// How it is drawn: 0 solid, 1 long dashes, 2 short ones.
    pub style: usize,
}

/// A chart; without a point it is not drawn.
pub(crate) struct Chart {
    /// Different from those of other charts on the page.
    pub id: String,
    pub title: String,
    pub x: Axis,
    /// The text of a tick of it.
    pub x_text: fn(f64) -> Markup,
    /// What x is, below the axis.
    pub across: &'static str,
    /// Whether x is a threshold, so that the page's cursor runs over it.
    pub cursor: bool,
    pub y: Axis,
    /// The text of a tick of it.
    pub y_text: fn(f64) -> Markup,
    pub series: Vec<Series>,
    /// Vertical lines.
    pub marks: Vec<Mark>,
    /// A horizontal line: what is allowed.
    pub wanted: Option<f64>,
}

impl Chart {
    fn x(&self, v: f64) -> f64 {
        LARGE.x(self.x.place(v))
    }

    fn y(&self, v: f64) -> f64 {
        LARGE.y(self.y.place(v))
    }

    /// The figure; nothing without a point.
    pub fn draw(&self) -> Markup {
        let drawn = self.series.iter().filter(|s| !s.points.is_empty());
        if drawn.clone().next().is_none() {
            return html! {};
        }
        let Frame { left, right, top, bottom, .. } = LARGE;
        let threshold = |value: f64| self.cursor.then_some(value);
        html! {
            figure class="chart" {
                figcaption {
                    (self.title)
                    ul class="legend" {
                        @for s in drawn.filter(|s| !s.name.is_empty()) {
                            li { i class={ "c" (s.colour) (s.style.class()) } {} (s.name) }
                        }
                        @if self.wanted.is_some() { li { i class="wanted" {} "allowed" } }
                        @for mark in &self.marks { li { i class={ "mark-at m" (mark.style) } {} (mark.name) } }
                    }
                }
                svg viewBox=(LARGE.view_box()) role="img" aria-label=(self.title)
                    data-from=[threshold(self.x.from)] data-span=[threshold(self.x.to - self.x.from)]
                    data-left=[threshold(left)] data-width=[threshold(right - left)] {
                    clipPath id=(self.id) {
                        rect x=(short(left - CLIP_MARGIN)) y=(short(top - CLIP_MARGIN))
                            width=(short(right - left + 2.0 * CLIP_MARGIN)) height=(short(bottom - top + 2.0 * CLIP_MARGIN)) {}
                    }
                    (LARGE.rows(self.y, self.y_text))
                    (LARGE.columns(self.x.ticks().into_iter().map(|v| (self.x.place(v), (self.x_text)(v)))))
                    g clip-path={ "url(#" (self.id) ")" } {
                        @for s in &self.series { (self.series(s)) }
                        @if let Some(wanted) = self.wanted {
                            path class="wanted" d={ "M" (left) " " (short(self.y(wanted))) "H" (right) } {}
                        }
                        @for mark in &self.marks {
                            path class={ "mark-at m" (mark.style) } d={ "M" (short(self.x(mark.at))) " " (top) "V" (bottom) } {}
                        }
                        @if self.cursor { path class="cursor" d={ "M0 " (top) "V" (bottom) } hidden {} }
                    }
                    (LARGE.names(self.across, ""))
                    (LARGE.axis())
                }
            }
        }
    }

    fn series(&self, s: &Series) -> Markup {
        let at = |x: f64, y: f64| format!("{:.1} {:.1}", self.x(x), self.y(y));
        html! {
            @if !s.band.is_empty() {
                @let there = s.band.iter().map(|&(x, low, _)| at(x, low));
                @let back = s.band.iter().rev().map(|&(x, _, high)| at(x, high));
                path class={ "band c" (s.colour) } d={ "M" (there.chain(back).collect::<Vec<_>>().join("L")) "z" } {}
            }
            @if s.points.is_empty() {
            } @else if s.style == Style::Steps {
                path class={ "steps c" (s.colour) } d=(self.steps(&s.points)) {}
            } @else {
                @let line: Vec<String> = s.points.iter().map(|&(x, y)| at(x, y)).collect();
                path class={ "line c" (s.colour) (s.style.class()) } d={ "M" (line.join("L")) } {}
                @if s.style == Style::Dots {
                    @for &(x, y) in &s.points {
                        circle class={ "dot c" (s.colour) } cx=(short(self.x(x))) cy=(short(self.y(y))) r="3" {}
                    }
                }
            }
        }
    }

    /// The outline of the area below steps.
    fn steps(&self, points: &[(f64, f64)]) -> String {
        let first = points.first().map_or(0.0, |p| p.0);
        let mut path = format!("M{:.1} {:.1}", self.x(first), self.y(0.0));
        for pair in points.windows(2) {
            path.push_str(&format!("V{:.1}H{:.1}", self.y(pair[0].1), self.x(pair[1].0)));
        }
        path.push_str(&format!("V{:.1}z", self.y(0.0)));
        path
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain_tick;
    use super::*;

    #[test]
    fn nothing_that_is_no_number_reaches_the_page() {
        let points = vec![(0.0, 0.0), (0.5, 1e-12), (1.0, 1.0)];
        let chart = Chart {
            id: "a".to_owned(),
            title: "<b>".to_owned(),
            x: Axis::linear(0.0, 0.0),
            x_text: plain_tick,
            across: "threshold",
            cursor: true,
            y: Axis::rates(0.0),
            y_text: plain_tick,
            series: vec![Series::new("x", 0, Style::Line, points).with_band(vec![(0.0, 0.0, 1.0)])],
            marks: vec![Mark { at: 0.5, name: "<b>".to_owned(), style: 0 }],
            wanted: Some(0.0),
        };
        let page = chart.draw().0;
        assert!(!page.contains("NaN") && !page.contains("inf") && !page.contains("<b>"), "{page}");
    }
}
