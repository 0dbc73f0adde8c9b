//! How long questions and answers take: made-up clusters of a collection of a million faces, all answers
//! right. `cargo run --release -p streamface-annotate --example questions_load -- [CLUSTERS] [PAIRS]
//! [ANSWERS] [DIMENSIONS]`

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use streamface_annotate::questions::{AnswerKind, Candidate, Clusters, Queue, Settings};
use streamface_kernels::SplitMix64;
use streamface_types::{Embeddings, Metric};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<usize> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let at = |k: usize, default: usize| args.get(k).copied().unwrap_or(default);
    let (n, pairs, answers, dim) = (at(0, 33_000), at(1, 1_000_000), at(2, 10_000), at(3, 192));
    let mut random = SplitMix64::new(1);
    // People of Zipf sizes, their clusters about a centre.
    let people = n / 4 + 1;
    let truth: Vec<u32> = (0..n).map(|_| (people as f64).powf(random.uniform()) as u32 - 1).collect();
    let mut means = vec![0.0_f32; n * dim];
    for (c, row) in means.chunks_exact_mut(dim).enumerate() {
        let mut centre = SplitMix64::new(1_000_003 * (u64::from(truth[c]) + 7));
        row.iter_mut().for_each(|x| *x = (centre.normal() + 0.5 * random.normal()) as f32);
    }
    let means = Embeddings::new(means, dim)?;
    let mut of: HashMap<u32, Vec<u32>> = HashMap::new();
    truth.iter().zip(0..).for_each(|(&p, c)| of.entry(p).or_default().push(c));
    // Each cluster with some of its person's and some of anyone's; strangers' distances stand for near ones.
    let mut candidates = Vec::with_capacity(pairs);
    let mut seen = std::collections::HashSet::new();
    while candidates.len() < pairs {
        let a = (random.uniform() * n as f64) as u32;
        let own = &of[&truth[a as usize]];
        let near = random.uniform() < 0.3;
        let b = if near {
            own[(random.uniform() * own.len() as f64) as usize]
        } else {
            (random.uniform() * n as f64) as u32
        };
        if a != b && seen.insert((a.min(b), a.max(b))) {
            let distance = Metric::Cosine.distance(means.row(a as usize), means.row(b as usize));
            candidates.push(Candidate { left: a, right: b, distance });
        }
    }
    let sizes = (0..n).map(|_| (30.0 * random.uniform().powi(4) * 10.0) as u32 + 1).collect();
    let before = resident();
    let start = Instant::now();
    let clusters = Clusters::new(sizes, means, candidates, vec![])?;
    let mut queue = Queue::new(clusters.clone(), Settings::default())?;
    println!(
        "{n} clusters, {pairs} pairs: queue after {:.0?}, first screen after {:.0?}",
        start.elapsed(),
        {
            queue.next(&[]);
            start.elapsed()
        }
    );
    println!("{} MiB more resident (with a copy of the clusters)", (resident() - before) >> 20);
    let mut given = Vec::new();
    let mut times: Vec<Duration> = Vec::new();
    while given.len() < answers {
        let Some(question) = queue.next(&[]) else { break };
        let start = Instant::now();
        for p in question.pairs {
            let (x, y) = (p.left, p.right);
            let same = truth[x as usize] == truth[y as usize];
            given.push(if same { AnswerKind::Same(x, y) } else { AnswerKind::Different(x, y) });
            queue.answer(given[given.len() - 1].into())?;
        }
        queue.next(&[]);
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let quantile = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    println!(
        "{} answers on {} screens; a screen and the next question: median {:.2?}, 99 % {:.2?}, most {:.2?}",
        given.len(),
        times.len(),
        quantile(0.5),
        quantile(0.99),
        quantile(1.0)
    );
    let timed = |action: &str, start: Instant| println!("{action}: {:.0?}", start.elapsed());
    let start = Instant::now();
    let mut again = Queue::new(clusters, Settings::default())?;
    for &said in &given {
        again.answer(said.into())?;
    }
    let next = again.next(&[]);
    timed("a new queue, all answers replayed, and the next question", start);
    assert_eq!(next, queue.next(&[]));
    let start = Instant::now();
    again.take_back(given.len() / 2)?;
    again.next(&[]);
    timed("one answer taken back, and the next question", start);
    let start = Instant::now();
    let progress = again.progress();
    timed("progress", start);
    let start = Instant::now();
    again.suspects();
    timed("suspects", start);
    println!("{progress:?}");
    Ok(())
}

/// Bytes in memory, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|p| p.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}
