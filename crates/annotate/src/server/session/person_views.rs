//! Faces and people as the page shows them.

use std::collections::BTreeMap;

use streamface_eval::person_attributes::{AttributeVotes, PersonAttributes};
use streamface_imgproc::{LooseSettings, loose_square};
use streamface_kernels::SplitMix64;
use streamface_store::{files, read_attributes};
use streamface_types::{Attributes, BoundingBox, FaceId, Timestamp};

use super::ReviewSession;
use super::face_selection::{FaceSample, representative_faces};
use crate::Error;
use crate::server::view::{FaceView, Loose, PersonView, Problem};

/// Maximum faces of a person that are compared to choose those shown: the best of as many parts of the
/// person's time.
const MAX_POOL: usize = 64;

/// Longest table of attributes that is read, bytes.
const MAX_ATTRIBUTES: u64 = 64 << 20;

/// Maximum faces of the other person that these are compared with.
const MAX_OTHER_FACES: usize = 16;

impl ReviewSession {
    /// The number of a face.
    pub(super) fn face_number(&self, face: &FaceId) -> Result<u32, Problem> {
        self.people.index(face).ok_or_else(|| Problem::Unknown("There is no such face.".into()))
    }

    pub(super) fn face_view(&self, face: u32) -> FaceView {
        let id = self.index.id(face);
        let frame = self.index.frame_of(face);
        let source = frame.source.map(|s| short(&self.index.sources[s as usize]));
        FaceView { when: id.frame.timestamp().map(|t| t.to_readable()), id, source, loose: self.loose(face) }
    }

    /// How the picture of a loose face lies; `None` where it was not cut as [`loose_square`] says, as that of an import
    /// may be.
    fn loose(&self, face: u32) -> Option<Loose> {
        let detection = self.index.faces[face as usize].detection?;
        let frame = self.index.frame_of(face).size?;
        let [x, y, w, h] = detection.bbox;
        let square = loose_square(frame, &BoundingBox::new(x, y, w, h), &LooseSettings::default())?;
        if square.picture != detection.face_size {
            return None;
        }
        // Pixels are places half a pixel from their edges.
        let [left, top] = square.in_picture([-0.5, -0.5]);
        let [right, bottom] = square.in_picture([frame[0] as f32 - 0.5, frame[1] as f32 - 0.5]);
        let [width, height] = square.picture.map(|side| side as f32);
        let part = |pixels: f32, side: f32| (pixels / side).clamp(0.0, 1.0);
        let outside = [
            part(left + 0.5, width),
            part(top + 0.5, height),
            part(width - right - 0.5, width),
            part(height - bottom - 0.5, height),
        ];
        let [x0, y0] = square.in_picture([x - 0.5, y - 0.5]);
        let [x1, y1] = square.in_picture([x + w - 0.5, y + h - 0.5]);
        let face = [(x0 + 0.5) / width, (y0 + 0.5) / height, (x1 - x0) / width, (y1 - y0) / height];
        Some(Loose { size: square.picture, outside, face })
    }

    /// The first and the last time of some faces.
    pub(super) fn seen(&self, faces: &[u32]) -> Option<[String; 2]> {
        let times = faces.iter().filter_map(|&f| self.index.frame_of(f).id.timestamp());
        let (mut least, mut most) = (None, None);
        for time in times {
            least = Some(least.map_or(time, |l: Timestamp| l.min(time)));
            most = Some(most.map_or(time, |m: Timestamp| m.max(time)));
        }
        least.zip(most).map(|(a, b)| [a.to_readable(), b.to_readable()])
    }

    /// A person with the given faces shown.
    pub(super) fn person_view(&self, person: u32, shown: &[u32]) -> PersonView {
        let faces = self.people.faces_of(person);
        let named = shown.first().or(faces.first()).copied().unwrap_or_default();
        PersonView {
            id: self.index.id(named),
            state: state(&faces),
            label: self.people.label(person).unwrap_or(-1),
            name: self.people.name(person).map(str::to_owned),
            faces: faces.len(),
            seen: self.seen(&faces),
            shown: shown.iter().map(|&f| self.face_view(f)).collect(),
        }
    }

