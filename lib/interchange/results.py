"""Results as CSV: a row a query, or a row a metric and method."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from lib.files import write_atomically
from lib.interchange.lines import Where, read_lines

KEYS = ["metric", "method"]


def write_results(path: Path | str, table: pd.DataFrame) -> None:
    """`evaluate()`'s rows or `compare()`'s table as CSV, every digit kept."""
    write_atomically(Path(path), table.to_csv(lineterminator="\n").encode())


def read_results(path: Path | str) -> pd.DataFrame:
    """A table that `write_results` left: indexed by metric and method where it has both, else by its first column; as text."""
    lines = list(read_lines(path))
    if not lines:
        raise Where(path, 1).error("the file is empty")
    header = next(csv.reader([lines[0][1]]))
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)  # an id may be "007" or "NA"
    except pd.errors.ParserError as error:  # pandas names the line
        raise ValueError(f"{path}: {error}") from error
    index = KEYS if header[:2] == KEYS else header[:1]
    numbers = {c: [_number(Where(path, i), c, v) for i, v in enumerate(table[c], start=2)] for c in header if c not in index}
    return table[index].assign(**numbers).set_index(index)


def _number(where: Where, column: str, text: str) -> float | int:
    try:
        return int(text) if text.isdecimal() else float(text or "nan")  # exact, as Python reads its own numbers
    except ValueError:
        raise where.error(f"column {column!r} must be a number, got {text!r}") from None
