//! From TOML to a [`Manifest`].

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use streamface_exec::Precision;

use super::quality::QualitySection;
use super::sections::{
    Alignment, AttributeOutput, Check, Crop, DetectorSection, EmbedderSection, FaceSection, Format, Input,
    Kind, Package, Reading,
};
use super::{Manifest, Weights};
use crate::digest::sha256_hex;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// A manifest as it is written: one weight file at the top, or several under `[[weights]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(alias = "role")]
    kind: Kind,
    format: Option<Format>,
    file: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    package: Option<Package>,
    #[serde(default)]
    weights: Vec<WrittenWeights>,
    source: String,
    licence: String,
    licence_note: String,
    input: Option<Input>,
    #[serde(default, deserialize_with = "precision")]
    precision: Precision,
    crop: Option<Crop>,
    detector: Option<DetectorSection>,
    embedder: Option<EmbedderSection>,
    face: Option<FaceSection>,
    #[serde(default)]
    check: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWeights {
    name: String,
    format: Format,
    file: String,
    bytes: u64,
    sha256: String,
    package: Option<Package>,
}

/// `f32` or `int8`.
fn precision<'de, D: Deserializer<'de>>(from: D) -> Result<Precision, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// Where the members of an ensemble are looked for that are files.
#[derive(Debug, Clone, Copy)]
pub(super) enum Members<'p> {
    /// There must be none.
    None,
    /// By their paths from the manifest's folder.
    Folder,
    /// In this folder of copies, each by its number, whatever path the manifest gives.
    Copies(&'p Path),
}

/// The file of the copy of member `at` of an ensemble.
pub(super) fn member_file(at: usize) -> String {
    format!("{at}.toml")
}

impl Manifest {
    /// Parses and checks a manifest. `named` is what errors call it; `folder` is where its own files lie.
    pub(super) fn parse(text: &str, named: &str, folder: Option<&Path>) -> Result<Self> {
        Self::parse_one(text, named, folder, Members::Folder)
    }

