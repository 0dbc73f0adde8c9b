//! Action an answer may be, and that one sent twice is taken once.

use std::collections::{HashMap, VecDeque};

use streamface_web::axum::Json;
use streamface_web::axum::body::Bytes;
use streamface_web::axum::http::header;
use streamface_web::axum::response::{IntoResponse, Response};

use super::view::{Answer, Decided, Problem, SHOWN};
use crate::{AUTO, Action};

/// Answers whose replies are kept.
const MAX_REPLIES: usize = 1024;

/// Comparisons of one screen, and people on it.
const MAX_PAIRS: usize = 100;

/// Faces named one by one in one answer.
const MAX_FACES: usize = 20_000;

/// Bytes of a person's name, or of whoever answers.
const MAX_NAME: usize = 200;

/// Replies to the last answers, by the answer's key.
#[derive(Debug, Default)]
pub(super) struct Replies {
    replies: HashMap<String, (Answer, Bytes)>,
    order: VecDeque<String>,
}

impl Replies {
    /// The reply to `answer`: the one it had, or the one `decide` gives. Action failed may be tried again.
    pub fn once(
        &mut self,
        answer: &Answer,
        decide: impl FnOnce() -> Result<Decided, Problem>,
    ) -> Result<Response, Problem> {
        if let Some((before, reply)) = self.replies.get(&answer.key) {
            if before != answer {
                return Err(Problem::Refused(
                    "Another answer was sent under this key; it was NOT saved.".into(),
                ));
            }
            return Ok(json(reply.clone()));
        }
        let decided = decide()?;
        let Ok(reply) = serde_json::to_vec(&decided).map(Bytes::from) else {
            return Ok(Json(decided).into_response());
        };
        if self.order.len() == MAX_REPLIES
            && let Some(oldest) = self.order.pop_front()
        {
            self.replies.remove(&oldest);
        }
        self.order.push_back(answer.key.clone());
        self.replies.insert(answer.key.clone(), (answer.clone(), reply.clone()));
        Ok(json(reply))
    }
}

fn json(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

impl Answer {
    /// Whether it can be an answer at all.
    ///
    /// # Errors
    /// [`Problem::Refused`] with what is wrong.
    pub fn check(&self) -> Result<(), Problem> {
        let no = |why: &str| Err(Problem::Refused(format!("{why}; the answer was NOT saved.")));
        let good_key = (8..=64).contains(&self.key.len())
            && self.key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !good_key {
            return no("An answer's key has 8 to 64 letters, digits or hyphens");
        }
        if self.seconds.is_some_and(|s| !(0.0..=86_400.0).contains(&s)) {
            return no("An answer takes 0 to 86,400 seconds");
        }
        if self.seen.len() > 2 * MAX_PAIRS {
            return no("Too many people on one screen");
        }
        if self.who.as_deref().is_some_and(|w| w == AUTO || !named(w)) {
            return no("Your name has 1 to 200 bytes, no control characters, and is not 'auto'");
        }
        let side = |faces: &[_]| (1..=SHOWN).contains(&faces.len());
        let many = |faces: &[_]| (1..=MAX_FACES).contains(&faces.len());
        let right = match &self.action {
            Action::Compare { pairs } => {
                (1..=MAX_PAIRS).contains(&pairs.len())
                    && pairs.iter().all(|p| side(&p.left) && side(&p.right))
            }
            Action::Noise { faces } | Action::Split { faces, .. } => many(faces),
            Action::Move { faces, to } => many(faces) && side(to),
            Action::Skip { person } => side(person),
            Action::Name { person, name } => {
                if name.as_deref().is_some_and(|n| !named(n)) {
                    return no("A name has 1 to 200 bytes and no control characters");
                }
                side(person)
            }
            Action::Undo { .. } | Action::Redo { .. } => true,
        };
        if !right {
            return no("An answer names 1 to 25 faces of a person, 1 to 20,000 faces, or 1 to 100 pairs");
        }
        Ok(())
    }
}

fn named(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}
