//! Thumbnails.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageError, ImageReader, Limits};
use streamface_types::FaceId;

use crate::Error;

/// Longest side of a thumbnail in pixels.
pub const THUMBNAIL_SIDE: u32 = 96;

/// Face images are small; anything larger is not one.
const MAX_SIDE: u32 = 4096;
const MAX_BYTES: u64 = 64 << 20;
const QUALITY: u8 = 80;

/// Where a report gets its thumbnails from. It asks only for those it shows.
pub trait Pictures {
    /// A small JPEG of the face, or `None` where there is none.
    fn face(&mut self, face: &FaceId) -> Option<Vec<u8>>;

    /// The same for some faces of one person, in their order. Worth overriding where they can be made
    /// side by side.
    fn faces(&mut self, faces: &[&FaceId]) -> Vec<Option<Vec<u8>>> {
        faces.iter().map(|face| self.face(face)).collect()
    }
}

/// No thumbnails: the page shows times alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPictures;

impl Pictures for NoPictures {
    fn face(&mut self, _: &FaceId) -> Option<Vec<u8>> {
        None
    }
}

/// Thumbnails of the images `{face}.png` in a folder. One that cannot be read is passed over.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes the folder.
    pub fn new(faces: impl Into<PathBuf>) -> Self {
        Self(faces.into())
    }
}

impl Pictures for Folder {
    fn face(&mut self, face: &FaceId) -> Option<Vec<u8>> {
        FromBytes(|face: &FaceId| self.read(face)).face(face)
    }

    fn faces(&mut self, faces: &[&FaceId]) -> Vec<Option<Vec<u8>>> {
        FromBytes(|face: &FaceId| self.read(face)).faces(faces)
    }
}

impl Folder {
    fn read(&self, face: &FaceId) -> Option<Vec<u8>> {
        read(&self.0.join(format!("{face}.png")))
    }
}

/// Thumbnails of images whose bytes a function gives, from several threads. One that cannot be decoded is passed over.
#[derive(Debug, Clone, Copy)]
pub struct FromBytes<F>(
    /// The bytes of a face's image; none where there is none.
    pub F,
);

impl<F: Fn(&FaceId) -> Option<Vec<u8>> + Sync> FromBytes<F> {
    fn get(&self, face: &FaceId) -> Option<Vec<u8>> {
        thumbnail(&(self.0)(face)?, &face.to_string()).ok()
    }
}

impl<F: Fn(&FaceId) -> Option<Vec<u8>> + Sync> Pictures for FromBytes<F> {
    fn face(&mut self, face: &FaceId) -> Option<Vec<u8>> {
        self.get(face)
    }

    fn faces(&mut self, faces: &[&FaceId]) -> Vec<Option<Vec<u8>>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = faces.len().div_ceil(threads).max(1);
        let mut pictures = vec![None; faces.len()];
        std::thread::scope(|scope| {
            for (faces, pictures) in faces.chunks(part).zip(pictures.chunks_mut(part)) {
                let folder = &*self;
                scope.spawn(move || {
                    for (face, picture) in faces.iter().zip(pictures) {
                        *picture = folder.get(face);
                    }
                });
            }
        });
        pictures
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    // Opening a pipe would wait for ever.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    BufReader::new(File::open(path).ok()?).take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Makes a JPEG of at most [`THUMBNAIL_SIDE`] pixels a side from a PNG or JPEG, which is never
/// enlarged. Black borders are left out, up to two fifths of the picture on each side: a face with its surroundings has them where
/// these reach beyond the frame. `name` is for the error.
///
/// # Errors
/// [`Error::Picture`] where it cannot be decoded or is larger than 4096 pixels a side.
pub fn thumbnail(image: &[u8], name: &str) -> Result<Vec<u8>, Error> {
    let refused = |source| Error::Picture { name: name.to_owned(), source };
    let mut reader = ImageReader::new(Cursor::new(image))
        .with_guessed_format()
        .map_err(|e| refused(ImageError::IoError(e)))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(4 * u64::from(MAX_SIDE) * u64::from(MAX_SIDE));
    reader.limits(limits);
    let mut picture = without_borders(reader.decode().map_err(refused)?);
    if picture.width().max(picture.height()) > THUMBNAIL_SIDE {
        // The mean of the pixels each one covers: a fifth of the time of a Lanczos filter.
        picture = picture.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE);
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&picture.to_rgb8()).map_err(refused)?;
    Ok(jpeg)
}

