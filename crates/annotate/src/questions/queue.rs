//! The queue of questions: answers in, questions out.

use streamface_types::Metric;

use super::candidate_graph::CandidateGraph;
use super::input::pair;
use super::match_probability::{self, MatchProbability, Observation, Prior, log_size};
use super::{Clusters, TimeModel};
use crate::{Error, Result};

/// An answer about clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// The two are one person.
    Same(u32, u32),
    /// The two are different people.
    Different(u32, u32),
    /// Undecided: not asked again until the two people have twice the face pairs.
    NotSure(u32, u32),
    /// No more questions about the person of this cluster until it has twice the faces.
    Skip(u32),
    /// This cluster is noise: it leaves its person.
    Noise(u32),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The answer.
    pub kind: AnswerKind,
    /// Seconds that its screen took, relative to what [`TimeModel`] expects. Hasty answers are more often
    /// wrong.
    pub relative_time: Option<f64>,
}

impl From<AnswerKind> for Answer {
    fn from(kind: AnswerKind) -> Self {
        Self { kind, relative_time: None }
    }
}

/// What an answer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Two people became one.
    Joined,
    /// The answer was recorded.
    Noted,
    /// It already followed from other answers, and counts as support for them.
    Known,
    /// Other answers, or a shared frame, contradict it. It counts as a vote against those, and changes no
    /// person.
    Conflict,
}

/// Settings of a [`Queue`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How long a screen takes, in seconds.
    pub time_model: TimeModel,
    /// Rate of wrong answers, 0.0001 to 0.4. Default 0.02.
    pub error: f64,
    /// Smallest probability of one person for a pair of a sweep, 0 to 1. Default 0.9.
    pub sure: f64,
    /// Maximum candidates in a group, at least 1. Default 12.
    pub group: usize,
    /// Maximum pairs in a sweep, at least 1. Default 12.
    pub sweep: usize,
    /// Gain in F per second below which a question is not worth its time, at least 0. Default 0.01 an hour.
    pub enough: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_model: TimeModel::default(),
            error: 0.02,
            sure: 0.9,
            group: 12,
            sweep: 12,
            enough: 0.01 / 3600.0,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<()> {
        let wrong = |name, value, range| Err(Error::Setting { name, value, range });
        let TimeModel { per_screen, per_person, per_mark } = self.time_model;
        for (name, value) in [
            ("time_model.per_screen", per_screen),
            ("time_model.per_person", per_person),
            ("time_model.per_mark", per_mark),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return wrong(name, value, "seconds above 0");
            }
        }
        if !(1e-4..=0.4).contains(&self.error) {
            return wrong("error", self.error, "0.0001 to 0.4");
        }
        if !(0.0..=1.0).contains(&self.sure) {
            return wrong("sure", self.sure, "0 to 1");
        }
        if self.group == 0 || self.sweep == 0 {
            return wrong("group, sweep", 0.0, "at least 1");
        }
        if !(self.enough >= 0.0 && self.enough.is_finite()) {
            return wrong("enough", self.enough, "at least 0");
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    pub(super) answer: Answer,
    pub(super) outcome: Outcome,
    pub(super) taken_back: bool,
}

/// The questions about one set of clusters, and the answers to them.
///
/// Recording an answer takes O(d) and the smaller degree of the two people. Its consequences are computed
/// before the next question: O(d) for each edge of the people concerned, and O(m) for m pairs whenever the
/// model is fitted again, which is after each of the first 16 comparisons and then after every 25 % more. A
/// journal is therefore replayed by giving all its answers at once. The same answers give the same questions,
/// regardless of how often questions were asked in between and of the number of threads.
///
/// Memory: about 60 bytes a pair and 8 · d bytes a cluster.
pub struct Queue {
    pub(super) clusters: Clusters,
    pub(super) settings: Settings,
    pub(super) answers: Vec<Recorded>,
    pub(super) graph: CandidateGraph,
    pub(super) model: MatchProbability,
    /// What the model is fitted to: prior observations, then the answers.
    observations: Vec<Observation>,
    known_before: usize,
    /// Number of comparisons the model was fitted to.
    fitted: Option<usize>,
}

/// Maximum pairs sampled to estimate the distances of strangers.
const MAX_STRANGER_PAIRS: usize = 4096;
/// From this many pairs that share a frame on, only these are used for it.
const MIN_FRAME_PAIRS: usize = 50;

impl Queue {
    /// A queue without answers. O(m + n) for m pairs of n clusters.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range.
    pub fn new(clusters: Clusters, prior: &Prior, settings: Settings) -> Result<Self> {
        settings.check()?;
        let n = clusters.len() as f64;
        let pairs = n * (n - 1.0) / 2.0 - clusters.cannot_link.len() as f64;
        let sizes = |a: u32, b: u32| (clusters.sizes[a as usize], clusters.sizes[b as usize]);
        let open = clusters.candidates.iter().map(|c| (c.distance, log_size(sizes(c.left, c.right))));
        let observations = match_probability::before_answers(open, pairs, &strangers(&clusters), prior);
        let graph = CandidateGraph::new(&clusters);
        let known_before = observations.len();
        let mut queue = Self {
            clusters,
            settings,
            answers: Vec::new(),
            graph,
            // Fitted by the first propagation.
            model: match_probability::INITIAL,
            observations,
            known_before,
            fitted: None,
        };
        queue.propagate();
        Ok(queue)
    }

