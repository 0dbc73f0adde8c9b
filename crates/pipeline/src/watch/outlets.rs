//! Where sightings go beside the observer: a file, a webhook.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

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
    failed: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Webhook {
    /// Starts posting to a url.
    ///
    /// # Errors
    /// It is neither http nor https.
    pub fn start(url: &str) -> Result<Self> {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(Error::Setting(format!("--webhook {url}: not an http:// or https:// address")));
        }
        let (queue, waiting) = sync_channel(WAITING);
        let failed = Arc::new(AtomicU64::new(0));
        let (to, count) = (url.to_owned(), Arc::clone(&failed));
        let thread = std::thread::Builder::new().name("webhook".into()).spawn(move || {
            post_all(&to, &waiting, &count);
        });
        let thread = thread.map_err(Error::io(Path::new(url)))?;
        Ok(Self { url: url.to_owned(), queue, dropped: AtomicU64::new(0), failed, thread })
    }

    fn send(&self, line: String) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(line) {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    fn end(self) -> Option<String> {
        let Self { url, queue, dropped, failed, thread } = self;
        drop(queue);
        // The thread ends by itself: attempts and waits are bounded.
        let _ = thread.join();
        let lost = dropped.load(Relaxed) + failed.load(Relaxed);
        (lost > 0).then(|| format!("{url}: {lost} events were not taken"))
    }
}

fn post_all(url: &str, waiting: &Receiver<String>, failed: &AtomicU64) {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(true).build();
    let agent = ureq::Agent::new_with_config(config);
    // After one post that was given up, the next ones get one attempt each until one is taken.
    let mut attempts = ATTEMPTS;
    while let Ok(first) = waiting.recv() {
        let mut lines = vec![first];
        lines.extend(waiting.try_iter().take(TOGETHER - 1));
        let body = format!("{{\"events\":[{}]}}", lines.join(","));
        let taken = (0..attempts).any(|attempt| {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(250 << attempt));
            }
            agent.post(url).header("content-type", "application/json").send(&body).is_ok()
        });
        attempts = if taken { ATTEMPTS } else { 1 };
        if !taken {
            failed.fetch_add(lines.len() as u64, Relaxed);
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
        let mut outlets =
            Outlets::default().with_webhook(Webhook::start(&format!("http://127.0.0.1:{port}/")).unwrap());
        outlets.tell(&left());
        let lost = outlets.end();
        assert!(lost.len() == 1 && lost[0].contains("1 events"), "{lost:?}");
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
