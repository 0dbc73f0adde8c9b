//! Labeled Faces in the Wild: `Name/Name_0001.png` and `pairs.txt`, the pairs of its verification protocol.
//!
//! ```text
//! 10    300                        folds, pairs of each kind in a fold
//! Aaron_Peirsol    1    2          300 lines: two pictures of one person
//! Abel_Pacheco 1 Bob_Graham 4      300 lines: pictures of two people; then the next fold
//! ```
//!
//! Source: the LFW readme ("View 2") and `pairs.txt`; fields are parted by tabs. No person is in two folds, as there. LFW's
//! own pictures are JPEG; ours stay PNG.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use streamface_kernels::SplitMix64;
use streamface_store::{PersonFolders, write_atomic};
use streamface_types::Label;

use super::imagefolder;
use crate::Error;
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::report::{Observer, Progress, Summary};
use crate::snapshot::Snapshot;
use crate::staging::Staging;

/// Labeled Faces in the Wild.
#[derive(Debug, Clone, Copy)]
pub struct Lfw;

impl Format for Lfw {
    fn name(&self) -> &'static str {
        "lfw"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("LFW: a folder for each person, pairs.txt"),
            import: Some("LFW: photos, labels"),
        }
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        settings: &ExportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        export(set, out, settings, observe)
    }

    fn import(
        &self,
        path: &Path,
        out: &Path,
        settings: &ImportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        imagefolder::import(path, out, settings, true, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        path.join("pairs.txt").is_file() || path.join("pairsDevTrain.txt").is_file()
    }
}

/// Names in LFW's form, without spaces: `Aaron_Peirsol`, and `person_00003` for someone without a name.
fn people(set: &Snapshot<'_>, labels: impl Iterator<Item = Label>) -> PersonFolders {
    let numbered = |label: &Label| format!("person_{:05}", label.0);
    PersonFolders::with(labels, &set.names, numbered, |name| name.replace(char::is_whitespace, "_"))
}

fn export(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let (faces, mut summary) = set.pictured(settings.kind(), false)?;
    let mut sizes: BTreeMap<Label, usize> = BTreeMap::new();
    faces.iter().for_each(|(_, label, _)| *sizes.entry(*label).or_default() += 1);
    let sizes: Vec<(Label, usize)> = sizes.into_iter().collect();
    let counts: Vec<usize> = sizes.iter().map(|s| s.1).collect();
    let folds = pairs(&counts, settings.folds, settings.pairs, settings.seed)
        .map_err(|why| Error::lacks(set.root(), why))?;

    let staging = Staging::new(out)?;
    let people = people(set, sizes.iter().map(|(label, _)| *label));
    people.write(staging.path())?;
    let person = |label: Label| people.of(label);
    let mut written: BTreeMap<Label, usize> = BTreeMap::new();
    for ((_, label, from), done) in faces.iter().zip(1..) {
        let number = written.entry(*label).or_default();
        *number += 1;
        let name = person(*label);
        let to = staging.folder(&name)?.join(format!("{name}_{number:04}.png"));
        settings.place.put(from, &to)?;
        observe(Progress { what: "faces", done, total: faces.len() as u64 });
    }
    let path = staging.path().join("pairs.txt");
    write_atomic(&path, |file| {
        writeln!(file, "{}\t{}", folds.len(), folds.first().map_or(0, |f| f.same.len()))?;
        for fold in &folds {
            for &(p, a, b) in &fold.same {
                writeln!(file, "{}\t{}\t{}", person(sizes[p].0), a + 1, b + 1)?;
            }
            for &((p, a), (q, b)) in &fold.different {
                writeln!(file, "{}\t{}\t{}\t{}", person(sizes[p].0), a + 1, person(sizes[q].0), b + 1)?;
            }
        }
        Ok(())
    })?;
    let asked = settings.pairs;
    let made = folds.first().map_or(0, |f| f.same.len());
    if made < asked {
        let why = "pairs of each kind in every fold: --pairs asks for more than the faces of one fold make (try fewer --folds)";
        summary.leave_out(why, (asked - made) as u64);
    }
    staging.finish()?;
    Ok(summary)
}

