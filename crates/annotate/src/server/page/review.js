// The page: views, progress and tools.

import { h, put, key, globalKeys, boundKeys, dialog, count, plural, duration, say } from "./dom.js";
import { get, post, saved, who, decide, warn, clearAlert, clearNotice, stale } from "./talk.js";
import { VIEWS } from "./views.js";

const main = document.getElementById("main");
const MENU = VIEWS.filter((view) => view.key);

const links = new Map(MENU.map((view) =>
  [view.path, h("a", { href: `#/${view.path}`, "aria-keyshortcuts": view.key }, view.label, key(view.key))]));
document.getElementById("nav").append(...[...links.values()].map((link) => h("li", {}, link)));

let routed = Promise.resolve();

/** Shows the view of the address. Views load one after another, so that a slow one never replaces a later one. */
function route() {
  routed = routed.then(show, show);
  return routed;
}

async function show() {
  const [address, query = ""] = location.hash.split("?");
  const [, path = "", ...rest] = address.split("/");
  const view = VIEWS.find((one) => one.path === path);
  for (const [name, link] of links) name === path ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  if (!view) { location.replace("#/group"); return; }
  clearNotice();
  document.title = `${view.title ?? view.label} · Review`;
  // Each view has its own element: a late reply for a view that was left changes nothing.
  const box = h("div", { class: "view" });
  put(main, box);
  main.setAttribute("aria-busy", "true");
  delete main.dataset.view;
  try {
    await view.show(box, rest.map(decodeURIComponent), new URLSearchParams(query));
  } catch (failure) {
    if (failure.error === "token") return void askToken();
    put(box, h("h1", { tabindex: "-1" }, "This did not work"), h("p", {}, failure.message));
  } finally {
    main.removeAttribute("aria-busy");
    main.dataset.view = `${path}/${rest.join("/")}`;
  }
}

function progress(overview) {
  document.getElementById("title").textContent = overview.title;
  const name = who.get() ?? overview.who;
  whoButton.firstChild.textContent = name;
  whoButton.setAttribute("aria-label", `${name} answers; change`);
  const [start, now] = overview.f ?? [null, null];
  const part = (name, value) => value === null ? null : h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const share = now === null ? 0 : now;
  document.getElementById("progress").dataset.estimated = overview.estimated;
  put(document.getElementById("progress"),
    h("progress", { max: "1", value: String(share), "aria-label": "Expected F" }),
    h("dl", {}, part("people", count(overview.people)), part("answers", count(overview.answers)),
      part("expected F", now === null ? null : `${now.toFixed(3)} (${now >= start ? "+" : "−"}${Math.abs(now - start).toFixed(3)})`),
      part("left", overview.rest ? `${plural(Math.ceil(overview.rest.screens), "screen", "screens")}, about ${duration(overview.rest.seconds)}` : null),
      part("worth stopping", overview.stop?.now ? `a minute more gains less than ${overview.stop.below} in F` : null),
      part("undecided", overview.undecided ? count(overview.undecided) : null), part("not applied", overview.conflicts ? count(overview.conflicts) : null)));
}

const tool = (label, act, props = {}) => h("button", { type: "button", class: "plain", onclick: act, ...props }, h("span", {}, label));
const whoButton = tool("?", askWho);

