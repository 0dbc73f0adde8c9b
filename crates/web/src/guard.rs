//! Access rules: host names, origins, the token, the rate of posts. They are checked on the head of a request, before its
//! body is read.
//!
//! * With DNS rebinding, a foreign page makes its own name resolve to this machine, but still sends that name as `Host`:
//!   only IP addresses, `localhost` and the configured names are accepted.
//! * A foreign page that posts here sends its own `Origin`: only the server's own is accepted.
//! * Beyond loopback, private addresses need the token, or the cookie that it is exchanged for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};

use crate::connections::{Connection, Running};
use crate::failure;

/// Resources from this server only, nothing inline, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every reply.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// The rules of one server.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The port that `Host` must carry.
    pub port: u16,
    /// Accepted host names, beside IP addresses.
    pub names: Vec<String>,
    /// Token and cookie, where they are needed.
    pub secret: Option<Secret>,
    /// Path prefixes that need the token.
    pub private: &'static [&'static str],
    /// Whether requests without an origin may post, as programs send them.
    pub programs: bool,
    /// Rate of accepted posts.
    pub rate: Rate,
    /// Rates of wrong tokens.
    pub wrong: WrongTokens,
}

/// A token and the cookie it is exchanged for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub token: String,
    pub session: String,
}

impl Secret {
    /// Two values of 256 random bits from the system.
    pub fn new() -> Result<Self, getrandom::Error> {
        let random = || -> Result<String, getrandom::Error> {
            let mut bytes = [0u8; 32];
            getrandom::fill(&mut bytes)?;
            Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
        };
        Ok(Self { token: random()?, session: random()? })
    }
}

/// Compares in constant time.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (a, b)| d | (a ^ b)) == 0
}

/// A token bucket.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Rate {
    /// `per_second` on average, and a burst of twice as many.
    pub fn new(per_second: f64) -> Self {
        Self { per_second, state: Mutex::new((2.0 * per_second, Instant::now())) }
    }

    fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let filled = state.0 + now.duration_since(state.1).as_secs_f64() * self.per_second;
        let left = filled.min(2.0 * self.per_second);
        *state = (if left >= 1.0 { left - 1.0 } else { left }, now);
        left >= 1.0
    }
}

/// Wrong tokens by address, in buckets of their own, so that they do not use up the rate of posts; a right token is always
/// accepted.
#[derive(Debug, Default)]
pub(crate) struct WrongTokens(Mutex<HashMap<IpAddr, Rate>>);

impl WrongTokens {
    /// Wrong tokens a second from one address; a burst of twice as many.
    const PER_SECOND: f64 = 5.0;
    /// Addresses that are kept; with more, all are reset.
    const ADDRESSES: usize = 4096;

    fn take(&self, address: IpAddr) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= Self::ADDRESSES && !all.contains_key(&address) {
            all.clear();
        }
        all.entry(address).or_insert_with(|| Rate::new(Self::PER_SECOND)).take()
    }
}

