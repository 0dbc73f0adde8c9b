//! Telling urls from paths, and what may be opened of them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::names::path_text;
use super::percent;
use crate::error::{Error, Result};

/// Protocols of the network that a source may name.
const PROTOCOLS: [&str; 14] = [
    "http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "rtmpt", "srt", "rtp", "srtp", "udp", "tcp", "mmsh",
    "mmst",
];

/// Hosts whose addresses are pages, not streams. A program such as yt-dlp finds the stream.
const PAGES: [&str; 14] = [
    "youtube.com",
    "youtu.be",
    "youtube-nocookie.com",
    "twitch.tv",
    "vimeo.com",
    "dailymotion.com",
    "tiktok.com",
    "facebook.com",
    "fb.watch",
    "instagram.com",
    "twitter.com",
    "x.com",
    "bilibili.com",
    "rumble.com",
];

/// How to come from a page to a stream.
pub(crate) const FIND_STREAM: &str = "give the address of the stream in it, which yt-dlp finds: yt-dlp -g -f b URL (or \
    yt-dlp -o video.mp4 URL fetches it as a file)";

/// Endings by which an address on such a host is a stream after all.
const STREAMS: [&str; 6] = ["m3u8", "mpd", "mp4", "ts", "webm", "flv"];

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file or folder.
    File(PathBuf),
    /// A url, its scheme in lower case.
    Url(String),
}

impl Location {
    /// Tells a url from a path. `file://` is a path.
    ///
    /// # Errors
    /// [`Error::Protocol`] for a scheme that is not opened; [`Error::WebPage`] for an address that is known to be
    /// that of a page.
    pub fn parse(spec: impl AsRef<OsStr>) -> Result<Self> {
        let spec = spec.as_ref();
        let Some((scheme, rest)) = spec.to_str().and_then(split_scheme) else {
            let path = spec
                .to_str()
                .and_then(|text| text.strip_prefix("file:"))
                .filter(|path| path.starts_with('/'));
            return Ok(Self::File(path.map_or_else(|| spec.into(), file_of)));
        };
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "file" {
            return Ok(Self::File(file_of(rest)));
        }
        let url = format!("{scheme}://{rest}");
        if !PROTOCOLS.contains(&scheme.as_str()) {
            return Err(Error::Protocol {
                what: without_secrets(&url).into(),
                scheme,
                known: PROTOCOLS.join(", "),
            });
        }
        if is_page(&url) {
            let why = "a web page, not a stream; ".to_owned() + FIND_STREAM;
            return Err(Error::WebPage { what: without_secrets(&url).into(), why });
        }
        Ok(Self::Url(url))
    }

    /// As it may be shown and stored: a url without user, password and query, which may hold secrets; a path as it
    /// is, with each byte that is not UTF-8 as `\xHH`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path_text(path),
            Self::Url(url) => without_secrets(url),
        }
    }

    /// Whether this is a url.
    #[must_use]
    pub fn is_url(&self) -> bool {
        matches!(self, Self::Url(_))
    }
}

/// A source as it may be shown and stored, as [`Location::shown`] has it; also one that cannot be opened.
#[must_use]
pub fn shown(spec: impl AsRef<OsStr>) -> String {
    let spec = spec.as_ref();
    match (Location::parse(spec), spec.to_str()) {
        (Ok(location), _) => location.shown(),
        (Err(_), Some(text)) => without_secrets(text),
        (Err(_), None) => path_text(Path::new(spec)),
    }
}

/// The scheme of a url and what follows `://`. A scheme of one letter is a drive of Windows.
fn split_scheme(spec: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = spec.split_once("://")?;
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"+.-".contains(&b);
    let right = scheme.len() > 1 && scheme.as_bytes()[0].is_ascii_alphabetic() && scheme.bytes().all(letters);
    right.then_some((scheme, rest))
}

/// The scheme of a url, in lower case.
pub(crate) fn scheme_of(url: &str) -> String {
    split_scheme(url).map_or_else(String::new, |(scheme, _)| scheme.to_ascii_lowercase())
}

