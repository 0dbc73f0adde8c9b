//! The sections of `study.html` on clusterings, distances and methods.

use maud::{Markup, html};
use streamface_eval::format::Count;
use streamface_eval::merges::FalseMerges;
use streamface_eval::study::{
    AtThreshold, BASELINE_COLUMNS, BASELINE_TEXT_COLUMNS, Baseline, Histogram, Histograms, Interval, Row,
    Scored, Study, between, joins,
};

use super::answer;
use crate::chart::{Axis, Chart, Mark, Series, Style, percent_tick, plain, plain_tick};
use crate::layout::{number, section};

fn count_tick(v: f64) -> Markup {
    html! { @if v.fract() == 0.0 && v >= 0.0 { (Count(v as u64)) } @else { (plain(v)) } }
}

pub(super) fn sweep(study: &Study) -> Markup {
    let rows = &study.sweep[..];
    let (first, last) = (rows[0].threshold, rows[rows.len() - 1].threshold);
    let chart = |id: &str, title: &str, y, y_text, series| Chart {
        id: id.to_owned(),
        title: String::from(title),
        x: Axis::linear(first, last),
        x_text: plain_tick,
        across: "threshold",
        cursor: true,
        y,
        y_text,
        series,
        marks: answer::marks(study, (first, last)),
        wanted: None,
    };
    let line = |name, colour, of: &dyn Fn(&Row) -> Option<f64>| {
        let points = rows.iter().filter_map(|r| Some((r.threshold, of(r)?))).collect();
        Series::new(name, colour, Style::Dots, points)
    };
    let joined = false_merges(study, chart);
    let counts = Axis::around(rows.iter().map(|r| r.clusters as f64));
    let series = vec![
        line("clusters", 0, &|r| Some(r.clusters as f64)),
        line("of one face", 1, &|r| Some(r.singletons as f64)),
    ];
    let clusters = chart("cl", "Clusters", counts, count_tick, series);
    let shares = rows.iter().flat_map(|r| [Some(1.0), r.silhouette]).flatten();
    let series = vec![
        line("silhouette", 0, &|r| r.silhouette),
        line("share of faces in clusters of two and more", 1, &|r| Some(r.clustered)),
    ];
    let silhouette = rows.iter().any(|r| r.silhouette.is_some());
    let title = if silhouette { "Silhouette and share clustered" } else { "Share clustered" };
    let silhouette = chart("si", title, Axis::around(shares), plain_tick, series);
    let scored = |name,
                  colour,
                  of: fn(&Row) -> Option<Scored>,
                  value: fn(&Scored) -> f64,
                  bars: fn(&Scored) -> Interval| {
        let band = rows.iter().filter_map(|r| {
            let bars = bars(&of(r)?);
            Some((r.threshold, bars.lower, bars.upper))
        });
        line(name, colour, &|r| Some(value(&of(r)?))).with_band(band.collect())
    };
    let unit = Axis::linear(0.0, 1.0);
    let series = vec![
        scored("pairwise", 0, |r| r.pairwise, |s| s.value.f, |s| s.f),
        scored("BCubed", 1, |r| r.bcubed, |s| s.value.f, |s| s.f),
    ];
    let f = chart("ff", "F against the true labels", unit, plain_tick, series);
    let series = vec![
        scored("precision", 2, |r| r.pairwise, |s| s.value.precision, |s| s.precision),
        scored("recall", 3, |r| r.pairwise, |s| s.value.recall, |s| s.recall),
    ];
    let precision = chart("pr", "Pairwise precision and recall", unit, plain_tick, series);
    let body = html! {
        p class="note" {
            "The same faces clustered at each threshold. A false merge joins the clusters of two people; how many to expect is "
            "computed from how near strangers come."
        }
        div class="charts" {
            @if let Some(chart) = joined { (chart.draw()) }
            @for chart in [clusters, silhouette, f, precision] { (chart.draw()) }
        }
        (sweep_table(study))
    };
    section("sweep", "Clusterings", &body)
}

/// Where numbers of false merges are too few to be shown.
const LEAST_MERGES: f64 = 0.001;

