//! What decisions ask of the next clustering.
