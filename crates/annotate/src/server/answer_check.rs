//! Limits of an answer.

use super::view::{Answer, Problem, SHOWN};
use crate::{AUTO, Action};

/// Maximum comparisons on one screen.
const MAX_PAIRS: usize = 100;

/// Maximum faces named in one answer.
const MAX_FACES: usize = 20_000;

/// Maximum length of a person's name, or of the author's, in bytes.
const MAX_NAME: usize = 200;

impl Answer {
    /// Checks the limits of an answer.
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
            return no("The time of an answer is 0 to 86,400 seconds");
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
            Action::Tear { left, right } => many(left) && many(right),
            Action::Whole { person } => many(person),
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
