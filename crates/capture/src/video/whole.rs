//! Whether a video is whole: what its container promises, beside what there is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ffmpeg::ffi;
use ffmpeg_next as ffmpeg;

use super::VideoReader;
use crate::length::seconds;
use crate::open::is_playlist;
use crate::source::Location;

/// Demuxers whose index has the place and the length of each packet.
const INDEXED: [&str; 3] = ["mov", "avi", "flv"];

impl VideoReader {
    /// Which parts of a playlist could not be fetched.
    pub(crate) fn missing_parts(&self) -> Option<String> {
        let (count, first) = self.opened.guard.missing()?;
        Some(format!(
            "{count} of the parts that its playlist names could not be fetched whole, the first of them {first}: what they hold \
             is missing"
        ))
    }

    /// What says that the file ends before its end: the index of its packets, or the length that its header has.
    pub(crate) fn cut_short(&self) -> Option<String> {
        let missing = self.beyond_end().or_else(|| match &self.location {
            Location::File(path) => beyond_header(path),
            Location::Url(_) => None,
        })?;
        let lengths = self.lengths();
        let promised =
            lengths.video.or(lengths.file).filter(|promised| seconds(*promised) > seconds(lengths.seen));
        let times = promised.map(|promised| {
            format!(
                "; the video ends at {} s, its header promises {} s",
                seconds(lengths.seen),
                seconds(promised)
            )
        });
        Some(format!("cut short: {missing} bytes are missing at its end{}", times.unwrap_or_default()))
    }

    /// Whether nothing can be read because the index of an MP4 file is at its end, and the way there does not lead back.
    pub(super) fn cannot_go_back(&self) -> bool {
        // SAFETY: a plain field of the open input; `pb` is null for what reads by itself.
        let seekable = unsafe {
            let io = (*self.opened.input.as_ptr()).pb;
            io.is_null() || (*io).seekable & ffi::AVIO_SEEKABLE_NORMAL != 0
        };
        !seekable && self.at.is_none() && self.is_of(&["mov"])
    }

    fn is_of(&self, demuxers: &[&str]) -> bool {
        self.opened.input.format().name().split(',').any(|name| demuxers.contains(&name))
    }

    /// Bytes of the video's packets that its index has beyond the end of the file, or of what is fetched.
    fn beyond_end(&self) -> Option<u64> {
        if is_playlist(&self.opened.input) || !self.is_of(&INDEXED) {
            return None;
        }
        let stream = self.opened.input.stream(self.stream)?;
        // SAFETY: as in `broke_off`. Entries are read while nothing else uses the input, and lie within the count; the
        // function takes a mutable pointer and changes nothing.
        let (end, size) = unsafe {
            let io = (*self.opened.input.as_ptr()).pb;
            let size = if io.is_null() { -1 } else { ffi::avio_size(io) };
            let stream = stream.as_ptr();
            let entries = 0..ffi::avformat_index_get_entries_count(stream);
            let ends = entries.filter_map(|at| {
                let entry = ffi::avformat_index_get_entry(stream.cast_mut(), at).as_ref()?;
                Some(entry.pos.saturating_add(i64::from(entry.size())))
            });
            (ends.max()?, size)
        };
        if size > 0 && end > size { u64::try_from(end - size).ok() } else { None }
    }
}

/// Bytes that a regular file lacks of the length in its first header: Matroska's segment, or RIFF's chunk.
fn beyond_header(path: &Path) -> Option<u64> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut head = Vec::new();
    File::open(path).ok()?.take(4096).read_to_end(&mut head).ok()?;
    let end = match head.get(..4)? {
        // Streamed, it has all bits set.
        b"RIFF" => match u32::from_le_bytes(head.get(4..8)?.try_into().ok()?) {
            u32::MAX => return None,
            length => 8 + u64::from(length),
        },
        [0x1a, 0x45, 0xdf, 0xa3] => segment_end(&head)?,
        _ => return None,
    };
    end.checked_sub(meta.len()).filter(|missing| *missing > 0)
}

/// Where the segment of a Matroska file ends; none where it was written without a length.
fn segment_end(head: &[u8]) -> Option<u64> {
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    let (length, width) = length(head.get(4..)?)?;
    let segment = usize::try_from(length?).ok()?.checked_add(4 + width)?;
    if head.get(segment..segment.checked_add(4)?)? != SEGMENT {
        return None;
    }
    let (length, width) = self::length(head.get(segment + 4..)?)?;
    (segment + 4 + width).try_into().ok().and_then(|from: u64| from.checked_add(length?))
}

/// A length as EBML writes it, and its own width in bytes; the length is none where all its bits are set.
fn length(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let width = first.leading_zeros() as usize + 1;
    let bits = 7 * width as u32;
    let all = bytes.get(..width).filter(|_| width <= 8)?.iter().fold(0_u64, |n, &b| n << 8 | u64::from(b));
    let length = all & ((1 << bits) - 1);
    Some(((length != (1 << bits) - 1).then_some(length), width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_containers_are_read() {
        assert_eq!(length(&[0x85]), Some((Some(5), 1)));
        assert_eq!(length(&[0xff]), Some((None, 1)));
        assert_eq!(length(&[0x40, 0x02]), Some((Some(2), 2)));
        assert_eq!(length(&[1, 0, 0, 0, 0, 0, 1, 0]), Some((Some(256), 8)));
        assert_eq!((length(&[0]), length(&[0x40]), length(&[])), (None, None, None));
        let head = [0x1a, 0x45, 0xdf, 0xa3, 0x82, 0, 0, 0x18, 0x53, 0x80, 0x67, 0x85, 1];
        assert_eq!(segment_end(&head), Some(17));
        assert_eq!(segment_end(&head[..9]), None);
    }
}
