"use strict";
// The list of all runs: sorted, filtered, searched; a row opens to everything that its run left.

const COLUMNS = [
  ["notebook", "Run", (run) => `${run.notebook} ${run.run}`],
  ["dataset", "Data set", (run) => run.dataset],
  ["parameters", "Parameters", (run) => asked(run).join(" ")],
  ["result", "Result", (run) => measureShown(run)?.mean],
  ["seconds", "Seconds", (run) => run.seconds],
  ["commit", "Commit", (run) => run.commit],
  ["time", "Ended", (run) => run.time],
  ["status", "Status", (run) => run.status],
];
const asked = (run) =>
  Object.entries(run.asked)
    .filter(([name]) => name !== "DATASET") // which has a column of its own
    .map(([name, value]) => `${name}=${shown(value)}`);
const FILTERS = ["notebook", "dataset", "profile", "status"];
const LABELS = { dataset: "data set" };
const measureShown = (run) =>
  state.show ? run.measures.find((m) => measureKey(m) === state.show) : run.measures[run.headline];
const measureKey = (m) => JSON.stringify([m.table, m.method, m.metric]);

for (const run of RUNS)
  run.text = [
    run.notebook,
    run.run,
    run.dataset,
    run.profile,
    run.status,
    run.commit,
    run.error?.name,
    run.error?.message,
    ...Object.entries(leaves(run.parameters)).map(([name, value]) => `${name}=${shown(value)}`),
  ]
    .join(" ")
    .toLowerCase();

function matching() {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = FILTERS.filter((name) => state[name]);
  return RUNS.filter(
    (run) =>
      wanted.every((name) => run[name] === state[name]) &&
      words.every((word) => run.text.includes(word)),
  );
}

function sorted(runs) {
  const down = state.sort.startsWith("-");
  const value = (COLUMNS.find(([name]) => name === state.sort.replace("-", "")) ?? COLUMNS[6])[2];
  const keyed = runs.map((run, i) => [value(run) ?? null, i, run]);
  const order = new Intl.Collator(undefined, { numeric: true }).compare;
  keyed.sort(([a, i], [b, j]) => {
    // what has no value stands last, either way
    if (a === null || b === null) return (a === null) - (b === null) || i - j;
    return (typeof a === "number" ? a - b : order(a, b)) * (down ? -1 : 1) || i - j;
  });
  return keyed.map(([, , run]) => run);
}

function sortBy(name) {
  const first = ["time", "result"].includes(name) ? `-${name}` : name;
  const other = first.startsWith("-") ? name : `-${name}`;
  state.sort = state.sort === first ? other : first;
  showRuns();
}

function showRuns() {
  const runs = sorted(matching()),
    shownRuns = runs.length;
  const means = runs.map(measureShown).filter((m) => m && m.mean !== null);
  const range = [
    Math.min(...means.map((m) => m.low ?? m.mean)),
    Math.max(...means.map((m) => m.high ?? m.mean)),
  ];
  $("runs-body").replaceChildren();
  waiting = { runs, range };
  showSome();
  for (const header of document.querySelectorAll("#runs-table th[data-name]")) {
    const way =
      state.sort === header.dataset.name
        ? "ascending"
        : state.sort === `-${header.dataset.name}`
          ? "descending"
          : "none";
    header.setAttribute("aria-sort", way);
  }
  $("count").textContent =
    shownRuns === RUNS.length
      ? plural(shownRuns, "run")
      : `${shownRuns} of ${plural(RUNS.length, "run")}`;
  $("nothing").hidden = shownRuns > 0;
  $("sort").value = state.sort;
  writeAddress();
}

// Rows are drawn a hundred at a time, the next ones when the end of the list comes near.
let waiting = { runs: [], range: [] }; // what fits the filters and is not drawn yet
function showSome() {
  const some = waiting.runs.splice(0, 100);
  for (const run of some) {
    run.row ??= row(run);
    showResult(run, waiting.range);
  }
  $("runs-body").append(...some.flatMap((run) => (run.more ? [run.row, run.more] : [run.row])));
  $("further").hidden = waiting.runs.length === 0;
  $("further").textContent = `Show ${waiting.runs.length} more`;
}

function row(run) {
  const chosen = make("input", {
    type: "checkbox",
    "aria-label": `Compare ${run.title}`,
    checked: state.runs.includes(run.id),
    onchange: () => choose(run.id, chosen.checked),
  });
  const open = make(
    "button",
    {
      class: "open",
      "aria-expanded": "false",
      "aria-label": `Details of ${run.title}`,
      onclick: () => toggle(run, open),
    },
    "›",
  );
  run.box = chosen;
  run.result = make("td", { class: "result" });
  const failure =
    run.error &&
    make(
      "p",
      { class: "failure" },
      `Cell ${run.error.cell}: ${run.error.name}: ${run.error.message.slice(0, 200)}`,
    );
  return make(
    "tr",
    { class: `run ${run.status}`, "data-id": run.id },
    make("td", { class: "choose" }, make("label", {}, chosen)),
    make(
      "td",
      { class: "name" },
      make("a", { href: run.page }, run.notebook),
      make("span", {}, run.run),
      failure,
      run.problems.map((problem) => make("p", { class: "failure" }, problem)),
    ),
    make("td", {}, run.dataset || "–"),
    make(
      "td",
      { class: "asked" },
      asked(run).map((text) => make("code", {}, text)),
    ),
    run.result,
    make("td", { class: "right" }, (run.seconds ?? 0).toFixed(1)),
    make("td", {}, make("code", { class: "commit" }, run.commit ?? "unknown")),
    make("td", { class: "when" }, when(run.time)),
    make("td", {}, make("span", { class: `status ${run.status}` }, run.status)),
    make("td", { class: "opens" }, open),
  );
}

