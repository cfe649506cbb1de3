"""Several rankings become one: by their ranks, or by their weighted scores.

Vectors are joined in `concatenation.py`; fusion that learns is in `lib/training`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.data.task import Task
from lib.fusion.concatenation import FACTORS, ascend
from lib.metrics.evaluation import evaluate
from lib.search.exact import Ranking, no_candidates


def rrf(rankings: Sequence[Ranking], *, k: int = 60) -> Ranking:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): 1 / (k + rank) points each."""
    if k < 0:
        raise ValueError(f"k must be at least 0, got {k}")
    points = [np.broadcast_to(1 / (k + np.arange(1, r.k + 1)), r.positions.shape) for r in rankings]
    return _merge(rankings, points, f"rrf({k})")


def weighted(
    rankings: Sequence[Ranking],
    weights: Sequence[float] | np.ndarray | None = None,
    *,
    scaled: bool = True,
) -> Ranking:
    """The weighted sum of scores; weights are (m,), or (q, m) for each query, equal by default.

    `scaled` brings each query's scores in a ranking to [0, 1] first. A candidate that a ranking
    does not hold gets 0 from it, so rankings should be several times as deep as needed.
    `scaled=False` keeps scores as they are; use it where 0 means no match (BM25, cosines). A
    ranking whose best match is poor, as for a misspelt query, then counts less. For cosines of the
    same products `concat` is the exact form.
    """
    share = np.ones(len(rankings)) if weights is None else np.asarray(weights, float)
    queries = len(rankings[0].positions) if rankings else 0
    if share.shape not in ((len(rankings),), (queries, len(rankings))):
        raise ValueError(f"{len(rankings)} rankings need as many weights, got {weights}")
    if not np.isfinite(share).all():
        raise ValueError(f"weights must be finite, got {weights}")
    columns = np.atleast_2d(share).T[..., None]  # (m, 1 or q, 1)
    points = [
        weight * (_scaled(ranking) if scaled else _found(ranking, 0))
        for ranking, weight in zip(rankings, columns, strict=True)
    ]
    return _merge(rankings, points, "weighted")


def tune_scores(
    rankings: Sequence[Ranking],
    task: Task,
    metric: str = "ndcg@10",
    *,
    scaled: bool = True,
    factors: Sequence[float] = FACTORS,
    rounds: int = 2,
) -> np.ndarray:
    """Weights for `weighted` that are best on a validation task, (m,), found as by `tune_weights`.

    Without scaling the search starts from weights that make the rankings' best scores equal on
    average.
    """

    def score(weights: np.ndarray) -> float:
        ranking = weighted(rankings, weights, scaled=scaled)
        return float(evaluate(ranking, task, [metric])[metric].mean())

    start = np.ones(len(rankings))
    if not scaled:
        best = np.abs([_found(ranking, 0)[:, 0].mean() for ranking in rankings])
        if best.any():  # a ranking that found nothing gets no weight
            start = np.divide(1, best, out=np.zeros(len(best)), where=best > 0)
    return ascend(score, start / start.sum(), factors, rounds)


def _merge(rankings: Sequence[Ranking], points: Sequence[np.ndarray], name: str) -> Ranking:
    """Each query's candidates by the sum of their points, as deep as the deepest ranking.

    Equal sums come in corpus order.
    """
    if not rankings or len({len(r.positions) for r in rankings}) != 1:
        raise ValueError(f"{name} needs at least one ranking, all of the same queries")
    depth = max(r.k for r in rankings)
    every = np.hstack([r.positions for r in rankings])  # (q, k1 + k2 + …)
    gained = np.where(every >= 0, np.hstack(points), 0)
    positions, scores = no_candidates(len(every), depth)
    for row in range(len(every)):
        found, place = np.unique(every[row], return_inverse=True)
        sums = np.bincount(place, gained[row])
        found, sums = found[found >= 0], sums[found >= 0]
        order = np.lexsort((found, -np.round(sums, 12)))[:depth]
        positions[row, : len(order)] = found[order]
        scores[row, : len(order)] = sums[order]
    return Ranking(f"{name}({', '.join(r.name for r in rankings)})", positions, scores)


def _scaled(ranking: Ranking) -> np.ndarray:
    """Each query's scores from 0 for its last candidate to 1 for its first; 1 where all tie."""
    low = _found(ranking, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = _found(ranking, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    scores = _found(ranking, 0)
    spread = (ranking.positions >= 0) & (high > low)
    return np.divide(scores - low, high - low, out=np.ones_like(scores), where=spread)


def _found(ranking: Ranking, otherwise: float) -> np.ndarray:
    """The scores (q, k), with another value where a place is empty."""
    return np.where(ranking.positions >= 0, ranking.scores, otherwise)
