//! What an embedder is given of a face that is in the dataset already.
//!
//! A face that was found here has a frame and landmarks. An imported one may have only a picture of the face, of which nobody
//! says how it was cut: then the detector looks for the landmarks in it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use streamface_detect::{DetectSettings, Detector, align, crop};
use streamface_embed::Crop;
use streamface_imgproc::{DecodeLimits, LooseSettings, decode_image, loose_face, loose_square, resize_area};
use streamface_model::{Alignment, DEFAULT_DETECTOR, Manifest};
use streamface_store::{Dataset, FaceRow, ImageKind};
use streamface_types::{BoundingBox, Detection, Landmarks};

use super::models::manifest_of;
use super::results::CropCounts;
use crate::Result;
use crate::event::Context;
use crate::settings::read_record;

/// Pictures larger than this are shrunk first, pixels: aligning reads single pixels.
const LARGEST: u32 = 512;

/// Least part of a picture that its face's box covers. A loose face covers a quarter of it, others more.
const LEAST_AREA: f32 = 1.0 / 16.0;

/// Finds the landmarks of a face in its picture. The detector is loaded when it is first needed.
pub(super) struct Landmarker<'a> {
    context: &'a Context<'a>,
    model: Manifest,
    loaded: Mutex<Option<Arc<dyn Detector>>>,
    known: AtomicU64,
    found: AtomicU64,
    as_they_are: AtomicU64,
}

impl std::fmt::Debug for Landmarker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Landmarker").field("model", &self.model.name).finish_non_exhaustive()
    }
}

impl<'a> Landmarker<'a> {
    /// With the detector that found the dataset's faces, or the default one where none did.
    ///
    /// # Errors
    /// The dataset's record or a model's manifest cannot be read.
    pub(super) fn new(data: &Dataset, context: &'a Context<'a>) -> Result<Self> {
        let record = read_record(data)?;
        let detector = record.get("extract").and_then(|step| step.get("detector"));
        Ok(Self {
            context,
            model: manifest_of(data, detector.map_or(DEFAULT_DETECTOR, String::as_str))?,
            loaded: Mutex::default(),
            known: AtomicU64::new(0),
            found: AtomicU64::new(0),
            as_they_are: AtomicU64::new(0),
        })
    }

    /// How many faces were embedded from pictures so far.
    pub(super) fn counts(&self) -> CropCounts {
        let [known, found, as_they_are] =
            [&self.known, &self.found, &self.as_they_are].map(|count| count.load(Relaxed));
        CropCounts { known, found, as_they_are }
    }

    fn detector(&self) -> Result<Arc<dyn Detector>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(detector) = &*loaded {
            return Ok(Arc::clone(detector));
        }
        let settings = DetectSettings::recommended(&self.model)?;
        let detector = streamface_detect::from_manifest(&self.model, &self.context.models, settings)?;
        Ok(Arc::clone(loaded.insert(Arc::from(detector))))
    }

    /// The landmarks of the face that a picture is of: the one in its middle. A face that fills its picture is looked for
    /// with black around it.
    fn find(&self, picture: &RgbImage) -> Result<Option<Landmarks>> {
        let detector = self.detector()?;
        let (w, h) = picture.dimensions();
        for (left, top) in [(0, 0), (w / 2, h / 2)] {
            let padded;
            let canvas = if left == 0 && top == 0 {
                picture
            } else {
                let mut black = RgbImage::new(w + 2 * left, h + 2 * top);
                image::imageops::replace(&mut black, picture, left.into(), top.into());
                padded = black;
                &padded
            };
            let middle = [canvas.width() as f32 / 2.0, canvas.height() as f32 / 2.0];
            let away = |face: &Detection| {
                let [x, y] = face.bbox.centre();
                ((x - middle[0]) / w as f32).hypot((y - middle[1]) / h as f32)
            };
            let found = detector.detect(canvas)?;
            let large =
                |face: &&Detection| face.bbox.area() >= LEAST_AREA * (w * h) as f32 && away(face) < 0.3;
            let nearest = found.iter().filter(large).min_by(|a, b| away(a).total_cmp(&away(b)));
            if let Some(face) = nearest {
                let points = detector.refine(canvas, face)?.0;
                return Ok(Some(Landmarks(points.map(|[x, y]| [x - left as f32, y - top as f32]))));
            }
        }
        Ok(None)
    }
}

