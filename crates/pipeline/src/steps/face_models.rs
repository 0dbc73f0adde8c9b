//! The face models of a step: which give the attributes that are wanted, and what they say of a face. Each is loaded once,
//! and all threads share it.

use std::collections::BTreeSet;
use std::path::Path;

use image::RgbImage;
use streamface_embed::{Crop, Error as EmbedError, FaceModel, ModelId};
use streamface_model::{DEFAULT_FACE_MODELS, Kind, Manifest};
use streamface_store::{AttributeRow, Dataset, MadeBy};
use streamface_types::{Attributes, FaceId};

use super::models::{attributes_of, keep_manifest, named_engine};
use crate::error::At as _;
use crate::event::Context;
use crate::settings::Wanted;
use crate::settings::record::Record;
use crate::{Error, Result};

/// Attributes of a step, a bit each.
pub(super) type Bits = u64;

/// A model that is to give attributes.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// How it was named: a built-in name, or the path of a manifest.
    by: String,
    pub(super) manifest: Manifest,
    /// Those of its attributes that are wanted.
    attributes: Vec<String>,
}

/// The models that give what is wanted, each once, in an order that depends on the settings and on `own` alone: attributes
/// that a directory has from models of its own stay with these, unless a model is named.
///
/// # Errors
/// [`Error::Setting`] for a name that is none, or an attribute that two of the named models give.
pub(super) fn choose(wanted: &Wanted, own: &[(String, String)]) -> Result<Vec<Chosen>> {
    let mut chosen = Choice { own: own.to_vec(), ..Choice::default() };
    match wanted {
        Wanted::Nothing => {}
        Wanted::All => {
            for (attribute, name) in own.iter().filter(|(_, name)| !DEFAULT_FACE_MODELS.contains(&&**name)) {
                chosen.add_attribute(name, Manifest::find(name)?, attribute)?;
            }
            for name in DEFAULT_FACE_MODELS {
                chosen.add_model(name, &Manifest::builtin(name)?, false)?;
            }
        }
        Wanted::These(names) => names.iter().try_for_each(|name| chosen.add(name))?,
    }
    Ok(chosen.models)
}

#[derive(Default)]
struct Choice {
    models: Vec<Chosen>,
    taken: BTreeSet<String>,
    /// Attributes with the models that a directory has them from.
    own: Vec<(String, String)>,
}

impl Choice {
    /// What a name of a list means.
    fn add(&mut self, name: &str) -> Result<()> {
        let own = self.own.iter().find(|(attribute, _)| attribute == name).map(|(_, model)| model.clone());
        if let Some(model) = own {
            return self.add_attribute(&model, Manifest::find(&model)?, name);
        }
        let builtin = || -> Result<Vec<Manifest>> {
            let all = Manifest::all_builtin()?.into_iter();
            Ok(all.filter(|model| model.kind == Kind::Face).collect())
        };
        let is_path = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        if !is_path && let Some((by, manifest)) = giving(name, &builtin()?)? {
            return self.add_attribute(&by, manifest, name);
        }
        match Manifest::find(name) {
            Ok(manifest) => {
                let manifest = manifest.of_kind(Kind::Face).at(|| "attributes".to_owned())?;
                return self.add_model(name, &manifest, true);
            }
            Err(e) if is_path => return Err(e).at(|| "attributes".to_owned()),
            Err(_) => {}
        }
        let models = builtin()?;
        let mut known: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        let attributes: BTreeSet<String> = models.iter().flat_map(given_by).collect();
        known.extend(attributes.iter().map(String::as_str).filter(|a| models.iter().all(|m| m.name != *a)));
        Err(Error::Setting(format!(
            "attributes: '{name}' is neither an attribute nor a face model; there are all, none, {}, and manifests of \
             your own by their path (.toml)",
            known.join(", ")
        )))
    }

    /// All attributes of a model; those that another model gives already are an error where the model was `named`.
    fn add_model(&mut self, by: &str, manifest: &Manifest, named: bool) -> Result<()> {
        for attribute in given_by(manifest) {
            if named || !self.taken.contains(&attribute) {
                self.add_attribute(by, manifest.clone(), &attribute)?;
            }
        }
        Ok(())
    }

