//! What the review says before any answer, through its server: the chances that two are one person, and F.

#![allow(clippy::unwrap_used)]

mod world;

use std::collections::HashMap;

use serde_json::Value;
use world::{Kind, Site, World, calibration_error};

/// The chances of all pairs that the review would ask about, and whether they are one person, by most of the faces shown.
fn said(site: &Site, world: &World) -> Vec<(f64, bool)> {
    let numbers = world.numbers();
    let who = |person: &Value| -> usize {
        let mut count: HashMap<usize, usize> = HashMap::new();
        for face in person["shown"].as_array().unwrap() {
            *count.entry(world.truth[numbers[face["id"].as_str().unwrap()]]).or_default() += 1;
        }
        count.into_iter().max_by_key(|&(who, n)| (n, who)).unwrap().0
    };
    let questions = site.get("/api/questions?form=group&count=50&shown=25&all=true");
    let mut said = Vec::new();
    for question in questions.as_array().unwrap() {
        let host = who(&question["person"]);
        for pair in question["pairs"].as_array().unwrap() {
            said.push((pair["probability"].as_f64().unwrap(), who(&pair["right"]) == host));
        }
    }
    said
}

/// Worlds from near-perfect to badly broken clusters: few people and many, easy faces and hard ones.
#[test]
fn chances_are_chances_and_f_is_right_before_any_answer() {
    let kinds = [
        Kind::default(),
        Kind { people: 150, faces: 1800, seed: 2, ..Kind::default() },
        Kind { people: 25, faces: 700, seed: 3, ..Kind::default() },
        Kind { people: 60, faces: 1000, within: (0.8, 0.35), seed: 4, ..Kind::default() },
        Kind { people: 80, faces: 600, shot: 1, within: (0.65, 0.1), seed: 5 },
    ];
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for kind in kinds {
        let world = World::new(kind);
        for threshold in [0.3, 0.5, 0.56, 0.64] {
            let labels = world.clustered(threshold);
            let (dir, truth) = (world.dataset(&labels), world.f(&labels));
            let site = Site::open(dir.path());
            let f = site.get("/api/overview")["f"][1].as_f64().unwrap();
            let said = said(&site, &world);
            let likely: Vec<_> = said.iter().filter(|(chance, _)| *chance >= 0.8).collect();
            println!(
                "{} people at {threshold}: calibration error {:.3} of {} pairs, {} said to be at 0.8 or more, {} of them are; F {f:.3} \
                 for {truth:.3}",
                kind.people,
                calibration_error(&said),
                said.len(),
                likely.len(),
                likely.iter().filter(|(_, same)| *same).count()
            );
            errors.push((kind, threshold, f - truth));
            all.extend(said);
            site.server.stop();
        }
    }
    let error = calibration_error(&all);
    println!("all {} pairs: {error:.3}", all.len());
    assert!(error <= 0.03, "{error} of {} pairs", all.len());
    for (kind, threshold, error) in errors {
        assert!(error.abs() <= 0.05, "F is {error} off at {threshold}, {kind:?}");
    }
}
