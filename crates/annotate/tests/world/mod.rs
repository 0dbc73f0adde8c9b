//! Labelled worlds: made-up people who come and go, clustered, as a dataset on disk, reviewed through the live server.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use streamface_annotate::server::session::SessionSettings;
use streamface_annotate::server::{ReviewSession, start};
use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage};
use streamface_kernels::SplitMix64;
use streamface_store::{Batch, Dataset, FaceRow, FeatureRow, FrameRow, LabelRow};
use streamface_types::{FaceId, FrameId, Label, Timestamp};
use streamface_web::{Options, Server};

const DIM: usize = 96;

/// What a world is like.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub people: usize,
    pub faces: usize,
    /// Length of what a day adds to a person's vector of length one, and what a picture adds.
    pub within: (f64, f64),
    /// Faces of a person in a row, at most.
    pub shot: usize,
    pub seed: u64,
}

impl Default for Kind {
    fn default() -> Self {
        Self { people: 60, faces: 900, within: (0.62, 0.3), shot: 8, seed: 1 }
    }
}

/// Faces in the order of time.
pub struct World {
    pub vectors: Embeddings,
    /// Who each face is.
    pub truth: Vec<usize>,
    pub frames: Vec<usize>,
}

impl World {
    /// Each shot has one or two people, the first of them most often. Strangers are at 0.95 ± 0.15 from each other, the faces
    /// of one person on two days at 0.3 ± 0.1.
    pub fn new(kind: Kind) -> Self {
        let mut random = SplitMix64::new(kind.seed);
        // Directions differ in how much people do, and all have something in common.
        let weight: Vec<f64> = (0..DIM).map(|k| 0.97_f64.powi(k as i32)).collect();
        let norm = weight.iter().map(|w| w * w).sum::<f64>().sqrt();
        let draw = |random: &mut SplitMix64, length: f64| -> Vec<f64> {
            weight.iter().map(|w| length * w / norm * random.normal()).collect()
        };
        let common: Vec<f64> = (0..DIM).map(|k| if k == DIM / 2 { 0.25 } else { 0.0 }).collect();
        let people: Vec<Vec<f64>> = (0..kind.people).map(|_| draw(&mut random, 1.0)).collect();
        let (mut data, mut truth, mut frames) = (Vec::new(), Vec::new(), Vec::new());
        let mut frame = 0;
        while truth.len() < kind.faces {
            let mut who =
                vec![((kind.people as f64 + 1.0).powf(random.uniform()) as usize - 1).min(kind.people - 1)];
            let other = random.below(kind.people);
            if random.uniform() < 0.4 && other != who[0] {
                who.push(other);
            }
            let days: Vec<Vec<f64>> = who
                .iter()
                .map(|_| {
                    let length = kind.within.0 * (0.25 * random.normal()).exp();
                    draw(&mut random, length)
                })
                .collect();
            for _ in 0..1 + random.below(kind.shot) {
                for (&person, day) in who.iter().zip(&days) {
                    let length = kind.within.1 * (0.25 * random.normal()).exp();
                    let own = draw(&mut random, length);
                    let row: Vec<f64> =
                        (0..DIM).map(|k| common[k] + people[person][k] + day[k] + own[k]).collect();
                    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                    data.extend(row.iter().map(|x| (x / length) as f32));
                    truth.push(person);
                    frames.push(frame);
                }
                frame += 1;
            }
        }
        Self { vectors: Embeddings::new(data, DIM).unwrap(), truth, frames }
    }

    /// Complete linkage at a threshold; two faces of a frame are two people.
    pub fn clustered(&self, threshold: f64) -> Vec<i64> {
        let mut apart = Constraints::default();
        for at in 1..self.frames.len() {
            if self.frames[at] == self.frames[at - 1] {
                apart.cannot_link(at - 1, at);
            }
        }
        let settings = Settings::new(Metric::Cosine, threshold).unwrap();
        let found = complete_linkage(&self.vectors, &settings, &apart).unwrap();
        found.labels.into_iter().map(i64::from).collect()
    }

