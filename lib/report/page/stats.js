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
  const without = sums.map((v, i) => (total - v) / (queries - counts[i]));
  const [low, high] = n < 2 ? [NaN, NaN] : bcaInterval(means, total / queries, without);
  return { difference: total / queries, low, high, p: (asLarge + 1) / (resamples + 1) };
}

// `bca_interval` of lib/metrics/statistics.py: resampled means, the whole mean, and the mean
// without each cluster.
function bcaInterval(means, whole, without) {
  const n = without.length,
    near = 1e-12 + 1e-9 * Math.abs(whole),
    edge = Math.sqrt(n / (n - 1)) * studentQuantile(0.975, n - 1),
    centre = without.reduce((s, v) => s + v, 0) / n,
    power = (k) => without.reduce((s, v) => s + (centre - v) ** k, 0);
  let below = 0;
  for (const mean of means) below += Math.abs(mean - whole) <= near ? 0.5 : mean < whole;
  const bias = normalQuantile((below + 0.5) / (means.length + 1)),
    skew = power(2) > 0 ? power(3) / (6 * power(2) ** 1.5) : 0;
  means.sort();
  return [-edge, edge].map((step) => {
    const z = bias + step;
    return quantile(means, normalShare(bias + z / Math.max(1 - skew * z, 1e-9)));
  });
}

// The share of a normal distribution below z (Abramowitz and Stegun 26.2.17, error below 1e-7).
function normalShare(z) {
  const t = 1 / (1 + 0.2316419 * Math.abs(z)),
    series = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153],
    tail = series.reduce((s, c) => (s + c) * t, 0) * Math.exp((-z * z) / 2) * 0.3989422804;
  return z < 0 ? tail : 1 - tail;
}

function normalQuantile(share) {
  let low = -9,
    high = 9;
  for (let i = 0; i < 60; i++) {
    const z = (low + high) / 2;
    if (normalShare(z) < share) low = z;
    else high = z;
  }
  return (low + high) / 2;
}

// Student's t by Cornish and Fisher's expansion: within 0.03 from three degrees of freedom on.
function studentQuantile(share, degrees) {
  const z = normalQuantile(share),
    first = (z ** 3 + z) / 4,
    second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
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
