//! Infomap: the partition that tells a random walk on the graph in the fewest bits. M. Rosvall and C. T.
//! Bergstrom, *Maps of random walks on complex networks reveal community structure* (PNAS 105, 2008).
//!
//! The two-level **map equation** of an undirected graph, with p_a the share of all weight that ends at
//! row a, q_m the share that leaves module m, and f(x) = x·log2 x:
//!
//! L = f(Σ q_m) − 2 Σ f(q_m) + Σ f(q_m + Σ_{a in m} p_a) − Σ f(p_a)
//!
//! bits a step. The search is the usual one: rows move to the neighbouring module that shortens L most,
//! modules become the rows of a smaller graph, and so on up. Then it starts from the rows again with the
//! modules found (*fine tuning*), and from parts of modules, which may change over as a whole (*coarse
//! tuning*), until neither helps. Several trials with other orders; the shortest is taken.

use rayon::prelude::*;

use super::graph::Graph;
use crate::labels;
use streamface_kernels::SplitMix64;

/// Less than this is not a shorter code, in bits.
const LEAST: f64 = 1e-10;

/// How hard to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Infomap {
    /// Searches with different orders, of which the best counts; at least one is made.
    pub trials: usize,
    /// Seed of the first; each next one has the next.
    pub seed: u64,
}

impl Default for Infomap {
    /// 4 trials, seed 0.
    fn default() -> Self {
        Self { trials: 4, seed: 0 }
    }
}

/// A partition, and how long it makes the code.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Communities {
    /// Each row's module, numbered by first appearance.
    pub labels: Vec<u32>,
    /// The map equation's L in bits a step; 0 without edges.
    pub codelength: f64,
}

/// Partitions the graph by the two-level map equation. Rows without edges are modules of their own.
///
/// Time: O(edges) a sweep, a few dozen sweeps a trial. Trials run in parallel; the result depends on the
/// graph and the settings alone.
#[must_use]
pub fn infomap(graph: &Graph, settings: &Infomap) -> Communities {
    let leaf = Level::new(graph);
    let trial = |t: usize| {
        let found = search(&leaf, &mut SplitMix64::new(settings.seed.wrapping_add(t as u64)));
        (leaf.codelength(&found), t, found)
    };
    let trials = (0..settings.trials.max(1)).into_par_iter().with_max_len(1).map(trial);
    let best = trials.min_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    let (length, _, mut found) = best.unwrap_or_default();
    // What has no structure is told best without any.
    let one: Vec<u32> = leaf.whole();
    let whole = leaf.codelength(&one);
    if whole <= length + LEAST {
        found = one;
    }
    Communities { labels: labels::by_first_appearance(&found), codelength: whole.min(length) }
}

/// The map equation's L of a partition, in bits a step. `labels` may be any numbers.
///
/// ```
/// use streamface_cluster::baselines::{Graph, codelength};
///
/// // In one module a step costs the entropy of the rows: 1 bit for two.
/// let graph = Graph::new(2, [(0, 1, 1.0)])?;
/// assert_eq!(codelength(&graph, &[7, 7]), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `None` where there is not one label a row.
#[must_use]
pub fn codelength(graph: &Graph, labels: &[u32]) -> Option<f64> {
    let labels = labels::by_first_appearance(labels);
    (labels.len() == graph.rows()).then(|| Level::new(graph).codelength(&labels))
}

/// x·log2 x.
fn f(x: f64) -> f64 {
    // Differences of sums may fall a rounding below 0.
    if x > 0.0 { x * x.log2() } else { 0.0 }
}

/// The graph, or one of its modules.
struct Level {
    graph: Graph,
    /// Share of all weight that ends at a row, and share that comes from other rows.
    flow: Vec<f64>,
    exit: Vec<f64>,
    /// Σ f(p) over rows of the first level.
    rows: f64,
}

impl Level {
    fn new(graph: &Graph) -> Self {
        let strength: Vec<f64> = (0..graph.rows()).map(|i| graph.of(i).map(|(_, w)| w).sum()).collect();
        // Weights are above 0: there is none without edges.
        let all: f64 = strength.iter().sum::<f64>();
        let mut edges = Vec::with_capacity(graph.edges());
        for a in 0..graph.rows() {
            edges.extend(graph.of(a).filter(|e| e.0 as usize > a).map(|(b, w)| (a as u32, b, w / all)));
        }
        let flow: Vec<f64> = strength.iter().map(|s| if all > 0.0 { s / all } else { 0.0 }).collect();
        let rows = flow.iter().copied().map(f).sum();
        Self { graph: Graph::from_sorted(graph.rows(), &edges), exit: flow.clone(), flow, rows }
    }

