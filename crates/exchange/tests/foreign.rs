//! Sets as other programs write them, which are not quite as their formats say.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use common::{dataset, labels, out, take};
use image::RgbImage;
use streamface_exchange::{Summary, detect, formats};
use streamface_store::{Dataset, FaceRow};

fn picture(path: impl AsRef<Path>, side: u32) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, y as u8, 7])).save(path).unwrap();
}

fn png() -> Vec<u8> {
    streamface_imgproc::encode_png(&RgbImage::new(8, 8)).unwrap()
}

/// Labels of what an import made, and what it counted.
fn imported(
    from: &Path,
    format: &dyn streamface_exchange::Format,
    to: &Path,
) -> (Vec<(String, i64)>, Summary) {
    let done = take(from, format, to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    let data = Dataset::open(to).unwrap();
    let found = labels(&data).into_iter().collect();
    drop(data);
    fs::remove_dir_all(to).unwrap();
    (found, done)
}

fn expected(all: &[(&str, i64)]) -> Vec<(String, i64)> {
    all.iter().map(|(name, label)| ((*name).to_owned(), *label)).collect()
}

#[test]
fn one_name_in_two_spellings_is_one_person() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    picture(set.join("Zo\u{eb}/a.png"), 8);
    picture(set.join("Zoe\u{308}/b.png"), 8);
    picture(set.join("Ada/c.png"), 8);
    let (found, done) = imported(&set, &formats::Imagefolder, &dir.path().join("out"));
    assert_eq!(found, expected(&[("a_face_0", 0), ("b_face_0", 0), ("c_face_0", 1)]));
    assert_eq!((done.people, done.problems.count), (2, 0), "{done:?}");
    let csv = dir.path().join("set/list.csv");
    fs::write(&csv, "image,label\nZoe\u{308}/a.png,Zoe\u{308}\nZo\u{eb}/b.png,Zo\u{eb}\nAda/c.png,Ada\n")
        .unwrap();
    let (found, done) = imported(&csv, &formats::Csv, &dir.path().join("out"));
    assert_eq!(found, expected(&[("a_face_0", 0), ("b_face_0", 0), ("c_face_0", 1)]));
    assert_eq!((done.people, done.problems.count), (2, 0), "{done:?}");
}

#[cfg(unix)]
#[test]
fn folders_that_are_no_utf_8_stay_two_people() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in [(&b"Zo\xeb"[..], "a.png"), (b"Zo\xe9", "b.png")] {
        picture(dir.path().join("set").join(std::ffi::OsStr::from_bytes(name)).join(file), 8);
    }
    let (_, done) = imported(&dir.path().join("set"), &formats::Imagefolder, &dir.path().join("out"));
    assert_eq!((done.faces, done.people, done.problems.count), (2, 2, 0), "{done:?}");
}

#[test]
fn pictures_that_differ_in_their_extensions_alone_are_both_taken() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    picture(set.join("ada/1.png"), 8);
    picture(set.join("ada/1.jpg"), 16);
    let (found, done) = imported(&set, &formats::Imagefolder, &dir.path().join("out"));
    assert_eq!(found, expected(&[("ada_1_face_0", 0), ("ada_1_png_face_0", 0)]));
    assert_eq!(done.problems.count, 0, "{done:?}");
}

/// A COCO set with two pictures and two faces of two people.
fn coco(root: &Path) {
    picture(root.join("images/a.png"), 60);
    picture(root.join("images/b.png"), 60);
}

const COCO: &str = r#"{"info": {}, "licenses": [],
    "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 60}, {"id": 2, "file_name": "b.png", "width": 60, "height": 60}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0, "segmentation": []},
        {"id": 2, "image_id": 2, "category_id": 2, "bbox": [20, 20, 20, 20], "area": 400, "iscrowd": 0}],
    "categories": [{"id": 1, "name": "Ada", "supercategory": "person"}, {"id": 2, "name": "Eve"}]}"#;

