//! Clustering metrics and the HTML report.
