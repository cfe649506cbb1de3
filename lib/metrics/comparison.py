"""Several methods on one task, from vectors to a tested table, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import depth, evaluate
from lib.metrics.statistics import compare
from lib.search.exact import Ranking, search

Method = Embeddings | Sequence[Embeddings] | Ranking | pd.DataFrame


@dataclass(frozen=True)
class Comparison:
    """Methods on one task: their rankings, every query's values, and the table of `compare`.

    `task` is the task's digest: two runs with the same digest answered the same queries. A method
    given as values has no entry in `rankings`.
    """

    table: pd.DataFrame
    results: dict[str, pd.DataFrame]
    rankings: dict[str, Ranking]
    clusters: Sequence | None
    task: str


def compare_methods(
    methods: Mapping[str, Method],
    task: Task,
    metrics: Sequence[str] = ("ndcg@10",),
    *,
    baseline: str | None = None,
    clusters: Sequence | None = None,
) -> Comparison:
    """Search, evaluate and compare: what each method finds for a task, beside a baseline.

    A method is an `Embeddings` of the catalogue that is searched in itself, a pair of them
    (queries, corpus), a `Ranking`, or the values of `evaluate`. The baseline is the first method
    unless another is named. Queries with one label of `clusters` are resampled together, see
    `compare`; without it these are the task's own.

    >>> import numpy as np
    >>> from lib import Catalogue
    >>> titles = {"title": ["red mug", "mug, red", "blue cup", "cup, blue"]}
    >>> shop = Catalogue("shop", pd.DataFrame(titles, index=list("abcd")))
    >>> task = Task.same_label("same product", shop, ["mug", "mug", "cup", "cup"])
    >>> exact = Embeddings("exact", shop.ids, np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]]))
    >>> poor = Embeddings("poor", shop.ids, np.array([[1.0, 0], [0, 1], [0, 1], [0, 1]]))
    >>> found = compare_methods({"poor": poor, "exact": exact}, task, ["hit@1"])
    >>> found.table[["mean", "low", "high", "difference"]]
                   mean  low  high  difference
    metric method
    hit@1  poor    0.25  0.0   1.0         NaN
           exact   1.00  1.0   1.0        0.75
    """
    clusters = task.clusters if clusters is None else clusters
    rankings, results = {}, {}
    for name, method in methods.items():
        if isinstance(method, pd.DataFrame):
            results[name] = method[list(metrics)]
            continue
        if not isinstance(method, Ranking):
            queries, corpus = [method] * 2 if isinstance(method, Embeddings) else method
            method = search(queries, corpus, depth(metrics), exclude=task.exclude)
        rankings[name] = method
        results[name] = evaluate(method, task, metrics)
    table = compare(results, baseline=baseline or next(iter(results)), clusters=clusters)
    return Comparison(table, results, rankings, clusters, task.digest)
