//! Training: the projection with the lowest cost a query for the people there are.

use streamface_kernels::Isa;
use streamface_kernels::four_bit::PANEL;

use super::projection::{Directions, Projection, Scratch};
use super::{FourBitFilter, ScaledVector, radius};
use crate::{Metric, Threshold};

/// People that directions and steps are trained on.
const SAMPLE_PEOPLE: usize = 1024;
/// Numbers of coordinates that are tried.
const COORDINATES: [usize; 9] = [8, 16, 24, 32, 40, 48, 64, 96, 128];
/// Queries of one trial.
const TRIAL_QUERIES: usize = 128;

/// The means of some people, row by row.
#[derive(Debug)]
pub(crate) struct TrainingSample {
    dim: usize,
    threshold: Threshold,
    /// Number of people in the index.
    people: usize,
    rows: Vec<f64>,
}

impl TrainingSample {
    /// Takes people evenly spread over the `count` slots.
    pub(crate) fn take<'a>(
        dim: usize,
        threshold: Threshold,
        count: usize,
        person: impl Fn(usize) -> Option<ScaledVector<'a>>,
    ) -> Self {
        let mut rows = Vec::new();
        let taken = count.min(SAMPLE_PEOPLE);
        for k in 0..taken {
            let slot = (k as u128 * count as u128 / taken as u128) as usize;
            let Some(person) = person(slot).filter(|p| p.factor.is_finite()) else { continue };
            rows.extend(person.numbers.iter().map(|x| x * person.factor));
        }
        Self { dim, threshold, people: count, rows }
    }

    fn len(&self) -> usize {
        self.rows.len() / self.dim
    }

    fn row(&self, at: usize) -> ScaledVector<'_> {
        let numbers = &self.rows[at * self.dim..(at + 1) * self.dim];
        let square: f64 = numbers.iter().map(|x| x * x).sum();
        ScaledVector { numbers, factor: 1.0, length: square.sqrt() }
    }

    /// An empty filter with the cheapest projection of those tried. Even rows train it, odd rows test it.
    pub(crate) fn train(&self) -> Option<FourBitFilter> {
        if self.len() < 16 {
            return None;
        }
        let (axes, origin) = self.axis_aligned();
        let mut rows = Vec::with_capacity(self.rows.len() / 2);
        for at in (0..self.len()).step_by(2) {
            let numbers = self.row(at).numbers.iter().zip(&origin);
            rows.extend(numbers.map(|(x, c)| ((x - c) * axes.scale).clamp(-1e6, 1e6) as f32));
        }
        let most = COORDINATES[COORDINATES.len() - 1] - 1;
        let directions = (self.dim > 16).then(|| Directions::find(&rows, self.dim, most)).flatten();
        let mut best = self.evaluate(axes.clone());
        for coordinates in COORDINATES {
            let Some(directions) = &directions else { break };
            if coordinates - 1 > directions.len() || coordinates >= self.dim {
                break;
            }
            // More coordinates cost more, however many people they rule out.
            if self.cost(coordinates, true, 0.0) > best.0 {
                break;
            }
            let tried = self.evaluate(axes.rotated(directions, coordinates));
            if tried.0 < best.0 {
                best = tried;
            }
        }
        Some(best.1)
    }

    fn axis_aligned(&self) -> (Projection, Vec<f64>) {
        let mut origin = vec![0.0; self.dim];
        for at in 0..self.len() {
            origin.iter_mut().zip(self.row(at).numbers).for_each(|(c, x)| *c += x / self.len() as f64);
        }
        let mut scale = 1.0;
        if self.threshold.metric() == Metric::Euclidean {
            let length = |at: usize| {
                let differences = self.row(at).numbers.iter().zip(&origin).map(|(x, c)| (x - c).powi(2));
                differences.sum::<f64>().sqrt()
            };
            let mut lengths: Vec<f64> = (0..self.len()).map(length).filter(|l| l.is_finite()).collect();
            lengths.sort_unstable_by(f64::total_cmp);
            // Not the longest: one outlier must not make all others small.
            let typical = lengths.get(lengths.len() * 95 / 100).copied().unwrap_or(0.0);
            if typical > 0.0 {
                scale = typical.recip().clamp(1e-60, 1e60);
            }
        }
        (Projection::axis_aligned(origin.clone(), scale), origin)
    }

    /// The cost of a query with a projection, and an empty filter with it.
    fn evaluate(&self, mut projection: Projection) -> (f64, FourBitFilter) {
        projection.fit(self.len().div_ceil(2), |projection, at, scratch| {
            let row = self.row(2 * at);
            projection.project(row.numbers, row.factor, row.length, scratch);
        });
        let radius = radius(self.threshold.metric(), self.dim, projection.scale, self.threshold.value());
        // A typical error is mostly that of quantization: a step over √12 for each coordinate.
        let error = projection.steps.iter().map(|s| s * s / 12.0).sum::<f64>().sqrt() * 1.1;
        projection.alpha = (error / radius.max(0.05)).clamp(1e-6, 1e6);
        let tested = self.len() / 2;
        let mut filter = FourBitFilter::new(projection, 0.0);
        let mut scratch = Scratch::default();
        for at in 0..tested {
            filter.put(at, self.row(2 * at + 1), &mut scratch);
        }
        let mut margins = [0.0; PANEL];
        let (mut passed, queries) = (0, tested.min(TRIAL_QUERIES));
        for query in 0..queries {
            let at = query * tested / queries;
            let query = filter.query(self.row(2 * at + 1), &mut scratch);
            let query = filter.panel_query(&query, radius);
            let mut from = 0;
            while let Some((panel, hits)) = filter.scan(Isa::detect(), from, query, &mut margins) {
                passed += hits.count_ones();
                from = panel + 1;
            }
        }
        // Each query finds its own person, too.
        let pairs = (queries * tested).max(1) as f64;
        let passing = f64::from(passed).max(0.0) - queries as f64;
        let passing = passing.max(0.0) / pairs;
        filter.expected_candidates = passing * self.people as f64;
        let projection = &filter.projection;
        let cost = self.cost(projection.coordinates(), projection.is_trained(), passing);
        (cost, FourBitFilter::new(filter.projection, filter.expected_candidates))
    }

    /// Nanoseconds for each person, roughly. Only the order of costs matters.
    fn cost(&self, coordinates: usize, trained: bool, passing: f64) -> f64 {
        let bytes = coordinates as f64 / 2.0 + 4.0;
        let rotation =
            if trained { (coordinates * self.dim) as f64 / 20.0 / self.people as f64 } else { 0.0 };
        0.018 * bytes + rotation + passing * 25.0
    }
}
