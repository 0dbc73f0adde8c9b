// The view of one person: name, split, move, exclude; and the faces that belong to no one.

import { h, put, button, faces, keys, dialog, count, called, linkTo, size, seen, say } from "./dom.js";
import { get, decide, clock, seenOf, stale, warn } from "./talk.js";
import { ids } from "./parts.js";
import { PAGE, finder, pager, pagerKeys, personCard } from "./finder.js";
import { merge, nameField, nameIt, sameName } from "./merge.js";
import { timeline } from "./timeline.js";
import { large } from "./large.js";
import { saidOf } from "./said.js";

/** Lets the user pick a person; resolves to it, or to null. */
function pick(title) {
  return new Promise((resolve) => {
    let chosen = null;
    const { form, list, pages, fill } = finder({ card: (person) => personCard(person, { href: linkTo(person), onclick: (event) => {
      event.preventDefault();
      chosen = person;
      box.close();
    } }) });
    const box = dialog(title, h("div", {}, form, list, pages), { class: "wide" });
    box.addEventListener("close", () => resolve(chosen));
    fill();
  });
}

/** Actions on chosen faces, of these people or, without people, of noise. */
function chosenActions(chosen, { revision, people, done }) {
  const status = h("span", { class: "quiet chosen" });
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
      if (to) await send({ kind: "move", faces: ids, to: ids(to) }, to);
    } },
  ];
  const all = list.filter(Boolean).map((a) => ({ ...a, act: some(a.act) }));
  const bar = h("div", { class: "actions chosen-bar", role: "group", "aria-label": "Chosen faces" },
    h("div", { class: "second" }, status, all.map((a) => button(a.label, a.key, a.act, { class: "plain" }))));
  const changed = () => {
    bar.classList.toggle("none", !chosen.size);
    status.textContent = chosen.size ? `${count(chosen.size)} chosen` : "None chosen";
  };
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
    const { input: name, list: names } = nameField(person.name ?? "");
    const naming = h("form", { class: "naming", onsubmit: async (event) => {
      event.preventDefault();
      if (await nameIt(person, name.value, found.revision)) await load();
    } }, h("label", {}, h("span", {}, "Name"), name), names, h("button", { type: "submit", class: "plain" }, "Save name"));
    const noise = async () => {
      if (await decide({ kind: "noise", faces: ids(person) }, { revision: found.revision, seen: seenOf([person]), whole: true })) location.hash = "#/people";
    };
    const join = async () => {
      const other = await pick(`Who else is ${called(person)}?`);
      if (!other) return;
      if (other.state === person.state) return void say("That is the same person", true);
      if (await merge([person, other], found.revision)) await done();
    };
    /** Shows the page with the face at this position, and goes to it. */
    const go = async (position) => {
      const page = PAGE * Math.floor(position / PAGE);
      if (page !== offset) await load(page);
      main.querySelectorAll(".faces [data-face]")[position - page]?.focus();
    };
    keys({ ...work.map, ...pagerKeys(pages), n: { label: "Name the person", act: () => name.focus() }, j: { label: "Merge with …", act: join },
      a: { label: "Choose all on this page", act: () => all(true) }, c: { label: "Choose none", act: () => all(false) } });
    const all = (on) => {
      for (const face of found.faces.rows) on ? chosen.add(face.id) : chosen.delete(face.id);
      for (const item of main.querySelectorAll(".faces [data-face]")) item.setAttribute("aria-pressed", String(chosen.has(item.dataset.face)));
      work.changed();
    };
    const heading = h("h1", { tabindex: "-1" }, called(person));
    put(main,
      h("div", { class: "heading" }, heading, h("p", { class: "quiet" }, size(person), seen(person) ? ` · ${seen(person)}` : "",
        ". Choose the faces that do not belong to this person, with Space or a click. Enter enlarges a face.")),
      h("div", { class: "bar" }, naming, button("Merge with …", "j", join, { class: "plain" }),
        h("button", { type: "button", class: "plain", onclick: noise }, "All faces are noise")),
      sameName(found), saidOf(found.attributes), timeline(found.timeline, found.sources, (position) => go(position).catch((failure) => warn(failure.message))),
      faces(found.faces.rows, `Faces of ${called(person)}`, { chosen, open: large, changed: work.changed, times: true }), pages, work.bar);
    heading.focus({ preventScroll: true });
    clock();
  };
  stale.reload = done;
  await load();
}

/** Faces that belong to no one. */
export async function listNoise(main) {
  const chosen = new Set();
  let offset = 0;
  const load = async (to = offset) => {
    offset = to;
    const found = await get("/api/noise", { offset, limit: PAGE });
    if (!main.isConnected) return;
    const work = chosenActions(chosen, { revision: found.revision, people: [], done: reload });
    const pages = pager(found.total, offset, (next) => load(next).catch((failure) => warn(failure.message)));
    keys({ ...work.map, ...pagerKeys(pages) });
    const heading = h("h1", { tabindex: "-1" }, "Noise");
    put(main, h("div", { class: "heading" }, heading, h("p", { class: "quiet" }, "Faces that belong to no one. Choose faces to assign them to a person.")),
      found.total ? faces(found.rows, "Noise", { chosen, open: large, changed: work.changed, times: true }) : h("p", { class: "done" }, "Nothing here."), pages, found.total ? work.bar : null);
    heading.focus({ preventScroll: true });
    clock();
  };
  const reload = () => { chosen.clear(); return load(); };
  stale.reload = reload;
  await load();
}
