//! Vectors in space.

/// Three coordinates.
pub(super) type Vector = [f64; 3];

/// The vector product.
pub(super) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The vector at length 1; none where it has no direction.
pub(super) fn unit(v: Vector) -> Option<Vector> {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    (length > 1e-9 && length.is_finite()).then(|| v.map(|x| x / length))
}
