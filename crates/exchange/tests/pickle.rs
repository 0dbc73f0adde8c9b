//! The features pickle against Python and NumPy, bit by bit; and files that were made to do harm.

#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{dataset, out, reference};
use sha2::{Digest as _, Sha256};
use streamface_exchange::{Feature, Limits, formats, read_features, write_features};
use streamface_store::{AttributeRow, FeatureRow};
use streamface_types::Attributes;
use streamface_types::attributes::{Distribution, Value};

/// Of what `dump_features.py` prints of the sample's pickle, with CPython 3.11 and NumPy 2.4.
const SAMPLE_SHA256: &str = "859f176050387780f0de73157474434e4991e90e612e1357bd860bfdd6af6d05";

/// What `dump_features.py` prints.
fn dump(features: &[Feature]) -> String {
    let mut text = String::new();
    for Feature { face, embedding, attributes } in features {
        let bytes: Vec<u8> = embedding.iter().flat_map(|v| v.to_le_bytes()).collect();
        writeln!(text, "{face} {}", hex(&bytes)).unwrap();
        for name in ["age", "gender", "race", "expression", "pose"] {
            for (label, number) in attributes.by_name(name).into_iter().flatten() {
                writeln!(text, "  {name} {label}: {}", hex(&number.to_be_bytes())).unwrap();
            }
        }
        if let Some(mask) = attributes.probability("mask") {
            writeln!(text, "  mask: {}", hex(&mask.to_be_bytes())).unwrap();
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What Python prints of a pickle; `None`, and recorded as a skip, where there is no Python with NumPy.
#[track_caller]
fn python(pickle: &Path) -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has_numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|o| o.status.success()) {
        streamface_testing::skip!("{python} has no NumPy");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/dump_features.py");
    let done = Command::new(&python).args([&script, pickle]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).unwrap())
}

fn the_pickle_of(root: &Path) -> PathBuf {
    let files = fs::read_dir(root.join("features")).unwrap().map(|e| e.unwrap().path());
    let mut all = files.filter(|path| path.extension().is_some_and(|e| e == "pkl"));
    let one = all.next().unwrap();
    assert!(all.next().is_none());
    one
}

#[test]
fn the_originals_37_entries_are_read_to_the_bit() {
    let Some(sample) = reference() else { return };
    let pickle = the_pickle_of(&sample);
    let features = read_features(&pickle, &Limits::default(), |why| panic!("{why}")).unwrap();
    assert_eq!(features.len(), 37);
    let ours = dump(&features);
    assert_eq!(hex(&Sha256::digest(&ours)), SAMPLE_SHA256);
    let Some(theirs) = python(&pickle) else { return };
    assert!(ours == theirs, "Python reads something else");
    // What we write of it is the same file.
    let dir = tempfile::tempdir().unwrap();
    let again = dir.path().join("again.pkl");
    write_features(&again, &features).unwrap();
    assert!(fs::read(&again).unwrap() == fs::read(&pickle).unwrap());
}

/// Values that are not round, not normal and not in the order of the alphabet.
fn attributes(i: u32) -> Attributes {
    let third = f64::from(i + 1) / 3.0;
    let of = |all: &[(&str, f64)]| all.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect::<Distribution>();
    let mut all = Attributes::from_iter([
        ("age".to_owned(), Value::Categories(of(&[("70+", third / 9.0), ("0-2", 5e-324), ("3-9", -0.0)]))),
        ("gender".to_owned(), Value::Categories(of(&[("Male", 0.1), ("Female", 0.9)]))),
        ("expression".to_owned(), Value::Categories(of(&[("ängstlich 😀", third)]))),
        ("mask".to_owned(), Value::Probability(third / 7.0)),
    ]);
    if i.is_multiple_of(2) {
        all.insert("race", Value::Categories(of(&[("White", 1e-7), ("Black", 1.0 - 1e-7)])));
        all.insert("pose", Value::Numbers(of(&[("yaw", -third * 10.0), ("pitch", 1e-300), ("roll", 179.9)])));
        all.insert("years", Value::Numbers(of(&[("mean", 31.0), ("deviation", 4.0)])));
    }
    all
}

#[test]
fn python_reads_what_we_write_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let faces: Vec<FeatureRow> = data.read().unwrap();
    // The last has no attributes at all.
    let said = |(i, face): (u32, &FeatureRow)| {
        AttributeRow::of(&face.face, &if i == 11 { Attributes::default() } else { attributes(i) }, None)
    };
    data.replace((0..).zip(&faces).flat_map(said).collect::<Vec<_>>()).unwrap();
    let there = dir.path().join("there");
    let done = out(&data, &formats::Compat, &there);
    let pickle = the_pickle_of(&there);
    let expected: Vec<Feature> = (0..)
        .zip(faces)
        .map(|(i, row)| {
            let attributes = if i == 11 { Attributes::default() } else { attributes(i) };
            Feature { face: row.face, embedding: row.embedding, attributes }
        })
        .collect();
    let found = read_features(&pickle, &Limits::default(), |why| panic!("{why}")).unwrap();
    assert_eq!(dump(&found), dump(&expected));
    // What the pickle has no place for is in annotations.json, and that is said.
    let left: Vec<_> = done.left_out.iter().map(|left| (left.why, left.count)).collect();
    assert!(left.iter().any(|(why, count)| why.contains("no place") && *count == 6), "{left:?}");
    let annotations = fs::read_to_string(there.join("metadata/annotations.json")).unwrap();
    assert_eq!(annotations.matches("\"years\"").count(), 6);
    let Some(theirs) = python(&pickle) else { return };
    assert_eq!(theirs, dump(&expected));
}

