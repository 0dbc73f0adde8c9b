//! Sources on this machine: folders of every kind, odd names, pipes, and addresses of files.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{ffmpeg, settings, video, walk};
use streamface_capture::{Settings, sources};

/// One picture of this video in the format of `name`.
fn picture(video: &Path, dir: &Path, name: &str) {
    let path = dir.join(name);
    ffmpeg(&["-i", video.to_str().unwrap(), "-frames:v", "1", "-update", "1", path.to_str().unwrap()]);
}

#[test]
fn a_folder_of_every_kind_gives_what_each_file_gives_alone() {
    let dir = tempfile::tempdir().unwrap();
    let made = tempfile::tempdir().unwrap();
    let clip = made.path().join("clip.mp4");
    video(&clip, "320x180", 2, &[]);
    for name in ["a.jpg", "b.webp", "c.bmp", "d.tiff", "g.gif", "j.png", "k.tga", "l.ppm", "m.jp2"] {
        picture(&clip, dir.path(), name);
    }
    fs::copy(dir.path().join("a.jpg"), dir.path().join("e.jfif")).unwrap();
    fs::copy(dir.path().join("a.jpg"), dir.path().join("f.jpe")).unwrap();
    fs::copy(dir.path().join("b.webp"), dir.path().join("mislabelled.jpg")).unwrap();
    fs::copy(dir.path().join("d.tiff"), dir.path().join("no_ending")).unwrap();
    let mxf = dir.path().join("h.mxf");
    ffmpeg(&[
        "-i",
        clip.to_str().unwrap(),
        "-c:v",
        "mpeg2video",
        "-r",
        "25",
        "-g",
        "10",
        mxf.to_str().unwrap(),
    ]);
    fs::write(dir.path().join("notes.txt"), "to do").unwrap();
    let found = sources(dir.path(), None).unwrap();
    assert_eq!(found.passed_over, ["notes.txt"]);
    let walked = walk(dir.path(), &settings());
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    let names: std::collections::BTreeSet<String> =
        walked.frames.iter().map(|f| f.row.source.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 14, "{names:?}");
    // Pictures of one frame, so of nearly the same pixels.
    let grey = |name: &str| {
        let frame = walked.frames.iter().find(|f| f.row.source.ends_with(name)).unwrap();
        let image = frame.image.as_ref().unwrap();
        (image.dimensions(), image.iter().map(|&v| f64::from(v)).sum::<f64>() / image.len() as f64)
    };
    let (size, mean) = grey("j.png");
    for name in
        ["a.jpg", "b.webp", "c.bmp", "d.tiff", "e.jfif", "k.tga", "l.ppm", "mislabelled.jpg", "no_ending"]
    {
        let (other, its) = grey(name);
        assert!(size == other && (mean - its).abs() < 3.0, "{name}: {its} for {mean}");
    }
    for file in fs::read_dir(dir.path()).unwrap().flatten().filter(|f| f.file_name() != "notes.txt") {
        let alone = walk(file.path(), &settings());
        let there = walked.frames.iter().filter(|f| Path::new(&f.row.source) == file.path()).count();
        assert_eq!(
            (alone.errors.len(), alone.frames.len()),
            (0, there),
            "{:?}: {:?}",
            file.path(),
            alone.errors
        );
    }
}

#[test]
fn a_broken_picture_of_any_kind_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let made = tempfile::tempdir().unwrap();
    let clip = made.path().join("clip.mp4");
    video(&clip, "320x180", 1, &[]);
    let kinds = ["b.webp", "c.bmp", "d.tiff", "l.ppm"];
    for name in kinds {
        picture(&clip, dir.path(), name);
        let bytes = fs::read(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name), &bytes[..bytes.len() / 3]).unwrap();
    }
    fs::write(dir.path().join("x.heic"), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap();
    fs::write(dir.path().join("y.webp"), b"").unwrap();
    let walked = walk(dir.path(), &settings());
    assert_eq!(
        walked.frames.len(),
        0,
        "{:?}",
        walked.frames.iter().map(|f| &f.row.source).collect::<Vec<_>>()
    );
    for name in kinds.iter().chain(&["x.heic", "y.webp"]) {
        assert_eq!(
            walked.errors.iter().filter(|e| e.contains(name)).count(),
            1,
            "{name}: {:?}",
            walked.errors
        );
    }
}

