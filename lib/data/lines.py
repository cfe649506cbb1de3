"""Text files by the line, and errors that name the line: shared by all formats that hold one record
a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lib.files import write_atomically

Pairs = dict[tuple[str, str], int]  # gain by query and product


class Where:
    """A line of a file, to be named in an error."""

    def __init__(self, path: Path | str, number: int) -> None:
        self.path, self.number = path, number

    def error(self, what: str) -> ValueError:
        """An error that says where it is."""
        return ValueError(f"{self.path}, line {self.number}: {what}")

    def row(self, known: dict[str, int], product: str) -> int:
        """The row of an id, if it is known."""
        if product not in known:
            raise self.error(f"the catalogue has no product with id {product!r}")
        return known[product]

    def gain(self, text: str) -> int:
        """A whole number."""
        try:
            return int(text)
        except ValueError:
            raise self.error(f"the gain must be a whole number, got {text!r}") from None

    def score(self, text: str) -> np.float32:
        """A finite number, as float32."""
        try:
            with np.errstate(over="ignore"):
                score = np.float32(text)
        except ValueError:
            score = np.float32(np.nan)
        if not np.isfinite(score):
            raise self.error(f"the score must be a finite number, got {text!r}")
        return score

    def add(self, pairs: Pairs, query: str, product: str, gain: int) -> None:
        """Add a pair; raises where it is there already."""
        if (query, product) in pairs:
            raise self.error(f"product {product!r} occurs twice for query {query!r}")
        pairs[query, product] = gain


def read_lines(path: Path | str) -> Iterator[tuple[Where, str]]:
    """The lines of a UTF-8 file that are not blank, each with where it is."""
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = Where(path, data.count(b"\n", 0, error.start) + 1)
        raise where.error(f"not UTF-8 text ({error.reason})") from error
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.strip():
            yield Where(path, number), line


def read_json_lines(path: Path | str) -> Iterator[tuple[Where, dict]]:
    """The objects of a JSON Lines file, each with where it is."""
    for where, line in read_lines(path):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise where.error(f"not JSON ({error.msg} at column {error.colno})") from error
        if not isinstance(record, dict):
            raise where.error(f"needs one JSON object a line, got {line[:80]!r}")
        yield where, record


def write_lines(path: Path | str, lines: Iterable[str]) -> None:
    """Write these lines as a UTF-8 file; it appears complete or not at all."""
    write_atomically(Path(path), "".join(f"{line}\n" for line in lines).encode())
