//! The work on one frame, on whichever thread: save it, find its faces, embed them, see what models say of them. A frame's
//! result depends on the frame alone.

use image::RgbImage;
use streamface_capture::{Buffers, CapturedFrame};
use streamface_detect::{Extraction, Extractor, Thumbnail};
use streamface_embed::{Crop, Embedded, Embedder, FaceCrop};
use streamface_imgproc::{DecodeLimits, decode_image, encode_jpeg, encode_png, encode_webp};
use streamface_model::Alignment;
use streamface_store::{
    AttributeRow, Dataset, ExtractionRow, FaceRow, FeatureRow, FrameFormat, FrameFormats, FrameRow, ImageKind,
};
use streamface_types::{Detection, FaceId, FrameId, Timestamp};

use super::counters::StageTimes;
use super::face_input::{Cuts, FaceView, Landmarker, face_view};
use super::face_models::{Bits, FaceModels, each_or_alone, no_crop};
use super::lacking::FaceTask;
use crate::Result;
use crate::error::{At as _, error_chain};

/// Of the JPEG files of frames: the smallest at which faces found in them later are as good (`docs/disk.md`).
const JPEG_QUALITY: u8 = 85;

/// One frame's work.
#[derive(Debug)]
pub enum Job {
    /// A frame that a source just gave.
    Captured(CapturedFrame),
    /// A frame in the dataset whose faces are wanted.
    Stored(FrameId),
    /// Faces in the dataset, of one frame, that lack an embedding or attributes.
    Faces(FrameId, Vec<FaceTask>),
}

/// A frame's faces, ready to be linked and committed.
#[derive(Debug)]
pub struct Found {
    /// What the gates did.
    pub extraction: ExtractionRow,
    /// The faces; links are still to be set.
    pub faces: Vec<FaceRow>,
    /// The frame in small, for links.
    pub thumbnail: Thumbnail,
}

/// The result of a job.
#[derive(Debug, Default)]
pub struct Done {
    /// The row of a captured frame.
    pub frame: Option<FrameRow>,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// Its faces, where they were wanted.
    pub found: Option<Found>,
    /// Their features, where they were wanted.
    pub features: Vec<FeatureRow>,
    /// Their attributes, where they were wanted.
    pub attributes: Vec<AttributeRow>,
    /// Faces of which a model says something.
    pub analyzed: u64,
    /// Stored images that cannot be read, and faces that a network can make nothing of: counted, and the work goes on.
    pub failures: Vec<String>,
    /// Sizes of the files written, bytes.
    pub written: Vec<u64>,
    /// The captured frame, where `frames/` does not have it without loss.
    pub image: Option<RgbImage>,
}

/// What is made of faces, where it is wanted: all threads share the networks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Analysis<'a> {
    /// Embeds them.
    pub embedder: Option<&'a dyn Embedder>,
    /// Say what they look like.
    pub models: Option<&'a FaceModels>,
}

impl Analysis<'_> {
    /// The crops that a face needs, some of them several times.
    fn shapes(&self, embed: bool, attributes: Bits) -> Vec<Crop> {
        let embedder = self.embedder.filter(|_| embed).map(|embedder| embedder.crop());
        let models = self.models.iter().flat_map(|models| models.crops(attributes));
        embedder.into_iter().chain(models).collect()
    }

    /// All attributes that are wanted.
    fn attributes(&self) -> Bits {
        self.models.map_or(0, FaceModels::all)
    }
}

/// A face with its crops, and what is to be made of them.
struct Cut<'f> {
    row: &'f FaceRow,
    cuts: Cuts,
    embed: bool,
    attributes: Bits,
}

/// The face in the template that faces are aligned to when they are found.
const FOUND: Alignment = Alignment::Arcface112;

/// What to do with frames.
#[derive(Debug)]
pub struct FrameWorker<'a> {
    /// Where images go.
    pub data: &'a Dataset,
    /// How pictures of captured frames are stored.
    pub format: FrameFormat,
    /// How those of earlier ones are.
    pub formats: &'a FrameFormats,
    /// Takes pictures of captured frames that are done with.
    pub buffers: Buffers,
    /// Finds faces, where they are wanted.
    pub extractor: Option<&'a Extractor>,
    /// What is made of faces.
    pub analysis: Analysis<'a>,
    /// Finds landmarks of faces that have none, where faces of the dataset are embedded.
    pub landmarker: Option<&'a Landmarker<'a>>,
    /// The clocks.
    pub times: &'a StageTimes,
}

