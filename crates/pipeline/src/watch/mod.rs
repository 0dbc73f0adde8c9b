//! Who is on screen, while it is on screen.
//!
//! ```text
//!  frame ─▶ detect ─▶ embed ─▶ Gallery ─▶ Presence ─▶ events ─▶ standard output, file, webhook
//!  (the pipeline of `run`)     who it is   since when     └────▶ page
//! ```
//!
//! | module | what |
//! |---|---|
//! | `gallery` | people by their embeddings: those of a dataset, and new ones |
//! | `presence` | who came, who is here, who left |
//! | `event` | what is told, as JSON |
//! | `outlets` | where it is told |
//! | `page` | the same in a browser |

mod event;
mod gallery;
mod outlets;
mod page;
mod presence;
mod watcher;

pub use event::{Event, Person, Seen};
pub use gallery::{Found, Gallery};
pub use outlets::{Outlets, Webhook};
pub use page::Page;
pub use presence::{Change, Presence};
pub use watcher::{Watched, Watcher};
