"""A shopper in words: top categories and brands, and the price band. The same shares are features of the ranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.tasks.purchases import Purchases


@dataclass(frozen=True)
class Profile:
    """What a shopper's purchases have in common; `low` and `high` are the quartiles of what was paid, NaN where unknown."""

    user: str
    purchases: int
    categories: dict[str, float]  # share of purchases, largest first
    brands: dict[str, float]
    low: float
    median: float
    high: float

    def __str__(self) -> str:
        if not self.purchases:
            return f"{self.user}: no purchase yet"
        parts = [f"{self.user}: {self.purchases} purchase{'s' if self.purchases > 1 else ''}"]
        parts += [f"{what} {_listed(shares)}" for what, shares in (("of", self.categories), ("by", self.brands)) if shares]
        if not np.isnan(self.median):
            parts.append(f"at {self.low:,.2f} to {self.high:,.2f}, half of them below {self.median:,.2f}")
        return "; ".join(parts)


def profile(history: Purchases, user: str, *, top: int = 3) -> Profile:
    """A shopper's profile, with up to `top` categories (deepest level) and brands. Raises KeyError for an unknown shopper."""
    if user not in history.users.items.index:
        raise KeyError(f"no shopper {user!r} among {len(history.users)}")
    columns = history.columns[history.rows == history.users.items.index.get_loc(user)]
    bought = history.items.items.iloc[columns]
    paid = bought["price"].dropna()
    low, median, high = paid.quantile([0.25, 0.5, 0.75]) if len(paid) else (np.nan,) * 3
    deepest = [None if c is None else c.split(" > ")[-1] for c in bought["category"]]
    return Profile(user, len(columns), _top(deepest, top), _top(bought["brand"], top), float(low), float(median), float(high))


def shared(history: Purchases, labels: Sequence, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How much of a shopper's history has an item's label, for pairs (c,) of shopper and item; NaN where there is no label."""
    codes, names = pd.factorize(np.asarray(labels, dtype=object), use_na_sentinel=True)
    made = np.bincount(history.rows, minlength=len(history.users))
    known = codes[history.columns] >= 0
    cells = (history.rows[known], codes[history.columns[known]])
    counts = csr_array((np.ones(known.sum()), cells), shape=(len(history.users), len(names) + 1))  # (u, labels)
    share = np.asarray(counts[rows, codes[columns]], float) / np.maximum(made[rows], 1)
    return np.where(codes[columns] >= 0, share, np.nan)


def _top(values: Sequence, top: int) -> dict[str, float]:
    counts = pd.Series(list(values), dtype=object).value_counts(sort=False)
    return {str(k): v / len(values) for k, v in counts.sort_values(ascending=False, kind="stable").head(top).items()}


def _listed(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} ({share:.0%})" for name, share in shares.items())
