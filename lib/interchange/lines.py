"""Text files by the line, and what is wrong with a line: shared by the formats of judgements and rankings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lib.catalogue import Catalogue, Task
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
        """Keep a pair that was not there."""
        if (query, product) in pairs:
            raise self.error(f"product {product!r} stands twice for query {query!r}")
        pairs[query, product] = gain


def read_lines(path: Path | str) -> Iterator[tuple[Where, str]]:
    """The lines of a UTF-8 file that are not blank, each with where it is."""
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Where(path, data.count(b"\n", 0, error.start) + 1).error(f"not UTF-8 text ({error.reason})") from error
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.strip():
            yield Where(path, number), line


def write_lines(path: Path | str, lines: Iterable[str]) -> None:
    """A UTF-8 file with these lines, whole or not at all."""
    write_atomically(Path(path), "".join(f"{line}\n" for line in lines).encode())


def numbered(catalogue: Catalogue) -> dict[str, int]:
    """Each id's row."""
    return {product: row for row, product in enumerate(catalogue.ids)}


def judgements(task: Task) -> Iterator[tuple[str, str, int]]:
    """Every (query id, product id, gain) of a task. Raises ValueError for a gain that is no whole number."""
    relevance = task.relevance.tocoo()
    for row, column, gain in zip(relevance.row, relevance.col, relevance.data, strict=True):
        query, product = task.queries.ids[row], task.corpus.ids[column]
        if gain != int(gain):
            raise ValueError(
                f"task {task.name!r}: query {query!r}, product {product!r} have gain {gain:g}, and these files hold whole "
                "numbers only; multiply the gains, or round them"
            )
        yield query, product, int(gain)


def to_task(name: str, queries: Catalogue, corpus: Catalogue, pairs: Pairs) -> Task:
    """A task from gains by pair; 0 and less are not relevant."""
    return Task.from_matches(name, queries, corpus, [(q, p, float(gain)) for (q, p), gain in pairs.items() if gain > 0])
