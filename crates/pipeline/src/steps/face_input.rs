//! What networks are given of a face that is in the dataset already.
//!
//! A face that was found here has a frame and landmarks. An imported one may have only a picture of the face, of which nobody
//! says how it was cut: then the detector looks for the landmarks in it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use streamface_detect::{DetectSettings, Detector, crop};
use streamface_embed::Crop;
use streamface_imgproc::{
    ARCFACE_112, DecodeLimits, LooseSettings, Similarity, decode_image, loose_face, loose_square, resize_area,
};
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
    cut_off: AtomicU64,
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
            model: manifest_of(data, detector.map_or(DEFAULT_DETECTOR, String::as_str))?
                .run_by(context.engine),
            loaded: Mutex::default(),
            known: AtomicU64::new(0),
            found: AtomicU64::new(0),
            as_they_are: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
        })
    }

    /// How many faces were looked at in pictures so far.
    pub(super) fn counts(&self) -> CropCounts {
        let [known, found, as_they_are, cut_off] =
            [&self.known, &self.found, &self.as_they_are, &self.cut_off].map(|count| count.load(Relaxed));
        CropCounts { known, found, as_they_are, cut_off }
    }

    fn count(&self, found: bool, known: bool) {
        let count = if found {
            &self.found
        } else if known {
            &self.known
        } else {
            &self.as_they_are
        };
        count.fetch_add(1, Relaxed);
    }

    /// Counts a face whose crop its picture does not show whole.
    pub(super) fn count_cut_off(&self) {
        self.cut_off.fetch_add(1, Relaxed);
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

    /// Landmarks and box of the face that a picture is of: the one in its middle. A face that fills its picture is looked for
    /// with black around it.
    fn find(&self, picture: &RgbImage) -> Result<Option<(Landmarks, BoundingBox)>> {
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
                let (left, top) = (left as f32, top as f32);
                let BoundingBox { x, y, w, h } = face.bbox;
                let landmarks = Landmarks(points.map(|[x, y]| [x - left, y - top]));
                return Ok(Some((landmarks, BoundingBox::new(x - left, y - top, w, h))));
            }
        }
        Ok(None)
    }
}

/// A face in pictures out of which networks get their crops.
pub(super) struct FaceView<'f> {
    /// The face with its surroundings, and its box there.
    boxed: (Cow<'f, RgbImage>, BoundingBox),
    /// The face and its landmarks; none where nobody knows them.
    upright: Option<(Cow<'f, RgbImage>, Landmarks)>,
    /// The box is the whole picture, of whose margin nothing is known.
    whole: bool,
    /// Nobody knows where in the picture a face is, or whether one is there.
    pub(super) unknown: bool,
    /// The picture is less than a frame, so that a crop may need what it does not show.
    part: bool,
}

/// Crops of a face, each shape once.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    all: Vec<(Crop, Option<RgbImage>)>,
    /// Whether one of them reaches beyond the picture of the face, and is black there.
    pub(super) cut_off: bool,
}

impl Cuts {
    /// With a crop that was made already.
    pub(super) fn with(crop: Crop, image: RgbImage) -> Self {
        Self { all: vec![(crop, Some(image))], cut_off: false }
    }

    /// A crop; none where the face cannot be cut so.
    pub(super) fn get(&self, crop: &Crop) -> Option<&RgbImage> {
        self.all.iter().find(|(shape, _)| shape == crop)?.1.as_ref()
    }

    /// Cuts the shapes that are not there yet.
    pub(super) fn add(&mut self, view: &FaceView<'_>, shapes: impl IntoIterator<Item = Crop>) {
        for shape in shapes {
            if self.all.iter().any(|(there, _)| *there == shape) {
                continue;
            }
            self.cut_off |= view.is_cut_off(&shape);
            self.all.push((shape, view.cut(&shape)));
        }
    }
}

/// Whether a shape is cut by the landmarks, and not by the box.
pub(super) fn by_landmarks(shape: &Crop) -> bool {
    !matches!(shape.alignment, Alignment::Box | Alignment::Square)
}

impl<'f> FaceView<'f> {
    /// In its frame.
    pub(super) fn in_frame(frame: &'f RgbImage, bbox: BoundingBox, landmarks: Landmarks) -> Self {
        let frame = Cow::Borrowed(frame);
        Self {
            boxed: (frame.clone(), bbox),
            upright: Some((frame, landmarks)),
            whole: false,
            unknown: false,
            part: false,
        }
    }

