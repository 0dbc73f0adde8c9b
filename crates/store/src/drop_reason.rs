//! Why a frame was not kept.

/// Why a frame was not kept, in the order in which the filters are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Nearly nothing but plain surface.
    Empty,
    /// Out of focus.
    Blurred,
    /// Like the last kept frame.
    Duplicate,
}

impl DropReason {
    /// All reasons, in order.
    pub const ALL: [Self; 3] = [Self::Empty, Self::Blurred, Self::Duplicate];

    /// The word in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Blurred => "blurred",
            Self::Duplicate => "duplicate",
        }
    }
}

impl std::fmt::Display for DropReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for DropReason {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|r| r.name() == s);
        known.ok_or_else(|| format!("unknown drop reason '{s}'"))
    }
}
