"""What a notebook records in its run: `record`. How a run is started is in `runs.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.dataset import Dataset
from lib.files import run_folder, write_atomically
from lib.metrics.comparison import Comparison
from lib.report.scores_js import packed

FILE = "recorded.json"


def record(**values: object) -> None:
    """Keep a notebook's results in its run's metrics.json; outside a run nothing happens.

    A table of `compare` becomes {method: {metric: {mean, low, high, …}}}; a `Comparison` keeps
    every query's values too, so that runs can be compared later; a `Dataset` leaves its name and
    digest. Nested dicts, numbers and strings stay as they are. Several calls add up; a name that
    comes again is replaced.

    >>> record(data=data, search=found, best="minilm")  # doctest: +SKIP
    """
    folder = run_folder()
    if folder is None:
        return
    kept = read_recorded(folder) or {"results": {}, "queries": {}, "data": {}}
    results = {}
    for name, value in values.items():
        if isinstance(value, Dataset):
            kept["data"][value.name] = value.digest
        else:
            results[name] = value
    kept["results"] |= plain(results)
    kept["queries"] |= dict(packed(results))
    write_atomically(folder / FILE, json.dumps(kept, indent=1).encode())


def read_recorded(folder: Path) -> dict:
    """What a run has recorded so far; {} for nothing."""
    file = folder / FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def plain(value: object) -> object:
    """The value in JSON's own types: NaN and infinity become null, tables become nested dicts."""
    if isinstance(value, Comparison):
        return plain(value.table)
    if isinstance(value, pd.DataFrame) and list(value.index.names) == ["metric", "method"]:
        nested: dict = {}
        for (metric, method), row in value.iterrows():
            nested.setdefault(method, {})[metric] = plain(row.to_dict())
        return nested
    if isinstance(value, pd.DataFrame):
        return plain(value.to_dict("index"))
    if isinstance(value, pd.Series):
        return plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