    /// A crop; none where there is no box, or landmarks that make no transform. Without landmarks, the face is taken as it is.
    fn cut(&self, shape: &Crop) -> Option<RgbImage> {
        let (picture, bbox) = &self.boxed;
        match &self.upright {
            Some((picture, landmarks)) if by_landmarks(shape) => crop(picture, bbox, landmarks, shape),
            None if by_landmarks(shape) => {
                let square = Crop { alignment: Alignment::Square, size: shape.size, margin: 0.0 };
                crop(picture, bbox, &Landmarks::default(), &square)
            }
            _ => {
                let margin = if self.whole { 0.0 } else { shape.margin };
                crop(picture, bbox, &Landmarks::default(), &Crop { margin, ..*shape })
            }
        }
    }

    /// Whether a crop by the box needs what lies beyond a picture that shows a part of a frame.
    fn is_cut_off(&self, shape: &Crop) -> bool {
        let (picture, bbox) = &self.boxed;
        if by_landmarks(shape) || self.whole || !self.part {
            return false;
        }
        let grown = 1.0 + shape.margin;
        let (w, h) = match shape.alignment {
            Alignment::Square => (bbox.w.max(bbox.h), bbox.w.max(bbox.h)),
            _ => (bbox.w, bbox.h),
        };
        let [x, y] = bbox.centre();
        // A pixel less on each side is a matter of rounding.
        let beyond =
            |at: f32, reach: f32, side: u32| at - reach / 2.0 < -1.0 || at + reach / 2.0 > side as f32 + 1.0;
        beyond(x, w * grown, picture.width()) || beyond(y, h * grown, picture.height())
    }
}

/// A face of the dataset, in its frame where that is there; or why there is nothing to see of it, in words. Landmarks are
/// looked for where the table has none, and a crop of `shapes` needs them.
///
/// # Errors
/// The detector cannot be loaded or fails.
pub(super) fn face_view<'f>(
    data: &Dataset,
    (face, frame): (&FaceRow, Option<&'f RgbImage>),
    shapes: &[Crop],
    landmarker: &Landmarker<'_>,
) -> Result<std::result::Result<FaceView<'f>, String>> {
    let needed = shapes.iter().any(by_landmarks);
    if let Some(frame) = frame {
        if !needed || Similarity::from_landmarks(&face.landmarks, &ARCFACE_112).is_some() {
            return Ok(Ok(FaceView::in_frame(frame, face.bbox, face.landmarks)));
        }
        if let Some(picture) = loose_face(frame, &face.bbox, &LooseSettings::default()) {
            let upright = upright(&picture, None, landmarker)?;
            landmarker.count(upright.is_some(), false);
            let upright = upright.map(|found| (Cow::Owned(found.picture), found.landmarks));
            let boxed = (Cow::Borrowed(frame), face.bbox);
            return Ok(Ok(FaceView { boxed, upright, whole: false, unknown: false, part: false }));
        }
    }
    let picture = match read_picture(data, face) {
        Ok(picture) => picture,
        Err(why) => return Ok(Err(why)),
    };
    let known = in_picture(face, picture.dimensions().into());
    let find = known.bbox.is_none() || (needed && known.landmarks.is_none());
    let upright = if needed || find { upright(&picture, known.landmarks, landmarker)? } else { None };
    landmarker.count(
        upright.as_ref().is_some_and(|u| u.bbox.is_some()),
        known.landmarks.is_some() || (known.bbox.is_some() && !needed),
    );
    let (w, h) = picture.dimensions();
    let bbox = known.bbox.or_else(|| upright.as_ref()?.bbox);
    let whole = bbox.is_none();
    let unknown = whole && upright.is_none();
    let bbox = bbox.unwrap_or(BoundingBox::new(0.0, 0.0, w as f32, h as f32));
    let upright = upright.map(|found| (Cow::Owned(found.picture), found.landmarks));
    Ok(Ok(FaceView { boxed: (Cow::Owned(picture), bbox), upright, whole, unknown, part: true }))
}

/// A picture of a face with its landmarks, small enough to be aligned; and its box in the picture that was given, where the
/// detector found it there.
struct Upright {
    picture: RgbImage,
    landmarks: Landmarks,
    bbox: Option<BoundingBox>,
}

