"""The page over all runs: reports/index.html, one file with its style, script and data.

Newer runs' figures and per-query values are in the file too, up to a size; those of older runs,
and all notebooks, stay beside it in the runs' folders. The page's parts are in `page/`; here its
data are gathered, and nothing is drawn.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lib.files import REPORTS, write_atomically
from lib.report.cards import answer
from lib.report.results import is_mean, leaves, metrics_files, read_metrics, text
from lib.report.scores_js import FILE as QUERIES
from lib.report.scores_js import read_tables

PAGE = Path(__file__).with_name("page")
# one script, in this order
SCRIPTS = (
    "dom",
    "stats",
    "charts",
    "details",
    "cards",
    "runs",
    "tests",
    "compare",
    "sweeps",
    "main",
)
# what can show a figure, with its media type; the first there is
PICTURES = {"svg": "svg+xml", "png": "png", "jpg": "jpeg"}
WITHIN = 8_000_000  # bytes of figures and per-query rows in the page itself; more would open slowly


def write_index(reports: Path = REPORTS) -> Path:
    """Write the page over every run below `reports`; a run that cannot be read is shown so."""
    target = reports / "index.html"
    write_atomically(target, render(collect(reports)).encode(errors="backslashreplace"))
    return target


def render(runs: list[dict]) -> str:
    """The whole page.

    Its security policy names its own script and style by hash, so no other ones run in it.
    """
    from jinja2 import StrictUndefined, Template

    style = (PAGE / "style.css").read_text(encoding="utf-8")
    script = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    # "<" cannot end the script element that holds the data, nor begin another
    data = json.dumps(runs, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    failed = sum(run["status"] != "done" for run in runs)
    page = (PAGE / "index.html.j2").read_text(encoding="utf-8")
    some = "No run fits the search and filters."
    return Template(page, undefined=StrictUndefined).render(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=data,
        summary=f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {failed} failed.",
        nothing=some if runs else "No run yet: make report, or akin run 00_quickstart.",
    )


def collect(reports: Path) -> list[dict]:
    """Every run as the page wants it, newest first."""
    runs, room = [], _Room(WITHIN)
    for file, time in metrics_files(reports):
        try:
            found = _described(read_metrics(file), file.parent, reports, room)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            found = _described(_unreadable(error), file.parent, reports, room)
        runs.append(found | {"time": time})
    return runs


@dataclass
class _Room:
    """How many bytes of other files the page still takes in."""

    left: int

    def takes(self, file: Path) -> bool:
        size = file.stat().st_size
        fits = size <= self.left
        self.left -= size if fits else 0
        return fits


def _described(metrics: dict, folder: Path, reports: Path, room: _Room) -> dict:
    run, notebook, *dataset = folder.relative_to(reports).parts
    values = list(leaves(metrics["results"]))
    measures = [_measure(path, value) for path, value in values if is_mean(value)]
    fields = ("status", "error", "profile", "parameters", "seconds", "commit")
    return {field: metrics[field] for field in fields} | {
        "id": "/".join((run, notebook, *dataset)),
        "run": run,
        "notebook": notebook,
        "dataset": "".join(dataset),
        "question": metrics.get("question", ""),
        "answer": answer(metrics["results"], metrics["parameters"].get("METRIC")),
        "card": metrics["results"].get("card"),
        "problems": metrics.get("problems", []),
        "asked": metrics.get("asked", {}),
        "page": _address(folder / "notebook.html", reports),
        "queries": _queries(folder / QUERIES, reports, room),
        "figures": list(_figures(folder / "figures", reports, room)),
        "measures": measures,
        "headline": _headline(measures, metrics["parameters"].get("METRIC")),
        "rest": [(" / ".join(path), text(v)) for path, v in values if not is_mean(v)],
    }


def _unreadable(error: Exception) -> dict:
    """What stands for the metrics of a run whose file is damaged."""
    says = {"cell": "?", "source": "", "name": type(error).__name__}
    return {
        "status": "unreadable",
        "error": says | {"message": f"metrics.json: {error}"},
        "profile": "",
        "parameters": {},
        "seconds": 0,
        "commit": None,
        "results": {},
    }


def _measure(path: tuple[str, ...], value: Mapping) -> dict:
    """A mean with its table, as queries.js names it, its method and its metric."""
    *table, method, metric = path if len(path) > 1 else ("", *path)
    return {
        "table": json.dumps(table, ensure_ascii=False),
        "method": method,
        "metric": metric,
        **{name: value.get(name) for name in ("mean", "low", "high")},
    }


def _headline(measures: list[dict], metric: str | None) -> int | None:
    """Which measure stands for the run: the best method of its first table.

    It is the best by the run's METRIC, else by nDCG, else by its first metric.
    """
    known = [m for m in measures if m["table"] == measures[0]["table"] and m["mean"] is not None]
    for wanted in (metric or "ndcg@", "ndcg@", ""):
        for first in known:
            if first["metric"].startswith(wanted):
                same = [m for m in known if m["metric"] == first["metric"]]
                return measures.index(max(same, key=lambda m: m["mean"]))
    return None


def _queries(file: Path, reports: Path, room: _Room) -> dict | str | None:
    """What each query scored, or where that lies; None where there is nothing to read."""
    with contextlib.suppress(OSError, ValueError):
        return read_tables(file) if room.takes(file) else _address(file, reports)
    return None


def _figures(folder: Path, reports: Path, room: _Room) -> Iterator[dict]:
    """A figure each name: the picture or page that shows it, and its other files."""
    files: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.glob("[!.]*.*")):
        files.setdefault(file.stem, {})[file.suffix[1:].lower()] = file
    for name, kinds in files.items():
        addresses = {kind: _address(file, reports) for kind, file in kinds.items()}
        shown = {"name": name, "title": name.replace("_", " "), "image": None, "frame": None}
        kind = next((kind for kind in PICTURES if kind in kinds), None)
        if kind:
            shown["open"] = addresses.pop(kind)
            shown["image"] = _within(kinds[kind]) if room.takes(kinds[kind]) else shown["open"]
        elif "html" in kinds:
            shown["frame"] = addresses["html"]
        else:
            continue
        yield shown | {"files": addresses}


def _within(picture: Path) -> str:
    kind = PICTURES[picture.suffix[1:].lower()]
    return f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _address(file: Path, reports: Path) -> str:
    return quote(file.relative_to(reports).as_posix())


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
