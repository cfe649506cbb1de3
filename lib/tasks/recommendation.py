"""Recommendation: a model's `Scores` for shoppers and items become a `Ranking` of what is new to each shopper.

Here are popularity and what a shopper's own history says through content. Who bought what, and the protocol, is in
`purchases.py`, what is learned from other shoppers' baskets in `collaborative.py`, the ranker over features in
`ranker.py`, a shopper in words in `profiles.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, eye_array, issparse

from lib.catalogue import Task
from lib.embeddings import Embeddings
from lib.metrics import evaluate
from lib.search import BLOCK_BYTES, Ranking, search
from lib.tasks.purchases import Purchases

FULL = 20  # one cell in so many filled, and a block of scores is treated as dense


@dataclass(frozen=True)
class Scores:
    """What every item is worth to every shopper, as a product of two matrices: (u, d) @ (d, n), never made as a whole.

    Popularity is (u, 1) @ (1, n), a factor model (u, f) @ (f, n), a history over an item-to-item matrix (u, n) @ (n, n).
    """

    name: str
    left: np.ndarray | csr_array
    right: np.ndarray | csr_array

    def __post_init__(self) -> None:
        if self.left.shape[1] != self.right.shape[0]:
            raise ValueError(f"scores {self.name!r}: {self.left.shape} @ {self.right.shape} do not fit")

    def block(self, rows: slice) -> np.ndarray | csr_array:
        """The scores of some shoppers, (b, n) float32, sparse where both matrices are."""
        return (self.left[rows] @ self.right).astype(np.float32, copy=False)  # (b, d) @ (d, n) -> (b, n)

    def of(self, users: np.ndarray) -> Scores:
        """The same for some shoppers, by position or mask."""
        return Scores(self.name, self.left[users], self.right)


def recommend(scores: Scores, k: int, *, exclude: csr_array | None = None) -> Ranking:
    """Each shopper's k best items, made in blocks of 64 MiB; equal scores in the order of the catalogue.

    An item that scores exactly 0 has nothing that speaks for it and is left out, so a place may stay empty (-1):
    see `backfill`. `exclude` (u, n) marks what does not count.
    """
    u, n = scores.left.shape[0], scores.right.shape[1]
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if exclude is not None and exclude.shape != (u, n):
        raise ValueError(f"exclude is {exclude.shape}; {u} shoppers and {n} items make it {(u, n)}")
    barred = csr_array((u, n), dtype=np.float32) if exclude is None else csr_array(exclude).astype(bool)
    size = max(1, BLOCK_BYTES // (4 * n))
    blocks = [slice(first, min(first + size, u)) for first in range(0, u, size)]
    parts = [ranked(scores.name, b.stop - b.start, *_listed(scores.block(b), barred[b], k), k=k) for b in blocks]
    if not parts:
        return Ranking(scores.name, np.full((0, k), -1), np.full((0, k), -np.inf, np.float32))
    return Ranking(scores.name, np.vstack([p.positions for p in parts]), np.vstack([p.scores for p in parts]))


def ranked(name: str, users: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, *, k: int) -> Ranking:
    """Each shopper's k best of some candidates (c,): shopper, item, score; equal scores in the order of the catalogue."""
    order = np.lexsort((columns, -values, rows))
    rows = rows[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # within the shopper
    kept = place < k
    cells, order = (rows[kept], place[kept]), order[kept]
    positions, scores = np.full((users, k), -1), np.full((users, k), -np.inf, np.float32)
    positions[cells], scores[cells] = columns[order], values[order]
    return Ranking(name, positions, scores)


def _listed(block: np.ndarray | csr_array, barred: csr_array, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells among which each row's k best are, (c,) three times; a full sort of every row would take ten times as long."""
    if issparse(block) and block.nnz * FULL > np.prod(block.shape):
        block = block.toarray()  # so many are faster cut than sorted
    if issparse(block):
        block = csr_array(block - block.multiply(barred))
        block.eliminate_zeros()
        rows, columns = block.nonzero()
        return rows, columns, block.data
    block[block == 0] = -np.inf
    block[barred.nonzero()] = -np.inf
    n = block.shape[1]
    cut = np.partition(block, n - k, axis=1)[:, n - k] if k < n else np.full(len(block), -np.inf)
    rows, columns = np.nonzero((block >= cut[:, None]) & (block > -np.inf))
    return rows, columns, block[rows, columns]


def backfill(ranking: Ranking, popular: np.ndarray, *, k: int, exclude: csr_array | None = None) -> Ranking:
    """The first k places of a ranking, the empty ones given to the most popular items that are neither listed nor excluded.

    `popular` (n,); what counts 0 there is not used. So a shopper without a history sees what sells.
    """
    order = np.argsort(-np.asarray(popular, float), kind="stable")[: np.count_nonzero(popular)]
    space = ((0, 0), (0, max(0, k - ranking.k)))
    positions = np.pad(ranking.positions[:, :k], space, constant_values=-1)
    scores = np.pad(ranking.scores[:, :k], space, constant_values=-np.inf)
    for row in np.flatnonzero((positions < 0).any(axis=1)):
        listed = positions[row][positions[row] >= 0]
        barred = listed if exclude is None else np.append(listed, exclude.indices[slice(*exclude.indptr[row : row + 2])])
        head = order[: k + len(barred)]
        new = head[~np.isin(head, barred)][: k - len(listed)]
        places = slice(len(listed), len(listed) + len(new))
        positions[row, places] = new
        scores[row, places] = (scores[row, len(listed) - 1] if len(listed) else 0.0) - np.arange(1, len(new) + 1)
    return Ranking(ranking.name, positions, scores)


def worth(model: Callable[[Any], Scores], settings: Mapping[float, Any], task: Task, *, metric: str = "ndcg@10") -> pd.Series:
    """What a model is worth under each setting, which it is called with: a weighting of the history, or any other.

    Choose on validation, report on test.
    """
    k, found = int(metric.split("@")[1]), {}
    for name, setting in settings.items():
        ranking = recommend(model(setting), k, exclude=task.exclude)
        found[name] = float(evaluate(ranking, task, [metric])[metric].mean())
    return pd.Series(found, name=metric)


def popularity(history: Purchases) -> Scores:
    """The same for everyone: how often an item was bought."""
    return constant("popularity", history.counts, len(history.users))


def hot(history: Purchases, *, half_life: float, now: float | None = None) -> np.ndarray:
    """How hot each item is, (n,): a purchase counts 1 on the day `now` and half as much every `half_life` days before.

    `now` is in days since 1970, by default the day of the last purchase; what came later does not count. Raises
    ValueError where purchases have no time.
    """
    if np.isnan(history.days).any():
        raise ValueError("a hot list needs the time of every purchase; give interactions a column time")
    if not half_life > 0:
        raise ValueError(f"half_life is a number of days above 0, got {half_life}")
    ago = (history.days.max(initial=0) if now is None else now) - history.days
    heat = np.where(ago >= 0, np.exp2(-np.maximum(ago, 0) / half_life), 0.0)
    return np.bincount(history.columns, heat, minlength=len(history.items))


def constant(name: str, values: np.ndarray, users: int) -> Scores:
    """One score an item, the same for every shopper: a hot list, or popularity."""
    return Scores(name, np.ones((users, 1), np.float32), np.asarray(values, np.float32)[None])


def attention(history: Purchases, embeddings: Embeddings, *, temperature: float = 0.1) -> csr_array:
    """Each shopper's items weighted by how like the newest one they are, (u, n), rows sum to 1.

    The weights are softmax(cosine with the newest purchase / temperature), attention with that purchase as the query and
    nothing learned (Bahdanau et al. 2015; here keys and queries are the content vectors). A high temperature gives the
    mean of the history, a low one the newest purchase alone.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    newest = np.flatnonzero(history.age == 0)
    query = np.full(len(history.users), -1)
    query[history.rows[newest]] = history.columns[newest]
    keys, queries = embeddings.vectors[history.columns], embeddings.vectors[query[history.rows]]
    cosines = keys.multiply(queries).sum(axis=1) if issparse(keys) else np.einsum("md,md->m", keys, queries)
    strength = np.exp((np.asarray(cosines, float) - 1) / temperature)  # at most 1: no overflow
    totals = np.bincount(history.rows, strength, minlength=len(history.users))
    return history._matrix(strength / totals[history.rows])


def content(name: str, weights: csr_array, embeddings: Embeddings) -> Scores:
    """Items by their cosines with what a shopper bought, summed with the weights of the history, (u, n) @ (n, d)."""
    vectors = embeddings.vectors
    return Scores(name, weights @ vectors, csr_array(vectors.T) if issparse(vectors) else vectors.T)


def neighbours(embeddings: Embeddings, k: int) -> csr_array:
    """Similar items: each item's k nearest others by content with their cosines, (n, n)."""
    n = len(embeddings)
    found = search(embeddings, embeddings, k, exclude=csr_array(eye_array(n, dtype=np.float32)))
    rows, places = np.nonzero(found.positions >= 0)
    return csr_array((found.scores[rows, places], (rows, found.positions[rows, places])), shape=(n, n))