    fn add_attribute(&mut self, by: &str, manifest: Manifest, attribute: &str) -> Result<()> {
        if let Some(model) = self.models.iter().find(|m| m.attributes.iter().any(|a| a == attribute)) {
            if model.manifest.id() == manifest.id() {
                return Ok(());
            }
            return Err(Error::Setting(format!(
                "attributes: '{attribute}' is given by {} and by {by}; name one of them",
                model.by
            )));
        }
        self.taken.insert(attribute.to_owned());
        let id = manifest.id();
        match self.models.iter_mut().find(|model| model.manifest.id() == id) {
            Some(model) => model.attributes.push(attribute.to_owned()),
            None => self.models.push(Chosen {
                by: by.to_owned(),
                manifest,
                attributes: vec![attribute.to_owned()],
            }),
        }
        Ok(())
    }
}

/// The built-in model that gives an attribute: the default one, else the only one.
fn giving(attribute: &str, builtin: &[Manifest]) -> Result<Option<(String, Manifest)>> {
    let gives = |model: &&Manifest| given_by(model).iter().any(|a| a == attribute);
    let default = DEFAULT_FACE_MODELS.iter().filter_map(|name| builtin.iter().find(|m| m.name == *name));
    if let Some(model) = default.clone().find(gives) {
        return Ok(Some((model.name.clone(), model.clone())));
    }
    match &builtin.iter().filter(gives).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [one] => Ok(Some((one.name.clone(), (*one).clone()))),
        several => {
            let names: Vec<&str> = several.iter().map(|model| model.name.as_str()).collect();
            Err(Error::Setting(format!(
                "attributes: '{attribute}' is given by {}; name one of them",
                names.join(", ")
            )))
        }
    }
}

/// Names of the attributes that a model's manifest promises.
fn given_by(model: &Manifest) -> Vec<String> {
    model.face().map_or_else(|_| Vec::new(), |face| face.attributes.iter().map(|a| a.name.clone()).collect())
}

/// The face models of a step, loaded.
#[derive(Debug, Default)]
pub(super) struct FaceModels {
    models: Vec<Loaded>,
    attributes: Vec<Given>,
}

/// An attribute that a model gives.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) name: String,
    model: usize,
}

#[derive(Debug)]
struct Loaded {
    by: String,
    model: Box<dyn FaceModel>,
    /// What runs it, for the record.
    engine: Option<String>,
    /// Its attributes that are wanted.
    bits: Bits,
}

