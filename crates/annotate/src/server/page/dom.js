// Elements, faces and keys. Text only ever becomes text nodes and attributes, never markup.

const SVG = new Set(["svg", "rect", "image"]);

/** An element: `h("a", {href: "#"}, "text", child)`. `on…` are listeners, `false` and null leave an attribute out. */
export function h(tag, props = {}, ...children) {
  // The namespace is taken from the document's own parser, so that no address of it stands here.
  const element = SVG.has(tag) ? svg(tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function svg(tag) {
  const space = new DOMParser().parseFromString("<svg/>", "text/html").querySelector("svg").namespaceURI;
  return document.createElementNS(space, tag);
}

/** Replaces what is in an element; `false` and null are left out, as by `h`. */
export function put(box, ...children) {
  box.replaceChildren(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
}

/** A key in a hint. */
export const key = (name) => h("kbd", { "aria-hidden": "true" }, name);

/** A button and the key with the same effect. */
export function button(label, shortcut, act, props = {}) {
  const keys = shortcut ? { "aria-keyshortcuts": shortcut } : {};
  return h("button", { type: "button", ...keys, ...props, onclick: act }, h("span", {}, label), shortcut ? key(shortcut) : null);
}

const HIDDEN = { alt: "", draggable: "false", decoding: "async" };

/** The address of an image of a face. */
export const image = (kind, id) => `/image/${kind}/${encodeURIComponent(id)}`;

/** Fetches images before they are shown. */
export function preload(people) {
  for (const face of people.flatMap((person) => person.shown)) new Image().src = image("aligned", face.id);
}

/** The picture of a face; a missing file shows "no image". */
export function picture(id, kind = "aligned", alt = "") {
  const img = h("img", { ...HIDDEN, alt, src: image(kind, id) });
  img.addEventListener("error", () => img.replaceWith(h("span", { class: "missing" }, "no image")), { once: true });
  return img;
}

/** Faces in a grid that is one tab stop: arrow keys move, Enter opens, and Space chooses if `chosen` is given. */
export function faces(list, label, { chosen = null, open, changed = () => {} } = {}) {
  const grid = h("div", { class: list.length < 10 ? "faces few" : "faces", role: "group", "aria-label": label });
  list.forEach((face, i) => {
    const title = ["Face", face.when && moment(face.when), face.source].filter(Boolean).join(", ");
    const item = h("button", {
      type: "button", class: "face", title, "aria-label": chosen ? title : `${title}: enlarge`,
      tabindex: i === 0 ? "0" : "-1", "data-face": face.id, "aria-pressed": chosen ? String(chosen.has(face.id)) : null,
    }, picture(face.id));
    item.addEventListener("click", () => (chosen ? toggle(item, face.id) : open(face.id)));
    item.addEventListener("dblclick", () => open(face.id));
    grid.append(item);
  });
  const toggle = (item, id) => {
    if (!chosen.delete(id)) chosen.add(id);
    item.setAttribute("aria-pressed", String(chosen.has(id)));
    changed();
  };
  rove(grid, "button.face");
  grid.addEventListener("keydown", (event) => {
    const item = event.target.closest("button.face");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    if (chosen && (event.key === "Enter" || event.key === "o")) {
      event.preventDefault();
      event.stopPropagation();
      open(item.dataset.face);
    }
  });
  return grid;
}

/** Makes the matching elements one tab stop, with arrow keys inside. */
export function rove(box, selector) {
  const items = () => [...box.querySelectorAll(selector)];
  const go = (to) => {
    for (const item of items()) item.tabIndex = item === to ? 0 : -1;
    to.focus();
  };
  box.addEventListener("focusin", (event) => {
    const item = event.target.closest(selector);
    if (item) for (const other of items()) other.tabIndex = other === item ? 0 : -1;
  });
  box.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(event.target.closest(selector));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const across = all.filter((item) => item.offsetTop === all[0].offsetTop).length || 1;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : step === undefined ? -1 : at + step;
    if (step === undefined && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    event.stopPropagation();
    if (all[to]) go(all[to]);
  });
}

let bound = {};
let everywhere = {};

/** Sets the keys of the current view. */
export function keys(map) { bound = map; }

/** Sets the keys of all views. */
export function globalKeys(map) { everywhere = map; }

/** The keys and their effects, for the help. */
export const boundKeys = () => [bound, everywhere];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
  const at = event.target;
  if (at.closest?.("input, textarea, select, dialog")) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // With Shift, a digit key gives a different character on each keyboard layout: use the key itself.
  const figure = event.shiftKey && /^Digit\d$/.test(event.code) ? `Shift+${event.code.slice(5)}` : null;
  const found = bound[figure] ?? bound[pressed] ?? everywhere[pressed];
  // Enter presses the focused button, unless it is a toggle.
  if (!found || (pressed === "Enter" && at.closest?.("button:not([aria-pressed]), a, summary"))) return;
  event.preventDefault();
  found.act();
});

/** Opens a dialog. */
export function dialog(title, content, props = {}) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const close = h("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  const box = h("dialog", { "aria-labelledby": "dialog-title", ...props }, h("div", { class: "dialog-head" }, heading, close), content);
  const before = document.activeElement;
  document.body.append(box);
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => { box.remove(); before?.isConnected && before.focus(); });
  box.showModal();
  return box;
}

/** Announces a result to screen readers; `shown`: also on the screen, for a moment. */
export function say(text, shown = false) {
  const live = document.getElementById("live");
  live.textContent = text;
  live.classList.remove("shown");
  // Restarts the animation.
  void live.offsetWidth;
  live.classList.toggle("shown", shown);
}

/** A number with thousands separators. */
export const count = (n) => n.toLocaleString("en");

/** A number of things, as text: `1 face`, `2 faces`. */
export const plural = (n, one, more) => `${count(n)} ${n === 1 ? one : more}`;

/** A duration as text. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A person's name or label. */
export const called = (person) => person.name ?? (person.label < 0 ? "No one" : `Person ${person.label}`);

/** The address of a person's view. */
export const linkTo = (person) => `#/person/${encodeURIComponent(person.id)}`;

/** A person's number of faces, as text. */
export const size = (person) => plural(person.faces, "face", "faces");

/** The first faces of a person, small. */
export const thumbs = (person, n) => h("span", { class: "thumbs" }, person.shown.slice(0, n).map((face) => picture(face.id)));

/** Whether a time counts from the start of a file without a recording time: those are in January 1970. */
export const counted = (time) => time.startsWith("1970-01-");

/** A time as text: `YYYY-mm-dd HH:MM:SS`, or `h:mm:ss` from the start of a file. */
export function moment(time) {
  if (!counted(time)) return time;
  const hours = 24 * (Number(time.slice(8, 10)) - 1) + Number(time.slice(11, 13));
  return `${hours}${time.slice(13)}`;
}

/** The first and last time of a person, as text. */
export function seen(person) {
  if (!person.seen) return null;
  const [first, last] = person.seen.map((time) => (counted(time) ? moment(time) : time.slice(0, 16)));
  if (first === last) return first;
  return !counted(person.seen[0]) && first.slice(0, 10) === last.slice(0, 10) ? `${first} – ${last.slice(11)}` : `${first} – ${last}`;
}
