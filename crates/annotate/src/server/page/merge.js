// Joining people: a dialog that shows who becomes one, and an offer where two have the same name.

import { h, put, button, called, dialog, faces, linkTo, plural, say, size, thumbs } from "./dom.js";
import { get, decide, seenOf, stale, warn } from "./talk.js";
import { compare, head, ids } from "./parts.js";
import { large } from "./large.js";

const compareLink = (one, other) => `#/compare/${encodeURIComponent(one.id)}/${encodeURIComponent(other.id)}`;

/** Maximum people that are joined at once. */
const MAX_PEOPLE = 100;

const address = (person) => `/api/person/${encodeURIComponent(person.id)}`;

/** A field for a name that knows the names given so far. */
export function nameField(value = "", props = {}) {
  const list = h("datalist", { id: `names-${Math.random().toString(36).slice(2)}` });
  const input = h("input", { name: "name", value, maxlength: "100", autocomplete: "off", spellcheck: "false", placeholder: "no name yet", list: list.id, ...props });
  get("/api/names").then((names) => put(list, ...names.map((name) => h("option", { value: name })))).catch(() => {});
  return { input, list };
}

/** Names a person; then asks about others with the same name. Resolves to whether the name was saved. */
export async function nameIt(person, name, revision) {
  const reply = await decide({ kind: "name", person: ids(person), name: name.trim() || null }, { revision, seen: seenOf([person]) });
  if (reply?.same_name.length) await offer(person.id);
  return reply !== null;
}

/**
 * An answer given in a dialog. Why it was refused is said there; any other failure is said on the page, where it can be sent
 * again: the dialog closes, since nothing behind it can be reached.
 */
async function decideIn(box, status, action, more) {
  let told = false;
  const refused = (message) => { told = true; put(status, message); };
  const reply = await decide(action, { ...more, refused });
  if (!reply && !told) box.close();
  return reply;
}

/** Asks in a dialog whether these people, of a list of this revision, are one, and joins them. Resolves to the person, or to null. */
export function merge(people, revision) {
  if (people.length > MAX_PEOPLE) {
    warn(`At most ${MAX_PEOPLE} people can be merged at once; ${people.length} are chosen.`);
    return Promise.resolve(null);
  }
  let sorted = [...people].sort((a, b) => b.faces - a.faces);
  const names = [...new Set(sorted.map((person) => person.name).filter(Boolean))];
  return new Promise((resolve) => {
    let merged = null;
    const heading = () => `Are these ${sorted.length} one person?`;
    const submit = h("button", { type: "submit", class: "main yes" });
    const show = () => {
      put(submit, `Merge ${plural(sorted.length, "person", "people")}`);
      put(cards, ...sorted.map((person) => h("li", { class: "card person" }, thumbs(person, 4),
        h("span", { class: "caption" }, h("strong", {}, called(person)), h("span", { class: "quiet" }, size(person))),
        sorted.length > 2 ? h("button", { type: "button", class: "plain rename", "aria-label": `Leave out ${called(person)}`, onclick: () => leave(person) }, "Leave out") : null)));
    };
    const cards = h("ul", { class: "people merging" });
    const leave = (person) => {
      sorted = sorted.filter((one) => one !== person);
      put(status);
      show();
      box.querySelector("h2").textContent = heading();
      submit.focus();
    };
    const { input, list } = nameField(names[0] ?? "");
    const status = h("p", { class: "problem", role: "alert" });
    const form = h("form", { onsubmit: async (event) => {
      event.preventDefault();
      const [first, ...others] = sorted;
      const action = compare(others.map((other) => ({ left: ids(first), right: ids(other), verdict: "same" })));
      const reply = await decideIn(box, status, action, { revision, seen: seenOf(sorted) });
      if (!reply) return;
      merged = first;
      const done = `Saved: ${sorted.length} people merged`;
      say(done, true);
      // Which of several names the merged person has is decided by the journal: it is asked for.
      const now = await get(address(first)).catch(() => null);
      const wanted = input.value.trim();
      if (now && wanted !== (now.person.name ?? "") && await nameIt(now.person, wanted, now.revision)) {
        say(wanted ? `${done}, and named ${wanted}` : done, true);
      }
      box.close();
    } },
    cards,
    h("label", { class: "wide-field" }, h("span", {}, names.length > 1 ? `Name (they are called ${names.join(", ")})` : "Name"), input), list,
    h("div", { class: "buttons foot" }, status, submit,
      h("button", { type: "button", class: "plain", onclick: () => box.close() }, "Cancel")));
    show();
    const box = dialog(heading(), form, { class: "wide" });
    submit.focus();
    box.addEventListener("close", () => resolve(merged));
  });
}

/** Asks in a dialog about other people with the name of this one, one by one. Resolves when it is closed. */
export async function offer(id) {
  const found = await get(address({ id })).catch(() => null);
  if (!found?.same_name.length) return;
  await new Promise((resolve) => {
    const content = h("div", { class: "offer" });
    const show = ({ person, same_name: [other, ...more], revision }) => {
      if (!other) return box.close();
      const say1 = (verdict) => async () => {
        const action = compare([{ left: ids(person), right: ids(other), verdict }]);
        if (!await decideIn(box, status, action, { revision, seen: seenOf([person, other]) })) return;
        const now = await get(address(person)).catch(() => null);
        now ? show(now) : box.close();
      };
      const status = h("p", { class: "problem", role: "alert" });
      const act = { s: say1("same"), d: say1("different") };
      content.onkeydown = (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !act[event.key]) return;
        event.preventDefault();
        act[event.key]();
      };
      put(content, h("p", {}, `Another person is called ${person.name}, too. Are they one person?`, more.length ? ` ${plural(more.length, "more follows", "more follow")}.` : ""),
        h("div", { class: "pair" }, [person, other].map((one) => h("section", { class: "card" }, head(one, "h3"),
          faces(one.shown.slice(0, 8), `Faces of ${called(one)}`, { open: large })))), status,
        h("p", { class: "buttons" }, button("Same person: merge", "s", act.s, { class: "main yes" }),
          button("Two people with one name", "d", act.d, { class: "main no" }),
          h("a", { class: "plain", href: compareLink(person, other) }, "Compare closely"),
          h("button", { type: "button", class: "plain", onclick: () => box.close() }, "Not now")));
      content.querySelector("button.main").focus();
    };
    const box = dialog("The same name", content, { class: "wide" });
    box.addEventListener("close", resolve);
    show(found);
  });
}

/** People with the name of this one, with links to compare and buttons to merge, for a person's page. */
export function sameName({ person, same_name: others, revision }) {
  if (!others.length) return null;
  return h("section", { class: "same-name", "aria-label": "The same name" },
    h("h2", {}, `${others.length === 1 ? "Another person is" : `${others.length} other people are`} called ${person.name}, too`),
    h("ul", { class: "people" }, others.map((other) => h("li", { class: "card person" },
      h("a", { class: "open", href: linkTo(other) }, thumbs(other, 4), h("span", { class: "caption" }, h("span", { class: "quiet" }, size(other)))),
      h("span", { class: "buttons" }, h("a", { class: "plain", href: compareLink(person, other) }, "Compare"),
        button("Merge", "", async () => { if (await merge([person, other], revision)) await stale.reload(); }, { class: "plain" }))))));
}
