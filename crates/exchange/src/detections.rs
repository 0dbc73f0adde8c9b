//! Sets of whole frames with boxes. On the way in faces are cut out as `streamface extract` cuts them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;
use streamface_imgproc::{
    DecodeLimits, LooseSettings, aligned_face, decode_image, encode_png, face_blur_variance, loose_face,
};
use streamface_store::{AttributeModels, FaceRow, ImageKind};
use streamface_types::{Attributes, BoundingBox, FaceId, FrameId, Landmarks};

use crate::Error;
use crate::dataset_builder::{DatasetBuilder, Picture};
use crate::files::Place;
use crate::report::{Observer, Progress, Summary};
use crate::snapshot::Snapshot;

/// Side of an aligned face, as the original's.
const ALIGNED: u32 = 128;

/// Why there is nothing to export.
const NO_FRAMES: &str = "no frame has both a picture and a face with a box; pictures of frames are not kept with --frames none, \
                         and are removed by streamface prune: other formats (imagefolder, csv, webdataset) need none";

/// Puts the frames that have a picture and a face with a box into `folder`, and calls `describe` with each frame, its
/// file's name and its faces, which may return why the format cannot hold them. The summary counts frames, faces and what was left out.
pub(crate) fn put_frames(
    set: &Snapshot<'_>,
    folder: &Path,
    place: Place,
    observe: Observer<'_>,
    mut describe: impl FnMut(&FrameId, &str, &[&FaceRow]) -> Result<(), &'static str>,
) -> Result<Summary, Error> {
    let boxed = set.boxed();
    let mut summary = Summary::default();
    let with_box: usize = boxed.values().map(Vec::len).sum();
    summary.leave_out("faces without a box", (set.faces.len() - with_box) as u64);
    let mut taken = Vec::new();
    for ((&frame, faces), done) in boxed.iter().zip(1..) {
        observe(Progress { what: "frames", done, total: boxed.len() as u64 });
        let picture = set.frame_picture(frame).ok_or("faces whose frame has no picture");
        let described =
            picture.and_then(|(picture, file)| describe(frame, &file, faces).map(|()| (picture, file)));
        match described {
            Ok((picture, file)) => place.put(&picture, &folder.join(file))?,
            Err(why) => {
                summary.leave_out(why, faces.len() as u64);
                continue;
            }
        }
        summary.frames += 1;
        taken.extend(faces);
    }
    if summary.frames == 0 {
        return Err(Error::lacks(set.root(), NO_FRAMES));
    }
    summary.images = summary.frames;
    summary.faces = taken.len() as u64;
    summary.people = set.people(taken);
    Ok(summary)
}

/// A frame, and the faces that the set says are in it.
#[derive(Debug)]
pub(crate) struct FrameWithFaces {
    /// What the set calls it, without an extension.
    pub(crate) name: String,
    pub(crate) from: PathBuf,
    pub(crate) source: Option<String>,
    /// Width and height that the set says it has.
    pub(crate) said: Option<[u32; 2]>,
    pub(crate) faces: Vec<FaceInFrame>,
}

/// A face in a frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaceInFrame {
    /// Its name, if it has one of our form and of this frame.
    pub(crate) face: Option<String>,
    /// In pixels of the frame, or in parts of its sides.
    pub(crate) bbox: [f32; 4],
    /// Whether the box is in parts of the frame's sides; landmarks then too.
    pub(crate) relative: bool,
    pub(crate) landmarks: Option<[[f32; 2]; 5]>,
    pub(crate) score: Option<f32>,
    pub(crate) person: Option<String>,
    /// The person's number, where the set has names and numbers.
    pub(crate) number: Option<i64>,
    pub(crate) attributes: Attributes,
}

/// The crops of a face, as PNG.
struct Cut {
    row: FaceRow,
    loose: Vec<u8>,
    aligned: Vec<u8>,
}

