"""Assortment: pairs and clusters by hand, greedy against every choice there is, demand from
neighbours.
"""

from __future__ import annotations

from itertools import combinations

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, eye_array

from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.purchases import Purchases, leave_last_out
from lib.report.parameters import NOTEBOOKS
from lib.search.exact import Ranking
from lib.tasks.assortment import (
    greedy_assortment,
    lp_bound,
    neighbour_pairs,
    predicted_demand,
    served,
    substitutability,
    substitute_f1,
)


def ranking(positions: list[list[int]], scores: list[list[float]]) -> Ranking:
    return Ranking("r", np.array(positions), np.array(scores, np.float32))


def alike(n: int, *near: tuple[int, int, float]) -> csr_array:
    s = np.eye(n)
    for i, j, value in near:
        s[i, j] = s[j, i] = value
    return csr_array(s)


def random_shop(seed: int, n: int = 8) -> tuple[np.ndarray, csr_array]:
    rng = np.random.default_rng(seed)
    s = np.where(rng.random((n, n)) < 0.4, rng.random((n, n)), 0)
    np.fill_diagonal(s, 1)
    return rng.integers(0, 20, n).astype(float), csr_array(
        s
    )  # not symmetric: the objective does not ask for it


def covered(kept: list[int] | np.ndarray, demand: np.ndarray, s: csr_array) -> float:
    return float(demand @ served(kept, s))


def by_hand(demand: np.ndarray, s: csr_array, budget: int) -> float:
    """The best of every choice."""
    dense = s.toarray()
    return max(
        (demand * dense[:, list(c)].max(axis=1)).sum()
        for c in combinations(range(len(demand)), budget)
    )


# who substitutes for whom


def test_pairs_come_once_with_the_larger_score() -> None:
    pairs = neighbour_pairs(
        ranking([[1, 2], [0, -1], [2, 1]], [[0.9, 0.5], [0.8, -np.inf], [1.0, 0.3]])
    )
    assert pairs[["left", "right"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    np.testing.assert_allclose(pairs["score"], [0.9, 0.5, 0.3], rtol=1e-6)


def test_substitutability_is_symmetric_with_itself_at_one() -> None:
    pairs = neighbour_pairs(ranking([[1, 2], [0, 2], [1, 0]], [[0.9, 0.2], [0.9, 0.5], [0.5, 0.2]]))
    s = substitutability(pairs, 4, 0.5).toarray()
    np.testing.assert_allclose(
        s, [[1, 0.9, 0, 0], [0.9, 1, 0.5, 0], [0, 0.5, 1, 0], [0, 0, 0, 1]], rtol=1e-6
    )
    assert (substitutability(pairs, 4, 2.0).toarray() == np.eye(4)).all()


def test_f1_of_substitutes_by_hand() -> None:
    s = alike(5, (0, 1, 0.9), (0, 3, 0.8), (1, 3, 0.7))
    found = substitute_f1(s, ["x", "x", "x", "y", "z"])
    # item 0 is called like 1, rightly, and 3, wrongly, and 2 is missed: 2 · 1 / (2 + 2)
    np.testing.assert_allclose(found, [0.5, 0.5, 0, 0, np.nan])


# what to keep


def test_covered_by_hand() -> None:
    s, demand = alike(3, (0, 1, 0.5)), np.array([10.0, 4, 2])
    assert covered([0], demand, s) == 10 + 0.5 * 4
    assert covered([0, 2], demand, s) == 10 + 0.5 * 4 + 2
    assert covered([], demand, s) == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [1, 3, 7])
def test_no_choice_exceeds_the_bound_and_greedy_keeps_its_promise(seed: int, budget: int) -> None:
    demand, s = random_shop(seed)
    best = by_hand(demand, s, budget)
    greedy = greedy_assortment(demand, s, budget)
    assert len(greedy) == budget == len(set(greedy.tolist()))
    assert (1 - 1 / np.e) * best <= covered(greedy, demand, s) <= best + 1e-9
    assert best - 1e-6 <= lp_bound(demand, s, budget) <= demand.sum() + 1e-6


def test_the_bound_by_hand() -> None:
    s = csr_array(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1.0]]))
    assert by_hand(np.ones(3), s, 1) == 2
    assert lp_bound(np.ones(3), s, 1) == pytest.approx(2)
    assert lp_bound(np.array([3.0, 2, 1]), csr_array(eye_array(3)), 2) == pytest.approx(5)


