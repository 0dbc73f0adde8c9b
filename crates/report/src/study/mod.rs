//! `study.html`.
//!
//! | file | what |
//! |---|---|
//! | `mod` | [`StudyPage`]: the page |
//! | `answer` | the threshold to take, why, how sure, and others beside it |
//! | `rates` | error rates without labels, and the slider over thresholds |
//! | `sections` | clusterings, distances and methods |

mod answer;
mod rates;
mod sections;

use std::io::Write;

use maud::{Markup, html};
use streamface_eval::study::Study;

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
        ("sweep", "Clusterings", !study.sweep.is_empty()),
        ("rates", "Error rates of pairs", study.calibration.is_some()),
        ("distances", "Distances", study.histograms.is_some()),
        ("methods", "Methods", !study.baselines.is_empty()),
        ("settings", "Settings", !study.settings.is_empty()),
    ];
    let main = html! {
        (answer::section(study))
        (layout::nav(&sections, &html! {}))
        @if !study.sweep.is_empty() { (sections::sweep(study)) }
        @if let Some(calibration) = &study.calibration { (rates::section(study, calibration)) }
        @if let Some(histograms) = &study.histograms { (sections::histograms(study, histograms)) }
        @if !study.baselines.is_empty() { (sections::baselines(study)) }
        (settings_section(&study.settings))
    };
    head.page(&source(&study.source), &main)
}

#[cfg(test)]
mod tests;