impl FrameWorker<'_> {
    /// Does a job.
    ///
    /// # Errors
    /// What ends the run: a full disk, a network that fails.
    pub fn run(&self, job: Job) -> Result<Done> {
        match job {
            Job::Captured(CapturedFrame { mut row, image: None, read_at, .. }) => {
                row.format = FrameFormat::None;
                Ok(Done { frame: Some(row), read_at: Some(read_at), ..Done::default() })
            }
            Job::Captured(CapturedFrame { mut row, image: Some(image), read_at, .. }) => {
                row.format = self.format;
                let mut written = self.save_frame(&row.frame, &image)?;
                let mut done = self.faces_of(&row.frame, &image)?;
                written.append(&mut done.written);
                let image = if self.format.is_lossless() {
                    self.buffers.give_back(image);
                    None
                } else {
                    Some(image)
                };
                Ok(Done { frame: Some(row), read_at: Some(read_at), written, image, ..done })
            }
            Job::Stored(frame) => match self.load(&frame) {
                Ok(image) => self.faces_of(&frame, &image),
                Err(e) => Ok(Done { failures: vec![error_chain(&e)], ..Done::default() }),
            },
            // Imported faces may have no frame. One that is there and broken is a failure.
            Job::Faces(frame, faces) if !self.is_there(&frame) => self.rework(&faces, None),
            Job::Faces(frame, faces) => match self.load(&frame) {
                Ok(image) => self.rework(&faces, Some(&image)),
                Err(e) => Ok(Done { failures: vec![error_chain(&e)], ..Done::default() }),
            },
        }
    }

    fn is_there(&self, frame: &FrameId) -> bool {
        self.data.frame_path(frame, self.formats.of(frame)).is_some_and(|path| path.exists())
    }

    /// Reads a frame of the dataset back.
    ///
    /// # Errors
    /// It is not there or cannot be decoded.
    pub fn load(&self, frame: &FrameId) -> Result<RgbImage> {
        StageTimes::on(&self.times.images, || load_frame(self.data, frame, self.formats.of(frame)))
    }

    /// The size of the file, where one is written.
    fn save_frame(&self, frame: &FrameId, image: &RgbImage) -> Result<Vec<u64>> {
        StageTimes::on(&self.times.images, || {
            let bytes = match self.format {
                FrameFormat::Png => encode_png(image)?,
                FrameFormat::Jpeg => encode_jpeg(image, JPEG_QUALITY)?,
                FrameFormat::Webp => encode_webp(image)?,
                FrameFormat::None => return Ok(Vec::new()),
            };
            self.data.stage_frame(frame, self.format, &bytes)?;
            Ok(vec![bytes.len() as u64])
        })
    }

    fn save(&self, kind: ImageKind, face: &FaceId, image: &RgbImage) -> Result<u64> {
        StageTimes::on(&self.times.images, || {
            let png = encode_png(image)?;
            self.data.stage(kind, face, &png)?;
            Ok(png.len() as u64)
        })
    }

    fn faces_of(&self, frame: &FrameId, image: &RgbImage) -> Result<Done> {
        let Some(extractor) = self.extractor else { return Ok(Done::default()) };
        let extraction = extractor.extract(image).at(|| frame.to_string())?;
        StageTimes::add(&self.times.detect, extraction.detect_time);
        StageTimes::add(&self.times.crops, extraction.crop_time);
        let Extraction { faces, detected, small, blurred, .. } = extraction;
        let mut written = Vec::with_capacity(2 * faces.len());
        let (mut rows, mut crops) = (Vec::with_capacity(faces.len()), Vec::with_capacity(faces.len()));
        for (face, index) in faces.into_iter().zip(0..) {
            let id = FaceId::new(frame.clone(), index);
            written.push(self.save(ImageKind::Face, &id, &face.loose)?);
            written.push(self.save(ImageKind::AlignedFace, &id, &face.aligned)?);
            let mut row = FaceRow::new(id);
            row.bbox = face.bbox;
            row.landmarks = face.landmarks;
            row.score = face.score;
            row.blur = face.blur;
            row.frame_size = image.dimensions().into();
            row.face_size = face.loose.dimensions().into();
            row.aligned_size = face.aligned.dimensions().into();
            rows.push(row);
            let shape = Crop { alignment: FOUND, size: face.embed_input.width(), margin: 0.0 };
            crops.push(Cuts::with(shape, face.embed_input));
        }
        let (embed, attributes) = (self.analysis.embedder.is_some(), self.analysis.attributes());
        let shapes = self.analysis.shapes(embed, attributes);
        let mut cut = Vec::with_capacity(rows.len());
        for (row, mut cuts) in rows.iter().zip(crops) {
            let view = FaceView::in_frame(image, row.bbox, row.landmarks);
            StageTimes::on(&self.times.crops, || cuts.add(&view, shapes.iter().copied()));
            cut.push(Cut { row, cuts, embed, attributes });
        }
        let done = self.analyze(&cut)?;
        let mut extraction = ExtractionRow::new(frame.clone());
        (extraction.detected, extraction.small) = (detected, small);
        (extraction.blurred, extraction.kept) = (blurred, rows.len() as u32);
        let thumbnail = Thumbnail::new(image);
        Ok(Done { found: Some(Found { extraction, faces: rows, thumbnail }), written, ..done })
    }

    /// What faces of the dataset lack.
    fn rework(&self, faces: &[FaceTask], frame: Option<&RgbImage>) -> Result<Done> {
        let Some(landmarker) = self.landmarker else { return Ok(Done::default()) };
        let (mut cut, mut failures) = (Vec::with_capacity(faces.len()), Vec::new());
        for FaceTask { row, embed, attributes } in faces {
            let shapes = self.analysis.shapes(*embed, *attributes);
            let mut cuts = Cuts::default();
            let view = face_view(self.data, (row, frame), &shapes, landmarker)?;
            let view = match view {
                Ok(view) => view,
                Err(why) => {
                    failures.push(why);
                    continue;
                }
            };
            StageTimes::on(&self.times.crops, || cuts.add(&view, shapes));
            if cuts.cut_off {
                landmarker.count_cut_off();
            }
            // What a network says of a picture without a face is no guess about a face.
            let attributes = if view.unknown { 0 } else { *attributes };
            cut.push(Cut { row, cuts, embed: *embed, attributes });
        }
        let mut done = self.analyze(&cut)?;
        failures.append(&mut done.failures);
        Ok(Done { failures, ..done })
    }

    /// What networks make of faces. One of which they can make nothing is a failure, and goes without.
    fn analyze(&self, faces: &[Cut<'_>]) -> Result<Done> {
        let mut done = Done::default();
        if let Some(embedder) = self.analysis.embedder {
            StageTimes::on(&self.times.embed, || embed(embedder, faces, &mut done))?;
        }
        if let Some(models) = self.analysis.models {
            let wanted: Vec<_> = faces.iter().map(|cut| (&cut.row.face, cut.attributes)).collect();
            let said = StageTimes::on(&self.times.attributes, || {
                models.look(&wanted, |at, shape| faces[at].cuts.get(shape))
            })?;
            (done.attributes, done.analyzed) = (said.rows, said.faces);
            done.failures.extend(said.failures);
        }
        Ok(done)
    }
}

