//! Request bodies: read only when a handler asks for them, each with a size limit and a deadline, all within one memory budget.
//!
//! A request to an unknown address, with a wrong method, without the token, or too large for its handler takes no memory.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

use crate::failure;

/// Largest body of a request to [`TOKEN`](crate::TOKEN).
const TOKEN_BODY: usize = 1024;

/// Limits of bodies.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// Time in which a body must arrive, from when the handler asks for it.
    pub patience: Duration,
    /// Bytes of one body.
    pub most: usize,
    /// Bytes of all bodies in memory.
    pub most_together: usize,
    pub used: AtomicUsize,
}

impl Bodies {
    fn reserve(&self, bytes: usize) -> bool {
        let add = |used: usize| used.checked_add(bytes).filter(|&all| all <= self.most_together);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Late,
    Large,
    CutOff,
    Busy,
}

impl Refused {
    fn response(self) -> Response {
        let (status, error, message) = match self {
            Self::Late => {
                (StatusCode::REQUEST_TIMEOUT, "refused", "The post took too long; it was not taken.")
            }
            Self::Large => {
                (StatusCode::PAYLOAD_TOO_LARGE, "refused", "The post is too large; it was not taken.")
            }
            Self::CutOff => (StatusCode::BAD_REQUEST, "refused", "The post was cut off; it was not taken."),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too many large posts at once; this one was NOT taken. Try again in a moment.",
            ),
        };
        let mut reply = failure(status, error, message);
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        if self == Self::Busy {
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }
}

/// A body's share of the budget, and why reading it failed. Shared by the body and the layer around its handler.
#[derive(Debug)]
struct Account {
    bodies: Arc<Bodies>,
    reserved: AtomicUsize,
    refused: Mutex<Option<Refused>>,
}

impl Account {
    fn reserve(&self, bytes: usize) -> Result<(), Refused> {
        if !self.bodies.reserve(bytes) {
            return Err(Refused::Busy);
        }
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.bodies.used.fetch_sub(*self.reserved.get_mut(), Ordering::Relaxed);
    }
}

/// A body under the limits.
struct Limited {
    body: Body,
    account: Arc<Account>,
    most: usize,
    /// Bytes received.
    came: usize,
    /// Starts at the first poll.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Limited {
    /// Reserves the announced length before anything is read.
    fn begin(&mut self) -> Result<(), Refused> {
        self.alarm = Some(Box::pin(tokio::time::sleep(self.account.bodies.patience)));
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > self.most {
            return Err(Refused::Large);
        }
        self.account.reserve(announced)
    }

    fn take(&mut self, bytes: &Bytes) -> Result<(), Refused> {
        self.came += bytes.len();
        if self.came > self.most {
            return Err(Refused::Large);
        }
        let reserved = self.account.reserved.load(Ordering::Relaxed);
        // Chunked, without a length.
        if self.came > reserved { self.account.reserve(self.came - reserved) } else { Ok(()) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refused>>> {
        if self.alarm.is_none() {
            self.begin()?;
        }
        if let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(Refused::Late)));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match frame {
            None => None,
            Some(Err(_)) => Some(Err(Refused::CutOff)),
            Some(Ok(frame)) => Some(frame.data_ref().map_or(Ok(()), |data| self.take(data)).map(|()| frame)),
        })
    }
}

impl hyper::body::Body for Limited {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.poll(cx).map_err(|refused| {
            *self.account.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
            std::io::Error::other("the body was given up")
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Passes a request on with a limited body; replies with the error where a limit was exceeded.
pub(crate) async fn limit(State(bodies): State<Arc<Bodies>>, request: Request, next: Next) -> Response {
    let most = if request.uri().path() == crate::TOKEN { TOKEN_BODY.min(bodies.most) } else { bodies.most };
    let account = Arc::new(Account { bodies, reserved: AtomicUsize::new(0), refused: Mutex::new(None) });
    let kept = Arc::clone(&account);
    let request = request.map(|body| Body::new(Limited { body, account, most, came: 0, alarm: None }));
    let reply = next.run(request).await;
    let refused = *kept.refused.lock().unwrap_or_else(PoisonError::into_inner);
    refused.map_or(reply, Refused::response)
}