fn read(bytes: &[u8]) -> Result<(Vec<Feature>, Vec<String>), String> {
    read_within(bytes, None)
}

/// Faces and problems, or the error; each of these names the file.
fn read_within(bytes: &[u8], memory: Option<u64>) -> Result<(Vec<Feature>, Vec<String>), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.pkl");
    fs::write(&path, bytes).unwrap();
    let mut problems = Vec::new();
    let limits = Limits { memory, ..Limits::default() };
    let found = read_features(&path, &limits, |why| problems.push(why));
    let named = |said: String| {
        assert!(said.contains("bad.pkl"), "{said}");
        said
    };
    let problems = problems.into_iter().map(named).collect();
    found.map(|features| (features, problems)).map_err(|e| named(e.to_string()))
}

fn sample(faces: u32) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sample.pkl");
    let one = |i| Feature {
        face: format!("a{i}_face_0").parse().unwrap(),
        embedding: vec![0.6, 0.8, i as f32],
        attributes: attributes(i),
    };
    write_features(&path, &(0..faces).map(one).collect::<Vec<_>>()).unwrap();
    fs::read(&path).unwrap()
}

#[test]
fn a_cut_file_is_refused_at_any_byte_and_the_error_names_it() {
    let whole = sample(2);
    assert_eq!(read(&whole).unwrap().0.len(), 2);
    for len in 0..whole.len() {
        let said = read(&whole[..len]).unwrap_err();
        assert!(said.contains("byte "), "{len}: {said}");
    }
    let said = read(&whole[..whole.len() / 2]).unwrap_err();
    assert!(said.contains("cut short"), "{said}");
}

