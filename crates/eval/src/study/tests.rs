use super::*;
use crate::merges::FalseMerges;

static LABELS: [[i64; 5]; 4] = [[0, 1, 2, 3, 4], [0, 0, 1, 1, 2], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]];

/// Five faces of two people at four thresholds, with these expected false merges; labelled where asked for.
fn rows(labelled: bool) -> Vec<Row> {
    let of = |(i, labels): (usize, &'static [i64; 5])| Labelling {
        threshold: [0.1, 0.2, 0.4, 0.8][i],
        labels,
        silhouette: Some(0.5),
    };
    let labellings: Vec<Labelling<'_>> = LABELS.iter().enumerate().map(of).collect();
    let known = [0, 0, 1, 1, 1].map(Some);
    let truth = Truth { labels: &known, shots: None, resamples: 100, seed: 1 };
    let mut rows = sweep(&labellings, labelled.then_some(&truth)).unwrap();
    for (row, expected) in rows.iter_mut().zip([0.0, 0.2, 0.6, 1.5]) {
        row.false_merges = Some(FalseMerges { expected, interval: (expected / 2.0, 5.0 * expected) });
    }
    rows
}

fn calibration() -> Calibration {
    let pair = |i: u32, from: f64| {
        let shot = u64::from(i / 3);
        Pair { distance: from + f64::from(i % 97) / 200.0, people: [shot, 1_000 + shot], shot }
    };
    let different: Vec<_> = (0..900).map(|i| pair(i, 0.6)).collect();
    let same: Vec<_> = (0..500).map(|i| pair(i, 0.05)).collect();
    Calibration::new(&different, &same, &CalibrationSettings::default()).unwrap()
}

fn study(labelled: bool, of: PresentOf) -> Study {
    let (rows, calibration) = (rows(labelled), calibration());
    let present = Some(Present { threshold: 0.4, of });
    let judged = rows[2].clone();
    let recommendation = recommend(&Grounds {
        by_budget: 0.2,
        budget: 0.5,
        rows: &rows,
        present,
        judged: Some(&judged),
        calibration: Some(&calibration),
    });
    Study {
        recommendation: Some(recommendation.unwrap()),
        present,
        judged: Some(judged),
        calibration: Some(calibration),
        sweep: rows,
        ..Study::default()
    }
}

fn all_words(study: &Study) -> String {
    let found = study.recommendation.as_ref().unwrap();
    format!("{} {} {}", found.why, found.sure, found.notes.join(" "))
}

