//! A label as other programs have it.

use serde::{Deserialize, Serialize};

/// A label as other programs write it: a number or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum AnyLabel {
    Number(i64),
    Text(String),
}

impl AnyLabel {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Text(t) => t.trim().to_owned(),
        }
    }
}
