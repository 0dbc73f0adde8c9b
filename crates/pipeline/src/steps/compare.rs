//! Clustering methods side by side, on the same features.

use std::time::Instant;

use streamface_cluster::baselines::{dbscan, noise_apart};
use streamface_cluster::{Constraints, Links, Settings, compat, join};
use streamface_eval::Contingency;
use streamface_eval::Pairs;
use streamface_eval::metrics::{bcubed, purity};
use streamface_eval::study::Baseline;
use streamface_types::{Embeddings, Metric};

use crate::Result;
use crate::clustering_method::{cluster_rows, count, whispers};
use crate::event::{Context, Event, Silent};
use crate::settings::Method;

/// More links than this are not handed to a graph method.
const MOST_LINKS: u64 = 30_000_000;

type Run<'a> = Box<dyn Fn(Settings) -> Result<Option<Vec<u32>>> + 'a>;

/// Each method at the threshold where it does best of those given, by BCubed F over the faces whose true label is known;
/// at the first where none is.
///
/// # Errors
/// Those of the methods.
pub(super) fn compare(
    (rows, metric, constraints): (&Embeddings, Metric, &Constraints),
    thresholds: &[f64],
    truth: Option<&[Option<i64>]>,
    context: &Context<'_>,
) -> Result<Vec<Baseline>> {
    let by = |method, neighbours| -> Run<'_> {
        Box::new(move |settings| {
            let how = (method, neighbours);
            Ok(Some(cluster_rows(rows, &settings, constraints, how, &Silent)?.labels))
        })
    };
    let dense = |links: &Links, _: &Settings| Ok(noise_apart(&dbscan(links, 3)?));
    let whispers = |links: &Links, settings: &Settings| Ok(whispers(links, settings, constraints)?.labels);
    let mut methods: Vec<(&str, String, Run<'_>)> = vec![
        ("complete linkage", "exact".to_owned(), by(Method::Complete, 0)),
        (
            "original's scheme",
            "batches, means".to_owned(),
            Box::new(|settings| Ok(Some(compat::cluster(rows, &[], &compat::Scheme::new(settings))?))),
        ),
        ("single linkage", "connected components".to_owned(), by(Method::Single, 0)),
        ("DBSCAN", "3 points".to_owned(), on_links(rows, &dense)),
        ("Chinese whispers", "links".to_owned(), on_links(rows, &whispers)),
        ("Infomap", "10 nearest".to_owned(), by(Method::Infomap, 10)),
        ("Infomap", "20 nearest".to_owned(), by(Method::Infomap, 20)),
    ];
    if 8 * (rows.len() as u64).pow(2) <= 1 << 30 {
        methods.insert(3, ("average linkage", "all pairs".to_owned(), by(Method::Average, 0)));
    }
    let (mut done, total) = (0, (methods.len() * thresholds.len()) as u64);
    let mut table = Vec::new();
    for (method, settings, run) in methods {
        let mut best: Option<Baseline> = None;
        for &threshold in thresholds {
            context.phase(format!("{method}, {settings}, at {threshold}"), done, total);
            done += 1;
            forget_peak();
            let start = Instant::now();
            let Some(labels) = run(Settings::new(metric, threshold)?)? else { continue };
            let seconds = start.elapsed().as_secs_f64();
            let table = truth.map(|truth| {
                let known = truth.iter().zip(&labels);
                Contingency::new(known.filter_map(|(person, &label)| Some(((*person)?, i64::from(label)))))
            });
            let row = Baseline {
                method: method.to_owned(),
                settings: format!("{settings}, threshold {threshold}"),
                clusters: Some(count(&labels) as u64),
                pairwise_f: table.as_ref().map(|t| Pairs::new(t).prf().f),
                bcubed_f: table.as_ref().map(|t| bcubed(t).f),
                purity: table.as_ref().map(purity),
                seconds: Some(seconds),
                peak_memory_mib: peak(),
            };
            if best.as_ref().is_none_or(|b| row.bcubed_f > b.bcubed_f) {
                best = Some(row);
            }
        }
        table.extend(best);
    }
    context.event(&Event::Ended);
    Ok(table)
}

/// A method on links; left out at a threshold where there are too many.
fn on_links<'a>(rows: &'a Embeddings, method: &'a dyn Fn(&Links, &Settings) -> Result<Vec<u32>>) -> Run<'a> {
    Box::new(move |settings| {
        let links = join(rows, &settings)?;
        if links.len() > MOST_LINKS { Ok(None) } else { method(&links, &settings).map(Some) }
    })
}

/// Starts the peak of this process's memory anew, where the system lets it.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory this process has held since, MiB.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()? / 1024.0)
}
