//! Every other format: out, in again, and what is hostile.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use common::{dataset, face, frame, labels, names, out, take};
use streamface_exchange::{
    Error, ExportSettings, Format, ImportSettings, Labels, Place, export, formats, import,
};
use streamface_store::{Dataset, ExtractionRow, FaceRow, FrameRow, ImageKind, NamedLabels};
use streamface_testing::bytes;
use streamface_types::Label;

struct Set {
    dir: tempfile::TempDir,
    data: Dataset,
}

impl Set {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dataset(&dir.path().join("data"));
        Self { dir, data }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Exports, imports, and gives the new dataset.
    fn there_and_back(&self, as_: &dyn Format, from: &dyn Format, settings: &ExportSettings) -> Dataset {
        export(&self.data, as_, &self.path("there"), settings, &|_| ()).unwrap();
        let done = take(&self.path("there"), from, &self.path("back")).unwrap();
        assert_eq!(done.problems.count, 0, "{done:?}");
        Dataset::open(&self.path("back")).unwrap()
    }
}

/// All labels but those of no one.
fn of_people(data: &Dataset) -> BTreeMap<String, i64> {
    labels(data).into_iter().filter(|(_, label)| *label >= 0).collect()
}

fn same_faces(a: &Dataset, b: &Dataset, kind: ImageKind) {
    for name in labels(b).keys() {
        let face: streamface_types::FaceId = name.parse().unwrap();
        assert_eq!(
            a.read_image(kind, &face).unwrap(),
            b.read_image(ImageKind::Face, &face).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn imagefolder() {
    let set = Set::new();
    let back = set.there_and_back(&formats::Imagefolder, &formats::Imagefolder, &ExportSettings::default());
    assert_eq!(names(&set.path("there")), ["0", "1", "2"], "no one is left out");
    assert_eq!(names(&set.path("there/2")), [format!("{}.png", face(4, 1))]);
    assert_eq!(labels(&back), of_people(&set.data));
    same_faces(&set.data, &back, ImageKind::Face);
    let rows = back.read::<FaceRow>().unwrap();
    assert!(rows.iter().all(|r| r.bbox.x.is_nan() && r.score.is_nan() && r.face_size == [32, 32]));
    assert_eq!(back.read::<ExtractionRow>().unwrap().len(), 6, "not to be searched again");
    let csv = fs::read_to_string(set.path("back/metadata/imported.csv")).unwrap();
    assert!(
        csv.starts_with("name,label,person\n") && csv.contains(&format!("{},2,2\n", face(4, 1))),
        "{csv}"
    );

    let settings =
        ExportSettings { noise: true, aligned: true, place: Place::Copy, ..ExportSettings::default() };
    let wide = set.path("wide");
    let done = export(&set.data, &formats::Imagefolder, &wide, &settings, &|_| ()).unwrap();
    assert_eq!((done.faces, done.people, done.left_out.len()), (12, 3, 0));
    assert_eq!(names(&wide), ["-1", "0", "1", "2"]);
    let copy = fs::read(wide.join(format!("-1/{}.png", face(5, 1)))).unwrap();
    assert_eq!(copy, set.data.read_image(ImageKind::AlignedFace, &face(5, 1)).unwrap());
}

#[test]
fn photos_in_folders_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    for (person, file, side) in
        [("Eve", "0001.png", 4), ("Ada", "0001.png", 5), ("Ada", "0002.jpg", 16), ("Zoe", "no.png", 0)]
    {
        fs::create_dir_all(photos.join(person)).unwrap();
        if side == 0 {
            fs::write(photos.join(person).join(file), "not a picture").unwrap();
        } else {
            image::RgbImage::new(side, side).save(photos.join(person).join(file)).unwrap();
        }
    }
    fs::write(photos.join("Ada/readme.txt"), "passed over").unwrap();
    let done = take(&photos, &formats::Imagefolder, &dir.path().join("faces")).unwrap();
    assert_eq!((done.faces, done.people, done.problems.count), (3, 2, 1), "{done:?}");
    assert!(done.problems.first[0].contains("Zoe/no.png: neither PNG nor JPEG"), "{done:?}");
    let data = Dataset::open(&dir.path().join("faces")).unwrap();
    let expected = [("Ada_0001_face_0", 0), ("Ada_0002_face_0", 0), ("Eve_0001_face_0", 1)];
    assert_eq!(labels(&data), expected.map(|(n, l)| (n.to_owned(), l)).into());
    let jpeg = data.read_image(ImageKind::Face, &"Ada_0002_face_0").unwrap();
    assert!(jpeg.starts_with(b"\x89PNG"), "JPEG becomes PNG");

    // As LFW: frames in which faces are still to be found.
    let done = take(&photos, &formats::Lfw, &dir.path().join("lfw")).unwrap();
    assert_eq!((done.faces, done.frames, done.people), (0, 3, 2), "{done:?}");
    let data = Dataset::open(&dir.path().join("lfw")).unwrap();
    assert_eq!(labels(&data), expected.map(|(n, l)| (n.to_owned(), l)).into());
    assert_eq!(data.read::<ExtractionRow>().unwrap(), []);
    assert_eq!(data.read::<FrameRow>().unwrap()[1].width, 16);
    assert!(data.read_image(ImageKind::Frame, &"Eve_0001").is_ok());
}

#[test]
fn webdataset() {
    let set = Set::new();
    let settings = ExportSettings { shard_faces: 5, noise: true, ..ExportSettings::default() };
    let back = set.there_and_back(&formats::Webdataset, &formats::Webdataset, &settings);
    assert_eq!(names(&set.path("there")), ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]);
    assert_eq!(labels(&back), labels(&set.data));
    same_faces(&set.data, &back, ImageKind::Face);
    for (a, b) in set.data.read::<FaceRow>().unwrap().iter().zip(back.read::<FaceRow>().unwrap()) {
        assert_eq!((a.bbox, a.landmarks, a.score, a.blur), (b.bbox, b.landmarks, b.score, b.blur));
    }
    assert_eq!(back.read::<FrameRow>().unwrap()[0].source, "tv.mp4");
    // The same bytes whenever it is done.
    export(&set.data, &formats::Webdataset, &set.path("again"), &settings, &|_| ()).unwrap();
    assert!(bytes(&set.path("there")) == bytes(&set.path("again")));
}

fn tar(path: &Path, entries: &[(&str, tar::EntryType, &[u8])]) {
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        // Written as it is: set_path would refuse what is to be refused by the reader.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        if *kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap();
}

#[test]
fn hostile_tar_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("set.tar");
    let png = streamface_imgproc::encode_png(&image::RgbImage::new(4, 4)).unwrap();
    use tar::EntryType::{Regular, Symlink};
    let long = vec![b'1'; (1 << 20) + 1];
    tar(
        &path,
        &[
            ("../out.png", Regular, &png),
            ("/abs.png", Regular, &png),
            ("link.png", Symlink, b""),
            ("fine.png", Regular, &png),
            ("fine.cls", Regular, b"7\n"),
            ("long.cls", Regular, &long),
            ("a.json", Regular, b"{\"face\": \"../x_face_0\"}"),
            ("a.png", Regular, &png),
            ("b.json", Regular, b"{broken"),
            ("b.png", Regular, &png),
            ("c.cls", Regular, b"1"),
            ("d.png", Regular, b"no picture"),
            ("sub/e.png", Regular, &png),
            ("sub/e.png", Regular, &png),
            ("fine.png", Regular, &png),
        ],
    );
    let done = take(&path, &formats::Webdataset, &dir.path().join("out")).unwrap();
    let said = done.problems.first.join("\n");
    for word in [
        "'../out.png' leads out",
        "'/abs.png' leads out",
        "'link.png' is a link",
        "'long.cls' is larger than",
        "'b': its JSON",
        "'c' has no picture",
        "'d': neither PNG",
        "'fine': another picture",
        "'sub/e.png' is a second picture",
    ] {
        assert!(said.contains(word), "'{word}' is not in: {said}");
    }
    let data = Dataset::open(&dir.path().join("out")).unwrap();
    // A name in the JSON is a name, never a path.
    let faces: Vec<_> = data.read::<FaceRow>().unwrap().into_iter().map(|r| r.face.to_string()).collect();
    assert_eq!(faces, [".._x_face_0", "b_face_0", "fine_face_0", "sub_e_face_0"]);
    assert_eq!(labels(&data), [("fine_face_0".to_owned(), 7)].into());

    // Every cut of it, and flipped bytes: an error or less, never a panic, never half a dataset.
    let small = dir.path().join("small.tar");
    tar(&small, &[("x.png", Regular, &png), ("x.cls", Regular, b"1"), ("y.png", Regular, &png)]);
    let whole = fs::read(&small).unwrap();
    let cut = dir.path().join("cut.tar");
    for at in (0..whole.len()).step_by(331) {
        fs::write(&cut, &whole[..at]).unwrap();
        let flipped = dir.path().join("flipped.tar");
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&flipped, bytes).unwrap();
        for file in [&cut, &flipped] {
            let to = dir.path().join("t");
            if take(file, &formats::Webdataset, &to).is_ok() {
                assert!(!Dataset::open(&to).unwrap().read::<FaceRow>().unwrap().is_empty());
                fs::remove_dir_all(&to).unwrap();
            } else {
                assert!(!to.exists());
            }
        }
    }
}

