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

  const search = () => {
    const text = input.value.trim().toLowerCase();
    const time = seconds(text);
    let hits = 0;
    for (const person of people) {
      const times = person.dataset.seconds.split(" ").filter(Boolean);
      const hit = time === null
        ? person.dataset.words.includes(text)
        : times.some((t) => Math.abs(Number(t) - time) <= 2);
      person.hidden = !hit;
      hits += hit;
    }
    for (const section of document.querySelectorAll("section")) {
      const inside = section.querySelectorAll("[data-words]");
      if (inside.length) section.hidden = [...inside].every((person) => person.hidden);
    }
    found.textContent = text ? `${hits} of ${people.length}` : "";
  };
  if (people.length > 1) {
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
  const image = element("img", dialog);
  const says = element("div", dialog, "", "says");
  const buttons = element("div", dialog, "", "buttons");
  const button = (text, action, name) => {
    const made = element("button", buttons, text, name);
    made.type = "button";
    made.addEventListener("click", action);
    return made;
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
  button("Close", () => dialog.close(), "close");
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
  });
})();
