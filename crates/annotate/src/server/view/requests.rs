//! What the page sends.

use serde::{Deserialize, Serialize};
use streamface_types::FaceId;

use super::ROWS;
use crate::Action;

/// Form of a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Form {
    /// Two people side by side.
    #[default]
    Pair,
    /// One person and several candidates.
    Group,
    /// Pairs that are very likely one person; the wrong ones are marked.
    Sweep,
}

/// Which questions are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// Their form.
    pub form: Form,
    /// How many, the next one first: 1 to 50 ([`None`]: 2). A later question may change with the answer to an
    /// earlier one.
    pub count: Option<usize>,
    /// Faces of each person, at most [`SHOWN`](super::SHOWN).
    pub shown: Option<usize>,
    /// Also questions that are hardly worth their time.
    pub all: bool,
    /// A random number of the browser window: two windows get questions about different people where
    /// possible. 0: no preference.
    pub tab: u32,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Window {
    /// Rows to skip.
    #[serde(default)]
    pub offset: usize,
    /// Rows wanted, at most [`ROWS`] ([`None`]: 60).
    pub limit: Option<usize>,
}

impl Window {
    /// The range within `0..len`.
    #[must_use]
    pub fn of(self, len: usize) -> std::ops::Range<usize> {
        let start = self.offset.min(len);
        start..start.saturating_add(self.limit.unwrap_or(60).min(ROWS)).min(len)
    }
}

/// Filter and order of a list of people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Search {
    /// Part of a name or source, or a label.
    #[serde(default)]
    pub text: String,
    /// Seen at or after this time: a prefix of `YYYY-mm-dd HH:MM:SS`.
    #[serde(default)]
    pub from: String,
    /// Seen at or before the end of this time: `2023-05` is all of May.
    #[serde(default)]
    pub to: String,
    /// Order.
    #[serde(default)]
    pub order: Order,
}

/// Order of a list of people.
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

/// An answer sent by the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Made by the page for each answer: the same key is the same answer.
    pub key: String,
    /// Revision of the screen.
    pub revision: u64,
    /// The people on the screen, as shown.
    pub seen: Vec<Seen>,
    /// Seconds that it took.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Author.
    #[serde(default)]
    pub who: Option<String>,
    /// With [`Action::Noise`] and [`Action::Whole`]: all faces of the people named, not only those listed. With
    /// [`Action::Tear`]: the faces that are not listed go with the half they were shown for.
    #[serde(default)]
    pub whole: bool,
    /// What was decided.
    pub action: Action,
    /// Questions wanted in the reply.
    #[serde(default)]
    pub next: Option<Ask>,
}

/// A person as it was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// [`PersonView::id`](super::PersonView::id).
    pub id: FaceId,
    /// [`PersonView::state`](super::PersonView::state).
    pub state: String,
}
