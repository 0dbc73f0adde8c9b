//! A user's own weights as a model: a manifest from a template, tried on a picture before it is added.

use std::path::{Path, PathBuf};
use std::time::Instant;

use image::{Rgb, RgbImage};
use streamface_detect::{DetectSettings, crop};
use streamface_imgproc::{DecodeLimits, decode_image};
use streamface_model::{
    CacheState, DEFAULT_DETECTOR, Draft, Error as ModelError, Format, Kind, Layout, Manifest, Probe, like,
    probe,
};
use streamface_types::attributes::Value;
use streamface_types::{BoundingBox, Landmarks};

use crate::error::At as _;
use crate::event::Context;
use crate::{Error, Result};

/// Runs of the network that are timed; the median counts.
const TIMED_RUNS: usize = 5;
/// Longest picture that is read, in bytes.
const MAX_PICTURE: u64 = 64 << 20;

/// What [`add_model`] is to add.
#[derive(Debug, Clone, Default)]
pub struct AddedFiles {
    /// The files of weights, in the template's order.
    pub files: Vec<PathBuf>,
    /// The template, or the built-in model, that they are read like.
    pub like: String,
    /// What the model is called; the first file's name unless given.
    pub name: Option<String>,
    /// A photo to try it on; a made-up picture unless given.
    pub on: Option<PathBuf>,
}

/// A model that was added.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AddedModel {
    /// Its manifest.
    pub model: Manifest,
    /// What came out when it was tried.
    pub trial: Trial,
}

/// In lines for a person.
impl std::fmt::Display for AddedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { model, trial } = self;
        write!(f, "{} ({}) is added", model.name, model.kind)?;
        if let Some(path) = model.origin() {
            write!(f, ": {}", path.display())?;
        }
        for p in &trial.probes {
            let outputs: Vec<_> =
                p.outputs.iter().map(|(name, shape, _)| format!("{name} {shape:?}")).collect();
            write!(f, "\n{:<14} {:?} gives {}", p.weights, p.shape, outputs.join(", "))?;
        }
        write!(f, "\nTried on {}, {:.1} ms:", trial.picture, trial.milliseconds)?;
        trial.says.iter().try_for_each(|(name, value)| write!(f, "\n  {name}: {value}"))
    }
}

/// What came out when a model was tried.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Trial {
    /// What it was tried on, in words.
    pub picture: String,
    /// Its networks with their inputs and outputs.
    pub probes: Vec<Probe>,
    /// What it says, each a name and a value.
    pub says: Vec<(String, String)>,
    /// Median time of a run, milliseconds: of a face, or of the whole picture where it is a detector.
    pub milliseconds: f64,
}

/// Writes a manifest for a user's weights after a template, tries it, and adds both to the model cache, where the name
/// finds them. Nothing is added where the files do not fit.
///
/// # Errors
/// An unknown template or name; files that do not load; outputs that are not those of the template; a photo that cannot
/// be read or shows no face.
pub fn add_model(files: &AddedFiles, context: &Context<'_>) -> Result<AddedModel> {
    let mut draft = like(&files.like, files.name.as_deref(), &files.files)?;
    let staged = context.models.stage(&draft)?;
    let picture = Picture::new(files.on.as_deref(), context)?;
    let mut model = staged.manifest(&draft)?;
    let mut tried = try_model(&model, &picture, context);
    // Exports differ in the order of axes; what does not load in one may in the other.
    if tried.is_err() && draft.format == Format::Onnx {
        let other = if model.input.layout == Layout::Nchw { Layout::Nhwc } else { Layout::Nchw };
        let (first, was) = (tried, model.input.layout);
        draft.set_layout(other);
        model = staged.manifest(&draft)?;
        tried = try_model(&model, &picture, context);
        // What loads says more of what does not fit.
        if tried.as_ref().is_err_and(does_not_load) {
            draft.set_layout(was);
            tried = first;
        }
    }
    let trial = tried.at(|| format!("{} as {}", name_of(&draft), files.like))?;
    let own = "StreamFace itself, when the model was added";
    draft.set_checks(&trial.probes.iter().map(|p| p.to_check(own)).collect::<Vec<_>>());
    Ok(AddedModel { model: staged.commit(&draft)?, trial })
}

