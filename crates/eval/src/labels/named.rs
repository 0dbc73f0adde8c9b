//! Labels that may be texts, as they are in the file.

use std::collections::{BTreeMap, HashMap};

/// Labels by the stem of the face's name, and what they are called where the file has texts for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labelled {
    /// A number for each face.
    pub labels: BTreeMap<String, i64>,
    /// The text of each number; empty where the file's labels are numbers.
    pub names: BTreeMap<i64, String>,
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

    /// Numbers texts alike in both, so that equal labels are equal numbers and no others are. Labels that
    /// are numbers stay as they are; none of them equals a text.
    pub fn agree(&mut self, other: &mut Self) {
        match (self.names.is_empty(), other.names.is_empty()) {
            (true, true) => {}
            (true, false) => other.move_above(self),
            (false, true) => self.move_above(other),
            (false, false) => {
                let known: HashMap<String, i64> = self.names.iter().map(|(&l, n)| (n.clone(), l)).collect();
                let mut next = self.names.keys().last().map_or(0, |l| l + 1);
                let mut number = |name: &String| {
                    known.get(name).copied().unwrap_or_else(|| {
                        next += 1;
                        next - 1
                    })
                };
                let new: BTreeMap<i64, i64> = other.names.iter().map(|(&l, n)| (l, number(n))).collect();
                other.renumber(|label| new.get(&label).copied().unwrap_or(label));
            }
        }
    }

    /// Every text of it beyond every number of the other.
    fn move_above(&mut self, numbers: &Self) {
        let above = numbers.labels.values().max().map_or(0, |&most| most.saturating_add(1).max(0));
        // Texts are numbered from 0 by appearance, so there are no more of them than of rows; a label near
        // the end of i64 is met from below, where no text is either.
        let texts = self.labels.len() as i64;
        let from = if above <= i64::MAX - texts {
            above
        } else {
            numbers.labels.values().min().map_or(0, |&least| least.saturating_sub(texts))
        };
        self.renumber(|label| label + from);
    }

    fn renumber(&mut self, new: impl Fn(i64) -> i64) {
        self.labels.values_mut().for_each(|label| *label = new(*label));
        self.names = std::mem::take(&mut self.names).into_iter().map(|(l, n)| (new(l), n)).collect();
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
        let mut a = texts(&[("1", "Zoe"), ("2", "Adam"), ("3", "Zoe")]);
        let mut b = texts(&[("1", "Adam"), ("2", "Eve"), ("3", "Zoe")]);
        let (named_a, named_b) = (a.clone(), b.clone());
        a.agree(&mut b);
        assert_eq!(a, named_a);
        for (face, label) in &b.labels {
            assert_eq!(b.name(*label), named_b.name(named_b.labels[face]));
        }
        assert_eq!((b.labels["1"], b.labels["3"]), (a.labels["2"], a.labels["1"]));
        assert!(!a.labels.values().any(|&l| l == b.labels["2"]));
    }

    #[test]
    fn a_text_is_never_a_number() {
        for numbers in [vec![0, 1, 5], vec![-1], vec![i64::MAX, 3], vec![]] {
            let mut a = texts(&[("1", "0"), ("2", "x")]);
            let labels = numbers.iter().enumerate().map(|(i, &l)| (i.to_string(), l)).collect();
            let mut b = Labelled { labels, names: BTreeMap::new() };
            let before = b.clone();
            a.agree(&mut b);
            assert_eq!(b, before);
            assert!(a.labels.values().all(|l| !numbers.contains(l)), "{numbers:?}: {a:?}");
            assert_eq!(a.names.len(), 2);
            assert_eq!(a.name(a.labels["2"]), "x");
        }
        assert_eq!((Labelled::default().name(-1), Labelled::default().name(7)), ("noise".into(), "Person 7".into()));
    }
}
