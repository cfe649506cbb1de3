"""Metrics of a ranking: one row a query; averages are taken last.

Intervals and tests are in `statistics.py`.

Conventions, equal to trec_eval's: recall and average precision divide by all relevant items; nDCG
has linear gain and a discount of log2(rank + 1), its ideal taken over all relevant items; a
candidate is relevant where its gain is above 0; places that a ranking leaves empty count as
irrelevant. A query with nothing relevant has no value: NaN.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.search.exact import Ranking, gain_matrix

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
OWN = re.compile(r"[\w.]+:[\w.]+")  # module:function


def evaluate(
    ranking: Ranking, task: Task, metrics: Sequence[str] = ("recall@10", "ndcg@10")
) -> pd.DataFrame:
    """Each metric for each query: a frame (q, metrics) indexed by query id.

    A metric is written as its name in `METRICS`, @ and a depth: `recall@10`. A query with nothing
    relevant is NaN. "module:function" is a metric of your own. Raises ValueError for an unknown
    metric, for one that looks deeper than the ranking goes, and for a ranking that holds what the
    task excludes, such as each product as its own neighbour.

    >>> from lib import Catalogue
    >>> shop = Catalogue("shop", pd.DataFrame({"title": ["mug", "mug", "cup"]}, index=list("abc")))
    >>> task = Task.same_label("same title", shop, shop.items["title"])
    >>> found = Ranking("guess", np.array([[1, 2], [2, 0], [0, 1]]), np.array([[0.9, 0.1]] * 3))
    >>> evaluate(found, task, ["hit@1", "ndcg@2"]).round(3)
           hit@1  ndcg@2
    query
    a        1.0   1.000
    b        0.0   0.631
    c        NaN     NaN
    """
    if len(ranking.positions) != len(task.queries):
        raise ValueError(
            f"{len(ranking.positions)} rankings for {len(task.queries)} queries of {task.name!r}"
        )
    deepest = depth(metrics)
    if deepest > ranking.k and ranking.k < len(task.corpus):
        raise ValueError(
            f"ranking {ranking.name!r} is {ranking.k} deep; {metrics} need {deepest}: "
            f"search with k={deepest}"
        )
    if gain_matrix(ranking, task.exclude).any():
        raise ValueError(
            f"ranking {ranking.name!r} holds candidates that {task.name!r} excludes, such as a "
            "product itself: search(queries, corpus, k, task) leaves them out"
        )
    gains = gain_matrix(ranking, task.relevance)  # (q, k)
    ideal = _ideal_gains(task.relevance, deepest)  # (q, deepest)
    relevant = np.diff(task.relevance.indptr)  # (q,)
    frame = pd.DataFrame(index=pd.Index(task.queries.ids, name="query"))
    with np.errstate(invalid="ignore", divide="ignore"):
        for metric in metrics:
            name, k = _parse(metric)
            values = _metric(name)(gains[:, :k], ideal[:, :k], relevant, k)
            if np.shape(values) != relevant.shape:
                raise ValueError(
                    f"metric {name!r} gives shape {np.shape(values)}; it needs one number a query, "
                    f"{relevant.shape}, from gains of shape {gains[:, :k].shape}"
                )
            frame[metric] = np.where(relevant > 0, values, np.nan)
    return frame


def depth(metrics: Sequence[str]) -> int:
    """How deep a ranking these metrics look at: 10 for ["ndcg@10"]."""
    if not metrics or isinstance(metrics, str):
        raise ValueError(f"metrics is a list such as ['recall@10', 'ndcg@10'], got {metrics!r}")
    return max(k for _, k in map(_parse, metrics))


def _parse(metric: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+)@([1-9]\d*)", metric)
    if not match or not (match[1] in METRICS or OWN.fullmatch(match[1])):
        known = ", ".join(f"{name}@k" for name in METRICS)
        raise ValueError(
            f"no metric {metric!r}; there are {known} with k = 1, 2, …, and your own as "
            "module:function@k"
        )
    return match[1], int(match[2])


def _metric(name: str) -> Metric:
    if name in METRICS:
        return METRICS[name]
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"no metric {name!r}: {error}. A file of your own lies in the folder you work in, in "
            "notebooks/ or on PYTHONPATH"
        ) from error


def _dcg(gains: np.ndarray) -> np.ndarray:
    return (gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(axis=1)


def _reciprocal_rank(hits: np.ndarray) -> np.ndarray:
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0.0)


def _precisions_at_hits(hits: np.ndarray) -> np.ndarray:
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return (precision * hits).sum(axis=1)


METRICS: dict[str, Metric] = {
    "recall": lambda gains, ideal, relevant, k: (gains > 0).sum(axis=1) / relevant,
    "precision": lambda gains, ideal, relevant, k: (gains > 0).sum(axis=1) / k,
    "hit": lambda gains, ideal, relevant, k: (gains > 0).any(axis=1).astype(float),
    "ndcg": lambda gains, ideal, relevant, k: _dcg(gains) / _dcg(ideal),
    "mrr": lambda gains, ideal, relevant, k: _reciprocal_rank(gains > 0),
    "map": lambda gains, ideal, relevant, k: _precisions_at_hits(gains > 0) / relevant,
}
"""Every metric by name. To add one, write a function and enter it here; nothing else is needed.

