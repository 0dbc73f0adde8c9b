//! Error rates without labels, by threshold.

use maud::{Markup, PreEscaped, html};
use serde_json::json;
use streamface_eval::format::{Count, share};
use streamface_eval::study::{Calibration, Estimate, Modelled, Point, Study};

use super::answer;
use super::sections::{numbers, wide};
use crate::chart::{Axis, Chart, Series, Style, percent_tick, plain, plain_tick, rate_tick};
use crate::layout::{self, number};

pub(super) fn section(study: &Study, c: &Calibration) -> Markup {
    let columns = [
        ("threshold", false),
        ("false-match rate", false),
        ("interval", false),
        ("tail model", true),
        ("at most", true),
        ("links farther apart", false),
        ("interval", true),
    ];
    let every = (c.points.len() / 24).max(1);
    let rows = html! { @for p in c.points.iter().skip(every).step_by(every) { (row(p)) } };
    let body = html! {
        p class="note" {
            "From " (Count(c.different.pairs)) " pairs of faces that share a frame (" (Count(c.different.pairs_of_people))
            " pairs of " (Count(c.different.people)) " people) and " (Count(c.same.pairs)) " linked pairs ("
            (Count(c.same.people)) " people), without any label. Bands are " (share(c.settings.confidence))
            " confidence intervals that allow for the same people meeting again and again."
        }
        (probe(study, c))
        div class="charts" { (false_matches(study, c).draw()) (misses(study, c).draw()) }
        ul class="notes" { @for note in &c.notes { li { (unbroken(note)) } } }
        details {
            summary { "As a table" }
            (numbers("Error rates", &columns, &rows))
        }
    };
    layout::section("rates", "Error rates of pairs", &body)
}

fn row(p: &Point) -> Markup {
    let (false_match, false_match_interval) = in_words(&p.false_match);
    let (miss, miss_interval) = of_links(&p.miss);
    let (rate, most) = p.modelled.map_or(Default::default(), |m| (share(m.rate), share(m.upper)));
    html! {
        tr {
            @for cell in [plain(p.threshold), false_match, false_match_interval] { (number(cell)) }
            @for cell in [rate, most] { (wide(cell)) }
            (number(miss))
            (wide(miss_interval))
        }
    }
}

fn false_matches(study: &Study, c: &Calibration) -> Chart {
    let modelled = |of: fn(&Modelled) -> f64| {
        c.points.iter().filter_map(|p| Some((p.threshold, of(p.modelled.as_ref()?)))).collect::<Vec<_>>()
    };
    let at_mark = study.threshold().and_then(|t| c.at(t)).and_then(|p| p.modelled).map(|m| m.rate / 2.0);
    let seen = c.points.iter().filter_map(|p| p.false_match.rate).filter(|r| *r > 0.0);
    let bounds = c.points.iter().map(|p| p.false_match.upper);
    let least = seen.chain(bounds).chain(at_mark).fold(0.1, f64::min);
    let of: fn(&Point) -> Estimate = |p| p.false_match;
    let observed: Vec<_> = points(c, of).into_iter().filter(|p| p.1 > 0.0).collect();
    let series = vec![
        Series::new("observed", 0, Style::Line, observed).with_band(band(c, of)),
        Series::new("tail, estimate", 1, Style::Line, modelled(|m| m.rate)),
        Series::new("tail, upper bound", 1, Style::Dashed, modelled(|m| m.upper)),
    ];
    Chart {
        y: Axis::rates(least),
        y_text: rate_tick,
        series,
        ..chart(study, c, "fm", "False-match rate by threshold")
    }
}

fn misses(study: &Study, c: &Calibration) -> Chart {
    let of: fn(&Point) -> Estimate = |p| p.miss;
    let series = Series::new("of linked faces", 2, Style::Line, points(c, of));
    Chart {
        series: vec![series.with_band(band(c, of))],
        ..chart(study, c, "mi", "Linked faces farther apart, by threshold")
    }
}

