//! The whole review of a small dataset in a real browser, by keyboard alone, wide and narrow.
//!
//! Where there is no Chromium, or no axe-core (`programme media` fetches it), it says so and looks at the less.
//! Pictures of each view go to `STREAMFACE_SHOTS`, where that is set.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cdp;
mod mixed;
mod people;
#[path = "../sample/mod.rs"]
mod sample;
mod screens;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use cdp::{Browser, axe, chromium};
use sample::{Sample, final_labels, pairwise_f, sample};
use serde_json::json;
use streamface_annotate::server::session::SessionSettings;
use streamface_annotate::server::{ReviewSession, start};
use streamface_web::Options;

/// A browser that looks at one review.
struct FaceSample<'a> {
    browser: Browser,
    axe: Option<&'a str>,
    shots: Option<PathBuf>,
    width: u32,
    truth: &'a BTreeMap<String, usize>,
    slowest: Duration,
}

const FACE_OF: &str = "const face = (img) => decodeURIComponent(img.getAttribute('src').split('/').pop());";

impl FaceSample<'_> {
    fn shot(&mut self, name: &str) {
        if let Some(shots) = &self.shots {
            let path = shots.join(format!("{name}-{}.png", self.width));
            self.browser.picture(&path);
        }
    }

    /// Nothing serious for axe-core, nothing wider than the screen, nothing said in the console.
    fn inspect(&mut self, view: &str) {
        self.shot(view);
        self.browser.check(view, self.width, self.axe);
        let keys = self.texts(
            "(() => { const of = (where) => [...document.querySelectorAll(where + ' [aria-keyshortcuts]')].map(e => e.getAttribute('aria-keyshortcuts'));
               const menu = of('header'); return of('main').filter(key => menu.includes(key)); })()",
        );
        assert!(keys.is_empty(), "{view}: keys of the menu mean something else here: {keys:?}");
        assert_eq!(self.browser.complaints, Vec::<String>::new(), "{view}");
        let text = self.browser.text("document.body.innerText");
        assert!(!text.contains("null") && !text.contains("undefined"), "{view}: {text}");
        assert!(
            !text.split_whitespace().collect::<Vec<_>>().join(" ").contains(" 1 faces"),
            "{view}: {text}"
        );
    }

    /// Goes to a view by its key, and waits until it is there.
    fn go(&mut self, key: &str, view: &str) {
        self.browser.press(key);
        self.there(view);
    }

    fn there(&mut self, view: &str) {
        self.browser.until(&format!("document.getElementById('main').dataset.view === '{view}'"));
    }

    /// Goes to an address of the page, and waits until it is there.
    fn address(&mut self, view: &str) {
        self.browser.eval(&format!(
            "delete document.getElementById('main').dataset.view; location.hash = {}; 0",
            json!(format!("#/{view}"))
        ));
        self.there(view);
    }

    /// The last message at the foot of the page.
    fn said(&mut self, start: &str) -> String {
        self.browser
            .until(&format!("document.getElementById('live').textContent.startsWith({})", json!(start)));
        self.browser.text("document.getElementById('live').textContent")
    }

    /// A number of the progress.
    fn overview(&mut self, what: &str) -> u64 {
        let value =
            self.browser.eval(&format!("fetch('/api/overview').then(r => r.json()).then(o => o.{what})"));
        value.as_u64().unwrap()
    }

    fn truth(&self, face: &str) -> usize {
        self.truth[face]
    }

    /// A key, and the time until what it leads to is on the screen.
    fn answer(&mut self, key: &str) {
        let before = self.browser.text("document.getElementById('live').textContent");
        // Seen by the page itself, so that the way there and back does not count.
        self.browser.eval(
            "document.getElementById('live').textContent = '';
             window.took = new Promise((done) => {
               let from;
               addEventListener('keydown', () => { from = performance.now(); }, {capture: true, once: true});
               new MutationObserver((_, me) => { me.disconnect(); requestAnimationFrame(() => done(performance.now() - from)); })
                 .observe(document.getElementById('main'), {childList: true, subtree: true});
             }); 0",
        );
        self.browser.press(key);
        let took =
            self.browser.eval("Promise.race([window.took, new Promise(r => setTimeout(() => r(-1), 5000))])");
        let took = took.as_f64().unwrap();
        assert!(
            took >= 0.0,
            "nothing came of {key} (before: {before}): {}",
            self.browser.text("document.body.innerText")
        );
        self.slowest = self.slowest.max(Duration::from_secs_f64(took / 1000.0));
        self.browser.until("document.getElementById('live').textContent.startsWith('Saved')");
    }

    /// The two people of a pair: right if they are one, by their first faces.
    fn pair_is_same(&mut self) -> bool {
        let faces = self.browser.eval("[...document.querySelectorAll('.pair .card')].map(c => c.querySelector('[data-face]').dataset.face)");
        let one = |i: usize| self.majority(&[faces[i].as_str().unwrap().to_owned()]);
        one(0) == one(1)
    }

    fn majority(&self, faces: &[String]) -> usize {
        let mut counts = BTreeMap::new();
        for face in faces {
            *counts.entry(self.truth(face)).or_insert(0) += 1;
        }
        counts.into_iter().max_by_key(|&(_, n)| n).unwrap().0
    }

    fn texts(&mut self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.browser.eval(expression)).unwrap()
    }

    /// Answers a group rightly: a figure for each that is the same, then Enter.
    fn answer_group(&mut self) {
        let host = self
            .texts("[...document.querySelectorAll('.group > .card [data-face]')].map(f => f.dataset.face)");
        let host = self.majority(&host);
        let cards = self.browser.eval(&format!(
            "{{ {FACE_OF} [...document.querySelectorAll('.choice')].map(c => [...c.querySelectorAll('img')].map(face)) }}"
        ));
        let cards: Vec<Vec<String>> = serde_json::from_value(cards).unwrap();
        for (i, faces) in cards.iter().enumerate() {
            if self.majority(faces) != host {
                continue;
            }
            if i < 10 {
                self.browser.press(&((i + 1) % 10).to_string());
            } else {
                // Beyond the figures: reached with the arrows, marked with Space.
                self.browser.eval("document.querySelector('.choice').focus()");
                for _ in 0..i {
                    self.browser.press("ArrowRight");
                }
                self.browser.press("Space");
            }
        }
        self.answer("Enter");
    }
}