    /// Records an answer. Its number, for [`take_back`](Self::take_back), is the count of answers before it.
    ///
    /// # Errors
    /// [`Error::ClusterPair`] where it names a cluster that does not exist, or the same one twice.
    pub fn answer(&mut self, answer: Answer) -> Result<Outcome> {
        match answer.kind {
            AnswerKind::Same(a, b) | AnswerKind::Different(a, b) | AnswerKind::NotSure(a, b) => {
                pair(self.clusters.len(), a, b)?;
            }
            AnswerKind::Skip(a) | AnswerKind::Noise(a) if a as usize >= self.clusters.len() => {
                return Err(Error::ClusterPair { left: a, right: a, clusters: self.clusters.len() });
            }
            AnswerKind::Skip(_) | AnswerKind::Noise(_) => {}
        }
        let number = self.answers.len();
        self.answers.push(Recorded { answer, outcome: Outcome::Noted, taken_back: false });
        Ok(self.apply(number))
    }

    fn apply(&mut self, number: usize) -> Outcome {
        let kind = self.answers[number].answer.kind;
        let (outcome, sample) = self.graph.apply(&self.clusters, number as u32, kind);
        self.answers[number].outcome = outcome;
        self.observations.extend(sample.map(|s| Observation {
            distance: s.distance,
            size: s.size,
            same: f64::from(s.same),
            weight: 1.0,
            error: self.settings.error,
        }));
        outcome
    }

    /// Undoes an answer, as if it had never been given. Takes as long as a replay of all.
    ///
    /// # Errors
    /// [`Error::NoSuchAnswer`] where no answer has this number, or it is undone already.
    pub fn take_back(&mut self, number: usize) -> Result<()> {
        self.set_taken_back(number, true)
    }

    /// Redoes an answer that was undone.
    ///
    /// # Errors
    /// [`Error::NoSuchAnswer`] where no answer has this number, or it is not undone.
    pub fn put_back(&mut self, number: usize) -> Result<()> {
        self.set_taken_back(number, false)
    }

    fn set_taken_back(&mut self, number: usize, taken_back: bool) -> Result<()> {
        let answers = self.answers.get_mut(number).filter(|a| a.taken_back != taken_back);
        answers.ok_or(Error::NoSuchAnswer { answer: number })?.taken_back = taken_back;
        self.graph = CandidateGraph::new(&self.clusters);
        self.observations.truncate(self.known_before);
        self.fitted = None;
        for number in 0..self.answers.len() {
            if !self.answers[number].taken_back {
                self.apply(number);
            }
        }
        Ok(())
    }

    /// The person of a cluster: the smallest cluster of that person. Panics for a cluster that does not
    /// exist.
    #[must_use]
    pub fn person(&self, cluster: u32) -> u32 {
        self.graph.person(cluster)
    }

    /// Number of people, without noise.
    #[must_use]
    pub fn people(&self) -> usize {
        (0..self.graph.len() as u32).filter(|&c| self.graph.person(c) == c && self.graph.size(c) > 0).count()
    }

    /// Whether a cluster is noise. Panics for a cluster that does not exist.
    #[must_use]
    pub fn is_noise(&self, cluster: u32) -> bool {
        self.graph.is_noise(cluster)
    }

    /// Number of answers that are not undone.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.answers.iter().filter(|a| !a.taken_back).count()
    }

    /// An answer, unless it is undone.
    #[must_use]
    pub fn answer_kind(&self, answer: usize) -> Option<AnswerKind> {
        self.answers.get(answer).filter(|a| !a.taken_back).map(|a| a.answer.kind)
    }

    /// The current model of the probability that two clusters are one person.
    pub fn match_probability(&mut self) -> MatchProbability {
        self.propagate();
        self.model
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Replaces the time model.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that is not a positive time.
    pub fn set_time_model(&mut self, time_model: TimeModel) -> Result<()> {
        let settings = Settings { time_model, ..self.settings };
        settings.check()?;
        self.settings = settings;
        Ok(())
    }

    pub(super) fn propagate(&mut self) {
        let due = due(self.observations.len() - self.known_before);
        let all = self.fitted != Some(due);
        if all {
            self.model = MatchProbability::fitted(&self.observations[..self.known_before + due]);
            self.fitted = Some(due);
        }
        if all || !self.graph.is_propagated() {
            self.graph.propagate(&self.clusters, &self.model, self.settings.error, all);
        }
    }
}

/// Number of comparisons the model is fitted to, out of `comparisons`.
fn due(comparisons: usize) -> usize {
    let mut due = comparisons.min(16);
    while due >= 16 && due + due / 4 <= comparisons {
        due += due / 4;
    }
    due
}

/// Distances of pairs of strangers: pairs that share a frame or, if these are few, an even sample of all
/// pairs.
fn strangers(clusters: &Clusters) -> Vec<f64> {
    let distance = |a: usize, b: usize| Metric::Cosine.distance(clusters.means.row(a), clusters.means.row(b));
    let cannot_link = &clusters.cannot_link;
    if cannot_link.len() >= MIN_FRAME_PAIRS {
        let step = cannot_link.len().div_ceil(MAX_STRANGER_PAIRS);
        return cannot_link.iter().step_by(step).map(|&(a, b)| distance(a as usize, b as usize)).collect();
    }
    let n = clusters.len();
    if n < 2 {
        return Vec::new();
    }
    // Steps by the golden ratio are spread evenly; pairs of neighbouring numbers, which are often similar,
    // are not preferred.
    let offset = |k: usize| 1 + ((k as f64 * 0.618_033_988_749_894_9).fract() * (n - 1) as f64) as usize;
    (0..MAX_STRANGER_PAIRS.min(n * (n - 1) / 2)).map(|k| distance(k % n, (k % n + offset(k)) % n)).collect()
}