#[test]
fn coco() {
    let set = Set::new();
    let back = set.there_and_back(&formats::Coco, &formats::Coco, &ExportSettings::default());
    assert_eq!(labels(&back), labels(&set.data));
    for (a, b) in set.data.read::<FaceRow>().unwrap().iter().zip(back.read::<FaceRow>().unwrap()) {
        assert_eq!((&a.face, a.bbox, a.landmarks, a.score), (&b.face, b.bbox, b.landmarks, b.score));
        assert_eq!((b.frame_size, b.aligned_size), ([80, 60], [128, 128]));
        assert!(b.blur.is_finite(), "measured on the crop");
    }
    assert!(back.read_image(ImageKind::AlignedFace, &face(3, 1)).is_ok());
    assert_eq!(
        back.read_image(ImageKind::Frame, &frame(2)).unwrap(),
        set.data.read_image(ImageKind::Frame, &frame(2)).unwrap()
    );
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(set.path("there/annotations.json")).unwrap()).unwrap();
    assert_eq!(json["images"][0]["width"], 80);
    assert_eq!(json["categories"][0]["keypoints"].as_array().unwrap().len(), 5);
    let first = &json["annotations"][0];
    assert_eq!((&first["num_keypoints"], &first["track_id"]), (&5.into(), &0.into()));
    assert_eq!(first["bbox"], serde_json::json!([5.25, 10.5, 20.0, 30.25]));
    assert_eq!(first["area"], 605.0);
}

