//! The review in a browser: what the page asks for, and the page itself.
//!
//! [`start`] answers the page from whatever is a [`Review`]; [`ReviewSession`] is the review of a dataset. Who may ask at all is
//! for [`streamface_web`] to say.
//!
//! | part | what |
//! |---|---|
//! | [`view`] | what the page shows and may ask: [`Review`] |
//! | `routes` | addresses |
//! | `said` | what an answer may be; one sent twice is taken once |
//! | [`desk`] | journal, people and queue of a dataset as a [`Review`] |
//! | `page/` | the page: plain files, no build step, no network |

mod answer_check;
mod assets;
mod replies;
mod routes;
pub mod session;
pub mod view;

pub use session::ReviewSession;
use streamface_web::{Options, Server, StartError};
pub use view::Review;

/// Starts a server that answers the page.
///
/// # Errors
/// [`StartError`].
pub fn start(review: Box<dyn Review>, options: Options) -> Result<Server, StartError> {
    let router = routes::app(review);
    Server::start("review", router, options)
}
