//! The drawing: its units, grid and marks.

use maud::{Markup, html};

use super::Axis;

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
/// As wide as high.
pub(super) const SQUARE: Frame =
    Frame { width: 360.0, height: 352.0, left: 46.0, right: 352.0, top: 12.0, bottom: 316.0 };

impl Frame {
    /// The abscissa of a place, 0 to 1.
    pub fn x(&self, place: f64) -> f64 {
        self.left + place * (self.right - self.left)
    }

    /// The ordinate of a place, 0 at the bottom to 1.
    pub fn y(&self, place: f64) -> f64 {
        self.bottom - place * (self.bottom - self.top)
    }

    /// The `viewBox` of the drawing.
    pub fn view_box(&self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }

    /// A line and a number for each tick of the vertical axis.
    pub fn rows(&self, axis: Axis, text: impl Fn(f64) -> Markup) -> Markup {
        let Self { left, right, .. } = self;
        html! {
            @for v in axis.ticks() {
                @let y = self.y(axis.place(v));
                path class="grid" d={ "M" (left) " " (short(y)) "H" (right) } {}
                text class="ylab" x=(left - 6.0) y=(short(y + 3.8)) { (text(v)) }
            }
        }
    }

    /// A mark below the horizontal axis at each place, 0 to 1.
    pub fn columns(&self, marks: impl IntoIterator<Item = (f64, Markup)>) -> Markup {
        html! {
            @for (place, text) in marks {
                @let x = self.x(place);
                // A text of three characters at the end would be cut off.
                @let at_end = place > 0.98 && text.0.chars().count() > 2;
                path class="grid" d={ "M" (short(x)) " " (self.bottom) "v4" } {}
                text class=(if at_end { "ylab" } else { "xlab" })
                    x=(short(if at_end { self.width - 2.0 } else { x })) y=(self.bottom + 18.0) { (text) }
            }
        }
    }

    /// What the axes show: below the horizontal one, and beside the vertical one, read from below, unless that is
    /// clear from the title and `up` is empty.
    pub fn names(&self, across: &str, up: &str) -> Markup {
        let (middle, below) = ((self.left + self.right) / 2.0, self.height - 4.0);
        let beside = (self.top + self.bottom) / 2.0;
        html! {
            text class="xlab" x=(middle) y=(below) { (across) }
            @if !up.is_empty() {
                text class="xlab" transform={ "translate(10 " (beside) ") rotate(-90)" } { (up) }
            }
        }
    }

    /// The horizontal axis itself, above all else.
    pub fn axis(&self) -> Markup {
        html! { path class="axis" d={ "M" (self.left) " " (self.bottom) "H" (self.right) } {} }
    }
}

/// A length to a tenth of the drawing's unit.
pub(super) fn short(v: f64) -> String {
    format!("{v:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mark_has_room() {
        let marks = |text: &str| SMALL.columns([(1.0, html! { (text) })]).0;
        assert!(marks("100").contains("<text class=\"ylab\" x=\"358.0\""), "{}", marks("100"));
        assert!(marks("90").contains("<text class=\"xlab\" x=\"352.0\""), "{}", marks("90"));
    }
}
