//! Commands that read a dataset: where it cannot be written, and while another process writes to it.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::dataset::dataset;
use common::{models, run, said};
use streamface_store::Dataset;

/// What is read of `dir`, with results in `to`.
fn readers(dir: &Path, to: &Path) -> Vec<Vec<String>> {
    let out = |name: &str| to.join(name).to_str().unwrap().to_owned();
    let dir = dir.to_str().unwrap();
    let all: [(&str, &[&str], String); 9] = [
        ("stats", &[], out("stats.html")),
        ("evaluate", &[], out("evaluate.html")),
        ("study", &[], out("study")),
        ("verify", &["--folds", "2", "--per-fold", "2"], out("verify.html")),
        ("match", &[], out("pairs.json")),
        ("export", &["--format", "imagefolder"], out("folders")),
        ("export", &["--format", "csv"], out("faces.csv")),
        ("export", &["--format", "compat"], out("compat")),
        ("export", &["--format", "coco"], out("coco")),
    ];
    let args = |(command, more, out): (&str, &[&str], String)| {
        [&[command, dir][..], more, &["--out", &out]].concat().into_iter().map(str::to_owned).collect()
    };
    all.into_iter().map(args).collect()
}

fn go(args: &[String]) -> Output {
    run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn sh(args: &[&str]) -> bool {
    Command::new(args[0]).args(&args[1..]).output().is_ok_and(|o| o.status.success())
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    dataset(dir.path());
    let held = Dataset::open(dir.path()).unwrap();
    let mut all = readers(dir.path(), to.path());
    let path = dir.path().to_str().unwrap();
    // What they write by default is a page beside the tables.
    for command in ["stats", "evaluate", "study", "report"] {
        all.push(vec![command.to_owned(), path.to_owned()]);
    }
    for args in all {
        let done = go(&args);
        assert!(done.status.success(), "{args:?}: {}", said(&done));
    }
    for command in ["cluster", "finalize"] {
        let done = run(&[command, path]);
        assert_eq!(done.status.code(), Some(2), "{command}: {}", said(&done));
        assert!(said(&done).contains("in use by process"), "{}", said(&done));
    }
    drop(held);
}

#[test]
fn readers_need_no_right_to_write() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mount = dir.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let at = mount.to_str().unwrap();
    if !sh(&["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", at]) {
        streamface_testing::skip!("no right to mount a small file system");
        return;
    }
    let data = mount.join("data");
    dataset(&data);
    fs::remove_file(data.join(".lock")).unwrap();
    assert!(sh(&["mount", "-o", "remount,ro", at]));
    let done: Vec<_> = readers(&data, to.path()).into_iter().map(|args| (go(&args), args)).collect();
    let path = data.to_str().unwrap();
    let refused = ["stats", "evaluate", "match", "report"].map(|command| run(&[command, path]));
    let photo = to.path().join("photo.png");
    fs::write(&photo, common::dataset::png(80, 1)).unwrap();
    let watched = to.path().join("watched");
    let watch = models().then(|| {
        let (photo, watched) = (photo.to_str().unwrap(), watched.to_str().unwrap());
        run(&["watch", photo, "--people", path, "--out", watched, "--no-page"])
    });
    assert!(sh(&["umount", at]));
    for (done, args) in done {
        assert!(done.status.success(), "{args:?}: {}", said(&done));
    }
    for refused in refused {
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).to_lowercase().contains("read-only file"), "{}", said(&refused));
    }
    if let Some(watch) = watch {
        assert!(watch.status.success(), "{}", said(&watch));
    }
}
