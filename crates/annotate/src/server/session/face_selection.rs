//! Which faces of a person to show.

/// A face that may be shown.
#[derive(Debug, Clone, Copy)]
pub struct FaceSample<'a> {
    /// Image quality: larger is better, in any unit.
    pub quality: f32,
    /// Its unit vector.
    pub vector: &'a [f32],
}

/// Weight of the best face relative to the worst one, at the same distance from the faces already chosen.
const WELL_SEEN: f32 = 3.0;

/// Indices of at most `k` of `faces` that represent a person best, in display order: the one nearest to any
/// of `across` (faces of the person it is compared with, if any), the best quality one, then always the one
/// least similar to those before it, weighted by quality (farthest-first traversal, Gonzalez 1985, weighted).
///
/// O((k + |across|) · n · d). On a tie the first.
#[must_use]
pub fn representative_faces(faces: &[FaceSample<'_>], k: usize, across: &[FaceSample<'_>]) -> Vec<usize> {
    let n = faces.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| faces[b].quality.total_cmp(&faces[a].quality).then(a.cmp(&b)));
    let mut weight = vec![1.0; n];
    for (rank, &face) in order.iter().enumerate() {
        weight[face] = WELL_SEEN - (WELL_SEEN - 1.0) * rank as f32 / n as f32;
    }
    let mut chosen = Vec::with_capacity(k.min(n));
    let mut apart = vec![f32::INFINITY; n];
    let mut choose = |face: usize, chosen: &mut Vec<usize>| {
        chosen.push(face);
        for (apart, other) in apart.iter_mut().zip(faces) {
            *apart = apart.min(distance(faces[face].vector, other.vector));
        }
        apart[face] = f32::NEG_INFINITY;
        // The next one.
        first_largest(apart.iter().zip(&weight).map(|(apart, weight)| apart * weight))
    };
    let nearest = first_largest(faces.iter().map(|face| {
        -across.iter().map(|other| distance(face.vector, other.vector)).fold(f32::INFINITY, f32::min)
    }));
    let mut next = if across.is_empty() { order.first().copied() } else { nearest };
    while let Some(face) = next.filter(|_| chosen.len() < k.min(n)) {
        next = choose(face, &mut chosen);
        if chosen.len() == 1 && order[0] != face {
            next = order.first().copied();
        }
    }
    chosen
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    // Eight independent sums: in a single sum each addition waits for the one before.
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    1.0 - sums.iter().sum::<f32>() - a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

fn first_largest(values: impl Iterator<Item = f32>) -> Option<usize> {
    values.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(angle: f32) -> [f32; 2] {
        [angle.cos(), angle.sin()]
    }

    fn looks<'a>(vectors: &'a [[f32; 2]], quality: &[f32]) -> Vec<FaceSample<'a>> {
        vectors.iter().zip(quality).map(|(vector, &quality)| FaceSample { quality, vector }).collect()
    }

    #[test]
    fn a_stranger_among_many_alike_is_shown() {
        // Thirty similar faces, the sharpest first; one of someone else, and blurred.
        let mut vectors: Vec<_> = (0..30).map(|i| unit(i as f32 / 1000.0)).collect();
        vectors.push(unit(1.2));
        let quality: Vec<f32> = (0..31).map(|i| 100.0 - i as f32).collect();
        let shown = representative_faces(&looks(&vectors, &quality), 3, &[]);
        assert_eq!(shown[..2], [0, 30]);
    }

    #[test]
    fn the_nearest_to_the_other_comes_first_then_the_best_seen() {
        let vectors = [unit(0.0), unit(0.3), unit(0.6), unit(0.9)];
        let faces = looks(&vectors, &[1.0, 5.0, 2.0, 1.0]);
        for (others, shown) in [([1.5, -3.0], [3, 1]), ([-0.1, 2.0], [0, 1])] {
            let other = others.map(unit);
            assert_eq!(representative_faces(&faces, 2, &looks(&other, &[0.0, 0.0])), shown);
        }
    }

    #[test]
    fn of_two_as_different_the_better_seen_is_shown() {
        let vectors = [unit(0.0), unit(0.5), unit(-0.5)];
        assert_eq!(representative_faces(&looks(&vectors, &[9.0, 1.0, 2.0]), 2, &[]), [0, 2]);
        assert_eq!(representative_faces(&looks(&vectors, &[9.0, 2.0, 1.0]), 2, &[]), [0, 1]);
    }

    proptest! {
        #[test]
        fn each_once_and_as_many_as_there_are(angles in prop::collection::vec(-3.0_f32..3.0, 0..40), k in 0_usize..30) {
            let vectors: Vec<_> = angles.iter().map(|&a| unit(a)).collect();
            let quality: Vec<f32> = angles.iter().map(|a| a.sin() * 10.0).collect();
            let mut shown = representative_faces(&looks(&vectors, &quality), k, &[]);
            prop_assert_eq!(shown.len(), k.min(angles.len()));
            shown.sort_unstable();
            shown.dedup();
            prop_assert_eq!(shown.len(), k.min(angles.len()));
        }
    }
}
