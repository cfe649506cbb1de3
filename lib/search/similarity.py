"""How alike two vectors are: pairwise measures by name, and `rank`, which finds neighbours by any
of them.

Vectors are taken as they come: nothing here makes rows unit length, as `Embeddings` does. At scale
`exact.py` finds neighbours by cosine much faster than `rank`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, issparse

from lib.hints import did_you_mean
from lib.search.exact import Ranking, checked_exclude, rank_blocks

# the largest array held besides inputs and output; a measure works with up to eight
BLOCK_BYTES = 16 * 2**20
# share of the uniform distribution: keeps Kullback-Leibler finite, moves the others by less than
# 1e-5
SMOOTHING = 1e-6
Vectors = np.ndarray | csr_array


@dataclass(frozen=True)
class Measure:
    """A pairwise measure; called with (q, d) and (n, d) it gives (q, n) float32.

    `of` is the kind of rows it takes: "vectors"; "distributions", >= 0 with sum 1; "sets", whose
    members are the columns that are not 0. `nearer` is "larger" for a similarity, "smaller" for a
    distance.
    """

    name: str
    of: str
    nearer: str
    formula: str
    # of two blocks of rows, float64; distributions come dense
    values: Callable[[Vectors, Vectors], np.ndarray]

    def __call__(self, a: Vectors, b: Vectors) -> np.ndarray:
        """`pairwise` by this measure."""
        return pairwise(a, b, measure=self.name)


def pairwise(a: Vectors, b: Vectors, *, measure: str = "cosine") -> np.ndarray:
    """A measure between every row of a and every row of b, (q, d), (n, d) -> (q, n) float32.

    `MEASURES` lists names, formulas and ranges. Rows may be dense or sparse; Kullback-Leibler and
    Jensen-Shannon make blocks of sparse rows dense, and give NaN where a row is all zero. Blocks
    are computed in float64 and rounded once, so that equal rows get equal values. Memory beyond
    inputs and output is at most eight arrays of 16 MiB, or of one row where a row is wider. Raises
    ValueError for an unknown measure, shapes that do not fit, values that are not finite, and rows
    that are no distributions where the measure needs them.
    """
    return _blockwise(*_checked(a, b, measure))


def rank(
    queries: Vectors,
    corpus: Vectors,
    k: int,
    *,
    measure: str = "cosine",
    exclude: csr_array | None = None,
) -> Ranking:
    """The k nearest corpus rows of every query by any measure, (q, d), (n, d) -> (q, k), equal
    values in corpus order.

    Distances are negated, so scores descend as those of `search` do. `exclude` (q, n) marks
    candidates that do not count; all-zero rows (modality missing, empty set) are never found and
    find nothing; an infinite divergence comes last. Blocks of queries keep memory as bounded as in
    `pairwise`. Raises ValueError as `pairwise` does.
    """
    queries, corpus, chosen = _checked(queries, corpus, measure)
    exclude = checked_exclude(exclude, k, (queries.shape[0], corpus.shape[0]))
    asking, there = _present(queries), _present(corpus)

    def scores(rows: slice) -> np.ndarray:
        values = _blockwise(queries[rows], corpus, chosen)  # (b, n)
        values = -values if chosen.nearer == "smaller" else values
        values = np.maximum(values, np.finfo(np.float32).min)  # found, though infinitely far
        values[~asking[rows]] = -np.inf
        values[:, ~there] = -np.inf
        return values

    # half a block: `top_k` makes 64-bit keys of 32-bit scores
    return rank_blocks(measure, scores, k, exclude, block=BLOCK_BYTES // 2)


def distributions(vectors: Vectors, *, smoothing: float = SMOOTHING) -> np.ndarray:
    """Rows >= 0 made to sum to 1, (n, d) -> (n, d) float32: (1 - s) x / sum(x) + s / d, with s =
    `smoothing`.

    The uniform part keeps every value above 0; a 0 could make Kullback-Leibler infinite. A larger
    part makes an empty bin cost less. All-zero rows (modality missing) stay zero. The result is
    dense. Raises ValueError for a value below 0 or not finite, and for a smoothing outside [0, 1).
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is at least 0 and below 1, got {smoothing}")
    rows = vectors.toarray() if issparse(vectors) else np.asarray(vectors)
    total = _checked_sums(rows, "distributions", shares=True)
    mixed = (1 - smoothing) * _shares(rows) + smoothing / rows.shape[1]
    return np.where(total[:, None] > 0, mixed, 0).astype(np.float32)


def _cosine(a: Vectors, b: Vectors) -> np.ndarray:
    from sklearn.metrics.pairwise import cosine_similarity

    return cosine_similarity(a, b, dense_output=True)


def _dot(a: Vectors, b: Vectors) -> np.ndarray:
    product = a @ b.T  # (q, d) @ (d, n) -> (q, n)
    return product.toarray() if issparse(product) else product


