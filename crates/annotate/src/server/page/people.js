// Lists of people and of noise, and the view of one person: name, split, move, exclude.

import { h, put, button, faces, keys, dialog, count, plural, called, linkTo, size, thumbs, seen, say } from "./dom.js";
import { get, decide, clock, seenOf, stale, warn } from "./talk.js";
import { large } from "./large.js";

const PAGE = 60;

/** Buttons to page through a list. */
function pager(total, offset, go) {
  const pages = Math.max(1, Math.ceil(total / PAGE));
  const at = Math.floor(offset / PAGE);
  const to = (page) => () => page >= 0 && page < pages && go(page * PAGE);
  if (pages === 1) return h("p", { class: "quiet" }, `${count(total)} in all`);
  return h("div", { class: "pager", role: "group", "aria-label": "Pages" },
    button("Previous", ",", to(at - 1), { class: "plain", disabled: at === 0 }),
    h("span", { "aria-current": "page" }, `Page ${count(at + 1)} of ${count(pages)}, ${count(total)} in all`),
    button("Next", ".", to(at + 1), { class: "plain", disabled: at === pages - 1 }));
}

/** The keys of a pager's buttons. */
function pagerKeys(pages) {
  const [before, after] = pages.querySelectorAll("button");
  if (!before) return {};
  return { ",": { act: () => before.click(), label: "Previous page" }, ".": { act: () => after.click(), label: "Next page" } };
}

const personCard = (person, props) => h("a", { class: "card person", ...props },
  thumbs(person, 4),
  h("span", { class: "caption" }, h("strong", {}, called(person)),
    h("span", { class: "quiet" }, size(person)), seen(person) ? h("span", { class: "quiet" }, seen(person)) : null));

/** A search form and its list; `choose` gives the properties of each card. */
function finder(choose, paged = () => {}) {
  const search = { text: "", from: "", to: "", order: "faces" };
  const list = h("ul", { class: "people" });
  const pages = h("div", {});
  let wanted = 0;
  const fill = async (offset = 0) => {
    const mine = ++wanted;
    try {
      const found = await get("/api/people", { ...search, offset, limit: PAGE });
      // A late reply to an earlier search is ignored.
      if (mine !== wanted || !list.isConnected) return;
      put(list, ...found.rows.map((person) => h("li", {}, personCard(person, choose(person)))));
      put(pages, pager(found.total, offset, fill));
      paged(pages);
      say(plural(found.total, "person", "people"));
    } catch (failure) {
      if (mine === wanted) warn(failure.message);
    }
  };
  let soon;
  const field = (label, name, props) => h("label", {}, h("span", {}, label), h("input", {
    ...props, name, value: search[name], autocomplete: "off", spellcheck: "false",
    oninput: (event) => { search[name] = event.target.value; clearTimeout(soon); soon = setTimeout(() => fill(), 150); },
  }));
  const order = h("label", {}, h("span", {}, "Order"), h("select", { onchange: (event) => { search.order = event.target.value; fill(); } },
    [["faces", "most faces"], ["time", "first seen"], ["name", "name"]].map(([value, label]) => h("option", { value, selected: value === search.order }, label))));
  const form = h("form", { class: "search", role: "search", onsubmit: (event) => { event.preventDefault(); fill(); } },
    field("Name, label or source", "text", { type: "search" }), field("From", "from", { placeholder: "2023-05-25 10:00" }),
    field("To", "to", { placeholder: "2023-05-25" }), order);
  return { form, list, pages, fill };
}

/** All people. */
export async function listPeople(main) {
  const { form, list, pages, fill } = finder((person) => ({ href: linkTo(person) }), (box) => keys(pagerKeys(box)));
  const heading = h("h1", { tabindex: "-1" }, "People");
  put(main, h("div", { class: "heading" }, heading), form, list, pages);
  heading.focus({ preventScroll: true });
  stale.reload = () => fill();
  await fill();
}

/** Lets the user pick a person; resolves to it, or to null. */
function pick(title) {
  return new Promise((resolve) => {
    let chosen = null;
    const { form, list, pages, fill } = finder((person) => ({ href: linkTo(person), onclick: (event) => {
      event.preventDefault();
      chosen = person;
      box.close();
    } }));
    const box = dialog(title, h("div", {}, form, list, pages), { class: "wide" });
    box.addEventListener("close", () => resolve(chosen));
    fill();
  });
}

