//! Which first look is cheapest on people as they are.

use super::space::{Directions, Space};
use super::{
    Look, Scaled, Scratch,
    kernel::{Isa, PANEL},
    reach,
};
use crate::{Metric, Threshold};

/// People that directions and steps are learnt from.
const SAMPLE: usize = 1024;
/// Numbers tried.
const TRIED: [usize; 9] = [8, 16, 24, 32, 40, 48, 64, 96, 128];
/// Queries that a trial asks.
const QUERIES: usize = 128;

/// Some people's means, row after row.
#[derive(Debug)]
pub(crate) struct Sample {
    dim: usize,
    threshold: Threshold,
    /// People there are.
    people: usize,
    rows: Vec<f64>,
}

impl Sample {
    /// Of people spread evenly over the `count` places.
    pub(crate) fn take<'a>(
        dim: usize,
        threshold: Threshold,
        count: usize,
        person: impl Fn(usize) -> Option<Scaled<'a>>,
    ) -> Self {
        let mut rows = Vec::new();
        let taken = count.min(SAMPLE);
        for k in 0..taken {
            let place = (k as u128 * count as u128 / taken as u128) as usize;
            let Some(person) = person(place).filter(|p| p.factor.is_finite()) else { continue };
            rows.extend(person.numbers.iter().map(|x| x * person.factor));
        }
        Self { dim, threshold, people: count, rows }
    }

    fn len(&self) -> usize {
        self.rows.len() / self.dim
    }

    fn row(&self, at: usize) -> Scaled<'_> {
        let numbers = &self.rows[at * self.dim..(at + 1) * self.dim];
        let square: f64 = numbers.iter().map(|x| x * x).sum();
        Scaled { numbers, factor: 1.0, length: square.sqrt() }
    }

    /// An empty look, the cheapest of those tried. What is learnt from every other person is tried on the rest.
    pub(crate) fn learn(&self) -> Option<Look> {
        if self.len() < 16 {
            return None;
        }
        let axes = self.axes();
        let mut rows = Vec::with_capacity(self.rows.len() / 2);
        for at in (0..self.len()).step_by(2) {
            let numbers = self.row(at).numbers.iter().zip(&axes.1);
            rows.extend(numbers.map(|(x, c)| ((x - c) * axes.0.scale).clamp(-1e6, 1e6) as f32));
        }
        let most = TRIED[TRIED.len() - 1] - 1;
        let directions = (self.dim > 16).then(|| Directions::find(&rows, self.dim, most)).flatten();
        let mut best = self.tried(axes.0.clone());
        for numbers in TRIED {
            let Some(directions) = &directions else { break };
            if numbers - 1 > directions.count || numbers >= self.dim {
                break;
            }
            // More numbers cost more whatever they rule out.
            if self.cost(numbers, true, 0.0) > best.0 {
                break;
            }
            let tried = self.tried(axes.0.along(directions, numbers));
            if tried.0 < best.0 {
                best = tried;
            }
        }
        Some(best.1)
    }

    fn axes(&self) -> (Space, Vec<f64>) {
        let mut centre = vec![0.0; self.dim];
        for at in 0..self.len() {
            centre.iter_mut().zip(self.row(at).numbers).for_each(|(c, x)| *c += x / self.len() as f64);
        }
        let mut scale = 1.0;
        if self.threshold.metric() == Metric::Euclidean {
            let length = |at: usize| {
                let differences = self.row(at).numbers.iter().zip(&centre).map(|(x, c)| (x - c).powi(2));
                differences.sum::<f64>().sqrt()
            };
            let mut lengths: Vec<f64> = (0..self.len()).map(length).filter(|l| l.is_finite()).collect();
            lengths.sort_unstable_by(f64::total_cmp);
            // Not the longest: one far off must not make all others small.
            let usual = lengths.get(lengths.len() * 95 / 100).copied().unwrap_or(0.0);
            if usual > 0.0 {
                scale = usual.recip().clamp(1e-60, 1e60);
            }
        }
        (Space::axes(centre.clone(), scale), centre)
    }

    /// What a query costs with this space, and a look made of it.
    fn tried(&self, mut space: Space) -> (f64, Look) {
        let put = |space: &Space, at: usize, scratch: &mut Scratch| {
            let row = self.row(2 * at);
            space.place(row.numbers, row.factor, row.length, scratch)
        };
        space.fit(self.len().div_ceil(2), |space, at, scratch| {
            put(space, at, scratch);
        });
        let reach = reach(self.threshold.metric(), self.dim, space.scale, self.threshold.value());
        // The error that is usual: mostly that of rounding, a step's length over √12 each.
        let error = space.steps.iter().map(|s| s * s / 12.0).sum::<f64>().sqrt() * 1.1;
        space.alpha = (error / reach.max(0.05)).clamp(1e-6, 1e6);
        let tested = self.len() / 2;
        let mut look = Look::new(space, 0.0);
        let mut scratch = Scratch::default();
        for at in 0..tested {
            look.put(at, self.row(2 * at + 1), &mut scratch);
        }
        let mut over = [0.0; PANEL];
        let (mut hits, queries) = (0, tested.min(QUERIES));
        for query in 0..queries {
            let at = query * tested / queries;
            let aim = look.aim(self.row(2 * at + 1), &mut scratch);
            let asked = look.asked(&aim, reach);
            let mut from = 0;
            while let Some((panel, found)) = look.scan(Isa::best(), from, asked, &mut over) {
                hits += found.count_ones();
                from = panel + 1;
            }
        }
        // Each query's own person is among the hits.
        let pairs = (queries * tested).max(1) as f64;
        let passing = f64::from(hits).max(0.0) - queries as f64;
        let passing = passing.max(0.0) / pairs;
        look.expected = passing * self.people as f64;
        let cost = self.cost(look.space.numbers(), look.space.is_turned(), passing);
        (cost, Look::new(look.space, look.expected))
    }

    /// Nanoseconds a person, roughly: only their order matters.
    fn cost(&self, numbers: usize, turned: bool, passing: f64) -> f64 {
        let bytes = numbers as f64 / 2.0 + 4.0;
        let turning = if turned { (numbers * self.dim) as f64 / 20.0 / self.people as f64 } else { 0.0 };
        0.018 * bytes + turning + passing * 25.0
    }
}
