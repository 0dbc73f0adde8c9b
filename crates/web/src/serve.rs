//! Accepting and serving connections; slow ones are closed.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use crate::connections::{Connection, Connections};

/// Largest head of a request, bytes.
const MAX_HEAD: usize = 16 << 10;

/// Time that connections have to finish after a stop.
const GRACE: Duration = Duration::from_secs(3);

/// Time in which data is still read and discarded after the last reply. If the connection were closed at once, it would be
/// reset and the reply lost.
const LINGER: Duration = Duration::from_secs(1);

/// Serves until `stop`, then finishes requests in progress.
pub(crate) async fn run(
    listener: TcpListener,
    app: Router,
    connections: Arc<Connections>,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let Ok((stream, from)) = accepted else {
            // Such as no free file handle: another connection must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // While no connection can be closed, the new one waits, and later ones wait in the system's queue.
        let connection = tokio::select! {
            connection = connections.place(from.ip()) => connection,
            _ = stop.changed() => break,
        };
        tokio::spawn(serve(stream, app.clone(), connection, patience, stop.clone()));
    }
    let _ = tokio::time::timeout(GRACE, connections.ended()).await;
}

/// The router; each request carries its connection.
struct OfConnection {
    app: TowerToHyperService<Router>,
    connection: Arc<Connection>,
}

impl Service<Request<Incoming>> for OfConnection {
    type Response = Response<Body>;
    type Error = Infallible;
    // Boxed, as the connection is taken apart in the end, which what is pinned within it would forbid.
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Arc::clone(&self.connection));
        Box::pin(self.app.call(request))
    }
}

async fn serve(
    stream: TcpStream,
    app: Router,
    own: Arc<Connection>,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Patient::new(stream, patience, Arc::clone(&own)));
    let service = OfConnection { app: TowerToHyperService::new(app), connection: Arc::clone(&own) };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD)
        .serve_connection(io, service);
    // Errors of a client are reported to the client alone.
    tokio::select! {
        _ = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {}
        () = own.close.notified() => return,
        _ = stop.changed() => {
            Pin::new(&mut connection).graceful_shutdown();
            let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
        }
    }
    let stream = connection.into_parts().io.into_inner().stream;
    tokio::select! {
        _ = tokio::time::timeout(LINGER, linger(stream)) => {}
        () = own.close.notified() => {}
        _ = stop.changed() => {}
    }
}

/// Ends the reply side, and discards what still arrives.
async fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut room = [0; 16 << 10];
    while stream.read(&mut room).await? > 0 {}
    Ok(())
}

/// A stream that fails after too long a time without traffic in either direction. While a request is in progress, only a
/// client that does not read the reply is disconnected: the work may take long.
struct Patient {
    stream: TcpStream,
    patience: Duration,
    alarm: Pin<Box<Sleep>>,
    connection: Arc<Connection>,
}

impl Patient {
    fn new(stream: TcpStream, patience: Duration, connection: Arc<Connection>) -> Self {
        Self { stream, patience, alarm: Box::pin(tokio::time::sleep(patience)), connection }
    }

    /// Passes traffic on; without any, checks the timeout.
    fn hear<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            let until = Instant::now() + self.patience;
            self.alarm.as_mut().reset(until);
            return moved;
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(cx, buf);
        if moved.is_pending() && self.alarm.is_elapsed() && self.connection.is_busy() {
            let until = Instant::now() + self.patience;
            self.alarm.as_mut().reset(until);
        }
        self.hear(cx, moved)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.hear(cx, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
