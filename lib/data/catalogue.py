"""A `Catalogue` of products: what every experiment starts from.

File formats are in `tables.py` and `cells.py`; tasks are in `task.py`.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import cells
from lib.data.cells import FIELDS
from lib.data.tables import read_table


@dataclass(frozen=True)
class Catalogue:
    """Products, one row each; the index of `items` is the product id (unique str).

    `items` has the columns of `FIELDS`, each filled with None (price: NaN) where it is not given:
    `category` is a path "Home > Kitchen > Mugs", `price` a float, `image` a file path,
    `attributes` a dict, `group` the product that a listing belongs to. Further columns are kept. A
    column `id` becomes the index where the rows are only numbered.
    """

    name: str
    items: pd.DataFrame

    def __post_init__(self) -> None:
        items = self.items.copy()
        if "id" in items and isinstance(items.index, pd.RangeIndex):
            items = items.set_index("id")
        items.index = pd.Index([str(i) for i in items.index], dtype=object, name="id")
        twice = items.index[items.index.duplicated()]
        if len(twice):
            raise ValueError(
                f"catalogue {self.name!r}: id {twice[0]!r} occurs more than once "
                f"({len(twice)} such rows)"
            )
        for field in FIELDS:
            values = items[field] if field in items else pd.Series(np.nan, items.index)
            if field == "price":
                items[field] = values.astype(float)
            else:  # object columns with None: pandas' own missing markers differ by dtype
                known = [None if cells.missing(value) else value for value in values]
                items[field] = pd.Series(known, items.index, dtype=object)
        object.__setattr__(self, "items", items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def ids(self) -> np.ndarray:
        """The product ids, (n,) str objects."""
        return self.items.index.to_numpy()

    @property
    def digest(self) -> str:
        """A hash of every cell, with photos by file name: the same digest, the same rows."""
        rows = self.items.assign(image=[i and Path(i).name for i in self.items["image"]])
        text = json.dumps(
            rows.reset_index().to_dict("list"), sort_keys=True, default=str, ensure_ascii=False
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def text(self, fields: Sequence[str] = ("title",)) -> list[str]:
        """The named columns of every row joined by blanks; "" where all are missing."""
        self._require(fields)
        columns = [[_as_text(v) for v in self.items[f]] for f in fields]
        return [" ".join(part for part in row if part) for row in zip(*columns, strict=True)]

    def category(self, level: int = 0) -> np.ndarray:
        """One level of the category path, (n,), from 0 at the top; None where it is missing."""
        paths = [(path or "").split(" > ")[level : level + 1] for path in self.items["category"]]
        return np.array([path[0] if any(path) else None for path in paths], dtype=object)

    def labels(self, name: str) -> np.ndarray:
        """A column such as "group", or a category level such as "category:0"; (n,), None: missing.

        >>> Catalogue("shop", pd.DataFrame({"category": ["Home > Mugs"]})).labels("category:1")
        array(['Mugs'], dtype=object)
        """
        column, _, level = name.partition(":")
        if column == "category" and level:
            return self.category(int(level))
        self._require([name])
        return self.items[name].to_numpy()

    def take(self, rows: np.ndarray | Sequence[int]) -> Catalogue:
        """Some rows, by position or boolean mask, in the order given."""
        return Catalogue(self.name, self.items.iloc[np.asarray(rows)])

    def renamed(self, name: str) -> Catalogue:
        """The same products under another name."""
        return Catalogue(name, self.items)

    def split(
        self, fractions: Mapping[str, float], *, by: str = "group", seed: int = 0
    ) -> dict[str, Catalogue]:
        """Disjoint parts by a hash of the product group: a product's listings are in one part.

        `by` names another column to keep together, such as the generated shop's `family`, whose
        products look or read alike. A row's part depends on its own group and the seed alone:
        adding rows moves no old one.
        """
        self._require([by])
        if abs(sum(fractions.values()) - 1) > 1e-9 or min(fractions.values()) < 0:
            raise ValueError(
                f"split fractions must be at least 0 and sum to 1, got {dict(fractions)}"
            )
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
        source: str | Path | pd.DataFrame,
        *,
        columns: cells.Columns | None = None,
        images: str | Path | None = None,
        name: str | None = None,
        bad_rows: str = "error",
    ) -> Catalogue:
        """A catalogue from a CSV, TSV, Parquet or JSON Lines file, or from a table of strings.

        `columns` maps Akin's names to the file's. Without it every column of the file must carry
        one of Akin's names. `images` is the folder of the image column's files. A price that cannot
        be read is missing, and a warning says how many these are; of a range such as "10-20" the
        first price counts. ValueError names row and column of a repeated id, a missing photo or an
        unreadable attribute table. `bad_rows="drop"` leaves such rows out and warns instead;
        `"mend"` leaves out rows without an id of their own, and takes the other cells as missing.

        >>> columns = {"id": "sku", "title": "name", "price": "cost", "attributes": ["size"]}
        >>> Catalogue.read("shop.csv", columns=columns).items[["title", "price", "attributes"]]
                title   price     attributes
        id
        007   Red mug  1299.0  {'size': 'L'}
        008  Blue mug     9.9             {}
        """
        if bad_rows not in ("error", "drop", "mend"):
            raise ValueError(f'bad_rows is "error", "drop" or "mend", got {bad_rows!r}')
        table = source if isinstance(source, pd.DataFrame) else read_table(Path(source))
        name = name or ("catalogue" if table is source else Path(source).stem)
        items, problems = cells.to_items(table, name=name, columns=columns, images=images)
        if problems and bad_rows == "error":
            raise ValueError(f"{name}: {cells.describe(problems)}")
        lost = [p for p in problems if bad_rows == "drop" or p.row_is_lost]
        dropped = sorted({problem.position for problem in lost})
        if problems:
            what = f"dropped {len(dropped)} of {len(items)} rows" if dropped else "mended"
            warnings.warn(f"{name}: {what}: {cells.describe(problems)}", stacklevel=2)
        return cls(name, items.drop(index=items.index[dropped]).set_index("id"))

    def _require(self, fields: Sequence[str]) -> None:
        unknown = [f for f in fields if f not in self.items]
        if unknown:
            raise KeyError(
                f"catalogue {self.name!r} has no column {unknown[0]!r}; it has {list(self.items)}"
            )


def stack(catalogues: Sequence[Catalogue], *, name: str | None = None) -> Catalogue:
    """Several catalogues as one, ids prefixed with the catalogue's name.

    A lexical encoder is fitted on it, so that it knows the words of both shops.
    """
    frames = [c.items.set_axis([f"{c.name}/{i}" for i in c.ids]) for c in catalogues]
    return Catalogue(name or "+".join(c.name for c in catalogues), pd.concat(frames))


def _uniform(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56


def _as_text(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(_as_text(v) for v in value.values())
    if isinstance(value, float):
        # 399.0 reads "399" as shops write it; a missing price reads ""
        return "" if np.isnan(value) else np.format_float_positional(value, trim="-")
    return "" if value is None else str(value)
