//! Made-up faces: unit vectors of people k = 1, 2, … seen in proportion to 1/k, a row being mean + person +
//! own noise. Seeded; the same for any number of threads.

use rayon::prelude::*;
use streamface_cluster::Embeddings;
use streamface_kernels::SplitMix64;

/// Where the energy of the vectors lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spectrum {
    /// As in real embeddings: 64 directions, half of which hold 0.82, a mean common to all, and a trace of noise in
    /// every direction. Strangers' cosine distances come to 0.94 ± 0.14, those within people to about 0.2.
    Real,
    /// All directions alike.
    #[allow(dead_code)]
    Flat,
}

/// Directions of the real spectrum.
const RANK: usize = 64;
/// Energy of the common mean, and of noise in all directions.
const MEAN: f32 = 0.057;
const FLOOR: f32 = 0.002;

/// `n` faces of `n / 10 + 1` people, in `dim` numbers.
pub fn faces(n: usize, dim: usize, spectrum: Spectrum, seed: u64) -> Embeddings {
    let people = n / 10 + 1;
    let mut total = 0.0;
    let sums: Vec<f64> = (1..=people)
        .map(|k| {
            total += 1.0 / k as f64;
            total
        })
        .collect();
    let mut random = Random(SplitMix64::new(seed));
    let basis = Basis::new(dim, spectrum, &mut random);
    let seed = random.next();
    let of_person = |k: usize| -> Vec<f32> {
        let mut random = Random::of(seed, k);
        basis.deviation.iter().map(|d| d * random.normal()).collect()
    };
    let mut data = vec![0.0_f32; n * dim];
    data.par_chunks_mut(dim.max(1)).enumerate().for_each(|(row, out)| {
        let mut random = Random::of(!seed, row);
        let at = random.uniform() * total;
        let person = of_person(sums.partition_point(|&sum| sum < at).min(people - 1));
        // A person's distances spread with how noisy each face is.
        let share = 0.5 * (0.2 * random.normal()).exp();
        let norm = (1.0 + share * share).sqrt();
        let latent: Vec<f32> = person
            .iter()
            .zip(&basis.deviation)
            .map(|(p, d)| (p + share * d * random.normal()) / norm)
            .collect();
        basis.place(&latent, out, &mut random);
    });
    Embeddings::new(data, dim).unwrap_or_else(|e| unreachable!("whole rows of finite numbers: {e}"))
}

/// The directions in use, and how far rows spread along each.
struct Basis {
    deviation: Vec<f32>,
    /// One a row, the mean's last; empty for the axes themselves.
    directions: Vec<Vec<f32>>,
}

impl Basis {
    fn new(dim: usize, spectrum: Spectrum, random: &mut Random) -> Self {
        if spectrum == Spectrum::Flat || dim <= RANK {
            return Self { deviation: vec![(dim as f32).sqrt().recip(); dim], directions: Vec::new() };
        }
        let energy: Vec<f32> =
            (0..RANK).map(|i| (-(i as f32 / (0.57 * RANK as f32)).powi(2)).exp()).collect();
        let all: f32 = energy.iter().sum();
        let deviation = energy.iter().map(|e| (e * (1.0 - MEAN - FLOOR) / all).sqrt()).collect();
        // Gram and Schmidt.
        let mut directions: Vec<Vec<f32>> = Vec::new();
        while directions.len() <= RANK {
            let mut new: Vec<f32> = (0..dim).map(|_| random.normal()).collect();
            for old in &directions {
                let dot: f32 = new.iter().zip(old).map(|(x, y)| x * y).sum();
                new.iter_mut().zip(old).for_each(|(x, y)| *x -= dot * y);
            }
            to_length_one(&mut new);
            directions.push(new);
        }
        Self { deviation, directions }
    }

    fn place(&self, latent: &[f32], out: &mut [f32], random: &mut Random) {
        if self.directions.is_empty() {
            out.copy_from_slice(latent);
        } else {
            let floor = (FLOOR / out.len() as f32).sqrt();
            out.iter_mut().for_each(|x| *x = floor * random.normal());
            for (direction, &by) in self.directions.iter().zip(latent.iter().chain(&[MEAN.sqrt()])) {
                out.iter_mut().zip(direction).for_each(|(x, d)| *x += by * d);
            }
        }
        to_length_one(out);
    }
}

fn to_length_one(x: &mut [f32]) {
    let length = x.iter().map(|x| x * x).sum::<f32>().sqrt();
    x.iter_mut().for_each(|x| *x /= length);
}

/// `SplitMix64`.
struct Random(SplitMix64);

impl Random {
    /// One of many streams.
    fn of(seed: u64, stream: usize) -> Self {
        let seed = seed ^ (stream as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
        Self(SplitMix64::new(SplitMix64::new(seed).next_u64()))
    }

    fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 0 to 1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sum of four uniform numbers, of variance 1: near enough to normal here.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: f32 = (0..4).map(|k| ((bits >> (16 * k)) & 0xFFFF) as f32 / 65_536.0 - 0.5).sum();
        sum * 3_f32.sqrt()
    }
}
