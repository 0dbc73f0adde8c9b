//! What models say of a person: the vote of the person's faces.
//!
//! | file | what |
//! |---|---|
//! | `mod` | [`AttributeVotes`]: counts faces as they come; [`PersonAttributes`]: what came of one person's |
//! | `labels` | a vote on labels |
//! | `numbers` | a vote on a number, and the range of angles |
//!
//! Faces of one person are not independent: a model that errs on one of them mostly errs on the next. Each face counts by its
//! quality, and n faces (Kish's number, (Σw)² / Σw²) count as m = n / (1 + (n − 1) ρ), with ρ = [`FACE_CORRELATION`] the
//! correlation of their errors: so at most as 1 / ρ = 1.4, however many there are.
//!
//! - What lasts (age, gender, race) is a question about the person. The weighted mean of the logarithms of the
//!   probabilities, times m, gives those of the person (a logarithmic opinion pool, Genest and Zidek 1986). Where log-odds are
//!   normal with equal correlation, as those of calibrated faces are when they are normal at all, this is Bayes' rule. The mean of
//!   the probabilities would be too unsure (Ranjan and Gneiting 2010), their product far too sure.
//! - What passes (expression, mask, liveness, and attributes that are not known here) is a question about each face. The weighted mean of
//!   the probabilities is the share of faces to expect.
//! - A number with a deviation is a weighted mean. Its variance is that of one face over m, and what faces differ by beyond their
//!   own deviations is added: it never shrinks below ρ of one face's.
//! - Angles are not voted on: their range is told.
//!
//! ```
//! use streamface_eval::person_attributes::{AttributeVotes, Voted};
//! use streamface_types::{Attributes, attributes::Value};
//!
//! let mut votes = AttributeVotes::new([("gender".to_owned(), 0.7)].into());
//! for p in [0.7, 0.9, 0.45] {
//!     let of = [("Female".to_owned(), p), ("Male".to_owned(), 1.0 - p)];
//!     let said = Attributes::from_iter([("gender".to_owned(), Value::Categories(of.into()))]);
//!     votes.add(0, &said, None);
//! }
//! let person = votes.person(0);
//! let Some(Voted::Label(gender)) = person.get("gender") else { panic!() };
//! assert_eq!(gender.label, "Female");
//! assert!(gender.probability > 0.75 && (gender.disagreement - 1.0 / 3.0).abs() < 1e-9);
//! ```

mod labels;
mod numbers;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};
use streamface_types::Attributes;
use streamface_types::attributes::{self, Value};

use labels::LabelTally;
pub use labels::VotedLabel;
pub(crate) use numbers::MAX_RANGES;
use numbers::{EstimateTally, RangeTally};
pub use numbers::{Range, VotedNumber, VotedRanges};

/// The confidence below which an attribute of a face is said to be unknown, 0 to 1, by its name; 0 for one that is not named.
pub type UnknownBelow = BTreeMap<String, f64>;

/// What is said in place of a label whose probability is too low.
pub const UNKNOWN: &str = "unknown";

/// How the errors of two faces of one person are correlated, 0 to 1.
///
/// The correlation of the log-odds of gender within people (one-way analysis of variance, model faceres) was 0.77 over 314 faces of
/// 36 people, with a 95 % interval of 0.61 to 0.87: 0.44 for 100 photos from different days, 0.93 for 214 faces of a programme, whose
/// shots show a face again and again. Of the error of age it was 0.20 for these photos (model age-v1).
pub const FACE_CORRELATION: f64 = 0.7;

/// The quality that counts for a face without one.
const QUALITY_WHERE_UNKNOWN: f64 = 0.5;
/// The least that a face counts.
const LEAST_WEIGHT: f64 = 0.05;
/// Most attributes that the vocabulary does not have, and labels of one: further ones are ignored. Models have ten labels at most.
pub(crate) const MAX_OTHERS: usize = 32;
pub(crate) const MAX_LABELS: usize = 100;

/// What a person's faces say of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Voted {
    /// A label.
    Label(VotedLabel),
    /// A number.
    Number(VotedNumber),
    /// From where to where some numbers go, such as angles.
    Ranges(VotedRanges),
}

/// What a person's faces say, by attribute: those of the vocabulary in its order, then others by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersonAttributes(Vec<(String, Voted)>);

