"use strict";
// Everything that one run left: its error, figures, results and parameters.

function details(run) {
  const parameters = Object.entries(leaves(run.parameters));
  const error =
    run.error &&
    make(
      "section",
      { class: "error" },
      make("h3", {}, `Failed in cell ${run.error.cell}`),
      make("p", {}, make("strong", {}, run.error.name), `: ${run.error.message}`),
      run.error.source && make("pre", { tabindex: 0 }, run.error.source),
    );
  return make(
    "div",
    { class: "details" },
    error,
    run.figures.length > 0 &&
      make(
        "section",
        {},
        make("h3", {}, "Figures"),
        make(
          "div",
          { class: "figures" },
          run.figures.map((f) => figure(run, f)),
        ),
      ),
    unique(run.measures.map((m) => m.table)).map((table) => measuresOf(run, table)),
    run.rest.length > 0 && folded(plural(run.rest.length, "further value"), pairs(run.rest)),
    folded(
      plural(parameters.length, "parameter"),
      pairs(parameters.map(([name, value]) => [name, shown(value)])),
    ),
    make(
      "p",
      { class: "links" },
      run.status === "unreadable" ? null : make("a", { href: run.page }, "The executed notebook"),
      ` profile ${run.profile}, ${number(run.seconds)} s`,
    ),
  );
}

const folded = (title, content) =>
  make(
    "details",
    {},
    make("summary", {}, title),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, content),
  );
const pairs = (rows) =>
  make(
    "table",
    { class: "plain" },
    rows.map(([name, value]) =>
      make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)),
    ),
  );

function measuresOf(run, table) {
  const inside = run.measures.filter((m) => m.table === table);
  const metrics = unique(inside.map((m) => m.metric)),
    title = tableName(table) || "Results";
  const cell = new Map(inside.map((m) => [JSON.stringify([m.method, m.metric]), m]));
  const body = unique(inside.map((m) => m.method)).map((method) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, method),
      metrics.map((metric) => {
        const m = cell.get(JSON.stringify([method, metric]));
        return make(
          "td",
          { class: "right" },
          m ? [number(m.mean), make("small", {}, interval(m.low, m.high))] : "–",
        );
      }),
    ),
  );
  const head = make(
    "tr",
    {},
    make("td"),
    metrics.map((metric) => make("th", { scope: "col", class: "right" }, metric)),
  );
  return make(
    "section",
    {},
    make("h3", {}, title),
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      make("table", { class: "plain" }, make("thead", {}, head), make("tbody", {}, body)),
    ),
  );
}
