"""Nearest neighbours: from two `Embeddings` to a `Ranking`.

Metrics of a ranking are in `lib.metrics`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, issparse

from lib.encoders.embeddings import Embeddings
from lib.search.approximate import build_index, candidates, check_kind

BLOCK_BYTES = 64 * 2**20  # scores or gathered vectors held at once


@dataclass(frozen=True)
class Ranking:
    """For each query the best rows of the corpus: `positions` (q, k), best first, -1 pads; `scores`
    (q, k) float32.
    """

    name: str
    positions: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        if self.positions.shape != self.scores.shape or self.positions.ndim != 2:
            raise ValueError(
                f"ranking {self.name!r}: positions {self.positions.shape} and scores "
                f"{self.scores.shape} differ"
            )

    @property
    def k(self) -> int:
        """How many candidates each query has at most."""
        return self.positions.shape[1]

    @property
    def ties(self) -> int:
        """How many neighbouring candidates have equal scores; corpus order has decided between
        them.
        """
        return int(
            ((self.scores[:, 1:] == self.scores[:, :-1]) & (self.positions[:, 1:] >= 0)).sum()
        )

    def take(self, rows: np.ndarray | Sequence[int]) -> Ranking:
        """The rankings of some queries, by position or boolean mask, in the order given."""
        return Ranking(self.name, self.positions[np.asarray(rows)], self.scores[np.asarray(rows)])

    def first(self, k: int) -> Ranking:
        """Each query's first k places."""
        return Ranking(self.name, self.positions[:, :k], self.scores[:, :k])


