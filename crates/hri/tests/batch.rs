//! Batches: numbers, names and keys that come along, and all or nothing whatever happens.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Random, Spectrum, faces, settings, state};
use hri::{Batch, Durability, Error, Index, KnownPerson, PersonInfo, Store};

const CHILD: &str = "HRI_TEST_DIRECTORY";

/// Vectors of two people, in turn, with keys.
fn batch_input(n: usize) -> (Vec<f32>, Vec<u64>, Vec<Option<String>>, Vec<usize>) {
    let rows = faces(&mut Random(9), n, 3, 2, 0.1, Spectrum::Flat);
    let keys = (0..n).map(|at| (at % 3 != 2).then(|| format!("face_{at}"))).collect();
    (rows, (100..100 + n as u64).collect(), keys, (0..n).map(|at| at % 2).collect())
}

fn known_people() -> [KnownPerson; 2] {
    let info = |number, name: &str| PersonInfo { number: Some(number), name: Some(name.to_owned()) };
    [
        KnownPerson { label: None, info: info(7, "Zoë") },
        KnownPerson { label: None, info: PersonInfo { number: Some(3), name: None } },
    ]
}

#[test]
fn names_numbers_and_keys_are_the_same_after_opening() {
    let dir = tempfile::tempdir().unwrap();
    let (rows, ids, keys, of) = batch_input(9);
    let people = known_people();
    let check = |index: &Index| {
        assert_eq!(index.info(0), Some(&people[0].info));
        assert_eq!((index.name(0), index.named("Zoë"), index.name(1)), (Some("Zoë"), Some(0), None));
        assert_eq!(index.info(1).unwrap().number, Some(3));
        let found: Vec<_> = index.keys().map(|(id, key)| (id, key.to_owned())).collect();
        let wanted: Vec<_> = ids.iter().zip(&keys).filter_map(|(&id, k)| Some((id, k.clone()?))).collect();
        assert_eq!(found, wanted);
    };
    let store = Store::open_or_create(dir.path(), settings(3)).unwrap();
    let done = store.insert_all(&Batch::new(&rows, &ids).keys(&keys).people(&people, &of)).unwrap();
    assert_eq!(done.iter().map(|i| i.label).collect::<Vec<_>>(), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
    check(&store.read().unwrap());
    // From the log, then from a snapshot.
    for _ in 0..2 {
        check(&Store::load(dir.path()).unwrap().0);
        store.snapshot().unwrap();
    }
    drop(store);
    let log = dir.path().join("log-0000000002.hri");
    assert_eq!(std::fs::metadata(log).unwrap().len(), 96, "all is in the snapshot");
    let store = Store::open(dir.path()).unwrap();
    check(&store.read().unwrap());
    // A person who is known already; a name that moves with a merge; what goes with a vector and with a person.
    let known = [KnownPerson { label: Some(1), info: PersonInfo::default() }];
    store.insert_all(&Batch::new(&rows[..3], &[1]).people(&known, &[0])).unwrap();
    assert_eq!(store.read().unwrap().label_of(1).unwrap(), 1);
    store.remove(100).unwrap();
    store.merge(1, 0).unwrap();
    let index = Store::load(dir.path()).unwrap().0;
    assert_eq!((index.key(100), index.key(101)), (None, Some("face_1")));
    assert_eq!(index.info(0), None);
    let both = index.info(1).unwrap();
    assert_eq!((both.number, both.name.as_deref()), (Some(3), Some("Zoë")));
    store.describe(1, &PersonInfo { number: None, name: Some("Eve".to_owned()) }).unwrap();
    assert_eq!(Store::load(dir.path()).unwrap().0.name(1), Some("Eve"));
    store.remove_person(1).unwrap();
    let index = Store::load(dir.path()).unwrap().0;
    assert!(!index.has_info() && index.keys().len() == 0 && index.is_empty());
}

#[test]
fn a_batch_is_inserted_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (rows, ids, keys, of) = batch_input(6);
    let people = known_people();
    let store = Store::open_or_create(dir.path(), settings(3)).unwrap();
    store.insert(&[1.0, 0.0, 0.0], 104).unwrap();
    let before = state(&store.read().unwrap());
    let length = || std::fs::metadata(dir.path().join("log-0000000000.hri")).unwrap().len();
    let bytes = length();
    let mut bad = rows.clone();
    bad[16] = f32::NAN;
    let free: Vec<u64> = (0..6).collect();
    let long = vec![Some("x".repeat(hri::MAX_TEXT + 1)); 6];
    let nobody = [KnownPerson { label: Some(9), info: PersonInfo::default() }];
    type Check = fn(&Error) -> bool;
    let cases: [(Batch<'_>, Check); 9] = [
        (Batch::new(&rows, &ids), |e| matches!(e, Error::DuplicateId { id: 104 })),
        (Batch::new(&rows, &[1, 2, 3, 4, 5, 1]), |e| matches!(e, Error::DuplicateId { id: 1 })),
        (Batch::new(&bad, &free), |e| matches!(e, Error::NotFinite { row: 5, at: 1 })),
        (Batch::new(&rows, &free[..5]), |e| matches!(e, Error::Ids { ids: 5, vectors: 6 })),
        (Batch::new(&rows, &free).keys(&keys[1..]), |e| matches!(e, Error::BatchLength { got: 5, .. })),
        (Batch::new(&rows, &free).keys(&long), |e| matches!(e, Error::Text { .. })),
        (Batch::new(&rows, &free).people(&people, &of[1..]), |e| matches!(e, Error::BatchLength { .. })),
        (Batch::new(&rows, &free).people(&people[..1], &of), |e| {
            matches!(e, Error::NoSuchPerson { row: 1, person: 1, people: 1 })
        }),
        (Batch::new(&rows, &free).people(&nobody, &[0; 6]), |e| {
            matches!(e, Error::UnknownLabel { label: 9 })
        }),
    ];
    for (batch, is) in cases {
        let error = store.insert_all(&batch).unwrap_err();
        assert!(is(&error), "{error:?}");
        assert_eq!((state(&store.read().unwrap()), length()), (before.clone(), bytes), "{error}");
        assert_eq!(store.read().unwrap().keys().len(), 0);
    }
    assert!(store.insert_all(&Batch::new(&[], &[])).unwrap().is_empty());
    store.insert_all(&Batch::new(&rows, &free).keys(&keys).people(&people, &of)).unwrap();
    assert_eq!(store.stats().unwrap().members, 7);
}

#[test]
fn a_batch_that_was_cut_short_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let (rows, ids, keys, of) = batch_input(6);
    let people = known_people();
    let store = Store::open_or_create(dir.path(), settings(3)).unwrap().durability(Durability::System);
    store.insert(&[1.0, 0.0, 0.0], 1).unwrap();
    let before = state(&store.read().unwrap());
    let path = dir.path().join("log-0000000000.hri");
    let start = std::fs::metadata(&path).unwrap().len();
    store.insert_all(&Batch::new(&rows, &ids).keys(&keys).people(&people, &of)).unwrap();
    let after = state(&store.read().unwrap());
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    for cut in start..=whole.len() as u64 {
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("log-0000000000.hri"), &whole[..cut as usize]).unwrap();
        let is_whole = cut == whole.len() as u64;
        let (index, recovery) = Store::load(other.path()).unwrap();
        assert_eq!(&state(&index), if is_whole { &after } else { &before }, "cut at {cut}");
        assert_eq!(recovery.torn_bytes, if is_whole { 0 } else { cut - start });
        // Writing goes on where the index ends.
        let store = Store::open(other.path()).unwrap();
        store.insert(&[0.0, 1.0, 0.0], 2).unwrap();
        drop(store);
        assert_eq!(Store::load(other.path()).unwrap().0.len(), index.len() + 1);
    }
}

