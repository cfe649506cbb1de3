"use strict";
// Runs of one notebook and profile that were asked for the same parameters make a sweep: a line, or
// a map over two of them. Runs on several data sets are a sweep over the data set.

function sweeps() {
  const groups = new Map();
  for (const run of RUNS) {
    const names = Object.keys(run.given).sort();
    if (!names.length) continue;
    const key = JSON.stringify([run.notebook, run.profile, names]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()]
    .map((runs) => ({
      runs,
      varied: Object.keys(runs[0].given).filter((name) => levels(runs, name).length > 1),
    }))
    .filter((sweep) => sweep.varied.length);
}

// A parameter's values among the runs, in order.
function levels(runs, name) {
  const keys = unique(runs.map((run) => JSON.stringify(run.given[name])));
  const values = keys.map((key) => JSON.parse(key));
  return values.every((v) => typeof v === "number")
    ? values.sort((a, b) => a - b)
    : values.sort((a, b) => shown(a).localeCompare(shown(b), undefined, { numeric: true }));
}

function showSweeps() {
  const all = sweeps();
  $("view-sweeps").replaceChildren(
    make("h2", { tabindex: -1 }, plural(all.length, "sweep")),
    ...(all.length
      ? all.map(sweepCard)
      : [empty("No sweep yet: akin sweep NOTEBOOK --grid NAME=a,b,c --jobs 2")]),
  );
}

function sweepCard({ runs, varied }) {
  const done = runs.filter((run) => run.status === "done"),
    failed = runs.length - done.length;
  const measures = new Map(done.flatMap((run) => run.measures.map((m) => [measureKey(m), m])));
  const head = done.length ? done[0].measures[done[0].headline] : null;
  // seeds are for averaging; a number makes a line
  const rank = (name) =>
    [name === "SEED", typeof levels(runs, name)[0] !== "number"].reduce(
      (sum, yes) => 2 * sum + yes,
      0,
    );
  const order = [...varied].sort((a, b) => rank(a) - rank(b));
  const picked = {
    measure: head ? measureKey(head) : [...measures.keys()][0],
    x: order[0],
    by: order[1] ?? "",
  };
  const chart = make("div", { class: "drawn" }),
    filters = make("div", { class: "filters" });
  const redraw = () => {
    const set = (name) => (value) => {
      picked[name] = value;
      redraw();
    };
    if (picked.by === picked.x) picked.by = varied.find((name) => name !== picked.x) ?? "";
    const others = varied.filter((name) => name !== picked.x).map((name) => [name, name]);
    filters.replaceChildren(
      choice(
        "measurement",
        [...measures].map(([key, m]) => [key, `${tableName(m.table)}: ${measureName(m)}`]),
        picked.measure,
        set("measure"),
      ),
      choice(
        "over",
        varied.map((name) => [name, name]),
        picked.x,
        set("x"),
      ),
      ...(others.length ? [choice("and", [["", "nothing"], ...others], picked.by, set("by"))] : []),
    );
    chart.replaceChildren(
      measures.size ? sweepChart(runs, picked) : empty("No run of it ended well."),
      ...rest(runs, varied, picked),
    );
  };
  redraw();
  const fixed = Object.entries(runs[0].given)
    .filter(([name]) => !varied.includes(name))
    .map(([name, value]) => `, ${name}=${shown(value)}`);
  const compare =
    runs.length <= 12 &&
    make(
      "button",
      {
        onclick: () => {
          state.runs = runs.map((run) => run.id);
          show("compare");
        },
      },
      "Compare its runs",
    );
  return make(
    "section",
    { class: "card" },
    make("h3", {}, `${runs[0].notebook} over ${order.join(" × ")}`),
    make(
      "p",
      { class: "meta" },
      plural(runs.length, "run"),
      failed ? `, ${failed} failed` : "",
      `, profile ${runs[0].profile}`,
      fixed,
    ),
    filters,
    chart,
    compare,
  );
}

function rest(runs, varied, picked) {
  const others = varied.filter((name) => name !== picked.x && name !== picked.by);
  const over = others
    .map((name) => `${name} (${levels(runs, name).map(shown).join(", ")})`)
    .join(" and ");
  return others.length
    ? [make("p", { class: "meta" }, `Each point is the mean over ${over}.`)]
    : [];
}

function sweepChart(runs, { measure, x, by }) {
  const xs = levels(runs, x),
    ys = by ? levels(runs, by) : [null],
    cells = new Map();
  const at = (values, value) =>
    values.findIndex((v) => JSON.stringify(v) === JSON.stringify(value));
  for (const run of runs) {
    const key = `${by ? at(ys, run.given[by]) : 0},${at(xs, run.given[x])}`;
    cells.set(key, [
      ...(cells.get(key) ?? []),
      run.status === "done" ? run.measures.find((m) => measureKey(m) === measure) : null,
    ]);
  }
  const points = new Map([...cells].map(([key, found]) => [key, pooled(found)]));
  if ([...points.values()].some((p) => p.runs > 1))
    for (const p of points.values()) p.low = p.high = null; // a mean of runs has no interval
  const says = measureName(
    runs.flatMap((run) => run.measures).find((m) => measureKey(m) === measure),
  );
  const series = ys.map((y, i) => ({
    name: by ? shown(y) : "",
    points: xs
      .map((_, j) => ({ x: j, ...points.get(`${i},${j}`) }))
      .filter((p) => typeof p.mean === "number"),
  }));
  return make(
    "div",
    { class: "split" },
    lineChart(
      xs,
      series.filter((s) => s.points.length),
      { xlabel: x, ylabel: says, by },
    ),
    by ? heatMap(xs, ys, points, { xlabel: x, ylabel: by }) : null,
  );
}

// One run keeps its interval; several are averaged and have none. Failed ones count for nothing.
function pooled(found) {
  const known = found.filter((m) => m && m.mean !== null);
  if (known.length === 1)
    return { mean: known[0].mean, low: known[0].low, high: known[0].high, runs: 1 };
  return {
    mean: known.length ? known.reduce((sum, m) => sum + m.mean, 0) / known.length : null,
    low: null,
    high: null,
    runs: known.length,
  };
}
