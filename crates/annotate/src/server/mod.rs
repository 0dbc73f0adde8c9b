//! The review in a browser: HTTP API and page.
//!
//! [`start`] serves the page and answers it from any [`Review`]; [`ReviewSession`] is the review of a
//! dataset. Access control is in [`streamface_web`].
//!
//! | part | what |
//! |---|---|
//! | [`view`] | requests and replies of the API, and the trait [`Review`] |
//! | `routes` | addresses |
//! | `answer_check`, `replies` | limits of an answer; an answer sent twice is recorded once |
//! | [`session`] | journal, people and question queue of a dataset as a [`Review`] |
//! | `page/` | the page: static files, no build step, no external resources |
//!
//! Other pages may link to these addresses of the page, where a face is an id, percent-encoded:
//!
//! | address | what it asks |
//! |---|---|
//! | `/#/mixed/{face}` | does the person of this face hold two? Its two halves, the face first in its own: for a face that is likely in the wrong cluster |
//! | `/#/mixed` | the same of the people that most likely hold two, one after the other |
//! | `/#/compare/{face}/{face}` | are the people of these two faces one? |
//! | `/#/person/{face}` | nothing: the person of this face, and all its faces |

mod answer_check;
mod assets;
mod replies;
mod routes;
pub mod session;
pub mod view;

pub use session::ReviewSession;
use streamface_web::{Options, Server};
pub use view::Review;

/// Starts a server for the page.
///
/// # Errors
/// [`streamface_web::Error`].
pub fn start(review: Box<dyn Review>, options: Options) -> Result<Server, streamface_web::Error> {
    let router = routes::app(review);
    Server::start("review", router, options)
}
