//! Agglomerative clustering cut at a distance threshold, one file for each linkage.

pub(crate) mod average;
pub(crate) mod complete;
pub(crate) mod single;
