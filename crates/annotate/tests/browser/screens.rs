//! What holds on every screen: reloads, messages, faces in their own shape, whole labels.

use serde_json::json;

use crate::sample::Sample;
use crate::{FaceSample, on_both_screens};

const VIEWS: [&str; 9] =
    ["pair", "group", "sweep", "queue", "mixed", "people", "undecided", "noise", "history"];

fn reload(look: &mut FaceSample<'_>, view: &str) {
    look.browser.call("Page.reload", json!({}));
    // Not the page before.
    std::thread::sleep(std::time::Duration::from_millis(300));
    look.browser.until("document.readyState === 'complete'");
    look.there(view);
}

/// The faces of a question, and what Enter says.
fn question(look: &mut FaceSample<'_>) -> String {
    look.browser.text(
        "JSON.stringify([[...document.querySelectorAll('#main img')].map(i => i.getAttribute('src')),
           document.querySelector('[aria-keyshortcuts=Enter]')?.textContent])",
    )
}

fn reloaded(look: &mut FaceSample<'_>, _: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    for view in ["group", "pair", "sweep"] {
        look.address(&format!("{view}/"));
        if view == "group" {
            look.browser.press("1");
            look.browser.press("Shift+2");
        }
        for _ in 0..3 {
            let before = question(look);
            reload(look, &format!("{view}/"));
            assert_eq!(question(look), before, "{view}");
        }
    }
    // After an answer, too; and a window of its own is asked about others.
    look.address("pair/");
    look.browser.press("u");
    look.said("Saved: not sure");
    let before = question(look);
    reload(look, "pair/");
    assert_eq!(question(look), before);
    let here =
        look.browser.text("[...document.querySelectorAll('.pair h2 a')].map(a => a.textContent).join()");
    // What a copy of the window begins with.
    look.browser.eval("addEventListener('pagehide', () => sessionStorage.setItem('open', '1')); 0");
    reload(look, "pair/");
    let there =
        look.browser.text("[...document.querySelectorAll('.pair h2 a')].map(a => a.textContent).join()");
    assert_ne!(here, there);
}

#[test]
fn a_reload_keeps_the_question_and_its_marks() {
    on_both_screens(reloaded);
}

fn says_what_enter_does(look: &mut FaceSample<'_>, _: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    let label = |look: &mut FaceSample<'_>| {
        look.browser.text("document.querySelector('.actions [aria-keyshortcuts=Enter]').textContent")
    };
    let cards = look.browser.eval("document.querySelectorAll('.choice').length").as_u64().unwrap();
    assert!(cards >= 2);
    assert_eq!(label(look), format!("Enter: 0 are this person, {cards} are not"));
    look.browser.press("1");
    assert_eq!(
        label(look),
        format!("Enter: 1 is this person, {} {} not", cards - 1, if cards == 2 { "is" } else { "are" })
    );
    look.browser.click(".choice:nth-child(2)");
    look.browser.click(".choice:nth-child(2)");
    let not = cards - 2;
    let are = if not == 1 { "is" } else { "are" };
    assert_eq!(label(look), format!("Enter: 1 is this person, {not} {are} not, 1 is not sure"));
    look.answer("Enter");
    let said = look.said("Saved:");
    let different = if not == 0 { String::new() } else { format!("{not} different, ") };
    assert_eq!(said, format!("Saved: 1 same, {different}1 not sure"));
}

#[test]
fn enter_says_what_it_will_record() {
    on_both_screens(says_what_enter_does);
}

/// Buttons and links that something lies over, though they are scrolled to.
const COVERED: &str = "[...document.querySelectorAll('button, a, input, select')].filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.skip')
     && e.getClientRects().length && e.tabIndex >= 0).filter(e => {
       e.scrollIntoView({block: 'nearest'});
       const r = e.getBoundingClientRect();
       const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
       return !(top && (e === top || e.contains(top) || top.contains(e)));
     }).map(e => e.outerHTML.slice(0, 120))";

/// Text that reaches out of the screen, or that something cuts off.
const CUT: &str = "(() => { const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); const found = [];
     while (walker.nextNode()) {
       const node = walker.currentNode; const of = node.parentElement;
       if (!node.data.trim() || !of.checkVisibility({visibilityProperty: true}) || of.closest('#heard, .skip, option, noscript')) continue;
       const range = document.createRange(); range.selectNodeContents(node);
       for (const r of range.getClientRects()) {
         let bad = r.left < -1 || r.right > innerWidth + 1;
         for (let box = of; box; box = box.parentElement) {
           const style = getComputedStyle(box); const edge = box.getBoundingClientRect();
           if (style.overflowX !== 'visible' && (r.right > edge.right + 1 || r.left < edge.left - 1)) bad = true;
         }
         const card = of.closest('.card, button, dialog, section')?.getBoundingClientRect();
         if (card && (r.right > card.right + 1 || r.left < card.left - 1)) bad = true;
         if (bad) found.push(node.data.trim());
       }
     }
     return found; })()";

