//! The join, complete linkage in one band and in many, and exact neighbours, on made-up faces with the spectrum of
//! real embeddings and with a flat one.
//! `cargo bench -p streamface-cluster --bench join`; for whole runs beside peers see the workspace's `benches/`.

// criterion's macros make undocumented items; the input is known to be good.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/common/made_up.rs"]
mod made_up;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use made_up::{Spectrum, faces};
use streamface_cluster::neighbours::nearest;
use streamface_cluster::{Constraints, Metric, Settings, complete_linkage, join};

const ROWS: usize = 10_000;
const DIMENSIONS: usize = 192;
/// The threshold of the default model is near this one.
const THRESHOLD: f64 = 0.5;

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group(format!("{ROWS}x{DIMENSIONS}"));
    group.sample_size(10).throughput(Throughput::Elements((ROWS * (ROWS - 1) / 2) as u64));
    let settings = Settings::new(Metric::Cosine, THRESHOLD).unwrap();
    for (name, spectrum) in [("real", Spectrum::Real), ("flat", Spectrum::Flat)] {
        let rows = faces(ROWS, DIMENSIONS, spectrum, 7);
        let none = Constraints::default();
        group.bench_function(BenchmarkId::new("join", name), |b| b.iter(|| join(&rows, &settings).unwrap()));
        group.bench_function(BenchmarkId::new("complete_one_band", name), |b| {
            b.iter(|| complete_linkage(&rows, &settings, &none).unwrap());
        });
        // A tenth of the links fit.
        let links = join(&rows, &settings).unwrap().len();
        let small = settings.memory(links / 10 * 56);
        group.bench_function(BenchmarkId::new("complete_bands", name), |b| {
            b.iter(|| complete_linkage(&rows, &small, &none).unwrap());
        });
        group.bench_function(BenchmarkId::new("nearest_10", name), |b| {
            b.iter(|| nearest(&rows, Metric::Cosine, 10).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
