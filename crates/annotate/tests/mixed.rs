//! People that hold two: found, torn apart, and never asked about again.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Value, json};
use streamface_store::Dataset;
use world::{Kind, Site, World};

/// Labels by person, with `pairs` of people joined at random, and the people that hold two.
fn joined(world: &World, pairs: usize, seed: u64) -> (Vec<i64>, Vec<usize>) {
    let mut random = streamface_kernels::SplitMix64::new(seed);
    let mut present: Vec<usize> = world.truth.clone();
    present.sort_unstable();
    present.dedup();
    let people = present.len();
    for k in 0..2 * pairs {
        let other = k + random.below(people - k);
        present.swap(k, other);
    }
    let mut labels: Vec<i64> = world.truth.iter().map(|&p| p as i64).collect();
    let mut kept = Vec::new();
    for two in present[..2 * pairs].chunks(2) {
        labels.iter_mut().filter(|l| **l == two[1] as i64).for_each(|l| *l = two[0] as i64);
        kept.push(two[0]);
    }
    (labels, kept)
}

fn ids(half: &Value) -> Vec<String> {
    half["shown"].as_array().unwrap().iter().map(|face| face["id"].as_str().unwrap().to_owned()).collect()
}

fn mixed(site: &Site, query: &str) -> (Value, Vec<Value>) {
    let list = site.get(&format!("/api/mixed?{query}"));
    (list["revision"].clone(), list["rows"].as_array().unwrap().clone())
}

/// Whether two rows show faces of the same two people, whoever they are.
fn halves_of(world: &World, row: &Value) -> [Vec<usize>; 2] {
    let numbers = world.numbers();
    [0, 1].map(|at| ids(&row["halves"][at]).iter().map(|id| world.truth[numbers[id]]).collect())
}

/// 400 people, 20 of them two people joined at random: 18 or more of these are among the first 40 of the queue.
#[test]
fn two_joined_at_random_come_first() {
    let (mut first, mut all) = (0, 0);
    for seed in 1..=3 {
        let kind = Kind { people: 420, faces: 5000, seed, ..Kind::default() };
        let world = World::new(kind);
        let people: std::collections::BTreeSet<usize> = world.truth.iter().copied().collect();
        // Not everyone of 420 is drawn.
        let pairs = people.len() / 21;
        let (labels, two) = joined(&world, pairs, seed);
        let dir = world.dataset(&labels);
        let site = Site::open(dir.path());
        let (_, rows) = mixed(&site, &format!("limit={}", (people.len() - pairs) / 10));
        let numbers = world.numbers();
        let found = rows.iter().filter(|row| {
            let face = row["halves"][0]["shown"][0]["id"].as_str().unwrap();
            two.contains(&(labels[numbers[face]] as usize))
        });
        let found = found.count();
        println!("seed {seed}: {found} of {pairs} in the first {} of {}", rows.len(), people.len() - pairs);
        (first, all) = (first + found, all + pairs);
        site.server.stop();
    }
    assert!(10 * first >= 9 * all, "{first} of {all}");
}

