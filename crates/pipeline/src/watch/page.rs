//! Who is on screen, in a browser: a page that is told of everything as it happens.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use streamface_store::files;
use streamface_types::FaceId;
use streamface_web::axum::Json;
use streamface_web::axum::body::Bytes;
use streamface_web::axum::extract::{Path, State};
use streamface_web::axum::http::header;
use streamface_web::axum::response::sse::{Event as Message, KeepAlive, Sse};
use streamface_web::axum::response::{IntoResponse, Response};
use streamface_web::axum::routing::get;
use streamface_web::{Asset, Options, Server, assets, nothing};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::sighting::{Person, Sighting};

/// Largest picture of a known person that is shown, in bytes.
const MAX_PORTRAIT: u64 = 64 << 20;
/// Pictures of faces that are kept in memory.
const PICTURES: usize = 400;
/// People who left that are still shown.
const RECENT: usize = 60;
/// Events that a slow browser may be behind; then it starts anew.
const BEHIND: usize = 256;

static ASSETS: [Asset; 3] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/watch.css", "text/css; charset=utf-8", include_str!("page/watch.css")),
    ("/watch.js", "text/javascript; charset=utf-8", include_str!("page/watch.js")),
];

/// A card of the page.
#[derive(Debug, Clone, Serialize)]
struct Card {
    #[serde(flatten)]
    person: Person,
    new: bool,
    /// Milliseconds since 1970.
    since: i64,
    until: i64,
    face: String,
    distance: f64,
    /// Whether the dataset has a picture of the person.
    portrait: bool,
}

#[derive(Debug, Default)]
struct Shown {
    source: String,
    here: BTreeMap<u64, Card>,
    recent: VecDeque<Card>,
    frames: u64,
    faces: u64,
    new: u64,
    delay_ms: Option<i64>,
    pictures: BTreeMap<String, Bytes>,
    order: VecDeque<String>,
    portraits: BTreeMap<u64, PathBuf>,
    over: bool,
}

#[derive(Clone)]
struct App {
    shown: Arc<Mutex<Shown>>,
    news: broadcast::Sender<String>,
}

impl App {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The page, being served.
pub struct Page {
    app: App,
    server: Server,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Page {
    /// Serves the page of a source. `portraits` are pictures of known people, by number.
    ///
    /// # Errors
    /// The address is taken.
    pub fn start(
        source: &str,
        portraits: BTreeMap<u64, PathBuf>,
        options: Options,
    ) -> Result<Self, streamface_web::Error> {
        let shown = Shown { source: source.to_owned(), portraits, ..Shown::default() };
        let app = App { shown: Arc::new(Mutex::new(shown)), news: broadcast::channel(BEHIND).0 };
        let router = assets(&ASSETS)
            .route("/api/state", get(state))
            .route("/api/events", get(events))
            .route("/image/face/{face}", get(face))
            .route("/image/person/{person}", get(portrait))
            .with_state(app.clone());
        Ok(Self { server: Server::start("watch", router, options)?, app })
    }

    /// What to open in a browser.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A picture of a face that events will speak of.
    pub fn picture(&self, face: &FaceId, png: Vec<u8>) {
        let mut shown = self.app.shown();
        shown.order.push_back(face.to_string());
        shown.pictures.insert(face.to_string(), png.into());
        while shown.order.len() > PICTURES {
            if let Some(old) = shown.order.pop_front() {
                shown.pictures.remove(&old);
            }
        }
    }

    /// Something happened.
    pub fn tell(&self, sighting: &Sighting) {
        self.change(|shown| shown.take(sighting));
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.app.shown();
        change(&mut shown);
        // Whoever comes later is told all of it first.
        if self.app.news.receiver_count() > 0 {
            let _ = self.app.news.send(shown.state().to_string());
        }
    }

    /// The stream is over; says so, and stops.
    pub fn end(self) {
        self.change(|shown| shown.over = true);
        // For the word to get out.
        std::thread::sleep(Duration::from_millis(100));
        self.server.stop();
    }
}

impl Shown {
    fn take(&mut self, sighting: &Sighting) {
        match sighting {
            Sighting::Frame { at, delay_ms, faces, .. } => {
                self.frames += 1;
                self.faces += faces.len() as u64;
                self.delay_ms = *delay_ms;
                for seen in faces {
                    self.new += u64::from(seen.new);
                    if let Some(card) = self.here.get_mut(&seen.person.person) {
                        card.until = at.micros() / 1000;
                        card.face = seen.face.to_string();
                        card.distance = seen.distance;
                    }
                }
            }
            Sighting::Came { person, new, at, face } => {
                let card = Card {
                    person: person.clone(),
                    new: *new,
                    since: at.micros() / 1000,
                    until: at.micros() / 1000,
                    face: face.to_string(),
                    distance: 0.0,
                    portrait: self.portraits.contains_key(&person.person),
                };
                self.here.insert(person.person, card);
            }
            Sighting::Left { person, until, .. } => {
                if let Some(mut card) = self.here.remove(&person.person) {
                    card.until = until.micros() / 1000;
                    self.recent.push_front(card);
                    self.recent.truncate(RECENT);
                }
            }
        }
    }

    /// All that the page shows. Small, so that it is told whole: a browser that missed something is right again with
    /// the next.
    fn state(&self) -> Value {
        json!({
            "source": self.source, "here": self.here.values().collect::<Vec<_>>(), "recent": self.recent,
            "frames": self.frames, "faces": self.faces, "new": self.new, "delay_ms": self.delay_ms,
            "over": self.over,
        })
    }
}

async fn state(State(app): State<App>) -> Json<Value> {
    Json(app.shown().state())
}

async fn events(State(app): State<App>) -> impl IntoResponse {
    // Subscribed before the first look, so that nothing falls between.
    let news = app.news.subscribe();
    let first = app.shown().state().to_string();
    let stream = futures_util::stream::unfold((news, Some(first)), |(mut news, first)| async move {
        let text = match first {
            Some(text) => text,
            None => loop {
                match news.recv().await {
                    Ok(text) => break text,
                    // Too slow: the next one has all of it.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            },
        };
        Some((Ok::<_, std::convert::Infallible>(Message::default().data(text)), (news, None)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(5)))
}

fn png(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=3600")], bytes)
        .into_response()
}

async fn face(State(app): State<App>, Path(face): Path<String>) -> Response {
    let picture = app.shown().pictures.get(&face).cloned();
    picture.map_or_else(nothing, png)
}

async fn portrait(State(app): State<App>, Path(person): Path<u64>) -> Response {
    // A path of the dataset's own, never one that a client names.
    let path = app.shown().portraits.get(&person).cloned();
    let Some(path) = path else { return nothing() };
    let read = tokio::task::spawn_blocking(move || files::read(&path, MAX_PORTRAIT)).await;
    let picture = read.ok().and_then(Result::ok).filter(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    picture.map_or_else(nothing, |bytes| png(bytes.into()))
}
