"""Odds, thresholds and what becomes of questions, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Task
from lib.search.exact import Ranking
from lib.tasks.answer_confidence import (
    answered_rightly,
    choose_threshold,
    fit_odds,
    outcomes,
    trade_off,
)


def task(relevance: list[list[int]]) -> Task:
    relevance = np.array(relevance)
    queries, corpus = (Catalogue("c", pd.DataFrame({"title": ["x"] * n})) for n in relevance.shape)
    return Task("t", queries, corpus, csr_array(relevance), csr_array(relevance.shape))


FOUND = Ranking(
    "r",
    np.array([[0, 1, 2], [1, -1, -1], [2, 0, -1], [-1, -1, -1]]),
    np.full((4, 3), -np.inf, np.float32),
)
FOUND.scores[:3, 0] = [0.9, 0.6, 0.3]
ASKED = [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]


def test_outcomes_by_hand() -> None:
    right = answered_rightly(FOUND, task(ASKED))
    table = outcomes(FOUND.scores[:, 0], right, 0.5)
    np.testing.assert_array_equal(table["hit@3"], [1, np.nan, 0, 0])
    np.testing.assert_array_equal(table["declined"], [np.nan, 0, np.nan, np.nan])
    strict = outcomes(FOUND.scores[:, 0], right, 0.95)
    np.testing.assert_array_equal(strict["hit@3"], [0, np.nan, 0, 0])
    assert strict["declined"].iloc[1] == 1


def test_the_threshold_parts_hits_from_what_should_be_declined() -> None:
    first = FOUND.scores[:, 0]
    assert 0.6 < choose_threshold(first, answered_rightly(FOUND, task(ASKED))) < 0.9
    with pytest.raises(ValueError, match="no question found anything"):
        choose_threshold(np.array([-np.inf]), np.array([0.0]))
    with pytest.raises(ValueError, match="questions with and without an answer"):
        choose_threshold(first, np.ones(4))


def test_the_threshold_is_the_best_of_all_by_a_plain_search() -> None:
    rng = np.random.default_rng(0)
    positions = rng.integers(0, 5, (60, 3))
    found = Ranking("r", positions, np.sort(rng.random((60, 3), np.float32))[:, ::-1])
    asked = task((rng.random((60, 5)) < 0.15).astype(int))
    first, right = found.scores[:, 0], answered_rightly(found, asked)
    chosen = outcomes(first, right, choose_threshold(first, right)).mean()
    for threshold in np.linspace(0, 1, 400):
        assert outcomes(first, right, threshold).mean().min() <= chosen.min() + 1e-12


def test_trade_off_by_hand() -> None:
    right = np.array([True, False, False, False])
    line = trade_off(FOUND.scores[:, 0], right)
    np.testing.assert_allclose(line.index, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(line, [1, 1 / 2, 1 / 3])
    tied = np.array([0.5, 0.5, 0.5, -np.inf])
    assert trade_off(tied, right).index.tolist() == [0.75]  # equal scores are answered together
    assert trade_off(np.array([-np.inf]), np.array([False])).empty


def test_a_score_that_means_nothing_gives_the_share_that_was_right() -> None:
    start, slope = fit_odds(
        np.array([0.0, 0, 0, 1, 1, 1]), np.array([1, 1, 1, 0, 0, 0], bool)
    )  # the higher, the worse
    assert slope == 0
    assert 1 / (1 + np.exp(-start)) == pytest.approx(4 / 8)
    assert fit_odds(np.array([]), np.array([], bool))[1] > 0
