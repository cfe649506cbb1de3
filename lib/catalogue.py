"""The two types that every experiment starts from: a `Catalogue` of products and a `Task` over catalogues.

This file holds no file formats (see `reading.py`) and no data sets (see `datasets/`).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from lib import reading

FIELDS = ("title", "description", "brand", "category", "price", "image", "attributes", "group")


@dataclass(frozen=True)
class Catalogue:
    """Products, one row each; the index of `items` is the product id (unique str).

    `items` has the columns of `FIELDS`, each filled with None (price: NaN) where it is not given:
    `category` is a path "Home > Kitchen > Mugs", `price` a float, `image` a file path,
    `attributes` a dict, `group` the product that a listing belongs to. Further columns are kept.
    """

    name: str
    items: pd.DataFrame

    def __post_init__(self) -> None:
        items = self.items.copy()
        items.index = pd.Index([str(i) for i in items.index], dtype=object, name="id")
        twice = items.index[items.index.duplicated()]
        if len(twice):
            raise ValueError(f"catalogue {self.name!r}: id {twice[0]!r} occurs more than once ({len(twice)} such rows)")
        for field in FIELDS:
            values = items[field] if field in items else pd.Series(np.nan, items.index)
            if field == "price":
                items[field] = values.astype(float)
            else:  # object columns with None: pandas' own missing markers differ by dtype
                items[field] = pd.Series([None if reading.missing(v) else v for v in values], items.index, dtype=object)
        object.__setattr__(self, "items", items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def ids(self) -> np.ndarray:
        """The product ids, (n,) str objects."""
        return self.items.index.to_numpy()

    @property
    def digest(self) -> str:
        """A hash of every cell, with photos by file name; two catalogues with the same digest hold the same rows."""
        rows = self.items.assign(image=[i and Path(i).name for i in self.items["image"]])
        text = json.dumps(rows.reset_index().to_dict("list"), sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def text(self, fields: Sequence[str] = ("title",)) -> list[str]:
        """The named columns of every row joined by blanks; "" where all are missing."""
        self._require(fields)
        columns = [[_as_text(v) for v in self.items[f]] for f in fields]
        return [" ".join(part for part in row if part) for row in zip(*columns, strict=True)]

    def category(self, level: int = 0) -> np.ndarray:
        """The category at one level of the path, counted from the top, (n,); None where it is missing."""
        paths = [(c or "").split(" > ") for c in self.items["category"]]
        return np.array([p[level] if level < len(p) and p[level] else None for p in paths], dtype=object)

    def take(self, rows: np.ndarray | Sequence[int]) -> Catalogue:
        """Some rows, by position or boolean mask, in the order given."""
        rows = np.asarray(rows)
        return Catalogue(self.name, self.items.iloc[rows.nonzero()[0] if rows.dtype == bool else rows])

    def renamed(self, name: str) -> Catalogue:
        """The same products under another name."""
        return Catalogue(name, self.items)

    def split(self, fractions: Mapping[str, float], *, by: str = "group", seed: int = 0) -> dict[str, Catalogue]:
        """Disjoint parts by a hash of the product group, so listings of one product never straddle two parts.

        `by` names another column to keep together, such as the generated shop's `family`, whose products look or read alike.
        A row's part depends on its own group and the seed alone: adding rows moves no old one.
        """
        self._require([by])
        if abs(sum(fractions.values()) - 1) > 1e-9 or min(fractions.values()) < 0:
            raise ValueError(f"split fractions must be at least 0 and sum to 1, got {dict(fractions)}")
        groups = [i if g is None else g for g, i in zip(self.items[by], self.ids, strict=True)]
        place = np.array([_uniform(f"{seed}:{g}") for g in groups])
        edges = np.cumsum([0.0, *fractions.values()])
        edges[-1] = 1.0  # rounding must not lose the last rows
        return {
            name: self.take((place >= low) & (place < high))
            for name, low, high in zip(fractions, edges, edges[1:], strict=False)
        }

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        images: str | Path | None = None,
        name: str | None = None,
        bad_rows: str = "error",
    ) -> Catalogue:
        """A catalogue from a CSV, TSV, Parquet or JSON Lines file.

        `columns` maps Akin's names to the file's: {"id": "sku", "title": "name", "attributes": ["size", "colour"]}.
        Without it every column of the file must carry one of Akin's names. `images` is the folder that the
        image column's file names are in. `bad_rows="drop"` leaves out rows with an unreadable price, a missing
        photo or a repeated id, warns with their count and keeps it in `items.attrs["dropped"]`.
        Raises ValueError naming row and column for anything it cannot read.
        """
        path = Path(path)
        return cls.from_frame(
            reading.read_table(path), name=name or path.stem, columns=columns, images=images, bad_rows=bad_rows
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        name: str,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        images: str | Path | None = None,
        bad_rows: str = "error",
    ) -> Catalogue:
        """A catalogue from a table of strings, read as `read` does it."""
        if bad_rows not in ("error", "drop"):
            raise ValueError(f'bad_rows is "error" or "drop", got {bad_rows!r}')
        items, problems = reading.to_items(frame, FIELDS, columns=columns, images=images)
        if problems and bad_rows == "error":
            raise ValueError(f"{name}: " + reading.describe(problems))
        dropped = sorted({p.position for p in problems})
        if dropped:
            warnings.warn(f"{name}: dropped {len(dropped)} of {len(items)} rows: " + reading.describe(problems), stacklevel=3)
        items = items.drop(index=items.index[dropped]).set_index("id")
        catalogue = cls(name, items)
        catalogue.items.attrs["dropped"] = len(dropped)
        return catalogue

    def _require(self, fields: Sequence[str]) -> None:
        unknown = [f for f in fields if f not in self.items]
        if unknown:
            raise KeyError(f"catalogue {self.name!r} has no column {unknown[0]!r}; it has {list(self.items)}")


def stack(catalogues: Sequence[Catalogue], *, name: str | None = None) -> Catalogue:
    """Several catalogues as one, ids prefixed with the catalogue's name: what a lexical encoder is fitted on."""
    frames = [c.items.set_axis([f"{c.name}/{i}" for i in c.ids]) for c in catalogues]
    return Catalogue(name or "+".join(c.name for c in catalogues), pd.concat(frames))


