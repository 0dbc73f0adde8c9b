//! The clustering methods: their names, and vectors to clusters by one of them, for datasets and `.npy` files alike.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use streamface_cluster::baselines::{ChineseWhispers, Graph, Infomap, chinese_whispers, infomap};
use streamface_cluster::neighbours::nearest;
use streamface_cluster::{
    Constraints, History, Links, Merge, Parts, Progress, Settings, Stage, append, average_linkage,
    complete_linkage_observed, join_blocks, labels, single_linkage,
};
use streamface_types::{Embeddings, Metric};

use crate::Result;
use crate::error::At as _;
use crate::event::{Event, Observer};

/// How faces become people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// All faces of a person within the threshold of each other: exact complete linkage.
    #[default]
    Complete,
    /// Each face within the threshold of some other: single linkage, connected components.
    Single,
    /// The mean distance within the threshold; needs memory for all pairs.
    Average,
    /// Chinese whispers on the pairs within the threshold.
    Whispers,
    /// Infomap on each face's nearest neighbours within the threshold.
    Infomap,
}

impl Method {
    /// All methods, the default first.
    pub const ALL: [Self; 5] = [Self::Complete, Self::Single, Self::Average, Self::Whispers, Self::Infomap];

    /// The word in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What the method joins, in one line.
    #[must_use]
    pub fn description(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Complete => (
                "complete",
                "All faces of a person within the threshold of each other: exact complete linkage",
            ),
            Self::Single => (
                "single",
                "Each face within the threshold of some other: single linkage, connected components",
            ),
            Self::Average => {
                ("average", "The mean distance within the threshold; needs memory for all pairs")
            }
            Self::Whispers => ("whispers", "Chinese whispers on the pairs within the threshold"),
            Self::Infomap => ("infomap", "Infomap on each face's nearest neighbours within the threshold"),
        }
    }
}

/// What a method found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clusters {
    /// Each row's cluster, numbered by first appearance.
    pub(crate) labels: Vec<u32>,
    /// Number of clusters.
    pub(crate) clusters: usize,
    /// Pairs that the method worked on.
    pub(crate) links: u64,
    /// Bands of the threshold that complete linkage took.
    pub(crate) bands: u32,
    /// Merges, of the linkages.
    pub(crate) merges: Option<Vec<Merge>>,
    /// Parts that complete linkage found to have nothing to do with each other.
    pub(crate) parts: Option<Parts>,
    /// Where the time went.
    pub(crate) times: Times,
}

/// Time by stage.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// Looking for pairs.
    pub(crate) join: Duration,
    /// Joining clusters.
    pub(crate) link: Duration,
}

/// Clusters rows by a method; `neighbours` are those that Infomap looks at.
///
/// # Errors
/// Those of the method.
pub(crate) fn cluster_rows(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
    (method, neighbours): (Method, usize),
    observer: &dyn Observer,
) -> Result<Clusters> {
    let watch = StageClock::new(observer);
    let listen = |p: Progress| watch.hear(p);
    let observer = streamface_cluster::Observer::new(&listen);
    let mut found = match method {
        Method::Complete => linked(complete_linkage_observed(rows, settings, constraints, observer)?),
        Method::Single => linked(single_linkage(rows, settings, constraints, observer)?),
        Method::Average => {
            watch.begin(Stage::Link);
            linked(average_linkage(rows, settings, constraints)?)
        }
        Method::Whispers => {
            let links = join_blocks(rows, settings, 0..rows.len(), 0..rows.len(), observer)?;
            if links.len() > settings.most_links() {
                let (threshold, most) = (settings.threshold(), settings.most_links());
                return Err(streamface_cluster::Error::TooManyLinks { threshold, most })
                    .at(|| "whispers needs all pairs at once".to_owned());
            }
            watch.begin(Stage::Link);
            whispers(&links, settings, constraints)?
        }
        Method::Infomap => {
            let near = nearest(rows, settings.metric(), neighbours)?;
            watch.begin(Stage::Link);
            let graph = Graph::from_neighbours(&near, settings.threshold(), weight(settings))?;
            of_graph(&graph, &infomap(&graph, &Infomap::default()).labels)
        }
    };
    found.times = watch.finish();
    Ok(found)
}

