//! Every page but the study's, of made-up data that has what a page can show.

use std::collections::BTreeMap;
use std::path::Path;

use image::RgbImage;
use streamface_eval::intrinsic;
use streamface_eval::labels::Labelled;
use streamface_eval::metrics::{Noise, ReviewScores, Shared};
use streamface_eval::person_attributes::{AttributeVotes, PersonAttributes};
use streamface_eval::presence::FrameFate;
use streamface_eval::stats::StatsBuilder;
use streamface_eval::verification::{Compared, hardest, verify};
use streamface_report::{
    Comparison, ComparisonLimits, Evaluation, EvaluationLimits, Face, Folder, Frame, Limits, Model, PairSide,
    Person, Pictures, Report, ReviewLinks, ShownPair, Stage, StatsPage, VerificationPage,
};
use streamface_types::{
    Annotation, Attributes, Embeddings, FaceId, FrameId, Label, Metric, StreamTime, Timestamp,
};

/// Writes the pages and what lies beside them; the names of the pages.
pub fn write(dir: &Path) -> Vec<String> {
    for folder in ["faces", "frames"] {
        std::fs::create_dir(dir.join(folder)).unwrap();
    }
    let mut pictures = Folder::new(dir.join("faces"));
    let mut pages = Vec::new();
    let mut page = |name: &str, render: &mut dyn FnMut(&mut dyn std::io::Write)| {
        let mut bytes = Vec::new();
        render(&mut bytes);
        std::fs::write(dir.join(name), bytes).unwrap();
        pages.push(name.to_owned());
    };
    let report = report(dir);
    page("report.html", &mut |out| report.render(out, &mut pictures).unwrap());
    let photos = photos(report);
    page("photos.html", &mut |out| photos.render(out, &mut pictures).unwrap());
    page("evaluate.html", &mut |out| evaluate(out, &mut pictures));
    page("stats.html", &mut |out| stats(out, &mut pictures));
    page("verify.html", &mut |out| verification(out, &mut pictures));
    page("score.html", &mut |out| score(out, &mut pictures));
    pages
}

fn picture(path: &Path, width: u32, height: u32, shade: u8) {
    let image = RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, shade])
    });
    image.save(path).unwrap();
}

fn frame_id(second: u32) -> FrameId {
    FrameId::new(format!("news_frame_202305251001{second:02}000000")).unwrap()
}