@dataclass(frozen=True)
class Task:
    """Queries, the corpus they are answered from, and which corpus rows are right for each.

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
                raise ValueError(f"task {self.name!r}: {field} is {matrix.shape}, queries and corpus make it {shape}")
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
            object.__setattr__(self, field, matrix)
        if not (self.relevance.data > 0).all():
            raise ValueError(f"task {self.name!r}: negative gains or NaN; relevance must be > 0 where it is stored")

    @cached_property
    def digest(self) -> str:
        """A hash of what is asked and what is right; runs whose tasks share it answer the same queries."""
        sides = [*self.queries.ids, *self.queries.text(), *self.corpus.ids, *self.corpus.text()]
        found = hashlib.sha256("\n".join(sides).encode())
        for matrix in (self.relevance, self.exclude):
            for part in (matrix.indptr, matrix.indices, matrix.data):
                found.update(part.tobytes())
        return found.hexdigest()[:16]

    @classmethod
    def from_matches(
        cls, name: str, queries: Catalogue, corpus: Catalogue, matches: Iterable[tuple[str, str] | tuple[str, str, float]]
    ) -> Task:
        """A task from (query id, corpus id[, gain]) triples, nothing excluded; of a pair named twice the last counts."""
        gain = {m[:2]: m[2] if len(m) > 2 else 1.0 for m in matches}
        rows = _positions(queries, [query for query, _ in gain], name)
        cols = _positions(corpus, [item for _, item in gain], name)
        shape = (len(queries), len(corpus))
        gains = coo_array((list(gain.values()), (rows, cols)), shape=shape)
        return cls(name, queries, corpus, csr_array(gains), csr_array(shape))

    @classmethod
    def same_label(cls, name: str, catalogue: Catalogue, labels: Sequence) -> Task:
        """Every product is a query; right are the other products with its label; itself is excluded.

        A product whose label is None has nothing relevant.
        """
        if len(labels) != len(catalogue):
            raise ValueError(f"task {name!r}: {len(labels)} labels for {len(catalogue)} products")
        codes, _ = pd.factorize(np.asarray(labels, dtype=object), use_na_sentinel=True)
        present = np.flatnonzero(codes >= 0)
        n = len(catalogue)
        member = csr_array((np.ones(len(present), np.float32), (present, codes[present])), shape=(n, codes.max(initial=0) + 1))
        itself = csr_array((np.ones(n, np.float32), (np.arange(n), np.arange(n))), shape=(n, n))
        relevance = member @ member.T - csr_array(itself.multiply((codes >= 0)[:, None]))  # (n, n)
        return cls(name, catalogue, catalogue, relevance, itself)

    def take(self, rows: np.ndarray | Sequence[int]) -> Task:
        """The same task for some of its queries."""
        rows = np.asarray(rows)
        rows = rows.nonzero()[0] if rows.dtype == bool else rows
        return Task(self.name, self.queries.take(rows), self.corpus, self.relevance[rows], self.exclude[rows])


def _positions(catalogue: Catalogue, ids: Sequence[str], task: str) -> np.ndarray:
    positions = catalogue.items.index.get_indexer(pd.Index(ids, dtype=object))
    if (positions < 0).any():
        lost = ids[int(np.argmin(positions))]
        raise ValueError(f"task {task!r}: catalogue {catalogue.name!r} has no product with id {lost!r}")
    return positions


def _uniform(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56


def _as_text(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(_as_text(v) for v in value.values())
    if isinstance(value, float):
        # 399.0 reads "399" as shops write it; a missing price reads ""
        return "" if np.isnan(value) else np.format_float_positional(value, trim="-")
    return "" if value is None else str(value)
