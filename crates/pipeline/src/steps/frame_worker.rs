//! The work on one frame, on whichever thread: save it, find its faces, embed them. A frame's result
//! depends on the frame alone.

use image::RgbImage;
use streamface_capture::CapturedFrame;
use streamface_detect::{Extraction, Extractor, Thumbnail};
use streamface_embed::{Embedded, Embedder, FaceCrop};
use streamface_imgproc::{DecodeLimits, decode_image, encode_jpeg, encode_png, encode_webp};
use streamface_store::{
    Dataset, ExtractionRow, FaceRow, FeatureRow, FrameFormat, FrameFormats, FrameRow, ImageKind,
};
use streamface_types::{Detection, FaceId, FrameId, Timestamp};

use super::counters::StageTimes;
use super::face_input::{Landmarker, face_input};
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
    /// Faces in the dataset, of one frame, whose embeddings are wanted.
    Faces(FrameId, Vec<FaceRow>),
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
    /// Stored images that cannot be read: counted, and the work goes on.
    pub failures: Vec<String>,
    /// Sizes of the files written, bytes.
    pub written: Vec<u64>,
    /// The captured frame, where `frames/` does not have it without loss.
    pub image: Option<RgbImage>,
}

/// What to do with frames.
#[derive(Debug)]
pub struct FrameWorker<'a> {
    /// Where images go.
    pub data: &'a Dataset,
    /// How pictures of captured frames are stored.
    pub format: FrameFormat,
    /// How those of earlier ones are.
    pub formats: &'a FrameFormats,
    /// Finds faces, where they are wanted.
    pub extractor: Option<&'a Extractor>,
    /// Embeds them, where that is wanted.
    pub embedder: Option<&'a dyn Embedder>,
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
                let (found, features) = self.faces_of(&row.frame, &image, &mut written)?;
                let image = (!self.format.is_lossless()).then_some(image);
                let (frame, read_at) = (Some(row), Some(read_at));
                Ok(Done { frame, read_at, found, features, written, image, ..Done::default() })
            }
            Job::Stored(frame) => match self.load(&frame) {
                Ok(image) => {
                    let mut written = Vec::new();
                    let (found, features) = self.faces_of(&frame, &image, &mut written)?;
                    Ok(Done { found, features, written, ..Done::default() })
                }
                Err(e) => Ok(Done { failures: vec![error_chain(&e)], ..Done::default() }),
            },
            // Imported faces may have no frame. One that is there and broken is a failure.
            Job::Faces(frame, faces) if !self.is_there(&frame) => self.features_of(&faces, None),
            Job::Faces(frame, faces) => match self.load(&frame) {
                Ok(image) => self.features_of(&faces, Some(&image)),
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

    fn faces_of(
        &self,
        frame: &FrameId,
        image: &RgbImage,
        written: &mut Vec<u64>,
    ) -> Result<(Option<Found>, Vec<FeatureRow>)> {
        let Some(extractor) = self.extractor else { return Ok((None, Vec::new())) };
        let extraction = extractor.extract(image).at(|| frame.to_string())?;
        StageTimes::add(&self.times.detect, extraction.detect_time);
        StageTimes::add(&self.times.crops, extraction.crop_time);
        let Extraction { faces, detected, small, blurred, .. } = extraction;
        let mut rows = Vec::with_capacity(faces.len());
        for (face, index) in faces.iter().zip(0..) {
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
        }
        let features = self.embed(
            &rows.iter().collect::<Vec<_>>(),
            &faces.iter().map(|f| &f.embed_input).collect::<Vec<_>>(),
        )?;
        let kept = rows.len() as u32;
        let mut extraction = ExtractionRow::new(frame.clone());
        (extraction.detected, extraction.small) = (detected, small);
        (extraction.blurred, extraction.kept) = (blurred, kept);
        let thumbnail = Thumbnail::new(image);
        Ok((Some(Found { extraction, faces: rows, thumbnail }), features))
    }

    fn features_of(&self, faces: &[FaceRow], frame: Option<&RgbImage>) -> Result<Done> {
        let (Some(embedder), Some(landmarker)) = (self.embedder, self.landmarker) else {
            return Ok(Done::default());
        };
        let side = embedder.crop().size;
        let (mut rows, mut inputs, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        for face in faces {
            match face_input(self.data, (face, frame), side, landmarker)? {
                Ok(input) => {
                    rows.push(face);
                    inputs.push(input);
                }
                Err(why) => failures.push(why),
            }
        }
        let features = self.embed(&rows, &inputs.iter().collect::<Vec<_>>())?;
        Ok(Done { features, failures, ..Done::default() })
    }

    fn embed(&self, faces: &[&FaceRow], inputs: &[&RgbImage]) -> Result<Vec<FeatureRow>> {
        let Some(embedder) = self.embedder else { return Ok(Vec::new()) };
        let detection = |face: &FaceRow| {
            let there = face.score.is_finite() && face.landmarks.0.iter().flatten().all(|v| v.is_finite());
            there.then_some(Detection { bbox: face.bbox, landmarks: face.landmarks, score: face.score })
        };
        let crops: Vec<FaceCrop<'_>> = (faces.iter().zip(inputs))
            .map(|(face, &image)| FaceCrop { image, detection: detection(face) })
            .collect();
        let embedded = StageTimes::on(&self.times.embed, || embedder.embed(&crops))?;
        let model = embedder.id();
        let row = |(face, Embedded { vector, quality }): (&&FaceRow, Embedded)| {
            let mut row =
                FeatureRow::new(face.face.clone(), model.name.clone(), model.sha256.clone(), vector);
            row.settings = Some(model.settings.clone());
            row.quality = quality;
            row
        };
        Ok(faces.iter().zip(embedded).map(row).collect())
    }
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