const THEMES = ["auto", "light", "dark"];
function theme(to) {
  localStorage.setItem("theme", to);
  if (to === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = to;
  themeButton.firstChild.textContent = { auto: "◐", light: "○", dark: "●" }[to];
  themeButton.setAttribute("aria-label", `Colours: ${to}`);
}
const nextTheme = () => {
  const now = THEMES.indexOf(localStorage.getItem("theme") ?? "auto");
  theme(THEMES[(now + 1) % 3]);
};
const themeButton = tool("", nextTheme);

const undoButton = h("button", { type: "button", class: "plain", onclick: undoLast, "aria-keyshortcuts": "z" }, h("span", {}, "Undo"), key("z"));

async function undoLast() {
  try {
    // The last decision that holds and is not an undo or redo itself.
    for (let offset = 0; ; offset += 40) {
      const { rows: list, total } = await get("/api/history", { offset, limit: 40 });
      const last = list.find((entry) => !entry.undone && !["undo", "redo"].includes(entry.kind));
      if (last) {
        if (await decide({ kind: "undo", decision: last.id }, { revision: 0, seen: [] })) await stale.reload();
        return;
      }
      if (offset + list.length >= total) return void say("Nothing to undo", true);
    }
  } catch (failure) {
    warn(failure.message);
  }
}

function help() {
  const list = (map) => Object.entries(map).filter(([, bound]) => bound.label)
    .map(([pressed, bound]) => h("div", {}, h("dt", {}, h("kbd", {}, pressed)), h("dd", {}, bound.label)));
  const [here, everywhere] = boundKeys();
  const more = Object.values(here).some((bound) => bound.hidden)
    ? [h("div", {}, h("dt", {}, h("kbd", {}, "1 … 0")), h("dd", {}, "Mark a card")), h("div", {}, h("dt", {}, h("kbd", {}, "Shift 1 … 0")), h("dd", {}, "Mark a card as not sure, in a group"))] : [];
  dialog("Keys", h("div", { class: "help" }, h("section", {}, h("h3", {}, "Here"), h("dl", {}, list(here), more)),
    h("section", {}, h("h3", {}, "Everywhere"), h("dl", {}, list(everywhere), h("div", {}, h("dt", {}, h("kbd", {}, "arrows")), h("dd", {}, "Move among faces or cards")),
      h("div", {}, h("dt", {}, h("kbd", {}, "Enter")), h("dd", {}, "On a face: enlarge; on a person: open")), h("div", {}, h("dt", {}, h("kbd", {}, "Space")), h("dd", {}, "On a face, a card or a person: choose")),
      h("div", {}, h("dt", {}, h("kbd", {}, "Shift Space")), h("dd", {}, "On a person: choose all from the last chosen one to this"))))));
}

function askWho() {
  const input = h("input", { name: "who", maxlength: "60", value: who.get() ?? "", autocomplete: "off" });
  const form = h("form", { class: "naming", onsubmit: (event) => {
    event.preventDefault();
    who.set(input.value.trim());
    box.close();
    refresh();
  } }, h("label", {}, h("span", {}, "Recorded with each of your answers"), input), h("button", { type: "submit", class: "main yes" }, "Save"));
  const box = dialog("Who answers?", form);
}

function finalize() {
  const status = h("p", {}, "Writes annotations_manual.json from all decisions so far. The journal is kept; you can continue afterwards.");
  const go = h("button", { type: "button", class: "main yes", onclick: async () => {
    try {
      const result = await post("/api/finalize", {});
      status.textContent = `${result.file}: ${plural(result.people, "person", "people")}, ${plural(result.faces, "face", "faces")}, ${count(result.noise)} noise.`;
      say(status.textContent);
    } catch (failure) {
      status.textContent = `Not written. ${failure.message}`;
    }
    go.remove();
    box.querySelector(".close").focus();
  } }, "Write");
  const box = dialog("Finalize", h("div", {}, status, h("p", { class: "buttons" }, go)));
}

document.getElementById("status").append(undoButton);
document.getElementById("tools").append(tool("Finalize", finalize), whoButton, themeButton,
  h("button", { type: "button", class: "plain", onclick: help, "aria-label": "Keys", "aria-keyshortcuts": "?" }, key("?")));

globalKeys({
  ...Object.fromEntries(MENU.map((view) => [view.key, { label: view.label, act: () => { location.hash = `#/${view.path}`; } }])),
  z: { label: "Undo the last answer", act: undoLast }, f: { label: "Finalize", act: finalize }, t: { label: "Light or dark", act: nextTheme },
  "/": { label: "Search people", act: async () => { location.hash = "#/people"; await new Promise((r) => setTimeout(r, 50)); main.querySelector("input")?.focus(); } },
  "?": { label: "This help", act: help },
});

let again;

/** Shows the progress. Its estimates lag behind the last answers, and so are asked for once more. */
async function refresh() {
  clearTimeout(again);
  const overview = await get("/api/overview");
  progress(overview);
  if (overview.estimated < overview.revision) again = setTimeout(() => refresh().catch(() => {}), 700);
}

/** Exchanges a token for a cookie. */
async function give(token) {
  await post("/api/token", { token });
  clearAlert();
}

function askToken() {
  const input = h("input", { name: "token", type: "password", autocomplete: "off", required: true });
  const heading = h("h1", { tabindex: "-1" }, "A token is needed");
  put(main, heading, h("form", { class: "naming", onsubmit: async (event) => {
    event.preventDefault();
    try { await give(input.value.trim()); await begin(); } catch (failure) { warn(failure.message); }
  } }, h("label", {}, h("span", {}, "The token shown in the terminal"), input), h("button", { type: "submit", class: "main yes" }, "Continue")));
  heading.focus();
}

async function begin() {
  try { await refresh(); } catch (failure) {
    if (failure.error === "token") return askToken();
    warn(failure.message);
  }
  return route();
}

// What is scrolled to stays above the bars at the foot of the page.
const status = document.getElementById("status");
const measure = () => {
  const bar = main.querySelector(".actions")?.offsetHeight ?? 0;
  document.documentElement.style.setProperty("--status", `${status.offsetHeight}px`);
  document.documentElement.style.setProperty("--bar", `${status.offsetHeight + bar}px`);
};
new ResizeObserver(measure).observe(status);
new MutationObserver(measure).observe(main, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });

saved.push((reply) => {
  progress(reply.overview);
  clearTimeout(again);
  if (reply.overview.estimated < reply.overview.revision) again = setTimeout(() => refresh().catch(() => {}), 700);
});
theme(localStorage.getItem("theme") ?? "auto");
window.addEventListener("hashchange", route);
const given = location.hash.match(/^#token=([0-9a-f]+)$/);
if (given) {
  // Removed from the address first, so that it does not stay in the history.
  window.history.replaceState(null, "", "/");
  try { await give(given[1]); } catch (failure) { warn(failure.message); }
}
await begin();
