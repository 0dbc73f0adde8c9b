//! Step 8: a person's answers, in a browser.

use std::time::Duration;

use anyhow::bail;
use streamface_annotate::AUTO;
use streamface_annotate::server::session::{CandidateLimits, SessionSettings};
use streamface_annotate::server::{ReviewSession, start};
use streamface_capture::Stop;
use streamface_web::Options;

use super::Outcome;
use super::extract::open_existing;
use super::finalize::{print_conflicts, warn_unclustered};
use crate::args::ReviewArgs;

/// `streamface review`: until it is stopped.
///
/// # Errors
/// No labels yet, a journal with a broken line, an address that is taken, what reading meets.
pub fn review(args: &ReviewArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    if !(0.0..=2.0).contains(&args.max) {
        bail!("max must be a cosine distance from 0 to 2, not {}", args.max);
    }
    let user = || std::env::var("USER").ok().filter(|name| !name.is_empty() && name != AUTO);
    let who = args.who.clone().or_else(user).unwrap_or_else(|| "someone".to_owned());
    if who == AUTO || who.chars().any(char::is_control) {
        bail!("who must be a name other than '{AUTO}', without control characters");
    }
    let mut settings = SessionSettings::default();
    settings.who = who;
    settings.limits = CandidateLimits { distance: args.max, pairs: args.most };
    settings.same_frame = args.same_frame;
    let data = open_existing(&args.dir)?;
    if !args.common.quiet {
        eprintln!("reading {}", data.root().display());
    }
    let session = ReviewSession::open(data, settings)?;
    warn_unclustered(&args.dir, session.unclustered());
    if let Some(torn) = session.torn() {
        eprintln!(
            "the journal ended in half a line, an answer that was never acknowledged: set aside as {}",
            torn.display()
        );
    }
    print_conflicts(&session.report());
    let options = Options { listen: args.listen, names: args.names.clone(), ..Options::default() };
    let server = start(Box::new(session), options)?;
    if args.common.json {
        say!("{}", serde_json::json!({"url": server.url()}));
    } else {
        say!("{}", server.url());
        say!("open it in a browser; Ctrl-C ends the review, all answers are kept");
    }
    while !stop.is_set() {
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop();
    Ok(Outcome::Done)
}