#[test]
fn a_foreign_and_hostile_coco_file() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    fs::create_dir_all(set.join("images/sub")).unwrap();
    image::RgbImage::new(60, 40).save(set.join("images/sub/a.jpg")).unwrap();
    image::RgbImage::new(60, 40).save(dir.path().join("secret.png")).unwrap();
    let json = serde_json::json!({
        "images": [
            {"id": 5, "file_name": "sub/a.jpg"},
            {"id": 6, "file_name": "../../secret.png"},
            {"id": 7, "file_name": dir.path().join("secret.png")},
            {"id": 8, "file_name": "gone.png"},
            {"id": 5, "file_name": "sub/a.jpg"},
        ],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 2, "bbox": [10, 10, 20, 20], "segmentation": [[1, 2, 3]]},
            {"id": 2, "image_id": 5, "category_id": 3, "bbox": [30, 5, 10.5, 12], "keypoints": [0, 0, 0]},
            {"id": 3, "image_id": 5, "category_id": 3, "bbox": [0, 0, 0, 0]},
            {"id": 4, "image_id": 5, "category_id": 3, "bbox": [0, 0, 1e30, 5]},
            {"id": 5, "image_id": 6, "category_id": 3, "bbox": [0, 0, 5, 5]},
        ],
        "categories": [{"id": 2, "name": "Ada"}, {"id": 3, "name": "Eve"}],
    });
    fs::write(set.join("annotations.json"), json.to_string()).unwrap();
    let done = take(&set, &formats::Coco, &dir.path().join("out")).unwrap();
    assert_eq!((done.faces, done.frames, done.people), (2, 1, 2), "{done:?}");
    let said = done.problems.first.join("\n");
    for word in [
        "image 6: '../../secret.png' leads out",
        "image 7: ",
        "image 8: ",
        "image 5 comes twice",
        "annotation 5 is of image 6",
        "[0.0, 0.0, 0.0, 0.0] cannot be cut",
    ] {
        assert!(said.contains(word), "'{word}' is not in: {said}");
    }
    assert_eq!(done.problems.count, 7, "{said}");
    let data = Dataset::open(&dir.path().join("out")).unwrap();
    let expected = [("sub_a_face_0", 0), ("sub_a_face_1", 1)];
    assert_eq!(labels(&data), expected.map(|(n, l)| (n.to_owned(), l)).into());
    fs::write(set.join("annotations.json"), "{\"images\": [1]}").unwrap();
    let said = take(&set, &formats::Coco, &dir.path().join("no")).unwrap_err().to_string();
    assert!(said.contains("annotations.json") && said.contains("1 images or annotations"), "{said}");
}

