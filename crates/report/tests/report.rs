//! The whole page: well formed, safe against hostile names, the same bytes each time.

// Helpers of tests are not seen as tests by the lint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use streamface_eval::person_attributes::{AttributeVotes, PersonAttributes};
use streamface_report::{Face, Frame, Limits, Model, NoPictures, Person, Pictures, Report, Stage, thumbnail};
use streamface_types::{Annotation, FaceId, FrameId, Label, StreamTime, Timestamp};

/// Void elements of HTML that the page uses.
const VOID: [&str; 6] = ["meta", "img", "br", "input", "link", "wbr"];

/// Reads the page as a strict reader would: every tag closed in order, every attribute quoted.
/// Returns the names of all elements and attributes, but for where a line may be broken.
fn parse(page: &str) -> Vec<String> {
    let (mut names, mut open) = (Vec::new(), Vec::new());
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "a bare > in {text:?}");
        rest = &rest[at + 1..];
        if let Some(closing) = rest.strip_prefix('/') {
            let (name, after) = closing.split_once('>').expect("a closing tag ends");
            assert_eq!(open.pop().as_deref(), Some(name), "before {:?}", &after[..after.len().min(80)]);
            rest = after;
            continue;
        }
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty(), "a bare < before {:?}", &rest[..rest.len().min(40)]);
        rest = &rest[name.len()..];
        let closed = loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix("/>") {
                rest = after;
                break true;
            }
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break false;
            }
            let attribute: String =
                rest.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '-').collect();
            assert!(!attribute.is_empty(), "no attribute in {:?}", &rest[..rest.len().min(40)]);
            rest = &rest[attribute.len()..];
            names.push(attribute);
            if let Some(value) = rest.strip_prefix("=\"") {
                let (value, after) = value.split_once('"').expect("an attribute's value ends");
                assert!(!value.contains(['<', '>']), "{value:?}");
                rest = after;
            }
        };
        if !closed && (name == "script" || name == "style") {
            let end = rest.find(&format!("</{name}>")).expect("script and style end");
            rest = &rest[end..];
        }
        if name != "wbr" {
            names.push(name.clone());
        }
        if !closed && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    names
}

/// What models say of a person of three faces, in words that are markup where `hostile` is.
fn attributes(hostile: &str) -> PersonAttributes {
    let mut votes = AttributeVotes::new(BTreeMap::from([("race".to_owned(), 0.9)]));
    for p in [0.9, 0.8, 0.4] {
        let face = serde_json::json!({"label": 0, "mask": 0.25, "attributes": {
            "gender": {hostile: p, "other": 1.0 - p}, "race": {hostile: 0.6, "other": 0.4},
            "years": {"mean": 30.0 + 10.0 * p, "deviation": 4.0}, "pose": {"yaw": 40.0 * p}}});
        let face: Annotation = serde_json::from_value(face).unwrap();
        votes.add(0, &face.attributes, None);
    }
    votes.person(0)
}

struct OnePicture;

impl Pictures for OnePicture {
    fn face(&mut self, face: &FaceId) -> Option<Vec<u8>> {
        (face.index == 0).then(|| b"jpeg".to_vec())
    }
}

fn sample(hostile: &str) -> Report {
    let stem: String = hostile.chars().filter(|c| !c.is_control() && !"/\\".contains(*c)).collect();
    let frame_id = |i: usize| FrameId::new(format!("{stem}_frame_{i:04}")).unwrap();
    let frames = (0..40).map(|i| Frame {
        id: frame_id(i),
        source: format!("{hostile}{}", i % 2),
        stream_time: Some(StreamTime(2_000_000 * i as i64)),
        captured_at: Some(Timestamp::from_micros(1_685_008_898_000_000 + 2_000_000 * i as i64)),
        dropped: match i % 5 {
            3 => Some("blurred".to_owned()),
            4 => Some(hostile.to_owned()),
            _ => None,
        },
        empty: Some(0.5),
        blur: Some(1e9),
        similarity: (i > 0).then_some(0.25),
        picture: Some(format!("frames/{stem}{i}.png")),
        origin: Some(format!("../{hostile}.mp4")),
    });
    let person = |label: i64, of: std::ops::Range<usize>| Person {
        label: Label(label),
        name: (label == 0).then(|| hostile.to_owned()),
        faces: of
            .filter(|i| i % 5 < 3)
            .map(|i| Face {
                id: FaceId::new(frame_id(i), (label != 0).into()),
                score: 0.875,
                blur: Some(30.0),
                quality: Some(0.5),
                place: Some([0.25, 0.5, 0.125, 0.2]),
            })
            .collect(),
        attributes: attributes(hostile),
    };
    Report {
        title: hostile.to_owned(),
        source: hostile.to_owned(),
        settings: vec![(hostile.to_owned(), hostile.to_owned())],
        models: vec![Model {
            name: hostile.to_owned(),
            role: hostile.to_owned(),
            sha256: hostile.to_owned(),
            licence: hostile.to_owned(),
        }],
        stages: vec![Stage {
            name: hostile.to_owned(),
            busy: Duration::from_millis(1500),
            items: 30,
            unit: hostile.to_owned(),
        }],
        frames: frames.collect(),
        dropped_faces: vec![(hostile.to_owned(), 3)],
        people: vec![person(1, 0..10), person(0, 0..40), person(2, 7..8), person(-1, 20..30)],
        faces_folder: hostile.to_owned(),
        limits: Limits { row: 4, ..Limits::default() },
    }
}

