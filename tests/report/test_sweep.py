"""Grids of runs: every point is run once, done ones are skipped, failed ones have no values, a
stopped sweep goes on.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from lib.files import ROOT
from lib.report import sweep as module
from lib.report.results import means
from lib.report.runs import DIED, Run
from lib.report.sweep import keep_reference, sweep
from tests.report.runs import run_one, write_notebook

WORK = """
import time
from pathlib import Path
import lib.report
assert not hasattr(lib, "left_behind"), "a run saw another's state"
lib.left_behind = N
folder = Path(FOLDER)
with open(folder / "log", "a") as log:
    log.write(f"{N} ")
while N >= 3 and (folder / "hold").exists():
    time.sleep(0.05)
if N == 2 and not (folder / "mended").exists():
    raise ValueError("two is refused")
lib.report.record(task={"method": {"m": {"mean": float(N)}}})
"""

ENDED = {"status": "done", "seconds": 1.0, "error": None, "problems": []}


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "toy.ipynb", WORK, parameters="N = 0\nFOLDER = ''")


def started(tmp_path):
    """The points that began, in order of their numbers."""
    return sorted((tmp_path / "log").read_text().split())


def test_grid_runs_every_point_and_skips_what_has_ended(notebook, tmp_path):
    settings = {"parameters": {"FOLDER": str(tmp_path)}, "reports": tmp_path / "reports", "jobs": 2}
    table = sweep(notebook, {"N": [1, 2, 0]}, **settings)
    assert table["N"].tolist() == [1, 2, 0]
    assert table["status"].tolist() == ["done", "failed", "done"]
    values = table["task/method/m"]
    assert values[0] == 1.0
    assert values.isna()[1]  # a failed run has no value, not a zero
    assert started(tmp_path) == ["0", "1", "2"]

    (tmp_path / "mended").touch()
    pd.testing.assert_frame_equal(
        sweep(notebook, {"N": [1, 2, 0]}, **settings), table
    )  # not even the failed one
    again = sweep(notebook, {"N": [1, 2, 0]}, retry_failed=True, **settings)
    assert again["status"].tolist() == ["done"] * 3
    assert started(tmp_path) == ["0", "1", "2", "2"]


def test_a_sweep_gives_what_a_single_run_gives(notebook, tmp_path):
    settings = {"reports": tmp_path / "reports"}
    _, single = run_one(notebook, {"FOLDER": str(tmp_path), "N": 1}, name="single", **settings)
    sweep(notebook, {"N": [1]}, parameters={"FOLDER": str(tmp_path)}, **settings)
    (path,) = (tmp_path / "reports").glob("default*/toy/none/metrics.json")
    swept = json.loads(path.read_text())
    unlike = {"seconds"}
    assert {k: v for k, v in swept.items() if k not in unlike} == {
        k: v for k, v in single.items() if k not in unlike
    }


def test_a_run_whose_process_is_killed_is_said_so_and_the_others_go_on(tmp_path):
    work = "import os, signal\nif N == 1:\n    os.kill(os.getppid(), signal.SIGKILL)"
    notebook = write_notebook(tmp_path / "killer.ipynb", work, parameters="N = 0")
    table = sweep(notebook, {"N": [0, 1, 2]}, reports=tmp_path / "reports", jobs=2)
    assert table["status"].tolist() == ["done", "died", "done"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_a_sweep_stopped_half_way_goes_on_and_ends_with_the_whole_table(notebook, tmp_path, number):
    (tmp_path / "hold").touch()  # points 3 and 4 wait for it to go
    command = [
        sys.executable,
        "-m",
        "lib",
        "sweep",
        str(notebook),
        "-p",
        f"FOLDER={tmp_path}",
        "--grid",
        "N=1,3,4",
        "--jobs",
        "2",
    ]
    environ = os.environ | {"AKIN_REPORTS": str(tmp_path / "stopped")}
    process = subprocess.Popen(
        command, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # tests run in the background are deaf to it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_for(lambda: (tmp_path / "log").exists() and len(started(tmp_path)) == 3)
    family = children(process.pid)
    # as a terminal sends it: to the whole group
    os.killpg(process.pid, number) if number == signal.SIGINT else os.kill(process.pid, number)
    said = process.communicate(timeout=300)[1]
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "akin: stopped; 1 of 3 runs are finished and stay" in said
        assert "Traceback" not in said
    kept = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / "stopped").glob("*/toy/none/metrics.json")
    }
    assert len(kept) == 1

    (tmp_path / "hold").unlink()
    settings = {"parameters": {"FOLDER": str(tmp_path)}, "jobs": 2}
    continued = sweep(notebook, {"N": [1, 3, 4]}, reports=tmp_path / "stopped", **settings)
    assert continued["N"].tolist() == [1, 3, 4]
    assert continued["status"].tolist() == ["done"] * 3
    assert continued["task/method/m"].tolist() == [1.0, 3.0, 4.0]
    assert {
        path: path.stat().st_mtime_ns for path in kept
    } == kept  # finished ones were not touched
    assert not list((tmp_path / "stopped").glob("*/toy/.*"))  # no drafts


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def children(pid):
    """Every process below this one, by /proc; a zombie's parent may be gone, so ask all now."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, _, rest = stat.read_text().partition(" (")
            parents[int(number)] = int(rest.rpartition(") ")[2].split()[1])
    found, level = set(), {pid}
    while level := {p for p, parent in parents.items() if parent in level} - found:
        found |= level
    return found


