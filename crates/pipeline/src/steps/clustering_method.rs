//! Vectors to clusters by the method asked for, with progress, for datasets and `.npy` files alike.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

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
use crate::settings::Method;

/// What a method found.
#[derive(Debug, Clone, Default)]
pub(super) struct Clusters {
    /// Each row's cluster, numbered by first appearance.
    pub(super) labels: Vec<u32>,
    /// Number of clusters.
    pub(super) clusters: usize,
    /// Pairs that the method worked on.
    pub(super) links: u64,
    /// Bands of the threshold that complete linkage took.
    pub(super) bands: u32,
    /// Merges, of the linkages.
    pub(super) merges: Option<Vec<Merge>>,
    /// Parts that complete linkage found to have nothing to do with each other.
    pub(super) parts: Option<Parts>,
    /// Where the time went.
    pub(super) times: Times,
}

/// Time by stage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// Looking for pairs.
    pub(super) join: Duration,
    /// Joining clusters.
    pub(super) link: Duration,
}

/// Clusters rows by a method; `neighbours` are those that Infomap looks at.
///
/// # Errors
/// Those of the method.
pub(super) fn cluster_rows(
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
pub(super) fn whispers(links: &Links, settings: &Settings, constraints: &Constraints) -> Result<Clusters> {
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
pub(super) fn append_rows(
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
pub(super) fn count(labels: &[u32]) -> usize {
    labels.iter().max().map_or(0, |&m| m as usize + 1)
}

/// Hears how far a run is: shows it, and keeps the time.
pub(super) struct StageClock<'a> {
    observer: &'a dyn Observer,
    seen: Mutex<Seen>,
}

struct Seen {
    stage: Stage,
    since: Instant,
    times: Times,
}

impl<'a> StageClock<'a> {
    /// From here on all time counts for the stage that was begun last. What comes before the first word makes ready for the
    /// comparing, and is part of it.
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        let seen = Seen { stage: Stage::Join, since: Instant::now(), times: Times::default() };
        Self { observer, seen: Mutex::new(seen) }
    }

    /// A word from a run.
    pub(super) fn hear(&self, p: Progress) {
        let what = match p.stage {
            Stage::Join => "comparing faces",
            _ => "joining clusters",
        };
        let band =
            if p.band > 1 { format!(" (band {}, from {:.3})", p.band, p.reached) } else { String::new() };
        self.observer.event(&Event::Phase { what: format!("{what}{band}"), done: p.done, total: p.total });
        self.begin(p.stage);
    }

    pub(super) fn begin(&self, stage: Stage) {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).begin(stage);
    }

    pub(super) fn finish(&self) -> Times {
        self.observer.event(&Event::Ended);
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
