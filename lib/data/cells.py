"""A table's cells become a catalogue's: which column is what, prices, attributes, photos.

It says row by row what cannot be read. File formats are in `tables.py`; `Catalogue` is in
`catalogue.py`.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from price_parser import Price

from lib.hints import did_you_mean

FIELDS = ("title", "description", "brand", "category", "price", "image", "attributes", "group")
KNOWN = ("id", *FIELDS)  # what a file's columns may be called
Columns = Mapping[str, str | Sequence[str]]  # a field of Akin's: the file's column or columns
LEVELS = re.compile(r"\s*(?:>>|>|›|»|\||/(?=\s))\s*")  # between the levels of a category
PHOTO_NAMES = re.compile(r"[\[\]\"',;|\s]+")  # between the names of several photos
NEGATIVE = re.compile(r"\D*[-−(]\s*[.,]?\d")  # of the first number, also as bookkeepers write it


class Problem(NamedTuple):
    """A cell that cannot be read."""

    position: int  # of its row, from 0
    message: str  # names the row as the file counts it, and the column
    row_is_lost: bool = False  # the row has no id of its own


def to_items(
    frame: pd.DataFrame, *, name: str, columns: Columns | None, images: str | Path | None
) -> tuple[pd.DataFrame, list[Problem]]:
    """The table with Akin's column names, an `id` column and typed cells; and what is wrong."""
    sources = _choose(list(frame.columns), columns)
    items = pd.DataFrame(index=frame.index)
    for field, source in sources.items():
        if isinstance(source, str):
            items[field] = frame[source].to_numpy()
        else:
            items[field] = [present(row) for row in frame[list(source)].to_dict("records")]
    items["id"] = [v.strip() if isinstance(v, str) else v for v in items["id"]]
    problems = _check_ids(items["id"], sources["id"])
    if "price" in items:
        items["price"] = parse_prices(items["price"], name)
    parsers = {
        "attributes": _parse_attributes,
        "category": category_path,
        "image": partial(_find_photo, Path(images or "")),
    }
    for field, parse in parsers.items():
        if field in items:
            items[field], unread = _parse(items[field], sources[field], parse)
            problems += unread
    return items, problems


def describe(problems: Sequence[Problem]) -> str:
    """The first five problems, a line each, and how many there are."""
    lines = [problem.message for problem in problems[:5]]
    if len(problems) > 5:
        lines.append(f"… and {len(problems) - 5} more")
    return "\n".join([f"{len(problems)} unreadable cell(s)", *lines])


def parse_prices(values: Sequence[object], name: str) -> list[float]:
    """Each value as `parse_price` reads it; warns with the count of those that it cannot read."""
    prices = [parse_price(value) for value in values]
    unread = [v for v, p in zip(values, prices, strict=True) if np.isnan(p) and not missing(v)]
    if unread:
        examples = ", ".join(repr(value) for value in list(dict.fromkeys(unread))[:3])
        warnings.warn(
            f"{name}: {len(unread)} of {len(prices)} prices cannot be read and are missing, "
            f"such as {examples}",
            stacklevel=4,
        )
    return prices


def parse_price(value: object) -> float:
    """A price as a float: "$1,299.00", "1.299,00 €" and "R2 179,99 incl tax"; NaN where there is
    none.

    A plain number is read as Python reads it: "1.299" is 1.299, "1.893E3" is 1893. The rest is read
    by price-parser, which takes the first of several numbers: "10-20" is 10. A negative number is
    no price.
    """
    text = str(value).replace("’", "'")
    try:
        price = float(text)
    except ValueError:
        amount = None if NEGATIVE.match(text) else Price.fromstring(text).amount
        price = np.nan if amount is None else float(amount)
    return price if 0 <= price < np.inf else np.nan


def missing(value: object) -> bool:
    """None, NaN, pandas' NA and blank text; a list or dict is never missing."""
    if isinstance(value, str):
        return not value.strip()
    nan = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return nan or value is None or value is pd.NA


def present(values: Mapping) -> dict:
    """The values that are not missing, also inside dicts."""
    return {
        k: present(v) if isinstance(v, Mapping) else v for k, v in values.items() if not missing(v)
    }


