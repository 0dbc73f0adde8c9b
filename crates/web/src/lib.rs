//! A small HTTP server for pages and programs on this machine, with access rules and limits.
//!
//! | part | what |
//! |---|---|
//! | [`Server`], [`Options`] | starting and stopping |
//! | `guard` | host, origin, token, rate, headers |
//! | `body` | request bodies: read after all other checks, with limits for each and for all |
//! | `connections` | the open connections, and which one is closed when there are too many |
//! | `serve` | one connection: timeouts and the end |

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

/// Address and limits of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Address to listen on; default loopback. Any other needs a token. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Accepted host names beside IP addresses and `localhost`, such as that of a proxy; default none.
    pub names: Vec<String>,
    /// Connections at once. Of these a quarter at most are of strangers from one address, a half at most are event
    /// streams, and a quarter at most event streams to one address. Idle ones give way to newcomers, strangers first.
    pub connections: usize,
    /// Time in which a request must arrive, and longest time without traffic; default 15 s.
    pub patience: Duration,
    /// Largest body of a request, bytes.
    pub body: usize,
    /// Largest sum of all bodies in memory, bytes; a request beyond it gets status 503.
    pub bodies: usize,
    /// Posts a second on average; a burst of twice as many.
    pub posts_per_second: f64,
    /// Path prefixes that need the token, where there is one.
    pub private: &'static [&'static str],
    /// Whether requests without an origin may post, as programs send them.
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

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is in use, or not one of this machine.
    #[error("cannot listen on {listen}: {source}; choose another --listen address or port")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The system gave no thread or timer.
    #[error("the server cannot start: {0}")]
    Start(std::io::Error),
    /// The system gave no random numbers for the token.
    #[error("no random numbers for a token: {0}")]
    Token(getrandom::Error),
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    token: Option<String>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server in a thread called `name`. `POST /api/token` exchanges the token for the cookie; everything else goes
    /// to the router. Unknown addresses and wrong methods are answered here.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start(name: &str, router: Router, options: Options) -> Result<Self, Error> {
        let listener = std::net::TcpListener::bind(options.listen)
            .and_then(|l| l.set_nonblocking(true).map(|()| l))
            .map_err(|source| Error::Listen { listen: options.listen, source })?;
        let address = listener.local_addr().map_err(Error::Start)?;
        let secret = match address.ip().is_loopback() {
            true => None,
            false => Some(Secret::new().map_err(Error::Token)?),
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
            .map_err(Error::Start)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(Error::Start)?
        };
        let (stop, stopped) = watch::channel(false);
        let name = name.to_owned();
        let work = move || {
            let connections = Arc::new(Connections::new(options.connections, rules.secret.is_none()));
            let app = guarded(router, &rules, &options);
            runtime.block_on(serve::run(listener, app, connections, options.patience, stopped));
            // A request in progress may still be saving an answer.
            runtime.shutdown_timeout(Duration::from_secs(5));
        };
        let thread = std::thread::Builder::new().name(name).spawn(work).map_err(Error::Start)?;
        Ok(Self { address, token, stop, thread: Some(thread) })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for a browser. The token, where one is needed, is the fragment: browsers do not send fragments, so the
    /// token is in no log and no `Referer`.
    #[must_use]
    pub fn url(&self) -> String {
        let mut shown = self.address;
        if shown.ip().is_unspecified() {
            // It listens on every address of this machine; show one that works here.
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

    /// Finishes requests in progress and stops.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic was printed already.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A static file: path, media type, text.
pub type Asset = (&'static str, &'static str, &'static str);

/// Routes of static files that are embedded in the program.
pub fn assets<S: Clone + Send + Sync + 'static>(files: &'static [Asset]) -> Router<S> {
    files.iter().fold(Router::new(), |router, &(path, kind, text)| {
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
        router.route(path, get(move || async move { (headers, text) }))
    })
}

/// An error reply: `{"error": CODE, "message": SENTENCE}`.
#[must_use]
pub fn failure(status: StatusCode, error: &str, message: &str) -> Response {
    (status, Json(serde_json::json!({"error": error, "message": message}))).into_response()
}

/// The reply to an unknown address: status 404.
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

/// The router and the token's route, behind the access rules.
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
