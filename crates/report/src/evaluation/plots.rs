//! Silhouettes, and the original's two plots.

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_eval::intrinsic::HISTOGRAM_BINS;

use super::{Evaluation, signed};
use crate::chart::{Bar, Caption, bars, line, size_bins};
use crate::html::minus;
use crate::layout::section;

impl Evaluation<'_> {
    pub(super) fn plots(&self) -> Markup {
        let found = self.intrinsic;
        if found.clusters == 0 {
            return html! { section { p class="note" { "No face has a label of 0 or more." } } };
        }
        let charts = html! {
            div class="charts" {
                @if !found.histogram.is_empty() { (silhouettes(&found.histogram)) }
                (self.faces_per_label())
                (size_bins("Membership distribution", "clusters", &found.membership_distribution))
            }
        };
        section("distributions", "Distributions", &charts)
    }

    fn faces_per_label(&self) -> Markup {
        let classes = &self.intrinsic.class_distribution;
        let sizes: Vec<usize> = classes.iter().map(|c| c.faces).collect();
        let label = |at: usize| classes.get(at).map_or_else(String::new, |c| c.label.to_string());
        let last = sizes.len() - 1;
        let middle = |at: usize| (at as f64 + 0.5) / sizes.len() as f64;
        let mut marks: Vec<usize> = if last == 0 { vec![0] } else { (0..=4).map(|i| i * last / 4).collect() };
        marks.dedup();
        let marks: Vec<_> = marks.into_iter().map(|at| (middle(at), label(at))).collect();
        let most = sizes.iter().max().copied().unwrap_or(0);
        let says = format!(
            "Faces per label: {}, the largest with {}",
            Plural(sizes.len(), "cluster"),
            Plural(most, "face")
        );
        let caption =
            Caption { title: "Class distribution", across: "label", up: "faces", says: &says, marks: &marks };
        line(&caption, &sizes)
    }
}

fn silhouettes(histogram: &[usize]) -> Markup {
    let edge = |i: usize| i as f64 * 2.0 / HISTOGRAM_BINS as f64 - 1.0;
    let bar = |(i, &value): (usize, &usize)| Bar {
        value,
        says: format!("{} to {}: {}", signed(edge(i)), signed(edge(i + 1)), Plural(value, "face")),
        class: if edge(i + 1) <= 0.0 { "bad" } else { "good" },
    };
    let all: Vec<Bar> = histogram.iter().enumerate().map(bar).collect();
    let marks = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|v: f64| ((v + 1.0) / 2.0, minus(v)));
    let negative: usize = histogram[..HISTOGRAM_BINS / 2].iter().sum();
    let says = format!(
        "Faces by silhouette: {} of {} below 0",
        Count(negative as u64),
        Count(histogram.iter().sum::<usize>() as u64)
    );
    let caption =
        Caption { title: "Silhouettes", across: "silhouette", up: "faces", says: &says, marks: &marks };
    bars(&caption, &all)
}
