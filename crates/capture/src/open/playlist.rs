//! What a playlist may hold. ffmpeg reads playlists without limits, tries again what it may not open, and follows one
//! that names itself; so each is looked at while it is read, and refused with a reason.

use std::collections::HashSet;

use super::addresses::Addresses;

/// Longest playlist, bytes: a week of segments with long addresses.
const MAX_BYTES: usize = 32 << 20;
/// Most segments of a playlist: eleven days of segments of two seconds.
const MAX_SEGMENTS: usize = 500_000;
/// Memory that ffmpeg may take for the addresses of segments, bytes: each is stored with that of its playlist.
const MAX_MEMORY: usize = 256 << 20;
/// What ffmpeg stores of a segment beside its address, bytes.
const SEGMENT: usize = 200;
/// Most variants of a master playlist.
const MAX_VARIANTS: usize = 500;
/// Most master playlists of a source: by the standard one; servers that nest them are followed a little.
const MAX_MASTERS: usize = 8;
/// What is kept of a line, bytes; ffmpeg itself keeps 4096.
const MAX_LINE: usize = 4096;
/// Bytes that tell what something is.
const HEAD: usize = 64;

/// What the key of segments for licensed players says: FairPlay, Widevine, PlayReady.
const DRM: [&str; 4] = [
    "\"skd://",
    "com.apple.streamingkeydelivery",
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    "com.microsoft.playready",
];

/// What is known of the playlists of a source.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// What they may name.
    pub(super) addresses: Addresses,
    /// Master playlists read so far.
    pub(super) masters: HashSet<String>,
}

/// What looking at more of the bytes came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// More is to be looked at.
    On,
    /// This is no playlist: there is nothing to look at.
    Done,
    /// This is a page.
    Page,
    /// It must not be followed, and why.
    Refused(String),
}

/// Looks at what is read from one address.
#[derive(Debug)]
pub(super) struct Inspector {
    url: String,
    kind: Kind,
    bytes: usize,
    /// The line so far.
    line: Vec<u8>,
    segments: usize,
    memory: usize,
    variants: usize,
    is_master: bool,
    /// Whether it has a tag of a stream's playlist.
    has_tags: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Too little has been read.
    Unknown,
    Hls,
    /// DASH, or other XML.
    Xml,
    /// A list for ffmpeg's concat demuxer.
    Concat,
}