def _euclidean(a: Vectors, b: Vectors) -> np.ndarray:
    from sklearn.metrics.pairwise import euclidean_distances

    squared = euclidean_distances(a, b, squared=True)
    # |a|² + |b|² - 2ab of equal rows is not quite 0: rounding, whose root would be 1e-8
    noise = 1e-14 * (_squares(a)[:, None] + _squares(b))
    return np.sqrt(np.where(squared > noise, squared, 0))


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Sum of a log a - a log b as two matrix products: infinite where b is 0 and a is not."""
    from scipy.special import xlogy

    uncovered = p @ (q == 0).astype(float).T  # (q, d) @ (d, n) -> (q, n)
    divergence = xlogy(p, p).sum(axis=1)[:, None] - p @ np.log(np.where(q > 0, q, 1)).T
    divergence = np.where(divergence > 1e-12, divergence, 0)  # rounding is no divergence
    return np.where(uncovered > 0, np.inf, divergence)


def _js(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    # a hundred times slower than a product of matrices; scipy lets go of the interpreter
    with ThreadPoolExecutor() as pool:
        parts = pool.map(
            lambda part: cdist(part, q, "jensenshannon"), np.array_split(p, os.cpu_count() or 1)
        )
    return np.vstack(list(parts)) / math.sqrt(math.log(2))  # nats to bits


def _jaccard(a: Vectors, b: Vectors) -> np.ndarray:
    a, b = (csr_array(csr_array(x) != 0, dtype=float) for x in (a, b))
    shared = (a @ b.T).toarray()  # (q, d) @ (d, n) -> (q, n)
    union = a.sum(axis=1)[:, None] + b.sum(axis=1) - shared
    return np.divide(shared, union, out=np.ones_like(shared), where=union > 0)


def _near(distance: np.ndarray) -> np.ndarray:
    return 1 / (1 + distance)


_LISTED = (
    Measure("cosine", "vectors", "larger", "a·b / |a||b|, in [-1, 1]; 0 for a zero row", _cosine),
    Measure(
        "cosine01",
        "vectors",
        "larger",
        "(1 + cosine) / 2, in [0, 1]",
        lambda a, b: (1 + _cosine(a, b)) / 2,
    ),
    Measure("dot", "vectors", "larger", "a·b, unbounded", _dot),
    Measure(
        "euclidean",
        "vectors",
        "smaller",
        "|a - b|, >= 0; below 1e-7 of the rows' lengths 0",
        _euclidean,
    ),
    Measure(
        "euclidean_similarity",
        "vectors",
        "larger",
        "1 / (1 + |a - b|), in (0, 1]",
        lambda a, b: _near(_euclidean(a, b)),
    ),
    Measure(
        "kl",
        "distributions",
        "smaller",
        "KL(a‖b) = sum a ln(a / b) in nats, >= 0, not symmetric",
        _kl,
    ),
    Measure(
        "kl_similarity",
        "distributions",
        "larger",
        "1 / (1 + KL(a‖b)), in [0, 1]",
        lambda a, b: _near(_kl(a, b)),
    ),
    Measure(
        "js",
        "distributions",
        "smaller",
        "root of (KL(a‖m) + KL(b‖m)) / 2 in bits, m = (a + b) / 2, in [0, 1]",
        _js,
    ),
    Measure(
        "js_similarity", "distributions", "larger", "1 - js, in [0, 1]", lambda a, b: 1 - _js(a, b)
    ),
    Measure(
        "jaccard", "sets", "larger", "|a ∩ b| / |a ∪ b|, in [0, 1]; 1 for two empty sets", _jaccard
    ),
)
MEASURES: dict[str, Measure] = {m.name: m for m in _LISTED}


def _blockwise(a: Vectors, b: Vectors, chosen: Measure) -> np.ndarray:
    out = np.empty((a.shape[0], b.shape[0]), np.float32)
    shares = chosen.of == "distributions"
    dense = shares or not (issparse(a) and issparse(b))
    width = max(1, a.shape[1]) if dense else 1
    size = max(1, min(math.isqrt(BLOCK_BYTES // 8), BLOCK_BYTES // (8 * width)))
    for i in range(0, a.shape[0], size):
        for j in range(0, b.shape[0], size):
            first, second = a[i : i + size].astype(float), b[j : j + size].astype(float)
            if shares:  # which sum to 1 up to float32's rounding
                first, second = _shares(first), _shares(second)
            out[i : i + size, j : j + size] = chosen.values(first, second)
    if shares:  # nothing can be said of a missing row
        out[~_present(a)] = out[:, ~_present(b)] = np.nan
    return out


def _checked(a: Vectors, b: Vectors, measure: str) -> tuple[Vectors, Vectors, Measure]:
    if measure not in MEASURES:
        known = f"there are {', '.join(MEASURES)}{did_you_mean(measure, MEASURES)}"
        raise ValueError(f"no measure {measure!r}; {known}")
    chosen = MEASURES[measure]
    a, b = (csr_array(x) if issparse(x) else np.asarray(x) for x in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{measure} compares rows of equal length, (q, d) and (n, d); "
            f"got {a.shape} and {b.shape}"
        )
    shares = chosen.of == "distributions"
    for rows in (a, b):
        total = _checked_sums(rows, measure, shares=shares)
        if shares:
            whole = (np.abs(total - 1) <= 1e-4) | (total == 0)
            _require(whole, f"{measure}: row {{}} does not sum to 1; pass distributions(vectors)")
    return a, b, chosen


def _checked_sums(rows: Vectors, name: str, *, shares: bool) -> np.ndarray:
    """Each row's sum, (n,). Raises ValueError for values that are not finite or, in shares, < 0."""
    total = rows.sum(axis=1, dtype=float)
    _require(np.isfinite(total), f"{name}: row {{}} is not finite")
    if shares:
        positive = (rows < 0).sum(axis=1) == 0
        _require(positive, f"{name}: row {{}} has a value below 0; a distribution has none")
    return total


def _require(good: np.ndarray, message: str) -> None:
    if not good.all():
        raise ValueError(message.format(int(np.argmin(good))))


def _shares(rows: Vectors) -> np.ndarray:
    rows = rows.toarray() if issparse(rows) else rows
    total = rows.sum(axis=1, keepdims=True, dtype=float)
    return np.divide(rows, total, out=np.zeros(rows.shape), where=total > 0)


def _present(rows: Vectors) -> np.ndarray:
    return (rows != 0).sum(axis=1) > 0


def _squares(rows: Vectors) -> np.ndarray:
    return (rows * rows).sum(axis=1)
