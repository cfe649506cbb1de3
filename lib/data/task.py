"""A `Task`: queries, the corpus that answers them, and which answers are relevant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from lib.data.catalogue import Catalogue


@dataclass(frozen=True)
class Task:
    """Queries, the corpus that is searched, and which of its products are relevant to each query.

    `relevance` holds gains > 0, (q, n) float32; `exclude` marks candidates that do not count
    (a listing itself, what a shopper has bought already), (q, n).
    """

    name: str
    queries: Catalogue
    corpus: Catalogue
    relevance: csr_array
    exclude: csr_array

    def __post_init__(self) -> None:
        shape = (len(self.queries), len(self.corpus))
        for field in ("relevance", "exclude"):
            matrix = csr_array(getattr(self, field), dtype=np.float32)
            if matrix.shape != shape:
                raise ValueError(
                    f"task {self.name!r}: {field} is {matrix.shape}, queries and corpus make it "
                    f"{shape}"
                )
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
            object.__setattr__(self, field, matrix)
        if not (self.relevance.data > 0).all():
            raise ValueError(
                f"task {self.name!r}: negative gains or NaN; relevance must be > 0 where it is "
                "stored"
            )

    @cached_property
    def digest(self) -> str:
        """A hash of queries, corpus and answers: the same digest, the same task."""
        sides = [*self.queries.ids, *self.queries.text(), *self.corpus.ids, *self.corpus.text()]
        found = hashlib.sha256("\n".join(sides).encode())
        for matrix in (self.relevance, self.exclude):
            for part in (matrix.indptr, matrix.indices, matrix.data):
                found.update(part.tobytes())
        return found.hexdigest()[:16]

    @property
    def clusters(self) -> np.ndarray:
        """What each query is resampled with, (q,): its product's group, else its whole category,
        else its brand.

        Products of one kind are not independent: taken one by one, their intervals would be too
        narrow. None: a query by itself.
        """
        items = self.queries.items
        if items["group"].notna().any():
            return items["group"].to_numpy()
        field = "category" if items["category"].nunique() > 1 else "brand"
        return items[field].to_numpy()

    @classmethod
    def from_matches(
        cls,
        name: str,
        queries: Catalogue,
        corpus: Catalogue,
        matches: Iterable[tuple[str, str] | tuple[str, str, float]],
    ) -> Task:
        """A task from (query id, corpus id[, gain]) tuples; nothing is excluded.

        If a pair is named twice, the last gain counts.
        """
        gain = {m[:2]: m[2] if len(m) > 2 else 1.0 for m in matches}
        rows = _positions(queries, [query for query, _ in gain], name)
        cols = _positions(corpus, [item for _, item in gain], name)
        shape = (len(queries), len(corpus))
        gains = coo_array((list(gain.values()), (rows, cols)), shape=shape)
        return cls(name, queries, corpus, csr_array(gains), csr_array(shape))

    @classmethod
    def same_label(cls, name: str, catalogue: Catalogue, labels: Sequence) -> Task:
        """Every product is a query, and the other products with its label are relevant to it.

        The product itself is excluded. A product whose label is None has nothing relevant.

        >>> mugs = Catalogue("mugs", pd.DataFrame({"group": ["a", "b", "a"]}))
        >>> task = Task.same_label("same product", mugs, mugs.items["group"])
        >>> task.relevance.toarray()
        array([[0., 0., 1.],
               [0., 0., 0.],
               [1., 0., 0.]], dtype=float32)
        """
        if len(labels) != len(catalogue):
            raise ValueError(f"task {name!r}: {len(labels)} labels for {len(catalogue)} products")
        codes, _ = pd.factorize(np.asarray(labels, dtype=object))  # -1 where there is no label
        rows = np.flatnonzero(codes >= 0)
        n, every = len(catalogue), np.arange(len(catalogue))
        ones = np.ones(n, np.float32)
        shape = (n, codes.max(initial=0) + 1)
        member = csr_array((ones[rows], (rows, codes[rows])), shape=shape)
        same = member @ member.T  # (n, labels) @ (labels, n) -> (n, n)
        itself = csr_array((ones, (every, every)), shape=(n, n))
        return cls(name, catalogue, catalogue, same - same.multiply(itself), itself)

    def take(self, rows: np.ndarray | Sequence[int]) -> Task:
        """The same task for some of its queries, by position or boolean mask."""
        rows = np.asarray(rows)
        queries = self.queries.take(rows)
        return Task(self.name, queries, self.corpus, self.relevance[rows], self.exclude[rows])


def _positions(catalogue: Catalogue, ids: Sequence[str], task: str) -> np.ndarray:
    positions = catalogue.items.index.get_indexer(pd.Index(ids, dtype=object))
    if (positions < 0).any():
        lost = ids[int(np.argmin(positions))]
        raise ValueError(
            f"task {task!r}: catalogue {catalogue.name!r} has no product with id {lost!r}"
        )
    return positions
