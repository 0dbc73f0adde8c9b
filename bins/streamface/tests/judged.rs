//! Merges that are judged one by one, where no threshold is given.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{run, said};
use streamface_store::{Batch, Dataset, FaceRow, FeatureRow};
use streamface_types::{FaceId, FrameId};

/// Numbers that look random, the same each time: a sum of some is nearly normal.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    let mut one = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    move || (0..6).map(|_| one()).sum::<f32>()
}

const DIM: usize = 60;

/// Twelve people of five faces each, every face in a frame of its own, by vectors of another model's length.
fn people(dir: &Path) {
    let data = Dataset::open(dir).unwrap();
    let mut batch = Batch::default();
    for person in 0..12_u64 {
        let mut of_person = noise(person + 1);
        let mean: Vec<f32> = (0..DIM).map(|_| of_person()).collect();
        for photo in 0..5 {
            let mut of_photo = noise(1_000 + 10 * person + photo);
            let vector: Vec<f32> = mean.iter().map(|m| m + 0.55 * of_photo()).collect();
            let face = FaceId::new(FrameId::new(format!("f{person:02}{photo}")).unwrap(), 0);
            batch.faces.push(FaceRow::new(face.clone()));
            batch.features.push(FeatureRow::new(face, "made up", "00", vector));
        }
    }
    data.commit(batch).unwrap();
}

fn cluster(dir: &Path, more: &[&str]) -> (serde_json::Value, String) {
    let done = run(&[&["cluster", dir.to_str().unwrap(), "--json"], more].concat());
    assert!(done.status.success(), "{}", said(&done));
    (serde_json::from_slice(&done.stdout).unwrap(), said(&done))
}

