"""Who bought what, in order: `Purchases`, and the protocol that holds each shopper's newest purchase out.

What is made of them stands in `recommendation.py` and its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.catalogue import Catalogue, Task


@dataclass(frozen=True)
class Purchases:
    """Who bought what, a row a purchase, shopper by shopper and each from the oldest to the newest."""

    users: Catalogue
    items: Catalogue
    rows: np.ndarray  # (m,) position in `users`, ascending
    columns: np.ndarray  # (m,) position in `items`
    days: np.ndarray  # (m,) when, in days since 1970; NaN where it is not known

    @classmethod
    def read(cls, interactions: pd.DataFrame, items: Catalogue) -> Purchases:
        """Purchases from the columns user, item and, where it is known, time; without it rows stand in order of time.

        Shoppers keep the order of their first row. Raises ValueError for a missing column, no row, an unknown item, a row
        without a user or, where there is the column time, without a time, and for times that are bare numbers.
        """
        lacking = {"user", "item"} - set(interactions)
        if lacking:
            raise ValueError(f"interactions need the columns user and item; there are {list(interactions)}")
        if interactions.empty:
            raise ValueError("no interactions: nothing to recommend from")
        columns = items.items.index.get_indexer(pd.Index(interactions["item"].astype(str), dtype=object))
        if (columns < 0).any():
            lost = interactions["item"].iloc[int(np.argmin(columns))]
            raise ValueError(f"catalogue {items.name!r} has no product {lost!r}, which is among the interactions")
        _complete(interactions["user"])
        rows, names = pd.factorize(interactions["user"].astype(str))
        days = np.full(len(rows), np.nan)
        if "time" in interactions:
            days = _days(interactions["time"])
        order = np.lexsort((days, rows))  # stable: of one day the given order stays
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
        """Who has bought what at all, (u, n) of ones: its columns' sums are buyers, where `counts` are purchases."""
        return _ones(self.weights())

    def weights(self, decay: float = 1.0) -> csr_array:
        """Each shopper's items, (u, n): `decay` to the power of how many purchases came since; 0 keeps the last alone."""
        if not 0 <= decay <= 1:
            raise ValueError(f"decay is between 0 (the last purchase alone) and 1 (all alike), got {decay}")
        return self._matrix(np.power(float(decay), self.age))

    def without_last(self) -> Purchases:
        """The same shoppers without the newest purchase of each."""
        return self._keep(self.age > 0)

    def recent(self, count: int) -> Purchases:
        """The same shoppers with no more than their newest `count` purchases."""
        return self._keep(self.age < count)

    def of(self, users: np.ndarray) -> Purchases:
        """Some shoppers, by ascending position or mask, with all their purchases."""
        users = np.flatnonzero(users) if np.asarray(users).dtype == bool else np.asarray(users)
        place = np.full(len(self.users), -1)
        place[users] = np.arange(len(users))
        kept = place[self.rows] >= 0
        rows = place[self.rows[kept]]
        return Purchases(self.users.take(users), self.items, rows, self.columns[kept], self.days[kept])

    def _keep(self, kept: np.ndarray) -> Purchases:
        return Purchases(self.users, self.items, self.rows[kept], self.columns[kept], self.days[kept])

    def _matrix(self, values: np.ndarray) -> csr_array:
        cells = (self.rows, self.columns)
        matrix = csr_array((values.astype(np.float32), cells), shape=(len(self.users), len(self.items)))
        matrix.eliminate_zeros()
        return matrix


def leave_last_out(purchases: Purchases) -> tuple[Purchases, Task]:
    """What is known of each shopper, and the task to find the purchase that comes next among items not bought yet.

    The newest purchase is relevant, all earlier ones are excluded; where it repeats an earlier one nothing is relevant.
    Twice in a row: the first task is the test, the second the validation.
    """
    history = purchases.without_last()
    bought = history.bought
    newest = _ones(purchases.weights(0))
    new = newest - csr_array(newest.multiply(bought))  # (u, n)
    return history, Task("next item", purchases.users, purchases.items, new, bought)


def _days(times: pd.Series) -> np.ndarray:
    """Dates, or text that is dates, as days since 1970, (m,)."""
    if pd.api.types.is_numeric_dtype(times):
        raise ValueError('times are bare numbers; say what they count first, as pd.to_datetime(times, unit="s")')
    _complete(times)
    return pd.to_datetime(times).to_numpy("datetime64[s]").astype(float) / 86_400


def _complete(column: pd.Series) -> None:
    lost = np.flatnonzero(column.isna())
    if len(lost):
        raise ValueError(
            f"{len(lost)} interactions have no {column.name}, the first in row {lost[0]}; drop them or fill them in"
        )


def _ones(matrix: csr_array) -> csr_array:
    return csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
