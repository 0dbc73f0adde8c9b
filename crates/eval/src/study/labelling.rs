//! Labels found at a threshold, and true ones.

/// The labels found at one threshold.
#[derive(Debug, Clone, Copy)]
pub struct Labelling<'a> {
    /// The threshold, finite and at least 0.
    pub threshold: f64,
    /// One label a face; a negative one is noise.
    pub labels: &'a [i64],
    /// The mean silhouette, where it was computed.
    pub silhouette: Option<f64>,
}

/// True labels to compare with.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// The true label of each face, where it is known; the others are left out of the scores.
    pub labels: &'a [Option<i64>],
    /// The shot of each face, which is drawn as a whole in the bootstrap; `None` draws faces alone,
    /// which makes error bars too narrow where a shot shows a face many times.
    pub shots: Option<&'a [u64]>,
    /// Resamples, 100 to 10,000; 500 are enough for an error bar.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}
