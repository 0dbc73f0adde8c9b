// The views of the page. A new one is registered here, and its file in `assets.rs`.

import { ask, comparePeople } from "./ask.js";
import { queue, undecided } from "./rows.js";
import { listPeople } from "./people.js";
import { showPerson, listNoise } from "./person.js";
import { mixed } from "./mixed.js";
import { history } from "./history.js";

/**
 * `path`: the address is `#/path/…/…?…`. `show(box, rest, query)` fills an element of its own and resolves once it is
 * there; `rest` is what follows the path in the address, decoded, and `query` a URLSearchParams. A view with `key` and
 * `label` stands in the menu, in this order; no key of a view may be one of these.
 */
export const VIEWS = [
  { path: "pair", label: "Pairs", key: "p", show: (box, [all]) => ask(box, "pair", all === "all") },
  { path: "group", label: "Groups", key: "g", show: (box, [all]) => ask(box, "group", all === "all") },
  { path: "sweep", label: "Sweep", key: "w", show: (box, [all]) => ask(box, "sweep", all === "all") },
  { path: "queue", label: "Queue", key: "q", show: queue },
  // #/mixed, #/mixed/all, #/mixed/{face}: does this person hold two?
  { path: "mixed", label: "Mixed", key: "v", show: mixed },
  { path: "people", label: "People", key: "l", show: listPeople },
  { path: "undecided", label: "Undecided", key: "i", show: undecided },
  { path: "noise", label: "Noise", key: "o", show: listNoise },
  { path: "history", label: "History", key: "h", show: (box, [order]) => history(box, order === "doubtful") },
  // #/person/{face}
  { path: "person", title: "Person", show: (box, [face]) => showPerson(box, face) },
  // #/compare/{face}/{face}: are these two one person?
  { path: "compare", title: "Compare", show: (box, [left, right]) => comparePeople(box, left, right) },
];
