//! Where every import ends: a dataset directory as StreamFace writes it, made whole beside its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;
use streamface_store::{
    AttributeModels, AttributeRow, Dataset, ExtractionRow, FaceRow, FeatureRow, FrameRow, ImageKind,
    LabelRow, annotations, write_annotations, write_atomic,
};
use streamface_types::{Annotations, Attributes, FaceId, FrameId, Label, csv_text, text};

use crate::files::Place;
use crate::picture::{Put, as_png, put_file};
use crate::report::{Observer, Progress, Summary};
use crate::staging::Staging;
use crate::{Error, compat_tables, person_numbers};

/// A picture to be put into the dataset.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) from: PathBuf,
    pub(crate) kind: ImageKind,
    /// Name of the frame or face.
    pub(crate) name: String,
}

/// Rows and pictures as they come in.
pub(crate) struct DatasetBuilder<'a> {
    staging: Staging,
    data: Dataset,
    place: Place,
    observe: Observer<'a>,
    pub(crate) summary: Summary,
    frames: BTreeMap<FrameId, FrameRow>,
    faces: BTreeMap<FaceId, FaceRow>,
    features: Vec<FeatureRow>,
    /// What the set calls the person of a face.
    people: BTreeMap<FaceId, String>,
    /// The numbers that people have beside their names.
    numbers: BTreeMap<FaceId, i64>,
    attributes: BTreeMap<FaceId, (Attributes, AttributeModels)>,
    /// Frames whose faces are not to be looked for again.
    searched: BTreeSet<FrameId>,
}

impl<'a> DatasetBuilder<'a> {
    pub(crate) fn new(out: &Path, place: Place, observe: Observer<'a>) -> Result<Self, Error> {
        let staging = Staging::new(out)?;
        let data = Dataset::open(staging.path())?;
        Ok(Self {
            staging,
            data,
            place,
            observe,
            summary: Summary::default(),
            frames: BTreeMap::new(),
            faces: BTreeMap::new(),
            features: Vec::new(),
            people: BTreeMap::new(),
            numbers: BTreeMap::new(),
            attributes: BTreeMap::new(),
            searched: BTreeSet::new(),
        })
    }

    pub(crate) fn problem(&mut self, why: impl Into<String>) {
        self.summary.problems.add(why);
    }

    pub(crate) fn progress(&self, what: &'static str, done: u64, total: u64) {
        (self.observe)(Progress { what, done, total });
    }

    /// The row of a frame, made where it is not there.
    pub(crate) fn frame(&mut self, frame: &FrameId, source: &str) -> &mut FrameRow {
        let new = || FrameRow::new(frame.clone(), frame.source().unwrap_or(source));
        self.frames.entry(frame.clone()).or_insert_with(new)
    }

    /// The row of a face, made where it is not there, of which nothing is known then.
    pub(crate) fn face(&mut self, face: &FaceId) -> &mut FaceRow {
        self.faces.entry(face.clone()).or_insert_with(|| FaceRow::new(face.clone()))
    }

    pub(crate) fn has_face(&self, face: &FaceId) -> bool {
        self.faces.contains_key(face)
    }

    pub(crate) fn faces(&self) -> impl Iterator<Item = &FaceId> {
        self.faces.keys()
    }

    /// Frames whose faces are not to be looked for again.
    pub(crate) fn searched(&mut self, frame: FrameId) {
        self.searched.insert(frame);
    }

    /// Whose a face is: a name or a number, and the number beside a name where the set has both. Two spellings of a name are
    /// one person.
    pub(crate) fn person(&mut self, face: &FaceId, person: &str, number: Option<i64>) {
        self.people.insert(face.clone(), text::name(person).into_owned());
        if let Some(number) = number {
            self.numbers.insert(face.clone(), number);
        }
    }

    /// What models said of a face, and which, as far as the set says; replaces what was given before.
    pub(crate) fn attributes(&mut self, face: &FaceId, attributes: Attributes, models: AttributeModels) {
        if !attributes.is_empty() {
            self.attributes.insert(face.clone(), (attributes, models));
        }
    }

