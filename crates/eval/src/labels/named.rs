//! Labels that may be texts, as they are in the file.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Labels by the stem of the face's name, and what they are called where the file has texts for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labelled {
    /// A number for each face.
    pub labels: BTreeMap<String, i64>,
    /// The text of each number; where the file's labels are numbers, names of those people who have one.
    pub names: BTreeMap<i64, String>,
    /// Whether the file's labels are numbers.
    pub numbered: bool,
}

impl Labelled {
    /// What to call a label: its text, else `Person 3`, or `noise` below 0.
    #[must_use]
    pub fn name(&self, label: i64) -> String {
        match self.names.get(&label) {
            Some(name) => name.clone(),
            None if label < 0 => "noise".to_owned(),
            None => format!("Person {label}"),
        }
    }

    /// Renumbers this one where the labels of either are texts, so that equal labels are equal numbers and no others are: a
    /// text, or the name of a number, is the number that `first` has for it, and a number never equals a text. Numbers below
    /// 0 stay.
    pub fn agree_with(&mut self, first: &Self) {
        let numbers = |of: &Self| of.numbered || of.names.is_empty();
        if numbers(self) && numbers(first) {
            return;
        }
        let known: HashMap<&str, i64> = first.names.iter().map(|(&l, n)| (n.as_str(), l)).collect();
        let used: HashSet<i64> = first.labels.values().chain(first.names.keys()).copied().collect();
        let mut free = (0..).filter(|label| !used.contains(label));
        let old: BTreeSet<i64> = self.labels.values().chain(self.names.keys()).copied().collect();
        let mut new = HashMap::new();
        let mut names = BTreeMap::new();
        for label in old.into_iter().filter(|&label| label >= 0) {
            let same = self.names.get(&label).and_then(|name| known.get(name.as_str()).copied());
            // Two numbers of one name stay two.
            let same = same.filter(|number| !names.contains_key(number));
            // There are fewer labels than numbers.
            let Some(number) = same.or_else(|| free.next()) else { break };
            new.insert(label, number);
            names.insert(number, self.name(label));
        }
        self.labels.values_mut().for_each(|label| *label = new.get(label).copied().unwrap_or(*label));
        self.names = names;
        self.numbered = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[(&str, &str)]) -> Labelled {
        let mut found = Labelled::default();
        for (face, text) in all {
            let known = found.names.iter().find(|(_, n)| n == text).map(|(&l, _)| l);
            let label = known.unwrap_or(found.names.len() as i64);
            found.names.insert(label, (*text).to_owned());
            found.labels.insert((*face).to_owned(), label);
        }
        found
    }

    #[test]
    fn equal_texts_become_equal_numbers() {
        let a = texts(&[("1", "Zoe"), ("2", "Adam"), ("3", "Zoe")]);
        let mut b = texts(&[("1", "Adam"), ("2", "Eve"), ("3", "Zoe")]);
        let before = b.clone();
        b.agree_with(&a);
        for (face, label) in &b.labels {
            assert_eq!(b.name(*label), before.name(before.labels[face]));
        }
        assert_eq!((b.labels["1"], b.labels["3"]), (a.labels["2"], a.labels["1"]));
        assert!(!a.labels.values().any(|&l| l == b.labels["2"]));
    }

    #[test]
    fn named_numbers_equal_texts_and_other_numbers_stay() {
        let labels = |all: &[(&str, i64)]| all.iter().map(|&(f, l)| (f.to_owned(), l)).collect();
        let named = |label: i64, name: &str| BTreeMap::from([(label, name.to_owned())]);
        let truth = texts(&[("1", "Zoe"), ("2", "Adam")]);
        let mut found = Labelled {
            labels: labels(&[("1", 9), ("2", 4), ("3", 0)]),
            names: named(9, "Zoe"),
            numbered: true,
        };
        let mut other = Labelled { names: named(4, "Eve"), ..found.clone() };
        other.agree_with(&found);
        assert_eq!(other.labels, found.labels, "both are numbers");
        found.agree_with(&truth);
        assert_eq!(found.labels["1"], truth.labels["1"]);
        assert!(!truth.names.contains_key(&found.labels["2"]) && found.labels["2"] != found.labels["3"]);
        assert_eq!(found.name(found.labels["2"]), "Person 4");
    }

    #[test]
    fn a_text_is_never_a_number() {
        for numbers in [vec![0, 1, 5], vec![-1], vec![i64::MAX, 3], vec![]] {
            let labels: BTreeMap<String, i64> =
                numbers.iter().enumerate().map(|(i, &l)| (i.to_string(), l)).collect();
            let numbered = Labelled { labels, names: BTreeMap::new(), numbered: true };
            let text = texts(&[("1", "0"), ("2", "x")]);
            let (mut a, mut b) = (text.clone(), numbered.clone());
            a.agree_with(&numbered);
            assert!(a.labels.values().all(|l| *l >= 0 && !numbers.contains(l)), "{numbers:?}: {a:?}");
            assert_eq!((a.names.len(), a.name(a.labels["2"])), (2, "x".to_owned()));
            b.agree_with(&text);
            for (face, label) in &b.labels {
                assert_eq!(*label < 0, numbered.labels[face] < 0);
                assert!(*label < 0 || !text.labels.values().any(|l| l == label));
                assert_eq!(b.name(*label), numbered.name(numbered.labels[face]));
            }
        }
        assert_eq!(
            (Labelled::default().name(-1), Labelled::default().name(7)),
            ("noise".into(), "Person 7".into())
        );
    }
}