#[test]
fn fiftyone() {
    let set = Set::new();
    let back = set.there_and_back(&formats::Fiftyone, &formats::Fiftyone, &ExportSettings::default());
    assert_eq!(labels(&back), of_people(&set.data));
    same_faces(&set.data, &back, ImageKind::Face);
    let text = fs::read_to_string(set.path("there/labels.json")).unwrap();
    assert!(!text.contains("attributes"), "null attributes stop FiftyOne: {text}");
}

#[test]
fn fiftyone_with_boxes() {
    let set = Set::new();
    let back =
        set.there_and_back(&formats::FiftyoneDetection, &formats::Fiftyone, &ExportSettings::default());
    assert_eq!(labels(&back), labels(&set.data));
    for (a, b) in set.data.read::<FaceRow>().unwrap().iter().zip(back.read::<FaceRow>().unwrap()) {
        assert_eq!((&a.face, a.score), (&b.face, b.score));
        assert!(a.bbox.iou(&b.bbox) > 0.9999, "{:?} {:?}", a.bbox, b.bbox);
        assert!((a.landmarks.nose()[0] - b.landmarks.nose()[0]).abs() < 1e-3);
    }
}

#[test]
fn fiftyone_made_by_others() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    fs::create_dir_all(set.join("data/sub")).unwrap();
    for name in ["a.png", "sub/b.png", "c.png", "d.png"] {
        image::RgbImage::new(30, 30).save(set.join("data").join(name)).unwrap();
    }
    let json = r#"{"classes": ["eve", "ada"], "labels": {
        "a": 1, "sub/b": {"label": 0, "confidence": 0.5, "attributes": {"age": {"young": 0.25}, "odd": "yes", "mask_probability": 0.5}},
        "c": null, "gone": 1,
        "d": [{"label": "eve", "bounding_box": [0.1, 0.1, 0.5, 0.5]}, {"label": "ada"}]}}"#;
    fs::write(set.join("labels.json"), json).unwrap();
    let done = take(&set, &formats::Fiftyone, &dir.path().join("out")).unwrap();
    assert_eq!((done.faces, done.people, done.problems.count), (4, 2, 2), "{done:?}");
    let data = Dataset::open(&dir.path().join("out")).unwrap();
    // Two of Eve's, one of Ada's; c has none.
    let expected = [("a_face_0", 1), ("d_face_0", 0), ("sub_b_face_0", 0)];
    assert_eq!(labels(&data), expected.map(|(n, l)| (n.to_owned(), l)).into());
    let again = dir.path().join("again");
    export(&data, &formats::Fiftyone, &again, &ExportSettings::default(), &|_| ()).unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(again.join("labels.json")).unwrap()).unwrap();
    let attributes = serde_json::json!({"age": {"young": 0.25}, "mask_probability": 0.5, "label_number": 0});
    assert_eq!(json["labels"]["sub_b_face_0"]["attributes"], attributes);
    assert_eq!(json["labels"]["sub_b_face_0"]["label"], "eve");
}

