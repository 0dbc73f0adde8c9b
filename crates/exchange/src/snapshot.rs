//! A dataset directory as it is exported.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use streamface_store::{
    AttributeModels, Dataset, FaceRow, FrameFormat, FrameRow, ImageKind, MAX_IMAGE_BYTES, NamedLabels,
    each_attributes, files, read_annotations,
};
use streamface_types::{Annotation, Annotations, Attributes, FaceId, FrameId, Label};

use crate::any_label::AnyLabel;
use crate::picture::check_whole;
use crate::report::{Problems, Summary};
use crate::{Error, optional_fields};

/// Whose labels are exported.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Labels {
    /// Those of the last clustering, or import: the table of labels.
    #[default]
    Auto,
    /// Those that the review came to: `metadata/annotations_manual.json`.
    Reviewed,
    /// These. Faces that the dataset has not are passed over.
    Given(NamedLabels),
}

/// Faces, frames, labels and attributes of a dataset, in memory: some 600 bytes a face. Embeddings and images stay
/// where they are.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub(crate) data: &'a Dataset,
    /// By name.
    pub(crate) frames: BTreeMap<FrameId, FrameRow>,
    /// In the order of their names.
    pub(crate) faces: Vec<FaceRow>,
    pub(crate) labels: BTreeMap<FaceId, Label>,
    /// What people are called, of those who have a name.
    pub(crate) names: BTreeMap<Label, String>,
    pub(crate) attributes: BTreeMap<FaceId, Attributes>,
    /// The models that gave them, of faces of which any is known.
    pub(crate) models: HashMap<FaceId, Arc<AttributeModels>>,
    /// How far faces can be relied on, 0 to 1.
    pub(crate) qualities: HashMap<FaceId, f32>,
    /// Images that are damaged, and are left out.
    broken: Mutex<Problems>,
}

/// A face, its label, and where its picture lies.
pub(crate) type Pictured<'s> = (&'s FaceRow, Label, PathBuf);

fn manual_path(data: &Dataset) -> PathBuf {
    data.metadata().join("annotations_manual.json")
}

impl<'a> Snapshot<'a> {
    /// Gathers what is exported. A face that has a label or an embedding but no row of its own is not part of it.
    ///
    /// # Errors
    /// What reading meets; [`Error::Lacks`] where there are no faces, or not the labels that are asked for.
    pub fn read(data: &'a Dataset, labels: &Labels) -> Result<Self, Error> {
        let faces = data.read::<FaceRow>()?;
        if faces.is_empty() {
            return Err(Error::lacks(data.root(), "no faces to export; streamface extract finds them"));
        }
        let NamedLabels { labels, names } = match labels {
            Labels::Auto => data.clusters()?,
            Labels::Reviewed => {
                let reviewed = reviewed(data)?.ok_or_else(|| {
                    Error::lacks(
                        data.root(),
                        "not reviewed yet: no metadata/annotations_manual.json; use --labels auto",
                    )
                })?;
                let label = |(name, a): (String, Annotation)| Some((name.parse().ok()?, a.label));
                NamedLabels {
                    labels: reviewed.labels.into_iter().filter_map(label).collect(),
                    names: reviewed.names.into_iter().map(|(l, name)| (Label(l), name)).collect(),
                }
            }
            Labels::Given(given) => given.clone(),
        };
        let known: BTreeSet<&FaceId> = faces.iter().map(|f| &f.face).collect();
        let labels: BTreeMap<_, _> = labels.into_iter().filter(|(face, _)| known.contains(face)).collect();
        let there: BTreeSet<Label> = labels.values().copied().collect();
        let named = |(label, _): &(Label, String)| there.contains(label) && !label.is_noise();
        let names = names.into_iter().filter(named).collect();
        let frames = data.read::<FrameRow>()?.into_iter().map(|f| (f.frame.clone(), f)).collect();
        let (mut attributes, mut models) = (BTreeMap::<_, Attributes>::new(), HashMap::new());
        let mut last = Arc::new(AttributeModels::new());
        each_attributes(&data.metadata(), |face, said, by| {
            // Most faces have theirs from the same models.
            if *last != by {
                last = Arc::new(by);
            }
            if !last.is_empty() {
                models.insert(face.clone(), Arc::clone(&last));
            }
            let of_face = attributes.entry(face).or_default();
            said.into_iter().for_each(|(name, value)| drop(of_face.insert(name, value)));
        })?;
        let qualities = data.qualities()?;
        let broken = Mutex::default();
        Ok(Self { data, frames, faces, labels, names, attributes, models, qualities, broken })
    }

    /// How many of the faces have a label, noise counted.
    #[must_use]
    pub fn labelled(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn root(&self) -> &Path {
        self.data.root()
    }

    pub(crate) fn label(&self, face: &FaceId) -> Option<Label> {
        self.labels.get(face).copied()
    }

    /// What a person is called; `None` without a name.
    pub(crate) fn name(&self, label: Label) -> Option<&str> {
        self.names.get(&label).map(String::as_str)
    }

    /// The name, or the number of whoever has none.
    pub(crate) fn called(&self, label: Label) -> AnyLabel {
        self.name(label).map_or(AnyLabel::Number(label.0), |name| AnyLabel::Text(name.to_owned()))
    }

    /// How many people there are among some faces.
    pub(crate) fn people<'f>(&self, faces: impl IntoIterator<Item = &'f FaceRow>) -> u64 {
        let labels = faces.into_iter().filter_map(|f| self.label(&f.face));
        labels.filter(|l| !l.is_noise()).collect::<BTreeSet<_>>().len() as u64
    }

