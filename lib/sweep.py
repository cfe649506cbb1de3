"""Many runs: a grid over one notebook's parameters, and all notebooks of a profile."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from lib import report
from lib.files import REPORTS, replace_folder

REFERENCE = REPORTS / "reference"  # the committed result of the reference run
KEPT = {".svg", ".jpg", ".csv"}  # of a figure's files: what a page shows, and the numbers
BIGGEST = 900_000  # bytes: nothing above 1 MB is tracked


def sweep(
    notebook: Path | str,
    grid: Mapping[str, Sequence[object]],
    *,
    parameters: Mapping[str, object] | None = None,
    profile: str = "default",
    jobs: int = 1,
    reports: Path = REPORTS,
) -> pd.DataFrame:
    """Run every combination of the grid; a row each with its status and the means it recorded.

    A run that ended well with the same notebook, parameters and code is not repeated. Failed runs have no
    values, never zeros.
    """
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    path = report.find_notebook(notebook)
    for point in points:  # a typo in the last point must not show after an hour
        report.check_parameters(path, report.profile_parameters(path, profile) | dict(parameters or {}) | point)
    asked = [(path, dict(parameters or {}) | point, profile, reports) for point in points]
    found = dict(_run_all(asked, jobs))
    rows = [{**point, "status": found[i]["status"], **dict(means(found[i]["results"]))} for i, point in enumerate(points)]
    return pd.DataFrame(rows)


def report_all(profile: str, *, notebooks: Sequence[str] = (), reports: Path = REPORTS) -> list[dict]:
    """Run all notebooks that know the profile, in order, and print a line for each; a failure does not stop the others.

    The profile "reference" refreshes the small committed results in reports/reference/ as well.
    """
    known = [name for name, by_profile in report.profiles().items() if profile in by_profile]
    if not known:
        raise ValueError(f"no notebook has the profile {profile!r} (notebooks/profiles.yaml)")
    chosen = [report.find_notebook(n) for n in notebooks or known]
    for notebook in chosen:  # a typo in the last one must not show after the others have run
        report.check_parameters(notebook, report.profile_parameters(notebook, profile))
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


def _run_all(asked: list[tuple], jobs: int) -> Iterator[tuple[int, dict]]:
    from tqdm import tqdm

    # spawned, not forked: a fork would copy locks that torch's threads hold
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_share_cores, initargs=(jobs,)) as pool:
        futures = {pool.submit(_run_one, *arguments): i for i, arguments in enumerate(asked)}
        for future in tqdm(as_completed(futures), total=len(futures), desc="sweep", unit="run"):
            yield futures[future], future.result()


def _run_one(notebook: Path, parameters: dict, profile: str, reports: Path) -> dict:
    path = reports / report.run_name(profile, parameters) / notebook.stem / "metrics.json"
    key = report.content_key(notebook, report.profile_parameters(notebook, profile) | parameters)
    if path.exists():
        done = json.loads(path.read_text())
        if done["status"] == "done" and done["key"] == key:
            return done
    return report.run(notebook, parameters, profile=profile, reports=reports, progress=False)


def _share_cores(jobs: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))
