//! Sources that are fetched: bodies with and without a length, playlists with variants, what servers ask for, and what
//! is refused.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Answer, Sent, Server, ffmpeg, settings, video, walk};
use streamface_capture::{Notice, Settings};

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn always(sent: Sent, body: Vec<u8>) -> Server {
    Server::new("127.0.0.1:0", move |_| ("200 OK", String::new(), sent, body.clone()))
}

/// The same video as a transport stream, and as Matroska without a duration.
fn without_duration(dir: &Path) -> [(&'static str, Vec<u8>); 2] {
    let [mp4, ts, webm] = ["a.mp4", "a.ts", "a.webm"].map(|name| dir.join(name));
    video(&mp4, "320x180", 6, &[]);
    let mp4 = mp4.to_str().unwrap();
    ffmpeg(&["-i", mp4, "-c", "copy", ts.to_str().unwrap()]);
    // As a browser records: written to what cannot be sought in.
    ffmpeg(&[
        "-i",
        mp4,
        "-c:v",
        "libvpx",
        "-deadline",
        "realtime",
        "-g",
        "10",
        "-keyint_min",
        "10",
        "-f",
        "webm",
        "-live",
        "1",
        webm.to_str().unwrap(),
    ]);
    [("/a.ts", read(&ts)), ("/a.webm", read(&webm))]
}

#[test]
fn a_whole_body_is_a_file_that_ends() {
    let dir = tempfile::tempdir().unwrap();
    for (path, body) in without_duration(dir.path()) {
        let server = always(Sent::Length, body);
        let walked = walk(server.url(path), &settings());
        assert!(walked.errors.is_empty(), "{path}: {:?}", walked.errors);
        assert_eq!(walked.frames.len(), 6, "{path}: {:?}", walked.notices);
        let again = |n: &Notice| matches!(n, Notice::Reconnecting { .. });
        assert!(!walked.notices.iter().any(again), "{path}: {:?}", walked.notices);
        assert!(
            walked.frames[0].row.frame.to_string().contains("_frame_1970"),
            "{path}: named from its beginning"
        );
    }
}

#[test]
fn a_body_without_a_length_ends_when_it_is_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    for (path, body) in without_duration(dir.path()) {
        for sent in [Sent::Chunks, Sent::UntilClosed] {
            let server = always(sent, body.clone());
            let walked = walk(server.url(path), &settings());
            assert!(walked.errors.is_empty(), "{path}: {:?}", walked.errors);
            assert_eq!(walked.frames.len(), 6, "{path}: {:?}", walked.notices);
            let said = |n: &Notice| matches!(n, Notice::Warning(text) if text.contains("the same once more"));
            assert!(walked.notices.iter().any(said), "{path}: {:?}", walked.notices);
        }
    }
}

#[test]
fn a_download_that_breaks_off_is_begun_anew_and_given_up_where_it_comes_no_further() {
    let dir = tempfile::tempdir().unwrap();
    let [(path, body), _] = without_duration(dir.path());
    let half = body.len() / 2;
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let whole = body.clone();
    let server = Server::new("127.0.0.1:0", move |_| {
        let first = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        ("200 OK", String::new(), if first { Sent::Cut(half) } else { Sent::Length }, whole.clone())
    });
    let walked = walk(server.url(path), &settings());
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    assert_eq!(walked.frames.len(), 6, "{:?}", walked.notices);
    assert_eq!(server.count(), 2);

    let broken = always(Sent::Cut(half), body);
    let walked = walk(broken.url(path), &settings());
    assert!(walked.errors.len() == 1 && walked.errors[0].contains("broke off"), "{:?}", walked.errors);
    assert!((2..6).contains(&walked.frames.len()), "{}", walked.frames.len());
    assert!(broken.count() <= 4, "{}", broken.count());
}

