//! Every way to cluster at its best threshold, on the same faces: F, purity and seconds, in a table.
//!
//! `cargo bench -p streamface-cluster --bench baselines -- [ROWS [SEED [NOISE]]]` makes faces
//! up;
//! `… -- faces.npy people.txt` takes them from a file, one person's name a line.

// The input is known to be good.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/linfa_peer.rs"]
mod linfa_peer;
#[path = "../tests/common/people.rs"]
mod people;

use std::collections::HashMap;
use std::time::Instant;

use streamface_cluster::baselines::{
    ChineseWhispers, Graph, Infomap, chinese_whispers, dbscan, infomap, noise_apart,
};
use streamface_cluster::neighbours::{Neighbours, nearest};
use streamface_cluster::{
    Constraints, Embeddings, Metric, Settings, compat, complete_linkage, components, join,
};

const CUTS: [f64; 16] =
    [0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
/// Above this many links a cut is left out: linkage from links would take memory for them all.
const MOST_LINKS: u64 = 10_000_000;

/// Pairwise F, BCubed F, purity.
fn scores(labels: &[u32], truth: &[u32]) -> [f64; 3] {
    let (mut cell, mut ours, mut theirs) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (&a, &b) in labels.iter().zip(truth) {
        *cell.entry((a, b)).or_insert(0.0_f64) += 1.0;
        *ours.entry(a).or_insert(0.0_f64) += 1.0;
        *theirs.entry(b).or_insert(0.0_f64) += 1.0;
    }
    let n = labels.len() as f64;
    let pairs = |sizes: &mut dyn Iterator<Item = &f64>| sizes.map(|s| s * (s - 1.0) / 2.0).sum::<f64>();
    let both = pairs(&mut cell.values());
    let pairwise = 2.0 * both / (pairs(&mut ours.values()) + pairs(&mut theirs.values()));
    let share =
        |of: &dyn Fn(u32, u32) -> f64| cell.iter().map(|(&(a, b), c)| c * c / of(a, b)).sum::<f64>() / n;
    let (precision, recall) = (share(&|a, _| ours[&a]), share(&|_, b| theirs[&b]));
    let mut most = HashMap::new();
    for (&(a, _), &c) in &cell {
        let m: &mut f64 = most.entry(a).or_default();
        *m = m.max(c);
    }
    [pairwise, 2.0 * precision * recall / (precision + recall), most.values().sum::<f64>() / n]
}

struct Run {
    scores: [f64; 3],
    seconds: f64,
    clusters: usize,
    at: String,
}

/// One method's runs.
struct Method(&'static str, Vec<Run>);

impl Method {
    fn run(&mut self, truth: &[u32], at: String, before: f64, labels: impl FnOnce() -> Vec<u32>) {
        let start = Instant::now();
        let labels = labels();
        let seconds = before + start.elapsed().as_secs_f64();
        let mut numbers = labels.clone();
        numbers.sort_unstable();
        numbers.dedup();
        self.1.push(Run { scores: scores(&labels, truth), seconds, clusters: numbers.len(), at });
    }

    fn print(&self) {
        // Of equally good ones the first: the smallest threshold, the fewest neighbours.
        let best = |by: usize| self.1.iter().rev().max_by(|x, y| x.scores[by].total_cmp(&y.scores[by]));
        let (Some(pairwise), Some(bcubed)) = (best(0), best(1)) else { return };
        println!(
            "| {} | {:.4} ({}) | {:.4} ({}) | {:.4} | {} | {:.2} |",
            self.0,
            pairwise.scores[0],
            pairwise.at,
            bcubed.scores[1],
            bcubed.at,
            bcubed.scores[2],
            bcubed.clusters,
            bcubed.seconds
        );
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    (run(), start.elapsed().as_secs_f64())
}

fn input() -> (Embeddings, Vec<u32>, String) {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match &args[..] {
        [file, names] if file.ends_with(".npy") => {
            let mut number = HashMap::new();
            let names = std::fs::read_to_string(names).unwrap();
            let who = names.lines().map(|name| {
                let next = number.len() as u32;
                *number.entry(name.to_owned()).or_insert(next)
            });
            let who = who.collect();
            (common::read_npy(file.as_ref()).unwrap(), who, file.clone())
        }
        rest => {
            let number = |at: usize, or: u64| rest.get(at).map_or(or, |text| text.parse().unwrap());
            let (rows, seed) = (number(0, 5000) as usize, number(1, 1));
            let mut kind = people::Kind::default();
            kind.noise.0 = rest.get(2).map_or(kind.noise.0, |text| text.parse().unwrap());
            let (faces, who) = people::people(rows, &kind, seed);
            (faces, who, format!("{rows} made-up faces, seed {seed}, noise {}", kind.noise.0))
        }
    }
}

/// Mean and standard deviation of strangers' and of one person's distances, of some thousand rows.
fn spread(rows: &Embeddings, truth: &[u32]) {
    let mut sums = [[0.0_f64; 3]; 2];
    let some = rows.len().min(2000);
    for i in 0..some {
        for j in 0..i {
            let d = Metric::Cosine.distance(rows.row(i), rows.row(j));
            let sum = &mut sums[usize::from(truth[i] == truth[j])];
            *sum = [sum[0] + 1.0, sum[1] + d, sum[2] + d * d];
        }
    }
    for (name, [n, sum, squares]) in ["strangers", "one person"].iter().zip(sums) {
        let mean = sum / n;
        println!("{name}: {mean:.3} ± {:.3}", (squares / n - mean * mean).sqrt());
    }
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("skipped: this is for `cargo bench`");
        return;
    }
    let (rows, truth, name) = input();
    println!("{name}: {} x {}", rows.len(), rows.dim());
    spread(&rows, &truth);
    let none = Constraints::default();
    let mut methods = ["complete linkage", "the original's batches", "connected components"]
        .iter()
        .chain(&["DBSCAN, 3 points", "DBSCAN, 5 points", "Chinese whispers", "linfa DBSCAN, 3 points"])
        .chain(&["linfa OPTICS, 3 points", "Chinese whispers, k nearest", "Infomap, k nearest"])
        .map(|name| Method(name, Vec::new()))
        .collect::<Vec<_>>();
    for cut in CUTS {
        let settings = Settings::new(Metric::Cosine, cut).unwrap();
        let (links, before) = timed(|| join(&rows, &settings).unwrap());
        if links.len() > MOST_LINKS {
            println!("above {cut} there are more than {MOST_LINKS} links: left out but for the nearest");
            break;
        }
        let at = || format!("{cut}");
        methods[0].run(&truth, at(), 0.0, || complete_linkage(&rows, &settings, &none).unwrap().labels);
        let scheme = compat::Scheme::new(settings);
        methods[1].run(&truth, at(), 0.0, || compat::cluster(&rows, &[], &scheme).unwrap());
        methods[2].run(&truth, at(), before, || components(&links).unwrap());
        methods[3].run(&truth, at(), before, || noise_apart(&dbscan(&links, 3).unwrap()));
        methods[4].run(&truth, at(), before, || noise_apart(&dbscan(&links, 5).unwrap()));
        methods[5].run(&truth, at(), before, || {
            let graph = Graph::from_links(&links, |d| 1.0 - d).unwrap();
            chinese_whispers(&graph, &ChineseWhispers::default())
        });
        if rows.len() <= 3000 {
            methods[6].run(&truth, at(), 0.0, || {
                noise_apart(&linfa_peer::dbscan(&rows, Metric::Cosine, cut, 3).unwrap())
            });
        }
    }
    if rows.len() <= 3000 {
        let (plot, before) = timed(|| linfa_peer::optics(&rows, Metric::Cosine, 3, &CUTS));
        for (labels, cut) in plot.iter().zip(CUTS) {
            methods[7].run(&truth, format!("{cut}"), before, || noise_apart(labels));
        }
    }
    for k in [10, 20, 50].into_iter().filter(|&k| k < rows.len()) {
        let (near, before): (Neighbours, f64) = timed(|| nearest(&rows, Metric::Cosine, k).unwrap());
        println!("{k} nearest: {before:.2} s");
        for cut in CUTS {
            let at = || format!("k {k}, {cut}");
            let graph = || Graph::from_neighbours(&near, cut, |d| 1.0 - d).unwrap();
            methods[8].run(&truth, at(), before, || chinese_whispers(&graph(), &ChineseWhispers::default()));
            let settings = Infomap { trials: 2, seed: 0 };
            methods[9].run(&truth, at(), before, || infomap(&graph(), &settings).labels);
        }
    }
    println!(
        "| method | pairwise F (at) | BCubed F (at) | purity there | clusters | seconds |\n|---|---|---|---|---|---|"
    );
    methods.iter().for_each(Method::print);
}
