// The list of people with its search, page by page.

import { h, put, button, called, count, linkTo, plural, rove, say, seen, size, thumbs } from "./dom.js";
import { get, warn } from "./talk.js";

/** Rows of a page of a list. */
export const PAGE = 60;

/** Buttons to page through a list. */
export function pager(total, offset, go) {
  const pages = Math.max(1, Math.ceil(total / PAGE));
  const at = Math.floor(offset / PAGE);
  const to = (page) => () => page >= 0 && page < pages && go(page * PAGE);
  if (pages === 1) return h("p", { class: "quiet pager" }, `${count(total)} in all`);
  return h("div", { class: "pager", role: "group", "aria-label": "Pages" },
    button("Previous", ",", to(at - 1), { class: "plain", disabled: at === 0 }),
    h("span", { "aria-current": "page" }, `Page ${count(at + 1)} of ${count(pages)}, ${count(total)} in all`),
    button("Next", ".", to(at + 1), { class: "plain", disabled: at === pages - 1 }));
}

/** The keys of a pager's buttons. */
export function pagerKeys(pages) {
  const [before, after] = pages.querySelectorAll("button");
  if (!before) return {};
  return { ",": { act: () => before.click(), label: "Previous page" }, ".": { act: () => after.click(), label: "Next page" } };
}

/** A person as a card: its faces, name, number of faces and time. `more` is put beside the link. */
export function personCard(person, props = {}, more = null) {
  return h("div", { class: "card person", "data-person": person.id },
    h("a", { class: "open", ...props },
      thumbs(person, 4),
      h("span", { class: "caption" }, h("strong", {}, called(person)),
        h("span", { class: "quiet" }, size(person)), seen(person) ? h("span", { class: "quiet" }, seen(person)) : null)), more);
}

const FIELDS = ["text", "from", "to", "order"];

/**
 * A search form and its list. `card(person)` makes each card; `shown(found, pages)` is called with the people of a page and
 * the pager. `from` holds the search and the page to begin with, and `kept` is called with them when they change.
 */
export function finder({ card, shown = () => {}, from = new URLSearchParams(), kept = () => {} }) {
  const search = Object.fromEntries(FIELDS.map((name) => [name, from.get(name) ?? (name === "order" ? "faces" : "")]));
  const list = h("ul", { class: "people" });
  const pages = h("div", {});
  let offset = Math.max(0, Number(from.get("at")) || 0);
  let wanted = 0;
  // The warning about a search that could not be made.
  let wrong = null;
  const fill = async (to = offset) => {
    const mine = ++wanted;
    offset = to;
    try {
      const found = await get("/api/people", { ...search, offset, limit: PAGE });
      // A late reply to an earlier search is ignored.
      if (mine !== wanted || !list.isConnected) return;
      if (!found.rows.length && found.total > 0) return await fill(PAGE * Math.floor((found.total - 1) / PAGE));
      wrong?.remove();
      const given = FIELDS.filter((name) => search[name] && search[name] !== "faces").map((name) => [name, search[name]]);
      kept(new URLSearchParams([...given, ...(offset ? [["at", offset]] : [])]));
      put(list, ...found.rows.map((person) => h("li", {}, card(person))));
      list.querySelectorAll("a.open").forEach((link, i) => { link.tabIndex = i ? -1 : 0; });
      if (!found.total) put(list, h("li", { class: "done none" }, "No one."));
      put(pages, pager(found.total, offset, fill));
      shown(found, pages);
      say(plural(found.total, "person", "people"));
    } catch (failure) {
      if (mine === wanted) wrong = warn(failure.message);
    }
  };
  let soon;
  const field = (label, name, props) => h("label", {}, h("span", {}, label), h("input", {
    ...props, name, value: search[name], autocomplete: "off", spellcheck: "false",
    oninput: (event) => { search[name] = event.target.value; clearTimeout(soon); soon = setTimeout(() => fill(0), 150); },
  }));
  const order = h("label", {}, h("span", {}, "Order"), h("select", { onchange: (event) => { search.order = event.target.value; fill(0); } },
    [["faces", "most faces"], ["time", "first seen"], ["name", "name"]].map(([value, label]) => h("option", { value, selected: value === search.order }, label))));
  const form = h("form", { class: "search", role: "search", onsubmit: (event) => { event.preventDefault(); fill(0); } },
    field("Name, label or source", "text", { type: "search" }), field("From", "from", { placeholder: "2023-05-25 10:00" }),
    field("To", "to", { placeholder: "2023-05-25" }), order);
  rove(list, "a.open");
  return { form, list, pages, fill };
}
