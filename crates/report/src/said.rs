//! What models say of a person, as a list.

use maud::{Markup, html};
use streamface_eval::person_attributes::{
    PersonAttributes, UNKNOWN, Voted, VotedLabel, VotedNumber, VotedRanges,
};

use crate::chart::plain;

/// What every page with attributes says of them.
pub(crate) const CAUTION: &str = "Attributes are a model’s guesses about appearance, not facts about people. \
     Models err, more on some groups than on others.";

/// Least share of faces that is told.
const LEAST_SHARE: f64 = 0.005;

/// The attributes of a person, one a line, under a line with gender and age; nothing where there are none.
pub(crate) fn said(all: &PersonAttributes) -> Markup {
    html! {
        @if !all.is_empty() {
            details class="said" {
                summary { (in_short(all)) }
                dl { @for (name, voted) in all.iter() { div { dt { (name) } dd { (value(voted)) } } } }
            }
        }
    }
}

/// Gender and age, as far as they are known.
fn in_short(all: &PersonAttributes) -> String {
    let label = |name: &str| match all.get(name)? {
        Voted::Label(of) => (of.label != UNKNOWN).then(|| of.label.clone()),
        Voted::Number(of) => Some(format!("about {}", plain(of.mean.round()))),
        _ => None,
    };
    let parts: Vec<String> =
        [label("gender"), label("years").or_else(|| label("age"))].into_iter().flatten().collect();
    if parts.is_empty() { "guesses".to_owned() } else { parts.join(", ") }
}

fn value(voted: &Voted) -> Markup {
    match voted {
        Voted::Label(of) => label(of),
        Voted::Number(of) => number(of),
        Voted::Ranges(of) => ranges(of),
        // The crate of statistics grows a kind together with this place.
        _ => html! {},
    }
}

fn label(of: &VotedLabel) -> Markup {
    // Of what changes it is the mean over the faces, and no count of them.
    let on_average = if of.lasts { "" } else { "on average " };
    let probability = format!("{on_average}{}", percent(of.probability));
    let differ = (of.disagreement >= LEAST_SHARE).then(|| percent(of.disagreement));
    html! {
        @if of.label == UNKNOWN { (UNKNOWN) span { "most likely " (of.likeliest) ", " (probability) } }
        @else { (of.label) @if of.lasts { " " } @else { ", " } (probability) }
        @if of.lasts { @if let Some(differ) = differ { span { (differ) " of faces look otherwise" } } }
    }
}

/// A probability that models gave: no digits that they do not have.
fn percent(p: f64) -> String {
    match p {
        1.0 => "100 %".to_owned(),
        p if p > 0.995 => "over 99 %".to_owned(),
        p if p < 0.005 => "under 1 %".to_owned(),
        p => format!("{:.0} %", 100.0 * p),
    }
}

fn number(of: &VotedNumber) -> Markup {
    let whole = |v: f64| plain(v.round());
    html! {
        (whole(of.mean))
        @if let Some(deviation) = of.deviation { " ± " (whole(deviation)) }
        @if let Some(between) = of.between.filter(|between| between.round() >= 1.0) {
            span { "faces differ by " (whole(between)) }
        }
    }
}

fn ranges(of: &VotedRanges) -> Markup {
    html! {
        @for (name, range) in &of.ranges {
            span { (name) " " (plain(range.from.round())) " to " (plain(range.to.round())) "°" }
        }
    }
}

#[cfg(test)]
mod tests {
    use streamface_eval::person_attributes::AttributeVotes;
    use streamface_types::Annotation;

    use super::*;

    #[test]
    fn what_is_said_is_told_with_what_speaks_against_it() {
        let mut votes = AttributeVotes::new([("race".to_owned(), 0.9)].into());
        for (female, years) in [(0.9, 30.0), (0.8, 38.0), (0.4, 34.0)] {
            let face = serde_json::json!({"label": 0, "mask": 0.25, "attributes": {
                "gender": {"Female": female, "Male": 1.0 - female}, "race": {"<b>": 0.6, "Black": 0.4},
                "years": {"mean": years, "deviation": 4.0}, "pose": {"yaw": years - 40.0}}});
            let face: Annotation = serde_json::from_value(face).unwrap();
            votes.add(0, &face.attributes, None);
        }
        let found = said(&votes.person(0)).0;
        for part in [
            "<dt>gender</dt><dd>Female 79 %<",
            "<span>33 % of faces look otherwise</span>",
            "<dt>race</dt><dd>unknown<span>most likely &lt;b&gt;, 62 %</span>",
            "<dt>mask</dt><dd>no mask, on average 75 %</dd>",
            "<dt>years</dt><dd>34 ± 5<span>faces differ by 4</span></dd>",
            "<dt>pose</dt><dd><span>yaw −10 to −2°</span></dd>",
        ] {
            assert!(found.contains(part), "{part} is not in {found}");
        }
        assert!(
            found.starts_with("<details class=\"said\"><summary>Female, about 34</summary><dl>"),
            "{found}"
        );
        assert!(!found.contains("<b>") && said(&PersonAttributes::default()).0.is_empty());
    }
}
