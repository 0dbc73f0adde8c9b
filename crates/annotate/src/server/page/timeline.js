// When a person is seen.

import { h, count, plural, counted, moment } from "./dom.js";

const clockOf = (time) => (counted(time) ? moment(time) : time);

/** A bar for each source with the times at which the person is seen; `sources`: in how many there are faces with a time; `go(position)` is called with a face's position. */
export function timeline(lanes, sources, go) {
  if (!lanes.length) return null;
  const all = sources > lanes.length ? h("p", { class: "quiet" }, `The ${lanes.length} sources with most faces, of ${count(sources)}`) : null;
  return h("section", { class: "timeline", "aria-label": "Times" }, all, lanes.map((lane) => {
    const marks = lane.spans.map((span, i) => {
      const [from, to] = span.ends.map(clockOf);
      const text = `${from === to ? from : `${from} – ${to}`}, ${plural(span.faces, "face", "faces")}`;
      const mark = h("button", { type: "button", class: "span", title: text, "aria-label": text, tabindex: i ? "-1" : "0", onclick: () => go(span.first) });
      mark.style.left = `${(100 * span.at[0]).toFixed(3)}%`;
      mark.style.width = `${(100 * (span.at[1] - span.at[0])).toFixed(3)}%`;
      return mark;
    });
    const track = h("div", { class: "track", role: "group", "aria-label": `${lane.source ?? "Without a source"}: seen ${plural(marks.length, "time", "times")}` }, marks);
    track.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const to = step && marks[marks.indexOf(event.target) + step];
      if (!to) return;
      event.preventDefault();
      for (const mark of marks) mark.tabIndex = mark === to ? 0 : -1;
      to.focus();
    });
    return h("div", { class: "lane" },
      h("p", { class: "quiet" }, h("span", {}, lane.source ?? ""), h("span", {}, `seen ${plural(marks.length, "time", "times")}`)), track,
      h("p", { class: "quiet ends" }, lane.ends.map((end) => h("span", {}, clockOf(end)))));
  }));
}
