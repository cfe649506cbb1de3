"""Text files by the line, and errors that name the line: shared by all formats that hold one record
a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lib.files import write_atomically


class Where(NamedTuple):
    """A line of a file, to be named in an error."""

    path: Path | str
    number: int

    def error(self, what: str) -> ValueError:
        """An error that says where it is."""
        return ValueError(f"{self.path}, line {self.number}: {what}")


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