/// Takes frames and cuts their faces.
pub(crate) fn take(
    builder: &mut DatasetBuilder<'_>,
    all: Vec<FrameWithFaces>,
    set: &Path,
) -> Result<(), Error> {
    let set = set.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let (mut known, mut named, mut pictures) = (BTreeSet::new(), Vec::new(), Vec::new());
    for frame_with_faces in all {
        match FrameId::new(frame_with_faces.name.replace('/', "_")) {
            Ok(frame) if known.insert(frame.clone()) => {
                let name = frame.to_string();
                pictures.push(Picture { from: frame_with_faces.from.clone(), kind: ImageKind::Frame, name });
                named.push((frame, frame_with_faces));
            }
            Ok(frame) => {
                builder.problem(format!(
                    "{}: another frame is called {frame} too",
                    frame_with_faces.from.display()
                ));
            }
            Err(e) => builder.problem(format!("{}: {e}", frame_with_faces.from.display())),
        }
    }
    let sizes = builder.pictures(&pictures)?;
    for ((_, frame), size) in named.iter().zip(&sizes) {
        // A photo that is turned by its EXIF orientation may be described as it lies in the file.
        let other = |said: &[u32; 2]| size.is_some_and(|[w, h]| *said != [w, h] && *said != [h, w]);
        if let (Some([w, h]), Some([width, height])) = (frame.said.filter(other), *size) {
            builder.problem(format!(
                "{}: {width} x {height} pixels, but the set says {w} x {h}; its boxes may be of another picture",
                frame.from.display()
            ));
        }
    }
    let whole: Vec<(FrameId, FrameWithFaces)> =
        named.into_iter().zip(sizes).filter_map(|(n, size)| size.map(|_| n)).collect();
    // So many frames in memory at once as there are threads, and their crops.
    let total = whole.len() as u64;
    for (chunk, done) in whole.chunks(64).zip(0..) {
        builder.progress("faces", 64 * done, total);
        let cuts: Vec<Result<Vec<Result<Cut, String>>, String>> = chunk
            .par_iter()
            .map(|(frame, frame_with_faces)| cut_all(builder, frame, &frame_with_faces.faces))
            .collect();
        for ((frame, frame_with_faces), cuts) in chunk.iter().zip(cuts) {
            let size = match cuts {
                Ok(cuts) => {
                    let mut size = None;
                    for (face, cut) in frame_with_faces.faces.iter().zip(cuts) {
                        match cut {
                            Ok(cut) => {
                                size = Some(cut.row.frame_size);
                                note(builder, face, cut)?;
                            }
                            Err(why) => {
                                builder.problem(format!("{}: {why}", frame_with_faces.from.display()));
                            }
                        }
                    }
                    size
                }
                Err(why) => {
                    builder.problem(format!("{}: {why}", frame_with_faces.from.display()));
                    None
                }
            };
            let row = builder.frame(frame, &set);
            if let Some(source) = &frame_with_faces.source {
                row.source.clone_from(source);
            }
            if let Some(size) = size {
                [row.width, row.height] = size;
            }
            builder.searched(frame.clone());
        }
    }
    Ok(())
}

fn cut_all(
    builder: &DatasetBuilder<'_>,
    frame: &FrameId,
    faces: &[FaceInFrame],
) -> Result<Vec<Result<Cut, String>>, String> {
    let path = builder.image_path(ImageKind::Frame, frame);
    let bytes = std::fs::read(&path).map_err(|e| e.to_string())?;
    let image = decode_image(&bytes, &DecodeLimits::default()).map_err(|e| e.to_string())?;
    let mut taken = BTreeSet::new();
    // Those that say their number have it; the others get what is left.
    let own = |f: &FaceInFrame| f.face.as_ref()?.parse::<FaceId>().ok().filter(|id| id.frame == *frame);
    let said: BTreeSet<u32> = faces.iter().filter_map(own).map(|id| id.index).collect();
    let mut free = (0..).filter(|i| !said.contains(i));
    Ok(faces
        .iter()
        .map(|face| {
            let index = own(face).map(|id| id.index).or_else(|| free.next()).unwrap_or(u32::MAX);
            let id = FaceId::new(frame.clone(), index);
            if !taken.insert(index) {
                return Err(format!("{id} comes twice"));
            }
            cut(&image, id, face)
        })
        .collect())
}

fn cut(image: &RgbImage, id: FaceId, face: &FaceInFrame) -> Result<Cut, String> {
    let [w, h] = [image.width(), image.height()];
    let scale = if face.relative { [w as f32, h as f32] } else { [1.0; 2] };
    let [x, y, bw, bh] = face.bbox;
    let bbox = BoundingBox::new(x * scale[0], y * scale[1], bw * scale[0], bh * scale[1]);
    let mut row = FaceRow::new(id);
    row.bbox = bbox;
    if let Some(points) = face.landmarks {
        row.landmarks = Landmarks(points.map(|[x, y]| [x * scale[0], y * scale[1]]));
    }
    row.score = face.score.unwrap_or(row.score);
    row.frame_size = [w, h];
    let bad = || format!("{}: the box {:?} cannot be cut", row.face, [bbox.x, bbox.y, bbox.w, bbox.h]);
    let loose = loose_face(image, &bbox, &LooseSettings::default()).ok_or_else(bad)?;
    // Without landmarks the face is not turned.
    let (left, right) = (row.landmarks.left_eye(), row.landmarks.right_eye());
    let aligned = aligned_face(image, &bbox, left, right, ALIGNED).ok_or_else(bad)?;
    row.blur = face_blur_variance(&aligned);
    row.face_size = loose.dimensions().into();
    row.aligned_size = aligned.dimensions().into();
    let png = |image| encode_png(image).map_err(|e| e.to_string());
    Ok(Cut { loose: png(&loose)?, aligned: png(&aligned)?, row })
}

fn note(builder: &mut DatasetBuilder<'_>, face: &FaceInFrame, cut: Cut) -> Result<(), Error> {
    let id = cut.row.face.clone();
    for (kind, png) in [(ImageKind::Face, &cut.loose), (ImageKind::AlignedFace, &cut.aligned)] {
        if let Err(why) = builder.picture_of(kind, &id, png)? {
            builder.problem(format!("{id}: {why}"));
        }
    }
    if let Some(person) = &face.person {
        builder.person(&id, person, face.number);
    }
    builder.attributes(&id, face.attributes.clone(), AttributeModels::new());
    *builder.face(&id) = cut.row;
    Ok(())
}
