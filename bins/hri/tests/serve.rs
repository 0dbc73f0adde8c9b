//! `hri serve` as a user runs it: correct answers under load, fast rejection on overload, no acknowledged change lost by a
//! kill.
//!
//! `HRI_MATCHES`, `HRI_PEOPLE`, `HRI_DIM` and `HRI_KILLS` make it larger: `HRI_MATCHES=10000 HRI_PEOPLE=33000 HRI_DIM=512
//! HRI_KILLS=50 cargo test --release -p hri-cli --test serve -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hri::{Index, Metric, Settings, Store, Threshold};
use serde_json::{Value, json};

fn size(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(usual)
}

/// Numbers from −1 to 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.next()).collect()
    }
}

/// A server that stops with the test.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hri"))
            .arg("serve")
            .arg(dir)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().rsplit(' ').next().unwrap();
        // Beyond loopback the token follows.
        let url = url.split('#').next().unwrap().trim_end_matches('/').to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, url }
    }

    /// Resident memory, bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    ureq::Agent::new_with_config(config)
}

/// Status and body; `None` if the connection broke.
fn post(agent: &ureq::Agent, url: &str, body: &Value) -> Option<(u16, Value)> {
    let mut reply =
        agent.post(url).header("content-type", "application/json").send(body.to_string().as_bytes()).ok()?;
    let text = reply.body_mut().read_to_string().ok()?;
    Some((reply.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
}

fn settings(dim: usize) -> Settings {
    Settings::new(dim, Threshold::new(Metric::Cosine, 0.4).unwrap()).unwrap()
}

#[test]
fn answers_under_load_are_those_of_the_library() {
    let (matches, people, dim) = (size("HRI_MATCHES", 2000), size("HRI_PEOPLE", 3000), size("HRI_DIM", 64));
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let mut index = Index::new(settings(dim));
    let store = Store::open_or_create(dir.path(), settings(dim)).unwrap();
    let rows: Vec<f32> = (0..people).flat_map(|_| random.vector(dim)).collect();
    let ids: Vec<u64> = (0..people as u64).collect();
    store.insert_batch(&rows, &ids).unwrap();
    for (row, id) in rows.chunks(dim).zip(ids) {
        index.insert(row, id).unwrap();
    }
    drop(store);
    let server = Running::start(dir.path(), &[]);
    let queries: Vec<Vec<f32>> = (0..matches)
        .map(|at| {
            // Some queries are near a person, some are not.
            let own = &rows[at * 7919 % people * dim..][..dim];
            let far = if at % 3 == 0 { 2.0 } else { 0.3 };
            own.iter().map(|x| x + far * random.next()).collect()
        })
        .collect();
    let next = AtomicU64::new(0);
    let times = Mutex::new(Vec::new());
    let url = format!("{}/api/match", server.url);
    let before = server.memory();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let agent = agent();
                let mut own = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let Some(query) = queries.get(at) else { break };
                    let body = json!({ "vector": query });
                    let start = Instant::now();
                    let (status, got) = post(&agent, &url, &body).unwrap();
                    own.push(start.elapsed());
                    assert_eq!(status, 200);
                    let want = index.search(query).unwrap();
                    assert_eq!(got["label"].as_u64(), want.map(|m| m.label));
                    // A number read back from text may be one off in its last bit.
                    let off = got["distance"].as_f64().unwrap_or(0.0) - want.map_or(0.0, |m| m.distance);
                    assert!(off.abs() < 1e-15, "{got} {want:?}");
                }
                times.lock().unwrap().extend(own);
            });
        }
    });
    let took = start.elapsed().as_secs_f64();
    let mut times = times.into_inner().unwrap();
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
    println!(
        "{matches} matches among {people} people of {dim} at 8 connections: p50 {:.2} ms, p99 {:.2} ms, {:.0} a second",
        at(50),
        at(99),
        matches as f64 / took
    );
    let grown = server.memory().saturating_sub(before) >> 20;
    assert!(grown < 64, "{grown} MiB more after the load");
}

