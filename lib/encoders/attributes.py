"""Encoders of what a shop states in columns: category, brand and other values, and the price.

What price and numbers have in common is learned in `autoencoder.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from lib.catalogue import Catalogue
from lib.encoders.lexical import normalise


class OneHot:
    """A one for each value that a product has, (n, values known) as a csr_array: equal values count, near ones don't.

    Of a category path each level has a value of its own, told apart by the levels above it; `attributes` gives one
    a key. The cosine of two products is the number of values they share over the geometric mean of how many each has.
    Values that the fitted catalogue lacks are left out; a product with none of the known is zero.
    """

    modality = "attributes"
    state = None  # faster than a disk

    def __init__(self, *, fields: Sequence[str] = ("category", "brand"), label: str = "onehot") -> None:
        from sklearn.feature_extraction import DictVectorizer

        self.fields = tuple(fields)
        self.name = f"{label}({'+'.join(self.fields)})"
        self._vectoriser = DictVectorizer(dtype=np.float32)
        self._fitted = False

    def fit(self, train: Catalogue) -> Self:
        """Learn which values there are. Raises ValueError where there are none."""
        values = self._values(train)
        if not any(values):
            raise ValueError(f"{self.name}: catalogue {train.name!r} has no value in {self.fields}")
        self._vectoriser.fit(values)
        self._fitted = True
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's values."""
        return [json.dumps(sorted(v)).encode() if v else None for v in self._values(catalogue)]

    def encode(self, catalogue: Catalogue) -> csr_array:
        """Vectors (n, values known). Raises RuntimeError before `fit`."""
        if not self._fitted:
            raise RuntimeError(f"{self.name} knows no values yet; call fit(catalogue) first")
        if not len(catalogue):  # which scikit-learn refuses
            return csr_array((0, len(self._vectoriser.vocabulary_)), dtype=np.float32)
        return csr_array(self._vectoriser.transform(self._values(catalogue)))

    def _values(self, catalogue: Catalogue) -> list[dict[str, int]]:
        catalogue.text(self.fields)  # says which column is not there
        rows = zip(*(catalogue.items[field] for field in self.fields), strict=True)
        return [{v: 1 for field, cell in zip(self.fields, row, strict=True) for v in _split(field, cell)} for row in rows]


def _split(field: str, cell: object) -> list[str]:
    """The values in one cell, each with the name of its column."""
    if cell is None or cell != cell:  # NaN
        return []
    if isinstance(cell, Mapping):
        return [f"{key}={normalise(str(value))}" for key, value in cell.items() if value is not None]
    if field == "category":
        levels = normalise(str(cell)).split(" > ")
        return [f"category={' > '.join(levels[: depth + 1])}" for depth in range(len(levels))]
    return [f"{field}={normalise(str(cell))}"]


def category() -> OneHot:
    """How far two category paths run together: shared levels over the geometric mean of the depths.

    This is the ordinal code that suits a cosine. Kinds have no order: numbered 1, 2, 3 they would say that 3 is
    nearer to 2 than to 1, and the cosine of two positive numbers is 1 in any case. What is ordered is the levels of
    a path, each within the one above; for equal depths this is the likeness of Wu and Palmer (1994).
    """
    return OneHot(fields=("category",), label="category")


class PriceScale:
    """Prices as logarithms, less their currency's mean, over one spread for all; NaN where there is none.

    The currency is attributes["currency"], where it is given. An exchange rate is a factor and so in logarithms a
    shift: each currency has a mean of its own, and the spread, which it leaves alone, is estimated from all.
    """

    def fit(self, train: Catalogue) -> Self:
        """Learn the means and the spread. Raises ValueError where no price is above 0."""
        logs, currencies = log_prices(train)
        there = ~np.isnan(logs)
        if not there.any():
            raise ValueError(f"catalogue {train.name!r} has no price above 0")
        self.means = {c: float(logs[there & (currencies == c)].mean()) for c in sorted(set(currencies[there]))}
        self.spread = float(np.nanstd(self._centred(logs, currencies))) or 1.0  # all prices equal: any spread will do
        return self

    def transform(self, catalogue: Catalogue) -> np.ndarray:
        """Scaled prices (n,), NaN also for a currency that was not seen: nothing says what its money is worth."""
        return self._centred(*log_prices(catalogue)) / self.spread

    def _centred(self, logs: np.ndarray, currencies: np.ndarray) -> np.ndarray:
        return logs - np.array([self.means.get(c, np.nan) for c in currencies])


def log_prices(catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of each price (n,), NaN where it is missing or not above 0, and its currency (n,) str, "" unless given."""
    prices = catalogue.items["price"].to_numpy(float)
    attributes = catalogue.items["attributes"]
    currencies = [str(a.get("currency") or "").strip().upper() if isinstance(a, Mapping) else "" for a in attributes]
    logs = np.log(prices, out=np.full(len(prices), np.nan), where=np.isfinite(prices) & (prices > 0))
    return logs, np.array(currencies, dtype=object)


class Price:
    """Prices as vectors whose cosine falls with their ratio as a Gaussian does, (n, 64); zero where there is none.

    Each price p, scaled to z by `PriceScale`, becomes the cosines and sines of z at 32 frequencies (Rahimi and
    Recht 2007, at the Gaussian's quantiles instead of random draws), so that the cosine of two products is about
    exp(-(z1 - z2)² / (2 width²)): 1 for equal prices, .61 a `width` (in spreads of the log price) apart, then 0.
    """

    modality = "attributes"
    state = None  # faster than a disk
    frequencies = 32

    def __init__(self, *, width: float = 0.5) -> None:
        if not width > 0:
            raise ValueError(f"width must be above 0, got {width}")
        self._width, self._scale = width, None
        self.name = f"price(log,width {width:g})"

    def fit(self, train: Catalogue) -> Self:
        """Learn how prices lie in each currency. Raises ValueError where no price is above 0."""
        self._scale = PriceScale().fit(train)
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's price and currency."""
        pairs = zip(*log_prices(catalogue), strict=True)
        return [None if np.isnan(log) else f"{log!r} {currency}".encode() for log, currency in pairs]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, 64). Raises RuntimeError before `fit`."""
        from scipy.stats import norm

        if self._scale is None:
            raise RuntimeError(f"{self.name} knows no prices yet; call fit(catalogue) first")
        quantiles = norm.ppf((np.arange(self.frequencies) + 0.5) / self.frequencies) / self._width  # (f,)
        angles = self._scale.transform(catalogue)[:, None] * quantiles  # (n, f)
        waves = np.hstack([np.cos(angles), np.sin(angles)]) / np.sqrt(self.frequencies)
        return np.nan_to_num(waves).astype(np.float32)  # a missing price is NaN until here
