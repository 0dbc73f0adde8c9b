//! Votes on made-up people whose truth is known.

use streamface_kernels::SplitMix64;
use streamface_types::attributes::Distribution;

use super::*;
use crate::calibration::expected_calibration_error;

fn face<const N: usize>(name: &str, of: [(&str, f64); N]) -> Attributes {
    let of: Distribution = of.map(|(label, p)| (label.to_owned(), p)).into();
    Attributes::from_iter([(name.to_owned(), Value::of_numbers(name, of))])
}

fn gender(female: f64) -> Attributes {
    face("gender", [("Female", female), ("Male", 1.0 - female)])
}

fn label(votes: &AttributeVotes, person: u32, name: &str) -> VotedLabel {
    match votes.person(person).get(name) {
        Some(Voted::Label(label)) => label.clone(),
        other => panic!("{other:?}"),
    }
}

fn number(votes: &AttributeVotes, person: u32, name: &str) -> VotedNumber {
    match votes.person(person).get(name) {
        Some(Voted::Number(number)) => *number,
        other => panic!("{other:?}"),
    }
}

/// People of 1 to 30 faces, half of them female. A face's log-odds are normal with mean ± s² / 2 and variance s², s = 2, so that
/// each face alone is calibrated; the errors of one person's faces have this correlation.
fn people(correlation: f64) -> Vec<(bool, Vec<f64>)> {
    let mut random = SplitMix64::new(7);
    let s = 2.0_f64;
    let person = |random: &mut SplitMix64| {
        let female = random.uniform() < 0.5;
        let own = random.normal() * s * correlation.sqrt();
        let middle = if female { s * s / 2.0 } else { -s * s / 2.0 };
        let faces = 1 + random.below(30);
        let odds = (0..faces).map(|_| middle + own + random.normal() * s * (1.0 - correlation).sqrt());
        (female, odds.map(|odds| 1.0 / (1.0 + (-odds).exp())).collect())
    };
    (0..20_000).map(|_| person(&mut random)).collect()
}

/// Of (probability of female, truth), ten bins.
fn calibration_error(all: impl Iterator<Item = (f64, bool)>) -> f64 {
    let judged: Vec<(f64, bool)> = all.map(|(p, truth)| (p.max(1.0 - p), (p >= 0.5) == truth)).collect();
    expected_calibration_error(&judged, 10).unwrap()
}

#[test]
fn a_vote_on_what_lasts_is_calibrated_where_a_mean_and_a_product_are_not() {
    let people = people(FACE_CORRELATION);
    let mut votes = AttributeVotes::default();
    for (at, (_, faces)) in (0..).zip(&people) {
        faces.iter().for_each(|&p| votes.add(at, &gender(p), Some(0.7)));
    }
    let voted = (0..)
        .zip(&people)
        .map(|(at, (truth, _))| (label(&votes, at, "gender").probabilities["Female"], *truth));
    let ours = calibration_error(voted);
    let mean = |faces: &Vec<f64>| faces.iter().sum::<f64>() / faces.len() as f64;
    let product = |faces: &Vec<f64>| 1.0 / (1.0 + faces.iter().map(|p| (1.0 - p) / p).product::<f64>());
    let mean = calibration_error(people.iter().map(|(truth, faces)| (mean(faces), *truth)));
    let product = calibration_error(people.iter().map(|(truth, faces)| (product(faces), *truth)));
    // 20,000 people: calibrated ones have some 0.008 by chance.
    assert!(ours < 0.015, "{ours}");
    assert!(mean > 0.02 && product > 0.06, "mean {mean}, product {product}");
}

#[test]
fn a_vote_stays_near_where_faces_are_more_or_less_alike_than_assumed() {
    for correlation in [0.5, 0.9] {
        let people = people(correlation);
        let mut votes = AttributeVotes::default();
        for (at, (_, faces)) in (0..).zip(&people) {
            faces.iter().for_each(|&p| votes.add(at, &gender(p), None));
        }
        let voted = (0..)
            .zip(&people)
            .map(|(at, (truth, _))| (label(&votes, at, "gender").probabilities["Female"], *truth));
        let error = calibration_error(voted);
        assert!(error < 0.05, "correlation {correlation}: {error}");
    }
}

