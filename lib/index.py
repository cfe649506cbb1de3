"""The page over all runs: reports/index.html, one file with its style, script and data. What a run leaves is in `report.py`.

Newer runs' figures and per-query rows are in the file too, up to a size; those of older runs, and all notebooks, stay beside
it in the runs' folders. The page's parts are in `page/`; here its data are gathered, and nothing is drawn.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lib.files import REPORTS, write_atomically
from lib.queries import FILE as QUERIES
from lib.queries import read_tables

PAGE = Path(__file__).with_name("page")
SCRIPTS = ("dom", "stats", "charts", "runs", "compare", "sweeps", "main")  # one script, in this order
# what can show a figure, the first there is, with its media type
PICTURES = {"svg": "svg+xml", "png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
WITHIN = 8_000_000  # bytes of figures and per-query rows in the page itself; more would open slowly


def write_index(reports: Path = REPORTS) -> Path:
    """Write the page over every run below `reports` and return its path; a run that cannot be read is shown so."""
    target = reports / "index.html"
    write_atomically(target, render(collect(reports)).encode())
    return target


def render(runs: list[dict]) -> str:
    """The whole page. Its security policy names its own script and style by hash, so no other ones run in it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    style = (PAGE / "style.css").read_text(encoding="utf-8")
    script = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    # "<" cannot end the script element that holds the data, nor begin another
    data = json.dumps(runs, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    failed = sum(run["status"] != "done" for run in runs)
    environment = Environment(loader=FileSystemLoader(PAGE), autoescape=False, undefined=StrictUndefined)
    return environment.get_template("index.html.j2").render(
        style=style, style_hash=_hash(style), script=script, script_hash=_hash(script), data=data,
        summary=f"{len(runs)} notebook run{'' if len(runs) == 1 else 's'}" + (f", {failed} failed." if failed else "."),
        nothing="No run fits the search and filters." if runs else "No run yet: make report, or akin run 00_quickstart.",
    )  # fmt: skip


def collect(reports: Path) -> list[dict]:
    """Every run as the page wants it, newest first."""
    runs, room = [], _Room(WITHIN)
    files = sorted(reports.glob("[!.]*/[!.]*/metrics.json"))  # dots begin drafts
    for file in sorted(files, key=lambda file: -file.stat().st_mtime):
        if file.parent.parent.name == "reference":  # committed copies, not runs
            continue
        try:
            runs.append(_described(json.loads(file.read_text(encoding="utf-8")), file.parent, reports, room))
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            runs.append(_unreadable(file, reports, error))
    return runs


@dataclass
class _Room:
    """How many bytes of other files the page still takes in."""

    left: int

    def takes(self, file: Path) -> bool:
        self.left -= (size := file.stat().st_size)
        if self.left < 0:
            self.left += size
            return False
        return True


def _described(metrics: dict, folder: Path, reports: Path, room: _Room) -> dict:
    measures = list(_measures(metrics["results"]))
    fields = ("notebook", "status", "error", "profile", "parameters", "seconds", "encode_seconds", "commit")
    return {field: metrics[field] for field in fields} | {
        "id": folder.relative_to(reports).as_posix(),
        "run": folder.parent.name,
        "asked": metrics.get("asked", {}),
        "time": (folder / "metrics.json").stat().st_mtime,
        "page": _address(folder / "notebook.html", reports),
        "queries": _queries(folder / QUERIES, reports, room),
        "figures": list(_figures(folder / "figures", reports, room)),
        "measures": measures,
        "headline": _headline(measures, metrics["parameters"].get("METRIC")),
        "rest": list(rows(_without_means(metrics["results"]))),
    }


def _unreadable(file: Path, reports: Path, error: Exception) -> dict:
    why = {"cell": "?", "name": type(error).__name__, "message": f"metrics.json: {error}", "source": ""}
    blank = {
        "profile": "",
        "asked": {},
        "parameters": {},
        "seconds": 0,
        "encode_seconds": None,
        "commit": None,
        "queries": None,
    }
    return blank | {
        "id": file.parent.relative_to(reports).as_posix(),
        "run": file.parent.parent.name,
        "notebook": file.parent.name,
        "status": "unreadable",
        "error": why,
        "time": file.stat().st_mtime,
        "page": _address(file, reports),
        "figures": [],
        "measures": [],
        "headline": None,
        "rest": [],
    }


def _measures(results: Mapping, path: tuple[str, ...] = ()) -> Iterator[dict]:
    """Every mean among nested results, with its table as `queries.js` names it, method and metric."""
    for key, value in results.items():
        here = (*path, str(key))
        if isinstance(value, Mapping) and "mean" in value:
            *table, method = path or ("",)
            kept = {name: value.get(name) for name in ("mean", "low", "high")}
            yield {"table": json.dumps(table, ensure_ascii=False), "method": method, "metric": here[-1], **kept}
        elif isinstance(value, Mapping):
            yield from _measures(value, here)


def _headline(measures: list[dict], metric: str | None) -> int | None:
    """Which measure stands for the run: the best method of its first table, by its METRIC, else nDCG, else its first metric."""
    first = [m for m in measures if m["table"] == measures[0]["table"]]
    for wanted in (metric, "ndcg@", ""):
        fitting = [m for m in first if wanted is not None and m["metric"].startswith(wanted) and m["mean"] is not None]
        if fitting:
            same = [m for m in fitting if m["metric"] == fitting[0]["metric"]]
            return measures.index(max(same, key=lambda m: m["mean"]))
    return None


def _queries(file: Path, reports: Path, room: _Room) -> dict | str | None:
    """The per-query rows, or where they lie, if there are any."""
    if not file.exists():
        return None
    return read_tables(file) if room.takes(file) else _address(file, reports)


def _figures(folder: Path, reports: Path, room: _Room) -> Iterator[dict]:
    """A figure each name: what shows it, a picture or a page of its own, and its other files, such as the numbers behind it."""
    files: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.glob("[!.]*.*")):
        files.setdefault(file.stem, {})[file.suffix[1:].lower()] = file
    for name, kinds in files.items():
        picture = next((kinds[kind] for kind in PICTURES if kind in kinds), None)
        frame = None if picture else kinds.get("html")
        if picture or frame:
            yield {
                "name": name,
                "title": name.replace("_", " "),
                "image": picture and (_within(picture) if room.takes(picture) else _address(picture, reports)),
                "open": picture and _address(picture, reports),
                "frame": frame and _address(frame, reports),
                "files": {kind: _address(file, reports) for kind, file in kinds.items() if file != picture},
            }


def _without_means(results: Mapping) -> dict:
    kept = {
        k: _without_means(v) if isinstance(v, Mapping) else v
        for k, v in results.items()
        if not (isinstance(v, Mapping) and "mean" in v)
    }
    return {k: v for k, v in kept.items() if v != {}}


def rows(results: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Nested results as (name, value) texts; a mean is followed by its interval."""
    for key, value in results.items():
        here = (*path, str(key))
        if isinstance(value, Mapping) and "mean" in value:
            yield " / ".join(here), _with_interval(value)
        elif isinstance(value, Mapping):
            yield from rows(value, here)
        else:
            yield " / ".join(here), "—" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _with_interval(value: Mapping) -> str:
    if value["mean"] is None:
        return "— (no query has anything relevant)"
    interval = "" if value.get("low") is None else f" [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value['mean']:.3f}{interval}"


def _within(picture: Path) -> str:
    kind = PICTURES[picture.suffix[1:].lower()]
    return f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _address(file: Path, reports: Path) -> str:
    return quote(file.relative_to(reports).as_posix())


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
