"""Candidates and their recall, by hand and against counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.search.exact import Ranking
from lib.tasks.blocking import candidate_pairs, candidates_needed, recall_by_depth


def catalogue(name: str, n: int) -> Catalogue:
    ids = [f"{name}{i}" for i in range(n)]
    return Catalogue(name, pd.DataFrame({"title": ["x"] * n}, index=ids))


MATCHES = [("q0", "c1"), ("q1", "c0"), ("q1", "c2")]
TASK = Task.from_matches("t", catalogue("q", 3), catalogue("c", 4), MATCHES)
RANKING = Ranking(
    "r",
    np.array([[0, 1, 2], [0, 3, 2], [3, -1, -1]]),
    np.array([[0.9, 0.8, 0.1], [0.8, 0.5, 0.4], [0.7, -np.inf, -np.inf]], np.float32),
)


def test_candidate_pairs_by_hand() -> None:
    pairs = candidate_pairs(RANKING.first(2), TASK)
    assert pairs[["left", "right", "label"]].to_numpy().tolist() == [
        ["q0", "c0", 0],
        ["q0", "c1", 1],
        ["q1", "c0", 1],
        ["q1", "c3", 0],
        ["q2", "c3", 0],
    ]
    assert pairs["score"].tolist() == pytest.approx([0.9, 0.8, 0.8, 0.5, 0.7])
    assert len(candidate_pairs(RANKING, TASK)) == 7


def test_in_one_catalogue_every_pair_comes_once() -> None:
    task = Task.same_label("s", catalogue("c", 3), ["a", "a", None])
    found = np.array([[1, 2], [0, -1], [0, 1]])
    scores = np.array([[0.9, 0.5], [0.9, -np.inf], [0.5, 0.4]], np.float32)
    pairs = candidate_pairs(Ranking("r", found, scores), task)
    assert pairs[["left", "right", "label"]].to_numpy().tolist() == [
        ["c0", "c1", 1],
        ["c0", "c2", 0],
        ["c1", "c2", 0],
    ]


def test_recall_of_the_candidates_kept() -> None:
    by_depth = recall_by_depth(RANKING, TASK)
    assert by_depth.index.tolist() == [1, 2, 3]
    assert by_depth.tolist() == pytest.approx([1 / 3, 2 / 3, 1])


def test_the_curve_equals_counting() -> None:
    rng = np.random.default_rng(0)
    matches = {(f"q{i}", f"c{j}") for i, j in rng.integers(30, size=(40, 2))}
    task = Task.from_matches("t", catalogue("q", 30), catalogue("c", 30), matches)
    found = np.argsort(rng.random((30, 30)))[:, :12]
    curve = recall_by_depth(Ranking("r", found, np.zeros((30, 12), np.float32)), task)
    relevant = task.relevance.toarray() > 0
    for k in range(1, 13):
        hits = sum(relevant[row, found[row, :k]].sum() for row in range(30))
        assert curve[k] == pytest.approx(hits / len(matches))


def test_candidates_needed_for_a_recall() -> None:
    assert candidates_needed(recall_by_depth(RANKING, TASK), 0.6) == 2
    assert np.isnan(candidates_needed(recall_by_depth(RANKING.first(2), TASK), 0.99))


def test_without_matches_there_is_no_recall() -> None:
    nothing = Task.from_matches("t", catalogue("q", 3), catalogue("c", 4), [])
    curve = recall_by_depth(RANKING, nothing)
    assert curve.isna().all()
    assert np.isnan(candidates_needed(curve))
