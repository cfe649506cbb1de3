"""An autoencoder over price and numeric attributes: what a product's numbers say together, in a few dimensions."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from lib import training
from lib.catalogue import Catalogue
from lib.encoders.attributes import PriceScale, log_prices
from lib.encoders.base import count, digest_state
from lib.training import Recipe

if TYPE_CHECKING:
    import torch

KINDS = ("plain", "sparse", "variational")
HIDDEN = 64
COMMON = 5  # products that must state an attribute for it to be learned
SPARSITY, DIVERGENCE = 0.02, 0.02  # weights beside the squared error: enough to shape the code, not to empty it
MEASURE = re.compile(r"(\D*?)\s*(\d+(?:\.\d+)?)\s*(\D*)")


class Autoencoder:
    """The code of an autoencoder over a product's numbers, (n, dimensions); zero where it states none.

    The numbers are the scaled price (see `PriceScale`) and each attribute that is a number with or without a unit:
    "15 cm" under "size" counts as "size cm". They are standardised; a missing one is hidden from the network by a
    mask and from its error. `kind` is "plain", "sparse" (with an L1 penalty on the code) or
    "variational" (Kingma and Welling 2014; the code is the mean).
    """

    modality = "attributes"

    def __init__(self, *, kind: str = "plain", dimensions: int = 8, epochs: int = 100, seed: int = 0) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind is one of {KINDS}, got {kind!r}")
        self._kind, self._dimensions = kind, dimensions
        self._recipe = Recipe(epochs=epochs, batch=64, learning_rate=3e-3, seed=seed)
        self.name = f"autoencoder({kind},{dimensions},{epochs} epochs,seed {seed})"
        self._network: torch.nn.ModuleDict | None = None

    @property
    def state(self) -> str | None:
        """A hash of scales and weights; None before `fit`."""
        if self._network is None:
            return None
        scales = (self.columns, self._price.means, self._price.spread, self._mean.tolist(), self._spread.tolist())
        return digest_state(self._network, *scales)

    @property
    def parameters(self) -> int:
        """How many weights were learned."""
        return count(self._network) if self._network else 0

    def fit(self, train: Catalogue) -> Self:
        """Learn scales and weights. Raises ValueError where no product has a price."""
        import torch

        self._price = PriceScale().fit(train)
        stated = Counter(key for row in train.items["attributes"] for key in numbers(row))
        self.columns = ["price", *sorted(key for key, times in stated.items() if times >= COMMON)]
        raw = self._raw(train)
        self._mean, self._spread = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
        self._spread[self._spread == 0] = 1  # a column of one value is all zero then
        values = torch.as_tensor(self.inputs(train))
        rows = np.flatnonzero(~np.isnan(raw).all(axis=1)).tolist()
        network = self._build(len(self.columns))
        self._network = training.train(network, lambda n, r, g: self._loss(n, values[r], g), rows, self._recipe, name=self.name)
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's numbers."""
        cells = zip(*log_prices(catalogue), catalogue.items["attributes"], strict=True)
        stated = [({} if np.isnan(log) else {"": [log, currency]}) | numbers(row) for log, currency, row in cells]
        return [json.dumps(s, sort_keys=True).encode() if s else None for s in stated]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Codes (n, dimensions). Raises RuntimeError before `fit`."""
        import torch

        values = torch.as_tensor(self.inputs(catalogue))
        with torch.inference_mode():
            code, _ = self._code(self._network, values)
        return torch.where(values.isnan().all(1, keepdim=True), 0, code).numpy()

    def inputs(self, catalogue: Catalogue) -> np.ndarray:
        """The standardised numbers that the network reads, (n, columns) float32, NaN where missing."""
        if not hasattr(self, "_spread"):
            raise RuntimeError(f"{self.name} has learned nothing yet; call fit(catalogue) first")
        return ((self._raw(catalogue) - self._mean) / self._spread).astype(np.float32)

    def reconstruct(self, catalogue: Catalogue) -> np.ndarray:
        """What the network makes of `inputs`, (n, columns), missing numbers filled in."""
        import torch

        with torch.inference_mode():
            code, _ = self._code(self._network, torch.as_tensor(self.inputs(catalogue)))
            return self._network["decoder"](code).numpy()

    def _raw(self, catalogue: Catalogue) -> np.ndarray:
        stated = [numbers(row) for row in catalogue.items["attributes"]]
        # arcsinh is a logarithm that bears 0: sizes and weights differ by factors as prices do
        others = [[np.arcsinh(row.get(key, np.nan)) for key in self.columns[1:]] for row in stated]
        return np.column_stack([self._price.transform(catalogue), np.reshape(others, (len(stated), len(self.columns) - 1))])

    def _build(self, columns: int) -> torch.nn.ModuleDict:
        from torch import nn, random

        with random.fork_rng():
            random.manual_seed(self._recipe.seed)
            wide = 2 * self._dimensions if self._kind == "variational" else self._dimensions  # mean and log variance
            encoder = nn.Sequential(nn.Linear(2 * columns, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, wide))
            decoder = nn.Sequential(nn.Linear(self._dimensions, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, columns))
            return nn.ModuleDict({"encoder": encoder, "decoder": decoder})

    def _code(self, network: torch.nn.ModuleDict, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The code and, where variational, its log variance: (n, columns) -> (n, d), (n, d)."""
        import torch

        seen = torch.cat([values.nan_to_num(), (~values.isnan()).float()], dim=1)  # (n, 2 columns)
        out = network["encoder"](seen)
        if self._kind == "variational":
            code, log_variance = out.chunk(2, dim=1)
            return code, log_variance
        return out, None  # not rectified where sparse: the code of an average product would pass for a missing one

    def _loss(self, network: torch.nn.ModuleDict, values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        import torch

        code, log_variance = self._code(network, values)
        drawn, penalty = code, code.new_zeros(())
        if log_variance is not None:
            drawn = code + (log_variance / 2).exp() * torch.randn(code.shape, generator=generator)
            penalty = DIVERGENCE * 0.5 * (code**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        elif self._kind == "sparse":
            penalty = SPARSITY * code.abs().sum(1).mean()
        present = ~values.isnan()
        return ((network["decoder"](drawn) - values.nan_to_num())[present] ** 2).mean() + penalty


def numbers(attributes: object) -> dict[str, float]:
    """The attributes that are one number, by key and unit: {"size": "15 cm"} -> {"size cm": 15.0}."""
    found = {}
    for key, value in attributes.items() if isinstance(attributes, Mapping) else ():
        match = MEASURE.fullmatch(str(value).strip())
        if match and not isinstance(value, bool):
            unit = (match[1].strip() + match[3].strip()).lower()
            found[f"{key} {unit}".strip()] = float(match[2])
    return found
