"""What a choice without labels loses: `python -m tests.bench_decision [SESSIONS] [SET …]`.

For each question the pipelines of 18_decision are chosen among, as the notebook does it: by the
free proxies, a proxy of the question's own name left out. `regret` is what the chosen pipeline
loses in nDCG@10 to the one that the labels choose; `within` says whether the paired interval of
the two holds 0. Then 100 pairs among the best three are judged in simulated sessions, which answer
from the labels: `judged` is their mean regret, `worst tenth` that of the worst tenth of sessions.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from lib import compare_methods, load
from lib.data.task import Task
from lib.decision.choice import after_judging, choose
from lib.decision.judging_pool import make_pool
from lib.decision.pair_sample import Sample
from lib.decision.proxies import judged_task, learn_differences, proxies
from lib.deploy import fit_pipelines
from lib.report.parameters import find_notebook, resolve

QUESTIONS = (
    ("bazaar", "same product"),
    ("bazaar", "category"),
    ("bazaar", "search"),
    ("bazaar", "blocking"),
    ("abt-buy", "blocking"),
    ("amazon-google", "blocking"),
    ("walmart-amazon", "blocking"),
    ("product1m", ""),
    ("flipkart", "category"),
    ("fashion", "category"),
)
METRIC, K, JUDGED, RIVALS = "ndcg@10", 10, 100, 3


def decided(given: dict, question: str) -> tuple[pd.DataFrame, Task, object]:
    """The table of the choice, the task of the labels, and its comparison of all pipelines."""
    data = load(given["DATASET"], rows=given["ROWS"], seed=given["SEED"])
    settings = dict(given["ENCODERS"])
    for name, parts in given["CONCATENATIONS"].items():
        settings[name] = [settings[part] | {"weight": weight} for part, weight in parts.items()]
    pipelines, _ = fit_pipelines(settings, data.listings)
    views = [pipelines[name].embed(data.listings) for name in given["VIEWS"] if name in pipelines]
    _, learned = learn_differences(data, views)
    asked = proxies(data, views=views if learned else (), queries=given["QUERIES"])
    task = judged_task(data, question)
    asked.pop(task.name, None)
    values, clusters = {}, {}
    for proxy, one in asked.items():
        found = compare_methods(sides(pipelines, one), one, [METRIC])
        values[proxy] = pd.DataFrame({n: rows[METRIC] for n, rows in found.results.items()})
        clusters[proxy] = found.clusters
    table = choose(values, clusters=clusters)
    rows = np.flatnonzero(np.diff(task.relevance.indptr) > 0)
    task = task.take(np.sort(np.random.default_rng(0).permutation(rows)[: 5 * given["QUERIES"]]))
    return (
        table,
        task,
        compare_methods(sides(pipelines, task), task, [METRIC], baseline=table.index[0]),
    )


def sides(pipelines: dict, task: Task) -> dict:
    """Each pipeline's embeddings of the queries and of the corpus."""
    return {name: (p.embed(task.queries), p.embed(task.corpus)) for name, p in pipelines.items()}


def judged(table: pd.DataFrame, task: Task, truth: object, sessions: int, rivals: int) -> list[str]:
    """The pipeline chosen after each simulated session."""
    names = list(table.index[:rivals])
    deciding = np.zeros(2 * (2 * rivals - 1), bool)
    deciding[rivals : 2 * rivals - 1] = True
    pool = make_pool(
        [truth.rankings[name] for name in names], len(task.corpus), K,
        deciding=deciding, ideal=np.diff(task.relevance.indptr),
    )  # fmt: skip
    gains = np.asarray(task.relevance[tuple(pool.pairs.T)], float).ravel()
    chosen = []
    for seed in range(sessions):
        sample = Sample(pool, seed=seed)
        while sample.pair is not None and len(sample) < JUDGED:
            sample.judge(np.repeat(gains[sample.pair], 2))
        draws = sample.draws()[0][:, deciding]
        error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
        better = pd.Series(draws.mean(axis=0), names[1:]), pd.Series(error, names[1:])
        chosen.append(after_judging(table["loss"].head(rivals), *better).index[0])
    return chosen


def main(sessions: int = 200, *sets: str) -> None:
    """Print a row for each question, as soon as it is known."""
    runs = resolve(find_notebook("18_decision"), profile="reference")
    by_set = {given["DATASET"]: given for given in runs}
    for name, question in QUESTIONS:
        if sets and name not in sets:
            continue
        table, task, truth = decided(by_set[name], question)
        best, means = table.index[0], truth.table.loc[METRIC, "mean"]
        winner = means.idxmax()
        row = {"question": task.name, "chosen": best, "labels choose": winner}
        row |= {"regret": means.max() - means[best]}
        row["within"] = not truth.table.loc[(METRIC, winner), "difference_low"] > 0
        lost = [means.max() - means[one] for one in judged(table, task, truth, sessions, RIVALS)]
        row |= {"judged": np.mean(lost), "worst tenth": np.quantile(lost, 0.9)}
        print(pd.DataFrame(row, index=[name]).round(3).to_string(), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
