"use strict";
// Elements, numbers, and the address that remembers what is shown.
// All text goes in as text: names are never markup.

const RUNS = JSON.parse(document.getElementById("runs-data").textContent);
for (const run of RUNS) {
  run.title = [run.notebook, run.run, run.dataset].filter(Boolean).join(", ");
  // what tells it from its neighbours: the parameters that were asked for, and the data set
  run.given = run.dataset ? { ...run.asked, DATASET: run.dataset } : run.asked;
}
const byId = new Map(RUNS.map((run) => [run.id, run]));
const $ = (id) => document.getElementById(id);
const make = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return (Math.abs(value) >= 100 ? value.toPrecision(4) : value.toFixed(3)).replace("-", "−");
}
const signed = (value) => (value > 0 ? "+" : "") + number(value);
const interval = (low, high, show = number) =>
  low === null || Number.isNaN(low) ? "" : ` [${show(low)}, ${show(high)}]`;
const unique = (values) => [...new Set(values)];
const tableName = (table) => JSON.parse(table).join(" / ");
const measureName = (m) => [m.method, m.metric].filter(Boolean).join(" · ");
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// A run's parameters with nested ones by dotted names: {"ENCODERS.words.encoder": "tfidf"}
function leaves(value, path = [], into = {}) {
  if (
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.keys(value).length
  )
    for (const [key, inner] of Object.entries(value)) leaves(inner, [...path, key], into);
  else if (path.length) into[path.join(".")] = value;
  return into;
}
function shown(value) {
  if (value === undefined) return "–";
  if (Array.isArray(value) && value.length && value.every((v) => typeof v !== "object"))
    return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function choice(label, options, chosen, change) {
  const select = make("select", { "aria-label": label, onchange: () => change(select.value) });
  for (const [value, text] of options)
    select.append(make("option", { value, selected: value === chosen }, text));
  return make("label", { class: "choice" }, make("span", {}, label), select);
}

const empty = (text) => make("p", { class: "empty" }, text);

function figure(run, item) {
  const says = `${item.title}, figure of ${run.title}`;
  const files = Object.entries(item.files).map(([kind, path]) => make("a", { href: path }, kind));
  const body = item.frame
    ? make("iframe", { src: item.frame, title: says, loading: "lazy", sandbox: "allow-scripts" })
    : make(
        "a",
        { href: item.open },
        make("img", { src: item.image, alt: item.alt || says, loading: "lazy" }),
      );
  return make(
    "figure",
    {},
    body,
    make(
      "figcaption",
      {},
      item.title,
      " ",
      files.flatMap((link) => [link, " "]),
    ),
  );
}

// The address: #view?name=value…, so that a link opens what its sender saw.
const state = {
  view: "runs",
  q: "",
  notebook: "",
  dataset: "",
  profile: "",
  status: "",
  show: "",
  sort: "-time",
  runs: [],
  base: "",
  table: "",
  metric: "",
};

function readAddress() {
  const [view, query] = decodeURI(location.hash.slice(1)).split("?");
  const given = new URLSearchParams(query ?? "");
  state.view = ["runs", "compare", "sweeps"].includes(view) ? view : "runs";
  for (const name of Object.keys(state))
    if (given.has(name) && name !== "runs") state[name] = given.get(name);
  if (given.has("runs"))
    state.runs = given
      .get("runs")
      .split("|")
      .filter((id) => byId.has(id));
}

function writeAddress() {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(state))
    if (name !== "view" && name !== "runs" && value && !(name === "sort" && value === "-time"))
      kept.set(name, value);
  if (state.runs.length) kept.set("runs", state.runs.join("|"));
  const query = kept.toString();
  history.replaceState(null, "", `#${state.view}${query ? `?${query}` : ""}`);
}

function toggleTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
}
