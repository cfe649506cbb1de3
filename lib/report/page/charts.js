"use strict";
// Axes, marks and the two charts of a sweep: a line over one parameter, a map over two.

// About n round numbers that hold [low, high].
function ticksFor(low, high, n) {
  if (high - low < 1e-12) [low, high] = [low - 0.5, high + 0.5];
  const rough = (high - low) / n,
    power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((s) => s * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9),
    last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

const short = (text, n) => (text.length > n ? `${text.slice(0, Math.max(3, n - 1))}…` : text);

function tickText(value, ticks) {
  const digits = Math.max(0, -Math.floor(Math.log10(ticks[1] - ticks[0]) + 1e-9));
  return (Math.abs(value) < 1e-12 ? 0 : value).toFixed(digits).replace("-", "−");
}

// A form for each series, so that colour is not all that tells them apart.
function mark(i, x, y) {
  const points = (...xy) =>
    draw("polygon", { points: xy.map(([a, b]) => `${x + a},${y + b}`).join(" "), class: "paint" });
  return [
    () => draw("circle", { cx: x, cy: y, r: 4.2, class: "paint" }),
    () => points([-4, -4], [4, -4], [4, 4], [-4, 4]),
    () => points([0, -5], [5, 4], [-5, 4]),
    () => points([0, -5.5], [5.5, 0], [0, 5.5], [-5.5, 0]),
    () => points([-5, -4], [5, -4], [0, 5]),
  ][i % 5]();
}

// series: [{name, points: [{x: index into xs, mean, low, high, runs}]}];
// xs: the parameter's values in order.
function lineChart(xs, series, { xlabel, ylabel, by }) {
  const wide = 640,
    high = 340,
    left = 64,
    bottom = 48,
    right = 16,
    top = 12;
  const all = series.flatMap((s) => s.points),
    ends = all.flatMap((p) => [p.low ?? p.mean, p.high ?? p.mean]);
  const ticks = ticksFor(Math.min(...ends), Math.max(...ends), 5);
  const numeric = xs.every((v) => typeof v === "number"),
    far = numeric && xs[0] > 0 && xs.at(-1) / xs[0] >= 8;
  const place = xs.map((v, i) => (numeric ? (far ? Math.log(v) : v) : i)),
    span = place.at(-1) - place[0];
  const x = (i) =>
    left + 24 + (wide - left - right - 48) * (span ? (place[i] - place[0]) / span : 0.5);
  // a little apart, so that intervals are seen
  const beside = (k) => (k - (series.length - 1) / 2) * (numeric ? 3 : 11);
  const y = (v) => top + (high - top - bottom) * (1 - (v - ticks[0]) / (ticks.at(-1) - ticks[0]));
  const grid = ticks.map((t) => [
    draw("line", { x1: left, x2: wide - right, y1: y(t), y2: y(t), class: "grid" }),
    draw("text", { x: left - 8, y: y(t) + 4, "text-anchor": "end" }, tickText(t, ticks)),
  ]);
  const labels = xs.map((v, i) =>
    draw(
      "text",
      { x: x(i), y: high - bottom + 18, "text-anchor": "middle" },
      short(shown(v), 100 / xs.length),
      draw("title", {}, shown(v)),
    ),
  );
  const lines = series.map((s, k) =>
    draw(
      "g",
      { class: `hue${k % 7}` },
      numeric
        ? draw("polyline", {
            class: "stroke",
            points: s.points.map((p) => `${x(p.x) + beside(k)},${y(p.mean)}`).join(" "),
          })
        : null,
      s.points.map((p) =>
        draw(
          "g",
          { transform: `translate(${beside(k)} 0)` },
          draw(
            "title",
            {},
            `${by ? `${by}=${s.name} ` : ""}${xlabel}=${shown(xs[p.x])}: ` +
              `${number(p.mean)}${interval(p.low, p.high)}, ${plural(p.runs, "run")}`,
          ),
          p.low === null
            ? null
            : draw("line", {
                x1: x(p.x),
                x2: x(p.x),
                y1: y(p.low),
                y2: y(p.high),
                class: "stroke",
              }),
          mark(k, x(p.x), y(p.mean)),
        ),
      ),
    ),
  );
  const legend =
    series.length > 1
      ? make(
          "ul",
          { class: "legend small" },
          make("li", {}, `${by}:`),
          series.map((s, k) =>
            make(
              "li",
              { class: `hue${k % 7}` },
              draw("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, mark(k, 0, 0)),
              s.name,
            ),
          ),
        )
      : null;
  const says =
    `${ylabel} over ${xlabel}: ` +
    series
      .map(
        (s) => `${s.name} ${s.points.map((p) => `${shown(xs[p.x])} ${number(p.mean)}`).join(", ")}`,
      )
      .join("; ");
  return make(
    "figure",
    { class: "chart lines" },
    draw(
      "svg",
      { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": says },
      grid,
      labels,
      draw(
        "text",
        { x: (wide + left) / 2, y: high - 8, "text-anchor": "middle", class: "axis" },
        xlabel,
      ),
      lines,
    ),
    legend,
  );
}

// cells: Map from "i,j" to {mean, runs, failed} for row i of ys and column j of xs.
function heatMap(xs, ys, cells, { xlabel, ylabel }) {
  const means = [...cells.values()].map((c) => c.mean).filter((m) => m !== null);
  const [least, most] = [Math.min(...means), Math.max(...means)];
  const body = ys.map((v, i) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, shown(v)),
      xs.map((_, j) => {
        const c = cells.get(`${i},${j}`);
        const td = make(
          "td",
          {
            title: c ? plural(c.runs, "run") : null,
            class: c && c.mean === null ? "failed" : null,
          },
          c ? (c.mean === null ? "failed" : number(c.mean)) : "–",
        );
        if (c && c.mean !== null) shade(td, most > least ? (c.mean - least) / (most - least) : 0.5);
        return td;
      }),
    ),
  );
  return make(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `map of ${ylabel} by ${xlabel}` },
    make(
      "table",
      { class: "map" },
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          make("th", {}, `${ylabel} \\ ${xlabel}`),
          xs.map((v) => make("th", { scope: "col" }, shown(v))),
        ),
      ),
      make("tbody", {}, body),
    ),
  );
}

// cividis, which reads the same with any colour vision and in grey
const CIVIDIS = [
  [0, 34, 78],
  [61, 77, 107],
  [124, 123, 120],
  [187, 172, 105],
  [254, 232, 56],
];
function shade(td, share) {
  const at = share * (CIVIDIS.length - 1),
    i = Math.min(Math.floor(at), CIVIDIS.length - 2);
  const rgb = CIVIDIS[i].map((c, k) => Math.round(c + (at - i) * (CIVIDIS[i + 1][k] - c)));
  td.style.background = `rgb(${rgb})`;
  td.style.color = share > 0.45 ? "#111" : "#fff";
}
