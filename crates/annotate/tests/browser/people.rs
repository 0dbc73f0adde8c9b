//! The list of people and a person's page: choosing, merging, naming, times.

use serde_json::json;

use crate::sample::Sample;
use crate::{FaceSample, on_both_screens};

/// The clusters of a person on the page, by their places in the list.
fn clusters_of(look: &mut FaceSample<'_>, person: usize) -> Vec<usize> {
    let faces = look.texts("[...document.querySelectorAll('[data-person]')].map(p => p.dataset.person)");
    (0..faces.len()).filter(|&at| look.truth[&faces[at]] == person).collect()
}

fn focus(look: &mut FaceSample<'_>, at: usize) {
    look.browser.eval(&format!("document.querySelectorAll('a.open')[{at}].focus(); 0"));
}

/// To a card with the keys alone.
fn walk(look: &mut FaceSample<'_>, at: usize) {
    focus(look, 0);
    for _ in 0..at {
        look.browser.press("ArrowRight");
    }
    let place = look.browser.eval("[...document.querySelectorAll('a.open')].indexOf(document.activeElement)");
    assert_eq!(place, json!(at));
}

fn chosen(look: &mut FaceSample<'_>) -> String {
    look.browser.text("document.querySelector('.chosen').textContent")
}

fn loaded(look: &mut FaceSample<'_>) {
    look.go("l", "people/");
    look.browser.until("document.querySelectorAll('[data-person]').length > 5");
}

fn by_keyboard(look: &mut FaceSample<'_>, _: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    loaded(look);
    let people = look.overview("people");
    let mine = clusters_of(look, 0);
    for &at in &mine {
        walk(look, at);
        look.browser.press("Space");
    }
    assert!(chosen(look).starts_with("3 chosen"), "{}", chosen(look));
    look.inspect("people-chosen");
    look.browser.press("m");
    look.browser.until("!!document.querySelector('dialog .merging')");
    look.inspect("merge");
    look.browser.tab_to("dialog input[name=name]");
    look.browser.type_text("Ada");
    look.browser.press("Enter");
    assert_eq!(look.said("Saved: 3 people merged, and"), "Saved: 3 people merged, and named Ada");
    look.browser.until("!document.querySelector('dialog')");
    assert_eq!(look.overview("people"), people - 2);
    look.browser
        .until("document.activeElement.closest('[data-person]')?.textContent.includes('Ada') === true");
    assert_eq!(chosen(look), "None chosen");

    // An equal name is asked about, and merged.
    let of_another = clusters_of(look, 1);
    let name_it = |look: &mut FaceSample<'_>, at: usize, name: &str| {
        walk(look, at);
        look.browser.press("n");
        look.browser.until("!!document.activeElement.closest('.renaming')");
        look.shot("renaming");
        look.browser.type_text(name);
        look.browser.press("Enter");
        look.said(&format!("Saved: named {name}"));
    };
    name_it(look, of_another[0], "Bea");
    look.browser.until("!document.querySelector('.renaming')");
    assert_eq!(look.browser.eval("!!document.querySelector('dialog')"), json!(false));
    let at = clusters_of(look, 1)[1];
    name_it(look, at, "bea");
    look.browser.until("!!document.querySelector('dialog .offer')");
    look.inspect("same-name");
    look.browser.press("s");
    look.said("Saved: same");
    look.browser.until("!document.querySelector('dialog')");
    assert_eq!(look.overview("people"), people - 3);
    // Or said to be two people: then it is not asked again.
    look.browser.until("!document.querySelector('.renaming')");
    // Neighbours share frames, and would not be asked about.
    let at = clusters_of(look, 5)[0];
    name_it(look, at, "BEA");
    look.browser.until("!!document.querySelector('dialog .offer')");
    look.browser.press("d");
    look.said("Saved: different");
    look.browser.until("!document.querySelector('dialog')");
    assert_eq!(look.overview("people"), people - 3);

    // Escape leaves a name as it is, and the focus on the card.
    walk(look, 0);
    look.browser.press("n");
    look.browser.until("!!document.activeElement.closest('.renaming')");
    look.browser.press("Escape");
    look.browser.until("!document.querySelector('.renaming') && document.activeElement.matches('a.open')");

    // What shares a frame is refused in the dialog, with people's names, and can be left out of it.
    look.browser.press("a");
    look.browser.press("m");
    look.browser.until("!!document.querySelector('dialog .merging')");
    let before = look.overview("revision");
    look.browser.press("Enter");
    look.browser.until("document.querySelector('dialog .problem').textContent.includes('in one frame')");
    let problem = look.browser.text("document.querySelector('dialog .problem').textContent");
    assert!(problem.starts_with("NOT saved") && !problem.contains("_face_"), "{problem}");
    look.inspect("refused");
    let in_dialog = "document.querySelectorAll('dialog .merging li').length";
    let all = look.browser.eval(in_dialog).as_u64().unwrap();
    look.browser.click("dialog [aria-label^='Leave out']");
    look.browser.until(&format!("{in_dialog} === {}", all - 1));
    look.browser.press("Escape");
    assert_eq!(look.overview("revision"), before);
    look.browser.press("c");
    assert_eq!(chosen(look), "None chosen");

    // A range with Shift, set aside as noise.
    walk(look, 2);
    look.browser.press("Space");
    look.browser.press("ArrowRight");
    look.browser.press("ArrowRight");
    look.browser.press("Shift+Space");
    assert!(chosen(look).starts_with("3 chosen"), "{}", chosen(look));
    let left = look.overview("people");
    look.browser.press("b");
    look.said("Saved:");
    look.browser.until(&format!("document.querySelectorAll('[data-person]').length === {}", left - 3));

    // All of it is taken back, decision by decision.
    let answers = look.overview("answers");
    assert_eq!(answers, 8);
    for left in (0..answers).rev() {
        look.browser.eval("document.getElementById('live').textContent = ''; 0");
        look.browser.press("z");
        look.said("Undone:");
        assert_eq!(look.overview("answers"), left);
    }
    assert_eq!(look.overview("people"), people);
}

