//! What models say of a person, as a list.

use maud::{Markup, html};
use streamface_eval::format::Percent;
use streamface_eval::person_attributes::{
    PersonAttributes, UNKNOWN, Voted, VotedLabel, VotedNumber, VotedRanges,
};

use crate::chart::plain;

/// What every page with attributes says of them.
pub(crate) const CAUTION: &str = "Attributes are a model’s guesses about appearance, not facts about people. \
     Models err, more on some groups than on others.";

/// Least share of faces that is told.
const LEAST_SHARE: f64 = 0.005;

/// The attributes of a person, one a line; nothing where there are none.
pub(crate) fn said(all: &PersonAttributes) -> Markup {
    html! {
        @if !all.is_empty() {
            dl class="said" {
                @for (name, voted) in all.iter() { div { dt { (name) } dd { (value(voted)) } } }
            }
        }
    }
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
    let probability = Percent(of.probability, 0);
    let differ = if of.disagreement >= LEAST_SHARE { Some(Percent(of.disagreement, 0)) } else { None };
    let of_faces = if of.lasts { "" } else { " of faces" };
    html! {
        @if of.label == UNKNOWN { (UNKNOWN) span { "most likely " (of.likeliest) ", " (probability) (of_faces) } }
        @else { (of.label) " " (probability) (of_faces) }
        @if of.lasts { @if let Some(differ) = differ { span { (differ) " of faces look otherwise" } } }
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
            "<dt>gender</dt><dd>Female 8",
            "<span>33\u{a0}% of faces look otherwise</span>",
            "<dt>race</dt><dd>unknown<span>most likely &lt;b&gt;, 65\u{a0}%</span>",
            "<dt>mask</dt><dd>no mask 75\u{a0}% of faces</dd>",
            "<dt>years</dt><dd>34 ± 4<span>faces differ by 4</span></dd>",
            "<dt>pose</dt><dd><span>yaw −10 to −2°</span></dd>",
        ] {
            assert!(found.contains(part), "{part} is not in {found}");
        }
        assert!(!found.contains("<b>") && said(&PersonAttributes::default()).0.is_empty());
    }
}
