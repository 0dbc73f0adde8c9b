//! Which faces of a dataset lack an embedding or attributes: the tables are gone through side by side, and few rows are in
//! memory at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use streamface_model::ModelId;
use streamface_store::{AttributeRow, Dataset, Error as StoreError, FaceRow, FeatureRow, Row, Rows};
use streamface_types::{FaceId, FrameId};

use super::face_models::{Bits, FaceModels, Given};
use super::frame_worker::Job;
use super::results::AttributeCount;
use crate::settings::read_record;
use crate::{Error, Result};

/// A face, and what it lacks.
#[derive(Debug, Clone)]
pub struct FaceTask {
    /// The face.
    pub row: FaceRow,
    /// Whether it is to be embedded.
    pub embed: bool,
    /// Which attributes it is to get.
    pub attributes: u64,
}

/// Jobs for the faces that lack something, in the order of their ids.
pub(super) struct Lacking {
    faces: Peekable<Rows<FaceRow>>,
    /// None where no embeddings are wanted.
    features: Option<Peekable<Rows<FeatureRow>>>,
    attributes: Peekable<Rows<AttributeRow>>,
    /// What is kept aside already of the attributes that are replaced.
    aside: Peekable<Rows<AttributeRow>>,
    bits: BTreeMap<String, Bits>,
    replaced: Bits,
    all: Bits,
    ended: bool,
}

impl Lacking {
    /// Of a dataset whose batches are compacted; attributes of `replaced` are wanted whatever the table has.
    pub(super) fn of(
        data: &Dataset,
        embed: bool,
        models: &FaceModels,
        replaced: &BTreeSet<String>,
    ) -> Result<Self> {
        let named = models.attributes().iter().enumerate();
        let bits: BTreeMap<String, Bits> = named.map(|(at, a)| (a.name.clone(), 1 << at)).collect();
        Ok(Self {
            faces: data.rows()?.peekable(),
            features: if embed { Some(data.rows()?.peekable()) } else { None },
            attributes: data.rows()?.peekable(),
            aside: data.replacement()?.peekable(),
            replaced: bits.iter().filter(|(name, _)| replaced.contains(*name)).map(|(_, bit)| bit).sum(),
            bits,
            all: models.all(),
            ended: false,
        })
    }

    /// The next face, if it is of this frame, where one is given; and what it lacks.
    fn next_face(&mut self, frame: Option<&FrameId>) -> Result<Option<FaceTask>> {
        let of_frame = |face: &Result<FaceRow, StoreError>| {
            frame.is_none_or(|frame| face.as_ref().map_or(true, |row| row.face.frame == *frame))
        };
        let Some(row) = self.faces.next_if(of_frame).transpose()? else { return Ok(None) };
        let face = &row.face;
        let mut embed = false;
        if let Some(features) = &mut self.features {
            embed = true;
            of_face(features, face, |row| &row.face, |_| embed = false)?;
        }
        let mut there = 0;
        let mut note = |row: AttributeRow, among: Bits| {
            there |= self.bits.get(&row.name()).map_or(0, |bit| bit & among);
        };
        of_face(&mut self.attributes, face, |row| &row.face, |row| note(row, !self.replaced))?;
        of_face(&mut self.aside, face, |row| &row.face, |row| note(row, self.replaced))?;
        let attributes = self.all & !there;
        Ok(Some(FaceTask { row, embed, attributes }))
    }

    /// The faces of the next frame that has any which lack something.
    fn next_job(&mut self) -> Result<Option<Job>> {
        loop {
            let Some(first) = self.next_face(None)? else { return Ok(None) };
            let frame = first.row.face.frame.clone();
            let mut tasks = vec![first];
            while let Some(task) = self.next_face(Some(&frame))? {
                tasks.push(task);
            }
            tasks.retain(|task| task.embed || task.attributes != 0);
            if !tasks.is_empty() {
                return Ok(Some(Job::Faces(frame, tasks)));
            }
        }
    }
}

impl Iterator for Lacking {
    type Item = Result<Job>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let job = self.next_job().transpose();
        self.ended = !matches!(job, Some(Ok(_)));
        job
    }
}

/// Gives a face's rows to `each`, and passes over those of faces before it.
fn of_face<R: Row>(
    rows: &mut Peekable<Rows<R>>,
    face: &FaceId,
    id: impl Fn(&R) -> &FaceId,
    mut each: impl FnMut(R),
) -> Result<()> {
    while let Some(row) = rows.next_if(|row| row.as_ref().map_or(true, |row| id(row) <= face)) {
        let row = row?;
        if id(&row) == face {
            each(row);
        }
    }
    Ok(())
}

/// Which models gave an attribute: name, SHA-256 and settings; `None` for an import that does not say.
type Sources = BTreeMap<String, BTreeSet<Option<(String, String, Option<String>)>>>;

/// What is to become of attributes that are in a dataset already.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Attributes that other models gave, or an import: all of their rows are to be replaced.
    pub(super) replaced: BTreeSet<String>,
    /// Attributes that an import gave some faces, which keep them.
    pub(super) imported: BTreeSet<String>,
    /// What to say where all faces have embeddings of another model already, as those of an import may: none can be made.
    pub(super) embedded_elsewhere: Option<String>,
}

