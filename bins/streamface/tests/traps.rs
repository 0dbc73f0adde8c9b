//! A dataset that somebody else made, to do harm: links that lead out of it, pipes, devices and files of any length in the
//! place of its own. Every command ends, in bounded memory, and nothing outside is read, written or removed.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::dataset::{FRAME, dataset, face, png};
use common::{models, streamface};

/// Longest time a command may take, and most memory in KiB.
const PATIENCE: Duration = Duration::from_secs(60);
const MEMORY: u64 = 1 << 20;

/// Copies a folder of plain files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// Files that a command may open in a dataset.
const FILES: [&str; 29] = [
    ".lock",
    "report.html",
    "stats.html",
    "stats.json",
    "evaluate.html",
    "verify.html",
    "study.html",
    "threshold.toml",
    "metadata/frames.parquet",
    "metadata/faces.parquet",
    "metadata/extractions.parquet",
    "metadata/features.parquet",
    "metadata/attributes.parquet",
    "metadata/labels.parquet",
    "metadata/merges.parquet",
    "metadata/settings.json",
    "metadata/sources.jsonl",
    "metadata/decisions.jsonl",
    "metadata/annotations.json",
    "metadata/annotations_manual.json",
    "metadata/people.json",
    "metadata/detections.csv",
    "metadata/cluster_evals.json",
    "metadata/review.index",
    "metadata/review.vectors",
    "metadata/batches/00000000/frames.parquet",
    "frames/tv_frame_20230525100130000000.png",
    "faces/tv_frame_20230525100130000000_face_0.png",
    "aligned_faces/processed.txt",
];

/// Folders of a dataset, and such as a killed process leaves.
const FOLDERS: [&str; 14] = [
    "metadata",
    "metadata/last_frames",
    "metadata/models",
    "metadata/replacing",
    "metadata/batches",
    "metadata/batches/00000001",
    "metadata/batches/.part",
    "frames",
    "faces",
    "aligned_faces",
    "labeled_faces",
    "labeled_faces/0",
    ".labeled_faces.part",
    ".labeled_faces.old",
];

/// What lies in the place of a file.
#[derive(Debug, Clone, Copy)]
enum Trap {
    /// A link to a file elsewhere.
    Link,
    /// A link to a named pipe elsewhere: whoever opens it waits for ever.
    LinkToPipe,
    Pipe,
    /// A link to a device without an end.
    Zero,
    /// A file of a tebibyte of zeros that takes no room.
    Endless,
    /// A link to a folder elsewhere.
    Folder,
}

/// A place that nothing of a dataset may lead to.
struct Outside(tempfile::TempDir);

impl Outside {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("folder/0/a")).unwrap();
        for name in
            ["file", "folder/.x.part", "folder/frames.parquet", "folder/0/a/b.png", "folder/decisions.jsonl"]
        {
            fs::write(dir.path().join(name), format!("precious {name}")).unwrap();
        }
        mkfifo(&dir.path().join("pipe"));
        Self(dir)
    }

    /// Names, lengths, times and bytes of everything there.
    fn state(&self) -> BTreeMap<PathBuf, (u64, SystemTime, Vec<u8>)> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let there = entry.metadata().unwrap();
                let bytes = if there.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
                all.insert(entry.path(), (there.len(), there.modified().unwrap(), bytes));
                if there.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        all
    }
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Puts a trap into the place of a file or folder of a dataset.
fn lay(trap: Trap, place: &Path, outside: &Outside) {
    let outside = outside.0.path();
    if place.is_dir() {
        fs::remove_dir_all(place).unwrap();
    } else if place.exists() {
        fs::remove_file(place).unwrap();
    }
    match trap {
        Trap::Link => symlink(outside.join("file"), place).unwrap(),
        Trap::LinkToPipe => symlink(outside.join("pipe"), place).unwrap(),
        Trap::Pipe => mkfifo(place),
        Trap::Zero => symlink("/dev/zero", place).unwrap(),
        Trap::Endless => fs::File::create(place).unwrap().set_len(1 << 40).unwrap(),
        Trap::Folder => symlink(outside.join("folder"), place).unwrap(),
    }
}