/// A master playlist with variants in this order, each of its own size, and what it names.
fn master(dir: &Path, sizes: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut text = "#EXTM3U\n".to_owned();
    for (n, size) in sizes.iter().enumerate() {
        let list = dir.join(format!("v{n}.m3u8"));
        let more = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "-hls_playlist_type", "vod"];
        video(&list, size, 12, &more);
        text += &format!("#EXT-X-STREAM-INF:BANDWIDTH={},RESOLUTION={size}\nv{n}.m3u8\n", 100_000 * (n + 1));
    }
    for entry in fs::read_dir(dir).unwrap().flatten() {
        files.insert(format!("/{}", entry.file_name().to_str().unwrap()), read(&entry.path()));
    }
    fs::write(dir.join("master.m3u8"), &text).unwrap();
    files.insert("/master.m3u8".into(), text.into_bytes());
    files
}

#[test]
fn of_a_master_playlist_the_largest_variant_is_taken_or_the_one_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::of(master(dir.path(), &["160x90", "640x360", "320x180"]));
    let local = dir.path().join("master.m3u8");
    for (height, size) in
        [(None, (640, 360)), (Some(200), (320, 180)), (Some(90), (160, 90)), (Some(50), (160, 90))]
    {
        let settings = Settings { height, ..settings() };
        for source in [server.url("/master.m3u8"), local.to_str().unwrap().to_owned()] {
            let walked = walk(&source, &settings);
            assert!(walked.errors.is_empty(), "{:?}", walked.errors);
            assert_eq!((walked.sizes(), walked.frames.len()), (vec![size], 12), "{source} {height:?}");
        }
    }
    // Only the segments of the one taken are fetched to the end.
    let asked = server.requests.lock().unwrap();
    let last = asked.iter().filter(|(path, _)| path == "/v25.ts").count();
    assert_eq!(last, 1, "the last segment of the third variant, wanted once");
}

#[test]
fn headers_and_a_user_agent_are_sent_with_every_request() {
    let dir = tempfile::tempdir().unwrap();
    let files = master(dir.path(), &["320x180"]);
    let server = Server::new("127.0.0.1:0", move |(path, lines)| -> Answer {
        let has = |line: &str| lines.iter().any(|l| l == line);
        let asked =
            has("Referer: https://host/page") && has("X-Key: 1") && has("User-Agent: Mozilla/5.0 (X11)");
        match files.get(path) {
            Some(body) if asked => ("200 OK", String::new(), Sent::Length, body.clone()),
            _ => ("403 Forbidden", String::new(), Sent::Length, Vec::new()),
        }
    });
    let url = server.url("/master.m3u8");
    let walked = walk(&url, &Settings { first_attempts: 1, ..settings() });
    assert!(walked.errors[0].contains("--header, --user-agent"), "{:?}", walked.errors);
    let settings = Settings {
        headers: vec!["Referer: https://host/page".into(), "X-Key: 1".into()],
        user_agent: Some("Mozilla/5.0 (X11)".into()),
        ..settings()
    };
    let walked = walk(&url, &settings);
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    assert_eq!(walked.frames.len(), 12);
}

#[test]
fn urls_of_any_case_and_of_ipv6_have_clean_names() {
    let dir = tempfile::tempdir().unwrap();
    let [(path, body), _] = without_duration(dir.path());
    let served = body.clone();
    let server = Server::new("[::1]:0", move |_| ("200 OK", String::new(), Sent::Length, served.clone()));
    let walked = walk(format!("HTTP://[::1]:{}{path}", server.port), &settings());
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    assert!(
        walked.frames[0].row.frame.to_string().starts_with("ipv6-1_frame_"),
        "{}",
        walked.frames[0].row.frame
    );
    assert_eq!(walked.frames[0].row.source, format!("http://[::1]:{}{path}", server.port));
}

/// What is said of a playlist, at once.
fn refused(files: &[(&str, &str)], path: &str, word: &str) {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let server = Server::of(files);
    let start = Instant::now();
    let walked = walk(server.url(path), &settings());
    assert!(walked.errors.len() == 1 && walked.errors[0].contains(word), "{word}: {:?}", walked.errors);
    assert!(walked.notices.is_empty(), "{:?}", walked.notices);
    assert!(start.elapsed() < Duration::from_secs(5) && server.count() < 20, "{} requests", server.count());
}

