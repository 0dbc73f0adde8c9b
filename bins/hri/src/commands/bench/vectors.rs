//! Made-up vectors of faces.

use crate::args::{Bench, Spectrum};

/// Number of directions of made-up vectors with `Spectrum::Real`.
const DIRECTIONS: usize = 96;
/// How slowly the variance decays over these directions: 32 of them hold 0.82 of it.
const DECAY: f64 = 37.4;

/// A small seeded generator (`SplitMix64`; Steele, Lea & Flood 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Two normal variables (Box & Muller 1958).
    fn normals(&mut self) -> [f64; 2] {
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), self.uniform() * std::f64::consts::TAU);
        [radius * angle.cos(), radius * angle.sin()]
    }

    /// Shuffles `items` (Fisher–Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
    }
}

/// Unit vectors, row by row, and the person of each.
pub(super) struct Faces {
    pub(super) dim: usize,
    pub(super) rows: Vec<f32>,
    pub(super) truth: Vec<i64>,
}

impl Faces {
    pub(super) fn len(&self) -> usize {
        self.truth.len()
    }

    pub(super) fn row(&self, at: usize) -> &[f32] {
        &self.rows[at * self.dim..(at + 1) * self.dim]
    }

    /// `faces` vectors for each of `people`, and one vector for each of a quarter as many other people, in random order.
    pub(super) fn make(args: &Bench, people: usize, random: &mut Random) -> Self {
        let source = Source::new(args, random);
        let dim = args.dim;
        let mut truth: Vec<i64> =
            (0..people).flat_map(|p| std::iter::repeat_n(p as i64, args.faces)).collect();
        truth.extend((people..people + people / 4).map(|p| p as i64));
        random.shuffle(&mut truth);
        let mut centres = vec![0.0_f32; (people + people / 4) * dim];
        centres.chunks_exact_mut(dim).for_each(|row| source.draw(random, row));
        let mut rows = vec![0.0; truth.len() * dim];
        for (row, &person) in rows.chunks_exact_mut(dim).zip(&truth) {
            source.draw(random, row);
            let centre = &centres[person as usize * dim..(person as usize + 1) * dim];
            row.iter_mut().zip(centre).for_each(|(x, c)| *x = c + *x * args.noise as f32);
            normalise(row);
        }
        Self { dim, rows, truth }
    }
}

struct Source {
    /// Row by row; `None` if all directions have the same variance.
    directions: Option<Vec<f32>>,
    weights: Vec<f64>,
}

impl Source {
    fn new(args: &Bench, random: &mut Random) -> Self {
        if args.spectrum == Spectrum::Flat {
            return Self { directions: None, weights: Vec::new() };
        }
        let mut directions = vec![0.0; DIRECTIONS * args.dim];
        // Random directions are nearly orthogonal.
        directions.iter_mut().for_each(|x| *x = random.normals()[0] as f32);
        let weights = (0..DIRECTIONS).map(|k| (-(k as f64) / DECAY).exp()).collect();
        Self { directions: Some(directions), weights }
    }

    fn draw(&self, random: &mut Random, row: &mut [f32]) {
        match &self.directions {
            None => row.chunks_mut(2).for_each(|two| {
                two.iter_mut().zip(random.normals()).for_each(|(x, y)| *x = y as f32);
            }),
            Some(directions) => {
                row.fill(0.0);
                for (direction, weight) in directions.chunks_exact(row.len()).zip(&self.weights) {
                    let by = (random.normals()[0] * weight) as f32;
                    row.iter_mut().zip(direction).for_each(|(x, d)| *x += by * d);
                }
            }
        }
        normalise(row);
    }
}

fn normalise(row: &mut [f32]) {
    let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32;
    row.iter_mut().for_each(|x| *x /= length);
}
