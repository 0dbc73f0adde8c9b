//! The server as seen from a socket: what is answered, and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fake;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fake::{FACE, Fake, Seen};
use streamface_annotate::server::start;
use streamface_annotate::server::view::Problem;
use streamface_web::{Options, Server};

struct Site {
    server: Server,
    seen: Seen,
    dir: tempfile::TempDir,
}

fn site(options: Options) -> Site {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["faces", "aligned_faces", "frames"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let seen = Seen::default();
    let review = Fake { root: dir.path().to_owned(), seen: seen.clone() };
    Site { server: start(Box::new(review), options).unwrap(), seen, dir }
}

fn patience(millis: u64) -> Options {
    Options { patience: Duration::from_millis(millis), ..Options::default() }
}

/// All that comes back until the server closes.
fn raw(to: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = Vec::new();
    // A server that cuts off may reset: what came before counts.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

impl Site {
    fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> String {
        let host = self.server.address().to_string();
        let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {host}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {}\r\n", value.replace("{host}", &host));
        }
        if !body.is_empty() || line.starts_with("POST") {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        raw(self.server.address(), format!("{request}\r\n{body}").as_bytes())
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), &[], "")
    }

    fn post(&self, path: &str, body: &str) -> String {
        let headers = [("Origin", "http://{host}"), ("Content-Type", "application/json")];
        self.ask(&format!("POST {path}"), &headers, body)
    }
}