fn render(report: &Report, pictures: &mut dyn Pictures) -> String {
    let mut page = Vec::new();
    report.render(&mut page, pictures).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn the_page_is_well_formed_and_complete() {
    let page = render(&sample("news"), &mut OnePicture);
    let names = parse(&page);
    let count = |name: &str| names.iter().filter(|n| *n == name).count();
    assert_eq!(count("article"), 4);
    // Person 0 has 24 faces with a picture each, 4 in the row and the rest folded away.
    assert_eq!(count("img"), 24);
    for part in [
        "<title>news</title>",
        "20 more faces",
        "Seen once",
        "<h2 id=\"noise\">",
        "of 40 looked at",
        "8 blurred, 8 news",
        "3 more dropped: 3 news",
        "50.00 ms a news",
        "SHA-256 <code>news</code>",
        "0:00:00 – 0:01:14",
        "captured 2023-05-25 10:01:38 – 10:02:56 UTC",
        "<p class=\"utc\">10:01:38 – 10:02:52 UTC</p>",
    ] {
        assert!(page.contains(part), "the page lacks {part:?}");
    }
}

#[test]
fn times_have_an_axis_and_faces_lead_to_their_moment() {
    let page = render(&sample("news"), &mut OnePicture);
    // Two sources of 76 seconds: every 15 s, on each of the strips of people and of frames.
    let strips = page.matches("class=\"track\"").count();
    assert_eq!(strips, page.matches("data-from=\"0.00\" data-span=\"80.00\"").count() * 2);
    for mark in ["0:00:15", "0:00:30", "0:00:45", "0:01:00", "0:01:15"] {
        assert!(page.matches(&format!("%\">{mark}</span>")).count() >= strips, "{mark}");
    }
    assert!(page.contains("data-frame=\"frames/news0.png\" data-box=\"25.0 50.0 12.5 20.0\" data-origin=\"0\" data-time=\"0.00\""));
    assert!(page.contains("<ol id=\"origins\" hidden><li><a href=\"../news.mp4\">source</a></li></ol>"));
    assert!(page.contains("on screen</p>") && page.contains("one for each source"));
}

#[test]
fn people_are_shown_with_what_models_guess_and_what_speaks_against_it() {
    let page = render(&sample("news"), &mut OnePicture);
    for part in [
        "a model’s guesses about appearance, not facts about people",
        "<dt>race</dt><dd>unknown<span>most likely news, ",
        "<dt>mask</dt><dd>no mask, on average 75 %</dd>",
        "of faces look otherwise",
        "quality 0.50",
    ] {
        assert!(page.contains(part), "the page lacks {part:?}");
    }
    let mut nothing = sample("news");
    nothing.people.iter_mut().for_each(|person| person.attributes = PersonAttributes::default());
    let page = render(&nothing, &mut OnePicture);
    assert!(!page.contains("guesses about appearance") && !page.contains("class=\"said\""));
}

#[test]
fn photos_have_no_time_bars() {
    let mut report = sample("news");
    for frame in &mut report.frames {
        (frame.stream_time, frame.captured_at) = (None, None);
    }
    let page = render(&report, &mut OnePicture);
    parse(&page);
    let (page, _) = page.split_once("<script").unwrap();
    for part in [
        "class=\"track\"",
        "class=\"strip",
        "class=\"axis\"",
        "on screen",
        "programme",
        "order of time",
        "or time 1:05",
        "Frames",
        "frame was",
        "Watched",
        "data-time",
    ] {
        assert!(!page.contains(part), "{part}");
    }
    for part in [
        "<dt>Photos</dt>",
        ">Photos</h2>",
        "order of the photos’ names",
        "16 dropped photos",
        "<span class=\"at\">news_frame_0000</span>",
    ] {
        assert!(page.contains(part), "the page lacks {part:?}");
    }
}

#[test]
fn what_counts_from_1970_is_no_date() {
    let mut report = sample("news");
    for (i, frame) in (0..).zip(&mut report.frames) {
        frame.captured_at = Some(Timestamp::from_micros(2_000_000 * i));
    }
    let page = render(&report, &mut OnePicture);
    assert!(page.contains("0:00:00 – 0:01:14") && !page.contains("UTC") && !page.contains("1970"));

    // Where only the names tell a time, it stands in for the stream's, days and all.
    for (i, frame) in (0..).zip(&mut report.frames) {
        (frame.stream_time, frame.captured_at) =
            (None, Some(Timestamp::from_micros(86_400_000_000 + 2_000_000 * i)));
    }
    let page = render(&report, &mut OnePicture);
    assert!(page.contains("24:00:00 – 24:01:14") && page.contains("at 24:00:00"));
    assert!(!page.contains("UTC") && !page.contains("1970"));

    // One source with a date among others: the date is its own.
    if let Some(frame) = report.frames.first_mut() {
        frame.captured_at = Some(Timestamp::from_micros(1_685_008_898_000_000));
    }
    let page = render(&report, &mut OnePicture);
    assert!(page.contains("captured 2023-05-25 10:01:38 – 10:01:38 UTC") && !page.contains("1970"));
}

#[test]
fn long_numbers_are_smaller() {
    let mut report = sample("news");
    assert!(!render(&report, &mut NoPictures).contains("--n:8"));
    for frame in report.frames.iter_mut().skip(20) {
        frame.stream_time = frame.stream_time.map(|t| StreamTime(t.micros() + 36_000_000_000));
    }
    assert!(render(&report, &mut NoPictures).contains("<strong style=\"--n:8\">20:"));
}

#[test]
fn hostile_names_stay_text() {
    let plain = parse(&render(&sample("x"), &mut OnePicture));
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "javascript:alert(1)",
        "</title></style></script><svg onload=alert(1)>",
        "&lt;script&gt;\u{0}\u{1b}[2J\n--><!--",
        "]]>\u{202e}gnp.ecaf",
    ] {
        let page = render(&sample(hostile), &mut OnePicture);
        // The same elements and attributes as with a harmless name: nothing was taken for markup.
        assert_eq!(parse(&page), plain, "{hostile:?}");
        assert!(!page.contains('\0') && !page.contains('\u{1b}'));
        assert!(!page.contains("href=\"javascript:"), "{hostile:?}");
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = render(&sample("news"), &mut OnePicture);
    for part in ["http://", "https://", "url(", "@import", "src=\"//"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn same_input_same_bytes_whatever_its_order() {
    let report = sample("news");
    let page = render(&report, &mut OnePicture);
    assert_eq!(page, render(&report, &mut OnePicture));
    let mut turned = report.clone();
    turned.frames.reverse();
    turned.people.reverse();
    turned.people.iter_mut().for_each(|p| p.faces.reverse());
    assert!(page == render(&turned, &mut OnePicture));
}

#[test]
fn an_empty_run_still_gives_a_page() {
    let page = render(&Report::default(), &mut NoPictures);
    parse(&page);
    assert!(page.contains("No face was kept."));

    let mut no_people = sample("news");
    no_people.people.clear();
    parse(&render(&no_people, &mut NoPictures));
    let mut no_frames = sample("news");
    no_frames.frames.clear();
    parse(&render(&no_frames, &mut NoPictures));
}

#[test]
fn limits_hold_and_are_said() {
    let mut report = sample("news");
    report.limits = Limits { thumbnails: 5, row: 3, listed: 6, people: 2, dropped_frames: 4 };
    let page = render(&report, &mut OnePicture);
    let names = parse(&page);
    assert!(names.iter().filter(|n| *n == "img").count() <= 5);
    for part in
        ["15 further faces not listed", "1 more person with few faces", "12 more are in the table of frames"]
    {
        assert!(page.contains(part), "the page lacks {part:?}");
    }
}

#[test]
fn a_writer_that_fails_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let failed = sample("news").render(&mut Full, &mut NoPictures);
    assert!(matches!(failed, Err(streamface_report::Error::Write(_))));
    assert!(thumbnail(b"", "x").is_err());
}
