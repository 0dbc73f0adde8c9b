//! Who is on screen, while it is on screen.
//!
//! ```text
//!  frame ─▶ detect ─▶ embed ─▶ Gallery ─▶ Presence ─▶ sightings ─▶ observer, file, webhook
//!  (as in `run`)               who it is   since when     └───────▶ page
//! ```
//!
//! | module | what |
//! |---|---|
//! | `gallery` | people by their embeddings: those of a dataset, and new ones |
//! | `presence` | who came, who is here, who left |
//! | `outlets` | files and webhooks that are told |
//! | `page` | the same in a browser |

mod gallery;
mod outlets;
mod page;
mod presence;
mod watcher;

pub(crate) use gallery::{Gallery, Set};
pub(crate) use outlets::{Outlets, Webhook};
pub(crate) use page::Page;
pub(crate) use presence::{Change, Presence};
pub(crate) use watcher::{Frame, Watched, Watcher};
