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
  element.append(...kept(children));
  return element;
}

/** What is shown. Marks that would turn the direction of the text after a name are shown as such. */
function kept(children) {
  const there = children.flat(9).filter((child) => child !== null && child !== undefined && child !== false);
  return there.map((child) => (typeof child === "string" ? child.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd") : child));
}

function svg(tag) {
  const space = new DOMParser().parseFromString("<svg/>", "text/html").querySelector("svg").namespaceURI;
  return document.createElementNS(space, tag);
}

/** Replaces what is in an element; `false` and null are left out, as by `h`. */
export function put(box, ...children) {
  box.replaceChildren(...kept(children));
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
  for (const face of people.flatMap((person) => person.shown)) new Image().src = image("face", face.id);
}

/** What the longer side of a face's box takes of its square, where not the whole loose face is shown. */
const SHARE = 0.7;

/**
 * The picture of a face, in its own aspect. Where a loose face reaches out of the frame, a blur of the picture takes the
 * place of the black. Without a loose face the aligned one is shown; a missing file shows "no image".
 */
export function picture(face, { whole = false, alt = "" } = {}) {
  const box = h("span", { class: "picture" });
  const img = h("img", { ...HIDDEN, alt, src: image("face", face.id) });
  box.append(img);
  if (face.loose) lay(box, img, face, whole);
  img.addEventListener("error", () => {
    box.replaceChildren(img);
    img.removeAttribute("style");
    img.src = image("aligned", face.id);
    img.addEventListener("error", () => box.replaceWith(h("span", { class: "missing" }, "no image")), { once: true });
  }, { once: true });
  return box;
}

/** Lays a loose face into its square. */
function lay(box, img, { id, loose: { size: [width, height], outside: [left, top, right, bottom], face } }, whole) {
  const percent = (part) => `${(100 * part).toFixed(2)}%`;
  const [w, h1] = [Math.min(1, width / height), Math.min(1, height / width)];
  Object.assign(img.style, { width: percent(w), height: percent(h1), left: percent((1 - w) / 2), top: percent((1 - h1) / 2) });
  if (!whole) {
    // The middle of the box, in parts of the picture; it goes to the middle of the square.
    const [x, y] = [face[0] + face[2] / 2, face[1] + face[3] / 2];
    const scale = Math.min(2, Math.max(1, SHARE / Math.max(w * face[2], h1 * face[3], 0.1)));
    img.style.transformOrigin = `${percent(x)} ${percent(y)}`;
    img.style.transform = `translate(${percent((0.5 - (1 - w) / 2) / w - x)}, ${percent((0.5 - (1 - h1) / 2) / h1 - y)}) scale(${scale.toFixed(3)})`;
  }
  if (width === height && Math.max(left, top, right, bottom) < 0.004) return;
  img.style.clipPath = `inset(${[top, right, bottom, left].map((part) => percent(part && part + 0.006)).join(" ")})`;
  // What is inside the frame, enlarged until it fills the square, and blurred by the stylesheet.
  const scale = 1.2 / Math.max(0.05, Math.min(1 - left - right, 1 - top - bottom));
  const [x, y] = [(left + 1 - right) / 2, (top + 1 - bottom) / 2];
  const fill = h("img", { ...HIDDEN, class: "fill", src: image("face", id) });
  fill.style.transform = `translate(${percent(0.5 - scale * x)}, ${percent(0.5 - scale * y)}) scale(${scale.toFixed(3)})`;
  box.prepend(fill);
}

/**
 * Faces in a grid that is one tab stop: arrow keys move, Enter opens, and Space chooses if `chosen` is given. `times`: with
 * the time of each below it. `few`: they are shown larger.
 */
export function faces(list, label, { chosen = null, open, changed = () => {}, times = false, few = list.length < 10 } = {}) {
  const days = new Set(list.map((face) => face.when?.slice(0, 10)));
  const at = (time) => (counted(time) ? moment(time) : days.size > 1 ? time.slice(5, 16) : time.slice(11));
  const grid = h("div", { class: few ? "faces few" : "faces", role: "group", "aria-label": label });
  list.forEach((face, i) => {
    const title = ["Face", face.when && moment(face.when), face.source].filter(Boolean).join(", ");
    const item = h("button", {
      type: "button", class: "face", title, "aria-label": chosen ? title : `${title}: enlarge`,
      tabindex: i === 0 ? "0" : "-1", "data-face": face.id, "aria-pressed": chosen ? String(chosen.has(face.id)) : null,
    }, picture(face), times && face.when ? h("span", { class: "at", "aria-hidden": "true" }, at(face.when)) : null);
    item.addEventListener("click", () => (chosen ? toggle(item, face.id) : open(face)));
    item.addEventListener("dblclick", () => open(face));
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
      open(list.find((face) => face.id === item.dataset.face));
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
    const top = (item) => Math.round(item.getBoundingClientRect().top);
    const across = all.filter((item) => top(item) === top(all[0])).length || 1;
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

/** Makes a key work in one view, beside those that `keys` has set. */
export const alsoKeys = (more) => keys({ ...bound, ...more });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
  const at = event.target;
  // A box that was clicked keeps the focus, and takes no key but Space.
  if (at.closest?.("input:not([type=checkbox]), textarea, select, dialog")) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // With Shift, a digit key gives a different character on each keyboard layout: use the key itself.
  const figure = event.shiftKey && /^Digit\d$/.test(event.code) ? `Shift+${event.code.slice(5)}` : null;
  const found = bound[figure] ?? bound[pressed] ?? everywhere[pressed];
  // Enter presses the focused button, unless it is a toggle.
  if (!found || (pressed === "Enter" && at.closest?.("button:not([aria-pressed]), a, summary"))) return;
  // Space presses what has the focus, but for a link.
  if (pressed === " " && at.closest?.("button, summary, input")) return;
  event.preventDefault();
  found.act();
});

let dialogs = 0;

/** Opens a dialog; it closes when another view is shown. */
export function dialog(title, content, props = {}) {
  const id = `dialog-${dialogs++}`;
  const heading = h("h2", { id }, title);
  const close = h("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  const box = h("dialog", { "aria-labelledby": id, ...props }, h("div", { class: "dialog-head" }, heading, close), content);
  const before = document.activeElement;
  document.body.append(box);
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  const leave = () => box.close();
  window.addEventListener("hashchange", leave);
  box.addEventListener("close", () => {
    window.removeEventListener("hashchange", leave);
    box.remove(); 
    if (before?.isConnected) before.focus();
  });
  box.showModal();
  return box;
}

/** Announces a result to screen readers; `shown`: also in the bar at the foot of the page, which covers nothing. */
export function say(text, shown = false) {
  const live = document.getElementById(shown ? "live" : "heard");
  live.textContent = text;
  live.classList.remove("new");
  // Restarts the animation.
  void live.offsetWidth;
  live.classList.toggle("new", shown);
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
export const thumbs = (person, n) => h("span", { class: "thumbs" }, person.shown.slice(0, n).map((face) => picture(face)));

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