    /// Faces spread over a person's time: the best of each part.
    pub(super) fn pool(&self, person: u32, parts: usize) -> Vec<u32> {
        let faces = self.people.faces_of(person);
        let parts = parts.clamp(1, faces.len().max(1));
        let part = |p: usize| &faces[p * faces.len() / parts..(p + 1) * faces.len() / parts];
        let better = |a, b| if self.index.quality(b) > self.index.quality(a) { b } else { a };
        let best = |part: &[u32]| part.iter().copied().reduce(better);
        (0..parts).filter_map(|p| best(part(p))).collect()
    }

    /// A person with few faces, chosen without reading embeddings, for lists.
    pub(super) fn person_small(&self, person: u32) -> PersonView {
        let mut shown = self.pool(person, 4);
        let quality = |&face: &u32| self.index.quality(face);
        shown.sort_by(|a, b| quality(b).total_cmp(&quality(a)).then(a.cmp(b)));
        self.person_view(person, &shown)
    }

    pub(super) fn read_pool(&mut self, person: u32) -> Result<Vec<(u32, Vec<f32>)>, Error> {
        let pool = self.pool(person, MAX_POOL);
        pool.into_iter().map(|face| Ok((face, self.vectors.row(face)?))).collect()
    }

    pub(super) fn choose(&self, pool: &[(u32, Vec<f32>)], k: usize, across: &[(u32, Vec<f32>)]) -> Vec<u32> {
        // A sample of the other person is enough to find the nearest.
        let across: Vec<_> =
            self.samples(across).into_iter().step_by(across.len().div_ceil(MAX_OTHER_FACES).max(1)).collect();
        representative_faces(&self.samples(pool), k, &across).into_iter().map(|at| pool[at].0).collect()
    }

    pub(super) fn samples<'a>(&self, pool: &'a [(u32, Vec<f32>)]) -> Vec<FaceSample<'a>> {
        pool.iter().map(|(face, vector)| FaceSample { quality: self.index.quality(*face), vector }).collect()
    }

    /// Two people, each shown by the faces that help most to compare them.
    pub(super) fn pair_view(
        &mut self,
        left: u32,
        right: u32,
        shown: usize,
    ) -> Result<[PersonView; 2], Error> {
        let (a, b) = (self.read_pool(left)?, self.read_pool(right)?);
        let (l, r) = (self.choose(&a, shown, &b), self.choose(&b, shown, &a));
        Ok([self.person_view(left, &l), self.person_view(right, &r)])
    }

    /// What models say of a face.
    pub(super) fn attributes_of(&mut self, face: &FaceId) -> Option<Attributes> {
        self.attributes().get(face).cloned()
    }

    /// What models say of a person, by the vote of these faces.
    pub(super) fn voted(&mut self, faces: &[u32]) -> PersonAttributes {
        let mut votes = AttributeVotes::new(self.settings.unknown_below.clone());
        self.attributes();
        let all = self.attributes.as_ref();
        for &face in faces {
            if let Some(said) = all.and_then(|all| all.get(&self.index.id(face))) {
                votes.add(0, said, self.index.faces[face as usize].rating);
            }
        }
        votes.person(0)
    }

    fn attributes(&mut self) -> &BTreeMap<FaceId, Attributes> {
        let metadata = self.data.metadata();
        // A table that is too large to be read whole is ignored.
        self.attributes.get_or_insert_with(|| match files::length(&metadata.join("attributes.parquet")) {
            Ok(Some(bytes)) if bytes <= MAX_ATTRIBUTES => read_attributes(&metadata).unwrap_or_default(),
            _ => BTreeMap::new(),
        })
    }
}

/// The last part of a long source.
pub(super) fn short(source: &str) -> String {
    let name = source.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(source);
    // The query of a URL may contain a key.
    name.split(['?', '#']).next().unwrap_or(name).chars().take(80).collect()
}

/// A hash of a person's faces, independent of their order.
pub(super) fn state(faces: &[u32]) -> String {
    let hash = |face: u32| SplitMix64::new(u64::from(face)).next_u64();
    let sum = faces.iter().fold(0_u64, |sum, &face| sum.wrapping_add(hash(face)));
    format!("{}-{sum:016x}", faces.len())
}
