//! Writes a report of a folder of faces: `report FACES LABELS OUT.html`, where `FACES` holds
//! `{face}.png` named as the original names them and `LABELS` is `annotations.json` or CSV
//! `name,label`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use streamface_report::{Face, Folder, Frame, Person, Report};
use streamface_types::{FaceId, Label};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [faces, labels, page] = &arguments[..] else {
        return Err("usage: report FACES LABELS OUT.html".into());
    };
    let mut people: BTreeMap<i64, Person> = BTreeMap::new();
    let mut frames = BTreeSet::new();
    for (name, label) in streamface_eval::read_labels(labels)? {
        let id: FaceId = name.parse()?;
        frames.insert(id.frame.clone());
        let new =
            || Person { label: Label(label), name: None, faces: Vec::new(), attributes: Default::default() };
        let person = people.entry(label).or_insert_with(new);
        person.faces.push(Face { id, score: 1.0, blur: None, quality: None, place: None });
    }
    let frames = frames.into_iter().map(|id| Frame {
        source: id.source().unwrap_or("images").to_owned(),
        captured_at: id.timestamp(),
        stream_time: None,
        dropped: None,
        empty: None,
        blur: None,
        similarity: None,
        picture: None,
        origin: None,
        id,
    });
    let report = Report {
        title: "Faces by label".to_owned(),
        source: labels.clone(),
        frames: frames.collect(),
        people: people.into_values().collect(),
        ..Report::default()
    };
    let mut out = BufWriter::new(File::create(page)?);
    report.render(&mut out, &mut Folder::new(faces))?;
    out.flush()?;
    Ok(())
}