#[test]
fn coco_as_pycocotools_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    coco(&set);
    let people = expected(&[("a_face_0", 0), ("b_face_0", 1)]);
    for (old, new) in [
        ("", ""),
        (r#""supercategory": "person""#, r#""supercategory": null"#),
        (r#""licenses": []"#, r#""licenses": null"#),
        (r#""licenses": []"#, r#""licenses": {"a": [1]}"#),
        (r#""info": {}"#, r#""info": "made by hand""#),
        (r#""iscrowd": 0, "seg"#, r#""attributes": null, "iscrowd": null, "seg"#),
        (r#""iscrowd": 0, "seg"#, r#""attributes": ["x"], "iscrowd": true, "seg"#),
        (r#""iscrowd": 0, "seg"#, r#""keypoints": null, "num_keypoints": null, "seg"#),
        (r#""iscrowd": 0, "seg"#, r#""keypoints": [null, 1, "x"], "seg"#),
        (r#""area": 400"#, r#""area": null"#),
        (r#""area": 400"#, r#""area": NaN"#),
        (r#""area": 400"#, r#""area": -Infinity, "score": NaN"#),
        (r#""width": 60"#, r#""width": null"#),
        (r#""width": 60"#, r#""width": 60.0"#),
        (r#""width": 60, "height": 60"#, r#""size": [60, 60]"#),
        (r#""id": 1, "file_name""#, r#""id": "1", "file_name""#),
        (r#""image_id": 1"#, r#""image_id": "1""#),
        (r#""image_id": 1"#, r#""image_id": 1.0"#),
        (r#""category_id": 1"#, r#""category_id": "1""#),
        (r#"{"id": 1, "image_id""#, r#"{"id": "ann-1", "image_id""#),
        (r#"{"id": 1, "image_id""#, r#"{"image_id""#),
        ("[10, 10, 20, 20]", r#"["10", 10.0, 20, 2e1]"#),
        (r#""segmentation": []"#, r#""segmentation": {"counts": "aab", "size": [60, 60]}"#),
        (r#""segmentation": []"#, r#""caption": "\ud83d\ude00", "segmentation": [[1, 2, 3, 4, 5, 6]]"#),
        ("{\"info\"", "\u{feff}{\"info\""),
    ] {
        let text = COCO.replacen(old, new, 1);
        assert!(old.is_empty() || text != COCO, "{old}");
        fs::write(set.join("annotations.json"), &text).unwrap();
        let (found, done) = imported(&set, &formats::Coco, &dir.path().join("out"));
        assert_eq!(found, people, "{new}");
        assert_eq!((done.faces, done.frames, done.problems.count), (2, 2, 0), "{new}: {done:?}");
    }
    // A track that pandas made a float.
    let text = COCO.replace(r#""area": 400"#, r#""track_id": 7.0"#);
    fs::write(set.join("annotations.json"), &text).unwrap();
    let (found, _) = imported(&set, &formats::Coco, &dir.path().join("out"));
    assert_eq!(found, expected(&[("a_face_0", 7), ("b_face_0", 7)]));
}

#[test]
fn what_of_coco_cannot_be_used_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    coco(&set);
    for (old, new, why) in [
        ("[10, 10, 20, 20]", "null", "annotation 1 has no box"),
        ("[10, 10, 20, 20]", "[10, NaN, 20, 20]", "annotation 1 has no box"),
        ("[10, 10, 20, 20]", "[10, 10, 20]", "annotation 1 has no box"),
        ("[10, 10, 20, 20]", "[10, 10, -5, 20]", "cannot be cut"),
        (r#""image_id": 1"#, r#""image_id": 9"#, "annotation 1 is of image 9"),
        (r#""image_id": 1"#, r#""image_id": null"#, "annotation 1 is of image"),
        (r#""file_name": "b.png""#, r#""file_name": null"#, "image 2"),
        (r#"{"id": 2, "image_id""#, r#"null, 7, {"id": 2, "image_id""#, "2 images or annotations"),
    ] {
        let text = COCO.replacen(old, new, 1);
        assert!(text != COCO, "{old}");
        fs::write(set.join("annotations.json"), &text).unwrap();
        let (_, done) = imported(&set, &formats::Coco, &dir.path().join("out"));
        let said = done.problems.first.join("\n");
        assert!(done.problems.count >= 1 && said.contains(why), "{new}: {said}");
        assert!(done.faces >= 1, "{new}: {done:?}");
    }
    for (text, why) in [
        ("[]", "an object with 'info', 'images'"),
        (r#"{"labels": {}, "classes": []}"#, "no 'images' in it, but 'labels', 'classes'"),
        (r#"{"images": [}"#, "line 1"),
    ] {
        fs::write(set.join("annotations.json"), text).unwrap();
        let said = take(&set, &formats::Coco, &dir.path().join("out")).unwrap_err().to_string();
        assert!(said.contains("annotations.json") && said.contains(why), "{said}");
    }
}

#[test]
fn coco_where_label_studio_and_others_put_it() {
    let dir = tempfile::tempdir().unwrap();
    for (number, (json, named, beside)) in [
        // Label Studio, on Linux and on Windows.
        ("result.json", "images/", "images/"),
        ("result.json", "images\\\\", "images/"),
        ("result.json", "../../data/media/upload/1/", "images/"),
        ("result.json", "/data/local-files/?d=set/", "images/"),
        // CVAT, COCO itself, Roboflow, FiftyOne, and by hand.
        ("annotations/instances_default.json", "", "images/default/"),
        ("annotations/instances_train2017.json", "", "train2017/"),
        ("_annotations.coco.json", "", ""),
        ("labels.json", "", "data/"),
        ("mine.json", "pictures/", "pictures/"),
        ("mine.json", "C:\\\\sets\\\\pictures\\\\", "pictures/"),
    ]
    .iter()
    .enumerate()
    {
        let set = dir.path().join(format!("set{number}"));
        picture(set.join(beside).join("a.png"), 60);
        picture(set.join(beside).join("b.png"), 60);
        let text = COCO.replace("\"file_name\": \"", &format!("\"file_name\": \"{named}"));
        fs::create_dir_all(set.join(json).parent().unwrap()).unwrap();
        fs::write(set.join(json), text).unwrap();
        let (found, done) = imported(&set, &formats::Coco, &dir.path().join("out"));
        assert_eq!(found.len(), 2, "{json} {named}: {done:?}");
        assert_eq!((done.people, done.problems.count), (2, 0), "{json} {named}: {done:?}");
        if !["mine.json", "labels.json"].contains(json) {
            assert_eq!(detect(&set).map(|f| f.name()), Some("coco"), "{json}");
        }
        assert_eq!(detect(&set.join(json)).map(|f| f.name()), Some("coco"), "the file itself");
    }
    // Two files of annotations: which one is meant, nobody says.
    let set = dir.path().join("two");
    picture(set.join("a.png"), 60);
    fs::write(set.join("x.json"), COCO).unwrap();
    fs::write(set.join("y.json"), COCO).unwrap();
    let said = take(&set, &formats::Coco, &dir.path().join("out")).unwrap_err().to_string();
    assert!(said.contains("x.json") && said.contains("y.json"), "{said}");
}

#[test]
fn fiftyone_with_values_of_other_types() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for name in ["a", "b", "c", "d"] {
        picture(set.join(format!("data/{name}.png")), 60);
    }
    let text = "\u{feff}{\"classes\": null, \"version\": 1, \"labels\": {
        \"a\": {\"label\": 3.0, \"confidence\": NaN, \"attributes\": null},
        \"b\": {\"label\": \"3\", \"attributes\": [1], \"mask\": null},
        \"c\": [{\"label\": 4, \"bounding_box\": [0.1, 0.1, 0.5, 0.5], \"confidence\": null},
                {\"label\": 4, \"bounding_box\": null}, 7],
        \"d\": true}}";
    fs::write(set.join("labels.json"), text).unwrap();
    let (found, done) = imported(&set, &formats::Fiftyone, &dir.path().join("out"));
    assert_eq!(found, expected(&[("a_face_0", 3), ("b_face_0", 3), ("c_face_0", 4)]));
    assert_eq!((done.faces, done.problems.count), (4, 2), "{done:?}");
    fs::write(set.join("labels.json"), "{\"images\": []}").unwrap();
    let said = take(&set, &formats::Fiftyone, &dir.path().join("out")).unwrap_err().to_string();
    assert!(said.contains("labels.json") && said.contains("but 'images'"), "{said}");
}

/// A tar of files.
fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn webdataset_as_its_library_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let (png, jpg) = (png(), {
        let path = dir.path().join("x.jpg");
        picture(&path, 16);
        fs::read(path).unwrap()
    });
    let shard = |entries: &[(&str, &[u8])]| {
        let path = dir.path().join("set.tar");
        fs::write(&path, tar(entries)).unwrap();
        imported(&path, &formats::Webdataset, &dir.path().join("out"))
    };
    // Names with dots: the extension is what follows the first, its last part says what an entry is.
    let (found, done) = shard(&[
        ("img.001.cls", b"3"),
        ("img.001.jpg", &jpg),
        ("img.002.cls", b"4.0"),
        ("img.002.jpg", &jpg),
        ("v1.0/a.b.JPEG", &jpg),
        ("v1.0/a.b.cls", b"3\n"),
    ]);
    assert_eq!(found, expected(&[("img.001_face_0", 3), ("img.002_face_0", 4), ("v1.0_a.b_face_0", 3)]));
    assert_eq!(done.problems.count, 0, "{done:?}");
    // Another picture of a sample is a mask, or the like; a caption is no label where there is one.
    let (found, done) = shard(&[
        ("a.seg.png", &png),
        ("a.txt", b"a woman with a hat"),
        ("a.jpg", &jpg),
        ("a.cls", b"5"),
        ("b.input.png", &png),
        ("b.cls", b"6"),
    ]);
    assert_eq!(found, expected(&[("a_face_0", 5), ("b.input_face_0", 6)]));
    assert_eq!((done.images, done.problems.count), (2, 0), "{done:?}");
    // JSON of other programs: what it says in our words is taken, the rest passed over.
    let (found, done) = shard(&[
        ("a.json", br#"{"label": {"id": 1}, "face": 7, "box": "none", "landmarks": [[1, 2]], "attributes": [1], "url": "x"}"#),
        ("a.png", &png),
        ("a.cls", b"1"),
        ("b.json", br#"[{"bbox": [1, 2, 3, 4]}]"#),
        ("b.png", &png),
        ("b.cls", b"1"),
        ("c.json", br#"{"label": 2.0, "score": NaN, "box": [1, 2, 3, 4], "frame_size": [1.5, 2]}"#),
        ("c.png", &png),
        ("d.json", b"{broken"),
        ("d.png", &png),
        ("d.cls", b"2"),
        ("e.json", br#"{"person": "3"}"#),
        ("e.png", &png),
    ]);
    let all = [("a_face_0", 1), ("b_face_0", 1), ("c_face_0", 2), ("d_face_0", 2), ("e_face_0", 3)];
    assert_eq!(found, expected(&all));
    let said = done.problems.first.join("\n");
    assert!(done.problems.count == 1 && said.contains("'d': its JSON"), "{said}");
}

#[test]
fn shards_that_are_packed() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    fs::create_dir(&set).unwrap();
    let png = png();
    let entries: [(&str, &[u8]); 2] = [("a.png", &png), ("a.cls", b"1")];
    let others: [(&str, &[u8]); 4] = [("a.png", &png), ("a.cls", b"2"), ("b.png", &png), ("b.cls", b"1")];
    fs::write(set.join("one.tar.gz"), gzip(&tar(&entries))).unwrap();
    fs::write(set.join("two.tgz"), gzip(&tar(&others))).unwrap();
    assert_eq!(detect(&set).map(|f| f.name()), Some("webdataset"));
    // Each shard counts anew: then its name tells the faces apart.
    let (found, done) = imported(&set, &formats::Webdataset, &dir.path().join("out"));
    assert_eq!(found, expected(&[("a_face_0", 1), ("b_face_0", 1), ("two_a_face_0", 2)]));
    assert_eq!(done.problems.count, 0, "{done:?}");
    // A packed file by a plain name, and the other way round.
    fs::remove_file(set.join("two.tgz")).unwrap();
    fs::rename(set.join("one.tar.gz"), set.join("one.tar")).unwrap();
    fs::write(set.join("plain.tar.gz"), tar(&[("z.png", &png)])).unwrap();
    let (_, done) = imported(&set, &formats::Webdataset, &dir.path().join("out"));
    assert_eq!((done.faces, done.problems.count), (2, 0), "{done:?}");
    // Cut short: what came before is taken.
    let whole = gzip(&tar(&[("a.png", &png), ("b.png", &png), ("c.png", &png)]));
    fs::remove_file(set.join("one.tar")).unwrap();
    fs::write(set.join("cut.tar.gz"), &whole[..whole.len() - 20]).unwrap();
    let (_, done) = imported(&set, &formats::Webdataset, &dir.path().join("out"));
    assert!(done.faces >= 2 && done.problems.count == 1, "{done:?}");
    assert!(done.problems.first[0].contains("cut.tar.gz: not a whole tar"), "{done:?}");
    // A name of 64 MiB: what such a shard costs is bounded.
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 20);
    header.set_cksum();
    let endless = [&header.as_bytes()[..], &vec![b'x'; 64 << 20]].concat();
    fs::write(set.join("cut.tar.gz"), gzip(&endless)).unwrap();
    let (_, done) = imported(&set, &formats::Webdataset, &dir.path().join("out"));
    assert!(done.problems.first[0].contains("headers of more than 1 MiB"), "{done:?}");
    // Other packings say so.
    fs::write(set.join("cut.tar.gz"), b"\x28\xb5\x2f\xfd\x00\x00\x00\x00").unwrap();
    let (_, done) = imported(&set, &formats::Webdataset, &dir.path().join("out"));
    assert!(done.problems.first[0].contains("packed with zstd; unpack it"), "{done:?}");
}

#[test]
fn csv_of_spreadsheets_and_pandas() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        picture(dir.path().join(format!("{name}.png")), 8);
    }
    let csv = dir.path().join("set.csv");
    let people = expected(&[("a_face_0", 1), ("b_face_0", 0), ("c_face_0", 1)]);
    for text in [
        "image,label\na.png,1\nb.png,0\nc.png,1\n",
        "Image,Label\na.png,1\nb.png,0\nc.png,1\n",
        "image;label\na.png;1\nb.png;0\nc.png;1\n",
        "sep=;\r\nImage;Label\r\na.png;1\r\nb.png;0\r\nc.png;1\r\n",
        "\u{feff}File Name\tPerson\na.png\t1\nb.png\t0\nc.png\t1\n",
        "path|identity\na.png|1\nb.png|0\nc.png|1\n",
        ",filename,label\n0,a.png,1.0\n1,b.png,0.0\n2,c.png,1.0\n",
        "\"image\";\"label\"\n\".\\a.png\";\"1\"\n\"./b.png\";\"0\"\n\"c.png\";\"1\"\n",
        "a.png,1\nb.png,0\nc.png,1\n",
        "image;label;x;y;w;h\na.png;1;0,5;1,5;3;3\nb.png;0;;;;\nc.png;1;;;;\n",
        // A name is the person's where another column names the picture and none the person.
        "image,name\na.png,1\nb.png,0\nc.png,1\n",
    ] {
        fs::write(&csv, text).unwrap();
        let (found, done) = imported(&csv, &formats::Csv, &dir.path().join("out"));
        assert_eq!(found, people, "{text}");
        assert_eq!((done.faces, done.problems.count), (3, 0), "{text}: {done:?}");
    }
    // A label that is missing is why pandas writes floats: such a face has none. -1 is noise.
    fs::write(&csv, "image,label\na.png,-1.0\nb.png,0.0\nc.png,\n").unwrap();
    let (found, done) = imported(&csv, &formats::Csv, &dir.path().join("out"));
    assert_eq!(found, expected(&[("a_face_0", -1), ("b_face_0", 0)]));
    assert_eq!((done.faces, done.people), (3, 1), "{done:?}");
    for (text, header) in
        [("Bild;Wer\na.png;1\n", "'Bild;Wer'"), ("x,y\n1,2\n", "'x,y'"), ("\u{feff}x\n1\n", "'x'")]
    {
        fs::write(&csv, text).unwrap();
        let said = take(&csv, &formats::Csv, &dir.path().join("out")).unwrap_err().to_string();
        assert!(said.contains("no column 'image'") && said.contains(header), "{said}");
    }
    fs::write(&csv, b"\xff\xfei\0m\0a\0g\0e\0").unwrap();
    let said = take(&csv, &formats::Csv, &dir.path().join("out")).unwrap_err().to_string();
    assert!(said.contains("save it as CSV in UTF-8"), "{said}");
}

#[test]
fn pictures_of_one_name_in_several_folders() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ada/1.png", "eve/1.png", "eve/2.png"] {
        picture(dir.path().join(name), 8);
    }
    let csv = dir.path().join("set.csv");
    fs::write(&csv, "image,label\nada/1.png,5\neve/1.png,6\neve/2.png,6\n").unwrap();
    let (found, done) = imported(&csv, &formats::Csv, &dir.path().join("out"));
    assert_eq!(found, expected(&[("2_face_0", 6), ("ada_1_face_0", 5), ("eve_1_face_0", 6)]));
    assert_eq!(done.problems.count, 0, "{done:?}");
}

#[test]
fn our_own_table_without_telling_where_the_pictures_are() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("news"));
    let before = labels(&data);
    for csv in [dir.path().join("faces.csv"), dir.path().join("news/faces.csv")] {
        out(&data, &formats::Csv, &csv);
        let (found, done) = imported(&csv, &formats::Csv, &dir.path().join("out"));
        assert_eq!((done.faces, done.problems.count), (12, 0), "{}: {done:?}", csv.display());
        assert_eq!(found, before.clone().into_iter().collect::<Vec<_>>());
    }
    // Where they are nowhere near: what to do, and the header that was found.
    let away = tempfile::tempdir().unwrap();
    let csv = away.path().join("faces.csv");
    out(&data, &formats::Csv, &csv);
    let said = take(&csv, &formats::Csv, &away.path().join("out")).unwrap_err().to_string();
    for word in ["--images", "the dataset directory", "'face,label,", "12 broken"] {
        assert!(said.contains(word), "'{word}' is not in: {said}");
    }
}

/// A file that goes on with one byte.
fn long(path: &Path, start: &str) -> PathBuf {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    file.write_all(start.as_bytes()).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b'x'), 24 << 20), &mut file).unwrap();
    path.to_owned()
}

#[test]
fn rows_and_texts_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("out");
    picture(dir.path().join("a.png"), 8);
    for start in ["", "image,label\na.png,1\n", "image,label\na.png,1\n\"b.png"] {
        let csv = long(&dir.path().join("long.csv"), start);
        let said = take(&csv, &formats::Csv, &to).unwrap_err().to_string();
        assert!(said.contains("long.csv") && said.contains("row of more than"), "{said}");
    }
    let old = dir.path().join("old/metadata");
    fs::create_dir_all(&old).unwrap();
    long(&old.join("detections.csv"), "name,confidence\n");
    let said = take(&dir.path().join("old"), &formats::Compat, &to).unwrap_err().to_string();
    assert!(said.contains("detections.csv"), "{said}");
    let set = dir.path().join("set");
    coco(&set);
    long(&set.join("annotations.json"), "{\"info\": \"");
    let said = take(&set, &formats::Coco, &to).unwrap_err().to_string();
    assert!(said.contains("annotations.json") && said.contains("text of more than"), "{said}");
    assert!(!to.exists());
}

#[test]
fn folders_too_deep() {
    let dir = tempfile::tempdir().unwrap();
    let deep = (0..40).fold(dir.path().join("set/ada"), |path, _| path.join("d"));
    picture(deep.join("a.png"), 8);
    let said = take(&dir.path().join("set"), &formats::Imagefolder, &dir.path().join("out")).unwrap_err();
    assert!(said.to_string().contains("more than 32 folders deep"), "{said}");
    // Looking for a picture by its name ends, too.
    let csv = dir.path().join("set.csv");
    fs::write(&csv, "image\nelsewhere/a.png\n").unwrap();
    let said = take(&csv, &formats::Csv, &dir.path().join("out")).unwrap_err();
    assert!(said.to_string().contains("'elsewhere/a.png' is not there"), "{said}");
}

#[test]
fn faces_without_landmarks_keep_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    coco(&set);
    fs::write(set.join("annotations.json"), COCO).unwrap();
    take(&set, &formats::Coco, &dir.path().join("out")).unwrap();
    let data = Dataset::open(&dir.path().join("out")).unwrap();
    for row in data.read::<FaceRow>().unwrap() {
        assert!(row.bbox.w == 20.0 && row.landmarks.0.as_flattened().iter().all(|v| v.is_nan()));
    }
}
