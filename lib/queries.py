"""What each query scored, kept beside a run as queries.js, so that the page over all runs can test run against run.

A script and not JSON: a page opened from a file may load scripts beside it, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lib.files import write_atomically
from lib.statistics import Compared

FILE = "queries.js"
_BEFORE = "akinQueries("


def packed(values: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict]]:
    """The values behind every `compare()` table among nested results as ("dataset/task", what queries.js holds of it)."""
    for key, value in values.items():
        here = (*path, str(key))
        if isinstance(value, pd.DataFrame):
            if isinstance(compared := value.attrs.get("compared"), Compared):
                yield json.dumps(here, ensure_ascii=False), _pack(compared)
        elif isinstance(value, Mapping):
            yield from packed(value, here)


def write_queries(tables: Mapping[str, dict], folder: Path) -> None:
    """Write queries.js into a run's folder, if there is anything to write."""
    if tables:
        text = f"{_BEFORE}document.currentScript, {json.dumps(tables, ensure_ascii=False)});\n"
        write_atomically(folder / FILE, text.encode())


def read_queries(folder: Path) -> dict[tuple[str, ...], tuple[dict[str, pd.DataFrame], np.ndarray]]:
    """A run's tables by path: each method's metrics for each query, as `evaluate()` gave them, and the queries' clusters."""
    return {tuple(json.loads(path)): _unpack(table) for path, table in read_tables(folder / FILE).items()}


def read_tables(file: Path) -> dict[str, dict]:
    """What the script queries.js hands over, still packed."""
    text = file.read_text(encoding="utf-8")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def _pack(compared: Compared) -> dict:
    """Values as (methods, metrics, queries) float64 and clusters as (queries,) int32, gzipped in base64."""
    frames = list(compared.results.values())
    values = np.stack([frame.to_numpy(float).T for frame in frames])
    names = "\n".join(map(str, frames[0].index))
    return {
        "task": frames[0].attrs.get("task") or hashlib.sha256(names.encode()).hexdigest()[:16],
        "methods": list(compared.results),
        "metrics": list(frames[0].columns),
        "queries": len(frames[0]),
        "values": _encode(values.astype("<f8")),
        "clusters": _encode(compared.clusters.astype("<i4")),
    }


def _unpack(table: dict) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    values = np.frombuffer(_decode(table["values"]), "<f8").reshape(len(table["methods"]), len(table["metrics"]), -1)
    frames = {m: pd.DataFrame(v.T, columns=table["metrics"]) for m, v in zip(table["methods"], values, strict=True)}
    return frames, np.frombuffer(_decode(table["clusters"]), "<i4")


def _encode(array: np.ndarray) -> str:
    return base64.b64encode(gzip.compress(array.tobytes(), mtime=0)).decode()


def _decode(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))
