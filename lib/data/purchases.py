"""Who bought what, in order: `Purchases`, and the protocol that holds each shopper's newest
purchase out.

Recommenders that learn from purchases are in `lib/tasks/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.task import Task


@dataclass(frozen=True)
class Purchases:
    """Who bought what: a row a purchase, shopper by shopper, each from the oldest to the newest."""

    users: Catalogue
    items: Catalogue
    rows: np.ndarray  # (m,) position in `users`, ascending
    columns: np.ndarray  # (m,) position in `items`
    days: np.ndarray  # (m,) when, in days since 1970; NaN where it is not known

    @classmethod
    def read(cls, interactions: pd.DataFrame, items: Catalogue) -> Purchases:
        """Purchases from the columns user, item and, where it is known, time.

        Without a time, rows must be in order of time. Shoppers keep the order of their first row.
        Raises ValueError for a missing column, an empty table, an unknown item and a row without a
        user. With a column time, every row needs a date; bare numbers are refused.
        """
        if not {"user", "item"} <= set(interactions):
            raise ValueError(
                f"interactions need the columns user and item; there are {list(interactions)}"
            )
        if interactions.empty:
            raise ValueError("no interactions: nothing to recommend from")
        _require_values(interactions["user"])
        columns = items.items.index.get_indexer(interactions["item"].astype(str).astype(object))
        if (columns < 0).any():
            lost = interactions["item"].iloc[int(np.argmin(columns))]
            raise ValueError(
                f"catalogue {items.name!r} has no product {lost!r}, which is among the interactions"
            )
        rows, names = pd.factorize(interactions["user"].astype(str))
        days = np.full(len(rows), np.nan)
        if "time" in interactions:
            days = _days(interactions["time"])
        order = np.lexsort((days, rows))  # stable: purchases of one day keep their order
        users = Catalogue("users", pd.DataFrame(index=names))
        return cls(users, items, rows[order], columns[order], days[order])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def age(self) -> np.ndarray:
        """How many later purchases the same shopper has made, (m,); 0 is the newest."""
        ends = np.bincount(self.rows, minlength=len(self.users)).cumsum()
        return ends[self.rows] - 1 - np.arange(len(self))

    @property
    def counts(self) -> np.ndarray:
        """How often each item was bought, (n,)."""
        return np.bincount(self.columns, minlength=len(self.items))

    @property
    def bought(self) -> csr_array:
        """1 where a shopper has bought an item, (u, n).

        Column sums count buyers, `counts` counts purchases.
        """
        return self.weights().astype(bool).astype(np.float32)

    def weights(self, decay: float = 1.0) -> csr_array:
        """Each shopper's items, (u, n), weighted by `decay` to the power of the number of later
        purchases.

        `decay=1` counts all purchases alike, `decay=0` keeps only the last purchase.
        """
        if not 0 <= decay <= 1:
            raise ValueError(
                f"decay is between 0 (the last purchase alone) and 1 (all alike), got {decay}"
            )
        values = np.power(float(decay), self.age).astype(np.float32)
        shape = (len(self.users), len(self.items))
        matrix = csr_array((values, (self.rows, self.columns)), shape=shape)
        matrix.eliminate_zeros()
        return matrix

    def without_last(self) -> Purchases:
        """The same shoppers without the newest purchase of each."""
        return self._where(self.age > 0)

    def recent(self, count: int) -> Purchases:
        """The same shoppers with no more than their newest `count` purchases."""
        return self._where(self.age < count)

    def of(self, users: np.ndarray | Sequence[int]) -> Purchases:
        """Some shoppers with all they bought, by position or boolean mask, in the order given."""
        users = np.arange(len(self.users))[np.asarray(users)]
        place = np.full(len(self.users), -1)
        place[users] = np.arange(len(users))
        rows = place[self.rows]  # -1: not asked for
        order = np.argsort(rows, kind="stable")[np.count_nonzero(rows < 0) :]
        columns, days = self.columns[order], self.days[order]
        return Purchases(self.users.take(users), self.items, rows[order], columns, days)

    def _where(self, kept: np.ndarray) -> Purchases:
        columns, days = self.columns[kept], self.days[kept]
        return Purchases(self.users, self.items, self.rows[kept], columns, days)


def leave_last_out(purchases: Purchases) -> tuple[Purchases, Task]:
    """Hold out each shopper's newest purchase.

    Returns the earlier purchases and the task to find the one held out. Items bought before are
    excluded; where the newest purchase repeats one of them, nothing is relevant. Apply it twice:
    the first task is the test, the second, on what is left, the validation.

    >>> history, task = leave_last_out(purchases)
    >>> history.columns, task.relevance.indices
    (array([0, 1]), array([2]))
    """
    history = purchases.without_last()
    bought = history.bought
    newest = purchases.weights(0).astype(bool).astype(np.float32)
    new = newest - csr_array(newest.multiply(bought))  # (u, n)
    return history, Task("next item", purchases.users, purchases.items, new, bought)


def _days(times: pd.Series) -> np.ndarray:
    """Dates, or text that is dates, as days since 1970, (m,)."""
    if pd.api.types.is_numeric_dtype(times):
        raise ValueError(
            'times are bare numbers; say what they count first, as pd.to_datetime(times, unit="s")'
        )
    _require_values(times)
    return pd.to_datetime(times).to_numpy("datetime64[s]").astype(float) / 86_400


def _require_values(column: pd.Series) -> None:
    lost = np.flatnonzero(column.isna())
    if len(lost):
        raise ValueError(
            f"{len(lost)} interactions have no {column.name}, the first in row {lost[0]}; "
            "drop them or fill them in"
        )
