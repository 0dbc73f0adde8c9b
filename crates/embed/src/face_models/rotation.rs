//! Head pose from a rotation (Hempel et al. 2022, arXiv:2202.12555; Zhou et al. 2019, arXiv:1812.07035).

use super::vector::{cross, unit};

/// Yaw, pitch and roll in degrees, as WHENet and 300W-LP count them: of six numbers, the first two columns of a rotation
/// matrix before they are made orthonormal, or of the nine of the matrix, row by row. `None` of any other number of
/// them, and where they are no rotation.
pub(super) fn angles(numbers: &[f64]) -> Option<[f64; 3]> {
    let m = match *numbers {
        [a0, a1, a2, b0, b1, b2] => {
            let x = unit([a0, a1, a2])?;
            let z = unit(cross(x, [b0, b1, b2]))?;
            let y = cross(z, x);
            [[x[0], y[0], z[0]], [x[1], y[1], z[1]], [x[2], y[2], z[2]]]
        }
        [a, b, c, d, e, f, g, h, i] => [[a, b, c], [d, e, f], [g, h, i]],
        _ => return None,
    };
    let cos_yaw = m[0][0].hypot(m[1][0]);
    let yaw = (-m[2][0]).atan2(cos_yaw);
    // Looking straight to the side, pitch and roll are one turn.
    let (pitch, roll) = if cos_yaw < 1e-6 {
        ((-m[1][2]).atan2(m[1][1]), 0.0)
    } else {
        (m[2][1].atan2(m[2][2]), m[1][0].atan2(m[0][0]))
    };
    let all = [yaw, pitch, roll].map(f64::to_degrees);
    all.iter().all(|a| a.is_finite()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix of 300W-LP's angles: roll after yaw after pitch.
    fn matrix(yaw: f64, pitch: f64, roll: f64) -> [[f64; 3]; 3] {
        let [(sy, cy), (sp, cp), (sr, cr)] = [yaw, pitch, roll].map(|d| d.to_radians().sin_cos());
        let times = |a: [[f64; 3]; 3], b: [[f64; 3]; 3]| {
            std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
        };
        let about_x = [[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]];
        let about_y = [[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]];
        let about_z = [[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]];
        times(about_z, times(about_y, about_x))
    }

    #[test]
    fn the_angles_of_a_matrix_and_of_its_first_two_columns_are_those_it_was_made_of() {
        for want in [[0.0, 0.0, 0.0], [30.0, -20.0, 10.0], [-75.0, 45.0, -60.0], [89.0, 5.0, 0.0]] {
            let m = matrix(want[0], want[1], want[2]);
            // Not of length 1, and not at a right angle: the second column counts only across the first.
            let x = [0, 1, 2].map(|i| 2.5 * m[i][0]);
            let y = [0, 1, 2].map(|i| 0.7 * m[i][1] + 0.4 * m[i][0]);
            for found in [angles(m.as_flattened()).unwrap(), angles(&[x, y].concat()).unwrap()] {
                assert!(found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {want:?}");
            }
        }
        let side = angles(matrix(90.0, 10.0, 0.0).as_flattened()).unwrap();
        assert!((side[0] - 90.0).abs() < 1e-4, "{side:?}");
    }

    #[test]
    fn what_is_no_rotation_has_no_angles() {
        assert_eq!(angles(&[0.0; 6]), None);
        assert_eq!(angles(&[1.0, 2.0, 3.0, 2.0, 4.0, 6.0]), None);
        assert_eq!(angles(&[f64::NAN; 9]), None);
        assert_eq!(angles(&[1.0; 5]), None);
    }
}
