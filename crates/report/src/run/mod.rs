//! `report.html`: the people of a run, in one file that needs nothing else.
//!
//! | file | what |
//! |---|---|
//! | `input` | [`Report`] and its parts: what the caller fills in |
//! | `timeline` | where each frame stands on its source's strip, and the time axis below that |
//! | `origins` | the videos and photos that frames came from |
//! | `people`, `frames` | the sections of people and of frames |
//! | `page` | the page as a whole |
//! | `report.js` | the script, which only adds search and the large view |

mod frames;
mod input;
mod origins;
mod page;
mod people;
mod timeline;

use std::io::Write;

pub use input::{Face, Frame, Limits, Model, Person, Report, Stage};

use crate::Error;
use crate::layout;
use crate::picture::Pictures;

impl Report {
    /// Writes the page to `out`, with the thumbnails that `pictures` has.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses. A picture that is missing or broken is no error: its
    /// place says so.
    pub fn render(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> Result<(), Error> {
        layout::write(&page::page(self, pictures), out).map_err(Error::Write)
    }
}
