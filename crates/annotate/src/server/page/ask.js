// Questions: two people side by side, one person and candidates, a sweep over likely pairs, and the queue.

import { h, put, button, key, faces, preload, keys, boundKeys, rove, say, called, linkTo, size, thumbs, seen } from "./dom.js";
import { get, decide, clock, seenOf, stale, warn } from "./talk.js";
import { large } from "./large.js";

const SIDE = 25;
/** A random number of this window: two windows are asked about different people. */
const TAB = 1 + crypto.getRandomValues(new Uint32Array(1))[0] % 0xfffffffe;
const ids = (person) => person.shown.slice(0, SIDE).map((face) => face.id);
/** The left person of a comparison; in a group it is the same for all. */
const left = (question, pair) => pair.left ?? question.person;
const people = (question) => [question.person, ...question.pairs.flatMap((pair) => [pair.left, pair.right])].filter(Boolean);
const percent = (p) => (p > 0.995 ? "over 99 %" : p < 0.005 ? "under 1 %" : `${Math.round(p * 100)} %`);

/** A person's heading. */
export function head(person, level = "h2") {
  return h("div", { class: "who" },
    h(level, {}, h("a", { href: linkTo(person) }, called(person))),
    h("p", { class: "quiet" }, size(person), seen(person) ? ` · ${seen(person)}` : ""));
}

const likely = (pair) => h("p", { class: "likely" },
  h("meter", { min: "0", max: "1", value: String(pair.probability), "aria-label": "Probability that they are one person" }),
  h("span", {}, `${percent(pair.probability)} likely to be one person`), h("span", { class: "quiet" }, `distance ${pair.distance.toFixed(3)}`));

/** Shows questions of one form, one after the other. */
export async function ask(main, form) {
  const wanted = { form, count: 2, shown: form === "pair" ? SIDE : form === "group" ? 12 : 4, tab: TAB };
  const load = async () => show(await get("/api/questions", wanted));
  const answer = async (question, action, whole = false) => {
    const reply = await decide(action, { revision: question.revision, seen: seenOf(people(question)), whole, next: wanted });
    if (reply) show(reply.questions);
    return reply;
  };
  function show(questions) {
    if (!main.isConnected) return;
    const [now, next] = questions;
    stale.reload = load;
    if (next) preload(people(next));
    if (!now) {
      keys({});
      put(main, h("div", { class: "done" }, h("h1", { tabindex: "-1" }, "Nothing left to ask here"),
        h("p", {}, "All likely pairs have been asked. Check ", h("a", { href: "#/people" }, "the people"), ", at answers ",
          h("a", { href: "#/history/doubtful" }, "worth checking again"), ", or finalize."),
        wanted.all ? null : h("button", { type: "button", class: "plain", onclick: () => { wanted.all = true; load(); } }, "Ask about unlikely pairs, too")));
    } else {
      put(main, ...{ pair, group, sweep }[now.form](now, answer));
      clock();
    }
    main.querySelector("h1")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  await load();
}

/** The bar of answer buttons, and their keys. */
function actions(list) {
  keys(Object.fromEntries(list.flatMap((a) => [a.key, ...(a.also ?? [])].map((k) => [k, { act: a.act, label: a.label }]))));
  const make = (a) => button(a.label, a.key, a.act, { class: a.main ? `main ${a.main}` : "plain" });
  return h("div", { class: "actions", role: "group", "aria-label": "Answers" },
    h("div", { class: "first" }, list.filter((a) => a.main).map(make)), h("div", { class: "second" }, list.filter((a) => !a.main).map(make)));
}

const compare = (pairs) => ({ kind: "compare", pairs });

function pair(question, answer) {
  const [it] = question.pairs;
  const say1 = (verdict) => () => answer(question, compare([{ left: ids(it.left), right: ids(it.right), verdict }]));
  const noise = (...who) => () => answer(question, { kind: "noise", faces: who.flatMap(ids) }, true);
  const split = (person) => () => { location.hash = linkTo(person); };
  const bar = actions([
    { label: "Same", key: "s", also: ["y"], main: "yes", act: say1("same") },
    { label: "Different", key: "d", also: ["n"], main: "no", act: say1("different") },
    { label: "Not sure", key: "u", main: "maybe", act: say1("not_sure") },
    { label: "Left is noise", key: "1", act: noise(it.left) },
    { label: "Right is noise", key: "2", act: noise(it.right) },
    { label: "Both are noise", key: "3", act: noise(it.left, it.right) },
    { label: "Split left", key: "4", act: split(it.left) },
    { label: "Split right", key: "5", act: split(it.right) },
    { label: "No more questions about left", key: "k", act: () => answer(question, { kind: "skip", person: ids(it.left) }) },
  ]);
  const side = (person, where) => h("section", { class: "card", "aria-label": `${where}: ${called(person)}` }, head(person),
    faces(person.shown, `Faces of ${called(person)}`, { open: large }));
  return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Are these one person?"), likely(it)),
    h("div", { class: "pair" }, side(it.left, "Left"), side(it.right, "Right")), bar];
}

