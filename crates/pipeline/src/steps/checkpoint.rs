//! What one clustering leaves for the next: its merges, so that new faces are all that is compared again.

use std::path::Path;

use streamface_cluster::{Constraints, History, Merge, Parts, Settings, renumber};
use streamface_store::{About, read_pairs, write_pairs};
use streamface_types::Embeddings;

use super::decisions::Taken;
use crate::error::At as _;
use crate::{Error, Result};

/// The file of a dataset directory's checkpoint, in its folder of metadata.
pub(super) const FILE: &str = "merges.parquet";

/// Merges of an earlier run.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    pub(super) merges: Vec<Merge>,
    /// What ties its parts together, if it found any, and their threshold.
    ties: Option<(f64, Vec<(u32, u32)>)>,
    /// These parts, once rows have the numbers that they have now.
    parts: Option<Parts>,
    pub(super) threshold: f64,
    /// Rows that it was of.
    pub(super) rows: usize,
    /// Their [`fingerprint`].
    vectors: String,
    metric: String,
    /// What it took from decisions.
    pub(super) taken: Option<Taken>,
}

impl Checkpoint {
    /// Reads what [`write`] wrote; none where there is no file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let (about, pairs) = read_pairs(path, u32::MAX.into())?;
        let known = |key: &str| {
            about.get(key).cloned().at(|| format!("{}: not merges of `streamface cluster`", path.display()))
        };
        if known("kind")? != "merges" {
            let kind = known("kind")?;
            return Err(Error::Input(format!(
                "{}: not merges of `streamface cluster`, but {kind}",
                path.display()
            )));
        }
        let broken = || Error::Input(format!("{}: broken", path.display()));
        // Earlier versions knew of no decisions.
        let taken = match about.get("decisions") {
            Some(decisions) => {
                Some(Taken { decisions: decisions.parse().map_err(|_| broken())?, pairs: known("decided")? })
            }
            None => None,
        };
        // Earlier versions knew of no parts, whose ties follow the merges.
        let mut merges: Vec<Merge> =
            pairs.into_iter().map(|(a, b, distance)| Merge { a, b, distance }).collect();
        let ties = match about.get("parts") {
            Some(threshold) => {
                let count = known("merges")?.parse::<usize>().map_err(|_| broken())?.min(merges.len());
                let ties = merges.split_off(count).into_iter().map(|m| (m.a, m.b)).collect();
                Some((threshold.parse().map_err(|_| broken())?, ties))
            }
            None => None,
        };
        Ok(Some(Self {
            merges,
            ties,
            parts: None,
            threshold: known("threshold")?.parse().map_err(|_| broken())?,
            rows: known("rows")?.parse().map_err(|_| broken())?,
            vectors: known("vectors")?,
            metric: known("metric")?,
            taken,
        }))
    }

    /// What [`streamface_cluster::append`] goes on from.
    pub(super) fn history<'a>(&'a self, constraints: &'a Constraints) -> History<'a> {
        let parts = self.parts.as_ref();
        History { merges: &self.merges, threshold: self.threshold, constraints, parts }
    }

    /// Gives the rows the numbers that they have among all `rows` now, which ascend.
    pub(super) fn renumber(&mut self, now: &[u32], rows: usize) -> Result<()> {
        self.merges = renumber(&self.merges, now)?;
        if let Some((threshold, ties)) = self.ties.take() {
            self.parts = Some(Parts::tied(now.len(), threshold, ties)?.renumbered(now, rows)?);
        }
        Ok(())
    }

    /// Checks that it is of `rows` rows with these numbers.
    pub(super) fn check(&self, path: &Path, settings: &Settings, rows: usize, numbers: &[f32]) -> Result<()> {
        let remedy = "cluster once without --append";
        if self.metric != settings.metric().to_string() {
            let said = format!("{} is of another metric, {}; {remedy}", path.display(), self.metric);
            return Err(Error::Mismatch(said));
        }
        if self.rows != rows || self.vectors != fingerprint(rows, numbers) {
            return Err(Error::Mismatch(format!(
                "{} is of other vectors than the first {} of these; {remedy}",
                path.display(),
                self.rows
            )));
        }
        Ok(())
    }
}

/// Writes the merges of a run, and what ties its parts together.
pub(super) fn write(
    path: &Path,
    (merges, parts): (&[Merge], Option<&Parts>),
    settings: &Settings,
    rows: &Embeddings,
    taken: Option<&Taken>,
) -> Result<()> {
    let mut about = About::from([
        ("kind".to_owned(), "merges".to_owned()),
        ("rows".to_owned(), rows.len().to_string()),
        ("metric".to_owned(), settings.metric().to_string()),
        ("threshold".to_owned(), settings.threshold().to_string()),
        ("vectors".to_owned(), fingerprint(rows.len(), rows.as_slice())),
    ]);
    if let Some(taken) = taken {
        about.insert("decisions".to_owned(), taken.decisions.to_string());
        about.insert("decided".to_owned(), taken.pairs.clone());
    }
    if let Some(parts) = parts {
        about.insert("merges".to_owned(), merges.len().to_string());
        about.insert("parts".to_owned(), parts.threshold.to_string());
    }
    let ties = parts.into_iter().flat_map(|parts| parts.ties().map(|(a, b)| (a, b, parts.threshold)));
    let pairs = merges.iter().map(|m| (m.a, m.b, m.distance)).chain(ties);
    write_pairs(path, &about, pairs.map(Ok::<_, std::convert::Infallible>))?;
    Ok(())
}

/// A few letters that tell matrices apart.
pub(super) fn fingerprint(rows: usize, numbers: &[f32]) -> String {
    // Four sums that do not wait for each other.
    let mut hash = [0xCBF2_9CE4_8422_2325_u64 ^ rows as u64; 4];
    let add = |hash: &mut u64, x: &f32| {
        *hash = (hash.rotate_left(5) ^ u64::from(x.to_bits())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    };
    let (full, rest) = numbers.as_chunks::<4>();
    full.iter().for_each(|numbers| hash.iter_mut().zip(numbers).for_each(|(hash, x)| add(hash, x)));
    hash.iter_mut().zip(rest).for_each(|(hash, x)| add(hash, x));
    let all = hash
        .iter()
        .fold(numbers.len() as u64, |all, h| (all.rotate_left(17) ^ h).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    format!("{all:016x}")
}
