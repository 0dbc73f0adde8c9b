// People that may hold two: one at a time, in two halves side by side.

import { h, put, keys, faces, preload, called, linkTo, moment, counted, plural, say } from "./dom.js";
import { get, decide, clock, seenOf, stale } from "./talk.js";
import { actions, percent } from "./parts.js";
import { large } from "./large.js";

/** People less likely to be two are shown only where that is asked for. */
const LIKELY = 0.05;

/**
 * Asks about the people that most likely hold two, one after the other; `rest` is `["all"]` for unlikely ones, too, or a face:
 * its person alone.
 */
export async function mixed(main, [which]) {
  const face = which && which !== "all" ? which : null;
  // People that were left for later stay in front of the list.
  let later = 0;
  const load = async () => {
    const list = await get("/api/mixed", face ? { face, limit: 1 } : { offset: later, limit: 2 });
    if (!main.isConnected) return;
    const [now, next] = list.rows;
    if (next) preload(next.halves);
    if (!now || (!which && now.probability < LIKELY)) none();
    else put(main, ...question(now, list.revision));
    clock();
    main.querySelector("h1").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  };
  const none = () => {
    keys({});
    const again = () => { later = 0; return load(); };
    put(main, h("div", { class: "done" }, h("h1", { tabindex: "-1" }, face ? "This person has one face" : "No one else likely holds two people"),
      later ? h("p", {}, `${plural(later, "person was", "people were")} put off. `, h("button", { type: "button", onclick: again }, "Ask again")) : null,
      h("p", {}, "Check ", h("a", { href: "#/people" }, "the people"), " or go on with ", h("a", { href: "#/group" }, "the groups"), "."),
      which ? null : h("a", { class: "plain", href: "#/mixed/all" }, "Ask about unlikely people, too")));
  };

  function question(it, revision) {
    const [one, two] = it.halves;
    const moved = [new Set(), new Set()];
    const answer = async (action) => {
      const reply = await decide(action, { revision, seen: seenOf([it.person]), whole: true });
      if (!reply) return;
      if (face) location.hash = `#/person/${encodeURIComponent(face)}`;
      else await load();
    };
    const whole = () => answer({ kind: "whole", person: [...one.shown, ...two.shown].map((shown) => shown.id) });
    const tear = () => {
      const stays = (half, at) => half.shown.map((shown) => shown.id).filter((id) => !moved[at].has(id));
      const [left, right] = [[...stays(one, 0), ...moved[1]], [...stays(two, 1), ...moved[0]]];
      if (left.length && right.length) return answer({ kind: "tear", left, right });
      say("Each half needs a face", true);
    };
    const bar = actions([
      { label: "One person", key: "s", also: ["y"], main: "yes", act: whole },
      { label: "Tear apart", key: "d", also: ["n"], main: "no", act: tear },
      ...(face ? [] : [{ label: "Later", key: "u", main: "maybe", act: () => { later += 1; return load(); } }]),
    ]);
    const status = h("p", { class: "quiet", role: "status" });
    const changed = () => {
      const marked = moved[0].size + moved[1].size;
      status.textContent = marked ? `${plural(marked, "face goes", "faces go")} to the other half.` : "Mark faces that are in the wrong half.";
    };
    const half = (which1, at, name) => h("section", { class: "card half", "aria-label": name },
      h("h2", {}, name), h("p", { class: "quiet" }, plural(which1.faces, "face", "faces"), times(which1.seen)),
      faces(which1.shown, `Faces of the ${name.toLowerCase()}`, { chosen: moved[at], open: large, changed, times: true }));
    changed();
    return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "One person, or two?"), doubt(it)),
      h("p", { class: "quiet" }, h("a", { href: linkTo(it.person) }, called(it.person)), `, ${plural(it.person.faces, "face", "faces")}`), status,
      h("div", { class: "pair" }, half(one, 0, "First half"), half(two, 1, "Second half")), bar];
  }

  stale.reload = () => load().catch(() => { location.hash = "#/mixed"; });
  await load();
}

const doubt = (it) => h("p", { class: "likely" },
  h("meter", { min: "0", max: "1", value: String(it.probability), "aria-label": "Probability that these are two people" }),
  h("span", {}, `${percent(it.probability)} likely to be two people`),
  h("span", { class: "quiet" }, `distance ${it.distance.toFixed(3)}${it.one_frame ? ", two faces in one frame" : ""}`));

function times(seen) {
  if (!seen) return null;
  const [first, last] = seen.map((time) => (counted(time) ? moment(time) : time.slice(0, 16)));
  return ` · ${first === last ? first : `${first} – ${last}`}`;
}