/// The path of `file://HOST/PATH`. A file of that very name comes first: not everyone escapes a percent sign.
fn file_of(rest: &str) -> PathBuf {
    let host = ["localhost/", "127.0.0.1/"].iter().find(|h| rest.to_ascii_lowercase().starts_with(**h));
    let path = host.map_or(rest, |h| &rest[h.len() - 1..]);
    let plain = PathBuf::from(path);
    if plain.exists() { plain } else { percent::decoded(path) }
}

/// A url without user, password and query.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// `http://user:pw@[::1]:8080/x` → `::1` and 8080.
pub(crate) fn host_of(url: &str) -> (&str, Option<u16>) {
    let rest = split_scheme(url).map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    if let Some((host, port)) = authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
        return (host, port.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    }
}

fn is_page(url: &str) -> bool {
    if !url.starts_with("http") {
        return false;
    }
    let host = host_of(url).0.to_ascii_lowercase();
    let of = |page: &str| host.strip_suffix(page).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    PAGES.iter().any(|page| of(page)) && !STREAMS.contains(&ending.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_told_whatever_their_case_and_others_are_refused_with_what_is_known() {
        let url = |spec: &str| match Location::parse(spec).unwrap() {
            Location::Url(url) => url,
            Location::File(path) => panic!("{spec}: {path:?}"),
        };
        assert_eq!(url("HTTP://Host/Live.m3u8"), "http://Host/Live.m3u8");
        assert_eq!(url("Rtsp://[fe80::1]/1"), "rtsp://[fe80::1]/1");
        for spec in ["gopher://host/x", "ftp://host/x.mp4", "concat://x", "data://x", "hls+http://x"] {
            let said = Location::parse(spec).unwrap_err().to_string();
            assert!(said.contains("https") && said.contains(spec.split(':').next().unwrap()), "{said}");
        }
        for spec in ["a.mp4", "C://x.mp4", "12:30.ts", "a b/c://d", "://x"] {
            assert_eq!(Location::parse(spec).unwrap(), Location::File(spec.into()), "{spec}");
        }
    }

    #[test]
    fn a_file_url_is_a_path() {
        let path = |spec: &str| match Location::parse(spec).unwrap() {
            Location::File(path) => path,
            Location::Url(url) => panic!("{url}"),
        };
        assert_eq!(path("file:///a/b%20c.mp4"), Path::new("/a/b c.mp4"));
        assert_eq!(path("FILE://localhost/a/%C3%A9.mp4"), Path::new("/a/é.mp4"));
        assert_eq!(path("file://a.mp4"), Path::new("a.mp4"));
        assert_eq!(path("file:/a/b%20c.mp4"), Path::new("/a/b c.mp4"));
        assert_eq!(path("file:a.mp4"), Path::new("file:a.mp4"));
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("100%25.mp4");
        std::fs::write(&odd, b"").unwrap();
        assert_eq!(path(&format!("file://{}", odd.display())), odd);
    }

    #[test]
    fn pages_are_refused_with_the_way_to_the_stream() {
        for page in ["https://www.youtube.com/watch?v=x", "http://youtu.be/x", "https://twitch.tv/someone"] {
            let said = Location::parse(page).unwrap_err().to_string();
            assert!(said.contains("yt-dlp"), "{said}");
        }
        for stream in
            ["https://x.com/live.m3u8?key=1", "https://notyoutube.com/watch", "rtmp://a.twitch.tv/app"]
        {
            assert!(Location::parse(stream).is_ok(), "{stream}");
        }
    }

    #[test]
    fn hosts_are_found() {
        assert_eq!(host_of("http://user:p@ss@[::1]:8080/x"), ("::1", Some(8080)));
        assert_eq!(host_of("rtsp://10.0.0.1:554/1"), ("10.0.0.1", Some(554)));
        assert_eq!(host_of("https://news.example?x"), ("news.example", None));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(
            shown("http://user:pw@news.example:80/live.m3u8?token=1"),
            "http://news.example:80/live.m3u8"
        );
        assert_eq!(shown("gopher://user:pw@host/x?token=1"), "gopher://host/x");
        assert_eq!(shown("a@b?.mp4"), "a@b?.mp4");
    }
}
