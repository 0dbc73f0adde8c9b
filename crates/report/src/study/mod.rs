//! `study.html`: the page, the recommendation and the error rates.

mod sections;

use std::io::{self, Write};

use serde_json::json;
use streamface_eval::format::{Count, share};
use streamface_eval::study::{
    Basis, Calibration, Estimate, Modelled, Point, Recommendation, Row, Study, Wish,
};

use self::sections::{baselines, histograms, sweep};
use crate::chart::{self, Axis, Chart, Series, Style, plain, plain_percent, rate_tick};
use crate::html::Text;
use crate::{Error, layout};

const STYLE: &str = include_str!("study.css");
const SCRIPT: &str = include_str!("study.js");

/// The page of a [`Study`]: the threshold to take and why, error rates, clusterings, distances and methods. One
/// file that loads nothing, for light and dark screens.
#[derive(Debug, Clone, Copy)]
pub struct StudyPage<'a>(pub &'a Study);

impl StudyPage<'_> {
    /// Writes the page to `out`.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses.
    pub fn render(&self, out: &mut dyn Write) -> Result<(), Error> {
        write(self.0, out).map_err(Error::Write)
    }
}

fn write(study: &Study, out: &mut dyn Write) -> io::Result<()> {
    let title = if study.title.is_empty() { "Threshold study" } else { &study.title };
    layout::open(out, title, &[chart::STYLE, STYLE], SCRIPT)?;
    layout::source(out, &study.source)?;
    writeln!(out, "</header><main>")?;
    match (&study.recommendation, study.best()) {
        (Some(found), _) => recommendation(study, found, out)?,
        (None, Some(best)) => by_labels(study, best, out)?,
        (None, None) => {}
    }
    nav(study, out)?;
    let mark = study.threshold();
    if let Some(calibration) = &study.calibration {
        self::calibration(study, calibration, mark, out)?;
    }
    if !study.sweep.is_empty() {
        sweep(&study.sweep, mark, out)?;
    }
    if let Some(h) = &study.histograms {
        histograms(h, out)?;
    }
    if !study.baselines.is_empty() {
        baselines(study, out)?;
    }
    layout::settings_section(out, &study.settings)?;
    writeln!(out, "</main><script>{SCRIPT}</script></body></html>")
}

fn recommendation(study: &Study, found: &Recommendation, out: &mut dyn Write) -> io::Result<()> {
    let (number, kind, class) = match (found.threshold, found.basis) {
        (Some(t), Basis::Observed) => (t.to_string(), "shown by observed pairs", "sure"),
        (Some(t), _) => (t.to_string(), "a best guess, extrapolated", "guess"),
        (None, _) => ("none".to_owned(), "too little to say", "guess"),
    };
    write!(out, "<section class=\"answer\" aria-label=\"Recommended threshold\">")?;
    write!(
        out,
        "<div><p class=\"what\">Threshold for {}</p><p class=\"big\">{}</p><p class=\"basis {class}\">{kind}</p></div>",
        Text(unbroken(&found.wish.to_string())),
        Text(number)
    )?;
    write!(out, "<div><p>{}</p>", Text(unbroken(&found.why)))?;
    if let Some(purity) = found.purity_at_least {
        write!(out, "<p>At that bound, a purity of at least {}.</p>", share(purity))?;
    }
    if let Some(why) = study.why_by_labels() {
        write!(out, "<p>By labels: {}</p>", Text(why))?;
    }
    setting(study, out)?;
    writeln!(out, "</div></section>")
}

/// Where only true labels tell.
fn by_labels(study: &Study, best: &Row, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section class=\"answer\" aria-label=\"Best threshold\">")?;
    write!(
        out,
        "<div><p class=\"what\">Threshold with the largest BCubed F</p><p class=\"big\">{}</p>\
         <p class=\"basis sure\">by true labels</p></div><div><p>{}</p>",
        Text(best.threshold),
        Text(study.why())
    )?;
    setting(study, out)?;
    writeln!(out, "</div></section>")
}

/// The line for the next step's settings.
fn setting(study: &Study, out: &mut dyn Write) -> io::Result<()> {
    match study.toml().lines().find(|l| !l.starts_with('#')) {
        Some(line) => write!(out, "<pre tabindex=\"0\"><code>{}</code></pre>", Text(line)),
        None => Ok(()),
    }
}

fn nav(study: &Study, out: &mut dyn Write) -> io::Result<()> {
    let parts = [
        ("rates", "Error rates", study.calibration.is_some()),
        ("sweep", "Clusterings", !study.sweep.is_empty()),
        ("distances", "Distances", study.histograms.is_some()),
        ("methods", "Methods", !study.baselines.is_empty()),
        ("settings", "Settings", !study.settings.is_empty()),
    ];
    layout::nav(out, &parts)
}

