//! The drawing: its units, grid and marks.

use std::io::{self, Write};

use super::Axis;
use crate::html::Text;

/// Where the axes stand, in the drawing's own units.
pub(super) struct Frame {
    width: f64,
    height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// For many points. Text is legible where the chart is some 450 pixels wide.
pub(super) const LARGE: Frame =
    Frame { width: 480.0, height: 276.0, left: 58.0, right: 468.0, top: 12.0, bottom: 236.0 };
/// For few. Text is legible where the chart is some 340 pixels wide.
pub(super) const SMALL: Frame =
    Frame { width: 360.0, height: 200.0, left: 46.0, right: 352.0, top: 12.0, bottom: 164.0 };

impl Frame {
    /// The abscissa of a place, 0 to 1.
    pub fn x(&self, place: f64) -> f64 {
        self.left + place * (self.right - self.left)
    }

    /// The ordinate of a place, 0 at the bottom to 1.
    pub fn y(&self, place: f64) -> f64 {
        self.bottom - place * (self.bottom - self.top)
    }

    /// Begins the drawing; `data` is written into its tag.
    pub fn open(&self, out: &mut dyn Write, says: &str, data: &str) -> io::Result<()> {
        let Self { width, height, .. } = self;
        write!(out, "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\"{data}>", Text(says))
    }

    /// A line and a number for each tick of the vertical axis. `text` is markup.
    pub fn rows(&self, out: &mut dyn Write, axis: Axis, text: impl Fn(f64) -> String) -> io::Result<()> {
        let Self { left, right, .. } = self;
        for v in axis.ticks() {
            let y = self.y(axis.place(v));
            write!(out, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>")?;
            write!(out, "<text class=\"ylab\" x=\"{}\" y=\"{:.1}\">{}</text>", left - 6.0, y + 3.8, text(v))?;
        }
        Ok(())
    }

    /// A mark below the horizontal axis at each place, 0 to 1. The text is markup.
    pub fn columns(
        &self,
        out: &mut dyn Write,
        marks: impl IntoIterator<Item = (f64, String)>,
    ) -> io::Result<()> {
        for (place, text) in marks {
            let (x, bottom) = (self.x(place), self.bottom);
            write!(out, "<path class=\"grid\" d=\"M{x:.1} {bottom}v4\"/>")?;
            // A long text at the end would be cut off.
            let (class, x) =
                if place > 0.98 && text.len() > 3 { ("ylab", self.width - 2.0) } else { ("xlab", x) };
            write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{}\">{text}</text>", bottom + 18.0)?;
        }
        Ok(())
    }

    /// What the axes show: below the horizontal one, and beside the vertical one, read from below, unless that is clear from the title.
    pub fn names(&self, out: &mut dyn Write, across: &str, up: &str) -> io::Result<()> {
        let (middle, below) = ((self.left + self.right) / 2.0, self.height - 4.0);
        write!(out, "<text class=\"xlab\" x=\"{middle}\" y=\"{below}\">{}</text>", Text(across))?;
        if up.is_empty() {
            return Ok(());
        }
        let beside = (self.top + self.bottom) / 2.0;
        write!(
            out,
            "<text class=\"xlab\" transform=\"translate(10 {beside}) rotate(-90)\">{}</text>",
            Text(up)
        )
    }

    /// Ends the drawing and its figure.
    pub fn close(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { left, right, bottom, .. } = self;
        writeln!(out, "<path class=\"axis\" d=\"M{left} {bottom}H{right}\"/></svg></figure>")
    }
}
