//! `streamface review` as a process: what it acknowledged is there, however it ended.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use streamface_store::{Dataset, FeatureRow, LabelRow};
use streamface_types::{FaceId, FrameId, Label};

/// Faces, each its own cluster, on a circle.
const FACES: usize = 40;

fn face(at: usize) -> FaceId {
    FaceId::new(FrameId::new(format!("f{at:03}")).unwrap(), 0)
}

fn dataset(dir: &Path) {
    let data = Dataset::open(dir).unwrap();
    let feature = |at: usize| {
        let angle = at as f32 * 0.1;
        let embedding = vec![angle.cos(), angle.sin()];
        FeatureRow::new(face(at), "made up", "", embedding)
    };
    data.replace((0..FACES).map(feature).collect()).unwrap();
    data.replace((0..FACES).map(|at| LabelRow::new(face(at), Label(at as i64))).collect()).unwrap();
}

struct Review {
    process: Child,
    host: String,
}

impl Review {
    fn start(dir: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_streamface"))
            .args(["review", "--listen", "127.0.0.1:0", "--who", "tester", "--json", "--quiet"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let url = told["url"].as_str().unwrap();
        let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { process, host }
    }

    fn ask(&self, line: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {1}\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn overview(&self) -> serde_json::Value {
        let reply = self.ask("GET /api/overview", "");
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Names someone, which changes no one's faces; whether it was acknowledged.
    fn name(&self, round: usize) -> bool {
        let person = self.ask(&format!("GET /api/person/{}", face(round % FACES)), "");
        let person: serde_json::Value =
            serde_json::from_str(person.split_once("\r\n\r\n").unwrap().1).unwrap();
        let (revision, person) = (&person["revision"], &person["person"]);
        let answer = serde_json::json!({
            "key": format!("round-{round:06}"), "revision": revision,
            "seen": [{"id": person["id"], "state": person["state"]}],
            "action": {"kind": "name", "person": [person["id"]], "name": format!("name {round}")},
        });
        self.ask("POST /api/decide", &answer.to_string()).starts_with("HTTP/1.1 200")
    }
}

#[cfg(unix)]
#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    dataset(dir.path());
    // Each of these answers is followed by kill -9 at once.
    let rounds = 200;
    for round in 0..rounds {
        let mut review = Review::start(dir.path());
        assert_eq!(review.overview()["revision"], round, "after {round} kills");
        assert!(review.name(round));
        review.process.kill().unwrap();
        review.process.wait().unwrap();
    }
    let mut review = Review::start(dir.path());
    let overview = review.overview();
    assert_eq!((&overview["revision"], &overview["answers"]), (&rounds.into(), &rounds.into()));
    assert_eq!(overview["people"], FACES);
    // Ctrl-C ends it well.
    let pid = review.process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert!(review.process.wait().unwrap().success());
}

#[test]
fn a_dataset_without_labels_or_in_use_is_told() {
    let dir = tempfile::tempdir().unwrap();
    drop(Dataset::open(dir.path()).unwrap());
    let run = |dir: &Path| {
        let out = Command::new(env!("CARGO_BIN_EXE_streamface")).arg("review").arg(dir).output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    assert!(run(dir.path()).contains("streamface cluster"));
    let dir = tempfile::tempdir().unwrap();
    dataset(dir.path());
    let mut review = Review::start(dir.path());
    assert!(run(dir.path()).contains("in use"));
    review.process.kill().unwrap();
    review.process.wait().unwrap();
}