/** Actions on chosen faces, of these people or, without people, of noise. */
function chosenActions(chosen, { revision, people, done }) {
  const status = h("span", { class: "quiet" });
  const some = (act) => async () => {
    if (!chosen.size) return say("Choose faces first, with Space or a click", true);
    return act([...chosen]);
  };
  const send = async (action, ...others) => {
    const reply = await decide(action, { revision, seen: seenOf([...people, ...others]) });
    if (reply) await done();
  };
  const list = [
    { label: "Split off as one person", key: "x", act: (ids) => send({ kind: "split", faces: ids, together: true }) },
    { label: "Split into single faces", key: "e", act: (ids) => send({ kind: "split", faces: ids, together: false }) },
    people.length ? { label: "Noise", key: "b", act: (ids) => send({ kind: "noise", faces: ids }) } : null,
    { label: "Move to …", key: "m", act: async (ids) => {
      const to = await pick("Whose faces are these?");
      if (to) await send({ kind: "move", faces: ids, to: to.shown.slice(0, 25).map((face) => face.id) }, to);
    } },
  ];
  const all = list.filter(Boolean).map((a) => ({ ...a, act: some(a.act) }));
  const bar = h("div", { class: "actions", role: "group", "aria-label": "Chosen faces" },
    h("div", { class: "second" }, status, all.map((a) => button(a.label, a.key, a.act, { class: "plain" }))));
  const changed = () => { status.textContent = `${count(chosen.size)} chosen`; };
  changed();
  return { bar, changed, map: Object.fromEntries(all.map((a) => [a.key, a])) };
}

/** One person. */
export async function showPerson(main, id) {
  const chosen = new Set();
  let offset = 0;
  const load = async (to = offset) => {
    offset = to;
    const found = await get(`/api/person/${encodeURIComponent(id)}`, { offset, limit: PAGE });
    if (!main.isConnected) return null;
    if (found.faces.offset >= found.faces.total && offset > 0) return load(0);
    return show(found);
  };
  const done = async () => {
    chosen.clear();
    // The face in the address may have left the person: go to the list.
    await load().catch(() => { location.hash = "#/people"; });
  };
  const show = (found) => {
    const person = found.person;
    const work = chosenActions(chosen, { revision: found.revision, people: [person], done });
    const pages = pager(found.faces.total, offset, (to) => load(to).catch((failure) => warn(failure.message)));
    const name = h("input", { name: "name", value: person.name ?? "", maxlength: "100", autocomplete: "off", placeholder: "no name yet" });
    const say1 = (action, whole) => decide(action, { revision: found.revision, seen: seenOf([person]), whole });
    const shown = person.shown.map((face) => face.id);
    const naming = h("form", { class: "naming", onsubmit: async (event) => {
      event.preventDefault();
      if (await say1({ kind: "name", person: shown, name: name.value.trim() || null })) await load();
    } }, h("label", {}, h("span", {}, "Name"), name), h("button", { type: "submit", class: "plain" }, "Save name"));
    const noise = async () => { if (await say1({ kind: "noise", faces: shown }, true)) location.hash = "#/people"; };
    keys({ ...work.map, ...pagerKeys(pages), a: { label: "Choose all on this page", act: () => all(true) }, c: { label: "Choose none", act: () => all(false) } });
    const all = (on) => {
      for (const face of found.faces.rows) on ? chosen.add(face.id) : chosen.delete(face.id);
      for (const item of main.querySelectorAll(".faces [data-face]")) item.setAttribute("aria-pressed", String(chosen.has(item.dataset.face)));
      work.changed();
    };
    const heading = h("h1", { tabindex: "-1" }, called(person));
    put(main,
      h("div", { class: "heading" }, heading, h("p", { class: "quiet" }, size(person), seen(person) ? ` · ${seen(person)}` : "",
        ". Choose the faces that do not belong to this person, with Space or a click. Enter enlarges a face.")),
      h("div", { class: "bar" }, naming, h("button", { type: "button", class: "plain", onclick: noise }, "All faces are noise")),
      faces(found.faces.rows, `Faces of ${called(person)}`, { chosen, open: large, changed: work.changed }), pages, work.bar);
    heading.focus({ preventScroll: true });
    clock();
  };
  stale.reload = () => { chosen.clear(); return load(); };
  await load();
}

/** Faces that belong to no one. */
export async function listNoise(main) {
  const chosen = new Set();
  let offset = 0;
  const load = async (to = offset) => {
    offset = to;
    const [found, overview] = await Promise.all([get("/api/noise", { offset, limit: PAGE }), get("/api/overview")]);
    if (!main.isConnected) return;
    const work = chosenActions(chosen, { revision: overview.revision, people: [], done: reload });
    const pages = pager(found.total, offset, (next) => load(next).catch((failure) => warn(failure.message)));
    keys({ ...work.map, ...pagerKeys(pages) });
    const heading = h("h1", { tabindex: "-1" }, "Noise");
    put(main, h("div", { class: "heading" }, heading, h("p", { class: "quiet" }, "Faces that belong to no one. Choose faces to assign them to a person.")),
      found.total ? faces(found.rows, "Noise", { chosen, open: large, changed: work.changed }) : h("p", { class: "done" }, "Nothing here."), pages, found.total ? work.bar : null);
    heading.focus({ preventScroll: true });
    clock();
  };
  const reload = () => { chosen.clear(); return load(); };
  stale.reload = reload;
  await load();
}
