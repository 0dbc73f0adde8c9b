"use strict";
// All that is shown comes whole with each message; names reach the page as text only.

const at = (id) => document.getElementById(id);
const cards = { here: new Map(), recent: new Map() };
let shown = null;

function element(tag, kind, text) {
  const e = document.createElement(tag);
  if (kind) e.className = kind;
  if (text !== undefined) e.textContent = text;
  return e;
}

const nameOf = (card) => card.name ?? `Person ${card.person}`;

function span(milliseconds) {
  const s = Math.max(0, Math.round(milliseconds / 1000));
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
}

const clock = (milliseconds) => new Date(milliseconds).toISOString().slice(11, 19);

function make(card, large) {
  const li = element("li");
  const faces = element("div", "faces");
  const face = element("img", "live");
  faces.append(face);
  if (large && card.portrait) {
    const known = element("img");
    known.src = `/image/person/${card.person}`;
    known.alt = `${nameOf(card)}, as known`;
    faces.append(known);
  }
  const told = element("div", "told");
  told.append(element("div", "name", nameOf(card)), element("div", "when"));
  li.append(faces, told);
  return li;
}

function update(li, card, large) {
  const face = li.querySelector(".live");
  const src = `/image/face/${encodeURIComponent(card.face)}`;
  if (face.getAttribute("src") !== src) face.src = src;
  face.alt = `${nameOf(card)}, ${large ? "now" : "when last seen"}`;
  const when = li.querySelector(".when");
  const text = large ? `since ${clock(card.since)} · ${span(card.until - card.since)}` : `${clock(card.until)} · ${span(card.until - card.since)}`;
  when.replaceChildren();
  if (card.new) when.append(element("span", "new", "new"), " · ");
  when.append(text);
}

function list(id, all, key, large) {
  const have = cards[id];
  const keep = new Set();
  all.forEach((card, place) => {
    const k = key(card);
    keep.add(k);
    let li = have.get(k);
    if (!li) {
      li = make(card, large);
      have.set(k, li);
    }
    update(li, card, large);
    if (at(id).children[place] !== li) at(id).insertBefore(li, at(id).children[place] ?? null);
  });
  for (const [k, li] of have) {
    if (!keep.has(k)) {
      li.remove();
      have.delete(k);
    }
  }
}

function numbers(all) {
  at("numbers").replaceChildren(...all.map(([name, value]) => {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value));
    return pair;
  }));
}

function show(state) {
  shown = state;
  at("source").textContent = state.source;
  list("here", state.here, (c) => c.person, true);
  list("recent", state.recent, (c) => `${c.person}/${c.since}`, false);
  at("nobody").hidden = state.here.length > 0;
  at("none").hidden = state.recent.length > 0;
  numbers([
    ["Frames", state.frames.toLocaleString("en")],
    ["Faces", state.faces.toLocaleString("en")],
    ["New people", state.new.toLocaleString("en")],
    ["Behind the stream", state.delay_ms === null ? "–" : `${(state.delay_ms / 1000).toFixed(1)} s`],
  ]);
  const people = state.here.map(nameOf).join(", ");
  say(state.over ? "The stream is over" : people ? `Live: ${people}` : "Live", false);
}

function say(text, lost) {
  const status = at("status");
  status.classList.toggle("lost", lost);
  // Said anew only when it changes: a screen reader reads each change aloud.
  if (status.textContent !== text) status.textContent = text;
}

async function start() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    await fetch("/api/token", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) });
    history.replaceState(null, "", location.pathname);
  }
  const events = new EventSource("/api/events");
  events.onmessage = (message) => show(JSON.parse(message.data));
  events.onerror = () => {
    if (shown?.over) events.close();
    else say("Connection lost; trying again …", true);
  };
}

start();