    /// Rows of the attributes of all faces.
    fn attribute_rows(&self) -> Vec<AttributeRow> {
        let mut rows = Vec::new();
        for (face, (said, models)) in &self.attributes {
            for mut row in AttributeRow::of(face, said, None) {
                if let Some(by) = models.get(&row.name()) {
                    row.model = Some(by.model.clone());
                    (row.model_sha256, row.settings) = (by.sha256.clone(), by.settings.clone());
                }
                rows.push(row);
            }
        }
        rows
    }

    /// Takes an embedding; all must be of one length.
    pub(crate) fn embedding(&mut self, face: &FaceId, model: &str, embedding: Vec<f32>) {
        if let Some(first) = self.features.first().map(|f| f.embedding.len())
            && first != embedding.len()
        {
            let n = embedding.len();
            self.problem(format!("{face}: an embedding of {n} numbers among such of {first}"));
            return;
        }
        self.features.push(FeatureRow::new(face.clone(), model, "", embedding));
    }

    /// Puts pictures into the dataset, in parallel: PNG as they are, JPEG as PNG. Returns their sizes, in order; a broken
    /// one is a problem and has none.
    pub(crate) fn pictures(&mut self, pictures: &[Picture]) -> Result<Vec<Option<[u32; 2]>>, Error> {
        for kind in [ImageKind::Frame, ImageKind::Face, ImageKind::AlignedFace] {
            if pictures.iter().any(|p| p.kind == kind) {
                self.staging.folder(kind.folder())?;
            }
        }
        let (done, total) = (AtomicU64::new(0), pictures.len() as u64);
        let put = |p: &Picture| {
            let to = self.data.image_path(p.kind, &p.name);
            let put = put_file(&p.from, &to, self.place);
            self.progress("images", done.fetch_add(1, Relaxed) + 1, total);
            put
        };
        let results: Vec<Result<[u32; 2], Put>> = pictures.par_iter().map(put).collect();
        let mut sizes = Vec::with_capacity(results.len());
        for (picture, result) in pictures.iter().zip(results) {
            sizes.push(match result {
                Ok(size) => {
                    self.summary.images += 1;
                    Some(size)
                }
                Err(Put::Failed(e)) => return Err(e),
                Err(Put::Broken(why)) => {
                    self.problem(format!("{}: {why}", picture.from.display()));
                    None
                }
            });
        }
        Ok(sizes)
    }

    /// Puts a picture that is in memory into the dataset; its size.
    pub(crate) fn picture_of(
        &mut self,
        kind: ImageKind,
        name: &impl std::fmt::Display,
        bytes: &[u8],
    ) -> Result<Result<[u32; 2], String>, Error> {
        self.staging.folder(kind.folder())?;
        let to = self.data.image_path(kind, name);
        let (png, size) = match as_png(bytes) {
            Ok(as_png) => as_png,
            Err(why) => return Ok(Err(why)),
        };
        std::fs::write(&to, png.as_deref().unwrap_or(bytes)).map_err(Error::io(&to))?;
        self.summary.images += 1;
        Ok(Ok(size))
    }

    pub(crate) fn image_path(&self, kind: ImageKind, name: &impl std::fmt::Display) -> PathBuf {
        self.data.image_path(kind, name)
    }

    /// Writes a file of the original's under `metadata/`.
    pub(crate) fn annotations(&self, name: &str, annotations: &Annotations) -> Result<(), Error> {
        Ok(write_annotations(&self.data.metadata().join(name), annotations)?)
    }

    /// Writes all tables and gives the dataset its name.
    ///
    /// # Errors
    /// [`Error::Nothing`] where no face came in, and what writing meets.
    pub(crate) fn finish(mut self, source: &Path, wanted: &str) -> Result<Summary, Error> {
        if self.faces.is_empty() && self.people.is_empty() && self.frames.is_empty() {
            let first = self.summary.problems.first.first();
            let first = first.map(|f| format!("; {} broken, the first: {f}", self.summary.problems.count));
            return Err(Error::Nothing {
                path: source.to_owned(),
                why: format!("nothing to import: {wanted}"),
                first: first.unwrap_or_default(),
            });
        }
        let frames: Vec<FrameId> = self.faces.keys().map(|f| f.frame.clone()).collect();
        for frame in frames {
            self.frame(&frame, "");
        }
        self.drop_broken_links();
        let (labels, names) = self.labels();
        let mut summary = std::mem::take(&mut self.summary);
        summary.faces = self.faces.len() as u64;
        summary.frames = self.frames.len() as u64;
        summary.embeddings = self.features.len() as u64;
        let people = labels.iter().map(|r| r.label).filter(|l| !l.is_noise()).collect::<BTreeSet<_>>();
        summary.people = people.len() as u64;
        self.write(labels, &names)?;
        drop(self.data);
        self.staging.finish()?;
        Ok(summary)
    }