#[test]
fn playlists_that_lead_elsewhere_or_nowhere_are_refused_at_once() {
    const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n";
    const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=640x360\n";
    for address in ["file:///etc/passwd", "gopher://127.0.0.1:1/x", "file:a.ts", "rtmp://127.0.0.1/x"] {
        refused(&[("/a.m3u8", &format!("{MEDIA}{address}\n"))], "/a.m3u8", address);
        refused(&[("/a.m3u8", &format!("{MASTER}{address}\n"))], "/a.m3u8", address);
        let inner = format!("{MEDIA}{address}\n");
        refused(&[("/m.m3u8", &format!("{MASTER}a.m3u8\n")), ("/a.m3u8", &inner)], "/m.m3u8", address);
    }
    refused(&[("/m.m3u8", &format!("{MASTER}m.m3u8\n"))], "/m.m3u8", "names itself");
    refused(
        &[("/m.m3u8", &format!("{MASTER}m.m3u8?a=1\n")), ("/m.m3u8?a=1", &format!("{MASTER}m.m3u8\n"))],
        "/m.m3u8",
        "itself",
    );
    refused(
        &[("/x", "<!DOCTYPE html>\n<html><head><title>Watch</title></head><body>video</body></html>")],
        "/x",
        "yt-dlp",
    );
}

#[test]
fn playlists_within_playlists_without_an_end_are_refused() {
    let server = Server::new("127.0.0.1:0", |(path, _)| {
        let number: u64 = path.trim_start_matches("/list").parse().unwrap();
        let text = format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlist{}\n", number + 1);
        ("200 OK", String::new(), Sent::Length, text.into_bytes())
    });
    let walked = walk(server.url("/list1"), &settings());
    assert!(walked.errors[0].contains("without an end"), "{:?}", walked.errors);
    assert!(server.count() < 20, "{}", server.count());
}

#[test]
fn a_playlist_that_never_ends_is_an_error_and_takes_little_memory() {
    for line in ["#EXTINF:2,\nsegment.ts\n", "#\n"] {
        let body = [
            b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n".to_vec(),
            line.repeat(36_000_000 / line.len()).into_bytes(),
        ];
        let server = always(Sent::Length, body.concat());
        let start = Instant::now();
        // The bound is of bytes; a busy machine may need long for them.
        let minute = Duration::from_secs(60);
        let settings = Settings { open_timeout: minute, read_timeout: minute, ..settings() };
        let walked = walk(server.url("/a.m3u8"), &settings);
        assert!(
            walked.errors.len() == 1 && walked.errors[0].contains("its playlist"),
            "{line}: {:?}",
            walked.errors
        );
        assert!(start.elapsed() < Duration::from_secs(90) && server.count() == 1);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        assert!(peak.is_none_or(|kb| kb < 900_000), "{peak:?} kB");
    }
}

#[test]
fn a_server_that_leads_to_a_file_is_refused_at_once() {
    let location = "Location: file:///etc/passwd\r\n";
    let server =
        Server::new("127.0.0.1:0", move |_| ("302 Found", location.to_owned(), Sent::Length, Vec::new()));
    let walked = walk(server.url("/a.mp4"), &settings());
    assert!(walked.errors[0].contains("none that is opened"), "{:?}", walked.errors);
    assert_eq!((server.count(), walked.notices.len()), (1, 0));
}

#[test]
fn an_unknown_host_is_named() {
    let settings = Settings { first_attempts: 1, ..settings() };
    let walked = walk("http://no-such-host.invalid/live.m3u8", &settings);
    assert!(walked.errors[0].contains("the host 'no-such-host.invalid' is not known"), "{:?}", walked.errors);
}

/// What is said to be missing.
fn missing(notices: &[Notice]) -> Vec<&str> {
    fn text(notice: &Notice) -> Option<&str> {
        if let Notice::Incomplete(text) = notice { Some(text) } else { None }
    }
    notices.iter().filter_map(text).collect()
}

