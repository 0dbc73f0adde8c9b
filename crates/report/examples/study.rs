//! Writes the study of a made-up programme, whose people's distances are known: `study OUT_FOLDER`.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use streamface_eval::merges::FalseMerges;
use streamface_eval::study::{
    Baseline, Calibration, CalibrationSettings, Grounds, HistogramSettings, Labelling, Pair, Study, Truth,
    baseline_text, histograms, recommend, sweep,
};
use streamface_kernels::SplitMix64;
use streamface_types::{Embeddings, Metric};

const PEOPLE: usize = 40;
const SHOTS: usize = 900;
const DIMENSIONS: usize = 64;
/// Frames of a shot, each with one face of everyone in it.
const FRAMES: usize = 3;

/// Roughly normal numbers, times `scale`.
fn vector(random: &mut SplitMix64, scale: f64) -> Vec<f64> {
    let mut number = || (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
    (0..DIMENSIONS).map(|_| scale * number()).collect()
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: study OUT_FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;

    let mut random = SplitMix64::new(1);
    let everyone: Vec<Vec<f64>> = (0..PEOPLE).map(|_| vector(&mut random, 1.0)).collect();
    let (mut data, mut people, mut shots) = (Vec::new(), Vec::new(), Vec::new());
    for shot in 0..SHOTS {
        // The first few people are on screen most; a shot shows one or two of them.
        let mut who = vec![(random.uniform().powi(2) * PEOPLE as f64) as usize];
        let other = (random.uniform() * PEOPLE as f64) as usize;
        if random.uniform() < 0.5 && other != who[0] {
            who.push(other);
        }
        let scene: Vec<Vec<f64>> = who.iter().map(|_| vector(&mut random, 0.5)).collect();
        for _ in 0..FRAMES {
            for (&person, scene) in who.iter().zip(&scene) {
                let face = add(&add(&everyone[person], scene), &vector(&mut random, 0.3));
                data.extend(face.iter().map(|&v| v as f32));
                people.push(person as i64);
                shots.push(shot as u64);
            }
        }
    }
    let rows = Embeddings::new(data, DIMENSIONS)?;
    let distance = |i: usize, j: usize| Metric::Cosine.distance(rows.row(i), rows.row(j));

    let (mut different, mut same) = (Vec::new(), Vec::new());
    for i in 1..rows.len() {
        for j in (0..i).rev().take_while(|&j| shots[j] == shots[i]) {
            let pair = Pair {
                distance: distance(i, j),
                people: [people[i] as u64, people[j] as u64],
                shot: shots[i],
            };
            if people[i] == people[j] { same.push(pair) } else { different.push(pair) }
        }
    }
    let calibration = Calibration::new(&different, &same, &CalibrationSettings::default())?;

    // A face joins the first one that is near enough: a poor clustering, but a short one.
    let thresholds: Vec<f64> = (2..=18).map(|i| f64::from(i) / 20.0).collect();
    let labels: Vec<Vec<i64>> = thresholds
        .iter()
        .map(|&t| {
            let mut leaders: Vec<usize> = Vec::new();
            let mut join = |i: usize| match leaders.iter().position(|&l| distance(i, l) <= t) {
                Some(label) => label as i64,
                None => {
                    leaders.push(i);
                    leaders.len() as i64 - 1
                }
            };
            (0..rows.len()).map(&mut join).collect()
        })
        .collect();
    let labellings: Vec<Labelling<'_>> = thresholds
        .iter()
        .zip(&labels)
        .map(|(&threshold, labels)| Labelling { threshold, labels, silhouette: None })
        .collect();
    let people: Vec<Option<i64>> = people.into_iter().map(Some).collect();
    let truth = Truth { labels: &people, shots: Some(&shots), resamples: 500, seed: 1 };
    let mut rows_of_sweep = sweep(&labellings, Some(&truth))?;
    // No linkage made these clusters, so the share of strangers' pairs within the threshold stands for its chances.
    let strangers = |t: f64| calibration.at(t).map_or(0.0, |p| p.false_match.rate.unwrap_or(0.0));
    for row in &mut rows_of_sweep {
        let pairs = (row.clusters * row.clusters.saturating_sub(1)) as f64 / 2.0;
        let expected = pairs * strangers(row.threshold) / (1.0 + pairs * strangers(row.threshold));
        row.false_merges = Some(FalseMerges { expected, interval: (expected / 2.0, 2.0 * expected) });
    }
    let within =
        rows_of_sweep.iter().rfind(|row| row.false_merges.is_some_and(|found| found.expected <= 0.5));
    let by_budget = within.map_or(thresholds[0], |row| row.threshold);
    let recommendation = recommend(&Grounds {
        by_budget,
        budget: 0.5,
        rows: &rows_of_sweep,
        present: None,
        judged: None,
        calibration: Some(&calibration),
    })?;
    let best = rows_of_sweep.iter().filter_map(|r| Some((r, r.pairwise?, r.bcubed?)));
    let best = best.max_by(|a, b| a.1.value.f.total_cmp(&b.1.value.f));
    let baselines = best
        .map(|(row, pairwise, bcubed)| Baseline {
            method: "first leader".to_owned(),
            settings: format!("threshold {}", row.threshold),
            clusters: Some(row.clusters),
            pairwise_f: Some(pairwise.value.f),
            bcubed_f: Some(bcubed.value.f),
            ..Baseline::default()
        })
        .into_iter()
        .collect();
    let study = Study {
        title: "A made-up programme".to_owned(),
        source: format!("{} faces of {PEOPLE} people in {SHOTS} shots", rows.len()),
        settings: vec![("metric".to_owned(), Metric::Cosine.to_string())],
        recommendation: Some(recommendation),
        present: None,
        judged: None,
        calibration: Some(calibration),
        sweep: rows_of_sweep,
        histograms: Some(histograms(
            &rows,
            Metric::Cosine,
            &HistogramSettings { k: 500, ..Default::default() },
        )?),
        baselines,
    };
    let mut page = BufWriter::new(File::create(folder.join("study.html"))?);
    streamface_report::StudyPage(&study).render(&mut page)?;
    page.flush()?;
    let mut json = BufWriter::new(File::create(folder.join("study.json"))?);
    study.json(&mut json)?;
    json.flush()?;
    print!("{}{}", study.toml(), baseline_text(&study.baselines));
    Ok(())
}
