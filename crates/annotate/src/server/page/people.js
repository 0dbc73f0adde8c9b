// The list of people: choose several, merge them, name them, set them aside.

import { h, put, button, keys, called, count, linkTo, say } from "./dom.js";
import { get, decide, seenOf, stale } from "./talk.js";
import { ids } from "./parts.js";
import { finder, pagerKeys, personCard } from "./finder.js";
import { merge, nameField, nameIt } from "./merge.js";

/** Maximum people that are set aside at once. */
const MAX_NOISE = 200;

/** All people. */
export async function listPeople(main, _, query) {
  /** The chosen people by id; they stay chosen on other pages. */
  const chosen = new Map();
  let there = [];
  let revision = 0;
  // The last one chosen, where a range begins.
  let last = null;
  const card = (id) => list.querySelector(`[data-person="${CSS.escape(id)}"]`);
  const focused = () => there.find((person) => person.id === document.activeElement?.closest?.("[data-person]")?.dataset.person);
  const choose = (person, on) => {
    on ? chosen.set(person.id, person) : chosen.delete(person.id);
    last = person.id;
    const box = card(person.id);
    if (box) box.querySelector("input[type=checkbox]").checked = on;
    changed();
  };
  const toggle = (person, range) => {
    const [from, to] = [there.findIndex((one) => one.id === last), there.indexOf(person)];
    const on = !chosen.has(person.id);
    const heard = () => say(`${called(person)} ${chosen.has(person.id) ? "chosen" : "not chosen"}, ${count(chosen.size)} in all`);
    if (!range || from < 0) {
      choose(person, on);
      return heard();
    }
    for (const one of there.slice(Math.min(from, to), Math.max(from, to) + 1)) choose(one, true);
    last = person.id;
    heard();
  };
  const personBox = (person) => personCard(person, {
    href: linkTo(person),
    // The way back leads to this card again.
    onclick: () => window.history.replaceState({ at: person.id }, ""),
    onkeydown: (event) => {
      if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      toggle(person, event.shiftKey);
    },
  }, h("span", { class: "own" },
    h("label", { class: "choose" }, h("input", { type: "checkbox", tabindex: "-1", checked: chosen.has(person.id), "aria-label": `Choose ${called(person)}`,
      onclick: (event) => {
        toggle(person, event.shiftKey);
        event.target.checked = chosen.has(person.id);
      } }), "Choose"),
    h("button", { type: "button", class: "rename plain", tabindex: "-1", onclick: () => rename(person), "aria-label": `Name ${called(person)}` }, person.name ? "Rename" : "Name")));
  const { form, list, pages, fill } = finder({
    card: personBox, from: query,
    shown: (found, box) => {
      there = found.rows;
      revision = found.revision;
      // What is known of a chosen person may have changed.
      for (const person of there) if (chosen.has(person.id)) chosen.set(person.id, person);
      keys({ ...Object.fromEntries(acts.map((a) => [a.key, a])), ...pagerKeys(box) });
    },
    kept: (search) => {
      const text = search.toString();
      window.history.replaceState(window.history.state, "", text ? `#/people?${text}` : "#/people");
    },
  });

  /** Puts a field for the name into a card. */
  function rename(person) {
    const box = card(person.id);
    const { input, list: names } = nameField(person.name ?? "", { "aria-label": `Name of ${called(person)}` });
    const own = box.querySelector(".own");
    if (own.hidden) return;
    const back = () => { form1.remove(); own.hidden = false; box.querySelector("a.open").focus(); };
    const form1 = h("form", { class: "renaming", onsubmit: async (event) => {
      event.preventDefault();
      if (await nameIt(person, input.value, revision)) await again(person.id);
    }, onkeydown: (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      back();
    } }, input, names, h("button", { type: "submit", class: "plain" }, "Save"), h("button", { type: "button", class: "plain", onclick: back }, "Cancel"));
    own.before(form1);
    own.hidden = true;
    input.focus();
    input.select();
  }

  /** Loads the page again, and goes to the card of the person who has this face. */
  async function again(id) {
    await fill();
    let box = card(id);
    if (!box) {
      // Another face may stand for the person now.
      const now = await get(`/api/person/${encodeURIComponent(id)}`).catch(() => null);
      const same = there.find((person) => person.label === now?.person.label);
      box = same && card(same.id);
    }
    (box?.querySelector("a.open") ?? heading).focus();
  }
  const needs = (least, what) => {
    const people = chosen.size ? [...chosen.values()] : [focused()].filter(Boolean);
    if (people.length >= least) return people;
    say(what, true);
    return null;
  };
  const none = () => { for (const person of [...chosen.values()]) choose(person, false); };
  const acts = [
    { label: "Merge", key: "m", act: async () => {
      const people = needs(2, "Choose two people or more first, with Space or their boxes");
      const one = people && await merge(people, revision);
      if (one) { none(); await again(one.id); }
    } },
    { label: "Name", key: "n", act: async () => {
      const people = needs(1, "Choose a person first, with the arrows or Space");
      if (!people) return;
      if (people.length > 1) return void say("One name is for one person: merge them, or choose one", true);
      if (!card(people[0].id)) return void say("The chosen person is on another page", true);
      rename(people[0]);
    } },
    { label: "Noise", key: "b", act: async () => {
      const people = needs(1, "Choose people first, with Space or their boxes");
      if (!people) return;
      if (people.length > MAX_NOISE) return void say(`At most ${MAX_NOISE} people at once`, true);
      const reply = await decide({ kind: "noise", faces: people.flatMap(ids) }, { revision, seen: seenOf(people), whole: true });
      if (reply) { none(); await fill(); (list.querySelector("a.open") ?? heading).focus(); }
    } },
    { label: "Choose all here", key: "a", act: () => there.forEach((person) => choose(person, true)) },
    { label: "Choose none", key: "c", act: none },
  ];
  const status = h("span", { class: "quiet chosen" });
  const changed = () => {
    bar.classList.toggle("none", !chosen.size);
    const names = [...chosen.values()].slice(0, 3).map(called).join(", ");
    status.textContent = chosen.size ? `${count(chosen.size)} chosen: ${names}${chosen.size > 3 ? ", …" : ""}` : "None chosen";
  };
  const bar = h("div", { class: "actions chosen-bar", role: "group", "aria-label": "Chosen people" },
    h("div", { class: "second" }, status, acts.map((a) => button(a.label, a.key, a.act, { class: a.key === "a" ? "plain always" : "plain" }))));
  changed();
  const heading = h("h1", { tabindex: "-1" }, "People");
  put(main, h("div", { class: "heading" }, heading, h("p", { class: "quiet" }, "Choose with Space or the boxes, Shift for a range; Enter opens.")), form, list, pages, bar);
  heading.focus({ preventScroll: true });
  stale.reload = () => { none(); return fill(); };
  await fill();
  const at = window.history.state?.at;
  if (at) card(at)?.querySelector("a.open").focus();
}
