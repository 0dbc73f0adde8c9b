//! Clusters the faces of three frames: alike ones together, faces of one frame apart, and then what
//! temporal links tie. `cargo run -p streamface-cluster --example people`

use streamface_cluster::labels::by_size;
use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage, merge_by_links};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two people in each of three frames; the second one turns her head.
    let faces = Embeddings::new(
        vec![
            1.0, 0.1, 0.0, /* frame 0 */ 0.0, 1.0, 0.0, //
            1.0, 0.0, 0.1, /* frame 1 */ 0.0, 0.9, 0.6, //
            0.9, 0.0, 0.0, /* frame 2 */ 0.0, 0.6, 0.9, //
        ],
        3,
    )?;
    let mut constraints = Constraints::default();
    for frame in [[0, 1], [2, 3], [4, 5]] {
        constraints.cannot_link_group(&frame);
    }
    let people = complete_linkage(&faces, &Settings::new(Metric::Cosine, 0.3)?, &constraints)?;
    println!("{} clusters from {} links: {:?}", people.clusters, people.links, people.labels);

    // The tracker saw face 5 come from face 3.
    let joined = merge_by_links(&faces, Metric::Cosine, &people.labels, &[(5, 3)], 0.5, &constraints)?;
    println!("after merging, by size: {:?}", by_size(&joined));
    Ok(())
}