/// Runs `test` on the review of a sample, wide and narrow.
fn on_both_screens(test: impl Fn(&mut FaceSample<'_>, &Sample)) {
    let Some(chromium) = chromium() else {
        streamface_testing::skip!("no Chromium");
        return;
    };
    let axe = axe();
    if axe.is_none() {
        streamface_testing::skip!("no axe.min.js in STREAMFACE_MEDIA; `programme media` fetches it");
    }
    for (width, height) in [(1280, 900), (375, 740)] {
        on_a_screen(width, height, &chromium, axe.as_deref(), &test);
    }
}

fn on_a_screen(
    width: u32,
    height: u32,
    chromium: &str,
    axe: Option<&str>,
    test: &impl Fn(&mut FaceSample<'_>, &Sample),
) {
    let made: Sample = sample(true);
    let mut setup = SessionSettings::default();
    setup.who = "tester".into();
    setup.unknown_below = [("gender".to_owned(), 0.8)].into();
    let session = ReviewSession::open(made.open(), setup).unwrap();
    let server = start(Box::new(session), Options::default()).unwrap();
    let shots = std::env::var_os("STREAMFACE_SHOTS").map(PathBuf::from);
    let mut look = FaceSample {
        browser: Browser::start(chromium),
        axe,
        shots,
        width,
        truth: &made.truth,
        slowest: Duration::ZERO,
    };
    look.browser.size(width, height);
    look.browser.open(&server.url());
    test(&mut look, &made);
    server.stop();
}

fn review(look: &mut FaceSample<'_>, made: &Sample) {
    let width = look.width;

    // It begins with groups, and says so to who hears it.
    look.browser.until("location.hash === '#/group' && !!document.querySelector('.choice')");
    assert_eq!(look.browser.text("document.activeElement.tagName"), "H1");
    look.browser.press("1");
    look.inspect("group");
    look.browser.press("1");
    look.browser.dark(true);
    look.inspect("group-dark");
    look.browser.press("?");
    look.inspect("help-dark");
    look.browser.press("Escape");
    look.browser.dark(false);

    // Pairs: one right answer, one wrong one that is taken back.
    look.go("p", "pair/");
    look.inspect("pair");
    let key = if look.pair_is_same() { "s" } else { "d" };
    look.answer(key);
    let shown = look.browser.text("document.querySelector('.pair [data-face]').dataset.face");
    look.answer("u");
    look.browser.press("z");
    look.browser.until("document.getElementById('live').textContent.startsWith('Undone')");
    look.browser
        .until(&format!("document.querySelector('.pair [data-face]')?.dataset.face === {}", json!(shown)));
    // The progress is that of now, the estimates a moment later.
    let answers = "[...document.querySelectorAll('#progress dt')].find(t => t.textContent === 'answers').nextSibling.textContent";
    look.browser.until(&format!("{answers} === '1'"));
    look.browser.until("document.getElementById('progress').dataset.estimated === '3'");

    // The server is gone for a while: the answer says that it is not saved, stays, and is sent again, once.
    let revision = |look: &mut FaceSample<'_>| {
        look.browser.eval("fetch('/api/overview').then(r => r.json()).then(o => o.revision)")
    };
    let before = revision(look).as_u64().unwrap();
    let offline = |look: &mut FaceSample<'_>, offline: bool| {
        let params =
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        look.browser.call("Network.emulateNetworkConditions", params);
    };
    look.browser.call("Network.enable", json!({}));
    offline(look, true);
    look.browser.press("u");
    look.browser.until("document.getElementById('alert').textContent.startsWith('NOT saved')");
    look.inspect("not-saved");
    offline(look, false);
    // Each of the two shows the question anew.
    let mark = "window.before = document.querySelector('.pair'); 0";
    let shown_anew =
        "document.querySelector('.pair') !== window.before && !!document.querySelector('.pair [data-face]')";
    look.browser.eval(mark);
    look.browser.tab_to("#alert button.plain");
    look.browser.press("Enter");
    look.browser.until("document.getElementById('live').textContent.startsWith('Saved') && !document.getElementById('alert').textContent");
    assert_eq!(revision(look), json!(before + 1));
    look.browser.until(shown_anew);
    look.browser.eval(mark);
    look.browser.press("z");
    look.browser.until(shown_anew);

    // The face large, and its frame with the box.
    look.browser.tab_to(".pair button.face");
    look.browser.press("ArrowRight");
    look.browser.press("Enter");
    look.browser.until("!!document.querySelector('dialog svg rect')");
    look.inspect("large");
    look.browser.press("Escape");
    look.browser.until("!document.querySelector('dialog')");
    assert!(look.browser.text("document.activeElement.className").contains("face"), "the focus comes back");

    // A face that does not belong leaves: found, chosen and split off with keys.
    look.go("l", "people/");
    assert!(look.browser.eval("document.querySelectorAll('.person').length").as_u64() > Some(20));
    look.inspect("people");
    look.browser.eval(&format!("location.hash = '#/person/' + encodeURIComponent({})", json!(made.stray)));
    look.browser.until("!!document.querySelector('.naming')");
    look.inspect("person");
    look.browser.tab_to(".faces button.face");
    for _ in 0..40 {
        if look.browser.text("document.activeElement.dataset.face") == made.stray {
            break;
        }
        look.browser.press("ArrowRight");
    }
    assert_eq!(look.browser.text("document.activeElement.dataset.face"), made.stray);
    look.browser.press("Space");
    assert_eq!(look.browser.text("document.activeElement.getAttribute('aria-pressed')"), "true");
    look.shot("split");
    look.answer("x");
    look.browser.until("document.querySelectorAll('.faces button.face').length === 1");

    // A name.
    look.browser.tab_to("input[name=name]");
    look.browser.type_text("<img src=x onerror=alert(1)>");
    look.answer("Enter");
    look.browser.until("document.querySelector('h1').textContent === '<img src=x onerror=alert(1)>'");

    // Sure pairs in a sweep, while there are any.
    look.go("w", "sweep/");
    look.inspect("sweep");
    for (key, view) in [("q", "queue"), ("v", "mixed"), ("i", "undecided"), ("o", "noise")] {
        look.go(key, &format!("{view}/"));
        look.inspect(view);
    }

    // Groups until nothing is left.
    look.go("g", "group/");
    let mut screens = 0;
    loop {
        if look.browser.eval("!!document.querySelector('.done')") == json!(true) {
            break;
        }
        look.answer_group();
        screens += 1;
        assert!(screens < 100, "it does not end");
    }
    look.inspect("done");

    // History: undo by Tab and Enter, and redo.
    look.go("h", "history/");
    look.inspect("history");
    look.browser.eval("window.off = document.querySelectorAll('.entry.off').length");
    look.browser.tab_to("button.back");
    look.browser.press("Enter");
    look.browser.until("document.querySelectorAll('.entry.off').length === window.off + 1");
    look.browser.until("document.activeElement.textContent === 'Redo'");
    look.browser.press("Enter");
    look.browser.until("document.activeElement.textContent === 'Undo' && document.querySelectorAll('.entry.off').length === window.off");
    look.browser.eval("location.hash = '#/history/doubtful'");
    look.there("history/doubtful");
    assert_eq!(look.browser.eval("!!document.querySelector('.badge.doubt')"), json!(true));
    look.inspect("doubtful");

    // The result.
    look.browser.press("f");
    look.browser.tab_to("dialog .main");
    look.browser.press("Enter");
    look.browser.until("document.querySelector('dialog').textContent.includes('annotations_manual.json:')");
    look.inspect("finalized");
    let f = pairwise_f(&final_labels(made.dir.path()), &made.truth);
    assert!(f > 0.999, "F {f} after {screens} screens");
    println!("{width} px: {screens} group screens, slowest answer {:?}", look.slowest);
    // On an idle machine a tenth of a second; this one may be building something.
    assert!(look.slowest < Duration::from_secs(5), "{:?}", look.slowest);
}

#[test]
fn the_whole_review_by_keyboard() {
    on_both_screens(review);
}
