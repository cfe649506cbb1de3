"""Notebooks into reports: `run` executes one with papermill, `record` keeps its results.

What a run leaves: reports/<run>/<notebook>/{notebook.ipynb, notebook.html, metrics.json, figures/}. Grids of
runs are in `sweep.py`, figures in `figures.py`, the notebook as a page in `pages.py`, the page over all runs in `index.py`.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from lib.datasets import LOADED
from lib.embeddings import Stopwatch
from lib.figures import save_figure as save_figure  # part of what a notebook keeps, as `record` is
from lib.files import REPORTS, ROOT, replace_folder, run_folder, write_atomically
from lib.pages import render_page

NOTEBOOKS = ROOT / "notebooks"
PACKAGES = ("torch", "torchvision", "transformers", "scikit-learn", "faiss-cpu", "numpy", "pandas")


def record(**values: object) -> None:
    """Keep a notebook's results in its run's metrics.json; outside a run nothing happens.

    A `compare()` table becomes {method: {metric: {mean, low, high, …}}}; nested dicts, numbers and strings
    stay as they are. Several calls add up.
    """
    folder = run_folder()
    if folder is None:
        return
    path = folder / "recorded.json"
    kept = json.loads(path.read_text()) if path.exists() else {"results": {}}
    _merge(kept["results"], _plain(values))
    kept |= {"data": LOADED, "encode_seconds": round(Stopwatch.seconds, 3)}
    write_atomically(path, json.dumps(kept, indent=1).encode())


def run(
    notebook: Path | str,
    parameters: Mapping[str, object] | None = None,
    *,
    profile: str = "default",
    name: str | None = None,
    reports: Path = REPORTS,
    progress: bool = True,
) -> dict:
    """Execute a notebook with its profile's and then these parameters; returns its metrics.

    The run is called `name`, else by its parameters. Its folder replaces an older one only when the notebook
    has ended; a notebook that failed leaves a folder whose metrics say so. Raises ValueError for unknown
    parameters or wrong types, before a kernel starts.
    """
    notebook = find_notebook(notebook)
    chosen = profile_parameters(notebook, profile) | dict(parameters or {})
    chosen = default_parameters(notebook) | check_parameters(notebook, chosen)
    target = reports / (name or run_name(profile, parameters or {})) / notebook.stem
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{notebook.stem}-"))
    try:
        start = time.perf_counter()
        error = _execute(notebook, draft, chosen, progress=progress)
        metrics = _metrics(notebook, draft, chosen, profile, error, time.perf_counter() - start)
        write_atomically(draft / "metrics.json", json.dumps(metrics, indent=1, ensure_ascii=False).encode())
        render_page(draft / "notebook.ipynb", title=notebook.stem)
        replace_folder(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return metrics


def summary(metrics: dict) -> str:
    """One line about a run; a second with the error where it failed."""
    encoding = metrics["encode_seconds"]
    spent = "" if encoding is None else f", of it {encoding:.1f} s encoding"
    line = f"{metrics['notebook']:<16} {metrics['status']:<7} {metrics['seconds']:6.1f} s{spent}"
    if metrics["error"]:
        line += f"\n  cell {metrics['error']['cell']}: {metrics['error']['name']}: {metrics['error']['message']}"
    return line


def content_key(notebook: Path, parameters: Mapping[str, object]) -> str:
    """A hash of what decides a run's result: notebook, parameters, the package's code and its dependencies' versions."""
    code = b"".join(p.read_bytes() for p in sorted((ROOT / "lib").rglob("*.py")))
    asked = json.dumps([default_parameters(notebook) | parameters, versions()], sort_keys=True, default=str).encode()
    return hashlib.sha256(b"\0".join((notebook.read_bytes(), asked, code))).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Python's and the main packages' versions."""
    return {"python": ".".join(map(str, sys.version_info[:3]))} | {p: importlib.metadata.version(p) for p in PACKAGES}


def run_name(profile: str, parameters: Mapping[str, object]) -> str:
    """A folder name that says how the run differs from others: "default", "default,SEED=1"."""
    parts = [profile] + [f"{k}={v}" for k, v in sorted(parameters.items())]
    name = "".join(c if c.isalnum() or c in ",=._-" else "_" for c in ",".join(parts))
    if len(name) <= 80:
        return name
    return f"{name[:70]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def profiles() -> dict[str, dict[str, dict]]:
    """Each notebook's parameters by profile, from notebooks/profiles.yaml."""
    return yaml.safe_load((NOTEBOOKS / "profiles.yaml").read_text(encoding="utf-8"))