/// Pairs of a fold, in the order of their people and pictures; all counted from 0.
#[derive(Debug, Default, PartialEq)]
struct Fold {
    /// Person, two of its pictures.
    same: Vec<(usize, usize, usize)>,
    /// Two people, a picture of each.
    different: Vec<((usize, usize), (usize, usize))>,
}

/// The most that is asked for: pairs that fit in memory many times over.
const MOST_PAIRS: usize = 10_000_000;

/// Draws pairs: people are dealt out to folds, then each fold gets `wanted` pairs of each kind among its people, or as
/// many as the poorest fold can have. No pair comes twice. The same seed gives the same pairs.
fn pairs(counts: &[usize], folds: usize, wanted: usize, seed: u64) -> Result<Vec<Fold>, String> {
    if folds == 0 || wanted == 0 || folds.saturating_mul(wanted) > MOST_PAIRS {
        return Err(format!("{folds} folds of {wanted} pairs: 1 to {MOST_PAIRS} pairs in all are made"));
    }
    let several = counts.iter().filter(|&&n| n > 1).count();
    if counts.len() < 2 * folds || several < folds {
        return Err(format!(
            "{} people, {several} of them with two faces: {folds} folds need two people each, one of them with two \
             faces; give --folds fewer",
            counts.len()
        ));
    }
    let mut random = SplitMix64::new(seed);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, random.below(i + 1));
    }
    // Those with most pairs first, round by round, the first of a round to the fold that has fewest: so every fold has
    // two people, one of them with two faces.
    let same_pairs = |p: usize| counts[p] as u64 * (counts[p] as u64 - 1) / 2;
    order.sort_by_key(|&p| std::cmp::Reverse(same_pairs(p).min(wanted as u64)));
    let mut people: Vec<Vec<usize>> = vec![Vec::new(); folds];
    let mut have = vec![0; folds];
    for round in order.chunks(folds) {
        let mut poorest: Vec<usize> = (0..folds).collect();
        poorest.sort_by_key(|&f| have[f]);
        for (&p, f) in round.iter().zip(poorest) {
            have[f] += same_pairs(p);
            people[f].push(p);
        }
    }
    people.iter_mut().for_each(|p| p.sort_unstable());
    let others = |fold: &[usize]| {
        let all: u64 = fold.iter().map(|&p| counts[p] as u64).sum();
        let squares: u64 = fold.iter().map(|&p| (counts[p] as u64).pow(2)).sum();
        (all * all - squares) / 2
    };
    let most = (0..folds).map(|f| have[f].min(others(&people[f]))).min().unwrap_or(0).min(wanted as u64);
    Ok(people.iter().map(|fold| draw(fold, counts, most, &mut random)).collect())
}

fn draw(fold: &[usize], counts: &[usize], n: u64, random: &mut SplitMix64) -> Fold {
    // Every same pair has a number: those of the first person, then those of the second, and so on.
    let ends: Vec<u64> = fold
        .iter()
        .scan(0, |end, &p| {
            *end += counts[p] as u64 * (counts[p] as u64 - 1) / 2;
            Some(*end)
        })
        .collect();
    let same = distinct(random, n, ends.last().copied().unwrap_or(0)).into_iter().map(|number| {
        let at = ends.partition_point(|&end| end <= number);
        let mut within = number - if at == 0 { 0 } else { ends[at - 1] };
        let (mut a, last) = (0, counts[fold[at]] as u64 - 1);
        while within >= last - a {
            within -= last - a;
            a += 1;
        }
        (fold[at], a as usize, (a + 1 + within) as usize)
    });
    let same = same.collect();
    // Two pictures at a time, until enough are of two people. Where that takes long there are few, which are listed.
    let pictures: Vec<(usize, usize)> =
        fold.iter().flat_map(|&p| (0..counts[p]).map(move |picture| (p, picture))).collect();
    let mut different = BTreeSet::new();
    let mut tries = 0;
    while (different.len() as u64) < n && tries < 100 * n {
        tries += 1;
        let pick = |r: &mut SplitMix64| pictures[r.below(pictures.len())];
        let (a, b) = (pick(random), pick(random));
        if a.0 != b.0 {
            different.insert((a.min(b), a.max(b)));
        }
    }
    let mut rest = pictures
        .iter()
        .enumerate()
        .flat_map(|(i, &a)| pictures[i + 1..].iter().filter(move |b| b.0 != a.0).map(move |&b| (a, b)));
    while (different.len() as u64) < n {
        let Some(pair) = rest.next() else { break };
        different.insert(pair);
    }
    Fold { same, different: different.into_iter().collect() }
}