impl Inspector {
    /// Looks at what is read from `url`.
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            kind: Kind::Unknown,
            bytes: 0,
            line: Vec::new(),
            segments: 0,
            memory: 0,
            variants: 0,
            is_master: false,
            has_tags: false,
        }
    }

    /// Looks at the next bytes; `end` where there are no more.
    pub(super) fn look(&mut self, bytes: &[u8], end: bool, rules: &mut Rules) -> Look {
        if self.kind == Kind::Unknown {
            return self.tell(bytes, end, rules);
        }
        self.bytes += bytes.len();
        if self.bytes > MAX_BYTES {
            return Look::Refused(format!(
                "its playlist is longer than {} MiB; no stream needs that",
                MAX_BYTES >> 20
            ));
        }
        // XML may be a single line.
        let kind = self.kind;
        let ends = |&b: &u8| b == b'\n' || (kind == Kind::Xml && b == b'>');
        for part in bytes.split_inclusive(ends) {
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.last().is_some_and(ends)
                && let Err(why) = self.end_line(rules)
            {
                return Look::Refused(why);
            }
        }
        if end && let Err(why) = self.end_line(rules) {
            return Look::Refused(why);
        }
        if end && kind == Kind::Hls && self.segments > 0 && !self.has_tags {
            return Look::Refused("a list of channels, not a stream; give one of the addresses in it".into());
        }
        Look::On
    }

    /// What it is, by its first bytes.
    fn tell(&mut self, bytes: &[u8], end: bool, rules: &mut Rules) -> Look {
        self.line.extend_from_slice(bytes);
        if self.line.len() < HEAD && !end {
            let first = self.line.trim_ascii_start().first().copied();
            // A playlist begins with one of these, whatever comes after it.
            return if first.is_none_or(|b| b"#<f\xef".contains(&b)) { Look::On } else { Look::Done };
        }
        let head = self.line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.line).trim_ascii_start();
        let begins =
            |with: &str| head.get(..with.len()).is_some_and(|h| h.eq_ignore_ascii_case(with.as_bytes()));
        self.kind = match () {
            () if begins("#EXTM3U") => Kind::Hls,
            () if begins("<!doctype html") || begins("<html") => return Look::Page,
            () if begins("<?xml") || begins("<MPD") => Kind::Xml,
            () if begins("ffconcat version") => Kind::Concat,
            () => return Look::Done,
        };
        let first = std::mem::take(&mut self.line);
        self.look(&first, end, rules)
    }

    fn end_line(&mut self, rules: &mut Rules) -> Result<(), String> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        match self.kind {
            Kind::Hls => self.hls(text, rules),
            Kind::Xml => rules.addresses.check_xml(text),
            Kind::Concat => rules.addresses.check_entry(&self.url, text),
            Kind::Unknown => Ok(()),
        }
    }

    fn hls(&mut self, line: &str, rules: &mut Rules) -> Result<(), String> {
        self.has_tags |= line.starts_with("#EXT-X-");
        if line.starts_with("#EXT-X-STREAM-INF") || line.starts_with("#EXT-X-MEDIA:") {
            self.variant()?;
        }
        if line.starts_with("#EXT-X-STREAM-INF") && !self.is_master {
            self.is_master = true;
            if !rules.masters.insert(self.url.clone()) {
                return Err(
                    "its playlist names itself as one of its variants; the server is set up wrongly".into()
                );
            }
            if rules.masters.len() > MAX_MASTERS {
                return Err("its playlist names another, that one another, and so on without an end".into());
            }
        }
        if line.starts_with("#EXT-X-KEY:") && DRM.iter().any(|system| line.contains(system)) {
            return Err("it is encrypted for players with a licence (DRM), and cannot be decoded here".into());
        }
        if let Some(rest) = line.strip_prefix('#') {
            let uri = rest.split_once("URI=\"").and_then(|(_, rest)| rest.split('"').next());
            return uri.map_or(Ok(()), |uri| rules.addresses.check(uri));
        }
        if line.is_empty() {
            return Ok(());
        }
        self.segments += 1;
        self.memory += self.url.len() + line.len() + SEGMENT;
        if self.segments > MAX_SEGMENTS || self.memory > MAX_MEMORY {
            return Err(format!(
                "its playlist has more than {} segments; no stream needs that",
                self.segments - 1
            ));
        }
        rules.addresses.check_line(line)
    }

    fn variant(&mut self) -> Result<(), String> {
        self.variants += 1;
        if self.variants > MAX_VARIANTS {
            return Err(format!("its playlist has more than {MAX_VARIANTS} variants; no stream needs that"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(local: bool) -> Rules {
        Rules { addresses: Addresses::new(local), masters: HashSet::new() }
    }

    /// What is said of a text that comes in pieces of each size.
    fn look(text: &[u8], local: bool) -> Look {
        let one = |size: usize| {
            let (mut rules, mut inspector) = (rules(local), Inspector::new("http://host/a.m3u8"));
            let look = |part: &[u8], end| inspector.look(part, end, &mut rules);
            let mut look = look;
            for part in text.chunks(size) {
                let said = look(part, false);
                if said != Look::On {
                    return said;
                }
            }
            look(b"", true)
        };
        let said = one(text.len().max(1));
        assert_eq!(one(1), said, "in pieces of one byte");
        assert_eq!(one(7), said, "in pieces of seven bytes");
        said
    }

    fn refused(text: &str, local: bool) -> String {
        match look(text.as_bytes(), local) {
            Look::Refused(why) => why,
            other => panic!("{other:?}: {text}"),
        }
    }

    #[test]
    fn segments_for_licensed_players_are_told() {
        for key in [
            "METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"",
            "METHOD=SAMPLE-AES-CTR,URI=\"data:x\",KEYFORMAT=\"urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\"",
        ] {
            let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:{key}\n#EXTINF:2,\na.ts\n");
            assert!(refused(&text, false).contains("DRM"), "{key}");
        }
    }

    #[test]
    fn ordinary_playlists_and_videos_are_left_alone() {
        for text in [
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"https://key/1\"\n#EXTINF:2,\na.ts\n",
            "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"\n#EXTINF:2,\n12:30.ts\n#EXT-X-ENDLIST",
            "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>http://x/</BaseURL></MPD>",
        ] {
            assert_eq!(look(text.as_bytes(), false), Look::On, "{text}");
        }
        assert_eq!(look(b"ffconcat version 1.0\nfile 'a.mp4'\nfile b.ts\n", true), Look::On);
        for other in [
            &b"\0\0\0\x20ftypisom"[..],
            b"G\x40\0",
            b"#!AMR and something that is longer than sixty-four bytes ........",
        ] {
            assert_eq!(look(other, false), Look::Done);
        }
    }

    #[test]
    fn what_may_not_be_named_is_refused() {
        let dash = "<?xml version=\"1.0\"?><MPD><Period><BaseURL>file:///etc/</BaseURL></Period></MPD>";
        assert!(refused(dash, false).contains("file:///etc/"));
        assert!(refused("#EXTM3U\n#EXTINF:1,\ngopher://x/y", false).contains("gopher://x/y"));
        assert!(refused("#EXTM3U\n#EXT-X-MAP:URI=\"file:x\"\n", false).contains("file:x"));
        assert!(refused("ffconcat version 1.0\nfile a.mp4\n", false).contains("a.mp4"));
    }

    #[test]
    fn a_list_of_channels_is_no_stream() {
        let list =
            "#EXTM3U\n#EXTINF:-1,News\nhttp://host/news.m3u8\n#EXTINF:-1,Sport\nhttp://host/sport.m3u8\n";
        assert!(refused(list, false).contains("a list of channels"));
    }

    #[test]
    fn pages_are_told() {
        for page in
            ["<!DOCTYPE html><html><head><title>x</title></head><body></body></html>", "\n <HTML lang=en>"]
        {
            assert_eq!(look(page.as_bytes(), false), Look::Page);
        }
    }

    #[test]
    fn a_playlist_that_never_ends_is_refused_before_it_fills_the_memory() {
        let dash = b"<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><SegmentTimeline>";
        let (mut rules, head) =
            (rules(false), b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-VERSION:3\n");
        for (line, word) in [
            ("#EXTINF:2,\na.ts\n".to_owned(), "500000 segments"),
            ("#".to_owned(), "32 MiB"),
            (format!("#EXTINF:2,\n{}.ts\n", "a".repeat(4000)), "32 MiB"),
            ("#EXT-X-STREAM-INF:BANDWIDTH=1\nb.m3u8\n".to_owned(), "500 variants"),
            ("<S t=\"0\" d=\"2\"/>".to_owned(), "32 MiB"),
        ] {
            let mut inspector = Inspector::new("http://host/a.m3u8");
            let head = if line.starts_with('<') { dash } else { &head[..] };
            assert_eq!(inspector.look(head, false, &mut rules), Look::On);
            let many = line.repeat(1 + 100_000 / line.len());
            let said = (0..1000).find_map(|_| match inspector.look(many.as_bytes(), false, &mut rules) {
                Look::On => None,
                other => Some(other),
            });
            assert!(matches!(&said, Some(Look::Refused(why)) if why.contains(word)), "{word}: {said:?}");
        }
    }

    #[test]
    fn masters_that_name_themselves_or_each_other_are_refused() {
        let master =
            b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\nx.m3u8\n";
        let mut shared = rules(false);
        let mut read = |url: &str| Inspector::new(url).look(master, true, &mut shared);
        assert_eq!(read("http://host/1.m3u8"), Look::On);
        assert!(matches!(read("http://host/1.m3u8"), Look::Refused(why) if why.contains("names itself")));
        for n in 2..=8 {
            assert_eq!(read(&format!("http://host/{n}.m3u8")), Look::On);
        }
        assert!(matches!(read("http://host/9.m3u8"), Look::Refused(why) if why.contains("without an end")));
    }
}
