//! Names of people beside their numbers: two of one name, names that are no folders, and what others write.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{dataset, names, take};
use streamface_exchange::{ExportSettings, Format, ImportSettings, export, formats, import};
use streamface_store::{Dataset, LabelRow, NamedLabels};
use streamface_types::Label;

/// People 0 and 2 have one name, person 1 has one that is no folder.
fn named(data: &Dataset) -> NamedLabels {
    let rows = data.read::<LabelRow>().unwrap();
    let all = [(0, "Ann"), (1, "../@x"), (2, "Ann")].map(|(label, name)| (Label(label), name.to_owned()));
    data.replace_labels(rows, &all.into()).unwrap();
    data.clusters().unwrap()
}

#[test]
fn two_people_of_one_name_stay_two() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let mut wanted = named(&data);
    wanted.labels.retain(|_, label| !label.is_noise());
    let all: [(&str, &dyn Format, &dyn Format); 7] = [
        ("folders", &formats::Imagefolder, &formats::Imagefolder),
        ("tars", &formats::Webdataset, &formats::Webdataset),
        ("fiftyone", &formats::Fiftyone, &formats::Fiftyone),
        ("boxes", &formats::FiftyoneDetection, &formats::Fiftyone),
        ("coco", &formats::Coco, &formats::Coco),
        ("compat", &formats::Compat, &formats::Compat),
        ("table.csv", &formats::Csv, &formats::Csv),
    ];
    for (name, out, into) in all {
        let (there, back) = (dir.path().join(name), dir.path().join(format!("{name}-back")));
        export(&data, out, &there, &ExportSettings::default(), &|_| ()).unwrap();
        let settings = ImportSettings {
            images: (name == "table.csv").then(|| dir.path().join("data")),
            ..Default::default()
        };
        let done = import(&there, into, &back, &settings, &|_| ()).unwrap();
        assert_eq!((done.people, done.problems.count), (3, 0), "{name}: {done:?}");
        let mut found = Dataset::open(&back).unwrap().clusters().unwrap();
        found.labels.retain(|_, label| !label.is_noise());
        assert_eq!(found, wanted, "{name}");
    }
    assert_eq!(names(&dir.path().join("folders")), ["Ann", "Ann (2)", "_._@x", "people.csv"]);
    // Without the table of folders their names are all there is.
    fs::remove_file(dir.path().join("folders/people.csv")).unwrap();
    take(&dir.path().join("folders"), &formats::Imagefolder, &dir.path().join("bare")).unwrap();
    let bare = Dataset::open(&dir.path().join("bare")).unwrap().clusters().unwrap();
    let called: Vec<&str> = bare.names.values().map(String::as_str).collect();
    assert_eq!(called, ["Ann", "_._@x", "Ann (2)"]);
    // A broken one is told, and passed over.
    fs::write(dir.path().join("folders/people.csv"), "folder,label,person\nAnn,x,Ann\n").unwrap();
    let done = take(&dir.path().join("folders"), &formats::Imagefolder, &dir.path().join("broken")).unwrap();
    assert!(done.people == 3 && done.problems.first[0].contains("label 'x'"), "{done:?}");
}

#[test]
fn tracks_of_others_are_no_numbers_of_people() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("set/images")).unwrap();
    image::RgbImage::new(60, 40).save(dir.path().join("set/images/a.png")).unwrap();
    let face = |id: i64, track: i64, person: &str| {
        serde_json::json!({"id": id, "image_id": 1, "category_id": 1, "bbox": [4 * id, 5, 20, 20], "track_id": track,
            "attributes": {"person": person}})
    };
    let json = serde_json::json!({
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [face(1, 11, "Ann"), face(2, 12, "Ann"), face(3, 13, "Bob")],
        "categories": [{"id": 1, "name": "person"}],
    });
    fs::write(dir.path().join("set/annotations.json"), json.to_string()).unwrap();
    take(&dir.path().join("set"), &formats::Coco, &dir.path().join("out")).unwrap();
    let found = Dataset::open(&dir.path().join("out")).unwrap().clusters().unwrap();
    assert_eq!(found.labels.into_values().map(|l| l.0).collect::<Vec<_>>(), [0, 0, 1]);
    let expected: BTreeMap<Label, String> =
        [(0, "Ann"), (1, "Bob")].map(|(l, n)| (Label(l), n.to_owned())).into();
    assert_eq!(found.names, expected);
}
