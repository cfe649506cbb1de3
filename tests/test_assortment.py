"""Assortment: pairs and clusters by hand, the solver against every choice there is, demand from neighbours."""

from __future__ import annotations

from itertools import combinations

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, eye_array

from lib.catalogue import Catalogue
from lib.datasets import Dataset
from lib.parameters import NOTEBOOKS
from lib.search import Ranking
from lib.tasks.assortment import (
    Assortment,
    covered,
    keep,
    lp_bound,
    neighbour_pairs,
    predicted_demand,
    redundant,
    substitutability,
)
from lib.tasks.purchases import Purchases


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
    return rng.integers(0, 20, n).astype(float), csr_array(s)  # not symmetric: the objective does not ask for it


def by_hand(demand: np.ndarray, s: csr_array, budget: int) -> float:
    """The best of every choice."""
    dense = s.toarray()
    return max((demand * dense[:, list(c)].max(axis=1)).sum() for c in combinations(range(len(demand)), budget))


# who substitutes for whom


def test_pairs_come_once_with_the_larger_score() -> None:
    pairs = neighbour_pairs(ranking([[1, 2], [0, -1], [2, 1]], [[0.9, 0.5], [0.8, -np.inf], [1.0, 0.3]]))
    assert pairs[["left", "right"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    np.testing.assert_allclose(pairs["score"], [0.9, 0.5, 0.3], rtol=1e-6)


def test_substitutability_is_symmetric_with_itself_at_one() -> None:
    pairs = neighbour_pairs(ranking([[1, 2], [0, 2], [1, 0]], [[0.9, 0.2], [0.9, 0.5], [0.5, 0.2]]))
    s = substitutability(pairs, 4, 0.5).toarray()
    np.testing.assert_allclose(s, [[1, 0.9, 0, 0], [0.9, 1, 0.5, 0], [0, 0.5, 1, 0], [0, 0, 0, 1]], rtol=1e-6)
    assert (substitutability(pairs, 4, 2.0).toarray() == np.eye(4)).all()


def test_clusters_do_not_chain() -> None:
    labels = redundant(alike(6, (0, 1, 0.9), (1, 2, 0.8), (3, 4, 0.7)))
    assert labels[0] == labels[1] != labels[2]  # 2 is like 1 but nothing like 0
    assert labels[3] == labels[4]
    assert len(set(labels)) == 4
    everything = redundant(alike(3, (0, 1, 0.9), (1, 2, 0.8), (0, 2, 0.7)))
    assert len(set(everything)) == 1
    assert len(set(redundant(csr_array(eye_array(3))))) == 3


# what to keep


def test_covered_by_hand() -> None:
    s, demand = alike(3, (0, 1, 0.5)), np.array([10.0, 4, 2])
    assert covered([0], demand, s) == 10 + 0.5 * 4
    assert covered([0, 2], demand, s) == 10 + 0.5 * 4 + 2
    assert covered([], demand, s) == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [1, 3, 7])
def test_the_solver_finds_the_best_of_every_choice(seed: int, budget: int) -> None:
    demand, s = random_shop(seed)
    best = by_hand(demand, s, budget)
    found = keep(demand, s, budget)
    assert found.covered == pytest.approx(best)
    assert found.covered == pytest.approx(covered(found.kept, demand, s))
    assert len(found.kept) <= budget
    assert found.gap == pytest.approx(0, abs=1e-6)
    for method in ("greedy", "top", "random"):
        other = keep(demand, s, budget, method=method)
        assert len(other.kept) == budget == len(set(other.kept.tolist()))
        assert other.covered <= best + 1e-9
        assert np.isnan(other.bound) and np.isnan(other.gap)
    assert keep(demand, s, budget, method="greedy").covered >= (1 - 1 / np.e) * best
    assert lp_bound(demand, s, budget) >= best - 1e-6


def test_greedy_equals_the_plain_greedy_rule() -> None:
    for seed in range(20):
        demand, s = random_shop(seed, n=12)
        demand += np.random.default_rng(seed).random(12)  # no ties
        kept: list[int] = []
        for _ in range(5):
            gains = {i: covered([*kept, i], demand, s) for i in range(12) if i not in kept}
            kept.append(max(gains, key=gains.__getitem__))
        assert keep(demand, s, 5, method="greedy").kept.tolist() == sorted(kept)


def test_greedy_can_be_led_astray_and_the_solver_not() -> None:
    # item 4 serves a little of everything and looks best first; two others together serve all
    s = np.eye(5)
    s[0, 1] = s[2, 3] = s[1, 0] = s[3, 2] = 1
    s[:4, 4] = 0.6
    demand = np.array([1.0, 1, 1, 1, 0])
    assert keep(demand, csr_array(s), 2).covered == 4
    assert keep(demand, csr_array(s), 2, method="greedy").covered == pytest.approx(3.2)


@pytest.mark.parametrize("method", ["milp", "greedy", "top", "random"])
def test_no_budget_and_more_than_enough(method: str) -> None:
    demand, s = random_shop(0)
    nothing = keep(demand, s, 0, method=method)
    assert (nothing.kept.tolist(), nothing.covered) == ([], 0)
    for budget in (8, 50):
        assert keep(demand, s, budget, method=method).covered == demand.sum()


@pytest.mark.parametrize("method", ["milp", "greedy", "top", "random"])
def test_no_demand_is_covered_by_anything(method: str) -> None:
    found = keep(np.zeros(4), alike(4, (0, 1, 0.5)), 2, method=method)
    assert found.covered == 0
    assert len(found.kept) <= 2
    assert keep(np.zeros(4), alike(4), 2).gap == 0


def test_random_follows_its_seed() -> None:
    demand, s = random_shop(0, n=50)
    one, same, other = (keep(demand, s, 5, method="random", seed=seed).kept.tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_out_of_time_is_no_worse_than_greedy() -> None:
    demand, s = random_shop(1, n=60)
    found = keep(demand, s, 9, seconds=1e-6)
    assert found.covered >= keep(demand, s, 9, method="greedy").covered - 1e-9
    assert found.bound >= found.covered - 1e-6


def test_wrong_arguments_say_what_is_wrong() -> None:
    s = alike(3)
    with pytest.raises(ValueError, match=r"at least 0 and finite, got -1"):
        keep(np.ones(3), s, -1)
    with pytest.raises(ValueError, match=r"at least 0 and finite.*demand of -2"):
        keep(np.array([1.0, -2, 3]), s, 1)
    with pytest.raises(ValueError, match="finite"):
        keep(np.array([1.0, np.nan, 3]), s, 1)
    with pytest.raises(ValueError, match=r"\(3, 3\).*demand of 2 items needs \(2, 2\)"):
        keep(np.ones(2), s, 1)
    with pytest.raises(ValueError, match=r"one of .*got 'best'"):
        keep(np.ones(3), s, 1, method="best")


def test_the_gap_is_what_is_missing_to_the_bound() -> None:
    assert Assortment(np.array([0]), 9.0, 10.0, 0.0).gap == pytest.approx(0.1)
    assert Assortment(np.array([], int), 0.0, 0.0, 0.0).gap == 0
    assert Assortment(np.array([0]), 10.0 + 1e-9, 10.0, 0.0).gap == 0


# a new product


def test_demand_from_neighbours_by_hand() -> None:
    demand = np.array([0.0, 3, 15])  # log(1 + d): 0, log 4, log 16
    near = ranking([[2, 1], [0, -1], [-1, -1], [1, 2]], [[0.5, 0.5], [0.9, -np.inf], [-np.inf, -np.inf], [0.4, -0.2]])
    mean = np.expm1((np.log(4) + np.log(16)) / 3)
    np.testing.assert_allclose(predicted_demand(near, demand), [7, 0, mean, 3], atol=1e-6)


# the notebook


def test_the_notebook_holds_the_newest_purchase_out_by_its_time_and_not_by_its_row() -> None:
    rows = pd.DataFrame({"user": ["u", "u", "v", "v"], "item": ["new", "old", "old", "new"]})
    rows["time"] = pd.to_datetime(["2025-03-01", "2025-01-01", "2025-01-02", "2025-02-02"])
    shop = Dataset("s", {"s": Catalogue("s", pd.DataFrame({"title": ["x", "y"]}, ["old", "new"]))}, interactions=rows)
    sources = [c.source for c in nbformat.read(NOTEBOOKS / "10_assortment.ipynb", 4).cells if "shop = load(" in c.source]
    given = {"load": lambda *_, **__: shop, "np": np, "pd": pd, "Purchases": Purchases}
    names = given | {"DATASET": "s", "STOCK": 2}
    exec(sources[0], names)
    assert dict(zip(names["stock"].ids, names["demand"], strict=True)) == {"old": 2, "new": 0}
    assert names["stock"].ids[names["place"]].tolist() == ["new", "new"]
