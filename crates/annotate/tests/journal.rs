//! The journal on a real disk: what is acknowledged is there, whatever happens then.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{compare, face};
use streamface_annotate::{Action, Compared, Decision, Error, Journal, Verdict, load};

/// Set for the process that a test starts of itself, to the journal it shall write.
const CHILD: &str = "STREAMFACE_TEST_JOURNAL";

fn said(n: usize) -> Action {
    let left = (0..n % 7 + 1).map(|f| face(f, 0)).collect();
    Action::Compare { pairs: vec![Compared { left, right: vec![face(n, 1)], verdict: Verdict::Same }] }
}

fn journal_of(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("decisions.jsonl")
}

fn child(path: &Path, more: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "writes_when_told_to", "--nocapture", "--quiet"]);
    command.env(CHILD, path).env("STREAMFACE_TEST_MODE", more).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// No test by itself: the process that the tests below start and end.
#[test]
fn writes_when_told_to() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let (mut journal, before) = Journal::open(Path::new(&path)).unwrap();
    let full = std::env::var("STREAMFACE_TEST_MODE").is_ok_and(|mode| mode == "full");
    for n in before.len().. {
        let answer = journal.append("someone", Some(0.5), said(n));
        if full && let Err(e) = answer {
            // Small enough that it fits where the other did not.
            let next = journal.append("someone", None, Action::Undo { decision: 1 });
            println!("\n# {} {}", next.is_ok(), e);
            return;
        }
        println!("\n# {}", answer.unwrap().id);
    }
}

/// The next line of a child that is not the test runner's.
fn next_line(lines: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some(said) = line.strip_prefix("# ") {
            return Some(said.trim().to_owned());
        }
        line.clear();
    }
    None
}

#[test]
fn acknowledged_answers_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    let mut acknowledged = 0;
    // The process is killed right after each, and often in the middle of the next.
    for _ in 0..200 {
        let mut child = child(&path, "").spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let id = next_line(&mut lines).unwrap().parse().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(id > acknowledged, "{id} after {acknowledged}");
        acknowledged = id;
        let there = load(&path).unwrap();
        assert!(there.len() >= acknowledged, "{} of {acknowledged}", there.len());
        for (n, decision) in there.iter().enumerate() {
            assert_eq!((decision.id, &decision.action), (n as u64 + 1, &said(n)));
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_says_that_the_answer_was_not_saved() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    // A file of at most 4 KiB: beyond it, the process gets an error (the signal is ignored).
    let exe = child(&path, "full");
    let mut sh = Command::new("bash");
    sh.args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""]);
    sh.arg(exe.get_program()).args(exe.get_args());
    sh.env(CHILD, &path).env("STREAMFACE_TEST_MODE", "full").stdin(Stdio::null()).stdout(Stdio::piped());
    let Ok(mut child) = sh.spawn() else {
        streamface_testing::skip!("no bash");
        return;
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let all: Vec<String> = std::iter::from_fn(|| next_line(&mut lines)).collect();
    assert!(child.wait().unwrap().success());
    let (last, ids) = all.split_last().unwrap();
    assert!(last.contains("not saved") && last.contains("free some space"), "{last}");
    let there = load(&path).unwrap();
    let after = usize::from(last.starts_with("true"));
    assert_eq!(there.len(), ids.len() + after);
    assert!(ids.len() > 10);
    assert_eq!(fs::read(&path).unwrap().last(), Some(&b'\n'));
    assert!(fs::metadata(&path).unwrap().len() <= 4096);
}

#[test]
fn half_a_line_is_set_aside_wherever_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    let (mut journal, _) = Journal::open(&path).unwrap();
    for n in 0..3 {
        journal.append("me", None, said(n)).unwrap();
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
    let two = ends[1];
    let near = |cut: usize| cut < two + 3 || cut + 3 > whole.len();
    for cut in (two..=whole.len()).filter(|&cut| near(cut) || cut % 9 == 0) {
        let path = dir.path().join(format!("{cut}.jsonl"));
        fs::write(&path, &whole[..cut]).unwrap();
        // A decision that lacks its newline only is one.
        let kept = if cut + 1 >= whole.len() { 3 } else { 2 };
        assert_eq!(load(&path).unwrap().len(), kept, "{cut}");
        assert_eq!(fs::read(&path).unwrap(), whole[..cut], "a reader changes nothing");
        let (mut journal, there) = Journal::open(&path).unwrap();
        assert_eq!(there.len(), kept, "{cut}");
        let torn = kept == 2 && cut > two;
        assert_eq!(journal.torn().is_some(), torn);
        if let Some(aside) = journal.torn() {
            assert_eq!(aside, dir.path().join(format!("{cut}.jsonl.torn-1")));
            assert_eq!(fs::read(aside).unwrap(), whole[two..cut]);
        }
        assert_eq!(journal.append("me", None, said(9)).unwrap().id, kept as u64 + 1);
        drop(journal);
        let there = load(&path).unwrap();
        assert_eq!(there.len(), kept + 1);
        assert_eq!(there[kept].action, said(9));
        // A second half gets a name of its own.
        if torn {
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"id\":").unwrap();
            let (journal, _) = Journal::open(&path).unwrap();
            assert!(journal.torn().unwrap().to_str().unwrap().ends_with(".torn-2"));
        }
    }
}

