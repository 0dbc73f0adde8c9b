//! A power cut: what a disk lost is noticed and done again.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use common::{assert_same_result, faces_video, plain_run, run, said, streamface};

/// The images of the last batch of a killed run.
fn last_batch(dir: &Path) -> Vec<PathBuf> {
    let mut batches: Vec<_> =
        fs::read_dir(dir.join("metadata/batches")).unwrap().flatten().map(|e| e.path()).collect();
    batches.retain(|path| path.file_name().unwrap().to_str().unwrap().parse::<u64>().is_ok());
    batches.sort();
    let list = fs::read_to_string(batches.last().unwrap().join("images.csv")).unwrap();
    // One that has not got its name yet is there under another.
    let paths = |line: &str| {
        let mut fields = line.split(',');
        let (folder, file) = (dir.join(fields.next().unwrap()), fields.next().unwrap().to_owned());
        [folder.join(&file), folder.join(format!(".{file}.part"))]
    };
    list.lines().skip(1).flat_map(paths).filter(|path| path.exists()).collect()
}

/// Starts a run and kills it once it has so many batches; whether it was still at work.
fn killed(video: &str, out: &Path, batches: usize) -> bool {
    let mut run = streamface(&[&plain_run(&video, &out)[..], &["--batch-size", "2", "--quiet"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let count = || fs::read_dir(out.join("metadata/batches")).map_or(0, Iterator::count);
    loop {
        if run.try_wait().unwrap().is_some() {
            return false;
        }
        if count() >= batches {
            run.kill().unwrap();
            run.wait().unwrap();
            return count() >= batches;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_a_power_cut_took_of_the_last_batch_is_done_again() {
    let Some(video) = faces_video() else { return };
    let video = video.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let plain = run(&[&plain_run(&video, &whole)[..], &["--quiet"]].concat());
    assert!(plain.status.success(), "{}", said(&plain));
    let damages: [fn(&Path); 3] = [
        |path| {
            let length = fs::metadata(path).unwrap().len() as usize;
            fs::write(path, vec![0; length]).unwrap();
        },
        |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        |path| fs::remove_file(path).unwrap(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        // A batch of dropped frames alone has no images; then the next one is tried.
        let (out, images) = (2 + number..10)
            .map(|batches| {
                let out = dir.path().join(format!("{number}-{batches}"));
                assert!(killed(video, &out, batches), "the run was over before it was killed");
                let images = last_batch(&out);
                (out, images)
            })
            .find(|(_, images)| !images.is_empty())
            .unwrap();
        images.iter().for_each(|path| damage(path));
        let again = run(&[&plain_run(&video, &out)[..], &["--quiet"]].concat());
        assert!(again.status.success(), "{}", said(&again));
        assert!(said(&again).contains("images of the last batch were damaged"), "{}", said(&again));
        assert_same_result(&whole, &out);
    }
}

#[test]
fn an_export_says_what_is_broken() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    common::dataset::dataset(dir.path());
    let at = |kind: &str, name: String| dir.path().join(kind).join(format!("{name}.png"));
    let zeros = at("faces", common::dataset::face(1).to_string());
    fs::write(&zeros, vec![0; fs::metadata(&zeros).unwrap().len() as usize]).unwrap();
    let torn = at("frames", common::dataset::frame(2).to_string());
    let bytes = fs::read(&torn).unwrap();
    fs::write(&torn, [&bytes[..bytes.len() / 2], &vec![0; bytes.len() - bytes.len() / 2]].concat()).unwrap();
    for (format, broken) in [
        ("imagefolder", vec![&zeros]),
        ("webdataset", vec![&zeros]),
        ("fiftyone", vec![&zeros]),
        ("coco", vec![&torn]),
        ("compat", vec![&zeros, &torn]),
    ] {
        let out = to.path().join(format);
        let args =
            ["export", dir.path().to_str().unwrap(), "--format", format, "--out", out.to_str().unwrap()];
        let done = run(&[&args[..], &["--json"]].concat());
        assert_eq!(done.status.code(), Some(1), "{format}: {}", said(&done));
        let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(summary["problems"]["count"], broken.len(), "{format}: {summary}");
        for path in broken {
            let named = summary["problems"]["first"].as_array().unwrap();
            let path = path.to_str().unwrap();
            assert!(named.iter().any(|said| said.as_str().unwrap().contains(path)), "{format}: {summary}");
        }
    }
}