def search(
    queries: Embeddings, corpus: Embeddings, k: int, *,
    exclude: csr_array | None = None, index: str = "exact", **settings: int,
) -> Ranking:  # fmt: skip
    """The k nearest corpus rows of every query by cosine, equal scores in corpus order.

    `exclude` (q, n) marks candidates that do not count. Rows whose vector is zero (modality
    missing) are never found and find nothing. faiss searches dense vectors; sparse ones are
    multiplied. A block of scores or of gathered vectors takes at most 64 MiB, unless one query
    alone needs more.

    `index` is "exact", or "hnsw", "lsh" or "ivfpq" for approximate search in dense vectors, which
    may miss rows and find fewer than k. `settings` are the index's (see `approximate.py`) and
    `seed=0`. hnsw: links=32, ef_construction=200, ef_search=128; lsh: bits=512; ivfpq: cells=√n,
    probes=16, parts=48, bits=8. The last two also have refine=4: `refine` times k candidates get
    exact scores.

    >>> vectors = np.array([[1.0, 0], [0.8, 0.6], [0, 1]])
    >>> shelf = Embeddings("shelf", np.array(["mug", "cup", "sofa"]), vectors)
    >>> found = search(shelf, shelf, 2, exclude=csr_array(np.eye(3)))  # no product finds itself
    >>> found.positions.tolist()
    [[1, 2], [0, 2], [1, 0]]
    >>> print(found.scores.round(2))
    [[0.8 0. ]
     [0.8 0.6]
     [0.6 0. ]]
    """
    find = _finder(issparse(queries.vectors) or issparse(corpus.vectors), index, settings)
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if queries.vectors.shape[1] != corpus.vectors.shape[1]:
        raise ValueError(
            f"queries {queries.name!r} have {queries.vectors.shape[1]} dimensions, "
            f"corpus {corpus.name!r} has {corpus.vectors.shape[1]}: encode both with one encoder"
        )
    here = np.flatnonzero(corpus.present)
    banned = _banned(exclude, len(queries), len(corpus), here)
    depth = min(
        k + int(banned.sum(axis=1).max(initial=0)), len(here)
    )  # excluded candidates take up room
    if depth == 0 or not len(queries):
        return Ranking(
            corpus.name,
            np.full((len(queries), k), -1),
            np.full((len(queries), k), -np.inf, np.float32),
        )
    positions, scores = find(queries.vectors, corpus.vectors[here], depth)
    positions, scores = _drop(positions, scores, banned, queries.present)
    positions, scores = _fit(positions, scores, k)
    return Ranking(corpus.name, np.where(positions >= 0, here[positions], -1), scores)


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest of each row, (q, n) -> positions and scores (q, k), equal scores in the order
    of position.

    Score and position share one 64-bit key, so a partial sort settles ties as well.
    """
    n = scores.shape[1]
    k = min(k, n)
    scores = np.ascontiguousarray(scores, np.float32) + np.float32(0)  # -0.0 becomes 0.0
    bits = scores.view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))  # unsigned order = float order
    keys = (ordered.astype(np.uint64) << np.uint64(32)) | np.arange(n - 1, -1, -1, dtype=np.uint64)
    best = np.sort(np.partition(keys, n - k, axis=1)[:, n - k :], axis=1)[:, ::-1]  # (q, k)
    positions = n - 1 - (best & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return positions, np.take_along_axis(scores, positions, axis=1)


def _finder(
    sparse: bool, index: str, settings: dict[str, int]
) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    if index != "exact":
        check_kind(index)
        if sparse:
            raise ValueError(
                f"index {index!r} needs dense vectors, these are sparse: encode with lsa, "
                'or use index="exact"'
            )
        return functools.partial(_search_approximately, index=index, **settings)
    if settings:
        raise TypeError(f"exact search has no settings, got {', '.join(settings)}")
    return _search_sparse if sparse else _search_dense


def _search_approximately(
    queries: np.ndarray, corpus: np.ndarray, k: int, *, index: str, refine: int = 4, **settings: int
) -> tuple[np.ndarray, np.ndarray]:
    """What an index finds, with exact scores, -1 and -inf where it found nothing."""
    positions = candidates(
        build_index(corpus, index, **settings), queries, k * (1 if index == "hnsw" else refine)
    )
    scores = np.where(positions < 0, -np.inf, _products(queries, corpus, positions)).astype(
        np.float32
    )
    order = np.lexsort((positions, -scores), axis=1)[:, :k]
    return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _search_dense(queries: np.ndarray, corpus: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    # one more than asked shows whether the last place is tied with what was left out
    more = min(k + 1, len(corpus))
    queries, corpus = np.ascontiguousarray(queries), np.ascontiguousarray(corpus)
    _, positions = faiss.knn(queries, corpus, more, metric=faiss.METRIC_INNER_PRODUCT)
    scores = _products(queries, corpus, positions)
    order = np.lexsort((positions, -scores), axis=1)
    positions, scores = (
        np.take_along_axis(positions, order, axis=1),
        np.take_along_axis(scores, order, axis=1),
    )
    tied = np.flatnonzero(scores[:, k - 1] - scores[:, k] < 1e-6) if more > k else []
    for row in tied:
        everything = np.einsum("d,nd->n", queries[row], corpus)
        (positions[row, :k],), (scores[row, :k],) = top_k(everything[None], k)
    return positions[:, :k], scores[:, :k]


def _products(queries: np.ndarray, corpus: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Each query's inner products with its candidates, (q, d), (n, d), (q, k) -> (q, k), one by
    one.

    The last digits of a matrix product depend on its block sizes, so equal rows could get different
    scores.
    """
    size = max(1, BLOCK_BYTES // (4 * positions.shape[1] * queries.shape[1]))
    blocks = [slice(first, first + size) for first in range(0, len(queries), size)]
    return np.vstack([np.einsum("qd,qkd->qk", queries[b], corpus[positions[b]]) for b in blocks])


def _search_sparse(
    queries: np.ndarray | csr_array, corpus: np.ndarray | csr_array, k: int
) -> tuple[np.ndarray, np.ndarray]:
    queries, corpus = csr_array(queries), csr_array(corpus)
    # columns that most rows use (a dense block fused with a lexical one) are multiplied as dense
    # matrices
    full = np.diff(corpus.tocsc().indptr) > corpus.shape[0] // 2
    dense_q, dense_c = queries[:, full].toarray(), corpus[:, full].toarray()
    sparse_q, sparse_c = queries[:, ~full], csr_array(corpus[:, ~full].T)
    found = [
        top_k(
            _settled((sparse_q[rows] @ sparse_c).toarray() + dense_q[rows] @ dense_c.T), k
        )  # (b, n)
        for rows in _blocks(np.arange(queries.shape[0]), corpus.shape[0])
    ]
    return np.vstack([p for p, _ in found]), np.vstack([s for _, s in found])


def _settled(scores: np.ndarray) -> np.ndarray:
    """Cosines to six decimals. Further digits of the dense part depend on block sizes."""
    return np.round(scores, 6)


def _blocks(rows: np.ndarray, n: int) -> list[np.ndarray]:
    size = max(1, BLOCK_BYTES // (4 * n))
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _banned(exclude: csr_array | None, q: int, n: int, here: np.ndarray) -> csr_array:
    if exclude is None:
        return csr_array((q, len(here)), dtype=bool)
    if exclude.shape != (q, n):
        raise ValueError(
            f"exclude is {exclude.shape}; {q} queries and {n} corpus rows make it {(q, n)}"
        )
    return csr_array(exclude[:, here].astype(bool))


def _drop(
    positions: np.ndarray, scores: np.ndarray, banned: csr_array, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move what does not count to the end of each row and mark it -1."""
    out = ~present[:, None] | (positions < 0)
    if banned.nnz:
        rows = np.broadcast_to(np.arange(len(positions))[:, None], positions.shape)
        out = out | np.asarray(banned[rows.ravel(), np.maximum(positions, 0).ravel()]).reshape(
            positions.shape
        ).astype(bool)
    order = np.argsort(out, axis=1, kind="stable")
    positions, scores = (
        np.where(out, -1, positions),
        np.where(out, -np.inf, scores).astype(np.float32),
    )
    return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _fit(positions: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    short = k - positions.shape[1]
    if short <= 0:
        return positions[:, :k], scores[:, :k]
    pad = ((0, 0), (0, short))
    return np.pad(positions, pad, constant_values=-1), np.pad(scores, pad, constant_values=-np.inf)


def gain_matrix(ranking: Ranking, relevance: csr_array) -> np.ndarray:
    """The gain of every ranked candidate, (q, k) float64; 0 for irrelevant and padded places."""
    positions = ranking.positions
    if not positions.size:
        return np.zeros(positions.shape)
    rows = np.broadcast_to(np.arange(len(positions))[:, None], positions.shape)
    found = np.asarray(relevance[rows.ravel(), np.maximum(positions, 0).ravel()], float).reshape(
        positions.shape
    )
    return np.where(positions >= 0, found, 0.0)
