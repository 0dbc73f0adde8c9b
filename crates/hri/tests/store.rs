//! Logs and snapshots: complete, cut and damaged.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Random, Spectrum, State, faces, settings, state};
use hri::{Durability, Error, Metric, Settings, Store, Threshold, To};

/// Some changes of every kind.
fn change(store: &Store, rows: &[f32], dim: usize, from: usize) {
    for (id, row) in rows.chunks_exact(dim).enumerate() {
        store.insert(row, (from + id) as u64).unwrap();
    }
    let (people, ids): (Vec<u64>, Vec<u64>) = {
        let index = store.read().unwrap();
        let big = index.people().filter(|p| p.members > 2).map(|p| p.label).collect::<Vec<_>>();
        let ids = index.members(big[0]).unwrap().collect();
        (big, ids)
    };
    store.split(people[0], &ids[..1]).unwrap();
    store.remove(ids[1]).unwrap();
    store.merge(people[1], people[2]).unwrap();
    store.remove_person(people[3]).unwrap();
    store.insert_to(&rows[..dim], (from + 100_000) as u64, To::New).unwrap();
    store.insert_batch(&rows[..2 * dim], &[(from + 200_000) as u64, (from + 200_001) as u64]).unwrap();
}

#[test]
fn an_index_is_the_same_after_opening() {
    let (dim, dir) = (12, tempfile::tempdir().unwrap());
    let rows = faces(&mut Random(1), 1500, dim, 500, 0.4, Spectrum::Flat);
    let (one, two) = rows.split_at(700 * dim);
    let store = Store::open_or_create(dir.path(), settings(dim)).unwrap().durability(Durability::System);
    change(&store, one, dim, 0);
    for round in 0..4 {
        let want = state(&store.read().unwrap());
        let (loaded, _) = Store::load(dir.path()).unwrap();
        assert_eq!(state(&loaded), want, "round {round}");
        if round == 1 {
            change(&store, two, dim, 1_000_000);
        }
        if round > 0 {
            store.snapshot().unwrap();
        }
    }
    store.sync().unwrap();
    let want = state(&store.read().unwrap());
    assert!(matches!(Store::open(dir.path()), Err(Error::Locked { .. })));
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.recovery().replayed, 0);
    assert_eq!(state(&store.read().unwrap()), want);
    // Later searches and inserts give the same results in both.
    let mut other = Store::load(dir.path()).unwrap().0;
    for (at, row) in two[..50 * dim].chunks_exact(dim).enumerate() {
        assert_eq!(store.search(row).unwrap(), other.search(row).unwrap());
        assert_eq!(
            store.insert(row, 1 << 40 | at as u64).unwrap(),
            other.insert(row, 1 << 40 | at as u64).unwrap()
        );
    }
    // Only two generations and the lock remain.
    assert!(std::fs::read_dir(dir.path()).unwrap().count() <= 5);
    drop(store);
    for (other, says) in [
        (Settings::new(dim, Threshold::new(Metric::Euclidean, 0.2).unwrap()).unwrap(), "euclidean"),
        (settings(dim + 1), "13"),
        (Settings::new(dim, Threshold::new(Metric::Cosine, 0.3).unwrap()).unwrap(), "0.3"),
        (settings(dim).keep_vectors(false), "keeps"),
    ] {
        let error = Store::open_or_create(dir.path(), other).unwrap_err();
        assert!(matches!(error, Error::Format { .. }) && error.to_string().contains(says), "{error}");
    }
}

