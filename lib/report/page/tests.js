"use strict";
// The tests beside a comparison: which runs can be tested, and what their difference is.

// Fills in each difference to the baseline with its paired test; runs that answered other queries
// get none.
async function test(runs, rows, caption) {
  const base = runs.findIndex((run) => run.id === state.base);
  const { table, metric } = state;
  const kept = await Promise.all(runs.map(async (run) => (await queriesOf(run))?.[table]));
  const tests = [];
  for (const { method, cells } of rows)
    for (const [i, one] of cells.entries()) {
      if (i === base || !one.measure || !cells[base].measure) continue;
      const why = untestable(kept[base], kept[i], method, metric);
      if (why) one.gap.textContent = why;
      else tests.push({ one, method, i });
    }
  for (const t of tests) {
    const [a, b] = [
      await valuesOf(kept[base], t.method, metric),
      await valuesOf(kept[t.i], t.method, metric),
    ];
    Object.assign(t, pairedTest(a, b, await clustersOf(kept[base])));
    await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
  }
  const adjusted = holm(tests.map((t) => t.p));
  tests.forEach((t, k) => {
    const sure = adjusted[k] < 0.05;
    t.one.gap.classList.add(sure ? (t.difference > 0 ? "better" : "worse") : "unsure");
    t.one.gap.replaceChildren(
      sure ? (t.difference > 0 ? "▲ " : "▼ ") : "",
      `${signed(t.difference)}${interval(t.low, t.high, signed)} `,
      make("span", {}, adjusted[k] < 0.001 ? "p < 0.001" : `p = ${adjusted[k].toFixed(3)}`),
    );
  });
  caption.textContent =
    "Means with 95 % intervals. " +
    (tests.length
      ? "Under them the difference to the baseline on the same queries, with p of a paired " +
        `randomisation test, adjusted by Holm over ${plural(tests.length, "test")}.`
      : "No two of these runs can be tested on the same queries.");
}

function untestable(base, other, method, metric) {
  if (!base || !other) return "no rows kept: run it again to test";
  if (![base, other].every((t) => t.methods.includes(method) && t.metrics.includes(metric)))
    return "no rows kept for this";
  return base.task === other.task && base.queries === other.queries ? null : "not the same queries";
}