    fn len(&self) -> usize {
        self.flow.len()
    }

    /// All rows with edges in one module.
    fn whole(&self) -> Vec<u32> {
        let first = self.flow.iter().position(|&p| p > 0.0).unwrap_or(0);
        (0..).zip(&self.flow).map(|(row, &p)| if p > 0.0 { first as u32 } else { row }).collect()
    }

    fn codelength(&self, module: &[u32]) -> f64 {
        Modules::new(self, module).codelength(self.rows)
    }

    /// The graph whose rows are the modules, numbered without gaps.
    fn of_modules(&self, module: &[u32], modules: usize) -> Self {
        let (mut flow, mut exit) = (vec![0.0; modules], vec![0.0; modules]);
        let mut edges = Vec::new();
        for (a, &m) in module.iter().enumerate() {
            flow[m as usize] += self.flow[a];
            for (b, w) in self.graph.of(a) {
                let other = module[b as usize];
                if other != m {
                    exit[m as usize] += w;
                    if m < other {
                        edges.push((m, other, w));
                    }
                }
            }
        }
        // A stable sort: sums are taken in one order.
        edges.sort_by_key(|&(a, b, _)| (a, b));
        edges.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 += next.2;
            }
            same
        });
        Self { graph: Graph::from_sorted(modules, &edges), flow, exit, rows: self.rows }
    }
}

/// The sums that the map equation is made of, kept up while rows move.
struct Modules {
    flow: Vec<f64>,
    exit: Vec<f64>,
    total_exit: f64,
}

impl Modules {
    fn new(level: &Level, module: &[u32]) -> Self {
        let (mut flow, mut exit) = (vec![0.0; level.len()], vec![0.0; level.len()]);
        for (a, &m) in module.iter().enumerate() {
            flow[m as usize] += level.flow[a];
            let away = level.graph.of(a).filter(|e| module[e.0 as usize] != m);
            exit[m as usize] += away.map(|(_, w)| w).sum::<f64>();
        }
        let total_exit = exit.iter().sum();
        Self { flow, exit, total_exit }
    }

    fn codelength(&self, rows: f64) -> f64 {
        let modules = self.exit.iter().zip(&self.flow).map(|(&q, &p)| f(q + p) - 2.0 * f(q)).sum::<f64>();
        f(self.total_exit) + modules - rows
    }

    /// What `module` adds to L.
    fn term(q: f64, p: f64) -> f64 {
        f(q + p) - 2.0 * f(q)
    }

    /// Exits of module `a` without and `b` with the row that moves, whose edges into them weigh as given.
    fn exits(&self, exit: f64, (a, into_a): (u32, f64), (b, into_b): (u32, f64)) -> (f64, f64) {
        (self.exit[a as usize] - exit + 2.0 * into_a, self.exit[b as usize] + exit - 2.0 * into_b)
    }

    /// How much longer the code gets when a row with this flow and exit moves.
    fn change(&self, (flow, exit): (f64, f64), a: (u32, f64), b: (u32, f64)) -> f64 {
        let (m, n) = (a.0 as usize, b.0 as usize);
        let (exit_a, exit_b) = self.exits(exit, a, b);
        let total = self.total_exit - self.exit[m] - self.exit[n] + exit_a + exit_b;
        f(total) - f(self.total_exit) + Self::term(exit_a, self.flow[m] - flow)
            - Self::term(self.exit[m], self.flow[m])
            + Self::term(exit_b, self.flow[n] + flow)
            - Self::term(self.exit[n], self.flow[n])
    }

    fn shift(&mut self, (flow, exit): (f64, f64), a: (u32, f64), b: (u32, f64)) {
        let (m, n) = (a.0 as usize, b.0 as usize);
        let (exit_a, exit_b) = self.exits(exit, a, b);
        self.total_exit += exit_a + exit_b - self.exit[m] - self.exit[n];
        (self.exit[m], self.exit[n]) = (exit_a, exit_b);
        self.flow[m] -= flow;
        self.flow[n] += flow;
    }
}

