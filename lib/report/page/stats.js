"use strict";
// The paired tests of lib/metrics/statistics.py, on the same per-query values; tests hold
// the two to one another.

const RESAMPLES = 9999;

// The tables of a run's queries.js, {path: table}, or null where there is none; newer runs' are in
// this page.
const fetched = new Map();
function queriesOf(run) {
  if (!fetched.has(run.id))
    fetched.set(
      run.id,
      typeof run.queries === "string" ? loadScript(run.queries) : Promise.resolve(run.queries),
    );
  return fetched.get(run.id);
}
const arrived = new Map();
function akinQueries(script, tables) {
  arrived.set(script, tables);
}
function loadScript(address) {
  return new Promise((resolve) => {
    const script = make("script", { src: address, onerror: () => resolve(null) });
    script.addEventListener("load", () => resolve(arrived.get(script) ?? null));
    document.head.append(script);
  });
}

async function unpack(text, Type) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Type(await new Response(stream).arrayBuffer());
}

// One method's values of one metric, (q,), from a table of queries.js.
async function valuesOf(table, method, metric) {
  table.unpacked ??= unpack(table.values, Float64Array);
  const row = table.methods.indexOf(method) * table.metrics.length + table.metrics.indexOf(metric);
  return (await table.unpacked).subarray(row * table.queries, (row + 1) * table.queries);
}

function clustersOf(table) {
  table.labels ??= unpack(table.clusters, Int32Array);
  return table.labels;
}

function random(seed) {
  // mulberry32
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

// Sums and counts of the known gaps in every cluster; clusters without any are left out.
function clustered(a, b, clusters) {
  const sums = new Map();
  for (let i = 0; i < a.length; i++) {
    const gap = b[i] - a[i];
    if (Number.isNaN(gap)) continue;
    const cell = sums.get(clusters[i]) ?? [0, 0, 0];
    sums.set(clusters[i], [cell[0] + gap, cell[1] + 1, cell[2] + Math.abs(gap)]);
  }
  const cells = [...sums.values()];
  return {
    sums: Float64Array.from(cells, (c) => c[0]),
    counts: Float64Array.from(cells, (c) => c[1]),
    size: cells.reduce((s, c) => s + c[2], 0),
  };
}

// b - a by query: its mean, a bootstrap interval, and p of a two-sided randomisation test that
// flips whole clusters.
function pairedTest(a, b, clusters, { resamples = RESAMPLES, seed = 1 } = {}) {
  const { sums, counts, size } = clustered(a, b, clusters);
  const n = sums.length,
    draw32 = random(seed),
    means = new Float64Array(resamples);
  if (!n) return { difference: NaN, low: NaN, high: NaN, p: NaN };
  const total = sums.reduce((s, v) => s + v, 0),
    queries = counts.reduce((s, v) => s + v, 0);
  let asLarge = 0;
  for (let r = 0; r < resamples; r++) {
    let flipped = 0,
      bits = 0,
      sum = 0,
      count = 0;
    for (let i = 0; i < n; i++) {
      if (i % 32 === 0) bits = draw32();
      flipped += bits & 1 ? sums[i] : -sums[i];
      bits >>>= 1;
      const drawn = Math.floor((draw32() / 2 ** 32) * n);
      sum += sums[drawn];
      count += counts[drawn];
    }
    asLarge += Math.abs(flipped) >= Math.abs(total) - 1e-12 * size;
    means[r] = sum / count;
  }
  means.sort();
  const few = queries < 2;
  return {
    difference: total / queries,
    low: few ? NaN : quantile(means, 0.025),
    high: few ? NaN : quantile(means, 0.975),
    p: (asLarge + 1) / (resamples + 1),
  };
}

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share,
    low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

// Holm's step-down adjustment; NaN stays NaN and is not counted.
function holm(ps) {
  const order = [...ps.keys()].filter((i) => !Number.isNaN(ps[i])).sort((i, j) => ps[i] - ps[j]);
  const adjusted = ps.map(() => NaN);
  let least = 0;
  order.forEach((i, rank) => {
    least = Math.max(least, ps[i] * (order.length - rank));
    adjusted[i] = Math.min(least, 1);
  });
  return adjusted;
}
