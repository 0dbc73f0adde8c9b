//! Numbers of the people of an imported set.

use std::collections::{BTreeMap, HashMap, HashSet};

use streamface_types::{FaceId, Label};

/// The label of each face. `people` is what the set calls the person of a face; `numbers` are numbers beside the names of
/// some, which stay if each of them is one name's.
pub(crate) fn labels(
    people: &BTreeMap<FaceId, String>,
    numbers: &BTreeMap<FaceId, i64>,
) -> BTreeMap<FaceId, Label> {
    if let Some(labels) = by_given_numbers(people, numbers) {
        return labels;
    }
    let of = by_text(people.values());
    let label = |(face, person): (&FaceId, &String)| Some((face.clone(), *of.get(person.as_str())?));
    people.iter().filter_map(label).collect()
}

/// Where the set has numbers beside names: these, and for people without one the next that are free. `None` where there are
/// no such numbers, where one is of two names, or is none of a person.
fn by_given_numbers(
    people: &BTreeMap<FaceId, String>,
    numbers: &BTreeMap<FaceId, i64>,
) -> Option<BTreeMap<FaceId, Label>> {
    let mut name_of: BTreeMap<i64, &str> = BTreeMap::new();
    let (mut labels, mut rest) = (BTreeMap::new(), Vec::new());
    for (face, person) in people {
        match numbers.get(face).copied().or_else(|| whole(person)) {
            Some(number) if number < -1 => return None,
            Some(number) => {
                if *name_of.entry(number).or_insert(person) != person {
                    return None;
                }
                labels.insert(face.clone(), Label(number));
            }
            None => rest.push((face, person)),
        }
    }
    if numbers.is_empty() {
        return None;
    }
    let taken: HashSet<i64> = name_of.keys().copied().collect();
    let known: HashSet<&str> = name_of.values().copied().collect();
    let mut free = (0..).filter(|number| !taken.contains(number));
    let mut new: BTreeMap<&str, i64> =
        by_size(rest.iter().map(|(_, person)| person.as_str()).filter(|person| !known.contains(person)))
            .into_iter()
            .map_while(|person| Some((person, free.next()?)))
            .collect();
    // The same name as that of one who has a number is the same person, the first of several.
    new.extend(name_of.iter().rev().map(|(&number, &name)| (name, number)));
    labels.extend(
        rest.into_iter().filter_map(|(face, person)| Some((face.clone(), Label(*new.get(person.as_str())?)))),
    );
    Some(labels)
}

/// A name that is a whole number from −1. '1' and '01' are different names, so only the plain spelling is a number.
fn whole(person: &str) -> Option<i64> {
    person.parse::<i64>().ok().filter(|n| *n >= -1 && n.to_string() == person)
}

/// Names, that of most faces first, then in their order.
fn by_size<'p>(people: impl Iterator<Item = &'p str>) -> Vec<&'p str> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    people.for_each(|p| *sizes.entry(p).or_default() += 1);
    let mut by_size: Vec<(&str, usize)> = sizes.into_iter().collect();
    by_size.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    by_size.into_iter().map(|(person, _)| person).collect()
}

/// A number for each person: its name where all names are whole numbers, else by size, the largest first, and by name.
/// `-1` belongs to no one.
fn by_text<'p>(people: impl Iterator<Item = &'p String>) -> HashMap<&'p str, Label> {
    let people = by_size(people.map(String::as_str));
    if let Some(all) = people.iter().map(|p| Some((*p, Label(whole(p)?)))).collect() {
        return all;
    }
    let named = people.into_iter().filter(|p| *p != "-1").zip(0..).map(|(person, n)| (person, Label(n)));
    named.chain([("-1", Label::NOISE)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(all: &[(&str, Option<i64>)]) -> Vec<i64> {
        let face = |at: usize| format!("f{at}_face_0").parse::<FaceId>().unwrap();
        let people =
            all.iter().enumerate().map(|(at, (person, _))| (face(at), (*person).to_owned())).collect();
        let numbers =
            all.iter().enumerate().filter_map(|(at, (_, number))| Some((face(at), (*number)?))).collect();
        labels(&people, &numbers).into_values().map(|l| l.0).collect()
    }

    #[test]
    fn people_are_numbered_by_size_or_keep_their_numbers() {
        let numbers = |people: &[&str]| given(&people.iter().map(|p| (*p, None)).collect::<Vec<_>>());
        assert_eq!(numbers(&["b", "a", "c", "c", "-1"]), [2, 1, 0, 0, -1]);
        assert_eq!(numbers(&["7", "-1", "7", "0"]), [7, -1, 7, 0]);
        assert_eq!(numbers(&["7", "07", "07"]), [1, 0, 0]);
        assert_eq!(numbers(&["-2", "-2", "5"]), [0, 0, 1]);
    }

    #[test]
    fn numbers_beside_names_stay_if_each_is_of_one_name() {
        assert_eq!(given(&[("Ann", Some(7)), ("Bob", Some(2)), ("3", None), ("-1", None)]), [7, 2, 3, -1]);
        assert_eq!(given(&[("Ann", Some(7)), ("Ann", Some(2))]), [7, 2], "two people of one name");
        assert_eq!(
            given(&[("Ann", Some(0)), ("Eve", None), ("Zoe", None), ("Zoe", None), ("Ann", None)]),
            [0, 2, 1, 1, 0]
        );
        assert_eq!(
            given(&[("Ann", Some(7)), ("Bob", Some(7)), ("Bob", None)]),
            [1, 0, 0],
            "one number of two"
        );
        assert_eq!(given(&[("Ann", Some(-5)), ("Bob", Some(7))]), [0, 1]);
    }
}
