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
        let url = line.trim_end().rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
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