/// A minute with a frame each ten seconds: Bob in the first two, Ann in those at 20 and 50 s, Cy at 30 s.
fn report(dir: &Path) -> Report {
    let frames = (0..6).map(|i| {
        let second = 10 * i;
        let id = frame_id(second);
        Frame {
            source: "news".to_owned(),
            stream_time: Some(StreamTime(i64::from(second) * 1_000_000)),
            captured_at: Some(Timestamp::from_micros(1_685_008_860_000_000 + i64::from(second) * 1_000_000)),
            dropped: (i == 4).then(|| "blurred".to_owned()),
            empty: Some(0.5),
            blur: Some(1e9),
            similarity: (i > 0).then_some(0.25),
            picture: (i != 4).then(|| format!("frames/{id}.png")),
            origin: Some("../my videos/news.mp4".to_owned()),
            id,
        }
    });
    let frames: Vec<Frame> = frames.collect();
    // That of 50 s was pruned.
    for frame in frames.iter().take(4) {
        picture(&dir.join("frames").join(format!("{}.png", frame.id)), 320, 180, 60);
    }
    let person = |label: i64, name: Option<&str>, seconds: &[u32]| {
        let face = |&second: &u32| {
            let id = FaceId::new(frame_id(second), label.unsigned_abs() as u32);
            picture(&dir.join("faces").join(format!("{id}.png")), 120, 120, 40 * label.unsigned_abs() as u8);
            let quality = Some(f32::from(second as u8) / 60.0);
            Face { id, score: 0.9, blur: Some(1e9), quality, place: Some([0.6, 0.1, 0.2, 0.3]) }
        };
        Person {
            label: Label(label),
            name: name.map(str::to_owned),
            faces: seconds.iter().map(face).collect(),
            attributes: voted(label.unsigned_abs() as u32, 3),
        }
    };
    Report {
        title: "The news".to_owned(),
        source: "my videos/news.mp4".to_owned(),
        settings: [("threshold", "0.64"), ("memory", "2 GiB"), ("blur-threshold", "10,000,000,000")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .to_vec(),
        models: vec![Model {
            name: "centerface".to_owned(),
            role: "detector".to_owned(),
            sha256: "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc".to_owned(),
            licence: "MIT".to_owned(),
        }],
        stages: vec![Stage {
            name: "detect".to_owned(),
            busy: std::time::Duration::from_millis(1500),
            items: 6,
            unit: "frame".to_owned(),
        }],
        frames,
        dropped_faces: vec![("small".to_owned(), 3)],
        people: vec![
            person(0, Some("Ann"), &[20, 50]),
            person(1, Some("Bob"), &[0, 10]),
            person(2, None, &[30]),
            person(3, None, &[30]),
            person(4, None, &[30]),
            person(5, None, &[30]),
        ],
        faces_folder: "faces".to_owned(),
        limits: Limits::default(),
    }
}

/// What models say of face `i` of a person: all attributes that are known.
fn said(person: u32, i: u32) -> Attributes {
    let part = |k: u32| f64::from((person * 37 + i * 11 + k * 29) % 100) / 100.0;
    let shares = |labels: &[&str]| {
        let all: Vec<f64> = (0..).zip(labels).map(|(k, _)| part(k).powi(4) + 0.01).collect();
        let sum: f64 = all.iter().sum();
        labels.iter().zip(all).map(|(l, p)| ((*l).to_owned(), p / sum)).collect::<BTreeMap<_, _>>()
    };
    let face = serde_json::json!({"label": 0, "mask": part(1), "attributes": {
        "age": shares(&["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"]),
        "gender": shares(&["Male", "Female"]),
        "race": shares(&["White", "Black", "Latino Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern"]),
        "expression": shares(&["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]),
        "pose": {"yaw": 120.0 * part(2) - 60.0, "pitch": 60.0 * part(3) - 30.0, "roll": 40.0 * part(4) - 20.0},
        "years": {"mean": 15.0 + 60.0 * part(5), "deviation": 6.5}, "liveness": part(6),
    }});
    serde_json::from_value::<Annotation>(face).unwrap().attributes
}

fn unknown_below() -> BTreeMap<String, f64> {
    ["age", "gender", "race", "expression"].map(|name| (name.to_owned(), 0.6)).into()
}

fn voted(person: u32, faces: u32) -> PersonAttributes {
    let mut votes = AttributeVotes::new(unknown_below());
    (0..faces).for_each(|i| votes.add(person, &said(person, i), None));
    votes.person(person)
}

fn photos(mut report: Report) -> Report {
    report.title = "Holidays".to_owned();
    for frame in &mut report.frames {
        (frame.stream_time, frame.captured_at) = (None, None);
        frame.origin = Some("../photos/a#1.jpg".to_owned());
    }
    report
}

fn faces() -> Vec<FaceId> {
    [(20, 0), (50, 0), (0, 1), (10, 1), (30, 2)]
        .map(|(second, index)| FaceId::new(frame_id(second), index))
        .to_vec()
}

fn evaluate(out: &mut dyn std::io::Write, pictures: &mut dyn Pictures) {
    let data = [0.0_f32, 1.4, 1.5, 0.1, 3.0].iter().flat_map(|a| [a.cos(), a.sin()]).collect();
    let found = intrinsic(&Embeddings::new(data, 2).unwrap(), &[0, 0, 1, 1, 2], Metric::Cosine, 5).unwrap();
    Evaluation {
        title: String::new(),
        source: "news".to_owned(),
        settings: vec![("metric".to_owned(), "cosine".to_owned())],
        intrinsic: &found,
        faces: &faces(),
        names: BTreeMap::from([(0, "Ann".to_owned())]),
        faces_folder: "faces".to_owned(),
        review: Some(ReviewLinks {
            address: "http://127.0.0.1:7373".to_owned(),
            command: "streamface review 'a very long folder name that has to be broken somewhere/news'"
                .to_owned(),
        }),
        limits: EvaluationLimits::default(),
    }
    .render(out, pictures)
    .unwrap();
}

fn stats(out: &mut dyn std::io::Write, pictures: &mut dyn Pictures) {
    let mut all = StatsBuilder::with_unknown_below(unknown_below());
    for _ in 0..2 {
        all.dataset();
        for second in [0, 10, 20, 30, 50] {
            all.frame(&frame_id(second), "news.mp4", FrameFate::Kept);
        }
        for face in faces() {
            all.face(&face);
            all.label(&face, i64::from(face.index), (face.index == 0).then_some("Ann"));
        }
        let beside = FaceId::new(frame_id(20), 7);
        all.face(&beside);
        all.label(&beside, 1, None);
        for (i, face) in (0..).zip(faces()) {
            all.attributes(&face, &said(face.index, i));
        }
    }
    let found = all.finish().unwrap();
    assert!(!found.together.is_empty());
    StatsPage {
        title: String::new(),
        source: "monday, tuesday".to_owned(),
        settings: vec![("labels of monday".to_owned(), "of the last clustering, not reviewed".to_owned())],
        datasets: vec!["monday".to_owned(), "tuesday".to_owned()],
        stats: &found,
    }
    .render(out, pictures)
    .unwrap();
}

fn verification(out: &mut dyn std::io::Write, pictures: &mut dyn Pictures) {
    let pair = |i: u32| {
        let same = i.is_multiple_of(2);
        let distance = f64::from(i * 37 % 101) / 100.0 + if same { 0.0 } else { 0.4 };
        Compared {
            distance,
            same,
            fold: Some(i as usize / 2 % 10),
            people: [i % 41, if same { i % 41 } else { 41 + i % 7 }],
        }
    };
    let pairs: Vec<Compared> = (0..2_000).map(pair).collect();
    let verified = verify(&pairs, &[(true, 0), (false, 1)]).unwrap();
    let hard = hardest(&pairs, &verified, 6);
    let faces = faces();
    let shown = |all: &[streamface_eval::verification::HardPair]| {
        let side = |i: usize, name: &str| PairSide {
            name: name.to_owned(),
            image: "Ann_with_a_long_name_0001.jpg".to_owned(),
            face: faces.get(i).cloned(),
        };
        let pair = |(i, p): (usize, &streamface_eval::verification::HardPair)| ShownPair {
            // Of the last there are no pictures.
            sides: [side(i, "Ann"), side(i + 1, "Bartholomew Featherstonehaugh")],
            distance: p.distance,
            wrong: p.wrong,
            more: p.more,
        };
        all.iter().enumerate().map(pair).collect::<Vec<_>>()
    };
    VerificationPage {
        title: String::new(),
        source: "news".to_owned(),
        caution: "Caution: the pairs are drawn from the dataset’s own clusters.".to_owned(),
        settings: vec![("metric".to_owned(), "cosine".to_owned())],
        verified: &verified,
        different: shown(&hard.different),
        same: shown(&hard.same),
        faces_folder: "faces".to_owned(),
    }
    .render(out, pictures)
    .unwrap();
}

fn score(out: &mut dyn std::io::Write, pictures: &mut dyn Pictures) {
    let labelled = |labels: [i64; 5], names: &[(i64, &str)]| Labelled {
        labels: faces().iter().map(ToString::to_string).zip(labels).collect(),
        names: names.iter().map(|&(l, n)| (l, n.to_owned())).collect(),
        numbered: true,
    };
    let truth = labelled([0, 0, 1, 1, 2], &[(0, "Ann"), (1, "Bartholomew Featherstonehaugh")]);
    let (before, predicted) = (labelled([0, 1, 2, 3, -1], &[]), labelled([0, 1, 1, 3, -1], &[]));
    let shared = Shared::new(&truth.labels, &predicted.labels).unwrap();
    let scores = shared.scores(Noise::Alone);
    let samples = shared.both.iter().map(|&(face, t, p)| (t, before.labels[face], p));
    let review = ReviewScores::new(samples, Noise::Alone);
    Comparison {
        title: "Score of news/metadata/annotations_manual.json".to_owned(),
        source: "news/metadata/annotations_manual.json against truth.csv".to_owned(),
        names: ["truth.csv".to_owned(), "annotations_manual.json".to_owned()],
        labels: [&truth, &predicted],
        shared: &shared,
        scores: &scores,
        review: Some((&review, &before)),
        faces_folder: "faces".to_owned(),
        limits: ComparisonLimits::default(),
    }
    .render(out, pictures)
    .unwrap();
}