/// Runs a command; what it said, which is asserted to be no panic. It must end in time and in bounded memory.
fn ends(mut command: Command, what: &str) -> String {
    let out = tempfile::tempfile().unwrap();
    command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let (start, mut memory) = (Instant::now(), 0);
    let status = format!("/proc/{}/status", child.id());
    let serves = what.starts_with("review") || what.starts_with("watch");
    let mut stopped = false;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        memory = memory.max(peak.unwrap_or(0));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        // A server ends when it is asked to.
        if serves && !stopped && start.elapsed() > Duration::from_millis(1500) {
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
            stopped = true;
        }
        if start.elapsed() > PATIENCE || memory > MEMORY {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{what}: {memory} KiB after {:?}", start.elapsed());
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    use std::io::{Read as _, Seek as _};
    let (mut said, mut out) = (String::new(), out);
    out.rewind().unwrap();
    out.read_to_string(&mut said).unwrap();
    assert!(!said.contains("panicked"), "{what}: {said}");
    said
}

/// The commands that load no network, on a dataset; what they write elsewhere goes to `to`.
fn commands(dir: &Path, to: &Path, photos: &Path) -> Vec<Vec<String>> {
    let dir = dir.to_str().unwrap();
    let elsewhere = |name: &str| to.join(name).to_str().unwrap().to_owned();
    let mut all: Vec<Vec<String>> = [
        &["stats", dir][..],
        &["evaluate", dir],
        &["study", dir],
        &["verify", dir, "--folds", "2", "--per-fold", "2"],
        &["match", dir],
        &["finalize", dir],
        &["report", dir],
        &["prune", dir, "--all-frames", "--dry-run"],
        &["match", dir, "--join"],
        &["cluster", dir, "--append"],
        &["cluster", dir],
        &["review", dir, "--listen", "127.0.0.1:0"],
        &["capture", photos.to_str().unwrap(), "--out", dir],
        &["capture", photos.to_str().unwrap(), "--out", dir, "--frames", "jpeg"],
    ]
    .map(|args| args.iter().map(|&arg| arg.to_owned()).collect())
    .into();
    for format in ["compat", "imagefolder", "webdataset", "coco", "csv"] {
        let inside = format!("{dir}/export-{format}");
        let out = if format == "coco" { inside } else { elsewhere(&format!("export-{format}")) };
        all.push(["export", dir, "--format", format, "--out", &out].map(str::to_owned).into());
    }
    all.push(["import", dir, "--format", "compat", "--out", &elsewhere("import")].map(str::to_owned).into());
    let own = format!("{dir}/metadata/annotations.json");
    let (page, faces) = (elsewhere("score.html"), dir.to_owned());
    all.push(["score", &own, &own, "--html", &page, "--faces", &faces].map(str::to_owned).into());
    all.push(["stats", dir, "--out", &elsewhere("stats.html")].map(str::to_owned).into());
    all.push(["prune", dir, "--all-frames", "--caches"].map(str::to_owned).into());
    all.push(["prune", dir, "--dry-run"].map(str::to_owned).into());
    all.push(["prune", dir, "--all-frames", "--caches"].map(str::to_owned).into());
    all
}

/// Runs commands on copies of the dataset that each have one trap more.
fn spring(
    whole: &Path,
    place: &str,
    trap: Trap,
    commands_of: impl Fn(&Path, &Path, &Path) -> Vec<Vec<String>>,
) {
    let (outside, work) = (Outside::new(), tempfile::tempdir().unwrap());
    let photos = work.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.png"), png(80, 5)).unwrap();
    let before = outside.state();
    let dir = work.path().join("data");
    copy(whole, &dir);
    lay(trap, &dir.join(place), &outside);
    // A folder that an export would be made in.
    symlink(outside.0.path().join("folder"), dir.join(".export-coco.part")).unwrap();
    for (number, args) in commands_of(&dir, work.path(), &photos).into_iter().enumerate() {
        let to = work.path().join(number.to_string());
        fs::create_dir(&to).unwrap();
        let what = format!("{} with {trap:?} for {place}", args.join(" "));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        ends(streamface(&args), &what);
        assert_eq!(outside.state(), before, "{what}");
    }
}

/// Works through a list on as many threads as there are processors.
fn side_by_side<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)) {
                    work(one);
                }
            });
        }
    });
}