/// `n` different numbers below `all`, ascending (Floyd's sampling; Bentley and Floyd 1987).
fn distinct(random: &mut SplitMix64, n: u64, all: u64) -> BTreeSet<u64> {
    let mut taken = BTreeSet::new();
    for top in all.saturating_sub(n)..all {
        let number = random.below(top as usize + 1) as u64;
        if !taken.insert(number) {
            taken.insert(top);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counts: &[usize], folds: usize, wanted: usize) -> usize {
        let made = pairs(counts, folds, wanted, 7).unwrap();
        assert_eq!(made, pairs(counts, folds, wanted, 7).unwrap());
        assert_eq!(made.len(), folds);
        let n = made[0].same.len();
        let mut seen: Vec<BTreeSet<usize>> = Vec::new();
        for fold in &made {
            assert_eq!((fold.same.len(), fold.different.len()), (n, n));
            let mut people = BTreeSet::new();
            for &(p, a, b) in &fold.same {
                assert!(a < b && b < counts[p]);
                people.insert(p);
            }
            for &((p, a), (q, b)) in &fold.different {
                assert!(p != q && a < counts[p] && b < counts[q]);
                people.extend([p, q]);
            }
            assert_eq!(fold.same.iter().collect::<BTreeSet<_>>().len(), n, "no pair twice");
            assert_eq!(fold.different.iter().collect::<BTreeSet<_>>().len(), n, "no pair twice");
            assert!(seen.iter().all(|s| s.is_disjoint(&people)), "no person in two folds");
            seen.push(people);
        }
        n
    }

    #[test]
    fn pairs_are_of_the_people_they_say() {
        assert_eq!(check(&[6; 40], 10, 300), 60);
        assert_eq!(check(&[6; 40], 10, 20), 20);
        // Every pair there is.
        assert_eq!(check(&[2, 1], 1, 300), 1);
        assert_eq!(check(&[3, 1, 1], 1, 300), 3);
        assert!(check(&[500, 1, 1, 2, 2, 1, 9, 4], 2, 300) > 0);
        assert_ne!(pairs(&[6; 40], 10, 20, 1), pairs(&[6; 40], 10, 20, 2));
    }

    #[test]
    fn too_few_people_are_told() {
        assert!(pairs(&[5; 19], 10, 300, 0).unwrap_err().contains("--folds fewer"));
        assert!(pairs(&[1; 30], 10, 300, 0).unwrap_err().contains("0 of them with two"));
        assert!(pairs(&[5; 30], 0, 300, 0).is_err());
        assert!(pairs(&[5; 30], usize::MAX, 300, 0).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_people(counts in proptest::collection::vec(1_usize..9, 2..30), folds in 1_usize..6, wanted in 1_usize..50) {
            if let Ok(made) = pairs(&counts, folds, wanted, 3) {
                proptest::prop_assert!(check(&counts, folds, wanted) >= 1);
                proptest::prop_assert_eq!(made.len(), folds);
            }
        }
    }
}
