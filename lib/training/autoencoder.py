"""An autoencoder over price and numeric attributes: what a product's numbers say, in a few
dimensions.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Generator, Tensor, nn

from lib.data.catalogue import Catalogue
from lib.encoders.attributes import PriceScale, log_prices
from lib.encoders.base import count, digest_state
from lib.training.loop import train
from lib.training.recipe import Recipe, seeded

HIDDEN = 64
COMMON = 5  # products that must state an attribute for it to be learned
NUMBER = re.compile(r"(\D*?)\s*(\d+(?:\.\d+)?)\s*(\D*)")


class Autoencoder:
    """The code of an autoencoder over a product's numbers, (n, dimensions); zero where it has none.

    The numbers are the scaled price (see `PriceScale`) and each attribute that is a number with or
    without a unit: "15 cm" under "size" counts as "size cm". They are standardised; a missing one
    is hidden from the network by a mask and from its error.
    """

    modality = "attributes"

    def __init__(self, *, dimensions: int = 8, epochs: int = 100, seed: int = 0) -> None:
        self._dimensions = dimensions
        self._recipe = Recipe(epochs=epochs, batch=64, learning_rate=3e-3, seed=seed)
        self.name = f"autoencoder({dimensions},{epochs} epochs,seed {seed})"
        self._network = nn.ModuleDict()

    @property
    def state(self) -> str | None:
        """A hash of scales and weights; None before `fit`."""
        if not self._network:
            return None
        price = self._price.means, self._price.spread
        scales = self.columns, price, self._mean.tolist(), self._spread.tolist()
        return digest_state(self._network, *scales)

    @property
    def parameters(self) -> int:
        """How many weights were learned."""
        return count(self._network)

    def fit(self, catalogue: Catalogue) -> Self:
        """Learn scales and weights. Raises ValueError where no product has a price."""
        self._price = PriceScale().fit(catalogue)
        stated = Counter(key for row in catalogue.items["attributes"] for key in numbers(row))
        self.columns = ["price", *sorted(key for key, times in stated.items() if times >= COMMON)]
        raw = self._raw(catalogue)
        self._mean, self._spread = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
        self._spread[self._spread == 0] = 1  # a column of one value is all zero then
        values = torch.as_tensor(self.standardised(catalogue))
        rows = np.flatnonzero(~np.isnan(raw).all(axis=1))

        def loss(network: nn.Module, rows: Tensor, generator: Generator) -> Tensor:
            wanted = values[rows]
            drawn = network["decoder"](network["encoder"](masked(wanted)))
            return ((drawn - wanted.nan_to_num())[~wanted.isnan()] ** 2).mean()

        network = build(len(self.columns), self._dimensions, seed=self._recipe.seed)
        self._network = train(network, loss, rows, self._recipe, name=self.name)
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's numbers."""
        found = []
        for log, currency, row in zip(
            *log_prices(catalogue), catalogue.items["attributes"], strict=True
        ):
            stated = ({} if np.isnan(log) else {"": [log, currency]}) | numbers(row)
            found.append(json.dumps(stated, sort_keys=True).encode() if stated else None)
        return found

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Codes (n, dimensions). Raises RuntimeError before `fit`."""
        values = torch.as_tensor(self.standardised(catalogue))
        with torch.inference_mode():
            code = self._network["encoder"](masked(values))
        return torch.where(values.isnan().all(1, keepdim=True), 0, code).numpy()

    def standardised(self, catalogue: Catalogue) -> np.ndarray:
        """The numbers that the network reads, (n, columns) float32, NaN where missing."""
        if not hasattr(self, "_spread"):
            raise RuntimeError(f"{self.name} has learned nothing yet; call fit(catalogue) first")
        return ((self._raw(catalogue) - self._mean) / self._spread).astype(np.float32)

    def _raw(self, catalogue: Catalogue) -> np.ndarray:
        columns = [self._price.transform(catalogue)]
        stated = [numbers(row) for row in catalogue.items["attributes"]]
        for key in self.columns[1:]:
            # arcsinh is a logarithm that bears 0: sizes and weights differ by factors as prices do
            columns.append(np.arcsinh([row.get(key, np.nan) for row in stated]))
        return np.column_stack(columns)


def build(columns: int, dimensions: int, *, seed: int) -> nn.ModuleDict:
    """The encoder from numbers and mask to the code, and the decoder back to the numbers."""

    def layers(before: int, after: int) -> nn.Module:
        return nn.Sequential(nn.Linear(before, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, after))

    with seeded(seed):
        encoder = layers(2 * columns, dimensions)
        return nn.ModuleDict({"encoder": encoder, "decoder": layers(dimensions, columns)})


def masked(values: Tensor) -> Tensor:
    """Numbers with 0 for missing ones, and which are there: (n, columns) -> (n, 2 columns)."""
    return torch.cat([values.nan_to_num(), (~values.isnan()).float()], dim=1)


def numbers(attributes: object) -> dict[str, float]:
    """The attributes that are one number, by key and unit: {"size": "15 cm"} -> {"size cm": 15}."""
    found = {}
    for key, value in attributes.items() if isinstance(attributes, Mapping) else ():
        match = NUMBER.fullmatch(str(value).strip())
        if match and not isinstance(value, bool):
            unit = (match[1].strip() + match[3].strip()).lower()
            found[f"{key} {unit}".strip()] = float(match[2])
    return found
