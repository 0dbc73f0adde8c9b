//! A dataset as the original leaves its own.

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use streamface_store::{
    ExtractionRow, FaceRow, FeatureRow, ImageKind, LabelRow, annotations as annotations_of, write_atomic,
};
use streamface_types::{Annotations, FaceId, FrameId};

use super::features::{Feature, has_place, write_features};
use crate::compat_tables::{write_detections, write_matches};
use crate::format::ExportSettings;
use crate::picture::{Put, put_file};
use crate::report::{Observer, Progress, Summary};
use crate::snapshot::{Labels, Snapshot, reviewed};
use crate::staging::Staging;
use crate::{Error, python};

pub(crate) fn export(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let staging = Staging::new(out)?;
    let metadata = staging.folder("metadata")?;
    let mut summary = Summary { faces: set.faces.len() as u64, ..Summary::default() };
    let boxed = write_detections(&metadata.join("detections.csv"), &set.faces)?;
    summary.leave_out("faces without a box, not in detections.csv", summary.faces - boxed);
    write_matches(&metadata.join("matches.csv"), &set.faces)?;
    annotations(set, &metadata, settings, &mut summary)?;
    features(set, &staging, &mut summary)?;
    images(set, &staging, settings, observe, &mut summary)?;
    staging.finish()?;
    Ok(summary)
}

fn annotations(
    set: &Snapshot<'_>,
    metadata: &Path,
    settings: &ExportSettings,
    summary: &mut Summary,
) -> Result<(), Error> {
    let write = |name: &str, annotations: &Annotations| {
        write_atomic(&metadata.join(name), |out| python::dump(out, annotations))
    };
    // The two files stand beside each other, whichever of them was asked for.
    let clustered: Vec<LabelRow>;
    let said = |face: &FaceId| set.attributes.get(face).cloned().unwrap_or_default();
    let mut automatic = if matches!(settings.labels, Labels::Reviewed) {
        clustered = set.data.read()?;
        annotations_of(clustered.iter().map(|r| (&r.face, r.label)), said)
    } else {
        annotations_of(set.labels.iter().map(|(f, l)| (f, *l)), said)
    };
    let names = if matches!(settings.labels, Labels::Reviewed) {
        set.data.cluster_names()?
    } else {
        set.names.clone()
    };
    automatic.names = names.into_iter().map(|(label, name)| (label.0, name)).collect();
    summary.people = set.people(&set.faces);
    if !automatic.labels.is_empty() {
        write("annotations.json", &automatic)?;
    }
    if let Some(mut reviewed) = reviewed(set.data)? {
        for (name, annotation) in &mut reviewed.labels {
            let said = name.parse::<FaceId>().ok().and_then(|face| set.attributes.get(&face));
            if let Some(said) = said {
                annotation.attributes = said.clone();
            }
        }
        write("annotations_manual.json", &reviewed)?;
    }
    Ok(())
}

fn features(set: &Snapshot<'_>, staging: &Staging, summary: &mut Summary) -> Result<(), Error> {
    let rows = set.data.read::<FeatureRow>()?;
    let Some(first) = rows.first() else { return Ok(()) };
    let path = staging.folder("features")?.join(format!("{}.pkl", first.face));
    let feature = |r: FeatureRow| Feature {
        attributes: set.attributes.get(&r.face).cloned().unwrap_or_default(),
        face: r.face,
        embedding: r.embedding,
    };
    let features: Vec<Feature> = rows.into_iter().map(feature).collect();
    summary.embeddings = features.len() as u64;
    let others = |f: &&Feature| f.attributes.iter().any(|(name, _)| !has_place(name));
    let others = features.iter().filter(others).count() as u64;
    summary.leave_out(
        "faces with attributes that the pickle has no place for; annotations.json has them",
        others,
    );
    write_features(&path, &features)
}

fn images(
    set: &Snapshot<'_>,
    staging: &Staging,
    settings: &ExportSettings,
    observe: Observer<'_>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let kept: Vec<&FrameId> = set.frames.values().filter(|f| f.dropped.is_none()).map(|f| &f.frame).collect();
    let total = (kept.len() + 2 * set.faces.len()) as u64;
    let mut done = 0;
    let mut put = |kind: ImageKind, name: &dyn Display, from: Option<PathBuf>| -> Result<bool, Error> {
        done += 1;
        observe(Progress { what: "images", done, total });
        let Some(from) = from else { return Ok(false) };
        let to = staging.folder(kind.folder())?.join(format!("{name}.png"));
        if from.extension().is_some_and(|e| e == "png") {
            settings.place.put(&from, &to)?;
            return Ok(true);
        }
        // The original knows PNG alone.
        match put_file(&from, &to, settings.place) {
            Ok(_) => Ok(true),
            Err(Put::Failed(e)) => Err(e),
            Err(Put::Broken(why)) => Err(Error::format(&from, why)),
        }
    };
    let mut missing = 0;
    for &frame in &kept {
        match put(ImageKind::Frame, frame, set.frame_picture(frame).map(|(path, _)| path))? {
            true => summary.frames += 1,
            false => summary.leave_out("frames without a picture", 1),
        }
    }
    let any = set.data.root().join(ImageKind::Face.folder()).is_dir();
    let image = |kind: ImageKind, face: &FaceRow| {
        let found = set.whole_image(kind, &face.face);
        set.unless_broken(if any { set.expected(found, kind, face) } else { found })
    };
    for face in &set.faces {
        if put(ImageKind::Face, &face.face, image(ImageKind::Face, face))? {
            summary.images += 1;
        } else {
            missing += 1;
        }
        let aligned = image(ImageKind::AlignedFace, face);
        summary.images += u64::from(put(ImageKind::AlignedFace, &face.face, aligned)?);
    }
    summary.images += summary.frames;
    summary.leave_out("faces without a picture", missing);
    let searched: Vec<FrameId> = set.data.read::<ExtractionRow>()?.into_iter().map(|r| r.frame).collect();
    processed(staging, ImageKind::Frame, kept.into_iter())?;
    processed(staging, ImageKind::AlignedFace, searched.iter())
}

/// Names of files that were done, the last of them where a resumed run goes on.
fn processed<'f>(
    staging: &Staging,
    kind: ImageKind,
    frames: impl Iterator<Item = &'f FrameId>,
) -> Result<(), Error> {
    let path = staging.folder(kind.folder())?.join("processed.txt");
    let frames: Vec<_> = frames.collect();
    write_atomic(&path, |out| frames.iter().try_for_each(|frame| writeln!(out, "{frame}.png")))?;
    Ok(())
}