It is called once for all queries: `gains` (q, k) of the first k places, best place first, 0 where
irrelevant or empty; `ideal` (q, k), a query's k largest gains; `relevant` (q,), how many relevant
items it has at all; and k. It returns (q,); `evaluate` itself marks queries without anything
relevant as NaN. Fewer than k columns come where the corpus has fewer items.

A notebook that imports `METRICS` from `lib.metrics` can add one too:
`METRICS["first"] = lambda gains, ideal, relevant, k: gains[:, 0]`.
"""


def _ideal_gains(relevance: csr_array, k: int) -> np.ndarray:
    ideal = np.zeros((relevance.shape[0], k))
    for row, (start, stop) in enumerate(zip(relevance.indptr, relevance.indptr[1:], strict=False)):
        best = np.sort(relevance.data[start:stop])[::-1][:k]
        ideal[row, : len(best)] = best
    return ideal


def coverage(ranking: Ranking, n: int) -> float:
    """The share of the n corpus rows that appear in at least one query's ranking."""
    if n < 1:
        raise ValueError(f"a corpus of {n} rows cannot be covered")
    return len(np.unique(ranking.positions[ranking.positions >= 0])) / n


def diversity(ranking: Ranking, corpus: Embeddings) -> np.ndarray:
    """One minus the mean cosine over all pairs of a ranking's candidates, (q,).

    Candidates that lack the modality are left out; NaN with fewer than two.
    """
    values = np.full(len(ranking.positions), np.nan)
    present = corpus.present
    for row, positions in enumerate(ranking.positions):
        found = positions[positions >= 0]
        vectors = corpus.vectors[found[present[found]]]
        count = vectors.shape[0]
        if count > 1:
            total = (vectors @ vectors.T).sum()  # includes each candidate with itself, at cosine 1
            values[row] = 1 - (total - count) / (count * (count - 1))
    return values


def novelty(ranking: Ranking, counts: np.ndarray, users: int) -> np.ndarray:
    """Novelty: the mean of log2(users / count) over a ranking's candidates, (q,), in bits.

    Rarely bought items score high. This is self-information as Zhou et al. (2010) use it. `counts`
    (n,) is how many of the `users` have bought each item; an item that nobody bought counts as
    bought once. NaN where a ranking is empty.
    """
    bits = np.log2(users / np.maximum(np.asarray(counts, float), 1))  # (n,)
    found = ranking.positions >= 0
    total = np.where(found, bits[ranking.positions], 0).sum(axis=1)
    listed = found.sum(axis=1)
    return np.divide(total, listed, out=np.full(len(total), np.nan), where=listed > 0)