impl PersonAttributes {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is said of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Voted> {
        self.iter().find(|(of, _)| *of == name).map(|(_, voted)| voted)
    }

    /// All of them in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Voted)> {
        self.0.iter().map(|(name, voted)| (name.as_str(), voted))
    }
}

impl Serialize for PersonAttributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Counts faces of people, and keeps none of them: some 50 bytes for each label that a person's faces have.
#[derive(Debug, Default)]
pub struct AttributeVotes {
    unknown_below: UnknownBelow,
    /// The attributes so far, with their labels.
    known: Vec<Known>,
    /// Of each person, by the place of the attribute in `known`.
    people: HashMap<u32, Vec<Option<Tally>>>,
}

#[derive(Debug)]
struct Known {
    name: String,
    labels: Vec<String>,
}

#[derive(Debug)]
enum Tally {
    Labels(LabelTally),
    Estimate(EstimateTally),
    Ranges(RangeTally),
}

impl AttributeVotes {
    /// No faces yet.
    #[must_use]
    pub fn new(unknown_below: UnknownBelow) -> Self {
        Self { unknown_below, ..Self::default() }
    }

    /// The confidence below which an attribute of a face is said to be unknown.
    #[must_use]
    pub fn unknown_below(&self, name: &str) -> f64 {
        self.unknown_below.get(name).copied().unwrap_or(0.0)
    }

    /// A face of a person. `quality` is 0 to 1; a face without counts as one of 0.5. Numbers that are not finite, and
    /// values of another kind than the person's faces had before, are ignored.
    pub fn add(&mut self, person: u32, said: &Attributes, quality: Option<f32>) {
        let weight = quality.map_or(QUALITY_WHERE_UNKNOWN, f64::from);
        let weight = if weight.is_finite() { weight.clamp(LEAST_WEIGHT, 1.0) } else { LEAST_WEIGHT };
        for (name, value) in said.in_order() {
            let Some(at) = self.place(name) else { continue };
            let below = self.unknown_below(name);
            let tallies = self.people.entry(person).or_default();
            if tallies.len() <= at {
                tallies.resize_with(at + 1, || None);
            }
            let tally = &mut tallies[at];
            let labels = &mut self.known[at].labels;
            if let Some(probabilities) = probabilities(name, value) {
                let of = tally.get_or_insert_with(|| Tally::Labels(LabelTally::default()));
                if let Tally::Labels(of) = of {
                    of.add(labels, &probabilities, weight, below);
                }
            } else if let Some((mean, deviation)) = estimate(value) {
                let of = tally.get_or_insert_with(|| Tally::Estimate(EstimateTally::default()));
                if let Tally::Estimate(of) = of {
                    of.add(mean, deviation, weight);
                }
            } else if let Value::Numbers(numbers) = value
                && !numbers.contains_key(MEAN)
            {
                let of = tally.get_or_insert_with(|| Tally::Ranges(RangeTally::default()));
                if let Tally::Ranges(of) = of {
                    of.add(numbers);
                }
            }
        }
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        let found = self.known.iter().position(|known| known.name == name);
        found.or_else(|| {
            let others = self.known.iter().filter(|known| attributes::find(&known.name).is_none()).count();
            (attributes::find(name).is_some() || others < MAX_OTHERS).then(|| {
                self.known.push(Known { name: name.to_owned(), labels: Vec::new() });
                self.known.len() - 1
            })
        })
    }

    /// What the faces of a person say; nothing for one without.
    #[must_use]
    pub fn person(&self, person: u32) -> PersonAttributes {
        let tallies = self.people.get(&person).map_or(&[][..], Vec::as_slice);
        let voted = |(known, tally): (&Known, &Option<Tally>)| {
            let voted = match tally.as_ref()? {
                Tally::Labels(of) => {
                    let below = self.unknown_below(&known.name);
                    Voted::Label(of.vote(&known.labels, lasts(&known.name), below)?)
                }
                Tally::Estimate(of) => Voted::Number(of.vote()?),
                Tally::Ranges(of) => Voted::Ranges(of.ranges()?),
            };
            Some((known.name.clone(), voted))
        };
        let mut all: Vec<(String, Voted)> = self.known.iter().zip(tallies).filter_map(voted).collect();
        let order =
            |name: &str| attributes::VOCABULARY.iter().position(|a| a.name == name).unwrap_or(usize::MAX);
        all.sort_by(|a, b| (order(&a.0), &a.0).cmp(&(order(&b.0), &b.0)));
        PersonAttributes(all)
    }

