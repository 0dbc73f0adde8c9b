//! Join, and join with linkage, on unit vectors with people of Zipf sizes.
//! `cargo bench -p streamface-cluster`; for whole runs beside fastcluster see `peer_fastcluster.py`.

// criterion's macros make undocumented items; the input is known to be good.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage, join};

/// A small seeded generator (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Sum of 4 uniform numbers, of variance 1: near enough to normal here.
    fn normal(&mut self) -> f32 {
        let uniform = |bits: u64| (bits >> 40) as f32 / (1 << 24) as f32 - 0.5;
        (0..4).map(|_| uniform(self.next())).sum::<f32>() * 3_f32.sqrt()
    }
}

/// `n` faces of people k = 1, 2, … seen in proportion to 1/k.
fn faces(n: usize, dim: usize) -> Embeddings {
    let mut random = Random(7);
    let people = n / 10 + 1;
    let centres: Vec<f32> = (0..people * dim).map(|_| random.normal()).collect();
    let mut data = Vec::with_capacity(n * dim);
    for _ in 0..n {
        let u = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        // The inverse of 1/k's running sum, about log k.
        let person = ((people as f64).powf(u) as usize).min(people) - 1;
        data.extend(centres[person * dim..(person + 1) * dim].iter().map(|c| c + 0.45 * random.normal()));
    }
    Embeddings::new(data, dim).unwrap()
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("cosine_0.3");
    group.sample_size(10);
    for (n, dim) in [(2_000, 512), (5_000, 512), (5_000, 192)] {
        let rows = faces(n, dim);
        let settings = Settings::new(Metric::Cosine, 0.3).unwrap();
        let shape = format!("{n}x{dim}");
        group.throughput(Throughput::Elements((n * (n - 1) / 2) as u64));
        group.bench_function(BenchmarkId::new("join", &shape), |b| b.iter(|| join(&rows, &settings)));
        let none = Constraints::default();
        group.bench_function(BenchmarkId::new("complete_linkage", &shape), |b| {
            b.iter(|| complete_linkage(&rows, &settings, &none));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
