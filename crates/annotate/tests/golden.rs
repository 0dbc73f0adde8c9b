//! Which clusters may be one person, by the original's rules in plain Python: `fixtures/golden/matching.csv`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use streamface_annotate::matching::{Mode, Pair, Rule, Settings, matches};
use streamface_testing::golden;
use streamface_testing::inputs::vectors;
use streamface_types::{Embeddings, Metric};

#[test]
fn pairs_by_the_originals_rules() {
    let table = golden("matching");
    let rows = Embeddings::new(vectors(601, 18, 6, 8, 0.5), 8).unwrap();
    let labels: Vec<i64> = (0..108).map(|row| row % 18).collect();
    let mut compared = 0;
    for (mode, kind) in [("average", Mode::Average), ("single", Mode::Single), ("triplet", Mode::Triplet)] {
        for (rule, way) in [("lists", Rule::Lists), ("code", Rule::Code), ("paper", Rule::Paper)] {
            let settings = Settings::new(Metric::Cosine, kind, 0.45, 0.7).unwrap().rule(way);
            let found = matches(&rows, &labels, &settings).unwrap();
            for (list, pairs) in [("sure", &found.sure), ("ask", &found.ask)] {
                let wanted = |&row: &usize| {
                    [table.text(row, "mode"), table.text(row, "rule"), table.text(row, "list")]
                        == [mode, rule, list]
                };
                let want: Vec<usize> = (0..table.len()).filter(wanted).collect();
                let ends = |p: &Pair| (p.a, p.b);
                let ours: Vec<_> = pairs.iter().map(ends).collect();
                let theirs: Vec<_> =
                    want.iter().map(|&row| (table.get(row, "a"), table.get(row, "b"))).collect();
                assert_eq!(ours, theirs, "{mode}, {rule}, {list}");
                for (pair, &row) in pairs.iter().zip(&want) {
                    let distance: f64 = table.get(row, "distance");
                    assert!((pair.distance - distance).abs() <= 1e-14, "{mode} {pair:?}: {distance}");
                }
                compared += want.len();
            }
        }
    }
    assert_eq!(compared, table.len());
}