#[test]
fn segments_that_cannot_be_fetched_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let files = master(dir.path(), &["320x180"]);
    let walked = walk(Server::of(files.clone()).url("/v0.m3u8"), &settings());
    assert_eq!((walked.frames.len(), missing(&walked.notices)), (12, Vec::new()), "{:?}", walked.notices);
    for name in ["/v00.ts", "/v02.ts", "/v05.ts"] {
        let mut less = files.clone();
        less.remove(name).unwrap();
        let walked = walk(Server::of(less).url("/v0.m3u8"), &settings());
        let said = missing(&walked.notices);
        assert!(said.len() == 1 && said[0].contains(name), "{name}: {:?}", walked.notices);
        assert!(walked.errors.is_empty() && walked.frames.len() == 10, "{name}: {}", walked.frames.len());
    }
    // One that breaks off, and a page in the place of one.
    let broken = files.clone();
    let server = Server::new("127.0.0.1:0", move |(path, _)| match (path.as_str(), broken.get(path)) {
        ("/v03.ts", Some(body)) => ("200 OK", String::new(), Sent::Cut(body.len() / 3), body.clone()),
        ("/v04.ts", _) => {
            ("200 OK", String::new(), Sent::Length, b"<!DOCTYPE html><html>Sorry</html>".repeat(9))
        }
        (_, Some(body)) => ("200 OK", String::new(), Sent::Length, body.clone()),
        _ => ("404 Not Found", String::new(), Sent::Length, Vec::new()),
    });
    let walked = walk(server.url("/v0.m3u8"), &settings());
    let said = missing(&walked.notices);
    assert!(
        said.iter().any(|s| s.contains("2 of the parts") && s.contains("/v03.ts")),
        "{:?}",
        walked.notices
    );
}

#[test]
fn an_index_at_the_end_of_what_cannot_be_sought_in_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mp4 = dir.path().join("a.mp4");
    // So long that the way back is not in memory.
    video(&mp4, "1280x720", 20, &["-qp", "1"]);
    let server = always(Sent::Length, read(&mp4));
    let walked = walk(server.url("/a.mp4"), &settings());
    assert!(
        walked.errors.len() == 1 && walked.errors[0].contains("its index is at its end"),
        "{:?}",
        walked.errors
    );
    assert_eq!(server.count(), 1, "{:?}", walked.notices);
    #[cfg(unix)]
    {
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (body, to) = (read(&mp4), pipe.clone());
        let writer = std::thread::spawn(move || drop(fs::write(to, body)));
        let walked = walk(&pipe, &settings());
        assert!(
            walked.errors.len() == 1 && walked.errors[0].contains("its index is at its end"),
            "{:?}",
            walked.errors
        );
        writer.join().unwrap();
    }
}

#[test]
fn answers_of_servers_are_told_in_words() {
    for (status, word) in [
        ("400 Bad Request", "answers 400"),
        ("410 Gone", "refuses the request"),
        ("429 Too Many Requests", "refuses the request"),
        ("503 Service Unavailable", "an error of its own"),
    ] {
        let server = Server::new("127.0.0.1:0", move |_| (status, String::new(), Sent::Length, Vec::new()));
        let walked = walk(server.url("/a.mp4"), &Settings { first_attempts: 1, ..settings() });
        assert!(walked.errors.len() == 1 && walked.errors[0].contains(word), "{status}: {:?}", walked.errors);
    }
}

#[test]
fn a_key_that_is_missing_and_a_variant_that_is_missing_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = master(dir.path(), &["320x180", "640x360"]);
    files.remove("/v1.m3u8").unwrap();
    let walked = walk(Server::of(files.clone()).url("/master.m3u8"), &settings());
    let said = |n: &Notice| matches!(n, Notice::Warning(s) | Notice::Incomplete(s) if s.contains("v1.m3u8"));
    assert!(walked.notices.iter().any(said), "{:?} {:?}", walked.notices, walked.errors);

    let list = String::from_utf8(files["/v0.m3u8"].clone()).unwrap();
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"secret.key\"\n#EXTINF";
    files.insert("/v0.m3u8".into(), list.replacen("#EXTINF", key, 1).into_bytes());
    let walked = walk(Server::of(files).url("/v0.m3u8"), &Settings { first_attempts: 1, ..settings() });
    assert!(
        walked.errors.iter().any(|e| e.contains("secret.key")),
        "{:?} {:?}",
        walked.errors,
        walked.notices
    );
}
