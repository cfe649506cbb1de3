"""Intervals that stay valid although one looks after every draw: betting confidence sequences.

Somebody who doubts that a mean exceeds m bets against it at fair odds. Where m is the truth, the
capital grows 40-fold with a chance of at most 1 in 40, whenever one stops (Ville's inequality);
so every m at which it grew that much is left out. The bets are those of Waudby-Smith and Ramdas
(Estimating means of bounded random variables by betting, JRSS B 2024), for draws with changing
chances and without replacement as in Shekhar et al. (Risk-limiting financial audits via weighted
sampling without replacement, UAI 2023).

Two packages were tried first. `confseq` 0.0.11 has no wheel, and compiles only beside Boost's
headers; `ville` 0.1.0 takes draws whose range never changes, so none from a finite pool by weight.
"""

from __future__ import annotations

import numpy as np

# expected gains over standard deviations for which the bets are best; the capital is split equally,
# so that whichever fits earns. A gain of .1 deviations shows after some 2 log(40) / .1² = 740 draws
SHARPE = np.array([0.05, 0.1, 0.2, 0.4])
MOST = 0.9  # of the capital is the most that one draw can lose
BELIEF = 8  # draws that the guess of the spread, a quarter of the range, counts for
STEPS = 25  # halvings of a range: a mean to 7 digits


def betting_interval(
    draws: np.ndarray, low: np.ndarray, high: np.ndarray, *, alpha: float | np.ndarray = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """The two ends (m,) for m means after draws (t, m) in their ranges [`low`, `high`], (t, m).

    Each draw has its mean as expectation, given all before it, and its range was known before it.
    With chance 1 - alpha, (m,) or one for all, an interval holds its mean after every draw at once:
    one may look, stop or go on at will. It only shrinks.

    >>> coins = np.random.default_rng(0).integers(0, 2, (400, 1)).astype(float)
    >>> for t in (20, 100, 400):
    ...     print(np.round(betting_interval(coins[:t], 0 * coins[:t], 0 * coins[:t] + 1), 2).T)
    [[0.31 1.  ]]
    [[0.42 0.71]]
    [[0.48 0.61]]
    """
    return _lower(draws, low, high, alpha), -_lower(-draws, -high, -low, alpha)


def log_capital(
    draws: np.ndarray, low: np.ndarray, high: np.ndarray, mean: np.ndarray | float
) -> np.ndarray:
    """What bets that the truth is above `mean` make of 1, after each draw, as logarithms, (t, m).

    It falls as `mean` grows, and is infinite where no draw could have so small a mean.
    """
    return _capital(draws, low, _spread_before(draws, low, high), mean)


def _capital(
    draws: np.ndarray, low: np.ndarray, spread: np.ndarray, mean: np.ndarray | float
) -> np.ndarray:
    room = mean - low  # (t, m)
    bets = np.minimum(SHARPE / spread[..., None], (MOST / room.clip(1e-12))[..., None])
    won = np.log1p((bets * (draws - mean)[..., None]).clip(-MOST)).cumsum(axis=0)  # (t, m, bets)
    best = won.max(axis=2)
    capital = best + np.log(np.exp(won - best[..., None]).mean(axis=2))
    return np.where((room <= 0).any(axis=0), np.inf, capital)


def _spread_before(draws: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The standard deviation to expect before each draw, from those before it, (t, m)."""
    n = np.arange(len(draws))[:, None]
    means = draws.cumsum(axis=0) / (n + 1)
    errors = np.zeros_like(draws)
    errors[2:] = ((draws[1:-1] - means[:-2]) ** 2).cumsum(axis=0)  # each against those before it
    guess = BELIEF * ((high - low) / 4) ** 2
    return np.sqrt((errors + guess) / (n + BELIEF)).clip(1e-12)


def _lower(
    draws: np.ndarray, low: np.ndarray, high: np.ndarray, alpha: float | np.ndarray
) -> np.ndarray:
    """The largest means that the bets rule out, by halving: the capital falls with the mean."""
    spread, wanted = _spread_before(draws, low, high), np.log(2 / alpha)
    out = low.max(axis=0)
    held = np.maximum(draws.max(axis=0), out)  # no bet wins above every draw
    for _ in range(STEPS):
        middle = (out + held) / 2
        ruled_out = _capital(draws, low, spread, middle).max(axis=0) >= wanted
        out, held = np.where(ruled_out, middle, out), np.where(ruled_out, held, middle)
    return out
