//! The review in a browser: a small HTTP server on this machine, and its page.
//!
//! [`Server::start`] takes whatever is a [`Review`] and answers the page until it is stopped.
//!
//! | part | what |
//! |---|---|
//! | [`view`] | what the page shows and may ask: [`Review`] |
//! | `routes` | addresses |
//! | `guard` | host, origin, token, rate, headers |
//! | `said` | what an answer may be; one sent twice is taken once |
//! | `serve` | connections: bounded, cut off when slow |
//! | `page/` | the page: plain files, no build step, no network |

mod assets;
mod guard;
mod routes;
mod said;
mod serve;
pub mod view;

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use guard::{Guard, Rate, Secret};
pub use view::Review;

/// How a server listens, and its bounds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Where it listens. Beyond loopback a token is needed. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names that it answers to, beside addresses in figures and `localhost`: that of a proxy, say.
    pub names: Vec<String>,
    /// Connections at once.
    pub connections: usize,
    /// How long a request may take to arrive, and a connection may be still.
    pub patience: Duration,
    /// Bytes of a post.
    pub body: usize,
    /// Posts a second, over time; twice as many at once.
    pub posts_per_second: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: Vec::new(),
            connections: 128,
            patience: Duration::from_secs(15),
            body: 2 << 20,
            posts_per_second: 50.0,
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
    /// Starts a server in a thread of its own.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(review: Box<dyn Review>, options: Options) -> Result<Self, StartError> {
        let listener = std::net::TcpListener::bind(options.listen)
            .and_then(|l| l.set_nonblocking(true).map(|()| l))
            .map_err(|source| StartError::Listen { listen: options.listen, source })?;
        let address = listener.local_addr().map_err(StartError::Start)?;
        let secret = match address.ip().is_loopback() {
            true => None,
            false => Some(Secret::new().map_err(StartError::Token)?),
        };
        let token = secret.as_ref().map(|s| s.token.clone());
        let rate = Rate::new(options.posts_per_second);
        let rules = Guard { port: address.port(), names: options.names.clone(), secret, rate };
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
        let work = move || {
            let app = routes::app(review, rules, &options);
            runtime.block_on(serve::run(listener, app, options, stopped));
            // An answer being saved is waited for: it may be acknowledged yet.
            runtime.shutdown_timeout(Duration::from_secs(5));
        };
        let thread =
            std::thread::Builder::new().name("review".into()).spawn(work).map_err(StartError::Start)?;
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
