"""`python -m tests.bench_sweep`: a sweep beside one papermill call a point, same notebook, same
results, wall time.

No test: what it prints depends on the machine and on what else runs there. Both sides are timed in
turn, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib.files import REPORTS
from lib.report.parameters import find_notebook

GRID = {"SEED": [0, 1, 2, 3], "K": [5, 10, 20]}


def main() -> None:
    """Time both sides over the grid, one papermill call after the other, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebook", default="00_quickstart")
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        swept = [
            sys.executable,
            "-c",
            SWEEP,
            options.notebook,
            str(options.rows),
            str(options.jobs),
            json.dumps(GRID),
        ]
        timed(swept, Path(folder) / "warm", "the cache is warmed")
        papermill, ours = (
            one_by_one(options, Path(folder) / "papermill"),
            timed(swept, Path(folder) / "sweep", "sweep"),
        )
        points = len(ours[1])
        assert papermill[1] == ours[1], "the two sides recorded other results"
    print(f"{points} points, results equal: papermill {papermill[0]:.1f} s, sweep {ours[0]:.1f} s:")
    print(f"{ours[0] / papermill[0]:.0%}")


SWEEP = """
import json, sys
from pathlib import Path
from lib.report.sweep import sweep
if __name__ == "__main__":
    notebook, rows, jobs, grid, folder = sys.argv[1:]
    asked = {"ROWS": int(rows)}
    sweep(notebook, json.loads(grid), parameters=asked, jobs=int(jobs), reports=Path(folder))
"""


def timed(command: list[str], folder: Path, says: str) -> tuple[float, dict]:
    """Seconds of one command that leaves runs in the folder, and what the runs recorded."""
    start = time.perf_counter()
    subprocess.run([*command, str(folder)], check=True)
    seconds = time.perf_counter() - start
    print(f"{says}: {seconds:.1f} s", flush=True)
    found = {}
    for file in sorted(folder.glob("*/*/*/metrics.json")):
        metrics = json.loads(file.read_text())
        found[tuple(metrics["parameters"][name] for name in GRID)] = metrics["results"]
    return seconds, found


def one_by_one(options: argparse.Namespace, folder: Path) -> tuple[float, dict]:
    """Seconds of a papermill command for each point in turn, and what the runs recorded."""
    seconds, found = 0.0, {}
    for point in itertools.product(*GRID.values()):
        run = folder / "_".join(map(str, point))
        run.mkdir(parents=True)
        values = {"ROWS": options.rows, **dict(zip(GRID, point, strict=True))}
        asked = [word for name, value in values.items() for word in ("-p", name, str(value))]
        command = [
            str(Path(sys.executable).with_name("papermill")),
            str(find_notebook(options.notebook)),
            str(run / "o.ipynb"),
        ]
        start = time.perf_counter()
        quiet = ["-k", "python3", "--log-level", "ERROR", "--no-progress-bar"]
        environ = os.environ | {"AKIN_RUN": str(run)}
        subprocess.run([*command, *asked, *quiet], check=True, env=environ)
        seconds += time.perf_counter() - start
        found[point] = json.loads((run / "recorded.json").read_text())["results"]
    print(f"papermill: {seconds:.1f} s", flush=True)
    return seconds, found


if __name__ == "__main__":
    assert REPORTS.exists()
    main()
