// The large view of a face, with its frame.

import { h, picture, image, dialog, called, linkTo, counted, moment } from "./dom.js";
import { get, warn } from "./talk.js";
import { CAUTION, said } from "./said.js";

const rounded = (value, digits) => (value === null || value === undefined ? null : value.toFixed(digits));

/** Opens the large view of a face. */
export async function large({ id }) {
  let face;
  try {
    face = await get(`/api/face/${encodeURIComponent(id)}`);
  } catch (failure) {
    warn(failure.message);
    return;
  }
  const { when } = face.face;
  const guesses = said(face.said, true);
  const facts = [
    ["Person", face.person ? h("a", { href: linkTo(face.person), onclick: () => box.close() }, called(face.person)) : "none (noise)"],
    ["When", when && !counted(when) && `${when} UTC`], ["In the stream", face.stream_time ?? (when && counted(when) && moment(when))], ["Source", face.face.source],
    ["Score", rounded(face.score, 3)], ["Sharpness", face.blur === null ? null : face.blur.toPrecision(3).replace("e+", " · 10^")], ["Name", h("code", {}, id)],
    ...guesses,
  ].filter(([, value]) => value);
  const content = h("div", { class: "large" },
    h("div", { class: "crops" }, picture(face.face, { whole: true, alt: "The face with its surroundings" }), h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      guesses.length ? h("p", { class: "quiet caution" }, CAUTION) : null),
    h("figure", {}, frame(face, id), h("figcaption", { class: "quiet" }, "The frame, with the face's box")));
  const box = dialog("Face", content, { class: "wide" });
}

function frame(face, id) {
  if (!face.frame_size || !face.bbox) return h("img", { class: "only", src: image("frame", id), alt: "The frame" });
  const [width, height] = face.frame_size;
  const [x, y, w, h1] = face.bbox;
  const shown = h("image", { href: image("frame", id), width, height });
  const box = h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "The frame; a box is drawn around the face" }, shown,
    h("rect", { x, y, width: w, height: h1, class: "halo" }), h("rect", { x, y, width: w, height: h1, class: "box" }));
  shown.addEventListener("error", () => box.replaceWith(h("p", { class: "missing" }, "The frame is not on the disk.")));
  return box;
}
