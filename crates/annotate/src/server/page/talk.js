// All that goes to the server and back.

import { h, button, say } from "./dom.js";

/** A reply that is not the wanted one. */
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
  try { body = text ? JSON.parse(text) : null; } catch { /* told below */ }
  if (!reply.ok) throw new Failure(reply.status, body?.error ?? "unknown", body?.message ?? `The server said ${reply.status}.`);
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

/** Who answers; kept in this browser. */
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

/** Something new is on the screen: the time of an answer counts from here, without the time it was hidden. */
export function clock() { shownAt = performance.now(); hiddenFor = 0; }

/** The people on a screen, as an answer says them. */
export const seenOf = (people) => people.filter(Boolean).map(({ id, state }) => ({ id, state }));

let busy = false;
/** Listeners of every answer that was saved. */
export const saved = [];
/** What is called when a screen is out of date. */
export const stale = { reload: () => {} };

/**
 * Sends an answer and resolves to its reply, or to null where it was not saved: then it stays on the screen, and the
 * alert offers to send it again under its own key, so that it is never taken twice.
 */
export async function decide(action, { revision, seen, whole = false, next = null }) {
  // One at a time: a key pressed twice is not two answers.
  if (busy) return null;
  const seconds = Math.min(86400, Math.max(0, (performance.now() - shownAt - hiddenFor) / 1000));
  return send({ key: newKey(), revision, seen, seconds: Math.round(seconds * 100) / 100, who: who.get(), whole, action, next });
}

async function send(answer) {
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    let reply;
    try {
      reply = await post("/api/decide", answer);
    } catch (failure) {
      // A connection that had gone to sleep: once more, at once.
      if (failure.status !== 0) throw failure;
      reply = await post("/api/decide", answer);
    }
    clearAlert();
    say(reply.message, true);
    for (const listener of saved) listener(reply);
    return reply;
  } catch (failure) {
    refused(answer, failure);
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

/** Shows what went wrong until it is dealt with. */
export function warn(message, buttons = []) {
  const dismiss = h("button", { type: "button", class: "close", "aria-label": "Dismiss", onclick: clearAlert }, "×");
  document.getElementById("alert").replaceChildren(h("div", { class: "warning" }, h("p", {}, message), ...buttons, dismiss));
}

/** Takes the alert away. */
export function clearAlert() { document.getElementById("alert").replaceChildren(); }