def test_greedy_equals_the_plain_greedy_rule() -> None:
    for seed in range(20):
        demand, s = random_shop(seed, n=12)
        demand += np.random.default_rng(seed).random(12)  # no ties
        kept: list[int] = []
        for _ in range(5):
            gains = {i: covered([*kept, i], demand, s) for i in range(12) if i not in kept}
            kept.append(max(gains, key=gains.__getitem__))
        assert greedy_assortment(demand, s, 5).tolist() == kept


def test_greedy_can_be_led_astray() -> None:
    # item 4 serves a little of everything and looks best first; two others together serve all
    s = np.eye(5)
    s[0, 1] = s[2, 3] = s[1, 0] = s[3, 2] = 1
    s[:4, 4] = 0.6
    demand, s = np.array([1.0, 1, 1, 1, 0]), csr_array(s)
    assert covered(greedy_assortment(demand, s, 2), demand, s) == pytest.approx(3.2)
    assert lp_bound(demand, s, 2) == pytest.approx(by_hand(demand, s, 2)) == 4


def test_no_budget_more_than_enough_and_no_demand() -> None:
    demand, s = random_shop(0)
    assert greedy_assortment(demand, s, 0).tolist() == []
    for budget in (8, 50):
        assert sorted(greedy_assortment(demand, s, budget)) == list(range(8))
    assert len(greedy_assortment(np.zeros(8), s, 2)) == 2
    assert lp_bound(np.zeros(8), s, 2) == lp_bound(demand, s, 0) == 0


def test_a_demand_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 0 and finite, the least is -2"):
        greedy_assortment(np.array([1.0, -2, 3]), alike(3), 1)


# a new product


def test_demand_from_neighbours_by_hand() -> None:
    demand = np.array([0.0, 3, 15])  # log(1 + d): 0, log 4, log 16
    near = ranking(
        [[2, 1], [0, -1], [-1, -1], [1, 2]],
        [[0.5, 0.5], [0.9, -np.inf], [-np.inf, -np.inf], [0.4, -0.2]],
    )
    mean = np.expm1((np.log(4) + np.log(16)) / 3)
    np.testing.assert_allclose(predicted_demand(near, demand), [7, 0, mean, 3], atol=1e-6)


# the notebook


def test_the_notebook_holds_the_newest_purchase_out_by_its_time_and_not_by_its_row() -> None:
    rows = pd.DataFrame({"user": ["u", "u", "v", "v"], "item": ["new", "old", "old", "new"]})
    rows["time"] = pd.to_datetime(["2025-03-01", "2025-01-01", "2025-01-02", "2025-02-02"])
    shop = Dataset(
        "s",
        {"s": Catalogue("s", pd.DataFrame({"title": ["x", "y"]}, ["old", "new"]))},
        interactions=rows,
    )
    cells = nbformat.read(NOTEBOOKS / "11_assortment.ipynb", 4).cells
    sources = [cell.source for cell in cells if "interactions" in cell.source]
    sources += [cell.source for cell in cells if "purchases.recent(1)" in cell.source]
    names = {"load": lambda *_, **__: shop, "record": lambda **_: None, "np": np, "pd": pd}
    names |= {"Purchases": Purchases, "leave_last_out": leave_last_out, "display": str}
    names |= {"DATASET": "s", "STOCK": 2, "ROWS": 2, "SEED": 0}
    for source in sources:
        exec(source, names)
    assert dict(zip(names["stock"].ids, names["demand"], strict=True)) == {"old": 2, "new": 0}
    assert names["stock"].ids[names["place"]].tolist() == ["new", "new"]
