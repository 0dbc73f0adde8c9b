//! Step 8: a person's answers, in a browser.

use std::time::Duration;

use anyhow::bail;
use streamface_annotate::AUTO;
use streamface_annotate::server::desk::{Reach, Setup};
use streamface_annotate::server::{Desk, start};
use streamface_capture::Stop;
use streamface_web::Options;

use super::Outcome;
use super::extract::open_existing;
use super::finalize::{tell, tell_unclustered};
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
    let mut setup = Setup::default();
    setup.who = who;
    setup.reach = Reach { distance: args.max, pairs: args.most };
    setup.same_frame = args.same_frame;
    let data = open_existing(&args.dir)?;
    if !args.common.quiet {
        eprintln!("reading {}", data.root().display());
    }
    let desk = Desk::open(data, setup)?;
    tell_unclustered(&args.dir, desk.unclustered());
    if let Some(torn) = desk.torn() {
        eprintln!(
            "the journal ended in half a line, an answer that was never acknowledged: set aside as {}",
            torn.display()
        );
    }
    tell(&desk.report());
    let options = Options { listen: args.listen, names: args.names.clone(), ..Options::default() };
    let server = start(Box::new(desk), options)?;
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
