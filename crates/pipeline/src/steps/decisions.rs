//! What decisions ask of a clustering: who must not lie in one cluster.

use std::path::PathBuf;

use streamface_annotate::{Decision, People, Report, journal, load};
use streamface_cluster::Constraints;
use streamface_store::Dataset;
use streamface_types::FaceId;

use crate::Result;
use crate::error::At as _;

/// The decisions of a dataset.
#[derive(Debug, Clone, Default)]
pub(super) struct Decisions {
    decisions: Vec<Decision>,
}

/// What a clustering took from them, for the next one to take the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Taken {
    /// Decisions there were.
    pub(super) decisions: usize,
    /// The fingerprint of the pairs that they kept apart.
    pub(super) pairs: String,
}

impl Decisions {
    /// Reads the journal, if there is one.
    ///
    /// # Errors
    /// A line that is no decision.
    pub(super) fn read(data: &Dataset) -> Result<Self> {
        let path: PathBuf = data.metadata().join(journal::FILE);
        Ok(Self { decisions: load(&path)? })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.decisions.len()
    }

    /// Pairs of these faces that the first `count` decisions keep apart, by number.
    ///
    /// # Errors
    /// Faces out of order.
    pub(super) fn apart(&self, faces: &[FaceId], count: usize) -> Result<(Vec<(u32, u32)>, Taken)> {
        let decisions =
            self.decisions.get(..count).at(|| "decisions.jsonl is shorter than it was".to_owned())?;
        let pairs = if decisions.is_empty() {
            Vec::new()
        } else {
            let mut people = People::unclustered(faces.to_vec(), true)?;
            people.replay(decisions);
            people.constraints()
        };
        let taken = Taken { decisions: count, pairs: fingerprint(&pairs) };
        Ok((pairs, taken))
    }

    /// What the clusters that came out make of them.
    ///
    /// # Errors
    /// Faces out of order.
    pub(super) fn report(&self, faces: &[FaceId], labels: &[u32]) -> Result<Report> {
        if self.decisions.is_empty() {
            return Ok(Report::default());
        }
        let labels: Vec<i64> = labels.iter().map(|&l| l.into()).collect();
        let mut people = People::new(faces.to_vec(), &labels, true)?;
        people.replay(&self.decisions);
        Ok(people.report())
    }
}

/// Adds pairs that must not be one.
pub(super) fn keep_apart(constraints: &mut Constraints, pairs: &[(u32, u32)]) {
    for &(a, b) in pairs {
        constraints.cannot_link(a as usize, b as usize);
    }
}

fn fingerprint(pairs: &[(u32, u32)]) -> String {
    let mix = |hash: u64, x: u64| (hash.rotate_left(5) ^ x).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let all =
        pairs.iter().fold(pairs.len() as u64, |hash, &(a, b)| mix(hash, u64::from(a) << 32 | u64::from(b)));
    format!("{all:016x}")
}
