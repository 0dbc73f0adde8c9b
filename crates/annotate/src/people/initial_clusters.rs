//! The clusters that decisions start from.

use std::collections::{BTreeMap, HashMap};

use streamface_types::{FaceId, Label};

use crate::Error;

/// Marks a face without a cluster.
pub(super) const NO_CLUSTER: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(super) struct InitialClusters {
    pub(super) faces: Vec<FaceId>,
    /// The cluster of each face, or [`NO_CLUSTER`].
    pub(super) cluster: Vec<u32>,
    /// Labels of the clusters, ascending.
    pub(super) label: Vec<i64>,
    /// Start of each cluster in `members`.
    start: Vec<u32>,
    members: Vec<u32>,
    /// Frame of each face; empty where faces of one frame may be one person.
    frame: Vec<u32>,
    /// Names of clusters that have one before any decision.
    pub(super) names: HashMap<u32, String>,
}

impl InitialClusters {
    pub(super) fn new(
        faces: Vec<FaceId>,
        labels: &[i64],
        separate_within_frame: bool,
    ) -> Result<Self, Error> {
        // Decisions add atoms beyond the clusters.
        if faces.len() > (u32::MAX / 2) as usize {
            return Err(Error::TooMany { faces: faces.len() });
        }
        if labels.len() != faces.len() {
            return Err(Error::LabelCount { labels: labels.len(), faces: faces.len() });
        }
        if let Some(two) = faces.windows(2).find(|two| two[0] >= two[1]) {
            return Err(Error::Order { face: two[1].clone() });
        }
        let mut label: Vec<i64> = labels.iter().copied().filter(|&l| l >= 0).collect();
        label.sort_unstable();
        label.dedup();
        // Each label is in `label`, so its partition point is its index.
        let of = |&l: &i64| if l < 0 { NO_CLUSTER } else { label.partition_point(|&other| other < l) as u32 };
        let cluster: Vec<u32> = labels.iter().map(of).collect();
        let mut start = vec![0_u32; label.len() + 1];
        for &c in cluster.iter().filter(|&&c| c != NO_CLUSTER) {
            start[c as usize + 1] += 1;
        }
        for c in 0..label.len() {
            start[c + 1] += start[c];
        }
        let mut fill = start.clone();
        let mut members = vec![0; start[label.len()] as usize];
        for (face, &c) in (0..).zip(&cluster).filter(|(_, c)| **c != NO_CLUSTER) {
            members[fill[c as usize] as usize] = face;
            fill[c as usize] += 1;
        }
        let mut frame = Vec::new();
        if separate_within_frame {
            let mut now = 0;
            frame.reserve(faces.len());
            for (at, face) in faces.iter().enumerate() {
                now += u32::from(at > 0 && faces[at - 1].frame != face.frame);
                frame.push(now);
            }
        }
        Ok(Self { faces, cluster, label, start, members, frame, names: HashMap::new() })
    }

    pub(super) fn len(&self) -> u32 {
        self.label.len() as u32
    }

    /// Names clusters by their labels.
    pub(super) fn set_names(&mut self, names: &BTreeMap<Label, String>) {
        let cluster = |label: &Label| self.label.binary_search(&label.0).ok().map(|at| at as u32);
        self.names = names.iter().filter_map(|(l, name)| Some((cluster(l)?, name.clone()))).collect();
    }

    /// Faces of a cluster; none for an atom that is no cluster.
    pub(super) fn members(&self, cluster: u32) -> &[u32] {
        let c = cluster as usize;
        if c >= self.label.len() {
            return &[];
        }
        &self.members[self.start[c] as usize..self.start[c + 1] as usize]
    }

    /// Other faces of the same frame.
    pub(super) fn beside(&self, face: u32) -> impl Iterator<Item = u32> {
        let at = face as usize;
        let of = self.frame.get(at).copied();
        let (before, after) = self.frame.split_at(at.min(self.frame.len()));
        // Faces are sorted by frame.
        let before = before.iter().rev().take_while(move |&&f| Some(f) == of).count();
        let after = after.iter().take_while(move |&&f| Some(f) == of).count();
        (face - before as u32..face + after as u32).filter(move |&other| other != face)
    }
}
