//! The pairs of faces that a calibration is made from.

/// The distance of two faces, and the shot that both were seen in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Distance, finite and at least 0.
    pub distance: f64,
    /// Any number that tells the shots apart. Where the same two people meet in many shots, the number
    /// of the programme is the more honest choice.
    pub shot: u64,
}