fn status(reply: &str) -> u16 {
    reply.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

fn answer(key: &str) -> String {
    let pair = format!(r#"{{"left":["{FACE}"],"right":["{FACE}"],"verdict":"same"}}"#);
    format!(
        r#"{{"key":"{key}","revision":0,"seen":[],"seconds":1.5,"action":{{"kind":"compare","pairs":[{pair}]}}}}"#
    )
}

#[test]
fn the_page_comes_with_its_policy() {
    let site = site(Options::default());
    let page = site.get("/");
    assert_eq!(status(&page), 200, "{page}");
    let lower = page.to_lowercase();
    assert!(lower.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{page}");
    assert!(lower.contains("x-content-type-options: nosniff") && lower.contains("x-frame-options: deny"));
    // The policy forbids these; that the page has none is what makes it work.
    let body = page.split_once("\r\n\r\n").unwrap().1;
    assert!(!body.contains("style=") && !body.contains(" onclick") && !body.contains("<script>"));
    for path in [
        "/review.css",
        "/review.js",
        "/dom.js",
        "/talk.js",
        "/ask.js",
        "/large.js",
        "/people.js",
        "/mixed.js",
        "/history.js",
    ] {
        assert_eq!(status(&site.get(path)), 200, "{path}");
    }
    let overview = site.get("/api/overview");
    assert!(
        overview.contains("application/json") && overview.contains("cache-control: no-store"),
        "{overview}"
    );
    assert_eq!(status(&site.get("/nothing")), 404);
    assert_eq!(status(&site.get("/api/decide")), 405);
    site.server.stop();
}

/// The page never builds markup from text: what names and titles hold stays text.
#[test]
fn the_page_makes_no_markup_of_text() {
    let site = site(Options::default());
    for path in [
        "/review.js",
        "/dom.js",
        "/talk.js",
        "/ask.js",
        "/large.js",
        "/people.js",
        "/mixed.js",
        "/history.js",
    ] {
        let script = site.get(path);
        for form in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"]
        {
            assert!(!script.contains(form), "{path}: {form}");
        }
    }
}

#[test]
fn other_hosts_are_not_answered_to() {
    let site = site(Options::default());
    let port = site.server.address().port();
    for host in
        ["evil.example".to_owned(), format!("evil.example:{port}"), "127.0.0.1:1".into(), String::new()]
    {
        let reply = site.ask("GET /api/overview", &[("Host", &host)], "");
        assert!(matches!(status(&reply), 400 | 421), "{host}: {reply}");
    }
    let two = format!(
        "GET /api/overview HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    );
    assert!(matches!(status(&raw(site.server.address(), two.as_bytes())), 400 | 421));
    let none = "GET /api/overview HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(matches!(status(&raw(site.server.address(), none.as_bytes())), 400 | 421));
    let absolute = format!(
        "GET http://evil.example/api/overview HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status(&raw(site.server.address(), absolute.as_bytes())), 421);
    assert_eq!(site.seen.asked.load(Ordering::SeqCst), 0, "none of these reached the review");
    assert_eq!(status(&site.ask("GET /api/overview", &[("Host", &format!("localhost:{port}"))], "")), 200);
}

#[test]
fn other_pages_cannot_post_or_read() {
    let site = site(Options::default());
    let json = ("Content-Type", "application/json");
    let port = site.server.address().port();
    let neighbour = format!("http://127.0.0.1:{}", port ^ 1);
    let refused: [&[(&str, &str)]; 7] = [
        &[json],
        &[json, ("Origin", "http://evil.example")],
        &[json, ("Origin", "null")],
        &[json, ("Origin", &neighbour)],
        &[json, ("Sec-Fetch-Site", "cross-site")],
        &[json, ("Sec-Fetch-Site", "same-site"), ("Origin", "http://{host}")],
        &[json, ("Origin", "http://{host}"), ("Origin", "http://evil.example")],
    ];
    for headers in refused {
        let reply = site.ask("POST /api/decide", headers, &answer("key-00000001"));
        assert_eq!(status(&reply), 403, "{headers:?}: {reply}");
    }
    // A form sends text/plain without asking first.
    let form = [("Origin", "http://{host}"), ("Content-Type", "text/plain")];
    assert_eq!(status(&site.ask("POST /api/decide", &form, &answer("key-00000001"))), 415);
    assert_eq!(status(&site.ask("GET /api/overview", &[("Sec-Fetch-Site", "cross-site")], "")), 403);
    assert_eq!(
        status(&site.ask(&format!("GET /image/face/{FACE}"), &[("Sec-Fetch-Site", "cross-site")], "")),
        403
    );
    assert_eq!(site.seen.decided.load(Ordering::SeqCst), 0);
    assert_eq!(status(&site.post("/api/decide", &answer("key-00000001"))), 200);
    assert_eq!(site.seen.decided.load(Ordering::SeqCst), 1);
}

#[test]
fn an_answer_sent_twice_is_taken_once() {
    let site = site(Options::default());
    let first = site.post("/api/decide", &answer("key-00000001"));
    let again = site.post("/api/decide", &answer("key-00000001"));
    let body = |reply: &str| reply.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!((status(&again), body(&again)), (200, body(&first)));
    assert_eq!(site.seen.decided.load(Ordering::SeqCst), 1);
    let other = answer("key-00000001").replace("same", "different");
    assert_eq!(status(&site.post("/api/decide", &other)), 422);
    // At the same moment too.
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let to = site.server.address();
            std::thread::spawn(move || {
                let body = answer("key-00000002");
                let head = format!("POST /api/decide HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
                status(&raw(to, (head + &body).as_bytes()))
            })
        })
        .collect();
    assert!(threads.into_iter().all(|t| t.join().unwrap() == 200));
    assert_eq!(site.seen.decided.load(Ordering::SeqCst), 2);
}

#[test]
fn what_went_wrong_is_told_and_can_be_tried_again() {
    let site = site(Options::default());
    let cases = [
        (Problem::DiskFull("No room; NOT saved.".into()), 507, "not_saved"),
        (Problem::NotSaved("NOT saved.".into()), 500, "not_saved"),
        (Problem::Stale("Changed.".into()), 409, "stale"),
        (Problem::Conflict("Against 3.".into()), 409, "conflict"),
        (Problem::Refused("No.".into()), 422, "refused"),
        (Problem::Unknown("No.".into()), 404, "unknown"),
    ];
    for (problem, code, error) in cases {
        *site.seen.problem.lock().unwrap() = Some(problem);
        let reply = site.post("/api/decide", &answer("key-00000003"));
        assert_eq!(status(&reply), code, "{reply}");
        assert!(reply.contains(&format!(r#""error":"{error}""#)), "{reply}");
    }
    assert_eq!(status(&site.post("/api/decide", &answer("key-00000003"))), 200);
    assert_eq!(status(&site.post("/api/finalize", "{}")), 507);
}

#[test]
fn what_is_no_answer_does_not_reach_the_review() {
    let site = site(Options::default());
    let good = answer("key-00000004");
    let many = vec![format!("\"{FACE}\""); 26].join(",");
    let bad = [
        String::new(),
        "{}".into(),
        "[".repeat(100_000),
        good.replace("key-00000004", "short"),
        good.replace("key-00000004", "key/../0004"),
        good.replace("1.5", "-1"),
        good.replace("1.5", "1e999"),
        good.replace("\"same\"", "\"perhaps\""),
        good.replace(&format!("\"left\":[\"{FACE}\"]"), "\"left\":[]"),
        good.replace(&format!("\"left\":[\"{FACE}\"]"), &format!("\"left\":[{many}]")),
        good.replacen(FACE, "../../etc/passwd_face_0", 1),
        good.replace("\"seen\"", "\"who\":\"auto\",\"seen\""),
        good.replace("\"seen\"", "\"who\":\"\\u0000\",\"seen\""),
        good.replace("\"seen\"", "\"other\":1,\"seen\""),
    ];
    for body in &bad {
        let reply = site.post("/api/decide", body);
        assert_eq!(status(&reply), 422, "{}: {reply}", &body[..body.len().min(200)]);
    }
    assert_eq!(site.seen.decided.load(Ordering::SeqCst), 0);
    assert_eq!(status(&site.post("/api/decide", &good)), 200);
}

#[test]
fn large_posts_are_cut_off() {
    let options = Options { body: 1000, ..Options::default() };
    let site = site(options);
    assert_eq!(status(&site.post("/api/decide", &"x".repeat(2000))), 413);
    // In chunks, no length is told beforehand.
    let host = site.server.address();
    let head = format!(
        "POST /api/decide HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    let chunk = format!("{:x}\r\n{}\r\n", 800, "x".repeat(800));
    assert_eq!(status(&raw(host, format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes())), 413);
    let long = format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "x".repeat(100_000));
    assert!(matches!(status(&raw(host, long.as_bytes())), 0 | 400 | 414 | 431));
}

#[test]
fn slow_clients_are_cut_off_and_do_not_stop_others() {
    let site = site(patience(400));
    let to = site.server.address();
    let drip = |head: String| {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let start = Instant::now();
        stream.write_all(head.as_bytes()).unwrap();
        let mut reply = [0; 1024];
        loop {
            // A byte now and then, for ever.
            let cut = stream.write_all(b"x").is_err();
            match stream.read(&mut reply) {
                Ok(0) => break,
                Err(e)
                    if !matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    break;
                }
                _ if cut => break,
                _ => {}
            }
            assert!(start.elapsed() < Duration::from_secs(8), "never cut off");
        }
        start.elapsed()
    };
    std::thread::scope(|scope| {
        let head = scope.spawn(|| drip(format!("GET / HTTP/1.1\r\nHost: {to}\r\nX: ")));
        let body = scope.spawn(|| {
            drip(format!("POST /api/decide HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"))
        });
        let token = scope.spawn(|| {
            drip(format!("POST /api/token HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"))
        });
        let start = Instant::now();
        assert_eq!(status(&site.get("/api/overview")), 200);
        assert!(start.elapsed() < Duration::from_millis(300));
        for slow in [head, body, token] {
            assert!(slow.join().unwrap() >= Duration::from_millis(300));
        }
    });
    // One that says nothing at all.
    let mut silent = TcpStream::connect(to).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0);
    assert_eq!(site.seen.decided.load(Ordering::SeqCst), 0);
}

#[test]
fn one_that_does_not_read_is_cut_off() {
    let site = site(patience(400));
    let to = site.server.address();
    let path = site.dir.path().join(format!("faces/{FACE}.png"));
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    image.resize(32 << 20, 0);
    std::fs::write(path, image).unwrap();
    let mut stream = TcpStream::connect(to).unwrap();
    write!(stream, "GET /image/face/{FACE} HTTP/1.1\r\nHost: {to}\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    assert!(reply.len() < 32 << 20, "{} bytes came although no one read for too long", reply.len());
}

#[test]
fn connections_are_bounded() {
    let options = Options { connections: 4, ..patience(5000) };
    let site = site(options);
    let to = site.server.address();
    let held: Vec<_> = (0..4).map(|_| TcpStream::connect(to).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(status(&site.get("/api/overview")), 200, "an idle connection gives way");
    let closed = held.iter().filter(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        match stream.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
        }
    });
    assert_eq!(closed.count(), 1, "four were open, and four are at most");
}

#[test]
fn posts_are_bounded_in_rate() {
    let options = Options { posts_per_second: 2.0, ..Options::default() };
    let site = site(options);
    let replies: Vec<_> =
        (0..8).map(|i| site.post("/api/decide", &answer(&format!("key-1000000{i}")))).collect();
    let refused = replies.iter().filter(|r| status(r) == 429).count();
    assert!((2..=4).contains(&refused), "{refused} of 8 refused");
    assert!(replies.iter().any(|r| r.contains("retry-after: 1") && r.contains("NOT taken")));
    assert_eq!(status(&site.get("/api/overview")), 200, "reading goes on");
}

#[test]
fn only_images_of_the_dataset_are_served() {
    let site = site(Options::default());
    let root = site.dir.path();
    let png = b"\x89PNG\r\n\x1a\nwhatever";
    std::fs::write(root.join(format!("faces/{FACE}.png")), png).unwrap();
    let good = site.get(&format!("/image/face/{FACE}"));
    assert_eq!(status(&good), 200);
    assert!(good.contains("image/png") && good.ends_with("whatever"));
    for (bytes, content_type) in
        [(&b"\xff\xd8\xffwhatever"[..], "image/jpeg"), (b"RIFF\0\0\0\0WEBPwhatever", "image/webp")]
    {
        std::fs::write(root.join(format!("faces/{FACE}.png")), bytes).unwrap();
        let good = site.get(&format!("/image/face/{FACE}"));
        assert!(status(&good) == 200 && good.contains(content_type), "{good}");
    }
    let (outside, secret) = (tempfile::tempdir().unwrap(), "another_face_0");
    std::fs::write(outside.path().join("secret.png"), png).unwrap();
    std::fs::write(root.join("secret_face_0.png"), png).unwrap();
    std::fs::write(root.join("faces/text_face_0.png"), "root:x:0:0").unwrap();
    std::fs::create_dir(root.join("faces/folder_face_0.png")).unwrap();
    #[cfg(unix)]
    {
        let link = root.join(format!("faces/{secret}.png"));
        std::os::unix::fs::symlink(outside.path().join("secret.png"), link).unwrap();
        std::fs::remove_dir(root.join("frames")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("frames")).unwrap();
        // Opening a pipe that no one writes to would wait for ever.
        let pipe = root.join("faces/pipe_face_0.png");
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    for path in [
        "face/../secret_face_0",
        "face/..%2fsecret_face_0",
        "face/%2e%2e%2fsecret_face_0",
        "face/..%5csecret_face_0",
        "face/%2Fetc%2Fpasswd_face_0",
        "face/..",
        "face/%00_face_0",
        "face/missing_face_0",
        "face/text_face_0",
        "face/folder_face_0",
        "face/pipe_face_0",
        "face/another_face_0",
        "frame/secret_face_0",
        "other/a_face_0",
        "face/%ff_face_0",
    ] {
        let reply = site.get(&format!("/image/{path}"));
        assert!(matches!(status(&reply), 400 | 404), "{path}: {reply}");
        assert!(!reply.contains("whatever") && !reply.contains("root:"), "{path}");
    }
}

#[test]
fn beyond_loopback_a_token_buys_a_cookie() {
    let options = Options { listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), ..Options::default() };
    let site = site(options);
    let port = site.server.address().port();
    let here = format!("127.0.0.1:{port}");
    let token = site.server.url().split_once("/#token=").expect("a token behind #").1.to_owned();
    let host = ("Host", here.as_str());
    let origin = format!("http://{here}");
    let json = ("Content-Type", "application/json");
    let posting = [host, ("Origin", origin.as_str()), json];
    assert_eq!(status(&site.ask("GET /", &[host], "")), 200, "the page holds nothing");
    for path in ["/api/overview", "/api/questions", &format!("/image/face/{FACE}"), "/api/nothing"] {
        assert_eq!(status(&site.ask(&format!("GET {path}"), &[host], "")), 401, "{path}");
    }
    assert_eq!(status(&site.ask("POST /api/decide", &posting, &answer("key-00000001"))), 401);
    assert_eq!(
        status(&site.ask(&format!("GET /api/overview?token={token}"), &[host], "")),
        401,
        "not in a query"
    );
    let wrong = format!(r#"{{"token":"{}"}}"#, "0".repeat(64));
    assert_eq!(status(&site.ask("POST /api/token", &posting, &wrong)), 403);
    let right = format!(r#"{{"token":"{token}"}}"#);
    let elsewhere = [host, ("Origin", "http://evil.example"), json];
    assert_eq!(status(&site.ask("POST /api/token", &elsewhere, &right)), 403);
    let reply = site.ask("POST /api/token", &posting, &right);
    assert_eq!(status(&reply), 204, "{reply}");
    let cookie = reply.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(&token));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(status(&site.ask("GET /api/overview", &[host, ("Cookie", cookie)], "")), 200);
    let among = format!("a=b; {cookie}; c=d");
    assert_eq!(status(&site.ask("GET /api/overview", &[host, ("Cookie", &among)], "")), 200);
    let bad = cookie.replace('=', "=0");
    assert_eq!(status(&site.ask("GET /api/overview", &[host, ("Cookie", &bad)], "")), 401);
    let all = [posting.as_slice(), &[("Cookie", cookie)]].concat();
    assert_eq!(status(&site.ask("POST /api/decide", &all, &answer("key-00000001"))), 200);
}

#[test]
fn a_taken_address_is_told() {
    let site = site(Options::default());
    let options = Options { listen: site.server.address(), ..Options::default() };
    let review = Fake { root: site.dir.path().to_owned(), seen: Seen::default() };
    let error = start(Box::new(review), options).unwrap_err().to_string();
    assert!(error.contains(&site.server.address().to_string()) && error.contains("--listen"), "{error}");
}

#[test]
fn a_stop_finishes_what_is_under_way() {
    let site = site(Options::default());
    let to = site.server.address();
    let _idle = TcpStream::connect(to).unwrap();
    let start = Instant::now();
    site.server.stop();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(TcpStream::connect_timeout(&to, Duration::from_millis(200)).is_err());
}
