//! The sections of `study.html` on clusterings, distances and methods.

use std::io::{self, Write};

use streamface_eval::format::Count;
use streamface_eval::study::{
    BASELINE_COLUMNS, BASELINE_TEXT_COLUMNS, Histogram, Histograms, Interval, Row, Scored, Study,
};

use crate::chart::{Axis, Chart, Series, Style, plain, plain_percent};
use crate::html::Text;
use crate::layout::table;

fn count_tick(v: f64) -> String {
    if v.fract() == 0.0 && v >= 0.0 { Count(v as u64).to_string() } else { plain(v) }
}

pub(super) fn sweep(rows: &[Row], mark: Option<f64>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section aria-labelledby=\"sweep\"><h2 id=\"sweep\">Clusterings</h2>")?;
    write!(out, "<p class=\"note\">The same faces clustered at each threshold.</p><div class=\"charts\">")?;
    let (first, last) = (rows[0].threshold, rows[rows.len() - 1].threshold);
    let chart = |id: &str, title: &str, y, y_text, series| Chart {
        id: id.to_owned(),
        title: String::from(title),
        x: Axis::linear(first, last),
        x_text: plain,
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
    chart("cl", "Clusters", counts, count_tick, series).write(out)?;
    let shares = rows.iter().flat_map(|r| [Some(1.0), r.silhouette]).flatten();
    let series = vec![
        line("silhouette", 0, &|r| r.silhouette),
        line("share of faces in clusters of two and more", 1, &|r| Some(r.clustered)),
    ];
    let silhouette = rows.iter().any(|r| r.silhouette.is_some());
    let title = if silhouette { "Silhouette and share clustered" } else { "Share clustered" };
    chart("si", title, Axis::around(shares), plain, series).write(out)?;
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
    chart("ff", "F against the true labels", unit, plain, series).write(out)?;
    let series = vec![
        scored("precision", 2, |r| r.pairwise, |s| s.value.precision, |s| s.precision),
        scored("recall", 3, |r| r.pairwise, |s| s.value.recall, |s| s.recall),
    ];
    chart("pr", "Pairwise precision and recall", unit, plain, series).write(out)?;
    write!(out, "</div>")?;
    sweep_table(rows, out)?;
    writeln!(out, "</section>")
}

fn sweep_table(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let (silhouette, labelled) =
        (rows.iter().any(|r| r.silhouette.is_some()), rows.iter().any(|r| r.pairwise.is_some()));
    let heads =
        ["threshold", "clusters", "of one face", "median size", "90 % are at most", "largest", "clustered"];
    let more = silhouette.then_some("silhouette").into_iter();
    let more =
        more.chain(labelled.then_some(["pairwise P", "R", "F", "BCubed P", "R", "F"]).into_iter().flatten());
    let columns: Vec<(&str, bool)> = heads.into_iter().chain(more).map(|head| (head, true)).collect();
    table(out, "Clusterings", &columns)?;
    for r in rows {
        let mut cells = vec![
            plain(r.threshold),
            Count(r.clusters).to_string(),
            Count(r.singletons).to_string(),
            plain(r.sizes.median),
            plain(r.sizes.q90),
            Count(r.sizes.largest).to_string(),
            format!("{:.1} %", 100.0 * r.clustered),
        ];
        if silhouette {
            cells.push(r.silhouette.map_or(String::new(), |s| format!("{s:.3}")));
        }
        if labelled {
            for scored in [r.pairwise, r.bcubed] {
                let with =
                    |v: f64, i: Interval| format!("{v:.3} <small>{:.3}–{:.3}</small>", i.lower, i.upper);
                match scored {
                    Some(s) => cells.extend([
                        format!("{:.3}", s.value.precision),
                        format!("{:.3}", s.value.recall),
                        with(s.value.f, s.f),
                    ]),
                    None => cells.extend([const { String::new() }; 3]),
                }
            }
        }
        write!(out, "<tr>")?;
        for cell in cells {
            write!(out, "<td class=\"n\">{cell}</td>")?;
        }
        write!(out, "</tr>")?;
    }
    write!(out, "</tbody></table></div>")
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

pub(super) fn histograms(h: &Histograms, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section aria-labelledby=\"distances\"><h2 id=\"distances\">Distances</h2>")?;
    write!(
        out,
        "<p class=\"note\">{} of {} faces, each with its {} nearest others among these.</p><div class=\"charts\">",
        Count(h.samples),
        Count(h.rows),
        Count(h.k)
    )?;
    let chart = |id: String, title: &str, to, series: Vec<Series>, mark| Chart {
        id,
        title: String::from(title),
        x: Axis::linear(0.0, to),
        x_text: plain,
        across: "distance",
        cursor: false,
        y: Axis::around(series.iter().flat_map(|s| s.points.iter().map(|p| p.1))),
        y_text: plain_percent,
        series,
        mark,
        wanted: None,
    };
    let all = vec![steps("nearest", 0, &h.min), steps("mean", 2, &h.mean), steps("farthest", 1, &h.max)];
    chart("h".to_owned(), "Each face's nearest, mean and farthest", h.min.to, all, None).write(out)?;
    writeln!(out, "</div>")?;
    if !h.thresholds.is_empty() && h.samples > 1 {
        write!(
            out,
            "<details><summary>Within and beyond each threshold</summary><div class=\"charts three\">"
        )?;
        for (i, at) in h.thresholds.iter().enumerate() {
            let series = vec![
                steps("mean within", 0, &at.within_mean),
                steps("nearest within", 3, &at.within_min),
                steps("mean beyond", 2, &at.beyond_mean),
                steps("farthest beyond", 1, &at.beyond_max),
            ];
            let title = format!("Threshold {}", plain(at.threshold));
            chart(format!("h{i}"), &title, 1.5, series, Some(at.threshold)).write(out)?;
        }
        write!(out, "</div></details>")?;
    }
    writeln!(out, "</section>")
}

pub(super) fn baselines(study: &Study, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section aria-labelledby=\"methods\"><h2 id=\"methods\">Methods</h2>")?;
    let best = if study.sweep.iter().any(|r| r.bcubed.is_some()) {
        " Each at the threshold, of those tried, where its BCubed F on these labels is largest, which flatters all of them."
    } else {
        ""
    };
    write!(out, "<p class=\"note\">On the same features.{best}</p>")?;
    let columns: Vec<(&str, bool)> = BASELINE_COLUMNS
        .into_iter()
        .enumerate()
        .map(|(column, head)| (head, column >= BASELINE_TEXT_COLUMNS))
        .collect();
    table(out, "Methods", &columns)?;
    for row in &study.baselines {
        write!(out, "<tr>")?;
        for ((_, number), cell) in columns.iter().zip(row.cells()) {
            let class = if *number { " class=\"n\"" } else { "" };
            write!(out, "<td{class}>{}</td>", Text(cell))?;
        }
        write!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div></section>")
}
