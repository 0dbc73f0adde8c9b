//! Where sightings go beside the observer: a file, a webhook.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use streamface_capture::shown;

use crate::sighting::Sighting;
use crate::{Error, Result};

/// Events that may wait for a slow webhook; what comes beyond is dropped and counted.
const WAITING: usize = 10_000;
/// Events of one post.
const TOGETHER: usize = 100;
/// Attempts at a post.
const ATTEMPTS: u32 = 4;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// All places where events go.
#[derive(Debug, Default)]
pub struct Outlets {
    file: Option<(PathBuf, BufWriter<File>)>,
    webhook: Option<Webhook>,
    /// The first thing that went wrong with the file.
    broken: Option<String>,
    broken_told: bool,
}

impl Outlets {
    /// Appended to a file, one JSON object a line.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn with_file(mut self, path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(Error::io(path))?;
        self.file = Some((path.to_owned(), BufWriter::new(file)));
        Ok(self)
    }

    /// And posted.
    #[must_use]
    pub fn with_webhook(self, webhook: Webhook) -> Self {
        Self { webhook: Some(webhook), ..self }
    }

    /// Tells of an event. What a file or a webhook does not take ends nothing: [`end`](Self::end) says so.
    pub fn tell(&mut self, sighting: &Sighting) {
        let Ok(line) = serde_json::to_string(sighting) else { return };
        if let Some((path, file)) = &mut self.file
            && let Err(e) = writeln!(file, "{line}").and_then(|()| file.flush())
        {
            self.broken.get_or_insert_with(|| format!("{}: {e}", path.display()));
        }
        if let Some(webhook) = &self.webhook {
            webhook.send(line);
        }
    }

    /// What has gone wrong for the first time since this was asked last.
    pub fn trouble(&mut self) -> Vec<String> {
        let file =
            self.broken.clone().filter(|_| !std::mem::replace(&mut self.broken_told, self.broken.is_some()));
        file.into_iter().chain(self.webhook.as_mut().and_then(Webhook::trouble)).collect()
    }

    /// Waits a little for what is under way; what was lost.
    pub fn end(self) -> Vec<String> {
        self.broken.into_iter().chain(self.webhook.and_then(Webhook::end)).collect()
    }
}

/// Posts `{"events": [..]}` from a thread of its own, so that a slow receiver delays nobody.
#[derive(Debug)]
pub struct Webhook {
    url: String,
    queue: SyncSender<String>,
    dropped: AtomicU64,
    failed: Arc<Failed>,
    told: bool,
    thread: JoinHandle<()>,
}

/// Events that were not taken, and what was said of the last ones.
#[derive(Debug, Default)]
struct Failed {
    events: AtomicU64,
    why: Mutex<Option<String>>,
}

