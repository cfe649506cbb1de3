"""One run of a notebook: `plan` says what will run and where it lands, `execute` runs it.

A run leaves reports/<run>/<notebook>/<data set>/ with notebook.ipynb, notebook.html, metrics.json,
queries.js and figures/. What a notebook records is in `recording.py`, several runs at once are in
`sweep.py`, the page over all runs is in `index_page.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lib.files import REPORTS, ROOT, whole_folder, write_atomically
from lib.report import recording
from lib.report.cards import question
from lib.report.notebook_page import render_page
from lib.report.parameters import dataset_folder, find_notebook, resolve, safe_name
from lib.report.results import read_metrics
from lib.report.scores_js import write_queries

PACKAGES = ("torch", "torchvision", "transformers", "scikit-learn", "faiss-cpu", "numpy", "pandas")
DIED = {"status": "died", "results": {}, "seconds": 0.0}  # in place of a run's metrics


@dataclass(frozen=True)
class Run:
    """What will run: a notebook with every parameter's value, and the folder for its results."""

    notebook: Path
    asked: dict
    parameters: dict
    profile: str
    folder: Path
    key: str  # what decides the results; taken now, as the code may be edited while others run

    @property
    def name(self) -> str:
        """How a person tells the run from others: "07_matching, abt-buy"."""
        return f"{self.notebook.stem}, {self.folder.name}"

    def metrics(self) -> dict:
        """What the run left, or DIED where it, as it is now, has left nothing that can be read."""
        try:
            found = read_metrics(self.folder / "metrics.json")
            return found if found["key"] == self.key else DIED
        except (OSError, ValueError, KeyError, TypeError):
            return DIED


def plan(
    notebook: Path | str,
    parameters: Mapping[str, object] | None = None,
    *,
    profile: str = "default",
    name: str | None = None,
    reports: Path = REPORTS,
) -> list[Run]:
    """The runs that a notebook, a profile and further parameters ask for; one for each data set.

    They are called `name`, else by their parameters. Raises ValueError for unknown parameters or
    wrong types, and for a name that is no plain folder name.
    """
    if name is not None and (name != safe_name(name) or name == "reference"):
        raise ValueError(f"a run's name is a plain folder name such as mine-2, got {name!r}")
    path, asked = find_notebook(notebook), dict(parameters or {})
    name = name or run_name(profile, asked)
    return [
        Run(
            notebook=path,
            asked=asked,
            parameters=values,
            profile=profile,
            folder=reports / name / path.stem / dataset_folder(values.get("DATASET")),
            key=content_key(path, values),
        )
        for values in resolve(path, asked, profile=profile)
    ]


def execute(run: Run, *, progress: bool = True) -> dict:
    """Execute a notebook into its folder and return its metrics.

    The folder replaces an older one only when the notebook has ended. A notebook that failed leaves
    metrics that say so. Where the page or another last step fails, the results stay, and `problems`
    says what is missing.
    """
    with whole_folder(run.folder) as draft:
        start = time.perf_counter()
        error = _execute_notebook(run, draft, progress=progress)
        metrics = {
            "notebook": run.notebook.stem,
            "question": question(run.notebook),
            "status": "failed" if error else "done",
            "error": error,
            "profile": run.profile,
            "asked": run.asked,
            "parameters": run.parameters,
            "seed": run.parameters.get("SEED"),
            "seconds": round(time.perf_counter() - start, 1),
            "commit": _commit(),
            "key": run.key,
            "versions": versions(),
            "problems": [],
            **_finish(run, draft, done=not error),
        }
        text = json.dumps(metrics, indent=1, ensure_ascii=False)
        # half a character pair, which UTF-8 cannot hold, is written as JSON's \udXXX
        write_atomically(draft / "metrics.json", text.encode(errors="backslashreplace"))
        if not metrics["problems"]:
            (draft / recording.FILE).unlink(missing_ok=True)
    return metrics