function when(seconds) {
  const date = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  const text = `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
  return make("time", { datetime: date.toISOString() }, text);
}

function showResult(run, range) {
  const m = measureShown(run),
    drawn = JSON.stringify([state.show, range]);
  if (run.drawn === drawn) return; // sorting alone moves rows
  run.drawn = drawn;
  if (!m) return run.result.replaceChildren("–");
  run.result.replaceChildren(
    make(
      "div",
      {},
      make("strong", {}, number(m.mean)),
      whisker(m, range),
      make("small", {}, interval(m.low, m.high)),
    ),
    make("small", { title: tableName(m.table) }, measureName(m)),
  );
}

function whisker(m, [least, most]) {
  if (m.mean === null) return null;
  const x = (value) => 2 + (76 * (value - least)) / (most - least || 1);
  return draw(
    "svg",
    { class: "whisker", viewBox: "0 0 80 12", "aria-hidden": "true" },
    draw("line", { x1: 2, x2: 78, y1: 6, y2: 6, class: "rail" }),
    m.low !== null && draw("line", { x1: x(m.low), x2: x(m.high), y1: 6, y2: 6, class: "bar" }),
    draw("circle", { cx: x(m.mean), cy: 6, r: 3.2, class: "dot" }),
  );
}

function toggle(run, button) {
  const opened = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!opened));
  if (opened) {
    run.more.remove();
    run.more = null;
  } else {
    run.more = make(
      "tr",
      { class: "more" },
      make("td", { colspan: COLUMNS.length + 2 }, details(run)),
    );
    run.row.after(run.more);
  }
}

function choose(id, yes) {
  state.runs = yes ? unique([...state.runs, id]) : state.runs.filter((other) => other !== id);
  showChosen();
}

function showChosen() {
  for (const run of RUNS) if (run.box) run.box.checked = state.runs.includes(run.id);
  $("tray").hidden = state.runs.length === 0 || state.view === "compare";
  $("chosen").textContent = `${plural(state.runs.length, "run")} chosen`;
  $("go-compare").disabled = state.runs.length < 2;
  $("tab-compare").textContent = state.runs.length ? `Compare (${state.runs.length})` : "Compare";
  writeAddress();
}

function prepareRuns() {
  const names = (field) => [
    ["", "all"],
    ...unique(RUNS.map((run) => run[field]))
      .filter(Boolean)
      .sort()
      .map((v) => [v, v]),
  ];
  const set = (name) => (value) => {
    state[name] = value;
    if (name === "notebook") prepareShown();
    showRuns();
  };
  $("filters").replaceChildren(
    ...FILTERS.map((name) => choice(LABELS[name] ?? name, names(name), state[name], set(name))),
    make("span", { id: "shown" }),
  );
  $("search").value = state.q;
  $("search").addEventListener("input", () => set("q")($("search").value));
  $("runs-head").append(
    make("th", {}, make("span", { class: "hidden" }, "Compare")),
    ...COLUMNS.map(([name, title]) =>
      make(
        "th",
        { scope: "col", "data-name": name, class: name === "seconds" ? "right" : null },
        make("button", { onclick: () => sortBy(name) }, title),
      ),
    ),
    make("th", {}, make("span", { class: "hidden" }, "Details")),
  );
  for (const [name, title] of COLUMNS)
    $("sort").append(
      make("option", { value: name }, `${title} ↑`),
      make("option", { value: `-${name}` }, `${title} ↓`),
    );
  $("sort").addEventListener("change", () => set("sort")($("sort").value));
  $("further").addEventListener("click", showSome);
  new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && showSome(), {
    rootMargin: "800px",
  }).observe($("further"));
  $("go-compare").addEventListener("click", () => show("compare"));
  $("clear").addEventListener("click", () => {
    state.runs = [];
    showChosen();
  });
  prepareShown();
}

// What the column "Result" shows: each run's headline, or one measurement for all.
function prepareShown() {
  const found = new Map();
  for (const run of RUNS)
    if (!state.notebook || run.notebook === state.notebook)
      for (const m of run.measures) found.set(measureKey(m), m);
  if (!found.has(state.show)) state.show = "";
  const options = [...found].map(([key, m]) => [key, `${tableName(m.table)}: ${measureName(m)}`]);
  $("shown").replaceChildren(
    choice("result", [["", "best of each run"], ...options], state.show, (value) => {
      state.show = value;
      showRuns();
    }),
  );
}