    pub(super) fn parse_one(
        text: &str,
        named: &str,
        folder: Option<&Path>,
        members: Members<'_>,
    ) -> Result<Self> {
        let wrong = |why: String| Error::Manifest { name: named.to_owned(), why };
        let whole = whole_text(text).map_err(wrong)?;
        let text = whole.as_deref().unwrap_or(text);
        let mut w: Written = toml::from_str(text).map_err(|e| wrong(explain(&e)))?;
        let mut settings = settings_of(text).map_err(|e| wrong(explain(&e)))?;
        let ensemble = w.embedder.as_ref().and_then(|e| e.ensemble.as_ref());
        if let Some(ensemble) = ensemble {
            if matches!(members, Members::None) {
                return Err(wrong("an ensemble cannot be a member of another".into()));
            }
            let named = ensemble.members.iter().enumerate();
            let members = named.map(|(at, name)| Self::member(at, name, folder, members));
            let members = members.collect::<Result<Vec<_>>>()?;
            let lines = members.iter().map(|m| format!("{}\n", m.settings));
            settings = short_digest(lines.fold(format!("{settings}\n"), |all, line| all + &line));
            return w.ensemble_of(members, settings).map_err(wrong);
        }
        let single = (w.format.take(), w.file.take(), w.bytes.take(), w.sha256.take(), w.package.take());
        let weights = match single {
            (Some(format), Some(file), Some(bytes), Some(sha256), package) if w.weights.is_empty() => {
                vec![WrittenWeights { name: String::new(), format, file, bytes, sha256, package }]
            }
            (None, None, None, None, None) if !w.weights.is_empty() => w.weights,
            _ => {
                let why = "needs either format, file, bytes and sha256, or one [[weights]] for each file";
                return Err(wrong(why.into()));
            }
        };
        let weights = weights.into_iter().map(|w| w.check(folder)).collect::<Result<Vec<_>, _>>();
        let manifest = Self {
            name: w.name,
            kind: w.kind,
            weights: weights.map_err(wrong)?,
            source: w.source,
            licence: w.licence,
            licence_note: w.licence_note,
            input: w.input.ok_or_else(|| wrong("missing section [input]".into()))?,
            precision: w.precision,
            crop: w.crop,
            detector: w.detector,
            embedder: w.embedder,
            face: w.face,
            members: Vec::new(),
            checks: w.check,
            settings,
            origin: None,
            engine: Engine::default(),
        };
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    /// The manifest of member `at` of an ensemble whose manifest lies in `folder`.
    fn member(at: usize, name: &str, folder: Option<&Path>, members: Members<'_>) -> Result<Self> {
        let is_file = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        let path = match (folder, members) {
            (Some(folder), Members::Folder) if is_file => folder.join(name),
            (Some(_), Members::Copies(folder)) if is_file => folder.join(member_file(at)),
            _ => return Self::parse_one(Self::builtin_text(name)?, name, None, Members::None),
        };
        let (text, folder) = (Self::text_of(&path)?, path.parent());
        let read = Self::parse_one(&text, &path.display().to_string(), folder, Members::None)?;
        Ok(Self { origin: Some(path), ..read })
    }

    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err("name must be letters, digits, '-', '_' and '.'".into());
        }
        for (i, w) in self.weights.iter().enumerate() {
            if self.weights[..i].iter().any(|v| v.name == w.name || v.file == w.file) {
                return Err(format!("two weight files share the name '{}' or the file {}", w.name, w.file));
            }
        }
        let Input { mean, scale, .. } = self.input;
        if !mean.iter().all(|m| m.is_finite()) || !scale.iter().all(|s| s.is_normal()) {
            return Err("input: mean must be a number, and scale one other than 0".into());
        }
        let whole_frames = self.kind == Kind::Detector && self.input.standardise;
        in_range("input.standardise", "left out of a detector's manifest", !whole_frames)?;
        let sections = [
            (Kind::Detector, self.detector.is_some()),
            (Kind::Embedder, self.embedder.is_some()),
            (Kind::Face, self.face.is_some()),
        ];
        for (kind, there) in sections {
            if there != (kind == self.kind) {
                let what = if there { "a section too many" } else { "no section" };
                return Err(format!("kind is {}, and there is {what} [{kind}]", self.kind));
            }
        }
        match (self.kind, self.crop) {
            (Kind::Detector, None) => {}
            (Kind::Detector, Some(_)) => return Err("a detector sees whole frames: no [crop]".into()),
            (_, None) => return Err(format!("a model of kind {} needs a section [crop]", self.kind)),
            (_, Some(crop)) => crop.check()?,
        }
        if let Some(e) = &self.embedder {
            in_range("embedder.dim", "1 to 65536", (1..=65_536).contains(&e.dim))?;
            in_range("embedder.batch", "1 to 1024", (1..=1024).contains(&e.batch))?;
            if let Some(c) = &e.clusters {
                let above_0 = |x: f64| x > 0.0 && x.is_finite();
                let spreads = [c.one_person, c.two_people];
                let fine = spreads.iter().all(|s| above_0(s.mean) && above_0(s.deviation));
                in_range("embedder.clusters", "means and deviations above 0", fine)?;
                in_range("embedder.clusters.people", "2 or more", c.people >= 2)?;
            }
            let centre =
                e.centre.as_ref().is_none_or(|c| c.len() == e.dim && c.iter().all(|v| v.is_finite()));
            in_range("embedder.centre", "a finite number for each of dim", centre)?;
            e.quality.as_ref().map_or(Ok(()), QualitySection::check)?;
            e.ensemble.as_ref().map_or(Ok(()), |ensemble| ensemble.check(e, &self.members))?;
        }
        self.checks.iter().try_for_each(|c| self.check_check(c))?;
        self.face.as_ref().map_or(Ok(()), FaceSection::check)
    }

    fn check_check(&self, check: &Check) -> Result<(), String> {
        let there = self.weights.iter().any(|w| w.name == check.weights);
        let one = check.weights.is_empty();
        in_range("check.weights", "the name of a weight file of several, else left out", there || one)?;
        let numbers = check.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        let fits = numbers.is_some_and(|n| (1..=1 << 24).contains(&n));
        in_range("check.shape", "that of an input, of 16,777,216 numbers at most", fits)?;
        in_range("check.outputs", "one or more", !check.outputs.is_empty())?;
        in_range("check.tolerance", "0 or more", check.tolerance >= 0.0)
    }
}

