//! The command line.

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
    /// Label vectors in their order: each by the nearest person so far, or as a new one
    Match(Match),
    /// Fill the index in a directory with vectors
    Build(Build),
    /// Find the nearest people in a directory's index
    Query(Query),
    /// Measure speed, memory and quality against a flat scan and the original's tree
    Bench(Bench),
    /// Show similar people in groups
    Tree(Tree),
    /// Answer over HTTP and JSON from a directory's index
    Serve(Serve),
    /// Say what a directory's index holds
    Stats(Stats),
}

/// Metric and threshold.
#[derive(Debug, Clone, Copy, Flags)]
pub(crate) struct Metric {
    /// Distance: cosine or euclidean
    #[arg(long, default_value = "cosine")]
    pub(crate) metric: hri::Metric,
    /// Largest distance from a person's mean; it belongs to the model that made the vectors
    #[arg(long)]
    pub(crate) threshold: f64,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  hri match --vectors X.npy --threshold 0.4 --out labels.csv
  # as the original's tree labels them, and how deep they came to lie
  hri match --vectors X.npy --threshold 0.4 --compat --depths --out labels.csv

The result is --out alone: nothing is printed.")]
pub(crate) struct Match {
    /// Vectors, one a row (.npy)
    #[arg(long)]
    pub(crate) vectors: PathBuf,
    #[command(flatten)]
    pub(crate) metric: Metric,
    /// The original's greedy tree instead
    #[arg(long)]
    pub(crate) compat: bool,
    /// Table that the labels go to: index,label
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Also write the depth of each leaf; with --compat
    #[arg(long, requires = "compat")]
    pub(crate) depths: bool,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # people found one by one
  hri build people --vectors X.npy --threshold 0.4
  # people who are known: labels of a clustering, say
  hri build people --vectors X.npy --threshold 0.4 --labels labels.csv
  # more of them into the same index, with ids of their own
  hri build people --vectors Y.npy --threshold 0.4 --first-id 100000")]
pub(crate) struct Build {
    /// The index's directory; made if it is not there
    pub(crate) directory: PathBuf,
    /// Vectors, one a row (.npy)
    #[arg(long)]
    pub(crate) vectors: PathBuf,
    #[command(flatten)]
    pub(crate) metric: Metric,
    /// Id of the first row; the others follow
    #[arg(long, default_value_t = 0)]
    pub(crate) first_id: u64,
    /// Who the rows are: a table index,label. Rows of one label become one person
    #[arg(long)]
    pub(crate) labels: Option<PathBuf>,
    /// Keep no vectors of members: less memory, but nothing can be taken out again
    #[arg(long)]
    pub(crate) means_only: bool,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # who each is, or nobody within the index's threshold
  hri query people --vectors Q.npy
  # the five most alike
  hri query people --vectors Q.npy --nearest 5

The result is a table on standard output: index,label,distance. Label and distance are empty where there is nobody.")]
pub(crate) struct Query {
    /// The index's directory
    pub(crate) directory: PathBuf,
    /// Vectors, one a row (.npy)
    #[arg(long)]
    pub(crate) vectors: PathBuf,
    /// The K nearest people for each vector, whatever the threshold [default: the nearest one, if within it]
    #[arg(long, value_name = "K")]
    pub(crate) nearest: Option<usize>,
}

/// How the energy of made-up vectors falls off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spectrum {
    /// As that of real embeddings: 32 directions hold .82 of it
    Real,
    /// The same in all directions
    Flat,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # as the number of people grows
  hri bench --people 1000,10000,100000 --dim 192
  # vectors that are alike in all directions
  hri bench --people 33000 --spectrum flat
  # vectors of your own
  hri bench --vectors X.npy --labels labels.csv --threshold 0.4")]
pub(crate) struct Bench {
    /// Numbers of people, one run each
    #[arg(long, value_delimiter = ',', default_value = "300,1000,3000,10000")]
    pub(crate) people: Vec<usize>,
    /// Faces of each person
    #[arg(long, default_value_t = 6)]
    pub(crate) faces: usize,
    /// Numbers in a vector
    #[arg(long, default_value_t = 512)]
    pub(crate) dim: usize,
    /// Kind of made-up vectors
    #[arg(long, value_enum, default_value_t = Spectrum::Real)]
    pub(crate) spectrum: Spectrum,
    /// Length of what is added to a person's direction (of length 1) for each face
    #[arg(long, default_value_t = 0.6)]
    pub(crate) noise: f64,
    /// Largest cosine distance from a person's mean
    #[arg(long, default_value_t = 0.4)]
    pub(crate) threshold: f64,
    /// Most queries timed
    #[arg(long, default_value_t = 2000)]
    pub(crate) queries: usize,
    /// Most inserts into the original's tree, which are slow
    #[arg(long, default_value_t = 6000)]
    pub(crate) compat: usize,
    /// Seed of the made-up vectors
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Time these queries (.npy) against --vectors instead, each row of which is a person of its own
    #[arg(long, requires = "vectors")]
    pub(crate) against: Option<PathBuf>,
    /// Real vectors (.npy) instead of made-up ones
    #[arg(long)]
    pub(crate) vectors: Option<PathBuf>,
    /// Who they are: a table index,label
    #[arg(long, requires = "vectors")]
    pub(crate) labels: Option<PathBuf>,
    /// Where to write the labels found for --against
    #[arg(long, requires = "against")]
    pub(crate) out: Option<PathBuf>,
    /// Distance of --vectors
    #[arg(long, default_value = "cosine", requires = "vectors")]
    pub(crate) metric: hri::Metric,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a tree is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Json,
    /// For Graphviz
    Dot,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  hri tree people
  # the hundred people with the most members, as a picture
  hri tree people --people 100 --form dot | dot -Tsvg > people.svg")]
pub(crate) struct Tree {
    /// The index's directory
    pub(crate) directory: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub(crate) form: Form,
    /// Only the people with the most members
    #[arg(long, default_value_t = 1000)]
    pub(crate) people: usize,
    /// Groups nearer to each other than this are shown as one
    #[arg(long, default_value_t = 0.05)]
    pub(crate) step: f64,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  # on this machine, any free port
  hri serve people
  # made if it is not there
  hri serve people --dim 192 --threshold 0.5
  # for others: with the token that is shown
  hri serve people --listen 0.0.0.0:8180
  # who is this?
  curl -d '{\"vector\": [...]}' -H 'content-type: application/json' http://127.0.0.1:8180/api/match

The page at / and /openapi.json say what can be asked. Ctrl-C finishes what is under way.")]
pub(crate) struct Serve {
    /// The index's directory
    pub(crate) directory: PathBuf,
    /// Make the index where it is not there: numbers in a vector
    #[arg(long, requires = "threshold")]
    pub(crate) dim: Option<usize>,
    /// Make the index where it is not there: distance, cosine or euclidean
    #[arg(long, default_value = "cosine")]
    pub(crate) metric: hri::Metric,
    /// Make the index where it is not there: largest distance from a person's mean
    #[arg(long, requires = "dim")]
    pub(crate) threshold: Option<f64>,
    /// Where it listens; beyond this machine a token is needed
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// A name that it answers to, beside addresses and localhost: that of a proxy, say
    #[arg(long)]
    pub(crate) name: Vec<String>,
    /// Requests under way; what comes beyond is told to come again
    #[arg(long, default_value_t = 64)]
    pub(crate) in_flight: usize,
    /// Connections at once
    #[arg(long, default_value_t = 1024)]
    pub(crate) connections: usize,
    /// Largest body, MiB
    #[arg(long, default_value_t = 16)]
    pub(crate) body_mib: usize,
}

#[derive(Debug, Flags)]
#[command(after_help = "\
Examples:
  hri stats people
  # for a program
  hri stats people --json")]
pub(crate) struct Stats {
    /// The index's directory
    pub(crate) directory: PathBuf,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}
