"""Which stock substitutes for which, what to keep for a budget, and what demand a new product meets.

Substitutability is a sparse (n, n) matrix S in [0, 1]: S[i, j] is the share of item i's demand that j would serve if i were
gone, and S[i, i] = 1. It is likeness that stands in for it here: no shop publishes what its customers took instead.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array, eye_array

from lib.search import Ranking

METHODS = ("milp", "greedy", "top", "random")


@dataclass(frozen=True)
class Assortment:
    """The rows `kept` (b,), in order, the demand `covered` by them, and the `bound` that the solver proved for any choice.

    Only "milp" proves one; NaN for the others, see `lp_bound`.
    """

    kept: np.ndarray
    covered: float
    bound: float
    seconds: float

    @property
    def gap(self) -> float:
        """The share of the bound that is not reached, in [0, 1]; 0 is proved optimal."""
        return 0.0 if self.bound == 0 else float(np.clip(1 - self.covered / self.bound, 0, 1))


def neighbour_pairs(ranking: Ranking) -> pd.DataFrame:
    """Each pair of neighbours once, rows `left` < `right` of the corpus, with the larger of the two scores.

    The ranking must be of a corpus against itself.
    """
    k = ranking.k
    left, right, score = np.repeat(np.arange(len(ranking.positions)), k), ranking.positions.ravel(), ranking.scores.ravel()
    found = (right >= 0) & (right != left)
    ends = np.sort(np.stack([left[found], right[found]], axis=1), axis=1)
    table = pd.DataFrame({"left": ends[:, 0], "right": ends[:, 1], "score": score[found].astype(float)})
    return table.groupby(["left", "right"], as_index=False)["score"].max()


def substitutability(pairs: pd.DataFrame, n: int, threshold: float) -> csr_array:
    """S (n, n) from `neighbour_pairs`: the score where it reaches the threshold, either way; 1 for an item and itself."""
    near = pairs[pairs["score"] >= threshold]
    cells = (np.r_[near["left"], near["right"]], np.r_[near["right"], near["left"]])
    values = np.clip(np.r_[near["score"], near["score"]], 0, 1)
    return csr_array(coo_array((values, cells), shape=(n, n))) + csr_array(eye_array(n))


def redundant(substitutes: csr_array) -> np.ndarray:
    """A cluster label for each item, (n,): within a cluster each can stand in for each (complete linkage).

    Single links would chain: a is like b, b like c, c nothing like a. Items alone have a cluster of their own.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial.distance import squareform

    _, component = connected_components(substitutes, directed=False)
    labels = np.full(len(component), -1)
    for rows in pd.Series(np.arange(len(component))).groupby(component).agg(list):
        block = substitutes[rows][:, rows].toarray()
        distance = np.where(block > 0, 1 - block, 2.0)  # 2: can never be in one cluster
        np.fill_diagonal(distance, 0)
        own = [1] if len(rows) == 1 else fcluster(linkage(squareform(distance), "complete"), 1.0, "distance")
        labels[rows] = np.asarray(own) + labels.max(initial=-1)
    return labels


def covered(kept: Sequence[int] | np.ndarray, demand: np.ndarray, substitutes: csr_array) -> float:
    """The demand that the kept items serve: sum over i of demand_i times the largest S[i, j] of any kept j."""
    return float(demand @ served(kept, substitutes))


def served(kept: Sequence[int] | np.ndarray, substitutes: csr_array) -> np.ndarray:
    """The share of each item's demand that the kept items serve, (n,)."""
    kept = np.asarray(kept, int)
    return substitutes[:, kept].max(axis=1).toarray().ravel() if len(kept) else np.zeros(substitutes.shape[0])


def keep(
    demand: np.ndarray,
    substitutes: csr_array,
    budget: int,
    *,
    method: str = "milp",
    tolerance: float = 1e-4,
    seconds: float = 60.0,
    seed: int = 0,
) -> Assortment:
    """At most `budget` items that cover the most demand (see `covered`): the facility location problem.

    "milp" (HiGHS by scipy) stops when no choice can be better by a larger share than `tolerance`, or after `seconds`;
    "greedy" adds what gains most each time, at least 1 - 1/e of the best (Nemhauser, Wolsey and Fisher 1978); "top" keeps
    what sells most, "random" anything. Raises ValueError for a budget or a demand below 0.
    """
    demand = np.asarray(demand, float)
    if method not in METHODS:
        raise ValueError(f"method is one of {METHODS}, got {method!r}")
    if substitutes.shape != (len(demand), len(demand)):
        raise ValueError(f"substitutes are {substitutes.shape}; a demand of {len(demand)} items needs {(len(demand),) * 2}")
    if budget < 0 or not np.isfinite(demand).all() or (demand < 0).any():
        raise ValueError(f"budget and demand must be at least 0 and finite, got {budget} and a least demand of {demand.min()}")
    start, budget, bound = time.perf_counter(), min(int(budget), len(demand)), np.nan
    if method == "milp":
        kept, bound = _milp(demand, substitutes, budget, tolerance, seconds)
    elif method == "greedy":
        kept = _greedy(demand, substitutes, budget)
    else:
        order = np.argsort(-demand, kind="stable") if method == "top" else np.random.default_rng(seed).permutation(len(demand))
        kept = order[:budget]
    spent = time.perf_counter() - start
    return Assortment(np.sort(kept), covered(kept, demand, substitutes), bound, spent)


