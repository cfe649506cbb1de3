"""The page over all runs: reports/index.html, one self-contained file. What a run leaves is in `report.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from lib.files import REPORTS, write_atomically

TEMPLATE = Path(__file__).with_name("index.html.j2")


def write_index(reports: Path = REPORTS) -> Path:
    """Write the page over every run below `reports` and return its path; a run that cannot be read is shown so."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template(TEMPLATE.name).render(runs=collect(reports))
    target = reports / "index.html"
    write_atomically(target, page.encode())
    return target


def collect(reports: Path) -> list[dict]:
    """Every run's metrics with its folder, results as rows and figures, newest run first."""
    runs = []
    for file in sorted(reports.glob("*/*/metrics.json")):
        if file.parent.parent.name == "reference":  # committed copies, not runs
            continue
        try:
            metrics = json.loads(file.read_text(encoding="utf-8"))
            runs.append(_described(metrics, file.parent, reports))
        except (json.JSONDecodeError, KeyError) as error:
            runs.append(_unreadable(file, reports, error))
    order = {name: i for i, name in enumerate(dict.fromkeys(r["run"] for r in sorted(runs, key=lambda r: -r["time"])))}
    return sorted(runs, key=lambda r: (order[r["run"]], r["notebook"]))


def _described(metrics: dict, folder: Path, reports: Path) -> dict:
    figures = [f for f in sorted((folder / "figures").glob("*")) if f.suffix in (".svg", ".jpg")]
    fields = ("notebook", "status", "error", "profile", "parameters", "seconds", "encode_seconds", "commit")
    return {field: metrics[field] for field in fields} | {
        "run": folder.parent.name,
        "time": (folder / "metrics.json").stat().st_mtime,
        "page": (folder / "notebook.html").relative_to(reports).as_posix(),
        "figures": [(f.stem.replace("_", " "), f.relative_to(reports).as_posix()) for f in figures],
        "rows": list(rows(metrics["results"])),
    }


def _unreadable(file: Path, reports: Path, error: Exception) -> dict:
    blank = {"profile": "", "parameters": {}, "seconds": 0, "encode_seconds": None, "commit": None, "figures": [], "rows": []}
    return blank | {
        "run": file.parent.parent.name,
        "notebook": file.parent.name,
        "status": "unreadable",
        "error": {"cell": "?", "name": type(error).__name__, "message": f"metrics.json: {error}", "source": ""},
        "time": file.stat().st_mtime,
        "page": file.relative_to(reports).as_posix(),
    }


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