/// Keeps a number and its sign on one line.
fn unbroken(text: &str) -> String {
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

fn interval(e: &Estimate) -> String {
    let (rate, interval) = in_words(e);
    if interval.is_empty() { rate } else { format!("{rate} ({interval})") }
}

fn calibration(study: &Study, c: &Calibration, mark: Option<f64>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section aria-labelledby=\"rates\"><h2 id=\"rates\">Error rates</h2>")?;
    write!(
        out,
        "<p class=\"note\">From {} pairs of faces that share a frame ({} shots) and {} linked pairs ({} shots), without any label. \
         Bands hold the truth of such pairs with {} confidence; whole shots are resampled.</p>",
        Count(c.different.pairs),
        Count(c.different.shots),
        Count(c.same.pairs),
        Count(c.same.shots),
        share(c.settings.confidence),
    )?;
    probe(study, c, mark, out)?;
    let wanted = study.recommendation.as_ref().and_then(|r| match r.wish {
        Wish::FalseMatchRate(rate) => Some(rate),
        Wish::Purity(_) => r.allowed,
    });
    write!(out, "<div class=\"charts\">")?;
    let modelled = |of: fn(&Modelled) -> f64| {
        c.points.iter().filter_map(|p| Some((p.threshold, of(p.modelled.as_ref()?)))).collect::<Vec<_>>()
    };
    let at_mark = mark.and_then(|t| c.at(t)).and_then(|p| p.modelled).map(|m| m.rate / 2.0);
    let seen = c.points.iter().filter_map(|p| p.false_match.rate).filter(|r| *r > 0.0);
    let bounds = c.points.iter().map(|p| p.false_match.upper);
    let least = seen.chain(bounds).chain(at_mark).chain(wanted).fold(0.1, f64::min);
    let x = Axis::linear(0.0, c.points.last().map_or(1.0, |p| p.threshold));
    let draw = |id: &str, title: &str, y, y_text, series, wanted| Chart {
        id: id.to_owned(),
        title: String::from(title),
        x,
        x_text: plain,
        across: "threshold",
        cursor: true,
        y,
        y_text,
        series,
        mark,
        wanted,
    };
    let points = |of: fn(&Point) -> Estimate| -> Vec<(f64, f64)> {
        c.points.iter().filter_map(|p| Some((p.threshold, of(p).rate?))).collect()
    };
    let band = |of: fn(&Point) -> Estimate| -> Vec<(f64, f64, f64)> {
        c.points.iter().map(|p| (p.threshold, of(p).lower, of(p).upper)).collect()
    };
    let of_different: fn(&Point) -> Estimate = |p| p.false_match;
    let of_same: fn(&Point) -> Estimate = |p| p.miss;
    let observed: Vec<_> = points(of_different).into_iter().filter(|p| p.1 > 0.0).collect();
    let false_match = vec![
        Series::new("observed", 0, Style::Line, observed).with_band(band(of_different)),
        Series::new("tail, estimate", 1, Style::Line, modelled(|m| m.rate)),
        Series::new("tail, upper bound", 1, Style::Dashed, modelled(|m| m.upper)),
    ];
    draw("fm", "False-match rate by threshold", Axis::rates(least), rate_tick, false_match, wanted)
        .write(out)?;
    let miss = vec![
        Series::new("linked faces farther apart", 2, Style::Line, points(of_same)).with_band(band(of_same)),
    ];
    draw("mi", "Miss rate by threshold", Axis::linear(0.0, 1.0), plain_percent, miss, None).write(out)?;
    write!(out, "</div>")?;

    write!(out, "<ul class=\"notes\">")?;
    for note in &c.notes {
        write!(out, "<li>{}</li>", Text(unbroken(note)))?;
    }
    write!(out, "</ul>")?;
    write!(out, "<details><summary>As a table</summary>")?;
    let heads =
        ["threshold", "false-match rate", "interval", "by the tail", "at most", "miss rate", "interval"];
    layout::table(out, "Error rates", &heads.map(|head| (head, true)))?;
    let every = (c.points.len() / 24).max(1);
    for p in c.points.iter().skip(every).step_by(every) {
        let (fm, fm_interval) = in_words(&p.false_match);
        let (miss, miss_interval) = in_words(&p.miss);
        let (rate, most) = p.modelled.map_or(Default::default(), |m| (share(m.rate), share(m.upper)));
        write!(out, "<tr><td class=\"n\">{}</td>", plain(p.threshold))?;
        for cell in [fm, fm_interval, rate, most, miss, miss_interval] {
            write!(out, "<td class=\"n\">{cell}</td>")?;
        }
        write!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div></details></section>")
}

/// The slider, which the script brings to life, and what it shows.
fn probe(study: &Study, c: &Calibration, mark: Option<f64>, out: &mut dyn Write) -> io::Result<()> {
    let row_at = |t: f64| study.sweep.iter().rfind(|r| r.threshold <= t + 1e-9);
    let values: Vec<_> = c
        .points
        .iter()
        .map(|p| {
            let tail = p.modelled.map_or("in sight of the data".to_owned(), |m| {
                format!("{}, at most {}", share(m.rate), share(m.upper))
            });
            let row = row_at(p.threshold);
            let clusters = row.map_or(String::new(), |r| Count(r.clusters).to_string());
            let f = row.and_then(|r| r.pairwise).map_or(String::new(), |s| format!("{:.3}", s.value.f));
            let [false_match, tail, miss] =
                [interval(&p.false_match), tail, interval(&p.miss)].map(|text| unbroken(&text));
            json!([p.threshold, false_match, tail, miss, clusters, f])
        })
        .collect();
    // Inside a script element no text may look like its end.
    let data = serde_json::Value::from(values).to_string().replace('<', "\\u003c");
    let start = mark
        .and_then(|t| c.points.iter().position(|p| p.threshold >= t - 1e-9))
        .unwrap_or(c.points.len() / 2);
    write!(
        out,
        "<div class=\"probe\" hidden><label for=\"at\">At threshold <b id=\"at-value\"></b>, the dashed line</label>\
         <input id=\"at\" type=\"range\" min=\"0\" max=\"{}\" value=\"{start}\"><dl>",
        c.points.len().saturating_sub(1),
    )?;
    let labelled = study.sweep.iter().any(|r| r.pairwise.is_some());
    for (name, show) in [
        ("False-match rate", true),
        ("By the tail", c.tail.is_some()),
        ("Miss rate", true),
        ("Clusters", !study.sweep.is_empty()),
        ("Pairwise F", labelled),
    ] {
        let hidden = if show { "" } else { " hidden" };
        write!(out, "<div{hidden}><dt>{name}</dt><dd></dd></div>")?;
    }
    writeln!(out, "</dl></div><script type=\"application/json\" id=\"points\">{data}</script>")
}

#[cfg(test)]
mod tests {
    use streamface_eval::study::{
        Baseline, CalibrationSettings, HistogramSettings, Labelling, Pair, Prior, Truth, histograms,
        recommend, sweep,
    };

    use super::*;

    fn study(title: &str) -> Study {
        let pair =
            |i: u32, from: f64| Pair { distance: from + f64::from(i % 97) / 200.0, shot: u64::from(i / 3) };
        let different: Vec<_> = (0..900).map(|i| pair(i, 0.6)).collect();
        let same: Vec<_> = (0..500).map(|i| pair(i, 0.05)).collect();
        let calibration = Calibration::new(&different, &same, &CalibrationSettings::default()).unwrap();
        let labels = [0, 0, 1, 1, 2];
        let of = |threshold| Labelling { threshold, labels: &labels, silhouette: Some(0.5) };
        let truth = Truth { labels: &[0, 0, 1, 1, 1].map(Some), shots: None, resamples: 100, seed: 1 };
        let sweep = sweep(&[of(0.2), of(0.4)], Some(&truth)).unwrap();
        let rows =
            streamface_types::Embeddings::new((0..40).map(|i| ((i * i) % 11) as f32).collect(), 2).unwrap();
        Study {
            title: title.to_owned(),
            source: title.to_owned(),
            settings: vec![(title.to_owned(), title.to_owned())],
            recommendation: Some(recommend(Wish::FalseMatchRate(0.02), &calibration, Prior::None).unwrap()),
            calibration: Some(calibration),
            sweep,
            histograms: Some(histograms(&rows, Default::default(), &HistogramSettings::default()).unwrap()),
            baselines: vec![Baseline {
                method: title.to_owned(),
                settings: title.to_owned(),
                ..Baseline::default()
            }],
        }
    }

    fn page(study: &Study) -> String {
        let mut page = Vec::new();
        StudyPage(study).render(&mut page).unwrap();
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn the_page_has_every_section_and_loads_nothing() {
        let study = study("News");
        let page = page(&study);
        for id in ["rates", "sweep", "distances", "methods", "settings"] {
            assert!(
                page.contains(&format!("<h2 id=\"{id}\">")) && page.contains(&format!("href=\"#{id}\"")),
                "{id}"
            );
        }
        assert_eq!(page.matches("<figure").count(), page.matches("</figure>").count());
        for part in ["http:", "https", "src=", "url(h", "NaN", "inf\"", "@import"] {
            assert!(!page.contains(part), "{part}");
        }
        assert_eq!(page, self::page(&study));
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = page(&study("</script><script>alert(1)</script>\"'&"));
        // Its own script and its own data, and nothing else.
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    }

    #[test]
    fn an_empty_study_is_a_page_too() {
        let empty = Study::default();
        assert!(page(&empty).contains("<h1>Threshold study</h1>"));
        let calibration = Calibration::new(&[], &[], &CalibrationSettings::default()).unwrap();
        let nothing = Study {
            recommendation: Some(recommend(Wish::Purity(0.99), &calibration, Prior::None).unwrap()),
            calibration: Some(calibration),
            ..Study::default()
        };
        let page = page(&nothing);
        assert!(page.contains("too little to say") && page.contains("not known"), "{page}");
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn without_frames_true_labels_decide() {
        let study = Study { recommendation: None, calibration: None, ..study("News") };
        let page = page(&study);
        assert!(page.contains("largest BCubed F") && !page.contains("Error rates"), "{page}");
    }
}
