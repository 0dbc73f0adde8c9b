//! What the tests of sources share: made videos, a small HTTP server, and a way to go through a source.

// Each test binary uses its own part of this.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamface_capture::{Capture, CapturedFrame, Notice, Settings, Stop, sources};

/// Runs `ffmpeg` quietly.
pub fn ffmpeg(args: &[&str]) {
    let out = Command::new("ffmpeg").args(["-v", "error", "-nostdin", "-y"]).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A video of so many seconds with a keyframe a second, each another picture.
pub fn video(path: &Path, size: &str, seconds: u32, more: &[&str]) {
    let input = format!("testsrc2=size={size}:rate=10");
    let length = seconds.to_string();
    let mut args =
        vec!["-f", "lavfi", "-i", &input, "-t", &length, "-c:v", "libx264", "-preset", "ultrafast"];
    args.extend(["-g", "10", "-keyint_min", "10", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]);
    args.extend(more);
    args.push(path.to_str().unwrap());
    ffmpeg(&args);
}

/// What came of a source.
pub struct Walked {
    pub frames: Vec<CapturedFrame>,
    pub errors: Vec<String>,
    pub notices: Vec<Notice>,
}

impl Walked {
    /// The sizes of the frames, one for each that there is.
    pub fn sizes(&self) -> Vec<(u32, u32)> {
        let mut sizes: Vec<_> = self.frames.iter().map(|f| (f.row.width, f.row.height)).collect();
        sizes.dedup();
        sizes
    }
}

/// Settings that find nothing to drop and do not wait long.
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.filters.empty_threshold = 1.0;
    settings.filters.blur_threshold = 0.0;
    settings.filters.similarity_threshold = 1.0;
    settings.open_timeout = Duration::from_secs(10);
    settings.read_timeout = Duration::from_secs(10);
    settings
}

/// Goes through a source. What is still under way after a minute and a half is stopped, and an error.
pub fn walk(spec: impl AsRef<OsStr>, settings: &Settings) -> Walked {
    let stop = Stop::new();
    let late = stop.clone();
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    let clock = std::thread::spawn(move || {
        if waiting.recv_timeout(Duration::from_secs(90)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            late.stop();
        }
    });
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    match sources(spec, None) {
        Err(e) => errors.push(e.to_string()),
        Ok(found) => {
            errors.extend(found.unreadable.iter().map(ToString::to_string));
            let capture = Capture::builder(found)
                .settings(settings.clone())
                .stop(stop.clone())
                .notice(move |notice| heard.lock().unwrap().push(notice))
                .build()
                .unwrap();
            for item in capture {
                match item {
                    Ok(frame) => frames.push(frame),
                    Err(e) => errors.push(e.to_string()),
                }
            }
        }
    }
    drop(done);
    clock.join().unwrap();
    assert!(!stop.is_set(), "no end within 90 s: {errors:?} {:?}", notices.lock().unwrap());
    let notices = std::mem::take(&mut *notices.lock().unwrap());
    Walked { frames, errors, notices }
}

/// How a body is sent.
#[derive(Clone, Copy)]
pub enum Sent {
    /// With its length, and without ranges.
    Length,
    /// In chunks, with a last one.
    Chunks,
    /// Until the connection is closed.
    UntilClosed,
    /// With its length, of which this much comes.
    Cut(usize),
}

/// What is asked for: the path, and the lines of the request.
pub type Request = (String, Vec<String>);
/// What is answered: the status, more header lines, how the body is sent, and the body.
pub type Answer = (&'static str, String, Sent, Vec<u8>);

/// A server that lives until the test's process ends.
pub struct Server {
    pub port: u16,
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request as `answer` says.
    pub fn new(address: &str, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { port, requests }
    }

    /// Serves these bodies by path, with their length; 404 for others.
    pub fn of(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::new("127.0.0.1:0", move |(path, _)| match files.get(path) {
            Some(body) => ("200 OK", String::new(), Sent::Length, body.clone()),
            None => ("404 Not Found", String::new(), Sent::Length, Vec::new()),
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Answer) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).take(1 << 16).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let request = (path, lines.take_while(|line| !line.is_empty()).collect());
    log.lock().unwrap().push(request.clone());
    let (status, more, sent, body) = answer(&request);
    let length = match sent {
        Sent::Length | Sent::Cut(_) => format!("Content-Length: {}\r\n", body.len()),
        Sent::Chunks => "Transfer-Encoding: chunked\r\n".to_owned(),
        Sent::UntilClosed => String::new(),
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{more}{length}Connection: close\r\n\r\n");
    let _ = match sent {
        Sent::Chunks => body.chunks(10_000).try_for_each(|part| {
            write!(stream, "{:x}\r\n", part.len())?;
            stream.write_all(part)?;
            stream.write_all(b"\r\n")
        }),
        Sent::Cut(length) => stream.write_all(&body[..length]),
        Sent::Length | Sent::UntilClosed => stream.write_all(&body),
    };
    if matches!(sent, Sent::Chunks) {
        let _ = stream.write_all(b"0\r\n\r\n");
    }
}
