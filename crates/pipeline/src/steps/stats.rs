//! What is in datasets.

use std::path::{Path, PathBuf};

use anyhow::bail;
use streamface_eval::labels::{each_annotation, read_labelled};
use streamface_eval::stats::StatsBuilder;
use streamface_report::StatsPage;
use streamface_store::{Dataset, FaceRow, FeatureRow, FrameRow, LabelRow, read_attributes, write_atomic};
use streamface_types::FaceId;

use super::Outcome;
use super::extract::open_existing;
use crate::args::StatsArgs;

/// `streamface stats`.
///
/// # Errors
/// What reading and writing meets.
pub fn stats(args: &StatsArgs) -> anyhow::Result<Outcome> {
    if !args.labels.is_empty() && args.labels.len() != args.dirs.len() {
        bail!("{} files of labels for {} directories: give one for each", args.labels.len(), args.dirs.len());
    }
    let mut all = StatsBuilder::new();
    let mut settings = Vec::new();
    for (at, dir) in args.dirs.iter().enumerate() {
        let data = open_existing(dir)?;
        all.dataset();
        let labels = dataset(&mut all, &data, args.labels.get(at).map(PathBuf::as_path), args.no_distances)?;
        settings.push((format!("labels of {}", dir.display()), labels));
    }
    let found = all.finish()?;
    let page = args.out.clone().unwrap_or_else(|| args.dirs[0].join("stats.html"));
    let dirs: Vec<String> = args.dirs.iter().map(|d| d.display().to_string()).collect();
    let shown =
        StatsPage { title: "Statistics".to_owned(), source: dirs.join(", "), settings, stats: &found };
    write_atomic(&page, |out| shown.render(out).map_err(std::io::Error::other))?;
    let json = page.with_extension("json");
    write_atomic(&json, |out| serde_json::to_writer_pretty(out, &found).map_err(Into::into))?;
    if args.common.json {
        say!("{:#}", serde_json::to_value(&found)?);
        return Ok(Outcome::Done);
    }
    let t = &found.total;
    let channels = found.channels.len();
    say!("watched   {} in {channels} channel{}", t.watched(), if channels == 1 { "" } else { "s" });
    say!("frames    {} kept of {}, {} with faces", t.frames_kept, t.frames, found.frames_with_faces);
    say!("faces     {} ({} noise, {} without a label)", t.faces, found.noise, found.unlabelled);
    say!("people    {}, {} of one face", t.people, found.singletons);
    if let Some(d) = &found.distances {
        let number = |d: Option<f64>| d.map_or_else(|| "-".to_owned(), |d| format!("{d:.4}"));
        say!("distances {} from the own mean, {} to the nearest other", number(d.intra), number(d.nearest));
    }
    for attribute in &found.attributes {
        let parts = attribute.categories.iter().zip(&attribute.faces).filter(|(_, n)| **n > 0);
        let parts: Vec<String> = parts.map(|(c, n)| format!("{c} {n}")).collect();
        say!("{:<9} {}", attribute.name, parts.join(", "));
    }
    say!("page      {}", page.display());
    Ok(Outcome::Done)
}

/// Counts one dataset, and says which labels were taken.
fn dataset(
    all: &mut StatsBuilder,
    data: &Dataset,
    labels: Option<&Path>,
    no_distances: bool,
) -> anyhow::Result<String> {
    let metadata = data.metadata();
    let [manual, own] = ["annotations_manual.json", "annotations.json"].map(|name| metadata.join(name));
    let mut frames = 0_u64;
    data.each(|row: FrameRow| {
        all.frame(&row.frame, &row.source, row.dropped.is_none());
        frames += 1;
    })?;
    let mut faces = 0_u64;
    // A dataset of the original has no tables: its annotations name the faces, and these the frames.
    let mut counted = |all: &mut StatsBuilder, face: &FaceId, last: &mut Option<FaceId>| {
        if frames == 0 && last.as_ref().is_none_or(|last| last.frame != face.frame) {
            all.frame(&face.frame, "", true);
        }
        all.face(face);
        *last = Some(face.clone());
        faces += 1;
    };
    let mut last = None;
    data.each(|row: FaceRow| counted(all, &row.face, &mut last))?;
    if last.is_none() && own.exists() {
        let mut named: Vec<FaceId> = Vec::new();
        each_annotation(&own, |name, _| named.extend(name.parse::<FaceId>()))?;
        named.sort_unstable();
        named.dedup();
        named.iter().for_each(|face| counted(all, face, &mut last));
    }
    let mut rows = 0_u64;
    let chosen = match labels {
        Some(path) => Some(path),
        None if manual.exists() => Some(&*manual),
        None => {
            data.each(|row: LabelRow| rows += u64::from(all.label(&row.face, row.label.0, None)))?;
            (rows == 0 && own.exists()).then_some(&*own)
        }
    };
    if let Some(path) = chosen {
        let read = read_labelled(path)?;
        for (name, &label) in &read.labels {
            if let Ok(face) = name.parse() {
                let called = read.names.get(&label).map(String::as_str);
                rows += u64::from(all.label(&face, label, called));
            }
        }
        if rows == 0 && faces > 0 {
            bail!("{} names none of the faces of {}", path.display(), data.root().display());
        }
    }
    let attributes = read_attributes(&metadata)?;
    attributes.iter().for_each(|(face, said)| all.attributes(face, said));
    if attributes.is_empty() && own.exists() {
        // The original has no table of them.
        each_annotation(&own, |name, said| {
            if let Ok(face) = name.parse() {
                all.attributes(&face, &said.attributes);
            }
        })?;
    }
    if !no_distances {
        data.each(|row: FeatureRow| all.embedding(&row.face, &row.model, &row.embedding))?;
    }
    Ok(match chosen {
        Some(path) => path.display().to_string(),
        None if rows > 0 => "the dataset’s own".to_owned(),
        None => "none".to_owned(),
    })
}
