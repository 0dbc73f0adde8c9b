//! What playlists may name.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ffmpeg_next::ffi;

use crate::source::without_secrets;

/// What the playlists of a source may name.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Whether the source is a file of this machine, which may name files and nothing else.
    local: bool,
    /// Every protocol that ffmpeg knows.
    protocols: BTreeSet<String>,
}

impl Addresses {
    /// For the playlists of a file of this machine, or of a url.
    pub(super) fn new(local: bool) -> Self {
        Self { local, protocols: protocols() }
    }

    /// Checks an address that stands on a line of its own: a variant, or a segment.
    pub(super) fn check_line(&self, address: &str) -> Result<(), String> {
        self.check(address)?;
        // ffmpeg passes over what it does not know, as often as the playlist is read.
        match scheme(address) {
            Some((scheme, rest)) if rest.starts_with("://") && !self.allowed(scheme) => self.refuse(address),
            _ => Ok(()),
        }
    }

    /// Checks any address: of a key, of another rendition. Schemes that ffmpeg does not know (`skd:`, `urn:`) are for
    /// other programs.
    pub(super) fn check(&self, address: &str) -> Result<(), String> {
        let Some((scheme, _)) = scheme(address) else { return Ok(()) };
        let forbidden = |part: &str| {
            let known = self.protocols.contains(&part.to_ascii_lowercase());
            known && !self.allowed(part)
        };
        if scheme.split('+').any(forbidden) { self.refuse(address) } else { Ok(()) }
    }

    /// Checks words of XML that may be addresses: text and values of attributes. Those of the web are mostly names of
    /// schemas; ffmpeg opens them only where it may.
    pub(super) fn check_xml(&self, line: &str) -> Result<(), String> {
        let words = line.split(['<', '>', '"', '\'', ' ', '\t']);
        let mut others = words.filter(|word| !word.starts_with("http:") && !word.starts_with("https:"));
        others.try_for_each(|word| self.check(word))
    }

    /// Checks a line of a list for ffmpeg's concat demuxer, which is at `url`. Such lists may name each other and
    /// themselves, and are followed until files or memory run out, so a list may name videos only.
    pub(super) fn check_entry(&self, url: &str, line: &str) -> Result<(), String> {
        let Some(name) = line.strip_prefix("file").and_then(|rest| rest.strip_prefix([' ', '\t'])) else {
            return Ok(());
        };
        let name = unquoted(name.trim());
        let dir = Path::new(url.strip_prefix("file:").unwrap_or(url)).parent().unwrap_or(Path::new("."));
        if !self.local || is_list(&dir.join(&name)) {
            let name = short(&name);
            return Err(format!(
                "a list of files that names '{name}'; give the videos themselves, or their folder"
            ));
        }
        self.check(&name)
    }

    fn allowed(&self, scheme: &str) -> bool {
        let allowed: &[&str] = if self.local {
            &["file", "crypto", "data", "subfile"]
        } else {
            &["http", "https", "crypto", "data"]
        };
        allowed.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    }

    fn refuse(&self, address: &str) -> Result<(), String> {
        let address = short(address);
        Err(if self.local {
            format!(
                "it is a playlist that names {address}, and a playlist in a file may name only files; give the url of \
                 the playlist, or of the stream"
            )
        } else {
            format!(
                "its playlist names {address}, and a playlist of the network may name only http and https addresses"
            )
        })
    }
}

/// Names of the protocols that ffmpeg reads.
fn protocols() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut state = std::ptr::null_mut();
    loop {
        // SAFETY: the loop of avio's documentation.
        let name = unsafe { ffi::avio_enum_protocols(&raw mut state, 0) };
        if name.is_null() {
            return all;
        }
        // SAFETY: names are static texts.
        all.insert(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
    }
}

/// The scheme of an address, and the rest with what ends the scheme: a colon, or a comma, after which ffmpeg takes
/// options (`subfile,,start,0,end,9,,:FILE`).
fn scheme(address: &str) -> Option<(&str, &str)> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    let (scheme, rest) = address.split_at(address.find(|c| !is_letter(c))?);
    (!scheme.is_empty() && rest.starts_with([':', ','])).then_some((scheme, rest))
}

/// A name as ffmpeg reads it: within `'`, and after a backslash, everything stands for itself.
fn unquoted(name: &str) -> String {
    let (mut out, mut quoted, mut chars) = (String::new(), false, name.chars());
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Whether a file is a list of files by itself.
fn is_list(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::metadata(path).is_ok_and(|meta| meta.is_file())
        && File::open(path).is_ok_and(|file| file.take(8).read_to_end(&mut head).is_ok());
    read && (head == b"ffconcat" || head.starts_with(b"#EXTM3U"))
}

/// The beginning of an address, without what may be secret.
pub(super) fn short(address: &str) -> String {
    let plain = without_secrets(address.split(['?', '#']).next().unwrap_or_default());
    plain.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_of_the_network_names_the_network_only() {
        let addresses = Addresses::new(false);
        for address in [
            "file:///etc/passwd",
            "FILE:/etc/passwd.ts",
            "gopher://127.0.0.1:6379/x",
            "concat:a.ts|b.ts",
            "subfile,,start,0,end,9,,:/etc/passwd",
            "crypto+file:///x.ts",
            "tcp://x:1",
            "pipe:0",
        ] {
            let said = addresses.check(address).unwrap_err();
            assert!(said.contains("only http and https"), "{address}: {said}");
        }
        for address in
            ["12:30.ts", "a.ts", "../a:b.ts", "https://x/y", "data:text/plain,x", "skd://x", "urn:x"]
        {
            assert_eq!(addresses.check(address), Ok(()), "{address}");
        }
        assert!(addresses.check_line("foo://x").is_err());
        assert!(addresses.check_xml("<MPD xmlns=\"http://x\"><BaseURL>file:///etc/</BaseURL>").is_err());
        assert_eq!(
            addresses.check_xml("<MPD xmlns=\"http://x\" a:b=\"urn:x\"><BaseURL>a.mp4</BaseURL>"),
            Ok(())
        );
    }

    #[test]
    fn a_playlist_in_a_file_names_files_only_and_shows_no_secrets() {
        let addresses = Addresses::new(true);
        assert_eq!(addresses.check_line("file:a.ts"), Ok(()));
        let said = addresses.check_line("http://user:pw@127.0.0.1/x.ts?secret").unwrap_err();
        assert!(said.contains("http://127.0.0.1/x.ts, and") && said.contains("only files"), "{said}");
    }

    #[test]
    fn a_list_of_files_may_not_name_lists() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("it's.mp4");
        std::fs::write(&list, "ffconcat version 1.0\n").unwrap();
        let url = format!("file:{}", list.display());
        let addresses = Addresses::new(true);
        assert!(addresses.check_entry(&url, "file it\\'s.mp4").unwrap_err().contains("it's.mp4"));
        assert_eq!(addresses.check_entry(&url, "file 'other video.mp4'"), Ok(()));
        assert_eq!(addresses.check_entry(&url, "duration 5"), Ok(()));
    }
}