/// A directory with a snapshot, a log before it and a log after it. Returns the state after each change.
fn small(dir: &Path) -> Vec<State> {
    let dim = 3;
    let rows = faces(&mut Random(5), 6, dim, 3, 0.2, Spectrum::Flat);
    let store = Store::open_or_create(dir, settings(dim)).unwrap().durability(Durability::System);
    let mut states = vec![state(&store.read().unwrap())];
    for (id, row) in rows.chunks_exact(dim).enumerate() {
        store.insert(row, id as u64).unwrap();
        states.push(state(&store.read().unwrap()));
        if id == 3 {
            store.snapshot().unwrap();
        }
    }
    states
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn cut_and_changed_bytes_are_detected() {
    let dir = tempfile::tempdir().unwrap();
    let states = small(dir.path());
    let last = states.last().unwrap();
    let files = ["log-0000000000.hri", "log-0000000001.hri", "snapshot-0000000001.hri"];
    for name in files {
        let bytes = std::fs::read(dir.path().join(name)).unwrap();
        for cut in 0..bytes.len() {
            let other = tempfile::tempdir().unwrap();
            copy(dir.path(), other.path());
            std::fs::write(other.path().join(name), &bytes[..cut]).unwrap();
            match Store::open(other.path()) {
                Ok(store) => {
                    let got = state(&store.read().unwrap());
                    match name {
                        // The later snapshot has all of its changes.
                        "log-0000000000.hri" => assert_eq!(&got, last, "{name} cut at {cut}"),
                        // An unfinished change at the end is cut off and reported; nothing else is lost.
                        "log-0000000001.hri" => {
                            let at = states.iter().position(|s| *s == got).unwrap();
                            assert!((4..6).contains(&at), "{name} cut at {cut}: {at}");
                            let record = (bytes.len() - 96) / 2;
                            assert_eq!(at, 4 + (cut - 96) / record);
                            assert_eq!(store.recovery().torn_bytes, ((cut - 96) % record) as u64);
                            // The log continues from there.
                            store.insert(&[0.1, 0.2, 0.3], 99).unwrap();
                            let want = state(&store.read().unwrap());
                            drop(store);
                            assert_eq!(state(&Store::load(other.path()).unwrap().0), want);
                        }
                        _ => {
                            assert_eq!(&got, last, "{name} cut at {cut}");
                            assert_eq!(store.recovery().bad_snapshots.len(), 1);
                        }
                    }
                }
                Err(error) => {
                    assert!(matches!(error, Error::Corrupt { .. }), "{name} cut at {cut}: {error}");
                    assert!(name != "snapshot-0000000001.hri");
                }
            }
        }
        for at in 0..bytes.len() {
            let other = tempfile::tempdir().unwrap();
            copy(dir.path(), other.path());
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(other.path().join(name), &bad).unwrap();
            match Store::open(other.path()) {
                Ok(store) => {
                    assert_eq!(&state(&store.read().unwrap()), last, "{name} changed at {at}");
                    let reported = name == "log-0000000000.hri" || store.recovery().bad_snapshots.len() == 1;
                    assert!(reported, "{name} changed at {at}: not reported");
                }
                Err(error) => {
                    assert!(matches!(error, Error::Corrupt { .. }), "{name} changed at {at}: {error}");
                    assert!(error.to_string().contains(name), "{error}");
                    assert!(name == "log-0000000001.hri", "{name} changed at {at}: {error}");
                }
            }
        }
    }
    // Neither the snapshot nor the log that could replace it.
    let other = tempfile::tempdir().unwrap();
    copy(dir.path(), other.path());
    std::fs::write(other.path().join(files[2]), b"HRI-SNAP").unwrap();
    std::fs::remove_file(other.path().join(files[0])).unwrap();
    assert!(matches!(Store::open(other.path()), Err(Error::Corrupt { .. })));
}

#[test]
fn other_versions_and_byte_orders_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    small(dir.path());
    let path = dir.path().join("snapshot-0000000001.hri");
    let good = std::fs::read(&path).unwrap();
    let with = |change: &dyn Fn(&mut [u8]), says: &str| {
        let mut bytes = good.clone();
        change(&mut bytes[..96]);
        std::fs::write(&path, bytes).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, Error::Format { .. }) && error.to_string().contains(says), "{error}");
    };
    let seal = |head: &mut [u8]| {
        let crc = crc32(&head[..92]);
        head[92..].copy_from_slice(&crc.to_le_bytes());
    };
    with(
        &|head| {
            head[8] = 3;
            seal(head);
        },
        "version 3",
    );
    with(
        &|head| {
            head[12..16].reverse();
            seal(head);
            head[92..].reverse();
        },
        "byte order",
    );
    with(
        &|head| {
            head[..8].copy_from_slice(b"HRI-LOG\n");
            seal(head);
        },
        "not a snapshot",
    );
}

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &b| (0..8).fold(crc ^ u32::from(b), |crc, _| step(crc)))
}

const CHILD: &str = "HRI_TEST_DIRECTORY";

