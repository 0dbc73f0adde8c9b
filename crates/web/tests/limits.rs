//! Strangers, crowds and large posts keep nobody waiting and cost little.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use streamface_web::axum::Router;
use streamface_web::axum::body::Body;
use streamface_web::axum::http::header;
use streamface_web::axum::routing::{get, post};
use streamface_web::{Options, Server};

/// One request, after which the server ends the connection.
fn ask(server: &Server, request: &str) -> (u16, String) {
    let mut stream = connect(server);
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
    reply(&mut stream)
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server.address().port()))).unwrap()
}

fn reply(stream: &mut TcpStream) -> (u16, String) {
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    (reply.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0), reply)
}

fn head(server: &Server, what: &str, more: &str) -> String {
    format!("{what} HTTP/1.1\nHost: 127.0.0.1:{}\nConnection: close\n{more}\n", server.address().port())
}

fn app() -> Router {
    let slow = |body: String| async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        body.len().to_string()
    };
    // An event stream that never says anything.
    let events = || async {
        let body = Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
        ([(header::CONTENT_TYPE, "text/event-stream")], body)
    };
    Router::new()
        .route("/", get(|| async { "page" }))
        .route("/api/list", get(|| async { "list" }))
        .route("/api/say", post(|body: String| async move { body.len().to_string() }))
        .route("/api/slow", post(slow))
        .route("/api/events", get(events))
}

fn everywhere(options: Options) -> (Server, String) {
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let server = Server::start("test", app(), Options { listen, programs: true, ..options }).unwrap();
    let token = server.url().split_once("#token=").unwrap().1.to_owned();
    (server, token)
}

/// The length is announced and no byte of the body sent: whoever waits for it does not answer.
#[test]
fn what_is_refused_is_refused_before_its_body() {
    let (server, token) = everywhere(Options { body: 16 << 20, ..Options::default() });
    let length = format!("Content-Length: {}\n", 15 << 20);
    let bearer = format!("Authorization: Bearer {token}\n");
    let json = format!("{length}Content-Type: application/json\n");
    for (what, more, status) in [
        ("POST /api/say", length.clone(), 401),
        ("POST /elsewhere", length.clone(), 404),
        ("POST /", length.clone(), 405),
        ("PUT /api/say", format!("{length}{bearer}"), 405),
        ("POST /api/nothing", format!("{length}{bearer}"), 404),
        ("POST /api/token", json, 413),
        ("POST /api/say", format!("Content-Length: {}\n{bearer}", 17 << 20), 413),
    ] {
        let start = Instant::now();
        assert_eq!(ask(&server, &head(&server, what, &more)).0, status, "{what}");
        assert!(start.elapsed() < Duration::from_secs(3), "{what}: {:?}", start.elapsed());
    }
    // A client that sends all of it first still gets the reply.
    let body = "x".repeat(15 << 20);
    assert_eq!(ask(&server, &(head(&server, "POST /elsewhere", &length) + &body)).0, 404);
    // In chunks, without a length.
    let chunks = format!("{bearer}Transfer-Encoding: chunked\n");
    assert_eq!(ask(&server, &(head(&server, "POST /api/say", &chunks) + "5\nhello\n0\n\n")).0, 200);
}

#[test]
fn bodies_together_have_a_limit() {
    let options = Options { body: 1000, bodies: 1500, ..Options::default() };
    let server = Server::start("test", app(), Options { programs: true, ..options }).unwrap();
    let request = head(&server, "POST /api/slow", "Content-Length: 1000\n") + &"x".repeat(1000);
    let statuses = |n: usize| -> Vec<u16> {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..n).map(|_| scope.spawn(|| ask(&server, &request))).collect();
            all.into_iter()
                .map(|one| {
                    let (status, reply) = one.join().unwrap();
                    assert!(status == 200 || reply.contains("retry-after: 1"), "{reply}");
                    status
                })
                .collect()
        })
    };
    let mut crowd = statuses(4);
    crowd.sort_unstable();
    assert_eq!(crowd, [200, 503, 503, 503]);
    // What was taken is given back.
    (0..3).for_each(|_| assert_eq!(statuses(1), [200]));
    let chunks = head(&server, "POST /api/say", "Transfer-Encoding: chunked\n") + "3ea\n" + &"x".repeat(1002);
    assert_eq!(ask(&server, &(chunks + "\n0\n\n")).0, 413, "also without a length");
}

