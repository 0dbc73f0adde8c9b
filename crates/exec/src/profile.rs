//! Where the time of a run goes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use streamface_kernels::Isa;
use streamface_kernels::conv::{Activation, PackedWeights, Pixels, product};

use crate::error::Result;
use crate::plan::{JobTime, Plan};

impl Plan {
    /// Runs the network so many times and measures each part, in the order of a run.
    ///
    /// # Errors
    /// Those of [`Plan::run`].
    pub fn profile(&self, input: &[f32], runs: usize) -> Result<Vec<JobTime>> {
        let mut jobs = self.jobs_without_times();
        for _ in 0..runs.max(1) {
            self.run_watched(input, |j, work| {
                let start = Instant::now();
                let result = work();
                jobs[j].time = jobs[j].time.min(start.elapsed());
                result
            })?;
        }
        Ok(jobs)
    }
}

/// Multiplications a second that a thread reaches in a product whose numbers all lie in the first cache: what the layers of
/// a network can be measured by.
#[must_use]
pub fn peak(isa: Isa) -> f64 {
    const PIXELS: usize = 42;
    const DEPTH: usize = 64;
    const CHANNELS: usize = 32;
    let weights = PackedWeights::new(isa, &vec![0.5; DEPTH * CHANNELS], &[0.0; CHANNELS], 1, DEPTH);
    let (input, mut out) = (vec![1.0; PIXELS * DEPTH], vec![0.0; PIXELS * CHANNELS]);
    let pixels = Pixels { count: PIXELS, runs: &[&input], step: DEPTH, out_step: CHANNELS, residual: None };
    let mut best = Duration::MAX;
    const TIMES: u32 = 200;
    for _ in 0..50 {
        let start = Instant::now();
        for _ in 0..TIMES {
            product(&weights, &pixels, black_box(&mut out), &Activation::None, &Activation::None);
        }
        best = best.min(start.elapsed() / TIMES);
    }
    (PIXELS * DEPTH * CHANNELS) as f64 / best.as_secs_f64()
}
