//! Progress, summary and problems of an export or import.

use serde::Serialize;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub what: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is; 0 where that is not known.
    pub total: u64,
}

/// Is called with the progress, from any thread.
pub type Observer<'a> = &'a (dyn Fn(Progress) + Sync);

/// Things that were broken and left out: counted, and the first ones named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Problems {
    /// How many.
    pub count: u64,
    /// The first of them, at most [`Self::NAMED`].
    pub first: Vec<String>,
}

impl Problems {
    /// The most that are named.
    pub const NAMED: usize = 50;

    pub(crate) fn add(&mut self, said: impl Into<String>) {
        self.count += 1;
        if self.first.len() < Self::NAMED {
            self.first.push(said.into());
        }
    }

    /// Adds others, after these.
    pub(crate) fn add_all(&mut self, others: Self) {
        self.count += others.count;
        let room = Self::NAMED.saturating_sub(self.first.len());
        self.first.extend(others.first.into_iter().take(room));
    }
}

/// Faces or rows that are whole, but have no place in the format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Why, in a few words.
    pub why: &'static str,
    /// How many.
    pub count: u64,
}

/// What an export or import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Faces written.
    pub faces: u64,
    /// Frames written.
    pub frames: u64,
    /// People among the faces, noise not counted; 0 where there are no labels.
    pub people: u64,
    /// Embeddings written.
    pub embeddings: u64,
    /// Image files written (linked, copied or packed).
    pub images: u64,
    /// What has no place in the format.
    pub left_out: Vec<LeftOut>,
    /// What was broken.
    pub problems: Problems,
}

impl Summary {
    pub(crate) fn leave_out(&mut self, why: &'static str, count: u64) {
        match self.left_out.iter_mut().find(|l| l.why == why) {
            _ if count == 0 => {}
            Some(known) => known.count += count,
            None => self.left_out.push(LeftOut { why, count }),
        }
    }
}