    /// How many faces of each label to expect over all people, with the variance of that: `(expected, variance)` in the order
    /// of `labels`. Errors of one person's faces are correlated as [`FACE_CORRELATION`] says.
    pub(crate) fn expected_faces(&self, name: &str, labels: &[String]) -> Vec<(f64, f64)> {
        let mut all = vec![(0.0, 0.0); labels.len()];
        let Some(at) = self.known.iter().position(|known| known.name == name) else { return all };
        // In the order of the people: sums do not depend on a hash.
        let mut people: Vec<(u32, &LabelTally)> = Vec::new();
        for (&person, tallies) in &self.people {
            if let Some(Some(Tally::Labels(of))) = tallies.get(at) {
                people.push((person, of));
            }
        }
        people.sort_unstable_by_key(|(person, _)| *person);
        let place: Vec<Option<usize>> =
            self.known[at].labels.iter().map(|label| labels.iter().position(|l| l == label)).collect();
        for (_, of) in people {
            for (label, (expected, variance)) in of.expected().enumerate() {
                if let Some(at) = place[label] {
                    all[at].0 += expected;
                    all[at].1 += variance;
                }
            }
        }
        all
    }
}

/// Whether an attribute stays the same from one face of a person to the next.
#[must_use]
pub fn lasts(name: &str) -> bool {
    matches!(name, "age" | "gender" | "race" | "years")
}

/// The label of a single probability, and its opposite.
#[must_use]
pub fn opposites(name: &str) -> [Cow<'static, str>; 2] {
    match name {
        "mask" => ["mask".into(), "no mask".into()],
        "liveness" => ["live".into(), "not live".into()],
        other => [other.to_owned().into(), format!("no {other}").into()],
    }
}

/// The probabilities of an attribute's labels, which sum to 1; of a single probability also that of its opposite. `None` for
/// numbers, and where there is no probability above 0.
pub(crate) fn probabilities<'v>(name: &str, value: &'v Value) -> Option<Vec<(Cow<'v, str>, f64)>> {
    let of: Vec<(Cow<'v, str>, f64)> = match value {
        Value::Categories(of) => of
            .iter()
            .map(|(label, &p)| {
                (Cow::Borrowed(label.as_str()), if p.is_finite() { p.clamp(0.0, 1.0) } else { 0.0 })
            })
            .collect(),
        Value::Probability(p) if p.is_finite() => {
            let p = p.clamp(0.0, 1.0);
            let [label, opposite] = opposites(name);
            vec![(label, p), (opposite, 1.0 - p)]
        }
        _ => return None,
    };
    let sum: f64 = of.iter().map(|(_, p)| p).sum();
    (sum > 0.0).then(|| of.into_iter().map(|(label, p)| (label, p / sum)).collect())
}

/// The place of the greatest probability, of equals the first.
pub(crate) fn likeliest(probabilities: impl IntoIterator<Item = f64>) -> Option<(usize, f64)> {
    probabilities.into_iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// What the number is called of numbers by name that are one number and its deviation.
const MEAN: &str = "mean";

/// A number and its deviation, if that is known.
pub(crate) fn estimate(value: &Value) -> Option<(f64, Option<f64>)> {
    match value {
        Value::Number(number) if number.is_finite() => Some((*number, None)),
        Value::Numbers(of) => {
            let mean = *of.get(MEAN).filter(|mean| mean.is_finite())?;
            let deviation = of.get("deviation").copied().filter(|d| d.is_finite() && *d >= 0.0);
            Some((mean, deviation))
        }
        _ => None,
    }
}

/// As how many independent faces those count whose weights sum to `weight`, and their squares to `squares`.
fn independent(weight: f64, squares: f64) -> f64 {
    let n = kish(weight, squares);
    n / (1.0 + (n - 1.0) * FACE_CORRELATION)
}

/// As how many faces of one weight faces of several weights count: 1 or more.
fn kish(weight: f64, squares: f64) -> f64 {
    (weight * weight / squares).max(1.0)
}
