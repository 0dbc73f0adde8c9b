"use strict";
// The page is complete without this: it adds the search and the large view.
(() => {
  const people = [...document.querySelectorAll("[data-words]")];
  const form = document.querySelector("[role=search]");
  const input = document.getElementById("search");
  const found = document.getElementById("found");

  // "1:05" or "0:01:05" in seconds; null for anything else.
  const seconds = (text) =>
    /^\d+(:[0-5]?\d){1,2}$/.test(text) ? text.split(":").reduce((all, part) => 60 * all + Number(part), 0) : null;

  // A vertical line on every time axis at the time that was searched for; none for null.
  const tracks = [...document.querySelectorAll(".track")];
  const mark = (time) => {
    for (const track of tracks) {
      let line = track.querySelector(".now");
      const at = time === null ? -1 : (time - Number(track.dataset.from)) / Number(track.dataset.span);
      if (at < 0 || at > 1) {
        line?.remove();
        continue;
      }
      if (!line) {
        line = document.createElement("i");
        line.className = "now";
        track.prepend(line);
      }
      line.style.left = `${100 * at}%`;
    }
  };

  const search = () => {
    const text = input.value.trim().toLowerCase();
    const time = seconds(text);
    let hits = 0;
    for (const person of people) {
      // From which second to which the person is seen.
      const times = person.dataset.seconds.split(" ").filter(Boolean).map((t) => t.split("-").map(Number));
      const hit = time === null
        ? person.dataset.words.includes(text)
        : times.some(([from, to]) => from <= time && time < to);
      person.hidden = !hit;
      hits += hit;
    }
    for (const section of document.querySelectorAll("section")) {
      const inside = section.querySelectorAll("[data-words]");
      if (inside.length) section.hidden = [...inside].every((person) => person.hidden);
    }
    found.textContent = text ? `${hits} of ${people.length}${time === null ? "" : " on screen then"}` : "";
    mark(time);
  };
  if (people.length > 1 || tracks.length) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("input", search);
  }

  const dialog = document.createElement("dialog");
  if (!dialog.showModal) return;
  const element = (tag, parent, text, name) => {
    const made = parent.appendChild(document.createElement(tag));
    if (text) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const pictures = element("div", dialog, "", "pictures");
  const frame = element("a", pictures, "", "frame");
  const whole = element("img", frame);
  const box = element("i", frame, "", "box");
  const image = element("img", pictures, "", "crop");
  const says = element("div", dialog, "", "says");
  const links = element("p", dialog, "", "links");
  const buttons = element("div", dialog, "", "buttons");
  const button = (text, action, name) => {
    const made = element("button", buttons, text, name);
    made.type = "button";
    made.addEventListener("click", action);
    return made;
  };
  const elsewhere = (text, href) => {
    const made = element("a", links, text, "button");
    made.href = href;
    made.target = "_blank";
    made.rel = "noopener";
  };
  // The frame, with a box around the face, where it still lies beside the page.
  const showFrame = (face, title) => {
    const { frame: picture, box: place, time, origin } = face.dataset;
    dialog.classList.toggle("wide", Boolean(picture));
    frame.hidden = !picture;
    links.replaceChildren();
    if (picture) {
      whole.onerror = () => {
        frame.hidden = true;
        dialog.classList.remove("wide");
      };
      whole.alt = `the frame with ${title}`;
      whole.src = frame.href = picture;
      frame.target = "_blank";
      box.hidden = !place;
      const [left, top, width, height] = (place || "").split(" ");
      if (place) Object.assign(box.style, { left: `${left}%`, top: `${top}%`, width: `${width}%`, height: `${height}%` });
    }
    const source = origin && document.querySelectorAll("#origins a")[Number(origin)];
    if (!source) return;
    const at = face.querySelector(".at").textContent;
    if (time) elsewhere(`Open the video at ${at}`, `${source.getAttribute("href")}#t=${Math.max(0, Number(time))}`);
    else elsewhere("Open the photo", source.getAttribute("href"));
  };
  let faces = [];
  let at = 0;
  const show = (index) => {
    at = index;
    const face = faces[at];
    const thumbnail = face.querySelector("img");
    const [title, ...lines] = face.title.split("\n");
    // The face's own file where the page still lies beside it, else the thumbnail.
    image.onerror = () => {
      image.onerror = null;
      if (thumbnail) image.src = thumbnail.src;
    };
    image.alt = thumbnail ? thumbnail.alt : title;
    image.src = face.href || (thumbnail ? thumbnail.src : "");
    showFrame(face, title);
    says.replaceChildren();
    element("h3", says, title).id = "says";
    for (const line of lines) element("p", says, line);
    previous.disabled = at === 0;
    next.disabled = at === faces.length - 1;
  };
  const step = (by) => {
    if (faces[at + by]) show(at + by);
  };
  const previous = button("Earlier", () => step(-1));
  const next = button("Later", () => step(1));
  const close = button("Close", () => dialog.close(), "close");
  dialog.setAttribute("aria-labelledby", "says");
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  document.addEventListener("click", (event) => {
    const face = event.target.closest("a.face");
    if (!face || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    faces = [...face.closest("ul").querySelectorAll("a.face")];
    show(faces.indexOf(face));
    dialog.showModal();
    (next.disabled ? close : next).focus();
  });
})();
