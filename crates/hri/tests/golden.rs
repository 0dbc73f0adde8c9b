//! The original's tree against its rules in plain Python, on made-up rows: `fixtures/golden/hri_tree.csv`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use hri::{CompatTree, Threshold};
use streamface_testing::golden;
use streamface_testing::inputs::vectors;

#[test]
fn labels_and_depths_by_the_originals_rules() {
    let table = golden("hri_tree");
    let (rows, dim) = (vectors(501, 40, 8, 12, 0.5), 12);
    let mut compared = 0;
    for rest in table.header().iter().filter_map(|name| name.strip_prefix("label_")) {
        let (metric, threshold) = rest.split_once('_').unwrap();
        let threshold = Threshold::new(metric.parse().unwrap(), threshold.parse().unwrap()).unwrap();
        let mut tree = CompatTree::new(dim, threshold).unwrap();
        for row in rows.chunks_exact(dim) {
            tree.insert(row).unwrap();
        }
        assert_eq!(tree.labels(), table.column::<u64>(&format!("label_{rest}")), "{rest}");
        assert_eq!(tree.depths(), table.column::<u32>(&format!("depth_{rest}")), "{rest}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}