fn does_not_load(e: &Error) -> bool {
    matches!(e, Error::Model(ModelError::Network { .. }))
}

fn name_of(draft: &Draft) -> String {
    draft.files.first().map(|f| f.display().to_string()).unwrap_or_default()
}

/// A picture to try models on.
struct Picture {
    image: RgbImage,
    face: (BoundingBox, Landmarks),
    what: String,
}

impl Picture {
    fn new(photo: Option<&Path>, context: &Context<'_>) -> Result<Self> {
        let Some(path) = photo else { return Ok(Self::made_up()) };
        let length = std::fs::metadata(path).map_err(Error::io(path))?.len();
        if length > MAX_PICTURE {
            return Err(Error::Input(format!("{}: {length} bytes are too many for a photo", path.display())));
        }
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let image = decode_image(&bytes, &DecodeLimits::default()).at(|| path.display().to_string())?;
        let model = Manifest::builtin(DEFAULT_DETECTOR)?;
        let settings = DetectSettings::recommended(&model)?;
        let detector = streamface_detect::from_manifest(&model, &context.models, settings)?;
        let found = detector.detect(&image)?;
        let largest = found.iter().max_by(|a, b| a.bbox.area().total_cmp(&b.bbox.area()));
        let face = largest.ok_or_else(|| {
            Error::Input(format!("{}: no face is found in it; give another photo", path.display()))
        })?;
        let landmarks = detector.refine(&image, face)?;
        let what = format!("the largest of {} faces in {}", found.len(), path.display());
        Ok(Self { face: (face.bbox, landmarks), image, what })
    }

    /// An oval with eyes and a mouth.
    fn made_up() -> Self {
        let (bbox, points) = (
            BoundingBox::new(70.0, 40.0, 116.0, 160.0),
            [[104.0, 104.0], [152.0, 104.0], [128.0, 132.0], [108.0, 164.0], [148.0, 164.0]],
        );
        let image = RgbImage::from_fn(256, 256, |x, y| {
            let (x, y) = (x as f32, y as f32);
            let oval = ((x - 128.0) / 58.0).powi(2) + ((y - 120.0) / 80.0).powi(2) < 1.0;
            let eye = points[..2].iter().any(|&[ex, ey]| (x - ex).hypot(y - ey) < 8.0);
            let mouth = (y - 164.0).abs() < 5.0 && (x - 128.0).abs() < 22.0;
            let shade = (40.0 * (y / 256.0)) as u8;
            match (oval, eye || mouth) {
                (true, true) => Rgb([60, 30, 30]),
                (true, false) => Rgb([215 - shade, 170 - shade, 150 - shade]),
                _ => Rgb([70 + shade, 90 + shade, 120]),
            }
        });
        Self { image, face: (bbox, Landmarks(points)), what: "a drawn face".to_owned() }
    }
}

fn try_model(model: &Manifest, picture: &Picture, context: &Context<'_>) -> Result<Trial> {
    let weights = context.models.read(model)?;
    let probes = probe(model, &weights)?;
    let (says, milliseconds) = match model.kind {
        Kind::Detector => detector(model, picture, context)?,
        Kind::Embedder => embedder(model, picture, context)?,
        _ => face_model(model, picture, context)?,
    };
    Ok(Trial { picture: picture.what.clone(), probes, says, milliseconds })
}

type Says = Vec<(String, String)>;

fn detector(model: &Manifest, picture: &Picture, context: &Context<'_>) -> Result<(Says, f64)> {
    let settings = DetectSettings::recommended(model)?;
    let detector = streamface_detect::from_manifest(model, &context.models, settings)?;
    let (found, milliseconds) = timed(|| Ok(detector.detect(&picture.image)?))?;
    let mut says = vec![("faces".to_owned(), found.len().to_string())];
    says.extend(found.iter().take(10).map(|d| {
        let BoundingBox { x, y, w, h } = d.bbox;
        (format!("score {:.3}", d.score), format!("{w:.0} x {h:.0} at {x:.0}, {y:.0}"))
    }));
    Ok((says, milliseconds))
}