/// The picture without rows and columns at its edges that are black, up to two fifths of it on each side.
fn without_borders(picture: DynamicImage) -> DynamicImage {
    let pixels = picture.to_rgb8();
    let (width, height) = pixels.dimensions();
    let black = |x: u32, y: u32| pixels.get_pixel(x, y).0 == [0; 3];
    let column = |x: u32| (0..height).all(|y| black(x, y));
    let row = |y: u32| (0..width).all(|x| black(x, y));
    let border = |side: u32, is_black: &dyn Fn(u32) -> bool| {
        let most = side * 2 / 5;
        let near = (0..most).take_while(|&at| is_black(at)).count() as u32;
        let far = (0..most).take_while(|&at| is_black(side - 1 - at)).count() as u32;
        (near, side - near - far)
    };
    let ((x, w), (y, h)) = (border(width, &column), border(height, &row));
    if (w, h) == (width, height) { picture } else { picture.crop_imm(x, y, w, h) }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use streamface_types::FrameId;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 90]));
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn thumbnails_are_small_jpegs() {
        for ((w, h), expected) in [((256, 128), (96, 48)), ((300, 300), (96, 96)), ((40, 20), (40, 20))] {
            let jpeg = thumbnail(&png(w, h), "a").unwrap();
            assert_eq!(image::guess_format(&jpeg).unwrap(), image::ImageFormat::Jpeg);
            let small = image::load_from_memory(&jpeg).unwrap();
            assert_eq!((small.width(), small.height()), expected);
            assert_eq!(jpeg, thumbnail(&png(w, h), "a").unwrap());
        }
    }

    #[test]
    fn black_borders_are_left_out_and_black_faces_are_not() {
        let made = |white: std::ops::Range<u32>| {
            let image = RgbImage::from_fn(80, 80, |x, y| {
                image::Rgb([if white.contains(&x) && y >= 10 { 200 } else { 0 }; 3])
            });
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            let small = image::load_from_memory(&thumbnail(&bytes.into_inner(), "a").unwrap()).unwrap();
            (small.width(), small.height())
        };
        assert_eq!(made(0..80), (80, 70));
        assert_eq!(made(12..70), (58, 70));
        // Two fifths at most.
        assert_eq!(made(38..42), (16, 70));
        assert_eq!(made(0..0), (16, 16));
    }

    #[test]
    fn broken_and_giant_images_are_refused() {
        assert!(thumbnail(b"not an image", "f_face_0").unwrap_err().to_string().starts_with("f_face_0: "));
        assert!(thumbnail(&png(200, 200)[..300], "a").is_err());
        assert!(thumbnail(&png(MAX_SIDE + 1, 1), "a").is_err());
    }

    #[test]
    fn a_folder_gives_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f_face_0.png"), png(10, 10)).unwrap();
        std::fs::write(dir.path().join("f_face_1.png"), b"").unwrap();
        let mut folder = Folder::new(dir.path());
        let mut has = |i| folder.face(&FaceId::new(FrameId::new("f").unwrap(), i)).is_some();
        assert_eq!([has(0), has(1), has(2)], [true, false, false]);

        let ids: Vec<_> = (0..9).map(|i| FaceId::new(FrameId::new("f").unwrap(), i % 3)).collect();
        let together = folder.faces(&ids.iter().collect::<Vec<_>>());
        assert_eq!(together, ids.iter().map(|id| folder.face(id)).collect::<Vec<_>>());
        assert!(together[6].is_some() && folder.faces(&[]).is_empty());
    }
}
