//! `cluster_evals.json` in the original's format: `{"matches": {"i,j": distance}}`, distances rounded to four
//! decimals, an indent of four. Except with [`Rule::Code`], the file also has the two lists.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::ser::PrettyFormatter;

use super::{Matches, Pair, Rule};
use crate::Error;

/// Size limit of annotations in bytes: about ten million faces.
const MAX_FILE: u64 = 8 << 30;

impl Matches {
    /// Writes the pairs as `cluster_evals.json`.
    ///
    /// `matches` is the list that the original's annotator reads. With [`Rule::Code`] it is identical to the
    /// original's; with [`Rule::Paper`] it has the pairs to ask about, with [`Rule::Lists`] also the sure
    /// ones, both by their smaller label, then by distance. The latter two rules add the keys `sure` and
    /// `ask`, in their own order and not rounded, and `reached` if pairs beyond that distance were left out.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let formatter = PrettyFormatter::with_indent(b"    ");
        self.serialize(&mut serde_json::Serializer::with_formatter(out, formatter))?;
        Ok(())
    }
}

impl Serialize for Matches {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        let sure = if self.rule == Rule::Lists { &self.sure[..] } else { &[] };
        let mut all: Vec<Pair> = sure.iter().chain(&self.ask).copied().collect();
        // Stable: the nearest stay first.
        all.sort_by_key(|p| p.a);
        // Rounds as Python does: to the decimal nearest to the exact value.
        map.serialize_entry("matches", &ByPair(&all, |d| format!("{d:.4}").parse().unwrap_or(d)))?;
        if self.rule != Rule::Code {
            map.serialize_entry("sure", &ByPair(&self.sure, |d| d))?;
            map.serialize_entry("ask", &ByPair(&self.ask, |d| d))?;
            if let Some(reached) = self.reached {
                map.serialize_entry("reached", &reached)?;
            }
        }
        map.end()
    }
}

/// Distances by `a,b`, mapped by the function.
struct ByPair<'a>(&'a [Pair], fn(f64) -> f64);

impl Serialize for ByPair<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|p| (format!("{},{}", p.a, p.b), self.1(p.distance))))
    }
}

/// The pairs of labels that an annotations file marks as two people (`ignore`); empty without that key.
///
/// # Errors
/// [`Error::Io`]; [`Error::Annotations`] for an invalid file.
pub fn read_ignored(path: impl AsRef<Path>) -> Result<Vec<(i64, i64)>, Error> {
    #[derive(Deserialize)]
    struct Annotations {
        #[serde(default)]
        ignore: Vec<(i64, i64)>,
    }
    let path = path.as_ref();
    let bad = |why: String| Error::Annotations { path: path.to_owned(), why };
    let there = std::fs::metadata(path).map_err(Error::io(path))?;
    if !there.is_file() {
        return Err(bad("not a regular file".to_owned()));
    }
    if there.len() > MAX_FILE {
        return Err(bad(format!("larger than {MAX_FILE} bytes")));
    }
    let file = File::open(path).map_err(Error::io(path))?;
    let input = BufReader::new(file.take(MAX_FILE));
    let read: Annotations = serde_json::from_reader(input).map_err(|e| bad(e.to_string()))?;
    Ok(read.ignore)
}
