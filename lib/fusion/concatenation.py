"""Several vectors of a product become one: weighted concatenation, and the search for its weights.

Every `Embeddings` has unit rows already. What to do where products lack different modalities is in
`missing.py`. Rankings are joined in `rankings.py`; fusion that learns
is in `lib/training`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, issparse

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import depth, evaluate
from lib.search.exact import rank_blocks

FACTORS = (0.25, 0.5, 0.75, 1.5, 2.0, 4.0)  # what tuning multiplies a weight by
QUERIES = 1000  # of a validation task, that weights are tuned on; 2,000 found no better ones


def concat(parts: Sequence[Embeddings], weights: Sequence[float] | None = None) -> Embeddings:
    """Blocks side by side, each scaled by the square root of its weight, (n, d1 + d2 + …).

    Weights are scaled to sum to 1, and are equal unless given. The cosine of two products is then
    the weighted mean of the blocks' cosines. Where a product lacks a modality, its other weights
    are scaled up to sum to 1 again; a product that lacks all stays zero. Raises ValueError where
    ids differ or weights are no weights.

    >>> text = Embeddings("text", np.array(["mug", "cup"]), np.array([[1.0, 0.0], [0.6, 0.8]]))
    >>> photo = Embeddings("photo", text.ids, np.array([[0.0, 1.0], [0.0, 1.0]]))
    >>> both = concat([text, photo], [3, 1])
    >>> both.name
    '0.75·text + 0.25·photo'
    >>> print((both.vectors @ both.vectors.T).round(2))  # 0.75 · 0.6 + 0.25 · 1 = 0.7
    [[1.  0.7]
     [0.7 1. ]]
    """
    share = shares(parts, weights)
    scale = _scales(present(parts), share)  # (n, m)
    vectors = side_by_side([scaled(part.vectors, scale[:, m]) for m, part in enumerate(parts)])
    return Embeddings(named(parts, share), parts[0].ids, vectors)


def shares(parts: Sequence[Embeddings], weights: Sequence[float] | None) -> np.ndarray:
    """The weights scaled to sum to 1, (m,).

    Raises ValueError where they are no weights, or parts hold different products.
    """
    check_same_products(parts)
    share = np.ones(len(parts)) if weights is None else np.asarray(weights, float)
    if share.shape != (len(parts),) or (share < 0).any() or not share.sum() > 0:
        raise ValueError(
            f"weights must be {len(parts)} numbers >= 0 with a positive sum, got {weights}"
        )
    return share / share.sum()


def present(parts: Sequence[Embeddings]) -> np.ndarray:
    """Which products have which part, (n, m) bool."""
    return np.stack([part.present for part in parts], axis=1)


def scaled(vectors: np.ndarray | csr_array, scale: np.ndarray) -> np.ndarray | csr_array:
    """Each row times its scale (n,)."""
    return diags_array(scale) @ vectors if issparse(vectors) else vectors * scale[:, None]


def side_by_side(blocks: Sequence[np.ndarray | csr_array]) -> np.ndarray | csr_array:
    """[(n, d1), (n, d2), …] -> (n, d1 + d2 + …), sparse where one of them is."""
    if any(map(issparse, blocks)):
        return hstack([csr_array(block) for block in blocks], format="csr")
    return np.hstack(blocks)


def named(parts: Sequence[Embeddings], share: np.ndarray) -> str:
    """Each part's name after its weight."""
    return " + ".join(f"{w:.2g}·{part.name}" for w, part in zip(share, parts, strict=True))


def _scales(here: np.ndarray, share: np.ndarray) -> np.ndarray:
    """What each product's parts are multiplied by, (n, m): their squares sum to 1."""
    weighted = here * share  # (n, m)
    total = weighted.sum(axis=1, keepdims=True)
    whole = np.divide(weighted, total, out=np.zeros_like(weighted), where=total > 0)
    return np.sqrt(whole).astype(np.float32)


def check_same_products(parts: Sequence[Embeddings]) -> None:
    """Raises ValueError unless there are parts, all of the same products in the same order."""
    if not parts:
        raise ValueError("fusion needs at least one Embeddings")
    for part in parts[1:]:
        if not np.array_equal(part.ids, parts[0].ids):
            raise ValueError(
                f"{part.name!r} and {parts[0].name!r} hold different products, or in another order"
            )


def tune_weights(
    parts: Sequence[Embeddings],
    task: Task,
    metric: str = "ndcg@10",
    *,
    start: Sequence[float] | None = None,
    factors: Sequence[float] = FACTORS,
    rounds: int = 2,
) -> np.ndarray:
    """Weights for `concat` that are best on a validation task over these products, (m,).

    See `ascend` for the search, from `start` or equal weights. Tune on validation, report on test.
    Every part's cosines are computed once, m matrices (q, n), so a trial costs a weighted sum of
    them, dense or sparse. Of more than 1,000 queries, 1,000 drawn at random are used.
    """
    check_same_products(parts)
    n, here = len(parts[0]), present(parts)
    rows = np.sort(np.random.default_rng(0).permutation(n)[:QUERIES])
    asked = task.take(rows)
    cosines = [_cosines(part, rows) for part in parts]  # m times (q, n)

    def score(weights: np.ndarray) -> float:
        scale = _scales(here, weights)  # (n, m)
        lost = ~scale.any(axis=1)

        def sums(block: slice) -> np.ndarray:
            total = np.zeros((len(rows[block]), n), np.float32)
            for m in np.flatnonzero(weights):
                total += scale[rows[block], m, None] * cosines[m][block] * scale[:, m]
            total[lost[rows[block]]] = -np.inf
            total[:, lost] = -np.inf
            return np.round(total, 6)  # as in `search` of sparse vectors

        ranking = rank_blocks("fused", sums, depth([metric]), asked.exclude)
        return float(evaluate(ranking, asked, [metric])[metric].mean())

    return ascend(score, shares(parts, start), factors, rounds)


def _cosines(part: Embeddings, rows: np.ndarray) -> np.ndarray:
    found = part.vectors[rows] @ part.vectors.T  # (q, d) @ (d, n) -> (q, n)
    return found.toarray() if issparse(found) else found


def ascend(
    score: Callable[[np.ndarray], float], start: np.ndarray, factors: Sequence[float], rounds: int
) -> np.ndarray:
    """Coordinate ascent over m weights that sum to 1.

    It starts from `start` or from one part alone, whichever scores best. Each weight in turn is
    multiplied by each of `factors`; a weight of 0 is set to that multiple of its start. A trial
    that scores higher is kept.
    """
    starts = [start, *np.eye(len(start))]
    scores = [score(weights) for weights in starts]
    best, weights = max(scores), starts[int(np.argmax(scores))]
    for _ in range(rounds):
        for part in range(len(start)):
            for factor in factors:
                tried = weights.copy()
                tried[part] = tried[part] * factor or factor * start[part]
                tried /= tried.sum()
                value = score(tried)
                if value > best:
                    best, weights = value, tried
    return weights
