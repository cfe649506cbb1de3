"""Many runs: a grid over one notebook's parameters, and all notebooks of a profile."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd

from lib import report
from lib.files import REPORTS, ROOT, replace_folder
from lib.parameters import find_notebook, profiles, resolve

REFERENCE = ROOT / "reports" / "reference"  # the committed result of the reference run
KEPT = {".svg", ".jpg", ".csv"}  # of a figure's files: what a page shows, and the numbers
BIGGEST = 900_000  # bytes: nothing above 1 MB is tracked


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a sweep: its text says how many points are finished."""


def sweep(
    notebook: Path | str,
    grid: Mapping[str, Sequence[object]],
    *,
    parameters: Mapping[str, object] | None = None,
    profile: str = "default",
    jobs: int = 1,
    reports: Path = REPORTS,
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Run every combination of the grid, `jobs` at once; a row each with its status and the means it recorded.

    A run with the same notebook, parameters and code is not repeated; one that failed is with `retry_failed`. Failed
    runs have no values, never zeros. Raises Interrupted on Ctrl-C; finished runs stay.
    """
    if jobs < 1:
        raise ValueError(f"at least one run at a time, got jobs={jobs}")
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    path = find_notebook(notebook)
    asked = [dict(parameters or {}) | point for point in points]
    runs = [_Run.of(path, a, profile, reports) for a in asked]  # a typo in the last point must not show after an hour
    _run_all(list({run.name: run for run in runs if not run.finished(retry_failed)}.values()), len(runs), jobs)
    found = [run.metrics() for run in runs]
    return pd.DataFrame([{**p, "status": m["status"], **dict(means(m["results"]))} for p, m in zip(points, found, strict=True)])


def report_all(profile: str, *, notebooks: Sequence[str] = (), reports: Path = REPORTS) -> list[dict]:
    """Run all notebooks that know the profile, in order, and print a line for each; a failure does not stop the others.

    The profile "reference" refreshes the small committed results in reports/reference/ as well.
    """
    known = [name for name, by_profile in profiles().items() if profile in by_profile]
    if not known:
        raise ValueError(f"no notebook has the profile {profile!r} (notebooks/profiles.yaml)")
    chosen = [find_notebook(n) for n in notebooks or known]
    for notebook in chosen:  # a typo in the last one must not show after the others have run
        resolve(notebook, profile=profile)
    results = []
    run_name = "full-reference" if profile == "reference" else profile
    for notebook in chosen:
        metrics = report.run(notebook, profile=profile, name=run_name, reports=reports)
        print(report.summary(metrics), flush=True)  # at once, also into a pipe
        if profile == "reference" and metrics["status"] == "done":
            keep_reference(reports / run_name / notebook.stem, REFERENCE / notebook.stem)
        results.append(metrics)
    return results


def keep_reference(run: Path, target: Path) -> None:
    """Copy what is small enough to commit: metrics.json, figures and their numbers. Raises ValueError for a file near 1 MB."""
    files = [run / "metrics.json", *(f for f in sorted((run / "figures").glob("*")) if f.suffix in KEPT)]
    for file in files:
        if file.stat().st_size > BIGGEST:
            raise ValueError(f"{file} has {file.stat().st_size} bytes, too many to commit; draw it smaller")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        for file in files:
            shutil.copyfile(file, draft / file.name)
        replace_folder(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def means(results: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    """Every mean among nested results as ("dataset/method/metric", value)."""
    for key, value in results.items():
        if isinstance(value, Mapping) and "mean" in value:
            yield "/".join((*path, key)), value["mean"]
        elif isinstance(value, Mapping):
            yield from means(value, (*path, key))


@dataclass(frozen=True)
class _Run:
    """One point of a sweep: what is asked, where it lands, and by what key it is known again."""

    notebook: Path
    asked: dict
    profile: str
    reports: Path
    key: str

    @classmethod
    def of(cls, notebook: Path, asked: dict, profile: str, reports: Path) -> _Run:
        key = report.content_key(notebook, resolve(notebook, asked, profile=profile))
        return cls(notebook, asked, profile, reports, key)

    @property
    def name(self) -> str:
        return report.run_name(self.profile, self.asked)

    def finished(self, retry_failed: bool) -> bool:
        return self.metrics()["status"] in (("done",) if retry_failed else ("done", "failed"))

    def metrics(self) -> dict:
        """What the run left; "died" where its process ended before it left anything, or an older run is all there is."""
        path = self.reports / self.name / self.notebook.stem / "metrics.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found if found.get("key") == self.key else {"status": "died", "results": {}}

    def start(self) -> BaseProcess:
        from lib.kernels import start_run

        return start_run(_run_one, self)


def _run_all(runs: list[_Run], total: int, jobs: int) -> None:
    """Run them, each in a process of its own; whatever way this ends, none is left running."""
    from multiprocessing.connection import wait

    from tqdm import tqdm

    waiting, running = list(reversed(runs)), {}
    try:
        with (
            report.environment(OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))),
            tqdm(total=total, initial=total - len(runs), desc="sweep", unit="run") as bar,
        ):
            while waiting or running:
                while waiting and len(running) < jobs:
                    process = waiting.pop().start()
                    running[process.sentinel] = process
                for sentinel in wait(list(running)):
                    running.pop(sentinel).join()
                    bar.update()
    except KeyboardInterrupt as stop:
        finished = total - len(waiting) - len(running)
        raise Interrupted(f"{finished} of {total} runs are finished and stay; the same command goes on from there") from stop
    finally:
        _end(list(running.values()))


def _end(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(10)
        process.kill()


def _run_one(run: _Run) -> None:
    report.run(
        run.notebook, run.asked, profile=run.profile, reports=run.reports, progress=False, key=run.key,
        kernels="lib.kernels.ForkedKernels",
    )  # fmt: skip
