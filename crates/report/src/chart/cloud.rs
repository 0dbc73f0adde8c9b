//! Counts over two numbers, as a picture of cells.

use maud::{Markup, html};

use super::bars::Caption;
use super::frame::{SQUARE, short};

/// A cell, and what is in it.
pub(crate) struct Cell {
    /// From the left, 0 up.
    pub column: usize,
    /// From below, 0 up.
    pub row: usize,
    /// How much is in it.
    pub value: u64,
    /// Shown on hovering.
    pub says: String,
}

/// The lightest cell that has anything in it, against 1 for the fullest.
const LIGHTEST: f64 = 0.25;

/// Cells of a square with `side` of them on a side, the darker the more is in them. The marks are those of both axes.
pub(crate) fn cloud(caption: &Caption<'_>, side: usize, cells: &[Cell]) -> Markup {
    let most = cells.iter().map(|cell| cell.value).max().unwrap_or(0).max(1) as f64;
    // By the root: what is rare is to be seen beside what is frequent.
    let opacity = |value: u64| LIGHTEST + (1.0 - LIGHTEST) * (value as f64 / most).sqrt();
    let width = (SQUARE.right - SQUARE.left) / side.max(1) as f64;
    let height = (SQUARE.bottom - SQUARE.top) / side.max(1) as f64;
    html! {
        figure class="chart small" {
            figcaption { (caption.title) }
            svg viewBox=(SQUARE.view_box()) role="img" aria-label=(caption.says) {
                @for (at, text) in caption.marks {
                    @let y = SQUARE.y(*at);
                    path class="grid" d={ "M" (SQUARE.left) " " (short(y)) "H" (SQUARE.right) } {}
                    text class="ylab" x=(SQUARE.left - 6.0) y=(short(y + 3.8)) { (text) }
                }
                (SQUARE.columns(caption.marks.iter().map(|(at, text)| (*at, html! { (text) }))))
                (SQUARE.names(caption.across, caption.up))
                @for cell in cells {
                    rect class="good" x=(short(SQUARE.left + width * cell.column as f64))
                        y=(short(SQUARE.bottom - height * (cell.row + 1) as f64)) width=(short(width)) height=(short(height))
                        fill-opacity=(format_args!("{:.2}", opacity(cell.value))) { title { (cell.says) } }
                }
                (SQUARE.axis())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stands_where_its_numbers_are_and_is_darker_the_more_it_has() {
        let cell = |column, row, value| Cell { column, row, value, says: format!("{value} faces") };
        let caption = Caption { title: "t", across: "x", up: "y", says: "s", marks: &[] };
        let page = cloud(&caption, 2, &[cell(0, 0, 1), cell(1, 1, 4)]).0;
        let rects: Vec<&str> = page.split("<rect").skip(1).collect();
        let [below, above] = rects[..] else { panic!("{page}") };
        let number = |rect: &str, name: &str| -> f64 {
            rect.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        assert!(number(below, "x") < number(above, "x") && number(below, "y") > number(above, "y"));
        assert_eq!((number(below, "fill-opacity"), number(above, "fill-opacity")), (0.62, 1.0));
        assert!(above.contains("<title>4 faces</title>"));
    }
}