@pytest.mark.parametrize(
    ("grid", "settings", "message"),
    [
        ({"N": [1, "three"]}, {}, "N is int"),
        ({"M": [1]}, {}, "no parameter 'M'"),
        ({"N": [1]}, {"jobs": 0}, "jobs=0"),
    ],
)
def test_a_mistake_in_the_last_point_is_found_before_the_first_run(
    notebook, tmp_path, grid, settings, message
):
    with pytest.raises(ValueError, match=message):
        sweep(notebook, grid, reports=tmp_path / "reports", **settings)
    assert not (tmp_path / "reports").exists()


def test_means_walk_nested_results():
    results = {"task": {"method": {"m@1": {"mean": 0.5, "low": 0.4}}, "rows": 3}, "note": "x"}
    assert means(results) == {"task/method/m@1": 0.5}


def test_keep_reference_refuses_what_is_too_big_and_keeps_the_old(tmp_path, monkeypatch):
    run, target = tmp_path / "run", tmp_path / "reference"
    (run / "figures").mkdir(parents=True)
    (run / "metrics.json").write_text("{}")
    (run / "figures" / "a.svg").write_text("<svg/>")
    keep_reference(run, target)
    assert sorted(p.name for p in target.glob("[!.]*")) == ["a.svg", "metrics.json"]
    monkeypatch.setattr(module, "BIGGEST", 3)
    with pytest.raises(ValueError, match="too many to commit"):
        keep_reference(run, target)
    assert sorted(p.name for p in target.glob("[!.]*")) == ["a.svg", "metrics.json"]


def test_what_cannot_be_kept_is_said_and_stops_no_other_run(tmp_path, monkeypatch, capsys):
    planned = []
    for name in ("a", "b"):
        folder = tmp_path / "run" / name / "none"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text("{}")
        planned.append(Run(Path(f"{name}.ipynb"), {}, {}, "reference", folder, "key"))
    monkeypatch.setattr(module, "REFERENCE", tmp_path / "reference")
    monkeypatch.setattr(module, "BIGGEST", 1)
    monkeypatch.setattr(module, "plan", lambda name, asked, **options: [planned["ab".index(name)]])
    monkeypatch.setattr(module, "write_index", lambda reports: None)
    monkeypatch.setattr(
        module, "run_all", lambda runs, jobs: ((run, ENDED | {"problems": []}) for run in runs)
    )
    assert len(module.report_all("reference", notebooks=["a", "b"], reports=tmp_path)) == 2
    assert capsys.readouterr().out.count("not kept in reports/reference") == 2


def test_the_reference_profile_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    planned, started = [], []
    for name, left in (("a", "key"), ("b", "older code's"), ("c", None)):
        folder = tmp_path / "run" / name / "none"
        folder.mkdir(parents=True)
        if left:
            (folder / "metrics.json").write_text(json.dumps({"key": left, **ENDED}))
        planned.append(Run(Path(f"{name}.ipynb"), {}, {}, "reference", folder, "key"))

    def run_all(runs, jobs):
        started.extend(run.notebook.stem for run in runs)
        return ((run, DIED) for run in runs)

    monkeypatch.setattr(module, "REFERENCE", tmp_path / "reference")
    monkeypatch.setattr(module, "plan", lambda name, asked, **options: [planned["abc".index(name)]])
    monkeypatch.setattr(module, "write_index", lambda reports: None)
    monkeypatch.setattr(module, "write_overview", lambda: None)
    monkeypatch.setattr(module, "run_all", run_all)
    metrics = module.report_all("reference", notebooks=["a", "b", "c"], reports=tmp_path)
    assert started == ["b", "c"]
    assert [m["status"] for m in metrics] == ["done", "died", "died"]
    assert (tmp_path / "reference" / "a" / "none" / "metrics.json").exists()  # it may lack there


def test_an_unknown_profile_or_notebook_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(module, "run_all", lambda *a: pytest.fail("a notebook was run"))
    with pytest.raises(ValueError, match="no notebook has the profile 'refrence'"):
        module.report_all("refrence")
    with pytest.raises(FileNotFoundError, match="did you mean '01_catalogue'"):
        module.report_all("small", notebooks=["00_quickstart", "01_catalog"])