/// The landmarks of a face in its picture: those that are known, else those that the detector finds.
fn upright(
    picture: &RgbImage,
    known: Option<Landmarks>,
    landmarker: &Landmarker<'_>,
) -> Result<Option<Upright>> {
    let (w, h) = picture.dimensions();
    let scale = (LARGEST as f32 / w.max(h) as f32).min(1.0);
    let small = if scale < 1.0 {
        let sides = [w, h].map(|side| ((side as f32 * scale).round() as u32).max(1));
        resize_area(picture, &BoundingBox::new(0.0, 0.0, w as f32, h as f32), sides[0], sides[1])
    } else {
        picture.clone()
    };
    if let Some(points) = known {
        let landmarks = Landmarks(points.0.map(|[x, y]| [x * scale, y * scale]));
        if Similarity::from_landmarks(&landmarks, &ARCFACE_112).is_some() {
            return Ok(Some(Upright { picture: small, landmarks, bbox: None }));
        }
    }
    let found = landmarker
        .find(&small)?
        .filter(|(points, _)| Similarity::from_landmarks(points, &ARCFACE_112).is_some());
    Ok(found.map(|(landmarks, b)| {
        let [x, y, w, h] = [b.x, b.y, b.w, b.h].map(|v| v / scale);
        Upright { picture: small, landmarks, bbox: Some(BoundingBox::new(x, y, w, h)) }
    }))
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

/// What the table says of a face, in pixels of the face's picture.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Known {
    bbox: Option<BoundingBox>,
    landmarks: Option<Landmarks>,
}

/// What the table says, in pixels of the face's picture of this size: it is cut out of the frame as faces are cut here, or
/// the table is about the picture itself. Nothing where neither fits.
fn in_picture(face: &FaceRow, size: [u32; 2]) -> Known {
    let points = face.landmarks.0;
    let finite = points.as_flattened().iter().all(|v| v.is_finite());
    // Some formats do not say how large the frame is; hardly any square reaches beyond its border.
    let frame = if face.frame_size.contains(&0) { [1 << 24; 2] } else { face.frame_size };
    let square = loose_square(frame, &face.bbox, &LooseSettings::default());
    if let Some(square) = square.filter(|square| square.picture == size) {
        let BoundingBox { x, y, w, h } = face.bbox;
        let ([left, top], [right, bottom]) = (square.in_picture([x, y]), square.in_picture([x + w, y + h]));
        return Known {
            bbox: Some(BoundingBox::new(left, top, right - left, bottom - top)),
            landmarks: finite.then(|| Landmarks(points.map(|point| square.in_picture(point)))),
        };
    }
    let within = |[x, y]: [f32; 2]| (0.0..size[0] as f32).contains(&x) && (0.0..size[1] as f32).contains(&y);
    let own = face.frame_size.contains(&0) || face.frame_size == size;
    if !own {
        return Known::default();
    }
    let bbox = Some(face.bbox).filter(|b| within([b.x, b.y]) && b.w >= 1.0 && b.h >= 1.0);
    let bbox = bbox.filter(|b| b.x + b.w <= size[0] as f32 + 1.0 && b.y + b.h <= size[1] as f32 + 1.0);
    let landmarks = (finite && points.iter().all(|&p| within(p))).then_some(face.landmarks);
    Known { bbox, landmarks }
}

#[cfg(test)]
mod tests {
    use streamface_detect::align;