/// Expected false merges and their interval; `None` where they are not known.
fn false_merges(
    study: &Study,
    chart: impl Fn(&str, &str, Axis, fn(f64) -> Markup, Vec<Series>) -> Chart,
) -> Option<Chart> {
    let all = || study.sweep.iter().filter_map(|row| Some((row.threshold, row.false_merges?)));
    let most = all().map(|(_, m)| m.expected).fold(1.0, f64::max);
    all().next()?;
    let band = all().map(|(t, m)| (t, m.interval.0, m.interval.1)).collect();
    let line = all().map(|(t, m)| (t, m.expected)).collect();
    let series = vec![Series::new("expected, with its interval", 0, Style::Dots, line).with_band(band)];
    let axis = Axis::powers(LEAST_MERGES, most);
    let budget = study.recommendation.as_ref().map(|found| found.budget);
    Some(Chart { wanted: budget, ..chart("jo", "False merges to expect", axis, power_tick, series) })
}

/// A power of ten in as few characters as will do.
fn power_tick(v: f64) -> Markup {
    html! { @if v >= 1.0 { (Count(v.round() as u64)) } @else { (plain(v)) } }
}

/// A threshold and what is special about it.
fn threshold_cell(study: &Study, threshold: f64) -> Markup {
    let names = answer::picks(study).into_iter().find(|pick| pick.threshold == threshold);
    html! {
        td class="n" {
            @if let Some(pick) = names { small { (pick.names.join(", ")) } " " b { (plain(threshold)) } }
            @else { (plain(threshold)) }
        }
    }
}

fn sweep_table(study: &Study) -> Markup {
    let rows = &study.sweep[..];
    let joined = rows.iter().any(|r| r.false_merges.is_some());
    let (silhouette, labelled) =
        (rows.iter().any(|r| r.silhouette.is_some()), rows.iter().any(|r| r.pairwise.is_some()));
    // Whether a column needs a wide screen.
    let mut columns = vec![("threshold", false), ("clusters", false), ("of one face", true)];
    columns.extend(joined.then_some(("false merges expected", false)));
    columns.extend(["median size", "90 % are at most", "largest", "clustered"].map(|name| (name, true)));
    columns.extend(silhouette.then_some(("silhouette", true)));
    if labelled {
        columns.extend([("pairwise P", true), ("R", true), ("pairwise F", true)]);
        columns.extend([("BCubed P", true), ("R", true), ("BCubed F", false)]);
    }
    let rows = html! {
        @for r in rows {
            tr {
                (threshold_cell(study, r.threshold))
                (number(Count(r.clusters)))
                (wide(Count(r.singletons)))
                @if joined { (merges_cell(r.false_merges)) }
                (wide(plain(r.sizes.median)))
                (wide(plain(r.sizes.q90)))
                (wide(Count(r.sizes.largest)))
                (wide(format_args!("{:.1} %", 100.0 * r.clustered)))
                @if silhouette { (wide(r.silhouette.map_or(String::new(), three))) }
                @if labelled { (scored_cells(r.pairwise, true)) (scored_cells(r.bcubed, false)) }
            }
        }
    };
    numbers("Clusterings", &columns, &rows)
}

/// A table of numbers, of which some columns are for wide screens only.
pub(super) fn numbers(says: &str, columns: &[(&str, bool)], rows: &Markup) -> Markup {
    let class = |wide| if wide { "n wide" } else { "n" };
    let columns: Vec<(&str, &str)> = columns.iter().map(|&(name, wide)| (name, class(wide))).collect();
    classed(says, &columns, rows)
}

/// A table of columns with their classes.
fn classed(says: &str, columns: &[(&str, &str)], rows: &Markup) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(says) {
            table {
                thead { tr { @for (name, class) in columns { th scope="col" class=(class) { (name) } } } }
                tbody { (rows) }
            }
        }
        p class="note narrow" { "A wider screen shows more columns." }
    }
}

/// A cell with a number, for wide screens.
pub(super) fn wide(value: impl std::fmt::Display) -> Markup {
    html! { td class="n wide" { (value) } }
}

/// Expected false merges with their interval.
fn merges_cell(found: Option<FalseMerges>) -> Markup {
    html! {
        td class="n" {
            @if let Some(FalseMerges { expected, interval, .. }) = found {
                (joins(expected)) @if expected >= LEAST_MERGES { " " small { (between(interval)) } }
            }
        }
    }
}

/// Precision, recall, and F with its interval.
fn scored_cells(scored: Option<Scored>, f_is_wide: bool) -> Markup {
    let class = if f_is_wide { "n wide" } else { "n" };
    html! {
        @if let Some(s) = scored {
            (wide(three(s.value.precision)))
            (wide(three(s.value.recall)))
            td class=(class) { (three(s.value.f)) " " small { (three(s.f.lower)) "–" (three(s.f.upper)) } }
        } @else {
            @for _ in 0..2 { (wide("")) }
            td class=(class) {}
        }
    }
}