#[test]
fn lfw() {
    let set = Set::new();
    let settings = ExportSettings { folds: 1, pairs: 300, seed: 3, ..ExportSettings::default() };
    let done = export(&set.data, &formats::Lfw, &set.path("lfw"), &settings, &|_| ()).unwrap();
    // Pairs of one person: 15 of person 0, 6 of person 1. Of two people: 6·4 + 6 + 4 = 34.
    let text = fs::read_to_string(set.path("lfw/pairs.txt")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("1\t21"));
    let fields: Vec<Vec<&str>> = lines.map(|l| l.split('\t').collect()).collect();
    assert_eq!(fields.iter().map(Vec::len).collect::<Vec<_>>(), [[3; 21], [4; 21]].concat());
    for pair in &fields {
        let picture = |name: &str, number: &str| {
            let path = format!("lfw/{name}/{name}_{:04}.png", number.parse::<u32>().unwrap());
            assert!(set.path(&path).is_file(), "{path}");
        };
        picture(pair[0], pair[1]);
        picture(
            pair[pair.len() - 2].parse::<u32>().map_or(pair[pair.len() - 2], |_| pair[0]),
            pair[pair.len() - 1],
        );
    }
    assert_eq!((done.faces, done.left_out.len()), (11, 2), "{done:?}");
    let said = export(&set.data, &formats::Lfw, &set.path("ten"), &ExportSettings::default(), &|_| ());
    assert!(said.unwrap_err().to_string().contains("give --folds fewer"));
    assert!(!set.path("ten").exists());
}

#[test]
fn csv_and_parquet() {
    let set = Set::new();
    let csv = set.path("faces.csv");
    out(&set.data, &formats::Csv, &csv);
    let text = fs::read_to_string(&csv).unwrap();
    let mut lines = text.lines();
    let header = "face,label,person,frame,source,captured_at,stream_seconds,x,y,w,h,score,blur,left_eye_x,left_eye_y,\
                  right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,mouth_right_x,mouth_right_y,image";
    assert_eq!(lines.next(), Some(header));
    let row = format!(
        "{0},1,,{1},tv.mp4,2023-05-25T10:01:31.000000Z,1.5,45.25,10.5,20,30.25,0.875,100.5,50.25,20,60.25,20.5,\
         55.25,26,51.25,33,59.25,33,faces/{0}.png",
        face(1, 1),
        frame(1)
    );
    assert_eq!(lines.nth(3), Some(row.as_str()));

    let settings = ImportSettings { images: Some(set.path("data")), ..ImportSettings::default() };
    let done = import(&csv, &formats::Csv, &set.path("back"), &settings, &|_| ()).unwrap();
    assert_eq!((done.faces, done.problems.count), (12, 0), "{done:?}");
    let back = Dataset::open(&set.path("back")).unwrap();
    assert_eq!(labels(&back), labels(&set.data));
    for (a, b) in set.data.read::<FaceRow>().unwrap().iter().zip(back.read::<FaceRow>().unwrap()) {
        assert_eq!((a.bbox, a.landmarks, a.score, a.blur), (b.bbox, b.landmarks, b.score, b.blur));
    }
    let parquet = set.path("faces.parquet");
    let done = out(&set.data, &formats::Parquet, &parquet);
    assert_eq!((done.faces, done.people), (12, 3));
    let mut start = [0; 4];
    fs::File::open(&parquet).unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"PAR1");
    // What is not known is empty: never NaN.
    let unknown = set.path("unknown.csv");
    export(&set.data, &formats::Imagefolder, &set.path("f"), &ExportSettings::default(), &|_| ()).unwrap();
    take(&set.path("f"), &formats::Imagefolder, &set.path("g")).unwrap();
    out(&Dataset::open(&set.path("g")).unwrap(), &formats::Csv, &unknown);
    let text = fs::read_to_string(&unknown).unwrap();
    assert!(!text.contains("NaN") && text.contains(",,,,,,,,,,,,,,,,,faces/"), "{text}");
}

