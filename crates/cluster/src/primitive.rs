//! The slow, obvious twin: complete linkage on the full matrix of distances, one merge at a time.

use streamface_types::EmbeddingsView;

use crate::{Constraints, Error, Settings, labels};

/// What [`complete_linkage`](crate::complete_linkage) gives, in O(n³) time and 8n² bytes: labels by
/// first appearance. For tests, and to read.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints.
pub fn complete_linkage<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Vec<u32>, Error> {
    let rows = rows.into();
    let n = rows.len();
    let groups = constraints.close(n)?;
    let mut label: Vec<usize> = groups.first.iter().map(|&first| first as usize).collect();

    // Of clusters, at their smallest rows; the other entries are never compared at.
    let mut distance = vec![vec![0.0_f64; n]; n];
    for i in 0..n {
        for j in 0..n {
            let d = settings.metric().distance(rows.row(i), rows.row(j));
            let cluster = &mut distance[label[i]][label[j]];
            *cluster = cluster.max(d);
        }
    }
    for &(a, b) in constraints.cannot_links() {
        distance[label[a]][label[b]] = f64::INFINITY;
        distance[label[b]][label[a]] = f64::INFINITY;
    }

    let mut clusters: Vec<usize> = (0..n).filter(|&i| label[i] == i).collect();
    loop {
        let mut best = (f64::INFINITY, 0, 0);
        for (k, &a) in clusters.iter().enumerate() {
            for &b in &clusters[k + 1..] {
                // Clusters are in order of their ids, so the first of equals has the smallest ones.
                if distance[a][b] < best.0 {
                    best = (distance[a][b], a, b);
                }
            }
        }
        let (least, a, b) = best;
        if least > settings.threshold() {
            break;
        }
        for &c in &clusters {
            let d = distance[a][c].max(distance[b][c]);
            distance[a][c] = d;
            distance[c][a] = d;
        }
        clusters.retain(|&c| c != b);
        label.iter_mut().filter(|l| **l == b).for_each(|l| *l = a);
    }
    Ok(labels::by_first_appearance(&label.iter().map(|&l| l as u32).collect::<Vec<_>>()))
}
