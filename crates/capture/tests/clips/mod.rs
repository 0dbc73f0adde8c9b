//! What the tests share: clips made by ffmpeg, their frames, and a server that sends without an end.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use image::RgbImage;
use streamface_capture::{Capture, Error, FilterSettings, Notice, Settings, sources};

/// Runs `ffmpeg` quietly, with a command line that is split at blanks; `DIR` stands for a folder.
pub fn ffmpeg(dir: &Path, line: &str) {
    let args: Vec<String> =
        line.split_whitespace().map(|a| a.replace("DIR", dir.to_str().unwrap())).collect();
    let out = Command::new("ffmpeg").args(["-v", "error", "-nostdin", "-y"]).args(&args).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A clip `NAME` of some seconds at 25 frames a second, with other options of the encoder. A moving test picture.
pub fn clip(dir: &Path, name: &str, size: &str, seconds: u32, options: &str) {
    let source = format!("-f lavfi -i testsrc2=size={size}:rate=25:duration={seconds}");
    ffmpeg(dir, &format!("{source} -pix_fmt yuv420p {options} DIR/{name}"));
}

/// x264, with a keyframe every 2 s and nowhere else.
pub const X264: &str = "-c:v libx264 -preset ultrafast -qp 16 -g 50 -keyint_min 50 -sc_threshold 0";

/// What a capture gave.
#[derive(Debug, Default)]
pub struct Captured {
    /// Seconds on the stream's clock, and the pictures.
    pub frames: Vec<(f64, RgbImage)>,
    /// Names of the frames.
    pub names: Vec<String>,
    pub corrupt: u64,
    pub errors: Vec<Error>,
    pub said: Vec<String>,
}

/// All frames of a file or url, none filtered; of a file the same with several decoders.
pub fn capture(source: &str, limit: Option<Duration>) -> Captured {
    let all = capture_with(source, limit, 1);
    if Path::new(source).is_file() {
        for decoders in [2, 5] {
            assert_same(&all, &capture_with(source, limit, decoders));
        }
    }
    all
}

/// Fails where two captures of a file differ in anything.
pub fn assert_same(one: &Captured, other: &Captured) {
    assert_eq!((&one.names, one.corrupt, &one.said), (&other.names, other.corrupt, &other.said));
    assert!(one.frames == other.frames, "other pictures");
    assert_eq!(format!("{:?}", one.errors), format!("{:?}", other.errors));
}

/// All frames of a file or url, none filtered, with so many decoders.
pub fn capture_with(source: &str, limit: Option<Duration>, decoders: usize) -> Captured {
    let filters = FilterSettings { empty_threshold: 1.0, blur_threshold: 0.0, similarity_threshold: 1.0 };
    let settings = Settings { filters, limit, ..Settings::default() };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = heard.clone();
    let notice = move |n| match n {
        Notice::Warning(text) | Notice::Incomplete(text) => hear.lock().unwrap().push(text),
        Notice::Reconnecting { why, .. } => hear.lock().unwrap().push(format!("reconnecting: {why}")),
        _ => {}
    };
    let found = sources(source, None).unwrap();
    let mut walk =
        Capture::builder(found).settings(settings).notice(notice).decoders(decoders).build().unwrap();
    let mut all = Captured::default();
    for frame in walk.by_ref() {
        match frame {
            Ok(frame) => {
                let time = frame.row.stream_time.map_or(0.0, |t| t.micros() as f64 / 1e6);
                all.names.push(frame.row.frame.to_string());
                all.frames.push((time, frame.image.unwrap()));
            }
            Err(e) => all.errors.push(e),
        }
    }
    all.corrupt = walk.corrupt();
    drop(walk);
    all.said = heard.lock().unwrap().clone();
    all
}

/// All frames of a file in a folder.
pub fn capture_file(dir: &Path, name: &str) -> Captured {
    capture(dir.join(name).to_str().unwrap(), None)
}

/// Times of frames, in whole hundredths of a second.
pub fn times(captured: &Captured) -> Vec<i64> {
    captured.frames.iter().map(|(t, _)| (t * 100.0).round() as i64).collect()
}

/// The picture that ffmpeg shows first, or of a filter that selects one.
pub fn shown(dir: &Path, name: &str, options: &str) -> RgbImage {
    ffmpeg(dir, &format!("-i DIR/{name} {options} -frames:v 1 DIR/shown.png"));
    image::open(dir.join("shown.png")).unwrap().into_rgb8()
}

/// Mean difference of two pictures of one size.
#[track_caller]
pub fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

/// A server on this machine that sends `bytes` to whoever asks, without a length, and then nothing, without an end.
/// Gives the url of `name`.
pub fn serve(bytes: Vec<u8>, name: &str, kind: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&bytes);
            held.push(stream);
        }
    });
    format!("http://127.0.0.1:{port}/{name}")
}

/// A server on this machine of a folder's files. Gives the url of `name`.
pub fn serve_folder(dir: &Path, name: &str) -> String {
    let (dir, listener) = (dir.to_owned(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let n = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..n]).into_owned();
            let path = request.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches('/');
            let (status, body) = match std::fs::read(dir.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    format!("http://127.0.0.1:{port}/{name}")
}