def summary(run: Run, metrics: dict) -> str:
    """One line about a run; more with the error where it failed, or with what is missing."""
    lines = [f"{run.name:<32} {metrics['status']:<7} {metrics['seconds']:6.1f} s"]
    if error := metrics.get("error"):
        lines.append(f"  cell {error['cell']}: {error['name']}: {error['message']}")
    lines += [f"  {problem}" for problem in metrics.get("problems", [])]
    return "\n".join(lines)


def content_key(notebook: Path, parameters: Mapping[str, object]) -> str:
    """A hash of what decides results: notebook, parameters, lib's code, dependencies' versions."""
    code = b"".join(p.read_bytes() for p in sorted((ROOT / "lib").rglob("*.py")))
    values = json.dumps([parameters, versions()], sort_keys=True, default=str).encode()
    return hashlib.sha256(b"\0".join((notebook.read_bytes(), values, code))).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Python's and the main packages' versions."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": ".".join(map(str, sys.version_info[:3]))} | packages


def run_name(profile: str, asked: Mapping[str, object]) -> str:
    """A folder name that says how a run differs from others: "default", "default,SEED=1".

    The data set has a folder of its own. reports/reference holds copies, so the runs of that
    profile are called "full-reference".
    """
    profile = "full-reference" if profile == "reference" else profile
    said = [f"{k}={_brief(v)}" for k, v in sorted(asked.items()) if k != "DATASET"]
    return safe_name(",".join([profile, *said]))


def _execute_notebook(run: Run, folder: Path, *, progress: bool) -> dict | None:
    """Run the notebook in a kernel of its own; what went wrong, if anything did."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    # the kernel inherits them: where `record` writes, and where an encoder of one's own may lie
    beside = [Path.cwd(), run.notebook.parent, os.environ.get("PYTHONPATH")]
    given = {"AKIN_RUN": folder, "PYTHONPATH": os.pathsep.join(map(str, filter(None, beside)))}
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in given.items()})
    try:
        papermill.execute_notebook(
            str(run.notebook),
            str(folder / "notebook.ipynb"),
            parameters=run.parameters,
            kernel_name="python3",
            language="python",
            progress_bar=progress and sys.stderr.isatty(),
            # a kernel that is ended while it starts to end by itself calls that an error
            extra_arguments=["--log-level=CRITICAL"],
        )
        return None
    except PapermillExecutionError as error:
        found = (error.exec_count, error.source, error.ename, error.evalue)
    except Exception as error:  # the kernel died, or the notebook could not be written
        found = ("?", "", type(error).__name__, str(error) or "no message")
    finally:
        os.environ.clear()
        os.environ.update(before)
    return dict(zip(("cell", "source", "name", "message"), found, strict=True))


def _finish(run: Run, draft: Path, *, done: bool) -> dict:
    """What the notebook recorded, with its per-query rows and its page put into files."""
    recorded, problems = {}, []
    with _noted("what was recorded cannot be read", problems):
        recorded = recording.read_recorded(draft)
    with _noted("the values of each query are not kept", problems):
        write_queries(recorded.get("queries", {}), draft)
    with _noted("there is no page", problems):
        about = str(run.parameters.get("DATASET")) if done else ""
        render_page(draft / "notebook.ipynb", title=run.notebook.stem, about=about)
    kept = {name: recorded.get(name, {}) for name in ("data", "results")}
    return kept | {"problems": problems}


@contextlib.contextmanager
def _noted(says: str, problems: list[str]) -> Iterator[None]:
    """A step whose failure is said, and costs nothing else of the run."""
    try:
        yield
    except Exception as error:
        problems.append(f"{says}: {type(error).__name__}: {error}")


def _brief(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _commit() -> str | None:
    """What is checked out, and whether lib or notebooks differ from it; None without git."""
    told = []
    for words in (["rev-parse", "--short", "HEAD"], ["status", "--short", "lib", "notebooks"]):
        command = ["git", "-C", str(ROOT), *words]
        try:
            told.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        except (OSError, subprocess.CalledProcessError):
            return None
    head, changes = told
    return head.strip() + ("+changes" if changes else "")
