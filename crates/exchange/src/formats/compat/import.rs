//! A directory of the original as a dataset.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use streamface_store::{AttributeModels, FrameFormat, ImageKind, read_annotations};
use streamface_types::{Annotations, FaceId, FrameId, bounded};

use super::features::read_features;
use crate::Error;
use crate::compat_tables::{read_detections, read_matches};
use crate::dataset_builder::{DatasetBuilder, Picture};
use crate::files::{leads_inside, open_text};
use crate::format::ImportSettings;
use crate::report::{Observer, Summary};

/// What embeddings of the original are called; which weights made them, nobody wrote down.
const MODEL: &str = "original";

/// The metric file of a step; `detections.csv` may lie at the top as well.
fn find(root: &Path, name: &str) -> Result<Option<PathBuf>, Error> {
    let there = [root.join("metadata").join(name), root.join(name)].into_iter().find(|p| p.is_file());
    match there {
        Some(path) if !leads_inside(root, &path) => {
            Err(Error::format(&path, "a link that leads out of the folder; put the file itself in its place"))
        }
        there => Ok(there),
    }
}

pub(crate) fn import(
    root: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    if !root.is_dir() {
        return Err(Error::format(root, "not a folder; the original's output directory is wanted"));
    }
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    if let Some(path) = find(root, "detections.csv")? {
        for row in read_detections(&path, &mut builder.summary.problems)? {
            if builder.has_face(&row.face) {
                builder.problem(format!("{}: {} comes twice", path.display(), row.face));
                continue;
            }
            let [width, height] = row.frame_size;
            let frame = builder.frame(&row.face.frame, "");
            (frame.width, frame.height) = (width, height);
            let face = row.face.clone();
            *builder.face(&face) = row;
        }
    }
    features(root, &mut builder, settings)?;
    labels(root, &mut builder)?;
    if let Some(path) = find(root, "matches.csv")? {
        for link in read_matches(&path, &mut builder.summary.problems)? {
            if builder.has_face(&link.later) {
                builder.face(&link.later).link = Some(link.earlier);
            } else {
                builder.problem(format!("{}: {} is not there", path.display(), link.later));
            }
        }
    }
    images(root, &mut builder)?;
    builder.finish(root, "detections.csv, features/*.pkl or annotations.json of the original are wanted")
}

fn features(root: &Path, builder: &mut DatasetBuilder<'_>, settings: &ImportSettings) -> Result<(), Error> {
    let folder = root.join("features");
    if !folder.is_dir() {
        return Ok(());
    }
    let files = crate::files::walk(&folder)?;
    let pickles: Vec<_> = files.iter().filter(|p| p.extension().is_some_and(|e| e == "pkl")).collect();
    let mut seen = BTreeSet::new();
    for (path, done) in pickles.iter().zip(0..) {
        builder.progress("features", done, pickles.len() as u64);
        let mut problems = Vec::new();
        let read = read_features(path, &settings.pickle, |why| problems.push(why))?;
        problems.into_iter().for_each(|why| builder.problem(why));
        for feature in read {
            if !seen.insert(feature.face.clone()) {
                builder.problem(format!("{}: {} comes twice", path.display(), feature.face));
                continue;
            }
            builder.face(&feature.face);
            builder.embedding(&feature.face, MODEL, feature.embedding);
            builder.attributes(&feature.face, feature.attributes, AttributeModels::new());
        }
    }
    Ok(())
}

fn labels(root: &Path, builder: &mut DatasetBuilder<'_>) -> Result<(), Error> {
    let read = |name: &str| -> Result<Option<(Annotations, PathBuf)>, Error> {
        find(root, name)?.map(|path| Ok((read_annotations(&path)?, path))).transpose()
    };
    let (automatic, manual) = (read("annotations.json")?, read("annotations_manual.json")?);
    if let Some((manual, _)) = &manual {
        builder.annotations("annotations_manual.json", manual)?;
    }
    // Where there is no automatic file the review's is the one there is.
    let Some((annotations, path)) = automatic.or(manual) else { return Ok(()) };
    for (name, annotation) in annotations.labels {
        match name.parse::<FaceId>() {
            Ok(face) => {
                builder.face(&face);
                let label = annotation.label;
                let name = annotations.names.get(&label.0).filter(|_| !label.is_noise());
                let person = name.cloned().unwrap_or_else(|| label.to_string());
                builder.person(&face, &person, Some(label.0));
                builder.attributes(&face, annotation.attributes, AttributeModels::new());
            }
            Err(e) => builder.problem(format!("{}: {e}", path.display())),
        }
    }
    Ok(())
}

