//! The queue of questions: answers in, questions out.

use streamface_eval::mixture::Mixture;

use super::candidate_graph::CandidateGraph;
use super::input::pair;
use super::match_probability::{self, MatchProbability, Observation, log_size};
use super::{Clusters, TimeModel, mixed};
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
    /// Gain in F per second below which a question is not worth its time, at least 0. Default 0.03 an hour.
    pub enough: f64,
    /// Gain in F per second below which it is worth stopping, at least 0. Default 0.001 a minute.
    pub stop: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_model: TimeModel::default(),
            error: 0.02,
            sure: 0.9,
            group: 12,
            sweep: 12,
            enough: 0.03 / 3600.0,
            stop: 0.001 / 60.0,
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
        if !(self.stop >= 0.0 && self.stop.is_finite()) {
            return wrong("stop", self.stop, "at least 0");
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
    /// Clusters of one person and of two.
    pub(super) within: Mixture,
    /// Expected wrong pairs of faces within each cluster, and their sum.
    pub(super) wrong: Vec<f64>,
    pub(super) wrong_within: f64,
    /// The answers that the model is fitted to.
    observations: Vec<Observation>,
    /// Number of comparisons the model was fitted to.
    fitted: Option<usize>,
}

impl Queue {
    /// A queue without answers. O(m + n + d) for m pairs of n clusters, and 260,000 distances of d numbers at most.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range.
    pub fn new(clusters: Clusters, settings: Settings) -> Result<Self> {
        settings.check()?;
        let mixture = match_probability::before_answers(&clusters);
        let within = mixed::within(&clusters, &mixture);
        let wrong = mixed::wrong(&clusters, &within);
        let graph = CandidateGraph::new(&clusters);
        let mut queue = Self {
            clusters,
            settings,
            answers: Vec::new(),
            graph,
            model: MatchProbability::new(&mixture),
            within,
            wrong_within: wrong.iter().sum(),
            wrong,
            observations: Vec::new(),
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
        if let AnswerKind::Noise(cluster) = kind {
            self.set_one_person(cluster);
        }
        self.observations.extend(sample.map(|s| Observation {
            log_odds: self.model.observed(s.distance, s.sizes),
            size: log_size(s.sizes),
            same: f64::from(s.same),
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
        self.observations.clear();
        self.wrong = mixed::wrong(&self.clusters, &self.within);
        self.wrong_within = self.wrong.iter().sum();
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

    /// Distance of the means of the people of two clusters, and the probability that they are one person; [`None`] where they
    /// are one by now. Panics for a cluster that does not exist.
    pub fn between(&mut self, a: u32, b: u32) -> Option<(f64, f64)> {
        self.propagate();
        let (x, y) = (self.person(a), self.person(b));
        if x == y {
            return None;
        }
        if let Some(edge) = self.graph.edge(x, y).filter(|e| !e.cannot_link) {
            return Some((edge.distance, self.graph.probability(&self.model, edge, self.settings.error)));
        }
        let (distance, sizes) =
            (self.graph.distance(&self.clusters, x, y), (self.graph.size(x), self.graph.size(y)));
        let apart = self.graph.edge(x, y).is_some();
        Some((distance, if apart { 0.0 } else { self.model.evaluate(distance, sizes) }))
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
        let due = due(self.observations.len());
        let all = self.fitted != Some(due);
        if all {
            self.model = self.model.fitted(&self.observations[..due]);
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