fn too_many(message: &str) -> Response {
    let mut reply = failure(StatusCode::TOO_MANY_REQUESTS, "rate", message);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

impl Guard {
    /// Whether `Host` is accepted.
    fn knows_host(&self, host: &str) -> bool {
        // [::1]:80, 127.0.0.1:80, name:80; without a port it is 80.
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((name, port)) => (name, port.strip_prefix(':')),
                None => return false,
            },
            None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
        };
        let port = port.map_or(Some(80), |p| p.parse::<u16>().ok());
        let known = name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.names.iter().any(|n| n.eq_ignore_ascii_case(name));
        // The name of a proxy before this server comes with the proxy's port.
        known && (port == Some(self.port) || self.names.iter().any(|n| n.eq_ignore_ascii_case(name)))
    }

    /// The cookie's name, with the port: cookies are shared by all ports of a host.
    fn cookie(&self) -> String {
        format!("streamface-{}", self.port)
    }

    fn has_cookie(&self, headers: &HeaderMap, session: &str) -> bool {
        let name = self.cookie();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(n, value)| n == name && same(value, session))
    }

    fn has_token(headers: &HeaderMap, token: &str) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        given.and_then(|v| v.strip_prefix("Bearer ")).is_some_and(|t| same(t.trim(), token))
    }

    /// The reply to a token: the cookie, or an error.
    pub fn exchange(&self, token: &str, connection: &Connection) -> Response {
        let Some(secret) = &self.secret else { return StatusCode::NO_CONTENT.into_response() };
        if !same(token, &secret.token) {
            if !connection.address().is_some_and(|address| self.wrong.take(address)) {
                return too_many("Too many wrong tokens from this address. Try again in a moment.");
            }
            return failure(StatusCode::FORBIDDEN, "token", "This is not the token that the terminal shows.");
        }
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie(), secret.session);
        (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
    }

    /// The reply to a request that is refused.
    fn refusal(&self, request: &Request, connection: &Connection) -> Option<Response> {
        let headers = request.headers();
        let text = |name: &HeaderName| {
            let mut all = headers.get_all(name).iter();
            let first = all.next()?.to_str().ok()?;
            // A repeated header can be read in two ways.
            all.next().is_none().then_some(first)
        };
        let host = text(&header::HOST);
        if request.uri().authority().is_some() || !host.is_some_and(|h| self.knows_host(h)) {
            return Some(failure(
                StatusCode::MISDIRECTED_REQUEST,
                "host",
                "This server does not answer to that name; use the address that the terminal shows.",
            ));
        }
        let path = request.uri().path();
        let private = self.private.iter().any(|p| path.starts_with(p));
        let site = text(&HeaderName::from_static("sec-fetch-site"));
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let elsewhere =
            || Some(failure(StatusCode::FORBIDDEN, "origin", "Only this server's own page may ask this."));
        if private && site.is_some_and(|s| s != "same-origin" && s != "none") {
            return elsewhere();
        }
        if !reads {
            let ours = match headers.contains_key(header::ORIGIN) {
                true => text(&header::ORIGIN).zip(host).is_some_and(|(origin, host)| {
                    let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                    bare.is_some_and(|o| o.eq_ignore_ascii_case(host))
                }),
                false => site == Some("same-origin") || self.programs && site.is_none(),
            };
            if !ours {
                return elsewhere();
            }
        }
        let open = !private || path == crate::TOKEN;
        let known = self.secret.as_ref().is_none_or(|secret| {
            self.has_cookie(headers, &secret.session) || Self::has_token(headers, &secret.token)
        });
        if !open && !known {
            let message = "The token that the terminal shows is needed.";
            return Some(failure(StatusCode::UNAUTHORIZED, "token", message));
        }
        if known {
            connection.trust();
        }
        // A request refused above does not count towards the rate.
        if known && !reads && path != crate::TOKEN && !self.rate.take() {
            return Some(too_many("Too many posts at once; this one was NOT taken. Try again in a moment."));
        }
        None
    }
}

/// A reply that holds its place until its last byte.
struct Held {
    body: Body,
    _held: Running,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// Applies the rules, and sets the headers of every reply.
pub(crate) async fn guard(
    State(guard): State<Arc<Guard>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let mut running = connection.begin();
    let mut response = match guard.refusal(&request, &connection) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    if is_event_stream(&response) {
        running = match running.into_stream() {
            Some(stream) => stream,
            None => {
                let message = "Too many pages are open; close one and load this one again.";
                response = failure(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
                connection.begin()
            }
        };
    }
    response = response.map(|body| Body::new(Held { body, _held: running }));
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_answered_to() {
        let guard = Guard {
            port: 8080,
            names: vec!["review.example".into()],
            secret: None,
            private: &[],
            programs: false,
            rate: Rate::new(1.0),
            wrong: WrongTokens::default(),
        };
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "10.0.0.7:8080"] {
            assert!(guard.knows_host(host), "{host}");
        }
        assert!(guard.knows_host("review.example"), "behind a proxy");
        for host in [
            "evil.example:8080",
            "127.0.0.1",
            "127.0.0.1:81",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example:8080",
            "[::1",
            "[::1]x:8080",
            "localhost:8080:8080",
            "",
        ] {
            assert!(!guard.knows_host(host), "{host}");
        }
    }

    #[test]
    fn posts_run_out_and_come_back() {
        let rate = Rate::new(10.0);
        assert_eq!((0..40).filter(|_| rate.take()).count(), 20);
        std::thread::sleep(std::time::Duration::from_millis(250));
        assert!(rate.take() && rate.take());
    }

    #[test]
    fn secrets_are_long_and_their_own() {
        let (a, b) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert_eq!(a.token.len(), 64);
        assert!(a != b && a.token != a.session);
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc"));
    }
}
