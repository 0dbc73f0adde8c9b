//! Command-line arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as Flags, Parser, Subcommand, ValueEnum};

/// Recognise people by their embeddings.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Label vectors in order: each by the nearest person so far, or as a new person
    Match(Match),
    /// Build an index in a directory, of vectors or of a dataset, or add to it
    Build(Build),
    /// Find the nearest people in an index
    Query(Query),
    /// Write the vectors of an index with their people, faces and names
    Export(Export),
    /// Compare speed, memory and quality with a flat scan and with the original's tree
    Bench(Bench),
    /// Show groups of similar people
    Tree(Tree),
    /// Serve an index over HTTP; writes are durable before the reply
    Serve(Serve),
    /// Show the contents of an index
    Stats(Stats),
}

/// Metric and threshold.
#[derive(Debug, Clone, Copy, Flags)]
pub(crate) struct Metric {
    /// Distance metric: cosine or euclidean
    #[arg(long, default_value = "cosine")]
    pub(crate) metric: hri::Metric,
    /// Largest distance at which a vector matches a person's mean; it depends on the model
    #[arg(long)]
    pub(crate) threshold: f64,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  hri match --vectors X.npy --threshold 0.4 --out labels.csv
  # with the original's tree, and the depth of each vector in it
  hri match --vectors X.npy --threshold 0.4 --compat --depths --out labels.csv

The result is written to --out; nothing is printed.")]
pub(crate) struct Match {
    /// Vectors, one per row (.npy or Parquet); - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) vectors: PathBuf,
    #[command(flatten)]
    pub(crate) metric: Metric,
    /// Use the original's greedy tree instead
    #[arg(long)]
    pub(crate) compat: bool,
    /// Output table: index,label as CSV, or id,label as .parquet
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Also write the depth of each vector in the tree; with --compat
    #[arg(long, requires = "compat")]
    pub(crate) depths: bool,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # people are found one by one
  hri build people --vectors X.npy --threshold 0.4
  # people are known, for example from a clustering
  hri build people --vectors X.npy --threshold 0.4 --labels labels.csv
  # the people of a dataset, with their names and the ids of their faces
  hri build people --dataset news
  # by way of a pipe
  streamface export news --format parquet --out - | hri build people --vectors - --threshold 0.5
  # more vectors into the same index, with other ids
  hri build people --vectors Y.npy --first-id 100000

A new index is made beside its place and renamed when it is whole. Vectors are added to an index that is there all \
together or, after an error or a kill, not at all.

Labels: rows with the same label become one person; -1 is noise, which is of no one and left out. People are numbered from \
0 in the order of their labels; where that changes a number, the mapping is printed, and hri stats --json has it. A name \
that the index has already stands for the same person. Faces that it has already are passed over.")]
pub(crate) struct Build {
    /// Directory of the index; created if it does not exist
    pub(crate) directory: PathBuf,
    /// Vectors, one per row: .npy, or Parquet with face ids and labels; - is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "dataset")]
    pub(crate) vectors: Option<PathBuf>,
    /// A dataset of streamface: faces, labels as reviewed (else as clustered), and names
    #[arg(long, value_name = "DIR", conflicts_with_all = ["vectors", "metric"])]
    pub(crate) dataset: Option<PathBuf>,
    /// Distance metric: cosine or euclidean [default: that of the index or dataset, else cosine]
    #[arg(long)]
    pub(crate) metric: Option<hri::Metric>,
    /// Largest distance at which a vector matches a person's mean [default: that of the index, or of the dataset's model]
    #[arg(long)]
    pub(crate) threshold: Option<f64>,
    /// Id of the first row; later rows get the next ids [default: 0, and the next free id for faces]
    #[arg(long)]
    pub(crate) first_id: Option<u64>,
    /// Labels: CSV index,label or name,label (by face), or annotations.json
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Do not keep vectors: less memory, but vectors cannot be removed or exported later
    #[arg(long)]
    pub(crate) means_only: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # the person of each vector, if one is within the index's threshold
  hri query people --vectors Q.npy
  # the five nearest people
  hri query people --vectors Q.npy --nearest 5

The result is a table on standard output: index,label,distance. Label and distance are empty if nobody matches. Where the \
index was built with other numbers or with names there are the columns number and person, and where the queries have face \
ids the column face.")]
pub(crate) struct Query {
    /// Directory of the index
    pub(crate) directory: PathBuf,
    /// Vectors, one per row (.npy or Parquet); - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) vectors: PathBuf,
    /// Find the K nearest people at any distance [default: the nearest person within the threshold]
    #[arg(long, value_name = "K")]
    pub(crate) nearest: Option<usize>,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # labels that streamface takes: name,label,person
  hri export people --out people.csv
  streamface score news/metadata/annotations.json people.csv
  # vectors with their people and faces
  hri export people --out people.parquet
  # vectors as a matrix, and beside it people.csv with a line for each row
  hri export people --out people.npy")]
pub(crate) struct Export {
    /// Directory of the index
    pub(crate) directory: PathBuf,
    /// Output file: .csv, .npy or .parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// How the variance of made-up vectors is spread over directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spectrum {
    /// As in real embeddings: 32 directions hold 0.82 of it
    Real,
    /// Equally over all directions
    Flat,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # for growing numbers of people
  hri bench --people 1000,10000,100000 --dim 192
  # vectors with equal variance in all directions
  hri bench --people 33000 --spectrum flat
  # vectors of your own
  hri bench --vectors X.npy --labels labels.csv --threshold 0.4")]
pub(crate) struct Bench {
    /// Numbers of people; one run for each
    #[arg(long, value_delimiter = ',', default_value = "300,1000,3000,10000")]
    pub(crate) people: Vec<usize>,
    /// Faces for each person
    #[arg(long, default_value_t = 6)]
    pub(crate) faces: usize,
    /// Numbers in a vector
    #[arg(long, default_value_t = 512)]
    pub(crate) dim: usize,
    /// Spread of made-up vectors
    #[arg(long, value_enum, default_value_t = Spectrum::Real)]
    pub(crate) spectrum: Spectrum,
    /// Length of the noise that is added to a person's unit vector for each face
    #[arg(long, default_value_t = 0.6)]
    pub(crate) noise: f64,
    /// Largest distance at which a vector matches a person's mean
    #[arg(long, default_value_t = 0.4)]
    pub(crate) threshold: f64,
    /// Largest number of timed queries
    #[arg(long, default_value_t = 2000)]
    pub(crate) queries: usize,
    /// Largest number of inserts into the original's tree, which is slow
    #[arg(long, default_value_t = 6000)]
    pub(crate) compat: usize,
    /// Seed of the made-up vectors
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Time these queries (.npy) instead; each row of --vectors is then one person
    #[arg(long, requires = "vectors")]
    pub(crate) against: Option<PathBuf>,
    /// Use real vectors (.npy or Parquet) instead of made-up ones
    #[arg(long)]
    pub(crate) vectors: Option<PathBuf>,
    /// Table index,label: the person of each vector; noise (-1) is left out
    #[arg(long, requires = "vectors")]
    pub(crate) labels: Option<PathBuf>,
    /// Output table for --against: the labels found
    #[arg(long, requires = "against")]
    pub(crate) out: Option<PathBuf>,
    /// Distance metric of --vectors
    #[arg(long, default_value = "cosine", requires = "vectors")]
    pub(crate) metric: hri::Metric,
    /// Print one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Output format of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Text for a terminal
    Text,
    /// JSON
    Json,
    /// A graph for Graphviz
    Dot,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  hri tree people
  # the hundred people with the most vectors, as a picture
  hri tree people --people 100 --form dot | dot -Tsvg > people.svg")]
pub(crate) struct Tree {
    /// Directory of the index
    pub(crate) directory: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub(crate) form: Form,
    /// Number of people: those with the most vectors
    #[arg(long, default_value_t = 1000)]
    pub(crate) people: usize,
    /// Merge a group into its parent if their distances differ by less than this
    #[arg(long, default_value_t = 0.05)]
    pub(crate) step: f64,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # on this machine, on any free port
  hri serve people
  # create the index if it does not exist
  hri serve people --dim 192 --threshold 0.5
  # for other machines; clients need the token that is printed
  hri serve people --listen 0.0.0.0:8180
  # find the person of a vector
  curl -d '{\"vector\": [...]}' -H 'content-type: application/json' http://127.0.0.1:8180/api/match

The page at / and /openapi.json describe all requests. Ctrl-C finishes the current requests and stops.")]
pub(crate) struct Serve {
    /// Directory of the index
    pub(crate) directory: PathBuf,
    /// If the index does not exist, create it for vectors of this many numbers
    #[arg(long, requires = "threshold")]
    pub(crate) dim: Option<usize>,
    /// Distance metric of a new index: cosine or euclidean
    #[arg(long, default_value = "cosine")]
    pub(crate) metric: hri::Metric,
    /// Threshold of a new index: largest distance at which a vector matches a person's mean
    #[arg(long, requires = "dim")]
    pub(crate) threshold: Option<f64>,
    /// Address to listen on; for other machines than this one, clients need a token
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// An accepted host name besides addresses and localhost, for example that of a proxy
    #[arg(long)]
    pub(crate) name: Vec<String>,
    /// Largest number of concurrent requests; more get status 503 and can retry
    #[arg(long, default_value_t = 64)]
    pub(crate) in_flight: usize,
    /// Largest number of connections
    #[arg(long, default_value_t = 1024)]
    pub(crate) connections: usize,
    /// Largest request body in MiB
    #[arg(long, default_value_t = 16)]
    pub(crate) body_mib: usize,
    /// Largest sum of the bodies of concurrent requests in MiB; more get status 503 and can retry
    #[arg(long, default_value_t = 64)]
    pub(crate) bodies_mib: usize,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  hri stats people
  # as JSON, for programs
  hri stats people --json")]
pub(crate) struct Stats {
    /// Directory of the index
    pub(crate) directory: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