def lp_bound(demand: np.ndarray, substitutes: csr_array, budget: int) -> float:
    """The covered demand when items may be kept in part: no choice of whole items exceeds it."""
    return _solve(np.asarray(demand, float), substitutes, min(budget, len(demand)))[1]


def predicted_demand(neighbours: Ranking, demand: np.ndarray) -> np.ndarray:
    """What demand its neighbours in stock predict for each new product, (q,).

    The mean of log(1 + demand), weighted by likeness, taken back: sales spread over orders of magnitude. A product without
    any neighbour of a likeness above 0 gets the mean over the whole stock.
    """
    level = np.log1p(np.asarray(demand, float))
    weights = np.where(neighbours.positions >= 0, np.maximum(neighbours.scores, 0), 0)  # (q, k)
    total = weights.sum(axis=1)
    sums = (weights * level[neighbours.positions]).sum(axis=1)
    return np.expm1(np.divide(sums, total, out=np.full(len(sums), level.mean()), where=total > 0))


def _greedy(demand: np.ndarray, substitutes: csr_array, budget: int) -> np.ndarray:
    """Lazy greedy (Minoux 1978): gains only shrink, so an item whose old gain leads is looked at again first."""
    columns = substitutes.tocsc()
    served = np.zeros(len(demand))

    def gain(item: int) -> float:
        part = slice(columns.indptr[item], columns.indptr[item + 1])
        rows = columns.indices[part]
        return float(demand[rows] @ np.maximum(columns.data[part] - served[rows], 0))

    queue = [(-gain(item), item) for item in range(len(demand))]
    heapq.heapify(queue)
    kept: list[int] = []
    while len(kept) < budget:
        item = heapq.heappop(queue)[1]
        new = -gain(item)
        if queue and new > queue[0][0]:
            heapq.heappush(queue, (new, item))
            continue
        part = slice(columns.indptr[item], columns.indptr[item + 1])
        served[columns.indices[part]] = np.maximum(served[columns.indices[part]], columns.data[part])
        kept.append(item)
    return np.array(kept, int)


def _milp(
    demand: np.ndarray, substitutes: csr_array, budget: int, tolerance: float, seconds: float
) -> tuple[np.ndarray, float]:
    """The solver's choice, or the greedy one where time ran out before it found a better, and the bound it proved."""
    share, bound = _solve(demand, substitutes, budget, {"mip_rel_gap": tolerance, "time_limit": seconds})
    greedy = _greedy(demand, substitutes, budget)
    if share is None:
        return greedy, bound
    kept = np.flatnonzero(share > 0.5)
    better = covered(kept, demand, substitutes) >= covered(greedy, demand, substitutes)
    return (kept if better else greedy), bound


def _solve(
    demand: np.ndarray, substitutes: csr_array, budget: int, options: dict[str, float] | None = None
) -> tuple[np.ndarray | None, float]:
    """How much of each item is kept, (n,), None where time ran out, and the proved bound; in part where there are no options.

    Variables are y (n,), what is kept, and x, one a substitution (i, j) with demand: maximise sum demand_i S[i, j] x[i, j]
    with x[i, j] <= y[j], sum over j of x[i, j] <= 1 and sum of y <= budget.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    s = coo_array(substitutes)
    wanted = demand[s.row] * s.data > 0
    i, j, worth = s.row[wanted], s.col[wanted], (demand[s.row] * s.data)[wanted]
    n, m = len(demand), len(worth)
    if not m or budget <= 0:
        return np.zeros(n), 0.0
    ones, x = np.ones(m), n + np.arange(m)
    linked = coo_array((np.r_[ones, -ones], (np.r_[np.arange(m), np.arange(m)], np.r_[x, j])), shape=(m, n + m))
    once = coo_array((ones, (i, x)), shape=(n, n + m))
    spent = coo_array((np.ones(n), (np.zeros(n, int), np.arange(n))), shape=(1, n + m))
    limits = [LinearConstraint(a.tocsr(), -np.inf, b) for a, b in ((linked, 0.0), (once, 1.0), (spent, float(budget)))]
    found = milp(
        -np.r_[np.zeros(n), worth],
        constraints=limits,
        bounds=Bounds(0, 1),
        integrality=np.r_[np.full(n, int(options is not None)), np.zeros(m)],
        options=options,
    )
    proved = found.fun if options is None else found.mip_dual_bound  # None where time ran out before anything was proved
    bound = demand @ substitutes.max(axis=1).toarray().ravel() if proved is None else -proved
    return (None if found.x is None else found.x[:n]), float(bound)
