//! Requests and replies of the API, between HTTP and the review.
//!
//! Faces are sent by id, people by one of their faces. Both are looked up: nothing from a browser becomes a
//! path or a row number.
//!
//! | part | what |
//! |---|---|
//! | `requests` | what the page sends |
//! | `replies` | what the server sends |
//! | `review` | [`Review`], which answers |

mod replies;
mod requests;
mod review;

pub use replies::*;
pub use requests::*;
pub use review::*;

/// Maximum faces of one person on a screen, and on one side of an answer.
pub const SHOWN: usize = 25;

/// Maximum names in one reply.
pub const NAMES: usize = 2_000;

/// Maximum rows of a list in one reply.
pub const ROWS: usize = 200;
