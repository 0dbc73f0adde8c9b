//! The kernels of streamface-kernels beside the crates that do the same work, on one thread:
//! `cargo run --release` in this folder. A line a kernel: nanoseconds (the median of 31 rounds, turn about), the ratio to
//! ours, and the largest difference from a sum in exact arithmetic.

use std::hint::black_box;
use std::time::Instant;

use simsimd::SpatialSimilarity as _;
use streamface_kernels::gemm::multiply_transposed;
use streamface_kernels::{Isa, SplitMix64, dot, dot_i8};

/// Length of a vector.
const DIM: usize = 512;
/// Vectors that a query is compared with: they stay in the second cache.
const ROWS: usize = 256;
/// Rounds of which the median counts.
const ROUNDS: usize = 31;

fn main() {
    let mut random = SplitMix64::new(7);
    let mut numbers = |n: usize| (0..n).map(|_| random.uniform() as f32 * 2.0 - 1.0).collect::<Vec<f32>>();
    let (query, rows) = (numbers(DIM), numbers(ROWS * DIM));
    let exact: Vec<f64> = rows.chunks(DIM).map(|row| exact(&query, row)).collect();
    let report = |name: &str, f: &mut dyn FnMut(&[f32], &[f32]) -> f64| {
        let worst =
            rows.chunks(DIM).zip(&exact).map(|(row, e)| (f(&query, row) - e).abs()).fold(0.0, f64::max);
        format!("{name:<44} error {worst:.1e}")
    };

    println!("{} on {DIM} numbers, one pair", Isa::detect().name());
    type Dot<'a> = (&'a str, Box<dyn FnMut(&[f32], &[f32]) -> f64>);
    let mut dots: Vec<Dot<'_>> = vec![
        ("f32, summed in f64, ours (same bits everywhere)", Box::new(dot)),
        ("the same loop by multiversion", Box::new(by_multiversion)),
        ("the same sums by pulp", Box::new(|a, b| pulp::Arch::new().dispatch(PulpDot(a, b)))),
        ("the same sums by wide", Box::new(by_wide)),
        ("simsimd's f32 dot, summed in f32", Box::new(|a, b| f32::dot(a, b).unwrap_or(f64::NAN))),
    ];
    let times = turn_about(dots.len(), |which| {
        for row in rows.chunks(DIM) {
            black_box(dots[which].1(black_box(&query), black_box(row)));
        }
    });
    for (i, (name, f)) in dots.iter_mut().enumerate() {
        show(&report(name, f.as_mut()), times[i] / ROWS as f64, times[0] / ROWS as f64);
    }

    let bytes = |v: &[f32]| v.iter().map(|x| (x * 127.0) as i8).collect::<Vec<i8>>();
    let (byte_query, byte_rows) = (bytes(&query), bytes(&rows));
    let isa = Isa::detect();
    let sums: Vec<i32> = byte_rows.chunks(DIM).map(|r| r.iter().map(|&x| i32::from(x)).sum()).collect();
    for (row, &sum) in byte_rows.chunks(DIM).zip(&sums) {
        let theirs = i8::dot(&byte_query, row).unwrap_or(f64::NAN);
        assert_eq!(f64::from(dot_i8(isa, &byte_query, row, sum)), theirs, "both are exact");
    }
    let times = turn_about(2, |which| {
        for (row, &sum) in byte_rows.chunks(DIM).zip(&sums) {
            match which {
                0 => drop(black_box(dot_i8(isa, black_box(&byte_query), black_box(row), sum))),
                _ => drop(black_box(i8::dot(black_box(&byte_query), black_box(row)))),
            }
        }
    });
    show("bytes, ours (sum of the row given)", times[0] / ROWS as f64, times[0] / ROWS as f64);
    show("bytes, simsimd", times[1] / ROWS as f64, times[0] / ROWS as f64);

    let (n, m) = (256, 2048);
    let (a, b) = (numbers(n * DIM), numbers(m * DIM));
    let mut out = vec![0.0; n * m];
    println!("{n} x {DIM} times {DIM} x {m}, f32, one thread");
    let times = turn_about(2, |which| match which {
        0 => multiply_transposed(&a, &b, DIM, &mut out),
        _ => by_gemm(&a, &b, &mut out),
    });
    let flops = 2.0 * (n * m * DIM) as f64;
    for (name, time) in ["matrixmultiply, which ours calls", "gemm"].iter().zip(&times) {
        show(&format!("{name}, {:.0} GFLOP/s", flops / time), *time, times[0]);
    }
}

/// The median time of each of `count` pieces of work, nanoseconds; they take turns.
fn turn_about(count: usize, mut work: impl FnMut(usize)) -> Vec<f64> {
    let mut times = vec![Vec::new(); count];
    for _ in 0..ROUNDS {
        for (which, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..3 {
                work(which);
            }
            times.push(start.elapsed().as_nanos() as f64 / 3.0);
        }
    }
    let median = |mut t: Vec<f64>| {
        t.sort_by(f64::total_cmp);
        t[t.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn show(name: &str, time: f64, ours: f64) {
    println!("  {name:<64} {time:>12.1} ns   {:.2}", time / ours);
}

/// The dot product by compensated sums.
fn exact(a: &[f32], b: &[f32]) -> f64 {
    let (mut sum, mut rest) = (0.0_f64, 0.0_f64);
    for (&x, &y) in a.iter().zip(b) {
        let term = f64::from(x) * f64::from(y);
        let next = sum + term;
        rest += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + rest
}

#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx2+fma"))]
fn by_multiversion(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for k in 0..16 {
            lanes[k] += f64::from(a[k]) * f64::from(b[k]);
        }
    }
    streamface_kernels::dot::tree(lanes)
}

struct PulpDot<'a>(&'a [f32], &'a [f32]);

impl pulp::WithSimd for PulpDot<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        let mut lanes = [0.0; 16];
        for (a, b) in self.0.as_chunks::<16>().0.iter().zip(self.1.as_chunks::<16>().0) {
            for k in 0..16 {
                lanes[k] += f64::from(a[k]) * f64::from(b[k]);
            }
        }
        streamface_kernels::dot::tree(lanes)
    }
}

fn by_wide(a: &[f32], b: &[f32]) -> f64 {
    use wide::f64x4;
    let mut sums = [f64x4::ZERO; 4];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for (k, sum) in sums.iter_mut().enumerate() {
            let four = |v: &[f32; 16]| f64x4::new(std::array::from_fn(|i| f64::from(v[4 * k + i])));
            *sum += four(a) * four(b);
        }
    }
    let mut lanes = [0.0; 16];
    for (lanes, sum) in lanes.chunks_mut(4).zip(sums) {
        lanes.copy_from_slice(&sum.to_array());
    }
    streamface_kernels::dot::tree(lanes)
}

fn by_gemm(a: &[f32], b: &[f32], out: &mut [f32]) {
    let (n, m) = (a.len() / DIM, b.len() / DIM);
    // SAFETY: `a` is n × DIM, `b` is m × DIM and `out` is n × m, all row by row.
    unsafe {
        gemm::gemm(
            n,
            m,
            DIM,
            out.as_mut_ptr(),
            1,
            m as isize,
            false,
            a.as_ptr(),
            1,
            DIM as isize,
            b.as_ptr(),
            DIM as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