impl Written {
    /// The manifest of an ensemble: its weight files are those of its members, named MEMBER or MEMBER/FILE.
    fn ensemble_of(self, members: Vec<Manifest>, settings: String) -> Result<Manifest, String> {
        let own =
            self.format.is_some() || self.file.is_some() || self.bytes.is_some() || self.sha256.is_some();
        if own
            || self.package.is_some()
            || !self.weights.is_empty()
            || self.input.is_some()
            || self.crop.is_some()
            || self.precision != Precision::F32
        {
            return Err(
                "an ensemble has no weights, precision, [input] or [crop] of its own: its members have"
                    .into(),
            );
        }
        let mut weights = Vec::new();
        for member in &members {
            for mut file in member.weights.iter().cloned() {
                let within = if file.name.is_empty() { String::new() } else { format!("/{}", file.name) };
                file.name = format!("{}{within}", member.name);
                weights.push(file);
            }
        }
        let first = members.first().ok_or("embedder.ensemble: members must be 1 or more embedders")?;
        let (input, crop) = (first.input, first.crop);
        let manifest = Manifest {
            name: self.name,
            kind: self.kind,
            weights,
            source: self.source,
            licence: self.licence,
            licence_note: self.licence_note,
            input,
            precision: Precision::F32,
            crop,
            detector: self.detector,
            embedder: self.embedder,
            face: self.face,
            members,
            checks: self.check,
            settings,
            origin: None,
            engine: Engine::default(),
        };
        manifest.check()?;
        Ok(manifest)
    }
}

impl WrittenWeights {
    fn check(self, folder: Option<&Path>) -> Result<Weights, String> {
        let Self { name, format, file, bytes, sha256, package } = self;
        if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("{file}: sha256 must be 64 hexadecimal digits"));
        }
        if file.contains(['/', '\\']) || file.is_empty() {
            return Err(format!("file must be a plain file name, not '{file}'"));
        }
        let folder = folder.filter(|_| package.is_none()).map(Path::to_owned);
        Ok(Weights { name, format, file, bytes, sha256: sha256.to_lowercase(), package, folder })
    }
}

impl Crop {
    fn check(self) -> Result<(), String> {
        in_range("crop.size", "16 to 1024", (16..=1024).contains(&self.size))?;
        in_range("crop.margin", "-0.5 to 4", (-0.5..=4.0).contains(&self.margin))?;
        let template =
            matches!(self.alignment, Alignment::Arcface112 | Alignment::DlibChip | Alignment::Upright);
        in_range("crop.margin", "left out with an alignment by landmarks", !template || self.margin == 0.0)
    }
}

impl FaceSection {
    fn check(&self) -> Result<(), String> {
        in_range("face.batch", "1 to 1024", (1..=1024).contains(&self.batch))?;
        in_range("face.attributes", "one or more", !self.attributes.is_empty())?;
        self.attributes.iter().try_for_each(AttributeOutput::check)
    }
}

impl AttributeOutput {
    fn check(&self) -> Result<(), String> {
        let named = |key: &str| format!("face.attributes ({}): {key}", self.name);
        let plain = |c: char| c.is_alphanumeric() || " -_".contains(c);
        let name = !self.name.is_empty() && self.name.chars().all(plain);
        in_range("face.attributes.name", "letters, digits, spaces, '-' and '_'", name)?;
        let unknown = self.values.iter().any(|v| v == "unknown");
        in_range(
            &named("values"),
            "other words than 'unknown', which says that a model is not sure",
            !unknown,
        )?;
        let count = self.values.len();
        let enough = match self.reading {
            Reading::Probability | Reading::Sigmoid => count == 2,
            Reading::Rotation6d => self.values == ["yaw", "pitch", "roll"],
            Reading::Angles => count >= 1,
            Reading::Mesh => self.values == ["yaw", "pitch", "roll"],
            _ => count >= 2,
        };
        in_range(&named("values"), "one for each number of the output", enough)?;
        let numbers = self.values.iter().all(|v| v.parse::<f64>().is_ok_and(f64::is_finite));
        in_range(&named("values"), "numbers with reading mean", numbers || self.reading != Reading::Mean)?;
        let angles = self.reading == Reading::Angles;
        let outputs = if angles { count } else { 1 };
        in_range(&named("output"), "one, or one for each angle", self.output.len() == outputs)?;
        let above_0 = |x: f64| x > 0.0 && x.is_finite();
        in_range(&named("temperature"), "above 0", above_0(self.temperature))?;
        in_range(&named("unknown_below"), "0 to 1", (0.0..=1.0).contains(&self.unknown_below))?;
        let Some(bins) = &self.bins else {
            return in_range(&named("bins"), "given with reading angles", !angles);
        };
        let fit = bins.first.len() == count && bins.count.len() == count && bins.step.is_normal();
        let sane =
            bins.first.iter().all(|f| f.is_finite()) && bins.count.iter().all(|c| (1..=4096).contains(c));
        in_range(&named("bins"), "a step, and first and count for each angle", angles && fit && sane)
    }
}

