//! The `streamface` command line.
fn main() {}