#[test]
fn a_person_of_one_face_is_what_that_face_is() {
    let mut votes = AttributeVotes::new([("gender".to_owned(), 0.6)].into());
    votes.add(3, &gender(0.001), Some(0.2));
    votes.add(4, &gender(0.55), Some(0.9));
    let sure = label(&votes, 3, "gender");
    assert_eq!((sure.label.as_str(), sure.probabilities["Female"], sure.faces), ("Male", 0.001, 1));
    assert_eq!((sure.disagreement, sure.unknown), (0.0, 0.0));
    let unsure = label(&votes, 4, "gender");
    assert_eq!((unsure.label.as_str(), unsure.likeliest.as_str(), unsure.unknown), (UNKNOWN, "Female", 1.0));
    assert!(votes.person(5).is_empty());
}

#[test]
fn good_faces_outvote_poor_ones_and_what_differs_is_told() {
    let mut votes = AttributeVotes::default();
    votes.add(0, &gender(0.9), Some(0.9));
    votes.add(0, &gender(0.2), Some(0.1));
    votes.add(0, &gender(0.2), Some(0.1));
    let found = label(&votes, 0, "gender");
    assert_eq!(found.label, "Female");
    assert!((found.disagreement - 0.2 / 1.1).abs() < 1e-6, "{found:?}");
    // The same faces of one quality: two against one.
    for p in [0.9, 0.2, 0.2] {
        votes.add(1, &gender(p), None);
    }
    assert!(label(&votes, 1, "gender").probability < 0.6);
    // A face of no quality at all still counts a little.
    votes.add(2, &gender(0.9), Some(0.0));
    votes.add(2, &gender(0.7), Some(f32::NAN));
    assert_eq!(label(&votes, 2, "gender").faces, 2);
}

#[test]
fn no_face_is_sure_enough_to_decide_alone() {
    let mut votes = AttributeVotes::default();
    votes.add(0, &gender(0.0), None);
    for _ in 0..5 {
        votes.add(0, &gender(0.9), None);
    }
    assert_eq!(label(&votes, 0, "gender").label, "Female");
    // However many agree, they count as few.
    for _ in 0..1000 {
        votes.add(1, &gender(0.8), None);
    }
    let many = label(&votes, 1, "gender").probability;
    let odds = 4.0_f64.powf(1.0 / FACE_CORRELATION);
    assert!((many - odds / (1.0 + odds)).abs() < 1e-3, "{many}");
}

#[test]
fn what_passes_is_a_share_of_faces() {
    let mut votes = AttributeVotes::new([("mask".to_owned(), 0.8), ("expression".to_owned(), 0.5)].into());
    for p in [1.0, 0.75, 0.25, 0.0] {
        votes.add(0, &Attributes::from_iter([("mask".to_owned(), Value::Probability(p))]), None);
    }
    let mask = label(&votes, 0, "mask");
    assert_eq!((mask.probabilities["mask"], mask.probabilities["no mask"]), (0.5, 0.5));
    assert_eq!((mask.label.as_str(), mask.unknown, mask.lasts), ("mask", 0.5, false));
    for _ in 0..2 {
        votes.add(1, &face("expression", [("happy", 0.4), ("sad", 0.3), ("neutral", 0.3)]), None);
    }
    votes.add(1, &face("expression", [("happy", 0.1), ("sad", 0.9)]), None);
    let expression = label(&votes, 1, "expression");
    assert_eq!((expression.label.as_str(), expression.likeliest.as_str()), (UNKNOWN, "sad"));
    assert!((expression.probabilities["sad"] - 0.5).abs() < 1e-12);
    let live = Attributes::from_iter([("liveness".to_owned(), Value::Probability(0.9))]);
    votes.add(2, &live, None);
    assert_eq!(label(&votes, 2, "liveness").label, "live");
}

/// Ages with a deviation of 8 years, half of whose variance is the person's own.
#[test]
fn an_age_is_as_sure_as_it_says_and_never_much_surer_than_one_face() {
    let mut random = SplitMix64::new(11);
    let mut votes = AttributeVotes::default();
    let (mut inside, n) = (0, 5_000);
    for person in 0..n {
        let truth = 20.0 + 50.0 * random.uniform();
        let own = random.normal() * 8.0 * FACE_CORRELATION.sqrt();
        for _ in 0..1 + random.below(30) {
            let seen = truth + own + random.normal() * 8.0 * (1.0 - FACE_CORRELATION).sqrt();
            votes.add(person, &face("years", [("mean", seen), ("deviation", 8.0)]), None);
        }
        let found = number(&votes, person, "years");
        let deviation = found.deviation.unwrap();
        assert!(deviation >= 8.0 * FACE_CORRELATION.sqrt() - 1e-9, "{found:?}");
        inside += u32::from((found.mean - truth).abs() <= 1.96 * deviation);
    }
    let share = f64::from(inside) / f64::from(n);
    assert!((0.945..0.98).contains(&share), "{share}");
}

