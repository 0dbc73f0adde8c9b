//! Times the evaluation of a clustering of made-up vectors: `intrinsic [FACES] [CLUSTERS] [DIM] [RANK]`,
//! by default 20,000 in 2,000 of 512, of which 64 numbers are large, as in real embeddings. With a rank
//! as large as the dimension all are.

use std::error::Error;
use std::time::Instant;

use streamface_eval::intrinsic::{calinski_harabasz, davies_bouldin, extents, intrinsic, silhouette};
use streamface_kernels::SplitMix64;
use streamface_types::{Embeddings, Metric};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>());
    let mut argument = |default| arguments.next().unwrap_or(Ok(default));
    let (n, k, dim) = (argument(20_000)?, argument(2_000)?.max(1), argument(512)?);
    let rank = argument(64)?;
    let scale = |d: usize| if d < rank { 1.0 } else { 0.02 };
    // Sizes fall off: the label is the square of an even number.
    let mut next = numbers(1);
    let centres: Vec<f64> = (0..k * dim).map(|_| next()).collect();
    let (mut labels, mut data) = (Vec::new(), Vec::with_capacity(n * dim));
    for _ in 0..n {
        let label = (((next() + 1.0) / 2.0).powi(2) * k as f64) as usize;
        let centre = centres[label * dim..][..dim].iter().enumerate();
        data.extend(centre.map(|(d, c)| (scale(d) * (c + 0.6 * next())) as f32));
        labels.push(label as i64);
    }
    let faces = Embeddings::new(data, dim)?;
    let time = |what: &str, work: &dyn Fn() -> Result<String, streamface_eval::Error>| {
        let start = Instant::now();
        let found = work()?;
        println!("{what:30} {:7.2} s  {found}", start.elapsed().as_secs_f64());
        Ok::<_, streamface_eval::Error>(())
    };
    time("silhouette, cosine", &|| Ok(silhouette(&faces, &labels, Metric::Cosine)?.mean.to_string()))?;
    time("Davies–Bouldin", &|| Ok(davies_bouldin(&faces, &labels)?.to_string()))?;
    time("Calinski–Harabasz", &|| Ok(calinski_harabasz(&faces, &labels)?.to_string()))?;
    time("extents, cosine", &|| {
        let widest = extents(&faces, &labels, Metric::Cosine)?.iter().map(|e| e.diameter).fold(0.0, f64::max);
        Ok(format!("largest diameter {widest}"))
    })?;
    time("all, cosine", &|| Ok(intrinsic(&faces, &labels, Metric::Cosine, 100)?.outliers.len().to_string()))?;
    if n <= 20_000 {
        time("silhouette, Euclidean", &|| {
            Ok(silhouette(&faces, &labels, Metric::Euclidean)?.mean.to_string())
        })?;
    }
    Ok(())
}

/// Seeded numbers, −1 to 1.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut random = SplitMix64::new(seed);
    move || 2.0 * random.uniform() - 1.0
}