    use super::*;

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
            let known = in_picture(&row, crop.dimensions().into()).landmarks.unwrap();
            let (whole, again) =
                (align(&frame, &landmarks, 112).unwrap(), align(&crop, &known, 112).unwrap());
            let off: u64 =
                whole.as_raw().iter().zip(again.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            let mean = off as f64 / whole.as_raw().len() as f64;
            assert!(mean < 2.0, "{mean} at {x}, {y}");
            // A format that does not say how large the frame was.
            let unknown = face(bbox, landmarks, [0; 2]);
            assert_eq!(in_picture(&unknown, crop.dimensions().into()).landmarks, Some(known));
        }
    }

    #[test]
    fn landmarks_of_the_picture_itself_or_of_neither() {
        let none = BoundingBox::new(f32::NAN, 0.0, 1.0, 1.0);
        let known = |landmarks, frame, size| in_picture(&face(none, landmarks, frame), size).landmarks;
        assert_eq!(known(ARCFACE_112, [0; 2], [112, 112]), Some(ARCFACE_112));
        assert_eq!(known(ARCFACE_112, [112; 2], [112, 112]), Some(ARCFACE_112));
        assert_eq!(known(ARCFACE_112, [640, 480], [112, 112]), None);
        assert_eq!(known(ARCFACE_112, [0; 2], [60, 60]), None, "outside of it");
        assert_eq!(known(Landmarks([[f32::NAN; 2]; 5]), [0; 2], [112, 112]), None);
    }

    /// The frame of a test: waves in each colour.
    fn painted() -> RgbImage {
        RgbImage::from_fn(640, 480, |x, y| {
            let wave = |v: f32| (127.0 + 120.0 * v.sin()) as u8;
            image::Rgb([wave(x as f32 / 9.0), wave(y as f32 / 7.0), wave((x + y) as f32 / 11.0)])
        })
    }

    #[test]
    fn crops_of_every_shape_come_out_of_a_loose_face_as_out_of_its_frame() {
        let frame = painted();
        // The last one is cut off by the frame's border, and its picture by that of the padding.
        for (x, y, side, cut_off) in
            [(200.0, 150.0, 100.0, false), (560.0, 400.0, 70.0, false), (10.0, 5.0, 90.0, false)]
        {
            let bbox = BoundingBox::new(x, y, side, side * 0.8);
            let landmarks =
                Landmarks(ARCFACE_112.0.map(|[u, v]| [x + u / 112.0 * side, y + v / 112.0 * side]));
            let picture = loose_face(&frame, &bbox, &LooseSettings::default()).unwrap();
            let known = in_picture(&face(bbox, landmarks, [640, 480]), picture.dimensions().into());
            let in_frame = FaceView::in_frame(&frame, bbox, landmarks);
            let in_picture = FaceView {
                boxed: (Cow::Borrowed(&picture), known.bbox.unwrap()),
                upright: Some((Cow::Borrowed(&picture), known.landmarks.unwrap())),
                whole: false,
                unknown: false,
                part: true,
            };
            for (alignment, margin) in [
                (Alignment::Arcface112, 0.0),
                (Alignment::DlibChip, 0.0),
                (Alignment::Box, 0.0),
                (Alignment::Box, 0.3),
                (Alignment::Square, 0.5),
                (Alignment::Square, -0.2),
            ] {
                let shape = Crop { alignment, size: 64, margin };
                let (whole, again) = (in_frame.cut(&shape).unwrap(), in_picture.cut(&shape).unwrap());
                let off: u64 =
                    whole.as_raw().iter().zip(again.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                let mean = off as f64 / whole.as_raw().len() as f64;
                assert!(mean < 4.0, "{mean} of {shape:?} at {x}, {y}");
                assert_eq!(in_picture.is_cut_off(&shape), cut_off, "{shape:?} at {x}, {y}");
            }
            let wide = Crop { alignment: Alignment::Square, size: 64, margin: 1.5 };
            assert!(in_picture.is_cut_off(&wide) && !in_frame.is_cut_off(&wide));
            let corner = in_picture.cut(&wide).unwrap().get_pixel(0, 0).0;
            assert_eq!(corner, [0; 3], "beyond the picture it is black");
        }
    }

    #[test]
    fn each_shape_is_cut_once() {
        let frame = painted();
        let view = FaceView::in_frame(&frame, BoundingBox::new(10.0, 10.0, 50.0, 60.0), ARCFACE_112);
        let shape = Crop { alignment: Alignment::Box, size: 32, margin: 0.0 };
        let mut cuts = Cuts::with(shape, RgbImage::new(32, 32));
        cuts.add(&view, [shape, Crop { size: 48, ..shape }, Crop { size: 48, ..shape }]);
        assert_eq!(cuts.all.len(), 2);
        assert_eq!(cuts.get(&shape), Some(&RgbImage::new(32, 32)), "what is there is not cut again");
        let empty = FaceView::in_frame(&frame, BoundingBox::new(10.0, 10.0, 0.0, 60.0), Landmarks::default());
        cuts.add(&empty, [Crop { alignment: Alignment::Box, size: 16, margin: 0.0 }]);
        assert!(cuts.all.last().unwrap().1.is_none());
    }
}
