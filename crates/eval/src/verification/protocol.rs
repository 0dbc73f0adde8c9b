//! Pairs from files, and the rows they are of.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read as _;
use std::path::Path;

use crate::Error;
use crate::labels::{open, stem, within};

/// Largest file of pairs that is read, in bytes: LFW's has 6,000 pairs in 150 kB.
const MAX_FILE: u64 = 256 << 20;

/// Two images, and whether they show one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// One.
    pub left: String,
    /// The other.
    pub right: String,
    /// Whether it is one person.
    pub same: bool,
    /// The fold, from 0.
    pub fold: usize,
}

/// Reads pairs in one of two forms.
///
/// - LFW (`pairs.txt`): first `folds n`, or `n` for one fold; then for each fold n lines `name i j`, one
///   person, and n lines `name i other j`, two; fields apart by tabs or spaces. Image i of a name is
///   `name_0001`.
/// - YTF (`splits.txt`), and any other: lines `fold, name, name, …, 1 or 0`, with or without a header.
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`]; [`Error::Pairs`] names the line.
pub fn read_pairs(path: impl AsRef<Path>) -> Result<Vec<Pair>, Error> {
    let path = path.as_ref();
    let mut input = open(path, MAX_FILE)?;
    let mut text = String::new();
    let read = input.read_to_string(&mut text);
    within(path, &input, MAX_FILE)?;
    read.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let lines: Vec<(usize, &str)> = lines.map(|(at, line)| (at + 1, line)).collect();
    let pairs = match lines.first() {
        Some((_, first)) if first.contains(',') => csv_form(&lines),
        Some(_) => lfw_form(&lines),
        None => Err((1, "empty; expected LFW's pairs or lines of fold, name, name, 1 or 0".to_owned())),
    };
    pairs.map_err(|(line, why)| Error::Pairs { path: path.to_owned(), line, why })
}

type Broken = (usize, String);

fn lfw_form(lines: &[(usize, &str)]) -> Result<Vec<Pair>, Broken> {
    fn fields(line: &str) -> Vec<&str> {
        if line.contains('\t') {
            line.split('\t').map(str::trim).collect()
        } else {
            line.split_whitespace().collect()
        }
    }
    let (at, first) = lines[0];
    let number = |text: &str| text.parse::<usize>().ok().filter(|&n| (1..=1_000_000).contains(&n));
    let head: Option<Vec<usize>> = fields(first).into_iter().map(number).collect();
    let (folds, each) = match head.as_deref() {
        Some([each]) => (1, *each),
        Some([folds, each]) => (*folds, *each),
        _ => {
            let why = format!(
                "'{}' is not 'folds pairs', the first line of LFW's pairs, such as '10 300'",
                cut(first)
            );
            return Err((at, why));
        }
    };
    let (found, wanted) = (lines.len() - 1, folds * each * 2);
    if found != wanted {
        return Err((
            at,
            format!("it promises {wanted} pairs ({folds} folds of 2 x {each}), but {found} follow"),
        ));
    }
    let image = |line: usize, name: &str, index: &str| match index.parse::<u32>() {
        Ok(index) => Ok(format!("{name}_{index:04}")),
        Err(_) => Err((line, format!("'{}' is not the number of an image of {}", cut(index), cut(name)))),
    };
    let pair = |(k, &(line, text)): (usize, &(usize, &str))| {
        let (fold, same) = (k / (2 * each), k % (2 * each) < each);
        let (left, right) = match (&fields(text)[..], same) {
            ([name, i, j], true) => (image(line, name, i)?, image(line, name, j)?),
            ([name, i, other, j], false) => (image(line, name, i)?, image(line, other, j)?),
            (_, true) => {
                return Err((line, format!("'{}' is not 'name i j', a pair of one person", cut(text))));
            }
            (_, false) => {
                return Err((line, format!("'{}' is not 'name i other j', a pair of two people", cut(text))));
            }
        };
        Ok(Pair { left, right, same, fold })
    };
    lines[1..].iter().enumerate().map(pair).collect()
}

fn csv_form(lines: &[(usize, &str)]) -> Result<Vec<Pair>, Broken> {
    let mut numbers = BTreeSet::new();
    let mut pairs: Vec<(&str, &str, bool, u32)> = Vec::with_capacity(lines.len());
    for (k, &(line, text)) in lines.iter().enumerate() {
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        let fold = fields[0].parse::<u32>().ok();
        if k == 0 && fold.is_none() {
            continue;
        }
        let same = match fields.last().map(|f| f.to_ascii_lowercase()).as_deref() {
            Some("1" | "true") => Some(true),
            Some("0" | "false") => Some(false),
            _ => None,
        };
        let (Some(fold), Some(same), &[_, left, right, .., _]) = (fold, same, &fields[..]) else {
            return Err((line, format!("'{}' is not 'fold, name, name, 1 or 0'", cut(text))));
        };
        if left.is_empty() || right.is_empty() {
            return Err((line, "a name is empty".to_owned()));
        }
        numbers.insert(fold);
        pairs.push((left, right, same, fold));
    }
    let folds: BTreeMap<u32, usize> = numbers.into_iter().zip(0..).collect();
    let pair = |(left, right, same, fold)| Pair {
        left: stem(left).to_owned(),
        right: stem(right).to_owned(),
        same,
        fold: folds[&fold],
    };
    Ok(pairs.into_iter().map(pair).collect())
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The rows that each wanted name is of, among the names of all rows: those whose path is the name or ends
/// in it, extension and `_face_i` passed over; where there is none, those in a folder of that name (the
/// frames of a video). A name without rows is not in the result.
#[must_use]
pub fn rows_by_name<'a>(
    wanted: impl IntoIterator<Item = &'a str>,
    names: &[String],
) -> HashMap<&'a str, Vec<usize>> {
    let wanted: HashSet<&str> = wanted.into_iter().collect();
    let (mut exact, mut inside) = (HashMap::<&str, Vec<usize>>::new(), HashMap::<&str, Vec<usize>>::new());
    for (row, name) in names.iter().enumerate() {
        let path = stem(name);
        let whole = [Some(path), path.rsplit_once("_face_").map(|(frame, _)| frame)];
        let starts = |path: &str| -> Vec<usize> {
            std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1)).collect()
        };
        for path in whole.into_iter().flatten() {
            for from in starts(path) {
                if let Some(&name) = wanted.get(&path[from..]) {
                    let rows = exact.entry(name).or_default();
                    if rows.last() != Some(&row) {
                        rows.push(row);
                    }
                }
            }
        }
        let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        for from in starts(path) {
            for &to in ends.iter().filter(|&&to| to > from) {
                if let Some(&name) = wanted.get(&path[from..to]) {
                    let rows = inside.entry(name).or_default();
                    if rows.last() != Some(&row) {
                        rows.push(row);
                    }
                }
            }
        }
    }
    inside.extend(exact);
    inside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Pair>, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_pairs(file.path())
    }

    fn pair(left: &str, right: &str, same: bool, fold: usize) -> Pair {
        Pair { left: left.to_owned(), right: right.to_owned(), same, fold }
    }

    #[test]
    fn both_lines_of_lfw() {
        let text = "2\t1\nAbel_Pacheco\t1\t4\nAbdel_Madi\t1\tDean_Barker\t12\r\n\nA\t2\t3\nA\t1\tB\t1\n";
        let expected = [
            pair("Abel_Pacheco_0001", "Abel_Pacheco_0004", true, 0),
            pair("Abdel_Madi_0001", "Dean_Barker_0012", false, 0),
            pair("A_0002", "A_0003", true, 1),
            pair("A_0001", "B_0001", false, 1),
        ];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(
            read("1\nA 2 3\nA 1 B 1").unwrap(),
            [pair("A_0002", "A_0003", true, 0), pair("A_0001", "B_0001", false, 0)]
        );
    }

    #[test]
    fn lines_with_commas() {
        let text =
            "split number, first name, second name, is same\n1, Ann_B/0, Ann_B/3, 1\n7, Ann_B/0, Zoe/1, 0\n";
        assert_eq!(
            read(text).unwrap(),
            [pair("Ann_B/0", "Ann_B/3", true, 0), pair("Ann_B/0", "Zoe/1", false, 1)]
        );
        assert_eq!(read("3,a.jpg,b.jpg,x,TRUE\n").unwrap(), [pair("a", "b", true, 0)]);
    }

    #[test]
    fn broken_files_say_where() {
        for (text, part) in [
            ("", "line 1: empty"),
            ("a b c d\n", "line 1: 'a b c d' is not 'folds pairs'"),
            ("2 2\nA 1 2\n", "promises 8 pairs (2 folds of 2 x 2), but 1 follow"),
            ("1 1\nA 1 2\nA 1 2\n", "line 3: 'A 1 2' is not 'name i other j'"),
            ("1 1\nA 1 B 2\nA 1 B 2\n", "line 2: 'A 1 B 2' is not 'name i j'"),
            ("1 1\nA 1 x\nA 1 B 2\n", "line 2: 'x' is not the number of an image of A"),
            ("999999999999 9\n", "is not 'folds pairs'"),
            ("1,a,b,1\n1,a,b\n", "line 2"),
            ("1,a,b,1\n1,a,b,2\n", "line 2: '1,a,b,2' is not"),
            ("1,a,,1\n", "line 1: a name is empty"),
            ("1,a,b,1\nx,a,b,1\n", "line 2"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(part), "{text:?}: {said}");
        }
        assert!(matches!(read_pairs("no/such/pairs.txt"), Err(Error::Read { .. })));
    }

    #[test]
    fn names_of_images_faces_and_videos() {
        let names = [
            "images/A/A_0001.jpg",
            "A_0002_face_0",
            "db/Ann/0/0.55.jpg",
            "db/Ann/0/0.56.jpg",
            "db/Ann/01/0.1.jpg",
            "B_0001.png",
        ];
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let rows = rows_by_name(["A_0001", "A_0002", "Ann/0", "B_0001", "A_0003", "0001", "db/Ann"], &names);
        let mut found: Vec<_> = rows.into_iter().collect();
        found.sort();
        assert_eq!(
            found,
            [
                ("A_0001", vec![0]),
                ("A_0002", vec![1]),
                ("Ann/0", vec![2, 3]),
                ("B_0001", vec![5]),
                ("db/Ann", vec![2, 3, 4])
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "[\\PC\t\n,0-9]{0,80}") {
            let _ = read(&text);
        }
    }
}
