//! Pictures of a dataset's faces, for pages.

use streamface_report::FromBytes;
use streamface_store::{Dataset, ImageKind, files};
use streamface_types::FaceId;

/// Largest picture of a face that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Thumbnails of the faces of a dataset. One that cannot be read, or that is a link, is passed over.
pub(super) fn pictures(data: &Dataset) -> FromBytes<impl Fn(&FaceId) -> Option<Vec<u8>> + Sync + '_> {
    FromBytes(|face: &FaceId| picture(data, face))
}

/// The bytes of the picture of a face; `None` where it cannot be read, or is a link.
pub(super) fn picture(data: &Dataset, face: &FaceId) -> Option<Vec<u8>> {
    files::read(&data.image_path(ImageKind::Face, face), MAX_BYTES).ok()
}