/// A face in the template of an embedder that takes faces of `side` x `side`; or why there is none, in words.
///
/// # Errors
/// The detector cannot be loaded or fails.
pub(super) fn face_input(
    data: &Dataset,
    (face, frame): (&FaceRow, Option<&RgbImage>),
    side: u32,
    landmarker: &Landmarker<'_>,
) -> Result<std::result::Result<RgbImage, String>> {
    if let Some(frame) = frame {
        if let Some(aligned) = align(frame, &face.landmarks, side) {
            return Ok(Ok(aligned));
        }
        if let Some(picture) = loose_face(frame, &face.bbox, &LooseSettings::default()) {
            let as_it_is = square(frame, &face.bbox, side);
            return of_picture(&picture, None, as_it_is, side, landmarker);
        }
    }
    let picture = match read_picture(data, face) {
        Ok(picture) => picture,
        Err(why) => return Ok(Err(why)),
    };
    let known = in_picture(face, picture.dimensions().into());
    let (w, h) = picture.dimensions();
    let as_it_is = square(&picture, &BoundingBox::new(0.0, 0.0, w as f32, h as f32), side);
    of_picture(&picture, known, as_it_is, side, landmarker)
}

fn of_picture(
    picture: &RgbImage,
    known: Option<Landmarks>,
    as_it_is: Option<RgbImage>,
    side: u32,
    landmarker: &Landmarker<'_>,
) -> Result<std::result::Result<RgbImage, String>> {
    let (w, h) = picture.dimensions();
    let scale = LARGEST as f32 / w.max(h) as f32;
    let small;
    let (picture, known) = if scale < 1.0 {
        let sides = [w, h].map(|side| ((side as f32 * scale).round() as u32).max(1));
        small = resize_area(picture, &BoundingBox::new(0.0, 0.0, w as f32, h as f32), sides[0], sides[1]);
        (&small, known.map(|points| Landmarks(points.0.map(|[x, y]| [x * scale, y * scale]))))
    } else {
        (picture, known)
    };
    if let Some(aligned) = known.and_then(|points| align(picture, &points, side)) {
        landmarker.known.fetch_add(1, Relaxed);
        return Ok(Ok(aligned));
    }
    if let Some(aligned) = landmarker.find(picture)?.and_then(|points| align(picture, &points, side)) {
        landmarker.found.fetch_add(1, Relaxed);
        return Ok(Ok(aligned));
    }
    landmarker.as_they_are.fetch_add(1, Relaxed);
    Ok(as_it_is.ok_or_else(|| "its picture is empty".to_owned()))
}

/// A box of a picture, with what lies above and below or beside it, so that it is a square.
fn square(picture: &RgbImage, bbox: &BoundingBox, side: u32) -> Option<RgbImage> {
    let shape = Crop { alignment: Alignment::Square, size: side, margin: 0.0 };
    crop(picture, bbox, &Landmarks::default(), &shape)
}

/// The face with its surroundings, or the upright face where that is all there is.
fn read_picture(data: &Dataset, face: &FaceRow) -> std::result::Result<RgbImage, String> {
    let id = &face.face;
    let there = |kind: &ImageKind| data.image_path(*kind, id).is_file();
    let kinds = [ImageKind::Face, ImageKind::AlignedFace];
    let Some(kind) = kinds.into_iter().find(there) else {
        return Err(format!("{id}: neither its frame nor a picture of it is there"));
    };
    let read = data.read_image(kind, id).map_err(|e| e.to_string())?;
    decode_image(&read, &DecodeLimits::default())
        .map_err(|e| format!("{}: {e}", data.image_path(kind, id).display()))
}

