//! What a review costs, by the form of the questions, with someone simulated who answers: `cargo run --release -p
//! streamface-annotate --example simulate -- X.npy LABELS.csv --threshold .3 --max .64`
//!
//! LABELS.csv has a line `label[,frame]` for each row of X.npy, after a heading. `--wrong .02` is the rate of
//! wrong answers of the second part, which is done `--seeds 3` times. `--enough .01` is the gain in F an hour that a question
//! must be worth.

#[path = "../tests/answerer/mod.rs"]
mod answerer;
#[path = "../../cluster/tests/common/mod.rs"]
mod npy;

use std::collections::HashMap;
use std::time::Instant;

use answerer::{
    Answerer, Course, LEVELS, Result, Tally, Way, World, calibration_error, chances, knowing_way, old_way,
    our_way, wrong_suspects,
};
use streamface_annotate::questions::{ByDistance, CompatOrder, Settings};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (files, flags) = args.split_at(args.len().min(2));
    let [vectors, labels] = files else {
        return Err(
            "usage: simulate X.npy LABELS.csv [--threshold T] [--max D] [--wrong SHARE] [--seeds N]".into()
        );
    };
    let flag = |name: &str, default: f64| -> Result<f64> {
        let at = flags.iter().position(|f| f == name);
        Ok(at.and_then(|i| flags.get(i + 1)).map_or(Ok(default), |v| v.parse())?)
    };
    let vectors = npy::read_npy(vectors.as_ref())?;
    let (labels, frames) = read_labels(&std::fs::read_to_string(labels)?);
    if labels.len() != vectors.len() {
        return Err(format!("{} labels for {} rows", labels.len(), vectors.len()).into());
    }
    let (threshold, max) = (flag("--threshold", 0.3)?, flag("--max", 0.64)?);
    let enough = flag("--enough", Settings::default().enough * 3600.0)? / 3600.0;
    let settings = Settings { enough, ..Settings::default() };
    let (wrong, seeds) = (flag("--wrong", 0.02)?, flag("--seeds", 3.0)? as u64);
    let world = World::new(&vectors, &labels, &frames, threshold, max)?;
    println!(
        "{} faces, {} clusters at {threshold}, {} candidates to {max}; F {:.3} before anyone answers",
        vectors.len(),
        world.clusters.len(),
        world.clusters.candidates().len(),
        Tally::new(&world).f(),
    );
    let mut queue = world.queue(settings)?;
    let said = chances(&world, &mut queue);
    let likely: Vec<(f64, bool)> = said.iter().copied().filter(|(chance, _)| *chance >= 0.01).collect();
    let high: Vec<&(f64, bool)> = said.iter().filter(|(chance, _)| *chance >= 0.8).collect();
    let now = queue.progress();
    println!(
        "before any answer: calibration error {:.3} of {} candidates, {:.3} of {} at 0.01 or more; {} at 0.8 or more, {} of them \
         right; F thought {:.3}; {} screens, {:.0} s left",
        calibration_error(&said),
        said.len(),
        calibration_error(&likely),
        likely.len(),
        high.len(),
        high.iter().filter(|(_, same)| *same).count(),
        now.f,
        now.screens_left,
        now.seconds_left,
    );
    println!("\nall answers right; pairs / screens / seconds to F");
    println!("{:34}{}{:>26}", "", LEVELS.map(|l| format!("{l:>26}")).join(""), "end");
    let mut right = Answerer::new(0.0, 1);
    let old = |way: CompatOrder| old_way(&world, way, &mut Answerer::new(0.0, 1), false);
    line("original", &old(CompatOrder::new(&world.clusters, f64::INFINITY, None)));
    line("original, skips after 10 no", &old(CompatOrder::new(&world.clusters, f64::INFINITY, Some(10))));
    line("original, skips after 3 no", &old(CompatOrder::new(&world.clusters, f64::INFINITY, Some(3))));
    line(
        "by distance, nothing asked twice",
        &old_way(&world, ByDistance::new(&world.clusters), &mut right, false),
    );
    line("pair by pair, all answers known", &knowing_way(&world));
    for (name, way) in [("ours, pair by pair", Way::Pairs), ("ours, best screen", Way::Best)] {
        let start = Instant::now();
        let mut queue = world.queue(settings)?;
        let made = start.elapsed();
        let start = Instant::now();
        let course = our_way(&world, &mut queue, way, &mut right)?;
        let took = start.elapsed();
        line(name, &course);
        let p = queue.progress();
        println!(
            "    queue made in {made:.0?}, {:.2?} a screen; F thought {:.3}; {:?}",
            took / course.spent.screens.max(1) as u32,
            p.f,
            queue.match_probability()
        );
    }
    println!("\n{:.1} % of answers wrong", 100.0 * wrong);
    for seed in 1..=seeds {
        let mut erring = Answerer::new(wrong, seed);
        line("by distance", &old_way(&world, ByDistance::new(&world.clusters), &mut erring, false));
        for (name, way) in [("ours, pair by pair", Way::Pairs), ("ours, best screen", Way::Best)] {
            let mut queue = world.queue(settings)?;
            line(name, &our_way(&world, &mut queue, way, &mut Answerer::new(wrong, seed))?);
            let wrong = wrong_suspects(&world, &mut queue);
            let count = wrong.iter().filter(|w| **w).count();
            let among = |first: usize| wrong.iter().take(first).filter(|w| **w).count();
            println!(
                "    {count} of {} answers that hold are wrong: {} of the first {count} suspects, {} of {}",
                wrong.len(),
                among(count),
                among(2 * count),
                2 * count,
            );
        }
    }
    Ok(())
}

fn line(name: &str, course: &Course) {
    let cell = |s: answerer::Spent| format!("{} / {} / {:.0}", s.pairs, s.screens, s.seconds);
    let cells = course.reached.map(|r| format!("{:>26}", r.map_or("never".into(), cell))).join("");
    println!("{name:34}{cells}{:>26}  F {:.4}", cell(course.spent), course.f);
}

fn read_labels(text: &str) -> (Vec<u32>, Vec<u32>) {
    let (mut numbers, mut frames) = (HashMap::new(), HashMap::new());
    let rows = text.lines().skip(1).enumerate().map(|(row, line)| {
        let (label, frame) = line.split_once(',').map_or((line, None), |(l, f)| (l, Some(f)));
        // Without a frame, a face is in one of its own.
        let frame = frame.map_or_else(|| format!("row {row}"), str::to_owned);
        let next = numbers.len() as u32;
        let label = *numbers.entry(label.to_owned()).or_insert(next);
        let next = frames.len() as u32;
        (label, *frames.entry(frame).or_insert(next))
    });
    rows.unzip()
}