impl FaceModels {
    /// Loads what gives the wanted attributes of the faces of the directory of this record.
    ///
    /// # Errors
    /// Those of [`choose`]; a model whose weights are missing: the message says how they are got, and how to do without.
    pub(super) fn load(wanted: &Wanted, record: &Record, context: &Context<'_>) -> Result<Self> {
        let mut all = Self::default();
        for Chosen { by, manifest, attributes } in choose(wanted, &attributes_of(record))? {
            let manifest = manifest.run_by(context.engine);
            let engine = named_engine(&manifest);
            let model = streamface_embed::face_model_from_manifest(&manifest, &context.models).at(|| {
                let names = attributes.join(", ");
                format!("attributes ({names}, by {by}; --attributes none does without)")
            })?;
            let first = all.attributes.len();
            let number = all.models.len();
            all.attributes.extend(attributes.into_iter().map(|name| Given { name, model: number }));
            if all.attributes.len() > Bits::BITS as usize {
                return Err(Error::Setting(format!("attributes: more than {} at once", Bits::BITS)));
            }
            let bits = (first..all.attributes.len()).map(|at| 1 << at).sum();
            all.models.push(Loaded { by, model, engine, bits });
        }
        Ok(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// The attributes, in the order of their bits.
    pub(super) fn attributes(&self) -> &[Given] {
        &self.attributes
    }

    /// All attributes.
    pub(super) fn all(&self) -> Bits {
        self.models.iter().map(|model| model.bits).sum()
    }

    /// The model that gives an attribute.
    pub(super) fn made_by(&self, attribute: &Given) -> &ModelId {
        self.models[attribute.model].model.id()
    }

    /// What runs the model that gives an attribute, for the record.
    pub(super) fn engine(&self, attribute: &Given) -> Option<&str> {
        self.models[attribute.model].engine.as_deref()
    }

    /// How the model that gives an attribute was named.
    pub(super) fn named(&self, attribute: &Given) -> &str {
        &self.models[attribute.model].by
    }

    /// The crops that give these attributes, one for each model.
    pub(super) fn crops(&self, bits: Bits) -> impl Iterator<Item = Crop> {
        self.models.iter().filter(move |model| model.bits & bits != 0).map(|model| model.model.crop())
    }

    /// Keeps copies of manifests that are not built in.
    pub(super) fn keep_manifests(&self, data: &Dataset) -> Result<()> {
        self.models.iter().try_for_each(|model| keep_manifest(data, &model.by))
    }

    /// What the models say of faces: rows of the attributes that each face wants, in the order of the faces, and why there
    /// are none. `crop` gives the crop of a face, by its place in `faces`.
    ///
    /// # Errors
    /// A network cannot be run or gives what its manifest does not promise. Outputs that are not finite are no such error:
    /// the face goes without.
    pub(super) fn look<'i>(
        &self,
        faces: &[(&FaceId, Bits)],
        crop: impl Fn(usize, &Crop) -> Option<&'i RgbImage>,
    ) -> Result<Said> {
        let mut said = Said { rows: Vec::new(), failures: Vec::new(), faces: 0 };
        let mut rows: Vec<Vec<AttributeRow>> = vec![Vec::new(); faces.len()];
        for Loaded { model, bits, .. } in &self.models {
            let shape = model.crop();
            let (mut places, mut images) = (Vec::new(), Vec::new());
            for (at, (face, wanted)) in faces.iter().enumerate() {
                if bits & wanted == 0 {
                    continue;
                }
                match crop(at, &shape) {
                    Some(image) => {
                        places.push(at);
                        images.push(image);
                    }
                    None => said.failures.push(no_crop(face, model.id())),
                }
            }
            for (at, of_face) in places.into_iter().zip(look_at(&**model, &images)?) {
                let (face, wanted) = faces[at];
                match of_face {
                    Ok(of_face) => rows[at].extend(self.rows(face, of_face, bits & wanted, model.id())),
                    Err(e) => said.failures.push(format!("{face}: {e}")),
                }
            }
        }
        said.faces = rows.iter().filter(|rows| !rows.is_empty()).count() as u64;
        said.rows = rows.into_iter().flatten().collect();
        Ok(said)
    }

    fn rows(&self, face: &FaceId, mut said: Attributes, bits: Bits, by: &ModelId) -> Vec<AttributeRow> {
        let wanted = self.attributes.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        let wanted: Attributes =
            wanted.filter_map(|(_, a)| Some((a.name.clone(), said.remove(&a.name)?))).collect();
        let made_by = MadeBy { model: &by.name, sha256: &by.sha256, settings: &by.settings };
        AttributeRow::of(face, &wanted, Some(made_by))
    }
}

/// What face models say of faces.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) rows: Vec<AttributeRow>,
    pub(super) failures: Vec<String>,
    /// Faces of which something is said.
    pub(super) faces: u64,
}

/// Why a face has no crop for a model.
pub(super) fn no_crop(face: &FaceId, model: &ModelId) -> String {
    format!("{face}: cannot be cut for {}: its box is empty, or it has no landmarks", model.name)
}

/// What a model says of each face, or why nothing: a face whose outputs are not finite does not take the others along.
fn look_at(model: &dyn FaceModel, faces: &[&RgbImage]) -> Result<Vec<Result<Attributes, EmbedError>>> {
    each_or_alone(faces, |faces| model.look(faces))
}

/// The results of a network for faces together; where one of them has outputs that are not finite, for each alone.
///
/// # Errors
/// Any other error of the network.
pub(super) fn each_or_alone<F, T>(
    faces: &[F],
    run: impl Fn(&[F]) -> Result<Vec<T>, EmbedError>,
) -> Result<Vec<Result<T, EmbedError>>> {
    if faces.is_empty() {
        return Ok(Vec::new());
    }
    match run(faces) {
        Ok(all) => return Ok(all.into_iter().map(Ok).collect()),
        Err(e) if !e.is_of_faces() => return Err(e.into()),
        Err(e) if faces.len() == 1 => return Ok(vec![Err(e)]),
        Err(_) => {}
    }
    let alone = |face: &F| match run(std::slice::from_ref(face)) {
        Ok(mut one) if one.len() == 1 => Ok(Ok(one.remove(0))),
        Ok(_) => Err(Error::Input("a network gave another number of results than faces".to_owned())),
        Err(e) if e.is_of_faces() => Ok(Err(e)),
        Err(e) => Err(e.into()),
    };
    faces.iter().map(alone).collect()
}