fn images(root: &Path, builder: &mut DatasetBuilder<'_>) -> Result<(), Error> {
    let faces: Vec<FaceId> = builder.faces().cloned().collect();
    let mut frames: BTreeSet<FrameId> = faces.iter().map(|f| f.frame.clone()).collect();
    let folder = root.join(ImageKind::Frame.folder());
    if folder.is_dir() {
        // Frames without a face are part of the run too.
        for path in crate::files::walk(&folder)?.iter().filter(|p| crate::files::is_image(p)) {
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            match FrameId::new(stem) {
                Ok(frame) => drop(frames.insert(frame)),
                Err(e) => builder.problem(format!("{}: {e}", path.display())),
            }
        }
    }
    let mut outside = Vec::new();
    let mut picture = |kind: ImageKind, name: String| {
        // The original writes PNG; a dataset of ours may have frames of other kinds.
        let extensions = FrameFormat::ALL.iter().filter_map(|f| f.extension());
        let mut places =
            extensions.map(|extension| root.join(kind.folder()).join(format!("{name}.{extension}")));
        let from = places.find(|from| from.is_file())?;
        if !leads_inside(root, &from) {
            outside.push(format!("{}: a link that leads out of the folder", from.display()));
            return None;
        }
        Some(Picture { from, kind, name })
    };
    let of_frames: Vec<_> = frames.iter().filter_map(|f| picture(ImageKind::Frame, f.to_string())).collect();
    let of_faces = [ImageKind::Face, ImageKind::AlignedFace].map(|kind| {
        let of_kind: Vec<_> = faces.iter().filter_map(|f| picture(kind, f.to_string())).collect();
        (kind, of_kind)
    });
    outside.into_iter().for_each(|why| builder.problem(why));
    for (picture, size) in of_frames.iter().zip(builder.pictures(&of_frames)?) {
        let Ok(frame) = FrameId::new(&picture.name) else { continue };
        let row = builder.frame(&frame, "");
        if let Some(size) = size {
            [row.width, row.height] = size;
        }
    }
    for (kind, of_faces) in of_faces {
        for (picture, size) in of_faces.iter().zip(builder.pictures(&of_faces)?) {
            let (Ok(face), Some(size)) = (picture.name.parse::<FaceId>(), size) else { continue };
            let row = builder.face(&face);
            // The size in detections.csv has precedence.
            let known = if kind == ImageKind::Face { &mut row.face_size } else { &mut row.aligned_size };
            if *known == [0; 2] {
                *known = size;
            }
        }
    }
    for frame in &frames {
        builder.frame(frame, "");
    }
    let searched = processed(root)?;
    let with_faces = faces.into_iter().map(|f| f.frame);
    with_faces.chain(frames.intersection(&searched).cloned()).for_each(|frame| builder.searched(frame));
    Ok(())
}

/// Frames that the original has searched for faces, from its `processed.txt`.
fn processed(root: &Path) -> Result<BTreeSet<FrameId>, Error> {
    let path = root.join(ImageKind::AlignedFace.folder()).join("processed.txt");
    if !path.is_file() || !leads_inside(root, &path) {
        return Ok(BTreeSet::new());
    }
    let lines = bounded::lines(open_text(&path, crate::files::MAX_TEXT)?);
    let frame = |line: String| FrameId::new(line.trim().trim_end_matches(".png")).ok();
    let frames: std::io::Result<Vec<_>> = lines.map(|line| line.map(frame)).collect();
    Ok(frames.map_err(Error::io(&path))?.into_iter().flatten().collect())
}
