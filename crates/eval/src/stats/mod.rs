//! What is in one dataset or several together: `stats.json`.
//!
//! | file | what |
//! |---|---|
//! | `mod` | [`Stats`]: the result |
//! | `builder` | [`StatsBuilder`]: row after row, in bounded memory |
//! | `people` | who is there, how long, and with whom |
//! | `attributes`, `numbers`, `expected` | counts of attributes, of angles and years, and how sure these are |
//! | `times` | counts over time |

mod attributes;
mod builder;
mod expected;
mod numbers;
mod people;
mod times;

use serde::Serialize;

pub use attributes::{Attribute, PeopleCounts};
pub use builder::StatsBuilder;
pub use expected::Expected;
pub use numbers::{ANGLE_STEP, Angles, NumberFigures, POSE_CELLS, POSE_STEP, PoseCell, YEARS_STEP, Years};
pub use people::{MAX_PEOPLE, MAX_TOGETHER, PersonFigures, Together};
pub use times::OverTime;

use crate::format::duration;
use crate::intrinsic::SizeBin;

/// Figures of datasets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The sums over all channels; people who are in several count once.
    pub total: Channel,
    /// Each channel, by name.
    pub channels: Vec<Channel>,
    /// People one by one, most faces first; at most [`MAX_PEOPLE`].
    pub people: Vec<PersonFigures>,
    /// Who of them the same frames show, most frames first; at most [`MAX_TOGETHER`] pairs.
    pub together: Vec<Together>,
    /// Frames with a face that was kept.
    pub frames_with_faces: u64,
    /// Faces that belong to no one.
    pub noise: u64,
    /// Faces without a label.
    pub unlabelled: u64,
    /// People with one face.
    pub singletons: u64,
    /// Faces per person, most first, as (faces, people with that number of faces).
    pub sizes: Vec<(u64, u64)>,
    /// People by number of faces.
    pub size_bins: Vec<SizeBin>,
    /// Faces over time; `None` where no frame has a time in its name.
    pub over_time: Option<OverTime>,
    /// Attributes of the faces; empty where there are none.
    pub attributes: Vec<Attribute>,
    /// Angles of heads.
    pub angles: Vec<Angles>,
    /// Yaw against pitch of heads: the cells that have a face.
    pub poses: Vec<PoseCell>,
    /// Apparent ages in years; `None` where there are none.
    pub years: Option<Years>,
    /// Numbers of attributes that the vocabulary does not have, by name.
    pub numbers: Vec<NumberFigures>,
    /// Distances within and between people; `None` without embeddings of labelled faces.
    pub distances: Option<Distances>,
}

/// A channel: what the frames' names begin with, or the folder that images came from.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Hours that were watched: the time from one frame to the next, where that is at most ten minutes.
    pub hours: f64,
    /// Frames that were looked at.
    pub frames: u64,
    /// Of these, kept.
    pub frames_kept: u64,
    /// Faces.
    pub faces: u64,
    /// People.
    pub people: u64,
}

impl Channel {
    /// How long was watched, with its unit: `45 s`, `2 min`, `1.50 h`.
    #[must_use]
    pub fn watched(&self) -> String {
        duration(self.hours)
    }
}

/// Cosine distances of faces and of people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distances {
    /// People whose faces have embeddings.
    pub people: u64,
    /// Mean distance of a face from the mean of its person, as a mean over the people with more than one face.
    /// `None` where there is no such person.
    pub intra: Option<f64>,
    /// Mean distance of a person's mean from the nearest other person's. `None` for fewer than two people.
    pub nearest: Option<f64>,
}
