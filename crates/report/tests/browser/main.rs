//! The pages in a real browser, wide and narrow, light and dark: nothing wider than the screen, nothing serious for
//! axe-core, nothing said in the console; the search for a time, and the large view, by keyboard.
//!
//! Where there is no Chromium, or no axe-core (`programme media` fetches it), it says so and looks at the less.
//! Pictures of each page go to `STREAMFACE_SHOTS`, where that is set.

// Helpers of tests are not seen as tests by the lint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "the review's tests use the rest")]
#[path = "../../../annotate/tests/browser/cdp.rs"]
mod cdp;
mod pages;

use std::path::{Path, PathBuf};

use cdp::{Browser, axe, chromium};
use serde_json::json;

struct Look<'a> {
    browser: Browser,
    axe: Option<&'a str>,
    dir: &'a Path,
    width: u32,
}

impl Look<'_> {
    fn open(&mut self, page: &str) {
        self.browser.open(&format!("file://{}", self.dir.join(page).display()));
        let there =
            format!("document.readyState === 'complete' && location.pathname.endsWith({})", json!(page));
        self.browser.until(&there);
    }

    fn inspect(&mut self, view: &str) {
        let name = format!("{view} at {}", self.width);
        if let Some(shots) = std::env::var_os("STREAMFACE_SHOTS") {
            let file = format!("page-{}-{}.png", view.replace(' ', "-"), self.width);
            self.browser.picture(&PathBuf::from(shots).join(file));
        }
        self.browser.check(view, self.width, self.axe);
        assert!(self.browser.complaints.is_empty(), "{name}: {:?}", self.browser.complaints);
        let text = self.browser.text("document.body.innerText");
        for part in ["null", "undefined", "NaN", " 1 faces"] {
            assert!(!text.contains(part), "{name} says {part}: {text}");
        }
    }

    /// What is searched for; what is said of it.
    fn search(&mut self, text: &str) -> String {
        self.browser
            .eval("document.getElementById('search').focus(); document.getElementById('search').select()");
        self.browser.type_text(text);
        self.browser.text("document.getElementById('found').textContent")
    }

    fn number(&mut self, expression: &str) -> f64 {
        self.browser.eval(expression).as_f64().unwrap_or(f64::NAN)
    }
}

/// The search for a time, and the large view of a face with its frame and its moment.
fn times_and_moments(look: &mut Look<'_>) {
    look.open("report.html");
    // Ann is seen from 20 to 30 s and from 50 to 60 s of 60, Bob from 0 to 20 s.
    assert_eq!(look.search("0:25"), "1 of 6 on screen then");
    let shown = "[...document.querySelectorAll('[data-words]')].filter(p => !p.hidden).map(p => p.querySelector('h3').textContent).join()";
    assert_eq!(look.browser.text(shown), "Ann");
    // The line stands at 25 of 60 s, on Ann's bar and on that of the frames.
    let place = "(() => { const t = document.querySelector('article:not([hidden]) .track'), n = t.querySelector('.now').getBoundingClientRect(), b = t.getBoundingClientRect(); return (n.x + n.width / 2 - b.x) / b.width; })()";
    let at = look.number(place);
    assert!((at - 25.0 / 60.0).abs() < 0.01, "the line is at {at}");
    assert_eq!(
        look.number("[...document.querySelectorAll('.track .now')].filter(n => n.checkVisibility()).length"),
        2.0
    );
    let covers = "(() => { const t = document.querySelector('article:not([hidden]) .track'), n = t.querySelector('.now').getBoundingClientRect(), b = t.querySelector('.strip').getBoundingClientRect(); return n.top <= b.top && n.bottom >= b.bottom; })()";
    assert_eq!(look.browser.eval(covers), json!(true), "the line crosses the bar");
    look.inspect("search");
    // From 20 s on, and no longer at 30 s.
    assert_eq!(look.search("0:20"), "1 of 6 on screen then");
    assert_eq!(look.search("0:30"), "4 of 6 on screen then");
    assert_eq!(look.search("1:30"), "0 of 6 on screen then");
    assert_eq!(look.number("document.querySelectorAll('.now').length"), 0.0);
    assert_eq!(look.search("bob"), "1 of 6");
    assert_eq!(look.number("document.querySelectorAll('.now').length"), 0.0);
    look.search("ann");
    look.browser.tab_to("a.face");
    look.browser.press("Enter");
    look.browser.until("document.querySelector('dialog').open && document.querySelector('dialog .frame img').naturalWidth > 0");
    // A box around the face, which is in the right upper quarter of its frame.
    let share = "(() => { const [f, b] = ['dialog .frame img', 'dialog .box'].map(s => document.querySelector(s).getBoundingClientRect()); return [(b.x - f.x) / f.width, (b.y - f.y) / f.height, b.width / f.width].map(v => Math.round(100 * v)).join(); })()";
    assert_eq!(look.browser.text(share), "60,10,20");
    let link = "document.querySelector('dialog .links a')";
    assert_eq!(look.browser.text(&format!("{link}.textContent")), "Open the video at 0:00:20");
    assert!(look.browser.text(&format!("{link}.href")).ends_with("/my%20videos/news.mp4#t=20"));
    assert_eq!(look.browser.text("document.activeElement.textContent"), "Later");
    look.inspect("large");
    look.browser.dark(true);
    look.inspect("large dark");
    look.browser.dark(false);
    look.browser.press("ArrowRight");
    look.browser.until(&format!("{link}.href.endsWith('#t=50')"));
    // Its frame is no longer there: the face alone is shown.
    look.browser.until("document.querySelector('dialog .frame').hidden");
    assert!(!look.browser.text("document.querySelector('dialog').className").contains("wide"));
    look.browser.press("Escape");
    look.browser.until("!document.querySelector('dialog').open");
    assert!(look.browser.text("document.activeElement.className").contains("face"), "the focus comes back");
    look.browser.complaints.clear();
}

fn photos(look: &mut Look<'_>) {
    look.open("photos.html");
    assert_eq!(look.number("document.querySelectorAll('.track, .strip, .axis').length"), 0.0);
    look.browser.tab_to("a.face");
    look.browser.press("Enter");
    look.browser.until("document.querySelector('dialog').open");
    assert_eq!(look.browser.text("document.querySelector('dialog .links a').textContent"), "Open the photo");
    let href = look.browser.text("document.querySelector('dialog .links a').getAttribute('href')");
    assert_eq!(href, "../photos/a%231.jpg");
}

#[test]
fn pages_on_both_screens() {
    let Some(program) = chromium() else {
        streamface_testing::skip!("no Chromium");
        return;
    };
    let axe = axe();
    let dir = tempfile::tempdir().unwrap();
    let pages = pages::write(dir.path());
    for (width, height) in [(1280, 900), (375, 740)] {
        let browser = Browser::start(&program);
        let mut look = Look { browser, axe: axe.as_deref(), dir: dir.path(), width };
        look.browser.size(width, height);
        for page in &pages {
            look.open(page);
            // What is folded away is looked at too.
            look.browser.eval("document.querySelectorAll('details').forEach(d => { d.open = true; })");
            look.inspect(page);
            look.browser.dark(true);
            look.inspect(&format!("{page} dark"));
            look.browser.dark(false);
        }
        times_and_moments(&mut look);
        photos(&mut look);
        look.open("evaluate.html");
        let first = look.browser.text("document.querySelector('.likely a.button').href");
        assert!(first.starts_with("http://127.0.0.1:7373/#/"), "{first}");
    }
    if axe.is_none() {
        streamface_testing::skip!("no axe-core in STREAMFACE_MEDIA");
    }
}
