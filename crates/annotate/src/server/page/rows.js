// Pairs in rows, each with buttons: the queue, and undecided pairs.

import { h, put, button, keys, faces, called, say } from "./dom.js";
import { get, decide, clock, seenOf, stale, warn } from "./talk.js";
import { head, likely, compare, ids, left } from "./parts.js";
import { large } from "./large.js";

/** The most likely pairs. */
export const queue = (box) => rows(box, {
  title: "Same person?", about: "The most likely pairs. Answer them in any order.",
  load: () => get("/api/questions", { form: "pair", count: 20, shown: 5 }),
});

/** Pairs answered with "not sure". */
export const undecided = (box) => rows(box, {
  title: "Undecided", about: "Pairs answered with \"not sure\". They are not asked again automatically.",
  load: async () => (await get("/api/undecided", { limit: 20 })).rows,
});

/** A list of pairs, loaded again after each answer. */
async function rows(main, { title, about, load }) {
  const list = h("ol", { class: "rows" });
  const heading = h("h1", { tabindex: "-1" }, title);
  put(main, h("div", { class: "heading" }, heading, h("p", { class: "quiet" }, about)), list);
  heading.focus({ preventScroll: true });
  const fill = async () => {
    const questions = await load();
    if (!main.isConnected) return;
    put(list, ...questions.map(row));
    if (!questions.length) list.replaceWith(h("p", { class: "done" }, "Nothing here."));
  };
  const row = (question) => {
    const [it] = question.pairs;
    const one = left(question, it);
    const send = (verdict) => async () => {
      const reply = await decide(compare([{ left: ids(one), right: ids(it.right), verdict }]),
        { revision: question.revision, seen: seenOf([one, it.right]) });
      if (!reply) return;
      const next = item.nextElementSibling ?? item.previousElementSibling;
      // The answer may have changed the people in the remaining rows.
      await fill().catch((failure) => warn(failure.message));
      (next ? list.querySelector("button.main") : heading)?.focus();
    };
    const item = h("li", { class: "card" },
      h("div", { class: "two" }, [one, it.right].map((person) => h("div", {}, head(person),
        faces(person.shown, `Faces of ${called(person)}`, { open: large })))), likely(it),
      h("div", { class: "buttons" }, button("Same", "", send("same"), { class: "main yes" }),
        button("Different", "", send("different"), { class: "main no" }), button("Not sure", "", send("not_sure"), { class: "main maybe" })));
    return item;
  };
  stale.reload = fill;
  keys({});
  clock();
  await fill();
  say(`${list.children.length} shown`);
}