impl Failed {
    fn add(&self, events: usize, why: String) {
        self.events.fetch_add(events as u64, Relaxed);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

impl Webhook {
    /// Starts posting to a url.
    ///
    /// # Errors
    /// It is neither http nor https.
    pub fn start(url: &str) -> Result<Self> {
        let lower = url.to_ascii_lowercase();
        if !(lower.starts_with("http://") || lower.starts_with("https://")) {
            let said = format!("--webhook {}: not an http:// or https:// address", shown(url));
            return Err(Error::Setting(said));
        }
        let (queue, waiting) = sync_channel(WAITING);
        let failed = Arc::new(Failed::default());
        let (to, lost) = (url.to_owned(), Arc::clone(&failed));
        let thread = std::thread::Builder::new().name("webhook".into()).spawn(move || {
            post_all(&to, &waiting, &lost);
        });
        let thread = thread.map_err(Error::io(Path::new(url)))?;
        Ok(Self { url: url.to_owned(), queue, dropped: AtomicU64::new(0), failed, told: false, thread })
    }

    fn send(&self, line: String) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(line) {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    fn trouble(&mut self) -> Option<String> {
        if self.told {
            return None;
        }
        let why = self.failed.why.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        self.told = true;
        Some(format!("--webhook {}: events are not taken: {why}", shown(&self.url)))
    }

    fn end(self) -> Option<String> {
        let Self { url, queue, dropped, failed, thread, .. } = self;
        drop(queue);
        // The thread ends by itself: attempts and waits are bounded.
        let _ = thread.join();
        let lost = dropped.load(Relaxed) + failed.events.load(Relaxed);
        let why = failed.why.lock().unwrap_or_else(PoisonError::into_inner).take();
        let why =
            why.unwrap_or_else(|| format!("it takes them too slowly, more than {WAITING} were waiting"));
        // The address may hold a token.
        (lost > 0).then(|| format!("--webhook {}: {lost} events were not taken: {why}", shown(&url)))
    }
}

/// What went wrong with a post, and what to do.
fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::StatusCode(code @ (401 | 403)) => {
            format!("the server answers {code}: does the address need a token or a password?")
        }
        ureq::Error::StatusCode(code @ (404 | 405 | 410)) => {
            format!("the server answers {code}: is the address right?")
        }
        ureq::Error::StatusCode(code) => format!("the server answers {code}"),
        ureq::Error::HostNotFound => {
            "the host is not known: is the name right, and is there a network?".to_owned()
        }
        ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
            "connection refused: is the server running, and the port right?".to_owned()
        }
        ureq::Error::Timeout(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        // These may repeat the address.
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the address is not valid".to_owned(),
        other => other.to_string(),
    }
}

fn post_all(url: &str, waiting: &Receiver<String>, failed: &Failed) {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(true).build();
    let agent = ureq::Agent::new_with_config(config);
    // After one post that was given up, the next ones get one attempt each until one is taken.
    let mut attempts = ATTEMPTS;
    while let Ok(first) = waiting.recv() {
        let mut lines = vec![first];
        lines.extend(waiting.try_iter().take(TOGETHER - 1));
        let body = format!("{{\"events\":[{}]}}", lines.join(","));
        let post = |attempt: u32| {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(250 << attempt));
            }
            agent.post(url).header("content-type", "application/json").send(&body).err()
        };
        let mut refused = post(0);
        for attempt in 1..attempts {
            if refused.is_none() {
                break;
            }
            refused = post(attempt);
        }
        attempts = if refused.is_none() { ATTEMPTS } else { 1 };
        if let Some(error) = refused {
            failed.add(lines.len(), explain(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use streamface_types::FrameId;

    use super::*;
    use crate::sighting::Person;

    fn left() -> Sighting {
        let at = FrameId::new("tv_frame_20230525100138412614").unwrap().timestamp().unwrap();
        Sighting::Left { person: Person { person: 1, name: None }, since: at, until: at }
    }

    #[test]
    fn a_webhook_gets_events_after_a_failure_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut bodies = Vec::new();
            for status in ["500 No", "200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut got = Vec::new();
                while !got.windows(3).any(|w| w == b"}]}") {
                    let mut part = [0; 1000];
                    let n = stream.read(&mut part).unwrap();
                    got.extend_from_slice(&part[..n]);
                }
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
                bodies.push(String::from_utf8(got).unwrap());
            }
            bodies
        });
        let mut outlets = Outlets::default().with_webhook(Webhook::start(&url).unwrap());
        outlets.tell(&left());
        assert_eq!(outlets.end(), Vec::<String>::new());
        let bodies = server.join().unwrap();
        assert!(
            bodies[1].contains("application/json") && bodies[1].contains("\"event\":\"left\""),
            "{bodies:?}"
        );
    }

    #[test]
    fn what_nobody_takes_is_told_at_the_end() {
        // A port that nobody listens on.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://user:pw@127.0.0.1:{port}/?token=secret");
        let mut outlets = Outlets::default().with_webhook(Webhook::start(&url).unwrap());
        assert_eq!(outlets.trouble(), Vec::<String>::new());
        outlets.tell(&left());
        let mut said = Vec::new();
        while said.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
            said = outlets.trouble();
        }
        assert!(
            said[0].contains("connection refused") && outlets.trouble().is_empty(),
            "told once: {said:?}"
        );
        let lost = outlets.end();
        assert!(
            lost.len() == 1 && lost[0].contains("1 events were not taken: connection refused"),
            "{lost:?}"
        );
        assert!(!lost[0].contains("secret") && !lost[0].contains("pw"), "{lost:?}");
        assert!(Webhook::start("ftp://x").is_err());
    }

    #[test]
    fn a_file_gets_a_line_an_event() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        for _ in 0..2 {
            let mut outlets = Outlets::default().with_file(&path).unwrap();
            outlets.tell(&left());
            assert!(outlets.end().is_empty());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2, "appended");
    }
}
