//! Who is who in a dataset: the one rule which labels count, and what the people are called.
//!
//! [`dataset_labels`] follows it, for every command that takes labels:
//!
//! 1. Where a review has begun (a decision holds, or `finalize` was called) its labels count, as far as it has come: the
//!    clusters with the decisions of the journal, numbered as in `annotations_manual.json`.
//! 2. Otherwise those of an `annotations_manual.json` that came with an import.
//! 3. Otherwise the table of labels: the last clustering, or what an import brought.
//!
//! Names are those that decisions give, else those that came with the labels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use streamface_store::{Dataset, FeatureRow, NamedLabels, files, read_annotations};
use streamface_types::{FaceId, Label};

use crate::finalize::{ANNOTATIONS, PEOPLE};
use crate::{Action, Decision, Error, Finalized, Numbering, People, Report, journal, load};

/// Whose labels are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// By the rule of this module: `auto`.
    #[default]
    Auto,
    /// Those of the review, or an error: `reviewed`.
    Reviewed,
    /// Those of the table of labels, whatever was decided since: `clusters`.
    Clusters,
}

impl FromStr for Whose {
    type Err = ();

    /// By the words of the command line: `auto`, `reviewed`, `clusters`.
    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "auto" => Ok(Self::Auto),
            "reviewed" => Ok(Self::Reviewed),
            "clusters" => Ok(Self::Clusters),
            _ => Err(()),
        }
    }
}

/// Which labels were taken; shown as a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelSource {
    /// Those of a review.
    Review {
        /// Decisions that hold.
        decisions: usize,
    },
    /// Those of an `annotations_manual.json` that came with an import.
    Manual,
    /// Those of the last clustering.
    Clusters,
    /// Those that an import brought.
    Import,
    /// Those of a file that was given.
    File(PathBuf),
    /// There are none.
    Nothing,
}

impl fmt::Display for LabelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Review { decisions: 1 } => f.write_str("reviewed, by 1 decision"),
            Self::Review { decisions } => write!(f, "reviewed, by {decisions} decisions"),
            Self::Manual => f.write_str("reviewed, as the imported annotations_manual.json says"),
            Self::Clusters => f.write_str("of the last clustering, not reviewed"),
            Self::Import => f.write_str("as they were imported, not reviewed"),
            Self::File(path) => path.display().fmt(f),
            Self::Nothing => f.write_str("none"),
        }
    }
}

/// Labels of a dataset's faces, names of its people, and where they are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetLabels {
    /// Labels and names. Faces that no clustering has seen have no label, unless a decision says whose they are.
    pub named: NamedLabels,
    /// Which labels these are.
    pub from: LabelSource,
    /// Names in a file of labels that are no faces of the dataset.
    pub unknown: usize,
}

/// Labels and names of a dataset, by the rule of [this module](self). With [`Whose::Auto`] a dataset that has no labels
/// yet gives none.
///
/// ```
/// use streamface_annotate::labels::{LabelSource, Whose, dataset_labels};
/// use streamface_store::{Dataset, LabelRow};
/// use streamface_types::{FaceId, Label};
///
/// let dir = tempfile::tempdir()?;
/// let data = Dataset::open(dir.path())?;
/// let face: FaceId = "a_face_0".parse()?;
/// let names = [(Label(4), "Anna".to_owned())].into();
/// data.replace_labels(vec![LabelRow::new(face.clone(), Label(4))], &names)?;
/// let found = dataset_labels(&data, Whose::Auto)?;
/// let label = found.named.labels[&face];
/// assert_eq!((label, found.named.names[&label].as_str()), (Label(4), "Anna"));
/// assert_eq!(found.from, LabelSource::Clusters);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NotReviewed`] where the labels of a review are wanted and there is none; a journal with an invalid line, and
/// what reading meets.
pub fn dataset_labels(data: &Dataset, whose: Whose) -> Result<DatasetLabels, Error> {
    if whose == Whose::Clusters {
        return clusters(data);
    }
    match review(data)? {
        Some(found) => Ok(found),
        None if whose == Whose::Reviewed => Err(Error::NotReviewed { path: data.root().to_owned() }),
        None => clusters(data),
    }
}

fn clusters(data: &Dataset) -> Result<DatasetLabels, Error> {
    let named = data.clusters()?;
    let from = if named.labels.is_empty() {
        LabelSource::Nothing
    } else if files::is_there(&data.metadata().join("imported.csv"))?
        && !data.record()?.contains_key("cluster")
    {
        LabelSource::Import
    } else {
        LabelSource::Clusters
    };
    Ok(DatasetLabels { named, from, unknown: 0 })
}

fn review(data: &Dataset) -> Result<Option<DatasetLabels>, Error> {
    let metadata = data.metadata();
    let decisions = load(&metadata.join(journal::FILE))?;
    let finalized = files::is_there(&metadata.join(PEOPLE))?;
    if decisions.is_empty() && !finalized {
        let path = metadata.join(ANNOTATIONS);
        return if files::is_there(&path)? {
            Ok(Some(imported_review(&read_annotations(&path)?)))
        } else {
            Ok(None)
        };
    }
    let reviewed = Reviewed::with_decisions(data, None, decisions, &ReviewOptions::of(data)?)?;
    let decisions = reviewed.holding();
    if reviewed.clustered == 0 || (decisions == 0 && !finalized) {
        return Ok(None);
    }
    let named = reviewed.labels(&reviewed.finalized());
    Ok(Some(DatasetLabels { named, from: LabelSource::Review { decisions }, unknown: 0 }))
}