fn embedder(model: &Manifest, picture: &Picture, context: &Context<'_>) -> Result<(Says, f64)> {
    let embedder = streamface_embed::from_manifest(model, &context.models)?;
    let face = cut(model, picture)?;
    let (vectors, milliseconds) = timed(|| Ok(embedder.embed(&[(&face).into()])?))?;
    let mirrored = image::imageops::flip_horizontal(&face);
    let other = embedder.embed(&[(&mirrored).into()])?;
    let raw = &vectors[0].vector;
    let length = raw.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let distance = embedder.metric().distance(raw, &other[0].vector);
    let says = [
        ("numbers", raw.len().to_string()),
        ("length", format!("{length:.4}")),
        ("distance from its mirror image", format!("{distance:.4}")),
        ("threshold", format!("{}", model.embedder()?.threshold)),
    ];
    Ok((says.map(|(name, value)| (name.to_owned(), value)).to_vec(), milliseconds))
}

fn face_model(model: &Manifest, picture: &Picture, context: &Context<'_>) -> Result<(Says, f64)> {
    let face_model = streamface_embed::face_model_from_manifest(model, &context.models)?;
    let face = cut(model, picture)?;
    let (said, milliseconds) = timed(|| Ok(face_model.look(&[&face])?))?;
    let says = said[0].in_order().map(|(name, value)| (name.to_owned(), in_words(value))).collect();
    Ok((says, milliseconds))
}

/// The face as the model wants it.
fn cut(model: &Manifest, picture: &Picture) -> Result<RgbImage> {
    let (bbox, landmarks) = &picture.face;
    let face = crop(&picture.image, bbox, landmarks, &model.crop()?);
    face.ok_or_else(|| Error::Input("the face of the picture cannot be cut out; give another photo".into()))
}

/// The likeliest three labels, or the numbers.
fn in_words(value: &Value) -> String {
    let list = |all: Vec<String>| all.join(", ");
    match value {
        Value::Categories(of) => {
            let mut all: Vec<_> = of.iter().collect();
            all.sort_by(|a, b| b.1.total_cmp(a.1));
            list(all.iter().take(3).map(|(label, p)| format!("{label} {p:.3}")).collect())
        }
        Value::Numbers(of) => list(of.iter().map(|(name, v)| format!("{name} {v:.1}")).collect()),
        Value::Probability(p) => format!("{p:.3}"),
        Value::Number(v) => format!("{v:.2}"),
        other => format!("{other:?}"),
    }
}

/// The result of the first run, and the median time of the later ones.
fn timed<T>(mut run: impl FnMut() -> Result<T>) -> Result<(T, f64)> {
    let first = run()?;
    let mut times = Vec::new();
    for _ in 0..TIMED_RUNS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok((first, times[TIMED_RUNS / 2]))
}

/// A model's weights, and whether its networks give what their manifest says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckedModel {
    /// The model and its weights.
    pub found: super::ModelState,
    /// What is wrong with a file or different, or why the model cannot be run; empty where all is right or not there.
    pub wrong: Vec<String>,
    /// How many numbers were compared; none where a file or the manifest has none.
    pub compared: Option<usize>,
}

/// All models: whether their weights are there and right, and whether their networks give for made-up input what the
/// runtime that the manifest names gave.
///
/// # Errors
/// A file that cannot be read.
pub fn check_models(context: &Context<'_>) -> Result<Vec<CheckedModel>> {
    let one = |found: super::ModelState| {
        let not_run = match &found.state {
            CacheState::Good => None,
            CacheState::Missing(_) => Some(Vec::new()),
            CacheState::Wrong { found, expected, .. } => {
                Some(vec![format!("its SHA-256 is {found}, expected {expected}")])
            }
        };
        if let Some(wrong) = not_run {
            return Ok(CheckedModel { found, wrong, compared: None });
        }
        let weights = context.models.read(&found.model)?;
        let compared: usize =
            found.model.checks().iter().flat_map(|c| c.outputs.values()).map(Vec::len).sum();
        let wrong = match streamface_model::differences(&found.model, &weights) {
            Ok(all) => all.iter().map(ToString::to_string).collect(),
            Err(e @ ModelError::Network { .. }) => vec![e.to_string()],
            Err(e) => return Err(e.into()),
        };
        Ok(CheckedModel { found, wrong, compared: Some(compared).filter(|n| *n > 0) })
    };
    super::list_models(context)?.into_iter().map(one).collect()
}