    /// Pairwise F of these labels.
    pub fn f(&self, labels: &[i64]) -> f64 {
        let (mut both, mut ours, mut theirs) = (0.0, 0.0, 0.0);
        for i in 0..labels.len() {
            for j in i + 1..labels.len() {
                let (a, b) = (labels[i] == labels[j], self.truth[i] == self.truth[j]);
                ours += f64::from(a);
                theirs += f64::from(b);
                both += f64::from(a && b);
            }
        }
        2.0 * both / (ours + theirs)
    }

    /// The id of a face.
    pub fn face(&self, face: usize) -> FaceId {
        let at = Timestamp::parse_compact("20240501120000000000").unwrap();
        let frame = FrameId::at("news", at.plus_micros(self.frames[face] as i64 * 2_000_000)).unwrap();
        let number = (0..face).rev().take_while(|&f| self.frames[f] == self.frames[face]).count();
        FaceId::new(frame, number as u32)
    }

    /// The number of a face by its id.
    pub fn numbers(&self) -> std::collections::HashMap<String, usize> {
        (0..self.truth.len()).map(|f| (self.face(f).to_string(), f)).collect()
    }

    /// A dataset with these labels.
    pub fn dataset(&self, labels: &[i64]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        let mut batch = Batch::default();
        for face in 0..self.truth.len() {
            let id = self.face(face);
            if face == 0 || self.frames[face] != self.frames[face - 1] {
                batch.frames.push(FrameRow::new(id.frame.clone(), "news.mp4"));
            }
            batch.faces.push(FaceRow::new(id.clone()));
            batch.features.push(FeatureRow::new(id, "made up", "", self.vectors.row(face).to_vec()));
        }
        data.commit(batch).unwrap();
        data.compact().unwrap();
        self.relabel(&data, labels);
        drop(data);
        dir
    }

    /// Replaces the labels of a dataset.
    pub fn relabel(&self, data: &Dataset, labels: &[i64]) {
        let rows = (0..labels.len()).map(|f| LabelRow::new(self.face(f), Label(labels[f])));
        data.replace(rows.collect::<Vec<_>>()).unwrap();
    }
}

/// The review of a dataset behind its server.
pub struct Site {
    pub server: Server,
    key: std::cell::Cell<u32>,
}

impl Site {
    pub fn open(dir: &std::path::Path) -> Self {
        let mut settings = SessionSettings::default();
        settings.who = "tester".into();
        let session = ReviewSession::open(Dataset::open(dir).unwrap(), settings).unwrap();
        Self { server: start(Box::new(session), Options::default()).unwrap(), key: 0.into() }
    }

    fn send(&self, line: &str, body: &str) -> (u16, Value) {
        let to: SocketAddr = self.server.address();
        let mut stream = TcpStream::connect(to).unwrap();
        let post = if body.is_empty() {
            String::new()
        } else {
            format!(
                "Origin: http://{to}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            )
        };
        let request = format!("{line} HTTP/1.0\r\nHost: {to}\r\nConnection: close\r\n{post}\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{line}: {e}: {reply}")))
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, value) = self.send(&format!("GET {path}"), "");
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// Sends an answer about people as they were shown.
    pub fn decide(&self, revision: &Value, people: &[&Value], action: &Value) -> (u16, Value) {
        self.key.set(self.key.get() + 1);
        let seen: Vec<Value> =
            people.iter().map(|p| serde_json::json!({ "id": p["id"], "state": p["state"] })).collect();
        let answer = serde_json::json!({
            "key": format!("key-{:08}", self.key.get()), "revision": revision, "seen": seen, "seconds": 3.0, "whole": true,
            "action": action,
        });
        self.send("POST /api/decide", &answer.to_string())
    }
}

/// Mean difference of what is said and what is true, over ten bins of what is said.
pub fn calibration_error(said: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    for &(chance, same) in said {
        let bin = &mut bins[((10.0 * chance) as usize).min(9)];
        *bin = (bin.0 + chance, bin.1 + f64::from(same));
    }
    bins.iter().map(|(said, truth)| (said - truth).abs()).sum::<f64>() / said.len().max(1) as f64
}
