// Requests to the server.

import { h, put, button, say } from "./dom.js";

/** A failed request. */
export class Failure extends Error {
  constructor(status, error, message) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

async function request(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Failure(0, "unreachable", "The server cannot be reached. Is `streamface review` still running?");
  }
  const text = await reply.text();
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* reported below */ }
  if (!reply.ok) throw new Failure(reply.status, body?.error ?? "unknown", body?.message ?? `The server replied with status ${reply.status}.`);
  return body;
}

/** GET with parameters. */
export function get(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  return request(query ? `${path}?${query}` : path);
}

/** POST of JSON. */
export function post(path, body) {
  return request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/**
 * A number of this window, for as long as it is open: a reload keeps its question, and two windows are asked about
 * different people.
 */
export function thisWindow() {
  const before = Number(sessionStorage.getItem("window"));
  // A copy of a window begins with a copy of its storage, while the other is still open.
  const copied = sessionStorage.getItem("open") !== null;
  const number = before > 0 && !copied ? before : 1 + crypto.getRandomValues(new Uint32Array(1))[0] % 0xfffffffe;
  const open = () => sessionStorage.setItem("open", "1");
  sessionStorage.setItem("window", String(number));
  open();
  window.addEventListener("pagehide", () => sessionStorage.removeItem("open"));
  window.addEventListener("pageshow", open);
  return number;
}

/** The author of answers, stored in this browser. */
export const who = {
  get: () => localStorage.getItem("who") || null,
  set: (name) => (name ? localStorage.setItem("who", name) : localStorage.removeItem("who")),
};

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

let shownAt = performance.now();
let hiddenFor = 0;
let hiddenAt = null;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = performance.now();
  else if (hiddenAt !== null) { hiddenFor += performance.now() - hiddenAt; hiddenAt = null; }
});

/** Starts the time of an answer. Time while the page is hidden does not count. */
export function clock() { shownAt = performance.now(); hiddenFor = 0; }

/** The people on a screen, as an answer lists them. */
export const seenOf = (people) => people.filter(Boolean).map(({ id, state }) => ({ id, state }));

let busy = false;
/** Called with the reply to every saved answer. */
export const saved = [];
/** Called when a screen is out of date. */
export const stale = { reload: () => {} };

/**
 * Sends an answer and resolves to its reply, or to null if it was not saved. Then the alert offers to send it again
 * with the same key, so that it is never recorded twice.
 */
export async function decide(action, { revision, seen, whole = false, next = null, refused: told = null }) {
  // One at a time: pressing a key twice must not send two answers.
  if (busy) return null;
  const seconds = Math.min(86400, Math.max(0, (performance.now() - shownAt - hiddenFor) / 1000));
  return send({ key: newKey(), revision, seen, seconds: Math.round(seconds * 100) / 100, who: who.get(), whole, action, next }, told);
}

async function send(answer, told = null) {
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    let reply;
    try {
      reply = await post("/api/decide", answer);
    } catch (failure) {
      // An idle connection may have been closed: try once more at once.
      if (failure.status !== 0) throw failure;
      reply = await post("/api/decide", answer);
    }
    clearAlert();
    say(reply.message, true);
    for (const listener of saved) listener(reply);
    return reply;
  } catch (failure) {
    // In a dialog: what is behind it cannot be reached.
    if (told && ["conflict", "refused"].includes(failure.error)) told(failure.message);
    else refused(answer, failure);
    return null;
  } finally {
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

function refused(answer, failure) {
  if (failure.error === "stale") {
    warn(failure.message, []);
    stale.reload();
  } else if (["not_saved", "unreachable", "rate"].includes(failure.error)) {
    const again = button("Send again", "", async () => {
      const reply = await send(answer);
      if (reply) stale.reload();
    }, { class: "plain" });
    warn(`NOT saved. ${failure.message}`, [again]);
  } else {
    warn(failure.message, []);
  }
}

let warnedAt = 0;

/** Shows a warning until it is dismissed, and returns its element. */
export function warn(message, buttons = []) {
  warnedAt = performance.now();
  const dismiss = h("button", { type: "button", class: "close", "aria-label": "Dismiss", onclick: clearAlert }, "×");
  const warning = h("div", { class: "warning" }, h("p", {}, message), ...buttons, dismiss);
  put(document.getElementById("alert"), warning);
  return warning;
}

/** Removes a warning that offers nothing and is not new: it is about what was shown before. */
export function clearNotice() {
  if (!document.querySelector("#alert .plain") && performance.now() - warnedAt > 1000) clearAlert();
}

/** Removes the warning. */
export function clearAlert() { put(document.getElementById("alert")); }
