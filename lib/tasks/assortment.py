"""Which stock substitutes for which, what to keep for a budget, and what demand a new product
meets.

Substitutability is a sparse (n, n) matrix S in [0, 1]. S[i, j] is the share of item i's demand that
j would serve if i were gone, and S[i, i] = 1. Likeness stands in for it here: no shop publishes
what its customers took instead.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import block_array, coo_array, csr_array, eye_array

from lib.search.exact import Ranking


def neighbour_pairs(ranking: Ranking) -> pd.DataFrame:
    """Each pair of neighbours once, rows `left` < `right` of the corpus, with the larger of the two
    scores.

    The ranking must be of a corpus against itself.
    """
    rows, places = np.nonzero(ranking.positions >= 0)
    found = np.sort(np.column_stack([rows, ranking.positions[rows, places]]), axis=1)
    table = pd.DataFrame(found, columns=["left", "right"])
    table["score"] = ranking.scores[rows, places].astype(float)
    table = table[table["left"] != table["right"]]
    return table.groupby(["left", "right"], as_index=False).max()


def substitutability(pairs: pd.DataFrame, n: int, threshold: float) -> csr_array:
    """S (n, n) from `neighbour_pairs`: the score where it reaches the threshold, in both
    directions.
    """
    near = pairs[pairs["score"] >= threshold]
    values = np.clip(near["score"], 0, 1)
    one_way = coo_array((values, (near["left"], near["right"])), shape=(n, n))
    return csr_array(one_way + one_way.T + eye_array(n))


def substitute_f1(substitutes: csr_array, labels: Sequence) -> np.ndarray:
    """For each item, the F1 of what is called its substitutes against the other items with its
    label, (n,); NaN where there is neither.
    """
    labels = np.asarray(labels)
    called = substitutes.toarray() > 0  # (n, n)
    same = labels[:, None] == labels
    np.fill_diagonal(called, False)
    np.fill_diagonal(same, False)
    right, counts = (called & same).sum(axis=1), called.sum(axis=1) + same.sum(axis=1)
    return np.divide(2 * right, counts, out=np.full(len(labels), np.nan), where=counts > 0)


def served(kept: np.ndarray, substitutes: csr_array) -> np.ndarray:
    """The share of each item's demand that the kept items serve, (n,): the largest S[i, j] of any
    kept j.
    """
    if not len(kept):
        return np.zeros(substitutes.shape[0])
    return substitutes[:, kept].max(axis=1).toarray().ravel()


def greedy_assortment(demand: np.ndarray, substitutes: csr_array, budget: int) -> np.ndarray:
    """The rows of at most `budget` items that cover much demand, in the order of their choice.

    This is facility location. Each item added is the one that gains most, so the first items of a
    large assortment are those of a smaller one. It reaches at least 1 - 1/e of the best (Nemhauser,
    Wolsey and Fisher 1978); `lp_bound` says how far it can be from it. Gains only shrink, so an old
    gain that does not lead is not computed again (Minoux 1978). Raises ValueError for a demand
    below 0.

    >>> substitutes = csr_array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    >>> greedy_assortment(np.array([10, 9, 5]), substitutes, 2)
    array([0, 2])
    """
    if not (np.isfinite(demand).all() and (demand >= 0).all()):
        raise ValueError(f"demand must be at least 0 and finite, the least is {demand.min()}")
    columns = substitutes.tocsc()
    served = np.zeros(len(demand))

    def gain(item: int) -> float:
        part = slice(columns.indptr[item], columns.indptr[item + 1])
        rows = columns.indices[part]
        return float(demand[rows] @ np.maximum(columns.data[part] - served[rows], 0))

    queue = [(-gain(item), item) for item in range(len(demand))]
    heapq.heapify(queue)
    kept: list[int] = []
    while queue and len(kept) < budget:
        item = heapq.heappop(queue)[1]
        new = -gain(item)
        if queue and new > queue[0][0]:
            heapq.heappush(queue, (new, item))
            continue
        served = np.maximum(served, columns[:, [item]].toarray().ravel())
        kept.append(item)
    return np.array(kept, int)


def lp_bound(demand: np.ndarray, substitutes: csr_array, budget: int) -> float:
    """The covered demand when items may be kept in part: no choice of whole items exceeds it.

    Variables are y (n,), how much of each item is kept, and x, one for each substitution (i, j)
    with demand: maximise the sum of demand_i S[i, j] x[i, j], where x[i, j] <= y[j], the x of one i
    sum to at most 1 and y sums to at most the budget.
    """
    from scipy.optimize import linprog

    s = coo_array(substitutes)
    gains = np.asarray(demand, float)[s.row] * s.data
    wanted = gains > 0
    n, m = len(demand), int(wanted.sum())
    if not m or budget <= 0:
        return 0.0
    ones, each = np.ones(m), np.arange(m)
    kept = coo_array((-ones, (each, s.col[wanted])), shape=(m, n))
    once = coo_array((ones, (s.row[wanted], each)), shape=(n, m))
    limits = block_array([[kept, eye_array(m)], [None, once], [np.ones((1, n)), None]])
    at_most = np.r_[np.zeros(m), np.ones(n), budget]
    value = np.r_[np.zeros(n), gains[wanted]]
    return -float(linprog(-value, A_ub=limits, b_ub=at_most, bounds=(0, 1)).fun)


def predicted_demand(neighbours: Ranking, demand: np.ndarray) -> np.ndarray:
    """What demand its neighbours in stock predict for each new product, (q,).

    The mean of log(1 + demand), weighted by likeness, taken back: sales spread over orders of
    magnitude. A product without a neighbour of a likeness above 0 gets the mean of the whole stock.
    """
    level = np.log1p(np.asarray(demand, float))
    weights = np.where(neighbours.positions >= 0, np.maximum(neighbours.scores, 0), 0)  # (q, k)
    total = weights.sum(axis=1)
    sums = (weights * level[neighbours.positions]).sum(axis=1)
    return np.expm1(np.divide(sums, total, out=np.full(len(sums), level.mean()), where=total > 0))
