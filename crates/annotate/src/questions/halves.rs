//! The best two parts of a cluster, in case it holds two people.

use streamface_types::embedding::{cosine, dot};

/// How far apart the best two parts of a cluster are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// Cosine distance of the means of the two parts.
    pub distance: f64,
    /// Faces of either, at least 1.
    pub sizes: (u32, u32),
    /// What else is known, as the logarithm of odds that they are two people: two faces of one frame, say.
    pub evidence: f64,
}

/// A cluster in two parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Halves {
    /// Whether each face is in the second part; the first face never is.
    pub second: Vec<bool>,
    /// Cosine distance of the means of the two parts.
    pub distance: f64,
}

impl Halves {
    /// Faces of either part.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let second = self.second.iter().filter(|s| **s).count();
        (self.second.len() - second, second)
    }
}

/// Rounds at most.
const MAX_ROUNDS: usize = 20;

/// The best two parts of these faces, given by unit vectors: two means that each face is nearest to its own of, from the two
/// faces farthest from each other. `apart`: two faces that are not in one part. [`None`] for less than two faces.
///
/// O(n² · d) for n faces of d numbers. The same faces give the same parts.
#[must_use]
pub fn halves(rows: &[&[f32]], apart: Option<(usize, usize)>) -> Option<Halves> {
    let n = rows.len();
    let far = |&(a, b): &(usize, usize)| -dot(rows[a], rows[b]);
    let all = || (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    let seeds =
        apart.or_else(|| all().reduce(|best, next| if far(&next) > far(&best) { next } else { best }))?;
    let nearer = |row: &[f32], one: &[f32], two: &[f32]| dot(row, two) > dot(row, one);
    let mut second: Vec<bool> = rows.iter().map(|row| nearer(row, rows[seeds.0], rows[seeds.1])).collect();
    for _ in 0..MAX_ROUNDS {
        (second[seeds.0], second[seeds.1]) = (false, true);
        let [one, two] = [false, true].map(|side| unit(sum(rows, &second, side)));
        let mut next: Vec<bool> = rows.iter().map(|row| nearer(row, &one, &two)).collect();
        (next[seeds.0], next[seeds.1]) = (false, true);
        if next == second {
            break;
        }
        second = next;
    }
    if second[0] {
        second.iter_mut().for_each(|s| *s = !*s);
    }
    let (one, two) = (sum(rows, &second, false), sum(rows, &second, true));
    let distance = cosine(dot(&one, &two), dot(&one, &one), dot(&two, &two)).clamp(0.0, 2.0);
    Some(Halves { second, distance })
}

fn sum(rows: &[&[f32]], second: &[bool], side: bool) -> Vec<f32> {
    let mut sum = vec![0.0_f32; rows[0].len()];
    for (row, _) in rows.iter().zip(second).filter(|(_, s)| **s == side) {
        sum.iter_mut().zip(*row).for_each(|(s, x)| *s += x);
    }
    sum
}

fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let length = dot(&v, &v).sqrt() as f32;
    if length > 0.0 {
        v.iter_mut().for_each(|x| *x /= length);
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> [f32; 2] {
        [degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    #[test]
    fn two_people_come_apart() {
        let rows = [0.0, 4.0, 80.0, 2.0, 84.0, 6.0].map(at);
        let rows: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
        let found = halves(&rows, None).unwrap();
        assert_eq!(found.second, [false, false, true, false, true, false]);
        assert_eq!(found.sizes(), (4, 2));
        assert!((found.distance - (1.0 - 79.0_f64.to_radians().cos())).abs() < 1e-3, "{found:?}");
        // One odd face among many.
        let found = halves(&[rows[2], rows[0], rows[1], rows[3], rows[5]], None).unwrap();
        assert_eq!(found.second, [false, true, true, true, true]);
        // Two of one frame are in two parts, though others are farther apart.
        let found = halves(&rows[..4], Some((0, 3))).unwrap();
        assert_ne!(found.second[0], found.second[3]);
    }

    #[test]
    fn few_and_equal_faces() {
        let row = at(10.0);
        assert_eq!(halves(&[], None), None);
        assert_eq!(halves(&[&row[..]], None), None);
        let found = halves(&[&row[..], &row[..], &row[..]], None).unwrap();
        assert!(found.sizes().0 > 0 && found.sizes().1 > 0 && found.distance < 1e-6, "{found:?}");
        let zero = [0.0_f32, 0.0];
        assert!(halves(&[&zero[..], &zero[..]], None).unwrap().distance.is_finite());
    }
}
