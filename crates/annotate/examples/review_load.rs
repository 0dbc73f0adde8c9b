//! A review under load: `review_load DIR [FACES] [CLUSTERS] [ANSWERS]`.
//!
//! Makes a dataset of made-up embeddings in DIR where there is none (no images; 1,000,000 faces in 33,000 clusters of 11,000
//! people unless said otherwise), opens its review twice, the second time with a warm index, and answers over HTTP as
//! a simulated person would, one connection, each answer bringing the next questions. Prints the times, and the
//! memory that the process took at most.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::{Value, json};
use streamface_annotate::server::session::SessionSettings;
use streamface_annotate::server::{ReviewSession, start};
use streamface_kernels::SplitMix64;
use streamface_store::{Dataset, FaceRow, FeatureRow, FrameRow, LabelRow};
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks, Timestamp};
use streamface_web::Options;

const DIM: usize = 192;
/// Clusters that a person was broken into.
const PARTS: usize = 3;
/// Faces of a frame.
const A_FRAME: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let dir = args.first().ok_or("usage: review_load DIR [FACES] [CLUSTERS] [ANSWERS]")?;
    let number = |at: usize, otherwise: usize| args.get(at).map_or(Ok(otherwise), |n| n.parse());
    let (faces, clusters, answers) = (number(1, 1_000_000)?, number(2, 33_000)?, number(3, 10_000)?);
    let dir = Path::new(dir);
    if !dir.join("metadata/labels.parquet").exists() {
        let began = Instant::now();
        make(dir, faces, clusters)?;
        println!("dataset made in {:.1} s", began.elapsed().as_secs_f64());
    }
    for action in ["as it is", "warm"] {
        let began = Instant::now();
        let server = open(dir)?;
        let mut client = Client::new(server.address())?;
        let opened = began.elapsed();
        client.get("/api/questions?form=pair&count=1")?;
        println!(
            "index {action}: open after {:.2} s, first pair after {:.2} s",
            opened.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
        server.stop();
    }
    println!("memory at most so far {} MB, now {} MB", memory("VmHWM"), memory("VmRSS"));
    let server = open(dir)?;
    let mut client = Client::new(server.address())?;
    run(&mut client, answers)?;
    rare(&mut client)?;
    println!("memory now {} MB", memory("VmRSS"));
    server.stop();
    let began = Instant::now();
    let server = open(dir)?;
    println!("opened again with all answers after {:.2} s", began.elapsed().as_secs_f64());
    server.stop();
    Ok(())
}

fn open(dir: &Path) -> Result<streamface_web::Server, Box<dyn Error>> {
    let mut setup = SessionSettings::default();
    setup.who = "load".into();
    let session = ReviewSession::open(Dataset::open(dir)?, setup)?;
    Ok(start(Box::new(session), Options { posts_per_second: 1e6, ..Options::default() })?)
}