const DIGITS = "1234567890";

/** Cards with marks: none → `marks[0]` → `marks[1]` → none. */
function cards(question, marks, content) {
  const state = question.pairs.map(() => 0);
  const set = (i, to) => {
    state[i] = to;
    const card = all[i];
    card.setAttribute("aria-pressed", String(to > 0));
    card.dataset.mark = to > 0 ? marks[to - 1].mark : "";
    card.querySelector(".mark").textContent = to > 0 ? marks[to - 1].label : "";
    changed();
  };
  let changed = () => {};
  const all = question.pairs.map((it, i) => h("button", {
    type: "button", class: "card choice", "aria-pressed": "false", tabindex: i === 0 ? "0" : "-1",
    "aria-keyshortcuts": i < 10 ? DIGITS[i] : null,
    onclick: () => set(i, (state[i] + 1) % (marks.length + 1)),
  }, content(it), h("span", { class: "corner" }, i < 10 ? key(DIGITS[i]) : null, h("span", { class: "mark" }))));
  const box = h("div", { class: "choices", role: "group", "aria-label": "Candidates" }, all);
  rove(box, "button.choice");
  const digits = all.slice(0, 10).flatMap((_, i) => {
    const toggle = { act: () => set(i, state[i] === 1 ? 0 : 1), hidden: true };
    const second = { act: () => set(i, state[i] === 2 ? 0 : 2), hidden: true };
    return marks.length > 1 ? [[DIGITS[i], toggle], [`Shift+${DIGITS[i]}`, second]] : [[DIGITS[i], toggle]];
  });
  return { box, state, digits, watch: (f) => { changed = f; f(); } };
}

function group(question, answer) {
  const person = question.person;
  const marks = [{ mark: "same", label: "same" }, { mark: "maybe", label: "not sure" }];
  const content = (it) => [thumbs(it.right, 4), h("span", { class: "caption" }, h("strong", {}, called(it.right)),
    h("span", { class: "quiet" }, `${size(it.right)} · ${percent(it.probability)}`))];
  const { box, state, digits, watch } = cards(question, marks, content);
  const verdicts = ["different", "same", "not_sure"];
  const send = (of) => answer(question, compare(question.pairs.map((it, i) =>
    ({ left: ids(person), right: ids(it.right), verdict: of(i) }))));
  const bar = actions([
    { label: "Done", key: "Enter", main: "yes", act: () => send((i) => verdicts[state[i]]) },
    { label: "None", key: "n", also: ["d"], main: "no", act: () => send(() => "different") },
    { label: "All the same", key: "a", main: "all", act: () => send(() => "same") },
    { label: "Split this person", key: "x", act: () => { location.hash = linkTo(person); } },
    { label: "This person is noise", key: "b", act: () => answer(question, { kind: "noise", faces: ids(person) }, true) },
    { label: "No more questions about this person", key: "k", act: () => answer(question, { kind: "skip", person: ids(person) }) },
  ]);
  addKeys(Object.fromEntries(digits));
  const status = h("p", { class: "quiet" });
  watch(() => {
    const same = state.filter((s) => s === 1).length;
    status.textContent = `${same} marked as the same, ${state.length - same - state.filter((s) => s === 2).length} as different. Mark a card twice for not sure.`;
  });
  return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Who else is this person?"), status),
    h("div", { class: "group" }, h("section", { class: "card", "aria-label": called(person) }, head(person),
      faces(person.shown, `Faces of ${called(person)}`, { open: large })), box), bar];
}

function sweep(question, answer) {
  const content = (it) => [h("span", { class: "two" }, thumbs(left(question, it), 2), thumbs(it.right, 2)),
    h("span", { class: "caption" }, h("span", {}, `${called(left(question, it))} and ${called(it.right)}`),
    h("span", { class: "quiet" }, percent(it.probability)))];
  const { box, state, digits, watch } = cards(question, [{ mark: "wrong", label: "not the same" }], content);
  const send = (of) => answer(question, compare(question.pairs.map((it, i) =>
    ({ left: ids(left(question, it)), right: ids(it.right), verdict: of(i) }))));
  const bar = actions([
    { label: "Done, the others are the same", key: "Enter", main: "yes", act: () => send((i) => (state[i] ? "different" : "same")) },
    { label: "None are the same", key: "n", main: "no", act: () => send(() => "different") },
  ]);
  addKeys(Object.fromEntries(digits));
  const status = h("p", { class: "quiet" });
  watch(() => { status.textContent = `Each card shows two people who are very likely one. Mark the pairs that are not: ${state.filter(Boolean).length} marked.`; });
  return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Which of these pairs are wrong?"), status), box, bar];
}

function addKeys(more) {
  keys({ ...boundKeys()[0], ...more });
}

/** Pairs in rows, each with buttons: the queue, and undecided pairs. */
export async function rows(main, { title, about, load }) {
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
      h("div", { class: "two" }, [one, it.right].map((person) => h("div", {}, head(person, "h3"),
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
