"""What each query scored, kept beside a run as queries.js: the page tests run against run with it.

A script and not JSON: a page opened from a file may load scripts beside it, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from lib.files import write_atomically
from lib.metrics.comparison import Comparison
from lib.metrics.statistics import cluster_codes

FILE = "queries.js"
_BEFORE = "akinQueries("


def packed(values: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict]]:
    """Every `Comparison` among nested results as (path, what queries.js holds of it)."""
    for key, value in values.items():
        here = (*path, str(key))
        if isinstance(value, Comparison):
            yield json.dumps(here, ensure_ascii=False), _pack(value)
        elif isinstance(value, Mapping):
            yield from packed(value, here)


def write_queries(tables: Mapping[str, dict], folder: Path) -> None:
    """Write queries.js into a run's folder, if there is anything to write."""
    if tables:
        text = f"{_BEFORE}document.currentScript, {json.dumps(tables, ensure_ascii=False)});\n"
        write_atomically(folder / FILE, text.encode(errors="backslashreplace"))


def read_tables(file: Path) -> dict[str, dict]:
    """What the script queries.js hands over, still packed."""
    text = file.read_text(encoding="utf-8")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def _pack(found: Comparison) -> dict:
    """Values as (methods, metrics, queries) float64 and clusters as (queries,) int32, gzipped in
    base64.
    """
    frames = list(found.results.values())
    values = np.stack([frame.to_numpy(float).T for frame in frames])
    return {
        "task": found.task,
        "methods": list(found.results),
        "metrics": list(frames[0].columns),
        "queries": len(frames[0]),
        "values": _encode(values.astype("<f8")),
        "clusters": _encode(cluster_codes(found.clusters, len(frames[0])).astype("<i4")),
    }


def _encode(array: np.ndarray) -> str:
    return base64.b64encode(gzip.compress(array.tobytes(), mtime=0)).decode()