/// Adds the features of those faces that are to be embedded.
fn embed(embedder: &dyn Embedder, faces: &[Cut<'_>], done: &mut Done) -> Result<()> {
    let (shape, model) = (embedder.crop(), embedder.id());
    let (mut ids, mut crops) = (Vec::new(), Vec::new());
    for Cut { row, cuts, .. } in faces.iter().filter(|cut| cut.embed) {
        match cuts.get(&shape) {
            Some(image) => {
                ids.push(&row.face);
                crops.push(FaceCrop { image, detection: detection(row) });
            }
            None => done.failures.push(no_crop(&row.face, model)),
        }
    }
    for (face, embedded) in ids.into_iter().zip(each_or_alone(&crops, |faces| embedder.embed(faces))?) {
        match embedded {
            Ok(Embedded { vector, quality }) => {
                let (name, sha256) = (model.name.clone(), model.sha256.clone());
                let mut row = FeatureRow::new(face.clone(), name, sha256, vector);
                row.settings = Some(model.settings.clone());
                row.quality = quality;
                done.features.push(row);
            }
            Err(e) => done.failures.push(format!("{face}: {e}")),
        }
    }
    Ok(())
}

/// Where a face was found; none where the table does not say.
fn detection(face: &FaceRow) -> Option<Detection> {
    let there = face.score.is_finite() && face.landmarks.0.iter().flatten().all(|v| v.is_finite());
    there.then_some(Detection { bbox: face.bbox, landmarks: face.landmarks, score: face.score })
}

/// Reads a frame of a dataset back.
///
/// # Errors
/// It is not there or cannot be decoded.
pub fn load_frame(data: &Dataset, frame: &FrameId, format: FrameFormat) -> Result<RgbImage> {
    let bytes = data.frame_reader().read(frame, format)?;
    let path = || data.frame_path(frame, format).map_or_else(String::new, |path| path.display().to_string());
    decode_image(&bytes, &DecodeLimits::default()).at(path)
}