/// A file that grows no further in the middle of a batch.
#[cfg(target_os = "linux")]
#[test]
fn a_batch_on_a_full_disk_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_or_create(dir.path(), settings(3)).unwrap();
    store.insert(&[1.0, 0.0, 0.0], 1_000_000).unwrap();
    let before = state(&store.read().unwrap());
    drop(store);
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 8; trap '' XFSZ; exec \"$0\" full_batch_child --exact --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&limited.stdout).into_owned();
    assert!(
        limited.status.success() && out.contains("refused"),
        "{out} {}",
        String::from_utf8_lossy(&limited.stderr)
    );
    // Labels go on as if the batch had never been.
    let (mut index, recovery) = Store::load(dir.path()).unwrap();
    assert_eq!((recovery.torn_bytes, index.label_of(5).unwrap(), index.stats().labels), (0, 1, 2));
    index.remove(5).unwrap();
    assert_eq!(state(&index).0, before.0);
}

/// The process of the previous test.
#[test]
#[ignore = "run by another test"]
fn full_batch_child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let store = Store::open(Path::new(&dir)).unwrap();
    let before = state(&store.read().unwrap());
    let rows = faces(&mut Random(9), 2000, 3, 40, 0.4, Spectrum::Flat);
    let ids: Vec<u64> = (0..2000).collect();
    let error = store.insert_batch(&rows, &ids).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(state(&store.read().unwrap()), before);
    // Filters and lists are as if nothing had been; a small change still fits.
    for row in rows.chunks_exact(3).take(50) {
        let index = store.read().unwrap();
        assert_eq!(index.search(row).unwrap(), index.flat_search(row).unwrap());
    }
    store.insert(&[0.0, 1.0, 0.0], 5).unwrap();
    println!("refused");
}