fn three(v: f64) -> String {
    format!("{v:.3}")
}

/// A histogram's steps, as shares of all its values.
fn steps(name: &'static str, colour: usize, h: &Histogram) -> Series {
    let (total, bins) = (h.total().max(1) as f64, h.counts.len() as f64);
    let edge = |i: usize| h.from + (h.to - h.from) * i as f64 / bins;
    let mut points: Vec<(f64, f64)> =
        h.counts.iter().enumerate().map(|(i, &n)| (edge(i), n as f64 / total)).collect();
    points.push((h.to, 0.0));
    Series::new(name, colour, Style::Steps, if h.total() == 0 { Vec::new() } else { points })
}

pub(super) fn histograms(study: &Study, h: &Histograms) -> Markup {
    let chart = |id: String, title: &str, to, series: Vec<Series>, own: Option<f64>| Chart {
        id,
        title: String::from(title),
        x: Axis::linear(0.0, to),
        x_text: plain_tick,
        across: "distance",
        cursor: false,
        y: Axis::around(series.iter().flat_map(|s| s.points.iter().map(|p| p.1))),
        y_text: percent_tick,
        series,
        marks: own_and_others(study, own, to),
        wanted: None,
    };
    let all = vec![steps("nearest", 0, &h.min), steps("mean", 2, &h.mean), steps("farthest", 1, &h.max)];
    let each = chart("h".to_owned(), "Each face's nearest, mean and farthest", h.min.to, all, None);
    let at_threshold = |(i, at): (usize, &AtThreshold)| {
        let series = vec![
            steps("mean within", 0, &at.within_mean),
            steps("nearest within", 3, &at.within_min),
            steps("mean beyond", 2, &at.beyond_mean),
            steps("farthest beyond", 1, &at.beyond_max),
        ];
        let title = format!("Threshold {}", plain(at.threshold));
        chart(format!("h{i}"), &title, 1.5, series, Some(at.threshold))
    };
    let body = html! {
        p class="note" {
            (Count(h.samples)) " of " (Count(h.rows)) " faces, each with its " (Count(h.k))
            " nearest others among these."
        }
        div class="charts" { (each.draw()) }
        @if !h.thresholds.is_empty() && h.samples > 1 {
            details {
                summary { "Within and beyond each threshold" }
                div class="charts three" {
                    @for chart in h.thresholds.iter().enumerate().map(at_threshold) { (chart.draw()) }
                }
            }
        }
    };
    section("distances", "Distances", &body)
}

/// The lines of a chart of one threshold: its own, and those of the others.
fn own_and_others(study: &Study, own: Option<f64>, to: f64) -> Vec<Mark> {
    let mut marks = answer::marks(study, (0.0, to));
    if let Some(own) = own.filter(|own| marks.iter().all(|mark| mark.at != *own)) {
        marks.push(Mark { at: own, name: "this threshold".to_owned(), style: OWN });
    }
    marks
}

/// The style of the line of a chart's own threshold.
const OWN: usize = 3;

pub(super) fn baselines(study: &Study) -> Markup {
    let best = if study.sweep.iter().any(|r| r.bcubed.is_some()) {
        " Each at the threshold, of those tried, where its BCubed F on these labels is largest, which flatters all of them."
    } else {
        ""
    };
    // Method, clusters, BCubed F and seconds are for narrow screens too.
    let wide = |column: usize| ![0, 2, 4, 6].contains(&column);
    let class = |column: usize| match (column >= BASELINE_TEXT_COLUMNS, wide(column)) {
        (true, true) => "n wide",
        (true, false) => "n",
        (false, true) => "name wide",
        (false, false) => "name",
    };
    let cells = |row: &Baseline| {
        let cells = row.cells();
        html! { tr { @for (column, cell) in cells.into_iter().enumerate() { td class=(class(column)) { (cell) } } } }
    };
    let rows = html! { @for row in &study.baselines { (cells(row)) } };
    let heads = BASELINE_COLUMNS.into_iter().enumerate();
    let columns: Vec<(&str, &str)> = heads.map(|(column, head)| (head, class(column))).collect();
    let body = html! {
        p class="note" { "On the same features." (best) }
        (classed("Methods", &columns, &rows))
    };
    section("methods", "Methods", &body)
}
