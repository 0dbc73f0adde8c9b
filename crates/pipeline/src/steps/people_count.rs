//! How many people there are so far, while faces come in.

use streamface_store::FeatureRow;

use super::labelling::{Labelling, label, matrix, same_frame};
use crate::event::Silent;
use crate::settings::Method;

/// Counts people while faces come in: clustered anew each time a quarter more are there.
#[derive(Debug)]
pub(super) struct PeopleCount {
    how: Labelling,
    features: Vec<FeatureRow>,
    counted: usize,
    count: u64,
}

/// Beyond this many faces counting would take too long; there is no count then.
const MAX_FACES: usize = 5_000;

impl PeopleCount {
    /// A count that starts with nothing.
    pub(super) fn new(how: Labelling) -> Self {
        let how = Labelling { method: Method::Complete, compat: false, ..how };
        Self { how, features: Vec::new(), counted: 0, count: 0 }
    }

    /// More faces.
    pub(super) fn add(&mut self, features: &[FeatureRow]) {
        if self.features.len() + features.len() > MAX_FACES {
            self.features = Vec::new();
            self.counted = usize::MAX;
            return;
        }
        if self.counted == usize::MAX {
            return;
        }
        self.features.extend_from_slice(features);
        if self.features.len() > self.counted + self.counted / 4 {
            self.counted = self.features.len();
            let found = matrix(&self.features).and_then(|vectors| {
                let constraints = same_frame(&self.features);
                label(&self.features, &vectors, &[], &self.how, (&constraints, None), &Silent)
            });
            self.count = found.map_or(0, |(_, counts, _)| counts.people as u64);
        }
    }

    /// People at the last count; 0 for none.
    pub(super) fn count(&self) -> u64 {
        if self.counted == usize::MAX { 0 } else { self.count }
    }
}
