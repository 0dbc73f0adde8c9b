//! The sections of `study.html` on clusterings, distances and methods.

use maud::{Markup, html};
use streamface_eval::format::Count;
use streamface_eval::study::{
    AtThreshold, BASELINE_COLUMNS, BASELINE_TEXT_COLUMNS, Histogram, Histograms, Interval, Row, Scored, Study,
};

use crate::chart::{Axis, Chart, Series, Style, percent_tick, plain, plain_tick};
use crate::layout::{number, section, table};

fn count_tick(v: f64) -> Markup {
    html! { @if v.fract() == 0.0 && v >= 0.0 { (Count(v as u64)) } @else { (plain(v)) } }
}

pub(super) fn sweep(rows: &[Row], mark: Option<f64>) -> Markup {
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
        mark: mark.filter(|m| (first..=last).contains(m)),
        wanted: None,
    };
    let line = |name, colour, of: &dyn Fn(&Row) -> Option<f64>| {
        let points = rows.iter().filter_map(|r| Some((r.threshold, of(r)?))).collect();
        Series::new(name, colour, Style::Dots, points)
    };
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
        p class="note" { "The same faces clustered at each threshold." }
        div class="charts" { @for chart in [clusters, silhouette, f, precision] { (chart.draw()) } }
        (sweep_table(rows))
    };
    section("sweep", "Clusterings", &body)
}

fn sweep_table(rows: &[Row]) -> Markup {
    let (silhouette, labelled) =
        (rows.iter().any(|r| r.silhouette.is_some()), rows.iter().any(|r| r.pairwise.is_some()));
    let heads =
        ["threshold", "clusters", "of one face", "median size", "90 % are at most", "largest", "clustered"];
    let more = silhouette.then_some("silhouette").into_iter();
    let more =
        more.chain(labelled.then_some(["pairwise P", "R", "F", "BCubed P", "R", "F"]).into_iter().flatten());
    let columns: Vec<(&str, bool)> = heads.into_iter().chain(more).map(|head| (head, true)).collect();
    let rows = html! {
        @for r in rows {
            tr {
                (number(plain(r.threshold)))
                (number(Count(r.clusters)))
                (number(Count(r.singletons)))
                (number(plain(r.sizes.median)))
                (number(plain(r.sizes.q90)))
                (number(Count(r.sizes.largest)))
                (number(format_args!("{:.1} %", 100.0 * r.clustered)))
                @if silhouette { (number(r.silhouette.map_or(String::new(), three))) }
                @if labelled { (scored_cells(r.pairwise)) (scored_cells(r.bcubed)) }
            }
        }
    };
    table("Clusterings", &columns, &rows)
}

/// Precision, recall, and F with its interval.
fn scored_cells(scored: Option<Scored>) -> Markup {
    html! {
        @if let Some(s) = scored {
            (number(three(s.value.precision)))
            (number(three(s.value.recall)))
            td class="n" { (three(s.value.f)) " " small { (three(s.f.lower)) "–" (three(s.f.upper)) } }
        } @else {
            @for _ in 0..3 { (number("")) }
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

pub(super) fn histograms(h: &Histograms) -> Markup {
    let chart = |id: String, title: &str, to, series: Vec<Series>, mark| Chart {
        id,
        title: String::from(title),
        x: Axis::linear(0.0, to),
        x_text: plain_tick,
        across: "distance",
        cursor: false,
        y: Axis::around(series.iter().flat_map(|s| s.points.iter().map(|p| p.1))),
        y_text: percent_tick,
        series,
        mark,
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

pub(super) fn baselines(study: &Study) -> Markup {
    let best = if study.sweep.iter().any(|r| r.bcubed.is_some()) {
        " Each at the threshold, of those tried, where its BCubed F on these labels is largest, which flatters all of them."
    } else {
        ""
    };
    let columns: Vec<(&str, bool)> = BASELINE_COLUMNS
        .into_iter()
        .enumerate()
        .map(|(column, head)| (head, column >= BASELINE_TEXT_COLUMNS))
        .collect();
    let rows = html! {
        @for row in &study.baselines {
            tr {
                @for ((_, number), cell) in columns.iter().zip(row.cells()) {
                    td class=[number.then_some("n")] { (cell) }
                }
            }
        }
    };
    let body = html! {
        p class="note" { "On the same features." (best) }
        (table("Methods", &columns, &rows))
    };
    section("methods", "Methods", &body)
}
