//! What faces of no one count as.

use serde::Serialize;

use super::Contingency;

/// What a face counts as that a labelling calls noise (a label below 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// A cluster of its own: it is with no other face, as its label says.
    #[default]
    Alone,
    /// All of them one cluster, as the original has it: any two of them are together.
    Cluster,
}

impl Noise {
    /// The table of clusters: where noise is alone, each face of it has a row or a column of its own.
    pub(crate) fn resolve(self, table: &Contingency) -> Contingency {
        let mut own = -1;
        let mut alone = |label: i64| {
            if label >= 0 {
                return label;
            }
            own -= 1;
            own
        };
        let labels = (table.truth_labels(), table.predicted_labels());
        let cells = table.cells().iter().map(|&(t, p, n)| (labels.0[t], labels.1[p], n));
        match self {
            Self::Cluster => Contingency::counted(cells.map(|(t, p, n)| (t.max(-1), p.max(-1), n))),
            Self::Alone => Contingency::counted(cells.flat_map(|(t, p, n)| {
                let times = if t < 0 || p < 0 { n } else { 1 };
                let each = n / times;
                (0..times).map(|_| (alone(t), alone(p), each)).collect::<Vec<_>>()
            })),
        }
    }

    /// Whether faces of this label are together.
    pub(super) fn together(self, label: i64) -> bool {
        label >= 0 || self == Self::Cluster
    }
}