    /// A link to a face that is not there leads nowhere.
    fn drop_broken_links(&mut self) {
        let links = self.faces.values().filter_map(|f| Some((f.face.clone(), f.link.clone()?)));
        let broken: Vec<_> = links.filter(|(_, earlier)| !self.faces.contains_key(earlier)).collect();
        for (face, earlier) in broken {
            self.problem(format!("{face}: linked with {earlier}, which is not there"));
            if let Some(row) = self.faces.get_mut(&face) {
                row.link = None;
            }
        }
    }

    /// The table of labels, and what the people are called.
    fn labels(&self) -> (Vec<LabelRow>, BTreeMap<Label, String>) {
        let of = person_numbers::labels(&self.people, &self.numbers);
        let mut names = BTreeMap::new();
        for (face, &label) in &of {
            let name = self.people.get(face).filter(|name| !label.is_noise() && **name != label.to_string());
            if let Some(name) = name {
                names.entry(label).or_insert_with(|| name.clone());
            }
        }
        (of.into_iter().map(|(face, label)| LabelRow::new(face, label)).collect(), names)
    }

    fn write(&mut self, labels: Vec<LabelRow>, names: &BTreeMap<Label, String>) -> Result<(), Error> {
        let metadata = self.data.metadata();
        let faces: Vec<FaceRow> = self.faces.values().cloned().collect();
        let mut in_frame: HashMap<&FrameId, u32> = HashMap::new();
        self.faces.keys().for_each(|f| *in_frame.entry(&f.frame).or_default() += 1);
        let searched = |frame: &FrameId| {
            // What a detector elsewhere threw away is not known.
            let kept = in_frame.get(frame).copied().unwrap_or(0);
            let mut row = ExtractionRow::new(frame.clone());
            (row.detected, row.kept) = (kept, kept);
            row
        };
        let extractions: Vec<ExtractionRow> = self.searched.iter().map(searched).collect();
        let frames: Vec<FrameRow> = self.frames.values().cloned().collect();
        if !labels.is_empty() {
            let said = |face: &FaceId| self.attributes.get(face).map(|of| of.0.clone()).unwrap_or_default();
            let mut file = annotations(labels.iter().map(|r| (&r.face, r.label)), said);
            file.names = names.iter().map(|(label, name)| (label.0, name.clone())).collect();
            self.annotations("annotations.json", &file)?;
            self.write_imported(&labels)?;
            self.data.write_labeled_faces(&labels, names)?;
        }
        compat_tables::write_detections(&metadata.join("detections.csv"), &faces)?;
        compat_tables::write_matches(&metadata.join("matches.csv"), &faces)?;
        self.data.write_processed(&frames, &extractions)?;
        self.data.replace(frames)?;
        self.data.replace(extractions)?;
        self.data.replace(faces)?;
        self.data.replace(std::mem::take(&mut self.features))?;
        self.data.replace_labels(labels, names)?;
        self.data.replace(self.attribute_rows())?;
        Ok(())
    }

    /// `metadata/imported.csv`: labels as they came, with the names of people, for `score` after a clustering of our
    /// own has made other labels.
    fn write_imported(&self, labels: &[LabelRow]) -> Result<(), Error> {
        let path = self.data.metadata().join("imported.csv");
        write_atomic(&path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["name", "label", "person"])?;
            for row in labels {
                let person = self.people.get(&row.face).map_or("", String::as_str);
                let (face, label) = (row.face.to_string(), row.label.to_string());
                csv.write_record([csv_text(&face).as_ref(), label.as_str(), csv_text(person).as_ref()])?;
            }
            csv.flush()
        })?;
        Ok(())
    }
}
