"""Betting intervals against a formula by hand, and their coverage at every stopping time."""

import numpy as np
import pytest

from lib.decision import betting
from lib.decision.betting import betting_interval, log_capital


def wealth(draws, mean, bets):
    """One bettor after another, one draw after another."""
    purses = [np.prod([1 + bet[t] * (x - mean) for t, x in enumerate(draws)]) for bet in bets]
    return np.log(np.mean(purses))


def test_capital_is_that_of_bets_placed_one_by_one():
    draws, mean = [0.2, 0.9, 0.6, 1.0, 0.7], 0.4
    spreads = []
    for t in range(5):  # a quarter of the range counts for eight draws
        before = [(draws[i] - np.mean(draws[:i])) ** 2 for i in range(1, t)]
        spreads.append(np.sqrt((sum(before) + 8 / 16) / (t + 8)))
    bets = [[min(s / spread, 0.9 / mean) for spread in spreads] for s in betting.SHARPE]
    column = np.array(draws)[:, None]
    found = log_capital(column, 0 * column, 0 * column + 1, mean)
    assert found[-1, 0] == pytest.approx(wealth(draws, mean, bets))


def test_no_draw_yet_or_one_says_little():
    one = np.array([[0.7]])
    low, high = betting_interval(one, 0 * one, 0 * one + 1)
    assert low[0] < 0.05 and high[0] == pytest.approx(1, abs=1e-6)


def test_the_interval_ends_where_the_capital_reaches_its_bound():
    draws = np.random.default_rng(3).random((200, 2)) ** 2
    low, high = betting_interval(draws, 0 * draws, 0 * draws + 1, alpha=0.1)
    assert ((low < draws.mean(0)) & (draws.mean(0) < high)).all()
    at = log_capital(draws, 0 * draws, 0 * draws + 1, low).max(axis=0)
    assert at == pytest.approx(np.log(20), abs=1e-3)
    earlier = betting_interval(draws[:100], 0 * draws[:100], 0 * draws[:100] + 1, alpha=0.1)
    assert (low >= earlier[0] - 1e-6).all() and (high <= earlier[1] + 1e-6).all()


@pytest.mark.parametrize("chance", [0.02, 0.5])
def test_at_every_stopping_time_the_mean_is_held(chance):
    """2,000 streams at once: a t interval looked at as often would lose the mean in far more."""
    hits = (np.random.default_rng(0).random((300, 2000)) < chance).astype(float)  # (t, streams)
    above = log_capital(hits, 0 * hits, 0 * hits + 1, chance)
    below = log_capital(-hits, 0 * hits - 1, 0 * hits, -chance)
    lost = (np.maximum(above, below).max(axis=0) >= np.log(40)).mean()
    assert lost <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 2000)
    assert (above[-1] > np.log(40)).mean() < 0.03


def test_a_real_difference_is_found():
    hits = (np.random.default_rng(1).random((400, 200)) < 0.6).astype(float)
    assert (log_capital(hits, 0 * hits, 0 * hits + 1, 0.45).max(axis=0) > np.log(40)).mean() > 0.95
