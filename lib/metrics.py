"""What a ranking is worth: one row a query, averaged last. Intervals and tests stand in `statistics.py`.

Conventions, equal to trec_eval's: recall and average precision divide by all relevant items; nDCG has
linear gain and a discount of log2(rank + 1), its ideal taken over all relevant items; a candidate is
relevant where its gain is above 0; places that a ranking leaves empty count as irrelevant. A query with
nothing relevant has no value: NaN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.catalogue import Task
from lib.embeddings import Embeddings
from lib.search import Ranking

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def evaluate(
    ranking: Ranking, task: Task, metrics: Sequence[str] = ("recall@10", "ndcg@10"), *, gain: str = "linear"
) -> pd.DataFrame:
    """Each metric for each query: a frame (q, metrics) indexed by query id, NaN where nothing is relevant.

    Metrics are written `recall@10`, `precision@10`, `hit@10`, `ndcg@10`, `mrr@10`, `map@10`.
    `gain="exponential"` uses 2^gain - 1 in nDCG. `attrs["task"]` says by a hash what was asked.
    Raises ValueError for an unknown metric or one that looks deeper than the ranking goes.
    """
    wanted = [_parse(m) for m in metrics]
    if not wanted:
        raise ValueError("evaluate needs at least one metric")
    if gain not in ("linear", "exponential"):
        raise ValueError(f'gain is "linear" or "exponential", got {gain!r}')
    if len(ranking.positions) != len(task.queries):
        raise ValueError(f"{len(ranking.positions)} rankings for {len(task.queries)} queries of {task.name!r}")
    deepest = max(k for _, k in wanted)
    if deepest > ranking.k and ranking.k < len(task.corpus):
        raise ValueError(f"ranking {ranking.name!r} is {ranking.k} deep; {metrics} need {deepest}: search with k={deepest}")
    gains = gain_matrix(ranking, task.relevance)  # (q, k)
    ideal = _ideal_gains(task.relevance, deepest)  # (q, deepest)
    relevant = np.diff(task.relevance.indptr)  # (q,)
    if gain == "exponential":
        gains, ideal = np.exp2(gains) - 1, np.exp2(ideal) - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = {
            m: METRICS[kind](gains[:, :k], ideal[:, :k], relevant, k) for m, (kind, k) in zip(metrics, wanted, strict=True)
        }
    frame = pd.DataFrame(columns, index=pd.Index(task.queries.ids, name="query"))
    frame = frame.where(pd.Series(relevant > 0, frame.index), np.nan, axis=0)
    frame.attrs["task"] = task.digest
    return frame


def gain_matrix(ranking: Ranking, relevance: csr_array) -> np.ndarray:
    """The gain of every ranked candidate, (q, k) float64; 0 for irrelevant and padded places."""
    positions = ranking.positions
    if not positions.size:
        return np.zeros(positions.shape)
    rows = np.broadcast_to(np.arange(len(positions))[:, None], positions.shape)
    found = np.asarray(relevance[rows.ravel(), np.maximum(positions, 0).ravel()], float).reshape(positions.shape)
    return np.where(positions >= 0, found, 0.0)


def _ideal_gains(relevance: csr_array, k: int) -> np.ndarray:
    ideal = np.zeros((relevance.shape[0], k))
    for row, (start, stop) in enumerate(zip(relevance.indptr, relevance.indptr[1:], strict=False)):
        best = np.sort(relevance.data[start:stop])[::-1][:k]
        ideal[row, : len(best)] = best
    return ideal


def _recall(gains, ideal, relevant, k):  # noqa: ANN001, ANN202 - see Metric
    return (gains > 0).sum(axis=1) / relevant


def _precision(gains, ideal, relevant, k):  # noqa: ANN001, ANN202
    return (gains > 0).sum(axis=1) / k


def _hit(gains, ideal, relevant, k):  # noqa: ANN001, ANN202
    return (gains > 0).any(axis=1).astype(float)


def _ndcg(gains, ideal, relevant, k):  # noqa: ANN001, ANN202
    return _dcg(gains) / _dcg(ideal)


def _mrr(gains, ideal, relevant, k):  # noqa: ANN001, ANN202
    hits = gains > 0
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0.0)


def _average_precision(gains, ideal, relevant, k):  # noqa: ANN001, ANN202
    hits = gains > 0
    precision = hits.cumsum(axis=1) / np.arange(1, gains.shape[1] + 1)
    return (precision * hits).sum(axis=1) / relevant


def _dcg(gains: np.ndarray) -> np.ndarray:
    return (gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(axis=1)


METRICS = {
    "recall": _recall,
    "precision": _precision,
    "hit": _hit,
    "ndcg": _ndcg,
    "mrr": _mrr,
    "map": _average_precision,
}


def _parse(metric: str) -> tuple[str, int]:
    match = re.fullmatch(r"([a-z]+)@([1-9]\d*)", metric)
    if not match or match[1] not in METRICS:
        raise ValueError(f"no metric {metric!r}; there are {', '.join(f'{m}@k' for m in METRICS)} with k = 1, 2, …")
    return match[1], int(match[2])


def pair_f1(labels: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 of the positive class where a pair is called a match at score >= threshold.

    `labels` (n,) are 0 or 1. Precision of no call at all is 0, as scikit-learn has it.
    """
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(
        np.asarray(labels, int), np.asarray(scores) >= threshold, average="binary", zero_division=0
    )
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1)}


def best_threshold(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the best F1 on these pairs: choose it on validation, report on test. A score of NaN is below all."""
    from sklearn.metrics import precision_recall_curve

    if not np.asarray(labels).any():
        raise ValueError("no positive pair: a threshold cannot be chosen; check the labels or the split")
    scores = np.asarray(scores, float)
    if np.isnan(scores).all():
        raise ValueError(f"all {len(scores)} scores are NaN: a threshold cannot be chosen")
    least = np.nanmin(scores)
    scores = np.where(np.isnan(scores), least - 1, scores)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    reached = thresholds >= least  # below it are the NaN, which no threshold calls
    return float(thresholds[reached][int(np.argmax(f1[:-1][reached]))])


def coverage(ranking: Ranking, n: int) -> float:
    """The share of the n corpus rows that appear in at least one query's ranking."""
    if n < 1:
        raise ValueError(f"a corpus of {n} rows cannot be covered")
    return len(np.unique(ranking.positions[ranking.positions >= 0])) / n


def diversity(ranking: Ranking, corpus: Embeddings) -> np.ndarray:
    """One minus the mean cosine between two candidates of a ranking, (q,); NaN with fewer than two.

    Candidates that lack the modality are left out.
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
    """How little known a ranking's candidates are, (q,): mean of log2(users / count), the bits that seeing one tells.

    Self-information as Zhou et al. (2010) use it; `counts` (n,) is how many of the `users` have bought each item, and one
    that nobody has counts as bought once. NaN where a ranking is empty.
    """
    bits = np.log2(users / np.maximum(np.asarray(counts, float), 1))  # (n,)
    found = ranking.positions >= 0
    total = np.where(found, bits[ranking.positions], 0).sum(axis=1)
    listed = found.sum(axis=1)
    return np.divide(total, listed, out=np.full(len(total), np.nan), where=listed > 0)