/// The process that the next test kills.
#[test]
#[ignore = "run by another test"]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dim = 8;
    let rows = faces(&mut Random(3), 4000, dim, 200, 0.3, Spectrum::Flat);
    let store = Store::open_or_create(Path::new(&dir), settings(dim)).unwrap().durability(Durability::System);
    let first = store.stats().unwrap().members;
    let mut out = std::io::stdout();
    for id in first..4000 {
        let label = store.insert(&rows[id * dim..(id + 1) * dim], id as u64).unwrap().label;
        writeln!(out, "ack {id} {label}").unwrap();
        if id % 150 == 149 {
            store.snapshot().unwrap();
        }
    }
}

#[test]
fn acknowledged_changes_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(8);
    let mut acknowledged = BTreeMap::new();
    for _ in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 20 + random.below(400);
        while let Some(Ok(line)) = lines.next() {
            let Some((id, label)) = line.split_once("ack ").and_then(|(_, l)| l.split_once(' ')) else {
                continue;
            };
            acknowledged.insert(id.parse::<u64>().unwrap(), label.parse::<u64>().unwrap());
            left -= 1;
            if left == 0 {
                child.kill().unwrap();
            }
            if left == 0 {
                break;
            }
        }
        // Lines that are still in the pipe count, too.
        for line in lines.map_while(Result::ok) {
            if let Some((id, label)) = line.split_once("ack ").and_then(|(_, l)| l.split_once(' '))
                && let (Ok(id), Ok(label)) = (id.parse(), label.parse())
            {
                acknowledged.insert(id, label);
            }
        }
        child.wait().unwrap();
        let (index, recovery) = Store::load(dir.path()).unwrap();
        assert!(recovery.bad_snapshots.is_empty());
        for (&id, &label) in &acknowledged {
            assert_eq!(index.label_of(id).unwrap(), label);
        }
        assert!(index.len() - acknowledged.len() <= 12);
    }
    assert!(acknowledged.len() > 1000);
}

#[test]
fn readers_continue_while_threads_write() {
    let (dim, dir) = (16, tempfile::tempdir().unwrap());
    let rows = faces(&mut Random(4), 1200, dim, 400, 0.4, Spectrum::Flat);
    let store = Store::open_or_create(dir.path(), settings(dim)).unwrap();
    std::thread::scope(|scope| {
        for part in 0..3 {
            let (store, rows) = (&store, &rows);
            scope.spawn(move || {
                for id in (part..1200).step_by(3) {
                    let row = &rows[id * dim..(id + 1) * dim];
                    let label = store.insert(row, id as u64).unwrap().label;
                    assert_eq!(store.read().unwrap().label_of(id as u64).unwrap(), label);
                    let index = store.read().unwrap();
                    assert_eq!(index.search(row).unwrap(), index.flat_search(row).unwrap());
                }
            });
        }
    });
    let want = state(&store.read().unwrap());
    drop(store);
    assert_eq!(state(&Store::load(dir.path()).unwrap().0), want);
}

/// Writes to a full disk fail. They change nothing, and the earlier changes stay intact.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_or_create(dir.path(), settings(3)).unwrap();
    store.insert(&[1.0, 0.0, 0.0], 1).unwrap();
    drop(store);
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 1; trap '' XFSZ; exec \"$0\" full_child --exact --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&limited.stdout).into_owned();
    assert!(limited.status.success(), "{out} {}", String::from_utf8_lossy(&limited.stderr));
    let count = out.lines().find_map(|l| l.split_once("full at ")).unwrap_or_else(|| panic!("{out}")).1;
    let (index, recovery) = Store::load(dir.path()).unwrap();
    assert_eq!((index.len().to_string().as_str(), recovery.torn_bytes), (count.trim(), 0));
}

/// The process of the previous test: here files are limited to a few blocks.
#[test]
#[ignore = "run by another test"]
fn full_child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let store = Store::open(Path::new(&dir)).unwrap();
    for id in 2..10_000 {
        match store.insert(&[0.0, 1.0, id as f32 / 1e4], id) {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, Error::Io { .. }), "{error}");
                let there = store.stats().unwrap().members;
                assert!(store.read().unwrap().label_of(id).is_err());
                assert!(store.insert(&[0.0, 1.0, 0.0], id).is_err());
                println!("full at {there}");
                return;
            }
        }
    }
    panic!("never full");
}
