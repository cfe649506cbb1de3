"use strict";
// Chosen runs side by side: how their parameters differ, how their results differ and how sure that
// is, and their figures.

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const letter = (i) => LETTERS[i] ?? `#${i + 1}`;
const chip = (i) => make("b", { class: `letter hue${i % 7}` }, letter(i));

function showCompare() {
  const runs = state.runs.map((id) => byId.get(id));
  const place = $("view-compare");
  if (runs.length < 2)
    return place.replaceChildren(
      make("h2", { tabindex: -1 }, "Compare"),
      empty("Choose two or more runs in the list: tick their boxes, then Compare."),
    );
  if (!state.runs.includes(state.base)) state.base = runs[0].id;
  place.replaceChildren(
    make("h2", { tabindex: -1 }, `${runs.length} runs side by side`),
    legend(runs),
    differences(runs),
    results(runs),
    sideBySide(runs),
  );
}

function legend(runs) {
  const entry = (run, i) =>
    make(
      "li",
      {},
      chip(i),
      make(
        "span",
        {},
        make("a", { href: run.page }, run.notebook),
        " ",
        [run.run, run.dataset].filter(Boolean).join(", "),
        run.status === "done" ? "" : ` (${run.status})`,
      ),
      make(
        "label",
        {},
        make("input", {
          type: "radio",
          name: "base",
          checked: run.id === state.base,
          onchange: () => {
            state.base = run.id;
            again();
          },
        }),
        " baseline",
      ),
      make(
        "button",
        {
          "aria-label": `Leave out ${letter(i)}`,
          onclick: () => {
            choose(run.id, false);
            again();
          },
        },
        "×",
      ),
    );
  return make("ul", { class: "legend" }, runs.map(entry));
}

function again() {
  writeAddress();
  showCompare();
}

function differences(runs) {
  const all = runs.map((run) => ({
    notebook: run.notebook,
    profile: run.profile,
    ...leaves(run.parameters),
    commit: run.commit ?? "unknown",
  }));
  const names = unique(all.flatMap(Object.keys)).filter(
    (name) => new Set(all.map((values) => JSON.stringify(values[name]))).size > 1,
  );
  if (!names.length)
    return make(
      "section",
      {},
      make("h3", {}, "Parameters"),
      empty("All parameters are equal, and so is the commit."),
    );
  const head = make(
    "tr",
    {},
    make("th", { scope: "col" }, "parameter"),
    runs.map((_, i) => make("th", { scope: "col" }, chip(i))),
  );
  const body = names.map((name) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      all.map((values) => make("td", {}, shown(values[name]))),
    ),
  );
  return make(
    "section",
    {},
    make("h3", {}, "What differs"),
    scroll("What differs", make("thead", {}, head), make("tbody", {}, body)),
  );
}

const scroll = (name, ...content) =>
  make(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": name },
    make("table", { class: "plain" }, content),
  );

function results(runs) {
  const shared = (values) => unique(values.filter((value, i) => values.indexOf(value) !== i));
  const tables = shared(runs.flatMap((run) => unique(run.measures.map((m) => m.table))));
  if (!tables.length)
    return make(
      "section",
      {},
      make("h3", {}, "Results"),
      empty("These runs measured nothing in common."),
    );
  if (!tables.includes(state.table)) state.table = tables[0];
  const inside = runs.map((run) => run.measures.filter((m) => m.table === state.table));
  const metrics = shared(inside.flatMap((measures) => unique(measures.map((m) => m.metric))));
  const heads = runs.map((run) => run.measures[run.headline]?.metric);
  if (!metrics.includes(state.metric))
    state.metric = metrics.find((metric) => heads.includes(metric)) ?? metrics[0];
  const set = (name) => (value) => {
    state[name] = value;
    again();
  };
  const rows = unique(
    inside
      .flat()
      .filter((m) => m.metric === state.metric)
      .map((m) => m.method),
  ).map((method) => ({
    method,
    cells: runs.map((run, i) =>
      cell(
        run,
        inside[i].find((m) => m.method === method && m.metric === state.metric),
      ),
    ),
  }));
  const caption = make(
    "p",
    { class: "meta", "aria-live": "polite" },
    "Means with 95 % intervals; testing …",
  );
  const head = runs.map((run, i) =>
    make(
      "th",
      { scope: "col" },
      chip(i),
      run.id === state.base ? make("small", {}, " baseline") : null,
    ),
  );
  test(runs, rows, caption);
  return make(
    "section",
    {},
    make("h3", {}, "Results"),
    make(
      "div",
      { class: "filters" },
      choice(
        "measured",
        tables.map((table) => [table, tableName(table) || "values"]),
        state.table,
        set("table"),
      ),
      choice(
        "metric",
        metrics.map((metric) => [metric, metric]),
        state.metric,
        set("metric"),
      ),
    ),
    caption,
    make(
      "div",
      { class: "split" },
      scroll(
        "Results",
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, state.metric), head)),
        make(
          "tbody",
          {},
          rows.map(({ method, cells }) =>
            make(
              "tr",
              {},
              make("th", { scope: "row" }, method || "value"),
              cells.map((c) => c.node),
            ),
          ),
        ),
      ),
      intervals(rows),
    ),
  );
}