#[test]
fn a_foreign_class_is_refused_by_its_name_wherever_it_stands() {
    for (program, name) in [
        (&b"cposix\nsystem\n"[..], "posix.system"),
        (b"c__main__\nFace\n", "__main__.Face"),
        (b"cnumpy\nload\n", "numpy.load"),
        (b"cnumpy.core.multiarray\nfromfile\n", "numpy.core.multiarray.fromfile"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n", "torch._utils._rebuild_tensor_v2"),
    ] {
        // In place of the first embedding, deep within the file.
        let whole = sample(2);
        let at = whole.windows(6).position(|w| w == b"cnumpy").unwrap();
        let bad = [&whole[..at], program, &whole[at..]].concat();
        let said = read(&bad).unwrap_err();
        assert!(
            said.contains(name) && said.contains("GLOBAL") && said.contains(&format!("byte {at}")),
            "{said}"
        );
    }
    // Objects by their number in another process, and by calls that need no name.
    for (program, opcode) in
        [(&b"\x80\x04N\x92."[..], "NEWOBJ_EX"), (b"\x80\x02\x82\x01.", "EXT1"), (b"(o.", "OBJ")]
    {
        let said = read(program).unwrap_err();
        assert!(said.contains(opcode), "{said}");
    }
}

#[test]
fn depth_and_cycles_cost_no_stack() {
    let depth = 1 << 20;
    // A face whose entry is a tuple in a tuple in a tuple…
    let deep = [&b"}X\x0c\0\0\0a_face_0.png"[..], &[b')'; 1][..], &vec![0x85; depth], b"s."].concat();
    let (found, problems) = read(&deep).unwrap();
    assert!(found.is_empty() && problems.len() == 1 && problems[0].contains("a_face_0.png"), "{problems:?}");
    // The same in the place of an attribute, and a list in a list.
    let lists =
        [&b"}X\x0c\0\0\0a_face_0.png("[..], &vec![b']'; depth], &vec![b'a'; depth - 1], b"NNNNts."].concat();
    assert!(read(&lists).unwrap().0.is_empty());
    // A dict whose value is the dict itself.
    let cycle = b"}q\0X\x0c\0\0\0a_face_0.pngh\0s.";
    assert!(read(cycle).unwrap().1[0].contains("a_face_0.png"));
    // An entry that is its own demographics.
    let own = b"}q\0X\x0c\0\0\0a_face_0.png((NNNNNtq\x01h\x01h\x01h\x01h\x01ts.";
    assert!(read(own).unwrap().0.is_empty());
}

#[test]
fn a_huge_memo_and_what_is_said_again_and_again_are_bounded() {
    // Each five bytes put something away: 16 times as much as is allowed.
    let mut memo = b"\x80\x02N".to_vec();
    (0..1_u32 << 20).for_each(|i| memo.extend([&b"r"[..], &i.to_le_bytes()].concat()));
    let said = read_within(&memo, Some(1 << 20)).unwrap_err();
    assert!(said.contains("LONG_BINPUT") && said.contains("more objects"), "{said}");
    // A place that nothing was put in.
    let said = read(b"\x80\x02j\xff\xff\xff\xff.").unwrap_err();
    assert!(said.contains("LONG_BINGET") && said.contains("4294967295"), "{said}");
    // A megabyte of numbers, said by each of a thousand faces.
    let mut bomb = b"\x80\x02}q\0(X\x01\0\0\0x".to_vec();
    bomb.extend(b"cnumpy.core.numeric\n_frombuffer\n(B\0\0\x10\0");
    bomb.extend(vec![0x3f; 1 << 20]);
    bomb.extend(b"cnumpy\ndtype\nX\x02\0\0\0f4\x89\x88\x87RJ\0\0\x04\0\x85X\x01\0\0\0CtRq\x01");
    for i in 0..1000 {
        let name = format!("a{i:04}_face_0.png");
        bomb.extend(
            [&b"X"[..], &(name.len() as u32).to_le_bytes(), name.as_bytes(), b"(h\x01NNNNt"].concat(),
        );
    }
    bomb.extend(b"u.");
    let said = read(&bomb).unwrap_err();
    assert!(said.contains("the same array"), "{said}");
}

#[test]
fn lengths_that_are_claimed_are_not_believed() {
    for (program, words) in [
        (&b"X\xff\xff\xff\x7f."[..], "BINUNICODE: cut short: 2147483647 bytes"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", "BINUNICODE8: cut short"),
        (b"\x96\xff\xff\xff\xff\xff\xff\xff\xff.", "BYTEARRAY8: cut short"),
        (b"\x8b\xff\xff\xff\x7f.", "LONG4: an integer of 2147483647 bytes"),
        (b"T\xff\xff\xff\xff.", "BINSTRING: a text of -1 bytes"),
        (b"\x80\x09.", "PROTO: protocol 9"),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff}", "cut short"),
    ] {
        let said = read(program).unwrap_err();
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn numbers_of_other_types_are_taken_as_they_are() {
    // A mask as an array of one float64, as numpy.mean(..., keepdims=True) leaves it: not rounded to float32.
    let third = 1.0_f64 / 3.0;
    let mut bytes = b"\x80\x02}X\x0c\0\0\0a_face_0.png(]G?\xe0\0\0\0\0\0\0aNN".to_vec();
    bytes.extend(b"cnumpy.core.numeric\n_frombuffer\n(C\x08");
    bytes.extend(third.to_le_bytes());
    bytes.extend(b"cnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87RK\x01\x85X\x01\0\0\0CtRNts.");
    let (found, problems) = read(&bytes).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(found[0].attributes.probability("mask"), Some(third));
    assert_eq!(found[0].embedding, [0.5]);
}

/// Pieces of programs that a mutation may put anywhere.
const PIECES: [&[u8]; 14] = [
    b"(",
    b"t",
    b"}",
    b"u",
    b"0",
    b"2",
    b"R",
    b"b",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"h\x01",
    b"q\x01",
    b"B\xff\xff\xff\x00",
    b"J\xff\xff\xff\xff",
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 2000, ..proptest::test_runner::Config::default() })]

    /// Bytes changed, cut out, doubled, and pieces of programs put in: an error that names the file, or faces that are sound.
    #[test]
    fn mutated_files_are_read_or_refused(
        changes in proptest::collection::vec(
            (0_u8..4, proptest::num::u16::ANY, proptest::num::u8::ANY, 0_usize..40), 1..8),
    ) {
        static WHOLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = WHOLE.get_or_init(|| sample(3)).clone();
        for (kind, at, byte, length) in changes {
            let at = usize::from(at) % bytes.len();
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end.min(bytes.len() - 1).max(at))),
                2 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                _ => drop(bytes.splice(at..at, PIECES[usize::from(byte) % PIECES.len()].iter().copied())),
            }
        }
        if let Ok((features, _)) = read(&bytes) {
            for feature in features {
                proptest::prop_assert!(!feature.embedding.is_empty());
                proptest::prop_assert!(feature.embedding.iter().all(|v| v.is_finite()));
                for (_, value) in feature.attributes.iter() {
                    let numbers = value.by_name().map(|of| of.values().copied().collect::<Vec<_>>());
                    proptest::prop_assert!(numbers.unwrap_or_default().iter().all(|v| v.is_finite()));
                }
            }
        }
    }
}
