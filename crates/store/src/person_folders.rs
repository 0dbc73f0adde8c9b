//! Folders of people, called by their names, and `people.csv`, which says whose folder is whose.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use streamface_types::{Label, csv_text, csv_text_back};

use crate::{Error, files};

/// Name of the table of folders, beside these.
const FILE: &str = "people.csv";
/// Names of files that lie beside the folders, in lower case: that table, and the pairs of LFW.
const RESERVED: [&str; 2] = [FILE, "pairs.txt"];
/// Its columns.
const COLUMNS: [&str; 3] = ["folder", "label", "person"];
/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Longest name of a folder, in bytes. File systems take 255; a number may follow.
const MAX_NAME: usize = 200;

/// A folder for each person, by the person's name; by the number where there is none.
///
/// What cannot stand in the name of a folder becomes `_`. Of several people of one name (upper and lower case are alike)
/// all but the first have their number behind it: `Anna (7)`.
///
/// ```
/// use std::collections::BTreeMap;
/// use streamface_store::PersonFolders;
/// use streamface_types::Label;
///
/// let names = [(0, "Anna"), (2, "AC/DC"), (7, "anna")];
/// let names: BTreeMap<Label, String> = names.map(|(l, n)| (Label(l), n.to_owned())).into();
/// let folders = PersonFolders::new([-1, 0, 1, 2, 7].map(Label), &names);
/// let all = [-1, 0, 1, 2, 7].map(|l| folders.of(Label(l)));
/// assert_eq!(all, ["-1", "Anna", "1", "AC_DC", "anna (7)"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonFolders {
    folders: BTreeMap<Label, String>,
    names: BTreeMap<Label, String>,
}

impl PersonFolders {
    /// Folders of these people.
    #[must_use]
    pub fn new(labels: impl IntoIterator<Item = Label>, names: &BTreeMap<Label, String>) -> Self {
        Self::with(labels, names, Label::to_string, |name| name.to_owned())
    }

    /// The same in another form: `numbered` is the folder of a person without a name, `named` that of a name.
    #[must_use]
    pub fn with(
        labels: impl IntoIterator<Item = Label>,
        names: &BTreeMap<Label, String>,
        numbered: impl Fn(&Label) -> String,
        named: impl Fn(&str) -> String,
    ) -> Self {
        let labels: BTreeSet<Label> = labels.into_iter().collect();
        let name_of = |label: &Label| -> Option<String> {
            let name = names.get(label).filter(|_| !label.is_noise())?;
            Some(named(&folder_name(name))).filter(|folder| !folder.is_empty())
        };
        let (called, others): (Vec<Label>, Vec<Label>) =
            labels.iter().partition(|label| name_of(label).is_some());
        let mut folders: BTreeMap<Label, String> = others.iter().map(|l| (*l, numbered(l))).collect();
        // A name that is another person's number is not taken for that person.
        let mut taken: HashSet<String> = folders.values().map(|f| f.to_lowercase()).collect();
        taken.extend(RESERVED.map(str::to_owned));
        for label in called {
            let Some(mut folder) = name_of(&label) else { continue };
            while !taken.insert(folder.to_lowercase()) {
                folder = named(&format!("{folder} ({label})"));
            }
            folders.insert(label, folder);
        }
        let names = names.iter().filter(|(label, _)| labels.contains(label) && !label.is_noise());
        let names = names.map(|(label, name)| (*label, name.clone())).collect();
        Self { folders, names }
    }

    /// The folder of a person; the number for one that is not among them.
    #[must_use]
    pub fn of(&self, label: Label) -> String {
        self.folders.get(&label).cloned().unwrap_or_else(|| label.to_string())
    }

