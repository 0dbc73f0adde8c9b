//! The direction of the head from a mesh of the face.

use super::vector::{Vector, cross, unit};

/// Points of MediaPipe's face mesh: the top of the forehead, the chin, the temples as they are seen.
const FOREHEAD: usize = 10;
const CHIN: usize = 152;
const LEFT_SEEN: usize = 234;
const RIGHT_SEEN: usize = 454;

/// Yaw, pitch and roll in degrees of a face mesh, three numbers a point: x to the right and y down in pixels, z away from
/// the camera. Signs as in WHENet: the head turned to the left of the picture has a positive yaw, a raised one a
/// positive pitch, one tilted clockwise a positive roll. `None` where points are missing or fall together.
pub(super) fn pose(mesh: &[f32]) -> Option<[f64; 3]> {
    let point = |at: usize| -> Option<Vector> {
        let p = mesh.get(3 * at..3 * at + 3)?;
        Some([f64::from(p[0]), f64::from(p[1]), f64::from(p[2])])
    };
    let down = unit(minus(point(CHIN)?, point(FOREHEAD)?))?;
    let across = unit(minus(point(RIGHT_SEEN)?, point(LEFT_SEEN)?))?;
    // From the face into the head; the width of the face gives way where it is not at a right angle to the height.
    let inward = unit(cross(across, down))?;
    let across = cross(down, inward);
    let yaw = inward[0].atan2(inward[2]);
    let pitch = inward[1].clamp(-1.0, 1.0).asin();
    let roll = across[1].atan2(across[0]);
    Some([yaw, pitch, roll].map(f64::to_degrees))
}

/// Whether outputs hold all points that are needed.
pub(super) fn is_whole(outputs: &[Vec<f32>]) -> bool {
    outputs.first().is_some_and(|mesh| mesh.len() > 3 * RIGHT_SEEN + 2)
}

fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head that was turned about its axes: by `roll` in the picture's plane after `pitch` after `yaw`.
    fn mesh([yaw, pitch, roll]: [f64; 3]) -> Vec<f32> {
        let [y, p, r] = [yaw, pitch, roll].map(f64::to_radians);
        let turn = |[x, down, z]: Vector| {
            // Yaw: what points inward gets a part to the right. Pitch: it gets a part downward.
            let (x, z) = (x * y.cos() + z * y.sin(), z * y.cos() - x * y.sin());
            let (down, z) = (down * p.cos() + z * p.sin(), z * p.cos() - down * p.sin());
            [x * r.cos() - down * r.sin(), x * r.sin() + down * r.cos(), z]
        };
        let mut points = vec![0.0; 3 * 468];
        for (at, place) in [
            (FOREHEAD, [0.0, -80.0, 10.0]),
            (CHIN, [0.0, 80.0, 10.0]),
            (LEFT_SEEN, [-60.0, 0.0, 0.0]),
            (RIGHT_SEEN, [60.0, 0.0, 0.0]),
        ] {
            for (slot, v) in points[3 * at..].iter_mut().zip(turn(place)) {
                *slot = (96.0 + v) as f32;
            }
        }
        points
    }

    #[test]
    fn a_turned_head_has_the_angles_it_was_turned_by() {
        for of in [[0.0, 0.0, 0.0], [35.0, 0.0, 0.0], [0.0, -20.0, 0.0], [0.0, 0.0, 25.0], [-60.0, 0.0, 0.0]]
        {
            let found = pose(&mesh(of)).unwrap();
            assert!(found.iter().zip(of).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?} of {of:?}");
        }
        let both = pose(&mesh([20.0, 10.0, 0.0])).unwrap();
        assert!((both[0] - 20.0).abs() < 1.0 && (both[1] - 10.0).abs() < 1.0, "{both:?}");
    }

    #[test]
    fn a_mesh_without_its_points_has_no_direction() {
        assert_eq!(pose(&mesh([0.0; 3])[..3 * RIGHT_SEEN]), None);
        assert_eq!(pose(&[0.0; 3 * 468]), None);
        assert_eq!(pose(&[f32::NAN; 3 * 468]), None);
    }
}