/// A chart over thresholds, of shares, without series.
fn chart(study: &Study, c: &Calibration, id: &str, title: &str) -> Chart {
    let to = c.points.last().map_or(1.0, |p| p.threshold);
    Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        x: Axis::linear(0.0, to),
        x_text: plain_tick,
        across: "threshold",
        cursor: true,
        y: Axis::linear(0.0, 1.0),
        y_text: percent_tick,
        series: Vec::new(),
        marks: answer::marks(study, (0.0, to)),
        wanted: None,
    }
}

fn points(c: &Calibration, of: fn(&Point) -> Estimate) -> Vec<(f64, f64)> {
    c.points.iter().filter_map(|p| Some((p.threshold, of(p).rate?))).collect()
}

fn band(c: &Calibration, of: fn(&Point) -> Estimate) -> Vec<(f64, f64, f64)> {
    c.points.iter().map(|p| (p.threshold, of(p).lower, of(p).upper)).collect()
}

/// The slider, which the script shows and moves, and what it says at each threshold.
fn probe(study: &Study, c: &Calibration) -> Markup {
    let row_at = |t: f64| study.sweep.iter().rfind(|r| r.threshold <= t + 1e-9);
    let values: Vec<_> = c
        .points
        .iter()
        .map(|p| {
            let tail = p.modelled.map_or("not needed, pairs observed".to_owned(), |m| {
                format!("{}, at most {}", share(m.rate), share(m.upper))
            });
            let row = row_at(p.threshold);
            let clusters = row.map_or(String::new(), |r| Count(r.clusters).to_string());
            let f = row.and_then(|r| r.pairwise).map_or(String::new(), |s| format!("{:.3}", s.value.f));
            let [false_match, tail, miss] =
                [together(in_words(&p.false_match)), tail, together(of_links(&p.miss))]
                    .map(|text| unbroken(&text));
            json!([p.threshold, false_match, tail, miss, clusters, f])
        })
        .collect();
    // Inside a script element no text may look like its end.
    let data = serde_json::Value::from(values).to_string().replace('<', "\\u003c");
    let start = study
        .threshold()
        .and_then(|t| c.points.iter().position(|p| p.threshold >= t - 1e-9))
        .unwrap_or(c.points.len() / 2);
    let shown = [
        ("False-match rate", true),
        ("Tail model", c.tail.is_some()),
        ("Linked faces farther apart", true),
        ("Clusters", !study.sweep.is_empty()),
        ("Pairwise F", study.sweep.iter().any(|r| r.pairwise.is_some())),
    ];
    html! {
        div class="probe" hidden {
            label for="at" { "At threshold " b id="at-value" {} ", the dashed line" }
            input id="at" type="range" min="0" max=(c.points.len().saturating_sub(1)) value=(start);
            dl { @for (name, show) in shown { div hidden[!show] { dt { (name) } dd {} } } }
        }
        script type="application/json" id="points" { (PreEscaped(data)) }
    }
}

/// Keeps a number and its sign on one line.
pub(super) fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%")
}

/// A rate and its interval, in words.
fn in_words(e: &Estimate) -> (String, String) {
    let Some(rate) = e.rate else { return ("not known".to_owned(), String::new()) };
    let interval = match (e.lower, e.upper) {
        (0.0, upper) => format!("at most {}", share(upper)),
        (lower, 1.0) => format!("at least {}", share(lower)),
        (lower, upper) => format!("{} to {}", share(lower), share(upper)),
    };
    (share(rate), interval)
}

/// A rate of links and its interval. That of people at large is higher, so its upper end is no bound and is not called one.
fn of_links(e: &Estimate) -> (String, String) {
    let Some(rate) = e.rate else { return ("not known".to_owned(), String::new()) };
    (share(rate), format!("{} to {}", share(e.lower), share(e.upper)))
}

fn together((rate, interval): (String, String)) -> String {
    if interval.is_empty() { rate } else { format!("{rate} ({interval})") }
}
