"""Reading what runs left: their metrics.json, and the means and tables inside.

Nothing is written here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd


def metrics_files(reports: Path) -> list[tuple[Path, float]]:
    """Every run's metrics.json with its time, newest first.

    They lie in <run>/<notebook>/<data set>/, in older runs in <run>/<notebook>/.
    """
    found = []
    for depth in ("[!.]*/[!.]*", "[!.]*/[!.]*/[!.]*"):  # dots begin drafts
        for file in reports.glob(f"{depth}/metrics.json"):
            committed = file.relative_to(reports).parts[0] == "reference"  # copies, not runs
            with contextlib.suppress(FileNotFoundError):  # another process has just replaced it
                if not committed:
                    found.append((file, file.stat().st_mtime))
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))


def read_metrics(file: Path) -> dict:
    """A run's metrics.json; what JSON has no number for is None. Raises ValueError for damage."""
    return json.loads(file.read_text(encoding="utf-8"), parse_constant=lambda _: None)


def is_mean(value: object) -> bool:
    """Whether a result is a mean with its interval, as `compare` gives it."""
    return isinstance(value, Mapping) and "mean" in value


def leaves(
    results: Mapping, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    """Nested results as (path, value); a mean with its interval is one value."""
    for key, value in results.items():
        here = (*path, str(key))
        if isinstance(value, Mapping) and not is_mean(value):
            yield from leaves(value, here)
        else:
            yield here, value


def means(results: Mapping) -> dict[str, float]:
    """Every mean among nested results, as {"task/method/metric": value}."""
    return {"/".join(path): value["mean"] for path, value in leaves(results) if is_mean(value)}


def recorded_tables(results: Mapping) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The tables of `compare` among results, each with the keys that lead to it."""
    tables: dict[tuple[str, ...], dict[str, dict]] = {}
    for path, value in leaves(results):
        if is_mean(value) and len(path) > 1 and {"low", "high"} <= set(value):
            *table, method, metric = path
            tables.setdefault(tuple(table), {}).setdefault(metric, {})[method] = value
    for path, table in tables.items():
        metrics = {name: pd.DataFrame(methods, dtype=float).T for name, methods in table.items()}
        frame = pd.concat(metrics, names=["metric", "method"])
        counts = [
            c for c in ("queries", "empty", "clusters") if c in frame and frame[c].notna().all()
        ]
        yield path, frame.astype(dict.fromkeys(counts, int))


def text(value: object) -> str:
    """A result as a person reads it; a mean is followed by its interval."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if not is_mean(value):
        return "—" if value is None else str(value)
    if value["mean"] is None:
        return "— (no query has anything relevant)"
    interval = "" if value.get("low") is None else f" [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value['mean']:.3f}{interval}"
