// Questions: two people side by side, one person and candidates, a sweep over likely pairs.

import { h, put, key, faces, preload, keys, alsoKeys, rove, say, called, linkTo, size, thumbs } from "./dom.js";
import { get, decide, clock, seenOf, stale, thisWindow } from "./talk.js";
import { SIDE, actions, compare, head, ids, left, likely, percent } from "./parts.js";
import { large } from "./large.js";

/** This window's number: two windows are asked about different people. */
const TAB = thisWindow();
const people = (question) => [question.person, ...question.pairs.flatMap((pair) => [pair.left, pair.right])].filter(Boolean);
/** Shows questions of one form, one after the other; `all`: unlikely ones, too. */
export async function ask(main, form, all) {
  const wanted = { form, count: 2, shown: form === "pair" ? SIDE : form === "group" ? 12 : 4, tab: TAB, all };
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
        all ? null : h("a", { class: "plain", href: `#/${form}/all` }, "Ask about unlikely pairs, too")));
    } else {
      put(main, ...{ pair, group, sweep }[now.form](now, answer));
      clock();
    }
    main.querySelector("h1")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  await load();
}

/** The question whether the people of two given faces are one; after the answer, the first of them. */
export async function comparePeople(main, one, other) {
  const address = (id) => encodeURIComponent(id ?? "");
  const load = async () => {
    const question = await get(`/api/compare/${address(one)}/${address(other)}`).catch((failure) => {
      if (failure.error !== "stale") throw failure;
      say(failure.message, true);
      location.replace(`#/person/${address(one)}`);
    });
    if (!question || !main.isConnected) return;
    const answer = async (_, action, whole = false) => {
      const reply = await decide(action, { revision: question.revision, seen: seenOf(people(question)), whole });
      if (reply) location.hash = whole ? "#/people" : `#/person/${address(one)}`;
    };
    put(main, ...pair(question, answer));
    clock();
    main.querySelector("h1").focus({ preventScroll: true });
  };
  stale.reload = () => load().catch(() => { location.hash = `#/person/${address(one)}`; });
  await load();
}

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
  const few = Math.max(it.left.shown.length, it.right.shown.length) < 10;
  const side = (person, where) => h("section", { class: "card", "aria-label": `${where}: ${called(person)}` }, head(person),
    faces(person.shown, `Faces of ${called(person)}`, { open: large, few }));
  return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Are these one person?"), likely(it)),
    h("div", { class: "pair" }, side(it.left, "Left"), side(it.right, "Right")), bar];
}

const DIGITS = "1234567890";

/** Marks of the last screen with cards, so that a reload of the page keeps them. */
const MARKS = "marks";
const screenOf = (question) => JSON.stringify([question.form, question.revision, people(question).map((person) => person.id)]);
function marked(question) {
  const last = JSON.parse(sessionStorage.getItem(MARKS) ?? "{}");
  return question.pairs.map((_, i) => (last.screen === screenOf(question) ? last.state[i] ?? 0 : 0));
}

/** Cards with marks: none → `marks[0]` → `marks[1]` → none. */
function cards(question, marks, content) {
  const state = question.pairs.map(() => 0);
  const set = (i, to) => {
    state[i] = to;
    const card = all[i];
    card.setAttribute("aria-pressed", String(to > 0));
    card.dataset.mark = to > 0 ? marks[to - 1].mark : "";
    card.querySelector(".mark").textContent = to > 0 ? marks[to - 1].label : "";
    sessionStorage.setItem(MARKS, JSON.stringify({ screen: screenOf(question), state }));
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
  marked(question).forEach((to, i) => { if (to > 0 && to <= marks.length) set(i, to); });
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
    { label: "Record", key: "Enter", main: "yes", act: () => send((i) => verdicts[state[i]]) },
    { label: "None", key: "n", also: ["d"], main: "no", act: () => send(() => "different") },
    { label: "All the same", key: "a", main: "all", act: () => send(() => "same") },
    { label: "Split this person", key: "x", act: () => { location.hash = linkTo(person); } },
    { label: "This person is noise", key: "b", act: () => answer(question, { kind: "noise", faces: ids(person) }, true) },
    { label: "No more questions about this person", key: "k", act: () => answer(question, { kind: "skip", person: ids(person) }) },
  ]);
  alsoKeys(Object.fromEntries(digits));
  watch(() => {
    const [no, yes, maybe] = [0, 1, 2].map((mark) => state.filter((s) => s === mark).length);
    records(bar, `${yes} ${are(yes)} this person, ${no} ${are(no)} not${maybe ? `, ${maybe} ${are(maybe)} not sure` : ""}`);
  });
  return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Who else is this person?"),
    h("p", { class: "quiet" }, "Mark each card that is this person; mark it twice for not sure.")),
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
    { label: "Record", key: "Enter", main: "yes", act: () => send((i) => (state[i] ? "different" : "same")) },
    { label: "None are the same", key: "n", main: "no", act: () => send(() => "different") },
  ]);
  alsoKeys(Object.fromEntries(digits));
  watch(() => {
    const no = state.filter(Boolean).length;
    const yes = state.length - no;
    records(bar, `${yes} ${are(yes)} one person, ${no} ${are(no)} not`);
  });
  return [h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Which of these pairs are wrong?"),
    h("p", { class: "quiet" }, "Each card shows two people who are very likely one. Mark the cards where they are not.")), box, bar];
}

const are = (n) => (n === 1 ? "is" : "are");

/** Says on the button of Enter what it will record. */
function records(bar, text) {
  put(bar.querySelector("[aria-keyshortcuts=Enter]"), h("span", {}, h("span", { class: "with-keys" }, "Enter: "), text));
}
