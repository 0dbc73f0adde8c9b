//! A small HTTP server for pages and programs on this machine, careful about who asks.
//!
//! | part | what |
//! |---|---|
//! | [`Server`], [`Options`] | starting and stopping |
//! | `guard` | host, origin, token, rate, headers |
//! | `body` | bodies: read after all other checks, bounded one by one and together |
//! | `connections` | which connections there are, and which gives way |
//! | `serve` | connections one by one: cut off when slow |

mod body;
mod connections;
mod guard;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::Duration;

pub use axum;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use body::Bodies;
use serde::Deserialize;
use tokio::sync::watch;

use connections::{Connection, Connections};
use guard::{Guard, Rate, Secret, WrongTokens};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Where a token is exchanged for a cookie.
const TOKEN: &str = "/api/token";

/// How a server listens, and its bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Where it listens. Beyond loopback a token is needed. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names that it answers to, beside addresses in figures and `localhost`: that of a proxy, say.
    pub names: Vec<String>,
    /// Connections at once. Of these a quarter at most are of strangers from one address, a half at most are event
    /// streams, and a quarter at most event streams to one address. Idle ones give way to newcomers, strangers first.
    pub connections: usize,
    /// How long a request may take to arrive, and a connection may be still.
    pub patience: Duration,
    /// Bytes of a post.
    pub body: usize,
    /// Bytes of all posts that are being worked on; a post beyond that gets status 503.
    pub bodies: usize,
    /// Posts a second, over time; twice as many at once.
    pub posts_per_second: f64,
    /// What addresses start with that need the token, where there is one.
    pub private: &'static [&'static str],
    /// Whether programs may post, which send no origin as a page does.
    pub programs: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: Vec::new(),
            connections: 128,
            patience: Duration::from_secs(15),
            body: 2 << 20,
            bodies: 64 << 20,
            posts_per_second: 50.0,
            private: &["/api/", "/image/"],
            programs: false,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {listen}: {source}; choose another --listen address or port")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// No threads, or no timers.
    #[error("the server cannot start: {0}")]
    Start(std::io::Error),
    /// No random numbers for a token.
    #[error("no random numbers for a token: {0}")]
    Token(getrandom::Error),
}

/// A server under way. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    token: Option<String>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server in a thread of its own, which carries `name`. `POST /api/token` exchanges the token for the
    /// cookie; all else is the router's, which needs no reply of its own to what it does not have.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(name: &str, router: Router, options: Options) -> Result<Self, StartError> {
        let listener = std::net::TcpListener::bind(options.listen)
            .and_then(|l| l.set_nonblocking(true).map(|()| l))
            .map_err(|source| StartError::Listen { listen: options.listen, source })?;
        let address = listener.local_addr().map_err(StartError::Start)?;
        let secret = match address.ip().is_loopback() {
            true => None,
            false => Some(Secret::new().map_err(StartError::Token)?),
        };
        let token = secret.as_ref().map(|s| s.token.clone());
        let rules = Arc::new(Guard {
            port: address.port(),
            names: options.names.clone(),
            secret,
            private: options.private,
            programs: options.programs,
            rate: Rate::new(options.posts_per_second),
            wrong: WrongTokens::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .enable_all()
            .build()
            .map_err(StartError::Start)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(StartError::Start)?
        };
        let (stop, stopped) = watch::channel(false);
        let name = name.to_owned();
        let work = move || {
            let connections = Arc::new(Connections::new(options.connections, rules.secret.is_none()));
            let app = guarded(router, &rules, &options);
            runtime.block_on(serve::run(listener, app, connections, options.patience, stopped));
            // An answer being saved is waited for: it may be acknowledged yet.
            runtime.shutdown_timeout(Duration::from_secs(5));
        };
        let thread = std::thread::Builder::new().name(name).spawn(work).map_err(StartError::Start)?;
        Ok(Self { address, token, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser. The token, where one is needed, stands behind `#`: browsers keep that to
    /// themselves, so that it is in no log and no `Referer`.
    #[must_use]
    pub fn url(&self) -> String {
        let mut shown = self.address;
        if shown.ip().is_unspecified() {
            // Every address of this machine; the reader may put another in its place.
            shown.set_ip(match shown.is_ipv4() {
                true => Ipv4Addr::LOCALHOST.into(),
                false => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        match &self.token {
            Some(token) => format!("http://{shown}/#token={token}"),
            None => format!("http://{shown}/"),
        }
    }

    /// Finishes what is under way and stops.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // Its panic was printed; there is no one left to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A file of a page: path, media type, text.
pub type Asset = (&'static str, &'static str, &'static str);

/// Addresses of the files of a page, which are embedded in the program.
pub fn assets<S: Clone + Send + Sync + 'static>(files: &'static [Asset]) -> Router<S> {
    files.iter().fold(Router::new(), |router, &(path, kind, text)| {
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
        router.route(path, get(move || async move { (headers, text) }))
    })
}

/// A failure as pages and programs read it: `{"error": a word, "message": a sentence}`.
#[must_use]
pub fn failure(status: StatusCode, error: &str, message: &str) -> Response {
    (status, Json(serde_json::json!({"error": error, "message": message}))).into_response()
}

/// The reply where there is nothing.
#[must_use]
pub fn nothing() -> Response {
    failure(StatusCode::NOT_FOUND, "unknown", "There is nothing at this address.")
}

async fn other_way() -> Response {
    failure(StatusCode::METHOD_NOT_ALLOWED, "unknown", "This address is asked in another way.")
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn token(
    State(guard): State<Arc<Guard>>,
    Extension(connection): Extension<Arc<Connection>>,
    body: Result<Json<Token>, axum::extract::rejection::JsonRejection>,
) -> Response {
    match body {
        Ok(Json(given)) => guard.exchange(&given.token, &connection),
        Err(e) => failure(StatusCode::BAD_REQUEST, "refused", &format!("No token: {e}.")),
    }
}

/// The router's own addresses and that of the token, behind the guard.
fn guarded(router: Router, rules: &Arc<Guard>, options: &Options) -> Router {
    let bodies = Bodies {
        patience: options.patience,
        most: options.body,
        most_together: options.bodies.max(options.body),
        used: AtomicUsize::new(0),
    };
    router
        .merge(Router::new().route(TOKEN, post(token)).with_state(Arc::clone(rules)))
        .fallback(|| async { nothing() })
        .method_not_allowed_fallback(other_way)
        .layer(DefaultBodyLimit::max(options.body))
        .layer(middleware::from_fn_with_state(Arc::new(bodies), body::limit))
        .layer(middleware::from_fn_with_state(Arc::clone(rules), guard::guard))
}
