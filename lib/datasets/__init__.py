"""Named data sets: `load("abt-buy")` gives a `Dataset` of catalogues, tasks, interactions and pairs.

Where files lie and come from is in `sources.py`, what they mean in `loaders.py`, the generated set in
`lib/bazaar/`; `published.py` holds other people's numbers.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field

import pandas as pd

from lib.catalogue import Catalogue, Task

NAMES = ("bazaar", "abt-buy", "amazon-google", "walmart-amazon", "flipkart", "fashion", "beauty", "games", "product1m")

LOADED: dict[str, str] = {}  # what this process has loaded, name -> digest: a run's record says it


@dataclass(frozen=True)
class Dataset:
    """Everything that one set offers; what it lacks is empty or None.

    `interactions` has the columns user, item and, where it is known, time, each user's in time order.
    `pairs` has split, left, right (dicts of fields) and label (1: the same product).
    """

    name: str
    catalogues: dict[str, Catalogue]
    tasks: dict[str, Task] = field(default_factory=dict)
    interactions: pd.DataFrame | None = None
    pairs: pd.DataFrame | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The set's only or main catalogue."""
        return next(iter(self.catalogues.values()))

    @property
    def digest(self) -> str:
        """A hash of all catalogues, for the record of a run."""
        parts = [f"{name}:{c.digest}" for name, c in self.catalogues.items()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def load(name: str, **options: object) -> Dataset:
    """The data set of that name; options go to its loader (see `loaders.py`; for bazaar, `bazaar.shop`).

    Looked for in the folders of the path list AKIN_DATA, then in `data/`, else downloaded where it has a public
    address. Raises ValueError for an unknown name, FileNotFoundError that says where to get the set.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no data set {name!r}; there are {', '.join(NAMES)}{hint}")
    from lib.datasets import loaders

    dataset = loaders.LOADERS[name](**options)
    LOADED[name] = dataset.digest
    return dataset


__all__ = ["NAMES", "Dataset", "load"]
