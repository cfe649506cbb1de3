"""Fusing several modalities without learning: weighted concatenation, tuned weights, scores and ranks.

It starts where every `Embeddings` is unit-length. Fusion that is learned is in `fusers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, issparse

from lib.catalogue import Task
from lib.embeddings import Embeddings
from lib.metrics import evaluate
from lib.search import Ranking, search


def concat(parts: Sequence[Embeddings], weights: Sequence[float] | None = None) -> Embeddings:
    """Blocks side by side, each scaled by the square root of its weight, (n, d1 + d2 + …).

    With weights that sum to 1 the cosine of two products is the weighted mean of the blocks' cosines, so
    this is weighted score fusion as well. `weights` default to equal and are scaled to sum to 1. Where a
    product lacks a modality, its other weights are scaled up to sum to 1 again; a product that lacks all
    stays zero. Raises ValueError where ids differ or weights are no weights.
    """
    if not parts:
        raise ValueError("concat needs at least one Embeddings")
    for part in parts[1:]:
        if not np.array_equal(part.ids, parts[0].ids):
            raise ValueError(f"{part.name!r} and {parts[0].name!r} hold different products, or in another order")
    share = np.ones(len(parts)) if weights is None else np.asarray(weights, float)
    if share.shape != (len(parts),) or (share < 0).any() or not share.sum() > 0:
        raise ValueError(f"weights must be {len(parts)} numbers >= 0 with a positive sum, got {weights}")
    share = share / share.sum()
    present = np.stack([p.present for p in parts], axis=1) * share  # (n, m)
    total = present.sum(axis=1, keepdims=True)
    scale = np.sqrt(np.divide(present, total, out=np.zeros_like(present), where=total > 0)).astype(np.float32)
    blocks = [_scaled(p.vectors, scale[:, m]) for m, p in enumerate(parts)]
    if any(issparse(b) for b in blocks):
        vectors: np.ndarray | csr_array = csr_array(hstack([csr_array(b) for b in blocks], format="csr"))
    else:
        vectors = np.hstack(blocks)
    name = " + ".join(f"{w:.2g}·{p.name}" for w, p in zip(share, parts, strict=True))
    return Embeddings(name, parts[0].ids, vectors)


def tune_weights(parts: Sequence[Embeddings], task: Task, metric: str = "ndcg@10", *, rounds: int = 2) -> np.ndarray:
    """Weights for `concat` that are best on a validation task whose queries and corpus are these products, (m,).

    Coordinate ascent from the best of equal weights and each part alone: each weight in turn is multiplied by each of
    FACTORS or, from 0, set to it. Tune on validation, report on test.
    """

    def score(weights: np.ndarray) -> float:
        fused = concat(parts, weights)
        ranking = search(fused, fused, int(metric.split("@")[1]), exclude=task.exclude)
        return float(evaluate(ranking, task, [metric])[metric].mean())

    return _ascend(score, len(parts), rounds)


def tune_scores(
    rankings: Sequence[Ranking], task: Task, metric: str = "ndcg@10", *, scaled: bool = True, rounds: int = 2
) -> np.ndarray:
    """Weights for `weighted` that are best on a validation task, (m,), found as `tune_weights` finds its own.

    Without scaling the first trial is not equal weights, but those with which the rankings' best scores count the same.
    """

    def score(weights: np.ndarray) -> float:
        return float(evaluate(weighted(rankings, weights, scaled=scaled), task, [metric])[metric].mean())

    start = None
    if not scaled:
        best = np.abs([np.where(r.positions[:, 0] >= 0, r.scores[:, 0], 0).mean() for r in rankings])
        start = np.divide(1, best, out=np.zeros(len(best)), where=best > 0) if best.any() else None  # nothing found: no weight
    return _ascend(score, len(rankings), rounds, start)


def _ascend(score: Callable[[np.ndarray], float], m: int, rounds: int, start: np.ndarray | None = None) -> np.ndarray:
    starts = [np.full(m, 1 / m) if start is None else start / start.sum(), *np.eye(m)]
    scores = [score(w) for w in starts]
    best, weights = max(scores), starts[int(np.argmax(scores))]
    for _ in range(rounds):
        for part in range(m):
            for factor in FACTORS:
                tried = weights.copy()
                tried[part] = tried[part] * factor or factor * starts[0][part]
                tried /= tried.sum()
                value = score(tried)
                if value > best:
                    best, weights = value, tried
    return weights


FACTORS = (0.25, 0.5, 0.75, 1.5, 2.0, 4.0)


def weighted(
    rankings: Sequence[Ranking], weights: Sequence[float] | np.ndarray | None = None, *, scaled: bool = True
) -> Ranking:
    """Weighted sum of scores, each query's scores scaled to [0, 1] within a ranking first; equal weights by default.

    A candidate that a ranking does not hold gets 0 from it, so rankings should be several times as deep as needed.
    `scaled=False` takes scores as they are, where 0 means no match (BM25, cosines): then a ranking whose best match is poor,
    as for a misspelt query, counts less there, and nothing hangs on its depth.
    `weights` are one a ranking, (m,), or others for each query, (q, m).
    For cosines of the same products `concat` is the exact form.
    """
    share = np.ones(len(rankings)) if weights is None else np.asarray(weights, float)
    queries = len(rankings[0].positions) if rankings else 0
    if share.shape not in ((len(rankings),), (queries, len(rankings))):
        raise ValueError(f"{len(rankings)} rankings need as many weights, got {weights}")
    if not np.isfinite(share).all():
        raise ValueError(f"weights must be finite, got {weights}")
    points = []
    for ranking, weight in zip(rankings, np.atleast_2d(share).T[..., None], strict=True):  # (1, 1) or (q, 1)
        found = ranking.positions >= 0
        scores = np.where(found, ranking.scores, 0)
        if scaled:
            low = np.where(found, ranking.scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
            high = np.where(found, ranking.scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
            scores = np.divide(scores - low, high - low, out=np.ones_like(scores), where=found & (high > low))
        points.append(weight * scores)
    return _merge(rankings, points, "weighted")


def rrf(rankings: Sequence[Ranking], *, k: int = 60) -> Ranking:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): each ranking gives 1 / (k + rank) points."""
    if k < 0:
        raise ValueError(f"k must be at least 0, got {k}")
    points = [np.broadcast_to(1 / (k + np.arange(1, r.k + 1)), r.positions.shape) for r in rankings]
    return _merge(rankings, points, f"rrf({k})")