#[test]
fn overload_is_rejected_quickly() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), &["--dim", "64", "--threshold", "0.4", "--in-flight", "1"]);
    let url = format!("{}/api/match/batch", server.url);
    let mut random = Random(2);
    let body = json!({ "vectors": (0..3000).map(|_| random.vector(64)).collect::<Vec<_>>() });
    let (busy, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let slowest = Mutex::new(Duration::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let agent = agent();
                for _ in 0..3 {
                    let start = Instant::now();
                    // A refusal may come before the body is sent; the connection then ends.
                    match post(&agent, &url, &body) {
                        Some((200, _)) => done.fetch_add(1, Ordering::Relaxed),
                        Some((503, reply)) => {
                            assert_eq!(reply["error"], "busy");
                            let mut slowest = slowest.lock().unwrap();
                            *slowest = slowest.max(start.elapsed());
                            busy.fetch_add(1, Ordering::Relaxed)
                        }
                        None => busy.fetch_add(1, Ordering::Relaxed),
                        Some(other) => panic!("{other:?}"),
                    };
                }
            });
        }
    });
    let (busy, done) = (busy.into_inner(), done.into_inner());
    println!("{done} served, {busy} told to come again, the slowest after {:?}", slowest.lock().unwrap());
    assert!(busy > 0 && done > 0, "{busy} {done}");
    assert!(server.memory() < 256 << 20);
    let again = post(&agent(), &format!("{}/api/match", server.url), &json!({ "vector": random.vector(64) }));
    assert_eq!(again.unwrap().0, 200, "afterwards all is well");
}

#[test]
fn a_kill_loses_no_acknowledged_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(3);
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    let mut next = 0;
    let kills = size("HRI_KILLS", 4);
    for _ in 0..kills {
        let mut server = Running::start(dir.path(), &["--dim", "16", "--threshold", "0.4"]);
        let url = format!("{}/api/insert", server.url);
        let until = Instant::now() + Duration::from_millis((random.next().abs() * 300.0) as u64 + 20);
        let inserts = (0..4).map(|_| (random.vector(16), 0)).collect::<Vec<_>>();
        let first = next;
        let acknowledged = Mutex::new(Vec::new());
        let ids = AtomicU64::new(first);
        std::thread::scope(|scope| {
            for (seed, _) in &inserts {
                let (url, ids, acknowledged) = (&url, &ids, &acknowledged);
                scope.spawn(move || {
                    let agent = agent();
                    let mut random = Random(seed[0].to_bits().into());
                    loop {
                        let id = ids.fetch_add(1, Ordering::Relaxed);
                        let body = json!({"vector": random.vector(16), "id": id});
                        match post(&agent, url, &body) {
                            Some((200, reply)) => {
                                acknowledged.lock().unwrap().push((id, reply["label"].as_u64().unwrap()));
                            }
                            Some(other) => panic!("{other:?}"),
                            None => return,
                        }
                    }
                });
            }
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            server.child.kill().unwrap();
        });
        next = ids.into_inner();
        known.extend(acknowledged.into_inner().unwrap());
        let (index, _) = Store::load(dir.path()).unwrap();
        for (&id, &label) in &known {
            assert_eq!(index.label_of(id).unwrap(), label, "id {id}");
        }
    }
    assert!(known.len() > kills, "{} inserts", known.len());
    println!("{} acknowledged inserts there after {kills} kills", known.len());
}

#[test]
fn a_batch_with_a_taken_id_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), &["--dim", "3", "--threshold", "0.1"]);
    let (agent, url) = (agent(), |route: &str| format!("{}/api/{route}", server.url));
    let insert = |body: Value| post(&agent, &url("insert"), &body).unwrap();
    assert_eq!(insert(json!({"vector": [1, 0, 0], "id": 7})).0, 200);
    assert_eq!(insert(json!({"vector": [0, 1, 0], "id": 7})).0, 409);
    let batch = |ids: [u64; 3]| {
        let vectors = json!([[0, 1, 0], [0, 0, 1], [0, 1, 1]]);
        post(&agent, &url("insert/batch"), &json!({"vectors": vectors, "ids": ids})).unwrap()
    };
    for ids in [[5, 6, 7], [5, 6, 5]] {
        let (status, reply) = batch(ids);
        assert_eq!((status, &reply["error"]), (409, &"duplicate".into()), "{reply}");
        let (_, all) = get(&agent, &url("stats"));
        assert_eq!((&all["people"], &all["members"]), (&1.into(), &1.into()));
    }
    assert_eq!(batch([5, 6, 8]).0, 200);
    let (_, described) = get(&agent, &format!("{}/openapi.json", server.url));
    let of = |route: &str| described["paths"][route]["post"]["responses"].clone();
    assert!(of("/api/insert")["409"].is_object() && of("/api/insert/batch")["409"].is_object());
    // Vectors of different lengths, and none at all.
    for (vectors, says) in [
        (json!([[1, 0, 0], [1]]), "vectors[1] has 1"),
        (json!([[], []]), "no numbers"),
        (json!([[1]]), "the index has 3"),
    ] {
        let (status, reply) = post(&agent, &url("match/batch"), &json!({"vectors": vectors})).unwrap();
        assert!(status == 422 && reply["message"].as_str().unwrap().contains(says), "{status} {reply}");
    }
}