#[test]
fn people_are_merged_and_named_by_keyboard() {
    on_both_screens(by_keyboard);
}

fn by_mouse(look: &mut FaceSample<'_>, _: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    look.browser.click("nav a[href='#/people']");
    look.there("people/");
    let people = look.overview("people");
    let mine = clusters_of(look, 5);
    for &at in &mine[..2] {
        look.browser.click(&format!("li:nth-child({}) .choose input", at + 1));
    }
    assert!(chosen(look).starts_with("2 chosen"), "{}", chosen(look));
    // A box that was clicked has the focus, and keys work all the same.
    look.browser.press("m");
    look.browser.until("!!document.querySelector('dialog .merging')");
    look.browser.press("Escape");
    look.browser.until("!document.querySelector('dialog')");
    look.browser.click(".actions [aria-keyshortcuts=m]");
    look.browser.until("!!document.querySelector('dialog .merging')");
    look.browser.click("dialog [type=submit]");
    assert_eq!(look.said("Saved: 2 people"), "Saved: 2 people merged");
    look.browser.until("!document.querySelector('dialog')");
    assert_eq!(look.overview("people"), people - 1);
    // The name on its card.
    let at = clusters_of(look, 5)[0];
    look.browser.click(&format!("li:nth-child({}) .rename", at + 1));
    look.browser.until("!!document.activeElement.closest('.renaming')");
    look.browser.type_text("Eve");
    look.browser.click(".renaming [type=submit]");
    look.said("Saved: named Eve");
    look.browser.until("!document.querySelector('.renaming')");
    // The search, a person, and the way back to both.
    look.browser.eval("document.querySelector('select').value = 'name'; document.querySelector('select').dispatchEvent(new Event('change')); 0");
    look.browser.until("location.hash === '#/people?order=name' && document.querySelector('.person strong').textContent === 'Eve'");
    look.browser.click(".person .caption");
    look.browser.until("!!document.querySelector('.naming')");
    assert_eq!(look.browser.text("document.querySelector('h1').textContent"), "Eve");
    look.browser.eval("history.back(); 0");
    look.browser.until("document.querySelector('select')?.value === 'name' && document.activeElement.textContent.includes('Eve')");
    look.browser.click("#status button");
    look.said("Undone: named Eve");
    look.browser.eval("document.getElementById('live').textContent = ''; 0");
    look.browser.click("#status button");
    look.said("Undone: same");
    assert_eq!(look.overview("people"), people);
}

#[test]
fn people_are_merged_and_named_by_mouse() {
    on_both_screens(by_mouse);
}