fn is_whole(look: &mut FaceSample<'_>, view: &str) {
    let covered = look.texts(COVERED);
    assert!(covered.is_empty(), "{view} at {}: covered: {covered:?}", look.width);
    let cut = look.texts(CUT);
    assert!(cut.is_empty(), "{view} at {}: cut: {cut:?}", look.width);
    let wide = look.texts(
        "[...document.querySelectorAll('body, body *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1
           && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map(e => e.outerHTML.slice(0, 120))",
    );
    assert!(wide.is_empty(), "{view} at {}: scrolls sideways: {wide:?}", look.width);
}

fn whole(look: &mut FaceSample<'_>, made: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    // A message is there, a long one.
    look.address(&format!("person/{}", made.stray));
    look.browser.tab_to("input[name=name]");
    look.browser
        .type_text("Maximiliane Alexandra Konstantinopolitanische von und zu Hohenlohe-Schillingsfürst");
    look.browser.press("Enter");
    look.said("Saved: named Max");
    is_whole(look, "person");
    look.shot("person-long-name");
    for view in VIEWS {
        look.address(&format!("{view}/"));
        assert!(
            look.browser.text("document.getElementById('live').innerText").starts_with("Saved: named Max")
        );
        is_whole(look, view);
    }
    // What "More" hides on a narrow screen.
    look.address("pair/");
    if look.width < 760 {
        look.browser.click(".more");
        look.browser.until("document.querySelector('.more').getAttribute('aria-expanded') === 'true'");
        look.inspect("more");
    }
    is_whole(look, "more");
    look.browser.click(".second [aria-keyshortcuts='1']");
    look.said("Saved: ");
}

#[test]
fn messages_cover_no_button_and_no_label_is_cut() {
    on_both_screens(whole);
}

fn shapes(look: &mut FaceSample<'_>, _: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    for view in ["pair", "people"] {
        look.address(&format!("{view}/"));
        look.browser.eval("Promise.all([...document.images].map(i => i.complete || new Promise(r => { i.onload = i.onerror = r; }))).then(() => 0)");
        // As wide and high as the picture is; the blur behind it may be of any shape.
        let stretched = look.texts(
            "[...document.querySelectorAll('.picture img:not(.fill)')].filter(i => i.naturalWidth).filter(i => {
               const r = i.getBoundingClientRect();
               return getComputedStyle(i).objectFit !== 'contain' && Math.abs(r.width / r.height - i.naturalWidth / i.naturalHeight) > .02;
             }).map(i => i.src)",
        );
        assert!(stretched.is_empty(), "{view}: {stretched:?}");
        let crops = look.browser.eval("[...document.querySelectorAll('.picture img')].every(i => i.getAttribute('src').startsWith('/image/face/'))");
        assert_eq!(crops, json!(true), "{view}: the loose faces");
    }
    // The large view shows all of the loose face: where it reaches out of the frame there is no black.
    look.address("pair/");
    look.browser.tab_to(".pair button.face");
    look.browser.press("Enter");
    look.browser.until("!!document.querySelector('dialog .crops .picture .fill')");
    look.shot("loose");
    let place = look.browser.eval("(() => { const r = document.querySelector('.crops .picture').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()");
    let [x, y, width, height] = [0, 1, 2, 3].map(|at| place[at].as_f64().unwrap());
    let shot = look.browser.pixels();
    let dark = |fx: f64, fy: f64| {
        let [r, g, b] = shot.at((x + fx * width) as usize, (y + fy * height) as usize);
        u32::from(r) + u32::from(g) + u32::from(b)
    };
    // The upper 30 of 360 rows lie outside; the darkest colour of the sample's backdrop is 185.
    for part in [0.1, 0.3, 0.5, 0.7, 0.9] {
        for row in [0.015, 0.04, 0.07] {
            assert!(dark(part, row) > 90, "{part} {row}: {}", dark(part, row));
        }
    }
    look.browser.press("Escape");
}

#[test]
fn faces_keep_their_shape_and_black_bars_are_filled() {
    on_both_screens(shapes);
}