fn get(agent: &ureq::Agent, url: &str) -> (u16, Value) {
    let mut reply = agent.get(url).call().unwrap();
    let text = reply.body_mut().read_to_string().unwrap();
    (reply.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[test]
fn names_are_in_the_replies() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), &["--dim", "3", "--threshold", "0.1"]);
    let (agent, url) = (agent(), |route: &str| format!("{}/api/{route}", server.url));
    let ask = |route: &str, body: Value| post(&agent, &url(route), &body).unwrap();
    assert_eq!(ask("insert", json!({"vector": [1, 0, 0], "id": 7})).0, 200);
    assert_eq!(ask("name", json!({"label": 0, "name": "Zoë"})), (200, json!({"label": 0, "name": "Zoë"})));
    assert_eq!(ask("name", json!({"label": 9, "name": "Eve"})).0, 404);
    assert_eq!(ask("name", json!({"label": 0, "name": ""})).0, 422);
    let (_, found) = ask("match", json!({"vector": [2, 0, 0]}));
    assert_eq!(found, json!({"label": 0, "name": "Zoë", "distance": 0.0}));
    let (_, found) = ask("match/batch", json!({"vectors": [[2, 0, 0], [0, 1, 0]]}));
    assert_eq!((&found["matches"][0]["name"], &found["matches"][1]), (&"Zoë".into(), &Value::Null));
    assert_eq!(ask("nearest", json!({"vector": [0, 1, 0], "k": 1})).1["people"][0]["name"], "Zoë");
    let (_, person) = get(&agent, &url("person/0"));
    assert_eq!(person, json!({"label": 0, "name": "Zoë", "count": 1, "ids": [7]}));
}

/// Beyond loopback, without the token: no body is kept in memory, whatever the address.
#[cfg(target_os = "linux")]
#[test]
fn large_posts_of_strangers_cost_little_memory() {
    use std::io::{Read as _, Write as _};
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), &["--dim", "64", "--threshold", "0.4", "--listen", "0.0.0.0:0"]);
    let port: u16 = server.url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
    let before = server.memory();
    let chunk = vec![b' '; 1 << 20];
    let most = AtomicU64::new(0);
    let statuses = Mutex::new(BTreeMap::<u16, u32>::new());
    std::thread::scope(|scope| {
        for at in 0..60 {
            let (server, chunk, most, statuses) = (&server, &chunk, &most, &statuses);
            scope.spawn(move || {
                let path = ["/api/insert", "/api/token", "/nothing", "/"][at % 4];
                let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    15 << 20
                );
                stream.write_all(head.as_bytes()).unwrap();
                for _ in 0..15 {
                    if stream.write_all(chunk).is_err() {
                        break;
                    }
                    most.fetch_max(server.memory(), Ordering::Relaxed);
                }
                let mut reply = String::new();
                // A connection that gave way is reset.
                let _ = stream.read_to_string(&mut reply);
                let status = reply.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
                *statuses.lock().unwrap().entry(status).or_default() += 1;
            });
        }
    });
    let statuses = statuses.into_inner().unwrap();
    assert!([401, 404, 405, 413].iter().all(|s| statuses.contains_key(s)), "{statuses:?}");
    assert!(!statuses.contains_key(&200), "{statuses:?}");
    let grown = most.into_inner().saturating_sub(before) >> 20;
    assert!(grown < 64, "{grown} MiB more");
}