#[test]
fn a_body_that_drips_is_cut_off_and_work_that_takes_long_is_not() {
    let options = Options { patience: Duration::from_millis(200), programs: true, ..Options::default() };
    let server = Server::start("test", app(), options).unwrap();
    let mut slow = connect(&server);
    let request = head(&server, "POST /api/say", "Content-Length: 1000\n").replace('\n', "\r\n");
    slow.write_all(request.as_bytes()).unwrap();
    let drip = {
        let mut slow = slow.try_clone().unwrap();
        std::thread::spawn(move || {
            while slow.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(30));
            }
        })
    };
    assert_eq!(reply(&mut slow).0, 408);
    drop(slow);
    drip.join().unwrap();
    // Twice as long as a connection may be still.
    let request = head(&server, "POST /api/slow", "Content-Length: 2\n") + "hi";
    assert_eq!(ask(&server, &request).0, 200);
}

#[test]
fn idle_connections_keep_nobody_waiting() {
    let limits = || Options { connections: 128, ..Options::default() };
    let here = Server::start("test", app(), limits()).unwrap();
    let (elsewhere, token) = everywhere(limits());
    for (server, more) in [(&here, String::new()), (&elsewhere, format!("Authorization: Bearer {token}\n"))] {
        let mut idle: Vec<TcpStream> = (0..300).map(|_| connect(server)).collect();
        idle.iter_mut().step_by(2).for_each(|s| {
            // Those that gave way already take no more.
            let _ = s.write_all(b"GET / HT");
        });
        // Strangers that are at work, in their way.
        for stream in idle.iter_mut().skip(200) {
            let token =
                head(server, "POST /api/token", "Content-Length: 90\nContent-Type: application/json\n");
            let _ = stream.write_all(token.replace('\n', "\r\n").as_bytes());
        }
        let start = Instant::now();
        for _ in 0..5 {
            assert_eq!(ask(server, &head(server, "GET /api/list", &more)).0, 200);
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn wrong_tokens_and_refused_posts_use_up_nothing_of_others() {
    let (server, token) = everywhere(Options { posts_per_second: 3.0, ..Options::default() });
    let exchange = |token: &str| {
        let body = format!("{{\"token\":\"{token}\"}}");
        let more = format!("Content-Type: application/json\nContent-Length: {}\n", body.len());
        ask(&server, &(head(&server, "POST /api/token", &more) + &body)).0
    };
    let wrong: Vec<u16> = (0..40).map(|_| exchange("nonsense")).collect();
    assert!(wrong.starts_with(&[403; 10]) && wrong.contains(&429), "{wrong:?}");
    assert_eq!(exchange(&token), 204, "the right one is taken");
    let say = |more: &str| {
        ask(&server, &(head(&server, "POST /api/say", &format!("{more}Content-Length: 2\n")) + "hi")).0
    };
    for _ in 0..40 {
        assert_eq!(say(""), 401);
        assert_eq!(ask(&server, &head(&server, "POST /nothing", "")).0, 404);
    }
    let bearer = format!("Authorization: Bearer {token}\n");
    let own: Vec<u16> = (0..20).map(|_| say(&bearer)).collect();
    assert!(own.starts_with(&[200; 6]) && own.contains(&429), "{own:?}");
}

#[test]
fn event_streams_leave_places_for_others() {
    let server = Server::start("test", app(), Options { connections: 64, ..Options::default() }).unwrap();
    let mut streams: Vec<TcpStream> = (0..140).map(|_| connect(&server)).collect();
    let request = head(&server, "GET /api/events", "").replace('\n', "\r\n");
    let mut statuses = Vec::new();
    for stream in &mut streams {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut status = [0; 12];
        // A place that was idle for long may have been given to another meanwhile.
        let answered = stream.write_all(request.as_bytes()).and_then(|()| stream.read_exact(&mut status));
        statuses.extend(answered.ok().map(|()| String::from_utf8_lossy(&status[9..]).into_owned()));
    }
    let count = |wanted: &str| statuses.iter().filter(|s| *s == wanted).count();
    assert_eq!(count("200"), 16, "{statuses:?}");
    assert!(count("503") > 0, "{statuses:?}");
    let start = Instant::now();
    assert_eq!(ask(&server, &head(&server, "GET /api/list", "")).0, 200);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    drop(streams);
}
