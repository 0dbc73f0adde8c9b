//! Images of folders.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::RgbImage;
use streamface_imgproc::{DecodeLimits, decode_image};
use streamface_store::{FrameRow, MAX_IMAGE_BYTES};
use streamface_types::FrameId;

use super::{Capture, Captured, with_verdict};
use crate::{CaptureError, FrameFilter};

/// What an earlier run has of the images of folders.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// By path: the frame, and whether it was kept.
    pub(super) done: HashMap<String, (FrameId, bool)>,
    /// Names in use.
    pub(super) taken: HashSet<FrameId>,
    /// The kept frame that the next image of a stream is to be compared with, still to be loaded.
    pub(super) before: Option<FrameId>,
}

impl Capture {
    pub(super) fn step_images(
        &mut self,
        list: &mut VecDeque<(u64, PathBuf, String)>,
    ) -> Result<Option<Captured>, CaptureError> {
        while let Some((number, path, stem)) = list.pop_front() {
            let source = path.to_string_lossy().into_owned();
            if let Some((frame, kept)) = self.images.done.get(&source) {
                if *kept && frame.timestamp().is_some() {
                    self.images.before = Some(frame.clone());
                }
                continue;
            }
            if self.stop.is_set() {
                return Err(CaptureError::Stopped);
            }
            // A folder that grew may hold a name that is in use.
            let numbered = (0_u32..).map(|n| if n == 0 { stem.clone() } else { format!("{stem}-{n}") });
            let mut frames = numbered
                .map(FrameId::new)
                .skip_while(|f| f.as_ref().is_ok_and(|f| self.images.taken.contains(f)));
            let Some(frame) = frames.next() else { continue };
            let frame = match frame {
                Ok(frame) => frame,
                Err(e) => {
                    self.failures.push(e.into());
                    continue;
                }
            };
            let start = Instant::now();
            let read = read_image(&path);
            self.decode_time += start.elapsed();
            let image = match read {
                Ok(image) => image,
                Err(e) => {
                    self.failures.push(e);
                    continue;
                }
            };
            self.images.taken.insert(frame.clone());
            let mut row = FrameRow::new(frame, source);
            row.keyframe = number;
            if row.frame.timestamp().is_none() {
                // A photo is no frame of a stream: it is scored, never dropped.
                let start = Instant::now();
                let verdict = FrameFilter::scores(&image);
                self.filter_time += start.elapsed();
                return Ok(Some(with_verdict(row, verdict, image)));
            }
            if let Some(last) = self.images.before.take().and_then(|frame| (self.load)(&frame)) {
                self.filter.set_last_kept(Some(&last));
            }
            return Ok(Some(self.judge(row, image)));
        }
        Ok(None)
    }
}

fn read_image(path: &Path) -> Result<RgbImage, CaptureError> {
    let what = || path.to_string_lossy().into();
    let io = |source| CaptureError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_IMAGE_BYTES {
        return Err(CaptureError::Image {
            what: what(),
            why: format!("larger than {MAX_IMAGE_BYTES} bytes"),
        });
    }
    decode_image(&bytes, &DecodeLimits::default())
        .map_err(|e| CaptureError::Image { what: what(), why: e.to_string() })
}
