//! Images of folders.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::RgbImage;
use streamface_imgproc::{DecodeLimits, ImageError, decode_image};
use streamface_store::{FrameRow, MAX_IMAGE_BYTES};
use streamface_types::FrameId;

use super::earlier::KnownImages;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::frame::CapturedFrame;
use crate::settings::Settings;
use crate::source::{Location, path_text};
use crate::video::VideoReader;

/// Images that are still to be read.
#[derive(Debug)]
pub(super) struct Images(VecDeque<(u64, PathBuf, String)>);

impl Images {
    /// Images in order, each with the stem its frame will carry.
    pub(super) fn new(list: Vec<(PathBuf, String)>) -> Self {
        Self(list.into_iter().zip(0..).map(|((path, stem), n)| (n, path, stem)).collect())
    }

    /// The next image that `known` does not have; none at the end. After an error the next call goes on with
    /// the image after it.
    pub(super) fn next(
        &mut self,
        shared: &mut Shared,
        known: &mut KnownImages,
    ) -> Result<Option<CapturedFrame>> {
        while let Some((number, path, stem)) = self.0.pop_front() {
            let source = path_text(&path);
            if let Some((frame, kept)) = known.done.get(&source) {
                if *kept && frame.timestamp().is_some() {
                    known.before = Some(frame.clone());
                }
                continue;
            }
            if shared.stop.is_set() {
                return Err(Error::Stopped);
            }
            // A folder that grew may hold a name that is in use.
            let numbered = (0_u32..).map(|n| if n == 0 { stem.clone() } else { format!("{stem}-{n}") });
            let mut frames =
                numbered.map(FrameId::new).skip_while(|f| f.as_ref().is_ok_and(|f| known.taken.contains(f)));
            let Some(frame) = frames.next() else { continue };
            let frame = frame?;
            let start = Instant::now();
            let read = read_image(&path, shared);
            shared.decode_time += start.elapsed();
            let image = read?;
            known.taken.insert(frame.clone());
            let mut row = FrameRow::new(frame, source);
            row.keyframe = number;
            if row.frame.timestamp().is_none() {
                return Ok(Some(shared.score(row, image)));
            }
            if let Some(last) = known.before.take().and_then(|frame| (shared.load)(&frame)) {
                shared.filter.set_last_kept(Some(&last));
            }
            return Ok(Some(shared.judge(row, image, None)));
        }
        Ok(None)
    }
}

fn read_image(path: &Path, shared: &Shared) -> Result<RgbImage> {
    let what = || path_text(path).into();
    let io = |source| Error::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_IMAGE_BYTES {
        return Err(Error::Image { what: what(), why: format!("larger than {MAX_IMAGE_BYTES} bytes") });
    }
    match decode_image(&bytes, &DecodeLimits::default()) {
        Err(ImageError::UnknownFormat) => read_other(path, shared),
        read => read.map_err(|e| Error::Image { what: what(), why: e.to_string().trim().to_owned() }),
    }
}

/// A picture that ffmpeg can read: WebP, TIFF, BMP and many more.
fn read_other(path: &Path, shared: &Shared) -> Result<RgbImage> {
    let settings = Settings { max_side: DecodeLimits::default().max_side, ..shared.settings.clone() };
    let location = Location::File(path.to_owned());
    let read = VideoReader::open(&location, &settings, &shared.stop, None)
        .and_then(|mut reader| reader.next_keyframe(|_| false));
    let why = match read {
        Ok(Some(Some(frame))) => return Ok(frame.image),
        Err(e @ (Error::Stopped | Error::Empty(_) | Error::TooLarge { .. })) => return Err(e),
        _ => {
            "not a picture that can be read (broken, cut short, or of another kind); convert it to PNG or JPEG"
        }
    };
    Err(Error::Image { what: path_text(path).into(), why: why.to_owned() })
}
