"use strict";
// Shows openapi.json as a page.

function element(tag, text, kind) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (kind) e.className = kind;
  return e;
}

function example(schema) {
  if (schema.type === "object") return Object.fromEntries(Object.entries(schema.properties).map(([k, v]) => [k, example(v)]));
  if (schema.type === "array") return schema.items.type === "number" ? [0.12, -0.05, "…"] : [example(schema.items)];
  return schema.minimum ?? 0;
}

async function start() {
  const spec = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = spec.info.description;
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, what] of Object.entries(methods)) {
      const section = element("section");
      const title = element("h2");
      title.append(element("span", method.toUpperCase()), path);
      section.append(title, element("p", what.summary));
      const asked = what.requestBody?.content["application/json"].schema;
      if (asked) section.append(element("p", "Request", "quiet"), element("pre", JSON.stringify(example(asked))));
      const given = what.responses["200"].content?.["application/json"]?.example;
      if (given) section.append(element("p", "Reply", "quiet"), element("pre", JSON.stringify(given)));
      document.getElementById("paths").append(section);
    }
  }
}

start();
