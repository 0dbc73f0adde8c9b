//! The page of two labellings.

// Helpers of tests are not seen as tests by the lint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use streamface_eval::labels::Labelled;
use streamface_eval::metrics::{Noise, ReviewScores, Shared};
use streamface_report::{Comparison, ComparisonLimits, NoPictures, Pictures};
use streamface_types::FaceId;

fn labelled(all: &[(&str, i64)], names: &[(i64, &str)]) -> Labelled {
    Labelled {
        labels: all.iter().map(|&(face, label)| (face.to_owned(), label)).collect(),
        names: names.iter().map(|&(label, name)| (label, name.to_owned())).collect(),
        numbered: false,
    }
}

/// Person 0 in clusters 10 and 11, one of its faces beside person 1.
fn two(name: &str) -> (Labelled, Labelled, Labelled) {
    let f = ["f_face_0", "f_face_1", "f_face_2", "f_face_3", "g_face_0", "h_face_0", "z_face_9"];
    let truth = [0, 0, 0, 1, 1, 2, 7];
    let truth: Vec<_> = f.into_iter().zip(truth).collect();
    let predicted: Vec<_> = f[..6].iter().copied().zip([10, 10, 11, 11, 11, 12]).collect();
    let before: Vec<_> = f[..6].iter().copied().zip([5, 6, 11, 11, 11, 11]).collect();
    (
        labelled(&truth, &[(0, name), (1, "Ann"), (2, "Eve"), (7, "Zoe")]),
        labelled(&predicted, &[]),
        labelled(&before, &[]),
    )
}

struct Asked(Vec<Vec<String>>);

impl Pictures for Asked {
    fn face(&mut self, _: &FaceId) -> Option<Vec<u8>> {
        None
    }
    fn faces(&mut self, faces: &[&FaceId]) -> Vec<Option<Vec<u8>>> {
        self.0.push(faces.iter().map(ToString::to_string).collect());
        faces.iter().map(|_| Some(vec![0xff, 0xd8])).collect()
    }
}

fn page(name: &str, limits: ComparisonLimits, pictures: &mut dyn Pictures) -> String {
    let (truth, predicted, before) = two(name);
    let shared = Shared::new(&truth.labels, &predicted.labels).unwrap();
    let scores = shared.scores(Noise::Alone);
    let samples = shared.both.iter().map(|&(face, t, p)| (t, before.labels[face], p));
    let review = ReviewScores::new(samples, Noise::Alone);
    let comparison = Comparison {
        title: String::new(),
        source: name.to_owned(),
        names: [name.to_owned(), "found".to_owned()],
        labels: [&truth, &predicted],
        shared: &shared,
        scores: &scores,
        review: Some((&review, &before)),
        faces_folder: "faces".to_owned(),
        limits,
    };
    let mut page = Vec::new();
    comparison.render(&mut page, pictures).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn confusions_show_both_sides_worst_first() {
    let mut asked = Asked(Vec::new());
    let page = page("Bob", ComparisonLimits::default(), &mut asked);
    let faces = |all: &[&str]| all.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        asked.0,
        [
            // Cluster 11: two of Ann, one of Bob. Then Bob in clusters 10 and 11.
            faces(&["f_face_3", "g_face_0"]),
            faces(&["f_face_2"]),
            faces(&["f_face_0", "f_face_1"]),
        ]
    );
    // Face 2 stands in both.
    assert_eq!((page.matches("data:image/jpeg").count(), page.matches("<use ").count()), (5, 1));
    for part in [
        "Wrong merges",
        "Wrong splits",
        "2 pairs of 2 with 1",
        "href=\"faces/f_face_2.png\"",
        "Person 10 (2), Person 11 (1)",
        "z_face_9",
        "1 face only in Bob",
        "Person 5 (1), Person 6 (1)",
        "Person 11 (3), Person 12 (1)",
        "What the review changed",
        "Left out: accuracy",
    ] {
        assert!(page.contains(part), "the page lacks {part:?}");
    }
}

#[test]
fn names_are_text_and_limits_are_said() {
    let hostile = "<script>alert(1)</script>";
    let limits = ComparisonLimits { confusions: 0, beside: 1, rows: 1, names: 0 };
    let page = page(hostile, limits, &mut NoPictures);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert"));
    assert!(page.contains("default-src 'none'") && !page.contains("http:") && !page.contains("https:"));
    for part in ["1 further confusion not shown", "1 more row not shown", "1 more name not shown"] {
        assert!(page.contains(part), "the page lacks {part:?}");
    }
}

#[test]
fn noise_is_said_with_what_it_counts_as() {
    let truth = labelled(&[("f_face_0", 0), ("f_face_1", 0), ("f_face_2", 0), ("f_face_3", -1)], &[]);
    let predicted = labelled(&[("f_face_0", 4), ("f_face_1", 4), ("f_face_2", -1), ("f_face_3", -1)], &[]);
    let shared = Shared::new(&truth.labels, &predicted.labels).unwrap();
    let page = |noise: Noise| {
        let scores = shared.scores(noise);
        let comparison = Comparison {
            title: "Score of <b>".to_owned(),
            source: String::new(),
            names: ["a".to_owned(), "b".to_owned()],
            labels: [&truth, &predicted],
            shared: &shared,
            scores: &scores,
            review: None,
            faces_folder: String::new(),
            limits: ComparisonLimits::default(),
        };
        let mut page = Vec::new();
        comparison.render(&mut page, &mut NoPictures).unwrap();
        String::from_utf8(page).unwrap()
    };
    let alone = page(Noise::Alone);
    for part in [
        "50.0\u{a0}%",
        "2 faces noise in b",
        "1 face noise in a",
        "each counts as a cluster of its own",
        "<title>Score of &lt;b&gt;</title>",
    ] {
        assert!(alone.contains(part), "the page lacks {part:?}");
    }
    // The face that was set aside is missed, and no two of noise are taken for one person.
    assert!(alone.contains("Wrong splits") && !alone.contains("Wrong merges"));
    let cluster = page(Noise::Cluster);
    assert!(cluster.contains("all count as one cluster") && cluster.contains("Wrong merges"));
}

#[test]
fn names_that_are_no_faces_are_told() {
    let all = |labels: [i64; 3]| Labelled {
        labels: ["Ann_0001", "../x", "Bob_0001"].map(str::to_owned).into_iter().zip(labels).collect(),
        names: BTreeMap::new(),
        numbered: true,
    };
    let (truth, predicted) = (all([0, 0, 1]), all([0, 0, 0]));
    let shared = Shared::new(&truth.labels, &predicted.labels).unwrap();
    let scores = shared.scores(Noise::Alone);
    let comparison = Comparison {
        title: "t".to_owned(),
        source: String::new(),
        names: ["a".to_owned(), "b".to_owned()],
        labels: [&truth, &predicted],
        shared: &shared,
        scores: &scores,
        review: None,
        faces_folder: String::new(),
        limits: ComparisonLimits::default(),
    };
    let (mut page, mut asked) = (Vec::new(), Asked(Vec::new()));
    comparison.render(&mut page, &mut asked).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("accuracy</th>") && !page.contains("Left out"));
    assert!(asked.0.is_empty() && page.contains("<li>../x</li>") && page.contains("<li>Bob_0001</li>"));
}
