"""What every encoder is: the protocol, and the parts that several modalities share."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol, Self, runtime_checkable

import numpy as np
from scipy.sparse import csr_array

from lib.catalogue import Catalogue


@runtime_checkable
class Encoder(Protocol):
    """Turns each product of a catalogue into a vector. A new modality is a class with these members."""

    name: str  # spells out every setting that changes the vectors
    modality: str  # "text", "image", "attributes", …

    @property
    def state(self) -> str | None:
        """A hash of what was fitted or loaded; None: too cheap to be worth a cache."""
        ...

    def fit(self, train: Catalogue) -> Self:
        """Learn from a catalogue; returns self at once where the encoder is pretrained."""
        ...

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """What `encode` reads of each product, as bytes; None where it is missing."""
        ...

    def encode(self, catalogue: Catalogue) -> np.ndarray | csr_array:
        """One row a product, (n, d) float32; all zero where the modality is missing."""
        ...


def text_contents(catalogue: Catalogue, fields: Sequence[str]) -> list[bytes | None]:
    """The text of each product as bytes; None where it has none."""
    return [t.encode() if t.strip() else None for t in catalogue.text(fields)]


def digest_files(paths: Sequence[Path]) -> str:
    """A hash of files' names and bytes, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.name):
        total.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def require(module: str, package: str | None = None) -> ModuleType:
    """Import an optional module, or fail with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{module} is not installed; run: pip install {package or module}") from error