#[test]
fn the_sure_merges_are_made_and_the_rest_is_told() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let (found, _) = cluster(dir.path(), &[]);
    let (people, merges) = (&found["people"], &found["people"]["merges"]);
    assert_eq!((&people["people"], &people["largest"]), (&12.into(), &5.into()), "{found:#}");
    assert!(merges["false_merges"].as_f64().unwrap() <= 0.5, "{found:#}");
    assert_eq!((&merges["budget"], &merges["reach"]), (&0.5.into(), &0.64.into()), "{found:#}");
    let settings = fs::read_to_string(dir.path().join("metadata/settings.json")).unwrap();
    assert!(settings.contains("\"false-merges\": \"0.5\""), "{settings}");

    // A smaller budget makes no more merges; it is kept, told, and another replaces it.
    let (careful, _) = cluster(dir.path(), &["--false-merges", "0.0001"]);
    assert!(careful["people"]["people"].as_u64() >= Some(12), "{careful:#}");
    assert!(careful["people"]["merges"]["false_merges"].as_f64().unwrap() <= 0.0001, "{careful:#}");
    let (kept, told) = cluster(dir.path(), &[]);
    assert_eq!(kept["people"]["merges"]["budget"], 0.0001);
    assert!(told.contains("as in the last clustering: false-merges 0.0001"), "{told}");

    // A threshold joins all within it; it is kept until a budget is given.
    let (within, _) = cluster(dir.path(), &["--threshold", "0.1"]);
    assert_eq!(within["people"]["merges"], serde_json::Value::Null);
    let (kept, told) = cluster(dir.path(), &[]);
    assert_eq!(
        (&kept["people"]["people"], told.contains("threshold 0.1")),
        (&within["people"]["people"], true)
    );
    let (again, _) = cluster(dir.path(), &["--false-merges", "0.5"]);
    assert_eq!(again["people"]["people"], found["people"]["people"]);

    // What goes on from the last clustering judges all merges anew.
    let (appended, _) = cluster(dir.path(), &["--append"]);
    assert_eq!(appended["people"]["merges"], again["people"]["merges"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let path = dir.path().to_str().unwrap();
    for (args, words) in [
        (&["--false-merges", "-1"][..], "false-merges must be a number above 0, not -1"),
        (&["--false-merges", "0"], "false-merges must be a number above 0, not 0"),
        (&["--false-merges", "1", "--threshold", "0.5"], "cannot be used with"),
        (
            &["--false-merges", "1", "--method", "single"],
            "false-merges is for complete linkage, and not for 'single'",
        ),
    ] {
        let done = run(&[&["cluster", path], args].concat());
        assert_eq!(done.status.code(), Some(2), "{args:?}: {}", said(&done));
        assert!(said(&done).contains(words), "{args:?}: {}", said(&done));
    }
}

fn study(dir: &Path, more: &[&str]) -> serde_json::Value {
    let done = run(&[&["study", dir.to_str().unwrap(), "--json"], more].concat());
    assert!(done.status.success(), "{}", said(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The study tells of the same merges as the clustering, and its threshold gives the same people.
#[test]
fn the_study_judges_as_the_clustering_does() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    // Nothing was clustered yet.
    let before = study(dir.path(), &[]);
    assert_eq!(before["present"]["of"], "not_clustered", "{before:#}");
    let (clustered, _) = cluster(dir.path(), &[]);
    let merges = &clustered["people"]["merges"];
    let found = study(dir.path(), &[]);
    let present = &found["present"];
    assert_eq!((&present["of"], &present["threshold"]), (&"judged_merges".into(), &merges["largest"]));
    let threshold = found["threshold"].as_f64().unwrap();
    let (expected, interval) = (found["expected_false_merges"].as_f64().unwrap(), &found["interval"]);
    assert!(threshold >= merges["largest"].as_f64().unwrap() && expected <= 0.5, "{found:#}");
    assert!(interval["lower"].as_f64() <= Some(expected) && interval["upper"].as_f64() >= Some(expected));
    assert_eq!(interval["confidence"], 0.95);
    let (within, _) = cluster(dir.path(), &["--threshold", &threshold.to_string()]);
    assert_eq!(within["people"]["people"], clustered["people"]["people"]);
    // A smaller budget gives no larger threshold.
    let careful = study(dir.path(), &["--false-merges", "0.0001"]);
    assert!(careful["threshold"].as_f64() <= Some(threshold), "{careful:#}");

    // True labels decide, and the file for the next step says so.
    let labels = dir.path().join("true.csv");
    let rows: String = (0..60).map(|i| format!("f{:02}{}_face_0,{}\n", i / 5, i % 5, i / 5)).collect();
    fs::write(&labels, format!("name,label\n{rows}")).unwrap();
    let measured = study(dir.path(), &["--labels", labels.to_str().unwrap()]);
    assert_eq!(measured["recommendation"]["basis"], "true_labels", "{measured:#}");
    let toml = fs::read_to_string(dir.path().join("threshold.toml")).unwrap();
    assert!(
        toml.contains("true labels") && toml.contains(&format!("threshold = {}", measured["threshold"])),
        "{toml}"
    );
    // Noise is nobody's other face: the last person's faces are joined by mistake.
    let noisy = rows.replace(",11\n", ",-1\n");
    fs::write(&labels, format!("name,label\n{noisy}")).unwrap();
    let noisy = study(dir.path(), &["--labels", labels.to_str().unwrap()]);
    let f = |found: &serde_json::Value| {
        let rows = found["sweep"].as_array().unwrap();
        rows.iter().filter_map(|row| row["pairwise"]["value"]["f"].as_f64()).fold(0.0, f64::max)
    };
    assert!(f(&measured) > 0.99 && f(&noisy) < 0.97, "{} and {}", f(&measured), f(&noisy));
    let own = study(dir.path(), &["--labels", "clusters"]);
    assert_eq!(own["recommendation"]["basis"], "true_labels", "{own:#}");

    for bad in ["0", "-1", "NaN"] {
        let done = run(&["study", dir.path().to_str().unwrap(), &format!("--false-merges={bad}")]);
        assert_eq!(done.status.code(), Some(2), "{bad}: {}", said(&done));
    }
}
