//! `cluster_evals.json`, in the original's form: `{"matches": {"i,j": distance}}`, distances rounded to four
//! places, an indent of four. By any rule but [`Rule::Code`] the lists themselves stand beside it.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::ser::PrettyFormatter;

use super::{Matches, Pair, Rule};
use crate::Error;

/// Largest annotations that are read, in bytes: some ten million faces.
const MAX_FILE: u64 = 8 << 30;

impl Matches {
    /// Writes the pairs as `cluster_evals.json`.
    ///
    /// `matches` is what the original's annotator goes through: by [`Rule::Code`] its very file; by
    /// [`Rule::Paper`] the pairs to ask about, by [`Rule::Lists`] these and the sure ones, in both cases by
    /// their smaller label, the nearest first. By the last two the keys `sure` and `ask` follow, in the same
    /// form but in their own order and not rounded, and `reached` where pairs beyond it were left out.
    ///
    /// # Errors
    /// Action `out` says.
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
        // As Python rounds: to the decimal that is nearest to the number's exact value.
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

/// Distances by `a,b`, as the function has them.
struct ByPair<'a>(&'a [Pair], fn(f64) -> f64);

impl Serialize for ByPair<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|p| (format!("{},{}", p.a, p.b), self.1(p.distance))))
    }
}

/// The pairs of labels that an annotations file says are two people (`ignore`); none where it says nothing.
///
/// # Errors
/// [`Error::Io`]; [`Error::Annotations`] for what is no annotations file.
pub fn read_ignored(path: impl AsRef<Path>) -> Result<Vec<(i64, i64)>, Error> {
    #[derive(Deserialize)]
    struct Annotations {
        #[serde(default)]
        ignore: Vec<(i64, i64)>,
    }
    let path = path.as_ref();
    let bad = |why: String| Error::Annotations { path: path.to_owned(), why };
    let file = File::open(path).map_err(Error::io(path))?;
    if file.metadata().map_err(Error::io(path))?.len() > MAX_FILE {
        return Err(bad(format!("larger than {MAX_FILE} bytes")));
    }
    let input = BufReader::new(file.take(MAX_FILE));
    let read: Annotations = serde_json::from_reader(input).map_err(|e| bad(e.to_string()))?;
    Ok(read.ignore)
}
