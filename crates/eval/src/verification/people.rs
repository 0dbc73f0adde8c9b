//! Who the pairs of a file are of.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::Pair;

/// How the people of pairs are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldBy {
    /// The folder of an image (`Ann/3`).
    Folder,
    /// The name of an image without its number (`Ann_0003`).
    Name,
    /// Images that pairs of one person connect. Someone who is in no such pair is as many people as images.
    Pairs,
}

impl fmt::Display for ToldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "by the folders of the images",
            Self::Name => "by the names of the images",
            Self::Pairs => "by the pairs of one person alone, which do not tell all of them",
        })
    }
}

/// The two people of each pair, as numbers; twice the same one for a pair of one person. Folders or names are taken where
/// they agree with every pair.
#[must_use]
pub fn people_of(pairs: &[Pair]) -> (Vec<[u32; 2]>, ToldBy) {
    let by = |of: fn(&str) -> Option<&str>| {
        let agrees = |p: &Pair| of(&p.left).zip(of(&p.right)).is_some_and(|(a, b)| (a == b) == p.same);
        pairs.iter().all(agrees).then_some(of)
    };
    let ways = [(folder as fn(&str) -> Option<&str>, ToldBy::Folder), (unnumbered, ToldBy::Name)];
    let told = ways.into_iter().find_map(|(of, how)| Some((by(of)?, how)));
    match told {
        Some((of, how)) => (numbered(pairs, |name| of(name).unwrap_or(name).to_owned()), how),
        None => {
            let joined = joined(pairs);
            (numbered(pairs, |name| joined[name].clone()), ToldBy::Pairs)
        }
    }
}

fn folder(name: &str) -> Option<&str> {
    let (folder, _) = name.rsplit_once('/')?;
    Some(folder.rsplit('/').next().unwrap_or(folder)).filter(|folder| !folder.is_empty())
}

fn unnumbered(name: &str) -> Option<&str> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let (person, number) = name.rsplit_once('_')?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (is_number && !person.is_empty()).then_some(person)
}

fn numbered(pairs: &[Pair], person: impl Fn(&str) -> String) -> Vec<[u32; 2]> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut number = |name: &str| {
        let next = numbers.len() as u32;
        *numbers.entry(person(name)).or_insert(next)
    };
    pairs.iter().map(|p| [number(&p.left), number(&p.right)]).collect()
}

/// For each image the first of those that pairs of one person connect it with.
fn joined(pairs: &[Pair]) -> BTreeMap<&str, String> {
    let names: BTreeMap<&str, usize> = {
        let mut all: Vec<&str> = pairs.iter().flat_map(|p| [p.left.as_str(), p.right.as_str()]).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().zip(0..).collect()
    };
    let mut parent: Vec<usize> = (0..names.len()).collect();
    let root = |parent: &mut Vec<usize>, mut at: usize| {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    };
    for p in pairs.iter().filter(|p| p.same) {
        let (a, b) = (root(&mut parent, names[p.left.as_str()]), root(&mut parent, names[p.right.as_str()]));
        parent[a.max(b)] = a.min(b);
    }
    let by_number: Vec<&str> = names.keys().copied().collect();
    names.iter().map(|(&name, &at)| (name, by_number[root(&mut parent, at)].to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(&str, &str, bool)]) -> Vec<Pair> {
        let pair = |&(left, right, same): &(&str, &str, bool)| Pair {
            left: left.to_owned(),
            right: right.to_owned(),
            same,
            fold: 0,
        };
        all.iter().map(pair).collect()
    }

    #[test]
    fn people_by_folders_names_or_pairs() {
        let lfw = pairs(&[("A_B_0001", "A_B_0004", true), ("A_B_0001", "C_0002", false)]);
        assert_eq!(people_of(&lfw), (vec![[0, 0], [0, 1]], ToldBy::Name));
        let ytf = pairs(&[("Ann/0", "Ann/3", true), ("Ann/0", "Zoe/1", false), ("x/Zoe/1", "Bob/1", false)]);
        assert_eq!(people_of(&ytf), (vec![[0, 0], [0, 1], [1, 2]], ToldBy::Folder));
        // One folder holds two people, so folders say nothing.
        let any = pairs(&[
            ("d/a", "d/b", true),
            ("d/b", "d/c", true),
            ("d/c", "d/e", false),
            ("d/f", "d/a", false),
        ]);
        assert_eq!(people_of(&any), (vec![[0, 0], [0, 0], [0, 1], [2, 0]], ToldBy::Pairs));
        assert_eq!(people_of(&pairs(&[("_1", "7", true)])).1, ToldBy::Pairs);
    }
}