function cell(run, measure) {
  const gap = make("small", { class: "gap" });
  return {
    run,
    measure,
    gap,
    node: make(
      "td",
      { class: "one" },
      measure
        ? [number(measure.mean), make("small", {}, interval(measure.low, measure.high))]
        : "–",
      gap,
    ),
  };
}

// A dot and its interval for every method and run, on one axis.
function intervals(rows) {
  const all = rows.flatMap(({ cells }) =>
    cells.filter((c) => c.measure && c.measure.mean !== null).map((c) => c.measure),
  );
  if (!all.length) return null;
  const ends = all.flatMap((m) => [m.low ?? m.mean, m.high ?? m.mean]);
  const ticks = ticksFor(Math.min(...ends), Math.max(...ends), 5),
    n = rows[0].cells.length;
  const label = 150,
    wide = 560,
    band = 12 * n + 12,
    high = rows.length * band + 34;
  const x = (value) =>
    label + 10 + ((wide - label - 24) * (value - ticks[0])) / (ticks.at(-1) - ticks[0] || 1);
  const marks = rows.map(({ method, cells }, r) => [
    draw(
      "text",
      { x: label, y: r * band + band / 2 + 4, "text-anchor": "end" },
      short(method, 24),
      draw("title", {}, method),
    ),
    cells.map(({ measure: m, run }, i) => {
      if (!m || m.mean === null) return null;
      const y = r * band + 12 + i * 12;
      return draw(
        "g",
        { class: `hue${i % 7}` },
        draw("title", {}, `${letter(i)} ${run.title}: ${number(m.mean)}${interval(m.low, m.high)}`),
        m.low === null
          ? null
          : draw("line", { x1: x(m.low), x2: x(m.high), y1: y, y2: y, class: "stroke" }),
        mark(i, x(m.mean), y),
      );
    }),
  ]);
  const grid = ticks.map((t) => [
    draw("line", { x1: x(t), x2: x(t), y1: 0, y2: high - 30, class: "grid" }),
    draw("text", { x: x(t), y: high - 14, "text-anchor": "middle" }, tickText(t, ticks)),
  ]);
  return make(
    "figure",
    { class: "chart" },
    draw(
      "svg",
      {
        viewBox: `0 0 ${wide} ${high}`,
        role: "img",
        "aria-label":
          `${state.metric} of each method in each run, with intervals; ` +
          "the numbers are in the table",
      },
      grid,
      marks,
    ),
  );
}

// The same figure of every run in one row.
function sideBySide(runs) {
  const names = unique(runs.flatMap((run) => run.figures.map((f) => f.name)));
  if (!names.length) return null;
  return make(
    "section",
    {},
    make("h3", {}, "Figures"),
    names.map((name) =>
      make(
        "div",
        { class: "beside" },
        runs.map((run, i) => {
          const found = run.figures.find((f) => f.name === name);
          return make(
            "div",
            {},
            chip(i),
            found ? figure(run, found) : empty(`no figure “${name}”`),
          );
        }),
      ),
    ),
  );
}