#[test]
fn faces_that_differ_by_more_than_they_say_make_an_age_less_sure() {
    let mut votes = AttributeVotes::default();
    for (person, ages) in [(0, [40.0, 41.0, 39.0]), (1, [20.0, 70.0, 45.0])] {
        ages.into_iter()
            .for_each(|age| votes.add(person, &face("years", [("mean", age), ("deviation", 6.0)]), None));
    }
    let [alike, apart] = [0, 1].map(|person| number(&votes, person, "years"));
    assert!((alike.between.unwrap() - 1.0).abs() < 1e-9 && alike.faces == 3, "{alike:?}");
    assert!(alike.deviation.unwrap() < 6.0 && apart.deviation.unwrap() > 20.0, "{alike:?} {apart:?}");
    // Without a deviation of its own a single number says nothing of how sure it is.
    votes.add(2, &Attributes::from_iter([("years".to_owned(), Value::Number(30.0))]), None);
    assert_eq!(number(&votes, 2, "years").deviation, None);
    votes.add(2, &Attributes::from_iter([("years".to_owned(), Value::Number(34.0))]), None);
    let two = number(&votes, 2, "years");
    assert!(
        (two.mean - 32.0).abs() < 1e-9 && (two.deviation.unwrap() - 8.0_f64.sqrt()).abs() < 1e-9,
        "{two:?}"
    );
}

#[test]
fn angles_have_a_range() {
    let mut votes = AttributeVotes::default();
    for yaw in [-20.0, 35.5, 0.0, f64::NAN] {
        votes.add(0, &face("pose", [("yaw", yaw), ("pitch", 5.0)]), None);
    }
    let text = serde_json::to_string(&votes.person(0)).unwrap();
    let expected =
        r#"{"pose":{"ranges":{"yaw":{"from":-20.0,"to":35.5},"pitch":{"from":5.0,"to":5.0}},"faces":4}}"#;
    assert_eq!(text, expected);
}

#[test]
fn attributes_come_in_the_order_of_the_vocabulary_and_read_as_json() {
    let mut votes = AttributeVotes::default();
    let mut said = gender(0.75);
    said.insert("beard", Value::Categories([("none".to_owned(), 1.0)].into()));
    said.insert("age", Value::Categories([("30-39".to_owned(), 1.0)].into()));
    votes.add(0, &said, None);
    let person = votes.person(0);
    assert_eq!(person.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["age", "gender", "beard"]);
    let json = serde_json::to_value(&person).unwrap();
    let expected = serde_json::json!({
        "label": "Female", "likeliest": "Female", "probability": 0.75,
        "probabilities": {"Female": 0.75, "Male": 0.25},
        "lasts": true, "faces": 1, "disagreement": 0.0, "unknown": 0.0,
    });
    assert_eq!(json["gender"], expected);
}

#[test]
fn hostile_values_are_not_kept() {
    let mut votes = AttributeVotes::default();
    for i in 0..1000 {
        votes.add(0, &face("age", [(format!("{i}").as_str(), 1.0)]), None);
        votes.add(0, &face(&format!("name {i}"), [("x", 1.0)]), None);
        votes.add(0, &face("pose", [(format!("{i}").as_str(), 1.0)]), None);
    }
    votes.add(1, &face("gender", [("Female", f64::NAN), ("Male", f64::INFINITY)]), None);
    votes.add(1, &face("gender", [("Female", -3.0), ("Male", 0.0)]), None);
    votes.add(1, &Attributes::from_iter([("mask".to_owned(), Value::Probability(f64::NAN))]), None);
    votes.add(1, &face("years", [("mean", f64::NAN), ("deviation", -1.0)]), None);
    assert_eq!(votes.person(0).iter().count(), 2 + MAX_OTHERS);
    assert_eq!(label(&votes, 0, "age").probabilities.len(), MAX_LABELS);
    assert!(votes.person(1).is_empty(), "{:?}", votes.person(1));
    // Values of another kind than before.
    votes.add(2, &gender(0.9), None);
    votes.add(2, &Attributes::from_iter([("gender".to_owned(), Value::Number(3.0))]), None);
    assert_eq!(label(&votes, 2, "gender").faces, 1);
    votes.add(2, &face("gender", [("Female", 7.0), ("Male", 0.0)]), None);
    assert!(label(&votes, 2, "gender").probabilities.values().all(|p| (0.0..=1.0).contains(p)));
}
