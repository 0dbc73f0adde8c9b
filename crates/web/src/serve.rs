//! Connections: bounded in number, and cut off when slow.

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

/// Headers of a request, all together.
const MAX_HEAD: usize = 16 << 10;

/// How long connections may go on after a stop was asked for.
const GRACE: Duration = Duration::from_secs(3);

/// How long what a client still sends is read and thrown away after the last reply. Closed at once, the connection would
/// be reset, and the reply lost on its way.
const LINGER: Duration = Duration::from_secs(1);

/// Answers until `stop` says otherwise, then finishes what is under way.
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
            // Out of file handles, say: others must end before there is one.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Whoever comes while nobody gives way waits, the next ones in the system's queue.
        let connection = tokio::select! {
            connection = connections.place(from.ip()) => connection,
            _ = stop.changed() => break,
        };
        tokio::spawn(serve(stream, app.clone(), connection, patience, stop.clone()));
    }
    let _ = tokio::time::timeout(GRACE, connections.ended()).await;
}

/// The router, which is told of which connection a request is.
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
    // What a client did wrong is told to the client, or no one.
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

/// Ends the replies, and throws away what still comes.
async fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut room = [0; 16 << 10];
    while stream.read(&mut room).await? > 0 {}
    Ok(())
}

/// A stream that fails when nothing at all moves for too long, in either direction. While a request is being answered
/// only a client that does not take the reply is cut off: the work may take long.
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

    /// Passes on what moved; else sees whether the time is up.
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
