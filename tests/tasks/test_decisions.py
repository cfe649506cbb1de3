"""Decisions on pairs: rules and clusters that a person can check, the assignment against scipy's
dense one.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from lib.encoders.embeddings import Embeddings
from lib.tasks.decisions import cluster_f1, clusters, near_duplicates, one_to_one, similarities


def pairs(*names: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"left": [n[0] for n in names], "right": [n[1] for n in names]},
        index=range(7, 7 + len(names)),
    )


def test_one_to_one_gives_up_a_best_pair_for_a_better_sum() -> None:
    found = one_to_one(pairs("aX", "aY", "bX", "cZ"), [0.9, 0.85, 0.8, 0.4], threshold=0.5)
    assert found.tolist() == [
        False,
        True,
        True,
        False,
    ]  # .85 + .8 is more than .9; cZ is below the threshold
    alone = one_to_one(pairs("aX", "aY", "bX"), [0.9, 0.55, 0.6], threshold=0.5)
    assert alone.tolist() == [True, False, False]  # (.9 - .5) is more than (.55 - .5) + (.6 - .5)
    assert not one_to_one(pairs("aX"), [0.4], threshold=0.5).any()


def test_one_to_one_takes_a_pair_given_twice_once_and_by_its_best_score() -> None:
    twice = pairs("aX", "aX", "aY")
    assert one_to_one(twice, [0.9, 0.9, 0.5], threshold=0.4).tolist() == [True, False, False]
    assert one_to_one(twice, [0.3, 0.9, 0.5], threshold=0.4).tolist() == [False, True, False]
    assert one_to_one(twice, [0.6, 0.9, 0.7], threshold=0.4).tolist() == [False, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_one_to_one_equals_the_dense_assignment(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random((12, 9))
    given = rng.random((12, 9)) < 0.4
    left, right = given.nonzero()
    called = one_to_one(pd.DataFrame({"left": left, "right": right}), scores[given], threshold=0.3)
    gain = np.where(given & (scores >= 0.3), scores - 0.3, 0)
    best = gain[linear_sum_assignment(gain, maximize=True)].sum()
    assert (scores[given][called] - 0.3).sum() == pytest.approx(best)
    assert max(np.bincount(left[called])) == max(np.bincount(right[called])) == 1


def grouped(ids: str | list[str], *scored: object, **options: object) -> list[int]:
    return clusters(similarities(list(ids), *scored), **options).tolist()


CHAIN = pairs("ab", "bc", "cd", "ac"), np.array([0.9, 0.8, 0.9, 0.2])  # a = b ~ c = d


def test_components_chain_and_the_guard_cuts_the_chain() -> None:
    assert grouped("abcde", *CHAIN, threshold=0.7, linkage="single") == [0, 0, 0, 0, 1]
    for linkage in ("average", "complete"):
        assert grouped("abcde", *CHAIN, threshold=0.7, linkage=linkage) == [0, 0, 1, 1, 2]


def test_average_forgives_what_complete_does_not() -> None:
    triangle = pairs("ab", "bc", "ac"), [0.95, 0.9, 0.6]  # the mean of bc and ac is .75
    assert grouped("abc", *triangle, threshold=0.7, linkage="average") == [0, 0, 0]
    assert grouped("abc", *triangle, threshold=0.7, linkage="complete") == [0, 0, 1]
    assert grouped("abc", *triangle, threshold=0.96, linkage="average") == [0, 1, 2]


def test_no_cluster_of_the_guard_spans_two_components() -> None:
    rng = np.random.default_rng(0)
    ids = [f"i{n}" for n in range(40)]
    chosen = [c for c in itertools.combinations(ids, 2) if rng.random() < 0.2]
    given, scores = pd.DataFrame(chosen, columns=["left", "right"]), rng.random(len(chosen))
    wide = grouped(ids, given, scores, threshold=0.6, linkage="single")
    by_pair = dict(zip(chosen, scores, strict=True))
    for linkage in ("average", "complete"):
        narrow = grouped(ids, given, scores, threshold=0.6, linkage=linkage)
        assert (pd.Series(wide).groupby(narrow).nunique() == 1).all()
        assert len(set(narrow)) > len(set(wide))
    for _, members in pd.Series(ids).groupby(
        narrow
    ):  # complete: every pair within is there and high
        assert all(by_pair.get(pair, 0) >= 0.6 for pair in itertools.combinations(members, 2))


def test_a_clustering_by_hand() -> None:
    worth = cluster_f1(["x", "x", "x", "y", "z"], ["A", "A", "B", "C", None])
    assert worth["pairs"] == pytest.approx(0.5)  # precision 1/3, recall 1
    precision = (2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5  # of A, A, B, C and the one without a product
    assert worth["b-cubed"] == pytest.approx(2 * precision / (precision + 1))
    assert cluster_f1([5, 5, 6], ["A", "A", None]) == {"pairs": 1, "b-cubed": 1}


def test_cluster_pairs_equal_counting_them() -> None:
    rng = np.random.default_rng(1)
    found, true = rng.integers(6, size=30), rng.integers(8, size=30)
    together = [
        (found[i] == found[j], true[i] == true[j]) for i, j in itertools.combinations(range(30), 2)
    ]
    both, called, matches = (sum(map(f, together)) for f in (all, lambda t: t[0], lambda t: t[1]))
    assert cluster_f1(found, true)["pairs"] == pytest.approx(2 * both / (called + matches))


def test_nothing_together() -> None:
    assert cluster_f1([0, 1], ["A", "B"]) == {"pairs": 0, "b-cubed": 1}


def test_near_duplicates_by_hamming_distance() -> None:
    signs = np.ones((5, 64))
    signs[1, :3] = -1  # 3 bits from 0
    signs[2, :8] = -1  # 8 from 0, 5 from 1
    signs[3] = -1
    signs[4] = 0  # no photo
    hashes = Embeddings("phash", np.array(list("abcde")), signs)
    assert near_duplicates(hashes, distance=5).to_numpy().tolist() == [["a", "b", 3], ["b", "c", 5]]
    assert near_duplicates(hashes, distance=4).to_numpy().tolist() == [["a", "b", 3]]
    assert near_duplicates(hashes, distance=2).empty
    assert near_duplicates(hashes, distance=64)["distance"].tolist() == [3, 5, 8, 56, 61, 64]


def test_wrong_linkage_says_what_there_is() -> None:
    with pytest.raises(
        ValueError, match="single, average, complete and threshold above 0, got 'ward'"
    ):
        grouped("abcd", *CHAIN, threshold=0.5, linkage="ward")
    with pytest.raises(ValueError, match="got 'single' and 0"):
        grouped("abcd", *CHAIN, threshold=0, linkage="single")


def test_a_score_of_nan_is_no_match() -> None:
    assert one_to_one(pairs("aX", "bY"), [0.9, np.nan], threshold=0.5).tolist() == [True, False]
    assert grouped("abc", pairs("ab", "bc"), [0.9, np.nan], threshold=0.5) == [0, 0, 1]


def test_a_pair_given_twice_counts_once() -> None:
    for linkage in ("single", "average"):
        found = grouped("ab", pairs("ab", "ab"), [0.3, 0.3], threshold=0.5, linkage=linkage)
        assert found == [0, 1]
    with pytest.raises(ValueError, match=r"\['a', 'z'\], which are not both among the ids"):
        similarities(["a", "b"], pairs("az"), [0.9])
