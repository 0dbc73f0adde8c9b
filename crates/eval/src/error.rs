//! What can go wrong, by cause.

use std::io;
use std::path::PathBuf;

/// Why labels could not be read or compared, or a study not be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is larger than any label file should be.
    #[error("{}: larger than {limit} bytes, so not taken for a file of labels", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not the JSON of an `annotations.json`.
    #[error("{}: not annotations as JSON ({source}); expected {{\"labels\": {{name: {{\"label\": number}}}}}}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        source: serde_json::Error,
    },
    /// Not a CSV file, or a row that has more or fewer fields than the header.
    #[error("{}: {source}; each row needs as many fields as the header", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with the row.
        source: csv::Error,
    },
    /// Text in another encoding than UTF-8.
    #[error("{}: not UTF-8 text ({found}); save it as UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// What it looks like, and where.
        found: String,
    },
    /// A file without a byte.
    #[error("{}: the file is empty", .0.display())]
    EmptyFile(PathBuf),
    /// The CSV header lacks `name` or `label`, or has it twice.
    #[error("{}: the header needs one column 'name' and one column 'label', but is '{found}'", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The header as read, shortened.
        found: String,
    },
    /// A row without a name or without a label.
    #[error("{}: line {line} has no {what}", path.display())]
    EmptyField {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// The empty column.
        what: &'static str,
    },
    /// One name with two labels in one file.
    #[error("{}: line {line} labels '{name}' anew; the file gave it another label before, keep one", path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
        /// Line of the second one, from 1.
        line: u64,
        /// The name.
        name: String,
    },
    /// Two names of one labelling are the same stem but have different labels.
    #[error(
        "the {which} labels have '{name}' twice, with and without its extension, and with different labels"
    )]
    SameStem {
        /// `true` or `predicted`.
        which: &'static str,
        /// The stem.
        name: String,
    },
    /// The two labellings share no name.
    #[error(
        "nothing to compare: none of the {predicted} predicted names is among the {truth} true ones\
         {}", example.as_ref().map(|(t, p)| format!(" (true: '{t}', predicted: '{p}')")).unwrap_or_default()
    )]
    NothingShared {
        /// Names in the true labelling.
        truth: usize,
        /// Names in the predicted one.
        predicted: usize,
        /// The first name of each, where there is one.
        example: Option<(String, String)>,
    },
    /// As many labels as embeddings are needed.
    #[error("{rows} embeddings but {labels} labels: give one label for each")]
    Count {
        /// Rows of the embeddings.
        rows: usize,
        /// Labels given.
        labels: usize,
    },
    /// A measure that compares clusters needs two of them, and one with more than one face.
    #[error(
        "{what} needs from 2 clusters to one fewer than faces: there are {clusters} clusters of {faces} \
         faces (noise left out)"
    )]
    Clusters {
        /// The measure.
        what: &'static str,
        /// Clusters, without noise.
        clusters: usize,
        /// Faces in them.
        faces: usize,
    },
    /// Verification needs pairs of one person and pairs of two people.
    #[error("verification needs pairs of one person and pairs of two: there are {same} and {different}")]
    OneKind {
        /// Pairs of faces of one person.
        same: u64,
        /// Pairs of faces of two people.
        different: u64,
    },
    /// A line of a file of pairs that is none.
    #[error("{}: line {line}: {why}", path.display())]
    Pairs {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        why: String,
    },
    /// Accuracy needs folds to choose thresholds on.
    #[error("{found} folds with pairs: accuracy needs two or more, to choose a threshold on the others")]
    Folds {
        /// Folds that have pairs.
        found: usize,
    },
    /// More pairs than are held in memory.
    #[error("{pairs} pairs to hold are more than {limit}: take a sample of the faces")]
    TooManyPairs {
        /// Pairs that would have to be held.
        pairs: u64,
        /// The limit.
        limit: u64,
    },
    /// The false accept rate is not a share.
    #[error("a false accept rate of {0} is not at least 0 and below 1")]
    Far(f64),
    /// A distance that is none.
    #[error("distance {index} of the {list} pairs is {value}: it must be a finite number, 0 or more")]
    Distance {
        /// Which pairs: `different` or `same`.
        list: &'static str,
        /// Its place among them, from 0.
        index: usize,
        /// The distance.
        value: f64,
    },
    /// A setting or a value that is out of its range.
    #[error("{name} is {value}, but must be {range}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// Lists that must be of one length are not.
    #[error("{found} {list} where {expected} are needed: give one for each face")]
    Length {
        /// The list.
        list: &'static str,
        /// Entries it should have.
        expected: usize,
        /// Entries it has.
        found: usize,
    },
    /// The study could not be written out.
    #[error("writing the study: {0}")]
    Write(#[source] io::Error),
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
