//! Sets of pictures with one person each, whatever names them: a folder, a table, a tar entry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streamface_store::{AttributeModels, FaceRow, ImageKind};
use streamface_types::{Attributes, FaceId, FrameId};

use crate::Error;
use crate::dataset_builder::{DatasetBuilder, Picture};

/// A picture, and what the set says of it.
#[derive(Debug, Default)]
pub(crate) struct Photo {
    /// What the set calls it, without an extension.
    pub(crate) name: String,
    pub(crate) from: PathBuf,
    pub(crate) person: Option<String>,
    /// The person's number, where the set has names and numbers.
    pub(crate) number: Option<i64>,
    /// Box, landmarks and scores, where there are any. The name in it does not count.
    pub(crate) row: Option<FaceRow>,
    pub(crate) attributes: Attributes,
    /// The models that gave them, as far as the set says.
    pub(crate) models: AttributeModels,
    /// Where the frame came from.
    pub(crate) source: Option<String>,
}

/// The face a picture is of: its name where that is a face's, else face 0 of a frame of that name.
pub(crate) fn face_id(name: &str, photos: bool) -> Result<FaceId, String> {
    // The parts of a path become one name; what else cannot be a file's name is refused.
    let name = name.replace('/', "_");
    match name.parse::<FaceId>() {
        Ok(face) if !photos => Ok(face),
        _ => FrameId::new(name).map(|f| FaceId::new(f, 0)).map_err(|e| e.to_string()),
    }
}

/// The face a picture is of, where no other one is called so. Two pictures whose names differ in their extensions alone are
/// told apart by these.
fn free_id(photo: &Photo, photos: bool, known: &BTreeMap<FaceId, PathBuf>) -> Result<FaceId, String> {
    let face = face_id(&photo.name, photos)?;
    match known.get(&face) {
        None => return Ok(face),
        Some(other) if *other == photo.from => return Err("it comes twice".to_owned()),
        Some(_) => {}
    }
    let extension = photo.from.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let longer = face_id(&format!("{}_{extension}", photo.name), photos)?;
    if known.contains_key(&longer) {
        Err(format!("another picture is called {face} too"))
    } else {
        Ok(longer)
    }
}

/// Takes pictures. They are faces, whose frames are not there; or, with `photos`, frames in which `streamface extract`
/// finds the faces, and the label is that of face 0, the surest.
pub(crate) fn take(
    builder: &mut DatasetBuilder<'_>,
    all: Vec<Photo>,
    set: &Path,
    photos: bool,
) -> Result<(), Error> {
    let set = set.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = if photos { ImageKind::Frame } else { ImageKind::Face };
    let (mut known, mut named, mut pictures) = (BTreeMap::new(), Vec::new(), Vec::new());
    for photo in all {
        let face = match free_id(&photo, photos, &known) {
            Ok(face) => face,
            Err(why) => {
                builder.problem(format!("{}: {why}", photo.from.display()));
                continue;
            }
        };
        known.insert(face.clone(), photo.from.clone());
        let name = if photos { face.frame.to_string() } else { face.to_string() };
        pictures.push(Picture { from: photo.from.clone(), kind, name });
        named.push((face, photo));
    }
    let sizes = builder.pictures(&pictures)?;
    for ((face, photo), size) in named.into_iter().zip(sizes) {
        if let Some(size) = size {
            note(builder, &face, photo, size, &set, photos);
        }
    }
    Ok(())
}

/// What is known of a picture that lies in its place.
pub(crate) fn note(
    builder: &mut DatasetBuilder<'_>,
    face: &FaceId,
    photo: Photo,
    size: [u32; 2],
    set: &str,
    photos: bool,
) {
    if let Some(person) = photo.person {
        builder.person(face, &person, photo.number);
    }
    let frame = builder.frame(&face.frame, set);
    if let Some(source) = photo.source {
        frame.source = source;
    }
    if photos {
        [frame.width, frame.height] = size;
        return;
    }
    if let Some(row) = photo.row {
        [frame.width, frame.height] = row.frame_size;
        let face_row = builder.face(face);
        *face_row = row;
        face_row.face = face.clone();
    }
    builder.face(face).face_size = size;
    builder.attributes(face, photo.attributes, photo.models);
    builder.searched(face.frame.clone());
}
