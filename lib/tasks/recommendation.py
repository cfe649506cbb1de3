"""Recommendation: a model's `Scores` of items for shoppers become a `Ranking` of what is new to
each shopper.

Here are popularity and content. What other shoppers' baskets teach is in `collaborative.py`, the
ranker over features in `ranker.py`. Who bought what, and the protocol of the test, is in
`lib/data/purchases.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import depth, evaluate
from lib.search.exact import BLOCK_BYTES, Ranking

DENSE = 1 / 20  # a block of scores with a larger share of filled cells is treated as dense


@dataclass(frozen=True)
class Scores:
    """What every item scores for every shopper: the product of two matrices, (u, d) @ (d, n).

    The product is never made as a whole. A factor model has (u, f) @ (f, n); a history over an
    item-to-item matrix has (u, n) @ (n, n).
    """

    name: str
    left: np.ndarray | csr_array
    right: np.ndarray | csr_array

    def __post_init__(self) -> None:
        if self.left.shape[1] != self.right.shape[0]:
            raise ValueError(
                f"scores {self.name!r}: {self.left.shape} @ {self.right.shape} do not fit"
            )


def recommend(scores: Scores, k: int, *, exclude: csr_array | None = None) -> Ranking:
    """Each shopper's k best items; items with equal scores keep the order of the catalogue.

    An item with a score of exactly 0 is left out, because nothing speaks for it. A place may thus
    stay empty (-1): see `backfill`. `exclude` (u, n) marks what must not be recommended.

    >>> best_sellers = same_for_all("best sellers", [3, 9, 0], users=2)
    >>> recommend(best_sellers, 2, exclude=csr_array([[0, 1, 0], [0, 0, 0]])).positions
    array([[ 0, -1],
           [ 1,  0]])
    """
    u, n = scores.left.shape[0], scores.right.shape[1]
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    barred = csr_array((u, n)) if exclude is None else csr_array(exclude)
    if barred.shape != (u, n):
        raise ValueError(f"exclude is {barred.shape}; {u} shoppers and {n} items make it {(u, n)}")
    positions, best = np.full((u, k), -1), np.full((u, k), -np.inf, np.float32)
    size = max(1, BLOCK_BYTES // (4 * n))
    for first in range(0, u, size):
        rows = slice(first, first + size)
        block = (scores.left[rows] @ scores.right).astype(np.float32, copy=False)  # (b, n)
        cells = _best_cells(block, barred[rows].astype(bool), k)
        found = rank_candidates(scores.name, block.shape[0], *cells, k=k)
        positions[rows], best[rows] = found.positions, found.scores
    return Ranking(scores.name, positions, best)


def rank_candidates(
    name: str, users: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, *, k: int
) -> Ranking:
    """Each shopper's k best among some candidates: shopper, item and score, (c,) each."""
    order = np.lexsort((columns, -values, rows))
    rows = rows[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # among the shopper's candidates
    kept = place < k
    cells, order = (rows[kept], place[kept]), order[kept]
    positions, scores = np.full((users, k), -1), np.full((users, k), -np.inf, np.float32)
    positions[cells], scores[cells] = columns[order], values[order]
    return Ranking(name, positions, scores)


def _best_cells(
    block: np.ndarray | csr_array, barred: csr_array, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells that hold each row's k best: rows, columns, values. To sort whole rows would take
    ten times as long.
    """
    if issparse(block) and block.nnz > DENSE * np.prod(block.shape):
        block = block.toarray()
    if issparse(block):
        block = csr_array(block - block.multiply(barred))
        block.eliminate_zeros()
        return *block.nonzero(), block.data
    block[(block == 0) | barred.toarray()] = -np.inf
    kth = max(0, block.shape[1] - k)
    cut = np.partition(block, kth, axis=1)[:, kth]
    rows, columns = np.nonzero((block >= cut[:, None]) & (block > -np.inf))
    return rows, columns, block[rows, columns]


def backfill(ranking: Ranking, popular: Ranking, *, k: int) -> Ranking:
    """The first k places of a ranking; the empty ones go to what a second ranking lists first.

    A shopper without a history thus sees what sells. Filled places get scores below all others.
    """
    positions, scores = ranking.positions[:, :k], ranking.scores[:, :k]
    known = (popular.positions[:, :, None] == positions[:, None, :]).any(axis=2)  # (q, p)
    positions = np.hstack([positions, np.where(known, -1, popular.positions)])
    floor = np.where(np.isfinite(scores), scores, np.inf).min(axis=1, keepdims=True)
    floor = np.where(np.isfinite(floor), floor, 0) - np.arange(1, popular.k + 1)
    scores = np.hstack([scores, floor])
    order = np.argsort(positions < 0, axis=1, kind="stable")[:, :k]
    positions = np.take_along_axis(positions, order, axis=1)
    scores = np.where(positions < 0, -np.inf, np.take_along_axis(scores, order, axis=1))
    return Ranking(ranking.name, positions, scores.astype(np.float32))


def score_settings(
    settings: Mapping[float, Scores], task: Task, metric: str = "ndcg@10"
) -> pd.Series:
    """A metric's mean under each setting of a model. Choose on validation, report on test."""
    found = {}
    for setting, scores in settings.items():
        ranking = recommend(scores, depth([metric]), exclude=task.exclude)
        found[setting] = float(evaluate(ranking, task, [metric])[metric].mean())
    return pd.Series(found, name=metric)


def same_for_all(name: str, values: np.ndarray, users: int) -> Scores:
    """One score an item, the same for every shopper: popularity, for example."""
    return Scores(name, np.ones((users, 1), np.float32), np.asarray(values, np.float32)[None])


def content(weights: csr_array, embeddings: Embeddings) -> Scores:
    """Items by their cosines with what a shopper bought, summed with the weights of the history,
    (u, n) @ (n, d).
    """
    vectors = embeddings.vectors
    items = csr_array(vectors.T) if issparse(vectors) else vectors.T
    return Scores("content", weights @ vectors, items)