    /// Faces of the people, and of no one where `noise`, that have a picture of this kind, for a format that is made
    /// of these; the summary counts them and what was left out.
    pub(crate) fn pictured(
        &self,
        kind: ImageKind,
        noise: bool,
    ) -> Result<(Vec<Pictured<'_>>, Summary), Error> {
        if self.labels.is_empty() {
            let why = "no labels to export; streamface cluster makes them, or give --labels FILE";
            return Err(Error::lacks(self.root(), why));
        }
        let (mut wanted, mut unlabelled, mut noisy, mut bare) = (Vec::new(), 0, 0, 0);
        for face in &self.faces {
            match self.label(&face.face) {
                None => unlabelled += 1,
                Some(label) if label.is_noise() && !noise => noisy += 1,
                Some(label) => wanted.push((face, label)),
            }
        }
        // Each is read to its end, which several threads do sooner.
        let images: Vec<_> = wanted.par_iter().map(|(face, _)| self.whole_image(kind, &face.face)).collect();
        let any = images.iter().any(|image| matches!(image, Ok(Some(_))));
        let mut faces = Vec::with_capacity(wanted.len());
        for ((face, label), image) in wanted.into_iter().zip(images) {
            let image = if any { self.expected(image, kind, face) } else { image };
            match self.unless_broken(image) {
                None => bare += 1,
                Some(picture) => faces.push((face, label, picture)),
            }
        }
        let n = faces.len() as u64;
        let people = self.people(faces.iter().map(|(face, ..)| *face));
        let mut summary = Summary { faces: n, images: n, people, ..Summary::default() };
        summary.leave_out("faces without a label", unlabelled);
        summary.leave_out("faces of no one (--noise takes them)", noisy);
        summary.leave_out("faces without a picture", bare);
        Ok((faces, summary))
    }

    /// The picture of a face that the table says was written must be there, where others are.
    pub(crate) fn expected(
        &self,
        image: Result<Option<PathBuf>, String>,
        kind: ImageKind,
        face: &FaceRow,
    ) -> Result<Option<PathBuf>, String> {
        let size = match kind {
            ImageKind::Face => face.face_size,
            ImageKind::AlignedFace => face.aligned_size,
            ImageKind::Frame => face.frame_size,
        };
        match image? {
            None if size != [0, 0] => Err(gone(&self.data.image_path(kind, &face.face))),
            found => Ok(found),
        }
    }

    /// Faces with a box, by frame.
    pub(crate) fn boxed(&self) -> BTreeMap<&FrameId, Vec<&FaceRow>> {
        let mut frames: BTreeMap<&FrameId, Vec<&FaceRow>> = BTreeMap::new();
        for face in self.faces.iter().filter(|f| optional_fields::bbox(f).is_some()) {
            frames.entry(&face.face.frame).or_default().push(face);
        }
        frames
    }

    /// Where the picture of a frame lies, and its file's name, if it is there and whole. One that is damaged is noted, for
    /// [`Self::add_broken`].
    pub(crate) fn frame_picture(&self, frame: &FrameId) -> Option<(PathBuf, String)> {
        let file = match self.frames.get(frame) {
            Some(row) => row.file_name()?,
            None => FrameFormat::Png.file_name(frame)?,
        };
        let path = self.root().join(ImageKind::Frame.folder()).join(&file);
        // A frame that was captured has its scores, and a picture unless its row says otherwise.
        let captured = self.frames.get(frame).is_some_and(|row| row.empty.is_some());
        let found = whole(path.clone()).and_then(|found| match found {
            None if captured => Err(gone(&path)),
            found => Ok(found),
        });
        Some((self.unless_broken(found)?, file))
    }

    /// Where the picture of a face lies, if it is there and whole. One that is damaged is noted, for [`Self::add_broken`].
    pub(crate) fn image(&self, kind: ImageKind, name: &impl std::fmt::Display) -> Option<PathBuf> {
        self.unless_broken(self.whole_image(kind, name))
    }

    /// Where an image lies; why it is of no use, if it is there.
    pub(crate) fn whole_image(
        &self,
        kind: ImageKind,
        name: &(impl std::fmt::Display + ?Sized),
    ) -> Result<Option<PathBuf>, String> {
        whole(self.data.image_path(kind, &name))
    }

    pub(crate) fn unless_broken(&self, image: Result<Option<PathBuf>, String>) -> Option<PathBuf> {
        image.unwrap_or_else(|why| {
            self.broken.lock().unwrap_or_else(PoisonError::into_inner).add(why);
            None
        })
    }

    /// Adds the damaged images that were met so far, and forgets them.
    pub(crate) fn add_broken(&self, summary: &mut Summary) {
        let broken = std::mem::take(&mut *self.broken.lock().unwrap_or_else(PoisonError::into_inner));
        summary.problems.add_all(broken);
    }
}

fn gone(path: &Path) -> String {
    format!("{}: the picture is not there any more", path.display())
}

/// An image that is there and whole; why it is of no use, if it is there.
fn whole(path: PathBuf) -> Result<Option<PathBuf>, String> {
    let Some(file) = files::find(&path, MAX_IMAGE_BYTES).map_err(|e| e.to_string())? else {
        return Ok(None);
    };
    check_whole(file).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(Some(path))
}

/// What the review came to, if it came to an end.
pub(crate) fn reviewed(data: &Dataset) -> Result<Option<Annotations>, Error> {
    let path = manual_path(data);
    if files::is_there(&path)? { Ok(Some(read_annotations(&path)?)) } else { Ok(None) }
}
