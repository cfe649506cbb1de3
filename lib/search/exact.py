"""Nearest neighbours: from two `Embeddings` to a `Ranking`.

Metrics of a ranking are in `lib.metrics`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, issparse

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.search.approximate import INDEXES, build_index, candidates

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
    queries: Embeddings, corpus: Embeddings, k: int, task: Task | None = None, *,
    exclude: csr_array | None = None, index: str = "exact", **settings: int,
) -> Ranking:  # fmt: skip
    """The k nearest corpus rows of every query by cosine, equal scores in corpus order.

    With a `task`, what it excludes does not count; `exclude` (q, n) marks such candidates by
    itself. Rows whose vector is zero (modality
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
    exclude = task.exclude if exclude is None and task is not None else exclude
    sparse = issparse(queries.vectors) or issparse(corpus.vectors)
    _check_index(index, sparse, settings)
    if queries.vectors.shape[1] != corpus.vectors.shape[1]:
        raise ValueError(
            f"queries {queries.name!r} have {queries.vectors.shape[1]} dimensions, "
            f"corpus {corpus.name!r} has {corpus.vectors.shape[1]}: encode both with one encoder"
        )
    here = np.flatnonzero(corpus.present)
    exclude = checked_exclude(exclude, k, (len(queries), len(corpus)))[:, here]
    if sparse:
        found = _search_sparse(queries.vectors, corpus.vectors[here], k, exclude)
    else:
        found = _search_dense(queries.vectors, corpus.vectors[here], k, exclude, index, settings)
    kept = (found.positions >= 0) & queries.present[:, None]
    positions, scores = no_candidates(len(queries), k)
    positions[:, : found.k] = np.where(kept, np.append(here, -1)[found.positions], -1)
    scores[:, : found.k] = np.where(kept, found.scores, -np.inf)
    return Ranking(corpus.name, positions, scores)


def checked_exclude(exclude: csr_array | None, k: int, shape: tuple[int, int]) -> csr_array:
    """What is excluded, (q, n) bool. Raises ValueError for another shape, and for k below 1."""
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    exclude = csr_array(shape, dtype=bool) if exclude is None else csr_array(exclude, dtype=bool)
    if exclude.shape != shape:
        raise ValueError(f"exclude is {exclude.shape}; queries and corpus make it {shape}")
    return exclude


def rank_blocks(
    name: str,
    scores: Callable[[slice], np.ndarray],
    k: int,
    exclude: csr_array,
    *,
    block: int | None = None,
) -> Ranking:
    """The k best candidates of every query, equal scores in corpus order.

    `scores` makes those of a slice of the queries, (b, n), -inf for what must not be found; a slice
    is as long as fits into `block` bytes. `exclude` (q, n) marks what must not be found besides.
    """
    q, n = exclude.shape
    positions, best = no_candidates(q, k)
    size = max(1, (block or BLOCK_BYTES) // (4 * max(n, 1)))
    for first in range(0, q if n else 0, size):
        rows = slice(first, first + size)
        values = scores(rows)  # (b, n)
        values[exclude[rows].nonzero()] = -np.inf
        found, score = top_k(values, k)
        positions[rows, : found.shape[1]] = np.where(np.isneginf(score), -1, found)
        best[rows, : found.shape[1]] = score
    return Ranking(name, positions, best)


def reorder(ranking: Ranking, scores: np.ndarray, *, name: str) -> Ranking:
    """The same candidates by other scores (q, k); equal scores keep their order."""
    scores = np.where(ranking.positions >= 0, scores, -np.inf).astype(np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")
    return Ranking(name, *_taken(order, ranking.positions, scores))


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


def gain_matrix(ranking: Ranking, relevance: csr_array) -> np.ndarray:
    """The gain of every ranked candidate, (q, k) float64; 0 for irrelevant and padded places."""
    positions = ranking.positions
    if not positions.size or not relevance.nnz:
        return np.zeros(positions.shape)
    rows = np.broadcast_to(np.arange(len(positions))[:, None], positions.shape)
    found = relevance[rows.ravel(), np.maximum(positions, 0).ravel()]
    return np.where(positions >= 0, np.asarray(found, float).reshape(positions.shape), 0.0)


def _check_index(index: str, sparse: bool, settings: dict[str, int]) -> None:
    if index not in ("exact", *INDEXES):
        raise ValueError(f'index is "exact", {" or ".join(map(repr, INDEXES))}, got {index!r}')
    if index != "exact" and sparse:
        raise ValueError(
            f"index {index!r} needs dense vectors, these are sparse: encode with lsa, "
            'or use index="exact"'
        )
    if index == "exact" and settings:
        raise TypeError(f"exact search has no settings, got {', '.join(settings)}")


def _search_sparse(
    queries: np.ndarray | csr_array, corpus: np.ndarray | csr_array, k: int, exclude: csr_array
) -> Ranking:
    queries, corpus = csr_array(queries), csr_array(corpus)
    # columns that most rows use (a dense block fused with a lexical one) are multiplied as dense
    # matrices
    full = np.diff(corpus.tocsc().indptr) > corpus.shape[0] // 2
    dense_q, dense_c = queries[:, full].toarray(), corpus[:, full].toarray()
    sparse_q, sparse_c = queries[:, ~full], csr_array(corpus[:, ~full].T)

    def cosines(rows: slice) -> np.ndarray:
        found = (sparse_q[rows] @ sparse_c).toarray() + dense_q[rows] @ dense_c.T  # (b, n)
        return np.round(found, 6)  # further digits of the dense part depend on block sizes

    return rank_blocks("sparse", cosines, k, exclude)


def _search_dense(
    queries: np.ndarray,
    corpus: np.ndarray,
    k: int,
    exclude: csr_array,
    index: str,
    settings: dict[str, int],
) -> Ranking:
    depth = min(k + int(exclude.sum(axis=1).max(initial=0)), len(corpus))  # excluded ones take room
    if depth == 0 or not len(queries):
        return Ranking(index, *no_candidates(len(queries), 0))
    find = _find_exact if index == "exact" else functools.partial(_find_approximate, index=index)
    positions, scores = find(queries, corpus, depth, **settings)
    found = Ranking(index, positions[:, :depth], scores[:, :depth])
    excluded = gain_matrix(found, exclude) > 0
    allowed = Ranking(index, np.where(excluded, -1, found.positions), found.scores)
    return reorder(allowed, found.scores, name=index).first(k)


def _find_exact(queries: np.ndarray, corpus: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    # one more than asked shows whether the last place is tied with what was left out
    more = min(k + 1, len(corpus))
    queries, corpus = np.ascontiguousarray(queries), np.ascontiguousarray(corpus)
    _, positions = faiss.knn(queries, corpus, more, metric=faiss.METRIC_INNER_PRODUCT)
    positions, scores = _by_exact_score(queries, corpus, positions)
    tied = np.flatnonzero(scores[:, k - 1] - scores[:, k] < 1e-6) if more > k else []
    for row in tied:
        everything = np.einsum("d,nd->n", queries[row], corpus)
        (positions[row, :k],), (scores[row, :k],) = top_k(everything[None], k)
    return positions, scores


def _find_approximate(
    queries: np.ndarray, corpus: np.ndarray, k: int, *, index: str, refine: int = 4, **settings: int
) -> tuple[np.ndarray, np.ndarray]:
    more = k if index == "hnsw" else refine * k
    positions = candidates(build_index(corpus, index, **settings), queries, more)
    return _by_exact_score(queries, corpus, positions)


def _by_exact_score(
    queries: np.ndarray, corpus: np.ndarray, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Candidates (q, k), -1 for none, by their inner products with the query, computed one by one.

    The last digits of a matrix product depend on its block sizes, so equal rows could get different
    scores.
    """
    size = max(1, BLOCK_BYTES // (4 * positions.shape[1] * queries.shape[1]))
    blocks = [slice(first, first + size) for first in range(0, len(queries), size)]
    products = [np.einsum("qd,qkd->qk", queries[b], corpus[positions[b]]) for b in blocks]
    scores = np.where(positions < 0, -np.inf, np.vstack(products)).astype(np.float32)
    return _taken(np.lexsort((positions, -scores), axis=1), positions, scores)


def no_candidates(queries: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and scores of rankings that have found nothing, (q, k) each, to be filled."""
    return np.full((queries, k), -1), np.full((queries, k), -np.inf, np.float32)


def _taken(order: np.ndarray, *columns: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.take_along_axis(values, order, axis=1) for values in columns)
