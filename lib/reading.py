"""Reads a shop's own file into a table and says, row by row, what is wrong with it.

It knows file formats, prices and photos' file names; what a catalogue is stands in `catalogue.py`.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

SEPARATORS = {".csv": ",", ".tsv": "\t"}


class Problem(NamedTuple):
    """One unreadable cell."""

    position: int  # row of the table, from 0
    row: int  # the row's label in the table: its number in the file
    column: str
    message: str


def read_table(path: Path, *, sep: str | None = None) -> pd.DataFrame:
    """The file's cells, as strings where the format has no types; missing cells are None or "".

    The index numbers the rows as a person counts them in the file: from 2 below a header line, lines from 1 in JSON
    Lines. `sep` reads a text file with an unusual separator. Raises FileNotFoundError or ValueError.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if sep or suffix in SEPARATORS:
            return _read_text(path, sep or SEPARATORS[suffix])
        if suffix == ".parquet":
            frame = pd.read_parquet(path)
            frame = frame if frame.index.name is None else frame.reset_index()
            return frame.set_axis(range(1, len(frame) + 1))
        if suffix in (".jsonl", ".ndjson"):
            return _read_json_lines(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {str(error).strip()}; a text table must be UTF-8 with one header line") from error
    raise ValueError(f"{path}: files ending in {suffix!r} are not read; use .csv, .tsv, .parquet, .jsonl or .ndjson")


def _read_text(path: Path, sep: str) -> pd.DataFrame:
    # dtype=str keeps ids like 007; keep_default_na=False keeps a brand called "NA"
    frame = pd.read_csv(path, sep=sep, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took the first column for row names
        raise ValueError(f"{path}: the rows have more cells than the header has names; check for a separator at the line's end")
    frame = frame.set_axis(range(2, len(frame) + 2))
    return frame[~((frame == "") | frame.isna()).all(axis=1)]


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows = {}
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: needs one object a line, got {type(row).__name__}")
            rows[number] = row
    if not rows:
        raise ValueError(f"{path}: no rows; needs one JSON object a line")
    return pd.DataFrame(list(rows.values()), index=list(rows), dtype=object)


def to_items(
    frame: pd.DataFrame,
    fields: Sequence[str],
    *,
    columns: Mapping[str, str | Sequence[str]] | None,
    images: str | Path | None,
) -> tuple[pd.DataFrame, list[Problem]]:
    """The table with Akin's column names, an `id` column and typed cells, and the cells that could not be read."""
    chosen = _choose(list(frame.columns), ("id", *fields), columns)
    items = pd.DataFrame(index=frame.index)
    for field, source in chosen.items():
        items[field] = frame[source].to_numpy() if isinstance(source, str) else _as_dicts(frame[list(source)])
    items["id"] = [v.strip() if isinstance(v, str) else v for v in items["id"]]
    problems = _check_ids(items, _source(chosen["id"]))
    if "price" in items:
        items["price"] = _parse_column(items, "price", _source(chosen["price"]), parse_price, problems)
    if "attributes" in items:
        items["attributes"] = _parse_column(items, "attributes", _source(chosen["attributes"]), _parse_attributes, problems)
    if "image" in items:
        find = _photo_finder(Path(images) if images else Path())
        items["image"] = _parse_column(items, "image", _source(chosen["image"]), find, problems)
    return items, problems


def describe(problems: Sequence[Problem], *, most: int = 5) -> str:
    """The first few problems, a line each, and how many there are."""
    lines = [f"row {p.row}, column {p.column!r}: {p.message}" for p in problems[:most]]
    rest = f"\n… and {len(problems) - most} more" if len(problems) > most else ""
    return f"{len(problems)} unreadable cell(s)\n" + "\n".join(lines) + rest


def parse_price(value: object) -> float:
    """A price as a float: "$1,299.00", "1.299,00 €", "12,99", "Rs. 899" and "12,-" are read; missing is NaN.

    A lone comma before exactly three digits separates thousands, a lone point does not. Raises ValueError otherwise.
    """
    if missing(value):
        return float("nan")
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = float(value)
    else:
        number = float(_plain_number(str(value)))
    if number < 0 or np.isinf(number):
        raise ValueError(f"{value!r} is no price")
    return number


CODE = r"[^\W\d_]{1,3}\.?"  # EUR, Rs., kr.
GROUPED = re.compile(r"([1-9]\d{0,2})(?:([ ',.])(\d{3})(?:\2(\d{3}))*)(?:(?!\2)[.,](\d+))?")
PLAIN = re.compile(r"(\d+)(?:[.,](\d*))?|[.](\d+)")


def _plain_number(text: str) -> str:
    symbols = "".join(" " if c.isspace() else c for c in text if unicodedata.category(c) != "Sc")
    bare = re.sub(rf"^{CODE}\s*|\s*{CODE}$", "", symbols.replace("’", "'").strip()).strip()
    bare = re.sub(r"(?<=\d)[.,][-–]$", "", bare)  # "12,-" is twelve
    grouped = GROUPED.fullmatch(bare)
    if grouped and not re.fullmatch(r"\d+[.]\d{3}", bare):
        whole = bare[: grouped.start(5) - 1] if grouped[5] else bare
        return re.sub(r"\D", "", whole) + "." + (grouped[5] or "0")
    plain = PLAIN.fullmatch(bare)
    if not plain:
        raise ValueError(f"{text!r} is no price")
    return (plain[1] or "0") + "." + (plain[2] or plain[3] or "0")


def missing(value: object) -> bool:
    """None, NaN, pandas' NA and blank text; a list or dict is never missing."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value is pd.NA or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _choose(
    present: list[str], known: Sequence[str], columns: Mapping[str, str | Sequence[str]] | None
) -> dict[str, str | Sequence[str]]:
    chosen: dict[str, str | Sequence[str]] = {c: c for c in present if c in known}
    if columns is None:
        unknown = [c for c in present if c not in known]
        if unknown:
            raise ValueError(
                f"unknown column {unknown[0]!r}; Akin knows {', '.join(known)}. Say what it is: "
                f'columns={{"title": "{unknown[0]}"}} or columns={{"attributes": {unknown}}}'
            )
    for field, source in (columns or {}).items():
        typo = difflib.get_close_matches(field, known, n=1) if field not in known else []
        if typo:
            raise ValueError(f"columns names the field {field!r}; did you mean {typo[0]!r}?")
        for column in [source] if isinstance(source, str) else source:
            if column not in present:
                near = difflib.get_close_matches(column, present, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"the file has no column {column!r} (for {field!r}); it has {', '.join(present)}{hint}")
        chosen[field] = source
    if "id" not in chosen:
        raise ValueError(f'no id column; say which one it is: columns={{"id": "{present[0] if present else "…"}"}}')
    return chosen


def _source(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else ", ".join(source)


def _as_dicts(frame: pd.DataFrame) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if not missing(v)} for row in frame.to_dict("records")]


def _check_ids(items: pd.DataFrame, column: str) -> list[Problem]:
    problems, seen = [], {}
    for position, (row, value) in enumerate(items["id"].items()):
        key = "" if missing(value) else str(value)
        if not key:
            problems.append(Problem(position, row, column, "the id is empty"))
        elif key in seen:
            problems.append(Problem(position, row, column, f"id {key!r} stands already in row {seen[key]}"))
        else:
            seen[key] = row
    return problems


def _parse_column(items, field, column, parse, problems):  # noqa: ANN001, ANN202 - one private loop for three parsers
    values = []
    for position, (row, value) in enumerate(items[field].items()):
        try:
            values.append(parse(value))
        except ValueError as error:
            values.append(None)
            problems.append(Problem(position, row, column, str(error)))
    return pd.Series(values, items.index, dtype=float if field == "price" else object)


def _parse_attributes(value: object) -> dict | None:
    if missing(value):
        return None
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if not missing(v)}  # Parquet gives every row every key
    try:
        parsed = json.loads(str(value))
    except json.JSONDecodeError:
        try:
            parsed = ast.literal_eval(str(value))
        except (SyntaxError, ValueError):
            parsed = None
    if not isinstance(parsed, dict):
        raise ValueError(f'{str(value)[:60]!r} is no attribute table; write it as {{"colour": "red"}}')
    return parsed


def _photo_finder(folder: Path):  # noqa: ANN202 - returns a parser for _parse_column
    def find(value: object) -> str | None:
        if missing(value):
            return None
        path = folder / str(value)
        if not path.is_file():
            raise ValueError(f"no photo {str(value)!r} in {folder}")
        return str(path)

    return find
