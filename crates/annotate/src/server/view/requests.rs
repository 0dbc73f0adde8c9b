//! What the page sends.

use serde::{Deserialize, Serialize};
use streamface_types::FaceId;

use super::ROWS;
use crate::Action;

/// How people are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Form {
    /// Two people side by side.
    #[default]
    Pair,
    /// One person and several who may be the same.
    Group,
    /// Pairs that are surely one person, the wrong ones to be marked.
    Sweep,
}

/// Which questions are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// How they are asked.
    pub form: Form,
    /// How many, the next one first: 1 to 50 ([`None`]: 2). Later ones stand only while the answers before
    /// them change nothing about them.
    pub count: Option<usize>,
    /// Faces of a person, at most [`SHOWN`].
    pub shown: Option<usize>,
    /// Those too that are hardly worth their time.
    pub all: bool,
    /// A number of the window that asks, drawn at random: two windows at once get questions about different people, as
    /// long as there are any. 0 for one that does not mind.
    pub tab: u32,
}

/// A window of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Window {
    /// Rows before it.
    #[serde(default)]
    pub offset: usize,
    /// Rows in it, at most [`ROWS`] ([`None`]: 60).
    pub limit: Option<usize>,
}

impl Window {
    /// The part of `0..len` that it shows.
    #[must_use]
    pub fn of(self, len: usize) -> std::ops::Range<usize> {
        let start = self.offset.min(len);
        start..start.saturating_add(self.limit.unwrap_or(60).min(ROWS)).min(len)
    }
}

/// Which people a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Search {
    /// Part of a name, of a source, or a label.
    #[serde(default)]
    pub text: String,
    /// Seen at or after this time: the beginning of `YYYY-mm-dd HH:MM:SS`.
    #[serde(default)]
    pub from: String,
    /// Seen at or before this time, taken to its end: `2023-05` is all of May.
    #[serde(default)]
    pub to: String,
    /// In what order.
    #[serde(default)]
    pub order: Order,
}

/// The order of a list of people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Most faces first.
    #[default]
    Faces,
    /// Earliest seen first.
    Time,
    /// By name; those without one last.
    Name,
}

/// An answer, as the page sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Made by the page, one for each answer: the same key again is the same answer again.
    pub key: String,
    /// The revision of what was on the screen.
    pub revision: u64,
    /// The people on the screen as they were shown.
    pub seen: Vec<Seen>,
    /// How long it took.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Who answers.
    #[serde(default)]
    pub who: Option<String>,
    /// All faces of the people that `what` names, where it is [`Action::Noise`].
    #[serde(default)]
    pub whole: bool,
    /// Action is said.
    pub action: Action,
    /// Action is wanted next, so that one reply brings both.
    #[serde(default)]
    pub next: Option<Ask>,
}

/// A person as it was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// [`PersonView::id`].
    pub id: FaceId,
    /// [`PersonView::state`].
    pub state: String,
}