    /// Writes `people.csv` into `dir`: folder, label and person, where anyone has a name. Without it the folders are the
    /// numbers, and say all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        if self.names.is_empty() {
            return Ok(());
        }
        files::write(&dir.join(FILE), |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(COLUMNS)?;
            for (label, folder) in &self.folders {
                let name = self.names.get(label).map_or("", String::as_str);
                let (folder, name, label) = (csv_text(folder), csv_text(name), label.to_string());
                csv.write_record([folder.as_ref(), label.as_str(), name.as_ref()])?;
            }
            csv.flush()
        })
    }

    /// Label and name by folder, as `people.csv` in `dir` says; nothing where there is no such file, or where it is another
    /// program's.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] for a broken row.
    pub fn read(dir: &Path) -> Result<BTreeMap<String, (Label, Option<String>)>, Error> {
        use std::io::Read as _;
        let path = dir.join(FILE);
        let mut all = BTreeMap::new();
        let Some(file) = files::find(&path, MAX_FILE)? else { return Ok(all) };
        let mut csv = csv::Reader::from_reader(file.take(MAX_FILE));
        let broken = |e: csv::Error| Error::format(&path, format!("not a table of folders: {e}"));
        if csv.headers().map_err(broken)?.iter().ne(COLUMNS) {
            return Ok(all);
        }
        for row in csv.records() {
            let row = row.map_err(broken)?;
            let text = |at: usize| csv_text_back(row.get(at).unwrap_or_default()).to_owned();
            let label = text(1).parse().map_err(|_| Error::format(&path, format!("label '{}'", text(1))))?;
            all.insert(text(0), (Label(label), Some(text(2)).filter(|name| !name.is_empty())));
        }
        Ok(all)
    }
}

/// A name as that of a folder, on every file system; empty where nothing is left of it.
fn folder_name(name: &str) -> String {
    let plain = |c: char| if c.is_control() || r#"/\<>:"|?*"#.contains(c) { '_' } else { c };
    let mut folder = String::new();
    for c in name.trim().chars().map(plain) {
        if folder.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        folder.push(c);
    }
    // Hidden, or upwards; and what Windows cuts off.
    if folder.starts_with('.') {
        folder.replace_range(..1, "_");
    }
    folder.trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(names: &[(i64, &str)], labels: &[i64]) -> Vec<String> {
        let names = names.iter().map(|&(l, n)| (Label(l), n.to_owned())).collect();
        let all = PersonFolders::new(labels.iter().map(|&l| Label(l)), &names);
        labels.iter().map(|&l| all.of(Label(l))).collect()
    }

    #[test]
    fn names_are_folders_and_nothing_leads_elsewhere() {
        let found = folders(
            &[(0, "../../etc"), (1, ".."), (2, ".hidden"), (3, "a\nb. "), (4, " "), (5, "C:\\x"), (-1, "No")],
            &[-1, 0, 1, 2, 3, 4, 5],
        );
        assert_eq!(found, ["-1", "_._.._etc", "_", "_hidden", "a_b", "4", "C__x"]);
        // Files of these names lie beside the folders.
        assert_eq!(
            folders(&[(0, "people.csv"), (1, "Pairs.TXT")], &[0, 1]),
            ["people.csv (0)", "Pairs.TXT (1)"]
        );
        assert_eq!(folders(&[(0, &"ö".repeat(300))], &[0])[0].len(), MAX_NAME);
        // A name like another one's number, and three of one name.
        assert_eq!(
            folders(&[(0, "1"), (2, "Bo"), (3, "BO"), (4, "Bo")], &[0, 1, 2, 3, 4]),
            ["1 (0)", "1", "Bo", "BO (3)", "Bo (4)"]
        );
    }

    #[test]
    fn the_table_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        assert!(PersonFolders::read(dir.path()).unwrap().is_empty());
        PersonFolders::new([Label(3)], &BTreeMap::new()).write(dir.path()).unwrap();
        assert!(!dir.path().join(FILE).exists(), "numbers say all");
        let names = BTreeMap::from([(Label(3), "=1,\"x\"".to_owned())]);
        PersonFolders::new([Label(3), Label(9)], &names).write(dir.path()).unwrap();
        let found = PersonFolders::read(dir.path()).unwrap();
        assert_eq!(found["=1,_x_"], (Label(3), Some("=1,\"x\"".to_owned())));
        assert_eq!(found["9"], (Label(9), None));
        std::fs::write(dir.path().join(FILE), "name,age\nx,3\n").unwrap();
        assert!(PersonFolders::read(dir.path()).unwrap().is_empty(), "another program's");
        std::fs::write(dir.path().join(FILE), "folder,label,person\nx,y,z\n").unwrap();
        assert!(PersonFolders::read(dir.path()).unwrap_err().to_string().contains("label 'y'"));
    }
}
