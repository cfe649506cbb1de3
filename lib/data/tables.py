"""CSV, TSV, Parquet and JSON Lines files become tables of cells.

What the cells mean is the business of `cells.py`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lib.data.lines import read_json_lines

SEPARATORS = {".csv": ",", ".tsv": "\t"}
TABLES = (*SEPARATORS, ".parquet", ".jsonl", ".ndjson")
OTHERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_table(path: Path, *, sep: str | None = None, encoding: str = "utf-8-sig") -> pd.DataFrame:
    """The file's cells, as strings where the format has no types; missing cells are None or "".

    The index numbers the rows as a person counts them in the file: from 2 below a header line,
    lines from 1 in JSON Lines. `sep` and `encoding` read a text table with an unusual separator
    or in other letters, such as "cp1252". Raises FileNotFoundError or ValueError.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if sep or suffix in SEPARATORS:
            return _read_text(path, sep or SEPARATORS[suffix], encoding)
        if suffix == ".parquet":
            frame = pd.read_parquet(path)
            frame = frame if frame.index.name is None else frame.reset_index()
            return frame.set_axis(range(1, len(frame) + 1))
        if suffix in (".jsonl", ".ndjson"):
            return _read_json_lines(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        raise ValueError(
            f"{path}: {str(error).strip()}; a text table must be UTF-8 with one header line. "
            "Other letters: encoding: cp1252 in dataset.yaml"
        ) from error
    raise ValueError(
        f"{path}: files ending in {suffix!r} are not read; use .csv, .tsv, .parquet, .jsonl or "
        ".ndjson"
    )


def _read_text(path: Path, sep: str, encoding: str) -> pd.DataFrame:
    # dtype=str keeps ids like 007; keep_default_na=False keeps a brand called "NA"
    frame = pd.read_csv(
        path,
        sep=sep,
        dtype=str,
        keep_default_na=False,
        encoding=encoding,
        skip_blank_lines=False,  # so that rows keep their numbers
    )
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took the first column for row names
        raise ValueError(
            f"{path}: the rows have more cells than the header has names; check for a separator "
            "at the end of the lines"
        )
    only = str(frame.columns[0])
    between = next((other for other in OTHERS if other in only), None)
    if frame.shape[1] == 1 and between:
        raise ValueError(
            f"{path}: the header {only[:60]!r} has {OTHERS[between]} between its names; say "
            f"sep={between!r}, or separator: {between!r} in dataset.yaml"
        )
    frame = frame.set_axis(range(2, len(frame) + 2))
    return frame[~((frame == "") | frame.isna()).all(axis=1)]


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows = {where.number: row for where, row in read_json_lines(path)}
    if not rows:
        raise ValueError(f"{path}: no rows; needs one JSON object a line")
    return pd.DataFrame(list(rows.values()), index=list(rows), dtype=object)