def _merge(rankings: Sequence[Ranking], points: Sequence[np.ndarray], name: str) -> Ranking:
    """Each query's candidates by the sum of their points, equal sums in corpus order, as deep as the deepest ranking."""
    if not rankings or len({len(r.positions) for r in rankings}) != 1:
        raise ValueError(f"{name} needs at least one ranking, all of the same queries")
    depth = max(r.k for r in rankings)
    every = np.hstack([r.positions for r in rankings])  # (q, k1 + k2 + …)
    gained = np.where(every >= 0, np.hstack(points), 0)
    positions = np.full((len(every), depth), -1)
    scores = np.full((len(every), depth), -np.inf, np.float32)
    for row in range(len(every)):
        found, place = np.unique(every[row], return_inverse=True)
        sums = np.bincount(place, gained[row])
        found, sums = found[found >= 0], sums[found >= 0]
        order = np.lexsort((found, -np.round(sums, 12)))[:depth]
        positions[row, : len(order)], scores[row, : len(order)] = found[order], sums[order]
    return Ranking(f"{name}({', '.join(r.name for r in rankings)})", positions, scores)


def _scaled(vectors: np.ndarray | csr_array, scale: np.ndarray) -> np.ndarray | csr_array:
    return diags_array(scale) @ vectors if issparse(vectors) else vectors * scale[:, None]
