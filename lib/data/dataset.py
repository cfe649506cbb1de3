"""A `Dataset`: the catalogues, tasks, purchases and labelled pairs of one shop."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field

import pandas as pd

from lib.data.catalogue import Catalogue, stack
from lib.data.task import Task
from lib.hints import did_you_mean


@dataclass(frozen=True)
class Dataset:
    """Everything that one shop or published set offers; what it lacks is empty or None.

    `interactions` has the columns user, item and, where it is known, time, each user's in time
    order. `pairs` has split, left, right (dicts of fields) and label (1: the same product).
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

    def task(self, name: str = "") -> Task:
        """The task of that name, or the first one; ValueError says which there are."""
        if not self.tasks:
            raise ValueError(f"{self.name!r} has no task: nothing says which products are alike")
        if name and name not in self.tasks:
            raise ValueError(
                f"{self.name!r} has no task {name!r}; it has {', '.join(self.tasks)}"
                f"{did_you_mean(name, self.tasks)}"
            )
        return self.tasks[name or next(iter(self.tasks))]

    @functools.cached_property
    def listings(self) -> Catalogue:
        """Every listing as one catalogue: of two shops both, where one's are sought in the other.

        Queries and shoppers are no listings.
        """
        name, task = next(iter(self.tasks.items()), (None, None))
        if name != "blocking":
            return self.catalogue
        return stack([task.corpus, task.queries], name=self.name)

    @property
    def digest(self) -> str:
        """A hash of all catalogues, for the record of a run."""
        parts = [f"{name}:{c.digest}" for name, c in self.catalogues.items()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
