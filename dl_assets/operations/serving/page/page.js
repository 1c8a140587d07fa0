"use strict";
// Everything that comes from elsewhere is put in as text, never as HTML.
const find = (id) => document.getElementById(id);
let key = "", classes = [];

const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const ask = async (address, options = {}) => {
  const headers = { ...options.headers, ...(key ? { "X-API-Key": key } : {}) };
  const response = await fetch(address, { ...options, headers });
  find("key-form").hidden = response.status !== 401;
  const content = await response.json();
  if (!response.ok) throw new Error(content.error || response.statusText);
  return content;
};

const fail = (error) => find("answer").replaceChildren(element("p", { className: "error", textContent: error.message }));

const bar = ({ class: name, probability }) =>
  element("div", { className: "bar" },
    element("span", { textContent: name, title: name }),
    element("progress", { max: 1, value: probability }),
    element("span", { textContent: (100 * probability).toFixed(1) + " %" }));

// ---- the right answer

const options = (words) => ["", ...words].map((word) => element("option", { value: word, textContent: word }));

const teller = (id) => {
  const input = classes.length ? element("select", { required: true }, ...options(classes)) : element("input", { type: "text", required: true });
  const said = element("output", {});
  const form = element("form", { className: "teller" }, element("label", {}, "The right answer", input), element("button", { textContent: "Tell" }), said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = JSON.stringify({ feedback: [{ id, target: input.value }] });
    try {
      await ask("feedback", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      said.className = "";
      said.textContent = `Kept: ${input.value}`;
    } catch (error) {
      said.className = "error";
      said.textContent = error.message;
    }
  });
  return form;
};

const show = ({ model, predictions: [found] }) => {
  const text = typeof found.prediction === "number" ? found.prediction.toPrecision(6) : found.prediction || "none";
  find("answer").replaceChildren(
    element("p", { className: "prediction", textContent: text }),
    ...(found.top || []).map(bar),
    element("p", { className: "id", textContent: `Model ${model.version}, prediction ${found.id}` }),
    teller(found.id));
};

const predict = async (options) => {
  find("answer").replaceChildren(element("p", { textContent: "..." }));
  try { show(await ask("predict?top=5", { method: "POST", ...options })); } catch (error) { fail(error); }
};

// ---- pictures

const usePicture = (file) => {
  if (!file) return;
  URL.revokeObjectURL(find("shown").src);
  find("shown").src = URL.createObjectURL(file);
  find("shown").hidden = false;
  find("hint").textContent = file.name;
  const body = new FormData();
  body.append("files", file);
  predict({ body });
};

const hold = (event, isOver) => { event.preventDefault(); find("drop").classList.toggle("over", isOver); };
find("file").addEventListener("change", (event) => { usePicture(event.target.files[0]); event.target.value = ""; });
find("drop").addEventListener("dragover", (event) => hold(event, true));
find("drop").addEventListener("dragleave", (event) => hold(event, false));
find("drop").addEventListener("drop", (event) => { hold(event, false); usePicture(event.dataTransfer.files[0]); });

// ---- rows

const field = ({ name, kind, nullable, allowed }) => {
  const input = allowed ? element("select", { name }, ...options(allowed))
    : element("input", { name, type: "text", inputMode: kind === "number" ? "decimal" : "text" });
  input.required = !nullable;
  return element("label", { className: "field" }, kind === "category" ? name : `${name} (${kind})`, input);
};

find("row").addEventListener("submit", (event) => {
  event.preventDefault();
  const cells = [...new FormData(event.target)].map(([name, value]) => [name, value === "" ? null : value]);
  predict({ headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rows: [Object.fromEntries(cells)] }) });
});

// ---- the model

const start = async () => {
  try {
    const model = await ask("model");
    classes = model.classes;
    document.title = find("name").textContent = model.pipeline;
    const since = model.promoted ? `, promoted ${model.promoted.slice(0, 16).replace("T", " ")}` : "";
    find("about").textContent = `${model.task.replaceAll("_", " ")}, model ${model.version}${since}`;
    find("pictures").hidden = model.given !== "images";
    find("row").hidden = model.given !== "rows";
    find("fields").replaceChildren(...(model.columns || []).map(field));
    find("answer").replaceChildren();
  } catch (error) { find("about").textContent = ""; fail(error); }
};

find("key-form").addEventListener("submit", (event) => { event.preventDefault(); key = find("key").value; start(); });
start();
