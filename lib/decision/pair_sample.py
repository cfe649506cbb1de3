"""Pairs of a query and a candidate drawn for judging, and the unbiased draws of means they give.

What the means are is in `judging.py`, how sure they are in `betting.py`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

GROWTH = 1.5  # outcomes are predicted anew when there are so many times as many judgements
FIRST = 12  # judgements before the first prediction
SPREAD = 0.15  # the least standard deviation that a predicted outcome is reckoned with
SURE = 0.01  # a predicted outcome stays so far from 0 and 1


@dataclass(frozen=True)
class Pool:
    """All pairs that can be drawn, and what each adds to each mean.

    `pairs` (n, 2) are rows of queries and corpus. A mean is the sum over all pairs of `adds` (n, m)
    times the pair's outcome, which is between 0 and 1; `kind` (m,) tells which of its outcomes.
    A pair that matters more to the question has more `weight` (n,), above 0. `features` (n, f) hint
    at the outcome.
    """

    pairs: np.ndarray
    adds: np.ndarray
    kind: np.ndarray
    weight: np.ndarray
    features: np.ndarray


class Sample:
    """Pairs of a `Pool`, drawn one after the other, never twice.

    The chance of a pair is its weight times how unsure its outcome is. A logistic regression learns
    from the judgements which outcomes to expect. Those expected are summed over all pairs not drawn
    yet, and each draw corrects the sum by its own outcome over its chance (Horvitz and Thompson
    1952, with the expectation as a control variate). So a draw's expectation is the mean itself,
    however good or bad the prediction is; a good one only makes draws differ less.

    `pair` is the pair to judge, a row of the pool, and None when all are judged. `uniform` draws
    every pair with the same chance and predicts nothing: the baseline.
    """

    def __init__(
        self, pool: Pool, *, outcome: int = 0, uniform: bool = False, seed: int = 0
    ) -> None:
        self.pool, self._outcome, self._uniform = pool, outcome, uniform
        self._rng = np.random.default_rng(seed)
        means = pool.adds.shape[1]
        self.rows: list[int] = []  # of the pool, as drawn
        self.outcomes: list[np.ndarray] = []
        # a draw of every mean, and between which numbers it had to be, (m,) each
        self.values: list[np.ndarray] = []
        self.lows: list[np.ndarray] = []
        self.highs: list[np.ndarray] = []
        self._left = np.ones(len(pool.pairs), bool)
        self._known = np.zeros(means)  # what the judged pairs add
        spread = pool.features.std(axis=0)
        self._features = (pool.features - pool.features.mean(axis=0)) / np.where(spread, spread, 1)
        self._said = np.zeros(len(pool.pairs))
        self._plan()
        self._draw()

    def __len__(self) -> int:
        return len(self.rows)

    def judge(self, outcomes: np.ndarray) -> None:
        """Take the outcomes of `pair`, one of each kind, and draw the next."""
        row, kind = self.pair, self.pool.kind
        adds, outcomes = self.pool.adds[row], np.asarray(outcomes, float)
        surprise = (outcomes[kind] - self._said[row]) * adds
        self.values.append(self._known + self._rest + surprise / self._chance)
        self.lows.append(self._low)
        self.highs.append(self._high)
        self.rows.append(row)
        self.outcomes.append(outcomes)
        self._left[row] = False
        self._known = self._known + adds * outcomes[kind]
        self._rest = self._rest - adds * self._said[row]
        self._total -= self._worth[row]
        # sums that lose most of what they held get inexact
        if len(self) >= self._until or self._total < self._planned / 2:
            self._plan()
        self._draw()

    def draws(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every draw of every mean, and the ranges known before it, (t, m) each."""
        return np.array(self.values), np.array(self.lows), np.array(self.highs)

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the most that each mean can still become, (m,) each."""
        adds = self.pool.adds[self._left]
        return tuple(self._known + side(adds, 0).sum(axis=0) for side in (np.minimum, np.maximum))

    def _plan(self) -> None:
        """Predict outcomes, and reckon chances and ranges of the draws from now on."""
        self._worth = np.ones(len(self._left))
        if not self._uniform:
            self._said, known = self._predicted()
            unsure = np.sqrt(self._said * (1 - self._said)).clip(SPREAD) if known else 1
            self._worth = self.pool.weight * unsure
        self._worth = np.where(self._left, self._worth, 0)
        self._until = max(FIRST, int(len(self) * GROWTH))
        self._ends = self._worth.cumsum()
        self._total = self._planned = self._worth.sum()
        left = self._left
        adds, said = self.pool.adds[left], self._said[left, None]
        self._rest = (adds * said).sum(axis=0)
        with np.errstate(invalid="ignore"):
            most, least = adds * (1 - said), -adds * said  # a surprise is between the two
            each = np.stack([most, least]) / self._worth[left, None]
        self._up, self._down = each.max((0, 1), initial=0), each.min((0, 1), initial=0)

    def _predicted(self) -> tuple[np.ndarray, bool]:
        """Each pair's expected outcome, (n,), and whether judgements have shown it."""
        seen = np.array([outcomes[self._outcome] for outcomes in self.outcomes])
        if len(seen) < FIRST or seen.min() == seen.max():
            return np.full(len(self._left), seen.mean() if len(seen) else 0.0), False
        from sklearn.linear_model import LogisticRegression

        rows = np.tile(self._features[self.rows], (2, 1))
        hits = np.repeat([1, 0], len(seen))
        model = LogisticRegression(C=0.3, solver="newton-cholesky")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unfinished fit predicts as well
            model.fit(rows, hits, sample_weight=np.r_[seen, 1 - seen])
        return model.predict_proba(self._features)[:, 1].clip(SURE, 1 - SURE), True

    def _draw(self) -> None:
        self.pair: int | None = None
        if not self._left.any():
            return
        while self.pair is None or not self._left[self.pair]:
            at = self._rng.random() * self._ends[-1]
            self.pair = min(int(self._ends.searchsorted(at, side="right")), len(self._ends) - 1)
        self._chance = self._worth[self.pair] / self._total
        expected = self._known + self._rest
        self._low = expected + self._down * self._total
        self._high = expected + self._up * self._total
