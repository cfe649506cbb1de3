"""Encoders of what a shop states in columns: category, brand and other values, and the price."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.cells import missing
from lib.encoders.lexical import counted, normalise


class OneHot:
    """A one for each value that a product has, (n, values known) as a csr_array.

    Each level of a category path is a value, told apart by the levels above it; each key of
    `attributes` gives one. The cosine of two products is the number of values they share over the
    geometric mean of how many each has. Values that the fitted catalogue lacks are left out; a
    product with no known value is zero.
    """

    modality = "attributes"
    state = None  # faster than a disk

    def __init__(
        self, *, fields: Sequence[str] = ("category", "brand"), label: str = "onehot"
    ) -> None:
        from sklearn.feature_extraction import DictVectorizer

        self.fields = tuple(fields)
        self.name = f"{label}({'+'.join(self.fields)})"
        self._vectoriser = DictVectorizer(dtype=np.float32)

    def fit(self, train: Catalogue) -> Self:
        """Learn which values there are. Raises ValueError where there are none."""
        values = self._values(train)
        if not any(values):
            raise ValueError(f"{self.name}: catalogue {train.name!r} has no value in {self.fields}")
        self._vectoriser.fit(values)
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's values."""
        return [
            json.dumps(v, sort_keys=True).encode() if v else None for v in self._values(catalogue)
        ]

    def encode(self, catalogue: Catalogue) -> csr_array:
        """Vectors (n, values known). Raises RuntimeError before `fit`."""
        return counted(self._vectoriser, self._values(catalogue), self.name)

    def _values(self, catalogue: Catalogue) -> list[dict[str, str | list[str]]]:
        catalogue.text(self.fields)  # says which column is not there
        found: list[dict] = [{} for _ in range(len(catalogue))]
        for field in self.fields:
            for values, cell in zip(found, catalogue.items[field], strict=True):
                values.update(_values(field, cell))
        return found


def _values(field: str, cell: object) -> dict[str, str | list[str]]:
    """What a cell says, each value with the name of its column."""
    if isinstance(cell, Mapping):
        return {key: normalise(str(value)) for key, value in cell.items() if value is not None}
    if missing(cell):
        return {}
    value = normalise(str(cell))
    if field != "category":
        return {field: value}
    levels = value.split(" > ")
    return {field: [" > ".join(levels[:depth]) for depth in range(1, len(levels) + 1)]}


def category() -> OneHot:
    """Category paths: shared levels over the geometric mean of the depths.

    This is the ordinal code that suits a cosine. Categories have no order: numbered 1, 2, 3 they
    would say that 3 is nearer to 2 than to 1. The levels of a path do have an order: each lies
    within the one above. For paths of equal depth this is the similarity of Wu and Palmer (1994).
    """
    return OneHot(fields=("category",), label="category")


class PriceScale:
    """Log prices, less their currency's mean, over one spread for all; NaN where there is none.

    The currency is attributes["currency"], where it is given. An exchange rate is a factor, and so
    a shift of logarithms: each currency has a mean of its own. The spread does not change with it
    and is estimated from all.
    """

    def fit(self, train: Catalogue) -> Self:
        """Learn the means and the spread. Raises ValueError where no price is above 0."""
        logs, currencies = log_prices(train)
        known = ~np.isnan(logs)
        if not known.any():
            raise ValueError(f"catalogue {train.name!r} has no price above 0")
        self.means = {
            currency: float(logs[known & (currencies == currency)].mean())
            for currency in sorted(set(currencies[known]))
        }
        spread = float(np.nanstd(self._centred(logs, currencies)))
        self.spread = spread or 1.0  # all prices equal: any spread will do
        return self

    def transform(self, catalogue: Catalogue) -> np.ndarray:
        """Scaled prices (n,), NaN also for a currency that was not seen."""
        return self._centred(*log_prices(catalogue)) / self.spread

    def _centred(self, logs: np.ndarray, currencies: np.ndarray) -> np.ndarray:
        return logs - np.array([self.means.get(currency, np.nan) for currency in currencies])


def log_prices(catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """Each price's logarithm (n,), NaN where none is above 0, and its currency (n,) or ""."""
    prices = catalogue.items["price"].to_numpy(float)
    known = np.isfinite(prices) & (prices > 0)
    logs = np.log(prices, out=np.full(len(prices), np.nan), where=known)
    currencies = [
        str(a.get("currency") or "").strip().upper() if isinstance(a, Mapping) else ""
        for a in catalogue.items["attributes"]
    ]
    return logs, np.array(currencies, dtype=object)


class Price:
    """Prices as vectors whose cosine falls with their ratio as a Gaussian does, (n, 64).

    Each price p, scaled to z by `PriceScale`, becomes the cosines and sines of z at 32 frequencies.
    These are the Gaussian's quantiles, where Rahimi and Recht (2007) draw at random. The cosine of
    two products is then about exp(-(z1 - z2)² / (2 width²)): 1 for equal prices, 0.61 for prices a
    `width` (in spreads of the log price) apart, then 0. A missing price is a zero row.
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
        return [
            None if np.isnan(log) else f"{log!r} {currency}".encode()
            for log, currency in zip(*log_prices(catalogue), strict=True)
        ]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, 64). Raises RuntimeError before `fit`."""
        from scipy.stats import norm

        if self._scale is None:
            raise RuntimeError(f"{self.name} knows no prices yet; call fit(catalogue) first")
        shares = (np.arange(self.frequencies) + 0.5) / self.frequencies
        quantiles = norm.ppf(shares) / self._width  # (f,)
        angles = self._scale.transform(catalogue)[:, None] * quantiles  # (n, f)
        waves = np.hstack([np.cos(angles), np.sin(angles)]) / np.sqrt(self.frequencies)
        return np.nan_to_num(waves).astype(np.float32)  # a missing price is NaN until here