/// Chinese whispers on links, but for those that must not be.
pub(crate) fn whispers(links: &Links, settings: &Settings, constraints: &Constraints) -> Result<Clusters> {
    let apart: HashSet<(usize, usize)> =
        constraints.cannot_links().iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
    let weight = weight(settings);
    let mut edges = Vec::new();
    links.for_each(|l| {
        if !apart.contains(&(l.i as usize, l.j as usize)) {
            edges.push((l.i, l.j, weight(l.distance)));
        }
    })?;
    let graph = Graph::new(links.rows(), edges)?;
    Ok(of_graph(&graph, &chinese_whispers(&graph, &ChineseWhispers::default())))
}

/// Weights of a graph, which fall to 0 at the largest distance there is.
fn weight(settings: &Settings) -> impl Fn(f64) -> f64 + use<> {
    let reach = match settings.metric() {
        Metric::Cosine => 1.0,
        _ => settings.threshold(),
    };
    move |distance| (1.0 - distance / reach).max(1e-3)
}

fn of_graph(graph: &Graph, found: &[u32]) -> Clusters {
    let (links, labels) = (graph.edges() as u64, labels::by_first_appearance(found));
    Clusters { clusters: count(&labels), labels, links, bands: 1, ..Clusters::default() }
}

/// Clusters rows of which most were clustered before, by complete linkage.
///
/// # Errors
/// A history that cannot be of these rows, and what linkage meets.
pub(crate) fn append_rows(
    rows: &Embeddings,
    history: &History<'_>,
    is_new: &[bool],
    settings: &Settings,
    constraints: &Constraints,
    observer: &dyn Observer,
) -> Result<Clusters> {
    let watch = StageClock::new(observer);
    let listen = |p: Progress| watch.hear(p);
    let found =
        append(rows, history, is_new, settings, constraints, streamface_cluster::Observer::new(&listen))?;
    Ok(Clusters { times: watch.finish(), ..linked(found) })
}

fn linked(found: streamface_cluster::Clustering) -> Clusters {
    Clusters {
        labels: found.labels,
        clusters: found.clusters,
        links: found.links,
        bands: found.bands,
        merges: Some(found.merges),
        parts: found.parts,
        times: Times::default(),
    }
}

/// Clusters of a numbering without gaps.
pub(crate) fn count(labels: &[u32]) -> usize {
    labels.iter().max().map_or(0, |&m| m as usize + 1)
}

/// Hears how far a run is: shows it, and keeps the time.
pub(crate) struct StageClock<'a> {
    observer: &'a dyn Observer,
    seen: Mutex<Seen>,
}

struct Seen {
    stage: Stage,
    since: Instant,
    times: Times,
    /// How much of the whole was shown to be done, of [`WHOLE`]; none before the first word.
    shown: Option<u64>,
}

/// Units of a whole run that are shown.
const WHOLE: u64 = 10_000;

impl<'a> StageClock<'a> {
    /// From here on all time counts for the stage that was begun last. What comes before the first word makes ready for the
    /// comparing, and is part of it.
    pub(crate) fn new(observer: &'a dyn Observer) -> Self {
        let seen = Seen { stage: Stage::Join, since: Instant::now(), times: Times::default(), shown: None };
        Self { observer, seen: Mutex::new(seen) }
    }

    /// A word from a run: how much of the whole is done, whatever the band.
    pub(crate) fn hear(&self, p: Progress) {
        let done = ((p.whole * WHOLE as f64) as u64).min(WHOLE);
        let mut seen = self.seen();
        seen.begin(p.stage);
        if seen.shown.is_some_and(|shown| done <= shown) {
            return;
        }
        seen.shown = Some(done);
        // Under the lock, so that what is shown never falls.
        self.observer.event(&Event::Phase { what: "clustering".to_owned(), done, total: WHOLE });
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, stage: Stage) {
        self.seen().begin(stage);
    }

    pub(crate) fn finish(&self) -> Times {
        self.observer.event(&Event::Ended);
        let mut seen = self.seen();
        let last = seen.stage;
        seen.begin(last);
        seen.times
    }
}

impl Times {
    fn of(&mut self, stage: Stage) -> &mut Duration {
        match stage {
            Stage::Join => &mut self.join,
            _ => &mut self.link,
        }
    }
}

impl Seen {
    fn begin(&mut self, stage: Stage) {
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut self.since, now);
        *self.times.of(std::mem::replace(&mut self.stage, stage)) += passed;
    }
}