fn imported_review(file: &streamface_types::Annotations) -> DatasetLabels {
    let labels = file.labels.iter().filter_map(|(name, said)| Some((name.parse().ok()?, said.label)));
    let names = file.names.iter().map(|(&label, name)| (Label(label), name.clone()));
    let named = NamedLabels { labels: labels.collect(), names: names.collect() };
    DatasetLabels { named, from: LabelSource::Manual, unknown: 0 }
}

/// How the decisions of a dataset are applied, as its record of settings says; not set is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReviewOptions {
    /// Two faces of one frame may be one person.
    pub same_frame: bool,
    /// People with as many faces are numbered in the original's order.
    pub compat: bool,
}

impl ReviewOptions {
    /// The step under which the record has these.
    pub const STEP: &'static str = "review";

    /// Those of a dataset.
    ///
    /// # Errors
    /// What reading the record meets.
    pub fn of(data: &Dataset) -> Result<Self, Error> {
        let record = data.record()?;
        let set = |key: &str| record.get(Self::STEP).and_then(|of| of.get(key)).is_some_and(|v| v == "true");
        Ok(Self { same_frame: set("same-frame"), compat: set("compat") })
    }

    /// The order of people with as many faces.
    #[must_use]
    pub fn numbering(self) -> Numbering {
        if self.compat { Numbering::Compat } else { Numbering::Stable }
    }

    /// As the record has them.
    #[must_use]
    pub fn record(&self) -> [(&'static str, String); 2] {
        [("same-frame", self.same_frame.to_string()), ("compat", self.compat.to_string())]
    }
}

/// How many of the decisions on these people hold, without undo and redo.
#[must_use]
pub fn holding(people: &People, decisions: &[Decision]) -> usize {
    let counts = |d: &&Decision| !matches!(d.action, Action::Undo { .. } | Action::Redo { .. });
    decisions.iter().filter(counts).filter(|d| people.holds(d.id)).count()
}

/// A dataset's people as a review has left them.
#[derive(Debug)]
pub struct Reviewed {
    /// The people.
    pub people: People,
    /// All of the journal, whether they hold or not.
    pub decisions: Vec<Decision>,
    /// Faces with a label.
    pub clustered: usize,
    /// Faces that no clustering has seen: no one's, unless a decision says whose.
    pub unclustered: Vec<FaceId>,
    numbering: Numbering,
}

impl Reviewed {
    /// The clusters of a dataset, and what its journal says of them.
    ///
    /// # Errors
    /// A journal with an invalid line, what reading meets.
    pub fn read(data: &Dataset, options: &ReviewOptions) -> Result<Self, Error> {
        let decisions = load(&data.metadata().join(journal::FILE))?;
        Self::with_decisions(data, None, decisions, options)
    }

    /// The same for whoever has read the faces that have embeddings.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn of(data: &Dataset, embedded: Vec<FaceId>, options: &ReviewOptions) -> Result<Self, Error> {
        let decisions = load(&data.metadata().join(journal::FILE))?;
        Self::with_decisions(data, Some(embedded), decisions, options)
    }

    fn with_decisions(
        data: &Dataset,
        embedded: Option<Vec<FaceId>>,
        decisions: Vec<Decision>,
        options: &ReviewOptions,
    ) -> Result<Self, Error> {
        let NamedLabels { mut labels, names } = data.clusters()?;
        let embedded = match embedded {
            Some(faces) => faces,
            None => {
                let mut faces = Vec::new();
                data.each::<FeatureRow>(|row| faces.push(row.face))?;
                faces
            }
        };
        let clustered = labels.len();
        let mut unclustered = Vec::new();
        for face in embedded {
            if let Entry::Vacant(entry) = labels.entry(face) {
                unclustered.push(entry.key().clone());
                entry.insert(Label::NOISE);
            }
        }
        let (faces, labels): (Vec<FaceId>, Vec<i64>) = labels.into_iter().map(|(f, l)| (f, l.0)).unzip();
        let mut people = People::new(faces, &labels, !options.same_frame)?.with_names(&names);
        people.replay(&decisions);
        Ok(Self { people, decisions, clustered, unclustered, numbering: options.numbering() })
    }

    /// Decisions that hold, without undo and redo.
    #[must_use]
    pub fn holding(&self) -> usize {
        holding(&self.people, &self.decisions)
    }

    /// Decisions that are not followed, and those that name faces which are not there.
    #[must_use]
    pub fn report(&self) -> Report {
        self.people.report()
    }

    /// The people, numbered.
    #[must_use]
    pub fn finalized(&self) -> Finalized {
        Finalized::new(&self.people, self.numbering)
    }

    /// Labels and names with the numbers of the review, which are those of the clusters as far as these are people still;
    /// without the faces of which nobody has said yet that they are no one's.
    #[must_use]
    pub fn labels_as_they_are(&self) -> NamedLabels {
        let people = &self.people;
        let name = |key: u32| Some((Label(people.label(key)?), people.name(key)?.to_owned()));
        NamedLabels { labels: self.known(people.labels()), names: people.people().filter_map(name).collect() }
    }

    /// Labels and names as [`Self::finalized`] gave them, without the faces of which nobody has said yet that they are
    /// no one's.
    #[must_use]
    pub fn labels(&self, finalized: &Finalized) -> NamedLabels {
        NamedLabels { labels: self.known(finalized.labels.clone()), names: finalized.names() }
    }

    fn known(&self, labels: Vec<i64>) -> BTreeMap<FaceId, Label> {
        let labels = labels.into_iter().map(Label);
        let mut labels: BTreeMap<FaceId, Label> = self.people.faces().iter().cloned().zip(labels).collect();
        for face in &self.unclustered {
            let placed = self.people.index(face).is_some_and(|at| self.people.is_placed(at));
            if !placed {
                labels.remove(face);
            }
        }
        labels
    }
}