#[test]
fn any_other_bad_line_is_named_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    let line = |id: u64, action: &str| format!("{{\"id\":{id},\"at\":0,\"who\":\"a\",{action}}}\n");
    let skip = r#""kind":"skip","person":["a_face_0"]"#;
    let good = line(1, skip);
    let bad = [
        ("no JSON", "not a decision"),
        ("", "not a decision"),
        ("[1,2]", "not a decision"),
        (line(1, skip).trim(), "decision 1 in place of 2"),
        (line(3, skip).trim(), "decision 3 in place of 2"),
        (line(2, r#""kind":"undo","decision":2"#).trim(), "undoes or redoes decision 2"),
        (line(2, r#""kind":"redo","decision":7"#).trim(), "undoes or redoes decision 7"),
        (line(2, r#""kind":"undo","decision":0"#).trim(), "undoes or redoes decision 0"),
        (line(2, r#""kind":"skip","person":["../x"]"#).trim(), "does not name a face"),
        (line(2, r#""kind":"marry","person":[]"#).trim(), "unknown variant"),
        (line(2, r#""kind":"undo","decision":-1"#).trim(), "not a decision"),
    ]
    .map(|(line, why)| (line.to_owned(), why));
    for (line, why) in bad {
        let text = format!("{good}{line}\n{good}");
        fs::write(&path, &text).unwrap();
        for error in [load(&path).unwrap_err(), Journal::open(&path).unwrap_err()] {
            let said = error.to_string();
            assert!(
                said.contains("line 2") && said.contains(why) && said.contains("decisions.jsonl"),
                "{said}"
            );
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    // Bytes that are no text.
    fs::write(&path, [good.as_bytes(), b"\0\0\xff\n"].concat()).unwrap();
    assert!(matches!(load(&path), Err(Error::Line { line: 2, .. })));
}

#[test]
fn one_writes_and_others_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    assert!(load(&path).unwrap().is_empty() && !path.exists());
    let (mut journal, _) = Journal::open(&path).unwrap();
    let decision = journal.append("me", Some(1.5), said(0)).unwrap();
    assert!(matches!(Journal::open(&path), Err(Error::InUse { .. })));
    assert_eq!(load(&path).unwrap(), [decision]);
    assert!(journal.append("me", Some(f64::NAN), said(1)).unwrap().seconds.is_none());
    for other in [0, 3, 4] {
        let error = journal.append("me", None, Action::Undo { decision: other }).unwrap_err();
        assert!(matches!(error, Error::NoSuchDecision { decision } if decision == other));
    }
    journal.append("me", None, Action::Undo { decision: 2 }).unwrap();
    drop(journal);
    let (journal, there) = Journal::open(&path).unwrap();
    assert_eq!((journal.len(), there.len()), (3, 3));
}

#[test]
fn a_line_has_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let huge = Action::Name { person: vec![face(0, 0)], name: Some("x".repeat(65 << 20)) };
    assert!(matches!(journal.append("me", None, huge), Err(Error::TooLong { .. })));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    drop(journal);
    // A file of one endless line is given up, not read into memory.
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(200 << 20).unwrap();
    drop(file);
    let said = Journal::open(&path).unwrap_err().to_string();
    assert!(said.contains("line 1") && said.contains("longer than"), "{said}");
}

/// Every kind of decision reads back as it was written.
#[test]
fn decisions_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal_of(&dir);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let all = [
        compare(&[0, 1], &[2], Verdict::NotSure),
        Action::Noise { faces: vec![face(1, 0)] },
        Action::Skip { person: vec![] },
        Action::Split { faces: vec![face(2, 1), face(3, 0)], together: false },
        Action::Move { faces: vec![face(2, 1)], to: vec![face(0, 0)] },
        Action::Name { person: vec![face(2, 1)], name: Some("A \"quoted\" näme\n\u{2028}".into()) },
        Action::Name { person: vec![face(2, 1)], name: None },
        Action::Undo { decision: 3 },
        Action::Redo { decision: 3 },
    ];
    let written: Vec<Decision> =
        all.into_iter().map(|action| journal.append("wer \u{7}", Some(0.1), action).unwrap()).collect();
    assert_eq!(load(&path).unwrap(), written);
}
