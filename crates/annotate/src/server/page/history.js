// The history of decisions, with undo and redo.

import { h, put, button, faces, keys, count, plural, say } from "./dom.js";
import { get, decide, clock, stale, warn } from "./talk.js";
import { large } from "./large.js";

const PAGE = 40;
const KINDS = { compare: "Compared", noise: "Noise", skip: "No more questions", split: "Split", tear: "Two people", whole: "One person", move: "Moved", name: "Named", undo: "Undo", redo: "Redo" };
const VERDICTS = { same: "same", different: "different", not_sure: "not sure" };

/** All decisions; with `doubtful` the most likely wrong ones first. */
export async function history(main, doubtful) {
  const list = h("ol", { class: "rows history" });
  const heading = h("h1", { tabindex: "-1" }, "History");
  const tab = (label, to, on) => h("a", { href: to, class: "plain tab", "aria-current": on ? "page" : null }, label);
  const more = button("Older", "", () => fill(list.children.length), { class: "plain" });
  put(main, h("div", { class: "heading" }, heading, h("div", { class: "tabs" },
    tab("Last first", "#/history", !doubtful), tab("Most doubtful first", "#/history/doubtful", doubtful))), list, more);
  heading.focus({ preventScroll: true });
  let total = 0;
  const fill = async (offset) => {
    const found = await get("/api/history", { doubtful, offset, limit: PAGE });
    if (!main.isConnected) return;
    total = found.total;
    if (offset === 0) put(list);
    list.append(...found.rows.map(row));
    more.hidden = list.children.length >= total;
    if (!total) list.append(h("li", { class: "done" }, "There are no decisions yet."));
    if (offset === 0) say(plural(total, "decision", "decisions"));
  };
  const row = (entry) => {
    const act = entry.undone ? "redo" : "undo";
    const back = ["undo", "redo"].includes(entry.kind) ? null : button(entry.undone ? "Redo" : "Undo", "", async () => {
      const reply = await decide({ kind: act, decision: entry.id }, { revision: 0, seen: [] });
      if (!reply) return;
      await fill(0).catch((failure) => warn(failure.message));
      list.querySelector(`[data-id="${entry.id}"] button.back`)?.focus();
    }, { class: "plain back", "aria-label": `${entry.undone ? "Redo" : "Undo"} decision ${entry.id}` });
    const state = entry.undone ? "undone" : entry.holds ? null : "not applied: contradicts earlier decisions";
    return h("li", { class: `card entry${entry.holds ? "" : " off"}`, "data-id": entry.id },
      h("div", { class: "entry-head" }, h("h2", {}, `${entry.id} · ${KINDS[entry.kind] ?? entry.kind}`, entry.detail ? ` · ${entry.detail}` : ""),
        state ? h("span", { class: "badge" }, state) : null,
        entry.doubt !== null ? h("span", { class: "badge doubt" }, `probably wrong: ${Math.round(entry.doubt * 100)} %`) : null, back),
      h("p", { class: "quiet" }, `${entry.at} UTC, ${entry.who}`, entry.seconds !== null ? `, ${entry.seconds.toFixed(1)} s` : ""),
      entry.elsewhere ? h("p", { class: "elsewhere", dir: "auto" }, entry.elsewhere) : null,
      entry.pairs.map((pair, i) => h("div", { class: "compared" }, small(pair.left, `One, ${i + 1}`), h("span", { class: `verdict ${pair.verdict}` }, VERDICTS[pair.verdict]), small(pair.right, `Other, ${i + 1}`))),
      entry.faces.length ? small(entry.faces, "Faces") : null,
      entry.count > entry.faces.length + entry.pairs.length ? h("p", { class: "quiet" }, `${count(entry.count)} in all`) : null);
  };
  const small = (list1, label) => faces(list1, label, { open: large });
  stale.reload = () => fill(0);
  keys({});
  clock();
  await fill(0);
}
