//! Step 8: a person's answers, in a browser.

use std::path::{Path, PathBuf};
use std::time::Duration;

use streamface_annotate::Report;
use streamface_annotate::server::session::{CandidateLimits, SessionSettings};
use streamface_annotate::server::{ReviewSession, start};
use streamface_capture::Stop;
use streamface_web::{Options, Server};

use super::dataset_dir::open_existing;
use super::finalize::review_options;
use super::people_attributes::unknown_below;
use crate::Result;
use crate::event::{Context, Event};
use crate::settings::{ReviewSettings, Settings as _};

/// A review under way: a server that takes a person's answers. Each answer is on the disk before it is
/// acknowledged.
pub struct Review {
    server: Server,
    /// Faces that no clustering has seen yet.
    pub unclustered: usize,
    /// Where half a line at the end of the journal was set aside, if there was one.
    pub torn: Option<PathBuf>,
    /// Decisions so far that are not followed, and why.
    pub report: Report,
}

impl std::fmt::Debug for Review {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Review").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// Step 8: starts a review of a dataset's clusters.
///
/// # Errors
/// No labels yet, a journal with a broken line, an address that is taken, what reading meets.
pub fn review(dir: &Path, settings: &ReviewSettings, context: &Context<'_>) -> Result<Review> {
    settings.check()?;
    let mut wanted = SessionSettings::default();
    wanted.who.clone_from(&settings.who);
    wanted.limits = CandidateLimits { distance: settings.max, pairs: settings.most };
    let data = open_existing(dir)?;
    wanted.options = review_options(&data, settings.same_frame, None)?;
    wanted.unknown_below = unknown_below(&data)?;
    context.event(&Event::Note(format!("reading {}", data.root().display())));
    let session = ReviewSession::open(data, wanted)?;
    let (unclustered, torn, report) =
        (session.unclustered(), session.torn().map(Path::to_owned), session.report());
    let options = Options { listen: settings.listen, names: settings.names.clone(), ..Options::default() };
    Ok(Review { server: start(Box::new(session), options)?, unclustered, torn, report })
}

impl Review {
    /// The address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until it is to stop, and stops.
    pub fn wait(self, stop: &Stop) {
        while !stop.is_set() {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.server.stop();
    }
}
