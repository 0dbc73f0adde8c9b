//! The pairs of faces that a calibration is made from.

/// The distance of two faces, and whose faces they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Distance, finite and at least 0.
    pub distance: f64,
    /// The person of each face, any numbers that tell people apart, in any order; twice the same for two faces of one
    /// person. Who is who need not be known for sure: clusters at a low threshold will do. Where one person counts as
    /// several, intervals are too narrow; where several count as one, too wide.
    pub people: [u64; 2],
    /// The shot that both were seen in, any number: pairs of one shot are alike, whoever is in it.
    pub shot: u64,
}
