"use strict";
// What was found: a card a notebook, of its newest run, in the notebooks' order.

function showCards() {
  const newest = new Map();
  for (const run of RUNS) if (!newest.has(run.notebook)) newest.set(run.notebook, run);
  const runs = [...newest.values()].sort((a, b) => a.notebook.localeCompare(b.notebook));
  $("findings").append(...runs.filter((run) => run.card).map(decision), ...runs.map(card));
}

function card(run) {
  const pictures = run.figures.filter((item) => item.image);
  const main = run.measures.length && JSON.parse(run.measures[0].table)[0];
  const picture = pictures.find((item) => item.name === main) ?? pictures[0];
  const failed = run.status !== "done";
  const says = failed ? `${run.status}: ${run.error?.name ?? ""}` : run.answer;
  return make(
    "article",
    { class: failed ? "finding failed" : "finding" },
    make("h2", {}, make("a", { href: run.page }, run.notebook.replaceAll("_", " "))),
    run.question && make("p", { class: "question" }, run.question),
    says && make("p", { class: "answer" }, says),
    picture &&
      make(
        "a",
        { href: run.page },
        make("img", { src: picture.image, alt: `${picture.title} of ${run.title}`, loading: "lazy" }),
      ),
    make("p", { class: "links" }, `${run.dataset}, ${Math.round(run.seconds)} s`),
  );
}

// The decision: which pipeline, how sure, what it gets wrong, and the command that applies it.
function decision(run) {
  const { sentence, labels, judged, warnings, mistakes, command, ...facts } = run.card;
  const worst = facts["worst group"];
  const seconds = Math.round(facts["seconds per million"]).toLocaleString("en");
  const size = (facts["bytes per million"] / 1e9).toFixed(2);
  const told = [
    ["by the labels", labels],
    ["by judgements", judged],
    ["a million products", `${seconds} s to encode, ${size} GB of vectors`],
    ["worst group", worst && `${worst.by} ${worst.group}: ${worst.mean.toFixed(3)}`],
    ["what would change it", (warnings ?? []).join(" ")],
    ["wrong, for example", (mistakes ?? []).slice(0, 3).map(mistake).join("; ")],
  ];
  return make(
    "article",
    { class: "finding decision" },
    make("h2", {}, make("a", { href: run.page }, `Decision for ${run.dataset}`)),
    make("p", { class: "answer" }, sentence ?? ""),
    command && make("pre", { tabindex: 0 }, command),
    pairs(told.filter(([, says]) => says)),
  );
}

function mistake({ query, found, wanted }) {
  return `“${query}” finds “${found}”, not “${wanted}”`;
}
