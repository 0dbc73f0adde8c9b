//! Names of frames, and paths as text.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::location::host_of;
use super::percent::path_of;

/// Longest name of a source; a frame adds its time to it, a face its number.
const MAX_NAME: usize = 120;

/// Makes a text fit to be part of a file name.
pub(super) fn clean(text: &str) -> String {
    let keep = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let mut name = String::new();
    for c in text.trim().chars().map(keep) {
        if name.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        name.push(c);
    }
    let dots = name.chars().all(|c| c == '.');
    if dots { "video".into() } else { name }
}

/// `127.0.0.1:8080/sky/live.m3u8?key=…` → `127.0.0.1`; a channel's host says more than its playlist. Neither a
/// password nor a port belongs into file names, nor do the colons of IPv6: `[2001:db8::1]` → `ipv6-2001-db8-1`.
pub(super) fn url_name(url: &str) -> String {
    let (host, _) = host_of(url);
    let address = host.split('%').next().unwrap_or_default();
    if !matches!(address.parse(), Ok(IpAddr::V6(_))) {
        return clean(host);
    }
    let parts = host.split([':', '%', '.']).filter(|part| !part.is_empty());
    clean(&parts.fold("ipv6".to_owned(), |name, part| name + "-" + part))
}

/// The stem of a file's name as text.
pub(super) fn stem_of(path: &Path) -> String {
    readable(Path::new(path.file_stem().unwrap_or_default()))
}

/// A path as text for people. A byte that is not UTF-8 is read as Latin-1, which such names mostly are.
pub(super) fn readable(path: &Path) -> String {
    let mut text = String::new();
    each(path, |piece| match piece {
        Piece::Text(part) => text.push_str(part),
        Piece::Byte(byte) => text.push(char::from(byte)),
    });
    text
}

/// A path as text from which [`path_of_text`] makes the same path again: as it is where it is UTF-8, else with each
/// other byte as `\xHH`. (A path that holds such a text by itself has its backslash written as `\x5C`.)
pub(crate) fn path_text(path: &Path) -> String {
    let mut text = String::new();
    each(path, |piece| match piece {
        Piece::Text(part) => {
            for (at, c) in part.char_indices() {
                if c == '\\' && escaped(&part[at..]).is_some() {
                    text.push_str("\\x5C");
                } else {
                    text.push(c);
                }
            }
        }
        Piece::Byte(byte) => drop(write!(text, "\\x{byte:02X}")),
    });
    text
}

/// The path of a text by [`path_text`].
pub(crate) fn path_of_text(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(byte) = escaped(rest) {
            bytes.push(byte);
            rest = &rest[4..];
        } else {
            bytes.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
            rest = &rest[c.len_utf8()..];
        }
    }
    path_of(bytes)
}

/// The byte of `\xHH` at the beginning of a text.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    let right = digits.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    u8::from_str_radix(digits, 16).ok().filter(|_| right)
}

enum Piece<'a> {
    Text(&'a str),
    Byte(u8),
}

/// Gives a path to `take` in pieces: text, and bytes that are none.
fn each(path: &Path, mut take: impl FnMut(Piece<'_>)) {
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        if !chunk.valid().is_empty() {
            take(Piece::Text(chunk.valid()));
        }
        chunk.invalid().iter().for_each(|&byte| take(Piece::Byte(byte)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_named_by_their_host_without_secrets() {
        assert_eq!(url_name("http://user:pw@news.example:80/live.m3u8?token=1"), "news.example");
        assert_eq!(url_name("http://[::1]:8080/live.m3u8"), "ipv6-1");
        assert_eq!(url_name("http://[2001:DB8::a:1]/x"), "ipv6-2001-DB8-a-1");
        assert_eq!(url_name("http://[fe80::1%eth0]/x"), "ipv6-fe80-1-eth0");
        assert_eq!(url_name("rtsp://10.0.0.1/1"), "10.0.0.1");
        assert_eq!(clean("door/cam"), "door_cam");
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_not_utf8_are_told_apart_and_come_back() {
        let mut texts = std::collections::BTreeSet::new();
        for bytes in [
            &b"/a/caf\xe9.mp4"[..],
            b"/a/caf\xe8.mp4",
            b"/a/caf\\xE9.mp4",
            b"/a/caf\\x5CxE9.mp4",
            b"a\\b",
            b"\\x",
            b"\\xe9",
            "é\\x41".as_bytes(),
            b"\xff\xfe",
            b"",
        ] {
            let path = path_of(bytes.to_vec());
            let text = path_text(&path);
            assert_eq!(path_of_text(&text), path, "{text}");
            assert!(texts.insert(text.clone()), "{text}");
        }
        assert!(texts.contains("/a/caf\\xE9.mp4") && texts.contains("a\\b"), "{texts:?}");
        assert_eq!(stem_of(&path_of(b"/a/caf\xe9.mp4".to_vec())), "café");
    }
}