#[cfg(unix)]
#[test]
fn videos_whose_names_are_not_utf8_are_taken_and_told_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    video(&clip, "320x180", 2, &[]);
    let folder = dir.path().join("in");
    fs::create_dir(&folder).unwrap();
    let path = |name: &[u8]| folder.join(OsStr::from_bytes(name));
    for name in [&b"caf\xe9.mp4"[..], b"caf\xe8.mp4"] {
        fs::copy(&clip, path(name)).unwrap();
    }
    picture(&clip, dir.path(), "p.png");
    fs::rename(dir.path().join("p.png"), path(b"\xe4.png")).unwrap();
    let walked = walk(&folder, &settings());
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    let names: Vec<String> = walked.frames.iter().map(|f| f.row.frame.to_string()).collect();
    assert_eq!(names.iter().filter(|n| n.starts_with("café_frame_")).count(), 2, "{names:?}");
    assert_eq!(names.iter().filter(|n| n.starts_with("cafè_frame_")).count(), 2, "{names:?}");
    assert_eq!(names.last().unwrap(), "ä");
    let source = &walked.frames[0].row.source;
    assert!(source.ends_with("caf\\xE8.mp4"), "{source}");
    let alone = walk(path(b"caf\xe9.mp4"), &settings());
    assert_eq!((alone.errors.len(), alone.frames.len()), (0, 2), "{:?}", alone.errors);

    // Taken up again, they are known.
    let rows: Vec<_> = walked.frames.iter().map(|f| f.row.clone()).collect();
    let again = streamface_capture::Capture::builder(sources(&folder, None).unwrap())
        .settings(settings())
        .resume(&rows, |_| None)
        .build()
        .unwrap();
    assert_eq!(again.count(), 0);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_while_somebody_writes_and_given_up_where_nobody_does() {
    let dir = tempfile::tempdir().unwrap();
    let [ts, pipe] = ["a.ts", "pipe.ts"].map(|name| dir.path().join(name));
    video(&ts, "320x180", 3, &[]);
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (bytes, to) = (fs::read(ts).unwrap(), pipe.clone());
    let writer = std::thread::spawn(move || fs::write(to, bytes).unwrap());
    let walked = walk(&pipe, &settings());
    writer.join().unwrap();
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    assert_eq!(walked.frames.len(), 3);
    let settings = Settings { open_timeout: std::time::Duration::from_millis(300), ..settings() };
    let walked = walk(&pipe, &settings);
    assert!(walked.errors[0].contains("nobody has written"), "{:?}", walked.errors);
}

#[test]
fn a_file_url_is_opened_as_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b.mp4");
    video(&path, "320x180", 2, &[]);
    let url = format!("FILE://{}", path.to_str().unwrap().replace(' ', "%20"));
    let walked = walk(&url, &settings());
    assert!(walked.errors.is_empty(), "{:?}", walked.errors);
    assert!(
        walked.frames[0].row.frame.to_string().starts_with("a b_frame_1970"),
        "{}",
        walked.frames[0].row.frame
    );
    assert_eq!(walked.frames[0].row.source, path.to_str().unwrap());
    let walked = walk("file:///no/such.mp4", &settings());
    assert!(walked.errors[0].contains("/no/such.mp4: no such file"), "{:?}", walked.errors);
    let walked = walk("gopher://host/x", &settings());
    assert!(walked.errors[0].contains("gopher:// is not opened"), "{:?}", walked.errors);
}

#[test]
fn a_playlist_in_a_file_names_files_only_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text, word) in [
        (
            "a.mp4",
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n",
            "http://127.0.0.1:1/x.ts",
        ),
        ("b.mp4", "ffconcat version 1.0\nfile b.mp4\n", "b.mp4"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
        let walked = walk(dir.path().join(name), &settings());
        assert!(walked.errors.len() == 1 && walked.errors[0].contains(word), "{:?}", walked.errors);
    }
}