#[test]
fn one_torn_apart_is_two_for_good_and_undone_it_is_one_again() {
    let world = World::new(Kind { people: 40, faces: 800, seed: 9, ..Kind::default() });
    let (labels, _) = joined(&world, 3, 5);
    let dir = world.dataset(&labels);
    let site = Site::open(dir.path());
    let people = site.get("/api/overview")["people"].as_u64().unwrap();
    let (revision, rows) = mixed(&site, "limit=3");
    for row in &rows {
        assert!(row["probability"].as_f64().unwrap() > 0.9, "{row}");
        let [one, two] = halves_of(&world, row);
        assert!(one.iter().all(|p| *p == one[0]) && two.iter().all(|p| *p == two[0]) && one[0] != two[0]);
    }
    let row = &rows[0];
    let tear = json!({ "kind": "tear", "left": ids(&row["halves"][0]), "right": ids(&row["halves"][1]) });
    let (status, reply) = site.decide(&revision, &[&row["person"]], &tear);
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["overview"]["people"].as_u64().unwrap(), people + 1);
    // All faces went, not only those shown.
    let numbers = world.numbers();
    let face = |at: usize| ids(&row["halves"][at])[0].clone();
    let person = |site: &Site, at: usize| site.get(&format!("/api/person/{}?limit=200", face(at)));
    for at in [0, 1] {
        let there = person(&site, at);
        let who = world.truth[numbers[&face(at)]];
        let faces = there["faces"]["rows"].as_array().unwrap();
        assert!(faces.iter().all(|f| world.truth[numbers[f["id"].as_str().unwrap()]] == who));
        assert_eq!(
            there["faces"]["total"].as_u64().unwrap() as usize,
            world.truth.iter().filter(|p| **p == who).count()
        );
    }
    // Neither half is asked about as one person with the other, in any form.
    let asks_both = |site: &Site| {
        let [a, b] = [0, 1].map(|at| person(site, at)["person"]["label"].clone());
        ["pair", "group", "sweep"].iter().any(|form| {
            let questions = site.get(&format!("/api/questions?form={form}&count=50&all=true"));
            questions.as_array().unwrap().iter().any(|q| {
                q["pairs"].as_array().unwrap().iter().any(|p| {
                    let left = if p["left"].is_null() { &q["person"]["label"] } else { &p["left"]["label"] };
                    (left, &p["right"]["label"]) == (&a, &b) || (left, &p["right"]["label"]) == (&b, &a)
                })
            })
        })
    };
    assert!(!asks_both(&site));
    // To say that they are one person after all contradicts it.
    let same =
        json!({ "kind": "compare", "pairs": [{ "left": [face(0)], "right": [face(1)], "verdict": "same" }] });
    let (there, revision) = ([0, 1].map(|at| person(&site, at)["person"].clone()), reply["decision"].clone());
    let (status, refused) = site.decide(&revision, &[&there[0], &there[1]], &same);
    assert_eq!(status, 409, "{refused}");
    // One of the others is one person after all, says the reviewer: it is not asked about again.
    let (revision, rows) = mixed(&site, "limit=2");
    let other = rows[0].clone();
    assert_ne!(other["person"]["id"], row["person"]["id"]);
    let whole = json!({ "kind": "whole", "person": ids(&other["halves"][0]) });
    assert_eq!(site.decide(&revision, &[&other["person"]], &whole).0, 200);
    // Its two parts say how far apart those of one person may be: nobody else is likelier two for it.
    let (_, now) = mixed(&site, "limit=200");
    let same = |row: &&Value| ids(&row["halves"][0]) == ids(&rows[1]["halves"][0]);
    let after = now.iter().find(same).map(|row| row["probability"].as_f64().unwrap());
    assert!(after <= Some(rows[1]["probability"].as_f64().unwrap() + 1e-9), "{after:?}: {}", rows[1]);
    let listed = |site: &Site, face: &str| {
        let (_, rows) = mixed(site, "limit=200");
        rows.iter().any(|row| (0..2).any(|at| ids(&row["halves"][at]).iter().any(|id| id == face)))
    };
    let said = ids(&other["halves"][0])[0].clone();
    assert!(!listed(&site, &said));
    // It can still be looked at by name.
    assert_eq!(mixed(&site, &format!("face={said}")).1.len(), 1);
    site.server.stop();
    // Everyone in clusters of other numbers and bounds: both answers hold.
    let data = Dataset::open(dir.path()).unwrap();
    let renumbered: Vec<i64> = labels.iter().map(|l| 1000 - l).collect();
    world.relabel(&data, &renumbered);
    drop(data);
    let site = Site::open(dir.path());
    assert_ne!(person(&site, 0)["person"]["label"], person(&site, 1)["person"]["label"]);
    assert!(!asks_both(&site) && !listed(&site, &said));
    site.server.stop();
    for threshold in [0.3, 0.5] {
        let data = Dataset::open(dir.path()).unwrap();
        world.relabel(&data, &world.clustered(threshold));
        drop(data);
        let site = Site::open(dir.path());
        assert!(!asks_both(&site), "at {threshold}");
        assert_ne!(person(&site, 0)["person"]["label"], person(&site, 1)["person"]["label"]);
        // The pieces of the one person are still one.
        let whole = site.get(&format!("/api/person/{said}?limit=1"))["person"]["faces"].as_u64().unwrap();
        assert!(
            whole >= other["person"]["faces"].as_u64().unwrap(),
            "{whole} of {}",
            other["person"]["faces"]
        );
        site.server.stop();
    }
    // Undone, they are one again and asked about again.
    let data = Dataset::open(dir.path()).unwrap();
    world.relabel(&data, &labels);
    drop(data);
    let site = Site::open(dir.path());
    for decision in [1, 2] {
        let (status, reply) = site.decide(&json!(2), &[], &json!({ "kind": "undo", "decision": decision }));
        assert_eq!(status, 200, "{reply}");
    }
    assert_eq!(person(&site, 0)["person"]["label"], person(&site, 1)["person"]["label"]);
    assert!(listed(&site, &face(0)) && listed(&site, &said));
    assert_eq!(site.get("/api/overview")["people"].as_u64().unwrap(), people);
    site.server.stop();
}

/// Faces marked as being in the wrong half go to the other one; an answer to halves that changed is refused.
#[test]
fn marked_faces_change_sides_and_late_answers_are_refused() {
    let world = World::new(Kind { people: 30, faces: 500, seed: 11, ..Kind::default() });
    let (labels, _) = joined(&world, 2, 6);
    let dir = world.dataset(&labels);
    let site = Site::open(dir.path());
    let (revision, rows) = mixed(&site, "limit=1");
    let row = &rows[0];
    let (mut left, mut right) = (ids(&row["halves"][0]), ids(&row["halves"][1]));
    let moved = left.pop().unwrap();
    right.push(moved.clone());
    let both = json!({ "kind": "tear", "left": [moved.clone()], "right": right.clone() });
    assert_eq!(site.decide(&revision, &[&row["person"]], &both).0, 422, "a face in both halves");
    let tear = json!({ "kind": "tear", "left": left.clone(), "right": right.clone() });
    assert_eq!(site.decide(&revision, &[&row["person"]], &tear).0, 200);
    let label = |face: &str| site.get(&format!("/api/person/{face}"))["person"]["label"].clone();
    assert_eq!(label(&moved), label(&right[0]));
    assert_ne!(label(&moved), label(&left[0]));
    assert_eq!(site.decide(&revision, &[&row["person"]], &tear).0, 409);
    let unknown = site.get("/api/mixed?limit=1&offset=100000");
    assert_eq!(unknown["rows"].as_array().unwrap().len(), 0);
    site.server.stop();
}
