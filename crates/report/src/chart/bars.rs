//! Counts, one after another.

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_eval::intrinsic::SizeBin;

use super::Axis;
use super::frame::{SMALL, short};

/// Most points of a line: a column each, and then some.
const MAX_POINTS: usize = 400;
/// Bins of sizes that all have room for a mark.
const MARK_ALL_UP_TO: usize = 9;

/// What is written caption a chart.
pub(crate) struct Caption<'a> {
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
pub(crate) struct Bar {
    pub value: usize,
    /// Shown on hovering.
    pub says: String,
    /// Class that colours it.
    pub class: &'static str,
}

/// Bars side by side.
pub(crate) fn bars(caption: &Caption<'_>, bars: &[Bar]) -> Markup {
    let axis = Axis::counts(bars.iter().map(|b| b.value).max().unwrap_or(0));
    let step = (SMALL.right - SMALL.left) / bars.len().max(1) as f64;
    let drawn = html! {
        @for (i, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.value > 0) {
            @let (x, y) = (SMALL.left + step * (i as f64 + 0.06), height(axis, bar.value));
            rect class=(bar.class) x=(short(x)) y=(short(y)) width=(short(step * 0.88))
                height=(short(SMALL.bottom - y)) { title { (bar.says) } }
        }
    };
    figure(caption, axis, &drawn)
}

/// A line through one value after another; of many the largest of each stretch.
pub(crate) fn line(caption: &Caption<'_>, values: &[usize]) -> Markup {
    let axis = Axis::counts(values.iter().copied().max().unwrap_or(0));
    let stretch = values.len().div_ceil(MAX_POINTS).max(1);
    let step = (SMALL.right - SMALL.left) / values.len().max(1) as f64;
    let mut path = String::new();
    for (i, values) in values.chunks(stretch).enumerate() {
        let most = values.iter().copied().max().unwrap_or(0);
        let from = SMALL.left + step * (i * stretch) as f64;
        let y = height(axis, most);
        // A step for each value: between two labels there is nothing.
        let begin = if i == 0 { "M" } else { "L" };
        path.push_str(&format!("{begin}{from:.1} {y:.1}h{:.1}", step * values.len() as f64));
    }
    figure(caption, axis, &html! { path class="line c0" d=(path) {} })
}

/// The original's "Membership Distribution": how many clusters have how many faces. `what` they are, in the
/// plural.
pub(crate) fn size_bins(title: &str, what: &'static str, bins: &[SizeBin]) -> Markup {
    let range = |from: usize, to: usize| {
        if from == to {
            Plural(from, "face").to_string()
        } else {
            format!("{} to {} faces", Count(from as u64), Count(to as u64))
        }
    };
    let bar = |bin: &SizeBin| Bar {
        value: bin.classes,
        says: format!("{}: {} {what}", range(bin.from, bin.to), Count(bin.classes as u64)),
        class: "good",
    };
    let drawn: Vec<Bar> = bins.iter().map(bar).collect();
    // All bins where they are few, else those that begin at a power of ten.
    let marked = |from: usize| {
        bins.len() <= MARK_ALL_UP_TO || from == 1 || (from >= 10 && 10usize.pow(from.ilog10()) == from)
    };
    let middle = |i: usize| (i as f64 + 0.5) / bins.len() as f64;
    let marks: Vec<_> = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| marked(bin.from))
        .map(|(i, bin)| (middle(i), sizes(bin)))
        .collect();
    let ones = bins.first().map_or(0, |bin| bin.classes);
    let all: usize = bins.iter().map(|bin| bin.classes).sum();
    let says = format!("{title}: {} of {} {what} have one face", Count(ones as u64), Count(all as u64));
    let caption = Caption { title, across: "faces", up: what, says: &says, marks: &marks };
    self::bars(&caption, &drawn)
}

/// A bin's sizes in as few characters as will do: `1`, `2–5`, `10–19`, `1k–2k`.
fn sizes(bin: &SizeBin) -> String {
    let (from, to) = (bin.from, bin.to);
    if from == to {
        Count(from as u64).to_string()
    } else if from >= 1000 && Some(to) == from.checked_mul(2).map(|next| next - 1) {
        format!("{}–{}", Short(from), Short(to + 1))
    } else {
        format!("{}–{}", Count(from as u64), Count(to as u64))
    }
}

/// The figure around what is drawn.
fn figure(caption: &Caption<'_>, axis: Axis, drawn: &Markup) -> Markup {
    let up = if axis.is_log() { format!("{} (log)", caption.up) } else { caption.up.to_owned() };
    html! {
        figure class="chart small" {
            figcaption { (caption.title) }
            svg viewBox=(SMALL.view_box()) role="img" aria-label=(caption.says) {
                (SMALL.rows(axis, |v| html! { (Short(v as usize)) }))
                (SMALL.columns(caption.marks.iter().map(|(at, text)| (*at, html! { (text) }))))
                (SMALL.names(caption.across, &up))
                (drawn)
                (SMALL.axis())
            }
        }
    }
}

/// The top of a bar; on the axis for 0, however far below a logarithm would put it.
fn height(axis: Axis, value: usize) -> f64 {
    SMALL.y(axis.place(value as f64).max(0.0))
}

/// A count in a few characters, rounded down.
struct Short(usize);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            n if n >= 1_000_000 => write!(f, "{}M", n / 1_000_000),
            n if n >= 1000 => write!(f, "{}k", n / 1000),
            n => write!(f, "{}", Count(n as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamface_eval::intrinsic::membership_distribution;

    #[test]
    fn a_long_line_is_thinned() {
        let caption = Caption { title: "t", across: "x", up: "y", says: "s", marks: &[] };
        let page = line(&caption, &(0..100_000).rev().collect::<Vec<_>>()).0;
        assert!(page.len() < 12_000, "{}", page.len());
    }

    #[test]
    fn bins_of_sizes_read_as_ranges() {
        let marks = |most: usize| {
            let page = size_bins("t", "people", &membership_distribution(&[1, most])).0;
            let texts = page.split("<text class=\"").skip(1).filter_map(|t| t.split(['>', '<']).nth(1));
            texts.filter(|t| t.contains('–')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(marks(14), ["2–5", "6–9", "10–14"]);
        assert_eq!(marks(250), ["10–19", "100–199"]);
        assert_eq!(marks(12_345), ["10–19", "100–199", "1k–2k", "10,000–12,345"]);
        assert!(marks(1).is_empty());
    }
}
