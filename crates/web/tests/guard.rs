//! Requests as they come over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use streamface_web::axum::Router;
use streamface_web::axum::routing::{get, post};
use streamface_web::{Options, Server};

fn app() -> Router {
    Router::new()
        .route("/", get(|| async { "page" }))
        .route("/api/list", get(|| async { "list" }))
        .route("/api/say", post(|body: String| async move { body }))
}

/// Status and all that came back.
fn ask(server: &Server, request: &str) -> (u16, String) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.address().port()));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let status = reply.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    (status, reply)
}

fn get_with(server: &Server, path: &str, host: &str, more: &str) -> u16 {
    ask(server, &format!("GET {path} HTTP/1.1\nHost: {host}\nConnection: close\n{more}\n")).0
}

fn post_with(server: &Server, host: &str, more: &str) -> u16 {
    let head = format!("POST /api/say HTTP/1.1\nHost: {host}\nConnection: close\nContent-Length: 2\n");
    ask(server, &format!("{head}{more}\nhi")).0
}

#[test]
fn pages_elsewhere_reach_nothing() {
    let server = Server::start("test", app(), Options { body: 1000, ..Options::default() }).unwrap();
    let host = server.address().to_string();
    assert_eq!(get_with(&server, "/api/list", &host, ""), 200);
    assert_eq!(get_with(&server, "/", &host, ""), 200);
    assert_eq!(get_with(&server, "/", "evil.example", ""), 421, "a name made to resolve here");
    assert_eq!(get_with(&server, "/api/list", &host, "Sec-Fetch-Site: cross-site\n"), 403);
    let origin = format!("Origin: http://{host}\n");
    assert_eq!(post_with(&server, &host, &origin), 200);
    assert_eq!(post_with(&server, &host, "Origin: http://evil.example\n"), 403);
    assert_eq!(post_with(&server, &host, ""), 403, "a page's server takes no posts of programs");
    let (_, reply) = ask(&server, &format!("GET / HTTP/1.1\nHost: {host}\nConnection: close\n\n"));
    assert!(reply.contains("content-security-policy: default-src 'none'"), "{reply}");
    let long = "x".repeat(1001);
    let head =
        format!("POST /api/say HTTP/1.1\nHost: {host}\n{origin}Connection: close\nContent-Length: 1001\n\n");
    assert_eq!(ask(&server, &(head + &long)).0, 413);
    server.stop();
}

#[test]
fn beyond_loopback_a_token_is_needed() {
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let options = Options { listen, programs: true, ..Options::default() };
    let server = Server::start("test", app(), options).unwrap();
    let host = format!("127.0.0.1:{}", server.address().port());
    let token = server.url().split_once("#token=").unwrap().1.to_owned();
    assert_eq!(get_with(&server, "/", &host, ""), 200, "the page itself is open");
    assert_eq!(get_with(&server, "/api/list", &host, ""), 401);
    assert_eq!(get_with(&server, "/api/list", &host, "Authorization: Bearer nonsense\n"), 401);
    let bearer = format!("Authorization: Bearer {token}\n");
    assert_eq!(get_with(&server, "/api/list", &host, &bearer), 200);
    assert_eq!(post_with(&server, &host, &bearer), 200, "a program");
    assert_eq!(post_with(&server, &host, &format!("{bearer}Origin: http://evil.example\n")), 403);
    let exchange = |token: &str| {
        let body = format!("{{\"token\":\"{token}\"}}");
        let head = format!(
            "POST /api/token HTTP/1.1\nHost: {host}\nConnection: close\nContent-Type: application/json\nContent-Length: {}\n\n",
            body.len()
        );
        ask(&server, &format!("{head}{body}"))
    };
    assert_eq!(exchange("nonsense").0, 403);
    let (status, reply) = exchange(&token);
    assert_eq!(status, 204);
    let cookie = reply.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let cookie = format!("Cookie: {}\n", cookie.split(';').next().unwrap());
    assert_eq!(get_with(&server, "/api/list", &host, &cookie), 200);
}

#[test]
fn the_slow_and_the_many_are_cut_off() {
    let options = Options { connections: 2, patience: Duration::from_millis(300), ..Options::default() };
    let server = Server::start("test", app(), options).unwrap();
    let start = Instant::now();
    let mut slow: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    slow.iter_mut().for_each(|s| s.write_all(b"GET / HT").unwrap());
    // Someone who comes after all of them is answered, once the first are cut off.
    assert_eq!(get_with(&server, "/", &server.address().to_string(), ""), 200);
    assert!(start.elapsed() < Duration::from_secs(5));
}