#[test]
fn every_command_ends_and_leaves_alone_what_is_outside() {
    let whole = tempfile::tempdir().unwrap();
    dataset(whole.path());
    let others = [Trap::LinkToPipe, Trap::Pipe, Trap::Zero, Trap::Endless];
    let mut traps: Vec<(&str, Trap)> = FOLDERS.map(|place| (place, Trap::Folder)).into();
    for (place, other) in FILES.iter().zip(others.iter().cycle()) {
        traps.extend([(*place, Trap::Link), (*place, *other)]);
    }
    side_by_side(&traps, |&(place, trap)| spring(whole.path(), place, trap, commands));
}

/// The traps of a `kind` in all places of the metadata.
#[test]
fn commands_with_networks_end_too() {
    if !models() {
        return;
    }
    let whole = tempfile::tempdir().unwrap();
    dataset(whole.path());
    let commands = |dir: &Path, to: &Path, photos: &Path| -> Vec<Vec<String>> {
        let (dir, photos) = (dir.to_str().unwrap(), photos.to_str().unwrap());
        let out = to.join("watched").to_str().unwrap().to_owned();
        [
            &["extract", dir][..],
            &["analyze", dir],
            &["run", photos, "--attributes", "none", "--out", dir],
            &["watch", photos, "--people", dir, "--out", &out, "--no-page"],
            &["watch", photos, "--out", dir, "--no-page"],
        ]
        .map(|args| args.iter().map(|&arg| arg.to_owned()).collect())
        .into()
    };
    let frame = format!("frames/{FRAME}.png");
    let traps = [
        ("aligned_faces", Trap::Folder),
        ("metadata/settings.json", Trap::Pipe),
        ("metadata/features.parquet", Trap::Zero),
        ("metadata/decisions.jsonl", Trap::LinkToPipe),
        (frame.as_str(), Trap::Pipe),
        (".lock", Trap::Link),
    ];
    side_by_side(&traps, |&(place, trap)| spring(whole.path(), place, trap, commands));
}

#[test]
fn the_page_of_a_watch_shows_no_file_of_elsewhere() {
    use std::io::{BufRead as _, Read as _, Write as _};
    if !models() {
        return;
    }
    let (whole, outside) = (tempfile::tempdir().unwrap(), Outside::new());
    dataset(whole.path());
    // Each person of three; whichever face is the portrait.
    for i in 0..8 {
        let place = whole.path().join(format!("faces/{}.png", face(i)));
        let trap = [Trap::Link, Trap::Pipe, Trap::Zero][i as usize % 3];
        lay(trap, &place, &outside);
    }
    let out = whole.path().join("watched");
    // A source that does not end: a pipe of a playlist would; a listener that never answers does not.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source = format!("http://{}/live.m3u8", silent.local_addr().unwrap());
    let mut watch = streamface(&["watch", &source, "--people", whole.path().to_str().unwrap()])
        .args(["--out", out.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(watch.stderr.take().unwrap());
    let host = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "the page's address was not told");
        if let Some((_, rest)) = line.split_once("http://127.0.0.1:")
            && !line.contains("live.m3u8")
        {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            break format!("127.0.0.1:{port}");
        }
    };
    for person in 0..3 {
        let mut page = std::net::TcpStream::connect(&host).unwrap();
        page.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(page, "GET /image/person/{person} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut reply = Vec::new();
        page.read_to_end(&mut reply).unwrap();
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.starts_with("HTTP/1.1 404"), "{person}: {reply}");
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn an_ordinary_dataset_is_none_the_worse() {
    let whole = tempfile::tempdir().unwrap();
    dataset(whole.path());
    let work = tempfile::tempdir().unwrap();
    let photos = work.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.png"), png(80, 5)).unwrap();
    for args in commands(whole.path(), work.path(), &photos) {
        if args[0] == "review" || args.contains(&"--append".to_owned()) {
            continue;
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let done = common::run(&args);
        assert!(matches!(done.status.code(), Some(0 | 1)), "{args:?}: {}", common::said(&done));
        assert!(!common::said(&done).contains("is a link"), "{args:?}: {}", common::said(&done));
    }
}
