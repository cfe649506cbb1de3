"""Many runs: a grid over one notebook's parameters, and all notebooks of a profile."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from lib.files import REPORTS, whole_folder
from lib.report.index_page import write_index
from lib.report.overview import REFERENCE, write_overview
from lib.report.parallel import run_all
from lib.report.parameters import profiles
from lib.report.results import means
from lib.report.runs import Run, plan, summary

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
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Run every combination of the grid, `jobs` at once; a row each with the means it recorded.

    A run with the same notebook, parameters and code is not repeated; one that failed is with
    `retry_failed`. Failed runs have no values, never zeros. Ctrl-C says how many are finished; they
    stay.
    """
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    planned = []  # all of them before the first starts: a mistake must not show after an hour
    for point in points:
        asked = dict(parameters or {}) | point
        runs = plan(notebook, asked, profile=profile, reports=reports)
        sets = [{"DATASET": run.parameters["DATASET"]} if len(runs) > 1 else {} for run in runs]
        planned += [(run, point | extra) for run, extra in zip(runs, sets, strict=True)]
    ended = ("done",) if retry_failed else ("done", "failed")
    waiting = {run.folder: run for run, _ in planned if run.metrics()["status"] not in ended}
    for _ in _shown(list(waiting.values()), len(planned), jobs):
        pass  # the table is made of what they left
    rows = []
    for run, point in planned:
        metrics = run.metrics()
        rows.append({**point, "status": metrics["status"], **means(metrics["results"])})
    return pd.DataFrame(rows)


def report_all(
    profile: str,
    *,
    notebooks: Sequence[str] = (),
    asked: Mapping[str, object] | None = None,
    jobs: int = 2,
    reports: Path = REPORTS,
) -> list[dict]:
    """Run all notebooks that know the profile; a failure does not stop the others.

    `asked` are parameters for each of them, such as the DATASET.

    The page over all runs is written whenever a run has ended. The profile "reference" refreshes
    the small committed results in reports/reference/, and their page, as well; it takes hours, so
    it goes on where it was stopped: what the same notebook, parameters and code have finished is
    not run again.
    """
    known = [name for name, by_profile in profiles().items() if profile in by_profile]
    if not known:
        raise ValueError(f"no notebook has the profile {profile!r} (notebooks/profiles.yaml)")
    planned = [plan(name, asked, profile=profile, reports=reports) for name in notebooks or known]
    runs = list(itertools.chain.from_iterable(planned))
    ended = [run for run in runs if profile == "reference" and run.metrics()["status"] == "done"]
    finished = [(run, run.metrics()) for run in ended]
    waiting = [run for run in runs if run not in ended]
    results = []
    for run, metrics in itertools.chain(finished, _shown(waiting, len(runs), jobs)):
        if profile == "reference" and metrics["status"] == "done":
            try:
                keep_reference(run.folder, REFERENCE / run.notebook.stem / run.folder.name)
                write_overview()
            except (ValueError, RuntimeError) as error:
                metrics["problems"].append(f"not kept in reports/reference: {error}")
        tqdm.write(summary(run, metrics), file=sys.stdout)
        sys.stdout.flush()  # at once, also into a pipe
        write_index(reports)
        results.append(metrics)
    return results


def keep_reference(run: Path, target: Path) -> None:
    """Copy what is small enough to commit: metrics.json, figures and their numbers.

    Raises ValueError for a file near 1 MB.
    """
    figures = sorted((run / "figures").glob("*"))
    files = [run / "metrics.json", *(f for f in figures if f.suffix in KEPT)]
    for file in files:
        if (size := file.stat().st_size) > BIGGEST:
            raise ValueError(f"{file} has {size} bytes, too many to commit; draw it smaller")
    with whole_folder(target) as draft:
        for file in files:
            shutil.copyfile(file, draft / file.name)


def _shown(runs: list[Run], total: int, jobs: int) -> Iterator[tuple[Run, dict]]:
    """The runs as they end, beside a line that says how many there are and what time is left."""
    finished = total - len(runs)
    try:
        with tqdm(total=total, initial=finished, unit="run", disable=None) as bar:
            for run, metrics in run_all(runs, jobs):
                finished += 1
                bar.update()
                yield run, metrics
    except KeyboardInterrupt as stop:
        says = f"stopped; {finished} of {total} runs are finished and stay"
        raise KeyboardInterrupt(says) from stop