impl Plan {
    /// Brings the tables into an order in which they can be gone through, and looks at what they hold. Where `only` is set,
    /// attributes of other models are replaced.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for embeddings of another model than `embedder`, and attributes of other models where they are
    /// not to be replaced.
    pub(super) fn of(
        data: &Dataset,
        embedder: Option<&ModelId>,
        models: &FaceModels,
        only: bool,
    ) -> Result<Self> {
        data.compact()?;
        let mut plan = Self::default();
        let faces: u64 = in_order(data, |faces, _: FaceRow| *faces += 1)?;
        if let Some(embedder) = embedder {
            let (embedded, other) =
                in_order(data, |(embedded, other): &mut (u64, Option<String>), row: FeatureRow| {
                    *embedded += 1;
                    *other = other.take().or_else(|| other_embedder(data, &row, embedder));
                })?;
            if let Some(said) = other.clone().filter(|_| embedded < faces) {
                return Err(Error::Mismatch(said));
            }
            plan.embedded_elsewhere = other;
        }
        let sources: Sources = in_order(data, |sources: &mut Sources, row: AttributeRow| {
            let by = row
                .model
                .clone()
                .map(|model| (model, row.model_sha256.clone().unwrap_or_default(), row.settings.clone()));
            let of = sources.entry(row.name()).or_default();
            if !of.contains(&by) {
                of.insert(by);
            }
        })?;
        let recorded = read_record(data)?.remove("attributes").unwrap_or_default();
        for attribute in models.attributes() {
            let Some(of) = sources.get(&attribute.name) else { continue };
            let ours = models.made_by(attribute);
            // What no step here was recorded to have made, an import brought.
            let is_ours = |key: &str, value: &str| {
                recorded.get(&format!("{}{key}", attribute.name)).is_none_or(|own| own == value)
            };
            let by_import = is_ours("", &ours.name)
                && is_ours("-sha256", &ours.sha256)
                && is_ours("-settings", &ours.settings);
            let others = || of.iter().flatten().filter(|by| !is(ours, by));
            if only && (of.contains(&None) || others().next().is_some()) {
                plan.replaced.insert(attribute.name.clone());
            } else if let Some((model, sha256, settings)) = others().next().filter(|_| !by_import) {
                let dir = data.root().display();
                return Err(Error::Mismatch(format!(
                    "{dir}: '{name}' was given by {model} (weights {}, settings {}), now by {} (weights {}, settings \
                     {}); streamface analyze {dir} --only {by} gives all that it says anew to all faces, and --attributes \
                     leaves it out",
                    short(sha256),
                    settings.as_deref().unwrap_or("unknown"),
                    ours.name,
                    short(&ours.sha256),
                    ours.settings,
                    name = attribute.name,
                    by = models.named(attribute),
                )));
            } else if of.contains(&None) || others().next().is_some() {
                plan.imported.insert(attribute.name.clone());
            }
        }
        plan.check_aside(data, models)?;
        Ok(plan)
    }

    /// What became of each attribute, by the faces that got it.
    pub(super) fn counts(&self, models: &FaceModels, said: &BTreeMap<String, u64>) -> Vec<AttributeCount> {
        let count = |attribute: &Given| AttributeCount {
            name: attribute.name.clone(),
            model: models.made_by(attribute).name.clone(),
            faces: said.get(&attribute.name).copied().unwrap_or_default(),
            replaced: self.replaced.contains(&attribute.name),
            imported: self.imported.contains(&attribute.name),
        };
        models.attributes().iter().map(count).collect()
    }

    /// What an earlier call kept aside is of use where it is of the same models; else it goes.
    fn check_aside(&self, data: &Dataset, models: &FaceModels) -> Result<()> {
        let fits = |row: &AttributeRow| {
            let name = row.name();
            self.replaced.contains(&name)
                && models.attributes().iter().any(|attribute| {
                    let by = models.made_by(attribute);
                    attribute.name == name
                        && row.model.as_deref() == Some(&by.name)
                        && row.model_sha256.as_deref() == Some(&by.sha256)
                        && row.settings.as_deref() == Some(&by.settings)
                })
        };
        for row in data.replacement()? {
            if !row.as_ref().is_ok_and(fits) {
                return Ok(data.drop_replacement()?);
            }
        }
        Ok(())
    }
}

/// Whether rows are of this model. Those of before there were settings do not say them.
fn is(model: &ModelId, (name, sha256, settings): &(String, String, Option<String>)) -> bool {
    *name == model.name
        && *sha256 == model.sha256
        && settings.as_ref().is_none_or(|settings| *settings == model.settings)
}

fn short(sha256: &str) -> &str {
    sha256.get(..8).unwrap_or(sha256)
}

/// What to say of embeddings of another model: they have nothing to do with those of this one.
pub(super) fn other_embedder(data: &Dataset, row: &FeatureRow, embedder: &ModelId) -> Option<String> {
    let settings = row.settings.as_ref().is_none_or(|settings| *settings == embedder.settings);
    if row.model_sha256 == embedder.sha256 && settings {
        return None;
    }
    Some(format!(
        "{}: {} was embedded by {} (weights {}, settings {}), now by {} (weights {}, settings {}); distances between \
         models mean nothing: give the same one, or use another directory",
        data.root().display(),
        row.face,
        if row.model.is_empty() { "an unknown model" } else { &row.model },
        if row.model_sha256.is_empty() { "unknown" } else { short(&row.model_sha256) },
        row.settings.as_deref().unwrap_or("unknown"),
        embedder.name,
        short(&embedder.sha256),
        embedder.settings,
    ))
}

/// Folds all rows of a table; of one that another program wrote in no order, after it was put into order.
fn in_order<R: Row, S: Default>(data: &Dataset, add: impl Fn(&mut S, R)) -> Result<S> {
    let fold = || -> Result<S, StoreError> {
        let mut all = S::default();
        data.rows::<R>()?.try_for_each(|row| row.map(|row| add(&mut all, row)))?;
        Ok(all)
    };
    match fold() {
        Err(StoreError::Unordered { .. }) => {
            data.replace(data.read::<R>()?)?;
            Ok(fold()?)
        }
        done => Ok(done?),
    }
}
