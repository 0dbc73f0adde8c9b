//! `study.html`.
//!
//! | file | what |
//! |---|---|
//! | `mod` | [`StudyPage`]: the page and the recommendation |
//! | `rates` | error rates without labels, and the slider over thresholds |
//! | `sections` | clusterings, distances and methods |

mod rates;
mod sections;

use std::io::Write;

use maud::{Markup, html};
use streamface_eval::format::share;
use streamface_eval::study::{Basis, Recommendation, Row, Study};

use self::rates::unbroken;
use crate::layout::{self, Head, settings_section, source};
use crate::{Error, chart};

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
        layout::write(&page(self.0), out).map_err(Error::Write)
    }
}

fn page(study: &Study) -> Markup {
    let title = if study.title.is_empty() { "Threshold study" } else { &study.title };
    let head = Head { title, styles: &[chart::STYLE, STYLE], script: SCRIPT };
    let sections = [
        ("rates", "Error rates", study.calibration.is_some()),
        ("sweep", "Clusterings", !study.sweep.is_empty()),
        ("distances", "Distances", study.histograms.is_some()),
        ("methods", "Methods", !study.baselines.is_empty()),
        ("settings", "Settings", !study.settings.is_empty()),
    ];
    let main = html! {
        @if let Some(found) = &study.recommendation {
            (recommendation(study, found))
        } @else if let Some(best) = study.best() {
            (by_labels(study, best))
        }
        (layout::nav(&sections, &html! {}))
        @if let Some(calibration) = &study.calibration { (rates::section(study, calibration)) }
        @if !study.sweep.is_empty() { (sections::sweep(&study.sweep, study.threshold())) }
        @if let Some(histograms) = &study.histograms { (sections::histograms(histograms)) }
        @if !study.baselines.is_empty() { (sections::baselines(study)) }
        (settings_section(&study.settings))
    };
    head.page(&source(&study.source), &main)
}

fn recommendation(study: &Study, found: &Recommendation) -> Markup {
    let (number, kind, class) = match (found.threshold, found.basis) {
        (Some(t), Basis::Observed) => (t.to_string(), "shown by observed pairs", "basis sure"),
        (Some(t), _) => (t.to_string(), "a best guess, extrapolated", "basis guess"),
        (None, _) => ("none".to_owned(), "too little to say", "basis guess"),
    };
    html! {
        section class="answer" aria-label="Recommended threshold" {
            div {
                p class="what" { "Threshold for " (unbroken(&found.target.to_string())) }
                p class="big" { (number) }
                p class=(class) { (kind) }
            }
            div {
                p { (unbroken(&found.why)) }
                @if let Some(purity) = found.purity_at_least {
                    p { "At that bound, a purity of at least " (share(purity)) "." }
                }
                @if let Some(why) = study.why_by_labels() { p { "By labels: " (why) } }
                (setting(study))
            }
        }
    }
}

/// Where only true labels tell.
fn by_labels(study: &Study, best: &Row) -> Markup {
    html! {
        section class="answer" aria-label="Best threshold" {
            div {
                p class="what" { "Threshold with the largest BCubed F" }
                p class="big" { (best.threshold) }
                p class="basis sure" { "by true labels" }
            }
            div { p { (study.why()) } (setting(study)) }
        }
    }
}

/// The line for the next step's settings.
fn setting(study: &Study) -> Markup {
    let toml = study.toml();
    html! {
        @if let Some(line) = toml.lines().find(|l| !l.starts_with('#')) { pre tabindex="0" { code { (line) } } }
    }
}

#[cfg(test)]
mod tests {
    use streamface_eval::study::{
        Baseline, Calibration, CalibrationSettings, HistogramSettings, Labelling, Pair, Prior, Target, Truth,
        histograms, recommend, sweep,
    };

    use super::*;

    fn study(title: &str) -> Study {
        let pair = |i: u32, from: f64| {
            let shot = u64::from(i / 3);
            Pair { distance: from + f64::from(i % 97) / 200.0, people: [shot, 1_000 + shot], shot }
        };
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
            recommendation: Some(recommend(Target::FalseMatchRate(0.02), &calibration, Prior::None).unwrap()),
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
            recommendation: Some(recommend(Target::Purity(0.99), &calibration, Prior::None).unwrap()),
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
