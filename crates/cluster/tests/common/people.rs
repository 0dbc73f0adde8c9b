//! Made-up faces: unit vectors of people whose numbers of appearances fall as 1/k, with the spectrum and
//! the distances of a face network.

use streamface_cluster::Embeddings;
use streamface_kernels::SplitMix64;

/// What the faces are like.
pub struct Kind {
    /// Numbers in a row.
    pub dim: usize,
    /// Directions that hold the energy, which falls to some half over all of them.
    pub rank: usize,
    /// Mean cosine of strangers, made by a direction common to all.
    pub common: f64,
    /// Length of what a photo adds to its person's vector: its median, and the spread of its logarithm.
    pub noise: (f64, f64),
    /// People for each face.
    pub people: f64,
}

impl Default for Kind {
    /// Strangers at a cosine distance of 0.94 ± 0.14 and photos of one person at 0.24 ± 0.09, as the default
    /// face network has them on labelled photos.
    fn default() -> Self {
        Self { dim: 192, rank: 64, common: 0.08, noise: (0.53, 0.25), people: 0.05 }
    }
}

/// `n` faces and who they are.
pub fn people(n: usize, kind: &Kind, seed: u64) -> (Embeddings, Vec<u32>) {
    let mut random = SplitMix64::new(seed);
    let weight: Vec<f64> = (0..kind.rank).map(|k| 0.5_f64.powf(1.2 * k as f64 / kind.rank as f64)).collect();
    let total: f64 = weight.iter().map(|w| w * w).sum::<f64>().sqrt();
    // A vector of length about 1 in the directions that count.
    let draw = |length: f64, random: &mut SplitMix64| -> Vec<f64> {
        weight.iter().map(|w| length * w / total * random.normal()).collect()
    };
    let people = ((n as f64 * kind.people) as usize).max(1);
    let centres: Vec<Vec<f64>> = (0..people).map(|_| draw(1.0, &mut random)).collect();
    // The directions lie askew in the rows, orthogonal to each other but for chance.
    let axes: Vec<f64> =
        (0..(kind.rank + 1) * kind.dim).map(|_| random.normal() / (kind.dim as f64).sqrt()).collect();
    let common = (kind.common / (1.0 - kind.common)).sqrt();
    let (mut data, mut who) = (Vec::with_capacity(n * kind.dim), Vec::with_capacity(n));
    for _ in 0..n {
        // The inverse of 1/k's running sum, about log k.
        let person = ((people as f64).powf(random.uniform()) as usize).min(people) - 1;
        let length = kind.noise.0 * (kind.noise.1 * random.normal()).exp();
        let noise = draw(length, &mut random);
        let mut row = vec![0.0; kind.dim];
        let own = centres[person].iter().zip(noise).map(|(c, e)| c + e).chain([common]);
        for (x, axis) in own.zip(axes.chunks_exact(kind.dim)) {
            row.iter_mut().zip(axis).for_each(|(r, a)| *r += x * a);
        }
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        data.extend(row.iter().map(|x| (x / length) as f32));
        who.push(person as u32);
    }
    (Embeddings::new(data, kind.dim).unwrap_or_default(), who)
}