def profile_parameters(notebook: Path, profile: str) -> dict:
    """The parameters that a profile sets in a notebook; a notebook outside `notebooks/` has only its own."""
    known = profiles().get(notebook.stem, {"default": {}})
    if profile not in known:
        raise ValueError(f"{notebook.stem} has the profiles {', '.join(known)}, not {profile!r} (notebooks/profiles.yaml)")
    return dict(known[profile] or {})


def find_notebook(notebook: Path | str) -> Path:
    """The notebook's path, given as a path or by its name in notebooks/."""
    for path in (Path(notebook), NOTEBOOKS / notebook, NOTEBOOKS / f"{notebook}.ipynb"):
        if path.is_file():
            return path.resolve()
    near = difflib.get_close_matches(Path(notebook).stem, [p.stem for p in NOTEBOOKS.glob("*.ipynb")], n=1, cutoff=0.4)
    raise FileNotFoundError(f"no notebook {str(notebook)!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def check_parameters(notebook: Path, parameters: Mapping[str, object]) -> dict:
    """The parameters, if the notebook's parameters cell has all of them with fitting types.

    Raises ValueError naming the nearest known parameter, or what type was needed.
    """
    known = default_parameters(notebook)
    for name, value in parameters.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{notebook.name} has no parameter {name!r}; it has {', '.join(known) or 'none'}{hint}")
        default = known[name]
        if default is not None and value is not None and not _fits(value, default):
            raise ValueError(f"{notebook.name}: {name} is {type(default).__name__} ({default!r}), got {value!r}")
    return dict(parameters)


def default_parameters(notebook: Path) -> dict:
    """What the notebook's parameters cell assigns; {} without such a cell. Raises ValueError for anything but literals."""
    import nbformat

    marked = [c for c in nbformat.read(notebook, 4).cells if "parameters" in c.metadata.get("tags", [])]
    found = {}
    for statement in ast.parse(marked[0].source).body if marked else []:
        try:
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError) as error:
            line = f"{notebook.name}, parameters cell, line {statement.lineno}"
            raise ValueError(
                f"{line}: write NAME = literal; what is computed here goes stale when papermill sets NAME"
            ) from error
    return found


def _fits(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    return isinstance(value, type(default)) or (isinstance(default, float) and isinstance(value, int))


def _execute(notebook: Path, folder: Path, parameters: dict, *, progress: bool) -> dict | None:
    """Run the notebook in a kernel of its own; what went wrong, if anything did."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with _environment(AKIN_RUN=str(folder)):
        try:
            papermill.execute_notebook(
                str(notebook), str(folder / "notebook.ipynb"), parameters=parameters, kernel_name="python3", language="python",
                progress_bar=progress and sys.stderr.isatty(), extra_arguments=["--log-level=ERROR"],
            )  # fmt: skip
        except PapermillExecutionError as error:
            return {"cell": error.exec_count, "source": error.source, "name": error.ename, "message": error.evalue}
    return None


def _metrics(notebook: Path, folder: Path, parameters: dict, profile: str, error: dict | None, seconds: float) -> dict:
    recorded_file = folder / "recorded.json"
    recorded = json.loads(recorded_file.read_text()) if recorded_file.exists() else {}
    recorded_file.unlink(missing_ok=True)
    return {
        "notebook": notebook.stem,
        "status": "failed" if error else "done",
        "error": error,
        "profile": profile,
        "parameters": parameters,
        "seed": parameters.get("SEED"),
        "seconds": round(seconds, 1),
        "encode_seconds": recorded.get("encode_seconds"),
        "commit": _commit(),
        "key": content_key(notebook, parameters),
        "versions": versions(),
        "data": recorded.get("data", {}),
        "results": recorded.get("results", {}),
    }


def _commit() -> str | None:
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return None
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "lib", "notebooks"], check=False).returncode
    return head.stdout.strip() + ("+changes" if changed else "")


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {k: os.environ.get(k) for k in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for k, v in before.items():
            os.environ.pop(k) if v is None else os.environ.update({k: v})


def _merge(into: dict, new: Mapping) -> None:
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _plain(value: object) -> object:
    """The value in JSON's own types: NaN and infinity become null, tables become nested dicts."""
    if isinstance(value, pd.DataFrame) and list(value.index.names) == ["metric", "method"]:
        nested: dict = {}
        for (metric, method), row in value.iterrows():
            nested.setdefault(method, {})[metric] = _plain(row.to_dict())
        return nested
    if isinstance(value, pd.DataFrame):
        return _plain(value.to_dict("index"))
    if isinstance(value, pd.Series):
        return _plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