/// The whole manifest where `text` is a variant of a built-in one: `variant_of` and the keys that are other than there. A
/// section stands for the whole section.
fn whole_text(text: &str) -> Result<Option<String>, String> {
    let mut own: toml::Table = toml::from_str(text).map_err(|e| explain(&e))?;
    let Some(base) = own.remove("variant_of") else { return Ok(None) };
    let base = base.as_str().ok_or("variant_of must be the name of a built-in model")?.to_owned();
    if own.get("name").and_then(toml::Value::as_str).is_none_or(|name| name == base) {
        return Err(format!("a variant of {base} needs a name of its own"));
    }
    let text = Manifest::builtin_text(&base)
        .map_err(|_| format!("variant_of must be the name of a built-in model, and '{base}' is none"))?;
    let mut whole: toml::Table = text.parse().map_err(|e| explain(&e))?;
    if whole.contains_key("variant_of") {
        return Err(format!("variant_of must be a model that is no variant itself, not '{base}'"));
    }
    // What another runtime gave is of the model as it was.
    whole.remove("check");
    whole.extend(own);
    Ok(Some(whole.to_string()))
}

/// What tells two uses of the same weights apart: the first 16 hexadecimal digits of a SHA-256 of all that decides a
/// result, with its keys in order; thresholds and remarks do not.
fn settings_of(text: &str) -> Result<String, toml::de::Error> {
    let all: toml::Table = toml::from_str(text)?;
    let sections = ["precision", "input", "crop", "detector", "embedder", "face"];
    let mut decide: toml::Table =
        all.into_iter().filter(|(key, _)| sections.contains(&key.as_str())).collect();
    decide.iter_mut().for_each(|(_, section)| forget_remarks(section));
    Ok(short_digest(decide.to_string()))
}

fn short_digest(text: String) -> String {
    let mut digest = sha256_hex(text);
    digest.truncate(16);
    digest
}

fn forget_remarks(section: &mut toml::Value) {
    const REMARKS: [&str; 9] = [
        "how",
        "calibration",
        "unknown_below",
        "batch",
        "metric",
        "threshold",
        "merging_threshold",
        "match_threshold",
        "clusters",
    ];
    match section {
        toml::Value::Table(table) => {
            REMARKS.iter().for_each(|key| drop(table.remove(*key)));
            table.iter_mut().for_each(|(_, value)| forget_remarks(value));
        }
        toml::Value::Array(all) => all.iter_mut().for_each(forget_remarks),
        _ => {}
    }
}

fn in_range(name: &str, range: &str, good: bool) -> Result<(), String> {
    good.then_some(()).ok_or_else(|| format!("{name} must be {range}"))
}

