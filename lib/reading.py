"""Reads a shop's own file into a table and says, row by row, what is wrong with it.

It knows file formats, prices and photos' file names; what a catalogue is stands in `catalogue.py`.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

SEPARATORS = {".csv": ",", ".tsv": "\t"}


class Problem(NamedTuple):
    """One unreadable cell."""

    position: int  # row of the table, from 0
    row: int  # row as the file's reader counts it
    column: str
    message: str


def read_table(path: Path, *, sep: str | None = None, quoting: int = 0) -> pd.DataFrame:
    """The file's cells, as strings where the format has no types; missing cells are None or "".

    `sep` reads a text file with an unusual separator. Raises FileNotFoundError or ValueError.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if sep or suffix in SEPARATORS:
            # dtype=str keeps ids like 007; keep_default_na=False keeps a brand called "NA"
            return pd.read_csv(
                path, sep=sep or SEPARATORS[suffix], dtype=str, keep_default_na=False, encoding="utf-8-sig", quoting=quoting
            )
        if suffix == ".parquet":
            return pd.read_parquet(path)
        if suffix in (".jsonl", ".ndjson"):
            return _read_json_lines(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {str(error).strip()}; a text table must be UTF-8 with one header line") from error
    raise ValueError(f"{path}: files ending in {suffix!r} are not read; use .csv, .tsv, .parquet, .jsonl or .ndjson")


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows = []
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
            rows.append(row)
    return pd.DataFrame(rows, dtype=object)


def to_items(
    frame: pd.DataFrame,
    fields: Sequence[str],
    *,
    columns: Mapping[str, str | Sequence[str]] | None,
    images: str | Path | None,
) -> tuple[pd.DataFrame, list[Problem]]:
    """The table with Akin's column names, an `id` column and typed cells, and the cells that could not be read."""
    chosen = _choose(list(frame.columns), ("id", *fields), columns)
    items = pd.DataFrame(index=range(len(frame)))
    for field, source in chosen.items():
        items[field] = frame[source].to_numpy() if isinstance(source, str) else _as_dicts(frame[list(source)])
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
    """A price as a float: "$1,299.00", "1.299,00 €", "12,99" and "399" are read; missing is NaN.

    A lone comma before exactly three digits separates thousands, a lone point does not. Raises ValueError otherwise.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return float("nan")
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = float(value)
    else:
        number = float(_plain_number(str(value)))
    if number < 0 or np.isinf(number):
        raise ValueError(f"{value!r} is no price")
    return number


def _plain_number(text: str) -> str:
    bare = re.sub(r"^(?:[^\W\d]{1,4}[.]|[^\d,.-]{1,4})\s*|\s*[^\d,.-]{1,4}$", "", text.replace("\xa0", " ").strip())
    grouped = re.fullmatch(r"([1-9]\d{0,2})((?:[ ',.]\d{3})+)(?:[.,](\d{1,2}))?", bare)
    if grouped and not (grouped[3] is None and re.fullmatch(r"[.]\d{3}", grouped[2])):
        return grouped[1] + re.sub(r"\D", "", grouped[2]) + "." + (grouped[3] or "0")
    plain = re.fullmatch(r"(\d+)(?:[.,](\d*))?|[.](\d+)", bare)
    if not plain:
        raise ValueError(f"{text!r} is no price")
    return (plain[1] or "0") + "." + (plain[2] or plain[3] or "0")


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
    return [{k: v for k, v in row.items() if v not in (None, "")} for row in frame.to_dict("records")]


def _check_ids(items: pd.DataFrame, column: str) -> list[Problem]:
    problems, seen = [], {}
    for position, value in enumerate(items["id"]):
        key = "" if value is None else str(value).strip()
        if not key or key == "nan":
            problems.append(Problem(position, position + 2, column, "the id is empty"))
        elif key in seen:
            problems.append(Problem(position, position + 2, column, f"id {key!r} stands already in row {seen[key] + 2}"))
        else:
            seen[key] = position
    return problems


def _parse_column(items, field, column, parse, problems):  # noqa: ANN001, ANN202 - one private loop for three parsers
    values = []
    for position, value in enumerate(items[field]):
        try:
            values.append(parse(value))
        except ValueError as error:
            values.append(None)
            # + 2: the header is row 1, as a spreadsheet shows it
            problems.append(Problem(position, position + 2, column, str(error)))
    return pd.Series(values, items.index, dtype=float if field == "price" else object)


def _parse_attributes(value: object) -> dict | None:
    if value is None or isinstance(value, dict) or value == "":
        return value or None  # type: ignore[return-value]
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
        if value is None or value == "" or value != value:
            return None
        path = folder / str(value)
        if not path.is_file():
            raise ValueError(f"no photo {str(value)!r} in {folder}")
        return str(path)

    return find