def _choose(present: list[str], columns: Columns | None) -> Columns:
    """Each field's column: as `columns` says, else the one with the field's own name."""
    unknown = [column for column in present if column not in KNOWN]
    if columns is None and unknown:
        raise ValueError(
            f"unknown column {unknown[0]!r}; Akin knows {', '.join(KNOWN)}. Say what it is: "
            f'columns={{"title": "{unknown[0]}"}} or columns={{"attributes": {unknown}}}'
        )
    for field, source in (columns or {}).items():
        typo = did_you_mean(field, KNOWN) if field not in KNOWN else ""
        if typo:  # a field that is like none of Akin's is a further column
            raise ValueError(f"columns names the field {field!r}{typo}")
        for column in [source] if isinstance(source, str) else source:
            if column not in present:
                raise ValueError(
                    f"the file has no column {column!r} (for {field!r}); it has "
                    f"{', '.join(present)}{did_you_mean(column, present)}"
                )
    chosen = {column: column for column in present if column in KNOWN} | dict(columns or {})
    if "id" not in chosen:
        example = present[0] if present else "…"
        raise ValueError(f'no id column; say which one it is: columns={{"id": "{example}"}}')
    return chosen


def _check_ids(ids: pd.Series, column: str | Sequence[str]) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for position, (row, value) in enumerate(ids.items()):
        where = f"row {row}, column {column!r}"
        if missing(value):
            problems.append(Problem(position, f"{where}: the id is empty", True))
        elif first.setdefault(str(value), position) != position:
            earlier = ids.index[first[str(value)]]
            message = f"{where}: id {str(value)!r} stands already in row {earlier}"
            problems.append(Problem(position, message, True))
    return problems


def _parse(
    cells: pd.Series, source: str | Sequence[str], parse: Callable
) -> tuple[pd.Series, list[Problem]]:
    """The parsed cells, None where they cannot be parsed, and why."""
    column = source if isinstance(source, str) else ", ".join(source)
    values, problems = [], []
    for position, (row, value) in enumerate(cells.items()):
        try:
            values.append(None if missing(value) else parse(value))
        except ValueError as error:
            values.append(None)
            problems.append(Problem(position, f"row {row}, column {column!r}: {error}"))
    return pd.Series(values, cells.index, dtype=object), problems


def _parse_attributes(value: object) -> dict:
    if isinstance(value, Mapping):  # of several columns, one of which may be a table itself
        found = {}
        for name, cell in present(value).items():  # Parquet gives every row every key
            inner = attribute_table(cell) if isinstance(cell, str) else None
            found |= {name: cell} if inner is None else inner
        return found
    parsed = attribute_table(value)
    if parsed is None:
        said = f"{str(value)[:60]!r} is no attribute table"
        raise ValueError(f'{said}; write it as {{"colour": "red"}}')
    return parsed


def attribute_table(value: object) -> dict | None:
    """A cell such as {"colour": "red"} or {'colour': 'red'} as a dict; None where it is none."""
    for read in (json.loads, ast.literal_eval) if str(value).lstrip()[:1] == "{" else ():
        try:
            parsed = read(str(value))
        except (ValueError, SyntaxError):
            continue
        if isinstance(parsed, dict):
            return present(parsed)
    return None


def category_path(value: object) -> str:
    """A category as "Home > Kitchen > Mugs", from that, ["Home >> Kitchen"] and "Home | Kitchen".

    >>> category_path('["Home >> Kitchen >> Mugs"]')
    'Home > Kitchen > Mugs'
    """
    text = " > ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    try:
        listed = json.loads(text)
        text = " > ".join(map(str, listed)) if isinstance(listed, list) else text
    except ValueError:
        pass
    return " > ".join(part.strip() for part in LEVELS.split(text) if part.strip())


def first_photo(folder: Path, value: object) -> Path | None:
    """The first photo that a cell names and that is there: a name, or several with , ; | between.

    Folders and addresses before a name count for nothing where the name alone is in the folder.
    """
    for name in [str(value), *PHOTO_NAMES.split(str(value))]:
        for path in (folder / name, folder / Path(name).name):
            if name and path.is_file():
                return path
    return None


def _find_photo(folder: Path, value: object) -> str:
    path = first_photo(folder, value)
    if path is None:
        raise ValueError(f"no photo {str(value)!r} in {folder}")
    return str(path)