#[test]
fn without_labels_the_budget_decides() {
    let study = study(false, PresentOf::LastClustering);
    assert_eq!((study.threshold(), study.best()), (Some(0.2), None));
    let why = all_words(&study);
    for part in [
        "0.2 is as large as a budget of 0.5 false merges (two people joined into one) allows: 0.2 to be expected among the 3 clusters",
        "There is little to go by: with 3 clusters",
        "The last clustering was given 0.4, with 0.6 false merges expected.",
        " of the faces linked from frame to frame are farther apart",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // A miss rate from links is the least that there can be.
    assert!(!why.contains("up to 1") && why.contains("and more of those of another day"), "{why}");
    assert_eq!(study.names_of(0.4), ["in use"]);
}

#[test]
fn true_labels_decide_and_it_is_said_what_was_used() {
    let study = study(true, PresentOf::JudgedMerges);
    assert_eq!((study.threshold(), study.recommendation.as_ref().unwrap().by_budget), (Some(0.4), 0.2));
    let why = all_words(&study);
    for part in [
        "Of 4 thresholds tried, 0.4 has the largest BCubed F on the true labels, 1.000, with precision 1.000 and recall 1.000",
        "From the distances alone 0.6 false merges",
        "Without labels the choice would be 0.2, where F is 0.",
        "The last clustering had no threshold: it judged merges one by one, of which those up to 0.4 were made, BCubed F 1.000",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(
        (study.names_of(0.4), study.names_of(0.2)),
        (vec!["recommended", "in use"], vec!["without labels"])
    );
}

/// A plateau of F is where the budget's threshold is as good as any on it.
#[test]
fn of_equal_f_the_budget_decides() {
    let mut rows = rows(true);
    let (bcubed, pairwise) = (rows[2].bcubed, rows[2].pairwise);
    rows.iter_mut().skip(1).for_each(|row| (row.bcubed, row.pairwise) = (bcubed, pairwise));
    for by_budget in [0.2, 0.4, 0.8] {
        let grounds =
            Grounds { by_budget, budget: 0.5, rows: &rows, present: None, judged: None, calibration: None };
        let found = recommend(&grounds).unwrap();
        assert_eq!((found.threshold, found.basis), (by_budget, Basis::TrueLabels));
        assert!(found.notes[0].contains("Without labels the choice would be the same"), "{found:?}");
    }
}

/// It is asked for at the threshold chosen, not where all is merged, and not where the interval is close.
#[test]
fn more_shots_only_where_the_bound_is_far() {
    let far = study(false, PresentOf::NotClustered).recommendation.unwrap();
    assert_eq!(far.more_shots, None, "five times 0.2 is within twice the budget");
    let (mut rows, calibration) = (rows(false), calibration());
    rows[1].false_merges = Some(FalseMerges { expected: 0.4, interval: (0.1, 2.0) });
    let grounds = |rows: &[Row]| {
        recommend(&Grounds {
            by_budget: 0.2,
            budget: 0.5,
            rows,
            present: None,
            judged: None,
            calibration: Some(&calibration),
        })
        .unwrap()
    };
    let found = grounds(&rows);
    // 300 shots; the logarithm of five in those of two, squared, less one: 4.39 times as many.
    assert_eq!(found.more_shots, Some(1318), "{found:?}");
    rows[1].clusters = 40;
    let sure = grounds(&rows).sure;
    assert!(sure.contains("roughly known") && sure.contains("0.1 to 2.0 with 95 %"), "{sure}");
    assert!(sure.contains("1,318 more shots"), "{sure}");
    rows[1].false_merges = Some(FalseMerges { expected: 0.4, interval: (0.1, 0.7) });
    assert_eq!(grounds(&rows).more_shots, None);
}

#[test]
fn bad_grounds_are_named() {
    let rows = rows(false);
    let of = |by_budget, budget| {
        recommend(&Grounds { by_budget, budget, rows: &rows, present: None, judged: None, calibration: None })
    };
    assert!(matches!(of(0.2, 0.0), Err(Error::Setting { name: "false-merges", .. })));
    assert!(matches!(of(0.2, f64::NAN), Err(Error::Setting { name: "false-merges", .. })));
    assert!(matches!(of(0.3, 0.5), Err(Error::Setting { name: "threshold", .. })));
}

#[test]
fn json_holds_the_numbers_and_toml_the_line() {
    let study = study(false, PresentOf::LastClustering);
    let mut json = Vec::new();
    study.json(&mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["threshold"], &json["expected_false_merges"]), (&0.2.into(), &0.2.into()));
    assert_eq!(json["interval"], serde_json::json!({"lower": 0.1, "upper": 1.0, "confidence": 0.95}));
    assert_eq!(json["present"], serde_json::json!({"threshold": 0.4, "of": "last_clustering"}));
    assert_eq!(json["recommendation"]["basis"], "false_merges");
    assert_eq!(json["calibration"]["points"].as_array().unwrap().len(), 121);
    assert_eq!(json["sweep"][1]["clusters"], 3);

    let toml = study.toml();
    let (comment, rest): (Vec<&str>, Vec<&str>) = toml.lines().partition(|l| l.starts_with('#'));
    assert_eq!(rest, ["threshold = 0.2"]);
    assert!(comment.iter().all(|l| l.len() <= TOML_WIDTH && !l.ends_with(' ')), "{toml}");
    let words: Vec<&str> = comment.iter().flat_map(|l| l[1..].split_whitespace()).collect();
    assert_eq!(words.join(" "), study.why());
    assert_eq!(Study::default().toml(), "# Nothing was studied.\n");
}
