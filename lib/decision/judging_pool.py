"""The pairs among some rankings' best places, and what judging each would tell.

How they are drawn is in `pair_sample.py`, the session in `judging.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.decision.pair_sample import Pool
from lib.encoders.embeddings import Embeddings
from lib.search.exact import Ranking
from lib.search.row_cosines import row_cosines

MEASURES = "ndcg", "precision"
LEVELS = 0.1  # share of the draws that serve each ranking's own mean, where rankings may agree


def make_pool(
    rankings: Sequence[Ranking],
    corpus: int,
    k: int,
    *,
    deciding: np.ndarray,
    ideal: int | Sequence[int] = 1,
    hints: Sequence[tuple[Embeddings, Embeddings]] = (),
) -> Pool:
    """All pairs among the rankings' first k, with what each adds to the means.

    The means are, for nDCG and then for precision, each ranking's own and each one's difference to
    the first. `deciding` marks those that the question is about.
    """
    queries = len(rankings[0].positions)
    positions = np.stack([ranking.positions[:, :k] for ranking in rankings])  # (r, q, k)
    keys = np.arange(queries)[:, None] * corpus + positions  # one number a pair
    found = np.unique(keys[positions >= 0])
    pairs = np.stack(np.divmod(found, corpus), axis=1)
    ranks = np.full((len(pairs), len(rankings)), np.inf)
    for column, (key, there) in enumerate(zip(keys, positions >= 0, strict=True)):
        ranks[np.searchsorted(found, key[there]), column] = there.nonzero()[1] + 1
    discount = 1 / np.log2(np.arange(2, k + 2))
    best = discount.cumsum()[np.clip(np.asarray(ideal), 1, k) - 1]  # ideal DCG, () or (q,)
    own = np.stack([1 / np.log2(ranks + 1), np.isfinite(ranks) / k])  # (2, n, r)
    own[0] /= np.broadcast_to(best, queries)[pairs[:, 0], None]
    own /= queries
    adds = np.concatenate([own, own[:, :, 1:] - own[:, :, :1]], axis=2)  # (2, n, 2r - 1)
    kind = np.repeat([0, 1], adds.shape[2])
    adds = np.concatenate([*adds], axis=1)  # (n, 2 (2r - 1))
    gaps = np.abs(adds[:, deciding])
    weight = LEVELS * _shares(own[0].sum(axis=1))
    weight += (1 - LEVELS) * _shares((gaps / np.maximum(gaps.sum(axis=0), 1e-12)).sum(axis=1))
    features = _features(rankings, ranks, pairs, k, hints)
    return Pool(pairs, adds, kind, weight, features)


def _features(
    rankings: Sequence[Ranking],
    ranks: np.ndarray,
    pairs: np.ndarray,
    k: int,
    hints: Sequence[tuple[Embeddings, Embeddings]],
) -> np.ndarray:
    """Rank and score by each ranking, cosine by each hint; the latter two also against the query's
    best, (n, 3 r + 2 h).
    """
    columns = []
    for ranking, rank in zip(rankings, ranks.T, strict=True):
        scores = np.where(ranking.positions < 0, np.nan, ranking.scores.astype(float))[:, :k]
        with np.errstate(invalid="ignore"):
            worst = np.nan_to_num(np.fmin.reduce(scores, axis=1))[pairs[:, 0]]
        there = np.isfinite(rank)
        place = np.where(there, rank, 1).astype(int) - 1
        score = np.where(there, scores[pairs[:, 0], place], worst)  # one not found: as the last
        columns += [np.log(np.where(there, rank, k + 1)), score]
    for queries, corpus in hints:
        columns.append(row_cosines(queries, pairs[:, 0], corpus, pairs[:, 1]))
    columns, found = np.column_stack(columns).astype(float), 2 * len(rankings)
    # scores and cosines, but not ranks
    compared = np.hstack([columns[:, 1:found:2], columns[:, found:]])
    top = np.full((pairs[-1, 0] + 1, compared.shape[1]), -np.inf)
    np.maximum.at(top, pairs[:, 0], compared)
    return np.hstack([columns, compared - top[pairs[:, 0]]])


def _shares(values: np.ndarray) -> np.ndarray:
    return values / max(values.sum(), 1e-12)
