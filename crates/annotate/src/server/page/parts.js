// Parts of screens: the heading of a person, the bar of answers, and what an answer names.

import { h, button, keys, called, linkTo, size, seen } from "./dom.js";

/** Maximum faces of a person that an answer names. */
export const SIDE = 25;

/** The faces of a person, as an answer names them. */
export const ids = (person) => person.shown.slice(0, SIDE).map((face) => face.id);

/** The left person of a comparison; in a group it is the same for all. */
export const left = (question, pair) => pair.left ?? question.person;

/** The answer to comparisons. */
export const compare = (pairs) => ({ kind: "compare", pairs });

/** A probability as text. */
export const percent = (p) => (p > 0.995 ? "over 99 %" : p < 0.005 ? "under 1 %" : `${Math.round(p * 100)} %`);

/** A person's heading. */
export function head(person, level = "h2") {
  return h("div", { class: "who" },
    h(level, {}, h("a", { href: linkTo(person) }, called(person))),
    h("p", { class: "quiet" }, size(person), seen(person) ? ` · ${seen(person)}` : ""));
}

/** The probability that a pair is one person. */
export const likely = (pair) => h("p", { class: "likely" },
  h("meter", { min: "0", max: "1", value: String(pair.probability), "aria-label": "Probability that they are one person" }),
  h("span", {}, `${percent(pair.probability)} likely to be one person`), h("span", { class: "quiet" }, `distance ${pair.distance.toFixed(3)}`));

/**
 * The bar of answer buttons, and their keys. Each is `{label, key, act}`, and may have `also` (more keys) and `main` (its
 * colour: it is then shown large; the others are behind "More" on a narrow screen).
 */
export function actions(list) {
  keys(Object.fromEntries(list.flatMap((a) => [a.key, ...(a.also ?? [])].map((k) => [k, { act: a.act, label: a.label }]))));
  const make = (a) => button(a.label, a.key, a.act, { class: a.main ? `main ${a.main}` : "plain" });
  const more = h("button", { type: "button", class: "plain more", "aria-expanded": "false", onclick: () => {
    more.setAttribute("aria-expanded", String(bar.classList.toggle("open")));
  } }, "More");
  const [first, second] = [list.filter((a) => a.main), list.filter((a) => !a.main)];
  const bar = h("div", { class: "actions", role: "group", "aria-label": "Answers" },
    h("div", { class: "first" }, first.map(make), second.length ? more : null),
    second.length ? h("div", { class: "second" }, second.map(make)) : null);
  return bar;
}
