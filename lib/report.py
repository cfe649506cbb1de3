"""Notebooks into reports: `run` executes one with papermill, `record` keeps its results.

What a run leaves: reports/<run>/<notebook>/{notebook.ipynb, notebook.html, metrics.json, queries.js, figures/}.
Parameters are in `parameters.py`, figures in `figures.py`, the notebook as a page in `pages.py`, grids of runs in
`sweep.py`, the page over all runs in `index.py`.
"""

from __future__ import annotations

import contextlib
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

from lib.datasets import LOADED
from lib.embeddings import Stopwatch
from lib.files import REPORTS, ROOT, replace_folder, run_folder, write_atomically
from lib.pages import render_page
from lib.parameters import default_parameters, find_notebook, resolve
from lib.queries import packed, write_queries

PACKAGES = ("torch", "torchvision", "transformers", "scikit-learn", "faiss-cpu", "numpy", "pandas")


def record(**values: object) -> None:
    """Keep a notebook's results in its run's metrics.json; outside a run nothing happens.

    A `compare()` table becomes {method: {metric: {mean, low, high, …}}}, and its values for each query are kept
    too, so that runs can be compared later; nested dicts, numbers and strings stay as they are. Several calls add up.
    """
    folder = run_folder()
    if folder is None:
        return
    path = folder / "recorded.json"
    kept = json.loads(path.read_text()) if path.exists() else {"results": {}, "queries": {}}
    _merge(kept["results"], _plain(values))
    kept["queries"] |= dict(packed(values))
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
    key: str | None = None,
    kernels: str = "jupyter_client.manager.AsyncKernelManager",
) -> dict:
    """Execute a notebook with its profile's and then these parameters; returns its metrics.

    The run is called `name`, else by its parameters. Its folder replaces an older one only when the notebook
    has ended; a notebook that failed leaves a folder whose metrics say so. A sweep gives its `key`, taken when its code was
    loaded, and in `kernels` the class that starts the kernel.
    Raises ValueError for unknown parameters or wrong types, before a kernel starts.
    """
    notebook = find_notebook(notebook)
    asked = dict(parameters or {})
    chosen = resolve(notebook, asked, profile=profile)
    target = reports / (name or run_name(profile, asked)) / notebook.stem
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_drafts(target)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{notebook.stem}-{os.getpid()}-"))
    try:
        key = key or content_key(notebook, chosen)  # before it runs: code may be edited meanwhile
        start = time.perf_counter()
        error = _execute(notebook, draft, chosen, progress=progress, kernels=kernels)
        metrics = {
            "notebook": notebook.stem,
            "status": "failed" if error else "done",
            "error": error,
            "profile": profile,
            "asked": asked,
            "parameters": chosen,
            "seed": chosen.get("SEED"),
            "seconds": round(time.perf_counter() - start, 1),
            "commit": _commit(),
            "key": key,
            "versions": versions(),
            **_recorded(draft),
        }
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
    """A folder name that says how the run differs from others: "default", "default,SEED=1".

    Where it cannot say all, a hash tells runs apart.
    """
    full = ",".join([profile] + [f"{k}={_brief(v)}" for k, v in sorted(parameters.items())])
    name = "".join(c if c.isalnum() or c in ",=._-+" else "_" for c in full)
    if name == full and len(name) <= 80:
        return name
    return f"{name[:70]}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def _execute(notebook: Path, folder: Path, parameters: dict, *, progress: bool, kernels: str) -> dict | None:
    """Run the notebook in a kernel of its own; what went wrong, if anything did."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    with environment(AKIN_RUN=str(folder)):
        try:
            papermill.execute_notebook(
                str(notebook), str(folder / "notebook.ipynb"), parameters=parameters, kernel_name="python3", language="python",
                progress_bar=progress and sys.stderr.isatty(), extra_arguments=["--log-level=ERROR"],
                kernel_manager_class=kernels,
            )  # fmt: skip
        except PapermillExecutionError as error:
            return {"cell": error.exec_count, "source": error.source, "name": error.ename, "message": error.evalue}
        except DeadKernelError:
            return {
                "cell": "?",
                "source": "",
                "name": "DeadKernelError",
                "message": "the kernel's process ended; out of memory?",
            }
    return None


def _clear_drafts(target: Path) -> None:
    """Remove what runs left that were killed: drafts of this very run whose process is gone."""
    for draft in target.parent.glob(f".{target.name}-*-*"):
        try:
            os.kill(int(draft.name.removeprefix(f".{target.name}-").partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(draft, ignore_errors=True)
        except (ValueError, PermissionError):
            pass


def _brief(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _recorded(folder: Path) -> dict:
    """What the notebook recorded, its per-query rows put into their own file."""
    file = folder / "recorded.json"
    recorded = json.loads(file.read_text()) if file.exists() else {}
    file.unlink(missing_ok=True)
    write_queries(recorded.get("queries", {}), folder)
    return {
        "encode_seconds": recorded.get("encode_seconds"),
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
def environment(**values: str) -> Iterator[None]:
    """Environment variables for as long as the block lasts."""
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