/// What models guess of the person, folded away, and of one face.
fn guesses(look: &mut FaceSample<'_>) {
    let shown = "document.querySelector('.said dl').checkVisibility()";
    assert_eq!(look.browser.eval(shown), json!(false), "it is not what tells people apart");
    look.browser.tab_to(".said summary");
    look.browser.press("Enter");
    look.browser.until(shown);
    let facts = look
        .texts("[...document.querySelectorAll('.said dl div')].map(d => d.innerText.replace(/\\s+/g, ' '))");
    let starts = [
        "Gender ",
        "Pose yaw ",
        "Mask no mask (on average 98 %)",
        "Years 3",
        "Liveness live (on average 97 %)",
    ];
    for (fact, start) in facts.iter().zip(starts) {
        assert!(fact.starts_with(start), "{fact}, not {start}");
    }
    assert_eq!(facts.len(), starts.len(), "{facts:?}");
    assert!(facts[3].contains(" ± ") && facts[1].contains(" to "), "{facts:?}");
    let caution = look.browser.text("document.querySelector('.said p').textContent");
    assert!(caution.contains("guesses about appearance"), "{caution}");
    look.inspect("guesses");
    look.browser.dark(true);
    look.inspect("guesses-dark");
    look.browser.dark(false);
    look.browser.tab_to(".faces .face");
    look.browser.press("Enter");
    look.browser.until("!!document.querySelector('dialog .large .caution')");
    let facts = look.texts("[...document.querySelectorAll('dialog dt')].map(t => t.textContent + ' ' + t.nextSibling.textContent)");
    let of = |name: &str| facts.iter().find(|fact| fact.starts_with(name)).cloned().unwrap_or_default();
    assert!(of("Mask ").ends_with("no mask (98 %)") && of("Years ").ends_with(" ± 6"), "{facts:?}");
    assert!(of("Pose ").contains("yaw ") && !of("Pose ").contains(" to "), "{facts:?}");
    look.inspect("guesses-face");
    look.browser.press("Escape");
    look.browser.until("!document.querySelector('dialog')");
}

fn a_page(look: &mut FaceSample<'_>, made: &Sample) {
    look.browser.until("!!document.querySelector('.choice')");
    look.browser.eval(&format!("location.hash = '#/person/' + encodeURIComponent({}); 0", json!(made.stray)));
    look.browser.until("!!document.querySelector('.timeline .span')");
    // Each face has its time below it, and the bar leads to a face.
    let times = look
        .texts("[...document.querySelectorAll('.faces .face')].map(f => f.querySelector('.at').textContent)");
    assert!(times.len() > 3 && times.iter().all(|t| t.len() == 8 && t.starts_with("10:0")), "{times:?}");
    let marks = look.texts("[...document.querySelectorAll('.span')].map(s => s.getAttribute('aria-label'))");
    assert!(
        marks.len() > 2 && marks.iter().all(|m| m.contains("2023-05-25 10:0") && m.contains(" face")),
        "{marks:?}"
    );
    look.browser.tab_to(".span");
    look.browser.press("ArrowRight");
    look.browser.press("Enter");
    look.browser.until("document.activeElement.matches('.faces .face')");
    let title = look.browser.text("document.activeElement.title");
    assert!(title.contains(&marks[1][..19]), "{title}: {}", marks[1]);
    look.browser.click(".span:last-child");
    look.browser.until("document.activeElement.matches('.faces .face')");
    let last = look.browser.text("document.activeElement.title");
    assert!(last.contains(&marks[marks.len() - 1][..19]), "{last}");
    look.inspect("times");
    guesses(look);

    // Someone else is the same person: chosen from all, compared, merged.
    let people = look.overview("people");
    look.browser.press("j");
    look.browser.until("document.querySelectorAll('dialog .person').length > 5");
    look.inspect("pick");
    let faces =
        look.texts("[...document.querySelectorAll('dialog [data-person]')].map(p => p.dataset.person)");
    let me = look.browser.text("document.querySelector('h1').textContent");
    let shown = look.texts("[...document.querySelectorAll('main [data-face]')].map(p => p.dataset.face)");
    let who = look.majority(&shown);
    let names = look.texts("[...document.querySelectorAll('dialog strong')].map(p => p.textContent)");
    let other = (0..faces.len()).find(|&at| look.truth[&faces[at]] == who && names[at] != me).unwrap();
    look.browser.click(&format!("dialog li:nth-child({}) a.open", other + 1));
    look.browser.until("!!document.querySelector('dialog .merging')");
    look.browser.press("Enter");
    look.said("Saved: 2 people merged");
    assert_eq!(look.overview("people"), people - 1);
    look.browser.until("!document.querySelector('dialog') && !!document.querySelector('.naming')");
    look.browser.press("z");
    look.said("Undone: same");
    assert_eq!(look.overview("people"), people);

    // Two given people have an address of their own.
    let pair = look.browser.text(&format!(
        "'compare/' + [{}, {}].map(encodeURIComponent).join('/')",
        json!(shown[0]),
        json!(faces[other])
    ));
    look.address(&pair);
    look.inspect("compare");
    look.browser.press("s");
    look.said("Saved: same");
    look.browser.until("location.hash.startsWith('#/person/')");
    assert_eq!(look.overview("people"), people - 1);
    // Asked about again, as by a link of another page, it leads to the one person.
    look.browser.eval(&format!("location.hash = '#/' + {}; 0", json!(pair)));
    look.said("These two are one person already");
    look.browser.until("location.hash.startsWith('#/person/') && !!document.querySelector('.naming')");
}

#[test]
fn a_person_has_times_and_can_be_merged_with_another() {
    on_both_screens(a_page);
}
