// What models say of a face or a person, as text.

import { h } from "./dom.js";
import { percent } from "./parts.js";

/** What stands beside it wherever it is shown. */
export const CAUTION = "Attributes are a model’s guesses about appearance, not facts about people. Models err, more on some groups than on others.";

const degrees = (angle) => `${Math.round(angle)}°`.replace("-", "−");

/** A vote on a label: what it is, how sure, and what speaks against it. */
function label(of, one) {
  // Of what changes it is the mean over the faces, and no count of them.
  const share = `${one || of.lasts ? "" : "on average "}${percent(of.probability)}`;
  const found = of.label === of.likeliest ? `${of.label} (${share})` : `unknown (most likely ${of.likeliest}, ${share})`;
  return of.lasts && of.disagreement >= 0.005 ? `${found}, ${percent(of.disagreement)} of faces look otherwise` : found;
}

function number(of) {
  const deviation = of.deviation === null ? "" : ` ± ${Math.round(of.deviation)}`;
  const between = of.between !== null && Math.round(of.between) >= 1 ? `, faces differ by ${Math.round(of.between)}` : "";
  return `${Math.round(of.mean)}${deviation}${between}`;
}

function ranges(of, one) {
  const range = ([name, { from, to }]) => `${name} ${degrees(from)}${one ? "" : ` to ${degrees(to)}`}`;
  return Object.entries(of.ranges).map(range).join(", ");
}

/** What is said, as name and text, in the server's order. `one`: of a single face. */
export function said(all, one) {
  const text = (of) => ("likeliest" in of ? label(of, one) : "mean" in of ? number(of) : ranges(of, one));
  return Object.entries(all ?? {}).map(([name, of]) => [name[0].toUpperCase() + name.slice(1), text(of)]);
}

/** What is said of a person, folded away: it is not what tells people apart. */
export function saidOf(attributes) {
  const all = said(attributes, false);
  if (!all.length) return null;
  return h("details", { class: "said" }, h("summary", {}, "What models guess"), h("p", { class: "quiet" }, CAUTION),
    h("dl", {}, all.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))));
}
