//! Which files are videos, and which are pictures.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::Path;

/// Endings of videos.
pub(super) const VIDEOS: [&str; 48] = [
    "mp4", "mkv", "mov", "avi", "webm", "ts", "m2ts", "mts", "mpg", "mpeg", "flv", "wmv", "m4v", "ogv",
    "3gp", "vob", "3g2", "asf", "amv", "avchd", "divx", "dv", "evo", "f4v", "gif", "gxf", "h264", "264",
    "h265", "265", "hevc", "ivf", "m1v", "m2t", "m2v", "mjpeg", "mjpg", "mpe", "mpv", "mxf", "nut", "ogm",
    "qt", "rm", "rmvb", "trp", "wtv", "y4m",
];

/// Endings of pictures. Not all of them can be read (HEIC cannot), but a person would want to know.
pub(super) const IMAGES: [&str; 23] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "jfi", "jif", "webp", "bmp", "dib", "tif", "tiff", "avif", "heic",
    "heif", "jp2", "j2k", "jxl", "tga", "ppm", "pgm", "pnm", "apng",
];

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Image,
}

/// Bytes that tell what a file is.
const HEAD: usize = 1024;

/// What a regular file holds, by its ending; where that says nothing, by its first bytes. None for what is neither,
/// and for what cannot be read.
pub(super) fn of_file(path: &Path) -> Option<Kind> {
    let ends_in =
        |known: &[&str]| path.extension().is_some_and(|e| known.iter().any(|k| e.eq_ignore_ascii_case(k)));
    if ends_in(&["ts", "mts"]) {
        // Also the endings of TypeScript's sources.
        return Some(Kind::Video).filter(|_| !head(path).is_some_and(|head| is_text(&head)));
    }
    if ends_in(&VIDEOS) {
        return Some(Kind::Video);
    }
    if ends_in(&IMAGES) {
        return Some(Kind::Image);
    }
    of_bytes(&head(path)?)
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path).ok()?.take(HEAD as u64).read_to_end(&mut head).ok()?;
    Some(head)
}

fn is_text(head: &[u8]) -> bool {
    !head.is_empty() && head.iter().all(|&b| b >= 32 || b"\t\n\r\x0c".contains(&b))
}

/// What begins with these bytes.
fn of_bytes(head: &[u8]) -> Option<Kind> {
    let at = |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    let image = at(0, b"\x89PNG\r\n\x1a\n")
        || at(0, b"\xff\xd8\xff")
        || (at(0, b"RIFF") && at(8, b"WEBP"))
        || at(0, b"II*\0")
        || at(0, b"MM\0*")
        || (at(0, b"BM") && at(6, &[0; 4]))
        || at(4, b"ftypavif")
        || at(4, b"ftyphei")
        || at(0, b"\0\0\0\x0cjP  \r\n\x87\n");
    if image {
        return Some(Kind::Image);
    }
    // Three packets of a transport stream, of 188 bytes, or of 192 with a time before each.
    let packets = |first: usize, size: usize| (0..3).all(|n| at(first + n * size, b"G"));
    let ftyp = at(4, b"ftyp") && !at(8, b"M4A") && !at(8, b"M4B") && !at(8, b"crx");
    let video = ftyp
        || at(4, b"moov")
        || (at(4, b"wide") && at(12, b"mdat"))
        // Matroska and WebM; sound alone (mka) is told when it is opened.
        || at(0, b"\x1a\x45\xdf\xa3")
        || (at(0, b"RIFF") && (at(8, b"AVI ") || at(8, b"CDXA")))
        || packets(0, 188)
        || packets(4, 192)
        || at(0, b"\0\0\x01\xba")
        || at(0, b"\0\0\x01\xb3")
        || (at(0, b"FLV\x01") && head.get(4).is_some_and(|flags| flags & 1 == 1))
        || at(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
        || at(0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01")
        || (at(0, b"OggS") && head.windows(7).any(|w| w == b"\x80theora"))
        || at(0, b".RMF")
        || at(0, b"GIF87a")
        || at(0, b"GIF89a")
        || at(0, b"YUV4MPEG2 ")
        || at(0, b"DKIF");
    video.then_some(Kind::Video)
}

/// A named pipe.
pub(super) const PIPE: &str = "a named pipe";

/// What something is that is neither a file nor a folder.
#[cfg(unix)]
pub(crate) fn unusual(meta: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = meta.file_type();
    match () {
        () if kind.is_file() || kind.is_dir() => None,
        () if kind.is_fifo() => Some(PIPE),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}

/// What something is that is neither a file nor a folder.
#[cfg(not(unix))]
pub(crate) fn unusual(meta: &Metadata) -> Option<&'static str> {
    (!meta.is_file() && !meta.is_dir()).then_some("a device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_videos_and_pictures_from_the_rest() {
        let mut ts = vec![0; 600];
        for n in 0..3 {
            ts[n * 188] = b'G';
        }
        for (head, kind) in [
            (&b"\0\0\0\x20ftypisom"[..], Some(Kind::Video)),
            (b"\0\0\0\x20ftypM4A ", None),
            (b"\0\0\0\x20ftypavif", Some(Kind::Image)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Kind::Image)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"RIFF\0\0\0\0AVI LIST", Some(Kind::Video)),
            (&ts, Some(Kind::Video)),
            (b"Good morning", None),
            (b"GIF89a", Some(Kind::Video)),
            (b"BM\x36\0\0\0\0\0\0\0", Some(Kind::Image)),
            (b"BMW is a maker of cars", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ] {
            assert_eq!(of_bytes(head), kind, "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn typescript_is_no_transport_stream() {
        let dir = tempfile::tempdir().unwrap();
        let [code, video] = ["index.ts", "video.TS"].map(|name| dir.path().join(name));
        std::fs::write(&code, "export const x: number = 1;\n").unwrap();
        std::fs::write(&video, [0x47, 0, 0, 0x10]).unwrap();
        assert_eq!((of_file(&code), of_file(&video)), (None, Some(Kind::Video)));
    }
}