/// Moves rows one by one to the module that shortens the code most, in random order, until none moves.
/// With `within`, rows only meet those of the same part. Tells whether any row moved.
fn sweep(level: &Level, module: &mut [u32], within: Option<&[u32]>, random: &mut SplitMix64) -> bool {
    let mut modules = Modules::new(level, module);
    let mut size = vec![0_u32; level.len()];
    for &m in module.iter() {
        size[m as usize] += 1;
    }
    let mut empty: Vec<u32> = (0..level.len() as u32).rev().filter(|&m| size[m as usize] == 0).collect();
    let mut into = vec![0.0; level.len()];
    let mut heard = Vec::new();
    let mut turn: Vec<u32> = (0..level.len() as u32).collect();
    let mut waits = vec![true; level.len()];
    let mut moved = false;
    while !turn.is_empty() {
        random.shuffle(&mut turn);
        let mut next = Vec::new();
        for row in turn {
            waits[row as usize] = false;
            let (flow, exit) = (level.flow[row as usize], level.exit[row as usize]);
            for (other, weight) in level.graph.of(row as usize) {
                if within.is_none_or(|part| part[other as usize] == part[row as usize]) {
                    let m = module[other as usize];
                    if into[m as usize] == 0.0 {
                        heard.push(m);
                    }
                    into[m as usize] += weight;
                }
            }
            let own = module[row as usize];
            let from = (own, into[own as usize]);
            // A module of its own is possible too.
            if size[own as usize] > 1
                && let Some(&m) = empty.last()
            {
                heard.push(m);
            }
            let mut best = (-LEAST, own, 0.0);
            for m in heard.drain(..) {
                let weight = std::mem::take(&mut into[m as usize]);
                if m != own {
                    let change = modules.change((flow, exit), from, (m, weight));
                    if change < best.0 {
                        best = (change, m, weight);
                    }
                }
            }
            let (_, to, weight) = best;
            if to == own {
                continue;
            }
            moved = true;
            modules.shift((flow, exit), from, (to, weight));
            module[row as usize] = to;
            if size[to as usize] == 0 {
                empty.pop();
            }
            size[to as usize] += 1;
            size[own as usize] -= 1;
            if size[own as usize] == 0 {
                // Nothing is left but rounding.
                (modules.flow[own as usize], modules.exit[own as usize]) = (0.0, 0.0);
                empty.push(own);
            }
            // Only those around it have something new to consider.
            for (other, _) in level.graph.of(row as usize) {
                if module[other as usize] != to && !std::mem::replace(&mut waits[other as usize], true) {
                    next.push(other);
                }
            }
        }
        turn = next;
    }
    moved
}

/// Sweeps, then lets modules move as a whole, and modules of these, as long as any does.
fn climb(level: &Level, module: &mut Vec<u32>, random: &mut SplitMix64) {
    sweep(level, module, None, random);
    *module = labels::by_first_appearance(module);
    let mut upper: Option<Level> = None;
    let mut of_upper = module.clone();
    loop {
        let modules = labels::sizes(&of_upper).len();
        let above = upper.as_ref().unwrap_or(level).of_modules(&of_upper, modules);
        let mut grouped: Vec<u32> = (0..modules as u32).collect();
        if !sweep(&above, &mut grouped, None, random) {
            return;
        }
        let grouped = labels::by_first_appearance(&grouped);
        for m in module.iter_mut() {
            *m = grouped[*m as usize];
        }
        (upper, of_upper) = (Some(above), grouped);
    }
}

fn search(leaf: &Level, random: &mut SplitMix64) -> Vec<u32> {
    let mut module: Vec<u32> = (0..leaf.len() as u32).collect();
    climb(leaf, &mut module, random);
    let mut length = leaf.codelength(&module);
    loop {
        let mut tried = module.clone();
        climb(leaf, &mut tried, random);
        coarse(leaf, &mut tried, random);
        let shorter = leaf.codelength(&tried);
        if shorter >= length - LEAST {
            return if shorter < length { tried } else { module };
        }
        (module, length) = (tried, shorter);
    }
}

/// Takes modules apart from within, then lets the parts change over.
fn coarse(leaf: &Level, module: &mut Vec<u32>, random: &mut SplitMix64) {
    let mut part: Vec<u32> = (0..leaf.len() as u32).collect();
    sweep(leaf, &mut part, Some(module), random);
    let part = labels::by_first_appearance(&part);
    let parts = labels::sizes(&part).len();
    let mut of_parts = vec![0; parts];
    for (&p, &m) in part.iter().zip(module.iter()) {
        of_parts[p as usize] = m;
    }
    // A number below that of the parts for each module.
    let mut of_parts = labels::by_first_appearance(&of_parts);
    climb(&leaf.of_modules(&part, parts), &mut of_parts, random);
    *module = part.iter().map(|&p| of_parts[p as usize]).collect();
}
