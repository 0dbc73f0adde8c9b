//! Who is who in a dataset: its clusters, and what was decided of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use streamface_annotate::{Decision, People, journal, load};
use streamface_store::{Dataset, FeatureRow, LabelRow};
use streamface_types::FaceId;

use crate::Result;

/// A dataset's people as a review has left them.
pub(super) struct Reviewed {
    pub people: People,
    /// All of the journal, whether they hold or not.
    pub decisions: Vec<Decision>,
    /// Faces with a label.
    pub clustered: usize,
    /// Faces that no clustering has seen: no one's, unless a decision says whose.
    pub unclustered: Vec<FaceId>,
}

impl Reviewed {
    /// # Errors
    /// A journal with a broken line, what reading meets.
    pub fn read(data: &Dataset, frames_apart: bool) -> Result<Self> {
        let mut faces = Vec::new();
        data.each::<FeatureRow>(|row| faces.push(row.face))?;
        Self::of(data, faces, frames_apart)
    }

    /// The same for whoever has read the faces that have embeddings.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn of(data: &Dataset, faces: impl IntoIterator<Item = FaceId>, frames_apart: bool) -> Result<Self> {
        let rows = data.read::<LabelRow>()?;
        let mut labels: BTreeMap<FaceId, i64> = rows.into_iter().map(|row| (row.face, row.label.0)).collect();
        let clustered = labels.len();
        let mut unclustered = Vec::new();
        for face in faces {
            if let Entry::Vacant(entry) = labels.entry(face) {
                unclustered.push(entry.key().clone());
                entry.insert(-1);
            }
        }
        let decisions = load(&data.metadata().join(journal::FILE))?;
        let (faces, labels): (Vec<FaceId>, Vec<i64>) = labels.into_iter().unzip();
        let mut people = People::new(faces, &labels, frames_apart)?;
        people.replay(&decisions);
        Ok(Self { people, decisions, clustered, unclustered })
    }
}