#[test]
fn a_new_index_is_there_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a/people");
    let rows = faces(&mut Random(3), 50, 3, 10, 0.1, Spectrum::Flat);
    let fill = |store: &Store| {
        assert!(!place.exists());
        store.insert_batch(&rows, &(0..50).collect::<Vec<_>>()).map(|done| done.len())
    };
    // An error in the middle.
    let failed = Store::build(&place, settings(3), |store| {
        fill(store)?;
        Err::<(), _>(Error::UnknownId { id: 3 })
    });
    assert!(failed.is_err());
    assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 0);
    // What a killed process left, with other settings.
    let part = dir.path().join("a/.people.part");
    std::fs::create_dir_all(&part).unwrap();
    drop(Store::open_or_create(&part, settings(5)).unwrap());
    assert!(matches!(Store::open(&place), Err(Error::Format { .. })));
    // While another process builds.
    let other = Store::open(&part).unwrap();
    assert!(matches!(Store::build(&place, settings(3), fill), Err(Error::Locked { .. })));
    drop(other);
    assert_eq!(Store::build(&place, settings(3), fill).unwrap(), 50);
    assert!(!part.exists());
    assert_eq!(Store::load(&place).unwrap().0.len(), 50);
    // One that is there is added to; it is the same after an error.
    let more =
        |store: &Store| store.insert_batch(&rows, &(49..99).collect::<Vec<_>>()).map(|done| done.len());
    assert!(matches!(Store::build(&place, settings(3), more), Err(Error::DuplicateId { id: 49 })));
    assert_eq!(Store::load(&place).unwrap().0.len(), 50);
    // An empty directory, one with a hidden file in it, and one with something else.
    for (name, file) in [("empty", None), ("kept", Some(".gitkeep")), ("other", Some("README"))] {
        let place = dir.path().join(name);
        std::fs::create_dir(&place).unwrap();
        if let Some(file) = file {
            std::fs::write(place.join(file), "mine").unwrap();
        }
        let built = Store::build(&place, settings(3), |store| store.insert(&rows[..3], 1));
        if name == "other" {
            assert!(matches!(built, Err(Error::Occupied { there, .. }) if there == "README"));
            assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1);
            continue;
        }
        built.unwrap();
        assert_eq!(Store::load(&place).unwrap().0.len(), 1);
        assert!(file.is_none_or(|file| place.join(file).exists()));
    }
}

#[test]
fn where_there_is_no_index_nothing_is_written_and_the_reason_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let says = |place: &Path, part: &str| {
        for error in
            [Store::load(place).map(|_| ()).unwrap_err(), Store::open(place).map(|_| ()).unwrap_err()]
        {
            let said = error.to_string();
            assert!(said.contains(part) && said.contains(place.to_str().unwrap()), "{said}");
        }
    };
    says(&dir.path().join("nosuch"), "no such directory; build an index there first");
    says(dir.path(), "no index here; build one first");
    says(&file, "not a directory");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no lock file either");
}
