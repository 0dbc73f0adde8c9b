//! Action the page shows and what it may ask for: the line between HTTP and the review itself.
//!
//! Faces go over it by name, people by the face they are named after. Both are looked up; nothing that a
//! browser sends becomes a path or a row number.
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

/// Most faces of one person on a screen; also most on one side of an answer.
pub const SHOWN: usize = 25;

/// Most rows of a list in one reply.
pub const ROWS: usize = 200;