fn run(client: &mut Client, answers: usize) -> Result<(), Box<dyn Error>> {
    let (mut times, mut work) = (Vec::new(), Vec::new());
    let (mut screens, mut pairs) = ([0; 3], 0);
    let ways = ["group", "group", "sweep", "pair"];
    let mut question = client.get("/api/questions?form=group&count=1&shown=12&all=true")?[0].clone();
    for at in 0..answers {
        if question.is_null() {
            println!("nothing left to ask after {at} answers");
            break;
        }
        let next = ways[(at + 1) % ways.len()];
        let answer = answer_to(&question, at, next);
        pairs += answer["action"]["pairs"].as_array().map_or(0, Vec::len);
        screens[match question["form"].as_str() {
            Some("pair") => 0,
            Some("group") => 1,
            _ => 2,
        }] += 1;
        let (began, worked) = (Instant::now(), processor_time());
        let reply = client.post("/api/decide", &answer)?;
        times.push(began.elapsed());
        work.push(processor_time().saturating_sub(worked));
        question = reply["questions"][0].clone();
        if question.is_null() {
            question = client.get("/api/questions?form=pair&count=1&all=true")?[0].clone();
        }
        if at % 1000 == 999 {
            println!("{at}: F {}, left {}", reply["overview"]["f"], reply["overview"]["rest"]);
        }
    }
    times.sort_unstable();
    work.sort_unstable();
    let part = |of: &[Duration], share: f64| of[((of.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let at = |share| part(&times, share);
    println!(
        "{} answers ({} pair, {} group, {} sweep; {pairs} pairs of people)",
        times.len(),
        screens[0],
        screens[1],
        screens[2]
    );
    println!(
        "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, most {:.1} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    // What does not depend on what else the machine does.
    println!(
        "processor time: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        part(&work, 0.5),
        part(&work, 0.99),
        part(&work, 1.0)
    );
    let total: Duration = times.iter().sum();
    println!("{:.0} answers a second", times.len() as f64 / total.as_secs_f64());
    Ok(())
}

/// What rebuilds the queue: a face that leaves its person, and taking that back.
fn rare(client: &mut Client) -> Result<(), Box<dyn Error>> {
    let next = json!({"form": "group", "count": 2, "shown": 12, "all": true});
    let all = client.get("/api/people?limit=1")?;
    let person = &all["rows"][0];
    let seen = json!([{"id": person["id"], "state": person["state"]}]);
    let revision = client.get("/api/overview")?["revision"].clone();
    let mut began = Instant::now();
    let split = json!({
        "key": format!("split-{revision:0>8}"), "revision": revision, "seen": seen,
        "action": {"kind": "split", "faces": [person["id"]], "together": true},
    });
    let done = client.post("/api/decide", &split)?["decision"].clone();
    let split = began.elapsed();
    began = Instant::now();
    let undo = json!({
        "key": format!("undo-{revision:0>8}"), "revision": done, "seen": [], "next": next,
        "action": {"kind": "undo", "decision": done},
    });
    client.post("/api/decide", &undo)?;
    println!(
        "split of one face {:.0} ms, undo {:.0} ms",
        split.as_secs_f64() * 1e3,
        began.elapsed().as_secs_f64() * 1e3
    );
    began = Instant::now();
    client.get("/api/people?order=time&text=news&limit=60")?;
    println!("search of people {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    began = Instant::now();
    client.get("/api/history?doubtful=true&limit=40")?;
    println!("history, doubtful first {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// The right answer: a person's label, at present the smallest of its clusters', says who it is.
fn answer_to(question: &Value, at: usize, next: &str) -> Value {
    let person = |view: &Value| view["label"].as_u64().map(|l| l / PARTS as u64);
    let ids = |view: &Value| -> Vec<Value> {
        view["shown"].as_array().into_iter().flatten().map(|f| f["id"].clone()).collect()
    };
    let mut seen = Vec::new();
    let mut pairs = Vec::new();
    if !question["person"].is_null() {
        seen.push(&question["person"]);
    }
    for pair in question["pairs"].as_array().into_iter().flatten() {
        let left = if pair["left"].is_null() { &question["person"] } else { &pair["left"] };
        if !pair["left"].is_null() {
            seen.push(left);
        }
        seen.push(&pair["right"]);
        let same = person(left) == person(&pair["right"]);
        let verdict = if same { "same" } else { "different" };
        pairs.push(json!({"left": ids(left), "right": ids(&pair["right"]), "verdict": verdict}));
    }
    let seen: Vec<_> = seen.iter().map(|v| json!({"id": v["id"], "state": v["state"]})).collect();
    json!({
        "key": format!("load-{}-{at:08}", question["revision"]), "revision": question["revision"], "seen": seen, "seconds": 2.0,
        "action": {"kind": "compare", "pairs": pairs}, "next": {"form": next, "count": 2, "shown": 12, "all": true},
    })
}

/// One connection that is kept.
struct Client {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(to: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        Ok(Self { host: to.to_string(), stream: BufReader::new(stream) })
    }

    fn get(&mut self, path: &str) -> Result<Value, Box<dyn Error>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.ask(request.as_bytes())
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Type: application/json\r\nContent-Length: {1}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.ask(request.as_bytes())
    }

    fn ask(&mut self, request: &[u8]) -> Result<Value, Box<dyn Error>> {
        self.stream.get_mut().write_all(request)?;
        let (mut status, mut length) = (String::new(), 0);
        self.stream.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        if !status.contains(" 200 ") {
            return Err(format!("{}: {}", status.trim(), String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

/// Of all threads of this process, client and server.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|t| {
        std::fs::read_to_string(t.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn memory(action: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(action));
    line.and_then(|l| l.trim_matches([':', ' ', '\t']).split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn direction(seed: u64) -> Vec<f32> {
    // Seeds that follow each other begin far apart.
    let mut random = SplitMix64::new(SplitMix64::new(seed).next_u64());
    unit((0..DIM).map(|_| random.normal() as f32).collect())
}

fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    v.iter_mut().for_each(|x| *x /= norm);
    v
}

fn make(dir: &Path, faces: usize, clusters: usize) -> Result<(), Box<dyn Error>> {
    let data = Dataset::open(dir)?;
    let start = Timestamp::parse_compact("20230525100000000000").ok_or("no time")?;
    let frames = (0..faces.div_ceil(A_FRAME))
        .map(|i| FrameId::at("news", start.plus_micros(i as i64 * 2_000_000)))
        .collect::<Result<Vec<_>, _>>()?;
    let id = |face: usize| FaceId::new(frames[face / A_FRAME].clone(), (face % A_FRAME) as u32);
    // Sizes fall off as a share of a programme does; faces of one frame are of different people.
    let cluster = |face: usize| {
        let u = (face as f64 * 0.618_033_988_749_894_9).fract();
        ((u * u * clusters as f64) as usize).min(clusters - 1)
    };
    let size = |n: u32| [n, n];
    let face_row = |face: usize| {
        let mut row = FaceRow::new(id(face));
        row.bbox = BoundingBox::new(100.0, 100.0, 150.0, 150.0);
        row.landmarks = Landmarks::default();
        row.score = 0.9;
        row.blur = 100.0 + (face % 997) as f64;
        row.frame_size = [1920, 1080];
        row.face_size = size(256);
        row.aligned_size = size(128);
        row.link = None;
        row
    };
    data.replace((0..faces).map(face_row).collect::<Vec<FaceRow>>())?;
    data.replace(
        frames
            .iter()
            .map(|f| {
                let mut row = FrameRow::new(f.clone(), "news.mp4");
                row.width = 1920;
                row.height = 1080;
                row
            })
            .collect(),
    )?;
    data.replace((0..faces).map(|f| LabelRow::new(id(f), Label(cluster(f) as i64))).collect())?;
    let people: Vec<_> = (0..clusters.div_ceil(PARTS)).into_par_iter().map(|p| direction(p as u64)).collect();
    let parts: Vec<_> = (0..clusters).into_par_iter().map(|c| direction((1 << 40) + c as u64)).collect();
    let feature = |face: usize| {
        let (c, own) = (cluster(face), direction((2 << 40) + face as u64));
        let person = &people[c / PARTS];
        let mix = (0..DIM).map(|k| person[k] + 0.7 * parts[c][k] + 0.5 * own[k]);
        FeatureRow::new(id(face), "made-up", "0", unit(mix.collect()))
    };
    data.replace((0..faces).into_par_iter().map(feature).collect::<Vec<FeatureRow>>())?;
    Ok(())
}