/// The landmarks that the table has, in pixels of the face's picture of this size: it is cut out of the frame as faces are
/// cut here, or the table is about the picture itself. `None` where neither fits.
fn in_picture(face: &FaceRow, size: [u32; 2]) -> Option<Landmarks> {
    let points = face.landmarks.0;
    if !points.as_flattened().iter().all(|v| v.is_finite()) {
        return None;
    }
    // Some formats do not say how large the frame is; hardly any square reaches beyond its border.
    let frame = if face.frame_size.contains(&0) { [1 << 24; 2] } else { face.frame_size };
    let square = loose_square(frame, &face.bbox, &LooseSettings::default());
    if let Some(square) = square.filter(|square| square.picture == size) {
        return Some(Landmarks(points.map(|point| square.in_picture(point))));
    }
    let inside = points.iter().all(|p| p.iter().zip(size).all(|(&at, side)| at >= 0.0 && at < side as f32));
    let own = face.frame_size.contains(&0) || face.frame_size == size;
    (inside && own).then_some(face.landmarks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamface_imgproc::ARCFACE_112;

    fn face(bbox: BoundingBox, landmarks: Landmarks, frame_size: [u32; 2]) -> FaceRow {
        let mut row = FaceRow::new("a_face_0".parse::<streamface_types::FaceId>().unwrap());
        (row.bbox, row.landmarks, row.frame_size) = (bbox, landmarks, frame_size);
        row
    }

    /// A crop that was cut here is aligned as its frame would have been.
    #[test]
    fn landmarks_of_the_frame_are_found_again_in_the_crop() {
        let paint = |x: u32, y: u32| {
            let wave = |v: f32| (127.0 + 120.0 * v.sin()) as u8;
            image::Rgb([wave(x as f32 / 9.0), wave(y as f32 / 7.0), wave((x + y) as f32 / 11.0)])
        };
        let frame = RgbImage::from_fn(640, 480, paint);
        for (x, y, side) in [(200.0, 150.0, 120.0), (10.0, 5.0, 90.0), (560.0, 400.0, 70.0)] {
            let bbox = BoundingBox::new(x, y, side, side * 0.8);
            let at = |[u, v]: [f32; 2]| [x + u / 112.0 * side, y + v / 112.0 * side];
            let landmarks = Landmarks(ARCFACE_112.0.map(at));
            let crop = loose_face(&frame, &bbox, &LooseSettings::default()).unwrap();
            let row = face(bbox, landmarks, [640, 480]);
            let known = in_picture(&row, crop.dimensions().into()).unwrap();
            let (whole, again) =
                (align(&frame, &landmarks, 112).unwrap(), align(&crop, &known, 112).unwrap());
            let off: u64 =
                whole.as_raw().iter().zip(again.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            let mean = off as f64 / whole.as_raw().len() as f64;
            assert!(mean < 2.0, "{mean} at {x}, {y}");
            // A format that does not say how large the frame was.
            assert_eq!(in_picture(&face(bbox, landmarks, [0; 2]), crop.dimensions().into()), Some(known));
        }
    }

    #[test]
    fn landmarks_of_the_picture_itself_or_of_neither() {
        let none = BoundingBox::new(f32::NAN, 0.0, 1.0, 1.0);
        assert_eq!(in_picture(&face(none, ARCFACE_112, [0; 2]), [112, 112]), Some(ARCFACE_112));
        assert_eq!(in_picture(&face(none, ARCFACE_112, [112; 2]), [112, 112]), Some(ARCFACE_112));
        assert_eq!(in_picture(&face(none, ARCFACE_112, [640, 480]), [112, 112]), None);
        assert_eq!(in_picture(&face(none, ARCFACE_112, [0; 2]), [60, 60]), None, "outside of it");
        assert_eq!(in_picture(&face(none, Landmarks([[f32::NAN; 2]; 5]), [0; 2]), [112, 112]), None);
    }
}
