//! Shared by several tests.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;

use hri::{Index, Metric, Settings, Threshold};

/// Members and mean of each person, and the number of labels given.
pub type State = (BTreeMap<u64, (Vec<u64>, Vec<u64>)>, u64);

pub fn settings(dim: usize) -> Settings {
    Settings::new(dim, Threshold::new(Metric::Cosine, 0.2).unwrap()).unwrap()
}

/// Everything that a caller can see of an index.
pub fn state(index: &Index) -> State {
    let of = |label: u64| {
        let members = index.members(label).unwrap().collect();
        (members, index.mean(label).unwrap().iter().map(|x| x.to_bits()).collect())
    };
    (index.people().map(|p| (p.label, of(p.label))).collect(), index.stats().labels)
}

/// `SplitMix64`.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Nearly normal.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64).sum::<f64>() - 6.0
    }
}

/// How the variance of made-up faces is spread over directions.
#[derive(Debug, Clone, Copy)]
pub enum Spectrum {
    /// As in real embeddings: most of it in a few directions.
    Real,
    /// Equally over all directions.
    Flat,
}

/// Unit vectors of `people` people in random order: a person's direction plus noise of length `noise`.
pub fn faces(
    random: &mut Random,
    n: usize,
    dim: usize,
    people: usize,
    noise: f64,
    spectrum: Spectrum,
) -> Vec<f32> {
    let weights: Vec<f64> = (0..dim)
        .map(|k| match spectrum {
            Spectrum::Flat => 1.0,
            Spectrum::Real => (-(k as f64) / (dim as f64 / 10.0)).exp(),
        })
        .collect();
    let mut unit = |noise: Option<(&[f64], f64)>| -> Vec<f64> {
        let mut v: Vec<f64> = weights.iter().map(|w| random.normal() * w).collect();
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= norm);
        if let Some((centre, by)) = noise {
            v.iter_mut().zip(centre).for_each(|(x, c)| *x = c + by * *x);
            let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            v.iter_mut().for_each(|x| *x /= norm);
        }
        v
    };
    let centres: Vec<Vec<f64>> = (0..people).map(|_| unit(None)).collect();
    let mut which = Random(n as u64);
    (0..n).flat_map(|_| unit(Some((&centres[which.below(people)], noise)))).map(|x| x as f32).collect()
}

/// A little-endian `f8` matrix of a `.npy` file, as `f32`, and its width.
pub fn read_npy_f8(path: &std::path::Path) -> (Vec<f32>, usize) {
    let bytes = std::fs::read(path).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]])) + 10;
    let text = String::from_utf8_lossy(&bytes[10..header]).into_owned();
    assert!(text.contains("'<f8'") && text.contains("False"), "{text}");
    let width = text.split(", ").find_map(|p| p.trim_end_matches("), }").split(')').next()?.parse().ok());
    let width = width.unwrap_or_else(|| panic!("{text}"));
    let numbers = bytes[header..].as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32);
    (numbers.collect(), width)
}
