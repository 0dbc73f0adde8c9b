//! People that may hold two: their halves side by side, by keyboard and by mouse.

use serde_json::json;

use crate::sample::Sample;
use crate::{FaceSample, on_both_screens};

/// The faces of each half.
fn halves(look: &mut FaceSample<'_>) -> Vec<Vec<String>> {
    look.browser.until("document.querySelectorAll('.half [data-face]').length > 1");
    let faces = look.browser.eval(
        "[...document.querySelectorAll('.half')].map(h => [...h.querySelectorAll('[data-face]')].map(f => f.dataset.face))",
    );
    serde_json::from_value(faces).unwrap()
}

fn torn_and_whole(look: &mut FaceSample<'_>, made: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    let people = look.overview("people");
    // The face that went into the cluster of someone else comes first, alone in its half.
    look.go("v", "mixed/");
    let first = halves(look);
    assert_eq!(first.len(), 2);
    assert_eq!(first[1], std::slice::from_ref(&made.stray), "{first:?}");
    look.inspect("mixed");
    assert!(
        look.browser
            .text("document.querySelector('.likely').textContent")
            .contains("likely to be two people")
    );
    look.browser.press("d");
    look.said("Saved: two people, 1 face torn off");
    assert_eq!(look.overview("people"), people + 1);
    // Undone from anywhere, it is there again.
    look.browser.press("z");
    look.said("Undone");
    assert_eq!(look.overview("people"), people);
    look.browser.until(&format!("!!document.querySelector('.half [data-face={}]')", json!(made.stray)));
    // By mouse: torn apart again. No one else likely holds two; unlikely ones are there all the same.
    look.browser.click(".actions .no");
    look.said("Saved: two people, 1 face torn off");
    look.browser.until("document.querySelector('h1').textContent.startsWith('No one else')");
    look.inspect("mixed-none");
    look.browser.click("a[href='#/mixed/all']");
    look.there("mixed/all");
    let before = halves(look);
    // A face marked goes to the other half: said, and taken back.
    look.browser.click(".half:last-of-type .face");
    look.browser.until("document.querySelector('.view [role=status]').textContent.startsWith('1 face goes')");
    look.inspect("mixed-marked");
    look.browser.click(".half:last-of-type .face");
    look.browser.until("document.querySelector('.view [role=status]').textContent.startsWith('Mark faces')");
    // Later: the next one, and nothing is recorded.
    let revision = look.overview("revision");
    look.browser.press("u");
    look.browser.until(&format!("!document.querySelector('.half [data-face={}]')", json!(before[0][0])));
    assert_eq!(look.overview("revision"), revision);
    // One person: not asked again.
    let other = halves(look);
    look.browser.press("s");
    look.said("Saved: one person");
    look.browser.until(&format!("!document.querySelector('.half [data-face={}]')", json!(other[0][0])));
    let listed = look.browser.eval(&format!(
        "fetch('/api/mixed?limit=100').then(r => r.json()).then(l => l.rows.some(row => row.halves.some(h => h.shown.some(f => f.id === {}))))",
        json!(other[0][0])
    ));
    assert_eq!(listed, json!(false));
    // The address of one face: its person, the face first; after the answer that person's page.
    let face = other[1].last().unwrap();
    look.address(&format!("mixed/{face}"));
    let there = halves(look);
    assert!(there.iter().any(|half| half[0] == *face), "{there:?} for {face}");
    look.browser.press("s");
    look.said("Saved: one person");
    look.browser.until("location.hash.startsWith('#/person/')");
}

#[test]
fn a_mixed_person_is_torn_apart_or_said_to_be_one() {
    on_both_screens(torn_and_whole);
}