/// What the TOML reader says, and which key was most likely meant where one is unknown: serde names the unknown
/// key first and then those it expects, each between backticks.
fn explain(e: &toml::de::Error) -> String {
    let said = e.message();
    let mut quoted = said.split('`').skip(1).step_by(2);
    let nearest = quoted.next().filter(|_| said.starts_with("unknown")).and_then(|unknown| {
        quoted.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
    });
    match nearest {
        Some(nearest) => format!("{e}did you mean '{nearest}'?"),
        None => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::builtin::ALL;
    use super::*;

    /// The text of a built-in manifest.
    fn text(name: &str) -> &'static str {
        ALL.iter().find(|(n, _)| *n == name).unwrap().1
    }

    fn why(text: &str) -> String {
        Manifest::parse(text, "x", None).unwrap_err().to_string()
    }

    #[test]
    fn every_builtin_manifest_reads() {
        let all = Manifest::all_builtin().unwrap();
        assert_eq!(all.len(), ALL.len());
        for (m, (name, _)) in all.iter().zip(ALL) {
            assert_eq!(m.name, name);
            assert!(m.weights.iter().all(|w| w.bytes > 0 && w.package.is_some()));
        }
        let unknown = Manifest::builtin("arcface").unwrap_err().to_string();
        assert!(unknown.contains("centerface, "), "{unknown}");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest() {
        let said = why(&text("centerface").replace("nms_iou", "nms_iuo"));
        assert!(said.contains("nms_iuo") && said.contains("did you mean 'nms_iou'?"), "{said}");
        let said = why(&text("mobilefacenet").replace("kind = \"embedder\"", "kind = \"embeder\""));
        assert!(said.contains("did you mean 'embedder'?"), "{said}");
        // An error of another kind suggests nothing.
        assert!(!why("name = 3").contains("did you mean"));
    }

    #[test]
    fn a_model_of_several_files_has_one_identity() {
        let one = text("centerface");
        let (top, rest) = one.split_once("\n[package]").unwrap();
        let (package, rest) = rest.split_once("\n[input]").unwrap();
        let part = |name: &str, sha: char| {
            let sha = sha.to_string().repeat(64);
            let file = format!("{name}.onnx");
            format!(
                "[[weights]]\nname = \"{name}\"\nformat = \"onnx\"\nfile = \"{file}\"\nbytes = 7\nsha256 = \"{sha}\"\n\
                 [weights.package]{package}"
            )
        };
        let top: String = top
            .lines()
            .filter(|l| !["format", "file", "bytes", "sha256"].iter().any(|k| l.starts_with(k)))
            .map(|l| format!("{l}\n"))
            .collect();
        let text = format!("{top}{}{}[input]{rest}", part("pnet", 'a'), part("rnet", 'b'));
        let m = Manifest::parse(&text, "x", None).unwrap();
        assert_eq!(m.weights.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["pnet", "rnet"]);
        // What sha256sum says of the two lines.
        assert_eq!(m.sha256(), "913f9338fb6c17253f3a14816fc08d52522454bfc19a8c99538a197cfb23fb41");
        // One file keeps its own digest.
        let single = Manifest::builtin("centerface").unwrap();
        assert_eq!(single.sha256(), single.weights[0].sha256);

        assert!(why(&text.replace("rnet", "pnet")).contains("share the name"));
        assert!(why(&format!("format = \"onnx\"\n{text}")).contains("[[weights]]"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let embedder = text("mobilefacenet");
        assert!(why(&embedder.replace("size = 112", "size = 8")).contains("16 to 1024"));
        assert!(why(&embedder.replace("size = 112", "size = 112\nmargin = 0.3")).contains("margin"));
        assert!(why(&embedder.replace("kind = \"embedder\"", "kind = \"face\"")).contains("[embedder]"));
        assert!(why(&embedder.replace("MobileFaceNet.tflite", "../x.tflite")).contains("plain file name"));
        assert!(why(&embedder.replace("scale = 128.0", "scale = 0.0")).contains("scale"));
        let mesh = text("facemesh");
        assert!(why(&mesh.replace("[\"yaw\", ", "[")).contains("pose"));
        let (before, after) = embedder.split_once("[crop]").unwrap();
        let (_, after) = after.split_once("[embedder]").unwrap();
        assert!(why(&format!("{before}[embedder]{after}")).contains("[crop]"));
    }
}

#[cfg(test)]
mod variants {
    use super::*;

    #[test]
    fn a_variant_is_another_model_with_its_own_keys() {
        let base = Manifest::builtin("mobilefacenet").unwrap();
        let own = Manifest::builtin("mobilefacenet-int8").unwrap();
        assert_eq!((own.precision, base.precision), (Precision::Int8, Precision::F32));
        assert_eq!((own.sha256(), own.crop().unwrap()), (base.sha256(), base.crop().unwrap()));
        assert_ne!(own.id(), base.id());
        assert!(own.checks().is_empty() && !base.checks().is_empty());
        let read = |text: &str| Manifest::parse(text, "x", None).map_err(|e| e.to_string());
        let variant = |more: &str| read(&format!("name = \"x\"\n{more}"));
        assert!(variant("variant_of = \"nothing\"").unwrap_err().contains("nothing"));
        assert!(read("variant_of = \"centerface\"").unwrap_err().contains("a name of its own"));
        assert!(variant("variant_of = 3").unwrap_err().contains("variant_of"));
        assert!(variant("variant_of = \"centerface-int8\"").unwrap_err().contains("no variant itself"));
        let said = variant("variant_of = \"centerface\"\nprecision = \"int4\"").unwrap_err();
        assert!(said.contains("precision must be f32 or int8, not 'int4'"), "{said}");
        let mut text =
            "variant_of = \"centerface\"\n[input]\nlayout = \"nchw\"\nchannels = \"bgr\"\n".to_owned();
        text.push_str("mean = 0.0\nscale = 1.0\n");
        let other = variant(&text).unwrap();
        let base = Manifest::builtin("centerface").unwrap();
        assert_ne!(other.id(), base.id());
        assert_eq!(other.detector().unwrap().size, base.detector().unwrap().size);
    }
}