#[test]
fn a_broken_csv() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("set.csv");
    image::RgbImage::new(6, 6).save(dir.path().join("a.png")).unwrap();
    image::RgbImage::new(6, 6).save(dir.path().join("b.png")).unwrap();
    fs::write(
        &csv,
        "image,label,x,y,w,h\na.png,Ada,1,2,3,4\nb.png,Eve,1,2,3,x\n../c.png,Eve\n,Eve\na.png,Ada\n\u{e9}\n",
    )
    .unwrap();
    let done = take(&csv, &formats::Csv, &dir.path().join("out")).unwrap();
    assert_eq!((done.faces, done.problems.count), (1, 5), "{done:?}");
    assert!(done.problems.first[0].contains("line 3: h 'x' is no number"), "{done:?}");
    assert!(done.problems.first[1].contains("line 4: '../c.png' leads out"), "{done:?}");
    fs::write(&csv, "x,y\n1,2\n").unwrap();
    let said = take(&csv, &formats::Csv, &dir.path().join("no")).unwrap_err().to_string();
    assert!(said.contains("no column 'image'"), "{said}");
}

#[test]
fn labels_of_whom() {
    let set = Set::new();
    let given = [(face(0, 0), Label(9)), ("elsewhere_face_0".parse().unwrap(), Label(1))];
    let called = [(Label(9), "Ann".to_owned()), (Label(1), "no one here".to_owned())];
    let given = Labels::Given(NamedLabels { labels: given.into(), names: called.into() });
    let settings = ExportSettings { labels: given, ..ExportSettings::default() };
    let done = export(&set.data, &formats::Imagefolder, &set.path("given"), &settings, &|_| ()).unwrap();
    assert_eq!((done.faces, names(&set.path("given"))), (1, vec!["Ann".to_owned(), "people.csv".to_owned()]));
    assert_eq!(done.left_out[0].count, 11);
    let reviewed = ExportSettings { labels: Labels::Reviewed, ..ExportSettings::default() };
    let said = export(&set.data, &formats::Imagefolder, &set.path("r"), &reviewed, &|_| ()).unwrap_err();
    assert!(said.to_string().contains("not reviewed yet"), "{said}");
    let manual = format!(
        "{{\"labels\": {{\"{}\": {{\"label\": 4}}, \"{}\": {{\"label\": 5}}}}, \"names\": {{\"4\": \"Bob\"}}}}",
        face(3, 1),
        face(4, 1)
    );
    fs::write(set.path("data/metadata/annotations_manual.json"), manual).unwrap();
    export(&set.data, &formats::Imagefolder, &set.path("r"), &reviewed, &|_| ()).unwrap();
    assert_eq!(names(&set.path("r")), ["5", "Bob", "people.csv"]);
}

#[test]
fn a_place_that_is_taken_and_nothing_to_take() {
    let set = Set::new();
    fs::create_dir(set.path("there")).unwrap();
    fs::write(set.path("there/mine"), "dear").unwrap();
    for format in [&formats::Compat as &dyn Format, &formats::Csv, &formats::Lfw, &formats::Coco] {
        let said = export(&set.data, format, &set.path("there"), &ExportSettings::default(), &|_| ());
        assert!(matches!(said, Err(Error::Exists(_))), "{said:?}");
    }
    let said = take(&set.path("data"), &formats::Compat, &set.path("there"));
    assert!(matches!(said, Err(Error::Exists(_))));
    assert_eq!(names(&set.path("there")), ["mine"]);
    let empty = set.path("empty");
    fs::create_dir(&empty).unwrap();
    for format in
        [&formats::Imagefolder as &dyn Format, &formats::Compat, &formats::Lfw, &formats::Webdataset]
    {
        let said = take(&empty, format, &set.path("new")).unwrap_err();
        assert!(matches!(said, Error::Nothing { .. }), "{said}");
    }
    for format in [&formats::Coco as &dyn Format, &formats::Fiftyone, &formats::Csv] {
        assert!(take(&empty, format, &set.path("new")).is_err());
    }
    let said = take(&set.path("gone"), &formats::Coco, &set.path("new")).unwrap_err();
    assert!(said.to_string().contains("no such file"), "{said}");
    assert_eq!(names(set.dir.path()), ["data", "empty", "there"]);
}
